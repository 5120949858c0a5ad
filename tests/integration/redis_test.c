/* Redis loses everything, or goes away, in the midst of load: it is made again from the log, and nobody notices but by
 * the time it takes. */
#include "it.h"

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, 60);
	rig_wait_ready(rig, 0);
}

static void redis__killed_and_back_empty__rebuilt(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 30000));
	co_tk_redis_kill(&rig.servers->redis);
	rig_load(&rig, 30);
	co_tk_reader_poll(&rig.reader, 1500);
	co_tk_redis_restart(&rig.servers->redis);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "Redis killed and back empty");
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_rebuilds_total") >= 1);
	rig_close(&rig);
}

/* Also while a load is being judged, three times. */
static void redis__flushed_in_mid_run__rebuilt(void **state)
{
	struct rig rig;

	begin(&rig, state);
	for (int i = 0; i < 3; i++) {
		rig_load(&rig, 30);
		co_tk_reader_poll(&rig.reader, 300);
		co_tk_redis_flush(&rig.servers->redis);
	}
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "Redis flushed in mid run");
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_rebuilds_total") >= 1);
	rig_close(&rig);
}

/* A session comes to its deadline while Redis is away: its event comes late, once, and tells the deadline. */
static void redis__away_over_deadlines__events_come_late_and_once(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 30000));
	co_tk_redis_kill(&rig.servers->redis);
	co_tk_reader_poll(&rig.reader, 3500);
	co_tk_redis_restart(&rig.servers->redis);
	rig_settle_and_check(&rig, 90000, "Redis away over deadlines");
	rig_close(&rig);
}

/* Away at the start is no reason to exit (contract section 9). */
static void redis__away_at_start__worker_waits(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	co_tk_redis_kill(&rig.servers->redis);
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 20);
	co_tk_reader_poll(&rig.reader, 3000);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 0), -1);
	assert_false(co_tk_worker_is_ready(&rig.workers[0]));
	co_tk_redis_restart(&rig.servers->redis);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "Redis away at the start");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis__killed_and_back_empty__rebuilt),
		cmocka_unit_test(redis__flushed_in_mid_run__rebuilt),
		cmocka_unit_test(redis__away_over_deadlines__events_come_late_and_once),
		cmocka_unit_test(redis__away_at_start__worker_waits),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
