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

/* Where the two digits of each byte stand in the text. */
static const uint8_t places[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

bool co_uuid_parse(struct co_view text, struct co_uuid *out)
{
	struct co_uuid uuid;

	if (text.len != CO_UUID_TEXT || text.ptr[8] != '-' || text.ptr[13] != '-' || text.ptr[18] != '-' ||
		text.ptr[23] != '-')
		return false;
	for (size_t i = 0; i < sizeof(uuid.bytes); i++) {
		int high = hex_digit(text.ptr[places[i]]), low = hex_digit(text.ptr[places[i] + 1]);

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
		out[places[i]] = digits[uuid->bytes[i] >> 4];
		out[places[i] + 1] = digits[uuid->bytes[i] & 15];
	}
	out[8] = out[13] = out[18] = out[23] = '-';
	out[CO_UUID_TEXT] = '\0';
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
