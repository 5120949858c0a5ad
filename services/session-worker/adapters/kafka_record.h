/* A message of librdkafka as the record that the ports know. Owns nothing: key, value and headers stay the message's,
 * and the list of headers is the arena's. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_RECORD_H
#define CHECKOUT_ADAPTERS_KAFKA_RECORD_H

#include "checkout/ports/inbox.h"

#include <librdkafka/rdkafka.h>

/* `out` is valid as long as the message and the arena are. */
void co_kafka_record_read(const rd_kafka_message_t *message, struct co_arena *arena, struct co_record *out);

#endif
