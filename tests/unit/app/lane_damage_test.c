/* The lane and a view that somebody else damages, on the model of log and view: what can be had from the log again is
 * not given up, however often it is damaged on the way; what cannot holds nobody up for long (contract section 5). */
#include "lane_bench.h"

#include <string.h>

#define STEPS_MAX 5000
#define TTL_S 60

struct stand {
	struct co_sim_lane lane;
	size_t damages_left; /* the view is damaged at so many looks, right before them */
	size_t damaged, rebuilds;
};

static enum co_sim_fault damage(void *self, enum co_sim_op op)
{
	struct stand *stand = self;
	struct co_sim_generation *live = &stand->lane.store.views[0].live;

	stand->rebuilds += op == CO_SIM_REBUILD_BEGIN;
	if (op != CO_SIM_LOAD || stand->damages_left == 0 || live->count == 0)
		return CO_SIM_NONE;
	for (size_t i = 0; i < live->count; i++)
		memset(live->items[i].bytes + 1, '?', live->items[i].length - 1);
	stand->damages_left--;
	stand->damaged++;
	return CO_SIM_NONE;
}

static struct stand *open_stand(void)
{
	static struct stand stand;

	memset(&stand, 0, sizeof(stand));
	bench_lane_open(&stand.lane, true, (struct co_sim_faults){.self = &stand, .ask = damage});
	return &stand;
}

/* Expired events after TTL_S and some. */
static size_t expired_in_time(struct stand *stand)
{
	struct co_tk_log log = {0};
	int64_t until_ms = stand->lane.time.wall_ms + (int64_t)(TTL_S + 30) * 1000;
	size_t count = 0;

	for (int steps = 0; steps < 20 * STEPS_MAX && stand->lane.time.wall_ms < until_ms; steps++)
		assert_int_equal(co_lane_step(&stand->lane.lane), CO_OK);
	co_sim_collect(&stand->lane.broker, &log);
	for (size_t i = 0; i < log.count; i++)
		count += co_tk_is(log.records[i]->topic, BENCH_PREFIX "events") &&
				 co_tk_header_is(&log.records[i]->r, "ce_type", BENCH_PREFIX "expired");
	co_tk_log_clear(&log);
	return count;
}

static void view__damaged_once__session_expires(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	bench_lane_create(&stand->lane, "r-1", TTL_S, 0);
	co_sim_lane_settle(&stand->lane, STEPS_MAX);
	stand->damages_left = 1;

	assert_int_equal(expired_in_time(stand), 1);

	assert_int_equal(stand->damaged, 1);
	co_sim_lane_close(&stand->lane);
}

/* Each rebuild is damaged before anybody has looked at it: the log still has the session. */
static void view__damaged_again_behind_each_rebuild__session_expires(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	bench_lane_create(&stand->lane, "r-1", TTL_S, 0);
	co_sim_lane_settle(&stand->lane, STEPS_MAX);
	stand->damages_left = 4;

	assert_int_equal(expired_in_time(stand), 1);

	assert_int_equal(stand->damaged, 4);
	co_sim_lane_close(&stand->lane);
}

/* A rebuild that never helps would be made for ever: the deadline is given up, and commands are answered. */
static void view__damaged_at_every_look__lane_goes_on(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	bench_lane_create(&stand->lane, "r-1", TTL_S, 0);
	co_sim_lane_settle(&stand->lane, STEPS_MAX);
	stand->damages_left = SIZE_MAX;

	assert_int_equal(expired_in_time(stand), 0);
	stand->damages_left = 0;
	bench_lane_create(&stand->lane, "r-2", TTL_S, 0);
	co_sim_lane_settle(&stand->lane, STEPS_MAX);

	assert_int_equal(expired_in_time(stand), 1);
	co_sim_lane_close(&stand->lane);
}

/* A record on `state` under another session's key: it has no deadline that a rebuild could be of use for. */
static void state__session_under_anothers_key__one_rebuild(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	bench_lane_create(&stand->lane, "r-1", TTL_S, 0);
	co_sim_lane_settle(&stand->lane, STEPS_MAX);
	struct co_sim_partition *log =
		&co_sim_topic_find(&stand->lane.broker, CO_VIEW(BENCH_PREFIX "state"))->partitions[0];
	const struct co_record *own = NULL;
	for (int64_t offset = 0; !own || own->key.len != CO_UUID_TEXT; offset++)
		own = co_sim_visible(log, offset);
	struct co_message astray = {.topic = CO_VIEW(BENCH_PREFIX "state"),
								.partition = 0,
								.key = CO_VIEW("01234567-89ab-5def-8123-456789abcdef"),
								.value = own->value,
								.timestamp_ms = own->timestamp_ms};
	co_sim_send(&stand->lane.broker, &astray, NULL, NULL);
	co_sim_store_flush(&stand->lane.store);

	assert_int_equal(expired_in_time(stand), 1);

	assert_int_equal(stand->rebuilds, 1);
	co_sim_lane_close(&stand->lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(view__damaged_once__session_expires),
		cmocka_unit_test(view__damaged_again_behind_each_rebuild__session_expires),
		cmocka_unit_test(view__damaged_at_every_look__lane_goes_on),
		cmocka_unit_test(state__session_under_anothers_key__one_rebuild),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
