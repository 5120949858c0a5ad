/* The oracle: what the contract promises of a whole run, checked over everything that was committed and what Redis
 * holds, from outside. Knows the topics, the keys of Redis and the committed metadata; nothing else of the service. */
#ifndef CO_ORACLE_H
#define CO_ORACLE_H

#include "kafka.h"

#include <stdbool.h>
#include <stdint.h>

struct co_oracle {
	struct co_tk_kafka *kafka;
	struct co_tk_redis *redis;
	const struct co_tk_log *log; /* all topics of the installation, `commands` included */
	const char *prefix, *group, *key_prefix;
	int32_t partitions;
	int64_t retention_ms;
	/* counted, for the report */
	size_t commands, replies, sessions, expiries, kept;
};

/* NULL: every promise holds. Else the first that does not, in words; free() it. */
char *co_oracle_check(struct co_oracle *oracle);
/* Sessions that live, whose deadline has passed by `now_ms` and that no payment in processing holds: 0 means that all
 * expiries to be expected have come. */
size_t co_oracle_overdue(const struct co_oracle *oracle, int64_t now_ms);
/* The earliest moment at which no session is left to expire: the latest deadline of those that live. */
int64_t co_oracle_last_deadline(const struct co_oracle *oracle);
/* Whether Redis is where the committed positions are: it follows them by a moment, and a look before that is no look at
 * what the worker made of it. */
bool co_oracle_is_shown(const struct co_oracle *oracle);

#endif
