/* Points in time: milliseconds since 1970-01-01T00:00:00Z as int64_t, no clock. */
#ifndef CHECKOUT_INSTANT_H
#define CHECKOUT_INSTANT_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/bytes.h"

#define CO_INSTANT_TEXT 24 /* characters of 2026-01-01T00:00:00.000Z */

/* RFC 3339, UTC, milliseconds, `Z`. Years 0000–9999; outside of them the nearest end is written. */
void co_instant_format(int64_t instant_ms, char out[CO_INSTANT_TEXT + 1]);
/* YYYY-MM-DDThh:mm:ss[.f…](Z|±hh:mm): year 0001–9999, a real day, hh 00–23, mm 00–59, ss 00–60, zone hour 00–23, zone
 * minute 00–59 (contract section 4.2). `lower_case_ok`: `t` and `z` too (`expirytime`). *out_ms (may be NULL) is
 * rounded down to the millisecond. False leaves it as it was. */
bool co_instant_parse(struct co_view text, bool lower_case_ok, int64_t *out_ms);

#endif
