/* Redis loses everything, or goes away, in the midst of load: it is made again from the log, and nobody notices but by
 * the time it takes. And a Redis that would throw sessions away is not worked on. */
#include "await.h"
#include "it.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A Redis that is slow for a moment, as on a busy machine, is none of the faults whose lines are counted. */
static void open_patient(struct rig *rig)
{
	rig_open(rig, rig_shared);
	rig_override(rig, "redis.timeout.ms", "20000");
}

static void run(struct rig *rig)
{
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, 60);
	rig_wait_ready(rig, 0);
}

static void begin(struct rig *rig, void **state)
{
	(void)state;
	rig_open(rig, rig_shared);
	run(rig);
}

static void redis__killed_and_back_empty__rebuilt(void **state)
{
	struct rig rig;

	begin(&rig, state);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
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
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
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

	(void)state;
	rig_open(&rig, rig_shared);
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

static void redis_set(struct rig *rig, const char *name, const char *value)
{
	freeReplyObject(co_tk_redis_call(&rig->servers->redis, "CONFIG SET %s %s", name, value));
}

static void limit_memory(struct rig *rig, const char *maxmemory, const char *policy)
{
	redis_set(rig, "maxmemory", maxmemory);
	redis_set(rig, "maxmemory-policy", policy);
}

/* Lines of the worker's log that hold both words. */
static size_t lines_with(struct rig *rig, const char *event, const char *word)
{
	return await_log_lines(&rig->workers[0], 0, event, word);
}

static void expect_alive(struct rig *rig)
{
	if (co_tk_worker_wait(&rig->workers[0], 0) != -1)
		co_tk_fail("the worker ended while it should wait:\n%s", co_tk_worker_log(&rig->workers[0]));
}

/* Within 15 s (contract section 9), and what a busy machine adds to the asking. */
static void await_not_ready(struct rig *rig)
{
	for (int64_t end_ms = co_tk_now_ms() + 17000; co_tk_worker_get(&rig->workers[0], "/readyz", NULL) != 503;) {
		expect_alive(rig);
		co_tk_check(co_tk_now_ms() < end_ms, "/readyz is not 503 in time:\n%s", co_tk_worker_log(&rig->workers[0]));
		co_tk_reader_poll(&rig->reader, 100);
	}
}

static size_t keys_of(struct rig *rig)
{
	redisReply *keys = co_tk_redis_call(&rig->servers->redis, "KEYS %s:*", rig->key_prefix);
	size_t count = keys->elements;

	freeReplyObject(keys);
	return count;
}

/* What may evict our keys, and what ends it. */
struct eviction {
	const char *policy, *cured_maxmemory, *cured_policy;
};

/* Nothing is read from or written to a Redis that may have thrown sessions away. */
static void redis__evicts_at_start__worker_waits_until_it_does_not(void **state)
{
	const struct eviction *row = *state;
	char reason[96];
	struct rig rig;

	snprintf(reason, sizeof(reason), "maxmemory-policy is %s and maxmemory 1073741824", row->policy);
	open_patient(&rig);
	limit_memory(&rig, "1gb", row->policy);
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 20);
	await_log(&rig.workers[0], 0, "\"redis.evicts\"", reason);
	co_tk_reader_poll(&rig.reader, 7000);
	expect_alive(&rig);
	assert_int_equal(await_answer(&rig.workers[0], "/livez", NULL), 200);
	assert_int_equal(await_answer(&rig.workers[0], "/readyz", NULL), 503);
	assert_int_equal(keys_of(&rig), 0);
	assert_int_equal(lines_with(&rig, "\"redis.evicts\"", reason), 1);
	assert_int_equal(lines_with(&rig, "\"redis.evicts\"", ""), 1);
	assert_int_equal(lines_with(&rig, "\"redis.down\"", ""), 0);
	limit_memory(&rig, row->cured_maxmemory, row->cured_policy);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "Redis evicts at the start");
	limit_memory(&rig, "0", "noeviction");
	rig_close(&rig);
}

