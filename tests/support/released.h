/* What a heap block holds when it is given back, and what explicit_bzero is called for: for the tests that hold
 * "secrets are wiped after use". All of the process is seen, the shared libraries too: under a sanitizer by its own
 * hooks, elsewhere because free and realloc are this module's. Of the stack nothing is seen but what explicit_bzero is
 * told. Watches the thread that asked, no other. Never looks at a block that is still in use. */
#ifndef CO_TEST_RELEASED_H
#define CO_TEST_RELEASED_H

#include <stdbool.h>
#include <stddef.h>

/* The secrets of these tests are this, over and over: it stands in any 15 bytes in a row that are left of one. */
#define PLANTED_MARK "planted7"
#define PLANTED_SECRET PLANTED_MARK PLANTED_MARK PLANTED_MARK PLANTED_MARK

struct released {
	size_t blocks;        /* given back since the watch began */
	size_t holding;       /* of these, with PLANTED_MARK in them */
	size_t holding_bytes; /* the size of the first of these */
	size_t wiped;         /* calls of explicit_bzero for memory with PLANTED_MARK in it */
};

void released_watch(void);
/* Ends the watch. */
struct released released_end(void);
/* Ends the watch; fails the test when a block was given back unwiped, or none was given back. */
void released_end_clean(void);
/* The byte was within one of the last 16 calls of explicit_bzero since the watch began. */
bool released_is_wiped(const void *byte);

#endif
