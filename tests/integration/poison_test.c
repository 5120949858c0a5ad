/* Outputs that Kafka does not take: the command behind them is found, answered 9300001 (or by another way), everything
 * around it is answered as ever, and the lane goes on (contract sections 2 and 7). */
#include "it.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A command with a reply topic of its own; it is for no session in particular. */
static void send_to(struct rig *rig, const char *type, const char *id, const char *reply_topic, struct co_view data)
{
	char full_type[64], sid[37];
	rig_session_id("poison", sid);
	struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
								  {CO_VIEW("ce_id"), {id, strlen(id)}},
								  {CO_VIEW("ce_source"), CO_VIEW("/rig")},
								  {CO_VIEW("ce_type"), {full_type, 0}},
								  {CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)},
								  {CO_VIEW("ce_subject"), {sid, 36}},
								  {CO_VIEW("reply_to"), {reply_topic, reply_topic ? strlen(reply_topic) : 0}}};

	headers[3].value.len = (size_t)snprintf(full_type, sizeof(full_type), "checkout.session.%s", type);
	const struct co_message message = {.topic = {rig->commands, strlen(rig->commands)},
									   .partition = -1,
									   .timestamp_ms = -1,
									   .key = {sid, 36},
									   .value = data,
									   .header_count = reply_topic ? 7 : 6,
									   .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
}

static bool is_by_default(const struct rig *rig, const struct co_tk_record *reply)
{
	char *name = co_tk_format("%sreplies", rig->prefix);
	bool same = co_tk_is(reply->topic, name);

	free(name);
	return same;
}

static size_t count_replies(struct rig *rig, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < rig->reader.log.count; i++) {
		const struct co_record *record = &rig->reader.log.records[i]->r;
		count += co_tk_header(record, "checkout-status").ptr && co_tk_header_is(record, "ce_causationid", id);
	}
	return count;
}

/* The reply to a command, sooner or later. */
static const struct co_tk_record *await_reply(struct rig *rig, const char *id)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 90000);

	if (!reply)
		co_tk_fail("no reply to %s", id);
	return reply;
}

/* The one reply to a command is an internal error, and its outputs say so alone. */
static void expect_9300001(struct rig *rig, const char *id)
{
	const struct co_tk_record *reply = await_reply(rig, id);

	co_tk_check(co_tk_header_is(&reply->r, "checkout-error-code", "9300001"), "%s is not answered 9300001", id);
	assert_true(is_by_default(rig, reply));
	assert_int_equal(count_replies(rig, id), 1);
}

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
	rig_load(rig, 40);
}

static void end(struct rig *rig, const char *what)
{
	rig_load(rig, 20);
	rig_settle_and_check(rig, 90000, what);
	assert_int_equal(co_tk_worker_wait(&rig->workers[0], 0), -1);
	rig_close(rig);
}

/* 32 keys of the metadata that are far too long, each named twice by the reply, every character of it escaped: more
 * than 1,000,000 bytes out of a command within all limits. */
static char *huge_verdict(void)
{
	char *data = co_tk_alloc(262144), *to = data;

	to += sprintf(
		to, "{\"referenceId\":\"poison\",\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\",\"metadata\":{");
	for (int i = 0; i < 32; i++) {
		to += sprintf(to, "%s\"%02d", i ? "," : "", i);
		memset(to, '~', 8100);
		to += 8100;
		to += sprintf(to, "\":\"v\"");
	}
	memcpy(to, "}}}", 4);
	return data;
}

/* The names are cut where they are told; the verdict is the command's own. */
static void output__above_the_limit__verdict_with_cut_names(void **state)
{
	char *data = huge_verdict(), id[16];
	struct rig rig;

	begin(&rig, state);
	rig_send(&rig, NULL, "validate", "huge-1", NULL, data);
	rig_load(&rig, 10);
	rig_send(&rig, NULL, "validate", "huge-2", NULL, data);
	for (int i = 1; i <= 2; i++) {
		snprintf(id, sizeof(id), "huge-%d", i);
		const struct co_tk_record *reply = await_reply(&rig, id);
		co_tk_check(co_tk_header_is(&reply->r, "checkout-error-code", "9300004"), "%s is not answered 9300004", id);
		assert_true(reply->r.value.len < 1000000);
		assert_int_equal(count_replies(&rig, id), 1);
	}
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_poisoned_commands_total") == 0);
	free(data);
	end(&rig, "an output above the limit");
}

