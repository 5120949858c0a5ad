/* A real worker on a real Kafka and a real Redis under a real Prometheus with the project's alert rules, times scaled
 * down: at rest nothing fires; then the faults come one after the other, and every alert of the file has fired once.
 * What /readyz and /livez say of the same faults is checked on the way (contract section 9). The scenes follow one
 * another in one installation, in this order. */
#include "prometheus.h"

#include "tests/integration/await.h"
#include "tests/integration/it.h"

#include <hiredis.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALERTS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define TURN_MS 15000 /* /readyz turns within this */
#define FIRE_MS 90000 /* an alert fires within this, on a busy machine */

static struct rig rig;
static struct prometheus prometheus;

static struct co_tk_worker *worker(void)
{
	return &rig.workers[0];
}

static void start_worker(int index)
{
	rig_start(&rig, index, 1, NULL);
	prometheus_target(&prometheus, (size_t)index, &rig.workers[index]);
}

static int set_up(void **state)
{
	int failed = rig_servers_start(state);

	rig_open(&rig, *state);
	rig.overrides[4] = "worker.batch.max.records=1"; /* a backlog that is seen */
	rig.overrides[5] = "kafka.statistics.interval.ms=1000";
	prometheus_start(&prometheus);
	/* what may fire while it starts is not asked about */
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	prometheus_target(&prometheus, 0, worker());
	return failed;
}

static int tear_down(void **state)
{
	prometheus_stop(&prometheus);
	rig_close(&rig);
	return rig_servers_stop(state);
}

static void rest(const char *fault, int64_t duration_ms)
{
	for (int64_t end = co_tk_now_ms() + duration_ms; co_tk_now_ms() < end; co_tk_sleep_ms(200))
		prometheus_look(&prometheus, fault);
}

/* Waits for the page to answer `status` within the time; with `live`, /livez says 200 all the while. */
static void expect_ready(int status, int64_t timeout_ms)
{
	int64_t began = co_tk_now_ms();

	while (co_tk_worker_get(worker(), "/readyz", NULL) != status) {
		assert_int_equal(await_answer(worker(), "/livez", NULL), 200);
		if (co_tk_now_ms() - began > timeout_ms)
			fail_msg("/readyz is not %d within %lld ms", status, (long long)timeout_ms);
		co_tk_sleep_ms(100);
	}
	printf("  /readyz %d after %lld ms\n", status, (long long)(co_tk_now_ms() - began));
}

/* Of a session that there is not; keyed rightly, so it is not forwarded. */
static void send_get(const char *id)
{
	static const char nobody[] = "b6df8625-cd25-4123-b345-638aa7b5d011";

	rig_send(&rig, nobody, "get", id, nobody, NULL);
}

/* ---- the scenes ---- */

static void rest__nobody_does_anything__nothing_fires(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		rest("none", 500);
		for (size_t k = 0; k < prometheus.alert_count; k++)
			if (prometheus.alerts[k].fires)
				fail_msg("%s fires without a fault", prometheus.alerts[k].name);
	}
	assert_true(prometheus_holds(&prometheus, "up"));
	assert_true(prometheus_holds(&prometheus, "checkout_kafka_brokers_up"));
	assert_true(prometheus_holds(&prometheus, "checkout_kafka_group_steady"));
	assert_true(prometheus_holds(&prometheus, "count(count%20by%20(partition)(checkout_partition_lag_seconds>=0))==4"));
	assert_true(prometheus_holds(&prometheus, "checkout_kafka_transaction_lanes{state=\"ready\"}"));
}

/* The exposition as Prometheus' own linter sees it. */
static void metrics__promtool__finds_nothing(void **state)
{
	char *body = NULL, *path = co_tk_format("%s/metrics", prometheus.directory);
	char *log = co_tk_format("%s/promtool.log", prometheus.directory);
	char *command = co_tk_format("promtool check metrics <%s", path);
	const char *const argv[] = {"sh", "-c", command, NULL};

	(void)state;
	assert_int_equal(await_answer(worker(), "/metrics", &body), 200);
	co_tk_write_file(path, body);
	int status = co_tk_run(&(struct co_tk_spawn){.argv = argv, .log = log}, 60000);
	char *found = co_tk_read_file(log, NULL);
	if (status != 0 || *found)
		fail_msg("promtool check metrics: status %d\n%s", status, found);
	free(found);
	free(command);
	free(log);
	free(path);
	free(body);
}

