/* Making and judging the six topics, with Kafka's admin protocol played here: brokers that have not heard of a topic
 * yet, counts that differ, settings that lose records. */
#include "tests/unit/toolbox/toolbox.h"

#include "adapters/kafka_topics_admin.h"

#include "checkout/log.h"

/* ---- the cluster, as the admin protocol shows it ---- */

static struct cluster {
	int32_t partitions[CO_TOPICS_COUNT], replicas;
	struct co_topics_settings settings[CO_TOPICS_COUNT];
	int describes_unheard; /* answers that know nothing of the topics yet; -1: all */
	int describes;
	size_t plan_count;
	struct co_topics_plan plans[CO_TOPICS_COUNT];
	char plan_names[CO_TOPICS_COUNT][64];
} cluster;

static rd_kafka_t *producer;

static size_t topic_of(const char *name)
{
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		char full[CO_TOPICS_NAME_MAX + 1];

		co_topics_name("t.", (enum co_topics_id)i, full);
		if (strcmp(full, name) == 0)
			return i;
	}
	fail_msg("no topic %s", name);
	return 0;
}

enum co_status co_topics_admin_counts(rd_kafka_t *client, const char *const *names, size_t count, int32_t *partitions,
									  int32_t *replicas, int timeout_ms, struct co_error *error)
{
	(void)client, (void)timeout_ms, (void)error;
	for (size_t i = 0; i < count; i++) {
		partitions[i] = cluster.partitions[topic_of(names[i])];
		replicas[i] = partitions[i] ? cluster.replicas : 0;
	}
	return CO_OK;
}

enum co_status co_topics_admin_create(rd_kafka_t *client, const struct co_topics_plan *plan, bool *made, int timeout_ms,
									  struct co_error *error)
{
	size_t n = cluster.plan_count++;

	(void)client, (void)timeout_ms, (void)error;
	assert_true(n < CO_TOPICS_COUNT);
	snprintf(cluster.plan_names[n], sizeof(cluster.plan_names[n]), "%s", plan->name);
	assert_true(plan->count <= CO_TOPICS_SETTINGS_MAX);
	cluster.plans[n] = *plan;
	cluster.partitions[topic_of(plan->name)] = plan->partitions;
	cluster.replicas = plan->replication_factor;
	*made = true;
	return CO_OK;
}

enum co_status co_topics_admin_describe(rd_kafka_t *client, const char *const *names, size_t count,
										struct co_topics_settings *settings, int timeout_ms, struct co_error *error)
{
	(void)client, (void)timeout_ms;
	cluster.describes++;
	if (cluster.describes_unheard != 0) {
		cluster.describes_unheard -= cluster.describes_unheard > 0;
		co_error_set(error, names[0], "reading the settings of %s: Unknown topic or partition", names[0]);
		return CO_LOG_DOWN;
	}
	for (size_t i = 0; i < count; i++)
		settings[i] = cluster.settings[topic_of(names[i])];
	return CO_OK;
}

/* Six good topics on a cluster of three, or none. */
static void cluster_of(int32_t partitions)
{
	cluster = (struct cluster){.replicas = 3};
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		cluster.partitions[i] = partitions;
		cluster.settings[i] = (struct co_topics_settings){.timestamp_type = "LogAppendTime",
														  .cleanup_policy = "compact",
														  .max_message_bytes = i == CO_TOPICS_DLQ ? 2000000 : 1000000,
														  .min_insync_replicas = 2,
														  .unclean_election = "false"};
	}
}

static const struct co_topics_wish wish = {.prefix = "t.", .append = true, .partitions = 4, .replication_factor = 3};

static struct co_topics_report inspected(const struct co_topics_wish *with)
{
	struct co_topics_report report;
	struct co_error error = {.path = ""};

	assert_int_equal(co_topics_inspect(producer, with, 2000, &report, &error), CO_OK);
	assert_string_equal(error.text, "");
	return report;
}

static int open_client(void **state)
{
	char text[256];

	(void)state;
	producer = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, text, sizeof(text));
	return producer ? 0 : -1;
}

static int close_client(void **state)
{
	(void)state;
	rd_kafka_destroy(producer);
	return 0;
}

/* ---- counts ---- */

/* The one that was raised alone is the one that is named; nobody is told to raise the others after it. */
static void counts__commands_raised_alone__it_is_named_and_nothing_to_be_raised(void **state)
{
	(void)state;
	cluster_of(4);
	cluster.partitions[CO_TOPICS_COMMANDS] = 8;
	struct co_topics_report report = inspected(&wish);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.findings[0].topic, "t.commands");
	assert_string_equal(report.findings[0].wrong,
						"has 8 partitions, 5 of the six topics have 4; all six need the same");
	assert_non_null(strstr(report.findings[0].fix, "must not be raised once there are sessions"));
	assert_non_null(strstr(report.findings[0].fix, "docs/howto/move-partitions.md"));
	assert_null(strstr(report.findings[0].fix, "--alter"));
}

