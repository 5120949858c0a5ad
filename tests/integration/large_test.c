/* Records that are larger than a record may be, since they came compressed, or by their keys and headers: each is
 * answered or a dead letter within seconds, whole where Kafka takes it, and the lane goes on (contract sections 1, 2).
 */
#include "it.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROMPT_MS 20000

static size_t count_replies(struct rig *rig, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < rig->reader.log.count; i++) {
		const struct co_record *record = &rig->reader.log.records[i]->r;
		count += co_tk_header(record, "checkout-status").ptr && co_tk_header_is(record, "ce_causationid", id);
	}
	return count;
}

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
	rig_load(rig, 40);
}

static void end(struct rig *rig, const char *what)
{
	rig_load(rig, 20);
	rig_settle_and_check(rig, 90000, what);
	assert_int_equal(co_tk_worker_wait(&rig->workers[0], 0), -1);
	rig_close(rig);
}

/* One record on partition 0, compressed. Ends the test when the broker does not take it. */
static void send_zstd(struct rig *rig, const char *type, const char *id, struct co_view key, struct co_view value,
					  struct co_view filler)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
	char error[256];
	const char *const settings[][2] = {{"bootstrap.servers", rig->servers->kafka.servers},
									   {"broker.address.family", "v4"},
									   {"compression.codec", "zstd"},
									   {"message.max.bytes", "100000000"},
									   {"enable.idempotence", "true"}};

	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		co_tk_check(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], error, sizeof(error)) == RD_KAFKA_CONF_OK,
					"%s", error);
	rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	co_tk_check(producer, "%s", error);
	rd_kafka_header_add(headers, "ce_specversion", -1, "1.0", -1);
	rd_kafka_header_add(headers, "ce_id", -1, id, -1);
	rd_kafka_header_add(headers, "ce_source", -1, "/rig", -1);
	rd_kafka_header_add(headers, "ce_type", -1, type, -1);
	if (filler.ptr)
		rd_kafka_header_add(headers, "filler", -1, filler.ptr, (ssize_t)filler.len);
	const rd_kafka_vu_t parts[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = rig->commands},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
		{.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
		{.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(uintptr_t)key.ptr, key.len}},
		{.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {(void *)(uintptr_t)value.ptr, value.len}},
		{.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
	};
	rd_kafka_error_t *refused = rd_kafka_produceva(producer, parts, sizeof(parts) / sizeof(*parts));
	co_tk_check(!refused, "%s", rd_kafka_error_string(refused));
	co_tk_check(rd_kafka_flush(producer, 60000) == RD_KAFKA_RESP_ERR_NO_ERROR, "the broker took no compressed record");
	rd_kafka_destroy(producer);
}

static char *filled(size_t length)
{
	char *bytes = co_tk_alloc(length + 1);

	memset(bytes, 'x', length);
	return bytes;
}

/* The dead letter of the command `id`. */
static const struct co_tk_record *await_dead_letter(struct rig *rig, const char *id)
{
	for (int64_t end_ms = co_tk_now_ms() + PROMPT_MS; co_tk_now_ms() < end_ms; co_tk_reader_poll(&rig->reader, 50))
		for (size_t i = 0; i < rig->reader.log.count; i++) {
			const struct co_tk_record *record = rig->reader.log.records[i];
			if (co_tk_header(&record->r, "checkout-dlq-reason").ptr && co_tk_header_is(&record->r, "ce_id", id))
				return record;
		}
	co_tk_fail("%s is no dead letter after %d ms", id, PROMPT_MS);
}

static void expect_promptly(struct rig *rig, const char *id, const char *code)
{
	const struct co_tk_record *reply = rig_reply(rig, id, PROMPT_MS);

	co_tk_check(reply, "no reply to %s within %d ms", id, PROMPT_MS);
	co_tk_check(co_tk_header_is(&reply->r, "checkout-error-code", code), "%s is not answered %s", id, code);
	assert_int_equal(count_replies(rig, id), 1);
}

