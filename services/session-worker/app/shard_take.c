/* One record: what it is answered and what it does to the sessions in hand. */
#include "shard.h"

#include "shard_parts.h"

#include "checkout/app/stored.h"
#include "checkout/log.h"
#include "checkout/mutant.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define TELL_MS 1000
#define KEPT_BYTES ((size_t)512) /* of a tracestate: what W3C Trace Context asks everyone to pass on */

/* The session that a command is about (step 3 of contract section 5). False: none, or it is answered where it lies. */
static bool session_of(const struct co_command *command, struct co_uuid *out)
{
	if (command->kind == CO_COMMAND_VALIDATE || command->merchant_is != CO_PRESENT)
		return false;
	if (command->kind != CO_COMMAND_CREATE) {
		*out = command->subject;
		return command->subject_is == CO_PRESENT;
	}
	*out = command->created_id;
	return command->subject_is != CO_PRESENT || co_uuid_eq(out, &command->subject);
}

bool co_shard_needs(const struct co_desk *desk, const struct co_record *record, const struct co_intake *intake,
					struct co_uuid *out)
{
	return intake->kind == CO_INTAKE_COMMAND && session_of(&intake->command, out) &&
		   co_desk_partition(desk, out) == record->partition;
}

/* A command in hand. */
struct taking {
	struct co_shard *shard;
	const struct co_judge *judge;
	struct co_origin origin;
	struct co_round *round;
	struct co_reply_target target; /* but for its partition */
	int32_t target_count;          /* partitions of its topic */
};

static void answer(const struct taking *taking, const struct co_decision *decision, struct co_view snapshot)
{
	const struct co_desk *desk = taking->judge->desk;
	const struct co_record *record = taking->origin.record;
	const struct co_reply_address *address = &taking->origin.intake->reply;
	struct co_reply_target target = taking->target;
	if (record->offset == taking->shard->poison_offset && address->topic.ptr && !CO_MUTANT(POISON_TO_ITS_TOPIC))
		target = co_desk_redirected(desk, CO_REPLY_REFUSAL_UNKNOWN_TOPIC);
	struct co_message *reply = co_round_message(taking->round);
	co_output_reply(&desk->names, taking->round->arena, &taking->origin, decision, snapshot, &target, reply);
	if (target.redirected) {
		reply->partition = record->partition;
		co_round_count(taking->round, CO_METRIC_REDIRECTS, target.refusal, 0);
	} else {
		reply->partition = co_desk_reply_partition(desk, address, reply->key, record->partition, taking->target_count);
	}
}

static void count_command(const struct taking *taking, const struct co_decision *decision)
{
	size_t outcome = decision->replayed                             ? CO_OUTCOME_REPLAYED
					 : decision->verdict.problem == CO_PROBLEM_NONE ? CO_OUTCOME_ACCEPTED
																	: CO_OUTCOME_REJECTED;
	co_round_count(taking->round, CO_METRIC_COMMANDS, taking->origin.intake->command.kind, outcome);
	if (outcome == CO_OUTCOME_REJECTED)
		co_round_count(taking->round, CO_METRIC_REFUSALS, decision->verdict.code, 0);
	if (taking->judge->desk->append)
		co_round_age(taking->round, CO_METRIC_COMMAND_AGE, taking->origin.record->timestamp_ms);
}

/* All outputs of a command show the session at the verdict's version: as what is returned. */
static struct co_view publish(const struct taking *taking, const struct co_decision *decision,
							  const struct co_session *session)
{
	const struct co_names *names = &taking->judge->desk->names;
	struct co_round *round = taking->round;
	struct co_view snapshot = co_output_snapshot(round->arena, session, decision->verdict.version);
	answer(taking, decision, snapshot);
	if (decision->tells_error)
		co_output_error(names, round->arena, &taking->origin, decision, co_round_message(round));
	if (decision->creates || decision->changes) {
		assert(session);
		co_shard_publish_event(taking->shard, taking->judge, &taking->origin, session, snapshot, round);
	}
	if (decision->late_payment) {
		co_output_late_payment(names, round->arena, &taking->origin, decision, session, snapshot,
							   co_round_message(round));
		co_round_count(round, CO_METRIC_EVENTS, CO_EVENT_LATE_PAYMENT, 0);
	}
	count_command(taking, decision);
	return snapshot;
}

