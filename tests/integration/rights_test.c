/* Topics that may not be written, or are gone. One of the service's own: nobody is told a wrong verdict for it, the
 * service waits and goes on by itself. One that a client named: its replies go the default way, nobody waits. */
#include "await.h"
#include "it.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 6000 /* nothing is answered for that long after the trouble was told */

static rd_kafka_t *open_admin(struct rig *rig)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	co_tk_check(rd_kafka_conf_set(conf, "bootstrap.servers", rig->servers->kafka.servers, error, sizeof(error)) ==
					RD_KAFKA_CONF_OK,
				"%s", error);
	rd_kafka_t *admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	co_tk_check(admin, "%s", error);
	return admin;
}

/* The rules of a topic that the broker goes by. */
static size_t count_rules(rd_kafka_t *admin, const char *topic)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
	rd_kafka_AclBindingFilter_t *filter =
		rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_RESOURCE_PATTERN_LITERAL, NULL, NULL,
									  RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, NULL, 0);
	size_t count = 0;

	rd_kafka_DescribeAcls(admin, filter, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 60000);
	co_tk_check(event && !rd_kafka_event_error(event), "the rules are not told");
	(void)rd_kafka_DescribeAcls_result_acls(rd_kafka_event_DescribeAcls_result(event), &count);
	rd_kafka_event_destroy(event);
	rd_kafka_AclBinding_destroy(filter);
	rd_kafka_queue_destroy(queue);
	return count;
}

/* Everyone may do everything with the topic but write. */
static void deny_write(struct rig *rig, const char *topic)
{
	static const struct {
		rd_kafka_AclOperation_t operation;
		rd_kafka_AclPermissionType_t permission;
	} rules[] = {{RD_KAFKA_ACL_OPERATION_ALL, RD_KAFKA_ACL_PERMISSION_TYPE_ALLOW},
				 {RD_KAFKA_ACL_OPERATION_WRITE, RD_KAFKA_ACL_PERMISSION_TYPE_DENY}};
	rd_kafka_AclBinding_t *bindings[2];
	rd_kafka_t *admin = open_admin(rig);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
	size_t count = 0;

	for (size_t i = 0; i < 2; i++)
		bindings[i] = rd_kafka_AclBinding_new(RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_RESOURCE_PATTERN_LITERAL,
											  "User:*", "*", rules[i].operation, rules[i].permission, NULL, 0);
	rd_kafka_CreateAcls(admin, bindings, 2, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 60000);
	co_tk_check(event && !rd_kafka_event_error(event), "no rule was made");
	const rd_kafka_acl_result_t **results =
		rd_kafka_CreateAcls_result_acls(rd_kafka_event_CreateAcls_result(event), &count);
	for (size_t i = 0; i < count; i++)
		co_tk_check(!rd_kafka_acl_result_error(results[i]), "%s",
					rd_kafka_error_string(rd_kafka_acl_result_error(results[i])));
	rd_kafka_event_destroy(event);
	rd_kafka_AclBinding_destroy_array(bindings, 2);
	rd_kafka_queue_destroy(queue);
	/* the broker learns of it behind the answer, which is the controller's */
	for (int64_t end = co_tk_now_ms() + 60000; count_rules(admin, topic) < 2; co_tk_sleep_ms(50))
		co_tk_check(co_tk_now_ms() < end, "the broker does not hear of the rules of %s", topic);
	rd_kafka_destroy(admin);
}

static void allow_write(struct rig *rig, const char *topic)
{
	rd_kafka_t *admin = open_admin(rig);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
	rd_kafka_AclBindingFilter_t *filter =
		rd_kafka_AclBindingFilter_new(RD_KAFKA_RESOURCE_TOPIC, topic, RD_KAFKA_RESOURCE_PATTERN_LITERAL, NULL, NULL,
									  RD_KAFKA_ACL_OPERATION_ANY, RD_KAFKA_ACL_PERMISSION_TYPE_ANY, NULL, 0);

	rd_kafka_DeleteAcls(admin, &filter, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 60000);
	co_tk_check(event && !rd_kafka_event_error(event), "no rule was removed");
	rd_kafka_event_destroy(event);
	rd_kafka_AclBinding_destroy(filter);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(admin);
}

static void send_create(struct rig *rig, const char *reference, const char *id, const char *reply_topic)
{
	char sid[37], data[256];
	struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
								  {CO_VIEW("ce_id"), {id, strlen(id)}},
								  {CO_VIEW("ce_source"), CO_VIEW("/rig")},
								  {CO_VIEW("ce_type"), CO_VIEW("checkout.session.create")},
								  {CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)},
								  {CO_VIEW("reply_to"), {reply_topic, reply_topic ? strlen(reply_topic) : 0}}};

	rig_session_id(reference, sid);
	int length = snprintf(data, sizeof(data),
						  "{\"referenceId\":\"%s\",\"ttlSeconds\":2,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
						  "\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\"}}",
						  reference);
	const struct co_message message = {.topic = {rig->commands, strlen(rig->commands)},
									   .partition = -1,
									   .timestamp_ms = -1,
									   .key = {sid, 36},
									   .value = {data, (size_t)length},
									   .header_count = reply_topic ? 6 : 5,
									   .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
	co_tk_producer_flush(rig->producer);
}

