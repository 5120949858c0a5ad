#include "checkout/domain/session.h"

#include <assert.h>

#include "checkout/domain/transitions.h"

static void take(struct co_view *into, struct co_view from)
{
	if (from.ptr)
		*into = from;
}

static void fold(struct co_state *state, const struct co_change *change)
{
	state->status = change->status;
	state->payment = change->payment;
	state->updated_ms = change->at_ms;
	if (change->captured_amount)
		state->captured_amount = change->captured_amount;
	take(&state->intent_id, change->intent_id);
	take(&state->method_family, change->method_family);
	take(&state->method_type, change->method_type);
	take(&state->method_brand, change->method_brand);
	take(&state->processor, change->processor);
	take(&state->reason, change->reason);
	state->version++;
}

struct co_state co_session_at(const struct co_session *session, uint16_t version)
{
	struct co_state state = {.version = 0};

	assert(version >= 1 && version <= session->change_count);
	for (size_t i = 0; i < version; i++)
		fold(&state, &session->changes[i]);
	return state;
}

struct co_state co_session_now(const struct co_session *session)
{
	return co_session_at(session, (uint16_t)session->change_count);
}

bool co_session_deadline(const struct co_session *session, int64_t retention_ms, int64_t *out_ms)
{
	const struct co_change *last;

	assert(session->change_count >= 1);
	last = &session->changes[session->change_count - 1];
	if (co_session_status_is_terminal(last->status)) {
		*out_ms = last->at_ms > INT64_MAX - retention_ms ? INT64_MAX : last->at_ms + retention_ms;
		return true;
	}
	if (co_step(last->status, last->payment, CO_TRIGGER_DEADLINE)->kind != CO_STEP_MOVES)
		return false;
	*out_ms = session->expires_ms;
	return true;
}

uint64_t co_key_hash(struct co_view key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < key.len; i++)
		hash = (hash ^ (unsigned char)key.ptr[i]) * UINT64_C(0x100000001b3);
	return hash;
}
