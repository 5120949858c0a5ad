/* Small values: status, error, arena, uuid, instant. Covers status.c, error.c, arena.c, uuid.c, instant.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkout/arena.h"
#include "checkout/error.h"
#include "checkout/instant.h"
#include "checkout/status.h"
#include "checkout/uuid.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define V(literal) CO_VIEW(literal)

static void status_name__every_row__is_lower_case_and_its_own(void **state)
{
	(void)state;
	for (int a = CO_OK; a <= CO_STOPPED; a++) {
		const char *name = co_status_name((enum co_status)a);

		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz_"), strlen(name));
		assert_true(strlen(name) > 1 && strlen(co_status_text((enum co_status)a)) > 5);
		for (int b = CO_OK; b < a; b++)
			assert_string_not_equal(name, co_status_name((enum co_status)b));
	}
	assert_string_equal(co_status_name(CO_JSON_SYNTAX), "json_syntax");
}

static void status_class__one_of_each(void **state)
{
	(void)state;
	assert_int_equal(co_status_class(CO_OK), CO_CLASS_OK);
	assert_int_equal(co_status_class(CO_CONFIG), CO_CLASS_INVALID);
	assert_int_equal(co_status_class(CO_VIEW_DOWN), CO_CLASS_RETRY);
	assert_int_equal(co_status_class(CO_LOG_FAILED), CO_CLASS_RESET);
	assert_int_equal(co_status_class(CO_FENCED), CO_CLASS_FATAL);
}

static void error_set__twice__keeps_the_first(void **state)
{
	struct co_error error = {.text = ""};

	(void)state;
	co_error_set(&error, "/a", "first %d", 1);
	co_error_set(&error, "/b", "second");
	assert_string_equal(error.path, "/a");
	assert_string_equal(error.text, "first 1");
	co_error_set(NULL, "/a", "nobody asked");
}

static void error_set__too_long__is_cut_and_ends(void **state)
{
	struct co_error error = {.text = ""};
	char text[400];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	co_error_set(&error, text, "%s", text);
	assert_int_equal(strlen(error.path), sizeof(error.path) - 1);
	assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
	error = (struct co_error){.text = ""};
	co_error_set(&error, NULL, "no path");
	assert_string_equal(error.path, "");
}

static void arena_alloc__any_size__aligned_apart_and_kept(void **state)
{
	struct co_arena arena;
	unsigned char *pieces[300];

	(void)state;
	co_arena_init(&arena, 4096, 1 << 20);
	for (size_t i = 0; i < 300; i++) {
		pieces[i] = co_arena_alloc(&arena, i * 7);
		assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)i, i * 7);
	}
	for (size_t i = 1; i < 300; i++) {
		assert_ptr_not_equal(pieces[i], pieces[i - 1]);
		assert_int_equal(pieces[i][0], (unsigned char)i);
		assert_int_equal(pieces[i][i * 7 - 1], (unsigned char)i);
	}
	assert_true(arena.used_bytes >= 300 * 299 / 2 * 7);
	co_arena_clear(&arena);
}

static void arena_zalloc__after_a_reset__is_clear(void **state)
{
	struct co_arena arena;
	unsigned char *piece;

	(void)state;
	co_arena_init(&arena, 4096, 1 << 20);
	memset(co_arena_alloc(&arena, 1000), 0xff, 1000);
	co_arena_reset(&arena);
	assert_int_equal(arena.used_bytes, 0);
	piece = co_arena_zalloc(&arena, 10, 100);
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(piece[i], 0);
	co_arena_clear(&arena);
}

/* What fits the limit is handed out again; what is above goes back to the system. */
static void arena_reset__keeps_chunks_up_to_the_limit(void **state)
{
	struct co_arena arena;
	void *first;

	(void)state;
	co_arena_init(&arena, 4096, 8192);
	first = co_arena_alloc(&arena, 4096);
	(void)co_arena_alloc(&arena, 100000);
	(void)co_arena_alloc(&arena, 4096);
	co_arena_reset(&arena);
	assert_ptr_equal(co_arena_alloc(&arena, 4096), first);
	(void)co_arena_alloc(&arena, 4096);
	assert_int_equal(arena.used_bytes, 8192);
	co_arena_reset(&arena);
	co_arena_clear(&arena);
	assert_null(arena.first);
	/* Usable again. */
	memset(co_arena_alloc(&arena, 5000), 1, 5000);
	co_arena_clear(&arena);
}

struct uuid_row {
	const char *name, *text;
	bool valid;
};

