#include "kafka_outbox.h"

#include "kafka_answers.h"
#include "kafka_stats.h"

#include "checkout/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OFFSETS_TIMEOUT_MS 5000
#define COMMIT_TIMEOUT_MS 8000
#define METADATA_TIMEOUT_MS 2000
#define LOOKUP_TIMEOUT_MS 1000
#define LOOKUP_KEEP_MS 30000
#define LOOKUPS_MAX 64
#define TOPIC_BYTES_MAX 250

struct lookup {
	char topic[TOPIC_BYTES_MAX];
	int32_t count;
	int64_t at_ms;
};

struct co_kafka_outbox {
	const struct co_kafka_identity *identity;
	struct co_kafka_inbox *inbox;
	const struct co_view *topics;
	size_t topic_count;
	rd_kafka_t *producer, *ticker;
	rd_kafka_topic_t **handles; /* of `producer`, one per topic of the service; NULL: not asked for yet */
	bool initialising;          /* init_transactions was begun on `producer` and goes on */
	struct co_kafka_answers answers;
	bool rejected;         /* Kafka refused a record of the open transaction for what it is */
	size_t position_count; /* of the open transaction */
	struct co_kafka_place *positions;
	size_t tracked, room; /* messages of the open transaction whose offset is asked for */
	int64_t *offsets;
	size_t lookup_count;
	struct lookup lookups[LOOKUPS_MAX];
};

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* --- the producer and its transaction ----------------------------------------------------------------------------- */

/* Refused for what it is: trying again does not help. */
static bool is_rejection(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE || err == RD_KAFKA_RESP_ERR_INVALID_RECORD ||
		   err == RD_KAFKA_RESP_ERR_INVALID_MSG || err == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
		   err == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION || err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
		   err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || err == RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE;
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	(void)producer;
	struct co_kafka_outbox *outbox = opaque;
	if (message->err && is_rejection(message->err)) {
		static struct co_log_gate gate;
		outbox->rejected = true;
		if (co_log_gate_open(&gate, 1000))
			co_log(CO_LOG_NOTICE, "kafka.record_refused", rd_kafka_err2str(message->err),
				   CO_TEXT("checkout.topic", rd_kafka_topic_name(message->rkt)),
				   CO_INT("checkout.bytes", message->len));
	}
	size_t index = (size_t)(uintptr_t)message->_private;
	if (!message->err && index > 0 && index <= outbox->tracked)
		outbox->offsets[index - 1] = message->offset;
}

static int on_statistics(rd_kafka_t *producer, char *json, size_t bytes, void *opaque)
{
	const struct co_kafka_outbox *outbox = opaque;
	(void)producer;
	co_kafka_stats_producer(outbox->identity->lane, json, bytes);
	return 0;
}

static enum co_status open_producer(struct co_kafka_outbox *outbox)
{
	const struct co_kafka_default defaults[] = {
		{"transactional.id", outbox->identity->transactional},
		{"enable.idempotence", "true"},
		{"acks", "all"},
		{"transaction.timeout.ms", "10000"},
		{"linger.ms", "0"},
		{"retry.backoff.ms", "3"},
		{"queue.buffering.max.messages", "1000000"},
		{"queue.buffering.max.kbytes", "262144"},
		{"message.max.bytes", "1048576"},
		{NULL, NULL},
	};
	rd_kafka_conf_t *conf = co_kafka_conf(outbox->identity, "producer", defaults);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_opaque(conf, outbox);
	co_kafka_answers_watch(&outbox->answers, conf);
	char text[256];
	outbox->producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (outbox->producer) {
		co_kafka_stats_producer_new(outbox->identity->lane);
		return CO_OK;
	}
	rd_kafka_conf_destroy(conf);
	co_log(CO_LOG_ERROR, "kafka.producer", text, CO_INT("checkout.lane", outbox->identity->lane));
	return CO_LOG_FATAL;
}

static void close_producer(struct co_kafka_outbox *outbox)
{
	for (size_t i = 0; i < outbox->topic_count; i++) {
		if (outbox->handles[i])
			rd_kafka_topic_destroy(outbox->handles[i]);
		outbox->handles[i] = NULL;
	}
	if (outbox->producer)
		rd_kafka_destroy(outbox->producer);
	outbox->producer = NULL;
}

