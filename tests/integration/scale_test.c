/* Two workers with two lanes each in one group; one is killed, one leaves; what they served is served on. */
#include "it.h"

#include <signal.h>

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 2, NULL);
	rig_start(rig, 1, 2, NULL);
	rig_wait_ready(rig, 0);
	rig_wait_ready(rig, 1);
	rig_load(rig, 80);
}

static void two_workers__one_killed__other_takes_over(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_reader_poll(&rig.reader, 500);
	co_tk_worker_kill(&rig.workers[0]);
	rig_load(&rig, 80);
	rig_settle_and_check(&rig, 90000, "one of two killed");
	rig_close(&rig);
}

static void two_workers__one_leaves_and_comes_back__nothing_lost_nothing_twice(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_worker_stop(&rig.workers[1]);
	rig_load(&rig, 80);
	rig_start(&rig, 1, 2, NULL);
	rig_load(&rig, 80);
	rig_wait_ready(&rig, 1);
	rig_settle_and_check(&rig, 90000, "one of two leaves and comes back");
	rig_close(&rig);
}

/* Both faults at once, with Redis flushed in between. */
static void two_workers__both_lost_one_after_the_other__nothing_lost_nothing_twice(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_worker_kill(&rig.workers[0]);
	rig_load(&rig, 40);
	rig_start(&rig, 0, 2, NULL);
	co_tk_redis_flush(&rig.servers->redis);
	co_tk_worker_stop(&rig.workers[1]);
	rig_load(&rig, 40);
	rig_settle_and_check(&rig, 90000, "both lost one after the other");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_workers__one_killed__other_takes_over),
		cmocka_unit_test(two_workers__one_leaves_and_comes_back__nothing_lost_nothing_twice),
		cmocka_unit_test(two_workers__both_lost_one_after_the_other__nothing_lost_nothing_twice),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
