#include "client.h"

#include <stdlib.h>
#include <string.h>

bool ctl_reader_open(const struct ctl_world *world, const struct ctl_connection *connection, struct ctl_reader *reader)
{
	*reader = (struct ctl_reader){0};
	if (!ctl_client_open(world, connection, RD_KAFKA_CONSUMER, &reader->client))
		return false;
	reader->queue = rd_kafka_queue_new(reader->client.handle);
	return true;
}

/* The end as a read_committed consumer sees it: at or before the log's end, so what is appended later is not missed. */
static enum co_status ends_of(struct ctl_reader *reader, const char *topic, rd_kafka_topic_partition_list_t *list,
							  int timeout_ms, struct co_error *error)
{
	rd_kafka_resp_err_t code;

	for (int i = 0; i < list->cnt; i++)
		list->elems[i].offset = RD_KAFKA_OFFSET_END;
	code = rd_kafka_offsets_for_times(reader->client.handle, list, timeout_ms);
	for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
		code = list->elems[i].err          ? list->elems[i].err
			   : list->elems[i].offset < 0 ? RD_KAFKA_RESP_ERR__NO_OFFSET
										   : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_OK;
	co_error_set(error, topic, "Kafka did not tell where %s ends: %s", topic, rd_kafka_err2str(code));
	return CO_LOG_DOWN;
}

static enum co_status start(struct ctl_reader *reader, const char *topic, const rd_kafka_topic_partition_list_t *list,
							struct co_error *error)
{
	for (int i = 0; i < list->cnt; i++) {
		struct ctl_stream *stream = &reader->streams[reader->count];

		stream->topic = rd_kafka_topic_new(reader->client.handle, topic, NULL);
		stream->partition = list->elems[i].partition;
		if (stream->topic)
			reader->count++;
		if (!stream->topic ||
			rd_kafka_consume_start_queue(stream->topic, stream->partition, list->elems[i].offset, reader->queue) != 0) {
			co_error_set(error, topic, "%s: %s", topic, rd_kafka_err2str(rd_kafka_last_error()));
			return CO_LOG_DOWN;
		}
		stream->started = true;
	}
	return CO_OK;
}

/* `offset`: a real one, or librdkafka's beginning or end. */
static enum co_status add(struct ctl_reader *reader, const char *topic, int32_t partition, int64_t offset,
						  int timeout_ms, struct co_error *error)
{
	enum co_status status = CO_OK;
	struct ctl_stream *streams;
	rd_kafka_topic_partition_list_t *list;
	int32_t count = ctl_client_partitions(&reader->client, topic, timeout_ms);

	if (count < 0) {
		co_error_set(error, topic, "Kafka does not answer: %s", reader->client.trouble);
		return CO_LOG_DOWN;
	}
	if (count == 0 || partition >= count) {
		co_error_set(error, topic, count ? "%s has no partition of that number" : "there is no topic %s", topic);
		return CO_TOPICS;
	}
	streams = realloc(reader->streams, (reader->count + (size_t)count) * sizeof(*streams));
	if (!streams)
		abort();
	reader->streams = streams;
	memset(streams + reader->count, 0, (size_t)count * sizeof(*streams));
	list = rd_kafka_topic_partition_list_new(count);
	for (int32_t i = 0; i < count; i++)
		if (partition < 0 || partition == i)
			rd_kafka_topic_partition_list_add(list, topic, i)->offset = offset;
	if (offset == RD_KAFKA_OFFSET_END)
		status = ends_of(reader, topic, list, timeout_ms, error);
	if (status == CO_OK)
		status = start(reader, topic, list, error);
	rd_kafka_topic_partition_list_destroy(list);
	return status;
}

enum co_status ctl_reader_add(struct ctl_reader *reader, const char *topic, int32_t partition, enum ctl_from from,
							  int timeout_ms, struct co_error *error)
{
	return add(reader, topic, partition, from == CTL_FROM_END ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING,
			   timeout_ms, error);
}

enum co_status ctl_reader_add_at(struct ctl_reader *reader, const char *topic, int32_t partition, int64_t offset,
								 int timeout_ms, struct co_error *error)
{
	return add(reader, topic, partition, offset, timeout_ms, error);
}

enum co_status ctl_reader_ends(struct ctl_reader *reader, const char *topic, int timeout_ms, struct co_error *error)
{
	enum co_status status;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)reader->count);

	for (size_t i = 0; i < reader->count; i++)
		rd_kafka_topic_partition_list_add(list, topic, reader->streams[i].partition);
	status = ends_of(reader, topic, list, timeout_ms, error);
	for (size_t i = 0; status == CO_OK && i < reader->count; i++) {
		reader->streams[i].end = list->elems[i].offset;
		reader->streams[i].at_end = list->elems[i].offset == 0;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return status;
}

static struct ctl_stream *stream_of(struct ctl_reader *reader, const rd_kafka_message_t *message)
{
	for (size_t i = 0; i < reader->count; i++)
		if (reader->streams[i].topic && message->rkt && reader->streams[i].partition == message->partition &&
			strcmp(rd_kafka_topic_name(reader->streams[i].topic), rd_kafka_topic_name(message->rkt)) == 0)
			return &reader->streams[i];
	return NULL;
}

bool ctl_reader_is_before_end(struct ctl_reader *reader, const rd_kafka_message_t *message)
{
	const struct ctl_stream *stream = stream_of(reader, message);

	return stream && message->offset < stream->end;
}

rd_kafka_message_t *ctl_reader_next(struct ctl_reader *reader, int timeout_ms)
{
	rd_kafka_message_t *message;
	struct ctl_stream *stream;

	rd_kafka_poll(reader->client.handle, 0);
	message = rd_kafka_consume_queue(reader->queue, timeout_ms);
	if (!message)
		return NULL;
	stream = stream_of(reader, message);
	if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (stream && stream->end && message->offset + 1 >= stream->end)
			stream->at_end = true;
		return message;
	}
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF && stream)
		stream->at_end = true;
	else
		snprintf(reader->client.trouble, sizeof(reader->client.trouble), "%s", rd_kafka_message_errstr(message));
	rd_kafka_message_destroy(message);
	return NULL;
}

bool ctl_reader_at_end(const struct ctl_reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		if (!reader->streams[i].at_end)
			return false;
	return true;
}

void ctl_reader_close(struct ctl_reader *reader)
{
	for (size_t i = 0; i < reader->count; i++) {
		if (reader->streams[i].started)
			rd_kafka_consume_stop(reader->streams[i].topic, reader->streams[i].partition);
		rd_kafka_topic_destroy(reader->streams[i].topic);
	}
	if (reader->queue)
		rd_kafka_queue_destroy(reader->queue);
	ctl_client_close(&reader->client);
	free(reader->streams);
	*reader = (struct ctl_reader){0};
}
