/* What a lane's producer knows of topics that commands name for their replies: how many partitions they have, and which
 * of them take no records now (no replica is alive, or its disk is full). An output for such a topic would hold up the
 * whole transaction, and its end: the coordinator keeps a transactional id until every partition has the marker.
 * Owns its memory of names. Never used for the service's own topics: those are waited for. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_LOOKUPS_H
#define CHECKOUT_ADAPTERS_KAFKA_LOOKUPS_H

#include "checkout/bytes.h"

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#define CO_KAFKA_TOPIC_BYTES_MAX 250
#define CO_KAFKA_LOOKUPS_MAX 64

struct co_kafka_lookup {
	char topic[CO_KAFKA_TOPIC_BYTES_MAX];
	int32_t count;         /* of partitions; 0: there is none of that name */
	int64_t at_ms;         /* monotonic: when Kafka said so; 0: it is to be asked again */
	int64_t down_until_ms; /* monotonic: it takes no records until then, whatever Kafka says; 0: it takes them */
	int64_t late_until_ms; /* monotonic: it did not take a record in time, and until then that is remembered */
	bool untaken;          /* by the last commit that waited for topics of others alone */
};

/* All zero to begin with. */
struct co_kafka_lookups {
	size_t count;
	struct co_kafka_lookup items[CO_KAFKA_LOOKUPS_MAX];
};

/* The port's partitions_of(). */
int32_t co_kafka_lookups_ask(struct co_kafka_lookups *lookups, rd_kafka_t *client, struct co_view topic);
/* A topic took no record (`why`, for the log): it is not asked again for a while. True: that is news. */
bool co_kafka_lookups_down(struct co_kafka_lookups *lookups, const char *topic, const char *why);
/* A commit waited in vain for topics of others alone: those of it are told next, by co_kafka_lookups_late(), and of no
 * other it is said any more that it did not take what was tried. */
void co_kafka_lookups_untaken(struct co_kafka_lookups *lookups);
/* A topic alone did not take a record within a commit's time. Once may be for a broker that just went, and Kafka
 * is asked for its leaders when that would be over; at the second time in a minute it is down. True: that is news. */
bool co_kafka_lookups_late(struct co_kafka_lookups *lookups, const char *topic);
/* Kafka is asked anew for every topic; those that take no records are still known. */
void co_kafka_lookups_forget(struct co_kafka_lookups *lookups);

#endif
