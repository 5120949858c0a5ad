/* The stored form of a session: what Redis keeps and `state` carries. A version byte, then compact fields; first byte
 * 'L' while the session lives, 'E' once it ended. Written and read here alone. */
#ifndef CHECKOUT_APP_STORED_H
#define CHECKOUT_APP_STORED_H

#include "checkout/arena.h"
#include "checkout/domain/session.h"
#include "checkout/status.h"

struct co_view co_stored_write(const struct co_session *session, struct co_arena *arena);
/* Every length and number is checked. CO_OK, or CO_FORMAT with *out undefined. Views of *out borrow from `stored`. */
enum co_status co_stored_read(struct co_view stored, struct co_arena *arena, struct co_session *out) CO_MUST_USE;

#endif
