/* What the Kafka adapters share: client configuration from [kafka], logging and error counting.
 * The pass-through properties are applied last but for those that the delivery guarantees depend on, which the
 * configuration refuses. Owns nothing. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_CLIENT_H
#define CHECKOUT_ADAPTERS_KAFKA_CLIENT_H

#include "checkout/config.h"
#include "checkout/error.h"
#include "checkout/status.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>

/* What a lane's clients are named after; the same over restarts. */
struct co_kafka_identity {
	const struct co_config *config;
	size_t lane;
	char member[256];             /* group.instance.id: <instance>-<lane> */
	char transactional[512];      /* transactional.id: <group>-<instance>-<lane> */
	char client_suffix[300];      /* client.id: <role>-<instance>-<lane> */
	const char *commands, *state; /* full topic names, borrowed */
};

void co_kafka_identity_init(struct co_kafka_identity *identity, const struct co_config *config, size_t lane,
							const char *commands, const char *state);

/* One name and value of our own. */
struct co_kafka_default {
	const char *name, *value;
};

/* A configuration with our values for the role ("consumer", "producer", "tick", "replay", …), then the user's [kafka]
 * properties as far as they apply to the role. Statistics are made for "consumer" and "producer" alone: they set a
 * callback, and are polled all the time. Owned by the caller until rd_kafka_new() takes it. Ends the process on a
 * value that librdkafka refuses only if co_kafka_check() was not called before. */
rd_kafka_conf_t *co_kafka_conf(const struct co_kafka_identity *identity, const char *role,
							   const struct co_kafka_default *defaults);
/* Tries every [kafka] property. CO_CONFIG after a line on `complaints` for each that librdkafka refuses. */
enum co_status co_kafka_check(const struct co_config *config, FILE *complaints) CO_MUST_USE;
/* librdkafka's codes as ours; for the outcome of transaction calls. Destroys the error; logs it. NULL is CO_OK. */
enum co_status co_kafka_outcome(const char *operation, rd_kafka_error_t *error);

#endif
