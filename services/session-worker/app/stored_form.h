/* The bytes of the stored form, for stored_write.c and stored_read.c alone; nothing else may know them. Owns nothing.
 *
 * Format 1. Integers are LEB128 varints in their shortest form, signed ones zigzag; a text is its length and its bytes.
 * Every session has exactly one stored form: what co_stored_read takes, co_stored_write gives back byte for byte.
 *
 *   'L' | 'E'   lives | ended      then the format's version, 1
 *   flags       STORED_FLAG_*: what follows, and what needs no bytes
 *   16 16       session id, merchant id
 *   [namespace] [reference id] amount [currency: 3] [modes: count, one byte each]
 *   [metadata: count, then key and value each]
 *   created at, expires at - created at
 *   changes: count, then each
 *      event | status << 4, payment | STORED_CHANGE_*, at - the one before (the first: - created at)
 *      [captured amount] [reason] [which of the method's texts, then those]
 *   memory: count, then each
 *      kind | problem << 4, 16 identity, 16 content, version shown
 *      refused: code, [rule], count of violations, then each
 *         rule, place << 1 | has a key hash, index, [8 key hash, little-endian]
 */
#ifndef CHECKOUT_APP_STORED_FORM_H
#define CHECKOUT_APP_STORED_FORM_H

#include "checkout/domain/session.h"

#define STORED_FORMAT 1
#define STORED_VARINT_BYTES_MAX ((size_t)10)

enum {
	STORED_FLAG_CAPTURE = 1,
	STORED_FLAG_NAMESPACE = 2, /* not `default` */
	STORED_FLAG_REFERENCE = 4,
	STORED_FLAG_CURRENCY = 8, /* not USD */
	STORED_FLAG_MODES = 16,   /* not PAYMENT alone */
	STORED_FLAG_METADATA = 32,
	STORED_FLAGS_ALL = 63
};

enum {
	STORED_CHANGE_CAPTURED = 16, /* the amount is not 0 */
	STORED_CHANGE_REASON = 32,
	STORED_CHANGE_METHOD = 64,
	STORED_CHANGE_ALL = STORED_CHANGE_CAPTURED | STORED_CHANGE_REASON | STORED_CHANGE_METHOD
};

#define STORED_METHOD_TEXTS 5
#define STORED_METHOD_ALL ((1u << STORED_METHOD_TEXTS) - 1)

/* What shares a byte fits its half; a table that outgrows it asks for a new format. */
_Static_assert(CO_EVENT_COUNT <= 16 && CO_SESSION_STATUS_COUNT <= 16, "event and status share a byte");
_Static_assert(CO_PAYMENT_STATUS_COUNT <= 16, "payment status and flags share a byte");
_Static_assert(CO_COMMAND_COUNT <= 16 && CO_PROBLEM_NOT_COMMAND < 16, "kind and problem share a byte");
_Static_assert(CO_MODE_COUNT <= 256, "a mode is a byte");

static inline bool co_stored_has_own_modes(const struct co_session *session)
{
	return session->mode_count != 1 || session->modes[0] != CO_MODE_PAYMENT;
}

#endif
