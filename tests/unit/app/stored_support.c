#include "stored_support.h"

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

static struct co_arena *room; /* where samples are made */
static uint64_t seed;

void sample_begin(struct co_arena *arena)
{
	room = arena;
	seed = UINT64_C(0x9e3779b97f4a7c15);
}

/* xorshift64*: the same sessions in every run. */
static uint64_t any(void)
{
	seed ^= seed >> 12;
	seed ^= seed << 25;
	seed ^= seed >> 27;
	return seed * UINT64_C(0x2545f4914f6cdd1d);
}

size_t sample_below(size_t bound)
{
	return (size_t)((any() >> 11) % bound);
}

static struct co_view any_text(size_t pieces_max)
{
	static const char *const pieces[] = {"a", "Z9", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x9b\x92", "\"\\", "\n", ""};
	struct co_buf text = co_buf_make(room, 16);

	for (size_t i = sample_below(pieces_max + 1); i > 0; i--)
		co_buf_add(&text, co_view_cstr(pieces[sample_below(sizeof pieces / sizeof pieces[0])]));
	return co_buf_view(&text);
}

static struct co_view any_text_or_none(size_t pieces_max)
{
	return sample_below(2) ? any_text(pieces_max) : co_view_make(NULL, 0);
}

void sample_bytes(uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)any();
}

/* Mostly as in life, sometimes at the ends of the range. */
static int64_t any_instant(void)
{
	static const int64_t ends[] = {0, -1, 1, INT64_MAX, INT64_MIN, INT64_MAX - 1};

	if (sample_below(8) == 0)
		return ends[sample_below(sizeof ends / sizeof ends[0])];
	return EPOCH_MS + (int64_t)sample_below(100000000);
}

static int64_t any_amount(void)
{
	static const int64_t ends[] = {0, 1, 127, 128, 16383, 16384, 99999999, INT64_MAX};

	return sample_below(2) ? ends[sample_below(sizeof ends / sizeof ends[0])] : (int64_t)sample_below(100000000);
}

static void any_change(struct co_change *change)
{
	*change = (struct co_change){
		.event = (enum co_event_kind)sample_below(CO_EVENT_COUNT),
		.at_ms = any_instant(),
		.status = (enum co_session_status)sample_below(CO_SESSION_STATUS_COUNT),
		.payment = (enum co_payment_status)sample_below(CO_PAYMENT_STATUS_COUNT),
		.captured_amount = any_amount(),
		.reason = any_text_or_none(200),
	};
	if (sample_below(2)) {
		change->intent_id = any_text_or_none(20);
		change->method_family = any_text_or_none(10);
		change->method_type = any_text_or_none(10);
		change->method_brand = any_text_or_none(10);
		change->processor = any_text_or_none(10);
	}
}

static void any_verdict(struct co_verdict *verdict, size_t change_count)
{
	memset(verdict, 0, sizeof *verdict);
	verdict->problem = (enum co_problem)sample_below(CO_PROBLEM_NOT_COMMAND + 1);
	verdict->version = (uint16_t)sample_below(change_count + 1);
	if (verdict->problem == CO_PROBLEM_NONE)
		return;
	verdict->code = (enum co_code)sample_below(CO_CODE_COUNT);
	if (verdict->problem != CO_PROBLEM_RULE)
		return;
	verdict->rule = (enum co_rule)sample_below(CO_RULE_COUNT);
	verdict->violation_count = (uint16_t)sample_below(CO_VIOLATIONS_MAX + 1);
	if (verdict->rule == CO_RULE_REQUEST_INVALID && verdict->violation_count == 0)
		verdict->violation_count = 1;
	for (size_t i = 0; i < verdict->violation_count; i++) {
		verdict->violations[i].rule = (enum co_rule)sample_below(CO_RULE_COUNT);
		verdict->violations[i].place = (enum co_place)sample_below(CO_PLACE_COUNT);
		verdict->violations[i].index = sample_below(4) ? (uint32_t)sample_below(40) : UINT32_MAX;
		verdict->violations[i].key_hash = sample_below(3) ? 0 : any();
	}
}

