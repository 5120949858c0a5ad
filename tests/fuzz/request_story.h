/* What a fuzzed request meets: a session brought to a state by commands that the shard judged, and a merchant. Owns one
 * bench for the program's life. Never used outside tests/fuzz. */
#ifndef TESTS_FUZZ_REQUEST_STORY_H
#define TESTS_FUZZ_REQUEST_STORY_H

#include "tests/unit/app/shard_bench.h"

enum story_state {
	STORY_NONE,
	STORY_OPEN,
	STORY_OPEN_MANUAL, /* capture: false, with metadata and a currency of its own */
	STORY_OPEN_UNPAID, /* no payment */
	STORY_AUTHORISED,
	STORY_PROCESSING, /* authorised, with capture: true */
	STORY_CAPTURED,   /* in part */
	STORY_COMPLETED,
	STORY_SUCCEEDED,
	STORY_FAILED,
	STORY_CANCELLED,
	STORY_EXPIRED,
	STORY_FULL,       /* open; its memory is full of refusals */
	STORY_UNREADABLE, /* its stored record is no session's */
	STORY_STATES
};

enum story_merchant {
	STORY_DEFAULT,  /* no registry file */
	STORY_NARROW,   /* an entry with every list */
	STORY_UNUSABLE, /* an entry with an empty list */
	STORY_UNKNOWN,  /* no entry */
	STORY_STRANGER, /* wrong credentials */
	STORY_MERCHANTS
};

#define STORY_REFERENCE "r"
#define STORY_TTL_S 1800

/* The bench, its arena empty and the merchant set. One partition: nothing is forwarded. */
struct bench *story_begin(enum story_merchant merchant);
/* The stored session of that state; ptr NULL: none. Lives for ever. Its commands stand at BENCH_T0 and have the ids
 * s0, s1, …. Uses the bench of story_begin(), and its arena. */
struct co_view story_stored(enum story_state state);
/* A fresh shard and round, with the stored session `id` in hand (ptr NULL: there is none). */
void story_round(const struct co_uuid *id, struct co_view stored, int64_t offset);

#endif
