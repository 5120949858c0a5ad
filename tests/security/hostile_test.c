/* A stream made to hurt: garbage, too large, too deep, too many headers, objects of thousands of members, answers that
 * would be larger than what asked for them. The process does not grow with it, the lane goes on, and every record is
 * answered or lies in the dlq. */
#include "secure.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KINDS 10
#define ROUNDS 3
#define RECORDS (KINDS * ROUNDS * ROUND_CYCLES)
#define VALUE_MAX 262144

/* Resident memory at its highest, at one lane: 16 MiB of fetched records (librdkafka), a batch of 8 MiB three times
 * over (read, decided, produced), and what the allocator keeps. Sanitizers cost a multiple of it. */
#ifdef CO_SANITIZED
#define PEAK_MIB 1536
#define GROWTH_MIB 256
#define ROUND_CYCLES 20
#else
#define ROUND_CYCLES 100
#define PEAK_MIB 384
#define GROWTH_MIB 64
#endif

/* ---- what is sent ---- */

struct hostile {
	char *value;
	size_t length;
	size_t header_count; /* besides those of a command */
	size_t header_bytes; /* of each */
};

static size_t put(char *to, size_t at, const char *text)
{
	while (*text)
		to[at++] = *text++;
	return at;
}

/* `{"data":…}`-less create whose object has as many members as fit. */
static size_t many_members(char *to)
{
	size_t at = put(to, 0, "{");

	for (unsigned i = 0; at + 20 < VALUE_MAX; i++)
		at += (size_t)sprintf(to + at, "%s\"%x\":0", i ? "," : "", i);
	return put(to, at, "}");
}

/* 31 metadata keys that are all too long and of a character that a JSON Pointer writes twice. */
static size_t long_pointers(char *to)
{
	size_t at = put(to, 0, "{\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\",\"metadata\":{");

	for (int i = 0; i < 31; i++) {
		at += (size_t)sprintf(to + at, "%s\"%d", i ? "," : "", i);
		memset(to + at, '~', 8000);
		at = put(to, at + 8000, "\":\"v\"");
	}
	return put(to, at, "}}}");
}

static size_t nested(char *to, size_t depth)
{
	size_t at = put(to, 0, "{\"a\":");

	memset(to + at, '[', depth);
	memset(to + at + depth, ']', depth);
	return put(to, at + 2 * depth, "}");
}

static struct hostile make(int kind)
{
	struct hostile out = {.value = co_tk_alloc((size_t)2 * VALUE_MAX)};

	switch (kind) {
	case 0: /* garbage at the limit */
		for (size_t i = 0; i < VALUE_MAX; i++)
			out.value[i] = (char)(i * 2654435761U >> 13);
		out.length = VALUE_MAX;
		break;
	case 1: /* one byte above it */
		memset(out.value, ' ', VALUE_MAX + 1);
		out.length = VALUE_MAX + 1;
		break;
	case 2: /* as many headers as are allowed, with these six */
		out.length = put(out.value, 0, "{}");
		out.header_count = 122;
		break;
	case 3: /* one more */
		out.length = put(out.value, 0, "{}");
		out.header_count = 123;
		break;
	case 4: /* headers that are larger than any value may be */
		out.length = put(out.value, 0, "{}");
		out.header_count = 10;
		out.header_bytes = 60000;
		break;
	case 5: /* as deep as a value can be */
		out.length = nested(out.value, (VALUE_MAX - 16) / 2);
		break;
	case 6: /* as deep as is allowed */
		out.length = nested(out.value, 31);
		break;
	case 7:
		out.length = many_members(out.value);
		break;
	case 8:
		out.length = long_pointers(out.value);
		break;
	case 9: /* a string of nothing but escapes */
		out.length = put(out.value, 0, "{\"referenceId\":\"");
		while (out.length + 16 < VALUE_MAX)
			out.length = put(out.value, out.length, "\\u0041");
		out.length = put(out.value, out.length, "\"}");
		break;
	default:
		break;
	}
	return out;
}

