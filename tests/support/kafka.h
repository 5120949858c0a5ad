/* A real broker and a real Redis for a test, a producer and a reader of all that is committed. One broker per test
 * program; topics by prefix. Owns processes and handles; they end with the test. */
#ifndef CO_TK_KAFKA_H
#define CO_TK_KAFKA_H

#include "record.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- broker ---- */

struct co_tk_kafka {
	char *directory;
	int port;
	char servers[96]; /* bootstrap.servers */
	int nodes;        /* 0: one broker; 3: that many, in sub-folders 1, 2, 3 */
	int ports[3];
};

/* `./run kafka start DIR PORT` in a fresh folder; waits until it answers. */
void co_tk_kafka_start(struct co_tk_kafka *kafka);
/* The same on a port of the caller's (co_tk_free_port). */
void co_tk_kafka_start_at(struct co_tk_kafka *kafka, int port);
/* Three brokers; topics are made with factor 3, in sync 2. stop() ends them all. */
void co_tk_kafka_start_cluster(struct co_tk_kafka *kafka);
void co_tk_kafka_stop(struct co_tk_kafka *kafka);
/* Stops the broker in an orderly way; restart brings it back. */
void co_tk_kafka_halt(struct co_tk_kafka *kafka);
/* Same folder, same port. */
void co_tk_kafka_restart(struct co_tk_kafka *kafka);
/* kill -9 of the broker process; restart brings it back. */
void co_tk_kafka_kill(struct co_tk_kafka *kafka);
/* kill -9 of one broker, by index; of a single one, of it. */
void co_tk_kafka_kill_node(struct co_tk_kafka *kafka, int node);
/* The broker that leads a partition, by index; -1: nobody says so within 2 s. */
int co_tk_kafka_leader(struct co_tk_kafka *kafka, const char *topic, int32_t partition);
/* Begins to bring it back; the process that does so ends with status 0 when the broker answers (co_tk_reap). */
pid_t co_tk_kafka_revive_node(struct co_tk_kafka *kafka, int node);

struct co_tk_topic {
	const char *name;
	int partitions;
	/* name, value, …, NULL */
	const char *config[12];
};
void co_tk_kafka_create(struct co_tk_kafka *kafka, const struct co_tk_topic *topics, size_t count);
void co_tk_kafka_delete(struct co_tk_kafka *kafka, const char *topic);
/* To so many partitions: Kafka only ever adds. Waits until the broker lists them. */
void co_tk_kafka_raise(struct co_tk_kafka *kafka, const char *topic, int partitions);
/* The six topics of the service with the settings that the contract asks for. */
void co_tk_kafka_create_service(struct co_tk_kafka *kafka, const char *prefix, int partitions, bool stream);
/* The same, but one of them ("errors") takes records up to that size alone. */
void co_tk_kafka_create_limited(struct co_tk_kafka *kafka, const char *prefix, int partitions, bool stream,
								const char *limited, const char *message_bytes_max);
/* Committed offset of a group (-1: none) and its metadata (may be NULL), one partition. */
int64_t co_tk_kafka_committed(struct co_tk_kafka *kafka, const char *group, const char *topic, int32_t partition,
							  char metadata[64]);

/* Sets a group's offset by hand, without metadata, as Kafka's own tool does; waits until the group's members are gone.
 */
void co_tk_kafka_set_offset(struct co_tk_kafka *kafka, const char *group, const char *topic, int32_t partition,
							int64_t offset);
/* Removes what lies before the offset, as the topic's retention does. */
void co_tk_kafka_delete_before(struct co_tk_kafka *kafka, const char *topic, int32_t partition, int64_t offset);

/* ---- producer ---- */

struct co_tk_producer;
/* Idempotent, murmur2_random, timestamps as given. Sends nothing twice on its own. */
struct co_tk_producer *co_tk_producer_open(struct co_tk_kafka *kafka);
/* Not idempotent, and a record that cannot be sent is counted, no failure: for load over broker deaths, which an
 * idempotent producer need not survive. Records may lie in the log twice. */
struct co_tk_producer *co_tk_producer_open_plain(struct co_tk_kafka *kafka);
/* Records that were given up. */
size_t co_tk_producer_failed(const struct co_tk_producer *producer);
/* `message->partition` -1: by key. message->timestamp_ms -1: now. Does not wait: `sent`, when given, must live on until
 * it is done, at the latest after co_tk_producer_flush, and tells then where the record lies. */
struct co_tk_sent {
	int32_t partition;
	int64_t offset;
	int64_t timestamp_ms;
	bool done, failed;
};
void co_tk_send(struct co_tk_producer *producer, const struct co_message *message, struct co_tk_sent *sent);
/* All acknowledged; fails the test when one is not within a minute. */
void co_tk_producer_flush(struct co_tk_producer *producer);
void co_tk_producer_close(struct co_tk_producer *producer);

/* ---- reader ---- */

struct co_tk_reader {
	struct co_tk_kafka *kafka;
	void *handle;
	size_t partition_count; /* over all topics */
	struct co_tk_tail {
		char topic[128];
		int32_t partition;
		int64_t next; /* offset to be read next */
		bool at_end;  /* end of the stable part reached since the last round began */
	} * tails;
	struct co_tk_log log; /* all records so far, in the order of arrival */
	/* a group's positions (co_tk_lag_is_zero), and the ends of partitions with open transactions */
	void *committed_handle, *raw_handle;
	char group[128];
};
/* Reads all partitions of the topics from the beginning, `read_committed`. */
void co_tk_reader_open(struct co_tk_reader *reader, struct co_tk_kafka *kafka, const char *const *topics, size_t count);
/* Reads on until the end of every partition was seen after the call began (up to `timeout_ms`; false: not reached). */
bool co_tk_reader_catch_up(struct co_tk_reader *reader, int64_t timeout_ms);
/* The same, and no transaction that was open when the call began is left out: Kafka shows a transaction partition by
 * partition, so that of two records of one, the second may come a moment after the first. */
bool co_tk_reader_catch_up_whole(struct co_tk_reader *reader, int64_t timeout_ms);
/* Reads whatever is there for that long. */
void co_tk_reader_poll(struct co_tk_reader *reader, int64_t duration_ms);
void co_tk_reader_close(struct co_tk_reader *reader);

/* Whether the group has read all of `commands` that the reader has seen and no transaction is open on it. */
bool co_tk_lag_is_zero(struct co_tk_reader *reader, const char *group, const char *commands);
/* Polls the reader until that holds twice in a row; false after `timeout_ms`. */
bool co_tk_wait_lag_zero(struct co_tk_reader *reader, const char *group, const char *commands, int64_t timeout_ms);

/* ---- Redis ---- */

struct co_tk_redis {
	const char *directory;
	int port;
	pid_t pid;
	char url[64];
	void *context; /* redisContext of the test's own calls */
};
void co_tk_redis_start(struct co_tk_redis *redis);
/* kill -9, then the same port with nothing in it. */
void co_tk_redis_kill(struct co_tk_redis *redis);
void co_tk_redis_restart(struct co_tk_redis *redis);
/* One command, formatted as hiredis does; the reply is a redisReply to be freed by freeReplyObject. */
void *co_tk_redis_call(struct co_tk_redis *redis, const char *format, ...);
/* FLUSHALL. */
void co_tk_redis_flush(struct co_tk_redis *redis);
void co_tk_redis_stop(struct co_tk_redis *redis);

#endif