static void send_astray(int number)
{
	char id[32];
	snprintf(id, sizeof(id), "astray-%d", number);
	const struct co_header headers[] = {
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},       {CO_VIEW("ce_id"), co_view_cstr(id)},
		{CO_VIEW("ce_source"), CO_VIEW("/ops")},           {CO_VIEW("ce_type"), CO_VIEW("checkout.session.validate")},
		{CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)}, {CO_VIEW("reply_to"), CO_VIEW("somebody-elses-topic")}};
	const struct co_message message = {.topic = co_view_cstr(rig.commands),
									   .partition = -1,
									   .timestamp_ms = -1,
									   .value = CO_VIEW("{}"),
									   .header_count = 6,
									   .headers = headers};
	co_tk_send(rig.producer, &message, NULL);
}

static bool all_fired(const char *const *names, const char *fault)
{
	for (; *names; names++)
		if (!prometheus_fired(&prometheus, *names, fault))
			return false;
	return true;
}

static void commands__wrong_ones__refusals_dead_letters_redirections(void **state)
{
	static const char *const alerts[] = {"CheckoutRefusals", "CheckoutDeadLetters", "CheckoutRepliesRedirected", NULL};
	const char *fault = "a client that sends nothing but mistakes";
	int64_t end = co_tk_now_ms() + FIRE_MS;

	(void)state;
	/* The rates are over seconds here, so the client goes on until it is noticed. */
	for (int i = 0; i < 25 || !all_fired(alerts, fault); i++) {
		char id[32];

		if (co_tk_now_ms() > end)
			break;
		snprintf(id, sizeof(id), "wrong-%d", i);
		send_get(id);
		rig_send(&rig, "k", "create", id, NULL, "{");
		send_astray(i);
		rest(fault, 200);
	}
	prometheus_expect(&prometheus, fault, alerts, 0);
}

/* Its answer would be under a key that leaves it no room. */
static void command__outputs_too_large__own_fault(void **state)
{
	enum { KEY = 1000000 };
	char *key = co_tk_alloc(KEY + 1);

	(void)state;
	memset(key, 'k', KEY);
	key[KEY] = '\0';
	rig_send(&rig, key, "validate", "poison", NULL,
			 "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,"
			 "\"merchantTransactionId\":\"t\"}}");
	free(key);
	prometheus_expect(&prometheus, "a poisoned command", ALERTS("CheckoutOwnFaults"), FIRE_MS);
}

/* What SIGHUP has done so far: each time the settings and then the registry are read again. */
static double reloads(void)
{
	return await_value(worker(), "checkout_settings_reloads_total{result=\"committed\"}") +
		   await_value(worker(), "checkout_settings_reloads_total{result=\"failed\"}") +
		   await_value(worker(), "checkout_registry_reloads_total{result=\"committed\"}") +
		   await_value(worker(), "checkout_registry_reloads_total{result=\"failed\"}");
}

/* SIGHUP, and waits until both were read. */
static void hang_up(void)
{
	double before = reloads();

	co_tk_worker_signal(worker(), SIGHUP);
	for (int64_t end = co_tk_now_ms() + 60000; reloads() < before + 2; co_tk_sleep_ms(50))
		co_tk_check(co_tk_now_ms() < end, "SIGHUP has no effect");
}

static void registry__broken_file__reload_failed(void **state)
{
	const struct rig_servers *servers = *state;
	char *good = co_tk_read_file(servers->registry, NULL);

	co_tk_write_file(servers->registry, "{\"merchants\":[");
	hang_up();
	prometheus_expect(&prometheus, "SIGHUP with a broken registry file", ALERTS("CheckoutReloadFailed"), FIRE_MS);
	co_tk_write_file(servers->registry, good);
	hang_up();
	free(good);
}