/* What compressed to fit the topic comes back out of it whole, although it is larger than any topic's limit. */
static void dead_letter__compressed_and_large__whole(void **state)
{
	static const size_t sizes[] = {1100000, 5000000, 30000000};
	struct rig rig;
	char id[32];

	begin(&rig, state);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		char *value = filled(sizes[i]);
		snprintf(id, sizeof(id), "large-%zu", i);
		send_zstd(&rig, "checkout.session.validate", id, CO_VIEW("k"), (struct co_view){value, sizes[i]},
				  (struct co_view){NULL, 0});
		const struct co_tk_record *letter = await_dead_letter(&rig, id);
		assert_true(co_tk_header_is(&letter->r, "checkout-dlq-reason", "too_large"));
		assert_int_equal(letter->r.value.len, sizes[i]);
		assert_memory_equal(letter->r.value.ptr, value, sizes[i]);
		assert_true(co_tk_is(letter->r.key, "k"));
		expect_promptly(&rig, id, "9300004");
		free(value);
	}
	assert_true(co_tk_worker_metric(&rig.workers[0], "checkout_poisoned_commands_total") == 0);
	end(&rig, "compressed records that are large");
}

/* A worker does not start on such a dlq: it is made so behind its back. */
static void limit_dlq(struct rig *rig, const char *message_bytes_max)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char error[256], dlq[64];

	snprintf(dlq, sizeof(dlq), "%sdlq", rig->prefix);
	co_tk_check(rd_kafka_conf_set(conf, "bootstrap.servers", rig->servers->kafka.servers, error, sizeof(error)) ==
					RD_KAFKA_CONF_OK,
				"%s", error);
	rd_kafka_t *admin = rd_kafka_new(RD_KAFKA_PRODUCER, conf, error, sizeof(error));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(admin);
	rd_kafka_ConfigResource_t *resource = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, dlq);
	rd_kafka_ConfigResource_set_config(resource, "max.message.bytes", message_bytes_max);
	rd_kafka_AlterConfigs(admin, &resource, 1, NULL, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 90000);
	co_tk_check(event && !rd_kafka_event_error(event), "%s was not changed", dlq);
	rd_kafka_event_destroy(event);
	rd_kafka_ConfigResource_destroy(resource);
	rd_kafka_queue_destroy(queue);
	rd_kafka_destroy(admin);
}

static char *noise_of(size_t length)
{
	char *bytes = co_tk_alloc(length + 1);
	uint32_t seed = 1;

	for (size_t i = 0; i < length; i++)
		bytes[i] = (char)((seed = seed * 1664525u + 1013904223u) >> 24);
	return bytes;
}

/* The broker's log learns of the limit behind the answer: it does when it takes no such record any more. Those that it
 * took before are nobody's dead letters. */
static void await_limit(struct rig *rig, size_t bytes)
{
	char dlq[64], *noise = noise_of(bytes);
	struct co_tk_producer *producer = co_tk_producer_open_plain(&rig->servers->kafka);
	struct co_tk_sent sent = {0};

	snprintf(dlq, sizeof(dlq), "%sdlq", rig->prefix);
	const struct co_message message = {
		.topic = {dlq, strlen(dlq)}, .partition = 0, .timestamp_ms = -1, .value = {noise, bytes}};
	for (int64_t end_ms = co_tk_now_ms() + 60000; !sent.failed;) {
		co_tk_check(co_tk_now_ms() < end_ms, "%s still takes records of %zu bytes", dlq, bytes);
		co_tk_send(producer, &message, &sent);
		co_tk_producer_flush(producer);
	}
	co_tk_producer_close(producer);
	free(noise);
}

