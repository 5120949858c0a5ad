/* Redis away, slow, or silent, at the start and in mid-run: the worker waits, says so, keeps its place in the group,
 * and goes on by itself (contract section 9). */
#include "waits.h"

#include <stdio.h>

#define REBALANCES "checkout_kafka_rebalances_total{lane=\"0\"}"
#define VIEW_DOWN "checkout_recoveries_total{cause=\"view_down\"}"

/* What a worker shows while Redis alone is away: longer than its place in the group would last without care. `from`:
 * the log's size before the fault. */
static void expect_patience(struct rig *rig, size_t from)
{
	double rebalances = co_tk_worker_metric(&rig->workers[0], REBALANCES);

	rig_load(rig, 10);
	waits_expect_not_ready(rig);
	waits_for(rig, waits_outage_ms());
	assert_true(co_tk_worker_metric(&rig->workers[0], VIEW_DOWN) >= 1);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_lane_up{lane=\"0\"}") < 1);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_ready") < 1);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_kafka_up") >= 1);
	assert_int_equal(waits_lines(rig, from, "kafka.waiting"), 0);
	assert_true(co_tk_worker_metric(&rig->workers[0], REBALANCES) - rebalances < 1);
	/* The fall once; the wait, and what Redis said, once a minute. */
	assert_in_range(waits_lines(rig, from, "lane.recovering"), 1, 1);
	waits_expect_lines(rig, from, "lane.waiting", 1 + (size_t)(waits_outage_ms() / 60000) / 2, 1);
	waits_expect_lines(rig, from, "redis.down", 1, 1);
}

static void redis__refuses_for_a_while__worker_waits_in_its_place(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	size_t from = waits_log_size(&rig);
	co_tk_proxy_set_mode(servers->redis, CO_TK_PROXY_REFUSE);
	expect_patience(&rig, from);
	waits_pass(servers);
	rig_settle_and_check(&rig, 90000, "Redis refuses for a while");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

static void redis__silent_for_a_while__worker_waits_in_its_place(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	size_t from = waits_log_size(&rig);
	co_tk_proxy_set_mode(servers->redis, CO_TK_PROXY_SWALLOW);
	expect_patience(&rig, from);
	waits_pass(servers);
	rig_settle_and_check(&rig, 90000, "Redis silent for a while");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

/* The connection in use is half-open, a new one would work. */
static void redis__connection_half_open__another_is_taken(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	co_tk_proxy_set_mode(servers->redis, CO_TK_PROXY_STRAND);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "connection to Redis half-open");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

static void redis__slow_within_its_time_out__goes_on(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	co_tk_proxy_set_delay(servers->redis, 100);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "Redis slow");
	assert_true(co_tk_worker_is_ready(&rig.workers[0]));
	rig_close(&rig);
}

static void redis__slower_than_its_time_out__worker_waits_in_its_place(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	size_t from = waits_log_size(&rig);
	co_tk_proxy_set_delay(servers->redis, 900);
	expect_patience(&rig, from);
	waits_pass(servers);
	rig_settle_and_check(&rig, 90000, "Redis slower than its time-out");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

/* Not up and silent at the start; then a name that nobody knows, which no waiting mends: SIGTERM is served. */
static void redis__silent_at_start__worker_waits(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_pass(servers);
	rig_open(&rig, &servers->servers);
	rig.seen = &servers->seen;
	co_tk_proxy_set_mode(servers->redis, CO_TK_PROXY_SWALLOW);
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 20);
	co_tk_reader_poll(&rig.reader, 5000);
	waits_for(&rig, 10000);
	waits_pass(servers);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "Redis silent at the start");
	rig_close(&rig);
}

static void redis__name_unknown_at_start__worker_waits_and_leaves_when_told(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_pass(servers);
	rig_open(&rig, &servers->servers);
	rig_override(&rig, "redis.url", "redis://nobody.invalid:6379/0");
	rig_start(&rig, 0, 1, NULL);
	co_tk_reader_poll(&rig.reader, 8000);
	waits_for(&rig, 5000);
	assert_true(waits_lines(&rig, 0, "redis.down") >= 1);
	co_tk_worker_stop(&rig.workers[0]);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis__refuses_for_a_while__worker_waits_in_its_place),
		cmocka_unit_test(redis__silent_for_a_while__worker_waits_in_its_place),
		cmocka_unit_test(redis__connection_half_open__another_is_taken),
		cmocka_unit_test(redis__slow_within_its_time_out__goes_on),
		cmocka_unit_test(redis__slower_than_its_time_out__worker_waits_in_its_place),
		cmocka_unit_test(redis__silent_at_start__worker_waits),
		cmocka_unit_test(redis__name_unknown_at_start__worker_waits_and_leaves_when_told),
	};

	return cmocka_run_group_tests(tests, waits_setup, waits_teardown);
}
