#include "kafka.h"

#include "tk.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS_MAX 160

static void quiet(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle;
	(void)level;
	(void)facility;
	(void)text;
}

static rd_kafka_t *consumer(struct co_tk_kafka *kafka, const char *group, const char *isolation)
{
	const char *const settings[][2] = {
		{"bootstrap.servers", kafka->servers}, {"group.id", group},
		{"isolation.level", isolation},        {"enable.auto.commit", "false"},
		{"enable.partition.eof", "true"},      {"auto.offset.reset", "earliest"},
		{"fetch.wait.max.ms", "20"},           {"broker.address.family", "v4"},
		{"reconnect.backoff.ms", "20"},        {"reconnect.backoff.max.ms", "250"},
		{"fetch.error.backoff.ms", "50"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		co_tk_check(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)) == RD_KAFKA_CONF_OK,
					"%s: %s", settings[i][0], error);
	rd_kafka_conf_set_log_cb(conf, quiet);
	rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	co_tk_check(handle, "consumer: %s", error);
	rd_kafka_poll_set_consumer(handle);
	return handle;
}

static int32_t partitions_of(rd_kafka_t *handle, const char *topic)
{
	for (int64_t end = co_tk_now_ms() + 90000; co_tk_now_ms() < end;) {
		const struct rd_kafka_metadata *metadata = NULL;
		rd_kafka_topic_t *of = rd_kafka_topic_new(handle, topic, NULL);
		int32_t count = 0;
		if (rd_kafka_metadata(handle, 0, of, &metadata, 5000) == RD_KAFKA_RESP_ERR_NO_ERROR) {
			if (metadata->topic_cnt == 1 && !metadata->topics[0].err)
				count = metadata->topics[0].partition_cnt;
			rd_kafka_metadata_destroy(metadata);
		}
		rd_kafka_topic_destroy(of);
		if (count > 0)
			return count;
		co_tk_sleep_ms(50);
	}
	co_tk_fail("no topic %s", topic);
}

void co_tk_reader_open(struct co_tk_reader *reader, struct co_tk_kafka *kafka, const char *const *topics, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);

	*reader = (struct co_tk_reader){.kafka = kafka, .handle = consumer(kafka, "co-test-reader", "read_committed")};
	for (size_t i = 0; i < count; i++) {
		int32_t partitions = partitions_of(reader->handle, topics[i]);
		for (int32_t p = 0; p < partitions; p++) {
			rd_kafka_topic_partition_list_add(list, topics[i], p)->offset = 0;
			reader->tails = co_tk_grow(reader->tails, (reader->partition_count + 1) * sizeof(*reader->tails));
			struct co_tk_tail *tail = &reader->tails[reader->partition_count++];
			*tail = (struct co_tk_tail){.partition = p};
			snprintf(tail->topic, sizeof(tail->topic), "%s", topics[i]);
		}
	}
	rd_kafka_resp_err_t error = rd_kafka_assign(reader->handle, list);
	co_tk_check(!error, "assign: %s", rd_kafka_err2str(error));
	rd_kafka_topic_partition_list_destroy(list);
}

static struct co_tk_tail *tail_of(struct co_tk_reader *reader, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < reader->partition_count; i++)
		if (reader->tails[i].partition == partition && strcmp(reader->tails[i].topic, topic) == 0)
			return &reader->tails[i];
	co_tk_fail("a record of %s/%d was not asked for", topic, partition);
}

static struct co_view view(const void *bytes, size_t length)
{
	return (struct co_view){bytes, bytes ? length : 0};
}

static void keep(struct co_tk_reader *reader, const rd_kafka_message_t *message)
{
	const char *topic = rd_kafka_topic_name(message->rkt);
	struct co_tk_tail *tail = tail_of(reader, topic, message->partition);
	struct co_header headers[HEADERS_MAX];
	struct co_record record = {.partition = message->partition,
							   .offset = message->offset,
							   .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
							   .key = view(message->key, message->key_len),
							   .value = view(message->payload, message->len),
							   .headers = headers};
	rd_kafka_headers_t *list;

	if (message->offset < tail->next)
		return; /* told twice */
	if (rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		const char *name;
		const void *value;
		size_t size;
		while (rd_kafka_header_get_all(list, record.header_count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR) {
			co_tk_check(record.header_count < HEADERS_MAX, "more than %d headers", HEADERS_MAX);
			headers[record.header_count++] = (struct co_header){view(name, strlen(name)), view(value, size)};
		}
	}
	tail->next = message->offset + 1;
	co_tk_log_add(&reader->log, view(topic, strlen(topic)), &record);
}

static void take_one(struct co_tk_reader *reader, int timeout_ms)
{
	rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->handle, timeout_ms);

	if (!message)
		return;
	if (!message->err) {
		keep(reader, message);
	} else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		struct co_tk_tail *tail = tail_of(reader, rd_kafka_topic_name(message->rkt), message->partition);
		tail->at_end = true;
		if (message->offset > tail->next)
			tail->next = message->offset;
	}
	rd_kafka_message_destroy(message);
}

