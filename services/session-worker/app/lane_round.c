/* One round of the lane: load, decide, publish in one transaction, apply. */
#include "lane.h"

#include "checkout/crash.h"
#include "checkout/log.h"
#include "checkout/mutant.h"

#ifndef DUE_MAX /* the simulation's are fewer */
#define DUE_MAX ((size_t)1000)
#endif
/* So often a damaged view is made again without having been found whole in between, before what is missing is given up:
 * somebody may damage it again on the way, and what is in the log must not be lost for that; but what the log itself
 * has no readable session for would be made again for ever. */
#define REBUILDS_IN_VAIN_MAX 8

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
	atomic_store(&lane->status.redis_ok_ms, co_lane_now_ms(lane));
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
	int64_t at_ms = co_lane_now_ms(lane), wall = co_lane_wall_ms(lane);
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
	int64_t started_ms = co_lane_now_ms(lane);
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
		co_metric_observe(CO_METRIC_BATCH_DURATION, 0,
						  (double)(co_lane_now_ms(lane) - lane->batch_started_ms) / 1000.0);
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
