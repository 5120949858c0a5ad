/* What outputs are made of: headers, ids and pieces of JSON (contract section 7). For app/output*.c alone.
 * Owns nothing: all of it lives in the batch's arena. Never writes credentials or customer data. */
#ifndef CHECKOUT_APP_OUTPUT_PARTS_H
#define CHECKOUT_APP_OUTPUT_PARTS_H

#include "checkout/app/output.h"
#include "checkout/instant.h"

#define CO_ENVELOPE_HEADERS_MAX 15 /* a refused reply with everything has them all */

/* The headers of one output, with the texts that are made for it. */
struct co_envelope {
	size_t count;
	struct co_header headers[CO_ENVELOPE_HEADERS_MAX];
	char id[CO_UUID_TEXT + 1];
	char subject[CO_UUID_TEXT + 1];
	char time[CO_INSTANT_TEXT + 1];
};

/* What the common headers say. */
struct co_envelope_facts {
	struct co_view id_name;          /* ce_id is the UUIDv5 of it */
	struct co_view type;             /* ce_type */
	const struct co_uuid *subject;   /* NULL: no ce_subject */
	int64_t time_ms;                 /* ce_time */
	const struct co_intake *command; /* NULL: no command caused it */
};

/* An envelope in the arena with the common headers, in the order of section 7. */
struct co_envelope *co_envelope_make(const struct co_names *names, struct co_arena *arena,
									 const struct co_envelope_facts *facts);
/* One more; at most CO_ENVELOPE_HEADERS_MAX in all (asserted). */
void co_envelope_add(struct co_envelope *envelope, struct co_view name, struct co_view value);
/* The session id's text when there is a subject, else the record's key. */
struct co_view co_envelope_key(const struct co_envelope *envelope, const struct co_envelope_facts *facts,
							   const struct co_record *record);
/* "<kind>:<topic of commands>/<partition>/<offset>": the name of what a record caused. */
struct co_view co_position_name(const struct co_names *names, struct co_arena *arena, struct co_view kind,
								const struct co_record *record);

void co_part_text(struct co_buf *buf, struct co_view text); /* absent: null */
void co_part_uuid(struct co_buf *buf, const struct co_uuid *uuid);
void co_part_instant(struct co_buf *buf, int64_t instant_ms);
/* {"id","type","source","topic","partition","offset"}; `origin` NULL: null. */
void co_part_origin(struct co_buf *buf, const struct co_names *names, const struct co_origin *origin);
/* [{"rule","detail","pointer"}…], [] when no rule was broken. */
void co_part_violations(struct co_buf *buf, const struct co_verdict *verdict, const struct co_command *command);
/* The error object of a refusal. */
void co_part_refusal(struct co_buf *buf, const struct co_presentation *presentation, const struct co_verdict *verdict,
					 const struct co_command *command);
/* The error object of a code that was told from outside. */
void co_part_told(struct co_buf *buf, const struct co_presentation *presentation);

#endif