static const struct uuid_row uuid_rows[] = {
	{"uuid lower", "123e4567-e89b-12d3-a456-426614174000", true},
	{"uuid upper", "123E4567-E89B-12D3-A456-426614174000", true},
	{"uuid nil", "00000000-0000-0000-0000-000000000000", true},
	{"uuid any version", "ffffffff-ffff-ffff-ffff-ffffffffffff", true},
	{"uuid empty", "", false},
	{"uuid a digit short", "123e4567-e89b-12d3-a456-42661417400", false},
	{"uuid a digit long", "123e4567-e89b-12d3-a456-4266141740000", false},
	{"uuid g", "123e4567-e89b-12d3-a456-42661417400g", false},
	{"uuid hyphen off", "123e456-7e89b-12d3-a456-426614174000", false},
	{"uuid no hyphens", "123e4567e89b12d3a456426614174000", false},
	{"uuid hyphen for digit", "123e4567-e89b-12d3-a456-4266141740-0", false},
	{"uuid braces", "{123e4567-e89b-12d3-a456-426614174000}", false},
	{"uuid blank", " 23e4567-e89b-12d3-a456-426614174000", false},
};

static void check_uuid(void **state)
{
	const struct uuid_row *row = *state;
	struct co_uuid uuid, before;

	memset(&uuid, 0xa5, sizeof(uuid));
	before = uuid;
	assert_int_equal(co_uuid_parse(co_view_cstr(row->text), &uuid), row->valid);
	if (row->valid) {
		char text[CO_UUID_TEXT + 1], lower[CO_UUID_TEXT + 1];

		for (size_t i = 0; i <= CO_UUID_TEXT; i++)
			lower[i] = (char)(row->text[i] >= 'A' && row->text[i] <= 'F' ? row->text[i] + 32 : row->text[i]);
		co_uuid_format(&uuid, text);
		assert_string_equal(text, lower);
	} else {
		assert_memory_equal(&uuid, &before, sizeof(uuid));
	}
}

