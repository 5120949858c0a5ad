#include "adapters/kafka_topics.h"

#include "adapters/kafka_topics_admin.h"

#include "checkout/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define FOREVER_MS "9223372036854775807"
/* A dlq record is a refused one with some headers more; what commands took, dlq must take (contract section 1). */
#define DLQ_HEADROOM_BYTES 65536
#define KAFKA_DEFAULT_MAX_MESSAGE_BYTES 1048588
#define MADE_POLL_MS 50

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

__attribute__((format(printf, 3, 4))) static struct co_topics_finding *find(const struct inspection *in, size_t topic,
																			const char *format, ...)
{
	static struct co_topics_finding overflow;
	struct co_topics_report *report = in->report;
	struct co_topics_finding *finding =
		report->count < CO_TOPICS_FINDINGS_MAX ? &report->findings[report->count++] : &overflow;
	va_list arguments;

	snprintf(finding->topic, sizeof(finding->topic), "%s", in->names[topic]);
	va_start(arguments, format);
	vsnprintf(finding->wrong, sizeof(finding->wrong), format, arguments);
	va_end(arguments);
	return finding;
}

/* The count that all topics have to have: that of `commands`, or of the first that exists, or the one wished for. */
static int32_t common_count(const struct inspection *in)
{
	if (in->report->partitions[CO_TOPICS_COMMANDS] > 0)
		return in->report->partitions[CO_TOPICS_COMMANDS];
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		if (in->report->partitions[i] > 0)
			return in->report->partitions[i];
	return in->wish->partitions;
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

/* What is just made takes a moment to be listed by the broker that we ask. */
static enum co_status await_topics(struct inspection *in, size_t count)
{
	for (;;) {
		size_t seen = 0;

		CO_TRY(co_topics_admin_counts(in->client, in->pointers, CO_TOPICS_COUNT, in->report->partitions, left_ms(in),
									  in->error));
		for (size_t i = 0; i < count; i++)
			seen += in->report->partitions[i] > 0;
		if (seen == count)
			return CO_OK;
		if (monotonic_ms() >= in->deadline_ms) {
			co_error_set(in->error, "kafka", "topics were made, but Kafka does not list them yet");
			return CO_LOG_DOWN;
		}
		nanosleep(&(struct timespec){.tv_nsec = MADE_POLL_MS * 1000000L}, NULL);
	}
}

/* `dlq` last: its limit depends on what `commands` turned out to have. */
static enum co_status make_missing(struct inspection *in)
{
	char dlq_bytes[24];
	bool some = false;
	struct co_topics_settings commands = {.max_message_bytes = -1};
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
	status = co_topics_admin_describe(in->client, in->pointers, 1, &commands, left_ms(in), in->error);
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

static void check_counts(const struct inspection *in)
{
	int32_t wanted = common_count(in);

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		int32_t count = in->report->partitions[i];
		struct co_topics_finding *finding;

		if (count == wanted)
			continue;
		if (count == 0) {
			finding = find(in, i, "does not exist");
			snprintf(finding->fix, sizeof(finding->fix),
					 "checkoutctl topics --create --bootstrap %s --prefix %s --partitions %" PRId32
					 " --replication-factor %d --timestamps %s",
					 in->bootstrap, in->wish->prefix, wanted, in->wish->replication_factor,
					 in->wish->append ? "append" : "stream");
			continue;
		}
		finding = find(in, i, "has %" PRId32 " partitions, %s has %" PRId32 "; all six need the same", count,
					   in->names[CO_TOPICS_COMMANDS], wanted);
		if (count < wanted)
			snprintf(finding->fix, sizeof(finding->fix),
					 "kafka-topics.sh --bootstrap-server %s --alter --topic %s --partitions %" PRId32, in->bootstrap,
					 in->names[i], wanted);
		else
			snprintf(finding->fix, sizeof(finding->fix),
					 "kafka-topics.sh --bootstrap-server %s --delete --topic %s (it loses its records), then "
					 "checkoutctl topics --create --bootstrap %s --prefix %s",
					 in->bootstrap, in->names[i], in->bootstrap, in->wish->prefix);
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
	char bytes[24];

	if (commands->timestamp_type[0] && strcmp(commands->timestamp_type, wanted) != 0)
		fix_by_setting(in, CO_TOPICS_COMMANDS, "message.timestamp.type", wanted,
					   find(in, CO_TOPICS_COMMANDS, "message.timestamp.type is %s, topics.timestamps = %s needs %s",
							commands->timestamp_type, in->wish->append ? "append" : "stream", wanted));
	/* Compacted and nothing else: what `delete` takes away with age is a session, or the last sequence of a partition.
	 */
	if (state->cleanup_policy[0] && strcmp(state->cleanup_policy, "compact") != 0)
		fix_by_setting(in, CO_TOPICS_STATE, "cleanup.policy", "compact",
					   find(in, CO_TOPICS_STATE, "cleanup.policy is %s, it has to be compact", state->cleanup_policy));
	if (commands->max_message_bytes < 0 || dlq->max_message_bytes < 0 ||
		dlq->max_message_bytes > commands->max_message_bytes)
		return;
	snprintf(bytes, sizeof(bytes), "%" PRId64, commands->max_message_bytes + DLQ_HEADROOM_BYTES);
	fix_by_setting(in, CO_TOPICS_DLQ, "max.message.bytes", bytes,
				   find(in, CO_TOPICS_DLQ, "max.message.bytes is %" PRId64 ", it has to be above the %" PRId64 " of %s",
						dlq->max_message_bytes, commands->max_message_bytes, in->names[CO_TOPICS_COMMANDS]));
}

/* Settings of the topics that exist, each at its place. */
static enum co_status describe_existing(struct inspection *in)
{
	const char *existing[CO_TOPICS_COUNT];
	size_t places[CO_TOPICS_COUNT], count = 0;
	struct co_topics_settings found[CO_TOPICS_COUNT];
	enum co_status status;

	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		in->settings[i] = (struct co_topics_settings){.max_message_bytes = -1};
		if (in->report->partitions[i] == 0)
			continue;
		places[count] = i;
		existing[count++] = in->names[i];
	}
	status = co_topics_admin_describe(in->client, existing, count, found, left_ms(in), in->error);
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
	CO_TRY(co_topics_admin_counts(client, in.pointers, CO_TOPICS_COUNT, report->partitions, left_ms(&in), error));
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
		missing = missing || report->partitions[i] == 0;
	if (missing && wish->create)
		CO_TRY(make_missing(&in));
	CO_TRY(describe_existing(&in));
	check_counts(&in);
	check_settings(&in);
	return CO_OK;
}

enum co_status co_topics_ensure(rd_kafka_t *any_client, const struct co_topics_wish *wish, int32_t *partition_count_out,
								int timeout_ms, struct co_error *error)
{
	struct co_topics_report report;

	CO_TRY(co_topics_inspect(any_client, wish, timeout_ms, &report, error));
	if (!report.settings_known)
		co_log(CO_LOG_NOTICE, "topics.unchecked",
			   "the broker does not tell its topics' settings; partition counts alone were checked",
			   CO_TEXT("checkout.topics.prefix", wish->prefix));
	for (size_t i = 0; i < report.count; i++) {
		const struct co_topics_finding *finding = &report.findings[i];

		co_error_set(error, finding->topic, "%s %s: %s", finding->topic, finding->wrong, finding->fix);
		co_log(CO_LOG_ERROR, "topics.wrong", finding->wrong, CO_TEXT("checkout.topic", finding->topic),
			   CO_TEXT("checkout.fix", finding->fix));
	}
	if (report.count > 0)
		return CO_TOPICS;
	if (partition_count_out)
		*partition_count_out = report.partitions[CO_TOPICS_COMMANDS];
	return CO_OK;
}
