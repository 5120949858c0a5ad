/* A model of the log and the view, in memory, behind the product's ports: for tests that want no broker, and for a
 * simulation with faults, crashes and several workers. Deterministic: same calls, same bytes, no thread, no clock of
 * its own. Faithful to the ports' comments and to what a Kafka broker does with transactions: markers take an offset, a
 * read_committed reader stops at the oldest open transaction, committed positions are unstable while their transaction
 * is open, an older epoch and an older generation are fenced.
 * One struct co_sim_broker (topics, groups, transactions), one struct co_sim_store, any number of clients of both. */
#ifndef CO_SIM_H
#define CO_SIM_H

#include "record.h"

#include "checkout/ports/clock.h"
#include "checkout/ports/inbox.h"
#include "checkout/ports/outbox.h"
#include "checkout/ports/replay.h"
#include "checkout/ports/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- time: one for all; moved by sleeping and by polls that find nothing ---- */

struct co_sim_time {
	int64_t wall_ms, monotonic_ms;
};
void co_sim_time_pass(struct co_sim_time *time, int64_t duration_ms);
/* The port; `time` is borrowed. */
struct co_clock co_sim_clock(struct co_sim_time *time);

/* ---- faults: asked before every call of a port ---- */

enum co_sim_op {
	CO_SIM_POLL,
	CO_SIM_COMMITTED,
	CO_SIM_START,
	CO_SIM_RECYCLE,
	CO_SIM_BEGIN,
	CO_SIM_OFFSETS,
	CO_SIM_PRODUCE,
	CO_SIM_COMMIT,
	CO_SIM_PARTITIONS_OF,
	CO_SIM_TICK,
	CO_SIM_REPLAY_OPEN,
	CO_SIM_REPLAY_NEXT,
	CO_SIM_MARK,
	CO_SIM_LOAD,
	CO_SIM_APPLY,
	CO_SIM_REBUILD_BEGIN,
	CO_SIM_REBUILD_PUT,
	CO_SIM_REBUILD_PUBLISH,
	CO_SIM_CENSUS,
	CO_SIM_OP_COUNT
};
const char *co_sim_op_name(enum co_sim_op op);

enum co_sim_fault {
	CO_SIM_NONE,
	CO_SIM_FAIL_BEFORE, /* the error, and nothing happened */
	CO_SIM_FAIL_AFTER,  /* the error, but it happened */
	CO_SIM_UNANSWERED,  /* commit alone: it is in the log, and CO_LOG_UNANSWERED says so. Elsewhere: NONE */
	CO_SIM_UNTAKEN /* commit: CO_LOG_UNTAKEN, and it is not in the log; partitions_of: CO_TOPIC_AWAY. Elsewhere: NONE */
};
/* The hook may also leave the call for good (longjmp): that is a crash of the client. */
struct co_sim_faults {
	void *self;
	enum co_sim_fault (*ask)(void *self, enum co_sim_op op); /* NULL: none */
};

/* ---- the broker ---- */

enum co_sim_outcome { CO_SIM_OPEN, CO_SIM_COMMITTED_TXN, CO_SIM_ABORTED };

struct co_sim_txn;

struct co_sim_entry {
	bool marker;             /* a control record: takes an offset, nobody sees it */
	struct co_sim_txn *txn;  /* NULL: outside any */
	struct co_record record; /* owned; no marker */
	void *memory;
};

struct co_sim_partition {
	size_t count, cap;
	size_t settled;               /* all entries before it belong to no open transaction */
	struct co_sim_entry *entries; /* index = offset */
};

struct co_sim_topic {
	char name[128];
	int32_t partition_count;
	bool compacted;   /* a record without a key refuses its whole transaction */
	bool append_time; /* LogAppendTime */
	size_t message_bytes_max;
	struct co_sim_partition *partitions;
};

struct co_sim_pending {
	const char *group;
	struct co_position position;
};

struct co_sim_txn {
	struct co_sim_producer *producer;
	enum co_sim_outcome outcome;
	bool refused; /* by a record: commit says CO_LOG_REJECTED */
	size_t touched_count, touched_cap;
	struct co_sim_touch {
		struct co_sim_topic *topic;
		int32_t partition;
	} * touched;
	size_t pending_count;
	struct co_sim_pending pending[64];
	struct co_sim_txn *next; /* all there ever were */
};

/* What the broker knows of a transactional id. */
struct co_sim_producer {
	char id[128];
	int epoch;
	struct co_sim_txn *open;
};

struct co_sim_group {
	char name[128];
	int generation;
	size_t member_count;
	struct co_sim_inbox *members[16]; /* in the order in which they joined */
	size_t position_count;
	struct co_position positions[256];
};

struct co_sim_broker {
	struct co_sim_time *time;
	size_t topic_count, producer_count, group_count;
	struct co_sim_topic topics[32];
	struct co_sim_producer producers[64];
	struct co_sim_group groups[4];
	struct co_sim_txn *txns;
	uint64_t unkeyed; /* round robin of records without a key */
};

