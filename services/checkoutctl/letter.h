/* A dead letter taken apart: the record as it came to `commands`, and what the worker wrote on it (contract section 1).
 * Owns nothing: what it makes lives in the arena, all else is borrowed from the record. Never changes a byte of the
 * record unless it is told to mend it. */
#ifndef CHECKOUTCTL_LETTER_H
#define CHECKOUTCTL_LETTER_H

#include "ctl.h"

#include "checkout/app/intake.h"

#include <librdkafka/rdkafka.h>

struct ctl_letter {
	/* Where it lies in the dlq, and since when. */
	int32_t partition;
	int64_t offset, timestamp_ms;
	/* What the worker wrote on it. */
	struct co_view reason, from_topic;
	int32_t from_partition;
	int64_t from_offset, from_timestamp_ms;
	/* The record as it came: its time is that of then. */
	struct co_record record;
};

/* The views of a consumed record, its headers in the arena. */
struct co_record ctl_letter_record(const rd_kafka_message_t *message, struct co_arena *arena);
/* Takes the worker's five headers off the end of `record`, a record of the dlq. Headers of the same names further up
 * came with the command and stay. False with the reason in `error`: it is no dead letter of the worker. */
bool ctl_letter_open(const struct co_record *record, struct ctl_letter *out, struct co_error *error);
/* The credential header whose value the worker made `***`: authorization or x-api-key; NULL when there is none. */
const char *ctl_letter_masked(const struct ctl_letter *letter);
/* What the worker of this version would make of the record as it is now. */
void ctl_letter_judge(const struct ctl_letter *letter, struct co_arena *arena, struct co_intake *out);
/* What has to be mended, in a few words; NULL for a reason that this version does not know. */
const char *ctl_letter_cure(struct co_view reason);

/* Changes to a record before it is sent again. All zero: none. */
struct ctl_mending {
	struct ctl_list headers;       /* NAME=VALUE: takes the place of all of that name (in any case), at the end */
	struct ctl_list without;       /* names */
	struct co_view value;          /* ptr NULL: as it came */
	struct co_view api_key, token; /* in place of masked ones alone; ptr NULL: none */
};
/* Applies it, in the order: without, headers, credentials, value. */
void ctl_letter_mend(struct ctl_letter *letter, const struct ctl_mending *mending, struct co_arena *arena);

#endif
