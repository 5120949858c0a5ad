/* Retention (contract section 5, Time): an ended session is answered as ended until `worker.retention.seconds` after
 * its last change, to the millisecond of the log's clock; from then on it is unknown, has a tombstone in `state`, and
 * nothing of it is left in Redis. */
#include "await.h"
#include "it.h"
#include "oracle_internal.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETENTION_MS 2000
#define SESSIONS 3000
/* Of the memory that the sessions took, so much may stay once they are gone: Redis keeps buffers of its connections and
 * shrinks its tables by and by. */
#define MEMORY_LEFT_PART 10

static void open_rig(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	for (size_t i = 0; i < sizeof(rig->overrides) / sizeof(*rig->overrides); i++)
		if (!rig->overrides[i]) {
			rig->overrides[i] = "worker.retention.seconds=2";
			break;
		}
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
}

static void send_create(struct rig *rig, const char *reference, char sid[37])
{
	char id[80], data[600];

	snprintf(id, sizeof(id), "%s.create", reference);
	snprintf(data, sizeof(data),
			 "{\"referenceId\":\"%s\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\",\"metadata\":{\"note\":"
			 "\"ninety characters that make the session a little larger than it would have to be\"}}}",
			 reference);
	rig_session_id(reference, sid);
	rig_send(rig, sid, "create", id, NULL, data);
}

static void send_end(struct rig *rig, const char *reference, const char *sid, const char *type)
{
	char id[80];

	snprintf(id, sizeof(id), "%s.%s", reference, type);
	rig_send(rig, sid, type, id, sid, NULL);
}

/* A record on every partition: it moves the clock, and that is all. */
static void move_clocks(struct rig *rig)
{
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.tick")}};

	for (int32_t partition = 0; partition < RIG_PARTITIONS; partition++) {
		const struct co_message message = {.topic = {rig->commands, strlen(rig->commands)},
										   .partition = partition,
										   .timestamp_ms = -1,
										   .header_count = 2,
										   .headers = headers};
		co_tk_send(rig->producer, &message, NULL);
	}
	co_tk_producer_flush(rig->producer);
}

/* ---- to the millisecond ---- */

struct end {
	const char *type, *reference, *code; /* of a `complete` while it is kept */
};

/* Until when the session of a reply to its end is kept. */
static int64_t kept_until(const struct co_tk_record *end)
{
	json_t *body = co_tk_json(end->r.value);
	int64_t until = co_oracle_instant(co_tk_text_at(body, "session.updatedAt")) + RETENTION_MS;

	json_decref(body);
	return until;
}

/* Sends one `complete` after the other, not waiting for answers, until well after the end of the retention, whose
 * moment is told by the reply to the session's end; how many. */
static int ask_over_the_end(struct rig *rig, const struct end *end, const char *sid, int64_t *until)
{
	const struct co_tk_record *reply = NULL;
	char end_id[64], id[64];
	int sent = 0;

	snprintf(end_id, sizeof(end_id), "%s.%s", end->reference, end->type);
	for (int more = 10; more > 0; more -= reply && co_tk_wall_ms() > *until + 100) {
		co_tk_check(sent < 20000, "no reply to %s", end_id);
		snprintf(id, sizeof(id), "%s.%d", end->reference, sent++);
		rig_send(rig, sid, "complete", id, sid, NULL);
		if (sent <= 10)
			continue; /* some have to be there before it is over */
		if (reply) {
			co_tk_reader_poll(&rig->reader, 10);
			continue;
		}
		reply = rig_reply(rig, end_id, 10);
		if (reply)
			*until = kept_until(reply);
	}
	return sent;
}

/* Asked again and again over the end of the retention: each answer is the one for its record's time. */
static void session__asked_over_the_end_of_retention__unknown_from_then_on(void **state)
{
	static const struct end ends[] = {
		{"cancel", "kept-1", "9300106"}, {"expire", "kept-2", "9300105"}, {"fail", "kept-3", "9300107"}};
	struct rig rig;

	open_rig(&rig, state);
	for (size_t e = 0; e < sizeof(ends) / sizeof(*ends); e++) {
		size_t kept = 0, unknown = 0;
		char sid[37], id[64];
		int64_t until = 0;

		send_create(&rig, ends[e].reference, sid);
		send_end(&rig, ends[e].reference, sid, ends[e].type);
		int sent = ask_over_the_end(&rig, &ends[e], sid, &until);
		for (int n = 0; n < sent; n++) {
			snprintf(id, sizeof(id), "%s.%d", ends[e].reference, n);
			const struct co_tk_record *reply = rig_reply(&rig, id, 60000);
			assert_non_null(reply);
			json_t *time =
				json_pack("{s:o}", "time",
						  json_stringn(co_tk_header(&reply->r, "ce_time").ptr, co_tk_header(&reply->r, "ce_time").len));
			bool over = co_oracle_instant(co_tk_text_at(time, "time")) >= until;
			json_decref(time);
			if (!co_tk_header_is(&reply->r, "checkout-error-code", over ? "9300100" : ends[e].code)) {
				char *shown = co_tk_show(reply->r.value);
				fail_msg("%s, %s the end of the retention: %s", ends[e].type, over ? "after" : "before", shown);
			}
			kept += !over;
			unknown += over;
		}
		printf("retention: %zu answered as kept, %zu as unknown\n", kept, unknown);
		assert_true(kept >= 5 && unknown >= 5);
	}
	rig_close(&rig);
}

