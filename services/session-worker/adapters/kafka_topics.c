#include "adapters/kafka_topics.h"

#include "adapters/kafka_topics_admin.h"
#include "adapters/kafka_topics_risks.h"

#include "checkout/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FOREVER_MS "9223372036854775807"
/* A dlq record is a refused one with some headers more; what commands took, dlq must take (contract section 1). */
#define DLQ_HEADROOM_BYTES 65536
#define KAFKA_DEFAULT_MAX_MESSAGE_BYTES 1048588
#define SETTLE_POLL_MS 50

static const struct {
	const char *name;
	bool compacted;
} rows[] = {
#define CO_TOPIC(ident, name, compacted) {name, compacted},
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
};

/* One inspection in hand. */
struct inspection {
	rd_kafka_t *client;
	const struct co_topics_wish *wish;
	struct co_topics_report *report;
	struct co_error *error;
	int64_t deadline_ms;
	char bootstrap[256];
	char names[CO_TOPICS_COUNT][CO_TOPICS_NAME_MAX + 1];
	const char *pointers[CO_TOPICS_COUNT];
	struct co_topics_settings settings[CO_TOPICS_COUNT];
};

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int left_ms(const struct inspection *in)
{
	int64_t left = in->deadline_ms - monotonic_ms();

	return left < 1 ? 1 : left > INT32_MAX ? INT32_MAX : (int)left;
}

void co_topics_name(const char *prefix, enum co_topics_id topic, char out[CO_TOPICS_NAME_MAX + 1])
{
	snprintf(out, CO_TOPICS_NAME_MAX + 1, "%s%s", prefix, rows[topic].name);
}

/* A place for one more; its caller fills in what is wrong and the fix. */
static struct co_topics_finding *find(const struct inspection *in, size_t topic)
{
	static struct co_topics_finding overflow;
	struct co_topics_report *report = in->report;
	struct co_topics_finding *finding =
		report->count < CO_TOPICS_FINDINGS_MAX ? &report->findings[report->count++] : &overflow;

	snprintf(finding->topic, sizeof(finding->topic), "%s", in->names[topic]);
	return finding;
}

static size_t topics_with(const struct inspection *in, int32_t count)
{
	size_t topics = 0;

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		topics += in->report->partitions[i] == count;
	return topics;
}

/* The count that all topics have to have: that of most of them, with `commands` when it is undecided, or the one wished
 * for while there is none. Whoever changed one topic alone is told of that one. */
static int32_t common_count(const struct inspection *in)
{
	int32_t common = in->report->partitions[CO_TOPICS_COMMANDS];

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		int32_t count = in->report->partitions[i];

		if (count > 0 && (common == 0 || topics_with(in, count) > topics_with(in, common)))
			common = count;
	}
	return common > 0 ? common : in->wish->partitions;
}

static void plan_setting(struct co_topics_plan *plan, const char *name, const char *value)
{
	plan->settings[plan->count++] = (struct co_topics_setting){name, value};
}

/* `modern`: brokers from 3.6 on split message.timestamp.difference.max.ms in two; 4.0 knows the two alone. */
static void plan_topic(const struct inspection *in, size_t topic, bool modern, const char *dlq_bytes,
					   struct co_topics_plan *plan)
{
	*plan = (struct co_topics_plan){
		.name = in->names[topic], .partitions = common_count(in), .replication_factor = in->wish->replication_factor};
	plan_setting(plan, "cleanup.policy", rows[topic].compacted ? "compact" : "delete");
	if (topic == CO_TOPICS_COMMANDS || !in->wish->append)
		plan_setting(plan, "message.timestamp.type", in->wish->append ? "LogAppendTime" : "CreateTime");
	if (topic == CO_TOPICS_DLQ)
		plan_setting(plan, "max.message.bytes", dlq_bytes);
	if (in->wish->replication_factor >= CO_TOPICS_REPLICAS_SAFE) {
		plan_setting(plan, "min.insync.replicas", "2");
		plan_setting(plan, "unclean.leader.election.enable", "false");
	}
	if (in->wish->append)
		return;
	/* Records of a replay may be dated any day: neither refused for it, nor deleted the moment they are old. */
	if (!rows[topic].compacted)
		plan_setting(plan, "retention.ms", "-1");
	if (modern) {
		plan_setting(plan, "message.timestamp.before.max.ms", FOREVER_MS);
		plan_setting(plan, "message.timestamp.after.max.ms", FOREVER_MS);
	} else {
		plan_setting(plan, "message.timestamp.difference.max.ms", FOREVER_MS);
	}
}

