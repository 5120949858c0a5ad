/* The whole lane on the model of log and view (tests/support/sim_lane.h), one partition, for tests of what it does with
 * time and with a view that is not as it should be. Never used outside tests. */
#ifndef TESTS_UNIT_APP_LANE_BENCH_H
#define TESTS_UNIT_APP_LANE_BENCH_H

#include "shard_bench.h"
#include "sim_lane.h"

#define BENCH_PREFIX "checkout.session."

/* `append`: the commands' time is the broker's. `faults` of all its ports. To be closed with co_sim_lane_close(). */
void bench_lane_open(struct co_sim_lane *lane, bool append, struct co_sim_faults faults);
/* A create of `name` that lives for `ttl_s`; the timestamp counts without `append`. */
void bench_lane_create(struct co_sim_lane *lane, const char *name, int ttl_s, int64_t timestamp_ms);

#endif