/* RFC 4122's name space for DNS names, and the value that everybody computes for it. */
static void uuid_v5__known_name__known_value(void **state)
{
	struct co_uuid space, uuid;
	char text[CO_UUID_TEXT + 1];

	(void)state;
	assert_true(co_uuid_parse(V("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), &space));
	uuid = co_uuid_v5(&space, V("www.example.com"));
	co_uuid_format(&uuid, text);
	assert_string_equal(text, "2ed6657d-e927-568b-95e1-2665a8aea6a2");
	uuid = co_uuid_v5(&space, co_view_make(NULL, 0));
	co_uuid_format(&uuid, text);
	assert_string_equal(text, "4ebd0208-8328-5d69-8c44-ec50939c0967");
}

static void uuid_compare__orders_as_bytes(void **state)
{
	struct co_uuid a, b;

	(void)state;
	assert_true(co_uuid_parse(V("00000000-0000-0000-0000-00000000007f"), &a));
	assert_true(co_uuid_parse(V("00000000-0000-0000-0000-000000000080"), &b));
	assert_true(co_uuid_compare(&a, &b) < 0 && co_uuid_compare(&b, &a) > 0);
	assert_false(co_uuid_eq(&a, &b));
	assert_true(co_uuid_eq(&a, &a));
}

static void uuid_view__is_the_text_in_the_arena(void **state)
{
	struct co_arena arena;
	struct co_uuid uuid;

	(void)state;
	co_arena_init(&arena, 4096, 4096);
	assert_true(co_uuid_parse(V("123E4567-e89b-12d3-a456-426614174000"), &uuid));
	assert_true(co_view_eq(co_uuid_view(&arena, &uuid), V("123e4567-e89b-12d3-a456-426614174000")));
	co_arena_clear(&arena);
}

struct instant_row {
	const char *text;
	bool valid, lower_case_too;
	int64_t ms;
};

static const struct instant_row instant_rows[] = {
	{"1970-01-01T00:00:00Z", true, false, 0},
	{"2026-01-01T00:00:00Z", true, false, 1767225600000},
	{"1969-12-31T23:59:59.999Z", true, false, -1},
	{"2026-01-01T00:00:00.1Z", true, false, 1767225600100},
	{"2026-01-01T00:00:00.0019999999Z", true, false, 1767225600001},
	{"1969-12-31T23:59:59.9999Z", true, false, -1},
	{"2026-01-01T01:30:00+01:30", true, false, 1767225600000},
	{"2025-12-31T23:59:00-00:01", true, false, 1767225600000},
	{"2026-01-01T23:59:00+23:59", true, false, 1767225600000},
	{"2025-12-31T23:59:60Z", true, false, 1767225600000},
	{"2024-02-29T00:00:00Z", true, false, 1709164800000},
	{"2000-02-29T00:00:00Z", true, false, 951782400000},
	{"0001-01-01T00:00:00Z", true, false, -62135596800000},
	{"9999-12-31T23:59:59.999Z", true, false, 253402300799999},
	{"2026-01-01t00:00:00Z", false, true, 1767225600000},
	{"2026-01-01T00:00:00z", false, true, 1767225600000},
	{"0000-12-31T23:59:59Z", false, false, 0},
	{"10000-01-01T00:00:00Z", false, false, 0},
	{"2025-02-29T00:00:00Z", false, false, 0},
	{"1900-02-29T00:00:00Z", false, false, 0},
	{"2026-04-31T00:00:00Z", false, false, 0},
	{"2026-01-32T00:00:00Z", false, false, 0},
	{"2026-01-00T00:00:00Z", false, false, 0},
	{"2026-13-01T00:00:00Z", false, false, 0},
	{"2026-00-01T00:00:00Z", false, false, 0},
	{"2026-01-01T24:00:00Z", false, false, 0},
	{"2026-01-01T23:60:00Z", false, false, 0},
	{"2026-01-01T23:59:61Z", false, false, 0},
	{"2026-01-01T00:00:00+24:00", false, false, 0},
	{"2026-01-01T00:00:00+23:60", false, false, 0},
	{"2026-01-01T00:00:00+0100", false, false, 0},
	{"2026-01-01T00:00:00+01", false, false, 0},
	{"2026-01-01T00:00:00", false, false, 0},
	{"2026-01-01T00:00:00.Z", false, false, 0},
	{"2026-01-01T00:00:00,5Z", false, false, 0},
	{"2026-01-01T00:00Z", false, false, 0},
	{"2026-01-01 00:00:00Z", false, false, 0},
	{"2026-1-01T00:00:00Z", false, false, 0},
	{"2026-01-01", false, false, 0},
	{"2026-01-01T00:00:00Z ", false, false, 0},
	{" 2026-01-01T00:00:00Z", false, false, 0},
	{"2026-01-01T00:00:00ZZ", false, false, 0},
	{"+026-01-01T00:00:00Z", false, false, 0},
	{"", false, false, 0},
};

static void check_instant(void **state)
{
	const struct instant_row *row = *state;
	int64_t ms = 77;

	assert_int_equal(co_instant_parse(co_view_cstr(row->text), false, &ms), row->valid);
	assert_int_equal(ms, row->valid ? row->ms : 77);
	ms = 77;
	assert_int_equal(co_instant_parse(co_view_cstr(row->text), true, &ms), row->valid || row->lower_case_too);
	assert_int_equal(ms, row->valid || row->lower_case_too ? row->ms : 77);
	assert_int_equal(co_instant_parse(co_view_cstr(row->text), false, NULL), row->valid);
}

/* Days from year 1 to 9999 against the C library's calendar, and back again. */
static void instant_format__many_days__is_gmtime(void **state)
{
	(void)state;
	for (int64_t day = -719162; day < 2932896; day += 37) {
		int64_t ms = (day * 86400 + day % 86399) * 1000 + 7, back;
		time_t seconds = (time_t)((ms - 7) / 1000);
		char text[CO_INSTANT_TEXT + 1], want[64];
		struct tm tm;

		assert_non_null(gmtime_r(&seconds, &tm));
		(void)snprintf(want, sizeof(want), "%04d-%02d-%02dT%02d:%02d:%02d.007Z", tm.tm_year + 1900, tm.tm_mon + 1,
					   tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
		co_instant_format(ms, text);
		assert_string_equal(text, want);
		if (tm.tm_year + 1900 < 1)
			continue;
		assert_true(co_instant_parse(co_view_cstr(text), false, &back));
		assert_int_equal(back, ms);
	}
}

static void instant_format__outside_the_years__writes_the_nearest_end(void **state)
{
	char text[CO_INSTANT_TEXT + 1];

	(void)state;
	co_instant_format(INT64_MIN, text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
	co_instant_format(INT64_C(-62167219200001), text);
	assert_string_equal(text, "0000-01-01T00:00:00.000Z");
	co_instant_format(INT64_C(253402300800000), text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	co_instant_format(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59.999Z");
	co_instant_format(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999Z");
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(status_name__every_row__is_lower_case_and_its_own),
		cmocka_unit_test(status_class__one_of_each),
		cmocka_unit_test(error_set__twice__keeps_the_first),
		cmocka_unit_test(error_set__too_long__is_cut_and_ends),
		cmocka_unit_test(arena_alloc__any_size__aligned_apart_and_kept),
		cmocka_unit_test(arena_zalloc__after_a_reset__is_clear),
		cmocka_unit_test(arena_reset__keeps_chunks_up_to_the_limit),
		cmocka_unit_test(uuid_v5__known_name__known_value),
		cmocka_unit_test(uuid_compare__orders_as_bytes),
		cmocka_unit_test(uuid_view__is_the_text_in_the_arena),
		cmocka_unit_test(instant_format__many_days__is_gmtime),
		cmocka_unit_test(instant_format__outside_the_years__writes_the_nearest_end),
	};
	struct CMUnitTest tests[COUNT(fixed) + COUNT(uuid_rows) + COUNT(instant_rows)];
	static char names[COUNT(instant_rows)][64];
	size_t count = COUNT(fixed);

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < COUNT(uuid_rows); i++)
		tests[count++] = (struct CMUnitTest){
			.name = uuid_rows[i].name, .test_func = check_uuid, .initial_state = (void *)(uintptr_t)&uuid_rows[i]};
	for (size_t i = 0; i < COUNT(instant_rows); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "instant '%s'", instant_rows[i].text);
		tests[count++] = (struct CMUnitTest){
			.name = names[i], .test_func = check_instant, .initial_state = (void *)(uintptr_t)&instant_rows[i]};
	}
	return _cmocka_run_group_tests("values", tests, count, NULL, NULL);
}
