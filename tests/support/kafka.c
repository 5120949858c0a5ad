#include "kafka.h"

#include "tk.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char error[256];

	co_tk_check(rd_kafka_conf_set(conf, name, value, error, sizeof(error)) == RD_KAFKA_CONF_OK, "%s: %s", name, error);
}

static void quiet(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf, struct co_tk_kafka *kafka)
{
	char error[256];

	set(conf, "bootstrap.servers", kafka->servers);
	set(conf, "broker.address.family", "v4");
	set(conf, "reconnect.backoff.ms", "20");
	set(conf, "reconnect.backoff.max.ms", "250");
	rd_kafka_conf_set_log_cb(conf, quiet);
	rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof(error));
	co_tk_check(handle, "rd_kafka_new: %s", error);
	return handle;
}

/* The folder of a broker, by index; free() it. */
static char *folder_of(const struct co_tk_kafka *kafka, int node)
{
	return kafka->nodes ? co_tk_format("%s/%d", kafka->directory, node + 1) : strdup(kafka->directory);
}

/* ./run kafka VERB FOLDER PORT…, as a process. */
static pid_t begin_verb(struct co_tk_kafka *kafka, const char *verb, const char *folder, const int *ports, size_t count)
{
	char texts[3][16], *run = co_tk_format("%s/run", co_tk_source_dir());
	char *log = co_tk_format("%s/run.log", kafka->directory);
	const char *argv[8] = {run, "kafka", verb, folder};

	for (size_t i = 0; i < count; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%d", ports[i]);
		argv[4 + i] = texts[i];
	}
	/* less than bring_up() grants, so that the script says why */
	const char *environment[] = {"KAFKA_START_TIMEOUT=140", NULL};
	pid_t pid = co_tk_spawn(
		&(struct co_tk_spawn){.argv = argv, .environment = environment, .directory = co_tk_source_dir(), .log = log});
	free(run);
	free(log);
	return pid;
}

static int run_verb(struct co_tk_kafka *kafka, const char *verb, int64_t timeout_ms)
{
	bool all = kafka->nodes && strcmp(verb, "start") == 0;
	pid_t pid = begin_verb(kafka, verb, kafka->directory, all ? kafka->ports : &kafka->port, all ? 3 : 1);
	int status = co_tk_reap(pid, timeout_ms);

	if (status < 0)
		co_tk_kill(pid);
	return status;
}

