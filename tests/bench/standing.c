/* One worker with many live sessions: what they take in Redis, how long a reply takes beside them, and how late
 * deadlines among them are. */
#include "bench.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LONG_TTL_S 86400
#define SHORT_TTL_S 60
#define SHORT_PER_SECOND 100
#define SETTLE_US 1000000
#define LOAD_S_MAX 180
#define LATE_S_MAX 30

struct standing {
	const struct bench_options *options;
	struct bench_worker worker;
	struct bench_progress *progress;
	int64_t sent; /* commands so far */
};

static char *topic_of(const struct standing *standing, const char *name)
{
	char *topic = malloc(BENCH_TEXT);

	if (!topic)
		bench_fail("bench: out of memory");
	(void)snprintf(topic, BENCH_TEXT, "%s%s", standing->worker.prefix, name);
	return topic;
}

static void wait_committed(struct standing *standing)
{
	int64_t end_us = bench_now_us() + LOAD_S_MAX * 1000000LL;

	while (bench_progress_read(standing->progress) < standing->sent) {
		if (bench_now_us() > end_us)
			bench_fail("bench: %lld commands are not committed within %d s", (long long)standing->sent, LOAD_S_MAX);
		bench_sleep_until_us(bench_now_us() + 20000);
	}
}

static double accepted(const struct standing *standing)
{
	char *metrics = bench_worker_metrics(&standing->worker);

	if (!metrics)
		bench_fail("bench: the worker does not tell its metrics");
	double count = bench_metric(metrics, "checkout_commands_total", "outcome=\"accepted\"");
	free(metrics);
	return count;
}

/* --- memory ------------------------------------------------------------------------------------------------------- */

static struct bench_command create(const struct standing *standing, const char *reference, size_t i, unsigned ttl_s)
{
	return (struct bench_command){
		.step = BENCH_CREATE, .reference = reference, .session = i, .ttl_s = ttl_s, .number = standing->sent};
}

/* Bytes in four characters of base64 are three, less the padding. */
static double decoded_bytes(const char *text)
{
	const char *padding = strchr(text, '=');

	return (double)strlen(text) / 4 * 3 - (padding ? (double)strlen(padding) : 0);
}

/* All sessions were created and nothing else: one record each. */
static double mean_stored_bytes(const struct standing *standing)
{
	char *topic = topic_of(standing, "state");
	struct bench_consumer *consumer = bench_consumer_open(standing->options, topic, false);
	int64_t end_us = bench_now_us() + LOAD_S_MAX * 1000000LL;
	double sum = 0;
	size_t count = 0;

	for (bool at_end = false; !at_end || count < standing->options->sessions;) {
		const struct bench_record *record = bench_consume(consumer, 100, &at_end);
		if (bench_now_us() > end_us)
			bench_fail("bench: %zu of %zu session records on %s", count, standing->options->sessions, topic);
		if (!record || record->key_len != 36)
			continue;
		json_t *value = json_loadb(record->value, record->value_len, 0, NULL);
		const char *stored = json_string_value(json_object_get(value, "stored"));
		if (!stored)
			bench_fail("bench: a record of %s has no `stored`", topic);
		sum += decoded_bytes(stored);
		count++;
		json_decref(value);
	}
	if (count != standing->options->sessions)
		bench_fail("bench: %zu session records on %s, %zu sessions", count, topic, standing->options->sessions);
	bench_consumer_close(consumer);
	free(topic);
	return sum / (double)count;
}

static void measure_memory(struct standing *standing, json_t *result)
{
	const struct bench_options *options = standing->options;
	struct bench_producer *producer = bench_producer_open(options, standing->worker.prefix, 5);

	bench_sleep_until_us(bench_now_us() + SETTLE_US);
	int64_t before = bench_redis_used_bytes(options->redis_port);
	for (size_t i = 0; i < options->sessions; i++, standing->sent++) {
		struct bench_command command = create(standing, "long", i, LONG_TTL_S);
		bench_send(producer, &command, NULL);
		if (i % 256 == 0)
			bench_producer_serve(producer);
	}
	bench_producer_close(producer);
	wait_committed(standing);
	bench_sleep_until_us(bench_now_us() + SETTLE_US);
	int64_t after = bench_redis_used_bytes(options->redis_port);
	if (accepted(standing) < (double)options->sessions)
		bench_fail("bench: not all sessions were created");
	double each = (double)(after - before) / (double)options->sessions, stored = mean_stored_bytes(standing);
	bench_say("bench: memory: %.0f bytes a session, %.0f encoded", each, stored);
	(void)json_object_set_new(result, "memory",
							  json_pack("{s:I,s:f,s:f,s:f}", "sessions", (json_int_t)options->sessions,
										"redisBytesPerSession", each, "encodedBytes", stored, "ratio", each / stored));
}

/* --- expiry: the sessions that will ------------------------------------------------------------------------------- */

struct mortal {
	int64_t appended_ms; /* of the create, as Kafka says */
	int64_t scheduled_ms, arrived_ms, stamped_ms;
	int seen;
};

