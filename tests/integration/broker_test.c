/* The broker goes away and comes back in the midst of load. */
#include "it.h"

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, 60);
	rig_wait_ready(rig, 0);
	rig_load(rig, 30);
}

static void broker__stopped_and_started__goes_on_by_itself(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_kafka_halt(&rig.servers->kafka);
	rig_load(&rig, 10);
	co_tk_sleep_ms(1000);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 0), -1);
	co_tk_kafka_restart(&rig.servers->kafka);
	rig_load(&rig, 20);
	rig_settle_and_check(&rig, 90000, "broker stopped and started");
	rig_close(&rig);
}

static void broker__killed__goes_on_by_itself(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_kafka_kill(&rig.servers->kafka);
	rig_load(&rig, 10);
	co_tk_kafka_restart(&rig.servers->kafka);
	rig_load(&rig, 20);
	rig_settle_and_check(&rig, 90000, "broker killed");
	rig_close(&rig);
}

/* Away at the start is no reason to exit (contract section 9). */
static void broker__away_at_start__worker_waits(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_load(&rig, 20);
	co_tk_producer_flush(rig.producer);
	co_tk_kafka_kill(&rig.servers->kafka);
	rig_start(&rig, 0, 1, NULL);
	co_tk_sleep_ms(3000);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 0), -1);
	co_tk_kafka_restart(&rig.servers->kafka);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "broker away at the start");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(broker__stopped_and_started__goes_on_by_itself),
		cmocka_unit_test(broker__killed__goes_on_by_itself),
		cmocka_unit_test(broker__away_at_start__worker_waits),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
