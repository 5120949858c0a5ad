/* Why Kafka did not take a record, and what follows: whether the record is at fault (its command is answered in another
 * way), a topic that a client named for its replies, or neither (it is waited for). Owns what is known of the open
 * transaction. Never asks Kafka, never waits. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_REFUSALS_H
#define CHECKOUT_ADAPTERS_KAFKA_REFUSALS_H

#include "kafka_lookups.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>

#define CO_KAFKA_WAITING_MAX 16

enum co_kafka_fault {
	CO_KAFKA_FAULT_NONE,   /* of the moment, the cluster, or the transaction: waited for */
	CO_KAFKA_FAULT_RECORD, /* refused for what it is, on any topic */
	CO_KAFKA_FAULT_TOPIC   /* the topic is not there, not ours, or set so that it refuses what others take */
};

/* By one table; what it does not name is CO_KAFKA_FAULT_NONE. */
enum co_kafka_fault co_kafka_fault_of(rd_kafka_resp_err_t err);
/* Trying again does not help, the command is to be answered in another way. `own`: the topic is one of the service's;
 * what is wrong with those is the operator's to mend, and no client is told of it. */
bool co_kafka_is_rejection(rd_kafka_resp_err_t err, bool own);

/* Of the open transaction. All zero to begin with. */
struct co_kafka_refusals {
	bool rejected;        /* a record was refused for what it is, or by a topic that a client named */
	bool own_refused;     /* a topic of the service refuses what it should take */
	bool gave_up;         /* the client gave up a record, out of time */
	bool own_waits;       /* a record for a topic of the service was not taken in time */
	size_t waiting_count; /* topics of others that did not take one in time: */
	char waiting[CO_KAFKA_WAITING_MAX][CO_KAFKA_TOPIC_BYTES_MAX];
	size_t named_count; /* topics of others in the transaction: 0, 1, or 2 for several */
	char named[CO_KAFKA_TOPIC_BYTES_MAX];
};

/* A record for a topic of others was queued. */
void co_kafka_refusals_named(struct co_kafka_refusals *refusals, const char *topic);
/* A record was not taken. Says so in the log. */
void co_kafka_refusals_note(struct co_kafka_refusals *refusals, const char *topic, bool own, rd_kafka_resp_err_t err,
							size_t bytes);
/* The coordinator refused the transaction itself for one of its topics, and does not say for which: a right that is
 * missing. Returns the only topic of others that it can be, which is to be left out from now on; NULL: there is none or
 * there are several, which is noted as the service's own fault or as a rejection (the lane then goes through its
 * records one at a time). */
const char *co_kafka_refusals_guess(struct co_kafka_refusals *refusals, rd_kafka_resp_err_t err);

#endif
