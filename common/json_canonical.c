#include <string.h>

#include "checkout/json.h"

#include "json_sort.h"

/* One byte for the kind of value; lengths, counts and integers follow as base-128 numbers. Every form says where it
 * ends, so no two values share a form, and it is shorter than the JSON: it is made to be hashed. */
enum form {
	FORM_NULL = 'n',
	FORM_FALSE = 'f',
	FORM_TRUE = 't',
	FORM_NATURAL = 'i',  /* an integer from 0 */
	FORM_NEGATIVE = 'm', /* an integer below 0: -1 - value */
	FORM_REAL = 'd',
	FORM_STRING = 's',
	FORM_ARRAY = 'a',
	FORM_OBJECT = 'o'
};

int co_json_key_compare(struct co_view a, struct co_view b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return a.len ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

/* The runs [from, middle) and [middle, to) of `in`, each in order, into [from, to) of `out`. */
static void merge(const struct co_json **in, const struct co_json **out, size_t from, size_t middle, size_t to)
{
	size_t left = from, right = middle;

	for (size_t i = from; i < to; i++) {
		if (right >= to || (left < middle && co_json_key_compare(in[left]->key, in[right]->key) <= 0))
			out[i] = in[left++];
		else
			out[i] = in[right++];
	}
}

const struct co_json **co_json_sorted_members(const struct co_json *object, struct co_arena *scratch)
{
	size_t count = object->count, i = 0;
	const struct co_json **members = CO_NEW_ARRAY(scratch, const struct co_json *, count);

	for (const struct co_json *child = object->first; child; child = child->next)
		members[i++] = child;
	if (count < 2)
		return members;
	const struct co_json **other = CO_NEW_ARRAY(scratch, const struct co_json *, count);
	for (size_t width = 1; width < count; width *= 2) {
		for (size_t from = 0; from < count; from += 2 * width) {
			size_t middle = count - from < width ? count : from + width;
			size_t to = count - middle < width ? count : middle + width;

			merge(members, other, from, middle, to);
		}
		const struct co_json **swap = members;
		members = other;
		other = swap;
	}
	return members;
}

static void put_number(struct co_buf *out, enum form form, uint64_t number)
{
	char bytes[11];
	size_t len = 0;

	bytes[len++] = (char)form;
	while (number > 0x7F) {
		bytes[len++] = (char)(0x80 | (number & 0x7F));
		number >>= 7;
	}
	bytes[len++] = (char)number;
	co_buf_add(out, co_view_make(bytes, len));
}

static void put_text(struct co_buf *out, struct co_view text)
{
	put_number(out, FORM_STRING, text.len);
	co_buf_add(out, text);
}

static void put_real(struct co_buf *out, double real)
{
	char bytes[9] = {FORM_REAL};
	uint64_t bits;

	if (real == 0)
		real = 0; /* -0.0 equals 0.0 */
	memcpy(&bits, &real, sizeof(bits));
	for (size_t i = 1; i < sizeof(bytes); i++) {
		bytes[i] = (char)(bits & 0xFF);
		bits >>= 8;
	}
	co_buf_add(out, co_view_make(bytes, sizeof(bytes)));
}

/* As deep as the tree, which its parse has bounded. */
void co_json_canonical(const struct co_json *node, struct co_arena *scratch, struct co_buf *out)
{
	switch (node->type) {
	case CO_JSON_NULL:
		co_buf_add_byte(out, FORM_NULL);
		return;
	case CO_JSON_FALSE:
		co_buf_add_byte(out, FORM_FALSE);
		return;
	case CO_JSON_TRUE:
		co_buf_add_byte(out, FORM_TRUE);
		return;
	case CO_JSON_INTEGER:
		if (node->integer < 0)
			put_number(out, FORM_NEGATIVE, (uint64_t)(-1 - node->integer));
		else
			put_number(out, FORM_NATURAL, (uint64_t)node->integer);
		return;
	case CO_JSON_REAL:
		put_real(out, node->real);
		return;
	case CO_JSON_STRING:
		put_text(out, node->text);
		return;
	case CO_JSON_ARRAY:
		put_number(out, FORM_ARRAY, node->count);
		for (const struct co_json *child = node->first; child; child = child->next)
			co_json_canonical(child, scratch, out);
		return;
	case CO_JSON_OBJECT: {
		const struct co_json **members = co_json_sorted_members(node, scratch);

		put_number(out, FORM_OBJECT, node->count);
		for (size_t i = 0; i < node->count; i++) {
			put_text(out, members[i]->key);
			co_json_canonical(members[i], scratch, out);
		}
		return;
	}
	}
}
