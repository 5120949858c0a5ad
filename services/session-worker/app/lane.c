#include "lane.h"

#include "checkout/crash.h"
#include "checkout/log.h"
#include "checkout/mutant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024)
#ifndef DUE_MAX /* the simulation's are fewer */
#define DUE_MAX ((size_t)1000)
#endif
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000
#define WAIT_LOG_MS 60000
#define CLOCK_EVERY 16 /* records */
/* So often a damaged view is made again without having been found whole in between, before what is missing is given up:
 * somebody may damage it again on the way, and what is in the log must not be lost for that; but what the log itself
 * has no readable session for would be made again for ever. */
#define REBUILDS_IN_VAIN_MAX 8
#define ARENA_CHUNK_BYTES ((size_t)1024 * 1024)
#define ARENA_KEEP_BYTES ((size_t)32 * 1024 * 1024)

static int64_t now_ms(const struct co_lane *lane)
{
	return lane->ports.clock.monotonic_ms(lane->ports.clock.self);
}

static int64_t wall_ms(const struct co_lane *lane)
{
	return lane->ports.clock.wall_ms(lane->ports.clock.self);
}

void co_lane_touch(struct co_lane *lane)
{
	atomic_store(&lane->status.progress_ms, now_ms(lane));
	co_metric_set(CO_METRIC_LANE_PROGRESS, lane->settings.index, (double)wall_ms(lane) / 1000.0);
}

void co_lane_init(struct co_lane *lane, const struct co_desk *desk, const struct co_lane_ports *ports,
				  const struct co_lane_settings *settings)
{
	memset(lane, 0, sizeof(*lane));
	lane->desk = desk;
	lane->ports = *ports;
	lane->settings = *settings;
	lane->phase = CO_LANE_RECYCLE;
	co_arena_init(&lane->batch_arena, ARENA_CHUNK_BYTES, ARENA_KEEP_BYTES);
	co_arena_init(&lane->round_arena, ARENA_CHUNK_BYTES, ARENA_KEEP_BYTES);
	lane->rebuild = calloc((size_t)desk->partition_count, sizeof(*lane->rebuild));
	lane->rebuilt = calloc((size_t)desk->partition_count, sizeof(*lane->rebuilt));
	if (!lane->rebuild || !lane->rebuilt)
		abort();
	co_metric_add(CO_METRIC_RECOVERIES, CO_CAUSE_START, 0, 1);
}

void co_lane_drop_batch(struct co_lane *lane)
{
	lane->pending_count = 0;
	lane->pending_bytes = 0;
	lane->ports.inbox.release(lane->ports.inbox.self);
	co_arena_reset(&lane->batch_arena);
	co_arena_reset(&lane->round_arena);
}

void co_lane_clear(struct co_lane *lane)
{
	co_lane_drop_batch(lane);
	lane->ports.inbox.leave(lane->ports.inbox.self);
	co_arena_clear(&lane->batch_arena);
	co_arena_clear(&lane->round_arena);
	free(lane->pending);
	free(lane->shards);
	free(lane->rebuild);
	free(lane->rebuilt);
}

struct co_shard *co_lane_shard(struct co_lane *lane, int32_t partition)
{
	for (size_t i = 0; i < lane->shard_count; i++)
		if (lane->shards[i].partition == partition)
			return &lane->shards[i];
	return NULL;
}

/* --- the batch ---------------------------------------------------------------------------------------------------- */

static void add_pending(struct co_lane *lane, const struct co_record *record)
{
	if (lane->pending_count == lane->pending_room) {
		lane->pending_room = lane->pending_room ? 2 * lane->pending_room : 256;
		struct co_pending *more = realloc(lane->pending, lane->pending_room * sizeof(*more));
		if (!more)
			abort();
		lane->pending = more;
	}
	struct co_pending *pending = &lane->pending[lane->pending_count++];
	pending->record = *record;
	pending->taken = false;
	co_intake_read(&pending->record, &lane->batch_arena, &pending->intake);
	lane->pending_bytes += record->key.len + record->value.len;
	for (size_t i = 0; i < record->header_count; i++)
		lane->pending_bytes += record->headers[i].name.len + record->headers[i].value.len;
	if (lane->pending_count == 1)
		lane->batch_started_ms = now_ms(lane);
}

