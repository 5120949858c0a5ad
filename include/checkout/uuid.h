/* UUIDs as 16 bytes in network order. Reads any version and any case; writes lower case. */
#ifndef CHECKOUT_UUID_H
#define CHECKOUT_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/bytes.h"

#define CO_UUID_TEXT 36 /* characters of the text form */

struct co_uuid {
	uint8_t bytes[16];
};

/* 8-4-4-4-12 hex digits and nothing else. False leaves *out as it was. */
bool co_uuid_parse(struct co_view text, struct co_uuid *out);
/* CO_UUID_TEXT lower-case characters and a NUL. */
void co_uuid_format(const struct co_uuid *uuid, char out[CO_UUID_TEXT + 1]);
bool co_uuid_eq(const struct co_uuid *a, const struct co_uuid *b);
int co_uuid_compare(const struct co_uuid *a, const struct co_uuid *b);
/* RFC 4122 version 5 (SHA-1) of the name in the name space. */
struct co_uuid co_uuid_v5(const struct co_uuid *space, struct co_view name);
/* The text form as a view in the arena. */
struct co_view co_uuid_view(struct co_arena *arena, const struct co_uuid *uuid);

#endif