static void make_topic(struct rig *rig, const char *name, const char *message_bytes_max, char full[64])
{
	snprintf(full, 64, "%s%s", rig->prefix, name);
	struct co_tk_topic topic = {.name = full, .partitions = 2};

	if (message_bytes_max) {
		topic.config[0] = "max.message.bytes";
		topic.config[1] = message_bytes_max;
	}
	co_tk_kafka_create(&rig->servers->kafka, &topic, 1);
}

/* A verdict with many broken rules, small enough for every topic but one that was made smaller. */
static char *long_verdict(void)
{
	char *data = co_tk_alloc(8192), *to = data;

	to += sprintf(
		to, "{\"referenceId\":\"poison\",\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\",\"metadata\":{");
	for (int i = 0; i < 32; i++)
		to += sprintf(to, "%s\"%02d%s\":\"v\"", i ? "," : "", i,
					  "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk");
	sprintf(to, "}}}");
	return data;
}

/* The errors topic takes small records alone. */
static void errors_topic__refuses_a_record__command_found_and_answered_9300001(void **state)
{
	char *data = long_verdict();
	struct rig rig;

	rig_open_limited(&rig, *state, "errors", "4000");
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 40);
	rig_send(&rig, NULL, "validate", "long-1", NULL, data);
	rig_load(&rig, 10);
	expect_9300001(&rig, "long-1");
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_recoveries_total{cause=\"record_rejected\"}") >= 1);
	free(data);
	end(&rig, "the errors topic refuses a record");
}

static void send_large_refusal(struct rig *rig, const char *id, const char *reply_topic)
{
	char state_header[7000];

	memset(state_header, 'a', sizeof(state_header));
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_id"), {id, strlen(id)}},
										{CO_VIEW("ce_source"), CO_VIEW("/rig")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.get")},
										{CO_VIEW("tracestate"), {state_header, sizeof(state_header)}},
										{CO_VIEW("reply_to"), {reply_topic, reply_topic ? strlen(reply_topic) : 0}}};
	const struct co_message message = {.topic = {rig->commands, strlen(rig->commands)},
									   .partition = 1,
									   .timestamp_ms = -1,
									   .header_count = 6,
									   .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
}

/* A refusal before any session comes into it, made large by what is passed through unchanged: found as well. */
static void reply_topic__refuses_a_refusal__answered_by_default(void **state)
{
	struct rig rig;
	char full[64];

	rig_open(&rig, *state);
	make_topic(&rig, "mine.replies", "4000", full);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	send_large_refusal(&rig, "refused-1", full);
	const struct co_tk_record *reply = await_reply(&rig, "refused-1");
	assert_true(co_tk_header_is(&reply->r, "checkout-reply-rejected", "unknown_topic"));
	end(&rig, "a refusal that a reply topic refuses");
}

/* The same where even the internal error's own event would be too large: what is passed through is left out. */
static void errors_topic__refuses_a_refusal__answered_9300001(void **state)
{
	struct rig rig;

	rig_open_limited(&rig, *state, "errors", "4000");
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	send_large_refusal(&rig, "refused-2", NULL);
	expect_9300001(&rig, "refused-2");
	end(&rig, "a refusal that the errors topic refuses");
}

/* A command on the wrong partition that fills a record to the brim: its copy, with one header more, is too large. */
static void commands_topic__refuses_the_copy__answered_9300001_where_it_lies(void **state)
{
	struct rig rig;
	char sid[37], *data = co_tk_alloc(20000);

	rig_open_limited(&rig, *state, "commands", "19000");
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("brim", sid);
	int home = co_tk_murmur2_partition((struct co_view){sid, 36}, RIG_PARTITIONS);
	int at = sprintf(data, "{\"referenceId\":\"brim\",\"x\":\"");
	memset(data + at, 'x', (size_t)(18765 - at));
	memcpy(data + 18765, "\"}", 3);
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_id"), CO_VIEW("brim-1")},
										{CO_VIEW("ce_source"), CO_VIEW("/rig")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.create")},
										{CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)}};
	const struct co_message message = {.topic = {rig.commands, strlen(rig.commands)},
									   .partition = (home + 1) % RIG_PARTITIONS,
									   .timestamp_ms = -1,
									   .value = {data, strlen(data)},
									   .header_count = 5,
									   .headers = headers};
	struct co_tk_sent sent;
	co_tk_send(rig.producer, &message, &sent);
	co_tk_producer_flush(rig.producer);
	co_tk_check(sent.done && !sent.failed, "the broker refused the command itself");
	expect_9300001(&rig, "brim-1");
	free(data);
	end(&rig, "a copy that the commands topic refuses");
}