/* Reads until the batch is full, its time is over, or nothing more is at hand. Waits only while there is nothing at
 * all. */
static enum co_status fill_batch(struct co_lane *lane)
{
	const struct co_inbox *inbox = &lane->ports.inbox;
	int wait_ms = (int)lane->settings.expiry_poll_ms;
	while (lane->pending_count < lane->settings.batch_max_records && lane->pending_bytes < BATCH_BYTES_MAX) {
		/* Not at every record: asking what time it is costs as much as reading one. */
		if (lane->pending_count % CLOCK_EVERY == CLOCK_EVERY - 1 &&
			now_ms(lane) - lane->batch_started_ms > lane->settings.batch_max_ms)
			return CO_OK;
		struct co_record record;
		enum co_status status =
			inbox->poll(inbox->self, lane->pending_count ? 0 : wait_ms, &lane->batch_arena, &record);
		if (status == CO_NOTHING)
			return CO_OK;
		CO_TRY(status);
		if (co_lane_shard(lane, record.partition))
			add_pending(lane, &record);
	}
	return CO_OK;
}

/* Forgets what was taken; when nothing is left the bytes are given back. */
static void compact_batch(struct co_lane *lane)
{
	size_t kept = 0;
	for (size_t i = 0; i < lane->pending_count; i++)
		if (!lane->pending[i].taken)
			lane->pending[kept++] = lane->pending[i];
	lane->pending_count = kept;
	if (kept == 0)
		co_lane_drop_batch(lane);
}

/* --- one round: load, decide, publish, apply ---------------------------------------------------------------------- */

struct working {
	struct co_lane *lane;
	struct co_judge judge;
	struct co_round round;
	size_t load_count;
	struct co_store_load *loads;
	struct co_shard **shards; /* one per load */
	bool *blocked;            /* one per load */
	size_t apply_count;
	struct co_store_apply *applies;
	struct co_shard **applied; /* one per apply */
	struct co_position *positions;
	size_t taken;
	struct co_shard *last_shard;
	int64_t last_offset;
};

static struct co_store_load *load_for(struct working *working, struct co_shard *shard)
{
	for (size_t i = 0; i < working->load_count; i++)
		if (working->shards[i] == shard)
			return &working->loads[i];
	size_t i = working->load_count++;
	working->shards[i] = shard;
	working->loads[i] = (struct co_store_load){
		.partition = shard->partition,
		.seq = shard->seq,
		.due_until_ms = shard->clock_ms,
		.due_max = DUE_MAX,
		.ids = CO_NEW_ARRAY(working->round.arena, struct co_uuid, working->lane->pending_count + 1)};
	return &working->loads[i];
}

static size_t records_this_round(const struct co_lane *lane)
{
	return lane->careful && lane->pending_count ? 1 : lane->pending_count;
}

static enum co_status load_sessions(struct working *working, struct co_shard *idle)
{
	struct co_lane *lane = working->lane;
	size_t room = lane->shard_count + 1;
	working->loads = CO_NEW_ARRAY(working->round.arena, struct co_store_load, room);
	working->shards = CO_NEW_ARRAY(working->round.arena, struct co_shard *, room);
	working->blocked = CO_NEW_ARRAY(working->round.arena, bool, room);
	if (idle)
		(void)load_for(working, idle);
	for (size_t i = 0; i < records_this_round(lane); i++) {
		const struct co_pending *pending = &lane->pending[i];
		struct co_store_load *load = load_for(working, co_lane_shard(lane, pending->record.partition));
		if (co_shard_time_of(&pending->record) > load->due_until_ms)
			load->due_until_ms = co_shard_time_of(&pending->record);
		struct co_uuid *ids = (struct co_uuid *)(uintptr_t)load->ids;
		if (co_shard_needs(lane->desk, &pending->record, &pending->intake, &ids[load->id_count]))
			load->id_count++;
	}
	const struct co_store *store = &lane->ports.store;
	CO_TRY(store->load(store->self, working->round.arena, working->loads, working->load_count));
	atomic_store(&lane->status.redis_ok_ms, now_ms(lane));
	return CO_OK;
}

