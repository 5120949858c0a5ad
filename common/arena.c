#include "checkout/arena.h"

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was not handed out, or was handed out before the last reset, is out of bounds for AddressSanitizer. */
#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(ptr, bytes) ASAN_POISON_MEMORY_REGION((ptr), (bytes))
#define UNPOISON(ptr, bytes) ASAN_UNPOISON_MEMORY_REGION((ptr), (bytes))
#else
#define POISON(ptr, bytes) ((void)(ptr), (void)(bytes))
#define UNPOISON(ptr, bytes) ((void)(ptr), (void)(bytes))
#endif

#define ALIGNMENT alignof(max_align_t)

struct co_arena_chunk {
	struct co_arena_chunk *next;
	size_t cap_bytes, used_bytes;
	alignas(max_align_t) unsigned char bytes[];
};

static _Noreturn void out_of_memory(void)
{
	(void)fputs("out of memory\n", stderr);
	abort();
}

void co_arena_init(struct co_arena *arena, size_t chunk_bytes, size_t keep_bytes_max)
{
	assert(chunk_bytes >= 4096);
	*arena = (struct co_arena){.chunk_bytes = chunk_bytes, .keep_bytes_max = keep_bytes_max};
}

/* A chunk with `bytes` free becomes the current one: the next kept one if it is wide enough, else a fresh one. */
static struct co_arena_chunk *turn_page(struct co_arena *arena, size_t bytes)
{
	struct co_arena_chunk *next = arena->current ? arena->current->next : arena->first;

	if (!next || next->cap_bytes < bytes) {
		size_t cap_bytes = bytes > arena->chunk_bytes ? bytes : arena->chunk_bytes;
		struct co_arena_chunk *fresh;

		if (cap_bytes > SIZE_MAX - sizeof(*fresh))
			out_of_memory();
		fresh = malloc(sizeof(*fresh) + cap_bytes);
		if (!fresh)
			out_of_memory();
		fresh->cap_bytes = cap_bytes;
		fresh->used_bytes = 0;
		fresh->next = next;
		POISON(fresh->bytes, cap_bytes);
		if (arena->current)
			arena->current->next = fresh;
		else
			arena->first = fresh;
		next = fresh;
	}
	arena->current = next;
	return next;
}

void *co_arena_alloc(struct co_arena *arena, size_t bytes)
{
	struct co_arena_chunk *chunk = arena->current;
	size_t taken;
	void *piece;

	if (bytes > SIZE_MAX - ALIGNMENT)
		out_of_memory();
	/* An empty piece takes a place as well, so that no two pieces are the same. */
	taken = (bytes + (bytes == 0) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!chunk || chunk->cap_bytes - chunk->used_bytes < taken)
		chunk = turn_page(arena, taken);
	piece = chunk->bytes + chunk->used_bytes;
	chunk->used_bytes += taken;
	arena->used_bytes += taken;
	UNPOISON(piece, bytes);
	return piece;
}

void *co_arena_zalloc(struct co_arena *arena, size_t count, size_t bytes)
{
	void *piece;

	if (bytes && count > SIZE_MAX / bytes)
		out_of_memory();
	piece = co_arena_alloc(arena, count * bytes);
	memset(piece, 0, count * bytes);
	return piece;
}

static void free_chunks(struct co_arena_chunk *chunk)
{
	while (chunk) {
		struct co_arena_chunk *next = chunk->next;

		UNPOISON(chunk->bytes, chunk->cap_bytes);
		free(chunk);
		chunk = next;
	}
}

void co_arena_reset(struct co_arena *arena)
{
	struct co_arena_chunk **link = &arena->first;
	size_t kept_bytes = 0;

	while (*link) {
		struct co_arena_chunk *chunk = *link;

		if (chunk->cap_bytes > arena->keep_bytes_max - kept_bytes) {
			*link = chunk->next;
			chunk->next = NULL;
			free_chunks(chunk);
			continue;
		}
		kept_bytes += chunk->cap_bytes;
		chunk->used_bytes = 0;
		POISON(chunk->bytes, chunk->cap_bytes);
		link = &chunk->next;
	}
	arena->current = NULL;
	arena->used_bytes = 0;
}

void co_arena_clear(struct co_arena *arena)
{
	free_chunks(arena->first);
	arena->first = NULL;
	arena->current = NULL;
	arena->used_bytes = 0;
}