void co_sim_broker_init(struct co_sim_broker *broker, struct co_sim_time *time);
void co_sim_broker_clear(struct co_sim_broker *broker);
struct co_sim_topic *co_sim_topic_add(struct co_sim_broker *broker, const char *name, int32_t partitions);
/* The six topics of the service. */
void co_sim_topics_add(struct co_sim_broker *broker, const char *prefix, int32_t partitions, bool stream);
/* NULL: there is none. */
struct co_sim_topic *co_sim_topic_find(struct co_sim_broker *broker, struct co_view name);
struct co_sim_group *co_sim_group_find(struct co_sim_broker *broker, const char *name);
/* Appends outside any transaction; partition -1: by key as murmur2_random does. Returns offset and partition. */
void co_sim_send(struct co_sim_broker *broker, const struct co_message *message, int32_t *partition, int64_t *offset);
/* The first offset that a read_committed reader may not see yet. */
int64_t co_sim_stable_end(struct co_sim_partition *partition);
/* A committed record at that offset; NULL: a marker, aborted, or beyond the stable end. */
const struct co_record *co_sim_visible(struct co_sim_partition *partition, int64_t offset);
/* All committed records of all topics, topic by topic, partition by partition, in offset order, appended to `log`. */
void co_sim_collect(const struct co_sim_broker *broker, struct co_tk_log *log);
/* Everything visible on `topic` lies below the group's committed positions. */
bool co_sim_lag_is_zero(struct co_sim_broker *broker, const char *group, const char *topic);
/* Transactions left open by clients that are gone: the broker's time-out. */
void co_sim_abort_open(struct co_sim_broker *broker);

/* ---- clients ---- */

struct co_sim_inbox {
	struct co_sim_broker *broker;
	struct co_sim_group *group;
	struct co_sim_topic *topic;
	struct co_sim_faults faults;
	bool joined, told; /* told: the assignment in force was announced by poll() */
	int generation;    /* captured when it was */
	size_t held_count;
	int32_t held[256];
	bool started;
	int64_t next[256]; /* by index of held */
	size_t turn;       /* fair over partitions */
	size_t out_count, out_cap;
	void **out; /* memory of what was handed out, given back by release() */
};
struct co_inbox co_sim_inbox_open(struct co_sim_inbox *inbox, struct co_sim_broker *broker, const char *group,
								  const char *topic, struct co_sim_faults faults);
/* The process is gone (crash): its place in the group is free. leave() does it too. */
void co_sim_inbox_drop(struct co_sim_inbox *inbox);

struct co_sim_outbox {
	struct co_sim_broker *broker;
	struct co_sim_inbox *inbox; /* whose generation the offsets carry */
	struct co_sim_producer *producer;
	struct co_sim_topic *ticks; /* `commands` */
	struct co_sim_faults faults;
	int epoch;
	bool remembered[32]; /* partitions_of() said it of this topic once; it is not asked again */
	bool broken;         /* something failed: only recycle may follow */
	struct co_sim_txn *txn;
	size_t produced_count, produced_cap;
	int64_t *produced; /* offsets by index */
};
struct co_outbox co_sim_outbox_open(struct co_sim_outbox *outbox, struct co_sim_broker *broker, const char *id,
									struct co_sim_inbox *inbox, const char *commands, struct co_sim_faults faults);
void co_sim_outbox_drop(struct co_sim_outbox *outbox);

struct co_sim_replay {
	struct co_sim_broker *broker;
	struct co_sim_topic *topic;
	struct co_sim_faults faults;
	bool is_open;
	int32_t partition;
	int64_t next, told_end;
	void *last; /* memory of the last record */
};
struct co_replay co_sim_replay_open(struct co_sim_replay *replay, struct co_sim_broker *broker, const char *state,
									struct co_sim_faults faults);
void co_sim_replay_drop(struct co_sim_replay *replay);

/* ---- the view ---- */

struct co_sim_stored {
	struct co_uuid id;
	char *bytes;
	size_t length;
	int64_t due_ms, held_ms;
};
struct co_sim_generation {
	size_t count, cap;
	struct co_sim_stored *items; /* ascending by id */
};
struct co_sim_view {
	struct co_store_mark mark;
	uint64_t generation; /* of the mark; 0: none */
	struct co_sim_generation live, staged;
	bool staging;
	struct co_store_mark staged_from; /* what rebuild_begin found */
	uint64_t staged_from_generation;
};
struct co_sim_store {
	size_t view_count;
	struct co_sim_view *views; /* by partition */
};
void co_sim_store_init(struct co_sim_store *store, int32_t partitions);
void co_sim_store_clear(struct co_sim_store *store);
/* FLUSHALL, or Redis restarted with nothing. */
void co_sim_store_flush(struct co_sim_store *store);
/* A client of it. */
struct co_sim_store_client {
	struct co_sim_store *store;
	struct co_sim_faults faults;
};
struct co_store co_sim_store_open(struct co_sim_store_client *client, struct co_sim_store *store,
								  struct co_sim_faults faults);

#endif