/* Brings what was loaded to hand. CO_VIEW_DAMAGED: a deadline without a readable session; the shard is to be rebuilt.
 */
static enum co_status take_in_hand(struct working *working)
{
	struct co_lane *lane = working->lane;
	for (size_t i = 0; i < working->load_count; i++) {
		const struct co_store_load *load = &working->loads[i];
		struct co_shard *shard = working->shards[i];
		co_shard_begin(shard, working->round.arena, load->id_count + load->due_count);
		for (size_t k = 0; k < load->due_count; k++)
			co_shard_load(shard, lane->desk, &load->due[k]);
		for (size_t k = 0; k < load->id_count; k++)
			co_shard_load(shard, lane->desk, &load->found[k]);
		if (load->due_count == load->due_max) {
			shard->horizon_ms = load->due[load->due_count - 1].due_ms;
			shard->horizon_id = load->due[load->due_count - 1].id;
		}
		if (!co_shard_is_damaged(shard, load)) {
			lane->rebuilt[shard->partition] = 0;
			continue;
		}
		bool in_vain = lane->rebuilt[shard->partition] == REBUILDS_IN_VAIN_MAX;
		co_log(CO_LOG_ERROR, "view.damaged", "a deadline in Redis has no readable session",
			   CO_INT("checkout.partition", shard->partition),
			   CO_TEXT("checkout.operation", in_vain ? "dropped" : "rebuild"));
		if (in_vain) {
			co_shard_drop_damaged(shard, load);
			continue;
		}
		lane->rebuild[shard->partition] = true;
		lane->rebuilt[shard->partition]++;
		return CO_VIEW_DAMAGED;
	}
	return CO_OK;
}

static enum co_status judge_records(struct working *working)
{
	struct co_lane *lane = working->lane;
	for (size_t i = 0; i < records_this_round(lane); i++) {
		struct co_pending *pending = &lane->pending[i];
		size_t s = 0;
		while (working->loads[s].partition != pending->record.partition)
			s++;
		if (working->blocked[s])
			continue;
		struct co_shard *shard = working->shards[s];
		switch (co_shard_take(shard, &working->judge, &pending->record, &pending->intake, &working->round)) {
		case CO_TAKEN:
			pending->taken = true;
			working->taken++;
			working->last_shard = shard;
			working->last_offset = pending->record.offset;
			break;
		case CO_TAKE_LATER:
			working->blocked[s] = true;
			co_shard_elapse(shard, &working->judge, shard->horizon_ms, &working->round);
			break;
		case CO_TAKE_WAIT:
			return CO_LOG_DOWN;
		}
	}
	return CO_OK;
}

static void finish_shards(struct working *working)
{
	struct co_arena *arena = working->round.arena;
	working->applies = CO_NEW_ARRAY(arena, struct co_store_apply, working->load_count + 1);
	working->applied = CO_NEW_ARRAY(arena, struct co_shard *, working->load_count + 1);
	working->positions = CO_NEW_ARRAY(arena, struct co_position, working->load_count + 1);
	for (size_t i = 0; i < working->load_count; i++) {
		struct co_shard *shard = working->shards[i];
		if (!shard->touched)
			continue;
		size_t n = working->apply_count++;
		working->applied[n] = shard;
		co_shard_finish(shard, &working->judge, &working->round, &working->applies[n]);
		co_shard_position(shard, working->lane->desk, &working->positions[n]);
	}
}

