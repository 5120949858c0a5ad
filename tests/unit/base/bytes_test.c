/* Views, UTF-8, murmur2 and growing buffers. Covers bytes.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkout/arena.h"
#include "checkout/bytes.h"

#include <librdkafka/rdkafka.h>
#include <stdlib.h>
#include <string.h>

#define V(literal) CO_VIEW(literal)

static void view_cstr__null__is_absent(void **state)
{
	(void)state;
	assert_null(co_view_cstr(NULL).ptr);
	assert_int_equal(co_view_cstr(NULL).len, 0);
	assert_non_null(co_view_cstr("").ptr);
	assert_int_equal(co_view_cstr("ab").len, 2);
}

static void view_eq__nul_bytes_count(void **state)
{
	(void)state;
	assert_true(co_view_eq(V("a\0b"), V("a\0b")));
	assert_false(co_view_eq(V("a\0b"), V("a\0c")));
	assert_false(co_view_eq(V("a"), V("a\0")));
	assert_false(co_view_eq(V("a"), V("A")));
	assert_true(co_view_eq(V(""), V("")));
	assert_true(co_view_eq(co_view_make(NULL, 0), co_view_make(NULL, 0)));
}

/* ASCII letters alone; the neighbours of A and Z and bytes above 127 have no case. */
static void view_eq_nocase__ascii_letters_alone(void **state)
{
	(void)state;
	assert_true(co_view_eq_nocase(V("CE_Id-9Z"), V("ce_iD-9z")));
	assert_false(co_view_eq_nocase(V("ab"), V("abc")));
	assert_false(co_view_eq_nocase(V("@"), V("`")));
	assert_false(co_view_eq_nocase(V("["), V("{")));
	assert_false(co_view_eq_nocase(V("\xc3\x84"), V("\xc3\xa4")));
}

static void view_starts_and_ends__both_sides_of_the_length(void **state)
{
	(void)state;
	assert_true(co_view_starts(V("abc"), V("ab")));
	assert_true(co_view_starts(V("ab"), V("ab")));
	assert_true(co_view_starts(V("ab"), V("")));
	assert_false(co_view_starts(V("a"), V("ab")));
	assert_false(co_view_starts(V("bab"), V("ab")));
	assert_true(co_view_ends(V("x.reply"), V(".reply")));
	assert_true(co_view_ends(V(".reply"), V(".reply")));
	assert_true(co_view_ends(V("x"), V("")));
	assert_false(co_view_ends(V("reply"), V(".reply")));
	assert_false(co_view_ends(V(".replyx"), V(".reply")));
}

static void view_trim__blanks_at_both_ends__not_within(void **state)
{
	(void)state;
	assert_true(co_view_eq(co_view_trim(V(" \ta \tb\t ")), V("a \tb")));
	assert_int_equal(co_view_trim(V(" \t ")).len, 0);
	assert_true(co_view_eq(co_view_trim(V("\na")), V("\na")));
	assert_int_equal(co_view_trim(V("")).len, 0);
}

static void view_dup__keeps_bytes_and_ends_in_nul(void **state)
{
	struct co_view copy = co_view_dup(*state, V("a\0b"));

	assert_true(co_view_eq(copy, V("a\0b")));
	assert_int_equal(copy.ptr[3], 0);
	assert_null(co_view_dup(*state, co_view_make(NULL, 0)).ptr);
	assert_non_null(co_view_dup(*state, V("")).ptr);
}

static void code_points__of_each_width__count_once(void **state)
{
	(void)state;
	assert_int_equal(co_view_code_points(V("")), 0);
	assert_int_equal(co_view_code_points(V("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x92")), 4);
	assert_int_equal(co_view_code_points(V("e\xcc\x81")), 2);
}

struct utf8_row {
	const char *name;
	struct co_view text;
	bool valid;
};

