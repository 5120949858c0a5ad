/* Kafka away, slow, or silent, at the start and in mid-run; and a lane that hangs for good: the worker waits, says so,
 * and goes on by itself, or, hung, ends so that a new one does (contract section 9). */
#include "waits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* `from`: the log's size before the fault. */
static void expect_patience(struct rig *rig, size_t from)
{
	waits_expect_not_ready(rig);
	waits_for(rig, waits_outage_ms());
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_kafka_up") < 1);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_redis_up") >= 1);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_ready") < 1);
	waits_expect_lines(rig, from, "kafka.waiting", 1 + (size_t)(waits_outage_ms() / 60000) / 2, 1);
	/* One of a kind in a minute. */
	waits_expect_lines(rig, from, "lane.waiting", 0, 1);
	waits_expect_lines(rig, from, "kafka.error", 0, 1);
	waits_expect_lines(rig, from, "kafka.consumer", 0, 1);
	/* The transaction that fell, and what has to be waited for. */
	waits_expect_lines(rig, from, "kafka.transaction", 0, 2);
	waits_expect_lines(rig, from, "\"lane.", 0, 4);
}

static void kafka__refuses_for_a_while__worker_waits(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	size_t from = waits_log_size(&rig);
	co_tk_proxy_set_mode(servers->kafka, CO_TK_PROXY_REFUSE);
	rig_load(&rig, 10);
	expect_patience(&rig, from);
	waits_pass(servers);
	rig_settle_and_check(&rig, 90000, "Kafka refuses for a while");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

static void kafka__silent_for_a_while__worker_waits(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	size_t from = waits_log_size(&rig);
	co_tk_proxy_set_mode(servers->kafka, CO_TK_PROXY_SWALLOW);
	rig_load(&rig, 10);
	expect_patience(&rig, from);
	waits_pass(servers);
	rig_settle_and_check(&rig, 90000, "Kafka silent for a while");
	rig_wait_ready(&rig, 0);
	rig_close(&rig);
}

/* The connections in use are half-open, and nobody will ever say so; new ones would work. */
static void kafka__connections_half_open__others_are_taken(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	co_tk_proxy_set_mode(servers->kafka, CO_TK_PROXY_STRAND);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "connections to Kafka half-open");
	rig_close(&rig);
}

static void kafka__slow__goes_on(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_begin(&rig, servers);
	co_tk_proxy_set_delay(servers->kafka, 150);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "Kafka slow");
	rig_close(&rig);
}

static void kafka__silent_at_start__worker_waits(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_pass(servers);
	rig_open(&rig, &servers->servers);
	rig.seen = &servers->seen;
	co_tk_proxy_set_mode(servers->kafka, CO_TK_PROXY_SWALLOW);
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 20);
	co_tk_reader_poll(&rig.reader, 5000);
	waits_for(&rig, 12000);
	assert_in_range(waits_lines(&rig, 0, "kafka.waiting"), 1, 1);
	waits_pass(servers);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "Kafka silent at the start");
	rig_close(&rig);
}

/* A name that nobody knows: no waiting mends it, but it may be known tomorrow. */
static void kafka__name_unknown_at_start__worker_waits_and_leaves_when_told(void **state)
{
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_pass(servers);
	rig_open(&rig, &servers->servers);
	rig_override(&rig, "kafka.bootstrap.servers", "nobody.invalid:9092");
	rig_start(&rig, 0, 1, NULL);
	co_tk_reader_poll(&rig.reader, 8000);
	waits_for(&rig, 8000);
	assert_in_range(waits_lines(&rig, 0, "kafka.waiting"), 1, 1);
	co_tk_worker_stop(&rig.workers[0]);
	rig_close(&rig);
}

/* ---- the watchdog ---- */

static char *last_line(struct rig *rig)
{
	char *log = co_tk_worker_log(&rig->workers[0]);
	size_t length = strlen(log);

	while (length && log[length - 1] == '\n')
		log[--length] = '\0';
	char *last = strrchr(log, '\n'), *line = strdup(last ? last + 1 : log);
	free(log);
	return line;
}

/* A call that never returns: the process ends with 1 and says why, and the next one goes on where it was. */
static void lane__hangs__watchdog_ends_the_process(void **state)
{
	static const char *const environment[] = {"CO_HANG=after_produce:3", "CO_LANE_STUCK_MS=5000", NULL};
	struct waits_servers *servers = *state;
	struct rig rig;

	waits_pass(servers);
	rig_open(&rig, &servers->servers);
	rig.environment = environment;
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 60);
	for (int64_t end_ms = co_tk_now_ms() + 60000;
		 co_tk_worker_get(&rig.workers[0], "/livez", NULL) == 200 || !waits_lines(&rig, 0, "process.started");)
		co_tk_check(co_tk_now_ms() < end_ms, "the lane does not hang (built with CO_CRASH_POINTS?)");
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 60000), 1);
	char *line = last_line(&rig);
	assert_non_null(strstr(line, "process.watchdog"));
	assert_non_null(strstr(line, "a lane makes no progress"));
	free(line);
	rig.environment = NULL;
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 30);
	rig_settle_and_check(&rig, 90000, "a lane that hangs");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kafka__refuses_for_a_while__worker_waits),
		cmocka_unit_test(kafka__silent_for_a_while__worker_waits),
		cmocka_unit_test(kafka__connections_half_open__others_are_taken),
		cmocka_unit_test(kafka__slow__goes_on),
		cmocka_unit_test(kafka__silent_at_start__worker_waits),
		cmocka_unit_test(kafka__name_unknown_at_start__worker_waits_and_leaves_when_told),
		cmocka_unit_test(lane__hangs__watchdog_ends_the_process),
	};

	return cmocka_run_group_tests(tests, waits_setup, waits_teardown);
}
