/* One simulated installation: a broker, a Redis, some workers, people who send commands, and everything that goes wrong
 * between them. One thread, one virtual clock, one stream of random numbers: a seed tells all of it. Owns the models
 * and the workers' memory. Never touches a real clock, socket or file. */
#ifndef CO_WORLD_H
#define CO_WORLD_H

#include "mutants.h"

#include "app/lane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

#define CO_PARTITIONS_MAX 3
#define CO_WORKERS_MAX 3
#define CO_IDS_MAX 3 /* transactional ids of a lane; the adapter has 16: here they come round */
#define CO_TXN_IDS (CO_WORKERS_MAX * CO_IDS_MAX)
#define CO_PROCS_MAX 9
#define CO_PREFIX "checkout.session."
#define CO_OWN_REPLIES "shop.replies"
#define CO_OWN_REPLIES_PARTITIONS 2
#define CO_ABSENCES_MAX 8
#define CO_LOOKUP_KEEP_MS 30000 /* so long the answer to a look-up is remembered */
#define CO_MUTATED(name) (co_mutant == CO_MUTANT_##name)

/* What can go wrong at a call: the chance per call in 1/10,000 when the seed has that trouble at its plainest. */
enum co_trouble {
#define CO_TROUBLE(name, chance) CO_TROUBLE_##name,
#include "troubles.def"
#undef CO_TROUBLE
	CO_TROUBLE_COUNT
};

/* What only some worlds have. */
enum co_feature {
#define CO_FEATURE(name, text, chance) CO_FEATURE_##name,
#include "features.def"
#undef CO_FEATURE
	CO_FEATURE_COUNT
};
/* Given to every seed, whatever its luck (--force). */
extern bool co_forced[CO_FEATURE_COUNT];

struct co_world;
struct co_proc;

/* ---- what will happen ---- */

struct co_event {
	int64_t at_ms;
	uint64_t order; /* among events of one millisecond */
	void (*happen)(struct co_world *world, struct co_event *event);
	int64_t a, b;
	void *what; /* the handler's to free; freed with the world when it never happens */
	void *whom; /* borrowed */
};

/* ---- the broker ---- */

enum co_model_topic {
	CO_M_COMMANDS,
	CO_M_REPLIES,
	CO_M_ERRORS,
	CO_M_EVENTS,
	CO_M_STATE,
	CO_M_DLQ,
	CO_M_OWN_REPLIES,
	CO_M_TOPICS
};

struct co_txn;
struct co_entry {
	bool marker, compacted; /* takes an offset, nobody sees it */
	bool refused_alone;     /* of commands: Kafka refused an output of a transaction that read this record alone */
	bool untaken; /* of commands: read by a transaction that waited in vain for CO_OWN_REPLIES, and for that alone */
	struct co_txn *txn; /* NULL: outside any */
	int64_t at_ms;
	int64_t clock_ms; /* the latest that a broker's clock had said by then; stream: the partition's commands */
	struct co_record record;
	void *memory;
};
struct co_log_part {
	size_t count, room;
	size_t settled;                           /* the last stable offset */
	int64_t away_until_ms, unmarked_until_ms; /* takes and gives nothing; takes everything but markers */
	struct co_entry *entries;
};
struct co_model_log {
	char name[64];
	int32_t partition_count;
	struct co_log_part parts[CO_PARTITIONS_MAX];
};

