#include "deadlines.h"

#include "checkout/ports/store.h"

#include <assert.h>
#include <string.h>

static bool is_before(const struct co_deadline *a, const struct co_deadline *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return co_uuid_compare(&a->work->id, &b->work->id) < 0;
}

void co_deadlines_begin(struct co_deadlines *deadlines, struct co_arena *arena, size_t expected)
{
	deadlines->arena = arena;
	deadlines->count = 0;
	deadlines->room = expected;
	deadlines->items = CO_NEW_ARRAY(arena, struct co_deadline, expected);
}

void co_deadlines_push(struct co_deadlines *deadlines, struct co_work *work)
{
	if (work->due_ms == CO_NEVER)
		return;
	if (deadlines->count == deadlines->room) {
		struct co_deadline *more = CO_NEW_ARRAY(deadlines->arena, struct co_deadline, 2 * deadlines->room);
		memcpy(more, deadlines->items, deadlines->count * sizeof(*more));
		deadlines->items = more;
		deadlines->room *= 2;
	}
	struct co_deadline *heap = deadlines->items;
	size_t i = deadlines->count++;
	struct co_deadline item = {work->due_ms, work};
	while (i > 0 && is_before(&item, &heap[(i - 1) / 2])) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = item;
}

const struct co_deadline *co_deadlines_first(const struct co_deadlines *deadlines)
{
	return deadlines->count ? &deadlines->items[0] : NULL;
}

struct co_deadline co_deadlines_pop(struct co_deadlines *deadlines)
{
	assert(deadlines->count > 0);
	struct co_deadline *heap = deadlines->items;
	struct co_deadline top = heap[0];
	struct co_deadline item = heap[--deadlines->count];
	size_t i = 0;
	for (size_t child = 1; child < deadlines->count; child = 2 * i + 1) {
		if (child + 1 < deadlines->count && is_before(&heap[child + 1], &heap[child]))
			child++;
		if (!is_before(&heap[child], &item))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = item;
	return top;
}
