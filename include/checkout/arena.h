/* Memory for one batch: taken piece by piece, given back at once by a reset.
 * Owns its chunks and keeps them over a reset (up to `keep_bytes_max`). Never returns NULL: when the machine has no
 * memory the process ends (crash-only: nothing is lost by that). Not thread-safe: one arena, one thread. */
#ifndef CHECKOUT_ARENA_H
#define CHECKOUT_ARENA_H

#include <stddef.h>

struct co_arena_chunk;

struct co_arena {
	struct co_arena_chunk *first, *current;
	size_t used_bytes;  /* handed out since the last reset */
	size_t chunk_bytes; /* size of a fresh chunk */
	size_t keep_bytes_max;
};

/* `chunk_bytes`: 4 KiB and more. Nothing is allocated yet. */
void co_arena_init(struct co_arena *arena, size_t chunk_bytes, size_t keep_bytes_max);
/* Aligned for any type, not cleared. `bytes` may be 0. */
void *co_arena_alloc(struct co_arena *arena, size_t bytes) __attribute__((returns_nonnull));
/* The same, cleared; overflow of count × bytes ends the process. */
void *co_arena_zalloc(struct co_arena *arena, size_t count, size_t bytes) __attribute__((returns_nonnull));
/* All of it is free again; what was handed out is gone. */
void co_arena_reset(struct co_arena *arena);
/* Gives everything back to the system; the arena may be used again. */
void co_arena_clear(struct co_arena *arena);

#define CO_NEW(arena, type) ((type *)co_arena_zalloc((arena), 1, sizeof(type)))
#define CO_NEW_ARRAY(arena, type, count) ((type *)co_arena_zalloc((arena), (count), sizeof(type)))

#endif
