#include "broker.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADMIN_MS_MAX 30000
#define FLUSH_MS_MAX 60000
#define TOPICS 6

static const char *const topics[TOPICS] = {"commands", "replies", "errors", "events", "state", "dlq"};

/* --- handles ------------------------------------------------------------------------------------------------------ */

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char error[BENCH_TEXT];

	if (rd_kafka_conf_set(conf, name, value, error, sizeof(error)) != RD_KAFKA_CONF_OK)
		bench_fail("bench: %s: %s", name, error);
}

/* `settings`: names and values in turn, then NULL. */
static rd_kafka_conf_t *conf_of(const struct bench_options *options, const char *const *settings)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	set(conf, "bootstrap.servers", options->bootstrap);
	set(conf, "broker.address.family", "v4");
	/* A coordinator that is still loading is asked again; nobody needs to read of it. */
	set(conf, "log_level", "3");
	for (; *settings; settings += 2)
		set(conf, settings[0], settings[1]);
	return conf;
}

static rd_kafka_t *open_handle(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
	char error[BENCH_TEXT];
	rd_kafka_t *handle = rd_kafka_new(type, conf, error, sizeof(error));

	if (!handle)
		bench_fail("bench: librdkafka: %s", error);
	return handle;
}

/* --- topics ------------------------------------------------------------------------------------------------------- */

static rd_kafka_NewTopic_t *new_topic(const char *prefix, size_t which)
{
	char name[BENCH_TEXT], error[BENCH_TEXT];

	(void)snprintf(name, sizeof(name), "%s%s", prefix, topics[which]);
	rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, BENCH_PARTITIONS, 1, error, sizeof(error));
	if (!topic)
		bench_fail("bench: %s: %s", name, error);
	if (strcmp(topics[which], "commands") == 0)
		(void)rd_kafka_NewTopic_set_config(topic, "message.timestamp.type", "LogAppendTime");
	if (strcmp(topics[which], "state") == 0)
		(void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "compact");
	if (strcmp(topics[which], "dlq") == 0)
		(void)rd_kafka_NewTopic_set_config(topic, "max.message.bytes", "4194304");
	return topic;
}

static void await(rd_kafka_queue_t *queue, const char *what)
{
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ADMIN_MS_MAX);

	if (!event || rd_kafka_event_error(event))
		bench_fail("bench: %s: %s", what, event ? rd_kafka_event_error_string(event) : "no answer");
	size_t count = 0;
	const rd_kafka_topic_result_t **results =
		rd_kafka_event_type(event) == RD_KAFKA_EVENT_CREATETOPICS_RESULT
			? rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
			: rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count);
	for (size_t i = 0; i < count; i++)
		if (rd_kafka_topic_result_error(results[i]))
			bench_fail("bench: %s %s: %s", what, rd_kafka_topic_result_name(results[i]),
					   rd_kafka_topic_result_error_string(results[i]));
	rd_kafka_event_destroy(event);
}

static bool is_known(rd_kafka_t *handle, const char *name)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(handle, name, NULL);
	const struct rd_kafka_metadata *metadata = NULL;
	bool known = topic && !rd_kafka_metadata(handle, 0, topic, &metadata, 1000) && metadata->topic_cnt == 1 &&
				 !metadata->topics[0].err && metadata->topics[0].partition_cnt == BENCH_PARTITIONS;

	for (int p = 0; known && p < BENCH_PARTITIONS; p++)
		known = metadata->topics[0].partitions[p].leader >= 0;
	if (metadata)
		rd_kafka_metadata_destroy(metadata);
	if (topic)
		rd_kafka_topic_destroy(topic);
	return known;
}

/* A topic that is made may be unknown to the broker for a moment still, and the worker refuses to start without it. */
static void wait_known(rd_kafka_t *handle, const char *prefix)
{
	int64_t end_us = bench_now_us() + ADMIN_MS_MAX * INT64_C(1000);
	char name[BENCH_TEXT];

	for (size_t i = 0; i < TOPICS; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", prefix, topics[i]);
		while (!is_known(handle, name)) {
			if (bench_now_us() > end_us)
				bench_fail("bench: %s was made and is not there", name);
			bench_sleep_until_us(bench_now_us() + 10000);
		}
	}
}

void bench_topics_create(const struct bench_options *options, const char *prefix)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, conf_of(options, (const char *const[]){NULL}));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_NewTopic_t *wanted[TOPICS];

	for (size_t i = 0; i < TOPICS; i++)
		wanted[i] = new_topic(prefix, i);
	rd_kafka_CreateTopics(handle, wanted, TOPICS, NULL, queue);
	await(queue, "CreateTopics");
	wait_known(handle, prefix);
	rd_kafka_NewTopic_destroy_array(wanted, TOPICS);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}

