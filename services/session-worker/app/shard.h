/* A shard: one partition of `commands` and the sessions that hash to it. During a round it holds the sessions in hand,
 * moves the partition's clock, lets deadlines pass in order and judges records in the order of the log (contract
 * section 5). Pure but for the reply-topic look-up: no I/O of its own, same records and sessions in, same messages out.
 * Owns nothing: everything in hand lives in the round's arena. */
#ifndef CHECKOUT_APP_SHARD_H
#define CHECKOUT_APP_SHARD_H

#include "deadlines.h"
#include "desk.h"
#include "round.h"
#include "work.h"

#include "checkout/app/intake.h"
#include "checkout/ports/registry.h"
#include "checkout/ports/store.h"

struct co_shard {
	int32_t partition;
	/* the truth of the log, moved by co_shard_committed() alone: */
	int64_t seq, clock_ms, next_offset;
	int64_t clog;            /* where in `state` the records after `seq` begin */
	int32_t partition_count; /* of the installation, as the committed position says; 0: it does not */
	/* this round: */
	bool touched;
	int64_t round_clock_ms, round_next_offset;
	/* Deadlines up to the one that this session has at this time are all in hand; CO_NEVER: all there are. */
	int64_t horizon_ms;
	struct co_uuid horizon_id;
	struct co_arena *arena;
	size_t work_count, slot_count;
	struct co_work **slots;        /* open addressing by session id */
	struct co_work **works;        /* in the order in which they came to hand */
	struct co_deadlines deadlines; /* entries that no longer hold are passed over */
	size_t lane_message;           /* its lane record among the round's messages */
	/* waking: */
	int64_t next_due_ms;       /* no deadline lies before it */
	int64_t tick_sent_ms;      /* monotonic; 0: none outstanding */
	int64_t tick_wall_ms;      /* this machine's time when it was sent */
	int64_t tick_behind_ms;    /* how far the broker's clock is behind this machine's, as the last tick showed */
	int64_t broker_behind_ms;  /* the same, as the last two showed at the least */
	int64_t behind_offset_ms;  /* this machine's time less its monotonic time when that was measured */
	int64_t retention_tick_ms; /* monotonic: the last tick that retention alone asked for */
	int64_t poison_offset;     /* a record whose outputs Kafka refused: answered 9300001; -1: none */
	int64_t untaken_offset; /* records before it were tried, and a client's reply topic did not take what it should */
};

/* What judging needs besides the shard. */
struct co_judge {
	const struct co_desk *desk;
	const struct co_outbox *outbox; /* partitions_of() */
	const struct co_registry *registry;
	const void *edition; /* of the registry, held for the round */
};

/* `expected` sessions: a hint for the table's size. */
void co_shard_begin(struct co_shard *shard, struct co_arena *arena, size_t expected);
/* A session of the view comes to hand. `horizon` counts for due ones. */
void co_shard_load(struct co_shard *shard, const struct co_desk *desk, const struct co_store_entry *entry);

/* A deadline of the view has no readable session: only a rebuild from `state` can say what expires. */
bool co_shard_is_damaged(const struct co_shard *shard, const struct co_store_load *load);
/* When even a rebuild did not help: such deadlines are dropped from the view, else the shard would stand still for
 * ever. */
void co_shard_drop_damaged(struct co_shard *shard, const struct co_store_load *load);

/* The time that a record brings its partition: its timestamp, but never so late that deadlines could not be added to
 * it, or that CO_NEVER would not be later than all of them. What is told of a record is its timestamp as it is. */
int64_t co_shard_time_of(const struct co_record *record);

enum co_taken {
	CO_TAKEN,      /* judged; its messages are in the round */
	CO_TAKE_LATER, /* more deadlines pass before it than are in hand: end the round before it */
	CO_TAKE_WAIT   /* Kafka did not say something that judging needs */
};
/* Judges the next record of this partition. Nothing is changed unless it returns CO_TAKEN. */
enum co_taken co_shard_take(struct co_shard *shard, const struct co_judge *judge, const struct co_record *record,
							const struct co_intake *intake, struct co_round *round);
/* Lets the deadlines in hand pass up to `until_ms`, without a record. */
void co_shard_elapse(struct co_shard *shard, const struct co_judge *judge, int64_t until_ms, struct co_round *round);
/* The session id whose state a record needs; false: none, or it lies on another partition. */
bool co_shard_needs(const struct co_desk *desk, const struct co_record *record, const struct co_intake *intake,
					struct co_uuid *out);
/* Ends the round: state records, tombstones and the lane record join the messages; *apply tells the view. */
void co_shard_finish(struct co_shard *shard, const struct co_judge *judge, struct co_round *round,
					 struct co_store_apply *apply);
/* The round is in the log. `clog`: the offset behind its lane record in `state`; -1: not known. */
void co_shard_committed(struct co_shard *shard, int64_t clog);

/* The position to commit: next offset, and `v1;s=<seq>;t=<clock>;p=<partitions>` with the sequence after this round and
 * the partition count by which sessions are dealt out. */
void co_shard_position(const struct co_shard *shard, const struct co_desk *desk, struct co_position *out);
/* The other way round. False: metadata that this version cannot read. An empty one is a fresh shard; one without the
 * partition count is taken, the count is 0 then. */
bool co_shard_restore(struct co_shard *shard, const struct co_position *position);

/* How the view keeps a stored session: its deadline, and the one that a payment in processing holds back. */
void co_shard_deadlines(const struct co_desk *desk, const struct co_session *session, int64_t *due_ms,
						int64_t *held_ms);

#endif
