#include "checkout/app/stored.h"

#include "stored_form.h"

#include <assert.h>
#include <string.h>

/* Elapsed time wraps around rather than overflows: any two instants can be told. */
static int64_t elapsed(int64_t from, int64_t to)
{
	return (int64_t)((uint64_t)to - (uint64_t)from);
}

static void method_texts(const struct co_change *change, struct co_view texts[STORED_METHOD_TEXTS])
{
	texts[0] = change->intent_id;
	texts[1] = change->method_family;
	texts[2] = change->method_type;
	texts[3] = change->method_brand;
	texts[4] = change->processor;
}

/* Into a piece of the arena that is large enough for any outcome, computed first. */

static size_t text_bytes_max(struct co_view text)
{
	return STORED_VARINT_BYTES_MAX + text.len;
}

static size_t bytes_max(const struct co_session *session)
{
	size_t bytes = 3 + 32 + text_bytes_max(session->namespace_name) + text_bytes_max(session->reference_id) + 3 +
				   session->mode_count + 7 * STORED_VARINT_BYTES_MAX;

	for (size_t i = 0; i < session->metadata_count; i++)
		bytes += text_bytes_max(session->metadata[i].key) + text_bytes_max(session->metadata[i].value);
	for (size_t i = 0; i < session->change_count; i++) {
		struct co_view texts[STORED_METHOD_TEXTS];

		method_texts(&session->changes[i], texts);
		bytes += 3 + 2 * STORED_VARINT_BYTES_MAX + text_bytes_max(session->changes[i].reason);
		for (size_t k = 0; k < STORED_METHOD_TEXTS; k++)
			bytes += text_bytes_max(texts[k]);
	}
	for (size_t i = 0; i < session->memory_count; i++) {
		const struct co_verdict *verdict = session->memory[i].verdict;

		bytes += 1 + 32 + STORED_VARINT_BYTES_MAX;
		if (verdict->problem != CO_PROBLEM_NONE)
			bytes += 3 * STORED_VARINT_BYTES_MAX + (size_t)verdict->violation_count * (3 * STORED_VARINT_BYTES_MAX + 8);
	}
	return bytes;
}

static uint8_t *put_byte(uint8_t *at, unsigned byte)
{
	*at = (uint8_t)byte;
	return at + 1;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t count)
{
	if (count > 0)
		memcpy(at, bytes, count);
	return at + count;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	while (number > 127) {
		*at++ = (uint8_t)(number | 128);
		number >>= 7;
	}
	*at++ = (uint8_t)number;
	return at;
}

static uint8_t *put_signed(uint8_t *at, int64_t number)
{
	return put_number(at, (uint64_t)number << 1 ^ (number < 0 ? UINT64_MAX : 0));
}

static uint8_t *put_text(uint8_t *at, struct co_view text)
{
	return put_bytes(put_number(at, text.len), text.ptr, text.len);
}

static unsigned flags_of(const struct co_session *session)
{
	unsigned flags = 0;

	if (session->capture)
		flags |= STORED_FLAG_CAPTURE;
	if (!co_view_eq(session->namespace_name, CO_VIEW("default")))
		flags |= STORED_FLAG_NAMESPACE;
	if (session->reference_id.ptr)
		flags |= STORED_FLAG_REFERENCE;
	if (memcmp(session->currency, "USD", 3) != 0)
		flags |= STORED_FLAG_CURRENCY;
	if (co_stored_has_own_modes(session))
		flags |= STORED_FLAG_MODES;
	if (session->metadata_count > 0)
		flags |= STORED_FLAG_METADATA;
	return flags;
}

static uint8_t *put_facts(uint8_t *at, const struct co_session *session)
{
	unsigned flags = flags_of(session);

	at = put_byte(at, flags);
	at = put_bytes(at, session->id.bytes, sizeof session->id.bytes);
	at = put_bytes(at, session->merchant_id.bytes, sizeof session->merchant_id.bytes);
	if (flags & STORED_FLAG_NAMESPACE)
		at = put_text(at, session->namespace_name);
	if (flags & STORED_FLAG_REFERENCE)
		at = put_text(at, session->reference_id);
	at = put_number(at, (uint64_t)session->amount);
	if (flags & STORED_FLAG_CURRENCY)
		at = put_bytes(at, session->currency, 3);
	if (flags & STORED_FLAG_MODES) {
		at = put_number(at, session->mode_count);
		at = put_bytes(at, session->modes, session->mode_count);
	}
	if (flags & STORED_FLAG_METADATA) {
		at = put_number(at, session->metadata_count);
		for (size_t i = 0; i < session->metadata_count; i++) {
			at = put_text(at, session->metadata[i].key);
			at = put_text(at, session->metadata[i].value);
		}
	}
	at = put_signed(at, session->created_ms);
	return put_signed(at, elapsed(session->created_ms, session->expires_ms));
}