/* The connection was good when it was made. */
static void redis__begins_to_evict__worker_waits_until_it_does_not(void **state)
{
	struct rig rig;

	begin(&rig, state);
	limit_memory(&rig, "1gb", "allkeys-lru");
	rig_load(&rig, 20);
	await_not_ready(&rig);
	rig_load(&rig, 20);
	co_tk_reader_poll(&rig.reader, 2000);
	assert_int_equal(lines_with(&rig, "\"redis.evicts\"", "allkeys-lru"), 1);
	await_metric(&rig.workers[0], "checkout_recoveries_total{cause=\"view_down\"}", 1);
	await_metric(&rig.workers[0], "checkout_redis_errors_total{operation=\"connect\"}", 1);
	limit_memory(&rig, "1gb", "noeviction");
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "Redis begins to evict");
	limit_memory(&rig, "0", "noeviction");
	rig_close(&rig);
}

/* Our keys have no time to live, and a limit that is not set is never reached. */
static void redis__policies_that_spare_our_keys__goes_on(void **state)
{
	static const char *const spared[][2] = {{"1gb", "volatile-lru"}, {"0", "allkeys-lru"}, {"1gb", "noeviction"}};
	struct rig rig;

	begin(&rig, state);
	for (size_t i = 0; i < sizeof(spared) / sizeof(*spared); i++) {
		/* not through a mixture of two rows */
		redis_set(&rig, "maxmemory-policy", "noeviction");
		limit_memory(&rig, spared[i][0], spared[i][1]);
		rig_load(&rig, 10);
		co_tk_reader_poll(&rig.reader, 7000);
		if (await_answer(&rig.workers[0], "/readyz", NULL) != 200)
			fail_msg("not ready with maxmemory %s and %s", spared[i][0], spared[i][1]);
	}
	assert_int_equal(lines_with(&rig, "\"redis.evicts\"", ""), 0);
	assert_int_equal(lines_with(&rig, "\"redis.unchecked\"", ""), 0);
	limit_memory(&rig, "0", "noeviction");
	rig_settle_and_check(&rig, 90000, "policies that spare our keys");
	rig_close(&rig);
}

static void load_until_down_with(struct rig *rig, const char *word)
{
	for (int64_t end_ms = co_tk_now_ms() + 60000; lines_with(rig, "\"redis.down\"", word) == 0;) {
		expect_alive(rig);
		co_tk_check(co_tk_now_ms() < end_ms, "no redis.down with %s:\n%s", word, co_tk_worker_log(&rig->workers[0]));
		rig_load(rig, 5);
		co_tk_reader_poll(&rig->reader, 200);
	}
}

/* A fault of another kind is not lost behind the minute of the one before. */
static void redis__another_fault_within_the_minute__named_as_well(void **state)
{
	struct rig rig;

	(void)state;
	open_patient(&rig);
	run(&rig);
	int64_t began_ms = co_tk_now_ms();
	co_tk_redis_kill(&rig.servers->redis);
	await_log(&rig.workers[0], 0, "\"redis.down\"", "");
	assert_int_equal(lines_with(&rig, "\"redis.down\"", ""), 1);
	co_tk_redis_restart(&rig.servers->redis);
	rig_wait_ready(&rig, 0);
	redis_set(&rig, "maxmemory", "1");
	load_until_down_with(&rig, "OOM command not allowed");
	co_tk_reader_poll(&rig.reader, 3000);
	co_tk_check(co_tk_now_ms() - began_ms < 60000, "too slow to tell: %lld ms", (long long)(co_tk_now_ms() - began_ms));
	assert_int_equal(lines_with(&rig, "\"redis.down\"", "OOM"), 1);
	redis_set(&rig, "maxmemory", "0");
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "one fault after the other");
	rig_close(&rig);
}

/* As Kafka's clients are called (docs/names.md). */
static void redis__connections__have_names(void **state)
{
	static const struct {
		const char *role;
		int lane;
	} wanted[] = {{"lane", 0}, {"lane", 1}, {"health", 0}};
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	rig_start(&rig, 0, 2, NULL);
	rig_load(&rig, 20);
	rig_wait_ready(&rig, 0);
	redisReply *clients = co_tk_redis_call(&rig.servers->redis, "CLIENT LIST");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		char field[96];
		snprintf(field, sizeof(field), " name=checkout-%s-%sw0-%d ", wanted[i].role, rig.prefix, wanted[i].lane);
		if (!strstr(clients->str, field))
			fail_msg("no%sin\n%s", field, clients->str);
	}
	freeReplyObject(clients);
	rig_settle_and_check(&rig, 90000, "names of connections");
	rig_close(&rig);
}

