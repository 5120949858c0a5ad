/* A command out, its reply back: matched by the correlation id, on the service's replies topic.
 * Owns its reader until close. One exchange may serve many commands, one after another. */
#ifndef CHECKOUTCTL_EXCHANGE_H
#define CHECKOUTCTL_EXCHANGE_H

#include "client.h"

struct ctl_exchange {
	const struct ctl_world *world;
	const struct ctl_connection *connection;
	struct ctl_reader replies;
	/* Where the last command lies. */
	int32_t partition;
	int64_t offset;
};

/* Takes its place at the end of all partitions of the replies topic. CO_OK, CO_LOG_DOWN, CO_TOPICS, CO_CONFIG (a line
 * was written); after any but CO_OK there is nothing to close. */
enum co_status ctl_exchange_open(const struct ctl_world *world, const struct ctl_connection *connection,
								 struct ctl_exchange *exchange, struct co_error *error);
/* Sends the message, which carries `correlation` as its correlation_id, and waits for the reply to it. CO_OK: *reply is
 * the caller's to destroy before close · CO_NOTHING: sent, no reply in time · CO_STOPPED: a signal came · what
 * ctl_publish says. `alive` (may be NULL) is asked now and then; false ends the waiting with CO_STOPPED. */
enum co_status ctl_exchange_send(struct ctl_exchange *exchange, const struct co_message *message,
								 const char *correlation, bool (*alive)(void *opaque), void *opaque,
								 rd_kafka_message_t **reply, struct co_error *error);
void ctl_exchange_close(struct ctl_exchange *exchange);

#endif
