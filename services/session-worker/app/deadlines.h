/* The deadlines in hand during a round, earliest first: a heap by (due, session id), the order in which Redis and the
 * log have them. Entries are added and taken from the top, never changed: whoever takes one looks whether it still
 * holds for its session. Lives in the round's arena; owns nothing, knows no time and no session's state. */
#ifndef CHECKOUT_APP_DEADLINES_H
#define CHECKOUT_APP_DEADLINES_H

#include "work.h"

#include "checkout/arena.h"

#include <stddef.h>
#include <stdint.h>

struct co_deadline {
	int64_t due_ms;
	struct co_work *work;
};

struct co_deadlines {
	struct co_arena *arena;
	size_t count, room;
	struct co_deadline *items; /* each is not before the one at (its index - 1) / 2 */
};

/* Empty, with room for `expected` (at least 1); it grows in the arena when there are more. */
void co_deadlines_begin(struct co_deadlines *deadlines, struct co_arena *arena, size_t expected);
/* Adds the deadline that the session has now; none (CO_NEVER) is not added. What was added of it before stays. `work`
 * is borrowed until the end of the round. */
void co_deadlines_push(struct co_deadlines *deadlines, struct co_work *work);
/* The earliest, until the next call of push or pop; NULL: there is none. */
const struct co_deadline *co_deadlines_first(const struct co_deadlines *deadlines);
/* Takes the earliest; there must be one. */
struct co_deadline co_deadlines_pop(struct co_deadlines *deadlines);

#endif
