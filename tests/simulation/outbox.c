/* What adapters/kafka_outbox.c and kafka_answers.c make of the broker, request by request: requests that are lost, run
 * without an answer, or are sent a second time while the first one still is on its way. */
#include "procs.h"

#include <stdlib.h>
#include <string.h>

#define OFFSETS_TIMEOUT_MS 5000
#define COMMIT_TIMEOUT_MS 8000
#define ECHO_MS_MAX 12000
#define ID_STUCK_MS 15000
#define LATE_KEEP_MS 60000 /* of the look-ups: twice late within this, and so long it counts as away */
#define LEADER_PATIENCE_MS 10000
#define STALLED_ROTATED 2000 /* under another transactional id, where ids stay taken */
#define STALLED 800          /* of 10,000 commits, in worlds with moves */

/* A request that was held back, and arrives when it arrives. */
struct echo {
	int id, epoch, generation;
	uint64_t member;
	size_t count;
	struct co_position positions[CO_PARTITIONS_MAX];
};

static int id_of(const struct co_proc *proc)
{
	return proc->worker * CO_IDS_MAX + proc->outbox.id;
}

static struct echo *echo_of(const struct co_proc *proc)
{
	struct echo *echo = calloc(1, sizeof(*echo));
	if (!echo)
		abort();
	*echo = (struct echo){.id = id_of(proc), .epoch = proc->outbox.epoch, .member = proc->id};
	return echo;
}

static void late_end(struct co_world *world, struct co_event *event)
{
	struct echo *echo = event->what;
	bool took = co_broker_end(world, echo->id, echo->epoch, true);
	co_tell(world, "a late EndTxn of worker %d.%d arrives: %s", echo->id / CO_IDS_MAX, echo->id % CO_IDS_MAX,
			took ? "taken" : "refused");
	free(echo);
}

static void late_offsets(struct co_world *world, struct co_event *event)
{
	struct echo *echo = event->what;
	bool took =
		co_broker_offsets(world, echo->id, echo->epoch, echo->member, echo->generation, echo->positions, echo->count);
	co_tell(world, "a late TxnOffsetCommit of worker %d.%d arrives: %s", echo->id / CO_IDS_MAX, echo->id % CO_IDS_MAX,
			took ? "taken" : "refused");
	free(echo);
}

static enum co_status told(struct co_proc *proc, const char *what, enum co_status status)
{
	co_tell(proc->world, "%s: %s", what, co_status_name(status));
	return status;
}

static enum co_status failed(struct co_proc *proc, const char *what)
{
	proc->outbox.broken = true;
	return told(proc, what, CO_LOG_FAILED);
}

static void forget_buffer(struct co_outbox_model *outbox)
{
	for (size_t i = 0; i < outbox->count; i++)
		free(outbox->buffer[i].memory);
	outbox->count = 0;
}

static bool is_down(const struct co_proc *proc)
{
	return proc->world->broker.down_until_ms > proc->world->now_ms;
}

/* The rule of the adapter's leave_stuck_id: so long nothing but CONCURRENT_TRANSACTIONS, and another id is taken. */
static void leave_stuck_id(struct co_proc *proc, bool concurrent)
{
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	if (!concurrent) {
		outbox->stuck_ms = 0;
		return;
	}
	if (outbox->stuck_ms == 0)
		outbox->stuck_ms = world->now_ms;
	if (world->now_ms - outbox->stuck_ms < ID_STUCK_MS)
		return;
	outbox->id = (outbox->id + 1) % CO_IDS_MAX;
	outbox->stuck_ms = 0;
	world->tallies.rotations++;
	co_tell(world, "goes on under transactional id %d", outbox->id);
}

/* A process that takes its name meanwhile begins at the lane's own id, and does not fence this one by the epoch. */
static void stall_rotated(struct co_proc *proc)
{
	if (proc->outbox.id)
		co_proc_stall(proc, CO_FEATURE_STUCK, STALLED_ROTATED);
}