static bool answers(void *self)
{
	struct co_tk_kafka *kafka = self;
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	const struct rd_kafka_metadata *metadata = NULL;
	bool good =
		rd_kafka_metadata(handle, 0, NULL, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->broker_cnt > 0;

	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	rd_kafka_destroy(handle);
	return good;
}

static void bring_up(struct co_tk_kafka *kafka)
{
	int status = run_verb(kafka, "start", 150000);

	if (status != 0) {
		char *path = co_tk_format("%s/run.log", kafka->directory);
		char *text = co_tk_read_file(path, NULL);
		co_tk_fail("./run kafka start: status %d\n%s", status, text ? text : "");
	}
	co_tk_check(co_tk_wait(answers, kafka, 60000), "the broker on port %d does not answer", kafka->port);
}

static void make_folder(struct co_tk_kafka *kafka)
{
	kafka->directory = co_tk_format("%s/kafka", co_tk_temp_dir());
	const char *argv[] = {"mkdir", "-p", kafka->directory, NULL};
	co_tk_check(co_tk_run(&(struct co_tk_spawn){.argv = argv}, 60000) == 0, "mkdir %s", kafka->directory);
}

void co_tk_kafka_start(struct co_tk_kafka *kafka)
{
	co_tk_kafka_start_at(kafka, co_tk_free_port());
}

void co_tk_kafka_start_at(struct co_tk_kafka *kafka, int port)
{
	*kafka = (struct co_tk_kafka){.port = port};
	snprintf(kafka->servers, sizeof(kafka->servers), "127.0.0.1:%d", kafka->port);
	make_folder(kafka);
	co_tk_guard_kafka(kafka->directory, kafka->port);
	bring_up(kafka);
}

void co_tk_kafka_start_cluster(struct co_tk_kafka *kafka)
{
	*kafka = (struct co_tk_kafka){.nodes = 3};
	for (int i = 0; i < 3; i++)
		kafka->ports[i] = co_tk_free_port();
	kafka->port = kafka->ports[0];
	snprintf(kafka->servers, sizeof(kafka->servers), "127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d", kafka->ports[0],
			 kafka->ports[1], kafka->ports[2]);
	make_folder(kafka);
	for (int i = 0; i < 3; i++) {
		char *folder = folder_of(kafka, i);
		co_tk_guard_kafka(folder, kafka->ports[i]);
		free(folder);
	}
	bring_up(kafka);
}

void co_tk_kafka_halt(struct co_tk_kafka *kafka)
{
	co_tk_check(run_verb(kafka, "stop", 60000) == 0, "./run kafka stop failed");
}

void co_tk_kafka_stop(struct co_tk_kafka *kafka)
{
	co_tk_kafka_halt(kafka);
	free(kafka->directory);
	kafka->directory = NULL;
}

void co_tk_kafka_restart(struct co_tk_kafka *kafka)
{
	bring_up(kafka);
}

void co_tk_kafka_kill(struct co_tk_kafka *kafka)
{
	co_tk_kafka_kill_node(kafka, 0);
}

void co_tk_kafka_kill_node(struct co_tk_kafka *kafka, int node)
{
	char *folder = folder_of(kafka, node), *pid = co_tk_format("%s/pid", folder);

	co_tk_check(co_tk_kill_pid_file(pid), "no broker runs in %s", folder);
	free(pid);
	free(folder);
}

int co_tk_kafka_leader(struct co_tk_kafka *kafka, const char *topic, int32_t partition)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	rd_kafka_topic_t *of = rd_kafka_topic_new(handle, topic, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	int leader = -1;

	if (rd_kafka_metadata(handle, 0, of, &metadata, 2000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		for (int i = 0; metadata->topic_cnt == 1 && i < metadata->topics[0].partition_cnt; i++)
			if (metadata->topics[0].partitions[i].id == partition)
				leader = metadata->topics[0].partitions[i].leader - 1;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(of);
	rd_kafka_destroy(handle);
	return leader;
}

pid_t co_tk_kafka_revive_node(struct co_tk_kafka *kafka, int node)
{
	char *folder = folder_of(kafka, node);
	pid_t pid = begin_verb(kafka, "start", folder, kafka->nodes ? &kafka->ports[node] : &kafka->port, 1);

	free(folder);
	return pid;
}

/* ---- topics, groups ---- */

static rd_kafka_event_t *await(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 90000);

	co_tk_check(event, "%s: no answer", what);
	co_tk_check(!rd_kafka_event_error(event), "%s: %s", what, rd_kafka_event_error_string(event));
	return event;
}

/* The broker tells a new topic to clients a moment after it was made. */
static void await_topic(rd_kafka_t *handle, const struct co_tk_topic *topic)
{
	for (int64_t end = co_tk_now_ms() + 90000; co_tk_now_ms() < end; co_tk_sleep_ms(20)) {
		const struct rd_kafka_metadata *metadata = NULL;
		rd_kafka_topic_t *of = rd_kafka_topic_new(handle, topic->name, NULL);
		bool there = rd_kafka_metadata(handle, 0, of, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR &&
					 metadata->topic_cnt == 1 && !metadata->topics[0].err &&
					 metadata->topics[0].partition_cnt == topic->partitions;
		for (int p = 0; there && p < topic->partitions; p++)
			there = metadata->topics[0].partitions[p].leader >= 0;
		if (metadata)
			rd_kafka_metadata_destroy(metadata);
		rd_kafka_topic_destroy(of);
		if (there)
			return;
	}
	co_tk_fail("the topic %s does not come up", topic->name);
}

void co_tk_kafka_create(struct co_tk_kafka *kafka, const struct co_tk_topic *topics, size_t count)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_NewTopic_t **wanted = co_tk_alloc(count * sizeof(*wanted));
	char error[256];

	for (size_t i = 0; i < count; i++) {
		wanted[i] = rd_kafka_NewTopic_new(topics[i].name, topics[i].partitions, kafka->nodes ? kafka->nodes : 1, error,
										  sizeof(error));
		co_tk_check(wanted[i], "%s: %s", topics[i].name, error);
		for (const char *const *c = topics[i].config; *c; c += 2)
			rd_kafka_NewTopic_set_config(wanted[i], c[0], c[1]);
	}
	rd_kafka_CreateTopics(handle, wanted, count, NULL, queue);
	rd_kafka_event_t *event = await(queue, "CreateTopics");
	size_t results;
	const rd_kafka_topic_result_t **result =
		rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &results);
	for (size_t i = 0; i < results; i++)
		co_tk_check(rd_kafka_topic_result_error(result[i]) == RD_KAFKA_RESP_ERR_NO_ERROR, "topic %s: %s",
					rd_kafka_topic_result_name(result[i]), rd_kafka_topic_result_error_string(result[i]));
	rd_kafka_event_destroy(event);
	for (size_t i = 0; i < count; i++)
		await_topic(handle, &topics[i]);
	rd_kafka_NewTopic_destroy_array(wanted, count);
	free(wanted);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}

void co_tk_kafka_delete(struct co_tk_kafka *kafka, const char *topic)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_DeleteTopic_t *gone = rd_kafka_DeleteTopic_new(topic);
	size_t count;

	rd_kafka_DeleteTopics(handle, &gone, 1, NULL, queue);
	rd_kafka_event_t *event = await(queue, "DeleteTopics");
	const rd_kafka_topic_result_t **result =
		rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
	co_tk_check(count == 1 && !rd_kafka_topic_result_error(result[0]), "deleting %s: refused", topic);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteTopic_destroy(gone);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}

