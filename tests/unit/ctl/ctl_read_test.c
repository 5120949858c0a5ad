/* watch, describe and topics against a mock cluster. It has no DescribeConfigs and no CreateTopics: settings, and
 * making topics, are tested on a real broker (integration). */
#include "ctl_support.h"

#include "adapters/kafka_topics.h"
#include "checkout/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define SESSION "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"
#define OTHER "49159bd1-be08-516b-95bf-8b23b681b795"
#define SNAPSHOT(status, version)                                                         \
	"{\"session\":{\"id\":\"" SESSION "\",\"status\":\"" status "\",\"version\":" version \
	",\"payment\":{\"status\":\"cancelled\"}},\"stored\":\"x\"}"

static struct ctl_cluster cluster;

static int start(void **state)
{
	static const char *const created[] = {"ce_type", "checkout.session.created", NULL};
	static const char *const cancelled[] = {"ce_type", "checkout.session.cancelled", NULL};
	static const char *const dlq[] = {"checkout-dlq-reason",
									  "not_json",
									  "checkout-dlq-topic",
									  "checkout.session.commands",
									  "checkout-dlq-partition",
									  "1",
									  "checkout-dlq-offset",
									  "17",
									  NULL};
	int32_t home;

	(void)state;
	ctl_cluster_start(&cluster, 4);
	home = (int32_t)(co_murmur2(CO_VIEW(SESSION)) % 4);
	ctl_cluster_put(&cluster, "checkout.session.events", home, SESSION, SNAPSHOT("open", "1"), created);
	ctl_cluster_put(&cluster, "checkout.session.events", home, OTHER, SNAPSHOT("open", "9"), created);
	ctl_cluster_put(&cluster, "checkout.session.events", home, SESSION, SNAPSHOT("cancelled", "2"), cancelled);
	ctl_cluster_put(&cluster, "checkout.session.state", home, SESSION, SNAPSHOT("open", "1"), NULL);
	ctl_cluster_put(&cluster, "checkout.session.state", home, SESSION, SNAPSHOT("cancelled", "2"), NULL);
	ctl_cluster_put(&cluster, "checkout.session.state", home, "lane", "{\"seq\":7}", NULL);
	ctl_cluster_put(&cluster, "checkout.session.dlq", 1, NULL, "\xff{\x1b[31m", dlq);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	ctl_cluster_stop(&cluster);
	return 0;
}

#define BROKERS "--bootstrap", (char *)(uintptr_t)cluster.bootstrap

static void watch__events_of_a_session__its_own_in_order(void **state)
{
	struct ctl_said said = ctl_say(NULL, "watch", "--events", "--from", "beginning", "--session", SESSION, "--count",
								   "2", "--timeout", "20", BROKERS, NULL);
	const char *created = strstr(said.out, SESSION "  created       open/cancelled v1\n");

	(void)state;
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(created);
	assert_non_null(strstr(created, SESSION "  cancelled     cancelled/cancelled v2\n"));
	assert_null(strstr(said.out, OTHER));
	ctl_said_clear(&said);
}

/* Bytes of a stranger: named by their reason, not printed; a terminal sees no escape sequence of theirs. */
static void watch__dlq__reason_and_origin(void **state)
{
	struct ctl_said said =
		ctl_say(NULL, "watch", "--dlq", "--from", "beginning", "--count", "1", "--timeout", "20", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "dlq/1/0"));
	assert_non_null(strstr(said.out, "-  not_json  from checkout.session.commands/1/17  7 bytes\n"));
	assert_null(strchr(said.out, '\x1b'));
	ctl_said_clear(&said);
}

static void watch__json__bytes_that_are_no_text_as_base64(void **state)
{
	struct ctl_said said = ctl_say(NULL, "watch", "--dlq", "--from", "beginning", "--count", "1", "--json", "--timeout",
								   "20", BROKERS, NULL);
	json_t *record = json_loads(said.out, 0, NULL);

	(void)state;
	assert_non_null(record);
	assert_string_equal(json_string_value(json_object_get(record, "topic")), "checkout.session.dlq");
	assert_int_equal(json_integer_value(json_object_get(record, "offset")), 0);
	assert_true(json_is_null(json_object_get(record, "key")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(record, "headers"), "checkout-dlq-reason")),
						"not_json");
	assert_string_equal(json_string_value(json_object_get(json_object_get(record, "value"), "base64")), "/3sbWzMxbQ==");
	json_decref(record);
	ctl_said_clear(&said);
}

/* From the end there is nothing: the time runs out before the count is reached. */
static void watch__from_the_end__old_records_stay_unseen(void **state)
{
	struct ctl_said said = ctl_say(NULL, "watch", "--count", "1", "--timeout", "1", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.out, "");
	ctl_said_clear(&said);
}