static enum co_status make_topic(struct inspection *in, size_t topic, const char *dlq_bytes)
{
	struct co_topics_plan plan;
	enum co_status status;

	plan_topic(in, topic, true, dlq_bytes, &plan);
	status = co_topics_admin_create(in->client, &plan, &in->report->made[topic], left_ms(in), in->error);
	if (status == CO_FORMAT && !in->wish->append) {
		plan_topic(in, topic, false, dlq_bytes, &plan);
		status = co_topics_admin_create(in->client, &plan, &in->report->made[topic], left_ms(in), in->error);
	}
	if (status == CO_FORMAT) {
		co_error_set(in->error, plan.name, "making %s: the broker refuses its settings", plan.name);
		status = CO_TOPICS;
	}
	return status;
}

static enum co_status read_counts(struct inspection *in)
{
	return co_topics_admin_counts(in->client, in->pointers, CO_TOPICS_COUNT, in->report->partitions,
								  in->report->replicas, left_ms(in), in->error);
}

static void settle(void)
{
	nanosleep(&(struct timespec){.tv_nsec = SETTLE_POLL_MS * 1000000L}, NULL);
}

/* What is just made takes a moment to be listed by the broker that we ask. */
static enum co_status await_topics(struct inspection *in, size_t count)
{
	for (;;) {
		size_t seen = 0;

		CO_TRY(read_counts(in));
		for (size_t i = 0; i < count; i++)
			seen += in->report->partitions[i] > 0;
		if (seen == count)
			return CO_OK;
		if (monotonic_ms() >= in->deadline_ms) {
			co_error_set(in->error, "kafka", "topics were made, but Kafka does not list them yet");
			return CO_LOG_DOWN;
		}
		settle();
	}
}

/* A broker that has not heard of a new topic yet says that there is none: it is asked again until the time is over. */
static enum co_status describe(struct inspection *in, const char *const *names, size_t count,
							   struct co_topics_settings *settings)
{
	for (;;) {
		struct co_error error = {.path = ""};
		enum co_status status = co_topics_admin_describe(in->client, names, count, settings, left_ms(in), &error);

		if (status == CO_LOG_DOWN && monotonic_ms() < in->deadline_ms) {
			settle();
			continue;
		}
		if (status != CO_OK)
			co_error_set(in->error, error.path, "%s", error.text);
		return status;
	}
}

/* `dlq` last: its limit depends on what `commands` turned out to have. */
static enum co_status make_missing(struct inspection *in)
{
	char dlq_bytes[24];
	bool some = false;
	struct co_topics_settings commands = CO_TOPICS_SETTINGS_UNKNOWN;
	enum co_status status;

	_Static_assert(CO_TOPICS_DLQ == CO_TOPICS_COUNT - 1, "dlq is the last row of tbl/topics.def");
	for (size_t i = 0; i < CO_TOPICS_DLQ; i++) {
		if (in->report->partitions[i] > 0)
			continue;
		CO_TRY(make_topic(in, i, ""));
		some = true;
	}
	if (some)
		CO_TRY(await_topics(in, CO_TOPICS_DLQ));
	if (in->report->partitions[CO_TOPICS_DLQ] > 0)
		return CO_OK;
	status = describe(in, in->pointers, 1, &commands);
	if (status != CO_OK && status != CO_NOTHING)
		return status;
	if (commands.max_message_bytes <= 0)
		commands.max_message_bytes = KAFKA_DEFAULT_MAX_MESSAGE_BYTES;
	if (commands.max_message_bytes > INT32_MAX - DLQ_HEADROOM_BYTES)
		commands.max_message_bytes = INT32_MAX - DLQ_HEADROOM_BYTES;
	snprintf(dlq_bytes, sizeof(dlq_bytes), "%" PRId64, commands.max_message_bytes + DLQ_HEADROOM_BYTES);
	CO_TRY(make_topic(in, CO_TOPICS_DLQ, dlq_bytes));
	return await_topics(in, CO_TOPICS_COUNT);
}

