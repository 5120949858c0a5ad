/* Positions that do not fit the log: set by hand, behind the end of a topic that was made anew, before the start of one
 * whose retention was quicker. Nothing is judged twice, and what is lost is told. */
#include "it.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_line(struct rig *rig, int index, const char *action)
{
	char *log = co_tk_worker_log(&rig->workers[index]);

	co_tk_check(strstr(log, action), "no %s in the log:\n%s", action, log);
	free(log);
}

static void set_offsets(struct rig *rig, int64_t offset)
{
	for (int32_t p = 0; p < RIG_PARTITIONS; p++)
		co_tk_kafka_set_offset(&rig->servers->kafka, rig->group, rig->commands, p, offset);
}

static void expect_status(struct rig *rig, const char *id, const char *status)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 60000);

	co_tk_check(reply, "no reply to %s", id);
	assert_true(co_tk_header_is(&reply->r, "checkout-status", status));
}

/* What Kafka's own tool does with --reset-offsets --to-earliest; and Redis emptied, as the cure for others is. */
static void offsets__set_by_hand_and_redis_emptied__nothing_judged_again(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 40);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	co_tk_worker_stop(&rig.workers[0]);
	set_offsets(&rig, 0);
	co_tk_redis_flush(&rig.servers->redis);
	rig_start(&rig, 1, 1, NULL);
	rig_wait_ready(&rig, 1);
	rig_load(&rig, 20);
	rig_settle_and_check(&rig, 90000, "offsets set by hand, Redis emptied");
	expect_line(&rig, 1, "offsets.lost");
	rig_close(&rig);
}

/* Going on in another log by itself would pass commands over, or judge new ones under offsets that were used. */
static void commands__topic_made_anew__refused_until_offsets_are_set_by_hand(void **state)
{
	struct co_tk_topic topic = {
		.partitions = RIG_PARTITIONS,
		.config = {"message.timestamp.type", "LogAppendTime", "retention.ms", "604800000", NULL}};
	char sid[37];
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_session_id("kept", sid);
	rig_send(
		&rig, sid, "create", "k-1", NULL,
		"{\"referenceId\":\"kept\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":"
		"{\"amount\":1,\"merchantTransactionId\":\"t\"}}");
	expect_status(&rig, "k-1", "201");
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	co_tk_worker_stop(&rig.workers[0]);
	topic.name = rig.commands;
	co_tk_kafka_delete(&rig.servers->kafka, rig.commands);
	co_tk_kafka_create(&rig.servers->kafka, &topic, 1);

	rig_start(&rig, 1, 1, NULL);
	assert_int_equal(co_tk_worker_wait(&rig.workers[1], 60000), 1);
	expect_line(&rig, 1, "log.truncated");
	expect_line(&rig, 1, "log_truncated"); /* the last line's reason */

	set_offsets(&rig, 0);
	rig_start(&rig, 2, 1, NULL);
	rig_wait_ready(&rig, 2);
	expect_line(&rig, 2, "offsets.by_hand");
	rig_send(&rig, sid, "get", "k-2", sid, NULL);
	expect_status(&rig, "k-2", "200");
	rig_close(&rig);
}

static void commands__deleted_before_they_were_read__told_and_on_it_goes(void **state)
{
	char id[32];
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 20);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	co_tk_worker_stop(&rig.workers[0]);
	for (int i = 0; i < 80; i++) {
		snprintf(id, sizeof(id), "unread-%d", i);
		rig_send(
			&rig, id, "validate", id, NULL,
			"{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,\"merchantTransactionId\":"
			"\"t\"}}");
	}
	co_tk_producer_flush(rig.producer);
	for (int32_t p = 0; p < RIG_PARTITIONS; p++)
		co_tk_kafka_delete_before(&rig.servers->kafka, rig.commands, p, -1);
	rig_start(&rig, 1, 1, NULL);
	rig_wait_ready(&rig, 1);
	rig_send(&rig, "after", "validate", "after", NULL,
			 "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,\"merchantTransactionId\":"
			 "\"t\"}}");
	expect_status(&rig, "after", "200");
	assert_null(rig_reply(&rig, "unread-7", 1000));
	expect_line(&rig, 1, "commands.deleted");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets__set_by_hand_and_redis_emptied__nothing_judged_again),
		cmocka_unit_test(commands__topic_made_anew__refused_until_offsets_are_set_by_hand),
		cmocka_unit_test(commands__deleted_before_they_were_read__told_and_on_it_goes),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
