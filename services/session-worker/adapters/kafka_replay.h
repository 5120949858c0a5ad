/* The replay port on librdkafka: reads one partition of `state` at a time, read_committed, without a group.
 * Owns its consumer and the record in hand. Never commits. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_REPLAY_H
#define CHECKOUT_ADAPTERS_KAFKA_REPLAY_H

#include "kafka_client.h"

#include "checkout/ports/replay.h"

struct co_kafka_replay;

enum co_status co_kafka_replay_open(const struct co_kafka_identity *identity, struct co_kafka_replay **out,
									struct co_error *error) CO_MUST_USE;
struct co_replay co_kafka_replay_port(struct co_kafka_replay *replay);
void co_kafka_replay_close(struct co_kafka_replay *replay);

#endif
