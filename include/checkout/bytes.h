/* Borrowed bytes (struct co_view) and bytes being written (struct co_buf, growing in an arena).
 * A view owns nothing and may hold NULs; a buf belongs to its arena and is gone with the arena's reset. */
#ifndef CHECKOUT_BYTES_H
#define CHECKOUT_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct co_arena;

struct co_view {
	const char *ptr; /* NULL only for "absent"; an empty view has a non-NULL ptr */
	size_t len;
};

#define CO_VIEW(literal) ((struct co_view){("" literal), sizeof(literal) - 1})

static inline struct co_view co_view_make(const char *ptr, size_t len)
{
	return (struct co_view){ptr, len};
}
/* NULL gives the absent view. */
struct co_view co_view_cstr(const char *text);
bool co_view_eq(struct co_view a, struct co_view b);
/* ASCII case ignored. */
bool co_view_eq_nocase(struct co_view a, struct co_view b);
bool co_view_starts(struct co_view text, struct co_view prefix);
bool co_view_ends(struct co_view text, struct co_view suffix);
/* Spaces and tabs at both ends cut off. */
struct co_view co_view_trim(struct co_view text);
/* A copy in the arena with a NUL behind it (not counted). */
struct co_view co_view_dup(struct co_arena *arena, struct co_view text);
/* Unicode code points of valid UTF-8. */
size_t co_view_code_points(struct co_view utf8);
/* Valid UTF-8 (no surrogates, no overlong forms). */
bool co_view_is_utf8(struct co_view text);
/* Any of U+0000–001F, U+007F–009F in valid UTF-8 (contract section 2). */
bool co_view_has_control(struct co_view utf8);
/* `min`..`max` code points of valid UTF-8 with no control character. */
bool co_view_is_plain(struct co_view text, size_t min, size_t max);
/* The Java client's murmur2 of the key, sign bit cleared: partition = co_murmur2(key) % count (contract section 1). */
uint32_t co_murmur2(struct co_view key);

struct co_buf {
	struct co_arena *arena; /* where it grows */
	char *ptr;
	size_t len, cap;
};

struct co_buf co_buf_make(struct co_arena *arena, size_t cap);
/* Room for `more` bytes behind `len`; for the two below. */
void co_buf_grow(struct co_buf *buf, size_t more);
/* In the header, so that a literal becomes a few stores: outputs are made of hundreds of them. */
static inline void co_buf_add(struct co_buf *buf, struct co_view bytes)
{
	if (!bytes.len)
		return;
	if (bytes.len > buf->cap - buf->len)
		co_buf_grow(buf, bytes.len);
	memcpy(buf->ptr + buf->len, bytes.ptr, bytes.len);
	buf->len += bytes.len;
}
static inline void co_buf_add_byte(struct co_buf *buf, char byte)
{
	if (buf->len == buf->cap)
		co_buf_grow(buf, 1);
	buf->ptr[buf->len++] = byte;
}
void co_buf_add_int(struct co_buf *buf, int64_t number);
/* The text as a JSON string with its quotes: `"` `\` and controls below U+0020 escaped, all else as it is. Text must be
 * valid UTF-8. */
void co_buf_add_json(struct co_buf *buf, struct co_view text);
/* co_buf_add of a literal. */
#define co_buf_lit(buf, literal) co_buf_add((buf), CO_VIEW(literal))
static inline struct co_view co_buf_view(const struct co_buf *buf)
{
	return (struct co_view){buf->ptr ? buf->ptr : "", buf->len};
}

#endif
