/* What the parts of the model share. */
#ifndef CO_SIM_INTERNAL_H
#define CO_SIM_INTERNAL_H

#include "sim.h"

enum co_sim_fault co_sim_ask(const struct co_sim_faults *faults, enum co_sim_op op);
/* Appends to a partition; the record is copied. Returns the offset. */
int64_t co_sim_append(struct co_sim_broker *broker, struct co_sim_topic *topic, int32_t partition,
					  const struct co_message *message, struct co_sim_txn *txn);
/* Ends a transaction: markers, positions. */
void co_sim_txn_end(struct co_sim_broker *broker, struct co_sim_txn *txn, enum co_sim_outcome outcome);
struct co_sim_txn *co_sim_txn_begin(struct co_sim_broker *broker, struct co_sim_producer *producer);
/* A copy whose bytes live in one block of memory; header array in `arena`. */
void *co_sim_copy(const struct co_record *record, struct co_arena *arena, struct co_record *out);
void co_sim_rebalance(struct co_sim_group *group);
/* Some open transaction holds back the group's position of that partition. */
bool co_sim_position_is_pending(const struct co_sim_broker *broker, const struct co_sim_group *group,
								int32_t partition);

#endif
