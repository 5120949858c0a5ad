/* Deadlines of partitions without traffic: ticks, and the census that also finds a view that lost its memory. */
#include "lane.h"

#include "checkout/mutant.h"

#include <math.h>

#define CENSUS_MS 2000
#define TICK_PATIENCE_MS 2000   /* a tick that was not seen by then is sent again */
#define CLOCK_STEP_MS 1000      /* this machine's clock was set, not slewed */
#define RETENTION_TICK_MS 60000 /* retention alone asks for one tick in this time */

static int64_t wall_ms(const struct co_lane *lane)
{
	return lane->ports.clock.wall_ms(lane->ports.clock.self);
}

static bool tick_is_due(const struct co_shard *shard, const struct co_store_census *census, int64_t wall, int64_t at_ms)
{
	if (shard->tick_sent_ms && at_ms - shard->tick_sent_ms < TICK_PATIENCE_MS)
		return false;
	if (census->next_expiry_ms <= wall)
		return true;
	return census->next_due_ms <= wall && at_ms - shard->retention_tick_ms >= RETENTION_TICK_MS;
}

static void send_tick(struct co_lane *lane, struct co_shard *shard, const struct co_store_census *census, int64_t wall)
{
	const struct co_outbox *outbox = &lane->ports.outbox;
	int64_t at_ms = co_lane_now_ms(lane);
	if (census->next_expiry_ms > wall)
		shard->retention_tick_ms = at_ms;
	shard->tick_sent_ms = at_ms;
	shard->tick_wall_ms = wall_ms(lane);
	outbox->tick(outbox->self, shard->partition);
	co_metric_add(CO_METRIC_TICKS, 0, 0, 1);
}

/* The broker's time as far as this machine can tell: its own, less what the last ticks showed, unless somebody has set
 * this machine's clock since. */
static int64_t broker_ms(const struct co_lane *lane, const struct co_shard *shard)
{
	int64_t wall = wall_ms(lane);
	int64_t step_ms = wall - co_lane_now_ms(lane) - shard->behind_offset_ms;
	bool was_set = (step_ms > CLOCK_STEP_MS || step_ms < -CLOCK_STEP_MS) && !CO_MUTANT(CLOCK_NEVER_SET);
	return was_set ? wall : wall - shard->broker_behind_ms;
}

/* A deadline may have passed and nobody sends anything: let it pass if the partition's clock is there, else make the
 * clock move. */
static enum co_status wake_shard(struct co_lane *lane, struct co_shard *shard)
{
	const struct co_store *store = &lane->ports.store;
	bool append = lane->desk->append || CO_MUTANT(STREAM_TICKS);
	int64_t wall = append || CO_MUTANT(STREAM_BY_WALL) ? broker_ms(lane, shard) : shard->clock_ms;
	if ((CO_MUTANT(WALL_CLOCK) || (CO_MUTANT(STREAM_BY_WALL) && !append)) && wall > shard->clock_ms)
		shard->clock_ms = wall;
	if (shard->next_due_ms > wall && shard->next_due_ms > shard->clock_ms)
		return CO_OK;
	if (shard->tick_sent_ms && co_lane_now_ms(lane) - shard->tick_sent_ms < TICK_PATIENCE_MS)
		return CO_OK;
	struct co_store_census census;
	CO_TRY(store->census(store->self, shard->partition, shard->clock_ms, &census));
	if (census.next_due_ms <= shard->clock_ms)
		return co_lane_round(lane, shard);
	if (append && tick_is_due(shard, &census, wall, co_lane_now_ms(lane))) {
		send_tick(lane, shard, &census, wall);
		return CO_OK;
	}
	shard->next_due_ms = census.next_due_ms;
	if (census.next_due_ms <= wall && census.next_expiry_ms > wall) {
		/* retention alone: looked at again in a second */
		shard->next_due_ms = census.next_expiry_ms < wall + 1000 ? census.next_expiry_ms : wall + 1000;
	}
	return CO_OK;
}

enum co_status co_lane_wake(struct co_lane *lane)
{
	for (size_t i = 0; i < lane->shard_count; i++)
		CO_TRY(wake_shard(lane, &lane->shards[i]));
	return CO_OK;
}

/* What is overdue is told by the broker's time: the clock of a partition without traffic stands still, and nothing
 * sends a tick for a session that only its processor can move. */
static int64_t census_ms(const struct co_lane *lane, const struct co_shard *shard)
{
	int64_t wall = lane->desk->append ? broker_ms(lane, shard) : shard->clock_ms;
	return wall > shard->clock_ms ? wall : shard->clock_ms;
}

enum co_status co_lane_census(struct co_lane *lane)
{
	const struct co_store *store = &lane->ports.store;
	if (co_lane_now_ms(lane) - lane->census_ms < CENSUS_MS)
		return CO_OK;
	lane->census_ms = co_lane_now_ms(lane);
	for (size_t i = 0; i < lane->shard_count; i++) {
		struct co_store_census census;
		struct co_store_mark mark;
		size_t partition = (size_t)lane->shards[i].partition;
		/* a view that lost its memory between two rounds shows it here: its deadlines would go by unseen */
		CO_TRY(store->mark(store->self, lane->shards[i].partition, &mark));
		if ((mark.present ? mark.seq : 0) != lane->shards[i].seq && !CO_MUTANT(MEMORY_UNCHECKED))
			return CO_VIEW_MISMATCH;
		CO_TRY(store->census(store->self, lane->shards[i].partition, census_ms(lane, &lane->shards[i]), &census));
		/* what wake_shard() knew may come from a view that was empty for a moment, and back before its mark was looked
		 * at */
		if (census.next_due_ms < lane->shards[i].next_due_ms)
			lane->shards[i].next_due_ms = census.next_due_ms;
		co_metric_set(CO_METRIC_SESSIONS_LIVE, partition, (double)census.live);
		co_metric_set(CO_METRIC_PAYMENTS_OVERDUE, partition, (double)census.overdue);
		co_metric_set(CO_METRIC_NEXT_DEADLINE, partition,
					  census.next_expiry_ms == CO_NEVER ? INFINITY : (double)census.next_expiry_ms / 1000.0);
	}
	if (lane->shard_count)
		atomic_store(&lane->status.redis_ok_ms, co_lane_now_ms(lane));
	return CO_OK;
}
