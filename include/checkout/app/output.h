/* From decisions to messages: replies, error events, lifecycle events, state, dlq and forwarded records (contract
 * sections 1 and 7). Pure templates into the batch's arena; the same inputs give the same bytes. Never writes
 * credentials or customer data. */
#ifndef CHECKOUT_APP_OUTPUT_H
#define CHECKOUT_APP_OUTPUT_H

#include "checkout/app/intake.h"
#include "checkout/domain/decide.h"
#include "checkout/ports/log.h"

enum co_topic {
#define CO_TOPIC(ident, name, compacted) CO_TOPIC_##ident,
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
	CO_TOPIC_COUNT
};
/* The name behind the prefix. */
struct co_view co_topic_name(enum co_topic topic);

enum co_reply_refusal {
#define CO_REPLY_REFUSAL(ident, reason) CO_REPLY_REFUSAL_##ident,
#include "checkout/tbl/reply_refusals.def"
#undef CO_REPLY_REFUSAL
	CO_REPLY_REFUSAL_COUNT
};
struct co_view co_reply_refusal_name(enum co_reply_refusal refusal);

/* Names that every output needs; made once from the configuration. */
struct co_names {
	struct co_view topics[CO_TOPIC_COUNT]; /* full names */
	struct co_view source;                 /* ce_source */
};

/* The record that caused an output. */
struct co_origin {
	const struct co_record *record;
	const struct co_intake *intake;
	const struct co_uuid *session_id; /* NULL: not known */
	int64_t now_ms;                   /* the command's time: the partition's clock */
};

/* Where a reply goes after the address was judged. */
struct co_reply_target {
	struct co_view topic;
	int32_t partition;
	bool redirected; /* the named topic was refused: header checkout-reply-rejected */
	enum co_reply_refusal refusal;
	bool away; /* redirected although it is there: it did not take what was tried */
};

/* The session at `version` as outputs show it, made once for all that show the same. ptr NULL when there is nothing to
 * show: `session` is NULL, or `version` 0. */
struct co_view co_output_snapshot(struct co_arena *arena, const struct co_session *session, uint16_t version);

/* `snapshot`: at decision->verdict.version; ptr NULL: null. For an intake that is no command the verdict is
 * CO_PROBLEM_NOT_COMMAND. */
void co_output_reply(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
					 const struct co_decision *decision, struct co_view snapshot, const struct co_reply_target *target,
					 struct co_message *out);
/* The error event of a refusal, or of a code that `fail` or `payment_update` told (decision->tells_error). */
void co_output_error(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
					 const struct co_decision *decision, struct co_message *out);
/* The lifecycle event that made `version` of the session; `snapshot` is of that version. `origin` NULL: time did it (an
 * expiry), the bytes name no command. */
void co_output_event(const struct co_names *names, struct co_arena *arena, int32_t partition,
					 const struct co_origin *origin, const struct co_session *session, uint16_t version,
					 struct co_view snapshot, struct co_message *out);
/* `snapshot`: at decision->verdict.version. */
void co_output_late_payment(const struct co_names *names, struct co_arena *arena, const struct co_origin *origin,
							const struct co_decision *decision, const struct co_session *session,
							struct co_view snapshot, struct co_message *out);
/* `state`: the session as it is now, as it is shown and in its stored form; a tombstone; the lane record. No headers.
 */
void co_output_state(const struct co_names *names, struct co_arena *arena, int32_t partition,
					 const struct co_uuid *session_id, struct co_view snapshot, struct co_view stored,
					 struct co_message *out);
void co_output_tombstone(const struct co_names *names, struct co_arena *arena, int32_t partition,
						 const struct co_uuid *session_id, struct co_message *out);
void co_output_lane(const struct co_names *names, struct co_arena *arena, int32_t partition, int64_t seq,
					int64_t next_offset, int64_t clock_ms, struct co_message *out);
/* The record unchanged but for credentials, with its origin. */
void co_output_dlq(const struct co_names *names, struct co_arena *arena, const struct co_record *record,
				   enum co_dlq reason, struct co_message *out);
/* Leaves the origin alone of a dead letter's headers. */
void co_output_dlq_drop_headers(struct co_message *message);
/* The record unchanged for another partition, key = session id, plus checkout-forwarded as the last header. */
void co_output_forward(const struct co_names *names, struct co_arena *arena, const struct co_record *record,
					   const struct co_uuid *session_id, int32_t partition, bool keep_timestamp,
					   struct co_message *out);

/* Reading `state` back. What a record of it is, from its key and value. */
enum co_state_kind { CO_STATE_SESSION, CO_STATE_TOMBSTONE, CO_STATE_LANE, CO_STATE_UNKNOWN };
struct co_state_record {
	enum co_state_kind kind;
	struct co_uuid session_id; /* SESSION, TOMBSTONE */
	struct co_view stored;     /* SESSION: in the arena */
	int64_t seq, next_offset;  /* LANE */
	int64_t clock_ms;          /* LANE: the partition's clock behind that transaction */
};
void co_state_read(const struct co_record *record, struct co_arena *arena, struct co_state_record *out);

#endif