static struct co_view text(const char *from)
{
	return (struct co_view){from, strlen(from)};
}

static void send_hostile(struct rig *rig, const struct hostile *hostile, int number)
{
	static char filler[60000];
	struct co_header headers[136] = {
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},       {CO_VIEW("ce_id"), {NULL, 0}},
		{CO_VIEW("ce_source"), CO_VIEW("/hostile")},       {CO_VIEW("ce_type"), CO_VIEW("checkout.session.create")},
		{CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)}, {CO_VIEW("correlation_id"), CO_VIEW("c")}};
	char id[32];

	memset(filler, 'x', sizeof(filler));
	snprintf(id, sizeof(id), "h-%d", number);
	headers[1].value = text(id);
	for (size_t i = 0; i < hostile->header_count; i++)
		headers[6 + i] = (struct co_header){CO_VIEW("x"), {filler, hostile->header_bytes}};
	struct co_message message = {.topic = text(rig->commands),
								 .partition = number % RIG_PARTITIONS,
								 .timestamp_ms = -1,
								 .value = {hostile->value, hostile->length},
								 .header_count = 6 + hostile->header_count,
								 .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
}

/* ---- what comes of it: the records themselves would not fit into the test's own memory ---- */

struct tally {
	rd_kafka_t *consumer;
	int replies[RECORDS + 1], dlq[RECORDS + 1]; /* one more: the command after it all */
	int answered;                               /* records with a reply or in the dlq */
	int internal;                               /* replies 9300001 */
	bool created;                               /* a 201 */
};

static rd_kafka_t *open_consumer(struct rig *rig)
{
	static const char *const settings[][2] = {{"isolation.level", "read_committed"},
											  {"auto.offset.reset", "earliest"},
											  {"broker.address.family", "v4"},
											  {"queued.max.messages.kbytes", "16384"}};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256];

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		co_tk_check(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)) == RD_KAFKA_CONF_OK,
					"%s", error);
	co_tk_check(!rd_kafka_conf_set(conf, "bootstrap.servers", rig->servers->kafka.servers, error, sizeof(error)), "%s",
				error);
	co_tk_check(!rd_kafka_conf_set(conf, "group.id", "tally", error, sizeof(error)), "%s", error);
	rd_kafka_t *consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, error, sizeof(error));
	co_tk_check(consumer, "%s", error);
	rd_kafka_poll_set_consumer(consumer);
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(2 * RIG_PARTITIONS);
	for (int p = 0; p < RIG_PARTITIONS; p++) {
		char topic[64];
		snprintf(topic, sizeof(topic), "%sreplies", rig->prefix);
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
		snprintf(topic, sizeof(topic), "%sdlq", rig->prefix);
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
	}
	co_tk_check(!rd_kafka_assign(consumer, list), "assign");
	rd_kafka_topic_partition_list_destroy(list);
	return consumer;
}

static const char *header(const rd_kafka_message_t *message, const char *name, size_t *size)
{
	rd_kafka_headers_t *headers = NULL;
	const void *value = NULL;

	if (rd_kafka_message_headers(message, &headers) || rd_kafka_header_get_last(headers, name, &value, size))
		return NULL;
	return value;
}

static void count(struct tally *tally, const rd_kafka_message_t *message)
{
	bool is_dlq = strstr(rd_kafka_topic_name(message->rkt), "dlq") != NULL;
	size_t size = 0;
	const char *id = header(message, is_dlq ? "ce_id" : "ce_causationid", &size);
	int number = id && size > 2 && memcmp(id, "h-", 2) == 0 ? (int)strtol(id + 2, NULL, 10) : -1;

	if (number < 0 || number > RECORDS)
		return;
	if (tally->replies[number] + tally->dlq[number] == 0)
		tally->answered++;
	(is_dlq ? tally->dlq : tally->replies)[number]++;
	const char *code = is_dlq ? NULL : header(message, "checkout-error-code", &size);
	if (code && size == 7 && memcmp(code, "9300001", 7) == 0)
		tally->internal++;
	const char *status = is_dlq ? NULL : header(message, "checkout-status", &size);
	tally->created = tally->created || (status && size == 3 && memcmp(status, "201", 3) == 0);
}

