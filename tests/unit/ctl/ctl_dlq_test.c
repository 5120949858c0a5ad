/* dlq against a mock cluster: what is listed, what is sent again and what is not. With the real worker: integration. */
#include "ctl_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#define CARD "4111111111111111"
#define CREATE "{\"referenceId\":\"r\"}"
#define TOPIC "checkout.session.dlq"
#define ORIGIN(topic, partition, offset, time)                                                       \
	"checkout-dlq-topic", topic, "checkout-dlq-partition", partition, "checkout-dlq-offset", offset, \
		"checkout-dlq-timestamp", time, NULL
#define COMMAND(id, type) "ce_id", id, "ce_source", "/shop", "ce_type", type

static struct ctl_cluster cluster;

#define BROKERS "--timeout", "20", "--bootstrap", (char *)(uintptr_t)cluster.bootstrap

/* 0:0 not JSON · 0:1 what a newer version takes · 1:0 its specversion missing, credentials masked · 1:1 no dead letter
 * · 2:0 of another installation · 3:0 the same bytes as 0:1 */
static int start(void **state)
{
	static const char *const broken[] = {COMMAND("bad\x1b[31m", "checkout.session.create"), "checkout-dlq-reason",
										 "not_json", ORIGIN("checkout.session.commands", "2", "17", "1700000000000")};
	static const char *const newer[] = {
		"ce_specversion",      "1.0",          COMMAND("n-1", "checkout.session.create"),
		"checkout-dlq-reason", "unknown_type", ORIGIN("checkout.session.commands", "3", "18", "1700000000001")};
	static const char *const masked[] = {COMMAND("m-1", "checkout.session.create"),
										 "authorization",
										 "***",
										 "checkout-dlq-reason",
										 "specversion",
										 ORIGIN("checkout.session.commands", "1", "19", "1700000000002")};
	static const char *const foreign[] = {
		"ce_specversion",      "1.0",          COMMAND("f-1", "checkout.session.create"),
		"checkout-dlq-reason", "unknown_type", ORIGIN("other.commands", "1", "20", "1700000000003")};

	(void)state;
	ctl_cluster_start(&cluster, 4);
	ctl_cluster_put(&cluster, TOPIC, 0, "k", "{" CARD, broken);
	ctl_cluster_put(&cluster, TOPIC, 0, "k-n", CREATE, newer);
	ctl_cluster_put(&cluster, TOPIC, 1, NULL, CREATE, masked);
	ctl_cluster_put(&cluster, TOPIC, 1, NULL, CARD, NULL);
	ctl_cluster_put(&cluster, TOPIC, 2, NULL, CREATE, foreign);
	ctl_cluster_put(&cluster, TOPIC, 3, "k-n", CREATE, newer);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	ctl_cluster_stop(&cluster);
	return 0;
}

static void expect(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("`%s` is not in: %s", part, text);
}

static size_t lines(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += *text == '\n';
	return count;
}

/* ---- list ---- */

static void list__all__where_why_whose_and_no_values(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "list", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_int_equal(lines(said.out), 5);
	expect(said.out, "0:0        ");
	expect(said.out, "not_json            from checkout.session.commands/2/17  17 bytes  -  -  -  -\n");
	expect(said.out, "unknown_type        from checkout.session.commands/3/18  19 bytes  -  checkout.session.create  "
					 "/shop  n-1  a command for this version\n");
	expect(said.out, "specversion         from checkout.session.commands/1/19  19 bytes  9300004  "
					 "checkout.session.create  /shop  m-1  authorization masked\n");
	assert_null(strstr(said.out, "1:1 "));
	assert_string_equal(said.err, "checkoutctl: dlq: 1:1: it is no dead letter: it does not end with the worker's 5 "
								  "headers\n");
	assert_null(strstr(said.out, CARD));
	assert_null(strchr(said.out, '\x1b'));
	ctl_said_clear(&said);
}

