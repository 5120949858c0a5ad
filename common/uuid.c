#include "checkout/uuid.h"

#include <string.h>
#include <uuid/uuid.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* A hyphen stands before the bytes 4, 6, 8 and 10. */
static bool hyphen_before(size_t byte)
{
	return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

bool co_uuid_parse(struct co_view text, struct co_uuid *out)
{
	struct co_uuid uuid;
	const char *at = text.ptr;

	if (text.len != CO_UUID_TEXT)
		return false;
	for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
		int high, low;

		if (hyphen_before(i) && *at++ != '-')
			return false;
		high = hex_digit(*at++);
		low = hex_digit(*at++);
		if (high < 0 || low < 0)
			return false;
		uuid.bytes[i] = (uint8_t)(high * 16 + low);
	}
	*out = uuid;
	return true;
}

void co_uuid_format(const struct co_uuid *uuid, char out[CO_UUID_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < sizeof(uuid->bytes); i++) {
		if (hyphen_before(i))
			*out++ = '-';
		*out++ = digits[uuid->bytes[i] >> 4];
		*out++ = digits[uuid->bytes[i] & 15];
	}
	*out = '\0';
}

bool co_uuid_eq(const struct co_uuid *a, const struct co_uuid *b)
{
	return co_uuid_compare(a, b) == 0;
}

int co_uuid_compare(const struct co_uuid *a, const struct co_uuid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

struct co_uuid co_uuid_v5(const struct co_uuid *space, struct co_view name)
{
	struct co_uuid uuid;

	uuid_generate_sha1(uuid.bytes, space->bytes, name.ptr ? name.ptr : "", name.len);
	return uuid;
}

struct co_view co_uuid_view(struct co_arena *arena, const struct co_uuid *uuid)
{
	char text[CO_UUID_TEXT + 1];

	co_uuid_format(uuid, text);
	return co_view_dup(arena, co_view_make(text, CO_UUID_TEXT));
}
