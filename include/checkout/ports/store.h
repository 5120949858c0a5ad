/* Port: the view of the sessions (Redis). It follows the log and can always be made again from it.
 * Every call names the sequence it expects the shard to show; a call that finds another has no effect and says
 * CO_VIEW_MISMATCH. A call that times out may have run: the sequence tells. Blocking: at most the configured time-out
 * per call. */
#ifndef CHECKOUT_PORTS_STORE_H
#define CHECKOUT_PORTS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkout/arena.h"
#include "checkout/bytes.h"
#include "checkout/status.h"
#include "checkout/uuid.h"

#define CO_NEVER INT64_MAX

/* The marker of a shard. */
struct co_store_mark {
	bool present;
	int64_t seq;  /* of the last transaction applied */
	int64_t clog; /* where in `state` the records after it begin */
};

struct co_store_entry {
	struct co_uuid id;
	struct co_view stored; /* ptr NULL: no such session; to apply(): delete it */
	int64_t due_ms;        /* its deadline; CO_NEVER: none. load() fills it for due sessions only */
	int64_t held_ms;       /* a payment in processing: the deadline that it holds back; CO_NEVER: none */
};

/* One shard's part of a load: the sessions named and the ones due. */
struct co_store_load {
	int32_t partition;
	int64_t seq; /* expected */
	size_t id_count;
	const struct co_uuid *ids;
	int64_t due_until_ms; /* deadlines up to here, inclusive; INT64_MIN: none */
	size_t due_max;
	/* filled: */
	struct co_store_entry *found; /* id_count of them, in the order of `ids` */
	size_t due_count;
	struct co_store_entry *due; /* by deadline, then id */
	bool damaged;               /* one of `ids` has a deadline and no session */
};

struct co_store_apply {
	int32_t partition;
	int64_t from_seq, to_seq;
	int64_t clog;
	size_t count;
	const struct co_store_entry *entries;
};

/* What the shard counts and when it next has to wake. */
struct co_store_census {
	int64_t live;           /* sessions open or completed */
	int64_t overdue;        /* held back past their deadline by a payment in processing */
	int64_t next_due_ms;    /* the earliest deadline of any kind; CO_NEVER: none */
	int64_t next_expiry_ms; /* the earliest of a live session among the first 100; CO_NEVER: none among them */
};

struct co_store {
	void *self;
	enum co_status (*mark)(void *self, int32_t partition, struct co_store_mark *out);
	/* All shards in one round trip. CO_OK, CO_VIEW_MISMATCH (of any), CO_VIEW_DOWN. */
	enum co_status (*load)(void *self, struct co_arena *arena, struct co_store_load *loads, size_t count);
	/* All shards in one round trip; each is all or nothing. The same. */
	enum co_status (*apply)(void *self, const struct co_store_apply *applies, size_t count);
	/* Rebuilding: begin() opens an empty generation beside the one in use, put() fills it, publish() makes it the one
	 * in use if the marker still is what begin() found, and removes what is left of others. */
	enum co_status (*rebuild_begin)(void *self, int32_t partition);
	enum co_status (*rebuild_put)(void *self, int32_t partition, const struct co_store_entry *entries, size_t count);
	enum co_status (*rebuild_publish)(void *self, int32_t partition, int64_t seq, int64_t clog);
	/* `now_ms`: the shard's clock. */
	enum co_status (*census)(void *self, int32_t partition, int64_t now_ms, struct co_store_census *out);
};

#endif
