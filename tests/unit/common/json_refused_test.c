/* The JSON reader (contract section 2, "No command at all"): what is refused, where and why. Every text is read from
 * memory of exactly its size, so that AddressSanitizer sees a byte too far. */
#include "checkout/json.h"

#include "arena_case.h"

#include <stdlib.h>

struct refused {
	const char *name;
	struct co_view text;
	const char *place, *reason;
};

static const struct refused refused[] = {
#define R(name, literal, place, reason)                                 \
	{                                                                   \
		"refused: " name, {literal, sizeof(literal) - 1}, place, reason \
	}
	R("nothing", "", "byte 0", "a value expected"),
	R("blanks", " \t\r\n ", "byte 5", "a value expected"),
	R("byte order mark", "\xEF\xBB\xBF{}", "byte 0", "no JSON value"),
	R("UTF-16", "{\0}\0", "byte 1", "a member's name expected"),
	R("NUL behind the value", "{}\0", "byte 2", "something follows the value"),
	R("vertical tab as space", "\v1", "byte 0", "no JSON value"),
	R("form feed as space", "1\f", "byte 1", "something follows the value"),
	R("no-break space",
	  "\xC2\xA0"
	  "1",
	  "byte 0", "no JSON value"),
	R("two values", "{} {}", "byte 3", "something follows the value"),
	R("comment", "{}//", "byte 2", "something follows the value"),
	R("word", "hello", "byte 0", "no JSON value"),
	R("cut true", "tru", "byte 0", "no JSON value"),
	R("long true", "truee", "byte 4", "something follows the value"),
	R("capital null", "Null", "byte 0", "no JSON value"),
	R("cut null", "[nul]", "byte 1", "no JSON value"),
	R("NaN", "[NaN]", "byte 1", "no JSON value"),
	R("Infinity", "[-Infinity]", "byte 2", "a number wants a digit"),
	R("open object", "{", "byte 1", "a member's name expected"),
	R("open array", "[", "byte 1", "a value expected"),
	R("object closed as array", "{\"a\":1]", "byte 6", "',' or '}' expected"),
	R("array closed as object", "[1}", "byte 2", "',' or ']' expected"),
	R("closed twice", "[]]", "byte 2", "something follows the value"),
	R("comma at the end of an object", "{\"a\":1,}", "byte 7", "a member's name expected"),
	R("comma at the end of an array", "[1,]", "byte 3", "no JSON value"),
	R("comma at the beginning", "[,1]", "byte 1", "no JSON value"),
	R("no comma", "[1 2]", "byte 3", "',' or ']' expected"),
	R("no colon", "{\"a\" 1}", "byte 5", "':' expected"),
	R("no value", "{\"a\":}", "byte 5", "no JSON value"),
	R("cut behind the colon", "{\"a\":", "byte 5", "a value expected"),
	R("single quotes", "{'a':1}", "byte 1", "a member's name expected"),
	R("bare name", "{a:1}", "byte 1", "a member's name expected"),
	R("number as name", "{1:1}", "byte 1", "a member's name expected"),
	R("plus", "[+1]", "byte 1", "no JSON value"),
	R("minus alone", "-", "byte 1", "a number wants a digit"),
	R("two signs", "--1", "byte 1", "a number wants a digit"),
	R("leading 0", "01", "byte 0", "a number begins with a needless 0"),
	R("leading 0 and minus", "[-01]", "byte 2", "a number begins with a needless 0"),
	R("leading 0 of a real", "00.5", "byte 0", "a number begins with a needless 0"),
	R("point first", ".5", "byte 0", "no JSON value"),
	R("point last", "1.", "byte 2", "a fraction wants digits"),
	R("point and exponent", "1.e5", "byte 2", "a fraction wants digits"),
	R("comma as point", "1,5", "byte 1", "something follows the value"),
	R("exponent without digits", "1e", "byte 2", "an exponent wants digits"),
	R("exponent of a sign", "1e+", "byte 3", "an exponent wants digits"),
	R("fraction in the exponent", "1e1.5", "byte 3", "something follows the value"),
	R("hexadecimal", "0x1", "byte 1", "something follows the value"),
	R("hexadecimal real", "0x1p3", "byte 1", "something follows the value"),
	R("2^63", "9223372036854775808", "byte 0", "an integer outside of -2^63..2^63-1"),
	R("-2^63-1", "[-9223372036854775809]", "byte 1", "an integer outside of -2^63..2^63-1"),
	R("2^64", "18446744073709551616", "byte 0", "an integer outside of -2^63..2^63-1"),
	R("a hundred digits", "1000000000000000000000000000000000000000000000000000000000000000000000000000000000",
	  "byte 0", "an integer outside of -2^63..2^63-1"),
	R("1e309", "1e309", "byte 0", "a number beyond a double"),
	R("-1e309", "[-1e309]", "byte 1", "a number beyond a double"),
	R("just beyond a double", "1.7976931348623159e308", "byte 0", "a number beyond a double"),
	R("an exponent of twenty digits", "1e99999999999999999999", "byte 0", "a number beyond a double"),
	R("an exponent past int64", "1e9223372036854775808", "byte 0", "a number beyond a double"),
	R("open string", "\"abc", "byte 4", "a string does not end"),
	R("open string of eight", "\"abcdefgh", "byte 9", "a string does not end"),
	R("string that ends in its escape", "\"abc\\", "byte 4", "a string does not end"),
	R("escaped last quote", "\"abc\\\"", "byte 6", "a string does not end"),
	R("tab in a string", "\"\t\"", "byte 1", "control character in a string"),
	R("NUL in a string", "\"a\0b\"", "byte 2", "control character in a string"),
	R("U+001F in a string", "\"abcdefghij\x1F\"", "byte 11", "control character in a string"),
	R("line end behind an escape", "\"\\n\n\"", "byte 3", "control character in a string"),
	R("unknown escape", "\"\\x41\"", "byte 1", "unknown escape"),
	R("escaped quote of another kind", "\"\\'\"", "byte 1", "unknown escape"),
	R("capital U", "\"\\U0041\"", "byte 1", "unknown escape"),
	R("escaped NUL", "\"\\u0000\"", "byte 1", "NUL in a string"),
	R("escaped NUL in a name", "{\"a\\u0000\":1}", "byte 3", "NUL in a string"),
	R("three hex digits", "\"\\u004\"", "byte 1", "an escape wants four hex digits"),
	R("cut hex digits", "\"\\u00", "byte 1", "an escape wants four hex digits"),
	R("hex digit g", "\"\\u004g\"", "byte 1", "an escape wants four hex digits"),
	R("signed hex digits", "\"\\u+041\"", "byte 1", "an escape wants four hex digits"),
	R("high surrogate alone", "\"\\ud800\"", "byte 1", "unpaired surrogate"),
	R("high surrogate and a letter", "\"\\ud800x12345\"", "byte 1", "unpaired surrogate"),
	R("high surrogate and another escape", "\"\\ud800\\n12345\"", "byte 1", "unpaired surrogate"),
	R("two high surrogates", "\"\\ud800\\ud800\"", "byte 1", "unpaired surrogate"),
	R("high surrogate and U+E000", "\"\\udbff\\ue000\"", "byte 1", "unpaired surrogate"),
	R("high surrogate and a cut escape", "\"\\ud800\\udc0", "byte 1", "unpaired surrogate"),
	R("low surrogate alone", "\"\\udc00\"", "byte 1", "unpaired surrogate"),
	R("low surrogate, last", "\"\\udfff\"", "byte 1", "unpaired surrogate"),
	R("two low surrogates", "\"\\udc00\\udc00\"", "byte 1", "unpaired surrogate"),
	R("surrogates swapped", "\"\\udc00\\ud800\"", "byte 1", "unpaired surrogate"),
	R("UTF-8: continuation alone", "\"\x80\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: overlong slash", "\"\xC0\xAF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: overlong U+007F", "\"\xC1\xBF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: overlong U+07FF", "\"\xE0\x9F\xBF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: overlong U+FFFF", "\"\xF0\x8F\xBF\xBF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: surrogate D800", "\"\xED\xA0\x80\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: surrogate DFFF", "\"\xED\xBF\xBF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: U+110000", "\"\xF4\x90\x80\x80\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: F5", "\"\xF5\x80\x80\x80\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: FF", "\"\xFF\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: two cut", "\"\xC3", "byte 1", "invalid UTF-8"),
	R("UTF-8: two broken", "\"\xC3\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: three cut", "\"\xE2\x82", "byte 1", "invalid UTF-8"),
	R("UTF-8: three broken", "\"\xE2\x82\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: four cut", "\"\xF0\x9F\x9B", "byte 1", "invalid UTF-8"),
	R("UTF-8: four broken last", "\"\xF0\x9F\x9B\"", "byte 1", "invalid UTF-8"),
	R("UTF-8: four broken second", "\"\xF0\x28\x9B\x92\"", "byte 1", "invalid UTF-8"),
	R("UTF-8 in a name", "{\"\xFF\":1}", "byte 2", "invalid UTF-8"),
	R("UTF-8 outside of a string", "[\xC3\xA9]", "byte 1", "no JSON value"),
	R("name twice", "{\"a\":1,\"a\":1}", "byte 11", "a member stands twice"),
	R("name twice, once escaped", "{\"a\":1,\"\\u0061\":2}", "byte 16", "a member stands twice"),
	R("name twice, not UTF-8 alike", "{\"\\u00e9\":1,\"\xC3\xA9\":2}", "byte 17", "a member stands twice"),
	R("name twice, not side by side", "{\"a\":1,\"b\":2,\"a\":3}", "byte 17", "a member stands twice"),
	R("name twice, inside", "{\"x\":[{\"a\":1,\"a\":2}]}", "byte 17", "a member stands twice"),
	R("empty name twice", "{\"\":1,\"\":2}", "byte 9", "a member stands twice"),
#undef R
};

static void refused_case(void **state)
{
	const struct refused *row = *state;
	char *text = exactly(row->text);
	struct co_error error = {.path = ""};
	const struct co_json *root = co_json_empty_object();

	enum co_status status = co_json_parse(co_view_make(text, row->text.len), CO_JSON_DEPTH_MAX, &arena, &root, &error);

	assert_int_equal(status, CO_JSON_SYNTAX);
	assert_ptr_equal(root, co_json_empty_object());
	assert_string_equal(error.path, row->place);
	assert_string_equal(error.text, row->reason);
	free(text);
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(refused)];

	for (size_t i = 0; i < COUNT(refused); i++)
		tests[i] = ARENA_ROW(refused_case, &refused[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
