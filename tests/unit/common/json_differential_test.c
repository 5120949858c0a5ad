/* The reader held against jansson, over mutations of a small corpus and of every value in the contract's vectors: both
 * accept or both refuse, with equal values, and canonical forms are equal exactly when json_equal says so.
 *
 * Known differences, and why none of them shows here:
 *   - Depth. jansson stops at 2048 levels and counts a scalar as one; ours counts containers and stops where it is
 * told. Inputs are shorter than 2048 bytes and are read with a limit above that; the limit of the contract is then held
 *     against the depth of jansson's tree.
 *   - NUL. jansson refuses `\u0000` unless told JSON_ALLOW_NUL, and in names always; so do we, always. A NUL byte that
 *     ends a number or a word jansson loses (its look-ahead takes it for an empty buffer) and reads on: `1<NUL>2` is 1
 *     and something else to RFC 8259, which knows no NUL anywhere. Inputs with one are for us to refuse.
 *   - Reals. jansson calls strtod with the point of the locale; the program stays in the "C" locale. */
#include "checkout/json.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 400000
#define INPUT_MAX 1536
#define DEPTH_WIDE 4096
#define CORPUS_MAX 4096
#define FLAGS ((size_t)(JSON_REJECT_DUPLICATES | JSON_DECODE_ANY))

static const char *const vector_files[] = {"auth",        "envelope",  "errors",    "expiry",
										   "idempotency", "lifecycle", "validation"};

static const char *const seeds[] = {
	"null",
	"[true,false,null]",
	"{\"a\":1,\"b\":[1,2,3],\"c\":{\"d\":\"e\"}}",
	"[0,-0,-1,9223372036854775807,-9223372036854775808]",
	"[0.0,-0.0,1.5,1e0,1E+2,1e-7,1.7976931348623157e308,5e-324,1e-400]",
	"[0.1,123456789.123456789,9007199254740993.0,1e23,8.5e-23,2.2250738585072011e-308]",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20ac\\ud83d\\uded2\"",
	"\"caf\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x9B\x92 \xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF\"",
	"{\"aa\":1,\"ab\":2,\"a\\u0063\":3,\"\":4,\"\xC3\xA9\":5}",
	"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	"{\"a\":{\"a\":{\"a\":{\"a\":{}}}},\"b\":[[],[[]],{}]}",
	("{\"k1\":1,\"k2\":1,\"k3\":1,\"k4\":1,\"k5\":1,\"k6\":1,\"k7\":1,\"k8\":1,\"k9\":1,\"k10\":1,\"k11\":1,"
	 "\"k12\":1,\"k13\":1,\"k14\":1,\"k15\":1,\"k16\":1,\"k17\":1,\"k18\":1,\"k19\":1}"),
};

/* What mutations like to insert. */
static const struct co_view tokens[] = {
	{"{", 1},
	{"}", 1},
	{"[", 1},
	{"]", 1},
	{",", 1},
	{":", 1},
	{"\"", 1},
	{"\\", 1},
	{"\\u", 2},
	{"\\u0000", 6},
	{"\\ud83d", 6},
	{"\\uded2", 6},
	{"\\u0061", 6},
	{"-", 1},
	{"0", 1},
	{".", 1},
	{"e", 1},
	{"E+", 2},
	{"e400", 4},
	{"e-400", 5},
	{"e308", 4},
	{"1", 1},
	{"9", 1},
	{"null", 4},
	{"true", 4},
	{"false", 5},
	{"\xEF\xBB\xBF", 3},
	{"\xC3", 1},
	{"\xA9", 1},
	{"\xE2\x82\xAC", 3},
	{"\xFF", 1},
	{"\xED\xA0\x80", 3},
	{"\x01", 1},
	{"\x7F", 1},
	{"\0", 1},
	{" ", 1},
	{"\t", 1},
	{"\n", 1},
	{"[[[[[[[[", 8},
	{"]]]]]]]]", 8},
	{"\"a\":", 4},
	{"\"a\":1,", 6},
	{"{\"a\":", 5},
	{"1.0", 3},
	{"1e0", 3},
	{"9223372036854775808", 19},
	{"-9223372036854775808", 20},
};

static struct co_view corpus[CORPUS_MAX];
static size_t corpus_count;
static uint64_t random_state;
static struct co_arena arena;

/* xorshift64*: the same inputs on every machine. */
static size_t below(size_t limit)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (size_t)((random_state * UINT64_C(2685821657736338717)) >> 33) % limit;
}

