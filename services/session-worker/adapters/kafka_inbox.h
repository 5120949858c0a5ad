/* The inbox port on librdkafka: a static member of the group, range assignment, read_committed.
 * Owns its consumer, the records handed out and the group metadata captured at assignment. Never commits an offset. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_INBOX_H
#define CHECKOUT_ADAPTERS_KAFKA_INBOX_H

#include "kafka_client.h"

#include "checkout/ports/inbox.h"

struct co_kafka_inbox;

/* Where the lane stands in its group. Without partitions a member is a standby; whoever joins, or waits whether the
 * member that fenced it lives, is none: partitions may wait for it. */
enum co_kafka_standing { CO_KAFKA_JOINING, CO_KAFKA_MEMBER, CO_KAFKA_FENCED };

/* Joins the group at the first poll. CO_LOG_FATAL: librdkafka made no consumer (the reason is in `error`). */
enum co_status co_kafka_inbox_open(const struct co_kafka_identity *identity, struct co_kafka_inbox **out,
								   struct co_error *error) CO_MUST_USE;
struct co_inbox co_kafka_inbox_port(struct co_kafka_inbox *inbox);
/* The group generation as it was when the partitions were assigned; NULL while there is none. Borrowed until the next
 * poll. */
const rd_kafka_consumer_group_metadata_t *co_kafka_inbox_generation(struct co_kafka_inbox *inbox);
/* May be asked from any thread. */
enum co_kafka_standing co_kafka_inbox_standing(const struct co_kafka_inbox *inbox);
/* The commit of what the lane read so far is through: `next` is the offset behind it. For the lag. */
void co_kafka_inbox_reached(struct co_kafka_inbox *inbox, int32_t partition, int64_t next);
/* `serve(self)` is called about once a second from polls that find nothing, on the lane's thread: for the clients that
 * a lane without work does not poll. */
void co_kafka_inbox_when_idle(struct co_kafka_inbox *inbox, void (*serve)(void *self), void *self);
void co_kafka_inbox_close(struct co_kafka_inbox *inbox);

#endif
