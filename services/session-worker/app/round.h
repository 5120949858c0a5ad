/* One transaction in the making: messages in the order in which they will be produced, and what to count once it is
 * committed. Lives in a round's arena. */
#ifndef CHECKOUT_APP_ROUND_H
#define CHECKOUT_APP_ROUND_H

#include "checkout/arena.h"
#include "checkout/metrics.h"
#include "checkout/ports/log.h"

/* Something to count when, and only when, the transaction is in the log. */
struct co_tally {
	enum co_metric metric;
	size_t label1, label2;
	bool is_instant; /* observe (wall clock - instant_ms) in seconds */
	int64_t instant_ms;
};

struct co_round {
	struct co_arena *arena;
	size_t message_count, message_room;
	struct co_message *messages;
	size_t tally_count, tally_room;
	struct co_tally *tallies;
};

void co_round_begin(struct co_round *round, struct co_arena *arena);
/* A slot to be filled by a co_output_* call. Earlier slots may move: take pointers again after this. */
struct co_message *co_round_message(struct co_round *round);
void co_round_count(struct co_round *round, enum co_metric metric, size_t label1, size_t label2);
/* Observes the time from `instant_ms` to the commit. */
void co_round_age(struct co_round *round, enum co_metric metric, int64_t instant_ms);
/* Takes back what came after these counts. */
void co_round_rewind(struct co_round *round, size_t message_count, size_t tally_count);
/* The transaction is in the log: counts all of it. */
void co_round_committed(const struct co_round *round, int64_t wall_ms);

#endif
