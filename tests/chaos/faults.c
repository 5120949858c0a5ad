/* What is done to workers, Redis and brokers, and what brings them back. */
#include "chaos.h"

#include "tk.h"

#include <hiredis/hiredis.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAVE_MS 20000 /* SIGTERM drains within (contract section 9) */
#define BROKER_START_MS 150000

static const char *const names[CHAOS_FAULTS] = {
	[CHAOS_WORKER_KILLED] = "worker killed", [CHAOS_WORKER_STOPPED] = "worker stopped",
	[CHAOS_WORKER_ENDED] = "worker ended",   [CHAOS_REDIS_KILLED] = "Redis killed",
	[CHAOS_REDIS_FLUSHED] = "Redis flushed", [CHAOS_REDIS_FAILED_OVER] = "Redis failed over",
	[CHAOS_BROKER_KILLED] = "broker killed",
};

void chaos_violation(struct chaos *chaos, const char *format, ...)
{
	va_list arguments;

	chaos->violations++;
	if (chaos->is_quiet || chaos->violations > 20)
		return;
	fputs("chaos: VIOLATION: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void tell(const struct chaos *chaos, enum chaos_fault fault, int what)
{
	if (getenv("CO_CHAOS_VERBOSE"))
		fprintf(stderr, "chaos: %lld %s %d\n", (long long)co_tk_now_ms(), names[fault], what);
	(void)chaos;
}

void chaos_tell_faults(const struct chaos *chaos, char *to, size_t size)
{
	size_t at = 0;

	to[0] = '\0';
	for (int i = 0; i < CHAOS_FAULTS; i++)
		if (chaos->faults[i] && at < size)
			at += (size_t)snprintf(to + at, size - at, "%s%s %zu", at ? ", " : "", names[i], chaos->faults[i]);
}

/* ---- workers ---- */

void chaos_start_worker(struct chaos *chaos, size_t index)
{
	char instance[16], url[96], registry[160];
	struct chaos_worker *worker = &chaos->workers[index];
	const char *overrides[] = {url,
							   registry,
							   ("redis.key.prefix=" CHAOS_KEYS),
							   "kafka.session.timeout.ms=6000",
							   "worker.batch.max.records=100",
							   "worker.retention.seconds=20",
							   NULL};

	snprintf(instance, sizeof(instance), "w%zu", index);
	snprintf(url, sizeof(url), "redis.url=%s", chaos->redis_url);
	snprintf(registry, sizeof(registry), "auth.merchants.file=%s", chaos->registry);
	const struct co_tk_worker_options options = {.instance = instance,
												 .prefix = CHAOS_PREFIX,
												 .group = CHAOS_GROUP,
												 .lanes = 2,
												 .overrides = overrides,
												 .directory = worker->process.directory};
	co_tk_worker_start(&worker->process, &chaos->kafka, &chaos->redis, &options);
	worker->state = CHAOS_RUNNING;
}

static void strike_worker(struct chaos *chaos, enum chaos_fault fault)
{
	size_t index = (size_t)splitmix_pick(&chaos->random, (uint64_t)chaos->worker_count);
	struct chaos_worker *worker = &chaos->workers[index];
	int64_t now_ms = co_tk_now_ms();

	if (worker->state != CHAOS_RUNNING)
		return;
	if (fault == CHAOS_WORKER_KILLED) {
		co_tk_worker_kill(&worker->process);
		worker->state = CHAOS_GONE;
		worker->until_ms = now_ms + (int64_t)splitmix_pick(&chaos->random, 2000);
	} else if (fault == CHAOS_WORKER_STOPPED) {
		co_tk_worker_signal(&worker->process, SIGSTOP);
		worker->state = CHAOS_STOPPED;
		/* Half of them long enough to lose the membership, and to come back as a ghost. */
		worker->until_ms = now_ms + 200 + (int64_t)splitmix_pick(&chaos->random, 14000);
	} else {
		co_tk_worker_signal(&worker->process, SIGTERM);
		worker->state = CHAOS_ENDING;
		worker->until_ms = now_ms + LEAVE_MS;
	}
	chaos->faults[fault]++;
	tell(chaos, fault, (int)index);
}

static char *last_lines(struct chaos_worker *worker)
{
	char *log = co_tk_worker_log(&worker->process);
	size_t length = strlen(log), from = length > 1500 ? length - 1500 : 0;
	char *tail = strdup(log + from);

	free(log);
	return tail;
}

/* An end that nobody asked for. Two are told and no violation, since a new process goes on where it was: the watchdog's
 * (a call of the client library that never returns), and a fence that the broker put up between two requests of one and
 * the same member, when an answer got lost with a broker or in a SIGSTOP: from within, that looks like another process.
 */
static void judge_end(struct chaos *chaos, size_t index, int status)
{
	struct chaos_worker *worker = &chaos->workers[index];
	char *tail = last_lines(worker);

	if (status == 1 && strstr(tail, "process.watchdog"))
		chaos->watchdogs++;
	else if (status == 1 && strstr(tail, "\"fenced\""))
		chaos->ghosts++;
	else
		chaos_violation(chaos, "worker %zu ended by itself with %d:\n%s", index, status, tail);
	free(tail);
	worker->state = CHAOS_GONE;
	worker->until_ms = co_tk_now_ms();
}

static void judge_leaving(struct chaos *chaos, size_t index)
{
	struct chaos_worker *worker = &chaos->workers[index];
	int status = co_tk_worker_wait(&worker->process, 0);

	if (status < 0 && co_tk_now_ms() < worker->until_ms)
		return;
	char *tail = last_lines(worker);
	if (status < 0) {
		chaos_violation(chaos, "worker %zu does not leave within 20 s of SIGTERM:\n%s", index, tail);
		co_tk_worker_kill(&worker->process);
	} else if (status != 0 && !(status == 1 && strstr(tail, "process.drain"))) {
		/* While Kafka is away the batch in hand cannot be finished: 1, with the reason. */
		chaos_violation(chaos, "worker %zu left with %d:\n%s", index, status, tail);
	}
	free(tail);
	worker->state = CHAOS_GONE;
	worker->until_ms = co_tk_now_ms() + (int64_t)splitmix_pick(&chaos->random, 1000);
}

static void tend_worker(struct chaos *chaos, size_t index)
{
	struct chaos_worker *worker = &chaos->workers[index];
	bool is_time = co_tk_now_ms() >= worker->until_ms;
	int status;

	switch (worker->state) {
	case CHAOS_RUNNING:
		if ((status = co_tk_worker_wait(&worker->process, 0)) >= 0)
			judge_end(chaos, index, status);
		break;
	case CHAOS_STOPPED:
		if (is_time) {
			co_tk_worker_signal(&worker->process, SIGCONT);
			worker->state = CHAOS_RUNNING;
		}
		break;
	case CHAOS_ENDING:
		judge_leaving(chaos, index);
		break;
	case CHAOS_GONE:
		if (is_time)
			chaos_start_worker(chaos, index);
		break;
	}
}

void chaos_end_workers(struct chaos *chaos)
{
	for (int i = 0; i < chaos->worker_count; i++) {
		co_tk_worker_signal(&chaos->workers[i].process, SIGTERM);
		chaos->workers[i].state = CHAOS_ENDING;
		chaos->workers[i].until_ms = co_tk_now_ms() + LEAVE_MS;
	}
	for (int i = 0; i < chaos->worker_count; i++)
		for (; chaos->workers[i].state == CHAOS_ENDING; co_tk_sleep_ms(20))
			judge_leaving(chaos, (size_t)i);
}

/* ---- Redis ---- */

static void flush_redis(struct chaos *chaos)
{
	co_tk_redis_flush(&chaos->redis);
}

static void kill_redis(struct chaos *chaos)
{
	co_tk_redis_kill(&chaos->redis);
	co_tk_sleep_ms((int64_t)splitmix_pick(&chaos->random, 2500));
	co_tk_redis_restart(&chaos->redis);
	if (chaos->has_replica)
		freeReplyObject(co_tk_redis_call(&chaos->replica, "REPLICAOF 127.0.0.1 %d", chaos->redis.port));
}

/* The replica is cut off and misses what is written from here on; then it takes over, and the other is gone. */
static void fail_over(struct chaos *chaos)
{
	struct co_tk_redis old = chaos->redis;

	freeReplyObject(co_tk_redis_call(&chaos->replica, "REPLICAOF NO ONE"));
	co_tk_sleep_ms(100 + (int64_t)splitmix_pick(&chaos->random, 1500));
	co_tk_proxy_lead_to(chaos->redis_switch, chaos->replica.port);
	co_tk_redis_kill(&old);
	chaos->redis = chaos->replica;
	co_tk_redis_restart(&old);
	chaos->replica = old;
	freeReplyObject(co_tk_redis_call(&chaos->replica, "REPLICAOF 127.0.0.1 %d", chaos->redis.port));
}

static void strike_redis(struct chaos *chaos, enum chaos_fault fault)
{
	if (fault == CHAOS_REDIS_FAILED_OVER && !chaos->has_replica)
		fault = CHAOS_REDIS_FLUSHED;
	chaos->faults[fault]++;
	tell(chaos, fault, 0);
	if (fault == CHAOS_REDIS_FLUSHED)
		flush_redis(chaos);
	else if (fault == CHAOS_REDIS_KILLED)
		kill_redis(chaos);
	else
		fail_over(chaos);
}

/* ---- brokers: one is away at a time ---- */

static void strike_broker(struct chaos *chaos)
{
	int node = 0;

	if (chaos->reviver || co_tk_now_ms() < chaos->broker_back_ms + 4000)
		return;
	if (chaos->broker_count > 1)
		node = co_tk_kafka_leader(&chaos->kafka, CHAOS_PREFIX "commands",
								  (int32_t)splitmix_pick(&chaos->random, CHAOS_PARTITIONS));
	if (node < 0)
		return;
	co_tk_kafka_kill_node(&chaos->kafka, node);
	co_tk_sleep_ms((int64_t)splitmix_pick(&chaos->random, 1500));
	chaos->reviver = co_tk_kafka_revive_node(&chaos->kafka, node);
	chaos->broker_back_ms = co_tk_now_ms();
	chaos->faults[CHAOS_BROKER_KILLED]++;
	tell(chaos, CHAOS_BROKER_KILLED, node);
}

static void tend_broker(struct chaos *chaos, int64_t patience_ms)
{
	int status = chaos->reviver ? co_tk_reap(chaos->reviver, patience_ms) : -1;

	if (chaos->reviver && status < 0 && co_tk_now_ms() < chaos->broker_back_ms + BROKER_START_MS)
		return;
	co_tk_check(!chaos->reviver || status == 0, "a broker did not come back: status %d", status);
	if (chaos->reviver)
		chaos->broker_back_ms = co_tk_now_ms();
	chaos->reviver = 0;
}

/* ---- all of it ---- */

void chaos_strike(struct chaos *chaos)
{
	static const struct {
		enum chaos_fault fault;
		unsigned weight;
	} kinds[] = {{CHAOS_WORKER_KILLED, 30}, {CHAOS_WORKER_STOPPED, 18}, {CHAOS_WORKER_ENDED, 12},
				 {CHAOS_REDIS_KILLED, 10},  {CHAOS_REDIS_FLUSHED, 8},   {CHAOS_REDIS_FAILED_OVER, 8},
				 {CHAOS_BROKER_KILLED, 14}};
	uint64_t at = splitmix_pick(&chaos->random, 100);
	size_t k = 0;

	while (at >= kinds[k].weight)
		at -= kinds[k++].weight;
	if (kinds[k].fault <= CHAOS_WORKER_ENDED)
		strike_worker(chaos, kinds[k].fault);
	else if (kinds[k].fault == CHAOS_BROKER_KILLED)
		strike_broker(chaos);
	else
		strike_redis(chaos, kinds[k].fault);
}

void chaos_tend(struct chaos *chaos)
{
	tend_broker(chaos, 0);
	for (int i = 0; i < chaos->worker_count; i++)
		tend_worker(chaos, (size_t)i);
}

void chaos_heal(struct chaos *chaos)
{
	for (int i = 0; i < chaos->worker_count; i++)
		if (chaos->workers[i].state != CHAOS_ENDING)
			chaos->workers[i].until_ms = 0;
	while (chaos->reviver)
		tend_broker(chaos, 100);
	chaos_tend(chaos);
}