void sample_session(struct co_session *session)
{
	static const char *const currencies[] = {"USD", "EUR", "AAA", "ZZZ"};
	struct co_metadata *metadata;
	uint8_t *modes;

	memset(session, 0, sizeof *session);
	sample_bytes(session->id.bytes, sizeof session->id.bytes);
	sample_bytes(session->merchant_id.bytes, sizeof session->merchant_id.bytes);
	session->namespace_name = sample_below(2) ? CO_VIEW("default") : any_text(64);
	session->reference_id = any_text_or_none(64);
	session->amount = any_amount();
	memcpy(session->currency, currencies[sample_below(4)], 4);
	session->capture = sample_below(2);
	session->mode_count = sample_below(4) ? sample_below(4) : sample_below(300);
	modes = co_arena_alloc(room, session->mode_count);
	for (size_t i = 0; i < session->mode_count; i++)
		modes[i] = (uint8_t)sample_below(CO_MODE_COUNT);
	session->modes = modes;
	session->metadata_count = sample_below(2) ? 0 : sample_below(CO_METADATA_MAX + 1);
	metadata = CO_NEW_ARRAY(room, struct co_metadata, session->metadata_count);
	for (size_t i = 0; i < session->metadata_count; i++) {
		struct co_buf key = co_buf_make(room, 64);

		co_buf_add(&key, any_text(40));
		co_buf_add_byte(&key, (char)('a' + i)); /* the last character tells any two apart */
		metadata[i] = (struct co_metadata){co_buf_view(&key), any_text(100)};
	}
	session->metadata = metadata;
	session->created_ms = any_instant();
	session->expires_ms = any_instant();
	session->change_count = 1 + sample_below(CO_CHANGES_MAX);
	for (size_t i = 0; i < session->change_count; i++)
		any_change(&session->changes[i]);
	session->memory_count = sample_below(4) ? sample_below(4) : sample_below(CO_MEMORY_MAX + 1);
	for (size_t i = 0; i < session->memory_count; i++) {
		struct co_memory *memory = &session->memory[i];

		sample_bytes(memory->identity.bytes, sizeof memory->identity.bytes);
		sample_bytes(memory->content.bytes, sizeof memory->content.bytes);
		memory->kind = (enum co_command_kind)sample_below(CO_COMMAND_COUNT);
		memory->verdict = co_arena_alloc(room, sizeof *memory->verdict);
		any_verdict(memory->verdict, session->change_count);
	}
}

/* co_view_eq may take an absent view for an empty one; here they differ. */
static void assert_same_text(struct co_view a, struct co_view b)
{
	assert_int_equal(a.ptr == NULL, b.ptr == NULL);
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.ptr, b.ptr, a.len);
}

static void assert_same_change(const struct co_change *a, const struct co_change *b)
{
	assert_int_equal(a->event, b->event);
	assert_int_equal(a->at_ms, b->at_ms);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->payment, b->payment);
	assert_int_equal(a->captured_amount, b->captured_amount);
	assert_same_text(a->intent_id, b->intent_id);
	assert_same_text(a->method_family, b->method_family);
	assert_same_text(a->method_type, b->method_type);
	assert_same_text(a->method_brand, b->method_brand);
	assert_same_text(a->processor, b->processor);
	assert_same_text(a->reason, b->reason);
}

static void assert_same_memory(const struct co_memory *a, const struct co_memory *b)
{
	assert_memory_equal(&a->identity, &b->identity, sizeof a->identity);
	assert_memory_equal(&a->content, &b->content, sizeof a->content);
	assert_int_equal(a->kind, b->kind);
	assert_int_equal(a->verdict->problem, b->verdict->problem);
	assert_int_equal(a->verdict->code, b->verdict->code);
	assert_int_equal(a->verdict->rule, b->verdict->rule);
	assert_int_equal(a->verdict->version, b->verdict->version);
	assert_int_equal(a->verdict->violation_count, b->verdict->violation_count);
	for (size_t i = 0; i < a->verdict->violation_count; i++) {
		assert_int_equal(a->verdict->violations[i].rule, b->verdict->violations[i].rule);
		assert_int_equal(a->verdict->violations[i].place, b->verdict->violations[i].place);
		assert_int_equal(a->verdict->violations[i].index, b->verdict->violations[i].index);
		assert_int_equal(a->verdict->violations[i].key_hash, b->verdict->violations[i].key_hash);
		assert_null(b->verdict->violations[i].key.ptr);
	}
}

void assert_same_session(const struct co_session *a, const struct co_session *b)
{
	assert_memory_equal(&a->id, &b->id, sizeof a->id);
	assert_memory_equal(&a->merchant_id, &b->merchant_id, sizeof a->merchant_id);
	assert_same_text(a->namespace_name, b->namespace_name);
	assert_same_text(a->reference_id, b->reference_id);
	assert_int_equal(a->amount, b->amount);
	assert_string_equal(a->currency, b->currency);
	assert_int_equal(a->capture, b->capture);
	assert_int_equal(a->mode_count, b->mode_count);
	if (a->mode_count > 0)
		assert_memory_equal(a->modes, b->modes, a->mode_count);
	assert_int_equal(a->metadata_count, b->metadata_count);
	for (size_t i = 0; i < a->metadata_count; i++) {
		assert_same_text(a->metadata[i].key, b->metadata[i].key);
		assert_same_text(a->metadata[i].value, b->metadata[i].value);
	}
	assert_int_equal(a->created_ms, b->created_ms);
	assert_int_equal(a->expires_ms, b->expires_ms);
	assert_int_equal(a->change_count, b->change_count);
	for (size_t i = 0; i < a->change_count; i++)
		assert_same_change(&a->changes[i], &b->changes[i]);
	assert_int_equal(a->memory_count, b->memory_count);
	for (size_t i = 0; i < a->memory_count; i++)
		assert_same_memory(&a->memory[i], &b->memory[i]);
}