struct co_touch {
	enum co_model_topic topic;
	int32_t partition;
	bool landed; /* its marker */
};
struct co_txn {
	struct co_producer *producer;
	bool decided, commit;
	int64_t begun_ms;
	size_t touch_count;
	struct co_touch touches[CO_M_TOPICS * CO_PARTITIONS_MAX];
	bool has_offsets, offsets_landed;
	struct co_txn *next; /* all there ever were */
};
/* What the broker knows of a transactional id. */
struct co_producer {
	int epoch;
	struct co_txn *txn; /* open, or its markers still under way; NULL: none */
	size_t pending_count;
	struct co_position pending[CO_PARTITIONS_MAX * 2];
	bool forgotten[CO_PARTITIONS_MAX * 2]; /* the group was deleted: its data will be there, the position will not */
};
struct co_member {
	int worker;
	uint64_t id; /* of the process: an older one of that name is fenced */
	int64_t heartbeat_ms;
	bool rejoined;
	int32_t first, count;
};
struct co_group {
	int generation;
	bool preparing;
	int64_t prepare_until_ms;
	size_t member_count;
	struct co_member members[CO_WORKERS_MAX];
	struct co_position positions[CO_PARTITIONS_MAX];
	struct co_position truth[CO_PARTITIONS_MAX]; /* what they would be if none had ever got lost */
};
enum co_own_replies { CO_OWN_THERE, CO_OWN_GONE, CO_OWN_UNWRITABLE };
struct co_absence {
	int64_t from_ms, to_ms;
};
struct co_broker {
	struct co_model_log topics[CO_M_TOPICS];
	struct co_producer producers[CO_TXN_IDS]; /* at worker * CO_IDS_MAX + which of its lane's ids */
	struct co_group group;
	struct co_txn *txns;
	int64_t skew_ms, latest_ms; /* of the leader's clock; the latest that any leader's has shown */
	int64_t down_until_ms;
	size_t bytes_max[CO_M_TOPICS]; /* of a worker's record */
	enum co_own_replies own;       /* what CO_OWN_REPLIES is just now */
	size_t absence_count;
	struct co_absence absences[CO_ABSENCES_MAX]; /* when nobody found it */
	int64_t own_late_until_ms; /* so long a worker may take it for one that is away: it took nothing */
};

/* One block that holds all bytes and headers of *out. */
void *co_record_copy(const struct co_record *from, struct co_record *out);
int64_t co_broker_append(struct co_world *world, enum co_model_topic topic, const struct co_message *message,
						 struct co_txn *txn);
enum co_model_topic co_broker_topic(const struct co_world *world, struct co_view name); /* CO_M_TOPICS: unknown */
int64_t co_broker_stable_end(struct co_world *world, enum co_model_topic topic, int32_t partition);
/* A record that a read_committed reader sees; NULL: none at that offset. `whole`: compacted ones too. */
const struct co_record *co_broker_visible(const struct co_world *world, enum co_model_topic topic, int32_t partition,
										  int64_t offset, bool whole);
/* The transaction that takes part in an AddPartitionsToTxn or AddOffsetsToTxn now; NULL: fenced, or the one before has
 * markers under way (*wait). */
struct co_txn *co_broker_enlist(struct co_world *world, int id, int epoch, bool *wait);
bool co_broker_touch(struct co_txn *txn, enum co_model_topic topic, int32_t partition, bool may_add);
/* EndTxn as the coordinator takes it, late or not. False: refused. */
bool co_broker_end(struct co_world *world, int id, int epoch, bool commit);
/* TxnOffsetCommit as the coordinator takes it, late or not. False: refused. */
bool co_broker_offsets(struct co_world *world, int id, int epoch, uint64_t member, int generation,
					   const struct co_position *positions, size_t count);
/* InitProducerId. True: *epoch is the new one; false: CONCURRENT_TRANSACTIONS. */
bool co_broker_init(struct co_world *world, int id, int *epoch);
bool co_broker_is_unstable(const struct co_world *world, int32_t partition);
/* The group's offsets are deleted; `only` < 0: of all partitions. */
void co_broker_lose_offsets(struct co_world *world, int32_t only);
/* The partition's clock as far as it was read: the highest timestamp that a read_committed reader sees. */
int64_t co_broker_clock(const struct co_world *world, int32_t partition);
/* Heartbeats, rebalances and transaction time-outs. */
void co_broker_keep_house(struct co_world *world);
void co_broker_compact(struct co_world *world);
struct co_member *co_broker_member(struct co_world *world, int worker);
void co_broker_join(struct co_world *world, struct co_proc *proc);
void co_broker_clear(struct co_world *world);

/* ---- what the broker does not take (refusals.c) ---- */