/* Without it the first transaction after a recycle waits a second for the topics' leaders. */
static void warm_metadata(struct co_kafka_outbox *outbox)
{
	for (size_t i = 0; i < outbox->topic_count; i++) {
		char name[TOPIC_BYTES_MAX];
		(void)snprintf(name, sizeof(name), "%.*s", (int)outbox->topics[i].len, outbox->topics[i].ptr);
		rd_kafka_topic_t *topic = rd_kafka_topic_new(outbox->producer, name, NULL);
		const struct rd_kafka_metadata *metadata = NULL;
		if (!topic)
			continue;
		if (rd_kafka_metadata(outbox->producer, 0, topic, &metadata, METADATA_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
		rd_kafka_topic_destroy(topic);
	}
}

static enum co_status outbox_recycle(void *self, int timeout_ms)
{
	struct co_kafka_outbox *outbox = self;
	if (!outbox->initialising) {
		close_producer(outbox);
		CO_TRY(open_producer(outbox));
		/* what failed may have been a topic that is gone by now */
		outbox->lookup_count = 0;
		outbox->initialising = true;
	}
	rd_kafka_error_t *error = rd_kafka_init_transactions(outbox->producer, timeout_ms);
	if (error) {
		bool again = rd_kafka_error_is_retriable(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__CONFLICT ||
					 rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS;
		outbox->initialising = again;
		(void)co_kafka_outcome("init_transactions", error);
		return CO_LOG_DOWN;
	}
	outbox->initialising = false;
	warm_metadata(outbox);
	return CO_OK;
}

static enum co_status outbox_begin(void *self)
{
	struct co_kafka_outbox *outbox = self;
	outbox->tracked = 0;
	outbox->rejected = false;
	co_kafka_answers_reset(&outbox->answers);
	enum co_status status = co_kafka_outcome("begin", rd_kafka_begin_transaction(outbox->producer));
	return status == CO_OK ? CO_OK : CO_LOG_FAILED;
}

static void keep_positions(struct co_kafka_outbox *outbox, const struct co_position *positions, size_t count)
{
	struct co_kafka_place *kept = realloc(outbox->positions, (count + 1) * sizeof(*kept));
	if (!kept)
		abort();
	for (size_t i = 0; i < count; i++)
		kept[i] = (struct co_kafka_place){.partition = positions[i].partition, .next = positions[i].offset};
	outbox->positions = kept;
	outbox->position_count = count;
}

static enum co_status outbox_offsets(void *self, const struct co_position *positions, size_t count)
{
	struct co_kafka_outbox *outbox = self;
	const rd_kafka_consumer_group_metadata_t *generation = co_kafka_inbox_generation(outbox->inbox);
	if (!generation)
		return CO_LOG_FAILED;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *item =
			rd_kafka_topic_partition_list_add(list, outbox->identity->commands, positions[i].partition);
		item->offset = positions[i].offset;
		item->metadata = strdup(positions[i].metadata);
		item->metadata_size = strlen(positions[i].metadata);
	}
	enum co_status status = co_kafka_outcome(
		"send_offsets", rd_kafka_send_offsets_to_transaction(outbox->producer, list, generation, OFFSETS_TIMEOUT_MS));
	rd_kafka_topic_partition_list_destroy(list);
	keep_positions(outbox, positions, count);
	return status == CO_OK ? CO_OK : CO_LOG_FAILED;
}

static void *track(struct co_kafka_outbox *outbox, size_t *index)
{
	if (!index)
		return NULL;
	if (outbox->tracked == outbox->room) {
		outbox->room = outbox->room ? 2 * outbox->room : 64;
		int64_t *more = realloc(outbox->offsets, outbox->room * sizeof(*more));
		if (!more)
			abort();
		outbox->offsets = more;
	}
	*index = outbox->tracked;
	outbox->offsets[outbox->tracked++] = -1;
	return (void *)(uintptr_t)outbox->tracked;
}

static rd_kafka_headers_t *headers_of(const struct co_message *message)
{
	if (message->header_count == 0)
		return NULL;
	rd_kafka_headers_t *headers = rd_kafka_headers_new(message->header_count);
	for (size_t i = 0; i < message->header_count; i++)
		(void)rd_kafka_header_add(headers, message->headers[i].name.ptr, (ssize_t)message->headers[i].name.len,
								  message->headers[i].value.ptr, (ssize_t)message->headers[i].value.len);
	return headers;
}

/* The service's own topics keep their handle; any other name is looked up by librdkafka at every message. */
static rd_kafka_topic_t *handle_of(struct co_kafka_outbox *outbox, struct co_view topic, const char *name)
{
	for (size_t i = 0; i < outbox->topic_count; i++) {
		if (!co_view_eq(outbox->topics[i], topic))
			continue;
		if (!outbox->handles[i])
			outbox->handles[i] = rd_kafka_topic_new(outbox->producer, name, NULL);
		return outbox->handles[i];
	}
	return NULL;
}

static rd_kafka_resp_err_t produce_once(struct co_kafka_outbox *outbox, const struct co_message *message, void *opaque)
{
	char name[TOPIC_BYTES_MAX];
	if (message->topic.len >= sizeof(name))
		return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
	memcpy(name, message->topic.ptr, message->topic.len);
	name[message->topic.len] = '\0';
	rd_kafka_topic_t *handle = handle_of(outbox, message->topic, name);
	rd_kafka_headers_t *headers = headers_of(message);
	rd_kafka_vu_t parts[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = name},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = message->partition},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)message->key.ptr, message->key.len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)message->value.ptr, message->value.len}},
		{.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = message->timestamp_ms < 0 ? 0 : message->timestamp_ms},
		{.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
	};
	if (handle)
		parts[0] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = handle};
	size_t count = sizeof(parts) / sizeof(parts[0]) - (headers ? 0 : 1);
	rd_kafka_error_t *error = rd_kafka_produceva(outbox->producer, parts, count);
	rd_kafka_resp_err_t err = error ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (error) {
		if (headers)
			rd_kafka_headers_destroy(headers);
		rd_kafka_error_destroy(error);
	}
	return err;
}

