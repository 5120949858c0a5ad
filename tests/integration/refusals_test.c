/* What the service refuses to start with: exit 2, and a line that names what is wrong (contract section 9). */
#include "it.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Starts the worker with one more setting or variable and expects exit 2 and the word in its output. */
static void refuses(struct rig *rig, const char *override, const char *variable, const char *word)
{
	struct co_tk_worker worker;
	const char *overrides[16];
	const char *environment[] = {variable, NULL};
	size_t count = 0;

	for (; rig->overrides[count]; count++)
		overrides[count] = rig->overrides[count];
	overrides[count++] = override;
	overrides[count] = NULL;
	struct co_tk_worker_options options = {.instance = "refused",
										   .prefix = rig->prefix,
										   .group = rig->group,
										   .overrides = overrides,
										   .environment = variable ? environment : NULL};
	co_tk_worker_start(&worker, &rig_shared->kafka, &rig_shared->redis, &options);
	int status = co_tk_worker_wait(&worker, 60000);
	char *log = co_tk_worker_log(&worker), shown[600];
	bool named = strstr(log, word) != NULL;
	snprintf(shown, sizeof(shown), "%s", log);
	free(log);
	if (status < 0)
		co_tk_worker_kill(&worker);
	if (status != 2 || !named)
		fail_msg("%s%s: wanted exit 2 and \"%s\", got %d:\n%s", override ? override : "", variable ? variable : "",
				 word, status, shown);
}

struct row {
	const char *override, *variable, *word;
};

/* One row per mistake. */
static void config__mistake__exit_2_names_the_key(void **state)
{
	const struct row *row = *state;
	struct rig rig = {.prefix = "none.", .group = "none"};

	refuses(&rig, row->override, row->variable, row->word);
}

static struct row rows[] = {
	{"worker.lanez=2", NULL, "worker.lanez"},
	{"worker.lanes=0", NULL, "worker.lanes"},
	{"worker.lanes=65", NULL, "worker.lanes"},
	{"worker.lanes=two", NULL, "worker.lanes"},
	{"topics.timestamps=never", NULL, "topics.timestamps"},
	{"auth.mode=basic", NULL, "auth.mode"},
	{"auth.merchants.file=/nowhere/registry.json", NULL, "auth.merchants.file"},
	{"redis.url=http://127.0.0.1", NULL, "redis.url"},
	{"worker.replies.allow=(", NULL, "worker.replies.allow"},
	{"kafka.isolation.level=read_uncommitted", NULL, "kafka.isolation.level"},
	{"kafka.enable.idempotence=false", NULL, "kafka.enable.idempotence"},
	{"kafka.no.such.property=1", NULL, "kafka.no.such.property"},
	{NULL, "CHECKOUT_WORKER_LANEZ=1", "CHECKOUT_WORKER_LANEZ"},
	{NULL, "CHECKOUT_WORKER_LANES=65", "CHECKOUT_WORKER_LANES"},
	{NULL, "CHECKOUT_REDIS_URL_FILE=/nowhere/url", "CHECKOUT_REDIS_URL_FILE"},
};

/* A registry that breaks a rule is named by its entry. */
static void registry__broken_rule__exit_2_names_the_entry(void **state)
{
	struct rig rig = {.prefix = "none.", .group = "none"};
	char *path = co_tk_format("%s/registry.json", co_tk_temp_dir());
	char *override = co_tk_format("auth.merchants.file=%s", path);

	(void)state;
	co_tk_write_file(path, "{\"merchants\":[{\"id\":\"" RIG_MERCHANT "\",\"ttlSeconds\":{\"min\":9,\"max\":8}}]}");
	refuses(&rig, override, NULL, "merchants[0]");
	free(path);
	free(override);
}

