/* Making and checking topics on a real broker: settings, two makers at once, and what is said of topics set wrongly. */
#include "ctl_support.h"
#include "kafka.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct co_tk_kafka kafka;

static int start(void **state)
{
	(void)state;
	co_tk_kafka_start(&kafka);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	co_tk_kafka_stop(&kafka);
	return 0;
}

#define BROKERS "--timeout", "30", "--bootstrap", kafka.servers

/* The six topics of a prefix, `wrong` of them set otherwise than asked for. */
static void make_but(const char *prefix, const char *wrong, int partitions, const char *name, const char *value)
{
	static const char *const rows[] = {"commands", "replies", "errors", "events", "state", "dlq"};

	for (size_t i = 0; i < 6; i++) {
		char topic[64];
		struct co_tk_topic one = {.name = topic, .partitions = 2};
		size_t used = 0;

		snprintf(topic, sizeof(topic), "%s%s", prefix, rows[i]);
		if (strcmp(rows[i], wrong) == 0) {
			one.partitions = partitions;
			one.config[used++] = name;
			one.config[used++] = value;
		} else if (i == 0) {
			one.config[used++] = "message.timestamp.type";
			one.config[used++] = "LogAppendTime";
		} else if (i == 4) {
			one.config[used++] = "cleanup.policy";
			one.config[used++] = "compact";
		} else if (i == 5) {
			one.config[used++] = "max.message.bytes";
			one.config[used++] = "2000000";
		}
		one.config[used] = NULL;
		co_tk_kafka_create(&kafka, &one, 1);
	}
}

static void topics__made_then_checked__ok_and_not_made_again(void **state)
{
	struct ctl_said made = ctl_say(NULL, "topics", "--create", "--partitions", "3", "--prefix", "a.", BROKERS, NULL);
	struct ctl_said checked = ctl_say(NULL, "topics", "--create", "--partitions", "5", "--prefix", "a.", BROKERS, NULL);

	(void)state;
	assert_string_equal(made.err, "");
	assert_int_equal(made.code, CTL_OK);
	assert_non_null(strstr(made.out, "made    a.dlq                                    3 partitions"));
	assert_int_equal(checked.code, CTL_OK);
	assert_null(strstr(checked.out, "made"));
	assert_null(strstr(checked.out, "5 partitions"));
	assert_null(strstr(checked.out, "partition counts alone"));
	ctl_said_clear(&made);
	ctl_said_clear(&checked);
}

/* A topic that is missing among others takes their count, whatever was asked for. */
static void topics__some_there__the_rest_takes_their_count(void **state)
{
	struct co_tk_topic commands = {"b.commands", 2, {"message.timestamp.type", "LogAppendTime", NULL}};
	struct ctl_said said;

	(void)state;
	co_tk_kafka_create(&kafka, &commands, 1);
	said = ctl_say(NULL, "topics", "--create", "--partitions", "7", "--prefix", "b.", BROKERS, NULL);
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "made    b.state                                  2 partitions"));
	ctl_said_clear(&said);
}

/* Made for stream: good for stream, and a record of long ago, or of tomorrow, is taken; not good for append. */
static void topics__made_for_stream__takes_any_date(void **state)
{
	struct ctl_said made =
		ctl_say(NULL, "topics", "--create", "--timestamps", "stream", "--prefix", "c.", BROKERS, NULL);
	struct ctl_said past =
		ctl_say(NULL, "send", "create", "--no-wait", "--timestamp", "1000", "--prefix", "c.", BROKERS, NULL);
	struct ctl_said future = ctl_say(NULL, "send", "create", "--no-wait", "--timestamp", "2199-01-01T00:00:00Z",
									 "--prefix", "c.", BROKERS, NULL);
	struct ctl_said append = ctl_say(NULL, "topics", "--prefix", "c.", BROKERS, NULL);

	(void)state;
	assert_int_equal(made.code, CTL_OK);
	assert_int_equal(past.code, CTL_OK);
	assert_int_equal(future.code, CTL_OK);
	assert_int_equal(append.code, CTL_TROUBLE);
	assert_non_null(strstr(append.out,
						   "c.commands: message.timestamp.type is CreateTime, topics.timestamps = append needs "
						   "LogAppendTime\n"));
	assert_non_null(strstr(append.out, "--entity-name c.commands --add-config message.timestamp.type=LogAppendTime\n"));
	ctl_said_clear(&made);
	ctl_said_clear(&past);
	ctl_said_clear(&future);
	ctl_said_clear(&append);
}