static void list__reason__of_it_alone(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "list", "--reason", "specversion", BROKERS, NULL);
	struct ctl_said none = ctl_say(NULL, "dlq", "list", "--reason", "specversio", BROKERS, NULL);

	(void)state;
	assert_int_equal(lines(said.out), 1);
	expect(said.out, "1:0 ");
	assert_int_equal(none.code, CTL_OK);
	assert_string_equal(none.out, "");
	ctl_said_clear(&said);
	ctl_said_clear(&none);
}

/* Put in one after the other: the newest is the last of them. */
static void list__count__the_newest(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "list", "--count", "1", BROKERS, NULL);

	(void)state;
	assert_int_equal(lines(said.out), 1);
	assert_int_equal(strncmp(said.out, "3:0 ", 4), 0);
	ctl_said_clear(&said);
}

static void list__since__not_what_is_older(void **state)
{
	char time[32];
	struct ctl_said all = ctl_say(NULL, "dlq", "list", "--since", "2023-11-14T22:13:20Z", BROKERS, NULL), none;

	(void)state;
	assert_int_equal(lines(all.out), 5);
	snprintf(time, sizeof(time), "%lld", (long long)ctl_wall_ms() + 60000);
	none = ctl_say(NULL, "dlq", "list", "--since", time, BROKERS, NULL);
	assert_int_equal(none.code, CTL_OK);
	assert_string_equal(none.out, "");
	ctl_said_clear(&all);
	ctl_said_clear(&none);
}

static void list__json__one_object_a_line(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "list", "--json", "--reason", "specversion", BROKERS, NULL);
	json_t *row = json_loads(said.out, 0, NULL), *from = json_object_get(row, "from");

	(void)state;
	assert_non_null(row);
	assert_int_equal(json_integer_value(json_object_get(row, "partition")), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "offset")), 0);
	assert_string_equal(json_string_value(json_object_get(row, "reason")), "specversion");
	assert_string_equal(json_string_value(json_object_get(from, "topic")), "checkout.session.commands");
	assert_int_equal(json_integer_value(json_object_get(from, "partition")), 1);
	assert_int_equal(json_integer_value(json_object_get(from, "offset")), 19);
	assert_string_equal(json_string_value(json_object_get(from, "time")), "2023-11-14T22:13:20.002Z");
	assert_int_equal(json_integer_value(json_object_get(row, "bytes")), strlen(CREATE));
	assert_string_equal(json_string_value(json_object_get(row, "code")), "9300004");
	assert_string_equal(json_string_value(json_object_get(row, "id")), "m-1");
	assert_string_equal(json_string_value(json_object_get(row, "masked")), "authorization");
	assert_true(json_is_false(json_object_get(row, "command")));
	json_decref(row);
	ctl_said_clear(&said);
}

static void list__no_topic__trouble_and_named(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "list", "--prefix", "other.", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.err, "checkoutctl: dlq: there is no topic other.dlq\n");
	ctl_said_clear(&said);
}

/* ---- resend ---- */

/* Runs the command line beside one who reads `commands`; what was seen there first is in *seen. */
static struct ctl_said resend(struct ctl_seen *seen, const char *place, const char *first, const char *second)
{
	struct ctl_responder responder = {0};
	struct ctl_said said;

	ctl_responder_start(&responder, &cluster);
	said =
		ctl_say(NULL, "dlq", "resend", place, "--timeout", "20", "--bootstrap", cluster.bootstrap, first, second, NULL);
	if (said.code != CTL_OK)
		atomic_store(&responder.done, true);
	ctl_responder_join(&responder);
	*seen = responder.seen;
	return said;
}

/* To its old partition, with its old key, value and time, which counts with topics.timestamps=stream. */
static void resend__now_a_command__as_it_came(void **state)
{
	struct ctl_seen seen;
	struct ctl_said said = resend(&seen, "0:1", NULL, NULL);

	(void)state;
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	expect(said.out, "sent  0:1  checkout.session.commands/3 offset 0\n");
	assert_string_equal(seen.key, "k-n");
	assert_string_equal(seen.value, CREATE);
	assert_string_equal(seen.id, "n-1");
	assert_int_equal(seen.partition, 3);
	assert_int_equal(seen.timestamp_ms, 1700000000001);
	ctl_said_clear(&said);
}