/* ---- the corpus ---- */

static void add_seed(const char *text, size_t len)
{
	char *copy;

	if (len > INPUT_MAX / 2)
		return;
	assert_true(corpus_count < CORPUS_MAX);
	copy = malloc(len + 1);
	assert_non_null(copy);
	memcpy(copy, text, len);
	corpus[corpus_count++] = co_view_make(copy, len);
}

static void add_steps(const json_t *steps)
{
	size_t index;
	json_t *step;

	json_array_foreach(steps, index, step)
	{
		const json_t *data = json_object_get(step, "data"), *raw = json_object_get(step, "raw");
		char *text = data ? json_dumps(data, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;

		if (text)
			add_seed(text, strlen(text));
		if (json_is_string(raw))
			add_seed(json_string_value(raw), json_string_length(raw));
		free(text);
	}
}

static int set_up_corpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		add_seed(seeds[i], strlen(seeds[i]));
	for (size_t i = 0; i < sizeof(vector_files) / sizeof(vector_files[0]); i++) {
		char path[128];
		size_t index;
		json_t *one;

		(void)snprintf(path, sizeof(path), "tests/contract/vectors/%s.json", vector_files[i]);
		json_t *file = json_load_file(path, JSON_ALLOW_NUL, NULL);
		assert_non_null(file);
		json_array_foreach(json_object_get(file, "cases"), index, one) add_steps(json_object_get(one, "steps"));
		json_decref(file);
	}
	co_arena_init(&arena, 64 * 1024, 1 << 20);
	return corpus_count > 1000 ? 0 : -1;
}

static int tear_down_corpus(void **state)
{
	(void)state;
	for (size_t i = 0; i < corpus_count; i++)
		free((void *)corpus[i].ptr);
	co_arena_clear(&arena);
	return 0;
}

/* ---- mutations ---- */

struct input {
	char bytes[INPUT_MAX];
	size_t len;
};

static void insert(struct input *input, size_t at, struct co_view piece)
{
	if (input->len + piece.len > INPUT_MAX)
		return;
	memmove(input->bytes + at + piece.len, input->bytes + at, input->len - at);
	memcpy(input->bytes + at, piece.ptr, piece.len);
	input->len += piece.len;
}

static void remove_piece(struct input *input, size_t at, size_t len)
{
	memmove(input->bytes + at, input->bytes + at + len, input->len - at - len);
	input->len -= len;
}

/* A piece of another seed, or of this input itself. */
static void splice(struct input *input, bool itself)
{
	char piece[64];
	const struct co_view *other = &corpus[below(corpus_count)];
	const char *from = itself ? input->bytes : other->ptr;
	size_t from_len = itself ? input->len : other->len;

	if (!from_len)
		return;
	size_t at = below(from_len), len = 1 + below(sizeof(piece));
	if (len > from_len - at)
		len = from_len - at;
	memcpy(piece, from + at, len);
	insert(input, below(input->len + 1), co_view_make(piece, len));
}

