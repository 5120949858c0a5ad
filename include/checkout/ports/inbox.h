/* Port: the consumer of `commands`, one per lane. Called from its lane's thread alone.
 * Ordering: records of a partition come in offset order from the position given to start(), each once, until the next
 * start(). A changed assignment is told by poll() as CO_REBALANCED before any record of it comes; records of partitions
 * that were taken away never come after that. Nothing is ever committed here: offsets travel in the outbox's
 * transaction. */
#ifndef CHECKOUT_PORTS_INBOX_H
#define CHECKOUT_PORTS_INBOX_H

#include "checkout/arena.h"
#include "checkout/ports/log.h"
#include "checkout/status.h"

struct co_inbox {
	void *self;
	/* The next record, waiting up to `timeout_ms` (0..1000). CO_OK: *out (headers in the arena, bytes until release) ·
	 * CO_NOTHING · CO_REBALANCED: ask assigned() · CO_LOG_DOWN: the log is not what it was, ask bounds() · CO_FENCED ·
	 * CO_LOG_FATAL. Serves the client's callbacks; must be
	 * called at least every few seconds or the group takes the partitions away. */
	enum co_status (*poll)(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out);
	/* The partitions held now, ascending; returns their number (at most `max`). */
	size_t (*assigned)(void *self, int32_t *partitions, size_t max);
	/* Fills offset and metadata for the given partitions. Blocks up to `timeout_ms`. CO_LOG_DOWN: nothing filled. */
	enum co_status (*committed)(void *self, struct co_position *positions, size_t count, int timeout_ms);
	/* What can be read of a partition of `commands`: from *low up to *high, which is not there yet. Blocks up to
	 * `timeout_ms`. CO_LOG_DOWN: nothing filled. */
	enum co_status (*bounds)(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms);
	/* Reads on from these positions, which must be all the partitions held; what was fetched before is dropped.
	 * `offset` -1 starts at the beginning. CO_REBALANCED when they are not the ones held any more. */
	enum co_status (*start)(void *self, const struct co_position *positions, size_t count);
	/* Every record handed out so far is done with. */
	void (*release)(void *self);
	/* Leaves the group cleanly (a static member keeps its place until its session runs out). */
	void (*leave)(void *self);
};

#endif
