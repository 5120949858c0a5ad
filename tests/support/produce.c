#include "kafka.h"

#include "tk.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>

struct co_tk_producer {
	rd_kafka_t *handle;
	struct co_tk_kafka *kafka;
	size_t failed;
	bool is_plain; /* failures are counted, and no more */
};

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	struct co_tk_producer *producer = opaque;
	struct co_tk_sent *sent = message->_private;

	(void)handle;
	if (message->err)
		producer->failed++;
	if (!sent)
		return;
	sent->partition = message->partition;
	sent->offset = message->offset;
	sent->timestamp_ms = rd_kafka_message_timestamp(message, NULL);
	sent->failed = message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
	sent->done = true;
}

static void quiet(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle;
	(void)level;
	(void)facility;
	(void)text;
}

static struct co_tk_producer *open_producer(struct co_tk_kafka *kafka, bool is_plain)
{
	const char *const settings[][2] = {
		{"enable.idempotence", is_plain ? "false" : "true"},
		{"acks", "all"},
		{"partitioner", "murmur2_random"},
		{"linger.ms", "1"},
		{"message.max.bytes", "4000000"},
		{"broker.address.family", "v4"},
		{"message.timeout.ms", "90000"},
		{"reconnect.backoff.ms", "20"},
		{"reconnect.backoff.max.ms", "250"},
	};
	struct co_tk_producer *producer = co_tk_alloc(sizeof(*producer));
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		co_tk_check(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)) == RD_KAFKA_CONF_OK,
					"%s", error);
	co_tk_check(rd_kafka_conf_set(conf, "bootstrap.servers", kafka->servers, error, sizeof(error)) == RD_KAFKA_CONF_OK,
				"%s", error);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, producer);
	rd_kafka_conf_set_log_cb(conf, quiet);
	producer->kafka = kafka;
	producer->is_plain = is_plain;
	producer->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	co_tk_check(producer->handle, "producer: %s", error);
	return producer;
}

struct co_tk_producer *co_tk_producer_open(struct co_tk_kafka *kafka)
{
	return open_producer(kafka, false);
}

struct co_tk_producer *co_tk_producer_open_plain(struct co_tk_kafka *kafka)
{
	return open_producer(kafka, true);
}

size_t co_tk_producer_failed(const struct co_tk_producer *producer)
{
	return producer->failed;
}

static rd_kafka_headers_t *headers_of(const struct co_message *message)
{
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count + 1);

	for (size_t i = 0; i < message->header_count; i++) {
		const struct co_header *header = &message->headers[i];
		rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len, header->value.ptr,
							(ssize_t)header->value.len);
	}
	return headers;
}

void co_tk_send(struct co_tk_producer *producer, const struct co_message *message, struct co_tk_sent *sent)
{
	char topic[256];
	rd_kafka_headers_t *headers = headers_of(message);

	snprintf(topic, sizeof(topic), "%.*s", (int)message->topic.len, message->topic.ptr);
	rd_kafka_vu_t of[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
		{.vtype = RD_KAFKA_VTYPE_PARTITION,
		 .u.i32 = message->partition < 0 ? RD_KAFKA_PARTITION_UA : message->partition},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY | RD_KAFKA_MSG_F_BLOCK},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)message->key.ptr, message->key.len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)message->value.ptr, message->value.len}},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->timestamp_ms < 0 ? 0 : message->timestamp_ms},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = sent},
	};
	if (sent)
		*sent = (struct co_tk_sent){.partition = -1, .offset = -1};
	rd_kafka_error_t *error = rd_kafka_produceva(producer->handle, of, sizeof(of) / sizeof(*of));
	co_tk_check(!error, "produce to %s: %s", topic, rd_kafka_error_string(error));
	rd_kafka_poll(producer->handle, 0);
}

void co_tk_producer_flush(struct co_tk_producer *producer)
{
	rd_kafka_resp_err_t error = rd_kafka_flush(producer->handle, 100000);

	co_tk_check(!error, "flush: %s", rd_kafka_err2str(error));
	co_tk_check(producer->failed == 0 || producer->is_plain, "%zu records could not be sent", producer->failed);
}

void co_tk_producer_close(struct co_tk_producer *producer)
{
	rd_kafka_destroy(producer->handle);
	free(producer);
}
