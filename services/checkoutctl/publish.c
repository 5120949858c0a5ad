#include "client.h"

#include "client_delivery.h"

#include <string.h>

/* The headers are librdkafka's when it returns no error, else still the caller's. */
static rd_kafka_resp_err_t produce(rd_kafka_t *handle, const rd_kafka_vu_t *parts, size_t count)
{
	rd_kafka_error_t *error = rd_kafka_produceva(handle, parts, count);
	rd_kafka_resp_err_t code = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;

	if (error)
		rd_kafka_error_destroy(error);
	return code;
}

static rd_kafka_resp_err_t hand_over(struct ctl_client *client, const char *topic, const struct co_message *message,
									 struct ctl_delivery *delivery)
{
	rd_kafka_resp_err_t code;
	int64_t timestamp_ms = message->timestamp_ms < 0 ? 0 : message->timestamp_ms; /* 0: librdkafka's now */
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);

	for (size_t i = 0; i < message->header_count; i++) {
		const struct co_header *header = &message->headers[i];

		code = rd_kafka_header_add(headers, header->name.ptr, (ssize_t)header->name.len, header->value.ptr,
								   header->value.ptr ? (ssize_t)header->value.len : 0);
		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			rd_kafka_headers_destroy(headers);
			return code;
		}
	}
	code = produce(
		client->handle,
		(rd_kafka_vu_t[]){
			{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
			{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
			{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
			{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)message->key.ptr, message->key.len}},
			{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)message->value.ptr, message->value.len}},
			{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
			{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = timestamp_ms},
			{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = delivery}},
		8);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		rd_kafka_headers_destroy(headers);
	return code;
}

/* The record is at fault, or the topic, or our rights: nothing that waiting cures. */
static bool is_final(rd_kafka_resp_err_t code)
{
	return code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || code == RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE ||
		   code == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
		   code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
		   code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED || code == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP ||
		   code == RD_KAFKA_RESP_ERR_INVALID_RECORD || code == RD_KAFKA_RESP_ERR__INVALID_ARG ||
		   code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED || code == RD_KAFKA_RESP_ERR__AUTHENTICATION ||
		   code == RD_KAFKA_RESP_ERR_INVALID_TXN_STATE;
}

/* The producer, and how many partitions there are to send to. */
static enum co_status make_ready(struct ctl_publisher *publisher, int64_t deadline_ms, struct co_error *error)
{
	if (publisher->open)
		return CO_OK;
	if (!ctl_client_open(publisher->world, publisher->connection, RD_KAFKA_PRODUCER, &publisher->client)) {
		co_error_set(error, "kafka", "the Kafka client could not be made");
		return CO_LOG_REJECTED;
	}
	publisher->open = true;
	publisher->partitions =
		ctl_client_partitions(&publisher->client, publisher->topic, (int)(deadline_ms - ctl_monotonic_ms()));
	if (publisher->partitions < 0) {
		co_error_set(error, publisher->topic, "Kafka does not answer: %s", publisher->client.trouble);
		return CO_LOG_DOWN;
	}
	return CO_OK;
}

/* The producer may die of a broker's failure without having said what became of the record. */
static enum co_status attempt(struct ctl_publisher *publisher, const struct co_message *message, int64_t deadline_ms,
							  struct ctl_delivery *delivery, struct co_error *error)
{
	const char *topic = publisher->topic;
	struct ctl_client *client = &publisher->client;

	CO_TRY(make_ready(publisher, deadline_ms, error));
	if (publisher->partitions == 0 || message->partition >= publisher->partitions) {
		co_error_set(error, topic,
					 publisher->partitions
						 ? "%s has no partition of that number"
						 : "there is no topic %s; checkoutctl topics --create makes the service's topics",
					 topic);
		return CO_LOG_REJECTED;
	}
	delivery->code = hand_over(client, topic, message, delivery);
	delivery->done = delivery->code != RD_KAFKA_RESP_ERR_NO_ERROR;
	while (!delivery->done && ctl_monotonic_ms() < deadline_ms && !ctl_stopped)
		rd_kafka_poll(client->handle, CTL_POLL_MS);
	if (delivery->done && delivery->code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_OK;
	if (!delivery->done) {
		co_error_set(error, topic, "Kafka did not take the record in time%s%s", client->trouble[0] ? ": " : "",
					 client->trouble);
		return CO_LOG_DOWN;
	}
	if (!is_final(delivery->code))
		return CO_LOG_FAILED;
	co_error_set(error, topic, "%s: %s", topic, rd_kafka_err2str(delivery->code));
	return CO_LOG_REJECTED;
}

void ctl_publisher_init(const struct ctl_world *world, const struct ctl_connection *connection, struct co_view topic,
						struct ctl_publisher *publisher)
{
	*publisher = (struct ctl_publisher){.world = world, .connection = connection};
	snprintf(publisher->topic, sizeof(publisher->topic), "%.*s", (int)topic.len, topic.ptr);
}

void ctl_publisher_close(struct ctl_publisher *publisher)
{
	if (publisher->open)
		ctl_client_close(&publisher->client);
	publisher->open = false;
}

enum co_status ctl_publisher_send(struct ctl_publisher *publisher, const struct co_message *message, int32_t *partition,
								  int64_t *offset, struct co_error *error)
{
	enum co_status status = CO_LOG_FAILED;
	struct ctl_delivery delivery = {0};
	int64_t deadline_ms = ctl_monotonic_ms() + publisher->connection->timeout_seconds * 1000;

	while (status == CO_LOG_FAILED && ctl_monotonic_ms() < deadline_ms && !ctl_stopped) {
		delivery = (struct ctl_delivery){0};
		status = attempt(publisher, message, deadline_ms, &delivery, error);
		if (status == CO_OK || !publisher->open)
			break;
		/* Nothing of this record may be told to `delivery` later on. */
		rd_kafka_purge(publisher->client.handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_poll(publisher->client.handle, 0);
		ctl_publisher_close(publisher);
	}
	if (status == CO_LOG_FAILED) {
		co_error_set(error, publisher->topic, "Kafka did not take the record: %s", rd_kafka_err2str(delivery.code));
		return CO_LOG_DOWN;
	}
	if (status == CO_OK && partition)
		*partition = delivery.partition;
	if (status == CO_OK && offset)
		*offset = delivery.offset;
	return status;
}

enum co_status ctl_publish(const struct ctl_world *world, const struct ctl_connection *connection,
						   const struct co_message *message, int32_t *partition, int64_t *offset,
						   struct co_error *error)
{
	struct ctl_publisher publisher;
	enum co_status status;

	ctl_publisher_init(world, connection, message->topic, &publisher);
	status = ctl_publisher_send(&publisher, message, partition, offset, error);
	ctl_publisher_close(&publisher);
	return status;
}