static bool fits(const struct co_round *round, size_t from)
{
	for (size_t i = from; i < round->message_count; i++) {
		const struct co_message *message = &round->messages[i];
		size_t bytes = message->key.len + message->value.len;
		for (size_t h = 0; h < message->header_count; h++)
			bytes += message->headers[h].name.len + message->headers[h].value.len;
		if (bytes > CO_OUTPUT_BYTES_MAX && !CO_MUTANT(SIZE_UNCHECKED))
			return false;
	}
	return true;
}

/* As publish(), unless the outputs are larger than Kafka takes: then long names are cut where they are told (the
 * request held them in full), and when that is not enough either, nothing is published. */
static bool publish_fitting(const struct taking *taking, struct co_decision *decision, const struct co_session *session,
							struct co_view *snapshot)
{
	size_t messages = taking->round->message_count, tallies = taking->round->tally_count;
	*snapshot = publish(taking, decision, session);
	if (fits(taking->round, messages))
		return true;
	co_round_rewind(taking->round, messages, tallies);
	decision->verdict.brief = true;
	*snapshot = publish(taking, decision, session);
	if (fits(taking->round, messages))
		return true;
	co_round_rewind(taking->round, messages, tallies);
	return false;
}

static void shorten(struct co_view *text, size_t max)
{
	if (text->len > max)
		*text = (struct co_view){NULL, 0};
}

/* The record and what was read of it without what its sender made so long that no answer may fit with it. */
struct slim {
	struct co_record record;
	struct co_intake intake;
};

static struct taking slimmed(const struct taking *taking, struct slim *slim)
{
	struct taking thin = *taking;
	slim->record = *taking->origin.record;
	slim->intake = *taking->origin.intake;
	shorten(&slim->record.key, KEPT_BYTES);
	if (!CO_MUTANT(POISON_TRACED))
		shorten(&slim->intake.tracestate, KEPT_BYTES);
	shorten(&slim->intake.traceparent, CO_HEADERS_BYTES_MAX);
	shorten(&slim->intake.reply.correlation, CO_HEADERS_BYTES_MAX);
	thin.origin.record = &slim->record;
	thin.origin.intake = &slim->intake;
	return thin;
}

static void publish_internal_error(const struct taking *taking, const struct co_session *session)
{
	struct slim slim;
	struct taking thin = slimmed(taking, &slim);
	struct co_decision decision;
	co_decide_internal_error(session ? (uint16_t)session->change_count : 0, &decision);
	(void)publish(&thin, &decision, session);
	co_round_count(taking->round, CO_METRIC_POISONED, 0, 0);
}

/* It was in a transaction that waited in vain for the topic of its reply. Who comes later, when that is known, is
 * judged as ever: what nobody tried was not refused. */
static bool is_untaken(const struct taking *taking)
{
	return taking->target.away &&
		   (taking->origin.record->offset < taking->shard->untaken_offset || CO_MUTANT(UNTAKEN_UNTRIED));
}

static void tell_untaken(const struct taking *taking)
{
	static struct co_log_gate gate;
	const struct co_record *record = taking->origin.record;
	if (co_log_gate_open(&gate, TELL_MS))
		co_log(CO_LOG_ERROR, "command.poisoned",
			   "a reply topic did not take the reply; its command is answered 9300001",
			   CO_INT("checkout.partition", record->partition), CO_INT("checkout.offset", record->offset));
}

static bool is_poisoned(const struct taking *taking)
{
	return taking->origin.record->offset == taking->shard->poison_offset && !CO_MUTANT(POISON_KEPT);
}

/* Its outputs as they would be are known not to be taken: it is answered 9300001, and nothing else comes of it. */
static bool fails(const struct taking *taking, const struct co_session *session)
{
	bool untaken = is_untaken(taking);
	if (!untaken && !is_poisoned(taking))
		return false;
	if (untaken)
		tell_untaken(taking);
	publish_internal_error(taking, session);
	return true;
}

