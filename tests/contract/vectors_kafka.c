/* The vectors against the service as it is shipped: the built session-worker on a real broker and a real Redis. */
#include "kafka.h"
#include "tk.h"
#include "vectors.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS 4
#define SENT_MAX 4096
#define GROUP "checkout-session-worker"
#define SETTLE_MS 120000

struct live {
	struct co_tk_kafka kafka;
	bool is_up, used;
	struct co_tk_redis redis;
	struct co_tk_worker worker;
	struct co_tk_producer *producer;
	struct co_tk_reader reader;
	/* where the runner wants the positions, until they are known */
	size_t sent_count;
	struct co_tk_sent sent[SENT_MAX];
	int32_t *partitions[SENT_MAX];
	int64_t *offsets[SENT_MAX];
};

/* The contract fixes the topics' names in the vectors, so each kind of settings gets a broker's worth of fresh topics:
 * the same broker, started anew in a fresh folder. */
static void bring_up(struct live *live)
{
	co_tk_kafka_start(&live->kafka);
	co_tk_redis_start(&live->redis);
	live->is_up = true;
}

static void make_topics(struct live *live, const struct co_vectors_topic *topics, size_t count)
{
	struct co_tk_topic own[16] = {0};

	co_tk_kafka_create_service(&live->kafka, "checkout.session.", PARTITIONS, true);
	for (size_t i = 0; i < count; i++)
		own[i] = (struct co_tk_topic){.name = topics[i].name, .partitions = topics[i].partitions};
	co_tk_kafka_create(&live->kafka, own, count);
}

static void open_live(void *self, const struct co_vectors_settings *settings, const struct co_vectors_topic *topics,
					  size_t count)
{
	struct live *live = self;
	const char *names[24] = {"checkout.session.commands", "checkout.session.replies", "checkout.session.errors",
							 "checkout.session.events",   "checkout.session.state",   "checkout.session.dlq"};
	size_t name_count = 6;

	bring_up(live);
	make_topics(live, topics, count);
	for (size_t i = 0; i < count; i++)
		names[name_count++] = topics[i].name;
	char *mode = co_tk_format("auth.mode=%s", settings->auth_mode);
	char *file = co_tk_format("auth.merchants.file=%s", settings->registry);
	char *timestamps = co_tk_format("topics.timestamps=%s", settings->timestamps);
	char *retention = co_tk_format("worker.retention.seconds=%lld", (long long)settings->retention_ms / 1000);
	const char *overrides[] = {mode, timestamps, retention, *settings->registry ? file : NULL, NULL};
	struct co_tk_worker_options options = {.instance = "vectors", .overrides = overrides};
	co_tk_worker_start(&live->worker, &live->kafka, &live->redis, &options);
	live->producer = co_tk_producer_open(&live->kafka);
	co_tk_reader_open(&live->reader, &live->kafka, names, name_count);
	co_tk_worker_wait_ready(&live->worker, 120000);
	free(mode);
	free(file);
	free(timestamps);
	free(retention);
}

static int32_t partitions(void *self)
{
	(void)self;
	return PARTITIONS;
}

static void tell_positions(struct live *live)
{
	co_tk_producer_flush(live->producer);
	for (size_t i = 0; i < live->sent_count; i++) {
		co_tk_check(live->sent[i].done && !live->sent[i].failed, "a record was not taken by the broker");
		if (live->partitions[i])
			*live->partitions[i] = live->sent[i].partition;
		if (live->offsets[i])
			*live->offsets[i] = live->sent[i].offset;
	}
	live->sent_count = 0;
}

static void send(void *self, const struct co_message *message, int32_t *partition, int64_t *offset)
{
	struct live *live = self;

	if (live->sent_count == SENT_MAX)
		tell_positions(live);
	size_t i = live->sent_count++;
	live->partitions[i] = partition;
	live->offsets[i] = offset;
	co_tk_send(live->producer, message, &live->sent[i]);
}

static size_t replies_seen(const struct live *live)
{
	size_t seen = 0;

	for (size_t i = 0; i < live->reader.log.count; i++) {
		const struct co_record *record = &live->reader.log.records[i]->r;
		seen += co_tk_header(record, "checkout-status").ptr != NULL;
	}
	return seen;
}

static void settle(void *self, size_t replies)
{
	struct live *live = self;

	tell_positions(live);
	int64_t end = co_tk_now_ms() + SETTLE_MS;
	while (replies_seen(live) < replies && co_tk_now_ms() < end)
		co_tk_reader_poll(&live->reader, 20);
	/* All read, or else the checks say what is missing: no reason to stop here. */
	if (!co_tk_wait_lag_zero(&live->reader, GROUP, "checkout.session.commands", 90000))
		fprintf(stderr, "the worker has not read all of its commands; the end of its log:\n%s\n",
				co_tk_worker_log(&live->worker));
}

static const struct co_tk_log *outputs(void *self)
{
	struct live *live = self;

	co_tk_reader_poll(&live->reader, 1000); /* a moment for what should not come */
	co_tk_check(co_tk_reader_catch_up_whole(&live->reader, 90000), "the reader does not reach the ends of the topics");
	return &live->reader.log;
}

static void close_live(void *self)
{
	struct live *live = self;

	co_tk_reader_close(&live->reader);
	co_tk_producer_close(live->producer);
	co_tk_worker_stop(&live->worker);
	co_tk_redis_stop(&live->redis);
	co_tk_kafka_stop(&live->kafka);
}

int main(int argc, char **argv)
{
	static struct live live;
	struct co_vectors_host host = {.self = &live,
								   .name = "kafka",
								   .open = open_live,
								   .partitions = partitions,
								   .send = send,
								   .settle = settle,
								   .outputs = outputs,
								   .close = close_live};

	return co_vectors_main(&host, argc, argv);
}