static enum co_status outbox_recycle(void *self, int timeout_ms)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	int64_t until_ms = world->now_ms + timeout_ms;
	outbox->epoch = 0;
	memset(outbox->lookups, 0, sizeof(outbox->lookups));
	forget_buffer(outbox);
	co_proc_step(proc, co_between(world, 0, 5));
	if (is_down(proc) || co_strikes(world, CO_TROUBLE_INIT_SLOW)) {
		int epoch;
		if (co_between(world, 0, 1) && !is_down(proc))
			(void)co_broker_init(world, id_of(proc), &epoch);
		co_proc_step(proc, timeout_ms);
		leave_stuck_id(proc, false);
		return told(proc, "recycle", CO_LOG_DOWN);
	}
	while (!co_broker_init(world, id_of(proc), &outbox->epoch)) {
		if (world->now_ms >= until_ms) {
			leave_stuck_id(proc, true);
			return told(proc, "recycle", CO_LOG_DOWN);
		}
		co_proc_step(proc, 10);
	}
	leave_stuck_id(proc, false);
	outbox->begun = outbox->broken = false;
	co_proc_step(proc, co_between(world, 0, 5));
	return told(proc, "recycle", CO_OK);
}

static enum co_status outbox_begin(void *self)
{
	struct co_proc *proc = self;
	struct co_outbox_model *outbox = &proc->outbox;
	co_proc_step(proc, 0);
	if (outbox->broken || outbox->epoch == 0) {
		co_violated(proc->world, "worker %d begins a transaction on a producer that was to be recycled", proc->worker);
		return CO_LOG_FAILED;
	}
	forget_buffer(outbox);
	memset(outbox->added, 0, sizeof(outbox->added));
	outbox->unanswered = outbox->refused = outbox->untaken = false;
	outbox->position_count = 0;
	outbox->begun = true;
	return CO_OK;
}

/* AddOffsetsToTxn and AddPartitionsToTxn: CONCURRENT_TRANSACTIONS is waited out. NULL: refused, or not in time. */
static struct co_txn *enlist(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	int64_t until_ms = world->now_ms + OFFSETS_TIMEOUT_MS;
	bool wait = false;
	struct co_txn *txn;
	do {
		if (wait)
			co_proc_step(proc, 3);
		txn = co_broker_enlist(world, id_of(proc), proc->outbox.epoch, &wait);
	} while (!txn && wait && world->now_ms < until_ms);
	return txn;
}

static enum co_status send_offsets(struct co_proc *proc, const struct co_position *positions, size_t count,
								   int generation)
{
	struct co_world *world = proc->world;
	struct echo *echo = NULL;
	bool lost = co_strikes(world, CO_TROUBLE_OFFSETS_LOST);
	if (lost || co_strikes(world, CO_TROUBLE_OFFSETS_TWICE)) {
		echo = echo_of(proc);
		echo->generation = generation;
		echo->count = count;
		memcpy(echo->positions, positions, count * sizeof(*positions));
		/* never, before anything else happens, or late */
		co_at(world, co_between(world, 0, 2) ? co_between(world, 0, ECHO_MS_MAX) : 0, late_offsets, 0, 0, echo);
	}
	if (lost) {
		co_proc_step(proc, OFFSETS_TIMEOUT_MS);
		return CO_LOG_FAILED;
	}
	if (echo && !CO_MUTATED(NO_RECYCLE_OFFSETS))
		proc->outbox.unanswered = true;
	bool took = co_broker_offsets(world, id_of(proc), proc->outbox.epoch, proc->id, generation, positions, count);
	return took ? CO_OK : CO_LOG_FAILED;
}

