/* The store port on Redis. Keys of shard p, all with the hash tag {p} (Redis Cluster works from day one):
 *   <prefix>:{p}:m            HASH seq, clog, gen, live, fmt, partitions: the marker
 *   <prefix>:{p}:<gen>:s:<id> STRING the stored session
 *   <prefix>:{p}:<gen>:due    ZSET session id by deadline; <gen>:held the same for deadlines that a payment holds back
 * Every change goes through one Lua script that compares the marker's seq first. Owns its connection; one thread. */
#ifndef CHECKOUT_ADAPTERS_REDIS_STORE_H
#define CHECKOUT_ADAPTERS_REDIS_STORE_H

#include "checkout/ports/store.h"

struct co_redis_store;

struct co_redis_wish {
	const char *url; /* redis://[user:password@]host:port/db or unix:///path[?db=n] */
	const char *key_prefix;
	int64_t timeout_ms; /* of one call, connecting included */
	int32_t partition_count;
	const char *role, *member; /* CLIENT LIST shows checkout-<role>-<member> */
};

/* Connects at the first call. Strings of the wish must outlive the store. Never fails: an unusable url shows at the
 * first call. */
struct co_redis_store *co_redis_store_open(const struct co_redis_wish *wish);
struct co_store co_redis_store_port(struct co_redis_store *store);
void co_redis_store_close(struct co_redis_store *store);

#endif