static void resend__dead_again__told_and_not_sent(void **state)
{
	struct ctl_seen seen;
	struct ctl_said said = resend(&seen, "0:0", NULL, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.out, "");
	assert_string_equal(said.err,
						"checkoutctl: dlq: 0:0: it would be dead again: not_json: the value, or data_base64, is "
						"not JSON as the contract has it: --value\n");
	assert_string_equal(seen.type, "");
	ctl_said_clear(&said);
}

static void resend__dead_again_forced__sent(void **state)
{
	struct ctl_seen seen;
	struct ctl_said said = resend(&seen, "0:0", "--force", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(seen.value, "{" CARD);
	assert_int_equal(seen.partition, 2);
	ctl_said_clear(&said);
}

static void resend__credential_masked__wanted(void **state)
{
	struct ctl_seen seen;
	struct ctl_said said = resend(&seen, "1:0", "--header", "ce_specversion=1.0");

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.err,
						"checkoutctl: dlq: 1:0: its authorization was not kept: give it with --token-file FILE, "
						"or send without it: --without-header authorization\n");
	assert_string_equal(seen.type, "");
	ctl_said_clear(&said);
}

static void resend__mended_with_a_token_of_the_environment__sent_and_not_shown(void **state)
{
	char *environment[] = {"CHECKOUTCTL_TOKEN=hunter2", NULL};
	struct ctl_responder responder = {0};
	struct ctl_said said;

	(void)state;
	ctl_responder_start(&responder, &cluster);
	said = ctl_say(environment, "dlq", "resend", "1:0", "--header", "ce_specversion=1.0", BROKERS, NULL);
	if (said.code != CTL_OK)
		atomic_store(&responder.done, true);
	ctl_responder_join(&responder);
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(responder.seen.authorization, "Bearer hunter2");
	assert_false(responder.seen.has_key);
	assert_null(strstr(said.out, "hunter2"));
	ctl_said_clear(&said);
}

static void resend__value_from_a_file__in_its_place(void **state)
{
	char path[] = "/tmp/ctl-dlq-XXXXXX", option[64];
	int file = mkstemp(path);
	struct ctl_seen seen;
	struct ctl_said said;

	(void)state;
	assert_true(file >= 0);
	assert_int_equal(write(file, "{\"x\":1}", 7), 7);
	close(file);
	snprintf(option, sizeof(option), "--value=%s", path);
	said = resend(&seen, "0:0", option, "--header=ce_specversion=1.0");
	unlink(path);
	assert_int_equal(said.code, CTL_TROUBLE);
	expect(said.err, "0:0: it would be dead again: attributes: "); /* its id has a control character */
	ctl_said_clear(&said);
}

static void resend__of_another_installation__told_and_not_sent(void **state)
{
	struct ctl_seen seen;
	struct ctl_said said = resend(&seen, "2:0", NULL, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.err,
						"checkoutctl: dlq: 2:0: it did not come from checkout.session.commands: is --prefix the "
						"right one?\n");
	assert_string_equal(seen.type, "");
	ctl_said_clear(&said);
}

static void resend__dry_run__nothing_sent(void **state)
{
	struct ctl_seen seen;
	struct ctl_responder responder = {0};
	struct ctl_said said;

	(void)state;
	ctl_responder_start(&responder, &cluster);
	said = ctl_say(NULL, "dlq", "resend", "0:1", "--dry-run", BROKERS, NULL);
	usleep(500000);
	atomic_store(&responder.done, true);
	ctl_responder_join(&responder);
	seen = responder.seen;
	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(said.out, "would send  0:1  to checkout.session.commands/3\n");
	assert_string_equal(seen.type, "");
	ctl_said_clear(&said);
}

