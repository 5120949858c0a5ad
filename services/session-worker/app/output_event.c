#include "checkout/app/output.h"

#include "output_parts.h"

#include <assert.h>
#include <string.h>

static struct co_view event_type(enum co_event_kind kind)
{
	static const struct co_view types[CO_EVENT_COUNT] = {
#define CO_EVENT(ident, name) [CO_EVENT_##ident] = {"checkout.session." name, sizeof("checkout.session." name) - 1},
#include "checkout/tbl/events.def"
#undef CO_EVENT
	};

	assert((unsigned)kind < CO_EVENT_COUNT);
	return types[kind];
}

void co_output_error(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
					 const struct co_decision *decision, struct co_message *out)
{
	const struct co_command *command = &origin->intake->command;
	const struct co_verdict *verdict = &decision->verdict;
	bool refused = verdict->problem != CO_PROBLEM_NONE;
	struct co_presentation presentation = refused ? co_present_verdict(verdict) : co_present_code(decision->told);
	struct co_envelope_facts facts = {
		.id_name = co_position_name(names, arena, CO_VIEW("error"), origin->record),
		.type = CO_VIEW("checkout.session.error"),
		.subject = origin->session_id,
		.time_ms = origin->now_ms,
		.command = origin->intake,
	};
	struct co_envelope *envelope = co_envelope_make(names, arena, &facts);
	struct co_buf body = co_buf_make(arena, 768 + command->id.len + command->type.len + command->source.len +
												(size_t)verdict->violation_count * 160);

	co_buf_lit(&body, "{\"error\":");
	if (refused)
		co_part_refusal(&body, &presentation, verdict, command);
	else
		co_part_told(&body, &presentation);
	co_buf_lit(&body, ",\"sessionId\":");
	if (origin->session_id)
		co_part_uuid(&body, origin->session_id);
	else
		co_buf_lit(&body, "null");
	co_buf_lit(&body, ",\"merchantId\":");
	if (command->merchant_is == CO_PRESENT)
		co_part_uuid(&body, &command->merchant_id);
	else
		co_buf_lit(&body, "null");
	co_buf_lit(&body, ",\"command\":");
	co_part_origin(&body, names, origin);
	co_buf_lit(&body, ",\"time\":");
	co_part_instant(&body, origin->now_ms);
	co_buf_add_byte(&body, '}');
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_ERRORS],
		.partition = origin->record->partition,
		.timestamp_ms = -1,
		.key = co_envelope_key(envelope, &facts, origin->record),
		.value = co_buf_view(&body),
		.header_count = envelope->count,
		.headers = envelope->headers,
	};
}

/* The members that every event has; the caller adds its own and the brace. */
static struct co_buf begin_event(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
								 struct co_view snapshot, uint16_t previous, int64_t time_ms)
{
	size_t command_bytes =
		origin ? origin->intake->command.id.len + origin->intake->command.source.len + origin->intake->command.type.len
			   : 0;
	struct co_buf body = co_buf_make(arena, 384 + snapshot.len + command_bytes);

	co_buf_lit(&body, "{\"session\":");
	co_buf_add(&body, snapshot);
	co_buf_lit(&body, ",\"previousVersion\":");
	co_buf_add_int(&body, previous);
	co_buf_lit(&body, ",\"command\":");
	co_part_origin(&body, names, origin);
	co_buf_lit(&body, ",\"time\":");
	co_part_instant(&body, time_ms);
	return body;
}

static void finish_event(const struct co_names *names, int32_t partition, const struct co_envelope *envelope,
						 struct co_buf *body, struct co_message *out)
{
	co_buf_add_byte(body, '}');
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_EVENTS],
		.partition = partition,
		.timestamp_ms = -1,
		.key = co_view_make(envelope->subject, CO_UUID_TEXT),
		.value = co_buf_view(body),
		.header_count = envelope->count,
		.headers = envelope->headers,
	};
}

/* A session id may come back after its retention; its creation time tells the two lives apart (section 7). */
static struct co_view event_name(struct co_arena *arena, const struct co_session *session, uint16_t version)
{
	struct co_buf name = co_buf_make(arena, 80);
	char id[CO_UUID_TEXT + 1];

	co_uuid_format(&session->id, id);
	co_buf_lit(&name, "event:");
	co_buf_add(&name, co_view_make(id, CO_UUID_TEXT));
	co_buf_add_byte(&name, '/');
	co_buf_add_int(&name, session->created_ms);
	co_buf_add_byte(&name, '/');
	co_buf_add_int(&name, version);
	return co_buf_view(&name);
}

void co_output_event(const struct co_names *names, struct co_arena *arena, int32_t partition,
					 const struct co_origin *origin, const struct co_session *session, uint16_t version,
					 struct co_view snapshot, struct co_message *out)
{
	const struct co_change *change;
	int64_t time_ms;

	assert(version >= 1 && version <= session->change_count);
	change = &session->changes[version - 1];
	time_ms = origin ? origin->now_ms : change->at_ms;

	struct co_envelope_facts facts = {
		.id_name = event_name(arena, session, version),
		.type = event_type(change->event),
		.subject = &session->id,
		.time_ms = time_ms,
		.command = origin ? origin->intake : NULL,
	};
	struct co_envelope *envelope = co_envelope_make(names, arena, &facts);
	struct co_buf body = begin_event(names, arena, origin, snapshot, (uint16_t)(version - 1), time_ms);

	if (change->event == CO_EVENT_EXPIRED) {
		co_buf_lit(&body, ",\"scheduledAt\":");
		co_part_instant(&body, session->expires_ms);
		co_buf_lit(&body, ",\"effectiveAt\":");
		co_part_instant(&body, time_ms);
	}
	finish_event(names, partition, envelope, &body, out);
}

void co_output_late_payment(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
							const struct co_decision *decision, const struct co_session *session,
							struct co_view snapshot, struct co_message *out)
{
	struct co_envelope_facts facts = {
		.id_name = co_position_name(names, arena, CO_VIEW("late_payment"), origin->record),
		.type = event_type(CO_EVENT_LATE_PAYMENT),
		.subject = &session->id,
		.time_ms = origin->now_ms,
		.command = origin->intake,
	};
	struct co_envelope *envelope = co_envelope_make(names, arena, &facts);
	struct co_buf body = begin_event(names, arena, origin, snapshot, decision->verdict.version, origin->now_ms);

	co_buf_lit(&body, ",\"paymentIntentId\":");
	co_part_text(&body, decision->late_intent_id);
	co_buf_lit(&body, ",\"transactionStatus\":");
	co_part_text(&body, decision->late_status);
	finish_event(names, origin->record->partition, envelope, &body, out);
}
