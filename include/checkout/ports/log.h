/* What the application sees of the log: records in, messages out, positions. Plain values; views are borrowed. */
#ifndef CHECKOUT_PORTS_LOG_H
#define CHECKOUT_PORTS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "checkout/bytes.h"

struct co_header {
	struct co_view name;
	struct co_view value; /* ptr NULL: a null value */
};

/* A record of `commands` or `state`. Its bytes live until the inbox's release(), or the replay's next next(). */
struct co_record {
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
	struct co_view key;   /* ptr NULL: none */
	struct co_view value; /* ptr NULL: null, a tombstone */
	size_t header_count;
	const struct co_header *headers;
};

/* A record to be produced. Bytes are copied by the outbox's produce(). */
struct co_message {
	struct co_view topic; /* full name */
	int32_t partition;
	int64_t timestamp_ms; /* -1: the producer's */
	struct co_view key;   /* ptr NULL: none */
	struct co_view value; /* ptr NULL: null */
	size_t header_count;
	const struct co_header *headers;
};

#define CO_POSITION_METADATA_MAX 64

/* Where a partition of `commands` stands, with what rides in the committed offset's metadata. */
struct co_position {
	int32_t partition;
	int64_t offset; /* the next to be read; -1: nothing was ever committed */
	char metadata[CO_POSITION_METADATA_MAX];
};

#endif
