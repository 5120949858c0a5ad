/* The life of a session as a user sees it, on the shipped service: created, paid, repeated, expired, refused. */
#include "await.h"
#include "it.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_reply(struct rig *rig, const char *id, const char *status, const char *code)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 60000);

	if (!reply)
		fail_msg("no reply to %s", id);
	if (!co_tk_header_is(&reply->r, "checkout-status", status)) {
		char *value = co_tk_show(reply->r.value);
		fail_msg("%s: wanted status %s: %s", id, status, value);
	}
	if (code)
		assert_true(co_tk_header_is(&reply->r, "checkout-error-code", code));
	else
		assert_null(co_tk_header(&reply->r, "checkout-error-code").ptr);
}

static void expect_state(struct rig *rig, const char *id, const char *status, const char *payment, int version)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 60000);
	json_t *body = reply ? co_tk_json(reply->r.value) : NULL;

	assert_non_null(body);
	assert_string_equal(co_tk_text_at(body, "session.status"), status);
	assert_string_equal(co_tk_text_at(body, "session.payment.status"), payment);
	assert_int_equal(json_integer_value(co_tk_at(body, "session.version")), version);
	json_decref(body);
}

/* create → authorize → capture → the processor's word → get: 201, 200…, and the session succeeded. */
static void story__payment_in_time__succeeds(void **state)
{
	static const char authorize[] =
		"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\",\"type\":\"credit\"},\"amount\":1000,"
		"\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
		"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}";
	struct rig rig;
	char sid[37];

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("order-1", sid);

	rig_send(&rig, sid, "create", "c-1", NULL,
			 "{\"referenceId\":\"order-1\",\"ttlSeconds\":600,\"capture\":false,\"config\":{\"modes\":"
			 "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	rig_send(&rig, sid, "authorize", "c-2", sid, authorize);
	rig_send(&rig, sid, "capture", "c-3", sid, "{}");
	rig_send(&rig, sid, "payment_update", "c-4", sid,
			 "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}");
	rig_send(&rig, sid, "get", "c-5", sid, NULL);
	rig_send(&rig, sid, "cancel", "c-6", sid, NULL);

	expect_reply(&rig, "c-1", "201", NULL);
	expect_state(&rig, "c-1", "open", "requires_payment_method", 1);
	expect_reply(&rig, "c-2", "200", NULL);
	expect_state(&rig, "c-2", "open", "authorised", 2);
	expect_reply(&rig, "c-3", "200", NULL);
	expect_state(&rig, "c-3", "open", "processing", 3);
	expect_reply(&rig, "c-5", "200", NULL);
	expect_state(&rig, "c-5", "succeeded", "succeeded", 4);
	expect_reply(&rig, "c-6", "409", "9300104");
	rig_settle_and_check(&rig, 90000, "payment in time");
	rig_close(&rig);
}

static size_t expired(const struct rig *rig)
{
	size_t count = 0;

	for (size_t i = 0; i < rig->reader.log.count; i++)
		count += co_tk_header_is(&rig->reader.log.records[i]->r, "ce_type", "checkout.session.expired");
	return count;
}

/* Sends nothing meanwhile. That there is one a session and no more is for the oracle to say. */
static void await_expired(struct rig *rig, size_t wanted)
{
	for (int64_t end = co_tk_now_ms() + 60000; expired(rig) < wanted; co_tk_reader_poll(&rig->reader, 20))
		co_tk_check(co_tk_now_ms() < end, "%zu of %zu expired within a minute", expired(rig), wanted);
	assert_int_equal(expired(rig), wanted);
}

/* One lane, four partitions, and traffic without a pause on one of them alone: sessions of the others expire in time
 * all the same. */
static void story__other_partition_busy__expires_all_the_same(void **state)
{
	enum { SESSIONS = 12, BUSY_MS = 60000 };
	struct rig rig;
	char sid[37], busy[37], name[32], data[256];

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("busy", busy);
	for (int i = 0; i < SESSIONS; i++) {
		(void)snprintf(name, sizeof(name), "quiet-%d", i);
		(void)snprintf(data, sizeof(data),
					   "{\"referenceId\":\"%s\",\"ttlSeconds\":1,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
					   "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}",
					   name);
		rig_session_id(name, sid);
		rig_send(&rig, sid, "create", name, NULL, data);
	}
	/* The traffic goes on until the last of them has come: no pause of it lets them. */
	int64_t end = co_tk_now_ms() + BUSY_MS;
	for (int i = 0; i % 50 != 0 || expired(&rig) < SESSIONS; i++) {
		co_tk_check(co_tk_now_ms() < end, "fewer than %d expired under traffic", SESSIONS);
		(void)snprintf(name, sizeof(name), "busy-%d", i);
		rig_send(&rig, busy, "get", name, busy, NULL);
		co_tk_reader_poll(&rig.reader, 1);
	}
	rig_settle_and_check(&rig, 90000, "other partition busy");
	rig_close(&rig);
}

/* Nobody comes back: the expired event arrives by itself, close to the deadline, and a late command gets 9300105. */
static void story__nobody_comes_back__expires_once(void **state)
{
	struct rig rig;
	char sid[37];

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("order-2", sid);

	rig_send(&rig, sid, "create", "e-1", NULL,
			 "{\"referenceId\":\"order-2\",\"ttlSeconds\":1,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	expect_reply(&rig, "e-1", "201", NULL);
	await_expired(&rig, 1);
	rig_send(&rig, sid, "complete", "e-2", sid, NULL);
	expect_reply(&rig, "e-2", "401", "9300105");
	rig_settle_and_check(&rig, 90000, "nobody comes back");
	rig_close(&rig);
}

/* What would have to quote a name of 250,000 slashes four times is larger than Kafka takes: the name is cut. An answer
 * under a key that leaves it no room is 9300001 without that key. And the next one comes as if nothing had been. */
static void story__outputs_too_large__answered_all_the_same(void **state)
{
	enum { NAME = 250000, KEY = 1000000 };
	static const char request[] = "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,"
								  "\"merchantTransactionId\":\"t\"}}";
	struct rig rig;
	char *data = co_tk_alloc(NAME + 200), *at = data, *key = co_tk_alloc(KEY + 1);

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	at += sprintf(at, "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,"
					  "\"merchantTransactionId\":\"t\",\"metadata\":{\"");
	memset(at, '/', NAME);
	strcpy(at + NAME, "\":1}}}");
	memset(key, 'k', KEY);
	key[KEY] = '\0';
	rig_send(&rig, NULL, "validate", "l-1", NULL, data);
	rig_send(&rig, key, "validate", "l-2", NULL, request);
	rig_send(&rig, NULL, "validate", "l-3", NULL, request);
	free(data), free(key);

	expect_reply(&rig, "l-1", "400", "9300004");
	const struct co_tk_record *cut = rig_reply(&rig, "l-1", 1000);
	assert_in_range(cut->r.value.len, 2000, 20000);
	expect_reply(&rig, "l-2", "500", "9300001");
	assert_int_equal(rig_reply(&rig, "l-2", 1000)->r.key.len, 0);
	expect_reply(&rig, "l-3", "200", NULL);
	rig_settle_and_check(&rig, 90000, "outputs too large");
	rig_close(&rig);
}

/* Nobody else sends anything, so the partition's clock stands still; the gauge goes by the broker's time. */
static void story__payment_never_reported__overdue_without_traffic(void **state)
{
	char sid[37];
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("silent", sid);
	rig_send(&rig, sid, "create", "s-1", NULL,
			 "{\"referenceId\":\"silent\",\"ttlSeconds\":5,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	rig_send(&rig, sid, "authorize", "s-2", sid,
			 "{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000,"
			 "\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
			 "\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}");
	expect_reply(&rig, "s-2", "200", NULL);
	int64_t until = co_tk_now_ms() + 90000;
	double overdue = 0;
	while (overdue < 1 && co_tk_now_ms() < until) {
		overdue = 0;
		for (int p = 0; p < RIG_PARTITIONS; p++) {
			char gauge[64];
			snprintf(gauge, sizeof(gauge), "checkout_payments_overdue{partition=\"%d\"}", p);
			double told = co_tk_worker_metric(&rig.workers[0], gauge);
			overdue += told > 0 ? told : 0; /* not a number before the first census */
		}
		co_tk_sleep_ms(100);
	}
	assert_true(overdue == 1);
	rig_close(&rig);
}

/* The metrics say what happened. */
static void story__load_without_faults__counted_and_checked(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 2, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 160);
	rig_settle_and_check(&rig, 90000, "load without faults");
	await_metric(&rig.workers[0], "checkout_commands_total{command=\"create\",outcome=\"accepted\"}", 160);
	await_metric(&rig.workers[0], "checkout_commands_total{command=\"create\",outcome=\"replayed\"}", 20);
	assert_true(co_tk_worker_metric(&rig.workers[0],
									"checkout_commands_total{command=\"create\",outcome=\"accepted\"}") == 160);
	assert_true(
		co_tk_worker_metric(&rig.workers[0], "checkout_commands_total{command=\"create\",outcome=\"replayed\"}") == 20);
	await_metric(&rig.workers[0], "checkout_payments_overdue{partition=\"0\"}", 0); /* of the first census */
	assert_int_equal(await_answer(&rig.workers[0], "/livez", NULL), 200);
	assert_int_equal(await_answer(&rig.workers[0], "/startupz", NULL), 200);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(story__payment_in_time__succeeds),
		cmocka_unit_test(story__nobody_comes_back__expires_once),
		cmocka_unit_test(story__other_partition_busy__expires_all_the_same),
		cmocka_unit_test(story__payment_never_reported__overdue_without_traffic),
		cmocka_unit_test(story__outputs_too_large__answered_all_the_same),
		cmocka_unit_test(story__load_without_faults__counted_and_checked),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
