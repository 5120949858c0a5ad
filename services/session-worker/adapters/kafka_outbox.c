#include "kafka_outbox.h"

#include "kafka_answers.h"
#include "kafka_lookups.h"
#include "kafka_refusals.h"
#include "kafka_stats.h"
#include "kafka_ticker.h"

#include "checkout/app/output.h"
#include "checkout/log.h"
#include "checkout/mutant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OFFSETS_TIMEOUT_MS 5000
#define COMMIT_TIMEOUT_MS 8000
#define METADATA_TIMEOUT_MS 2000
#define PURGE_MS 1000
#define TOPIC_BYTES_MAX CO_KAFKA_TOPIC_BYTES_MAX
/* An id whose last transaction is not over by then has lost a partition that was in it. Above transaction.timeout.ms:
 * whatever happened, that transaction is decided. */
#define ID_STUCK_MS 15000
#define IDS_MAX 16
/* A topic of the service that refuses what it should take is tried again after this. */
#define OWN_REFUSED_MS 2000
/* What came compressed is put on `dlq` whole, compressed again. The consumer takes 100,000,000 bytes uncompressed
 * (receive.message.max.bytes), a broker's request as many (socket.request.max.bytes); a record is in memory three times
 * while it is sent. Batches stay as small as they are by default. */
#define DEAD_LETTER_BYTES_TEXT "64000000"
#define DEAD_LETTER_CODEC "zstd"
#define BATCH_BYTES_TEXT "1000000"
/* All else is refused here before a broker has to: above every output (CO_OUTPUT_BYTES_MAX) and every copy. */
#define RECORD_BYTES_MAX ((size_t)1024 * 1024)
/* The delivery report of what broke a transaction comes a moment after the commit that failed for it. */
#define REPORT_MS 50

struct co_kafka_outbox {
	const struct co_kafka_identity *identity;
	struct co_kafka_inbox *inbox;
	const struct co_view *topics;
	size_t topic_count;
	rd_kafka_t *producer, *ticker;
	rd_kafka_topic_t **handles; /* of `producer`, one per topic of the service; NULL: not asked for yet */
	bool initialising;          /* init_transactions was begun on `producer` and goes on */
	unsigned id;                /* which transactional id; 0: the lane's own */
	int64_t stuck_ms;           /* monotonic: since when its last transaction is said not to be over; 0: it is */
	struct co_kafka_answers answers;
	struct co_kafka_refusals refusals; /* of the open transaction */
	int64_t hold_until_ms;             /* monotonic: no new transaction before */
	size_t position_count;             /* of the open transaction */
	struct co_kafka_place *positions;
	size_t tracked, room; /* messages of the open transaction whose offset is asked for */
	int64_t *offsets;
	struct co_kafka_lookups lookups;
};

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

/* --- the producer and its transaction ----------------------------------------------------------------------------- */

static bool is_own(const struct co_kafka_outbox *outbox, const char *name)
{
	for (size_t i = 0; i < outbox->topic_count; i++)
		if (co_view_eq(outbox->topics[i], co_view_cstr(name)))
			return true;
	return false;
}

static void on_delivery(rd_kafka_t *producer, const rd_kafka_message_t *message, void *opaque)
{
	(void)producer;
	struct co_kafka_outbox *outbox = opaque;
	const char *name = rd_kafka_topic_name(message->rkt);
	if (message->err)
		co_kafka_refusals_note(&outbox->refusals, name, is_own(outbox, name), message->err, message->len);
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
	char id[sizeof(outbox->identity->transactional) + 16];
	if (outbox->id)
		(void)snprintf(id, sizeof(id), "%s.%u", outbox->identity->transactional, outbox->id);
	else
		(void)snprintf(id, sizeof(id), "%s", outbox->identity->transactional);
	const struct co_kafka_default defaults[] = {
		{"transactional.id", id},
		{"enable.idempotence", "true"},
		{"acks", "all"},
		{"transaction.timeout.ms", "10000"},
		{"linger.ms", "0"},
		{"retry.backoff.ms", "3"},
		{"queue.buffering.max.messages", "1000000"},
		{"queue.buffering.max.kbytes", "262144"},
		{"message.max.bytes", DEAD_LETTER_BYTES_TEXT},
		{"batch.size", BATCH_BYTES_TEXT},
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

/* Dead letters are compressed, unless the configuration names a codec for all. NULL: like any other topic. */
static rd_kafka_topic_conf_t *topic_conf(const struct co_kafka_outbox *outbox, size_t topic)
{
	const struct co_config *config = outbox->identity->config;
	char text[256];
	if (topic != CO_TOPIC_DLQ || co_config_kafka(config, "compression.codec") ||
		co_config_kafka(config, "compression.type"))
		return NULL;
	rd_kafka_topic_conf_t *conf = rd_kafka_default_topic_conf_dup(outbox->producer);
	/* a library without it leaves them as they are */
	(void)rd_kafka_topic_conf_set(conf, "compression.codec", DEAD_LETTER_CODEC, text, sizeof(text));
	return conf;
}

/* The service's own topics keep their handle, the first of which has to be this one: librdkafka keeps its settings. Any
 * other name is looked up by librdkafka at every message. */
static rd_kafka_topic_t *handle_of(struct co_kafka_outbox *outbox, struct co_view topic)
{
	for (size_t i = 0; i < outbox->topic_count; i++) {
		char name[TOPIC_BYTES_MAX];
		if (!co_view_eq(outbox->topics[i], topic))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)topic.len, topic.ptr);
		if (!outbox->handles[i])
			outbox->handles[i] = rd_kafka_topic_new(outbox->producer, name, topic_conf(outbox, i));
		return outbox->handles[i];
	}
	return NULL;
}

