#include "dlq.h"

#include <inttypes.h>

/* One more reading; false when there is no more to come, with *status saying whether that is well. */
static bool go_on(struct ctl_reader *reader, const struct ctl_dlq *dlq, int64_t quiet_since_ms, enum co_status *status,
				  struct co_error *error)
{
	if (ctl_stopped) {
		*status = CO_STOPPED;
	} else if (ctl_monotonic_ms() - quiet_since_ms > dlq->connection.timeout_seconds * 1000) {
		co_error_set(error, dlq->topic, "%s: Kafka sends nothing: %s", dlq->topic, reader->client.trouble);
		*status = CO_LOG_DOWN;
	}
	return *status == CO_OK && !ctl_reader_at_end(reader);
}

enum co_status ctl_dlq_scan(const struct ctl_world *world, const struct ctl_dlq *dlq,
							bool (*each)(void *opaque, const rd_kafka_message_t *message), void *opaque,
							struct co_error *error)
{
	struct ctl_reader reader;
	int timeout_ms = (int)dlq->connection.timeout_seconds * 1000;
	int64_t quiet_since_ms;
	bool more = true;
	enum co_status status;

	if (!ctl_reader_open(world, &dlq->connection, &reader))
		return CO_CONFIG;
	status = ctl_reader_add(&reader, dlq->topic, -1, CTL_FROM_BEGINNING, timeout_ms, error);
	if (status == CO_OK)
		status = ctl_reader_ends(&reader, dlq->topic, timeout_ms, error);
	quiet_since_ms = ctl_monotonic_ms();
	while (status == CO_OK && more && go_on(&reader, dlq, quiet_since_ms, &status, error)) {
		rd_kafka_message_t *message = ctl_reader_next(&reader, CTL_POLL_MS);

		if (!message)
			continue;
		if (ctl_reader_is_before_end(&reader, message) && rd_kafka_message_timestamp(message, NULL) >= dlq->since_ms)
			more = each(opaque, message);
		rd_kafka_message_destroy(message);
		/* What `each` took its time for is no silence of Kafka's. */
		quiet_since_ms = ctl_monotonic_ms();
	}
	ctl_reader_close(&reader);
	return status;
}

/* Whether the place lies in the log at all. */
static enum co_status look_up(struct ctl_reader *reader, const struct ctl_dlq *dlq, const struct ctl_place *place,
							  struct co_error *error)
{
	int64_t low = 0, high = 0;
	int timeout_ms = (int)dlq->connection.timeout_seconds * 1000;
	int32_t count = ctl_client_partitions(&reader->client, dlq->topic, timeout_ms);
	rd_kafka_resp_err_t code;

	if (count < 0) {
		co_error_set(error, dlq->topic, "Kafka does not answer: %s", reader->client.trouble);
		return CO_LOG_DOWN;
	}
	if (count == 0) {
		co_error_set(error, dlq->topic, "there is no topic %s", dlq->topic);
		return CO_TOPICS;
	}
	if (place->partition >= count) {
		co_error_set(error, dlq->topic, "%s has %" PRId32 " partitions, from 0", dlq->topic, count);
		return CO_NOTHING;
	}
	code =
		rd_kafka_query_watermark_offsets(reader->client.handle, dlq->topic, place->partition, &low, &high, timeout_ms);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		co_error_set(error, dlq->topic, "%s: %s", dlq->topic, rd_kafka_err2str(code));
		return CO_LOG_DOWN;
	}
	if (place->offset < low)
		co_error_set(error, dlq->topic, "it is gone: the partition begins at %" PRId64 " (the topic's retention)", low);
	else if (place->offset >= high)
		co_error_set(error, dlq->topic, "it is not there: what is committed ends before %" PRId64, high);
	return place->offset < low || place->offset >= high ? CO_NOTHING : CO_OK;
}

enum co_status ctl_dlq_fetch(const struct ctl_world *world, const struct ctl_dlq *dlq, const struct ctl_place *place,
							 bool (*each)(void *opaque, const rd_kafka_message_t *message), void *opaque,
							 struct co_error *error)
{
	struct ctl_reader reader;
	rd_kafka_message_t *message = NULL;
	int64_t quiet_since_ms = ctl_monotonic_ms();
	enum co_status status;

	if (!ctl_reader_open(world, &dlq->connection, &reader))
		return CO_CONFIG;
	status = look_up(&reader, dlq, place, error);
	if (status == CO_OK)
		status = ctl_reader_add_at(&reader, dlq->topic, place->partition, place->offset,
								   (int)dlq->connection.timeout_seconds * 1000, error);
	while (status == CO_OK && !message && go_on(&reader, dlq, quiet_since_ms, &status, error))
		message = ctl_reader_next(&reader, CTL_POLL_MS);
	if (message && message->offset == place->offset) {
		each(opaque, message);
	} else if (status == CO_OK) {
		co_error_set(
			error, dlq->topic,
			"there is no record at that offset: it was in an aborted transaction, or is a transaction's marker");
		status = CO_NOTHING;
	}
	if (message)
		rd_kafka_message_destroy(message);
	ctl_reader_close(&reader);
	return status;
}