static enum co_status outbox_produce(void *self, const struct co_message *message, size_t *index)
{
	struct co_kafka_outbox *outbox = self;
	void *opaque = track(outbox, index);
	rd_kafka_resp_err_t err = produce_once(outbox, message, opaque);
	int64_t began_ms = err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? monotonic_ms() : 0;
	while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && monotonic_ms() - began_ms < COMMIT_TIMEOUT_MS) {
		(void)rd_kafka_poll(outbox->producer, 10);
		err = produce_once(outbox, message, opaque);
	}
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_OK;
	co_log(CO_LOG_NOTICE, "kafka.produce", rd_kafka_err2str(err), CO_TEXT("error.code", rd_kafka_err2name(err)));
	return is_rejection(err) ? CO_LOG_REJECTED : CO_LOG_FAILED;
}

static enum co_status outbox_commit(void *self)
{
	struct co_kafka_outbox *outbox = self;
	rd_kafka_error_t *error = rd_kafka_commit_transaction(outbox->producer, COMMIT_TIMEOUT_MS);
	(void)rd_kafka_poll(outbox->producer, 0);
	bool rejected = error && outbox->rejected && rd_kafka_error_txn_requires_abort(error);
	enum co_status status = co_kafka_outcome("commit", error);
	for (size_t i = 0; status == CO_OK && i < outbox->position_count; i++)
		co_kafka_inbox_reached(outbox->inbox, outbox->positions[i].partition, outbox->positions[i].next);
	if (status == CO_OK)
		return co_kafka_answers_missing(&outbox->answers) ? CO_LOG_UNANSWERED : CO_OK;
	return rejected ? CO_LOG_REJECTED : CO_LOG_FAILED;
}

static int64_t outbox_delivered(void *self, size_t index)
{
	const struct co_kafka_outbox *outbox = self;
	return index < outbox->tracked ? outbox->offsets[index] : -1;
}

/* --- topic look-ups ----------------------------------------------------------------------------------------------- */

