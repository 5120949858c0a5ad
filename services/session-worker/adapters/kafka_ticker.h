/* The plain idempotent producer of a lane's ticks, outside any transaction. Owns that producer. Never waits for a tick:
 * one that is lost is followed by another. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_TICKER_H
#define CHECKOUT_ADAPTERS_KAFKA_TICKER_H

#include "kafka_client.h"

#include <stdint.h>

/* Appends a tick to a partition of `commands`. `*ticker` is made when it is NULL, and again when it has died; on
 * failure nothing is sent. */
void co_kafka_tick(const struct co_kafka_identity *identity, rd_kafka_t **ticker, int32_t partition);

#endif