/* Made with too few: raising it is right where nothing was written yet, and that condition stands before the command.
 */
static void counts__one_with_too_few__raised_only_in_a_new_installation(void **state)
{
	(void)state;
	cluster_of(4);
	cluster.partitions[CO_TOPICS_STATE] = 3;
	struct co_topics_report report = inspected(&wish);
	assert_int_equal(report.count, 1);
	assert_string_equal(report.findings[0].topic, "t.state");
	const char *fix = report.findings[0].fix;
	const char *condition = strstr(fix, "In a new installation alone"), *command = strstr(fix, "kafka-topics.sh");
	assert_true(condition && command && condition < command);
	assert_non_null(strstr(command, "--alter --topic t.state --partitions 4"));
	assert_non_null(strstr(fix, "docs/howto/move-partitions.md"));
}

/* Three and three: `commands` decides. */
static void counts__undecided__as_commands(void **state)
{
	(void)state;
	cluster_of(4);
	cluster.partitions[CO_TOPICS_COMMANDS] = cluster.partitions[CO_TOPICS_REPLIES] =
		cluster.partitions[CO_TOPICS_ERRORS] = 8;
	struct co_topics_report report = inspected(&wish);
	assert_int_equal(report.count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(strstr(report.findings[i].wrong, "has 4 partitions, 3 of the six topics have 8"));
}

/* ---- making ---- */

static const char *planned(size_t plan, const char *setting)
{
	for (size_t i = 0; i < cluster.plans[plan].count; i++)
		if (strcmp(cluster.plans[plan].settings[i].name, setting) == 0)
			return cluster.plans[plan].settings[i].value;
	return NULL;
}

/* From three replicas on two have to have what was acknowledged, and none that was behind may lead. */
static void create__three_replicas__two_in_sync_and_clean_elections(void **state)
{
	const struct co_topics_wish makes[] = {{"t.", true, 4, 3, true}, {"t.", false, 4, 3, true}};

	(void)state;
	for (size_t m = 0; m < 2; m++) {
		cluster_of(0);
		(void)inspected(&makes[m]);
		assert_int_equal(cluster.plan_count, CO_TOPICS_COUNT);
		for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
			assert_non_null(planned(i, "min.insync.replicas"));
			assert_string_equal(planned(i, "min.insync.replicas"), "2");
			assert_non_null(planned(i, "unclean.leader.election.enable"));
			assert_string_equal(planned(i, "unclean.leader.election.enable"), "false");
		}
	}
}

/* With two, two in sync would stop the service with the first broker. */
static void create__one_or_two_replicas__left_to_the_cluster(void **state)
{
	(void)state;
	for (int replicas = 1; replicas < 3; replicas++) {
		const struct co_topics_wish make = {"t.", true, 4, replicas, true};

		cluster_of(0);
		(void)inspected(&make);
		for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
			assert_null(planned(i, "min.insync.replicas"));
			assert_null(planned(i, "unclean.leader.election.enable"));
		}
	}
}

/* Of three brokers the one that is asked may hear of the new topics later than the one that made them. */
static void create__a_broker_hears_late__asked_again(void **state)
{
	const struct co_topics_wish make = {"t.", true, 4, 3, true};

	(void)state;
	cluster_of(0);
	cluster.describes_unheard = 3;
	struct co_topics_report report = inspected(&make);
	assert_int_equal(report.count, 0);
	assert_int_equal(cluster.describes, 3 + 2); /* commands before dlq is made, then all six */
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		assert_true(report.made[i]);
}

/* But not for ever, and what was made meanwhile is known. */
static void create__never_heard_of__ends_in_time_and_tells_what_was_made(void **state)
{
	const struct co_topics_wish make = {"t.", true, 4, 3, true};
	struct co_topics_report report;
	struct co_error error = {.path = ""};

	(void)state;
	cluster_of(0);
	cluster.describes_unheard = -1;
	assert_int_equal(co_topics_inspect(producer, &make, 300, &report, &error), CO_LOG_DOWN);
	assert_string_equal(error.text, "reading the settings of t.commands: Unknown topic or partition");
	assert_true(cluster.describes > 2 && cluster.describes < 20);
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		assert_int_equal(report.made[i], i != CO_TOPICS_DLQ);
}

/* ---- risks ---- */

#define ALL "t.commands t.replies t.errors t.events t.state t.dlq"

static void risks__as_it_should_be__none(void **state)
{
	(void)state;
	cluster_of(4);
	struct co_topics_report report = inspected(&wish);
	for (size_t i = 0; i < CO_TOPICS_RISK_COUNT; i++)
		assert_string_equal(report.risks[i].topics, "");
}