/* Refusals before a session comes into it. */
static void refuse(const struct taking *taking, const struct co_verdict *verdict)
{
	if (fails(taking, NULL))
		return;
	struct co_decision decision = {.verdict = *verdict, .tells_error = true, .told = verdict->code};
	struct co_view snapshot;
	if (!publish_fitting(taking, &decision, NULL, &snapshot))
		publish_internal_error(taking, NULL);
}

/* What a session holds, and not the room behind it: kilobytes that most sessions never use. */
static void copy_session(struct co_session *to, const struct co_session *from)
{
	memcpy(to, from, offsetof(struct co_session, changes));
	memcpy(to->changes, from->changes, from->change_count * sizeof(from->changes[0]));
	to->memory_count = from->memory_count;
	memcpy(to->memory, from->memory, from->memory_count * sizeof(from->memory[0]));
}

/* The decision lives on the stack: what outlives it is copied or written out, and the same few kilobytes stay warm. */
static void decide(const struct taking *taking, const struct co_merchant *merchant, struct co_work *work)
{
	struct co_shard *shard = taking->shard;
	struct co_arena *arena = taking->round->arena;
	const struct co_command *command = &taking->origin.intake->command;
	struct co_decision decision;
	struct co_session *session = work ? work->session : NULL;

	if (fails(taking, session))
		return;
	if (work && work->unreadable) {
		co_decide_unreadable(&decision);
		co_round_count(taking->round, CO_METRIC_UNREADABLE, 0, 0);
	} else {
		co_decide(session, command, taking->origin.now_ms, merchant, arena, &decision);
	}
	bool evolves = work && (decision.creates || decision.changes || decision.remembers);
	struct co_session *after = session;
	if (evolves) {
		assert(session || decision.creates);
		after = co_arena_alloc(arena, sizeof(*after));
		if (session)
			copy_session(after, session);
		co_evolve(after, command, &decision, arena);
	}
	struct co_view snapshot;
	if (!publish_fitting(taking, &decision, after, &snapshot)) {
		publish_internal_error(taking, session);
		return;
	}
	if (evolves) {
		assert(decision.verdict.version == after->change_count);
		work->session = after;
		work->snapshot = snapshot;
		work->dirty = true;
		co_shard_reschedule(shard, taking->judge->desk, work);
	}
}

static void take_command(struct taking *taking)
{
	const struct co_judge *judge = taking->judge;
	const struct co_record *record = taking->origin.record;
	const struct co_command *command = &taking->origin.intake->command;
	struct co_verdict verdict; /* written when it refuses */
	if (!co_admit_attributes(command, &verdict)) {
		refuse(taking, &verdict);
		return;
	}
	struct co_merchant merchant;
	enum co_code refusal = CO_CODE_UNAUTHORIZED;
	bool known = judge->registry->find(judge->edition, &command->merchant_id, &merchant);
	struct co_credentials credentials = {.authorization = taking->origin.intake->authorization,
										 .api_key = taking->origin.intake->api_key,
										 .namespace_name = command->namespace_name};
	bool good = known && judge->registry->authenticate(judge->edition, &command->merchant_id, &credentials,
													   taking->origin.now_ms, &refusal);
	if (!co_admit(command, taking->origin.now_ms, known ? &merchant : NULL, good ? NULL : &refusal, &verdict)) {
		refuse(taking, &verdict);
		return;
	}
	struct co_uuid *id = CO_NEW(taking->round->arena, struct co_uuid);
	if (!session_of(command, id)) {
		/* validate, which knows no session, or a create whose subject is not its session: told about that subject */
		if (command->kind == CO_COMMAND_CREATE)
			taking->origin.session_id = &command->subject;
		decide(taking, &merchant, NULL);
		return;
	}
	int32_t home = co_desk_partition(judge->desk, id);
	if (home != record->partition && is_poisoned(taking) && !CO_MUTANT(POISON_FORWARDED)) {
		/* the copy is a little larger, and Kafka does not take it: answered where it lies */
		publish_internal_error(taking, NULL);
		return;
	}
	if (home != record->partition) {
		co_output_forward(&judge->desk->names, taking->round->arena, record, id, home,
						  !judge->desk->append && !CO_MUTANT(FORWARD_RESTAMPED), co_round_message(taking->round));
		co_round_count(taking->round, CO_METRIC_FORWARDED, 0, 0);
		return;
	}
	taking->origin.session_id = id;
	decide(taking, &merchant, co_shard_work(taking->shard, id));
}

