/* One connection to Redis: connects when needed, authenticates, loads the scripts, runs calls in one round trip. Does
 * not work on a Redis that may throw our keys away: that is as good as none.
 * After any failure the connection is closed: a late answer can never be taken for another call's. Owns the connection.
 */
#ifndef CHECKOUT_ADAPTERS_REDIS_LINK_H
#define CHECKOUT_ADAPTERS_REDIS_LINK_H

#include "redis_scripts.h"

#include "checkout/status.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct co_redis_link {
	const char *url;
	int64_t timeout_ms;
	redisContext *context;
	char name[256]; /* in CLIENT LIST */
	char sha[CO_SCRIPT_COUNT][41];
	int64_t down_until_ms; /* monotonic: no new try before */
	int64_t look_again_ms; /* monotonic: whether it evicts; the policy of a connection in use can change */
	size_t word_count, word_room;
	const char **words; /* of the call being put together */
	size_t *sizes;
};

/* The connection is called checkout-<role>-<member>, cut to its room; role and member hold no spaces. */
void co_redis_link_init(struct co_redis_link *link, const char *url, int64_t timeout_ms, const char *role,
						const char *member);
void co_redis_link_close(struct co_redis_link *link);
/* CO_OK: connected, scripts known, and what is stored stays, as far as Redis tells (looked at every 5 s). CO_VIEW_DOWN
 * otherwise. Not while answers are still to be received. */
enum co_status co_redis_link_ready(struct co_redis_link *link) CO_MUST_USE;

/* A call is put together word by word (words are borrowed until send), then queued; receive() in the same order. */
void co_redis_link_begin(struct co_redis_link *link);
void co_redis_link_word(struct co_redis_link *link, const char *word, size_t size);
/* EVALSHA <script> 1 <key>, more words follow. */
void co_redis_link_begin_script(struct co_redis_link *link, enum co_redis_script script, const char *key);
enum co_status co_redis_link_send(struct co_redis_link *link) CO_MUST_USE;
/* *out is the caller's to free. CO_VIEW_DOWN: no answer, or an error (the connection is closed). */
enum co_status co_redis_link_receive(struct co_redis_link *link, redisReply **out) CO_MUST_USE;

#endif