static const struct utf8_row utf8_rows[] = {
	{"is_utf8 empty", {"", 0}, true},
	{"is_utf8 U+0000", {"\0", 1}, true},
	{"is_utf8 U+007F", {"\x7f", 1}, true},
	{"is_utf8 lone 80", {"\x80", 1}, false},
	{"is_utf8 C0 80 overlong", {"\xc0\x80", 2}, false},
	{"is_utf8 C1 BF overlong", {"\xc1\xbf", 2}, false},
	{"is_utf8 C2 80 first of two", {"\xc2\x80", 2}, true},
	{"is_utf8 DF BF last of two", {"\xdf\xbf", 2}, true},
	{"is_utf8 C2 7F", {"\xc2\x7f", 2}, false},
	{"is_utf8 C2 C0", {"\xc2\xc0", 2}, false},
	{"is_utf8 C2 cut", {"\xc2", 1}, false},
	{"is_utf8 E0 9F BF overlong", {"\xe0\x9f\xbf", 3}, false},
	{"is_utf8 E0 A0 80 first of three", {"\xe0\xa0\x80", 3}, true},
	{"is_utf8 ED 9F BF before surrogates", {"\xed\x9f\xbf", 3}, true},
	{"is_utf8 ED A0 80 first surrogate", {"\xed\xa0\x80", 3}, false},
	{"is_utf8 ED BF BF last surrogate", {"\xed\xbf\xbf", 3}, false},
	{"is_utf8 EE 80 80 after surrogates", {"\xee\x80\x80", 3}, true},
	{"is_utf8 EF BF BF last of three", {"\xef\xbf\xbf", 3}, true},
	{"is_utf8 E2 82 cut", {"\xe2\x82", 2}, false},
	{"is_utf8 E2 82 41", {"\xe2\x82\x41", 3}, false},
	{"is_utf8 F0 8F BF BF overlong", {"\xf0\x8f\xbf\xbf", 4}, false},
	{"is_utf8 F0 90 80 80 first of four", {"\xf0\x90\x80\x80", 4}, true},
	{"is_utf8 F4 8F BF BF U+10FFFF", {"\xf4\x8f\xbf\xbf", 4}, true},
	{"is_utf8 F4 90 80 80 above U+10FFFF", {"\xf4\x90\x80\x80", 4}, false},
	{"is_utf8 F5", {"\xf5\x80\x80\x80", 4}, false},
	{"is_utf8 F0 9F 9B cut", {"\xf0\x9f\x9b", 3}, false},
	{"is_utf8 F0 9F 9B 41", {"\xf0\x9f\x9b\x41", 4}, false},
	{"is_utf8 FF", {"\xff", 1}, false},
	{"is_utf8 good then bad", {"ok\x80", 3}, false},
};

static void check_utf8(void **state)
{
	const struct utf8_row *row = *state;

	assert_int_equal(co_view_is_utf8(row->text), row->valid);
}

static void has_control__both_ranges_and_their_neighbours(void **state)
{
	(void)state;
	assert_true(co_view_has_control(co_view_make("\0", 1)));
	assert_true(co_view_has_control(V("a\x1f")));
	assert_false(co_view_has_control(V("a b")));
	assert_false(co_view_has_control(V("~")));
	assert_true(co_view_has_control(V("\x7f")));
	assert_true(co_view_has_control(V("x\xc2\x80")));
	assert_true(co_view_has_control(V("\xc2\x9f")));
	assert_false(co_view_has_control(V("\xc2\xa0")));
	/* A continuation byte of that value in another character is none. */
	assert_false(co_view_has_control(V("\xc3\x80\xe2\x82\x80")));
}

static void is_plain__length_in_code_points__both_neighbours(void **state)
{
	(void)state;
	assert_false(co_view_is_plain(V(""), 1, 2));
	assert_true(co_view_is_plain(V("\xf0\x9f\x9b\x92"), 1, 2));
	assert_true(co_view_is_plain(V("\xf0\x9f\x9b\x92\xf0\x9f\x9b\x92"), 1, 2));
	assert_false(co_view_is_plain(V("abc"), 1, 2));
	assert_false(co_view_is_plain(V("a\n"), 1, 2));
	assert_false(co_view_is_plain(V("\xff"), 1, 2));
	assert_true(co_view_is_plain(V(""), 0, 2));
}

static int32_t java_partition(struct co_view key, int32_t count)
{
	return rd_kafka_msg_partitioner_murmur2(NULL, key.ptr, key.len, count, NULL, NULL);
}

/* Against librdkafka's own: every length of tail, bytes above 127, and the ids that keys really are. */
static void murmur2__random_keys__is_librdkafkas(void **state)
{
	char key[64];
	uint64_t random = 42;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		size_t len = (size_t)round % sizeof(key);
		struct co_view view = {key, len};

		for (size_t i = 0; i < len; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
			key[i] = (char)(random >> 56);
		}
		/* The largest count shows all the bits but the sign. */
		assert_int_equal(co_murmur2(view) % INT32_MAX, java_partition(view, INT32_MAX));
		assert_int_equal(co_murmur2(view) % 12, java_partition(view, 12));
	}
}