/* The end of the stable part now (LSO); -1: no answer. */
static int64_t stable_end(rd_kafka_t *handle, const char *topic, int32_t partition)
{
	int64_t low, high;

	return rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &high, 5000) ? -1 : high;
}

/* To the ends as `asked` sees them. */
static bool catch_up(struct co_tk_reader *reader, rd_kafka_t *asked, int64_t timeout_ms)
{
	int64_t end = co_tk_now_ms() + timeout_ms;

	for (size_t i = 0; i < reader->partition_count; i++) {
		struct co_tk_tail *tail = &reader->tails[i];
		int64_t to;
		while ((to = stable_end(asked, tail->topic, tail->partition)) < 0)
			if (co_tk_now_ms() > end)
				return false;
		tail->at_end = tail->next >= to;
		/* Control records at the end are never handed out: the client's end-of-partition says that they are passed. */
		while (tail->next < to) {
			if (co_tk_now_ms() > end)
				return false;
			take_one(reader, 20);
		}
	}
	return true;
}

bool co_tk_reader_catch_up(struct co_tk_reader *reader, int64_t timeout_ms)
{
	return catch_up(reader, reader->handle, timeout_ms);
}

/* Of a consumer that also reads what is not committed, the stable end is the end. */
static rd_kafka_t *raw_handle(struct co_tk_reader *reader)
{
	if (!reader->raw_handle)
		reader->raw_handle = consumer(reader->kafka, "co-test-reader", "read_uncommitted");
	return reader->raw_handle;
}

bool co_tk_reader_catch_up_whole(struct co_tk_reader *reader, int64_t timeout_ms)
{
	return catch_up(reader, raw_handle(reader), timeout_ms);
}

void co_tk_reader_poll(struct co_tk_reader *reader, int64_t duration_ms)
{
	for (int64_t end = co_tk_now_ms() + duration_ms; co_tk_now_ms() < end;)
		take_one(reader, 10);
}

void co_tk_reader_close(struct co_tk_reader *reader)
{
	rd_kafka_consumer_close(reader->handle);
	rd_kafka_destroy(reader->handle);
	if (reader->committed_handle)
		rd_kafka_destroy(reader->committed_handle);
	if (reader->raw_handle)
		rd_kafka_destroy(reader->raw_handle);
	co_tk_log_clear(&reader->log);
	free(reader->tails);
	*reader = (struct co_tk_reader){0};
}

static int64_t last_offset(const struct co_tk_reader *reader, const char *topic, int32_t partition)
{
	for (size_t i = reader->log.count; i-- > 0;) {
		const struct co_tk_record *record = reader->log.records[i];
		if (record->r.partition == partition && co_tk_is(record->topic, topic))
			return record->r.offset;
	}
	return -1;
}

bool co_tk_lag_is_zero(struct co_tk_reader *reader, const char *group, const char *commands)
{
	bool zero = true;
	if (!reader->committed_handle) {
		reader->committed_handle = consumer(reader->kafka, group, "read_committed");
		snprintf(reader->group, sizeof(reader->group), "%s", group);
	}
	co_tk_check(strcmp(reader->group, group) == 0, "a reader watches one group");
	rd_kafka_t *other = reader->committed_handle, *raw = raw_handle(reader);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);

	for (size_t i = 0; i < reader->partition_count; i++)
		if (strcmp(reader->tails[i].topic, commands) == 0)
			rd_kafka_topic_partition_list_add(list, commands, reader->tails[i].partition);
	if (!co_tk_reader_catch_up(reader, 20000) || rd_kafka_committed(other, list, 5000))
		zero = false;
	for (int i = 0; zero && i < list->cnt; i++) {
		int32_t partition = list->elems[i].partition;
		int64_t stable = stable_end(other, commands, partition), end = stable_end(raw, commands, partition);
		int64_t last = last_offset(reader, commands, partition);
		zero = stable >= 0 && stable == end && (last < 0 || list->elems[i].offset > last);
	}
	rd_kafka_topic_partition_list_destroy(list);
	return zero;
}

bool co_tk_wait_lag_zero(struct co_tk_reader *reader, const char *group, const char *commands, int64_t timeout_ms)
{
	int in_a_row = 0;

	for (int64_t end = co_tk_now_ms() + timeout_ms; co_tk_now_ms() < end;) {
		in_a_row = co_tk_lag_is_zero(reader, group, commands) ? in_a_row + 1 : 0;
		if (in_a_row == 2)
			return true;
		co_tk_reader_poll(reader, 100);
	}
	return false;
}
