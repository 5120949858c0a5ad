#include "exchange.h"

#include <string.h>

enum co_status ctl_exchange_open(const struct ctl_world *world, const struct ctl_connection *connection,
								 struct ctl_exchange *exchange, struct co_error *error)
{
	char topic[CTL_TOPIC_MAX];
	enum co_status status;

	*exchange = (struct ctl_exchange){.world = world, .connection = connection};
	if (!ctl_reader_open(world, connection, &exchange->replies))
		return CO_CONFIG;
	snprintf(topic, sizeof(topic), "%sreplies", connection->prefix);
	status =
		ctl_reader_add(&exchange->replies, topic, -1, CTL_FROM_END, (int)connection->timeout_seconds * 1000, error);
	if (status != CO_OK)
		ctl_reader_close(&exchange->replies);
	return status;
}

enum co_status ctl_exchange_send(struct ctl_exchange *exchange, const struct co_message *message,
								 const char *correlation, bool (*alive)(void *opaque), void *opaque,
								 rd_kafka_message_t **reply, struct co_error *error)
{
	int64_t deadline_ms;

	*reply = NULL;
	CO_TRY(ctl_publish(exchange->world, exchange->connection, message, &exchange->partition, &exchange->offset, error));
	deadline_ms = ctl_monotonic_ms() + exchange->connection->timeout_seconds * 1000;
	while (ctl_monotonic_ms() < deadline_ms) {
		rd_kafka_message_t *found = ctl_reader_next(&exchange->replies, CTL_POLL_MS);

		if (found && co_view_eq(ctl_header(found, "correlation_id"), co_view_cstr(correlation))) {
			*reply = found;
			return CO_OK;
		}
		if (found)
			rd_kafka_message_destroy(found);
		if (ctl_stopped || (alive && !alive(opaque)))
			return CO_STOPPED;
	}
	return CO_NOTHING;
}

void ctl_exchange_close(struct ctl_exchange *exchange)
{
	ctl_reader_close(&exchange->replies);
}
