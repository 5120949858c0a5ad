/* Base64 (RFC 4648), read; what has to be true of a spelling is for the caller to say.
 * Owns nothing: bytes are taken from the caller's arena. Never skips a character. */
#ifndef CHECKOUT_BASE64_H
#define CHECKOUT_BASE64_H

#include <stdbool.h>

#include "checkout/arena.h"
#include "checkout/bytes.h"

/* The last two characters of the alphabets of sections 4 and 5. */
#define CO_BASE64_STANDARD "+/"
#define CO_BASE64_URL "-_"

/* The bytes of a text without padding. False, with *out and *stray as they were, for a character that is not of the
 * alphabet and for a length that no bytes have. *stray: bits that the last character has to spare are set, so that the
 * same bytes have another spelling. */
bool co_base64_read(struct co_view text, const char last_two[2], struct co_arena *arena, struct co_view *out,
					bool *stray);
/* The same of the standard alphabet with its padding, which has to be there. */
bool co_base64_read_padded(struct co_view text, struct co_arena *arena, struct co_view *out, bool *stray);

#endif