static enum co_status outbox_offsets(void *self, const struct co_position *positions, size_t count)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	co_proc_stall(proc, CO_FEATURE_MOVES, STALLED);
	stall_rotated(proc);
	int generation = CO_MUTATED(GENERATION_AT_COMMIT) ? world->broker.group.generation : proc->inbox.generation;
	co_proc_step(proc, co_between(world, 0, 2));
	for (size_t i = 0; i < count; i++)
		co_tell(world, "offsets: %d/%lld %s", positions[i].partition, (long long)positions[i].offset,
				positions[i].metadata);
	memcpy(outbox->positions, positions, count * sizeof(*positions));
	outbox->position_count = count;
	if (CO_MUTATED(OFFSETS_OUTSIDE))
		return CO_OK;
	if (proc->inbox.generation < 0 || is_down(proc))
		return failed(proc, "offsets");
	struct co_txn *txn = enlist(proc);
	if (!txn)
		return failed(proc, "offsets");
	txn->has_offsets = true;
	if (co_strikes(world, CO_TROUBLE_ENLIST_LOST))
		return failed(proc, "offsets");
	co_proc_step(proc, co_between(world, 0, 2));
	if (send_offsets(proc, positions, count, generation) != CO_OK)
		return failed(proc, "offsets");
	co_proc_step(proc, 0);
	return CO_OK;
}

/* Produces what is buffered. A partition is added to the transaction once; the broker takes no record for one that is
 * not in the open transaction. What is for a partition that is away waits (`waits`). */
static bool flush_buffer(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	bool held[CO_M_TOPICS][CO_PARTITIONS_MAX] = {{false}};
	outbox->waits = false;
	for (size_t i = 0; i < outbox->count; i++) {
		struct co_buffered *buffered = &outbox->buffer[i];
		if (buffered->sent)
			continue;
		struct co_txn *txn = enlist(proc);
		bool *added = &outbox->added[buffered->topic][buffered->record.partition];
		if (!txn || !co_broker_touch(txn, buffered->topic, buffered->record.partition, !*added))
			return false;
		if (!*added && co_strikes(world, CO_TROUBLE_ENLIST_LOST))
			return false;
		*added = true;
		bool *behind = &held[buffered->topic][buffered->record.partition];
		*behind = *behind || co_is_away(world, buffered->topic, buffered->record.partition);
		if (*behind) {
			outbox->waits = true;
			continue;
		}
		bool lost = co_strikes(world, CO_TROUBLE_PRODUCE_LOST);
		if (lost && co_between(world, 0, 1))
			return false;
		struct co_message message = {.partition = buffered->record.partition,
									 .timestamp_ms = buffered->record.timestamp_ms,
									 .key = buffered->record.key,
									 .value = buffered->record.value,
									 .header_count = buffered->record.header_count,
									 .headers = buffered->record.headers};
		buffered->offset = co_broker_append(world, buffered->topic, &message, txn);
		buffered->sent = true;
		if (lost)
			return false;
	}
	return true;
}

/* By the client at once, or by the broker: then it is told at commit. */
static enum co_status refuse(struct co_proc *proc)
{
	struct co_outbox_model *outbox = &proc->outbox;
	outbox->broken = outbox->refused = true;
	if (co_between(proc->world, 0, 1))
		return CO_OK;
	co_refusal_is_told(proc);
	return told(proc, "produce", CO_LOG_REJECTED);
}

static enum co_status outbox_produce(void *self, const struct co_message *message, size_t *index)
{
	struct co_proc *proc = self;
	struct co_outbox_model *outbox = &proc->outbox;
	if (co_between(proc->world, 0, 15) == 0)
		co_proc_step(proc, 0);
	if (outbox->count == outbox->room) {
		outbox->room = outbox->room ? 2 * outbox->room : 64;
		outbox->buffer = realloc(outbox->buffer, outbox->room * sizeof(*outbox->buffer));
		if (!outbox->buffer)
			abort();
	}
	enum co_model_topic topic = co_broker_topic(proc->world, message->topic);
	if (topic == CO_M_TOPICS || (topic == CO_M_STATE && !message->key.ptr)) {
		co_violated(proc->world, "a record is produced that no broker takes");
		return failed(proc, "produce");
	}
	if (index)
		*index = outbox->count;
	if (co_is_refused(proc, topic, message))
		return refuse(proc);
	struct co_buffered *buffered = &outbox->buffer[outbox->count];
	struct co_record record = {.partition = message->partition,
							   .timestamp_ms = message->timestamp_ms,
							   .key = message->key,
							   .value = message->value,
							   .header_count = message->header_count,
							   .headers = message->headers};
	*buffered = (struct co_buffered){.topic = topic, .offset = -1};
	buffered->memory = co_record_copy(&record, &buffered->record);
	outbox->count++;
	/* the client sends in the background, when it likes; what fails is told at commit */
	if (!outbox->broken && co_between(proc->world, 0, 7) == 0 && !flush_buffer(proc))
		outbox->broken = true;
	return CO_OK;
}