/* Nobody here knows whether the topics hold sessions, and with other counts those would not be found: the words say
 * when the command is right. */
static void fix_count(const struct inspection *in, size_t topic, int32_t wanted, struct co_topics_finding *finding)
{
	static const char words[] = "a count cannot be lowered, and must not be raised once there are sessions: see "
								"docs/howto/move-partitions.md. In a new installation alone, without any record (which "
								"is not checked here):";

	if (in->report->partitions[topic] < wanted)
		snprintf(finding->fix, sizeof(finding->fix),
				 "%s kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %" PRId32, words,
				 in->bootstrap, in->names[topic], wanted);
	else
		snprintf(finding->fix, sizeof(finding->fix),
				 "%s kafka-topics.sh --bootstrap-server %s --delete --topic %s, then checkoutctl topics --create "
				 "--bootstrap %s --prefix %s --replication-factor %d --timestamps %s",
				 words, in->bootstrap, in->names[topic], in->bootstrap, in->wish->prefix, in->wish->replication_factor,
				 in->wish->append ? "append" : "stream");
}

static void check_counts(const struct inspection *in)
{
	int32_t wanted = common_count(in);

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		int32_t count = in->report->partitions[i];
		struct co_topics_finding *finding;

		if (count == wanted)
			continue;
		finding = find(in, i);
		if (count > 0) {
			snprintf(finding->wrong, sizeof(finding->wrong),
					 "has %" PRId32 " partitions, %zu of the six topics have %" PRId32 "; all six need the same", count,
					 topics_with(in, wanted), wanted);
			fix_count(in, i, wanted, finding);
			continue;
		}
		snprintf(finding->wrong, sizeof(finding->wrong), "does not exist");
		snprintf(finding->fix, sizeof(finding->fix),
				 "checkoutctl topics --create --bootstrap %s --prefix %s --partitions %" PRId32
				 " --replication-factor %d --timestamps %s",
				 in->bootstrap, in->wish->prefix, wanted, in->wish->replication_factor,
				 in->wish->append ? "append" : "stream");
	}
}

static void fix_by_setting(const struct inspection *in, size_t topic, const char *name, const char *value,
						   struct co_topics_finding *finding)
{
	snprintf(finding->fix, sizeof(finding->fix),
			 "kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s=%s",
			 in->bootstrap, in->names[topic], name, value);
}

static void check_settings(const struct inspection *in)
{
	const struct co_topics_settings *commands = &in->settings[CO_TOPICS_COMMANDS];
	const struct co_topics_settings *state = &in->settings[CO_TOPICS_STATE];
	const struct co_topics_settings *dlq = &in->settings[CO_TOPICS_DLQ];
	const char *wanted = in->wish->append ? "LogAppendTime" : "CreateTime";
	struct co_topics_finding *finding;
	char bytes[24];

	if (commands->timestamp_type[0] && strcmp(commands->timestamp_type, wanted) != 0) {
		finding = find(in, CO_TOPICS_COMMANDS);
		snprintf(finding->wrong, sizeof(finding->wrong),
				 "message.timestamp.type is %s, topics.timestamps = %s needs %s", commands->timestamp_type,
				 in->wish->append ? "append" : "stream", wanted);
		fix_by_setting(in, CO_TOPICS_COMMANDS, "message.timestamp.type", wanted, finding);
	}
	/* Compacted and nothing else: what `delete` takes away with age is a session, or the last sequence of a partition.
	 */
	if (state->cleanup_policy[0] && strcmp(state->cleanup_policy, "compact") != 0) {
		finding = find(in, CO_TOPICS_STATE);
		snprintf(finding->wrong, sizeof(finding->wrong), "cleanup.policy is %s, it has to be compact",
				 state->cleanup_policy);
		fix_by_setting(in, CO_TOPICS_STATE, "cleanup.policy", "compact", finding);
	}
	if (commands->max_message_bytes < 0 || dlq->max_message_bytes < 0 ||
		dlq->max_message_bytes > commands->max_message_bytes)
		return;
	finding = find(in, CO_TOPICS_DLQ);
	snprintf(finding->wrong, sizeof(finding->wrong),
			 "max.message.bytes is %" PRId64 ", it has to be above the %" PRId64 " of %s", dlq->max_message_bytes,
			 commands->max_message_bytes, in->names[CO_TOPICS_COMMANDS]);
	snprintf(bytes, sizeof(bytes), "%" PRId64, commands->max_message_bytes + DLQ_HEADROOM_BYTES);
	fix_by_setting(in, CO_TOPICS_DLQ, "max.message.bytes", bytes, finding);
}

