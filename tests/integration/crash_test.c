/* kill -9 of the worker at every named point of the delivery protocol, in the midst of load; then the oracle. */
#include "it.h"

#define KILLED (256 + 9)

/* The worker has to end itself at the point; a build without crash points, or a point that is never passed, fails. */
static void expect_crash(struct rig *rig, const char *point)
{
	int status = co_tk_worker_wait(&rig->workers[0], 120000);

	if (status != KILLED)
		fail_msg("the worker did not end at %s: status %d (built with CO_CRASH_POINTS?)", point, status);
}

/* Load, crash at the point in the midst of it, load while nobody serves, a new process of the same name, load again. */
static void crash_at(struct rig_servers *servers, const char *point)
{
	struct rig rig;

	rig_open(&rig, servers);
	rig_start(&rig, 0, 1, point);
	rig_load(&rig, 60);
	expect_crash(&rig, point);
	rig_load(&rig, 30);
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 30);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, point);
	rig_close(&rig);
}

/* One row per point; the state of the row is its CO_CRASH. */
static void worker__killed_at_point__nothing_lost_nothing_twice(void **state)
{
	crash_at(rig_shared, *state);
}

/* A worker that has answered a load, so that there is a view of every partition. */
static void serve(struct rig *rig, int count)
{
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, count);
	rig_wait_ready(rig, 0);
	co_tk_producer_flush(rig->producer);
	assert_true(co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, 90000));
}

/* The view lags behind the log (a crash between the two), and the one who catches up crashes as well. Of each partition
 * there is a view before: one without would be made again from the beginning. */
static void worker__killed_while_aligning__next_one_aligns(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	serve(&rig, 40);
	co_tk_worker_stop(&rig.workers[0]);
	rig_start(&rig, 0, 1, "after_commit:1");
	rig_load(&rig, 60);
	expect_crash(&rig, "after_commit");
	rig_start(&rig, 0, 1, "in_align");
	expect_crash(&rig, "in_align");
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 30);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "in_align");
	rig_close(&rig);
}

/* The view is gone, and the one who makes it again crashes as well. */
static void worker__killed_while_rebuilding__next_one_rebuilds(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	serve(&rig, 60);
	co_tk_worker_kill(&rig.workers[0]);
	co_tk_redis_flush(&rig.servers->redis);
	rig_start(&rig, 0, 1, "in_rebuild:1");
	expect_crash(&rig, "in_rebuild");
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 30);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "in_rebuild");
	rig_close(&rig);
}

/* kill -9 from outside, five times at moments nobody chose. */
static void worker__killed_again_and_again__nothing_lost_nothing_twice(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	for (int i = 0; i < 5; i++) {
		rig_start(&rig, 0, 1, NULL);
		rig_load(&rig, 40);
		co_tk_reader_poll(&rig.reader, 400 + 170 * i);
		co_tk_worker_kill(&rig.workers[0]);
	}
	rig_start(&rig, 0, 1, NULL);
	rig_settle_and_check(&rig, 90000, "killed again and again");
	rig_close(&rig);
}

int main(void)
{
#define ROW(point)                                                                                                   \
	{                                                                                                                \
		"worker__killed_" point "__nothing_lost_nothing_twice", worker__killed_at_point__nothing_lost_nothing_twice, \
			NULL, NULL, (char[])                                                                                     \
		{                                                                                                            \
			point ":2"                                                                                               \
		}                                                                                                            \
	}
	const struct CMUnitTest tests[] = {
		ROW("before_load"),
		ROW("after_load"),
		ROW("after_begin"),
		ROW("after_offsets"),
		ROW("after_produce"),
		ROW("after_commit"),
		ROW("mid_apply"),
		ROW("after_apply"),
		cmocka_unit_test(worker__killed_while_aligning__next_one_aligns),
		cmocka_unit_test(worker__killed_while_rebuilding__next_one_rebuilds),
		cmocka_unit_test(worker__killed_again_and_again__nothing_lost_nothing_twice),
	};

	return cmocka_run_group_tests(tests, rig_shared_start, rig_shared_stop);
}