static enum co_status publish(struct working *working)
{
	const struct co_outbox *outbox = &working->lane->ports.outbox;
	size_t *lane_index = CO_NEW_ARRAY(working->round.arena, size_t, working->apply_count);
	CO_TRY(outbox->begin(outbox->self));
	co_crash_point("after_begin");
	CO_TRY(outbox->offsets(outbox->self, working->positions, working->apply_count));
	co_crash_point("after_offsets");
	for (size_t i = 0, next = 0; i < working->round.message_count; i++) {
		bool is_lane = next < working->apply_count && working->applied[next]->lane_message == i;
		CO_TRY(outbox->produce(outbox->self, &working->round.messages[i], is_lane ? &lane_index[next] : NULL));
		next += is_lane;
	}
	co_crash_point("after_produce");
	enum co_status committed = outbox->commit(outbox->self);
	if (committed != CO_OK && committed != CO_LOG_UNANSWERED)
		return committed;
	co_crash_point("after_commit");
	for (size_t i = 0; i < working->apply_count; i++) {
		int64_t offset = outbox->delivered(outbox->self, lane_index[i]);
		co_shard_committed(working->applied[i], offset >= 0 ? offset + 1 : -1);
		working->applies[i].clog = working->applied[i]->clog;
	}
	return committed;
}

static void count_commit(struct working *working, int64_t started_ms)
{
	struct co_lane *lane = working->lane;
	int64_t at_ms = now_ms(lane), wall = wall_ms(lane);
	co_round_committed(&working->round, wall);
	co_metric_observe(CO_METRIC_TRANSACTION_DURATION, 0, (double)(at_ms - started_ms) / 1000.0);
	co_metric_observe(CO_METRIC_BATCH_RECORDS, 0, (double)working->taken);
	atomic_store(&lane->status.kafka_ok_ms, at_ms);
	for (size_t i = 0; lane->desk->append && i < working->apply_count; i++) {
		int64_t lag = wall - working->applied[i]->clock_ms;
		co_metric_set(CO_METRIC_PARTITION_LAG, (size_t)working->applied[i]->partition,
					  lag > 0 ? (double)lag / 1000.0 : 0);
	}
}

/* Kafka refused a record: the batch is gone through one record at a time, and the one that is refused alone is the
 * poison. */
static void find_poison(struct working *working)
{
	struct co_lane *lane = working->lane;
	if (working->taken != 1 && !CO_MUTANT(NO_BISECT)) {
		lane->careful = CO_MUTANT(BATCH_AGAIN) ? 0 : working->taken;
		return;
	}
	working->last_shard->poison_offset = working->last_offset;
	lane->careful = 1;
	co_log(CO_LOG_ERROR, "command.poisoned", "Kafka refuses the outputs of a command; it is answered 9300001",
		   CO_INT("checkout.partition", working->last_shard->partition),
		   CO_INT("checkout.offset", working->last_offset));
}

/* All that was not taken was for clients' reply topics. Whose command it was is known when it is read again: by the
 * topic that it names. */
static void note_untaken(const struct working *working)
{
	for (size_t i = 0; i < working->apply_count; i++)
		working->applied[i]->untaken_offset = working->applied[i]->round_next_offset;
}

static enum co_status commit_round(struct working *working)
{
	struct co_lane *lane = working->lane;
	const struct co_store *store = &lane->ports.store;
	int64_t started_ms = now_ms(lane);
	if (CO_MUTANT(REDIS_FIRST))
		CO_TRY(store->apply(store->self, working->applies, working->apply_count));
	enum co_status committed = publish(working);
	if (committed != CO_OK && committed != CO_LOG_UNANSWERED) {
		co_metric_add(CO_METRIC_TRANSACTIONS, CO_RESULT_FAILED, 0, 1);
		if (committed == CO_LOG_REJECTED)
			find_poison(working);
		if (committed == CO_LOG_UNTAKEN)
			note_untaken(working);
		return committed;
	}
	co_metric_add(CO_METRIC_TRANSACTIONS, committed == CO_OK ? CO_RESULT_COMMITTED : CO_RESULT_UNANSWERED, 0, 1);
	count_commit(working, started_ms);
	if (lane->careful)
		lane->careful -= working->taken < lane->careful ? working->taken : lane->careful;
	enum co_status applied =
		CO_MUTANT(REDIS_FIRST) ? CO_OK : store->apply(store->self, working->applies, working->apply_count);
	co_crash_point("after_apply");
	if (applied == CO_OK)
		co_metric_observe(CO_METRIC_BATCH_DURATION, 0, (double)(now_ms(lane) - lane->batch_started_ms) / 1000.0);
	return committed == CO_OK ? applied : committed;
}

