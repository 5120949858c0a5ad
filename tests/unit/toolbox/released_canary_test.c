/* That the watcher of released blocks (tests/support/released.h) sees what it has to: without this, a test that finds
 * nothing says nothing. */
#include "toolbox.h"

#include "released.h"

static char *planted_block(void)
{
	char *block = malloc(100);

	assert_non_null(block);
	memset(block, 'x', 100);
	memcpy(block + 40, PLANTED_SECRET, sizeof PLANTED_SECRET);
	return block;
}

static void free__unwiped__seen(void **state)
{
	char *block = planted_block();
	struct released found;

	(void)state;
	released_watch();
	free(block);
	found = released_end();

	assert_int_equal(found.blocks, 1);
	assert_int_equal(found.holding, 1);
	assert_true(found.holding_bytes >= 100);
	assert_int_equal(found.wiped, 0);
}

/* A wipe that stops too early leaves the end of the secret. */
static void free__wiped_in_part__seen(void **state)
{
	char *block = planted_block();
	struct released found;

	(void)state;
	released_watch();
	explicit_bzero(block, 40 + sizeof PLANTED_SECRET - 1 - 15);
	free(block);
	found = released_end();

	assert_int_equal(found.holding, 1);
	assert_int_equal(found.wiped, 1);
}

static void free__wiped__not_held_against_it(void **state)
{
	char *block = planted_block();
	struct released found;

	(void)state;
	released_watch();
	explicit_bzero(block, 100);
	assert_true(released_is_wiped(block + 99));
	assert_false(released_is_wiped(block + 100));
	free(block);
	found = released_end();

	assert_int_equal(found.blocks, 1);
	assert_int_equal(found.holding, 0);
	assert_int_equal(found.wiped, 1);
}

static void realloc__moved_with_the_secret__seen(void **state)
{
	char *block = planted_block(), *moved;
	struct released found;

	(void)state;
	released_watch();
	moved = realloc(block, 100000);
	found = released_end();

	assert_non_null(moved);
	assert_int_equal(found.holding, 1);
	free(moved);
}

static void reallocarray__moved_with_the_secret__seen(void **state)
{
	char *block = planted_block(), *moved;
	struct released found;

	(void)state;
	released_watch();
	moved = reallocarray(block, 1000, 100);
	found = released_end();

	assert_non_null(moved);
	assert_int_equal(found.holding, 1);
	free(moved);
}

/* What a shared library gives back counts too: here the C library's buffer of a file. */
static void fclose__secret_in_the_buffer__seen(void **state)
{
	char path[64], byte;
	struct released found;
	FILE *file;

	(void)state;
	file_make(path, PLANTED_SECRET, sizeof PLANTED_SECRET);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_int_equal(fread(&byte, 1, 1, file), 1);

	released_watch();
	assert_int_equal(fclose(file), 0);
	found = released_end();
	unlink(path);

	assert_int_equal(found.holding, 1);
}

static void free__not_watched__not_counted(void **state)
{
	struct released found;

	(void)state;
	released_watch();
	(void)released_end();
	free(planted_block());
	found = released_end();

	assert_int_equal(found.blocks, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free__unwiped__seen),
		cmocka_unit_test(free__wiped_in_part__seen),
		cmocka_unit_test(free__wiped__not_held_against_it),
		cmocka_unit_test(realloc__moved_with_the_secret__seen),
		cmocka_unit_test(reallocarray__moved_with_the_secret__seen),
		cmocka_unit_test(fclose__secret_in_the_buffer__seen),
		cmocka_unit_test(free__not_watched__not_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
