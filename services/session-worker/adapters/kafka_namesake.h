/* Whether a consumer group has a member of a given name. Owns nothing; never joins or leaves anything. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_NAMESAKE_H
#define CHECKOUT_ADAPTERS_KAFKA_NAMESAKE_H

#include "checkout/status.h"

#include <librdkafka/rdkafka.h>

/* CO_FENCED: the group has a static member of that group.instance.id · CO_OK: it has none · CO_LOG_DOWN: it does not
 * say. Blocks for up to 2 s. A client with a fatal error does as well as any. */
enum co_status co_kafka_namesake(rd_kafka_t *client, const char *group, const char *instance) CO_MUST_USE;

#endif
