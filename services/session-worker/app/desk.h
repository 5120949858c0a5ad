/* What every lane needs to judge commands: names, limits and the reply allow-list. Made once from the configuration,
 * read-only after. Owns the compiled expressions. Never does I/O. */
#ifndef CHECKOUT_APP_DESK_H
#define CHECKOUT_APP_DESK_H

#include <regex.h>

#include "checkout/app/output.h"
#include "checkout/error.h"
#include "checkout/ports/outbox.h"
#include "checkout/status.h"

/* No output is larger: a command whose outputs would be is answered 9300001. Below Kafka's default message.max.bytes.
 */
#ifndef CO_OUTPUT_BYTES_MAX /* the simulation's is smaller */
#define CO_OUTPUT_BYTES_MAX ((size_t)1000 * 1000)
#endif

struct co_desk {
	struct co_names names;
	struct co_view prefix;
	int32_t partition_count;
	int64_t retention_ms;
	bool append; /* LogAppendTime: ticks are made, forwarded copies get a new timestamp */
	size_t allow_count;
	regex_t *allow; /* none: the default allow-list */
};

struct co_desk_wish {
	const char *prefix, *source, *replies_allow;
	int32_t partition_count;
	int64_t retention_ms;
	bool append;
};

/* Strings of the wish must outlive the desk. CO_CONFIG: an expression of `replies_allow` does not compile. */
enum co_status co_desk_init(struct co_desk *desk, const struct co_desk_wish *wish, struct co_error *error) CO_MUST_USE;
void co_desk_clear(struct co_desk *desk);

/* The partition that the session lives on (contract section 1). */
int32_t co_desk_partition(const struct co_desk *desk, const struct co_uuid *session_id);

/* Judges the topic of a reply address (contract section 2); `out->partition` is left for co_desk_reply_partition().
 * CO_OK with *count the topic's partitions, or CO_LOG_DOWN when Kafka does not say whether the named topic exists. */
enum co_status co_desk_reply_topic(const struct co_desk *desk, const struct co_outbox *outbox,
								   const struct co_reply_address *address, struct co_reply_target *out,
								   int32_t *count) CO_MUST_USE;
/* The partition of a reply: the one asked for if it exists, else the record's, else (another count) the key's murmur2.
 * `key`: of the reply; ptr NULL: none. */
int32_t co_desk_reply_partition(const struct co_desk *desk, const struct co_reply_address *address, struct co_view key,
								int32_t record_partition, int32_t count);
/* The default reply topic in place of a refused one. */
struct co_reply_target co_desk_redirected(const struct co_desk *desk, enum co_reply_refusal refusal);

#endif
