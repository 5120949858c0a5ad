/* Port: the transactional producer of a lane, and its tick. Called from its lane's thread alone.
 * recycle → (begin → offsets → produce… → commit)…; after any status but CO_OK of begin to commit only recycle may
 * follow: it resolves the open transaction one way or the other, and the inbox's committed() says which. */
#ifndef CHECKOUT_PORTS_OUTBOX_H
#define CHECKOUT_PORTS_OUTBOX_H

#include "checkout/ports/log.h"
#include "checkout/status.h"

#define CO_TOPIC_AWAY (-2) /* of partitions_of() */

struct co_outbox {
	void *self;
	/* A new producer; every older transaction of this lane is decided when it returns CO_OK, and over but for
	 * partitions of others that are away. Blocks up to `timeout_ms`; CO_LOG_DOWN: call again (it goes on where it was),
	 * polling the inbox in between. CO_FENCED, CO_LOG_FATAL. */
	enum co_status (*recycle)(void *self, int timeout_ms);
	enum co_status (*begin)(void *self);
	/* The positions of this transaction, under the group generation that the inbox captured when it was assigned. */
	enum co_status (*offsets)(void *self, const struct co_position *positions, size_t count);
	/* Queues one message. `*index` (may be NULL) names it for delivered(). CO_LOG_REJECTED: too large for Kafka. */
	enum co_status (*produce)(void *self, const struct co_message *message, size_t *index);
	/* CO_OK: all of it is in the log. CO_LOG_UNANSWERED: it is in the log, but recycle before the next (a request got
	 * no answer and may arrive late). CO_LOG_FAILED: unknown. CO_LOG_REJECTED: not in the log, because of a record.
	 * CO_LOG_UNTAKEN: as CO_LOG_FAILED, and all that was not taken was for topics that clients named. CO_FENCED. */
	enum co_status (*commit)(void *self);
	/* After CO_OK or CO_LOG_UNANSWERED of commit: the offset that the message got; -1 unknown. */
	int64_t (*delivered)(void *self, size_t index);
	/* The number of partitions of a topic; 0: there is none of that name, or it takes no records now (no replica of a
	 * partition is alive, its disk is full); CO_TOPIC_AWAY: the same, and the last CO_LOG_UNTAKEN was for its sake;
	 * -1: Kafka did not say in time. Remembered for a while. */
	int32_t (*partitions_of)(void *self, struct co_view topic);
	/* Appends a tick to a partition of `commands`, outside any transaction, fire and forget. */
	void (*tick)(void *self, int32_t partition);
};

#endif
