#include "arena_case.h"

#include <stdlib.h>
#include <string.h>

struct co_arena arena;

int arena_set_up(void **state)
{
	(void)state;
	co_arena_init(&arena, 4096, 1 << 20);
	return 0;
}

int arena_tear_down(void **state)
{
	(void)state;
	co_arena_clear(&arena);
	return 0;
}

char *exactly(struct co_view text)
{
	char *copy = malloc(text.len ? text.len : 1);

	assert_non_null(copy);
	memcpy(copy, text.ptr, text.len);
	return copy;
}
