/* The JSON reader (contract section 2, "No command at all"): what is accepted, as which value and how fast. What is
 * refused one by one stands in json_refused_test.c. Every text is read from memory of exactly its size, so that
 * AddressSanitizer sees a byte too far. */
#include "checkout/json.h"

#include "arena_case.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int strtod_calls;

struct accepted {
	const char *name;
	struct co_view text;
	struct co_json value; /* type, text, integer, real, count */
	size_t raw_at, raw_len;
};

static const struct accepted accepted[] = {
#define A(name, literal, raw_at, raw_len, ...)                                            \
	{                                                                                     \
		"accepted: " name, {literal, sizeof(literal) - 1}, {__VA_ARGS__}, raw_at, raw_len \
	}
#define TEXT(literal) .type = CO_JSON_STRING, .text = {literal, sizeof(literal) - 1}
#define WHOLE(number) .type = CO_JSON_INTEGER, .integer = (number)
#define REAL(number) .type = CO_JSON_REAL, .real = (number)
	A("null", "null", 0, 4, .type = CO_JSON_NULL),
	A("true among blanks", " \t\r\ntrue \n", 4, 4, .type = CO_JSON_TRUE),
	A("false", "false", 0, 5, .type = CO_JSON_FALSE),
	A("empty object", "{ }", 0, 3, .type = CO_JSON_OBJECT),
	A("empty array", "[\n]", 0, 3, .type = CO_JSON_ARRAY),
	A("0", "0", 0, 1, WHOLE(0)),
	A("-0 is an integer", "-0", 0, 2, WHOLE(0)),
	A("2^63-1", "9223372036854775807", 0, 19, WHOLE(INT64_MAX)),
	A("-2^63", "-9223372036854775808", 0, 20, WHOLE(INT64_MIN)),
	A("0.0", "0.0", 0, 3, REAL(0.0)),
	A("1.0", "1.0", 0, 3, REAL(1.0)),
	A("1e0", "1e0", 0, 3, REAL(1.0)),
	A("1E+2", "1E+2", 0, 4, REAL(100.0)),
	A("0e9", "0e9", 0, 3, REAL(0.0)),
	A("0e99999", "0e99999", 0, 7, REAL(0.0)),
	A("12.5e-1", "12.5e-1", 0, 7, REAL(1.25)),
	A("leading 0 in the exponent", "1e-005", 0, 6, REAL(1e-5)),
	A("0.1", "0.1", 0, 3, REAL(0.1)),
	A("23 digits", "1.0000000000000000000001", 0, 24, REAL(1.0)),
	A("2^53+1 rounds to even", "9007199254740993.0", 0, 18, REAL(9007199254740992.0)),
	A("2^53+1 and a bit rounds up", "9007199254740993.00000000000000000001", 0, 37, REAL(9007199254740994.0)),
	A("1e22", "1e22", 0, 4, REAL(1e22)),
	A("1e23", "1e23", 0, 4, REAL(1e23)),
	A("8.5e-23", "8.5e-23", 0, 7, REAL(8.5e-23)),
	A("the largest double", "1.7976931348623157e308", 0, 22, REAL(1.7976931348623157e308)),
	A("what still rounds to it", "1.7976931348623158e308", 0, 22, REAL(1.7976931348623157e308)),
	A("the smallest double", "5e-324", 0, 6, REAL(4.9406564584124654e-324)),
	A("the largest subnormal", "2.2250738585072011e-308", 0, 23, REAL(2.2250738585072011e-308)),
	A("too small is 0", "1e-400", 0, 6, REAL(0.0)),
	A("an exponent of twenty digits, too small", "1e-99999999999999999999", 0, 23, REAL(0.0)),
	A("empty string", "\"\"", 0, 2, TEXT("")),
	A("string", " \"abc\"", 1, 5, TEXT("abc")),
	A("string of seven", "\"abcdefg\"", 0, 9, TEXT("abcdefg")),
	A("string of eight", "\"abcdefgh\"", 0, 10, TEXT("abcdefgh")),
	A("string of nine", "\"abcdefghi\"", 0, 11, TEXT("abcdefghi")),
	A("space, exclamation and DEL", "\" !#[]^\x7F\"", 0, 9, TEXT(" !#[]^\x7F")),
	A("every short escape", "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", 0, 18, TEXT("\"\\/\b\f\n\r\t")),
	A("text around an escape", "\"before\\nafter it all\"", 0, 22, TEXT("before\nafter it all")),
	A("escaped quote last", "\"a\\\"\"", 0, 5, TEXT("a\"")),
	A("escaped backslash last", "\"a\\\\\"", 0, 5, TEXT("a\\")),
	A("U+0001 escaped", "\"\\u0001\"", 0, 8, TEXT("\x01")),
	A("U+007F escaped", "\"\\u007f\"", 0, 8, TEXT("\x7F")),
	A("U+0080 escaped", "\"\\u0080\"", 0, 8, TEXT("\xC2\x80")),
	A("U+07FF escaped", "\"\\u07FF\"", 0, 8, TEXT("\xDF\xBF")),
	A("U+0800 escaped", "\"\\u0800\"", 0, 8, TEXT("\xE0\xA0\x80")),
	A("U+D7FF escaped", "\"\\ud7ff\"", 0, 8, TEXT("\xED\x9F\xBF")),
	A("U+E000 escaped", "\"\\ue000\"", 0, 8, TEXT("\xEE\x80\x80")),
	A("U+FFFF escaped", "\"\\uFfFf\"", 0, 8, TEXT("\xEF\xBF\xBF")),
	A("U+10000 escaped", "\"\\ud800\\udc00\"", 0, 14, TEXT("\xF0\x90\x80\x80")),
	A("U+10FFFF escaped", "\"\\uDBFF\\uDFFF\"", 0, 14, TEXT("\xF4\x8F\xBF\xBF")),
	A("U+1F6D2 and more", "\"a\\ud83d\\uded2b\"", 0, 16,
	  TEXT("a\xF0\x9F\x9B\x92"
		   "b")),
	A("UTF-8: the first and last of each length",
	  "\"\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF\"", 0, 26,
	  TEXT("\xC2\x80\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF\xF0\x90\x80\x80\xF4\x8F\xBF\xBF")),
	A("byte order mark inside a string", "\"\xEF\xBB\xBF\"", 0, 5, TEXT("\xEF\xBB\xBF")),
	A("noncharacter", "\"\xEF\xBF\xBE\"", 0, 5, TEXT("\xEF\xBF\xBE")),
	A("array of three", "[1, \"2\",{}]", 0, 11, .type = CO_JSON_ARRAY, .count = 3),
	A("object of two", "{\"a\" : 1 ,\n\"A\":2}", 0, 17, .type = CO_JSON_OBJECT, .count = 2),
#undef A
};