static void commit_outside(struct co_proc *proc)
{
	struct co_group *group = &proc->world->broker.group;
	for (size_t i = 0; i < proc->outbox.position_count; i++) {
		const struct co_position *position = &proc->outbox.positions[i];
		group->positions[position->partition] = group->truth[position->partition] = *position;
	}
}

/* The client says that it was a record's fault, unless something else was wrong as well. */
static enum co_status not_committed(struct co_proc *proc)
{
	if (proc->outbox.untaken && !proc->outbox.refused) {
		co_untaken_is_told(proc);
		return told(proc, "commit", CO_LOG_UNTAKEN);
	}
	if (!proc->outbox.refused || co_between(proc->world, 0, 7) == 0)
		return failed(proc, "commit");
	co_refusal_is_told(proc);
	return told(proc, "commit", CO_LOG_REJECTED);
}

static void is_away_for(struct co_proc *proc, int64_t duration_ms)
{
	struct co_world *world = proc->world;
	int64_t until_ms = world->now_ms + duration_ms;
	proc->outbox.down_until_ms = until_ms;
	if (until_ms > world->broker.own_late_until_ms)
		world->broker.own_late_until_ms = until_ms;
	co_tell(world, "%s counts as away", CO_OWN_REPLIES);
}

/* As find_waiting_topics: what was not taken by now is given up, and when it was for a topic of others alone, and that
 * happens again, the topic counts as away. */
static void give_up(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	bool own_waits = false;
	for (size_t i = 0; i < outbox->count; i++)
		own_waits = own_waits || (!outbox->buffer[i].sent && outbox->buffer[i].topic != CO_M_OWN_REPLIES);
	if (own_waits)
		return;
	outbox->untaken = outbox->broken = true;
	bool again = world->now_ms < outbox->late_until_ms;
	outbox->late_until_ms = world->now_ms + LATE_KEEP_MS;
	if (again)
		is_away_for(proc, LATE_KEEP_MS);
}

/* False: in vain. */
static bool flush_patiently(struct co_proc *proc)
{
	int64_t until_ms = proc->world->now_ms + COMMIT_TIMEOUT_MS;
	if (!flush_buffer(proc))
		return false;
	while (proc->outbox.waits && proc->world->now_ms < until_ms) {
		co_proc_step(proc, 200);
		if (!flush_buffer(proc))
			return false;
	}
	if (proc->outbox.waits)
		give_up(proc);
	return !proc->outbox.waits;
}

static enum co_status end_transaction(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	bool lost = co_strikes(world, CO_TROUBLE_END_LOST) || is_down(proc);
	if (lost || co_strikes(world, CO_TROUBLE_END_TWICE)) {
		int64_t after_ms = co_between(world, 0, 2) ? co_between(world, 0, ECHO_MS_MAX) : 0;
		if (!lost || co_between(world, 0, 3))
			co_at(world, after_ms, late_end, 0, 0, echo_of(proc));
		if (!lost && !CO_MUTATED(NO_RECYCLE_END))
			proc->outbox.unanswered = true;
	}
	if (lost) {
		co_proc_step(proc, COMMIT_TIMEOUT_MS);
		return CO_LOG_FAILED;
	}
	if (!co_broker_end(world, id_of(proc), proc->outbox.epoch, true))
		return CO_LOG_FAILED;
	return CO_OK;
}

static enum co_status outbox_commit(void *self)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	co_proc_step(proc, co_between(world, 0, 4));
	if (outbox->broken || !flush_patiently(proc))
		return not_committed(proc);
	co_proc_step(proc, co_between(world, 0, 2));
	stall_rotated(proc);
	if (end_transaction(proc) != CO_OK)
		return failed(proc, "commit");
	co_proc_step(proc, co_between(world, 0, 4));
	if (CO_MUTATED(OFFSETS_OUTSIDE))
		commit_outside(proc);
	outbox->begun = false;
	outbox->broken = outbox->unanswered;
	return told(proc, "commit", outbox->unanswered ? CO_LOG_UNANSWERED : CO_OK);
}

