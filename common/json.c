#include "checkout/json.h"

#include "json_read.h"
#include "json_sort.h"

#include <string.h>

/* Up to here duplicates are looked for pair by pair, which is faster than any sort. */
#define PAIRWISE_MAX 16
#define NODES_AT_ONCE 16

/* A container that is still open. Frames are kept for the next container of the same depth. */
struct co_json_frame {
	struct co_json_frame *outer, *inner;
	struct co_json *container;
	const struct co_json **tail; /* where the next child is linked */
};

enum after { AFTER_NEXT, AFTER_END, AFTER_BAD };

bool co_json_fail(struct co_json_reader *reader, const char *at, const char *reason)
{
	char place[32] = "byte ";
	char digits[24];
	size_t offset = (size_t)(at - reader->start), count = 0, len = sizeof("byte ") - 1;

	do {
		digits[count++] = (char)('0' + offset % 10);
		offset /= 10;
	} while (offset);
	while (count)
		place[len++] = digits[--count];
	place[len] = '\0';
	co_error_set(reader->error, place, "%s", reason);
	return false;
}

static void skip_space(struct co_json_reader *reader)
{
	const char *at = reader->at;

	if (at != reader->end && *at > ' ') /* most often there is none */
		return;
	while (at < reader->end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
		at++;
	reader->at = at;
}

static struct co_json *new_node(struct co_json_reader *reader)
{
	if (!reader->node_count) {
		reader->nodes = co_arena_alloc(reader->arena, NODES_AT_ONCE * sizeof(*reader->nodes));
		reader->node_count = NODES_AT_ONCE;
	}
	struct co_json *node = reader->nodes++;
	reader->node_count--;
	/* One by one: compilers clear a structure of this size with an instruction that takes longer to begin. */
	node->type = CO_JSON_NULL;
	node->key = node->text = node->raw = (struct co_view){NULL, 0};
	node->integer = 0;
	node->real = 0;
	node->count = 0;
	node->first = node->next = NULL;
	return node;
}

static bool read_word(struct co_json_reader *reader, struct co_json *node, struct co_view word, enum co_json_type type)
{
	if ((size_t)(reader->end - reader->at) < word.len || memcmp(reader->at, word.ptr, word.len) != 0)
		return co_json_fail(reader, reader->at, "no JSON value");
	reader->at += word.len;
	node->type = type;
	return true;
}

static bool read_scalar(struct co_json_reader *reader, struct co_json *node)
{
	switch (*reader->at) {
	case '"':
		node->type = CO_JSON_STRING;
		return co_json_read_string(reader, &node->text);
	case 't':
		return read_word(reader, node, CO_VIEW("true"), CO_JSON_TRUE);
	case 'f':
		return read_word(reader, node, CO_VIEW("false"), CO_JSON_FALSE);
	case 'n':
		return read_word(reader, node, CO_VIEW("null"), CO_JSON_NULL);
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return co_json_read_number(reader, node);
	default:
		return co_json_fail(reader, reader->at, "no JSON value");
	}
}

static bool open_container(struct co_json_reader *reader, struct co_json *node)
{
	if (reader->depth == reader->depth_max)
		return co_json_fail(reader, reader->at, "nested too deeply");
	struct co_json_frame *frame = reader->open ? reader->open->inner : reader->spare;
	if (!frame) {
		frame = co_arena_alloc(reader->arena, sizeof(*frame));
		*frame = (struct co_json_frame){.outer = reader->open};
		if (reader->open)
			reader->open->inner = frame;
		else
			reader->spare = frame;
	}
	node->type = *reader->at == '{' ? CO_JSON_OBJECT : CO_JSON_ARRAY;
	frame->container = node;
	frame->tail = &node->first;
	reader->open = frame;
	reader->depth++;
	reader->at++;
	return true;
}

static bool fail_duplicate(struct co_json_reader *reader, const struct co_json *a, const struct co_json *b)
{
	return co_json_fail(reader, a->raw.ptr > b->raw.ptr ? a->raw.ptr : b->raw.ptr, "a member stands twice");
}

static bool check_duplicates(struct co_json_reader *reader, const struct co_json *object)
{
	if (object->count <= PAIRWISE_MAX) {
		for (const struct co_json *a = object->first; a; a = a->next) {
			for (const struct co_json *b = a->next; b; b = b->next) {
				if (a->key.len == b->key.len && co_view_eq(a->key, b->key))
					return fail_duplicate(reader, a, b);
			}
		}
		return true;
	}
	const struct co_json **members = co_json_sorted_members(object, reader->arena);
	for (size_t i = 1; i < object->count; i++) {
		if (co_json_key_compare(members[i - 1]->key, members[i]->key) == 0)
			return fail_duplicate(reader, members[i - 1], members[i]);
	}
	return true;
}

static bool close_container(struct co_json_reader *reader)
{
	struct co_json *container = reader->open->container;

	reader->at++;
	container->raw.len = (size_t)(reader->at - container->raw.ptr);
	reader->open = reader->open->outer;
	reader->depth--;
	return container->type != CO_JSON_OBJECT || check_duplicates(reader, container);
}

/* What follows a value, or the opening of a container: its end, and then the ends of those around it, up to where
 * another value has to come. */
static enum after read_after(struct co_json_reader *reader, bool opened)
{
	for (; reader->open; opened = false) {
		bool object = reader->open->container->type == CO_JSON_OBJECT;

		skip_space(reader);
		if (reader->at < reader->end && *reader->at == (object ? '}' : ']')) {
			if (!close_container(reader))
				return AFTER_BAD;
			continue;
		}
		if (opened)
			return AFTER_NEXT;
		if (reader->at == reader->end || *reader->at != ',') {
			co_json_fail(reader, reader->at, object ? "',' or '}' expected" : "',' or ']' expected");
			return AFTER_BAD;
		}
		reader->at++;
		return AFTER_NEXT;
	}
	skip_space(reader);
	if (reader->at == reader->end)
		return AFTER_END;
	co_json_fail(reader, reader->at, "something follows the value");
	return AFTER_BAD;
}

static bool read_key(struct co_json_reader *reader, struct co_view *out)
{
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != '"')
		return co_json_fail(reader, reader->at, "a member's name expected");
	if (!co_json_read_string(reader, out))
		return false;
	skip_space(reader);
	if (reader->at == reader->end || *reader->at != ':')
		return co_json_fail(reader, reader->at, "':' expected");
	reader->at++;
	return true;
}

