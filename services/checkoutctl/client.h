/* Kafka for the verbs: a producer for single records, a reader over whole topics, and the two together as an exchange
 * that sends a command and waits for its reply.
 * Owns its handles until the matching destroy. Never joins a consumer group, never commits, never creates a topic.
 * Single-threaded. */
#ifndef CHECKOUTCTL_CLIENT_H
#define CHECKOUTCTL_CLIENT_H

#include "ctl.h"

#include "checkout/arena.h"
#include "checkout/ports/log.h"
#include "checkout/status.h"

#include <librdkafka/rdkafka.h>

#define CTL_TOPIC_MAX 250
#define CTL_POLL_MS 100

struct ctl_client {
	rd_kafka_t *handle;
	char trouble[256]; /* the last thing that Kafka complained about; "" none */
};

/* Fills in bootstrap and prefix from the environment. False after a line on world->err (usage). */
bool ctl_connection_complete(const struct ctl_world *world, const char *verb, struct ctl_connection *connection);
/* False after a line on world->err: a property that librdkafka does not take. `client` must stay where it is. */
bool ctl_client_open(const struct ctl_world *world, const struct ctl_connection *connection, rd_kafka_type_t type,
					 struct ctl_client *client);
void ctl_client_close(struct ctl_client *client);
/* The number of partitions; 0 when there is no such topic; -1 when Kafka did not answer (client->trouble says why). */
int32_t ctl_client_partitions(struct ctl_client *client, const char *topic, int timeout_ms);

enum ctl_from { CTL_FROM_BEGINNING, CTL_FROM_END };

struct ctl_stream {
	rd_kafka_topic_t *topic;
	int32_t partition;
	int64_t end; /* 0: wherever it is when it is reached */
	bool started, at_end;
};

struct ctl_reader {
	struct ctl_client client;
	rd_kafka_queue_t *queue;
	size_t count;
	struct ctl_stream *streams;
};

bool ctl_reader_open(const struct ctl_world *world, const struct ctl_connection *connection, struct ctl_reader *reader);
/* Adds one partition of a topic, or all (-1). When it returns CO_OK the starting offsets are fixed: what is appended
 * from then on will be read. CO_LOG_DOWN, CO_TOPICS: no such topic or partition. */
enum co_status ctl_reader_add(struct ctl_reader *reader, const char *topic, int32_t partition, enum ctl_from from,
							  int timeout_ms, struct co_error *error);
/* One partition from that offset on, which the caller knows to lie in it. */
enum co_status ctl_reader_add_at(struct ctl_reader *reader, const char *topic, int32_t partition, int64_t offset,
								 int timeout_ms, struct co_error *error);
/* Notes where its partitions, all of one topic, end now for a read_committed reader: stream->end, and at_end once that
 * is reached. What is appended later comes all the same. */
enum co_status ctl_reader_ends(struct ctl_reader *reader, const char *topic, int timeout_ms, struct co_error *error);
/* Whether the record was there when the ends were noted. */
bool ctl_reader_is_before_end(struct ctl_reader *reader, const rd_kafka_message_t *message);
/* The next record, NULL when none came within `timeout_ms`. Destroy it before the reader is closed. */
rd_kafka_message_t *ctl_reader_next(struct ctl_reader *reader, int timeout_ms);
/* Everything that was there has been read, on all partitions. */
bool ctl_reader_at_end(const struct ctl_reader *reader);
void ctl_reader_close(struct ctl_reader *reader);

/* The last header of that name; absent when there is none. Borrowed from the message. */
struct co_view ctl_header(const rd_kafka_message_t *message, const char *name);

/* A producer of records for one topic, opened when it is first needed, and again after a broker's failure.
 * Owns its client until close. Stays where it is. */
struct ctl_publisher {
	const struct ctl_world *world;
	const struct ctl_connection *connection;
	char topic[CTL_TOPIC_MAX];
	struct ctl_client client;
	bool open;
	int32_t partitions; /* of the topic, once open */
};
void ctl_publisher_init(const struct ctl_world *world, const struct ctl_connection *connection, struct co_view topic,
						struct ctl_publisher *publisher);
/* ctl_publish, of a record for the publisher's topic (message->topic is not looked at). */
enum co_status ctl_publisher_send(struct ctl_publisher *publisher, const struct co_message *message, int32_t *partition,
								  int64_t *offset, struct co_error *error);
/* Harmless on one that never sent. */
void ctl_publisher_close(struct ctl_publisher *publisher);

/* Sends `message` and waits until the brokers have it, sending again under the same bytes after a broker's failure (the
 * service takes a repeat for what it is). *partition and *offset (may be NULL) say where it lies. CO_OK, CO_LOG_DOWN,
 * CO_LOG_REJECTED: no retry helps. */
enum co_status ctl_publish(const struct ctl_world *world, const struct ctl_connection *connection,
						   const struct co_message *message, int32_t *partition, int64_t *offset,
						   struct co_error *error);

#endif
