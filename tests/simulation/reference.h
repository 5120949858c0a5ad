/* What must have come out: a fold of the log by the same core, one record at a time, nothing faulted, no broker and no
 * Redis. Only what the log cannot tell, what Kafka takes and where it finds a topic, is asked of the world: which
 * outcomes it allows a record, and, where it allows several, which of them is in Kafka whole. Owns its results through
 * one arena. */
#ifndef CO_REFERENCE_H
#define CO_REFERENCE_H

#include "world.h"

struct co_expected {
	enum co_model_topic topic;
	int32_t from; /* the partition of commands that caused it */
	struct co_message message;
};
struct co_reference {
	struct co_arena arena;
	size_t count, room;
	struct co_expected *expected; /* partition by partition, in the order of the log; nothing of `state` */
	size_t kept_count[CO_PARTITIONS_MAX];
	struct co_store_entry *kept[CO_PARTITIONS_MAX];
	bool own_replies_gone, own_replies_away; /* as the record in hand is judged */
};

/* Whether that is what was written: all of it but where it lies. */
bool co_is_same(const struct co_message *expected, const struct co_record *got);
void co_reference_make(struct co_world *world, struct co_reference *reference);
void co_reference_clear(struct co_reference *reference);

#endif