static struct eviction lru = {"allkeys-lru", "1gb", "noeviction"};
static struct eviction lfu = {"allkeys-lfu", "1gb", "volatile-ttl"};
static struct eviction chance = {"allkeys-random", "0", "allkeys-random"};

#define EVICTS(row)                                                                                                  \
	{                                                                                                                \
		"redis__evicts_at_start__worker_waits: " #row, redis__evicts_at_start__worker_waits_until_it_does_not, NULL, \
			NULL, &(row)                                                                                             \
	}

/* The reply is committed before the view has the session. */
static void await_key(struct rig *rig, const char *sid)
{
	for (int64_t end_ms = co_tk_now_ms() + 60000;; co_tk_sleep_ms(20)) {
		redisReply *keys = co_tk_redis_call(&rig->servers->redis, "KEYS %s:*:s:*%s", rig->key_prefix, sid);
		size_t found = keys->elements;
		freeReplyObject(keys);
		if (found == 1)
			return;
		co_tk_check(co_tk_now_ms() < end_ms, "Redis has %zu keys of %s", found, sid);
	}
}

/* Somebody deletes sessions from Redis and nothing else, or puts something else in their place: no answer may come from
 * what is left. */
static void redis__sessions_deleted__rebuilt_when_they_are_asked_for(void **state)
{
	char sid[37], id[32];
	struct rig rig;

	begin(&rig, state);
	rig_session_id("taken", sid);
	rig_send(
		&rig, sid, "create", "taken-1", NULL,
		"{\"referenceId\":\"taken\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":"
		"{\"amount\":1,\"merchantTransactionId\":\"t\"}}");
	assert_non_null(rig_reply(&rig, "taken-1", 60000));
	for (int i = 0; i < 3; i++) {
		await_key(&rig, sid);
		redisReply *keys = co_tk_redis_call(&rig.servers->redis, "KEYS %s:*:s:*", rig.key_prefix);
		assert_true(keys->elements > 0);
		for (size_t k = 0; k < keys->elements; k++) {
			freeReplyObject(co_tk_redis_call(&rig.servers->redis, "DEL %s", keys->element[k]->str));
			if (i == 1)
				freeReplyObject(co_tk_redis_call(&rig.servers->redis, "LPUSH %s x", keys->element[k]->str));
		}
		freeReplyObject(keys);
		snprintf(id, sizeof(id), "taken-get-%d", i);
		rig_send(&rig, sid, "get", id, sid, NULL);
		const struct co_tk_record *reply = rig_reply(&rig, id, 60000);
		assert_non_null(reply);
		assert_true(co_tk_header_is(&reply->r, "checkout-status", "200"));
	}
	rig_send(&rig, sid, "cancel", "taken-end", sid, NULL); /* so that nobody waits for its deadline */
	assert_non_null(rig_reply(&rig, "taken-end", 60000));
	rig_settle_and_check(&rig, 90000, "sessions deleted from Redis");
	/* a key of another type is damage, and no fault of Redis that the lane would have to wait for */
	char *log = co_tk_worker_log(&rig.workers[0]);
	assert_null(strstr(log, "WRONGTYPE"));
	free(log);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis__killed_and_back_empty__rebuilt),
		cmocka_unit_test(redis__flushed_in_mid_run__rebuilt),
		cmocka_unit_test(redis__away_over_deadlines__events_come_late_and_once),
		cmocka_unit_test(redis__away_at_start__worker_waits),
		EVICTS(lru),
		EVICTS(lfu),
		EVICTS(chance),
		cmocka_unit_test(redis__begins_to_evict__worker_waits_until_it_does_not),
		cmocka_unit_test(redis__policies_that_spare_our_keys__goes_on),
		cmocka_unit_test(redis__another_fault_within_the_minute__named_as_well),
		cmocka_unit_test(redis__connections__have_names),
		cmocka_unit_test(redis__sessions_deleted__rebuilt_when_they_are_asked_for),
	};

	return cmocka_run_group_tests(tests, rig_shared_start, rig_shared_stop);
}