/* One replica is one risk, for all topics at once: what else is set does not matter then. */
static void risks__one_replica__that_one_alone(void **state)
{
	(void)state;
	cluster_of(4);
	cluster.replicas = 1;
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		cluster.settings[i].min_insync_replicas = 1;
		snprintf(cluster.settings[i].unclean_election, sizeof(cluster.settings[i].unclean_election), "true");
	}
	struct co_topics_report report = inspected(&wish);
	assert_int_equal(report.count, 0);
	assert_string_equal(report.risks[CO_TOPICS_RISK_ONE_REPLICA].topics, ALL);
	assert_string_equal(report.risks[CO_TOPICS_RISK_ONE_REPLICA].fix, "docs/howto/production.md, section 2");
	assert_string_equal(report.risks[CO_TOPICS_RISK_IN_SYNC].topics, "");
	assert_string_equal(report.risks[CO_TOPICS_RISK_UNCLEAN].topics, "");
}

/* Two replicas cannot both be asked for while one is away; three can. */
static void risks__one_in_sync__told_from_three_replicas_on(void **state)
{
	(void)state;
	for (int32_t replicas = 2; replicas < 5; replicas++) {
		cluster_of(4);
		cluster.replicas = replicas;
		cluster.settings[CO_TOPICS_EVENTS].min_insync_replicas = 1;
		cluster.settings[CO_TOPICS_DLQ].min_insync_replicas = 1;
		struct co_topics_report report = inspected(&wish);
		assert_string_equal(report.risks[CO_TOPICS_RISK_IN_SYNC].topics, replicas < 3 ? "" : "t.events t.dlq");
		assert_int_equal(report.count, 0);
		if (replicas >= 3)
			assert_string_equal(report.risks[CO_TOPICS_RISK_IN_SYNC].fix,
								"for topic in t.events t.dlq; do kafka-configs.sh --bootstrap-server BROKERS --alter "
								"--entity-type topics --entity-name $topic --add-config min.insync.replicas=2; done");
	}
}

static void risks__unclean_election__told_from_two_replicas_on(void **state)
{
	(void)state;
	for (int32_t replicas = 1; replicas < 4; replicas++) {
		cluster_of(4);
		cluster.replicas = replicas;
		snprintf(cluster.settings[CO_TOPICS_COMMANDS].unclean_election, 8, "true");
		struct co_topics_report report = inspected(&wish);
		assert_string_equal(report.risks[CO_TOPICS_RISK_UNCLEAN].topics, replicas < 2 ? "" : "t.commands");
	}
}

/* Said at the start, one line each, and no reason to refuse. */
static void ensure__all_risks__a_notice_each_and_ok(void **state)
{
	struct co_error error = {.path = ""};
	int32_t count = 0;

	(void)state;
	cluster_of(4);
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		cluster.settings[i].min_insync_replicas = 1;
		snprintf(cluster.settings[i].unclean_election, sizeof(cluster.settings[i].unclean_election), "true");
	}
	FILE *caught = tmpfile();
	int kept = dup(2);
	assert_true(caught && kept >= 0 && dup2(fileno(caught), 2) == 2);
	enum co_status status = co_topics_ensure(producer, &wish, &count, 2000, &error);
	assert_true(dup2(kept, 2) == 2);
	close(kept);
	char text[8192] = "";
	rewind(caught);
	(void)!fread(text, 1, sizeof(text) - 1, caught);
	fclose(caught);
	assert_int_equal(status, CO_OK);
	assert_int_equal(count, 4);
	size_t lines = 0;
	for (const char *at = text; (at = strstr(at, "\"event.action\":\"topics.risk\"")) != NULL; at++)
		lines++;
	assert_int_equal(lines, 2);
	assert_null(strstr(text, "\"log.level\":\"error\""));
	assert_non_null(strstr(text, "\"log.level\":\"notice\",\"message\":\"min.insync.replicas is below 2"));
	assert_non_null(strstr(text, "\"log.level\":\"notice\",\"message\":\"unclean.leader.election.enable is true"));
	assert_non_null(strstr(text, "\"checkout.topics\":\"" ALL "\""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts__commands_raised_alone__it_is_named_and_nothing_to_be_raised),
		cmocka_unit_test(counts__one_with_too_few__raised_only_in_a_new_installation),
		cmocka_unit_test(counts__undecided__as_commands),
		cmocka_unit_test(create__three_replicas__two_in_sync_and_clean_elections),
		cmocka_unit_test(create__one_or_two_replicas__left_to_the_cluster),
		cmocka_unit_test(create__a_broker_hears_late__asked_again),
		cmocka_unit_test(create__never_heard_of__ends_in_time_and_tells_what_was_made),
		cmocka_unit_test(risks__as_it_should_be__none),
		cmocka_unit_test(risks__one_replica__that_one_alone),
		cmocka_unit_test(risks__one_in_sync__told_from_three_replicas_on),
		cmocka_unit_test(risks__unclean_election__told_from_two_replicas_on),
		cmocka_unit_test(ensure__all_risks__a_notice_each_and_ok),
	};

	return cmocka_run_group_tests(tests, open_client, close_client);
}