static void accepted_case(void **state)
{
	const struct accepted *row = *state;
	char *text = exactly(row->text);
	struct co_error error = {.path = ""};
	const struct co_json *root = NULL;

	enum co_status status = co_json_parse(co_view_make(text, row->text.len), CO_JSON_DEPTH_MAX, &arena, &root, &error);

	assert_string_equal(error.text, "");
	assert_int_equal(status, CO_OK);
	assert_int_equal(root->type, row->value.type);
	assert_true(co_view_eq(root->text, row->value.text));
	assert_int_equal(root->integer, row->value.integer);
	assert_memory_equal(&root->real, &row->value.real, sizeof(double));
	assert_int_equal(root->count, row->value.count);
	assert_null(root->key.ptr);
	assert_null(root->next);
	assert_ptr_equal(root->raw.ptr, text + row->raw_at);
	assert_int_equal(root->raw.len, row->raw_len);
	free(text);
}

static const struct co_json *parse(const char *text)
{
	const struct co_json *root = NULL;

	assert_int_equal(co_json_parse(co_view_cstr(text), CO_JSON_DEPTH_MAX, &arena, &root, NULL), CO_OK);
	return root;
}

/* ---- the tree ---- */

static void parse__minus_zero_real__keeps_its_sign(void **state)
{
	(void)state;

	const struct co_json *root = parse("-0.0");

	assert_int_equal(root->type, CO_JSON_REAL);
	assert_true(signbit(root->real));
}

