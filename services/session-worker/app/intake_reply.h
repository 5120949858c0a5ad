/* The headers that intake looks at, and the reply address among them. Private to app/.
 * Owns nothing: views borrow from the record. Never fails. */
#ifndef CO_APP_INTAKE_REPLY_H
#define CO_APP_INTAKE_REPLY_H

#include "checkout/app/intake.h"

/* X(IDENT, name): each header is known by its name without regard to ASCII case (contract section 2), so that the
 * partitions of the Quarkus and the plain dialect are one header. */
#define CO_INTAKE_HEADERS(X)                       \
	X(SPECVERSION, "ce_specversion")               \
	X(ID, "ce_id")                                 \
	X(SOURCE, "ce_source")                         \
	X(TYPE, "ce_type")                             \
	X(SUBJECT, "ce_subject")                       \
	X(MERCHANTID, "ce_merchantid")                 \
	X(NAMESPACE, "ce_namespace")                   \
	X(EXPIRYTIME, "ce_expirytime")                 \
	X(TRACEPARENT, "traceparent")                  \
	X(TRACESTATE, "tracestate")                    \
	X(CONTENT_TYPE, "content-type")                \
	X(X_MERCHANT_ID, "x-merchant-id")              \
	X(AUTHORIZATION, "authorization")              \
	X(API_KEY, "x-api-key")                        \
	X(FORWARDED, "checkout-forwarded")             \
	X(SPRING_TOPIC, "kafka_replyTopic")            \
	X(SPRING_PARTITION, "kafka_replyPartition")    \
	X(SPRING_CORRELATION, "kafka_correlationId")   \
	X(QUARKUS_TOPIC, "REPLY_TOPIC")                \
	X(QUARKUS_CORRELATION, "REPLY_CORRELATION_ID") \
	X(PLAIN_TOPIC, "reply_to")                     \
	X(REPLY_PARTITION, "reply_partition")          \
	X(PLAIN_CORRELATION, "correlation_id")

enum co_intake_header {
#define X(ident, name) CO_INTAKE_HEADER_##ident,
	CO_INTAKE_HEADERS(X)
#undef X
		CO_INTAKE_HEADER_COUNT
};

struct co_intake_headers {
	struct co_view values[CO_INTAKE_HEADER_COUNT]; /* ptr NULL: absent */
	bool too_large;                                /* more, or longer, than a command may have */
};

/* Of each name the last one; absent when that one's value is null. One `checkout-forwarded` does not count towards the
 * size, so that a forwarded copy is never refused for the header that forwarding added. */
void co_intake_headers_read(const struct co_record *record, struct co_intake_headers *out);
/* The first dialect that is present, in the order of contract section 2. */
struct co_reply_address co_intake_reply_address(const struct co_intake_headers *headers);

#endif