void bench_topics_delete(const struct bench_options *options, const char *prefix)
{
	rd_kafka_t *handle = open_handle(RD_KAFKA_PRODUCER, conf_of(options, (const char *const[]){NULL}));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(handle);
	rd_kafka_DeleteTopic_t *doomed[TOPICS];
	char name[BENCH_TEXT];

	for (size_t i = 0; i < TOPICS; i++) {
		(void)snprintf(name, sizeof(name), "%s%s", prefix, topics[i]);
		doomed[i] = rd_kafka_DeleteTopic_new(name);
	}
	rd_kafka_DeleteTopics(handle, doomed, TOPICS, NULL, queue);
	await(queue, "DeleteTopics");
	rd_kafka_DeleteTopic_destroy_array(doomed, TOPICS);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(handle);
}

/* --- sending ------------------------------------------------------------------------------------------------------ */

struct bench_producer {
	rd_kafka_t *handle;
	rd_kafka_topic_t *commands;
};

static void on_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	(void)handle;
	(void)opaque;
	if (message->err)
		bench_fail("bench: a command was not delivered: %s", rd_kafka_err2str(message->err));
	if (message->_private)
		*(int64_t *)message->_private = rd_kafka_message_timestamp(message, NULL);
}

struct bench_producer *bench_producer_open(const struct bench_options *options, const char *prefix, int linger_ms)
{
	char linger[16], name[BENCH_TEXT];
	const char *const settings[] = {"linger.ms",   linger,           "enable.idempotence",           "true",
									"partitioner", "murmur2_random", "queue.buffering.max.messages", "1000000",
									NULL};
	struct bench_producer *producer = calloc(1, sizeof(*producer));

	if (!producer)
		bench_fail("bench: out of memory");
	(void)snprintf(linger, sizeof(linger), "%d", linger_ms);
	(void)snprintf(name, sizeof(name), "%scommands", prefix);
	rd_kafka_conf_t *conf = conf_of(options, settings);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	producer->handle = open_handle(RD_KAFKA_PRODUCER, conf);
	producer->commands = rd_kafka_topic_new(producer->handle, name, NULL);
	/* So that the first command does not wait for metadata. */
	const struct rd_kafka_metadata *metadata = NULL;
	if (rd_kafka_metadata(producer->handle, 0, producer->commands, &metadata, ADMIN_MS_MAX))
		bench_fail("bench: no metadata of %s", name);
	rd_kafka_metadata_destroy(metadata);
	return producer;
}

static rd_kafka_headers_t *headers_of(const struct bench_text *text)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(8);

	(void)rd_kafka_header_add(headers, "content-type", -1, "application/json", -1);
	(void)rd_kafka_header_add(headers, "ce_specversion", -1, "1.0", -1);
	(void)rd_kafka_header_add(headers, "ce_id", -1, text->id, -1);
	(void)rd_kafka_header_add(headers, "ce_source", -1, "/bench", -1);
	(void)rd_kafka_header_add(headers, "ce_type", -1, text->type, -1);
	(void)rd_kafka_header_add(headers, "ce_merchantid", -1, text->merchant_id, -1);
	if (text->has_subject)
		(void)rd_kafka_header_add(headers, "ce_subject", -1, text->session_id, -1);
	return headers;
}