static void watch__no_such_topic__named(void **state)
{
	struct ctl_said said = ctl_say(NULL, "watch", "--prefix", "other.", "--timeout", "5", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "there is no topic other.replies"));
	ctl_said_clear(&said);
}

/* The last snapshot of the session's partition, then its events. */
static void describe__known_session__snapshot_and_events(void **state)
{
	struct ctl_said said = ctl_say(NULL, "describe", "C16611AF-3058-52C9-A2D2-FD3C2A77D3B8", BROKERS, NULL);
	const char *events = strstr(said.out, "\nevents\n");

	(void)state;
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "session " SESSION "  partition "));
	assert_non_null(strstr(said.out, "  \"status\": \"cancelled\",\n  \"version\": 2,"));
	assert_null(strstr(said.out, "stored"));
	assert_non_null(events);
	assert_non_null(strstr(events, "  created       open/cancelled v1\n"));
	assert_non_null(strstr(events, "  cancelled     cancelled/cancelled v2\n"));
	assert_null(strstr(events, OTHER));
	ctl_said_clear(&said);
}

static void describe__json__the_snapshot_alone(void **state)
{
	struct ctl_said said = ctl_say(NULL, "describe", SESSION, "--json", BROKERS, NULL);
	json_t *snapshot = json_loads(said.out, 0, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_int_equal(json_integer_value(json_object_get(snapshot, "version")), 2);
	json_decref(snapshot);
	ctl_said_clear(&said);
}

static void describe__unknown_session__exit_1(void **state)
{
	struct ctl_said said = ctl_say(NULL, "describe", "00000000-0000-4000-8000-000000000001", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.out, "unknown to state\n"));
	ctl_said_clear(&said);
}

static void describe__redis_away__exit_1_without_the_url(void **state)
{
	char *environment[] = {"CHECKOUT_REDIS_URL=redis://u:hunter2@127.0.0.1:1/0", NULL};
	struct ctl_said said = ctl_say(environment, "describe", SESSION, "--redis", "env", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "Redis cannot be reached: Connection refused"));
	assert_null(strstr(said.err, "hunter2"));
	ctl_said_clear(&said);
}

/* All six are there, with one count; this broker cannot tell the rest, and that is said. */
static void topics__all_there__ok_and_settings_unknown(void **state)
{
	struct ctl_said said = ctl_say(NULL, "topics", BROKERS, NULL);

	(void)state;
	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "ok      checkout.session.commands"));
	assert_non_null(strstr(said.out, "ok      checkout.session.dlq"));
	assert_non_null(strstr(said.out, "partition counts alone were checked"));
	assert_non_null(strstr(said.out, "\nrisk: topics have one replica: "));
	ctl_said_clear(&said);
}

static void topics__missing__named_with_the_command(void **state)
{
	char wanted[512];
	struct ctl_said said =
		ctl_say(NULL, "topics", "--prefix", "other.", "--partitions", "3", "--timestamps", "stream", BROKERS, NULL);

	(void)state;
	snprintf(wanted, sizeof(wanted),
			 "other.dlq: does not exist\n  checkoutctl topics --create --bootstrap %s --prefix other. --partitions 3 "
			 "--replication-factor 1 --timestamps stream\n",
			 cluster.bootstrap);
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.out, wanted));
	ctl_said_clear(&said);
}

/* Counts that differ, both ways: in a new installation raised when too few, made anew when too many. */
static void topics__counts_differ__each_with_its_cure(void **state)
{
	static const struct {
		const char *name;
		int count;
	} rows[] = {{"mixed.commands", 3}, {"mixed.replies", 3}, {"mixed.errors", 2},
				{"mixed.events", 4},   {"mixed.state", 3},   {"mixed.dlq", 3}};
	struct ctl_said said;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(rd_kafka_mock_topic_create(cluster.mock, rows[i].name, rows[i].count, 1), 0);
	said = ctl_say(NULL, "topics", "--prefix", "mixed.", BROKERS, NULL);

	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(
		strstr(said.out, "mixed.errors: has 2 partitions, 4 of the six topics have 3; all six need the same\n"));
	assert_non_null(strstr(said.out, "  a count cannot be lowered, and must not be raised once there are sessions: see "
									 "docs/howto/move-partitions.md. In a new installation alone, without any record"));
	assert_non_null(strstr(said.out, "--alter --topic mixed.errors --partitions 3\n"));
	assert_non_null(strstr(said.out, "mixed.events: has 4 partitions, 4 of the six topics have 3"));
	assert_non_null(strstr(said.out, "--delete --topic mixed.events, then checkoutctl topics --create"));
	assert_null(strstr(said.out, "mixed.state:"));
	ctl_said_clear(&said);
}

