/* A scenario: fresh topics, a fresh part of Redis and its own group on one broker that all scenarios of a program
 * share; load that comes bit by bit; the oracle at the end. */
#ifndef CO_RIG_H
#define CO_RIG_H

#include "kafka.h"
#include "oracle.h"
#include "worker.h"

#include <stdbool.h>
#include <stdint.h>

#define RIG_MERCHANT "123e4567-e89b-12d3-a456-426614174000"
#define RIG_PARTITIONS 4

/* cmocka group set-up and tear-down: the broker and Redis of the program, in *state. */
struct rig_servers {
	struct co_tk_kafka kafka;
	struct co_tk_redis redis;
	char registry[128]; /* a registry file whose merchant has ttlSeconds 1..600, default 3 */
};
int rig_servers_start(void **state);
int rig_servers_stop(void **state);
/* The same for a program whose tests have rows: a group's *state would hide the rows' own, so it is NULL, and the
 * servers are here. */
extern struct rig_servers *rig_shared;
int rig_shared_start(void **state);
int rig_shared_stop(void **state);
/* All of it but the broker, which runs already. */
void rig_servers_start_beside(struct rig_servers *servers);
/* A broker with one more listener, on the port `hidden`, which tells its clients to come by the port `shown`: what
 * stands between, leads from there to here. */
void rig_kafka_start_behind(struct co_tk_kafka *kafka, int hidden, int shown);

struct rig {
	struct rig_servers *servers;
	struct rig_servers *seen; /* by the workers, when they reach them in another way; NULL: the same */
	char prefix[32], group[32], key_prefix[16], commands[48];
	struct co_tk_reader reader;
	struct co_tk_producer *producer;
	const char *overrides[12];
	char texts[8][160];
	const char *const *environment; /* of the workers, NULL-terminated; NULL: none */
	const char *program;            /* of the workers, path; NULL: the session-worker of the build */
	/* load */
	int sessions; /* begun so far */
	int sent;     /* commands so far */
	int ttl_s;    /* of the sessions that the load leaves open */
	int worker_count;
	struct co_tk_worker workers[4];
};

void rig_open(struct rig *rig, struct rig_servers *servers);
/* With one topic ("errors") that takes records up to that size alone. */
void rig_open_limited(struct rig *rig, struct rig_servers *servers, const char *topic, const char *message_bytes_max);
/* One more setting ("section.key") of the workers that are started from now on. */
void rig_override(struct rig *rig, const char *key, const char *value);
/* Stops the workers that still run, closes the rest. Topics stay; nobody looks at them again. */
void rig_close(struct rig *rig);
/* Starts worker number `index` (instance "<prefix>w<index>"), without waiting. `crash`: CO_CRASH, or NULL. */
void rig_start(struct rig *rig, int index, int lanes, const char *crash);
void rig_wait_ready(struct rig *rig, int index);
/* Sends `count` whole sessions' commands: creates that are left to expire, whole payments, cancellations, repeats, keys
 * that lead astray, payments left in processing. Does not wait for acknowledgements. */
void rig_load(struct rig *rig, int count);
/* A single command; data NULL: none. key NULL: no key. */
void rig_send(struct rig *rig, const char *key, const char *type, const char *id, const char *subject,
			  const char *data);
/* Waits until all is read, all deadlines have passed and their events are there; then asks the oracle. Ends the test
 * with its sentence and the workers' logs when a promise is broken. Lag has to be 0 within `lag_ms`. */
void rig_settle_and_check(struct rig *rig, int64_t lag_ms, const char *what);
/* The oracle over what the reader has seen so far. */
struct co_oracle rig_oracle(struct rig *rig);
/* The session id of a create with that referenceId (contract section 3). */
void rig_session_id(const char *reference, char out[37]);
/* The reply to the command `id`, waiting up to `timeout_ms`; NULL: none. */
const struct co_tk_record *rig_reply(struct rig *rig, const char *id, int64_t timeout_ms);

#endif