/* It never will: too large for its topic. */
bool co_is_too_large(const struct co_world *world, enum co_model_topic topic, const struct co_message *message);
/* Is this record of the open transaction refused for what it is? */
bool co_is_refused(struct co_proc *proc, enum co_model_topic topic, const struct co_message *message);
/* The worker is told so. */
void co_refusal_is_told(struct co_proc *proc);
/* The same of a reply topic of others that did not take in time what was for it. */
void co_untaken_is_told(struct co_proc *proc);
/* A partition is away for long, or its leader out of the coordinator's reach: transactions that it is in do not come to
 * their end. Of commands: it is the group's offsets that are. */
void co_lose_partition(struct co_world *world);
/* Until when the markers for it wait; in the past: they do not. */
int64_t co_marker_waits_until_ms(const struct co_world *world, const struct co_txn *txn, int64_t touch);
bool co_is_away(const struct co_world *world, enum co_model_topic topic, int32_t partition);
void co_set_own_replies(struct co_world *world, enum co_own_replies to);
/* May a worker have been told, once the record was there, that there is no such topic? */
bool co_own_replies_may_be_gone(const struct co_world *world, int64_t record_at_ms);

/* ---- Redis ---- */

struct co_kept {
	struct co_uuid id;
	char *bytes;
	size_t length;
	int64_t due_ms, held_ms;
};
struct co_generation {
	uint64_t name;
	bool live;         /* the key that says that it is being filled, and whole so far */
	int64_t put_count; /* what that key counts */
	size_t count;
	struct co_kept *items;
};
struct co_shown {
	struct co_store_mark mark;
	uint64_t generation;
	size_t generation_count;
	struct co_generation *generations;
};
struct co_redis {
	struct co_shown shards[CO_PARTITIONS_MAX];
	struct co_shown replica[CO_PARTITIONS_MAX]; /* as it was some time ago */
	uint64_t names;
	int64_t down_until_ms;
	int calls_left; /* until the replica takes over; 0: it does not */
};
void co_redis_flush(struct co_world *world);
void co_redis_flush_within(struct co_world *world, int64_t within_ms);
void co_redis_copy_to_replica(struct co_world *world);
void co_redis_fail_over(struct co_world *world);
void co_redis_clear(struct co_world *world);
const struct co_generation *co_redis_generation(const struct co_shown *shown);

/* ---- a process of the service with one lane ---- */

struct co_buffered {
	enum co_model_topic topic;
	struct co_record record;
	void *memory;
	bool sent;
	int64_t offset;
};
struct co_inbox_model {
	bool joined, told, started;
	int generation; /* captured at the assignment; -1: none */
	size_t held_count, turn;
	int32_t held[CO_PARTITIONS_MAX];
	int64_t next[CO_PARTITIONS_MAX];
	size_t out_count, out_room;
	void **out;
};
struct co_outbox_model {
	int id;                               /* which transactional id; 0: the lane's own */
	int64_t stuck_ms;                     /* since when its last transaction is said not to be over; 0: it is */
	int epoch;                            /* 0: none yet */
	bool waits;                           /* for a partition that is away */
	bool untaken;                         /* it waited in vain, and for CO_OWN_REPLIES alone */
	int64_t late_until_ms, down_until_ms; /* of CO_OWN_REPLIES */
	bool begun, broken, unanswered;
	bool added[CO_M_TOPICS][CO_PARTITIONS_MAX];
	size_t count, room;
	struct co_buffered *buffer;
	bool refused; /* a record, for what it is */
	size_t position_count;
	struct co_position positions[CO_PARTITIONS_MAX]; /* of the open transaction */
	struct {
		int64_t at_ms; /* 0: not known */
		int32_t count;
	} lookups[CO_M_TOPICS + 1]; /* the last: a topic that is not there */
};
struct co_replay_model {
	int32_t partition;
	int64_t next, told_end;
	void *last;
};
struct co_store_model {
	bool cut; /* the connection is gone and the client does not know yet */
	struct {
		bool present;
		int64_t seq;
		uint64_t generation, fresh;
		int64_t put_count;
	} rebuilds[CO_PARTITIONS_MAX];
};
struct co_block;