static void expect_created(struct rig *rig, const char *id, const char *rejected)
{
	/* Within 90 s of the last fault (contract section 9). */
	const struct co_tk_record *reply = rig_reply(rig, id, 90000);

	co_tk_check(reply, "no reply to %s:\n%s", id, co_tk_worker_log(&rig->workers[0]));
	co_tk_check(co_tk_header_is(&reply->r, "checkout-status", "201"), "%s was told %s", id,
				co_tk_show(co_tk_header(&reply->r, "checkout-error-code")));
	if (rejected)
		assert_true(co_tk_header_is(&reply->r, "checkout-reply-rejected", rejected));
	else
		assert_null(co_tk_header(&reply->r, "checkout-reply-rejected").ptr);
}

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
	rig_load(rig, 20);
	co_tk_producer_flush(rig->producer);
	assert_true(co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, 90000));
}

static void end(struct rig *rig, const char *what)
{
	rig_load(rig, 20);
	rig_settle_and_check(rig, 90000, what);
	assert_true(co_tk_worker_metric(&rig->workers[0], "checkout_poisoned_commands_total") == 0);
	assert_int_equal(co_tk_worker_wait(&rig->workers[0], 0), -1);
	rig_close(rig);
}

/* The service may not write `events` for a while: the answer comes late, and is the right one. A topic that a client
 * named in the same transaction is not blamed for longer than that. */
static void own_topic__may_not_be_written__waited_for(void **state)
{
	struct rig rig;
	char events[64];

	begin(&rig, state);
	snprintf(events, sizeof(events), "%sevents", rig.prefix);
	size_t before = await_log_size(&rig.workers[0]);
	deny_write(&rig, events);
	send_create(&rig, "denied", "denied-1", NULL);
	await_log(&rig.workers[0], before, "kafka.own_topic", "");
	await_log(&rig.workers[0], before, "TOPIC_AUTHORIZATION_FAILED", "");
	assert_null(rig_reply(&rig, "denied-1", WAIT_MS));
	allow_write(&rig, events);
	expect_created(&rig, "denied-1", NULL);
	end(&rig, "a topic of the service that may not be written");
}

/* Topics that exist and may be looked at, but not written: found without a word of it from Kafka, and left out. */
static void reply_topic__may_not_be_written__answered_by_default(void **state)
{
	struct rig rig;
	char topics[2][64], id[32], reference[32];

	begin(&rig, state);
	for (int i = 0; i < 2; i++) {
		snprintf(topics[i], sizeof(topics[i]), "%ssealed%d.replies", rig.prefix, i);
		co_tk_kafka_create(&rig.servers->kafka, &(struct co_tk_topic){.name = topics[i], .partitions = 2}, 1);
		deny_write(&rig, topics[i]);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "sealed-%d", i);
		snprintf(reference, sizeof(reference), "sealed-%d", i);
		send_create(&rig, reference, id, topics[i % 2]);
		rig_load(&rig, 4);
	}
	for (int i = 0; i < 6; i++) {
		snprintf(id, sizeof(id), "sealed-%d", i);
		expect_created(&rig, id, "unknown_topic");
	}
	end(&rig, "reply topics that may not be written");
}

/* `events` is deleted, and made again a while later. */
static void own_topic__deleted__waited_for(void **state)
{
	static struct rig rig;
	char events[64];

	begin(&rig, state);
	snprintf(events, sizeof(events), "%sevents", rig.prefix);
	co_tk_kafka_delete(&rig.servers->kafka, events);
	send_create(&rig, "gone", "gone-1", NULL);
	assert_null(rig_reply(&rig, "gone-1", WAIT_MS));
	co_tk_kafka_create(&rig.servers->kafka, &(struct co_tk_topic){.name = events, .partitions = RIG_PARTITIONS}, 1);
	expect_created(&rig, "gone-1", NULL);
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_poisoned_commands_total") == 0);
	/* the reader stays: the client library does not let go of a topic that was made again under it */
	co_tk_worker_stop(&rig.workers[0]);
	co_tk_producer_close(rig.producer);
}

/* A broker with rules: who has none for a topic may do everything with it. */
static int start_servers(void **state)
{
	if (setenv("KAFKA_EXTRA",
			   "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
			   "allow.everyone.if.no.acl.found=true",
			   1) != 0)
		return -1;
	return rig_servers_start(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(own_topic__may_not_be_written__waited_for),
		cmocka_unit_test(reply_topic__may_not_be_written__answered_by_default),
		cmocka_unit_test(own_topic__deleted__waited_for),
	};

	return cmocka_run_group_tests(tests, start_servers, rig_servers_stop);
}