/* Rewrites the worker's configuration with `from` as `to` and has it read again; the log's size before that. */
static size_t change_config(const char *good, const char *from, const char *to)
{
	char *path = co_tk_format("%s/session-worker.conf", worker()->directory), *at = strstr(good, from);
	char *text = co_tk_format("%.*s%s%s", (int)(at - good), good, to, at + strlen(from));
	size_t before = await_log_size(worker());

	co_tk_write_file(path, text);
	hang_up();
	free(text);
	free(path);
	return before;
}

/* [log] alone is taken over; a file with a mistake changes nothing, and what else it says is not looked at. */
static void log__sighup__level_and_format_of_the_file(void **state)
{
	char *path = co_tk_format("%s/session-worker.conf", worker()->directory);
	char *good = co_tk_read_file(path, NULL);

	(void)state;
	assert_non_null(strstr(good, "format = json"));
	await_log(worker(), change_config(good, "format = json", "format = text"),
			  " info log.reloaded: the settings of [log] were read again", "");
	await_log(worker(), change_config(good, "format = json", "format = loud"), " error log.kept: ", "");
	(void)change_config(good, "level = info", "level = error");
	hang_up(); /* what the one before it had still to say is said */
	size_t quiet = await_log_size(worker());
	hang_up();
	hang_up();
	assert_int_equal(await_log_size(worker()), quiet);
	await_log(worker(), change_config(good, "level = info", "level = info"), "\"event.action\":\"log.reloaded\"", "");
	assert_true(await_value(worker(), "checkout_settings_reloads_total{result=\"failed\"}") == 1);
	assert_int_equal(await_answer(worker(), "/readyz", NULL), 200);
	free(good);
	free(path);
}

/* What people see of the running worker. */
static void page__running_worker__shown(void **state)
{
	char *body = NULL;

	(void)state;
	assert_int_equal(await_answer(worker(), "/", &body), 200);
	assert_non_null(strstr(body, "<span class=ok>ready</span>"));
	assert_non_null(strstr(body, "<tr><td>9300100<td class=t>SESSION_NOT_FOUND<td>"));
	assert_non_null(strstr(body, "4 of 4 partitions"));
	assert_non_null(strstr(body, "bootstrap.servers = 127.0.0.1:"));
	free(body);
}