/* No copy is made of what stands literally; what is escaped lives in the arena. */
static void parse__string_without_escapes__is_a_view_into_the_text(void **state)
{
	static const char text[] = "{\"plain\":\"text\",\"esc\\u0061ped\":\"te\\u0078t\"}";
	(void)state;

	const struct co_json *first = parse(text)->first;

	assert_ptr_equal(first->key.ptr, text + 2);
	assert_ptr_equal(first->text.ptr, text + 10);
	assert_true(co_view_eq(first->next->key, CO_VIEW("escaped")));
	assert_true(co_view_eq(first->next->text, CO_VIEW("text")));
	assert_false(first->next->text.ptr >= text && first->next->text.ptr < text + sizeof(text));
}

static void parse__members__stand_in_the_order_of_the_text(void **state)
{
	(void)state;

	const struct co_json *node = parse("{\"b\":[true,null],\"a\":{\"c\":-7}}")->first;

	assert_true(co_view_eq(node->key, CO_VIEW("b")));
	assert_int_equal(node->type, CO_JSON_ARRAY);
	assert_true(co_view_eq(node->raw, CO_VIEW("[true,null]")));
	assert_int_equal(node->first->type, CO_JSON_TRUE);
	assert_null(node->first->key.ptr);
	assert_int_equal(node->first->next->type, CO_JSON_NULL);
	assert_null(node->first->next->next);
	node = node->next;
	assert_true(co_view_eq(node->key, CO_VIEW("a")));
	assert_true(co_view_eq(node->raw, CO_VIEW("{\"c\":-7}")));
	assert_int_equal(node->first->integer, -7);
	assert_null(node->next);
}

static void parse__absent_view__is_refused(void **state)
{
	struct co_error error = {.path = ""};
	const struct co_json *root = NULL;
	(void)state;

	enum co_status status = co_json_parse((struct co_view){NULL, 0}, 1, &arena, &root, &error);

	assert_int_equal(status, CO_JSON_SYNTAX);
	assert_string_equal(error.text, "a value expected");
}

/* `depth` containers around a 1. */
static enum co_status parse_nested(size_t depth, bool objects, unsigned depth_max, struct co_error *error)
{
	struct co_buf text = co_buf_make(&arena, 64);
	const struct co_json *root;

	for (size_t i = 0; i < depth; i++)
		co_buf_add(&text, objects ? CO_VIEW("{\"a\":") : CO_VIEW("["));
	co_buf_add_byte(&text, '1');
	for (size_t i = 0; i < depth; i++)
		co_buf_add_byte(&text, objects ? '}' : ']');
	return co_json_parse(co_buf_view(&text), depth_max, &arena, &root, error);
}

/* The outermost container counts 1; a scalar adds nothing (contract section 2). */
static void parse__nesting__is_refused_just_above_the_limit(void **state)
{
	struct co_error error = {.path = ""};
	(void)state;

	assert_int_equal(parse_nested(0, false, 0, NULL), CO_OK);
	assert_int_equal(parse_nested(1, false, 0, NULL), CO_JSON_SYNTAX);
	assert_int_equal(parse_nested(1, true, 1, NULL), CO_OK);
	assert_int_equal(parse_nested(2, true, 1, NULL), CO_JSON_SYNTAX);
	assert_int_equal(parse_nested(32, false, 32, NULL), CO_OK);
	assert_int_equal(parse_nested(33, false, 32, &error), CO_JSON_SYNTAX);
	assert_string_equal(error.path, "byte 32");
	assert_string_equal(error.text, "nested too deeply");
	assert_int_equal(parse_nested(32, true, 32, NULL), CO_OK);
	assert_int_equal(parse_nested(33, true, 32, NULL), CO_JSON_SYNTAX);
	/* No recursion: a limit out of all proportion is no danger to the stack. */
	assert_int_equal(parse_nested(100000, false, 100000, NULL), CO_OK);
}