static void take_not_command(const struct taking *taking)
{
	const struct co_intake *intake = taking->origin.intake;
	struct co_message *message = co_round_message(taking->round);
	co_output_dlq(&taking->judge->desk->names, taking->round->arena, taking->origin.record, intake->reason, message);
	if (taking->origin.record->offset == taking->shard->poison_offset && !CO_MUTANT(DLQ_WHOLE)) {
		message->value = (struct co_view){NULL, 0};
		shorten(&message->key, KEPT_BYTES);
		if (intake->reason == CO_DLQ_HEADERS_TOO_LARGE)
			co_output_dlq_drop_headers(message);
		co_round_count(taking->round, CO_METRIC_POISONED, 0, 0);
	}
	co_round_count(taking->round, CO_METRIC_DLQ, intake->reason, 0);
	if (!intake->answerable)
		return;
	const struct co_decision decision = {
		.verdict = {.problem = CO_PROBLEM_NOT_COMMAND, .code = CO_CODE_VALIDATION_ERROR}};
	size_t messages = taking->round->message_count, tallies = taking->round->tally_count;
	answer(taking, &decision, co_view_make(NULL, 0));
	if (!fits(taking->round, messages)) {
		struct slim slim;
		struct taking thin = slimmed(taking, &slim);
		co_round_rewind(taking->round, messages, tallies);
		answer(&thin, &decision, co_view_make(NULL, 0));
	}
}

/* What comes while a tick is out need not be that tick: an older one makes the broker look as far behind as it is old,
 * and the next deadline would pass as late. So only what two in a row have shown is believed; where the broker's clock
 * really is behind, that costs one more tick. */
static void take_tick(struct co_shard *shard, const struct co_record *record)
{
	if (shard->tick_sent_ms != 0) {
		int64_t before = shard->tick_behind_ms, behind = shard->tick_wall_ms - record->timestamp_ms;
		shard->tick_behind_ms = behind > 0 ? behind : 0;
		shard->broker_behind_ms = shard->tick_behind_ms < before ? shard->tick_behind_ms : before;
		shard->behind_offset_ms = shard->tick_wall_ms - shard->tick_sent_ms;
		shard->tick_sent_ms = 0;
	}
}

enum co_taken co_shard_take(struct co_shard *shard, const struct co_judge *judge, const struct co_record *record,
							const struct co_intake *intake, struct co_round *round)
{
	int64_t time = co_shard_time_of(record), now = time > shard->round_clock_ms ? time : shard->round_clock_ms;
	if (now >= shard->horizon_ms && !CO_MUTANT(NO_HORIZON))
		return CO_TAKE_LATER;
	struct taking taking = {.shard = shard,
							.judge = judge,
							.origin = {.record = record, .intake = intake, .session_id = NULL, .now_ms = now},
							.round = round};
	if (intake->kind != CO_INTAKE_TICK &&
		co_desk_reply_topic(judge->desk, judge->outbox, &intake->reply, &taking.target, &taking.target_count) != CO_OK)
		return CO_TAKE_WAIT;

	struct slim slim;
	if (record->offset == shard->poison_offset)
		taking = slimmed(&taking, &slim);
	shard->touched = true;
	shard->round_clock_ms = now;
	shard->round_next_offset = record->offset + 1;
	co_shard_elapse(shard, judge, now, round);
	switch (intake->kind) {
	case CO_INTAKE_TICK:
		take_tick(shard, record);
		break;
	case CO_INTAKE_NOT_COMMAND:
		take_not_command(&taking);
		break;
	case CO_INTAKE_COMMAND:
		take_command(&taking);
		break;
	}
	return CO_TAKEN;
}