/* One of the two with the same bytes; those that cannot go are told, the others go. */
static void resend__all__each_once_and_the_rest_told(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "resend", "--all", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_int_equal(lines(said.err), 4);
	expect(said.err, "dlq: 0:0: it would be dead again");
	expect(said.err, "dlq: 1:0: its authorization was not kept");
	expect(said.err, "dlq: 1:1: it is no dead letter");
	expect(said.err, "dlq: 2:0: it did not come from");
	assert_int_equal(lines(said.out), 3);
	expect(said.out, "/3 offset ");
	expect(said.out, "same  ");
	expect(said.out, "1 sent, 1 the same as one of them, 4 not\n");
	ctl_said_clear(&said);
}

static void resend__all_of_a_reason_that_none_has__nothing_and_well(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "resend", "--all", "--reason", "too_large", BROKERS, NULL);

	(void)state;
	assert_string_equal(said.err, "");
	assert_string_equal(said.out, "0 sent, 0 the same as one of them, 0 not\n");
	assert_int_equal(said.code, CTL_OK);
	ctl_said_clear(&said);
}

static void resend__places_that_are_not_there__told_and_the_others_sent(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "resend", "0:1", "0:2", "4:0", "3:0", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.err, "checkoutctl: dlq: 0:2: it is not there: what is committed ends before 2\n"
								  "checkoutctl: dlq: 4:0: checkout.session.dlq has 4 partitions, from 0\n");
	assert_int_equal(lines(said.out), 2);
	expect(said.out, "sent  0:1  ");
	expect(said.out, "sent  3:0  ");
	ctl_said_clear(&said);
}

/* What the broker refuses for good is told; the next one has a producer of its own, and goes. */
static void resend__refused_by_the_broker__told_and_the_others_sent(void **state)
{
	struct ctl_said said;

	(void)state;
	rd_kafka_mock_push_request_errors(cluster.mock, 0 /* Produce */, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	said = ctl_say(NULL, "dlq", "resend", "0:1", "3:0", BROKERS, NULL);
	rd_kafka_mock_clear_request_errors(cluster.mock, 0);
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.err, "checkoutctl: dlq: 0:1: checkout.session.commands: Broker: Message size too large\n");
	assert_int_equal(lines(said.out), 1);
	expect(said.out, "sent  3:0  ");
	ctl_said_clear(&said);
}

/* Kafka that takes nothing is waited for once, not once for each. */
static void resend__kafka_takes_nothing__given_up_after_the_first(void **state)
{
	rd_kafka_resp_err_t errors[400];
	int64_t begin_ms = ctl_monotonic_ms();
	struct ctl_said said;

	(void)state;
	for (size_t i = 0; i < 400; i++)
		errors[i] = RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION;
	rd_kafka_mock_push_request_errors_array(cluster.mock, 0 /* Produce */, 400, errors);
	said =
		ctl_say(NULL, "dlq", "resend", "0:1", "3:0", "0:1", "--timeout", "2", "--bootstrap", cluster.bootstrap, NULL);
	rd_kafka_mock_clear_request_errors(cluster.mock, 0);
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.out, "");
	assert_int_equal(lines(said.err), 1);
	expect(said.err, "dlq: 0:1: Kafka did not take the record in time");
	assert_true(ctl_monotonic_ms() - begin_ms < 6000);
	ctl_said_clear(&said);
}

static void resend__json__where_it_was_and_where_it_went(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "resend", "3:0", "--json", BROKERS, NULL);
	json_t *row = json_loads(said.out, 0, NULL);

	(void)state;
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "dlq"), "partition")), 3);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(row, "dlq"), "offset")), 0);
	assert_int_equal(json_integer_value(json_object_get(row, "partition")), 3);
	assert_true(json_is_integer(json_object_get(row, "offset")));
	json_decref(row);
	ctl_said_clear(&said);
}

