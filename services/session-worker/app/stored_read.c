#include "checkout/app/stored.h"

#include "stored_form.h"

#include <string.h>

static const uint8_t payment_alone[] = {CO_MODE_PAYMENT};

static int64_t later(int64_t from, int64_t by)
{
	return (int64_t)((uint64_t)from + (uint64_t)by);
}

/* One cursor that remembers that something was wrong and yields harmless values from then on. */

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static size_t left_of(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

static const uint8_t *get_bytes(struct cursor *cursor, size_t count)
{
	const uint8_t *bytes = cursor->at;

	if (cursor->bad || left_of(cursor) < count) {
		cursor->bad = true;
		return NULL;
	}
	cursor->at += count;
	return bytes;
}

static unsigned get_byte(struct cursor *cursor)
{
	const uint8_t *byte = get_bytes(cursor, 1);

	return byte ? *byte : 0;
}

static void get_fixed(struct cursor *cursor, void *out, size_t count)
{
	const uint8_t *bytes = get_bytes(cursor, count);

	if (bytes)
		memcpy(out, bytes, count);
	else
		memset(out, 0, count);
}

static uint64_t get_number(struct cursor *cursor)
{
	uint64_t number = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned byte = get_byte(cursor);

		/* The tenth byte holds one bit; a last byte of 0 behind others is a longer form than needed. */
		if ((shift == 63 && byte > 1) || (shift > 0 && byte == 0))
			break;
		number |= (uint64_t)(byte & 127) << shift;
		if (byte < 128)
			return number;
	}
	cursor->bad = true;
	return 0;
}

static int64_t get_signed(struct cursor *cursor)
{
	uint64_t number = get_number(cursor);

	return (int64_t)(number >> 1 ^ (number & 1 ? UINT64_MAX : 0));
}

/* Up to `max`, inclusive; anything above is wrong. */
static uint64_t get_upto(struct cursor *cursor, uint64_t max)
{
	uint64_t number = get_number(cursor);

	if (number > max) {
		cursor->bad = true;
		return 0;
	}
	return number;
}

static void check(struct cursor *cursor, bool holds)
{
	if (!holds)
		cursor->bad = true;
}

/* Texts go into JSON and come back from it (`state`): UTF-8 without NULs, as the commands that they came from. */
static struct co_view get_text(struct cursor *cursor)
{
	size_t length = (size_t)get_upto(cursor, left_of(cursor));
	const uint8_t *bytes = get_bytes(cursor, length);
	struct co_view text = bytes ? co_view_make((const char *)bytes, length) : CO_VIEW("");

	check(cursor, co_view_is_utf8(text) && !memchr(text.ptr, 0, text.len));
	return text;
}

static void get_modes(struct cursor *cursor, unsigned flags, struct co_session *out)
{
	out->mode_count = 1;
	out->modes = payment_alone;
	if (!(flags & STORED_FLAG_MODES))
		return;
	out->mode_count = (size_t)get_upto(cursor, left_of(cursor));
	out->modes = get_bytes(cursor, out->mode_count);
	if (cursor->bad)
		return;
	for (size_t i = 0; i < out->mode_count; i++)
		check(cursor, out->modes[i] < CO_MODE_COUNT);
	check(cursor, co_stored_has_own_modes(out));
}

static void get_metadata(struct cursor *cursor, unsigned flags, struct co_arena *arena, struct co_session *out)
{
	struct co_metadata *metadata;

	out->metadata_count = 0;
	out->metadata = NULL;
	if (!(flags & STORED_FLAG_METADATA))
		return;
	out->metadata_count = (size_t)get_upto(cursor, CO_METADATA_MAX);
	check(cursor, out->metadata_count > 0);
	metadata = co_arena_alloc(arena, out->metadata_count * sizeof *metadata);
	for (size_t i = 0; i < out->metadata_count && !cursor->bad; i++) {
		metadata[i].key = get_text(cursor);
		metadata[i].value = get_text(cursor);
		for (size_t k = 0; k < i; k++)
			check(cursor, !co_view_eq(metadata[k].key, metadata[i].key));
	}
	out->metadata = metadata;
}