static void create_mortals(struct standing *standing, struct mortal *mortals)
{
	struct bench_producer *producer = bench_producer_open(standing->options, standing->worker.prefix, 0);
	int64_t from_us = bench_now_us();

	for (size_t i = 0; i < standing->options->expiring; i++, standing->sent++) {
		struct bench_command command = create(standing, "short", i, SHORT_TTL_S);
		bench_sleep_until_us(from_us + (int64_t)i * 1000000 / SHORT_PER_SECOND);
		bench_send(producer, &command, &mortals[i].appended_ms);
		bench_producer_serve(producer);
	}
	bench_producer_close(producer);
}

/* What follows the last '-': a session's number, or a command's. */
static int64_t number_of(const char *text)
{
	const char *dash = strrchr(text, '-');
	char *end = NULL;
	int64_t number = dash ? strtoll(dash + 1, &end, 10) : -1;

	return dash && end != dash + 1 && *end == '\0' ? number : -1;
}

/* 2026-01-05T10:15:30.250Z */
static int64_t instant_ms(const char *text)
{
	struct tm parts = {.tm_sec = 0};
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;

	if (!rest || *rest != '.')
		bench_fail("bench: no instant: %s", text ? text : "(none)");
	return (int64_t)timegm(&parts) * 1000 + strtoll(rest + 1, NULL, 10);
}

static void take_expired(const struct bench_record *record, struct mortal *mortals, size_t count)
{
	json_t *value = json_loadb(record->value, record->value_len, 0, NULL);
	const char *reference = json_string_value(json_object_get(json_object_get(value, "session"), "referenceId"));
	int64_t number = reference && strncmp(reference, "short-", 6) == 0 ? number_of(reference) : -1;

	if (number < 0 || (size_t)number >= count)
		bench_fail("bench: a session expired that should live: %s", reference ? reference : "(none)");
	struct mortal *mortal = &mortals[number];
	mortal->scheduled_ms = instant_ms(json_string_value(json_object_get(value, "scheduledAt")));
	mortal->arrived_ms = bench_wall_us() / 1000;
	mortal->stamped_ms = record->timestamp_ms;
	mortal->seen++;
	json_decref(value);
}

static void report_expiry(struct mortal *mortals, size_t count, json_t *result)
{
	double *arrival = calloc(count, sizeof(*arrival)), *stamp = calloc(count, sizeof(*stamp));
	size_t missing = 0, twice = 0, early = 0;

	if (!arrival || !stamp)
		bench_fail("bench: out of memory");
	for (size_t i = 0; i < count; i++) {
		const struct mortal *m = &mortals[i];
		/* The deadline as this side knows it: a session cannot have been created before its command was appended. */
		int64_t deadline_ms = m->appended_ms + SHORT_TTL_S * 1000LL;
		missing += m->seen == 0;
		twice += m->seen > 1;
		early += m->seen &&
				 (m->scheduled_ms < deadline_ms || m->arrived_ms < m->scheduled_ms || m->stamped_ms < m->scheduled_ms);
		arrival[i] = (double)(m->arrived_ms - m->scheduled_ms);
		stamp[i] = (double)(m->stamped_ms - m->scheduled_ms);
	}
	if (missing || twice || early)
		bench_fail("bench: expiry: %zu missing, %zu twice, %zu early of %zu", missing, twice, early, count);
	double p50 = bench_quantile(arrival, count, 0.5), p99 = bench_quantile(arrival, count, 0.99);
	bench_say("bench: expiry: p50 %.0f ms, p99 %.0f ms late, none early", p50, p99);
	(void)json_object_set_new(result, "expiry",
							  json_pack("{s:I,s:I,s:f,s:f,s:f,s:f,s:f}", "sessions", (json_int_t)count, "early",
										(json_int_t)early, "arrivalP50Ms", p50, "arrivalP99Ms", p99, "arrivalMaxMs",
										arrival[count - 1], "timestampP50Ms", bench_quantile(stamp, count, 0.5),
										"timestampP99Ms", bench_quantile(stamp, count, 0.99)));
	free(arrival);
	free(stamp);
}

static void measure_expiry(struct standing *standing, struct bench_consumer *events, struct mortal *mortals,
						   json_t *result)
{
	size_t count = standing->options->expiring, seen = 0;
	int64_t last_ms = 0;
	char type[BENCH_TEXT];
	bool at_end;

	for (size_t i = 0; i < count; i++)
		last_ms = mortals[i].appended_ms > last_ms ? mortals[i].appended_ms : last_ms;
	int64_t end_us = (last_ms + (SHORT_TTL_S + LATE_S_MAX) * 1000LL) * 1000;
	/* A moment longer than the last one is due, so that one told twice is seen. */
	int64_t least_us = (last_ms + (SHORT_TTL_S + 1) * 1000LL) * 1000;
	while (seen < count || bench_wall_us() < least_us) {
		const struct bench_record *record = bench_consume(events, 100, &at_end);
		if (bench_wall_us() > end_us)
			break;
		if (!record || !bench_header(record, "ce_type", type) || strcmp(type, "checkout.session.expired") != 0)
			continue;
		take_expired(record, mortals, count);
		seen++;
	}
	report_expiry(mortals, count, result);
}

