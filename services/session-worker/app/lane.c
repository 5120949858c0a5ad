#include "lane.h"

#include "checkout/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_BYTES_MAX ((size_t)8 * 1024 * 1024)
#define BACKOFF_FIRST_MS 50
#define BACKOFF_MAX_MS 2000
#define WAIT_LOG_MS 60000
#define CLOCK_EVERY 16 /* records */
#define ARENA_CHUNK_BYTES ((size_t)1024 * 1024)
#define ARENA_KEEP_BYTES ((size_t)32 * 1024 * 1024)

int64_t co_lane_now_ms(const struct co_lane *lane)
{
	return lane->ports.clock.monotonic_ms(lane->ports.clock.self);
}

int64_t co_lane_wall_ms(const struct co_lane *lane)
{
	return lane->ports.clock.wall_ms(lane->ports.clock.self);
}

void co_lane_touch(struct co_lane *lane)
{
	atomic_store(&lane->status.progress_ms, co_lane_now_ms(lane));
	co_metric_set(CO_METRIC_LANE_PROGRESS, lane->settings.index, (double)co_lane_wall_ms(lane) / 1000.0);
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
		lane->batch_started_ms = co_lane_now_ms(lane);
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
			co_lane_now_ms(lane) - lane->batch_started_ms > lane->settings.batch_max_ms)
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
	int64_t at_ms = co_lane_now_ms(lane);
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
	int64_t until_ms = co_lane_now_ms(lane) + lane->backoff_ms;
	while (co_lane_now_ms(lane) < until_ms && !atomic_load(&lane->stop)) {
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