static void read_one(struct tally *tally)
{
	rd_kafka_message_t *message = rd_kafka_consumer_poll(tally->consumer, 200);

	if (message && !message->err)
		count(tally, message);
	if (message)
		rd_kafka_message_destroy(message);
}

static void await(struct tally *tally, int wanted, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms; tally->answered < wanted; read_one(tally))
		co_tk_check(co_tk_now_ms() < end, "%d of %d records answered", tally->answered, wanted);
}

/* VmRSS or VmHWM of the worker, MiB. */
static long memory_mib(const struct rig *rig, const char *which)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%ld/status", (long)rig->workers[0].pid);
	char *status = co_tk_read_file(path, NULL);
	co_tk_check(status && strstr(status, which), "no %s in %s", which, path);
	long kib = strtol(strstr(status, which) + strlen(which), NULL, 10);
	free(status);
	return kib / 1024;
}

static void start(struct rig *rig)
{
	const char *environment[] = {"ASAN_OPTIONS=quarantine_size_mb=8:malloc_context_size=0:detect_leaks=1", NULL};
	const struct co_tk_worker_options options = {.instance = "hostile",
												 .prefix = rig->prefix,
												 .group = rig->group,
												 .overrides = rig->overrides,
												 .environment = environment};
	static char full_batches[] = "worker.batch.max.records=1000";

	for (size_t i = 0; rig->overrides[i]; i++)
		if (strncmp(rig->overrides[i], "worker.batch", 12) == 0)
			rig->overrides[i] = full_batches;
	co_tk_worker_start(&rig->workers[0], &rig->servers->kafka, &rig->servers->redis, &options);
}

static void hostile_stream__thousands_of_records__bounded_memory_and_all_answered(void **state)
{
	static char valid[] = "{\"referenceId\":\"after\",\"config\":{\"modes\":[\"PAYMENT_METHOD_ENTRY\"]},"
						  "\"customer\":{\"hsid\":\"h\"}}";
	static struct tally tally;
	struct rig rig;
	struct hostile hostile[KINDS];
	long peak[ROUNDS];

	rig_open(&rig, *state);
	tally.consumer = open_consumer(&rig);
	start(&rig);
	rig_wait_ready(&rig, 0);
	for (int kind = 0; kind < KINDS; kind++)
		hostile[kind] = make(kind);
	for (int round = 0; round < ROUNDS; round++) {
		/* By kind, so that full batches of each come together, which is the worst for memory. */
		for (int i = 0; i < KINDS * ROUND_CYCLES; i++)
			send_hostile(&rig, &hostile[i / ROUND_CYCLES], round * KINDS * ROUND_CYCLES + i);
		co_tk_producer_flush(rig.producer);
		await(&tally, (round + 1) * KINDS * ROUND_CYCLES, 180000);
		peak[round] = memory_mib(&rig, "VmHWM:");
		printf("round %d: %d records answered, resident %ld MiB, at most %ld MiB\n", round + 1, tally.answered,
			   memory_mib(&rig, "VmRSS:"), peak[round]);
	}
	for (int i = 0; i < RECORDS; i++) {
		int kind = i % (KINDS * ROUND_CYCLES) / ROUND_CYCLES;
		bool command = kind == 2 || kind >= 6;
		if (tally.replies[i] != 1 || tally.dlq[i] != (command ? 0 : 1))
			fail_msg("record %d of kind %d: %d replies, %d in the dlq", i, kind, tally.replies[i], tally.dlq[i]);
	}
	assert_true(peak[ROUNDS - 1] <= PEAK_MIB);
	assert_true(peak[ROUNDS - 1] - peak[0] <= GROWTH_MIB);
	assert_false(tally.created);
	struct hostile after = {.value = valid, .length = strlen(valid)};
	send_hostile(&rig, &after, RECORDS);
	await(&tally, RECORDS + 1, 90000);
	assert_true(tally.created);
	printf("%d records, %d of them told 9300001, peak %ld MiB of %d\n", RECORDS, tally.internal, peak[ROUNDS - 1],
		   PEAK_MIB);
	rd_kafka_destroy(tally.consumer);
	rig_close(&rig);
	for (int kind = 0; kind < KINDS; kind++)
		free(hostile[kind].value);
}