/* ---- nothing is left ---- */

static long long used_memory(struct rig *rig)
{
	redisReply *reply = co_tk_redis_call(&rig->servers->redis, "INFO memory");
	const char *at = strstr(reply->str, "used_memory:");
	long long used = at ? strtoll(at + strlen("used_memory:"), NULL, 10) : -1;

	freeReplyObject(reply);
	assert_true(used > 0);
	return used;
}

/* Keys of this rig, but for the markers of its partitions. */
static size_t keys_left(struct rig *rig, char *one, size_t room)
{
	redisReply *reply = co_tk_redis_call(&rig->servers->redis, "KEYS %s:*", rig->key_prefix);
	size_t count = 0;

	for (size_t i = 0; i < reply->elements; i++) {
		const char *key = reply->element[i]->str;
		size_t length = strlen(key);
		if (length > 2 && strcmp(key + length - 2, ":m") == 0)
			continue;
		snprintf(one, room, "%s", key);
		count++;
	}
	freeReplyObject(reply);
	return count;
}

/* Tombstones in `state`, each the last record of its key. */
static size_t tombstones(struct rig *rig)
{
	char topic[48];
	size_t count = 0;

	snprintf(topic, sizeof(topic), "%sstate", rig->prefix);
	for (size_t i = 0; i < rig->reader.log.count; i++) {
		const struct co_tk_record *record = rig->reader.log.records[i];
		count += co_tk_is(record->topic, topic) && !record->r.value.ptr;
	}
	return count;
}

static void sessions__retention_over__gone_from_state_and_redis(void **state)
{
	char reference[32], sid[37], key[256] = "";
	struct rig rig;

	open_rig(&rig, state);
	rig_send(&rig, NULL, "validate", "warm-up", NULL, "{}");
	assert_non_null(rig_reply(&rig, "warm-up", 60000));
	long long before = used_memory(&rig);
	for (int i = 0; i < SESSIONS; i++) {
		snprintf(reference, sizeof(reference), "gone-%d", i);
		send_create(&rig, reference, sid);
	}
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	/* Redis follows the commit; and four `due` */
	for (int64_t end = co_tk_now_ms() + 60000;
		 keys_left(&rig, key, sizeof(key)) < SESSIONS + RIG_PARTITIONS && co_tk_now_ms() < end;)
		co_tk_sleep_ms(50);
	assert_int_equal(keys_left(&rig, key, sizeof(key)), SESSIONS + RIG_PARTITIONS);
	long long full = used_memory(&rig);
	for (int i = 0; i < SESSIONS; i++) {
		snprintf(reference, sizeof(reference), "gone-%d", i);
		rig_session_id(reference, sid);
		send_end(&rig, reference, sid, "cancel");
	}
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	size_t left = SESSIONS;
	for (int64_t end = co_tk_now_ms() + 120000; left && co_tk_now_ms() < end;) {
		co_tk_reader_poll(&rig.reader, 500);
		move_clocks(&rig);
		assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
		co_tk_sleep_ms(200); /* Redis follows the commit */
		left = keys_left(&rig, key, sizeof(key));
	}
	if (left)
		fail_msg("%zu keys are left, such as %s", left, key);
	assert_true(co_tk_reader_catch_up(&rig.reader, 60000));
	assert_int_equal(tombstones(&rig), SESSIONS);
	await_metric(&rig.workers[0], "checkout_sessions_forgotten_total", SESSIONS);
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_sessions_forgotten_total") == SESSIONS);
	long long after = used_memory(&rig), bound = before + (full - before) / MEMORY_LEFT_PART;
	for (int64_t end = co_tk_now_ms() + 60000; after > bound && co_tk_now_ms() < end; after = used_memory(&rig))
		co_tk_sleep_ms(500);
	printf("retention: Redis used %lld bytes before, %lld with %d sessions (%lld each), %lld after\n", before, full,
		   SESSIONS, (full - before) / SESSIONS, after);
	assert_true(full - before > SESSIONS * 300LL); /* or nothing was measured */
	assert_in_range(after, 0, bound);
	/* A session of the same reference is a new one. */
	send_create(&rig, "gone-0", sid);
	rig_send(&rig, sid, "get", "again", sid, NULL);
	const struct co_tk_record *reply = rig_reply(&rig, "again", 60000);
	assert_non_null(reply);
	assert_true(co_tk_header_is(&reply->r, "checkout-status", "200"));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(session__asked_over_the_end_of_retention__unknown_from_then_on),
		cmocka_unit_test(sessions__retention_over__gone_from_state_and_redis),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
