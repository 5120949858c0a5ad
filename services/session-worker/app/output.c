#include "checkout/app/output.h"

#include "output_parts.h"

#include <assert.h>
#include <string.h>

struct co_view co_topic_name(enum co_topic topic)
{
	static const struct co_view names[CO_TOPIC_COUNT] = {
#define CO_TOPIC(ident, name, compacted) [CO_TOPIC_##ident] = {name, sizeof name - 1},
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
	};

	assert((unsigned)topic < CO_TOPIC_COUNT);
	return names[topic];
}

struct co_view co_reply_refusal_name(enum co_reply_refusal refusal)
{
	static const struct co_view names[CO_REPLY_REFUSAL_COUNT] = {
#define CO_REPLY_REFUSAL(ident, reason) [CO_REPLY_REFUSAL_##ident] = {reason, sizeof reason - 1},
#include "checkout/tbl/reply_refusals.def"
#undef CO_REPLY_REFUSAL
	};

	assert((unsigned)refusal < CO_REPLY_REFUSAL_COUNT);
	return names[refusal];
}

/* Three digits, as every status of the tables has (section 7). */
static struct co_view status_text(struct co_arena *arena, uint16_t status)
{
	struct co_buf text = co_buf_make(arena, 8);

	co_buf_add_int(&text, status);
	return co_buf_view(&text);
}

static struct co_view reply_type(struct co_arena *arena, struct co_view command_type, bool accepted)
{
	struct co_view outcome = accepted ? CO_VIEW(".accepted") : CO_VIEW(".rejected");
	struct co_buf type = co_buf_make(arena, command_type.len + outcome.len);

	co_buf_add(&type, command_type);
	co_buf_add(&type, outcome);
	return co_buf_view(&type);
}

/* What a reply has besides the common headers. `presentation` NULL: accepted. */
static void add_reply_headers(struct co_envelope *envelope, struct co_arena *arena, const struct co_origin *origin,
							  const struct co_decision *decision, const struct co_reply_target *target,
							  const struct co_presentation *presentation)
{
	const struct co_reply_address *address = &origin->intake->reply;
	uint16_t status = presentation ? presentation->status : co_command_row(origin->intake->command.kind)->status;

	if (address->correlation.ptr)
		co_envelope_add(envelope, co_dialect_correlation(address->dialect), address->correlation);
	co_envelope_add(envelope, CO_VIEW("checkout-status"), status_text(arena, status));
	if (presentation)
		co_envelope_add(envelope, CO_VIEW("checkout-error-code"), co_code_row(presentation->code)->number);
	if (decision->replayed)
		co_envelope_add(envelope, CO_VIEW("checkout-replayed"), CO_VIEW("true"));
	if (target->redirected)
		co_envelope_add(envelope, CO_VIEW("checkout-reply-rejected"), co_reply_refusal_name(target->refusal));
}

/* Depends on nothing but the command, the verdict and the session at the verdict's version: a repeat gets the same
 * bytes (section 6). */
static struct co_view reply_body(struct co_arena *arena, const struct co_command *command,
								 const struct co_verdict *verdict, struct co_view snapshot,
								 const struct co_presentation *presentation)
{
	size_t bytes = 192 + command->id.len + command->type.len + (presentation ? 384 : 0) +
				   (size_t)verdict->violation_count * 320 + snapshot.len;
	struct co_buf body = co_buf_make(arena, bytes);

	co_buf_add(&body, presentation ? CO_VIEW("{\"outcome\":\"rejected\",\"command\":{\"id\":")
								   : CO_VIEW("{\"outcome\":\"accepted\",\"command\":{\"id\":"));
	co_buf_add_json(&body, command->id);
	co_buf_lit(&body, ",\"type\":");
	co_buf_add_json(&body, command->type);
	co_buf_add(&body, verdict->violation_count > 0 ? CO_VIEW("},\"validation\":{\"valid\":false,\"errors\":")
												   : CO_VIEW("},\"validation\":{\"valid\":true,\"errors\":"));
	co_part_violations(&body, verdict, command);
	co_buf_add_byte(&body, '}');
	if (presentation) {
		co_buf_lit(&body, ",\"error\":");
		co_part_refusal(&body, presentation, verdict, command);
	}
	co_buf_lit(&body, ",\"session\":");
	co_buf_add(&body, snapshot.ptr ? snapshot : CO_VIEW("null"));
	co_buf_add_byte(&body, '}');
	return co_buf_view(&body);
}

void co_output_reply(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
					 const struct co_decision *decision, struct co_view snapshot, const struct co_reply_target *target,
					 struct co_message *out)
{
	const struct co_command *command = &origin->intake->command;
	bool accepted = decision->verdict.problem == CO_PROBLEM_NONE;
	struct co_envelope_facts facts = {
		.id_name = co_position_name(names, arena, CO_VIEW("reply"), origin->record),
		.type = reply_type(arena, command->type, accepted),
		.subject = origin->session_id,
		.time_ms = origin->now_ms,
		.command = origin->intake,
	};
	struct co_envelope *envelope = co_envelope_make(names, arena, &facts);
	struct co_presentation refusal;

	if (!accepted)
		refusal = co_present_verdict(&decision->verdict);
	add_reply_headers(envelope, arena, origin, decision, target, accepted ? NULL : &refusal);
	*out = (struct co_message){
		.topic = target->topic,
		.partition = target->partition,
		.timestamp_ms = -1,
		.key = co_envelope_key(envelope, &facts, origin->record),
		.value = reply_body(arena, command, &decision->verdict, snapshot, accepted ? NULL : &refusal),
		.header_count = envelope->count,
		.headers = envelope->headers,
	};
}