static void delivered(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	(void)handle;
	*(int *)opaque = message->err ? (int)message->err : 1;
}

/* Number 0 with a value of that many blanks, by a producer of its own that takes no for an answer. */
static bool is_taken(struct rig *rig, size_t length)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char topic[64], error[256], *value = co_tk_alloc(length);
	int result = 0;

	memset(value, ' ', length);
	snprintf(topic, sizeof(topic), "%s", rig->commands);
	co_tk_check(!rd_kafka_conf_set(conf, "bootstrap.servers", rig->servers->kafka.servers, error, sizeof(error)) &&
					!rd_kafka_conf_set(conf, "message.max.bytes", "4000000", error, sizeof(error)),
				"%s", error);
	rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, &result);
	rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	co_tk_check(producer, "%s", error);
	rd_kafka_resp_err_t refused =
		rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0), RD_KAFKA_V_VALUE(value, length),
						  RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_HEADER("ce_specversion", "1.0", 3),
						  RD_KAFKA_V_HEADER("ce_id", "h-0", 3), RD_KAFKA_V_HEADER("ce_source", "/l", 2),
						  RD_KAFKA_V_HEADER("ce_type", "checkout.session.create", 23), RD_KAFKA_V_END);
	co_tk_check(!refused, "%s", rd_kafka_err2str(refused));
	co_tk_check(!rd_kafka_flush(producer, 60000) && result, "not acknowledged");
	rd_kafka_destroy(producer);
	free(value);
	return result == 1;
}

/* The largest record that `commands` takes: it fits into the dlq with the headers that it gets there. */
static void largest_record__dlq_takes_it(void **state)
{
	static struct tally tally;
	struct rig rig;
	size_t taken = 1000000, refused = 1048576;

	rig_open(&rig, *state);
	while (refused - taken > 1) {
		size_t middle = (taken + refused) / 2;
		if (is_taken(&rig, middle))
			taken = middle;
		else
			refused = middle;
	}
	tally.consumer = open_consumer(&rig);
	start(&rig);
	rig_wait_ready(&rig, 0);
	co_tk_check(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000), "lag");
	size_t sent = 0;
	for (size_t i = 0; i < rig.reader.log.count; i++)
		sent += co_tk_is(rig.reader.log.records[i]->topic, rig.commands);
	for (int64_t end = co_tk_now_ms() + 60000;
		 ((size_t)tally.dlq[0] < sent || (size_t)tally.replies[0] < sent) && co_tk_now_ms() < end;)
		read_one(&tally);
	for (int64_t end = co_tk_now_ms() + 1000; co_tk_now_ms() < end;)
		read_one(&tally); /* no more than that */
	printf("%zu records up to %zu bytes: %d in the dlq, %d replies, %d of them 9300001\n", sent, taken, tally.dlq[0],
		   tally.replies[0], tally.internal);
	assert_true(sent > 5);
	assert_int_equal(tally.dlq[0], sent);
	assert_int_equal(tally.replies[0], sent);
	assert_int_equal(tally.internal, 0);
	rd_kafka_destroy(tally.consumer);
	rig_close(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(largest_record__dlq_takes_it),
		cmocka_unit_test(hostile_stream__thousands_of_records__bounded_memory_and_all_answered),
	};
	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
