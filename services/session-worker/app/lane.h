/* The lane: poll a batch, load, decide, publish in one transaction, apply; and the one way back from any error (DESIGN:
 * the lane protocol, docs/architecture.md). Serves the shards of its partitions; shares nothing with other lanes. Owns
 * its arenas and shards; borrows its ports. Never talks to Kafka or Redis but through them. One thread. */
#ifndef CHECKOUT_APP_LANE_H
#define CHECKOUT_APP_LANE_H

#include <stdatomic.h>

#include "shard.h"

#include "checkout/ports/clock.h"
#include "checkout/ports/inbox.h"
#include "checkout/ports/replay.h"

/* Why a lane took the recovery path: the labels of checkout_recoveries_total (enum co_metric_cause in metrics.h). */

struct co_lane_ports {
	struct co_inbox inbox;
	struct co_outbox outbox;
	struct co_replay replay;
	struct co_store store;
	struct co_registry registry;
	struct co_clock clock;
};

struct co_lane_settings {
	size_t index;
	size_t batch_max_records; /* 1.. */
	int64_t batch_max_ms;     /* 0.. */
	int64_t expiry_poll_ms;   /* 1.. */
};

/* What others may read of a lane while it runs (health, metrics). Written by the lane alone. */
struct co_lane_status {
	atomic_llong progress_ms; /* monotonic: last time round the loop, or inside a wait that is bounded */
	atomic_llong kafka_ok_ms; /* monotonic: last answer; 0: never */
	atomic_llong redis_ok_ms;
	atomic_int partitions; /* held */
	atomic_bool joined;    /* the group answered at least once */
	atomic_bool running;   /* works through its partitions (or has none) */
	atomic_int waits_for;  /* enum co_status: what its recovery met last; CO_OK: nothing */
};

enum co_lane_phase { CO_LANE_RECYCLE, CO_LANE_ALIGN, CO_LANE_RUN };

struct co_lane {
	const struct co_desk *desk;
	struct co_lane_ports ports;
	struct co_lane_settings settings;
	struct co_lane_status status;
	atomic_bool stop; /* set by anybody: the step in hand is finished, then co_lane_step() says CO_STOPPED */

	enum co_lane_phase phase;
	int64_t backoff_ms;     /* before the next try; 0: none needed */
	int64_t wait_logged_ms; /* monotonic: the last line that said what is waited for; 0: not waiting */
	int64_t wait_since_ms;
	int64_t census_ms; /* monotonic: the last census for the metrics */
	struct co_arena batch_arena, round_arena;
	size_t shard_count;
	struct co_shard *shards; /* ascending by partition; those held */
	bool *rebuild;           /* by partition of the installation: its view is to be made again */
	uint8_t *rebuilt;        /* how often it was, and has not been found whole since */
	/* the batch: records read and not yet taken */
	size_t pending_count, pending_room;
	struct co_pending *pending;
	size_t pending_bytes;
	int64_t batch_started_ms; /* monotonic */
	size_t careful;           /* records still to be taken one at a time, to find the one that Kafka refuses */
};

struct co_pending {
	struct co_record record;
	struct co_intake intake;
	bool taken;
};

/* Everything is borrowed and must outlive the lane. */
void co_lane_init(struct co_lane *lane, const struct co_desk *desk, const struct co_lane_ports *ports,
				  const struct co_lane_settings *settings);
/* Once round the loop; blocks for at most a few seconds. CO_OK: call again · CO_STOPPED: stop was asked for and the
 * batch in hand is committed · a FATAL status: the process has to end, the reason is logged. */
enum co_status co_lane_step(struct co_lane *lane) CO_MUST_USE;
/* Leaves the group and frees what it owns. */
void co_lane_clear(struct co_lane *lane);

/* For lane.c, lane_round.c, wake.c and recovery.c alone.
 * One transaction over what is pending; `idle`: a shard without records whose deadlines have passed on its own clock,
 * or NULL. */
enum co_status co_lane_round(struct co_lane *lane, struct co_shard *idle);
/* Looks at the deadlines of all shards held; appends ticks where a partition's clock stands still. */
enum co_status co_lane_wake(struct co_lane *lane);
/* Every two seconds: what the view holds, for the metrics, and whether it still shows the committed sequence. */
enum co_status co_lane_census(struct co_lane *lane);
enum co_status co_lane_recover(struct co_lane *lane);
struct co_shard *co_lane_shard(struct co_lane *lane, int32_t partition);
void co_lane_touch(struct co_lane *lane);
int64_t co_lane_now_ms(const struct co_lane *lane); /* monotonic */
int64_t co_lane_wall_ms(const struct co_lane *lane);
void co_lane_drop_batch(struct co_lane *lane);
/* Takes the series of the lane's partitions away: the group has dealt anew, they may be somebody else's from here on
 * and must not be counted twice. Those that stay have theirs again with the lane's next round and census. */
void co_lane_let_go(const struct co_lane *lane);

#endif