static void make_topics(struct rig *rig, const char *prefix, int which, const char *name, const char *value,
						int partitions)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};
	struct co_tk_topic topics[6];
	char full[6][64];

	snprintf(rig->prefix, sizeof(rig->prefix), "%s", prefix);
	snprintf(rig->group, sizeof(rig->group), "g-%s", prefix);
	for (int i = 0; i < 6; i++) {
		snprintf(full[i], sizeof(full[i]), "%s%s", prefix, names[i]);
		topics[i] = (struct co_tk_topic){.name = full[i], .partitions = 4};
		size_t c = 0;
		if (i == 0) {
			topics[i].config[c++] = "message.timestamp.type";
			topics[i].config[c++] = "LogAppendTime";
		}
		if (i == 4) {
			topics[i].config[c++] = "cleanup.policy";
			topics[i].config[c++] = "compact";
		}
		if (i == 5) {
			topics[i].config[c++] = "max.message.bytes";
			topics[i].config[c++] = "4194304";
		}
		if (i == which && name) {
			topics[i].config[0] = name;
			topics[i].config[1] = value;
		}
		if (i == which)
			topics[i].partitions = partitions;
	}
	co_tk_kafka_create(&rig_shared->kafka, topics, 6);
}

static void topics__missing__exit_2_says_the_command(void **state)
{
	struct rig rig = {.prefix = "missing.", .group = "missing"};

	(void)state;
	refuses(&rig, NULL, NULL, "missing.commands");
}

static void topics__commands_with_producers_time__exit_2_names_the_setting(void **state)
{
	struct rig rig = {0};

	(void)state;
	make_topics(&rig, "time.", 0, "message.timestamp.type", "CreateTime", 4);
	refuses(&rig, NULL, NULL, "message.timestamp.type");
	refuses(&rig, NULL, NULL, "time.commands");
}

static void topics__commands_with_append_time_in_stream_mode__exit_2_names_the_setting(void **state)
{
	struct rig rig = {0};

	(void)state;
	make_topics(&rig, "stream.", -1, NULL, NULL, 4);
	refuses(&rig, "topics.timestamps=stream", NULL, "message.timestamp.type");
}

static void topics__state_not_compacted__exit_2_names_the_setting(void **state)
{
	struct rig rig = {0};

	(void)state;
	make_topics(&rig, "plain.", 4, "cleanup.policy", "delete", 4);
	refuses(&rig, NULL, NULL, "cleanup.policy");
}

static void topics__other_partition_count__exit_2_names_the_topic(void **state)
{
	struct rig rig = {0};

	(void)state;
	make_topics(&rig, "count.", 1, NULL, NULL, 3);
	refuses(&rig, NULL, NULL, "count.replies");
}

/* Nobody is sent from here to raising the other five: that would hide the sessions. */
static void topics__commands_alone_raised__exit_2_names_it_and_the_page(void **state)
{
	struct rig rig = {0};

	(void)state;
	make_topics(&rig, "alone.", 0, NULL, NULL, 8);
	refuses(&rig, NULL, NULL, "topics (alone.commands): alone.commands has 8 partitions, 5 of the six topics have 4;");
	refuses(&rig, NULL, NULL,
			"a count cannot be lowered, and must not be raised once there are sessions: see "
			"docs/howto/move-partitions.md.");
}

static void raise_all(struct rig *rig, int partitions)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};
	char topic[64];

	for (size_t i = 0; i < 6; i++) {
		snprintf(topic, sizeof(topic), "%s%s", rig->prefix, names[i]);
		co_tk_kafka_raise(&rig_shared->kafka, topic, partitions);
	}
}

#define RESIZED                                                                    \
	"has 8 partitions now, sessions were dealt out to 4; nothing is changed: see " \
	"docs/howto/move-partitions.md"

/* Sessions live where the old count put them: with the new one they would not be found, and be opened twice. */
static void topics__all_raised_over_sessions__exit_2_names_both_counts_and_the_page(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 8);
	rig_settle_and_check(&rig, 90000, "before the counts are raised");
	co_tk_worker_stop(&rig.workers[0]);
	rig.workers[0] = (struct co_tk_worker){0};
	raise_all(&rig, 8);
	refuses(&rig, NULL, NULL, RESIZED);
	refuses(&rig, NULL, NULL, "\"topics.resized\"");
	rig_close(&rig);
}