struct co_proc {
	struct co_world *world;
	int worker;
	uint64_t id;
	bool alive;
	int64_t wake_ms, frozen_until_ms, skew_ms;
	uint64_t turn;
	ucontext_t context;
	void *stack, *fake_stack;
	struct co_lane lane;
	struct co_inbox_model inbox;
	struct co_outbox_model outbox;
	struct co_replay_model replay;
	struct co_store_model store;
	struct co_block *blocks; /* what the lane allocated: given back when it crashes */
};
/* A point where others may run, and where the process may crash or freeze. `for_ms`: at least. */
void co_proc_step(struct co_proc *proc, int64_t for_ms);
/* Now and then (so many of 10,000, in worlds that have this) it stands still, with heartbeats or without, while others
 * take its work over and the views are made again. For where it has in hand what they change. */
void co_proc_stall(struct co_proc *proc, enum co_feature feature, int chance);
bool co_proc_start(struct co_world *world, int worker);
void co_proc_kill(struct co_proc *proc);
void co_proc_run(struct co_proc *proc);
struct co_lane_ports co_proc_ports(struct co_proc *proc);
struct co_inbox co_model_inbox(struct co_proc *proc);
struct co_outbox co_model_outbox(struct co_proc *proc);
struct co_replay co_model_replay(struct co_proc *proc);
struct co_store co_model_store(struct co_proc *proc);
struct co_registry co_model_registry(void);
void co_model_clients_clear(struct co_proc *proc);

/* ---- the world ---- */

#define CO_SENT_MAX 128
#define CO_HUGE "huge" /* how the ids begin of commands whose verdict is too large to be told */
struct co_sent;        /* commands.c */

/* What there was to see in a seed. */
struct co_tallies {
	uint64_t commands, refused, poisoned, untaken, redirected, lost, streams, tails, rotations;
};

struct co_world {
	uint64_t seed, random;
	int64_t now_ms;
	uint64_t orders, proc_ids;
	bool faulty, telling, has[CO_FEATURE_COUNT];
	int64_t stream_from_ms, stream_speed; /* the producers' time when the world begins, and how fast it runs */
	int chance[CO_TROUBLE_COUNT];
	int32_t partitions;
	int workers;
	int references; /* sessions that people talk about */
	int64_t retention_ms;
	struct co_lane_settings lane_settings;
	struct co_desk desk;
	size_t event_count, event_room;
	struct co_event *events;
	struct co_broker broker;
	struct co_redis redis;
	struct co_proc procs[CO_PROCS_MAX];
	bool wanted[CO_WORKERS_MAX]; /* is to run: started again when it ended */
	ucontext_t scheduler;
	void *scheduler_stack; /* the sanitizer's */
	struct co_proc *current;
	size_t sent_count;
	struct co_sent *sent;
	uint64_t steps;
	struct co_tallies tallies;
	char symptom[400]; /* empty: none */
};

uint64_t co_random(struct co_world *world);
int64_t co_between(struct co_world *world, int64_t low, int64_t high); /* both inclusive */
/* Does this trouble strike now? Never once the faults have stopped. */
bool co_strikes(struct co_world *world, enum co_trouble trouble);
/* The same, so many times as likely while the process recovers: that is where it hurts. */
bool co_strikes_more(const struct co_proc *proc, enum co_trouble trouble, int times);
/* The event may be added to before the next one is made. */
struct co_event *co_at(struct co_world *world, int64_t after_ms, void (*happen)(struct co_world *, struct co_event *),
					   int64_t a, int64_t b, void *what);
/* A worker is taken out of service or put in, or started a second time. */
void co_resize_within(struct co_world *world, int64_t within_ms);
void co_replace_within(struct co_world *world, int worker, int64_t within_ms);
/* A line of the history. */
void co_tell(struct co_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The first one stays. */
void co_violated(struct co_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Somebody sends a command, or something that is none. */
void co_send_something(struct co_world *world);
/* stream: what ends a replay. */
void co_send_last_ticks(struct co_world *world);
/* The invariants of DESIGN section 6, all at once. */
void co_check_all(struct co_world *world);
/* True when nothing is left to do: all read, all shown, nothing under way. */
bool co_is_at_rest(struct co_world *world);

/* Runs a seed; "" or the symptom in `symptom`. `tell`: prints the history to stdout. Adds to *tallies. */
bool co_simulate(uint64_t seed, bool tell, char *symptom, size_t size, struct co_tallies *tallies);

#endif
