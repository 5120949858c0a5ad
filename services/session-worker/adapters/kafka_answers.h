/* Counts the requests of a transaction and their answers, by an interceptor on the producer. A request that got no
 * answer may still arrive at the broker, and commit or rewind what was decided later (no KIP-890 in librdkafka): then
 * the producer has to be recycled. Owns nothing but the counters; written by librdkafka's threads, read by the lane. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_ANSWERS_H
#define CHECKOUT_ADAPTERS_KAFKA_ANSWERS_H

#include <stdatomic.h>
#include <stdbool.h>

#include <librdkafka/rdkafka.h>

#define CO_API_KEYS 32

struct co_kafka_answers {
	atomic_int sent[CO_API_KEYS], answered[CO_API_KEYS], failed[CO_API_KEYS];
};

/* Watches every client made from `conf`; `answers` must outlive it. */
void co_kafka_answers_watch(struct co_kafka_answers *answers, rd_kafka_conf_t *conf);
/* At begin. */
void co_kafka_answers_reset(struct co_kafka_answers *answers);
/* Since begin, some AddPartitionsToTxn, AddOffsetsToTxn, EndTxn or TxnOffsetCommit failed on the wire or was not
 * answered. */
bool co_kafka_answers_missing(const struct co_kafka_answers *answers);

#endif