/* Without a session there is nothing to be lost. */
static void topics__all_raised_while_empty__accepted(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	for (int i = 0; i < 2; i++) {
		rig_start(&rig, 0, 1, NULL);
		rig_wait_ready(&rig, 0);
		co_tk_worker_stop(&rig.workers[0]);
		rig.workers[0] = (struct co_tk_worker){0};
		if (i == 0)
			raise_all(&rig, 8);
	}
	rig_close(&rig);
}

/* Under a running worker: it ends as soon as the group deals out what it has no room for, and says why last. */
static void topics__all_raised_under_a_worker__exit_1_with_the_reason_then_2(void **state)
{
	struct rig rig;

	(void)state;
	rig_open(&rig, rig_shared);
	rig_override(&rig, "kafka.topic.metadata.refresh.interval.ms", "1000");
	rig_start(&rig, 0, 2, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 8);
	rig_settle_and_check(&rig, 90000, "before the counts are raised under a worker");
	raise_all(&rig, 8);
	int status = co_tk_worker_wait(&rig.workers[0], 60000);
	char *log = co_tk_worker_log(&rig.workers[0]);
	co_tk_check(log && status == 1, "exit %d, wanted 1; its log:\n%s", status, log);
	const char *last = log;
	for (const char *line = log; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		last = line;
	if (!strstr(last, "process.failed") || !strstr(last, "topics_resized"))
		fail_msg("the last line does not say why: %s", last);
	assert_non_null(strstr(log, "\"topics.resized\""));
	free(log);
	rig.workers[0] = (struct co_tk_worker){0};
	refuses(&rig, NULL, NULL, RESIZED);
	rig_close(&rig);
}

/* topics.create makes them, with the settings that the service then accepts. */
static void topics__create_true__made_and_accepted(void **state)
{
	struct co_tk_worker worker;
	const char *overrides[] = {"topics.create=true", "topics.partitions=3", NULL};
	struct co_tk_worker_options options = {
		.instance = "maker", .prefix = "made.", .group = "made", .overrides = overrides};

	(void)state;
	for (int i = 0; i < 2; i++) {
		co_tk_worker_start(&worker, &rig_shared->kafka, &rig_shared->redis, &options);
		co_tk_worker_wait_ready(&worker, 60000);
		co_tk_worker_stop(&worker);
		overrides[0] = "topics.create=false";
	}
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(registry__broken_rule__exit_2_names_the_entry),
		cmocka_unit_test(topics__missing__exit_2_says_the_command),
		cmocka_unit_test(topics__commands_with_producers_time__exit_2_names_the_setting),
		cmocka_unit_test(topics__commands_with_append_time_in_stream_mode__exit_2_names_the_setting),
		cmocka_unit_test(topics__state_not_compacted__exit_2_names_the_setting),
		cmocka_unit_test(topics__other_partition_count__exit_2_names_the_topic),
		cmocka_unit_test(topics__commands_alone_raised__exit_2_names_it_and_the_page),
		cmocka_unit_test(topics__all_raised_over_sessions__exit_2_names_both_counts_and_the_page),
		cmocka_unit_test(topics__all_raised_while_empty__accepted),
		cmocka_unit_test(topics__all_raised_under_a_worker__exit_1_with_the_reason_then_2),
		cmocka_unit_test(topics__create_true__made_and_accepted),
	};
	enum { OTHERS = sizeof(others) / sizeof(*others) };
	struct CMUnitTest tests[ROWS + OTHERS];
	char names[ROWS][128];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof(names[i]), "config__%s__exit_2_names_the_key",
				 rows[i].override ? rows[i].override : rows[i].variable);
		tests[i] = (struct CMUnitTest){names[i], config__mistake__exit_2_names_the_key, NULL, NULL, &rows[i]};
	}
	for (size_t i = 0; i < OTHERS; i++)
		tests[ROWS + i] = others[i];
	return cmocka_run_group_tests(tests, rig_shared_start, rig_shared_stop);
}