static int32_t ask_partitions(struct co_kafka_outbox *outbox, const char *name)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(outbox->producer, name, NULL);
	if (!topic)
		return 0;
	const struct rd_kafka_metadata *metadata = NULL;
	int32_t count = -1;
	if (rd_kafka_metadata(outbox->producer, 0, topic, &metadata, LOOKUP_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
			count = metadata->topics[0].partition_cnt;
		else if (metadata->topic_cnt == 1 && (metadata->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
											  metadata->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
											  metadata->topics[0].err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED))
			count = 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(topic);
	return count;
}

static int32_t outbox_partitions_of(void *self, struct co_view topic)
{
	struct co_kafka_outbox *outbox = self;
	char name[TOPIC_BYTES_MAX];
	if (topic.len >= sizeof(name))
		return 0;
	memcpy(name, topic.ptr, topic.len);
	name[topic.len] = '\0';
	int64_t at_ms = monotonic_ms();
	struct lookup *oldest = &outbox->lookups[0], *slot = NULL;
	for (size_t i = 0; i < outbox->lookup_count && !slot; i++) {
		if (strcmp(outbox->lookups[i].topic, name) == 0)
			slot = &outbox->lookups[i];
		if (outbox->lookups[i].at_ms < oldest->at_ms)
			oldest = &outbox->lookups[i];
	}
	if (slot && at_ms - slot->at_ms < LOOKUP_KEEP_MS)
		return slot->count;
	int32_t count = ask_partitions(outbox, name);
	if (count < 0)
		return -1;
	if (!slot)
		slot = outbox->lookup_count < LOOKUPS_MAX ? &outbox->lookups[outbox->lookup_count++] : oldest;
	memcpy(slot->topic, name, topic.len + 1);
	slot->count = count;
	slot->at_ms = at_ms;
	return count;
}

/* --- ticks -------------------------------------------------------------------------------------------------------- */

static enum co_status open_ticker(struct co_kafka_outbox *outbox)
{
	const struct co_kafka_default defaults[] = {
		{"enable.idempotence", "true"}, {"linger.ms", "0"}, {"message.timeout.ms", "2000"}, {NULL, NULL}};
	char text[256];
	rd_kafka_conf_t *conf = co_kafka_conf(outbox->identity, "tick", defaults);
	outbox->ticker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (outbox->ticker)
		return CO_OK;
	rd_kafka_conf_destroy(conf);
	return CO_LOG_DOWN;
}

static void outbox_tick(void *self, int32_t partition)
{
	struct co_kafka_outbox *outbox = self;
	char text[128];
	/* an idempotent producer can die of a broker's death; ticks are worth nothing, so a new one takes its place */
	if (outbox->ticker && rd_kafka_fatal_error(outbox->ticker, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_destroy(outbox->ticker);
		outbox->ticker = NULL;
	}
	if (!outbox->ticker && open_ticker(outbox) != CO_OK)
		return;
	const rd_kafka_vu_t parts[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = outbox->identity->commands},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
		{.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"ce_specversion", "1.0", 3}},
		{.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"ce_type", "checkout.session.tick", 21}},
	};
	rd_kafka_error_t *error = rd_kafka_produceva(outbox->ticker, parts, sizeof(parts) / sizeof(parts[0]));
	if (error) {
		co_log(CO_LOG_DEBUG, "kafka.tick", rd_kafka_error_string(error), CO_INT("checkout.partition", partition));
		rd_kafka_error_destroy(error);
	}
	(void)rd_kafka_poll(outbox->ticker, 0);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

enum co_status co_kafka_outbox_open(const struct co_kafka_identity *identity, struct co_kafka_inbox *inbox,
									const struct co_view *topics, size_t topic_count, struct co_kafka_outbox **out)
{
	struct co_kafka_outbox *outbox = calloc(1, sizeof(*outbox));
	if (!outbox)
		abort();
	outbox->identity = identity;
	outbox->inbox = inbox;
	outbox->topics = topics;
	outbox->topic_count = topic_count;
	outbox->handles = calloc(topic_count + 1, sizeof(*outbox->handles));
	if (!outbox->handles)
		abort();
	*out = outbox;
	return CO_OK;
}

struct co_outbox co_kafka_outbox_port(struct co_kafka_outbox *outbox)
{
	return (struct co_outbox){.self = outbox,
							  .recycle = outbox_recycle,
							  .begin = outbox_begin,
							  .offsets = outbox_offsets,
							  .produce = outbox_produce,
							  .commit = outbox_commit,
							  .delivered = outbox_delivered,
							  .partitions_of = outbox_partitions_of,
							  .tick = outbox_tick};
}

void co_kafka_outbox_serve(void *self)
{
	struct co_kafka_outbox *outbox = self;
	if (outbox->producer)
		(void)rd_kafka_poll(outbox->producer, 0);
}

void co_kafka_outbox_close(struct co_kafka_outbox *outbox)
{
	if (!outbox)
		return;
	co_kafka_stats_producer_gone(outbox->identity->lane);
	close_producer(outbox);
	free(outbox->handles);
	if (outbox->ticker)
		rd_kafka_destroy(outbox->ticker);
	free(outbox->positions);
	free(outbox->offsets);
	free(outbox);
}