/* Redis loses everything at once; then one record of it is overwritten by somebody else. */
static void redis__emptied_and_overwritten__rebuilt_and_unreadable(void **state)
{
	struct rig_servers *servers = *state;
	char sid[37];

	co_tk_redis_flush(&servers->redis);
	send_get("after-flush");
	prometheus_expect(&prometheus, "FLUSHALL", ALERTS("CheckoutViewRebuilt"), FIRE_MS);

	rig_session_id("long", sid);
	rig_send(&rig, sid, "create", "long-1", NULL,
			 "{\"referenceId\":\"long\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	assert_non_null(rig_reply(&rig, "long-1", 60000));
	redisReply *keys = co_tk_redis_call(&servers->redis, "KEYS *%s", sid);
	/* Redis follows the commit */
	for (int64_t end = co_tk_now_ms() + 60000; keys->elements == 0 && co_tk_now_ms() < end; co_tk_sleep_ms(50)) {
		freeReplyObject(keys);
		keys = co_tk_redis_call(&servers->redis, "KEYS *%s", sid);
	}
	assert_int_equal(keys->elements, 1);
	freeReplyObject(co_tk_redis_call(&servers->redis, "SET %s rubbish", keys->element[0]->str));
	freeReplyObject(keys);
	rig_send(&rig, sid, "get", "long-2", sid, NULL);
	prometheus_expect(&prometheus, "a stored session overwritten in Redis", ALERTS("CheckoutSessionsUnreadable"),
					  FIRE_MS);
}

/* A payment that its processor never reports; the alert needs a quarter of an hour, here of seconds. */
static void payment__never_reported__overdue(void **state)
{
	char sid[37];

	(void)state;
	rig_session_id("silent", sid);
	rig_send(&rig, sid, "create", "silent-1", NULL,
			 "{\"referenceId\":\"silent\",\"ttlSeconds\":5,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	rig_send(&rig, sid, "authorize", "silent-2", sid,
			 "{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000,"
			 "\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
			 "\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}");
	prometheus_expect(&prometheus, "a processor that does not report", ALERTS("CheckoutPaymentsOverdue"), FIRE_MS);
}

/* One command a transaction, on one partition: hundreds of them take longer than the 5 s that clients are told. */
static void backlog__more_than_it_can_do__behind_and_late(void **state)
{
	const char *fault = "a backlog";
	char id[32];

	(void)state;
	for (int i = 0; i < 1200; i++) {
		snprintf(id, sizeof(id), "backlog-%d", i);
		send_get(id);
	}
	prometheus_expect(&prometheus, fault, ALERTS("CheckoutPartitionBehind", "CheckoutRepliesLate"), FIRE_MS);
	assert_non_null(rig_reply(&rig, id, 240000));
	assert_false(prometheus_fired(&prometheus, "CheckoutPartitionStuck", fault)); /* behind is not stuck */
}

/* How often the first worker is not ready, for so long and until the newcomer (NULL: none) is. */
static int ask_on(const char *fault, int64_t duration_ms, struct co_tk_worker *newcomer, int *asked)
{
	int refused = 0, here = 0;
	int64_t begin = co_tk_now_ms();

	for (; here < 40 || co_tk_now_ms() < begin + duration_ms || (newcomer && !co_tk_worker_is_ready(newcomer));
		 here++) {
		co_tk_check(co_tk_now_ms() < begin + 120000, "a worker that joins is not ready");
		refused += await_answer(worker(), "/readyz", NULL) != 200;
		prometheus_look(&prometheus, fault);
		co_tk_sleep_ms(50);
	}
	*asked += here;
	return refused;
}

static bool send_away(int index)
{
	prometheus_target(&prometheus, (size_t)index, NULL);
	co_tk_worker_stop(&rig.workers[index]);
	return await_answer(worker(), "/readyz", NULL) != 200;
}

static bool fires(const char *fault, const char *name)
{
	prometheus_look(&prometheus, fault);
	return prometheus_fired(&prometheus, name, fault);
}

/* Other workers come; the first one gives partitions away each time and never stops being ready. */
static void group__members_come_and_go__rebalancing_and_ready_all_along(void **state)
{
	const char *fault = "workers that join one after the other";
	int asked = 0, refused = 0;

	(void)state;
	for (int i = 1; i < 4; i++) {
		start_worker(i);
		refused += ask_on(fault, 6000, &rig.workers[i], &asked);
	}
	for (int i = 1; i < 4; i++)
		refused += send_away(i);
	refused += ask_on(fault, 10000, NULL, &asked);
	/* Where a worker takes long to start there are fewer rebalances a second: more of them then. */
	for (int64_t end = co_tk_now_ms() + FIRE_MS; !fires(fault, "CheckoutRebalancing") && co_tk_now_ms() < end;) {
		start_worker(1);
		refused += ask_on(fault, 0, &rig.workers[1], &asked);
		refused += send_away(1);
	}
	prometheus_expect(&prometheus, fault, ALERTS("CheckoutRebalancing"), FIRE_MS);
	printf("  /readyz asked %d times over the rebalances, %d times not ready\n", asked, refused);
	assert_true(asked > 100);
	assert_int_equal(refused, 0);
}

/* Redis away while a deadline passes: the lane waits, /readyz says so, /livez does not mind; afterwards the session
 * expires late. */
static void redis__away__lane_down_stuck_and_late(void **state)
{
	struct rig_servers *servers = *state;
	const char *fault = "Redis stopped";

	rig_send(&rig, NULL, "create", "late-1", NULL,
			 "{\"referenceId\":\"late\",\"ttlSeconds\":10,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	assert_non_null(rig_reply(&rig, "late-1", 60000));
	int64_t deadline = co_tk_now_ms() + 10000; /* at the latest */
	co_tk_redis_kill(&servers->redis);
	send_get("in-vain");
	expect_ready(503, TURN_MS);
	prometheus_expect(&prometheus, fault, ALERTS("CheckoutLaneDown", "CheckoutRedisFailing", "CheckoutPartitionStuck"),
					  FIRE_MS);
	rest(fault, deadline + 6000 - co_tk_now_ms()); /* the alert is for more than 5 s */
	assert_int_equal(await_answer(worker(), "/livez", NULL), 200);
	co_tk_redis_restart(&servers->redis);
	expect_ready(200, TURN_MS);
	prometheus_expect(&prometheus, "deadlines that passed while Redis was stopped", ALERTS("CheckoutExpiriesLate"),
					  FIRE_MS);
}

/* A worker that starts without Redis is a member, and its partitions are nobody's. */
static void redis__away_at_the_start__partitions_unheld(void **state)
{
	struct rig_servers *servers = *state;

	co_tk_worker_stop(worker());
	co_tk_redis_kill(&servers->redis);
	start_worker(0);
	prometheus_expect(&prometheus, "a worker started while Redis is stopped", ALERTS("CheckoutPartitionUnheld"),
					  FIRE_MS);
	co_tk_redis_restart(&servers->redis);
	rig_wait_ready(&rig, 0);
}

static void kafka__away__told(void **state)
{
	struct rig_servers *servers = *state;

	co_tk_kafka_kill(&servers->kafka);
	expect_ready(503, TURN_MS);
	prometheus_expect(&prometheus, "Kafka killed", ALERTS("CheckoutKafkaAway"), FIRE_MS);
	assert_int_equal(await_answer(worker(), "/livez", NULL), 200);
	co_tk_kafka_restart(&servers->kafka);
	expect_ready(200, 60000);
}

static void worker__killed__told(void **state)
{
	(void)state;
	co_tk_worker_kill(worker());
	prometheus_expect(&prometheus, "the worker killed", ALERTS("CheckoutWorkerDown"), FIRE_MS);
}

/* None of the file's alerts was left out above. */
static void alerts__all_of_the_file__have_fired(void **state)
{
	(void)state;
	for (size_t i = 0; i < prometheus.alert_count; i++)
		if (!prometheus.alerts[i].fault)
			fail_msg("no fault has fired %s", prometheus.alerts[i].name);
	printf("  %zu alerts, all fired\n", prometheus.alert_count);
}

static void scaled__rules__only_times_change(void **state)
{
	char *scaled = prometheus_scaled("a[5m] > 10 [x]\n  for: 15m\n  for: 0s\n  for: 30s # [2m]\n");

	(void)state;
	assert_string_equal(scaled, "a[10s] > 10 [x]\n  for: 15s\n  for: 0s\n  for: 2s # [6s]\n");
	free(scaled);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scaled__rules__only_times_change),
		cmocka_unit_test(rest__nobody_does_anything__nothing_fires),
		cmocka_unit_test(metrics__promtool__finds_nothing),
		cmocka_unit_test(commands__wrong_ones__refusals_dead_letters_redirections),
		cmocka_unit_test(page__running_worker__shown),
		cmocka_unit_test(command__outputs_too_large__own_fault),
		cmocka_unit_test(registry__broken_file__reload_failed),
		cmocka_unit_test(log__sighup__level_and_format_of_the_file),
		cmocka_unit_test(redis__emptied_and_overwritten__rebuilt_and_unreadable),
		cmocka_unit_test(payment__never_reported__overdue),
		cmocka_unit_test(backlog__more_than_it_can_do__behind_and_late),
		cmocka_unit_test(group__members_come_and_go__rebalancing_and_ready_all_along),
		cmocka_unit_test(redis__away__lane_down_stuck_and_late),
		cmocka_unit_test(redis__away_at_the_start__partitions_unheld),
		cmocka_unit_test(kafka__away__told),
		cmocka_unit_test(worker__killed__told),
		cmocka_unit_test(alerts__all_of_the_file__have_fired),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
