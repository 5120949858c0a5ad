/* JSON read once, strictly, into a tree of nodes in an arena.
 * Strings without escapes are views into the text: the text must live as long as the tree. Never allocates from the
 * heap. */
#ifndef CHECKOUT_JSON_H
#define CHECKOUT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkout/arena.h"
#include "checkout/bytes.h"
#include "checkout/error.h"
#include "checkout/status.h"

#define CO_JSON_DEPTH_MAX 32 /* contract section 2 */

enum co_json_type {
	CO_JSON_NULL,
	CO_JSON_FALSE,
	CO_JSON_TRUE,
	CO_JSON_INTEGER, /* no fraction, no exponent */
	CO_JSON_REAL,    /* with fraction or exponent */
	CO_JSON_STRING,
	CO_JSON_ARRAY,
	CO_JSON_OBJECT
};

struct co_json {
	enum co_json_type type;
	struct co_view key;          /* name of a member, decoded; absent elsewhere */
	struct co_view text;         /* STRING: decoded. Elsewhere: absent */
	int64_t integer;             /* INTEGER */
	double real;                 /* REAL */
	size_t count;                /* ARRAY, OBJECT: number of children */
	const struct co_json *first; /* ARRAY, OBJECT: children in the order of the text */
	const struct co_json *next;  /* the next child of the same parent */
	struct co_view raw;          /* the value's own bytes in the text */
};

/* RFC 8259, and refused besides (contract section 2): duplicate members, invalid UTF-8, unpaired surrogates, NUL in a
 * string, integers outside int64, numbers beyond a double, a byte order mark, nesting over `depth_max` (the outermost
 * container counts 1). CO_OK, or CO_JSON_SYNTAX with the byte offset and reason in `error` (may be NULL); *out is then
 * unchanged. Time is O(n log n) for any input. */
enum co_status co_json_parse(struct co_view text, unsigned depth_max, struct co_arena *arena,
							 const struct co_json **out, struct co_error *error) CO_MUST_USE;
/* The member of that name; NULL when there is none, or `object` is NULL or no object. */
const struct co_json *co_json_member(const struct co_json *object, struct co_view key);
/* The same, but NULL also for a JSON null: null means absent (contract section 3). */
const struct co_json *co_json_get(const struct co_json *object, struct co_view key);
/* A node of that type. NULL is of no type. */
static inline bool co_json_is(const struct co_json *node, enum co_json_type type)
{
	return node && node->type == type;
}
/* An empty object that lives for ever. */
const struct co_json *co_json_empty_object(void);
/* Appends a canonical form: equal for equal JSON values (contract section 6: member order ignored, an integer never
 * equals a real, a null member differs from an absent one), different otherwise. Not JSON. */
void co_json_canonical(const struct co_json *node, struct co_arena *scratch, struct co_buf *out);

#endif