/* The values of the Java client's own test, sign bit cleared. */
static void murmur2__known_keys__are_the_java_clients(void **state)
{
	(void)state;
	assert_int_equal(co_murmur2(V("21")), (uint32_t)-973932308 & 0x7fffffff);
	assert_int_equal(co_murmur2(V("foobar")), (uint32_t)-790332482 & 0x7fffffff);
	assert_int_equal(co_murmur2(V("a-little-bit-long-string")), (uint32_t)-985981536 & 0x7fffffff);
	assert_int_equal(co_murmur2(V("a-little-bit-longer-string")), (uint32_t)-1486304829 & 0x7fffffff);
	assert_int_equal(co_murmur2(V("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")),
					 (uint32_t)-58897971 & 0x7fffffff);
	assert_int_equal(co_murmur2(V("abc")), 479470107);
}

static void buf__grows_from_nothing__keeps_all(void **state)
{
	struct co_buf buf = co_buf_make(*state, 0);

	assert_non_null(co_buf_view(&buf).ptr);
	assert_int_equal(co_buf_view(&buf).len, 0);
	for (int i = 0; i < 5000; i++)
		co_buf_add_byte(&buf, (char)('a' + i % 26));
	co_buf_add(&buf, co_view_make(NULL, 0));
	assert_int_equal(buf.len, 5000);
	for (int i = 0; i < 5000; i++)
		assert_int_equal(buf.ptr[i], 'a' + i % 26);
}

static void buf_add_int__the_ends_of_int64(void **state)
{
	struct co_buf buf = co_buf_make(*state, 8);

	co_buf_add_int(&buf, INT64_MIN);
	co_buf_add_byte(&buf, ' ');
	co_buf_add_int(&buf, INT64_MAX);
	co_buf_add_byte(&buf, ' ');
	co_buf_add_int(&buf, 0);
	co_buf_add_int(&buf, -1);
	co_buf_add_int(&buf, 10);
	assert_true(co_view_eq(co_buf_view(&buf), V("-9223372036854775808 9223372036854775807 0-110")));
}

static void buf_add_json__escapes_what_must_be__and_nothing_else(void **state)
{
	struct co_buf buf = co_buf_make(*state, 4);

	co_buf_add_json(&buf, co_view_make("a\"b\\c/\b\t\n\f\r\0\x01\x1f\x7f\xf0\x9f\x9b\x92", 19));
	assert_true(
		co_view_eq(co_buf_view(&buf), V("\"a\\\"b\\\\c/\\b\\t\\n\\f\\r\\u0000\\u0001\\u001f\x7f\xf0\x9f\x9b\x92\"")));
	buf.len = 0;
	co_buf_add_json(&buf, V(""));
	assert_true(co_view_eq(co_buf_view(&buf), V("\"\"")));
}

static struct co_arena arena;

static int make_arena(void **state)
{
	co_arena_init(&arena, 4096, 65536);
	*state = &arena;
	return 0;
}

static int clear_arena(void **state)
{
	(void)state;
	co_arena_clear(&arena);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest fixed[] = {
		cmocka_unit_test(view_cstr__null__is_absent),
		cmocka_unit_test(view_eq__nul_bytes_count),
		cmocka_unit_test(view_eq_nocase__ascii_letters_alone),
		cmocka_unit_test(view_starts_and_ends__both_sides_of_the_length),
		cmocka_unit_test(view_trim__blanks_at_both_ends__not_within),
		cmocka_unit_test(view_dup__keeps_bytes_and_ends_in_nul),
		cmocka_unit_test(code_points__of_each_width__count_once),
		cmocka_unit_test(has_control__both_ranges_and_their_neighbours),
		cmocka_unit_test(is_plain__length_in_code_points__both_neighbours),
		cmocka_unit_test(murmur2__random_keys__is_librdkafkas),
		cmocka_unit_test(murmur2__known_keys__are_the_java_clients),
		cmocka_unit_test(buf__grows_from_nothing__keeps_all),
		cmocka_unit_test(buf_add_int__the_ends_of_int64),
		cmocka_unit_test(buf_add_json__escapes_what_must_be__and_nothing_else),
	};
	struct CMUnitTest tests[sizeof(fixed) / sizeof(fixed[0]) + sizeof(utf8_rows) / sizeof(utf8_rows[0])];
	size_t count = sizeof(fixed) / sizeof(fixed[0]);

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++)
		tests[count++] = (struct CMUnitTest){
			.name = utf8_rows[i].name, .test_func = check_utf8, .initial_state = (void *)(uintptr_t)&utf8_rows[i]};
	return _cmocka_run_group_tests("bytes", tests, count, make_arena, clear_arena);
}
