/* The service's six topics: makes the missing ones, and says what is wrong with those that are there, together with the
 * command that puts it right (contract section 9).
 * Owns nothing: the client is the caller's. Never changes or deletes a topic that exists; never relies on the broker's
 * automatic creation. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_TOPICS_H
#define CHECKOUT_ADAPTERS_KAFKA_TOPICS_H

#include "checkout/error.h"
#include "checkout/ports/log.h"
#include "checkout/status.h"

#include <librdkafka/rdkafka.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum co_topics_id {
#define CO_TOPIC(ident, name, compacted) CO_TOPICS_##ident,
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
	CO_TOPICS_COUNT
};

struct co_topics_wish {
	const char *prefix; /* before each name; at most CO_TOPICS_PREFIX_MAX bytes */
	bool append;        /* topics.timestamps: append (true) or stream */
	int partitions;     /* of topics that are made while none exists; later ones take the count of those that do */
	int replication_factor;
	bool create; /* make what is missing */
};

#define CO_TOPICS_PREFIX_MAX 200
#define CO_TOPICS_NAME_MAX 249 /* Kafka's own limit */
#define CO_TOPICS_FINDINGS_MAX 32

struct co_topics_finding {
	char topic[CO_TOPICS_NAME_MAX + 1];
	char wrong[384]; /* "message.timestamp.type is CreateTime, LogAppendTime is needed" */
	char fix[1280];  /* the command that puts it right */
};

/* What the service works with, and what an accident of the cluster makes dear. */
enum co_topics_risk_id {
	CO_TOPICS_RISK_ONE_REPLICA,
	CO_TOPICS_RISK_IN_SYNC,
	CO_TOPICS_RISK_UNCLEAN,
	CO_TOPICS_RISK_COUNT
};

struct co_topics_risk {
	const char *what; /* a sentence */
	char
		topics[CO_TOPICS_COUNT * (CO_TOPICS_NAME_MAX + 1)]; /* those that it concerns, a space between them; "": none */
	char fix[2 * 1280];                                     /* a command, or where it is told */
};

struct co_topics_report {
	int32_t partitions[CO_TOPICS_COUNT]; /* 0: there is no such topic */
	int32_t replicas[CO_TOPICS_COUNT];   /* the fewest of a partition */
	bool made[CO_TOPICS_COUNT];          /* by this call */
	bool settings_known; /* false: the broker has no DescribeConfigs, partition counts alone were checked */
	size_t count;
	struct co_topics_finding findings[CO_TOPICS_FINDINGS_MAX]; /* none: all is well */
	struct co_topics_risk risks[CO_TOPICS_RISK_COUNT];         /* by co_topics_risk_id */
};

/* The full name of a topic; cut when the prefix is too long. */
void co_topics_name(const char *prefix, enum co_topics_id topic, char out[CO_TOPICS_NAME_MAX + 1]);

/* Looks at all topics, makes the missing ones if wished for, and fills the report. `client` is any producer or consumer
 * of the cluster; another process doing the same at the same time is no error. Blocks up to `timeout_ms`.
 * CO_OK: the report is whole (and may hold findings) · CO_TOPICS: Kafka refused to make a topic or to show its
 * settings, `error` says why · CO_LOG_DOWN: Kafka did not answer in time, or not every broker knew in time of a topic
 * that was just made. In the last two cases `made` alone means something. */
enum co_status co_topics_inspect(rd_kafka_t *client, const struct co_topics_wish *wish, int timeout_ms,
								 struct co_topics_report *report, struct co_error *error) CO_MUST_USE;

/* The same for a program that wants a yes or no; a risk is told in a log line. CO_OK: all six topics are as they have
 * to be and *partition_count_out (may be NULL) is their common count · CO_TOPICS: one log line per finding was written;
 * `error` holds the first one, with the command that puts it right, as far as it fits · CO_LOG_DOWN as above. */
enum co_status co_topics_ensure(rd_kafka_t *any_client, const struct co_topics_wish *wish, int32_t *partition_count_out,
								int timeout_ms, struct co_error *error) CO_MUST_USE;

/* What the client's group has committed on partitions 0..count-1 of a topic; offset -1 and no metadata where it has
 * not. `consumer`: with that group.id; with isolation.level=read_committed it waits for transactions that are still
 * open. CO_OK · CO_LOG_DOWN: Kafka does not say, nothing is filled. */
enum co_status co_topics_positions(rd_kafka_t *consumer, const char *topic, struct co_position *positions, size_t count,
								   int timeout_ms, struct co_error *error) CO_MUST_USE;

#endif