void co_tk_kafka_raise(struct co_tk_kafka *kafka, const char *topic, int partitions)
{
	char text[256];
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_NewPartitions_t *more = rd_kafka_NewPartitions_new(topic, (size_t)partitions, text, sizeof(text));
	size_t count;

	co_tk_check(more, "raising %s: %s", topic, text);
	rd_kafka_CreatePartitions(handle, &more, 1, NULL, queue);
	rd_kafka_event_t *event = await(queue, "CreatePartitions");
	const rd_kafka_topic_result_t **result =
		rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count);
	co_tk_check(count == 1 && !rd_kafka_topic_result_error(result[0]), "raising %s: refused", topic);
	rd_kafka_topic_t *named = rd_kafka_topic_new(handle, topic, NULL);
	for (int64_t end = co_tk_now_ms() + 90000, listed = 0; listed != partitions; co_tk_sleep_ms(20)) {
		const struct rd_kafka_metadata *seen = NULL;
		if (rd_kafka_metadata(handle, 0, named, &seen, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
			listed = seen->topic_cnt == 1 ? seen->topics[0].partition_cnt : 0;
			rd_kafka_metadata_destroy(seen);
		}
		co_tk_check(co_tk_now_ms() < end, "%s does not get its partitions", topic);
	}
	rd_kafka_topic_destroy(named);
	rd_kafka_event_destroy(event);
	rd_kafka_NewPartitions_destroy(more);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}

void co_tk_kafka_create_service(struct co_tk_kafka *kafka, const char *prefix, int partitions, bool stream)
{
	co_tk_kafka_create_limited(kafka, prefix, partitions, stream, NULL, NULL);
}