static uint8_t *put_change(uint8_t *at, const struct co_change *change, int64_t before_ms)
{
	struct co_view texts[STORED_METHOD_TEXTS];
	unsigned present = 0;
	unsigned flags = 0;

	method_texts(change, texts);
	for (unsigned k = 0; k < STORED_METHOD_TEXTS; k++)
		present |= texts[k].ptr ? 1u << k : 0;
	if (change->captured_amount != 0)
		flags |= STORED_CHANGE_CAPTURED;
	if (change->reason.ptr)
		flags |= STORED_CHANGE_REASON;
	if (present)
		flags |= STORED_CHANGE_METHOD;
	at = put_byte(at, (unsigned)change->event | (unsigned)change->status << 4);
	at = put_byte(at, (unsigned)change->payment | flags);
	at = put_signed(at, elapsed(before_ms, change->at_ms));
	if (flags & STORED_CHANGE_CAPTURED)
		at = put_number(at, (uint64_t)change->captured_amount);
	if (flags & STORED_CHANGE_REASON)
		at = put_text(at, change->reason);
	if (flags & STORED_CHANGE_METHOD) {
		at = put_byte(at, present);
		for (unsigned k = 0; k < STORED_METHOD_TEXTS; k++) {
			if (texts[k].ptr)
				at = put_text(at, texts[k]);
		}
	}
	return at;
}

static uint8_t *put_violation(uint8_t *at, const struct co_violation *violation)
{
	at = put_number(at, (uint64_t)violation->rule);
	at = put_number(at, (uint64_t)violation->place << 1 | (violation->key_hash != 0));
	at = put_number(at, violation->index);
	for (unsigned shift = 0; violation->key_hash != 0 && shift < 64; shift += 8)
		at = put_byte(at, violation->key_hash >> shift & 255);
	return at;
}

static uint8_t *put_memory(uint8_t *at, const struct co_memory *memory)
{
	const struct co_verdict *verdict = memory->verdict;

	at = put_byte(at, (unsigned)memory->kind | (unsigned)verdict->problem << 4);
	at = put_bytes(at, memory->identity.bytes, sizeof memory->identity.bytes);
	at = put_bytes(at, memory->content.bytes, sizeof memory->content.bytes);
	at = put_number(at, verdict->version);
	if (verdict->problem == CO_PROBLEM_NONE)
		return at;
	at = put_number(at, (uint64_t)verdict->code);
	if (verdict->problem == CO_PROBLEM_RULE)
		at = put_number(at, (uint64_t)verdict->rule);
	at = put_number(at, verdict->violation_count);
	for (size_t i = 0; i < verdict->violation_count; i++)
		at = put_violation(at, &verdict->violations[i]);
	return at;
}

struct co_view co_stored_write(const struct co_session *session, struct co_arena *arena)
{
	size_t room = bytes_max(session);
	uint8_t *bytes = co_arena_alloc(arena, room);
	uint8_t *at = bytes;
	int64_t before_ms = session->created_ms;

	assert(session->change_count >= 1 && session->change_count <= CO_CHANGES_MAX);
	assert(session->memory_count <= CO_MEMORY_MAX && session->metadata_count <= CO_METADATA_MAX);
	at = put_byte(at, co_session_status_is_terminal(session->changes[session->change_count - 1].status) ? 'E' : 'L');
	at = put_byte(at, STORED_FORMAT);
	at = put_facts(at, session);
	at = put_number(at, session->change_count);
	for (size_t i = 0; i < session->change_count; i++) {
		at = put_change(at, &session->changes[i], before_ms);
		before_ms = session->changes[i].at_ms;
	}
	at = put_number(at, session->memory_count);
	for (size_t i = 0; i < session->memory_count; i++)
		at = put_memory(at, &session->memory[i]);
	assert((size_t)(at - bytes) <= room);
	return co_view_make((const char *)bytes, (size_t)(at - bytes));
}