/* Bytes that do not compress, on a topic too small for them: without its value, as ever. */
static void dead_letter__refused_by_the_topic__emptied(void **state)
{
	enum { BYTES = 100000 };
	struct rig rig;
	char *plain = filled(BYTES), *noise = noise_of(BYTES);

	begin(&rig, state);
	limit_dlq(&rig, "4000");
	await_limit(&rig, 5000);
	send_zstd(&rig, "checkout.session.validate", "noise", CO_VIEW("k"), (struct co_view){noise, BYTES},
			  (struct co_view){NULL, 0});
	send_zstd(&rig, "checkout.session.validate", "plain", CO_VIEW("k"), (struct co_view){plain, BYTES},
			  (struct co_view){NULL, 0});
	const struct co_tk_record *letter = await_dead_letter(&rig, "noise");
	assert_int_equal(letter->r.value.len, 0);
	assert_true(co_tk_is(letter->r.key, "k"));
	letter = await_dead_letter(&rig, "plain");
	assert_int_equal(letter->r.value.len, BYTES);
	assert_memory_equal(letter->r.value.ptr, plain, BYTES);
	expect_promptly(&rig, "noise", "9300004");
	expect_promptly(&rig, "plain", "9300004");
	free(plain);
	free(noise);
	end(&rig, "a dead letter that the dlq refuses");
}

/* A key that fills its record alone, as it lies on the topic or compressed: answered without it. */
static void key__as_large_as_a_record__answered_without_it(void **state)
{
	enum { PLAIN = 1047900, COMPRESSED = 5000000 };
	struct rig rig;
	char *key = filled(COMPRESSED);
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_id"), CO_VIEW("key-1")},
										{CO_VIEW("ce_source"), CO_VIEW("/rig")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.get")}};
	const struct co_message message = {.topic = CO_VIEW(""),
									   .partition = 0,
									   .timestamp_ms = -1,
									   .key = {key, PLAIN},
									   .header_count = 4,
									   .headers = headers};

	begin(&rig, state);
	struct co_message plain = message;
	plain.topic = (struct co_view){rig.commands, strlen(rig.commands)};
	co_tk_send(rig.producer, &plain, NULL);
	co_tk_producer_flush(rig.producer);
	expect_promptly(&rig, "key-1", "9300001");
	send_zstd(&rig, "checkout.session.get", "key-2", (struct co_view){key, COMPRESSED}, (struct co_view){NULL, 0},
			  (struct co_view){NULL, 0});
	expect_promptly(&rig, "key-2", "9300001");
	assert_null(rig_reply(&rig, "key-1", 0)->r.key.ptr);
	assert_null(rig_reply(&rig, "key-2", 0)->r.key.ptr);
	/* its answer, not the dead letter itself, is what Kafka does not take: that is without the key */
	send_zstd(&rig, "checkout.session.validate", "key-3", (struct co_view){key, COMPRESSED}, CO_VIEW("no JSON"),
			  (struct co_view){NULL, 0});
	const struct co_tk_record *letter = await_dead_letter(&rig, "key-3");
	assert_true(co_tk_header_is(&letter->r, "checkout-dlq-reason", "not_json"));
	assert_int_equal(letter->r.key.len, COMPRESSED);
	assert_true(co_tk_is(letter->r.value, "no JSON"));
	expect_promptly(&rig, "key-3", "9300004");
	assert_null(rig_reply(&rig, "key-3", 0)->r.key.ptr);
	free(key);
	end(&rig, "keys as large as a record");
}

/* Headers of more than a record's size, which compressed fit: a dead letter, with all of them. */
static void headers__larger_than_a_record__dead_letter(void **state)
{
	enum { BYTES = 1100000 };
	struct rig rig;
	char *filler = filled(BYTES);

	begin(&rig, state);
	send_zstd(&rig, "checkout.session.validate", "headers-1", CO_VIEW("k"), CO_VIEW("{}"),
			  (struct co_view){filler, BYTES});
	const struct co_tk_record *letter = await_dead_letter(&rig, "headers-1");
	assert_true(co_tk_header_is(&letter->r, "checkout-dlq-reason", "headers_too_large"));
	assert_int_equal(co_tk_header(&letter->r, "filler").len, BYTES);
	assert_true(co_tk_is(letter->r.value, "{}"));
	expect_promptly(&rig, "headers-1", "9300004");
	free(filler);
	end(&rig, "headers larger than a record");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dead_letter__compressed_and_large__whole),
		cmocka_unit_test(dead_letter__refused_by_the_topic__emptied),
		cmocka_unit_test(key__as_large_as_a_record__answered_without_it),
		cmocka_unit_test(headers__larger_than_a_record__dead_letter),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