/* --- latency ------------------------------------------------------------------------------------------------------ */

struct replies {
	struct bench_consumer *consumer;
	int64_t first; /* number of the first command */
	size_t count, seen;
	int64_t *arrived_us; /* wall-free: monotonic, one process */
	atomic_bool stop;
};

static void *collect(void *opaque)
{
	struct replies *replies = opaque;
	char cause[BENCH_TEXT];
	bool at_end;

	while (replies->seen < replies->count && !atomic_load(&replies->stop)) {
		const struct bench_record *record = bench_consume(replies->consumer, 100, &at_end);
		if (!record)
			continue;
		int64_t at_us = bench_now_us();
		int64_t number = bench_header(record, "ce_causationid", cause) ? number_of(cause) : -1;
		size_t i = (size_t)(number - replies->first);
		if (number < replies->first || i >= replies->count || replies->arrived_us[i])
			continue;
		replies->arrived_us[i] = at_us;
		replies->seen++;
	}
	return NULL;
}

static void report_latency(const struct replies *replies, int64_t from_us, unsigned rate, json_t *result)
{
	double *late = calloc(replies->count, sizeof(*late));

	if (!late)
		bench_fail("bench: out of memory");
	if (replies->seen != replies->count)
		bench_fail("bench: %zu of %zu replies came", replies->seen, replies->count);
	for (size_t i = 0; i < replies->count; i++)
		late[i] = ((double)(replies->arrived_us[i] - from_us) - (double)i * 1e6 / rate) / 1000;
	double p50 = bench_quantile(late, replies->count, 0.5), p99 = bench_quantile(late, replies->count, 0.99);
	bench_say("bench: latency: p50 %.1f ms, p99 %.1f ms at %u commands/s", p50, p99, rate);
	(void)json_object_set_new(result, "latency",
							  json_pack("{s:I,s:I,s:f,s:f,s:f}", "commands", (json_int_t)replies->count,
										"commandsPerSecond", (json_int_t)rate, "p50Ms", p50, "p99Ms", p99, "maxMs",
										late[replies->count - 1]));
	free(late);
}

/* Commands at fixed instants, whatever the replies do; each is counted from the instant it was to be sent at, so that
 * a wait of the sender counts too. */
static void measure_latency(struct standing *standing, json_t *result)
{
	const struct bench_options *options = standing->options;
	size_t count = (size_t)options->rate * options->paced_seconds / BENCH_STEPS * BENCH_STEPS;
	char *topic = topic_of(standing, "replies");
	struct replies replies = {.consumer = bench_consumer_open(options, topic, true),
							  .first = standing->sent,
							  .count = count,
							  .arrived_us = calloc(count, sizeof(*replies.arrived_us))};
	struct bench_producer *producer = bench_producer_open(options, standing->worker.prefix, 0);
	pthread_t thread;

	if (!replies.arrived_us || pthread_create(&thread, NULL, collect, &replies))
		bench_fail("bench: out of memory");
	int64_t from_us = bench_now_us() + 200000;
	for (size_t i = 0; i < count; i++, standing->sent++) {
		struct bench_command command = bench_mix("paced", i, count);
		command.number = standing->sent;
		bench_sleep_until_us(from_us + (int64_t)i * 1000000 / options->rate);
		bench_send(producer, &command, NULL);
		bench_producer_serve(producer);
	}
	bench_producer_close(producer);
	wait_committed(standing);
	bench_sleep_until_us(bench_now_us() + SETTLE_US);
	atomic_store(&replies.stop, true);
	(void)pthread_join(thread, NULL);
	report_latency(&replies, from_us, options->rate, result);
	bench_consumer_close(replies.consumer);
	free(replies.arrived_us);
	free(topic);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

void bench_standing(const struct bench_options *options, json_t *result)
{
	struct bench_variant variant = {"standing", options->worker, options->lanes};
	struct standing standing = {.options = options};
	struct mortal *mortals = calloc(options->expiring + 1, sizeof(*mortals));

	if (!mortals)
		bench_fail("bench: out of memory");
	bench_redis_flush(options->redis_port);
	bench_topics_create(options, "standing.");
	bench_worker_start(&standing.worker, options, &variant, "standing");
	standing.progress = bench_progress_open(options, &standing.worker);
	measure_memory(&standing, result);
	char *topic = topic_of(&standing, "events");
	struct bench_consumer *events = bench_consumer_open(options, topic, true);
	create_mortals(&standing, mortals);
	/* While they live, latency; then nobody sends anything, which is when a deadline is hardest to meet. */
	measure_latency(&standing, result);
	measure_expiry(&standing, events, mortals, result);
	bench_consumer_close(events);
	bench_progress_close(standing.progress);
	bench_worker_stop(&standing.worker);
	bench_topics_delete(options, standing.worker.prefix);
	free(topic);
	free(mortals);
}
