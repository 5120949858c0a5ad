/* The canonical form: equal for equal JSON values and for no others (contract section 6). */
#include "checkout/json.h"

#include "arena_case.h"

#include <stdio.h>
#include <string.h>

static struct co_view canonical(const char *text)
{
	const struct co_json *root = NULL;
	struct co_buf out = co_buf_make(&arena, 0);

	assert_int_equal(co_json_parse(co_view_cstr(text), CO_JSON_DEPTH_MAX, &arena, &root, NULL), CO_OK);
	co_json_canonical(root, &arena, &out);
	assert_true(out.len > 0);
	return co_buf_view(&out);
}

struct pair {
	const char *name, *a, *b;
	bool equal;
};

static const struct pair pairs[] = {
	{"same: member order", "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", true},
	{"same: member order inside", "[{\"a\":{\"x\":1,\"y\":2},\"b\":2}]", "[{\"b\":2,\"a\":{\"y\":2,\"x\":1}}]", true},
	{"same: blanks", "{\"a\":[1,2]}", " { \"a\" : [ 1 , 2 ] } ", true},
	{"same: escapes", "{\"\\u0061\":\"\\u00e9\\/\"}", "{\"a\":\"\xC3\xA9/\"}", true},
	{"same: 1.0 and 1e0", "1.0", "1e0", true},
	{"same: 100.0 and 1E+2", "100.0", "1E+2", true},
	{"same: 0.0 and -0.0", "0.0", "-0.0", true},
	{"same: 0.0 and what is too small", "0.0", "-1e-400", true},
	{"same: 0 and -0", "0", "-0", true},
	{"same: digits past a double", "0.1", "0.1000000000000000055511151231257827", true},
	{"other: 1 and 1.0", "1", "1.0", false},
	{"other: 0 and 0.0", "0", "0.0", false},
	{"other: 100 and 1e2", "100", "1e2", false},
	{"other: 0 and -1", "0", "-1", false},
	{"other: 1 and -1", "1", "-1", false},
	{"other: -1 and -2", "-1", "-2", false},
	{"other: 127 and 128", "127", "128", false},
	{"other: 2^63-1 and -2^63", "9223372036854775807", "-9223372036854775808", false},
	{"other: doubles side by side", "1.0", "1.0000000000000002", false},
	{"other: 1.0 and -1.0", "1.0", "-1.0", false},
	{"other: 1 and its text", "1", "\"1\"", false},
	{"other: true and false", "true", "false", false},
	{"other: true and its text", "true", "\"true\"", false},
	{"other: null and false", "null", "false", false},
	{"other: null and no member", "{\"a\":null}", "{}", false},
	{"other: null and an empty object", "{\"a\":null}", "{\"a\":{}}", false},
	{"other: empty array and object", "[]", "{}", false},
	{"other: array order", "[1,2]", "[2,1]", false},
	{"other: array length", "[1,1]", "[1]", false},
	{"other: brackets", "[[1],2]", "[[1,2]]", false},
	{"other: empty arrays", "[[],[]]", "[[[]]]", false},
	{"other: where a string ends", "[\"ab\",\"c\"]", "[\"a\",\"bc\"]", false},
	{"other: what looks like a form", "[\"s\\u0001a\"]", "[\"s\",\"a\"]", false},
	{"other: name and value swapped", "{\"a\":\"b\"}", "{\"b\":\"a\"}", false},
	{"other: values swapped", "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", false},
	{"other: member in the inner or the outer object", "{\"a\":{\"b\":1}}", "{\"a\":{},\"b\":1}", false},
	{"other: case of a name", "{\"a\":1}", "{\"A\":1}", false},
	{"other: blank in a text", "\"a\"", "\"a \"", false},
};

static void pair_case(void **state)
{
	const struct pair *row = *state;

	struct co_view a = canonical(row->a), b = canonical(row->b);

	assert_int_equal(co_view_eq(a, b), row->equal);
}