static void mutate_once(struct input *input)
{
	size_t at = input->len ? below(input->len) : 0;

	switch (below(8)) {
	case 0:
		if (input->len)
			input->bytes[at] = (char)below(256);
		break;
	case 1:
		if (input->len)
			remove_piece(input, at, 1 + below(input->len - at < 8 ? input->len - at : 8));
		break;
	case 2:
		splice(input, false);
		break;
	case 3:
		splice(input, true);
		break;
	case 4: /* a digit for a digit keeps the text alive */
		for (size_t i = at; i < input->len; i++) {
			if (input->bytes[i] >= '0' && input->bytes[i] <= '9') {
				input->bytes[i] = (char)('0' + below(10));
				break;
			}
		}
		break;
	case 5: /* so does a letter for a letter */
		for (size_t i = at; i < input->len; i++) {
			if (input->bytes[i] >= 'a' && input->bytes[i] <= 'z') {
				input->bytes[i] = (char)('a' + below(26));
				break;
			}
		}
		break;
	default:
		insert(input, input->len ? below(input->len + 1) : 0, tokens[below(sizeof(tokens) / sizeof(tokens[0]))]);
		break;
	}
}

/* ---- the comparison ---- */

static bool same(const struct co_json *ours, const json_t *theirs);

static bool same_members(const struct co_json *ours, const json_t *theirs)
{
	if (ours->count != json_object_size(theirs))
		return false;
	for (const struct co_json *child = ours->first; child; child = child->next) {
		const json_t *other = json_object_getn(theirs, child->key.ptr, child->key.len);

		if (!other || !same(child, other))
			return false;
	}
	return true;
}

static bool same_entries(const struct co_json *ours, const json_t *theirs)
{
	size_t index = 0;

	if (ours->count != json_array_size(theirs))
		return false;
	for (const struct co_json *child = ours->first; child; child = child->next) {
		if (!same(child, json_array_get(theirs, index++)))
			return false;
	}
	return index == ours->count;
}

static bool same(const struct co_json *ours, const json_t *theirs)
{
	double real = json_real_value(theirs);

	switch (ours->type) {
	case CO_JSON_NULL:
		return json_is_null(theirs);
	case CO_JSON_FALSE:
		return json_is_false(theirs);
	case CO_JSON_TRUE:
		return json_is_true(theirs);
	case CO_JSON_INTEGER:
		return json_is_integer(theirs) && json_integer_value(theirs) == ours->integer;
	case CO_JSON_REAL: /* to the bit */
		return json_is_real(theirs) && memcmp(&real, &ours->real, sizeof(real)) == 0;
	case CO_JSON_STRING:
		return json_is_string(theirs) &&
			   co_view_eq(ours->text, co_view_make(json_string_value(theirs), json_string_length(theirs)));
	case CO_JSON_ARRAY:
		return json_is_array(theirs) && same_entries(ours, theirs);
	case CO_JSON_OBJECT:
		return json_is_object(theirs) && same_members(ours, theirs);
	}
	return false;
}

/* Containers around the innermost value. */
static unsigned depth_of(const json_t *node)
{
	unsigned deepest = 0;
	size_t index;
	json_t *child;
	const char *key;

	if (!json_is_array(node) && !json_is_object(node))
		return 0;
	json_array_foreach(node, index, child)
	{
		unsigned depth = depth_of(child);
		deepest = depth > deepest ? depth : deepest;
	}
	json_object_foreach((json_t *)node, key, child)
	{
		unsigned depth = depth_of(child);
		deepest = depth > deepest ? depth : deepest;
	}
	return deepest + 1;
}

/* Both readers' view of the same bytes. */
struct reading {
	json_t *theirs;
	const struct co_json *ours;
};

static struct reading read_both(struct co_view text)
{
	struct reading reading = {.theirs = NULL};
	if (!memchr(text.ptr, 0, text.len))
		reading.theirs = json_loadb(text.ptr, text.len, FLAGS, NULL);
	struct co_error error = {.path = ""};
	const struct co_json *shallow = NULL;

	enum co_status status = co_json_parse(text, DEPTH_WIDE, &arena, &reading.ours, &error);
	if ((status == CO_OK) != (reading.theirs != NULL) || (reading.theirs && !same(reading.ours, reading.theirs)))
		fail_msg("jansson %s, ours says `%s` at %s: %.*s", reading.theirs ? "accepts" : "refuses", error.text,
				 error.path, (int)text.len, text.ptr);
	status = co_json_parse(text, CO_JSON_DEPTH_MAX, &arena, &shallow, NULL);
	assert_int_equal(status == CO_OK, reading.theirs && depth_of(reading.theirs) <= CO_JSON_DEPTH_MAX);
	return reading;
}

