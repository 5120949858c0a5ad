/* Sessions by lot, the same ones in every run, and what it means that two are the same. Owns nothing: what is made
 * lives in the arena given. Never used outside tests. */
#ifndef TESTS_UNIT_APP_STORED_SUPPORT_H
#define TESTS_UNIT_APP_STORED_SUPPORT_H

#include "checkout/arena.h"
#include "checkout/domain/session.h"

#define EPOCH_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00.000Z */

/* From the first session on again. */
void sample_begin(struct co_arena *arena);
/* 0..bound-1. */
size_t sample_below(size_t bound);
void sample_bytes(uint8_t *bytes, size_t count);
/* Any session that can be stored, the ends of every range among them. */
void sample_session(struct co_session *session);
/* Fails the test where `b` is not `a` as it comes back: all of it but the names of metadata keys in verdicts.
 */
void assert_same_session(const struct co_session *a, const struct co_session *b);

#endif
