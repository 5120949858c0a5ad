/* The verb dlq: what its subverbs share.
 * Owns nothing. Nothing here prints a record's value or a header's but dlq_value, which is asked for it. */
#ifndef CHECKOUTCTL_DLQ_H
#define CHECKOUTCTL_DLQ_H

#include "client.h"
#include "letter.h"

#define CTL_POSITION_TEXT 40

struct ctl_place {
	int32_t partition;
	int64_t offset;
};

struct ctl_dlq {
	struct ctl_connection connection;
	/* As given. */
	const char *since, *reason, *api_key_file, *token_file, *value_file;
	int64_t count;
	bool all, dry_run, force, json;
	struct ctl_mending mending;
	/* Made of it. */
	char topic[CTL_TOPIC_MAX], commands[CTL_TOPIC_MAX];
	int64_t since_ms; /* 0: from the beginning */
	size_t place_count;
	struct ctl_place places[CTL_LIST_MAX];
};

/* Calls `each` for every record of the dlq that was committed when the call began and is not older than since_ms,
 * partition by partition as they come. Ends early when `each` says false. CO_OK, CO_STOPPED, CO_LOG_DOWN, CO_TOPICS,
 * CO_CONFIG (a line was written). */
enum co_status ctl_dlq_scan(const struct ctl_world *world, const struct ctl_dlq *dlq,
							bool (*each)(void *opaque, const rd_kafka_message_t *message), void *opaque,
							struct co_error *error);
/* Calls `each` for the record at that place. CO_NOTHING: there is no committed record, the error says why; else as
 * ctl_dlq_scan. */
enum co_status ctl_dlq_fetch(const struct ctl_world *world, const struct ctl_dlq *dlq, const struct ctl_place *place,
							 bool (*each)(void *opaque, const rd_kafka_message_t *message), void *opaque,
							 struct co_error *error);

/* The subverbs; each returns the exit code. */
int ctl_dlq_list(const struct ctl_world *world, const struct ctl_dlq *dlq);
int ctl_dlq_resend(const struct ctl_world *world, const struct ctl_dlq *dlq);
int ctl_dlq_value(const struct ctl_world *world, const struct ctl_dlq *dlq);

#endif
