/* The JSON reader on any bytes. Holds: what is refused says why and where, within the text; what is accepted lies
 * within the text, is valid UTF-8 without NUL, not too deep, and comes out the same from its own raw bytes. */
#include "checkout/json.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition)
{
	if (!condition)
		abort();
}

static void hold_text(struct co_view text)
{
	hold(text.ptr && co_view_is_utf8(text));
	hold(text.len == 0 || !memchr(text.ptr, 0, text.len));
}

static void hold_node(const struct co_json *node, struct co_view within, unsigned depth)
{
	size_t count = 0;

	hold(node->raw.len > 0 && node->raw.ptr >= within.ptr && node->raw.ptr + node->raw.len <= within.ptr + within.len);
	if (node->type == CO_JSON_STRING)
		hold_text(node->text);
	if (node->type == CO_JSON_REAL)
		hold(isfinite(node->real));
	if (node->type == CO_JSON_ARRAY || node->type == CO_JSON_OBJECT)
		hold(depth < CO_JSON_DEPTH_MAX);
	for (const struct co_json *child = node->first; child; child = child->next) {
		count++;
		hold((child->key.ptr != NULL) == (node->type == CO_JSON_OBJECT));
		if (child->key.ptr) {
			hold_text(child->key);
			hold(co_json_member(node, child->key) == child || node->count > 1000);
		}
		hold_node(child, node->raw, depth + 1);
	}
	hold(count == node->count);
}

static struct co_view canonical(const struct co_json *node, struct co_arena *arena)
{
	struct co_buf out = co_buf_make(arena, 0);

	co_json_canonical(node, arena, &out);
	return co_buf_view(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct co_view text = co_view_make(size ? (const char *)data : "", size);
	struct co_error error = {.path = ""};
	const struct co_json *root = NULL, *again = NULL;
	struct co_arena arena;

	co_arena_init(&arena, 4096, 0);
	if (co_json_parse(text, CO_JSON_DEPTH_MAX, &arena, &root, &error) == CO_OK) {
		hold(!error.text[0]);
		hold_node(root, text, 0);
		hold(co_json_parse(root->raw, CO_JSON_DEPTH_MAX, &arena, &again, NULL) == CO_OK);
		hold(co_view_eq(canonical(root, &arena), canonical(again, &arena)));
	} else {
		hold(!root && error.text[0] && strncmp(error.path, "byte ", 5) == 0);
		hold(strtoul(error.path + 5, NULL, 10) <= size);
	}
	co_arena_clear(&arena);
	return 0;
}