void co_tk_kafka_create_limited(struct co_tk_kafka *kafka, const char *prefix, int partitions, bool stream,
								const char *limited, const char *message_bytes_max)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};
	struct co_tk_topic topics[6];
	static char full[6][128];

	for (size_t i = 0; i < 6; i++) {
		struct co_tk_topic topic = {.partitions = partitions};
		size_t c = 0;
		snprintf(full[i], sizeof(full[i]), "%s%s", prefix, names[i]);
		topic.name = full[i];
		topic.config[c++] = "retention.ms";
		topic.config[c++] = "-1";
		topic.config[c++] = "message.timestamp.type";
		topic.config[c++] = !stream && i == 0 ? "LogAppendTime" : "CreateTime";
		if (stream || i > 0) {
			topic.config[c++] = "message.timestamp.before.max.ms";
			topic.config[c++] = "9223372036854775807";
			topic.config[c++] = "message.timestamp.after.max.ms";
			topic.config[c++] = "9223372036854775807";
		}
		if (i == 4) {
			topic.config[c++] = "cleanup.policy";
			topic.config[c++] = "compact";
		}
		if (i == 5) {
			topic.config[c++] = "max.message.bytes";
			topic.config[c++] = "4194304";
		}
		if (limited && strcmp(limited, names[i]) == 0) {
			topic.config[c++] = "max.message.bytes";
			topic.config[c++] = message_bytes_max;
		}
		topics[i] = topic;
	}
	co_tk_kafka_create(kafka, topics, 6);
}

int64_t co_tk_kafka_committed(struct co_tk_kafka *kafka, const char *group, const char *topic, int32_t partition,
							  char metadata[64])
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "group.id", group);
	set(conf, "isolation.level", "read_committed");
	rd_kafka_t *handle = open_handle(RD_KAFKA_CONSUMER, conf, kafka);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *position = rd_kafka_topic_partition_list_add(list, topic, partition);
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
	for (int64_t end = co_tk_now_ms() + 90000; error && co_tk_now_ms() < end;)
		error = rd_kafka_committed(handle, list, 5000);
	co_tk_check(!error, "committed: %s", rd_kafka_err2str(error));
	int64_t offset = position->offset < 0 ? -1 : position->offset;
	if (metadata) {
		size_t length = position->metadata && position->metadata_size < 64 ? position->metadata_size : 0;
		if (length)
			memcpy(metadata, position->metadata, length);
		metadata[length] = '\0';
	}
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(handle);
	return offset;
}

void co_tk_kafka_set_offset(struct co_tk_kafka *kafka, const char *group, const char *topic, int32_t partition,
							int64_t offset)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "group.id", group);
	rd_kafka_t *handle = open_handle(RD_KAFKA_CONSUMER, conf, kafka);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
	/* refused while a member is left; a static one stays until its session is over */
	for (int64_t end = co_tk_now_ms() + 60000; error && co_tk_now_ms() < end;) {
		error = rd_kafka_commit(handle, list, 0);
		if (error)
			co_tk_sleep_ms(250);
	}
	co_tk_check(!error, "set offset: %s", rd_kafka_err2str(error));
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(handle);
}

void co_tk_kafka_delete_before(struct co_tk_kafka *kafka, const char *topic, int32_t partition, int64_t offset)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), kafka);
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
	rd_kafka_DeleteRecords_t *wish = rd_kafka_DeleteRecords_new(list);

	rd_kafka_DeleteRecords(handle, &wish, 1, NULL, queue);
	rd_kafka_event_t *event = await(queue, "DeleteRecords");
	const rd_kafka_topic_partition_list_t *done =
		rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
	co_tk_check(done->cnt == 1 && !done->elems[0].err, "records of %s could not be deleted", topic);
	rd_kafka_event_destroy(event);
	rd_kafka_DeleteRecords_destroy(wish);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}
