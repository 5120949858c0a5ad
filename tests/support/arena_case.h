/* What unit tests of code that works in an arena share: the arena, new for each test, and rows of a table as tests of
 * their own. Owns the arena between set-up and tear-down; never decides whether a test passes. cmocka's headers are
 * included here, in their order. */
#ifndef CO_ARENA_CASE_H
#define CO_ARENA_CASE_H

#include "checkout/arena.h"
#include "checkout/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A test with an empty arena. */
#define ARENA_TEST(function) cmocka_unit_test_setup_teardown(function, arena_set_up, arena_tear_down)
/* The same for a row, which has a `name`: the test is called by it and finds the row in *state. The row is only read;
 * cmocka's state is not const. */
#define ARENA_ROW(function, row) \
	((struct CMUnitTest){(row)->name, function, arena_set_up, arena_tear_down, (void *)(uintptr_t)(row)})

extern struct co_arena arena;

/* Of a test or of a group. */
int arena_set_up(void **state);
int arena_tear_down(void **state);

/* A copy in memory of exactly its size, so that AddressSanitizer sees a byte too far. The caller frees it. */
char *exactly(struct co_view text);

#endif