/* A scalar, or the opening of a container; linked into the container around it. */
static bool read_node(struct co_json_reader *reader, struct co_json *node, bool *opened)
{
	struct co_json_frame *around = reader->open;

	if (around && around->container->type == CO_JSON_OBJECT && !read_key(reader, &node->key))
		return false;
	skip_space(reader);
	if (reader->at == reader->end)
		return co_json_fail(reader, reader->at, "a value expected");
	if (around) {
		*around->tail = node;
		around->tail = &node->next;
		around->container->count++;
	}
	node->raw.ptr = reader->at;
	*opened = *reader->at == '{' || *reader->at == '[';
	if (*opened)
		return open_container(reader, node);
	if (!read_scalar(reader, node))
		return false;
	node->raw.len = (size_t)(reader->at - node->raw.ptr);
	return true;
}

enum co_status co_json_parse(struct co_view text, unsigned depth_max, struct co_arena *arena,
							 const struct co_json **out, struct co_error *error)
{
	const char *start = text.ptr ? text.ptr : "";
	struct co_json_reader reader = {.start = start,
									.at = start,
									.end = start + (text.ptr ? text.len : 0),
									.arena = arena,
									.error = error,
									.depth_max = depth_max};
	struct co_json *root = new_node(&reader), *node = root;

	for (;;) {
		bool opened = false;

		if (!read_node(&reader, node, &opened))
			return CO_JSON_SYNTAX;
		switch (read_after(&reader, opened)) {
		case AFTER_NEXT:
			node = new_node(&reader);
			break;
		case AFTER_END:
			*out = root;
			return CO_OK;
		case AFTER_BAD:
			return CO_JSON_SYNTAX;
		}
	}
}

const struct co_json *co_json_member(const struct co_json *object, struct co_view key)
{
	if (!co_json_is(object, CO_JSON_OBJECT))
		return NULL;
	for (const struct co_json *child = object->first; child; child = child->next) {
		if (co_view_eq(child->key, key))
			return child;
	}
	return NULL;
}

const struct co_json *co_json_get(const struct co_json *object, struct co_view key)
{
	const struct co_json *member = co_json_member(object, key);

	return co_json_is(member, CO_JSON_NULL) ? NULL : member;
}

const struct co_json *co_json_empty_object(void)
{
	static const struct co_json empty = {.type = CO_JSON_OBJECT, .raw = {"{}", 2}};

	return &empty;
}