static void get_currency(struct cursor *cursor, unsigned flags, struct co_session *out)
{
	memcpy(out->currency, "USD", 4);
	if (!(flags & STORED_FLAG_CURRENCY))
		return;
	get_fixed(cursor, out->currency, 3);
	for (size_t i = 0; i < 3; i++)
		check(cursor, out->currency[i] >= 'A' && out->currency[i] <= 'Z');
	check(cursor, memcmp(out->currency, "USD", 3) != 0);
}

static void get_facts(struct cursor *cursor, struct co_arena *arena, struct co_session *out)
{
	unsigned flags = get_byte(cursor);

	check(cursor, flags <= STORED_FLAGS_ALL);
	out->capture = flags & STORED_FLAG_CAPTURE;
	get_fixed(cursor, out->id.bytes, sizeof out->id.bytes);
	get_fixed(cursor, out->merchant_id.bytes, sizeof out->merchant_id.bytes);
	out->namespace_name = CO_VIEW("default");
	if (flags & STORED_FLAG_NAMESPACE) {
		out->namespace_name = get_text(cursor);
		check(cursor, !co_view_eq(out->namespace_name, CO_VIEW("default")));
	}
	out->reference_id = flags & STORED_FLAG_REFERENCE ? get_text(cursor) : co_view_make(NULL, 0);
	out->amount = (int64_t)get_upto(cursor, INT64_MAX);
	get_currency(cursor, flags, out);
	get_modes(cursor, flags, out);
	get_metadata(cursor, flags, arena, out);
	out->created_ms = get_signed(cursor);
	out->expires_ms = later(out->created_ms, get_signed(cursor));
}

static struct co_view get_text_if(struct cursor *cursor, unsigned present)
{
	return present ? get_text(cursor) : co_view_make(NULL, 0);
}

static void get_change(struct cursor *cursor, int64_t before_ms, struct co_change *out)
{
	unsigned first = get_byte(cursor);
	unsigned second = get_byte(cursor);
	unsigned flags = second & ~15u;
	unsigned present = 0;

	check(cursor, (first & 15) < CO_EVENT_COUNT && first >> 4 < CO_SESSION_STATUS_COUNT);
	check(cursor, (second & 15) < CO_PAYMENT_STATUS_COUNT && (flags & ~(unsigned)STORED_CHANGE_ALL) == 0);
	out->event = (enum co_event_kind)(first & 15);
	out->status = (enum co_session_status)(first >> 4);
	out->payment = (enum co_payment_status)(second & 15);
	out->at_ms = later(before_ms, get_signed(cursor));
	out->captured_amount = 0;
	if (flags & STORED_CHANGE_CAPTURED) {
		out->captured_amount = (int64_t)get_upto(cursor, INT64_MAX);
		check(cursor, out->captured_amount != 0);
	}
	out->reason = get_text_if(cursor, flags & STORED_CHANGE_REASON);
	if (flags & STORED_CHANGE_METHOD) {
		present = get_byte(cursor);
		check(cursor, present != 0 && present <= STORED_METHOD_ALL);
	}
	out->intent_id = get_text_if(cursor, present & 1);
	out->method_family = get_text_if(cursor, present & 2);
	out->method_type = get_text_if(cursor, present & 4);
	out->method_brand = get_text_if(cursor, present & 8);
	out->processor = get_text_if(cursor, present & 16);
}

static void get_changes(struct cursor *cursor, struct co_session *out)
{
	int64_t before_ms = out->created_ms;

	out->change_count = (size_t)get_upto(cursor, CO_CHANGES_MAX);
	check(cursor, out->change_count > 0);
	for (size_t i = 0; i < out->change_count && !cursor->bad; i++) {
		get_change(cursor, before_ms, &out->changes[i]);
		before_ms = out->changes[i].at_ms;
	}
}

