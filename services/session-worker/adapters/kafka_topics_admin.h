/* What kafka_topics.c needs from Kafka's admin protocol, in plain values. Owns nothing, decides nothing. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_TOPICS_ADMIN_H
#define CHECKOUT_ADAPTERS_KAFKA_TOPICS_ADMIN_H

#include "adapters/kafka_topics.h"

#define CO_TOPICS_SETTINGS_MAX 8 /* of a plan: the most that plan_topic() asks for */

struct co_topics_setting {
	const char *name, *value;
};

/* A topic to be made. */
struct co_topics_plan {
	const char *name;
	int partitions, replication_factor;
	size_t count;
	struct co_topics_setting settings[CO_TOPICS_SETTINGS_MAX];
};

/* What the checks look at; "" and -1 while unknown. */
struct co_topics_settings {
	char timestamp_type[32];
	char cleanup_policy[64];
	int64_t max_message_bytes;
	int64_t min_insync_replicas;
	char unclean_election[8]; /* "true", "false" */
};
#define CO_TOPICS_SETTINGS_UNKNOWN ((struct co_topics_settings){.max_message_bytes = -1, .min_insync_replicas = -1})

/* Partition counts of the named topics, 0 for those that do not exist, and the fewest replicas that a partition of each
 * has. CO_OK or CO_LOG_DOWN. Never creates one. */
enum co_status co_topics_admin_counts(rd_kafka_t *client, const char *const *names, size_t count, int32_t *partitions,
									  int32_t *replicas, int timeout_ms, struct co_error *error) CO_MUST_USE;
/* CO_OK (made, or there already) · CO_FORMAT: the broker does not know one of the settings · CO_TOPICS · CO_LOG_DOWN.
 */
enum co_status co_topics_admin_create(rd_kafka_t *client, const struct co_topics_plan *plan, bool *made, int timeout_ms,
									  struct co_error *error) CO_MUST_USE;
/* CO_OK · CO_NOTHING: the broker does not speak DescribeConfigs · CO_TOPICS: not allowed · CO_LOG_DOWN, also while the
 * broker that was asked has not heard of a topic yet. */
enum co_status co_topics_admin_describe(rd_kafka_t *client, const char *const *names, size_t count,
										struct co_topics_settings *settings, int timeout_ms,
										struct co_error *error) CO_MUST_USE;

#endif
