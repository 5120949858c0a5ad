/* Chaos on the real parts: workers, Kafka and Redis under load, with faults at random moments, and at the end the whole
 * committed log judged again. What the parts of the program share. */
#ifndef CO_CHAOS_H
#define CO_CHAOS_H

#include "kafka.h"
#include "proxy.h"
#include "splitmix.h"
#include "worker.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHAOS_MERCHANT "123e4567-e89b-12d3-a456-426614174000"
#define CHAOS_PREFIX "chaos."
#define CHAOS_GROUP "chaos"
#define CHAOS_KEYS "chaos"
#define CHAOS_PARTITIONS 6
#define CHAOS_REPLIES CHAOS_PREFIX "mine.replies" /* a reply topic that commands name */
#define CHAOS_REPLY_PARTITIONS 3
#define CHAOS_RETENTION_MS 20000
#define CHAOS_SHORT_LIFE_MS 5000 /* of the sessions that are to expire, at the most */
#define CHAOS_WORKERS_MAX 3

/* True that often, of a hundred times. */
bool chaos_percent(uint64_t *state, unsigned percent);

/* ---- load.c: the ten commands at random, on a thread ---- */

struct chaos_load;
struct chaos_load *chaos_load_start(struct co_tk_kafka *kafka, uint64_t seed, unsigned per_second);
/* No more is begun; returns when all that was sent is acknowledged or given up. *failed: given up. */
size_t chaos_load_stop(struct chaos_load *load, size_t *failed);

/* ---- faults.c ---- */

enum chaos_fault {
	CHAOS_WORKER_KILLED,
	CHAOS_WORKER_STOPPED, /* SIGSTOP, for a while */
	CHAOS_WORKER_ENDED,   /* SIGTERM */
	CHAOS_REDIS_KILLED,
	CHAOS_REDIS_FLUSHED,
	CHAOS_REDIS_FAILED_OVER, /* to a replica that lacks the latest writes */
	CHAOS_BROKER_KILLED,
	CHAOS_FAULTS
};

enum chaos_state { CHAOS_RUNNING, CHAOS_STOPPED, CHAOS_ENDING, CHAOS_GONE };

struct chaos_worker {
	struct co_tk_worker process;
	enum chaos_state state;
	int64_t until_ms; /* monotonic: when it goes on, has to have ended, is started again */
};

struct chaos {
	uint64_t seed, random;
	int seconds, broker_count, worker_count;
	bool has_replica;
	unsigned per_second;
	struct co_tk_kafka kafka;
	struct co_tk_redis redis, replica; /* redis: the one in use */
	struct co_tk_proxy *redis_switch;
	char redis_url[64], registry[128];
	struct chaos_worker workers[CHAOS_WORKERS_MAX];
	pid_t reviver; /* brings a broker back; 0: none is away */
	int64_t broker_back_ms;
	size_t faults[CHAOS_FAULTS], watchdogs, ghosts, violations;
	bool is_quiet; /* violations are counted and not told */
};

/* Counts, and says it on stderr. */
void chaos_violation(struct chaos *chaos, const char *format, ...) __attribute__((format(printf, 2, 3)));
void chaos_start_worker(struct chaos *chaos, size_t index);
/* A random fault, now. */
void chaos_strike(struct chaos *chaos);
/* What time brings: workers that go on or come back, brokers that answer again; an end that nobody asked for. */
void chaos_tend(struct chaos *chaos);
/* Everything runs again, or is on its way. */
void chaos_heal(struct chaos *chaos);
/* SIGTERM to all: each has to leave with 0 within 20 s. */
void chaos_end_workers(struct chaos *chaos);
/* "worker killed 3, …" */
void chaos_tell_faults(const struct chaos *chaos, char *to, size_t size);

/* ---- fold.c ---- */

/* What the core itself makes of the committed commands, one process, no fault: all that it publishes. `commands` in the
 * order of partition and offset. */
void chaos_fold(const struct co_tk_record *const *commands, size_t count, const char *registry, struct co_tk_log *out);

/* ---- judge.c ---- */

struct chaos_verdict {
	size_t commands, forwarded, ticks, replies, sessions, expiries, dead, kept;
};
/* Everything that was committed, and what Redis holds, against what the commands say. */
struct chaos_verdict chaos_judge(struct chaos *chaos, const struct co_tk_log *log);
/* The judge can find fault: logs of a run that holds, each with one thing changed, are judged. Returns how many of
 * *asked were found out. */
size_t chaos_try_judge(const struct chaos *chaos, const struct co_tk_log *log, size_t *asked);

#endif