/* Making topics is not for the mock broker: said at once, not after a time-out. */
static void topics__create_on_the_mock__refused_at_once(void **state)
{
	int64_t before_ms = ctl_monotonic_ms();
	struct ctl_said said = ctl_say(NULL, "topics", "--create", "--prefix", "other.", "--timeout", "60", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "making other.commands: this is librdkafka's mock broker"));
	assert_true(ctl_monotonic_ms() - before_ms < 50000);
	ctl_said_clear(&said);
}

static enum co_status ensure(const char *bootstrap, const char *prefix, int timeout_ms, int32_t *count,
							 struct co_error *error)
{
	static char *const nothing[] = {NULL};
	struct ctl_world world = {.out = stdout, .err = stderr, .environment = nothing};
	struct ctl_connection connection = {.bootstrap = bootstrap, .timeout_seconds = 60};
	struct co_topics_wish wish = {.prefix = prefix, .append = true, .partitions = 4, .replication_factor = 1};
	struct ctl_client client;
	enum co_status status;

	co_log_setup(CO_LOG_BUG, CO_LOG_TEXT);
	assert_true(ctl_client_open(&world, &connection, RD_KAFKA_CONSUMER, &client));
	status = co_topics_ensure(client.handle, &wish, count, timeout_ms, error);
	ctl_client_close(&client);
	return status;
}

/* What the worker asks: a yes with the count … */
static void ensure__all_there__count(void **state)
{
	struct co_error error = {0};
	int32_t count = -1;

	(void)state;
	assert_int_equal(ensure(cluster.bootstrap, "checkout.session.", 60000, &count, &error), CO_OK);
	assert_int_equal(count, 4);
	assert_string_equal(error.text, "");
}

/* … a no that names the first thing wrong and its cure … */
static void ensure__missing__diagnosis(void **state)
{
	struct co_error error = {0};
	int32_t count = -1;

	(void)state;
	assert_int_equal(ensure(cluster.bootstrap, "other.", 60000, &count, &error), CO_TOPICS);
	assert_int_equal(count, -1);
	assert_string_equal(error.path, "other.commands");
	assert_non_null(
		strstr(error.text, "other.commands does not exist: checkoutctl topics --create --bootstrap 127.0.0.1:"));
}

/* … or that Kafka cannot be asked, in time. */
static void ensure__kafka_away__log_down(void **state)
{
	struct co_error error = {0};
	int32_t count = -1;
	int64_t before_ms = ctl_monotonic_ms();

	(void)state;
	assert_int_equal(ensure("127.0.0.1:1", "checkout.session.", 500, &count, &error), CO_LOG_DOWN);
	assert_int_equal(count, -1);
	assert_non_null(strstr(error.text, "Kafka did not list its topics: "));
	assert_true(ctl_monotonic_ms() - before_ms < 20000);
}

static void ensure__prefix_of_200_and_201_characters__taken_and_refused(void **state)
{
	char prefix[202];
	struct co_error error = {0};

	(void)state;
	memset(prefix, 'p', sizeof(prefix));
	prefix[200] = '\0';
	assert_int_equal(ensure(cluster.bootstrap, prefix, 5000, NULL, &error), CO_TOPICS);
	assert_non_null(strstr(error.text, "commands does not exist"));
	error = (struct co_error){0};
	prefix[200] = 'p';
	prefix[201] = '\0';
	assert_int_equal(ensure(cluster.bootstrap, prefix, 5000, NULL, &error), CO_TOPICS);
	assert_string_equal(error.text, "the topics' prefix is longer than 200 characters");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(watch__events_of_a_session__its_own_in_order),
		cmocka_unit_test(watch__dlq__reason_and_origin),
		cmocka_unit_test(watch__json__bytes_that_are_no_text_as_base64),
		cmocka_unit_test(watch__from_the_end__old_records_stay_unseen),
		cmocka_unit_test(watch__no_such_topic__named),
		cmocka_unit_test(describe__known_session__snapshot_and_events),
		cmocka_unit_test(describe__json__the_snapshot_alone),
		cmocka_unit_test(describe__unknown_session__exit_1),
		cmocka_unit_test(describe__redis_away__exit_1_without_the_url),
		cmocka_unit_test(topics__all_there__ok_and_settings_unknown),
		cmocka_unit_test(topics__missing__named_with_the_command),
		cmocka_unit_test(topics__counts_differ__each_with_its_cure),
		cmocka_unit_test(topics__create_on_the_mock__refused_at_once),
		cmocka_unit_test(ensure__all_there__count),
		cmocka_unit_test(ensure__missing__diagnosis),
		cmocka_unit_test(ensure__kafka_away__log_down),
		cmocka_unit_test(ensure__prefix_of_200_and_201_characters__taken_and_refused),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