static struct co_view canonical(const struct co_json *node)
{
	struct co_buf out = co_buf_make(&arena, 256);

	co_json_canonical(node, &arena, &out);
	return co_buf_view(&out);
}

/* Canonical forms are equal when json_equal says that the values are. Returns what both say. */
static bool compare_equality(const struct reading *a, const struct reading *b)
{
	bool equal = json_equal(a->theirs, b->theirs) != 0;

	assert_int_equal(co_view_eq(canonical(a->ours), canonical(b->ours)), equal);
	return equal;
}

/* jansson's own writing of the value, members sorted, is the same value to us. */
static void compare_rewritten(const struct reading *reading)
{
	const struct co_json *again = NULL;
	char *text = json_dumps(reading->theirs, JSON_ENCODE_ANY | JSON_SORT_KEYS | JSON_ENSURE_ASCII | JSON_INDENT(1));

	assert_non_null(text);
	assert_int_equal(co_json_parse(co_view_cstr(text), DEPTH_WIDE, &arena, &again, NULL), CO_OK);
	assert_true(co_view_eq(canonical(again), canonical(reading->ours)));
	free(text);
}

static void parse__unchanged_corpus__reads_as_jansson_does(void **state)
{
	size_t accepted = 0;
	(void)state;

	for (size_t i = 0; i < corpus_count; i++) {
		struct reading reading = read_both(corpus[i]);

		if (reading.theirs) {
			accepted++;
			compare_rewritten(&reading);
		}
		json_decref(reading.theirs);
		co_arena_reset(&arena);
	}
	assert_true(accepted > 1000 && accepted < corpus_count);
}

/* Each round mutates a seed; the base and its child are also compared for equality. */
static void parse__mutated_corpus__reads_as_jansson_does(void **state)
{
	size_t accepted = 0, refused = 0, equal = 0, unequal = 0;
	static struct input input;
	(void)state;

	random_state = UINT64_C(0x9E3779B97F4A7C15);
	for (size_t round = 0; round < ROUNDS; round++) {
		struct co_view base = corpus[below(corpus_count)];

		memcpy(input.bytes, base.ptr, base.len);
		input.len = base.len;
		for (size_t left = 1 + below(4); left; left--)
			mutate_once(&input);
		char *exact = malloc(input.len ? input.len : 1); /* so that a byte too far is seen */
		assert_non_null(exact);
		memcpy(exact, input.bytes, input.len);
		struct reading child = read_both(co_view_make(exact, input.len));
		if (child.theirs && ++accepted) {
			struct reading parent = {.theirs = json_loadb(base.ptr, base.len, FLAGS, NULL)};

			if (parent.theirs) {
				assert_int_equal(co_json_parse(base, DEPTH_WIDE, &arena, &parent.ours, NULL), CO_OK);
				if (compare_equality(&parent, &child))
					equal++;
				else
					unequal++;
				json_decref(parent.theirs);
			}
			if (round % 8 == 0)
				compare_rewritten(&child);
		} else {
			refused++;
		}
		json_decref(child.theirs);
		free(exact);
		co_arena_reset(&arena);
	}
	print_message("%zu accepted, %zu refused; %zu equal to their seed, %zu not\n", accepted, refused, equal, unequal);
	/* Else the mutations have lost their edge. */
	assert_true(accepted > ROUNDS / 20 && refused > ROUNDS / 20 && equal > ROUNDS / 100 && unequal > ROUNDS / 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse__unchanged_corpus__reads_as_jansson_does),
		cmocka_unit_test(parse__mutated_corpus__reads_as_jansson_does),
	};

	return cmocka_run_group_tests(tests, set_up_corpus, tear_down_corpus);
}