static int64_t outbox_delivered(void *self, size_t index)
{
	const struct co_proc *proc = self;
	return index < proc->outbox.count ? proc->outbox.buffer[index].offset : -1;
}

static bool has_leaders(const struct co_world *world)
{
	for (int32_t p = 0; p < CO_OWN_REPLIES_PARTITIONS; p++)
		if (co_is_away(world, CO_M_OWN_REPLIES, p))
			return false;
	return true;
}

/* As ask_patiently: an election is waited for, once. */
static bool has_leaders_soon(struct co_proc *proc)
{
	const struct co_world *world = proc->world;
	int64_t late_until_ms = proc->outbox.late_until_ms;
	int64_t since_ms = proc->outbox.down_until_ms      ? world->now_ms - LEADER_PATIENCE_MS
					   : world->now_ms < late_until_ms ? late_until_ms - LATE_KEEP_MS
													   : world->now_ms;
	while (!has_leaders(world) && world->now_ms < since_ms + LEADER_PATIENCE_MS)
		co_proc_step(proc, 200);
	return has_leaders(world);
}

static int32_t outbox_partitions_of(void *self, struct co_view name)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_outbox_model *outbox = &proc->outbox;
	enum co_model_topic topic = co_broker_topic(world, name);
	int64_t *at_ms = &outbox->lookups[topic].at_ms;
	int32_t *count = &outbox->lookups[topic].count;
	if (topic == CO_M_OWN_REPLIES && world->now_ms < outbox->down_until_ms)
		return CO_TOPIC_AWAY;
	if (*at_ms == 0 || world->now_ms - *at_ms >= CO_LOOKUP_KEEP_MS) {
		if (is_down(proc) || co_strikes(world, CO_TROUBLE_LOOKUP_DOWN))
			return -1;
		bool gone = topic == CO_M_TOPICS || (topic == CO_M_OWN_REPLIES && world->broker.own == CO_OWN_GONE);
		if (topic == CO_M_OWN_REPLIES && !gone && !has_leaders_soon(proc)) {
			is_away_for(proc, CO_LOOKUP_KEEP_MS);
			return CO_TOPIC_AWAY;
		}
		if (topic == CO_M_OWN_REPLIES)
			outbox->down_until_ms = 0;
		*at_ms = world->now_ms;
		*count = gone ? 0 : world->broker.topics[topic].partition_count;
	}
	return *count;
}

static void tick_arrives(struct co_world *world, struct co_event *event)
{
	static const struct co_header headers[] = {{{"ce_specversion", 14}, {"1.0", 3}},
											   {{"ce_type", 7}, {"checkout.session.tick", 21}}};
	struct co_message message = {
		.partition = (int32_t)event->a, .timestamp_ms = -1, .header_count = 2, .headers = headers};
	co_tell(world, "a tick arrives on commands/%d", message.partition);
	(void)co_broker_append(world, CO_M_COMMANDS, &message, NULL);
}

static void outbox_tick(void *self, int32_t partition)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	if (world->has[CO_FEATURE_STREAM])
		co_violated(world, "a tick is made, and the clock is the stream's");
	if (!co_strikes(world, CO_TROUBLE_TICK_LOST)) {
		co_at(world, co_between(world, 0, 3), tick_arrives, partition, 0, NULL);
		return;
	}
	for (int64_t copies = co_between(world, 0, 2); copies > 0; copies--)
		co_at(world, co_between(world, 0, 4000), tick_arrives, partition, 0, NULL);
}

struct co_outbox co_model_outbox(struct co_proc *proc)
{
	return (struct co_outbox){.self = proc,
							  .recycle = outbox_recycle,
							  .begin = outbox_begin,
							  .offsets = outbox_offsets,
							  .produce = outbox_produce,
							  .commit = outbox_commit,
							  .delivered = outbox_delivered,
							  .partitions_of = outbox_partitions_of,
							  .tick = outbox_tick};
}