/* What is closed again does not count. */
static void parse__many_containers_side_by_side__are_not_deep(void **state)
{
	(void)state;

	assert_int_equal(parse("[[[]],[[]],{\"a\":[]},[[],[],[]]]")->count, 4);
	const struct co_json *root = NULL;
	assert_int_equal(co_json_parse(CO_VIEW("[[],[],[],[]]"), 2, &arena, &root, NULL), CO_OK);
}

/* `count` members; the last takes the name of member `same`, escaped, when that is below `count` - 1. */
static enum co_status parse_members(size_t count, size_t same, struct co_error *error)
{
	struct co_buf text = co_buf_make(&arena, 256 * 1024);
	const struct co_json *root = NULL;
	char member[32];

	for (size_t i = 0; i < count; i++) {
		size_t name = i + 1 == count && same < count ? same : i;

		(void)snprintf(member, sizeof(member), "%c\"%s%04zx\":1", i ? ',' : '{', i + 1 == count ? "\\u006b" : "k",
					   name);
		co_buf_add(&text, co_view_cstr(member));
	}
	co_buf_add_byte(&text, '}');
	return co_json_parse(co_buf_view(&text), CO_JSON_DEPTH_MAX, &arena, &root, error);
}

/* Few members are compared pair by pair, many are sorted: both sides of the border, and every place of the first. */
static void parse__duplicate_among_many__is_found_wherever_it_stands(void **state)
{
	static const size_t counts[] = {2, 3, 15, 16, 17, 18, 31, 32, 33, 64, 100};
	(void)state;

	for (size_t i = 0; i < COUNT(counts); i++) {
		assert_int_equal(parse_members(counts[i], SIZE_MAX, NULL), CO_OK);
		for (size_t same = 0; same < counts[i] - 1; same++) {
			struct co_error error = {.path = ""};

			assert_int_equal(parse_members(counts[i], same, &error), CO_JSON_SYNTAX);
			assert_string_equal(error.text, "a member stands twice");
		}
		co_arena_reset(&arena);
	}
}