void bench_send(struct bench_producer *producer, const struct bench_command *command, int64_t *appended_ms)
{
	struct bench_text text;

	bench_write(command, &text);
	rd_kafka_headers_t *headers = headers_of(&text);
	const rd_kafka_vu_t parts[] = {{.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = producer->commands},
								   {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {text.session_id, 36}},
								   {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {text.data, text.data_len}},
								   {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
								   {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
								   {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = appended_ms}};
	rd_kafka_error_t *error;
	while ((error = rd_kafka_produceva(producer->handle, parts, sizeof(parts) / sizeof(parts[0]))) != NULL) {
		if (rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bench_fail("bench: produce: %s", rd_kafka_error_string(error));
		rd_kafka_error_destroy(error);
		(void)rd_kafka_poll(producer->handle, 10);
	}
}

void bench_producer_serve(struct bench_producer *producer)
{
	(void)rd_kafka_poll(producer->handle, 0);
}

void bench_producer_close(struct bench_producer *producer)
{
	if (rd_kafka_flush(producer->handle, FLUSH_MS_MAX))
		bench_fail("bench: commands are not delivered within %d s", FLUSH_MS_MAX / 1000);
	rd_kafka_topic_destroy(producer->commands);
	rd_kafka_destroy(producer->handle);
	free(producer);
}

/* --- a group's progress ------------------------------------------------------------------------------------------- */

struct bench_progress {
	rd_kafka_t *handle;
	rd_kafka_topic_partition_list_t *positions;
};

struct bench_progress *bench_progress_open(const struct bench_options *options, const struct bench_worker *worker)
{
	/* Asks for offsets, never joins the group. */
	const char *const settings[] = {"group.id", worker->group, "isolation.level", "read_uncommitted", NULL};
	struct bench_progress *progress = calloc(1, sizeof(*progress));
	char name[BENCH_TEXT];

	if (!progress)
		bench_fail("bench: out of memory");
	(void)snprintf(name, sizeof(name), "%scommands", worker->prefix);
	progress->handle = open_handle(RD_KAFKA_CONSUMER, conf_of(options, settings));
	progress->positions = rd_kafka_topic_partition_list_new(BENCH_PARTITIONS);
	for (int32_t p = 0; p < BENCH_PARTITIONS; p++)
		(void)rd_kafka_topic_partition_list_add(progress->positions, name, p);
	return progress;
}

int64_t bench_progress_read(struct bench_progress *progress)
{
	int64_t sum = 0;

	if (rd_kafka_committed(progress->handle, progress->positions, 10000))
		return 0;
	for (int i = 0; i < progress->positions->cnt; i++)
		sum += progress->positions->elems[i].offset > 0 ? progress->positions->elems[i].offset : 0;
	return sum;
}

void bench_progress_close(struct bench_progress *progress)
{
	rd_kafka_topic_partition_list_destroy(progress->positions);
	rd_kafka_destroy(progress->handle);
	free(progress);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct bench_consumer {
	rd_kafka_t *handle;
	rd_kafka_message_t *message;
	struct bench_record record;
	unsigned ended; /* a bit per partition that was read to its end */
};

static int64_t end_of(rd_kafka_t *handle, const char *topic, int32_t partition)
{
	int64_t low = 0, high = 0;
	rd_kafka_resp_err_t err = rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &high, ADMIN_MS_MAX);

	if (err)
		bench_fail("bench: %s: %s", topic, rd_kafka_err2str(err));
	return high;
}

struct bench_consumer *bench_consumer_open(const struct bench_options *options, const char *topic, bool from_now)
{
	const char *const settings[] = {"group.id",
									"bench-reader",
									"isolation.level",
									"read_committed",
									"enable.auto.commit",
									"false",
									"fetch.wait.max.ms",
									"10",
									"enable.partition.eof",
									"true",
									NULL};
	struct bench_consumer *consumer = calloc(1, sizeof(*consumer));
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(BENCH_PARTITIONS);

	if (!consumer)
		bench_fail("bench: out of memory");
	consumer->handle = open_handle(RD_KAFKA_CONSUMER, conf_of(options, settings));
	(void)rd_kafka_poll_set_consumer(consumer->handle);
	for (int32_t p = 0; p < BENCH_PARTITIONS; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset =
			from_now ? end_of(consumer->handle, topic, p) : RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_resp_err_t err = rd_kafka_assign(consumer->handle, list);
	if (err)
		bench_fail("bench: %s: %s", topic, rd_kafka_err2str(err));
	rd_kafka_topic_partition_list_destroy(list);
	return consumer;
}

const struct bench_record *bench_consume(struct bench_consumer *consumer, int timeout_ms, bool *at_end)
{
	if (consumer->message)
		rd_kafka_message_destroy(consumer->message);
	rd_kafka_message_t *message = consumer->message = rd_kafka_consumer_poll(consumer->handle, timeout_ms);
	if (message && message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
		consumer->ended |= 1u << message->partition;
	else if (message && message->err)
		bench_fail("bench: reading: %s", rd_kafka_message_errstr(message));
	*at_end = consumer->ended == (1u << BENCH_PARTITIONS) - 1;
	if (!message || message->err)
		return NULL;
	consumer->record = (struct bench_record){.key = message->key,
											 .value = message->payload,
											 .key_len = message->key_len,
											 .value_len = message->len,
											 .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
											 .message = message};
	return &consumer->record;
}

bool bench_header(const struct bench_record *record, const char *name, char out[BENCH_TEXT])
{
	rd_kafka_headers_t *headers = NULL;
	const void *value = NULL;
	size_t length = 0;

	if (rd_kafka_message_headers(record->message, &headers) ||
		rd_kafka_header_get_last(headers, name, &value, &length) || !value || length >= BENCH_TEXT)
		return false;
	memcpy(out, value, length);
	out[length] = '\0';
	return true;
}

void bench_consumer_close(struct bench_consumer *consumer)
{
	if (consumer->message)
		rd_kafka_message_destroy(consumer->message);
	(void)rd_kafka_consumer_close(consumer->handle);
	rd_kafka_destroy(consumer->handle);
	free(consumer);
}