/* Without it the first transaction after a recycle waits a second for the topics' leaders. */
static void warm_metadata(struct co_kafka_outbox *outbox)
{
	for (size_t i = 0; i < outbox->topic_count; i++) {
		rd_kafka_topic_t *topic = handle_of(outbox, outbox->topics[i]);
		const struct rd_kafka_metadata *metadata = NULL;
		if (!topic)
			continue;
		if (rd_kafka_metadata(outbox->producer, 0, topic, &metadata, METADATA_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR)
			rd_kafka_metadata_destroy(metadata);
	}
}

/* The coordinator keeps an id until every partition of its last transaction has the marker: for ever, if one of a
 * client's reply topic is gone for good. Then another id does as well: the outcome of that transaction is decided, its
 * offsets are read as stable, and the group's generation still fences. */
static void leave_stuck_id(struct co_kafka_outbox *outbox, rd_kafka_resp_err_t err)
{
	int64_t at_ms = monotonic_ms();
	if (err != RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS) {
		outbox->stuck_ms = 0;
		return;
	}
	if (outbox->stuck_ms == 0)
		outbox->stuck_ms = at_ms;
	if (at_ms - outbox->stuck_ms < ID_STUCK_MS)
		return;
	outbox->id = (outbox->id + 1) % IDS_MAX;
	outbox->stuck_ms = 0;
	outbox->initialising = false;
	co_log(CO_LOG_NOTICE, "kafka.transactional_id",
		   "the last transaction does not come to its end, a partition in it is away; going on under another id",
		   CO_INT("checkout.lane", outbox->identity->lane), CO_INT("checkout.id", outbox->id));
}

static enum co_status outbox_recycle(void *self, int timeout_ms)
{
	struct co_kafka_outbox *outbox = self;
	if (monotonic_ms() < outbox->hold_until_ms)
		return CO_LOG_DOWN;
	if (!outbox->initialising) {
		close_producer(outbox);
		CO_TRY(open_producer(outbox));
		/* what failed may have been a topic that is gone by now */
		co_kafka_lookups_forget(&outbox->lookups);
		outbox->initialising = true;
	}
	rd_kafka_error_t *error = rd_kafka_init_transactions(outbox->producer, timeout_ms);
	if (error) {
		bool again = rd_kafka_error_is_retriable(error) || rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__CONFLICT ||
					 rd_kafka_error_code(error) == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS;
		outbox->initialising = again;
		leave_stuck_id(outbox, rd_kafka_error_code(error));
		(void)co_kafka_outcome("init_transactions", error);
		return CO_LOG_DOWN;
	}
	outbox->initialising = false;
	outbox->stuck_ms = 0;
	warm_metadata(outbox);
	return CO_OK;
}

static enum co_status outbox_begin(void *self)
{
	struct co_kafka_outbox *outbox = self;
	outbox->tracked = 0;
	outbox->refusals = (struct co_kafka_refusals){.rejected = false};
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

/* Offsets in a transaction of their own, before the one of the outputs. */
static inline enum co_status mutant_commit_apart(struct co_kafka_outbox *outbox)
{
	CO_TRY(co_kafka_outcome("commit", rd_kafka_commit_transaction(outbox->producer, COMMIT_TIMEOUT_MS)));
	return co_kafka_outcome("begin", rd_kafka_begin_transaction(outbox->producer));
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
	if (CO_MUTANT(OFFSETS_OUTSIDE) && status == CO_OK)
		status = mutant_commit_apart(outbox);
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

static rd_kafka_resp_err_t produce_once(struct co_kafka_outbox *outbox, const struct co_message *message, void *opaque)
{
	char name[TOPIC_BYTES_MAX];
	if (message->topic.len >= sizeof(name))
		return RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
	memcpy(name, message->topic.ptr, message->topic.len);
	name[message->topic.len] = '\0';
	rd_kafka_topic_t *handle = handle_of(outbox, message->topic);
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

static size_t bytes_of(const struct co_message *message)
{
	size_t bytes = message->key.len + message->value.len;
	for (size_t i = 0; i < message->header_count; i++)
		bytes += message->headers[i].name.len + message->headers[i].value.len;
	return bytes;
}

/* The transaction did not go through: of what kind is that? */
static enum co_status failed(struct co_kafka_outbox *outbox)
{
	if (outbox->refusals.own_refused)
		outbox->hold_until_ms = monotonic_ms() + OWN_REFUSED_MS;
	return outbox->refusals.rejected && !outbox->refusals.own_refused ? CO_LOG_REJECTED : CO_LOG_FAILED;
}

static enum co_status outbox_produce(void *self, const struct co_message *message, size_t *index)
{
	struct co_kafka_outbox *outbox = self;
	char name[TOPIC_BYTES_MAX];
	size_t bytes = bytes_of(message);
	void *opaque = track(outbox, index);
	(void)snprintf(name, sizeof(name), "%.*s", (int)message->topic.len, message->topic.ptr);
	bool own = is_own(outbox, name), dead_letter = co_view_eq(message->topic, outbox->topics[CO_TOPIC_DLQ]);
	if (!own)
		co_kafka_refusals_named(&outbox->refusals, name);
	rd_kafka_resp_err_t err = bytes > RECORD_BYTES_MAX && !dead_letter ? RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
																	   : produce_once(outbox, message, opaque);
	int64_t began_ms = err == RD_KAFKA_RESP_ERR__QUEUE_FULL ? monotonic_ms() : 0;
	while (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && monotonic_ms() - began_ms < COMMIT_TIMEOUT_MS) {
		(void)rd_kafka_poll(outbox->producer, 10);
		err = produce_once(outbox, message, opaque);
	}
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_OK;
	co_log(CO_LOG_NOTICE, "kafka.produce", rd_kafka_err2str(err), CO_TEXT("error.code", rd_kafka_err2name(err)));
	if (co_kafka_fault_of(err) != CO_KAFKA_FAULT_NONE)
		co_kafka_refusals_note(&outbox->refusals, name, own, err, bytes);
	else
		(void)rd_kafka_poll(outbox->producer, REPORT_MS); /* a record before this one may have broken the transaction */
	return failed(outbox);
}

/* What was not taken by now is given up; when all of it was for topics of others, and that happens again or they turn
 * out to have no leader, those are left out: the lane does not wait for somebody else's disk. When the service's own
 * wait too, it is Kafka that is away. */
static enum co_status find_waiting_topics(struct co_kafka_outbox *outbox)
{
	(void)rd_kafka_purge(outbox->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	(void)rd_kafka_flush(outbox->producer, PURGE_MS);
	if (outbox->refusals.waiting_count == 0 || outbox->refusals.own_waits)
		return CO_LOG_FAILED;
	co_kafka_lookups_untaken(&outbox->lookups);
	for (size_t i = 0; i < outbox->refusals.waiting_count; i++)
		(void)co_kafka_lookups_late(&outbox->lookups, outbox->refusals.waiting[i]);
	return CO_LOG_UNTAKEN;
}

/* The commit broke off for one of its records or topics: which? */
static void find_refused_topic(struct co_kafka_outbox *outbox, rd_kafka_resp_err_t err)
{
	const struct co_kafka_refusals *refusals = &outbox->refusals;
	if (!refusals->rejected && !refusals->own_refused && co_kafka_fault_of(err) != CO_KAFKA_FAULT_NONE)
		(void)rd_kafka_poll(outbox->producer, REPORT_MS);
	const char *topic = co_kafka_refusals_guess(&outbox->refusals, err);
	if (topic)
		(void)co_kafka_lookups_down(&outbox->lookups, topic, rd_kafka_err2str(err));
}

static enum co_status outbox_commit(void *self)
{
	struct co_kafka_outbox *outbox = self;
	rd_kafka_error_t *error = rd_kafka_commit_transaction(outbox->producer, COMMIT_TIMEOUT_MS);
	(void)rd_kafka_poll(outbox->producer, 0);
	rd_kafka_resp_err_t err = rd_kafka_error_code(error);
	bool abortable = error && rd_kafka_error_txn_requires_abort(error);
	bool late = error && (outbox->refusals.gave_up || err == RD_KAFKA_RESP_ERR__TIMED_OUT);
	if (abortable)
		find_refused_topic(outbox, err);
	bool refused = abortable && (outbox->refusals.rejected || outbox->refusals.own_refused);
	enum co_status status = co_kafka_outcome("commit", error);
	if (late && !refused)
		return find_waiting_topics(outbox);
	for (size_t i = 0; status == CO_OK && i < outbox->position_count; i++)
		co_kafka_inbox_reached(outbox->inbox, outbox->positions[i].partition, outbox->positions[i].next);
	if (status == CO_OK)
		return co_kafka_answers_missing(&outbox->answers) ? CO_LOG_UNANSWERED : CO_OK;
	return refused ? failed(outbox) : CO_LOG_FAILED;
}

static int64_t outbox_delivered(void *self, size_t index)
{
	const struct co_kafka_outbox *outbox = self;
	return index < outbox->tracked ? outbox->offsets[index] : -1;
}

static int32_t outbox_partitions_of(void *self, struct co_view topic)
{
	struct co_kafka_outbox *outbox = self;
	return co_kafka_lookups_ask(&outbox->lookups, outbox->producer, topic);
}

static void outbox_tick(void *self, int32_t partition)
{
	struct co_kafka_outbox *outbox = self;
	co_kafka_tick(outbox->identity, &outbox->ticker, partition);
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