static void get_violation(struct cursor *cursor, struct co_violation *out)
{
	uint64_t place;

	out->rule = (enum co_rule)get_upto(cursor, CO_RULE_COUNT - 1);
	place = get_upto(cursor, (uint64_t)(CO_PLACE_COUNT - 1) << 1 | 1);
	out->place = (enum co_place)(place >> 1);
	out->index = (uint32_t)get_upto(cursor, UINT32_MAX);
	out->key = co_view_make(NULL, 0);
	out->key_hash = 0;
	if (place & 1) {
		for (unsigned shift = 0; shift < 64; shift += 8)
			out->key_hash |= (uint64_t)get_byte(cursor) << shift;
		check(cursor, out->key_hash != 0);
	}
}

/* What the verdict does not say stays 0, so that equal verdicts are equal in every member but unused violations. */
static void get_verdict(struct cursor *cursor, enum co_problem problem, size_t change_count, struct co_verdict *out)
{
	out->problem = problem;
	out->code = (enum co_code)0;
	out->rule = (enum co_rule)0;
	out->violation_count = 0;
	out->brief = false;
	out->version = (uint16_t)get_upto(cursor, change_count);
	if (problem == CO_PROBLEM_NONE)
		return;
	out->code = (enum co_code)get_upto(cursor, CO_CODE_COUNT - 1);
	if (problem == CO_PROBLEM_RULE)
		out->rule = (enum co_rule)get_upto(cursor, CO_RULE_COUNT - 1);
	out->violation_count = (uint16_t)get_upto(cursor, CO_VIOLATIONS_MAX);
	for (size_t i = 0; i < out->violation_count && !cursor->bad; i++)
		get_violation(cursor, &out->violations[i]);
	/* Its detail is the first violation's (section 4, shape). */
	if (problem == CO_PROBLEM_RULE && out->rule == CO_RULE_REQUEST_INVALID)
		check(cursor, out->violation_count > 0);
}

static void get_memory(struct cursor *cursor, struct co_arena *arena, struct co_session *out)
{
	out->memory_count = (size_t)get_upto(cursor, CO_MEMORY_MAX);
	for (size_t i = 0; i < out->memory_count && !cursor->bad; i++) {
		struct co_memory *memory = &out->memory[i];
		unsigned first = get_byte(cursor);

		check(cursor, (first & 15) < CO_COMMAND_COUNT && first >> 4 <= CO_PROBLEM_NOT_COMMAND);
		memory->kind = (enum co_command_kind)(first & 15);
		get_fixed(cursor, memory->identity.bytes, sizeof memory->identity.bytes);
		get_fixed(cursor, memory->content.bytes, sizeof memory->content.bytes);
		if (cursor->bad)
			return;
		/* Not cleared: a verdict has room for 32 violations and most have none. */
		memory->verdict = co_arena_alloc(arena, sizeof *memory->verdict);
		get_verdict(cursor, (enum co_problem)(first >> 4), out->change_count, memory->verdict);
	}
}

enum co_status co_stored_read(struct co_view stored, struct co_arena *arena, struct co_session *out)
{
	struct cursor cursor = {(const uint8_t *)stored.ptr, (const uint8_t *)stored.ptr + stored.len, false};
	unsigned life;
	bool ended;

	if (!stored.ptr)
		return CO_FORMAT;
	life = get_byte(&cursor);
	check(&cursor, life == 'L' || life == 'E');
	check(&cursor, get_byte(&cursor) == STORED_FORMAT);
	get_facts(&cursor, arena, out);
	if (cursor.bad)
		return CO_FORMAT;
	get_changes(&cursor, out);
	if (cursor.bad)
		return CO_FORMAT;
	get_memory(&cursor, arena, out);
	if (cursor.bad || cursor.at != cursor.end)
		return CO_FORMAT;
	ended = co_session_status_is_terminal(out->changes[out->change_count - 1].status);
	return life == (ended ? 'E' : 'L') ? CO_OK : CO_FORMAT;
}