/* `idle`: a shard without records whose deadlines have passed on its own clock; NULL: none. */
enum co_status co_lane_round(struct co_lane *lane, struct co_shard *idle)
{
	const struct co_registry *registry = &lane->ports.registry;
	co_arena_reset(&lane->round_arena);
	struct working working = {.lane = lane};
	co_round_begin(&working.round, &lane->round_arena);
	working.judge = (struct co_judge){.desk = lane->desk, .outbox = &lane->ports.outbox, .registry = registry};
	working.judge.edition = registry->acquire(registry->self);

	co_crash_point("before_load");
	enum co_status status = load_sessions(&working, idle);
	co_crash_point("after_load");
	if (status == CO_OK)
		status = take_in_hand(&working);
	if (status == CO_OK)
		status = judge_records(&working);
	if (status == CO_OK) {
		if (idle && !idle->touched)
			co_shard_elapse(idle, &working.judge, idle->horizon_ms < idle->clock_ms ? idle->horizon_ms : idle->clock_ms,
							&working.round);
		finish_shards(&working);
	}
	registry->release(registry->self, working.judge.edition);
	if (status == CO_OK && working.apply_count)
		status = commit_round(&working);
	if (status == CO_OK)
		compact_batch(lane);
	return status;
}

/* --- a step ------------------------------------------------------------------------------------------------------- */