/* Settings of the topics that exist, each at its place. */
static enum co_status describe_existing(struct inspection *in)
{
	const char *existing[CO_TOPICS_COUNT];
	size_t places[CO_TOPICS_COUNT], count = 0;
	struct co_topics_settings found[CO_TOPICS_COUNT];
	enum co_status status;

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		in->settings[i] = CO_TOPICS_SETTINGS_UNKNOWN;
		if (in->report->partitions[i] == 0)
			continue;
		places[count] = i;
		existing[count++] = in->names[i];
	}
	status = describe(in, existing, count, found);
	in->report->settings_known = status == CO_OK;
	if (status == CO_NOTHING)
		return CO_OK;
	CO_TRY(status);
	for (size_t i = 0; i < count; i++)
		in->settings[places[i]] = found[i];
	return CO_OK;
}

enum co_status co_topics_inspect(rd_kafka_t *client, const struct co_topics_wish *wish, int timeout_ms,
								 struct co_topics_report *report, struct co_error *error)
{
	struct inspection in = {
		.client = client, .wish = wish, .report = report, .error = error, .deadline_ms = monotonic_ms() + timeout_ms};
	size_t size = sizeof(in.bootstrap);
	bool missing = false;

	*report = (struct co_topics_report){0};
	if (strlen(wish->prefix) > CO_TOPICS_PREFIX_MAX) {
		co_error_set(error, "topics.prefix", "the topics' prefix is longer than %d characters", CO_TOPICS_PREFIX_MAX);
		return CO_TOPICS;
	}
	if (rd_kafka_conf_get(rd_kafka_conf(client), "bootstrap.servers", in.bootstrap, &size) != RD_KAFKA_CONF_OK ||
		in.bootstrap[0] == '\0')
		snprintf(in.bootstrap, sizeof(in.bootstrap), "BROKERS");
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		co_topics_name(wish->prefix, (enum co_topics_id)i, in.names[i]);
		in.pointers[i] = in.names[i];
	}
	CO_TRY(read_counts(&in));
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		missing = missing || report->partitions[i] == 0;
	if (missing && wish->create)
		CO_TRY(make_missing(&in));
	CO_TRY(describe_existing(&in));
	check_counts(&in);
	check_settings(&in);
	co_topics_judge_risks(in.bootstrap, in.pointers, in.settings, report);
	return CO_OK;
}

static void log_report(const struct co_topics_wish *wish, const struct co_topics_report *report, struct co_error *error)
{
	if (!report->settings_known)
		co_log(CO_LOG_NOTICE, "topics.unchecked",
			   "the broker does not tell its topics' settings; partition counts alone were checked",
			   CO_TEXT("checkout.topics.prefix", wish->prefix));
	for (size_t i = 0; i < CO_TOPICS_RISK_COUNT; i++)
		if (report->risks[i].topics[0])
			co_log(CO_LOG_NOTICE, "topics.risk", report->risks[i].what,
				   CO_TEXT("checkout.topics", report->risks[i].topics), CO_TEXT("checkout.fix", report->risks[i].fix));
	for (size_t i = 0; i < report->count; i++) {
		const struct co_topics_finding *finding = &report->findings[i];

		co_error_set(error, finding->topic, "%s %s: %s", finding->topic, finding->wrong, finding->fix);
		co_log(CO_LOG_ERROR, "topics.wrong", finding->wrong, CO_TEXT("checkout.topic", finding->topic),
			   CO_TEXT("checkout.fix", finding->fix));
	}
}

enum co_status co_topics_ensure(rd_kafka_t *any_client, const struct co_topics_wish *wish, int32_t *partition_count_out,
								int timeout_ms, struct co_error *error)
{
	struct co_topics_report report;

	CO_TRY(co_topics_inspect(any_client, wish, timeout_ms, &report, error));
	log_report(wish, &report, error);
	if (report.count > 0)
		return CO_TOPICS;
	if (partition_count_out)
		*partition_count_out = report.partitions[CO_TOPICS_COMMANDS];
	return CO_OK;
}
