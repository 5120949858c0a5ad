#include "checkout/base64.h"

#include <stdint.h>

/* The six bits of a character; -1 for what is not of the alphabet. */
static int value_of(char c, const char last_two[2])
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == last_two[0] ? 62 : c == last_two[1] ? 63 : -1;
}

bool co_base64_read(struct co_view text, const char last_two[2], struct co_arena *arena, struct co_view *out,
					bool *stray)
{
	char *bytes = co_arena_alloc(arena, text.len / 4 * 3 + 3);
	size_t len = 0;
	uint32_t bits = 0, bit_count = 0;

	if (text.len % 4 == 1)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		int value = value_of(text.ptr[i], last_two);

		if (value < 0)
			return false;
		bits = (bits << 6 | (uint32_t)value) & 0xfff;
		bit_count += 6;
		if (bit_count >= 8) {
			bit_count -= 8;
			bytes[len++] = (char)(bits >> bit_count & 0xff);
		}
	}
	*out = co_view_make(bytes, len);
	*stray = (bits & ((1U << bit_count) - 1)) != 0;
	return true;
}

bool co_base64_read_padded(struct co_view text, struct co_arena *arena, struct co_view *out, bool *stray)
{
	size_t padding = 0;

	if (text.len % 4 != 0)
		return false;
	while (padding < 2 && padding < text.len && text.ptr[text.len - 1 - padding] == '=')
		padding++;
	return co_base64_read(co_view_make(text.ptr, text.len - padding), CO_BASE64_STANDARD, arena, out, stray);
}
