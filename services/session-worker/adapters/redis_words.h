/* What Redis says, in its own words: the kind of a fault, and whether it evicts. Pure text, owns nothing, tells
 * nobody. */
#ifndef CHECKOUT_ADAPTERS_REDIS_WORDS_H
#define CHECKOUT_ADAPTERS_REDIS_WORDS_H

#include <stdbool.h>
#include <stddef.h>

/* Kinds of faults that each have a cure of their own. */
enum co_redis_fault {
	CO_REDIS_UNREACHABLE, /* cannot be connected to, or hung up */
	CO_REDIS_SILENT,      /* does not answer in time */
	CO_REDIS_CREDENTIALS, /* wrong password, or none */
	CO_REDIS_RIGHTS,      /* the user may not do that */
	CO_REDIS_LOADING,
	CO_REDIS_BUSY, /* with somebody's script, or without its primary */
	CO_REDIS_MEMORY_FULL,
	CO_REDIS_DISK_FULL,
	CO_REDIS_READ_ONLY,
	CO_REDIS_NO_REPLICAS, /* fewer than min-replicas-to-write */
	CO_REDIS_NO_SCRIPT,
	CO_REDIS_EVICTS,
	CO_REDIS_OTHER,
	CO_REDIS_FAULT_COUNT
};

/* Of an error answer, also of one that reached us through a script (Redis 6 wraps it then). */
enum co_redis_fault co_redis_fault_answered(const char *answer);
/* Of the client library's words when there was no answer. */
enum co_redis_fault co_redis_fault_unanswered(const char *words);

/* From the answer to INFO memory: the limit (0: none) and the name of the policy ("": not told), cut to its room. */
struct co_redis_memory {
	unsigned long long limit;
	char policy[32];
};
/* False: one of the two fields is missing or is no such value; *out is then {0, ""}. */
bool co_redis_memory_read(const char *info, struct co_redis_memory *out);
/* True when keys without a time to live, which ours are, can be thrown away. */
bool co_redis_memory_evicts(const struct co_redis_memory *memory);

#endif