/* Appends: what stood there before stays. */
static void canonical__appends_to_what_is_there(void **state)
{
	struct co_buf out = co_buf_make(&arena, 0);
	(void)state;

	co_buf_lit(&out, "type:");
	co_json_canonical(co_json_empty_object(), &arena, &out);

	assert_true(co_view_starts(co_buf_view(&out), CO_VIEW("type:")));
	assert_int_equal(out.len, 5 + canonical("{}").len);
}

/* `count` members whose names begin at `first` and go up by `step` modulo `count`. */
static struct co_view canonical_of_members(size_t count, size_t first, size_t step)
{
	struct co_buf text = co_buf_make(&arena, count * 16);
	char member[64];

	for (size_t i = 0; i < count; i++) {
		size_t name = (first + i * step) % count;

		(void)snprintf(member, sizeof(member), "%c\"%zu\":%zu", i ? ',' : '{', name, name);
		co_buf_add(&text, co_view_cstr(member));
	}
	co_buf_lit(&text, "}");
	co_buf_add_byte(&text, '\0');
	return canonical(text.ptr);
}

/* The sort is right for sizes around every power of two, whatever the order it finds. */
static void canonical__any_order_of_many_members__is_the_same(void **state)
{
	static const size_t counts[] = {2, 3, 5, 7, 8, 9, 31, 32, 33, 127, 1009};
	(void)state;

	for (size_t i = 0; i < COUNT(counts); i++) {
		struct co_view rising = canonical_of_members(counts[i], 0, 1);

		assert_true(co_view_eq(rising, canonical_of_members(counts[i], counts[i] / 2, 1)));
		assert_true(co_view_eq(rising, canonical_of_members(counts[i], counts[i] - 1, counts[i] - 1)));
		if (counts[i] % 3 != 0)
			assert_true(co_view_eq(rising, canonical_of_members(counts[i], 1, 3)));
	}
}

/* Hashes of it are stored with remembered commands: a release that makes other bytes forgets what it was asked. */
static void canonical__its_bytes__never_change(void **state)
{
	static const char text[] =
		"{\"n\":[127,128,300,-1,-129,9223372036854775807],\"\":[null,true,false],\"r\":-1.5,\"s\":\"\\u00e9\"}";
	static const char bytes[] = "o\x04"
								"s\x00"
								"a\x03ntf"
								"s\x01n"
								"a\x06i\x7F"
								"i\x80\x01"
								"i\xAC\x02"
								"m\x00"
								"m\x80\x01"
								"i\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F"
								"s\x01r"
								"d\x00\x00\x00\x00\x00\x00\xF8\xBF"
								"s\x01s"
								"s\x02\xC3\xA9";
	(void)state;

	struct co_view form = canonical(text);

	assert_int_equal(form.len, sizeof(bytes) - 1);
	assert_memory_equal(form.ptr, bytes, form.len);
}

/* It is hashed for every command: shorter than the JSON it stands for. */
static void canonical__is_shorter_than_the_json(void **state)
{
	static const char text[] =
		"{\"payment\":{\"amount\":12999,\"merchantTransactionId\":\"txn-7f3a9c\"},\"capture\":true}";
	(void)state;

	assert_true(canonical(text).len < sizeof(text) - 1);
}

int main(void)
{
	static const struct CMUnitTest named[] = {
		ARENA_TEST(canonical__appends_to_what_is_there),
		ARENA_TEST(canonical__any_order_of_many_members__is_the_same),
		ARENA_TEST(canonical__its_bytes__never_change),
		ARENA_TEST(canonical__is_shorter_than_the_json),
	};
	static struct CMUnitTest tests[COUNT(pairs) + COUNT(named)];

	memcpy(tests, named, sizeof(named));
	for (size_t i = 0; i < COUNT(pairs); i++)
		tests[COUNT(named) + i] = ARENA_ROW(pair_case, &pairs[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