static enum co_status run_step(struct co_lane *lane)
{
	CO_TRY(fill_batch(lane));
	atomic_store(&lane->status.running, true);
	if (lane->pending_count)
		CO_TRY(co_lane_round(lane, NULL));
	else
		for (size_t i = 0; i < lane->shard_count; i++)
			co_metric_set(CO_METRIC_PARTITION_LAG, (size_t)lane->shards[i].partition, 0);
	/* also while other partitions of the lane are busy: their traffic does not move an idle one's clock */
	if (lane->pending_count == 0)
		CO_TRY(co_lane_wake(lane));
	return co_lane_census(lane);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

static enum co_metric_cause cause_of(enum co_status status)
{
	if (status == CO_REBALANCED)
		return CO_CAUSE_REBALANCE;
	if (status == CO_LOG_UNANSWERED)
		return CO_CAUSE_UNANSWERED;
	if (status == CO_LOG_REJECTED)
		return CO_CAUSE_RECORD_REJECTED;
	if (status == CO_LOG_FAILED || status == CO_LOG_UNTAKEN)
		return CO_CAUSE_TRANSACTION_FAILED;
	if (status == CO_LOG_DOWN)
		return CO_CAUSE_KAFKA_DOWN;
	if (status == CO_VIEW_MISMATCH || status == CO_VIEW_DAMAGED)
		return CO_CAUSE_VIEW_MISMATCH;
	return status == CO_VIEW_DOWN ? CO_CAUSE_VIEW_DOWN : CO_CAUSE_OTHER;
}

void co_lane_let_go(const struct co_lane *lane)
{
	for (size_t i = 0; i < lane->shard_count; i++) {
		size_t partition = (size_t)lane->shards[i].partition;
		co_metric_set(CO_METRIC_PARTITION_LAG, partition, NAN);
		co_metric_set(CO_METRIC_SESSIONS_LIVE, partition, NAN);
		co_metric_set(CO_METRIC_PAYMENTS_OVERDUE, partition, NAN);
		co_metric_set(CO_METRIC_NEXT_DEADLINE, partition, NAN);
	}
}

/* Any error while running: the batch is dropped (it is read again) and the recovery path taken. */
static void fall_back(struct co_lane *lane, enum co_status status)
{
	if (status == CO_REBALANCED)
		atomic_store(&lane->status.joined, true);
	co_lane_drop_batch(lane);
	bool keeps_producer = status == CO_REBALANCED || status == CO_VIEW_DOWN || status == CO_VIEW_MISMATCH ||
						  status == CO_VIEW_DAMAGED || status == CO_LOG_DOWN;
	lane->phase = keeps_producer ? CO_LANE_ALIGN : CO_LANE_RECYCLE;
	atomic_store(&lane->status.running, false);
	if (status == CO_REBALANCED)
		co_lane_let_go(lane);
	co_metric_add(CO_METRIC_RECOVERIES, cause_of(status), 0, 1);
	co_log(status == CO_REBALANCED ? CO_LOG_INFO : CO_LOG_NOTICE, "lane.recovering", co_status_text(status),
		   CO_INT("checkout.lane", lane->settings.index), CO_TEXT("event.reason", co_status_name(status)));
}

/* What keeps a recovery from succeeding is said at once, then once a minute, and when it is over. */
static void tell_waiting(struct co_lane *lane, enum co_status status)
{
	int64_t at_ms = now_ms(lane);
	atomic_store(&lane->status.waits_for, (int)status);
	if (lane->wait_since_ms == 0)
		lane->wait_since_ms = at_ms;
	if (lane->wait_logged_ms && at_ms - lane->wait_logged_ms < WAIT_LOG_MS)
		return;
	lane->wait_logged_ms = at_ms;
	co_log(CO_LOG_NOTICE, "lane.waiting", co_status_text(status), CO_INT("checkout.lane", lane->settings.index),
		   CO_TEXT("event.reason", co_status_name(status)),
		   CO_INT("event.duration", (at_ms - lane->wait_since_ms) * 1000000));
}

static void back_off(struct co_lane *lane)
{
	lane->backoff_ms = lane->backoff_ms ? 2 * lane->backoff_ms : BACKOFF_FIRST_MS;
	if (lane->backoff_ms > BACKOFF_MAX_MS)
		lane->backoff_ms = BACKOFF_MAX_MS;
	int64_t until_ms = now_ms(lane) + lane->backoff_ms;
	while (now_ms(lane) < until_ms && !atomic_load(&lane->stop)) {
		lane->ports.clock.sleep_ms(lane->ports.clock.self, 50);
		co_lane_touch(lane);
	}
}

static enum co_status recover_step(struct co_lane *lane)
{
	enum co_status status = co_lane_recover(lane);
	switch (co_status_class(status)) {
	case CO_CLASS_OK:
		lane->backoff_ms = 0;
		atomic_store(&lane->status.waits_for, CO_OK);
		if (lane->wait_since_ms && lane->phase == CO_LANE_RUN)
			lane->wait_since_ms = lane->wait_logged_ms = 0;
		return CO_OK;
	case CO_CLASS_RETRY:
	case CO_CLASS_INVALID:
		tell_waiting(lane, status);
		back_off(lane);
		return CO_OK;
	case CO_CLASS_RESET:
		if (status == CO_REBALANCED)
			co_lane_let_go(lane);
		else
			lane->phase = CO_LANE_RECYCLE;
		return CO_OK;
	case CO_CLASS_FATAL:
		break;
	}
	return status;
}

enum co_status co_lane_step(struct co_lane *lane)
{
	co_lane_touch(lane);
	if (atomic_load(&lane->stop) && (lane->phase != CO_LANE_RUN || lane->pending_count == 0))
		return CO_STOPPED;
	if (lane->phase != CO_LANE_RUN)
		return recover_step(lane);
	enum co_status status = run_step(lane);
	enum co_class class = co_status_class(status);
	if (class == CO_CLASS_OK)
		return CO_OK;
	if (class == CO_CLASS_FATAL)
		return status;
	fall_back(lane, status);
	return CO_OK;
}
