#include "ctl_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define RESPONDER_MS 60000

struct ctl_said ctl_say(char *const *environment, ...)
{
	static char *const nothing[] = {NULL};
	struct ctl_said said = {0};
	size_t out_bytes = 0, err_bytes = 0;
	char *argv[40] = {"checkoutctl"};
	int argc = 1;
	va_list arguments;
	struct ctl_world world = {.environment = environment ? environment : nothing, .program = "checkoutctl"};

	va_start(arguments, environment);
	for (char *argument = va_arg(arguments, char *); argument && argc < 39; argument = va_arg(arguments, char *))
		argv[argc++] = argument;
	va_end(arguments);
	ctl_stopped = 0;
	world.out = open_memstream(&said.out, &out_bytes);
	world.err = open_memstream(&said.err, &err_bytes);
	assert_non_null(world.out);
	assert_non_null(world.err);
	said.code = ctl_run(&world, argc, argv);
	fclose(world.out);
	fclose(world.err);
	return said;
}

void ctl_said_clear(struct ctl_said *said)
{
	free(said->out);
	free(said->err);
	*said = (struct ctl_said){0};
}

static void drop_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle, (void)level, (void)facility, (void)text;
}

void ctl_cluster_start(struct ctl_cluster *cluster, int partitions)
{
	static const char *const names[] = {
#define CO_TOPIC(ident, name, compacted) "checkout.session." name,
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
	};
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, drop_log);
	cluster->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	assert_non_null(cluster->handle);
	cluster->mock = rd_kafka_mock_cluster_new(cluster->handle, 1);
	assert_non_null(cluster->mock);
	cluster->bootstrap = rd_kafka_mock_cluster_bootstraps(cluster->mock);
	for (size_t i = 0; partitions > 0 && i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(rd_kafka_mock_topic_create(cluster->mock, names[i], partitions, 1),
						 RD_KAFKA_RESP_ERR_NO_ERROR);
}

void ctl_cluster_stop(struct ctl_cluster *cluster)
{
	rd_kafka_mock_cluster_destroy(cluster->mock);
	rd_kafka_destroy(cluster->handle);
}

void ctl_cluster_put(struct ctl_cluster *cluster, const char *topic, int32_t partition, const char *key,
					 const char *value, const char *const *headers)
{
	static char *const nothing[] = {NULL};
	struct ctl_world world = {.out = stdout, .err = stderr, .environment = nothing};
	struct ctl_connection connection = {.bootstrap = cluster->bootstrap, .prefix = "", .timeout_seconds = 60};
	struct co_header list[16];
	struct co_message message = {.topic = co_view_cstr(topic),
								 .partition = partition,
								 .timestamp_ms = -1,
								 .key = co_view_cstr(key),
								 .value = co_view_cstr(value),
								 .headers = list};
	struct co_error error = {0};

	for (size_t i = 0; headers && headers[i]; i += 2)
		list[message.header_count++] = (struct co_header){co_view_cstr(headers[i]), co_view_cstr(headers[i + 1])};
	if (ctl_publish(&world, &connection, &message, NULL, NULL, &error) != CO_OK)
		fail_msg("%s", error.text);
}

static void note(char *out, size_t size, struct co_view value)
{
	snprintf(out, size, "%.*s", (int)value.len, value.ptr ? value.ptr : "");
}

static void answer(struct ctl_responder *responder)
{
	const struct ctl_seen *seen = &responder->seen;
	const char *decoy[] = {"correlation_id", "another", "checkout-status", "500", NULL};
	const char *headers[] = {"correlation_id",
							 seen->correlation,
							 "checkout-status",
							 responder->status,
							 responder->code ? "checkout-error-code" : NULL,
							 responder->code,
							 NULL};

	if (responder->decoy)
		ctl_cluster_put(responder->cluster, "checkout.session.replies", 1, seen->key, "{}", decoy);
	if (responder->status)
		ctl_cluster_put(responder->cluster, "checkout.session.replies", 2, seen->key, responder->body, headers);
}

static void *respond(void *opaque)
{
	static char *const nothing[] = {NULL};
	struct ctl_responder *responder = opaque;
	struct ctl_world world = {.out = stdout, .err = stderr, .environment = nothing};
	struct ctl_connection connection = {
		.bootstrap = responder->cluster->bootstrap, .prefix = "checkout.session.", .timeout_seconds = 60};
	struct ctl_seen *seen = &responder->seen;
	struct ctl_reader reader;
	struct co_error error = {0};
	int64_t deadline_ms = ctl_monotonic_ms() + RESPONDER_MS;
	rd_kafka_message_t *message = NULL;

	if (!ctl_reader_open(&world, &connection, &reader) ||
		ctl_reader_add(&reader, "checkout.session.commands", -1, CTL_FROM_END, 60000, &error) != CO_OK)
		abort();
	atomic_store(&responder->ready, true);
	while (!message && ctl_monotonic_ms() < deadline_ms && !atomic_load(&responder->done))
		message = ctl_reader_next(&reader, CTL_POLL_MS);
	if (message) {
		seen->has_key = message->key != NULL;
		seen->partition = message->partition;
		seen->timestamp_ms = rd_kafka_message_timestamp(message, NULL);
		note(seen->key, sizeof(seen->key), co_view_make(message->key, message->key_len));
		note(seen->value, sizeof(seen->value), co_view_make(message->payload, message->len));
		note(seen->type, sizeof(seen->type), ctl_header(message, "ce_type"));
		note(seen->id, sizeof(seen->id), ctl_header(message, "ce_id"));
		note(seen->subject, sizeof(seen->subject), ctl_header(message, "ce_subject"));
		note(seen->correlation, sizeof(seen->correlation), ctl_header(message, "correlation_id"));
		note(seen->content_type, sizeof(seen->content_type), ctl_header(message, "content-type"));
		note(seen->api_key, sizeof(seen->api_key), ctl_header(message, "x-api-key"));
		note(seen->authorization, sizeof(seen->authorization), ctl_header(message, "authorization"));
		rd_kafka_message_destroy(message);
		answer(responder);
	}
	ctl_reader_close(&reader);
	return NULL;
}

void ctl_responder_start(struct ctl_responder *responder, struct ctl_cluster *cluster)
{
	responder->cluster = cluster;
	assert_int_equal(pthread_create(&responder->thread, NULL, respond, responder), 0);
	while (!atomic_load(&responder->ready))
		nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
}

void ctl_responder_join(struct ctl_responder *responder)
{
	assert_int_equal(pthread_join(responder->thread, NULL), 0);
}