/* A reply topic that a command names takes no reply as large as this one. */
static void reply_topic__refuses_the_reply__answered_9300001_by_default(void **state)
{
	char full[64], sid[37];
	struct rig rig;

	begin(&rig, state);
	make_topic(&rig, "mine.replies", "600", full);
	rig_session_id("poison", sid);
	rig_send(&rig, sid, "create", "of-poison", NULL,
			 "{\"referenceId\":\"poison\",\"ttlSeconds\":600,\"config\":{\"modes\":"
			 "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,"
			 "\"merchantTransactionId\":\"t\"}}");
	await_reply(&rig, "of-poison");
	rig_load(&rig, 10);
	send_to(&rig, "get", "small-1", full, (struct co_view){NULL, 0});
	rig_load(&rig, 10);
	const struct co_tk_record *reply = await_reply(&rig, "small-1");
	assert_true(is_by_default(&rig, reply));
	assert_true(co_tk_header_is(&reply->r, "checkout-reply-rejected", "unknown_topic"));
	expect_9300001(&rig, "small-1");
	/* Open until it was asked for, however long that took; and nobody waits for its deadline now. */
	rig_send(&rig, sid, "cancel", "of-poison-end", sid, NULL);
	await_reply(&rig, "of-poison-end");
	end(&rig, "a reply topic refuses the reply");
}

/* A reply topic that takes nothing which was stamped more than 0 ms ago: every reply to it is refused for its time. So
 * may be the marker that ends the transaction, and then the lane goes on under another id, a while later. */
static void reply_topic__refuses_the_timestamp__answered_9300001_by_default(void **state)
{
	char full[64];
	struct rig rig;

	begin(&rig, state);
	snprintf(full, sizeof(full), "%sold.replies", rig.prefix);
	const struct co_tk_topic topic = {.name = full,
									  .partitions = 2,
									  .config = {"message.timestamp.type", "CreateTime",
												 "message.timestamp.before.max.ms", "0",
												 "message.timestamp.after.max.ms", "0"}};
	co_tk_kafka_create(&rig.servers->kafka, &topic, 1);
	send_to(&rig, "get", "late-1", full, (struct co_view){NULL, 0});
	expect_9300001(&rig, "late-1");
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_recoveries_total{cause=\"record_rejected\"}") >= 1);
	end(&rig, "a reply topic refuses the time of a reply");
}

/* The service knows the topic, and a moment later it is gone: the reply goes the default way, the lane does not wait
 * until somebody makes the topic again. */
static void reply_topic__deleted_after_look_up__answered_by_default(void **state)
{
	char full[64], id[32];
	struct rig rig;

	begin(&rig, state);
	make_topic(&rig, "gone.replies", NULL, full);
	/* Known by now: replies go there, where this test does not read. */
	send_to(&rig, "get", "before", full, (struct co_view){NULL, 0});
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	assert_int_equal(count_replies(&rig, "before"), 0);
	co_tk_kafka_delete(&rig.servers->kafka, full);
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "after-%d", i);
		send_to(&rig, "get", id, full, (struct co_view){NULL, 0});
		rig_load(&rig, 4);
	}
	for (int i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "after-%d", i);
		const struct co_tk_record *reply = await_reply(&rig, id);
		assert_true(is_by_default(&rig, reply));
		assert_true(co_tk_header_is(&reply->r, "checkout-reply-rejected", "unknown_topic"));
		assert_int_equal(count_replies(&rig, id), 1);
	}
	rig_load(&rig, 20);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_topic__refuses_the_copy__answered_9300001_where_it_lies),
		cmocka_unit_test(output__above_the_limit__verdict_with_cut_names),
		cmocka_unit_test(errors_topic__refuses_a_record__command_found_and_answered_9300001),
		cmocka_unit_test(reply_topic__refuses_a_refusal__answered_by_default),
		cmocka_unit_test(errors_topic__refuses_a_refusal__answered_9300001),
		cmocka_unit_test(reply_topic__refuses_the_reply__answered_9300001_by_default),
		cmocka_unit_test(reply_topic__refuses_the_timestamp__answered_9300001_by_default),
		cmocka_unit_test(reply_topic__deleted_after_look_up__answered_by_default),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