/* ---- the end ---- */

/* A record that dies again while --all goes on is not sent again in the same run, however often it comes back. */
static void ends__appended_later__not_before_them(void **state)
{
	static char *const nothing[] = {NULL};
	struct ctl_world world = {.out = stdout, .err = stderr, .environment = nothing};
	struct ctl_connection connection = {.bootstrap = cluster.bootstrap, .prefix = "", .timeout_seconds = 10};
	struct ctl_reader reader;
	struct co_error error = {0};
	size_t before = 0, later = 0;

	(void)state;
	ctl_cluster_put(&cluster, "checkout.session.state", 0, "k", "first", NULL);
	assert_true(ctl_reader_open(&world, &connection, &reader));
	assert_int_equal(ctl_reader_add(&reader, "checkout.session.state", -1, CTL_FROM_BEGINNING, 10000, &error), CO_OK);
	assert_int_equal(ctl_reader_ends(&reader, "checkout.session.state", 10000, &error), CO_OK);
	ctl_cluster_put(&cluster, "checkout.session.state", 0, "k", "second", NULL);
	ctl_cluster_put(&cluster, "checkout.session.state", 3, "k", "third", NULL);
	for (int64_t deadline_ms = ctl_monotonic_ms() + 20000; later < 2 && ctl_monotonic_ms() < deadline_ms;) {
		rd_kafka_message_t *message = ctl_reader_next(&reader, CTL_POLL_MS);

		if (!message)
			continue;
		if (ctl_reader_is_before_end(&reader, message))
			before++;
		else
			later++;
		rd_kafka_message_destroy(message);
	}
	assert_true(ctl_reader_at_end(&reader));
	assert_int_equal(before, 1);
	assert_int_equal(later, 2);
	ctl_reader_close(&reader);
}

/* ---- value ---- */

static void value__its_bytes_and_nothing_else(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "value", "0:0", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(said.out, "{" CARD);
	ctl_said_clear(&said);
}

static void value__not_there__told_and_nothing_written(void **state)
{
	struct ctl_said said = ctl_say(NULL, "dlq", "value", "0:2", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.out, "");
	assert_string_equal(said.err, "checkoutctl: dlq: 0:2: it is not there: what is committed ends before 2\n");
	ctl_said_clear(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(list__all__where_why_whose_and_no_values),
		cmocka_unit_test(list__reason__of_it_alone),
		cmocka_unit_test(list__count__the_newest),
		cmocka_unit_test(list__since__not_what_is_older),
		cmocka_unit_test(list__json__one_object_a_line),
		cmocka_unit_test(list__no_topic__trouble_and_named),
		cmocka_unit_test(resend__now_a_command__as_it_came),
		cmocka_unit_test(resend__dead_again__told_and_not_sent),
		cmocka_unit_test(resend__dead_again_forced__sent),
		cmocka_unit_test(resend__credential_masked__wanted),
		cmocka_unit_test(resend__mended_with_a_token_of_the_environment__sent_and_not_shown),
		cmocka_unit_test(resend__value_from_a_file__in_its_place),
		cmocka_unit_test(resend__of_another_installation__told_and_not_sent),
		cmocka_unit_test(resend__dry_run__nothing_sent),
		cmocka_unit_test(resend__all__each_once_and_the_rest_told),
		cmocka_unit_test(resend__all_of_a_reason_that_none_has__nothing_and_well),
		cmocka_unit_test(resend__places_that_are_not_there__told_and_the_others_sent),
		cmocka_unit_test(resend__refused_by_the_broker__told_and_the_others_sent),
		cmocka_unit_test(resend__kafka_takes_nothing__given_up_after_the_first),
		cmocka_unit_test(resend__json__where_it_was_and_where_it_went),
		cmocka_unit_test(ends__appended_later__not_before_them),
		cmocka_unit_test(value__its_bytes_and_nothing_else),
		cmocka_unit_test(value__not_there__told_and_nothing_written),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
