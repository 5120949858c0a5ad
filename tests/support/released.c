/* With it explicit_bzero would be an inline function of <string.h>, not ours to define. */
#undef _FORTIFY_SOURCE

#include "released.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) || \
	__has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

#define WIPES_KEPT 16

static _Thread_local bool watching;
static _Thread_local struct released seen;
static _Thread_local struct wipe {
	const unsigned char *start;
	size_t bytes;
} wipes[WIPES_KEPT];
static _Thread_local size_t wipe_count;

/* By hand: a block may be poisoned in parts, and what the sanitizers put in place of memmem would tell of that. */
__attribute__((no_sanitize("address", "thread"))) static bool holds_planted(const volatile unsigned char *block,
																			size_t bytes)
{
	const size_t wanted = sizeof PLANTED_MARK - 1;

	for (size_t i = 0; i + wanted <= bytes; i++) {
		size_t same = 0;
		while (same < wanted && block[i + same] == (unsigned char)PLANTED_MARK[same])
			same++;
		if (same == wanted)
			return true;
	}
	return false;
}

static void look(const volatile void *block, size_t bytes)
{
	seen.blocks++;
	if (!holds_planted(block, bytes))
		return;
	if (seen.holding++ == 0)
		seen.holding_bytes = bytes;
}

#if SANITIZED
/* <sanitizer/allocator_interface.h>, which gcc does not bring. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *block, size_t bytes),
											  void (*on_free)(const volatile void *block));
size_t __sanitizer_get_allocated_size(const volatile void *block);

static void on_malloc(const volatile void *block, size_t bytes)
{
	(void)block, (void)bytes;
}

static void on_free(const volatile void *block)
{
	if (watching && block)
		look(block, __sanitizer_get_allocated_size(block));
}

static void install(void)
{
	static bool installed;

	if (!installed)
		assert_true(__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free) > 0);
	installed = true;
}
#else
/* glibc's own, under the names that are left when free and realloc are taken. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-*) */
void __libc_free(void *ptr);
void *__libc_realloc(void *ptr, size_t size);
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */

void free(void *ptr)
{
	if (watching && ptr)
		look(ptr, malloc_usable_size(ptr));
	__libc_free(ptr);
}

/* While watched it always moves, as under a sanitizer: that it could stay is luck. */
void *realloc(void *ptr, size_t size)
{
	size_t old_bytes;
	void *moved;

	if (!watching || !ptr || !size)
		return __libc_realloc(ptr, size);
	moved = malloc(size);
	if (!moved)
		return NULL;
	old_bytes = malloc_usable_size(ptr);
	memcpy(moved, ptr, old_bytes < size ? old_bytes : size);
	free(ptr);
	return moved;
}

/* What a test gives back itself is overwritten: a fresh block must not have it from there. */
static void install(void)
{
	mallopt(M_PERTURB, 0x5A);
}
#endif

/* In place of glibc's. */
void explicit_bzero(void *s, size_t n)
{
	const volatile unsigned char *before = s;

	/* <string.h> says that it only writes: gcc is not to know that we read first */
	__asm__ volatile("" : "+r"(before));
	if (watching) {
		seen.wiped += holds_planted(before, n);
		wipes[wipe_count++ % WIPES_KEPT] = (struct wipe){s, n};
	}
	memset(s, 0, n);
	__asm__ volatile("" ::"r"(s) : "memory");
}

/* What _FORTIFY_SOURCE makes of the call. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-*) */
void __explicit_bzero_chk(void *s, size_t n, size_t room);
void __explicit_bzero_chk(void *s, size_t n, size_t room)
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */
{
	if (n > room)
		abort();
	explicit_bzero(s, n);
}

void released_watch(void)
{
	install();
	seen = (struct released){0};
	memset(wipes, 0, sizeof wipes);
	wipe_count = 0;
	watching = true;
}

struct released released_end(void)
{
	watching = false;
	return seen;
}

void released_end_clean(void)
{
	struct released found = released_end();

	if (found.holding > 0)
		fail_msg("%zu of %zu blocks were given back with a secret in them, the first of %zu bytes", found.holding,
				 found.blocks, found.holding_bytes);
	assert_true(found.blocks > 0);
}

bool released_is_wiped(const void *byte)
{
	for (size_t i = 0; i < WIPES_KEPT; i++)
		if (wipes[i].start && (uintptr_t)byte - (uintptr_t)wipes[i].start < wipes[i].bytes)
			return true;
	return false;
}
