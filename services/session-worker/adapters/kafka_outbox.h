/* The outbox port on librdkafka: the transactional producer of a lane, recycled whenever a request of a transaction was
 * left unanswered, and the plain idempotent producer of its ticks. Owns both producers and a small memory of topic
 * sizes. Borrows the inbox for the group generation, and tells it what was committed. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_OUTBOX_H
#define CHECKOUT_ADAPTERS_KAFKA_OUTBOX_H

#include "kafka_client.h"
#include "kafka_inbox.h"

#include "checkout/ports/outbox.h"

struct co_kafka_outbox;

/* No connection is made before recycle(). `topics`: the service's topics, whose metadata is fetched after each recycle.
 */
enum co_status co_kafka_outbox_open(const struct co_kafka_identity *identity, struct co_kafka_inbox *inbox,
									const struct co_view *topics, size_t topic_count,
									struct co_kafka_outbox **out) CO_MUST_USE;
struct co_outbox co_kafka_outbox_port(struct co_kafka_outbox *outbox);
/* Polls the producer between transactions, so that one without work tells its statistics too. `self`: a struct
 * co_kafka_outbox. On the lane's thread. */
void co_kafka_outbox_serve(void *self);
void co_kafka_outbox_close(struct co_kafka_outbox *outbox);

#endif