static double cpu_seconds(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* 256 KiB of members must not hold the partition up: comparing pairs would take minutes under a sanitizer. */
static void parse__forty_thousand_members__takes_no_square_time(void **state)
{
	double begin = cpu_seconds();
	struct co_error error = {.path = ""};
	(void)state;

	assert_int_equal(parse_members(40000, SIZE_MAX, NULL), CO_OK);
	assert_int_equal(parse_members(40000, 0, &error), CO_JSON_SYNTAX);
	assert_string_equal(error.text, "a member stands twice");
	assert_true(cpu_seconds() - begin < 5.0);
}

/* A number as long as the whole value: its digits are read once, whatever its exponent. */
static void parse__numbers_of_a_quarter_mebibyte__come_out_right(void **state)
{
	enum { DIGITS = 250000 };
	double begin = cpu_seconds();
	(void)state;

	struct co_buf text = co_buf_make(&arena, DIGITS + 64);
	co_buf_lit(&text, "0.");
	for (size_t i = 0; i < DIGITS; i++)
		co_buf_add_byte(&text, '0');
	co_buf_lit(&text, "125e250000");
	co_buf_add_byte(&text, '\0');
	assert_true(parse(text.ptr)->real == 0.125);

	text.len = 0;
	for (size_t i = 0; i < DIGITS; i++)
		co_buf_add_byte(&text, '9');
	co_buf_lit(&text, "e-250000");
	co_buf_add_byte(&text, '\0');
	assert_true(parse(text.ptr)->real == 1.0);
	assert_true(cpu_seconds() - begin < 5.0);
}

/* Stands in for libc's in this program: which character that one takes for a point is the locale's affair, so it must
 * never see one. */
double strtod(const char *restrict text, char **restrict end)
{
	static locale_t plain;

	assert_null(strpbrk(text, ".,"));
	if (!plain)
		plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	strtod_calls++;
	return strtod_l(text, end, plain);
}

static void parse__real__does_not_depend_on_the_locale(void **state)
{
	(void)state;

	strtod_calls = 0;
	assert_true(parse("1234567.890123456789")->real == 1234567.890123456789);
	assert_true(parse("-0.12345678901234567890e-7")->real == -0.12345678901234567890e-7);
	assert_int_equal(strtod_calls, 2);
	assert_true(parse("1234.5")->real == 1234.5);
	assert_int_equal(strtod_calls, 2); /* the fast way does without */
}

static void parse__error_already_told__stays(void **state)
{
	struct co_error error = {.path = "/a", .text = "first"};
	const struct co_json *root = NULL;
	(void)state;

	assert_int_equal(co_json_parse(CO_VIEW("{"), 32, &arena, &root, &error), CO_JSON_SYNTAX);
	assert_string_equal(error.text, "first");
	assert_string_equal(error.path, "/a");
}

/* ---- looking things up ---- */

static void member__of_an_object__is_found_by_its_decoded_name(void **state)
{
	(void)state;

	const struct co_json *root = parse("{\"a\":1,\"\":2,\"\\u00e9\":3,\"none\":null}");

	assert_int_equal(co_json_member(root, CO_VIEW("a"))->integer, 1);
	assert_int_equal(co_json_member(root, CO_VIEW(""))->integer, 2);
	assert_int_equal(co_json_member(root, CO_VIEW("\xC3\xA9"))->integer, 3);
	assert_int_equal(co_json_member(root, CO_VIEW("none"))->type, CO_JSON_NULL);
	assert_null(co_json_member(root, CO_VIEW("A")));
	assert_null(co_json_member(root, CO_VIEW("non")));
}

static void get__null_member__is_absent(void **state)
{
	(void)state;

	const struct co_json *root = parse("{\"a\":0,\"none\":null}");

	assert_non_null(co_json_get(root, CO_VIEW("a")));
	assert_null(co_json_get(root, CO_VIEW("none")));
	assert_null(co_json_get(root, CO_VIEW("other")));
}

static void member__of_no_object__is_none(void **state)
{
	(void)state;

	assert_null(co_json_member(NULL, CO_VIEW("a")));
	assert_null(co_json_member(parse("[{\"a\":1}]"), CO_VIEW("a")));
	assert_null(co_json_get(NULL, CO_VIEW("a")));
	assert_null(co_json_get(parse("\"a\""), CO_VIEW("a")));
	assert_false(co_json_is(NULL, CO_JSON_NULL));
}

static void empty_object__is_one(void **state)
{
	(void)state;

	assert_int_equal(co_json_empty_object()->type, CO_JSON_OBJECT);
	assert_int_equal(co_json_empty_object()->count, 0);
	assert_null(co_json_empty_object()->first);
	assert_true(co_view_eq(co_json_empty_object()->raw, CO_VIEW("{}")));
}

int main(void)
{
	static const struct CMUnitTest named[] = {
		ARENA_TEST(parse__minus_zero_real__keeps_its_sign),
		ARENA_TEST(parse__string_without_escapes__is_a_view_into_the_text),
		ARENA_TEST(parse__members__stand_in_the_order_of_the_text),
		ARENA_TEST(parse__absent_view__is_refused),
		ARENA_TEST(parse__nesting__is_refused_just_above_the_limit),
		ARENA_TEST(parse__many_containers_side_by_side__are_not_deep),
		ARENA_TEST(parse__duplicate_among_many__is_found_wherever_it_stands),
		ARENA_TEST(parse__forty_thousand_members__takes_no_square_time),
		ARENA_TEST(parse__numbers_of_a_quarter_mebibyte__come_out_right),
		ARENA_TEST(parse__real__does_not_depend_on_the_locale),
		ARENA_TEST(parse__error_already_told__stays),
		ARENA_TEST(member__of_an_object__is_found_by_its_decoded_name),
		ARENA_TEST(get__null_member__is_absent),
		ARENA_TEST(member__of_no_object__is_none),
		ARENA_TEST(empty_object__is_one),
	};
	static struct CMUnitTest tests[COUNT(accepted) + COUNT(named)];

	memcpy(tests, named, sizeof(named));
	for (size_t i = 0; i < COUNT(accepted); i++)
		tests[COUNT(named) + i] = ARENA_ROW(accepted_case, &accepted[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
