#include "checkout/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "checkout/arena.h"

struct co_view co_view_cstr(const char *text)
{
	return (struct co_view){text, text ? strlen(text) : 0};
}

bool co_view_eq(struct co_view a, struct co_view b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool co_view_eq_nocase(struct co_view a, struct co_view b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (lower(a.ptr[i]) != lower(b.ptr[i]))
			return false;
	return true;
}

bool co_view_starts(struct co_view text, struct co_view prefix)
{
	return text.len >= prefix.len && co_view_eq(co_view_make(text.ptr, prefix.len), prefix);
}

bool co_view_ends(struct co_view text, struct co_view suffix)
{
	return text.len >= suffix.len &&
		   (suffix.len == 0 || memcmp(text.ptr + (text.len - suffix.len), suffix.ptr, suffix.len) == 0);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct co_view co_view_trim(struct co_view text)
{
	while (text.len && is_blank(text.ptr[0])) {
		text.ptr++;
		text.len--;
	}
	while (text.len && is_blank(text.ptr[text.len - 1]))
		text.len--;
	return text;
}

struct co_view co_view_dup(struct co_arena *arena, struct co_view text)
{
	char *copy;

	if (!text.ptr)
		return text;
	copy = co_arena_alloc(arena, text.len + 1);
	memcpy(copy, text.ptr, text.len);
	copy[text.len] = '\0';
	return co_view_make(copy, text.len);
}

size_t co_view_code_points(struct co_view utf8)
{
	size_t count = 0;

	/* Every byte but a continuation (10xxxxxx) begins a code point. */
	for (size_t i = 0; i < utf8.len; i++)
		count += ((unsigned char)utf8.ptr[i] & 0xC0) != 0x80;
	return count;
}

static bool in_range(unsigned char byte, unsigned char min, unsigned char max)
{
	return byte >= min && byte <= max;
}

/* Bytes of the well-formed sequence at `at` (Unicode, table 3-7); 0 when there is none. */
static size_t sequence_length(const unsigned char *at, size_t left)
{
	unsigned char first = at[0], min = 0x80, max = 0xBF;
	size_t length;

	if (first < 0x80)
		return 1;
	if (in_range(first, 0xC2, 0xDF))
		length = 2;
	else if (in_range(first, 0xE0, 0xEF))
		length = 3;
	else if (in_range(first, 0xF0, 0xF4))
		length = 4;
	else
		return 0;
	if (first == 0xE0)
		min = 0xA0; /* overlong */
	else if (first == 0xED)
		max = 0x9F; /* surrogates */
	else if (first == 0xF0)
		min = 0x90; /* overlong */
	else if (first == 0xF4)
		max = 0x8F; /* above U+10FFFF */
	if (left < length || !in_range(at[1], min, max))
		return 0;
	for (size_t i = 2; i < length; i++)
		if (!in_range(at[i], 0x80, 0xBF))
			return 0;
	return length;
}

bool co_view_is_utf8(struct co_view text)
{
	for (size_t i = 0; i < text.len;) {
		size_t length = sequence_length((const unsigned char *)text.ptr + i, text.len - i);

		if (!length)
			return false;
		i += length;
	}
	return true;
}

bool co_view_has_control(struct co_view utf8)
{
	for (size_t i = 0; i < utf8.len; i++) {
		unsigned char byte = (unsigned char)utf8.ptr[i];

		if (byte < 0x20 || byte == 0x7F)
			return true;
		/* U+0080–009F is C2 80–9F. */
		if (byte == 0xC2 && i + 1 < utf8.len && in_range((unsigned char)utf8.ptr[i + 1], 0x80, 0x9F))
			return true;
	}
	return false;
}

bool co_view_is_plain(struct co_view text, size_t min, size_t max)
{
	size_t length;

	if (!co_view_is_utf8(text) || co_view_has_control(text))
		return false;
	length = co_view_code_points(text);
	return length >= min && length <= max;
}

uint32_t co_murmur2(struct co_view key)
{
	const uint32_t m = 0x5bd1e995;
	const unsigned char *at = (const unsigned char *)key.ptr;
	uint32_t hash = 0x9747b28cU ^ (uint32_t)key.len;
	size_t left = key.len;

	for (; left >= 4; at += 4, left -= 4) {
		uint32_t k = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

		k *= m;
		k ^= k >> 24;
		hash = hash * m ^ k * m;
	}
	if (left == 3)
		hash ^= (uint32_t)at[2] << 16;
	if (left >= 2)
		hash ^= (uint32_t)at[1] << 8;
	if (left >= 1)
		hash = (hash ^ at[0]) * m;
	hash = (hash ^ hash >> 13) * m;
	hash ^= hash >> 15;
	return hash & 0x7fffffffU;
}

struct co_buf co_buf_make(struct co_arena *arena, size_t cap)
{
	struct co_buf buf = {.arena = arena};

	if (cap) {
		buf.ptr = co_arena_alloc(arena, cap);
		buf.cap = cap;
	}
	return buf;
}

void co_buf_grow(struct co_buf *buf, size_t more)
{
	size_t needed, cap;
	char *wider;

	if (more > SIZE_MAX / 2 - buf->len)
		abort(); /* no such text fits the address space; the arena would end the process all the same */
	needed = buf->len + more;
	cap = buf->cap < 32 ? 64 : buf->cap * 2;
	if (cap < needed)
		cap = needed;
	wider = co_arena_alloc(buf->arena, cap);
	if (buf->len)
		memcpy(wider, buf->ptr, buf->len);
	buf->ptr = wider;
	buf->cap = cap;
}

void co_buf_add_int(struct co_buf *buf, int64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	/* The magnitude of INT64_MIN has no int64_t. */
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		digits[--at] = (char)('0' + left % 10);
		left /= 10;
	} while (left);
	if (number < 0)
		digits[--at] = '-';
	co_buf_add(buf, co_view_make(digits + at, sizeof(digits) - at));
}

static void add_escape(struct co_buf *buf, unsigned char byte)
{
	static const char hex[] = "0123456789abcdef";
	static const char shorts[] = "\b\t\n\f\r\"\\", letters[] = "btnfr\"\\";
	const char *found = byte ? strchr(shorts, byte) : NULL;

	co_buf_add_byte(buf, '\\');
	if (found) {
		co_buf_add_byte(buf, letters[found - shorts]);
		return;
	}
	co_buf_lit(buf, "u00");
	co_buf_add_byte(buf, hex[byte >> 4]);
	co_buf_add_byte(buf, hex[byte & 15]);
}

static bool is_escaped(unsigned char byte)
{
	return byte < 0x20 || byte == '"' || byte == '\\';
}

/* Whether one of eight bytes may be escaped. A byte less than n borrows from its top bit when n is taken from it, if
 * it had none; with `"` and `\\` made 0 by exclusive or, all three questions are of this kind. A borrow may reach the
 * byte above, so that yes is only perhaps; no is sure. */
static bool may_be_escaped(const char *at)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
	uint64_t word, quote, backslash;

	memcpy(&word, at, sizeof(word));
	quote = word ^ ones * '"';
	backslash = word ^ ones * '\\';
	return (((word - ones * 0x20) & ~word) | ((quote - ones) & ~quote) | ((backslash - ones) & ~backslash)) & tops;
}

/* How many bytes from `from` on need no escape. */
static size_t plain_run(struct co_view text, size_t from)
{
	size_t i = from;

	while (text.len - i >= sizeof(uint64_t) && !may_be_escaped(text.ptr + i))
		i += sizeof(uint64_t);
	while (i < text.len && !is_escaped((unsigned char)text.ptr[i]))
		i++;
	return i - from;
}

void co_buf_add_json(struct co_buf *buf, struct co_view text)
{
	if (text.len + 2 > buf->cap - buf->len)
		co_buf_grow(buf, text.len + 2);
	co_buf_add_byte(buf, '"');
	for (size_t i = 0; i < text.len; i++) {
		size_t run = plain_run(text, i);

		co_buf_add(buf, co_view_make(text.ptr + i, run));
		i += run;
		if (i < text.len)
			add_escape(buf, (unsigned char)text.ptr[i]);
	}
	co_buf_add_byte(buf, '"');
}
