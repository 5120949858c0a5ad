/* Runs tests/contract/vectors (its README says how they read) against anything that takes records and gives records
 * back: the service on a real broker, or the core on a model of one. Knows the contract, nothing of the product. */
#ifndef CO_VECTORS_H
#define CO_VECTORS_H

#include "record.h"

#include "checkout/ports/log.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct co_vectors_settings {
	char timestamps[16], auth_mode[16];
	int64_t retention_ms;
	char registry[1024]; /* full path; "" : none */
};

struct co_vectors_topic {
	const char *name;
	int partitions;
};

/* Where the steps go and the outputs come from. */
struct co_vectors_host {
	void *self;
	const char *name;
	/* A fresh installation with these settings; `topics` besides the service's own. */
	void (*open)(void *self, const struct co_vectors_settings *settings, const struct co_vectors_topic *topics,
				 size_t count);
	int32_t (*partitions)(void *self); /* of `commands` */
	/* message->partition -1: by key. *partition and *offset are filled by the end of the next settle() at the latest.
	 */
	void (*send)(void *self, const struct co_message *message, int32_t *partition, int64_t *offset);
	/* All that was sent is answered: `replies` of them are to be expected in all. */
	void (*settle)(void *self, size_t replies);
	/* Every committed record of every topic, `commands` included. Borrowed until close(). */
	const struct co_tk_log *(*outputs)(void *self);
	void (*close)(void *self);
};

/* argv: [FILE [CASE]] restricts (FILE as "validation" or "validation.json"). Prints a line per file and `N of N cases
 * hold`. Returns the program's exit status. */
int co_vectors_main(struct co_vectors_host *host, int argc, char **argv);

/* ---- for the parts of the runner alone ---- */

struct co_vector_step {
	const json_t *json, *expect;
	int64_t timestamp_ms;
	bool advance, sync, monotone; /* monotone: no earlier step has a later time */
	struct co_message message;
	char *id; /* the command's id as a reader of the contract finds it; NULL: none readable */
	int32_t partition;
	int64_t offset;
	/* filled by the checks */
	int32_t copy_partition; /* where it was judged: its own place, or the forwarded copy's */
	int64_t copy_offset;
	const struct co_tk_record *reply, *error, *dlq;
	json_t *reply_body, *error_body;
};

struct co_vector_case {
	const char *file, *name, *why;
	bool unreachable;
	size_t kind; /* of settings */
	size_t step_count;
	struct co_vector_step *steps;
	char *failure; /* NULL: holds */
};

enum co_vector_class {
	CO_VECTOR_OTHER,
	CO_VECTOR_COMMAND,
	CO_VECTOR_REPLY,
	CO_VECTOR_ERROR,
	CO_VECTOR_EVENT,
	CO_VECTOR_STATE,
	CO_VECTOR_DLQ
};

/* An output with what is asked of it again and again. */
struct co_vector_output {
	const struct co_tk_record *record;
	enum co_vector_class class;
	struct co_view causation, subject;
	bool used;
};

struct co_vectors {
	size_t kind_count;
	struct co_vectors_settings kinds[8];
	size_t topic_count;
	struct co_vectors_topic topics[16];
	size_t case_count;
	struct co_vector_case *cases;
	json_t *catalogue;
	int32_t partitions;
	size_t output_count;
	struct co_vector_output *outputs;
};

void co_vectors_load(struct co_vectors *vectors, const char *only_file, const char *only_case);
void co_vectors_clear(struct co_vectors *vectors);
size_t co_vectors_expected_replies(const struct co_vector_step *step);
/* Judges all cases of one kind; sets case->failure. Returns a failure of the whole, or NULL. */
char *co_vectors_judge(struct co_vectors *vectors, size_t kind, const struct co_tk_log *log);
/* Parts of it: each returns a sentence (to be freed) or NULL. */
char *co_vectors_check_reply(struct co_vectors *vectors, struct co_vector_case *of, size_t step);
char *co_vectors_check_error(struct co_vectors *vectors, struct co_vector_case *of, size_t step);
char *co_vectors_check_dlq(struct co_vectors *vectors, struct co_vector_case *of, size_t step);
char *co_vectors_check_events(struct co_vectors *vectors, struct co_vector_case *of);
char *co_vectors_check_tombstones(struct co_vectors *vectors, struct co_vector_case *of, size_t step);
const json_t *co_vectors_code(const struct co_vectors *vectors, const char *code);
const json_t *co_vectors_rule(const struct co_vectors *vectors, const char *rule);
/* The code whose error event is to be expected: NULL none, else text (borrowed); *list when all four are told. */
const char *co_vectors_error_code(const struct co_vector_step *step, const json_t **list);

#endif
