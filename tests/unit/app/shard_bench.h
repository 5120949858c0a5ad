/* A desk, a shard and a round with fakes behind their ports, for tests without a log or a view: records written as text
 * in, messages and the view's entries out. Owns its arena; nothing outlives bench_end(). Never used outside tests. */
#ifndef TESTS_UNIT_APP_SHARD_BENCH_H
#define TESTS_UNIT_APP_SHARD_BENCH_H

#include "shard.h"

#include "tests/fuzz/record_lines.h"

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define BENCH_T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00.000Z */
#define BENCH_RETENTION_MS INT64_C(86400000)
#define BENCH_MERCHANT "123e4567-e89b-12d3-a456-426614174000"
#define BENCH_HEADERS(id, type)                                                         \
	"ce_specversion: 1.0\nce_id: " id "\nce_source: /s\nce_merchantid: " BENCH_MERCHANT \
	"\nce_type: checkout.session." type "\n"

struct bench {
	struct co_arena arena;
	struct co_desk desk;
	struct co_outbox outbox;
	struct co_registry registry;
	struct co_judge judge;
	struct co_shard shard;
	struct co_round round;
	struct co_store_apply apply; /* of the last bench_finish() */
	struct record_lines lines;
	struct co_intake intake;
	size_t topics_asked; /* calls of partitions_of() */
	int64_t offset;      /* of the next record */
	struct co_view key;  /* of the records; ptr NULL: none */
};

/* `partitions` of the installation; the shard is partition 0. `replies_allow` NULL: the default list. */
void bench_begin(struct bench *bench, int32_t partitions, const char *replies_allow);
void bench_end(struct bench *bench);
/* A fresh round of the shard, in the same arena: what was in hand before stays readable. */
void bench_round(struct bench *bench);
/* A record of the shard's partition, in a text as of record_lines.h, which must outlive the round. */
enum co_taken bench_take(struct bench *bench, const char *text, int64_t timestamp_ms);
/* The same, and it must be taken. */
void bench_give(struct bench *bench, const char *text, int64_t timestamp_ms);
/* Ends the round and says that it is in the log. */
void bench_finish(struct bench *bench);
/* Brings the entries to hand as due ones of the view; the load, to ask whether it is damaged. */
struct co_store_load bench_load(struct bench *bench, struct co_store_entry *entries, size_t count);

/* The session id of a create with that referenceId. */
struct co_uuid bench_session(const char *reference);
/* A create of it (ttl in seconds, more members of the request), in the arena. */
const char *bench_create(struct bench *bench, const char *id, const char *reference, int ttl_s, const char *more);
/* A command about it; data NULL: none. */
const char *bench_command(struct bench *bench, const char *id, const char *type, const char *reference,
						  const char *data);

/* The round's messages to the topic (enum co_topic). */
size_t bench_count(const struct bench *bench, enum co_topic topic);
/* The last of them. */
const struct co_message *bench_last(const struct bench *bench, enum co_topic topic);
/* The value of a header; "(none)" without. */
const char *bench_header(struct bench *bench, const struct co_message *message, const char *name);
bool bench_says(const struct co_message *message, const char *word);

#endif