/* Two makers at the same moment: both are content. */
static void topics__two_makers_at_once__both_ok(void **state)
{
	pid_t other = fork();
	struct ctl_said said;
	int status = -1;

	(void)state;
	said = ctl_say(NULL, "topics", "--create", "--prefix", "d.", BROKERS, NULL);
	if (other == 0)
		_exit(said.code);
	assert_true(other > 0);
	assert_int_equal(waitpid(other, &status, 0), other);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CTL_OK);
	assert_int_equal(said.code, CTL_OK);
	ctl_said_clear(&said);
}

static void topics__state_also_deletes__wrong(void **state)
{
	struct ctl_said said;

	(void)state;
	make_but("e.", "state", 2, "cleanup.policy", "compact,delete");
	said = ctl_say(NULL, "topics", "--prefix", "e.", BROKERS, NULL);
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.out, "e.state: cleanup.policy is compact,delete, it has to be compact\n"));
	assert_non_null(strstr(said.out, "--entity-name e.state --add-config cleanup.policy=compact\n"));
	ctl_said_clear(&said);
}

/* 1048588 is what commands takes: as much is too little, one byte more is enough. */
static void topics__dlq_limit_equal_and_one_above__wrong_and_ok(void **state)
{
	struct ctl_said equal, above;

	(void)state;
	make_but("f.", "dlq", 2, "max.message.bytes", "1048588");
	make_but("g.", "dlq", 2, "max.message.bytes", "1048589");
	equal = ctl_say(NULL, "topics", "--prefix", "f.", BROKERS, NULL);
	above = ctl_say(NULL, "topics", "--prefix", "g.", BROKERS, NULL);
	assert_int_equal(equal.code, CTL_TROUBLE);
	assert_non_null(
		strstr(equal.out, "f.dlq: max.message.bytes is 1048588, it has to be above the 1048588 of f.commands\n"));
	assert_int_equal(above.code, CTL_OK);
	ctl_said_clear(&equal);
	ctl_said_clear(&above);
}

static void topics__more_replicas_than_brokers__the_brokers_own_words(void **state)
{
	struct ctl_said said =
		ctl_say(NULL, "topics", "--create", "--replication-factor", "2", "--prefix", "h.", BROKERS, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "making h.commands: Unable to replicate the partition 2 time(s)"));
	ctl_said_clear(&said);
}

/* Three brokers hear of a new topic one after the other: it is not told as trouble. What is made can lose a broker. */
static void topics__made_on_three_brokers__settled_and_safe(void **state)
{
	static const char *const prefixes[] = {"i.", "j.", "k."};
	struct co_tk_kafka three;

	(void)state;
	co_tk_kafka_start_cluster(&three);
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++) {
		struct ctl_said said = ctl_say(NULL, "topics", "--create", "--partitions", "12", "--replication-factor", "3",
									   "--timeout", "30", "--bootstrap", three.servers, "--prefix", prefixes[i], NULL);
		assert_string_equal(said.err, "");
		assert_int_equal(said.code, CTL_OK);
		assert_non_null(strstr(said.out, ".dlq                                    12 partitions"));
		assert_null(strstr(said.out, "risk"));
		ctl_said_clear(&said);
	}
	co_tk_kafka_stop(&three);
}

/* On one broker there is one copy, and that is said, once for all six. */
static void topics__one_broker__one_risk_told_once(void **state)
{
	struct ctl_said said = ctl_say(NULL, "topics", "--prefix", "a.", BROKERS, NULL);
	const char *risk = strstr(said.out, "\nrisk: ");

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(risk);
	assert_non_null(strstr(risk, "topics have one replica"));
	assert_non_null(strstr(risk, "\n  a.commands a.replies a.errors a.events a.state a.dlq\n"));
	assert_null(strstr(risk + 1, "\nrisk: "));
	ctl_said_clear(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		/* first: it forks, and no client of this process may be alive then */
		cmocka_unit_test(topics__two_makers_at_once__both_ok),
		cmocka_unit_test(topics__made_then_checked__ok_and_not_made_again),
		cmocka_unit_test(topics__one_broker__one_risk_told_once),
		cmocka_unit_test(topics__some_there__the_rest_takes_their_count),
		cmocka_unit_test(topics__made_for_stream__takes_any_date),
		cmocka_unit_test(topics__state_also_deletes__wrong),
		cmocka_unit_test(topics__dlq_limit_equal_and_one_above__wrong_and_ok),
		cmocka_unit_test(topics__more_replicas_than_brokers__the_brokers_own_words),
		cmocka_unit_test(topics__made_on_three_brokers__settled_and_safe),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
