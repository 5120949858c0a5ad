/* From a record's bytes to a command: CloudEvents in both Kafka modes (contract section 2). Pure; never fails: whatever
 * the bytes are, the result says what they are. Owns nothing: views borrow from the record and the arena. */
#ifndef CHECKOUT_APP_INTAKE_H
#define CHECKOUT_APP_INTAKE_H

#include "checkout/arena.h"
#include "checkout/domain/command.h"
#include "checkout/ports/log.h"

#define CO_VALUE_BYTES_MAX ((size_t)256 * 1024)
#define CO_HEADERS_BYTES_MAX ((size_t)64 * 1024)
#define CO_HEADERS_MAX 128

enum co_dlq {
#define CO_DLQ(ident, reason) CO_DLQ_##ident,
#include "checkout/tbl/dlq.def"
#undef CO_DLQ
	CO_DLQ_COUNT
};
struct co_view co_dlq_reason(enum co_dlq reason);

enum co_dialect { CO_DIALECT_NONE, CO_DIALECT_SPRING, CO_DIALECT_QUARKUS, CO_DIALECT_PLAIN };
/* The dialect's spelling of the correlation header; absent for NONE. */
struct co_view co_dialect_correlation(enum co_dialect dialect);

/* Where the reply shall go, as asked; not yet judged against the allow-list. */
struct co_reply_address {
	enum co_dialect dialect;
	struct co_view topic;       /* ptr NULL: none named */
	struct co_view correlation; /* ptr NULL: none; opaque bytes */
	int64_t partition;          /* -1: none, or not of a valid form */
};

enum co_intake_kind {
	CO_INTAKE_COMMAND,
	CO_INTAKE_TICK,       /* only its timestamp counts */
	CO_INTAKE_NOT_COMMAND /* for the dlq */
};

struct co_intake {
	enum co_intake_kind kind;
	struct co_command command; /* COMMAND: whole. NOT_COMMAND and answerable: id, source, type */
	enum co_dlq reason;        /* NOT_COMMAND */
	bool answerable; /* NOT_COMMAND: id, source and type are readable and well formed: a 9300004 reply goes out */
	struct co_reply_address reply;
	struct co_view authorization, api_key;  /* ptr NULL: absent */
	struct co_view traceparent, tracestate; /* ptr NULL: absent */
};

void co_intake_read(const struct co_record *record, struct co_arena *arena, struct co_intake *out);

#endif
