/* co_chaos: sets the stage, lets the faults happen, waits until all is quiet, judges. tests/chaos/run tells its
 * arguments. */
#include "chaos.h"

#include "oracle.h"
#include "tk.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LAG_MS 90000 /* contract section 9 */

/* ---- arguments ---- */

static _Noreturn void refuse(const char *what)
{
	fprintf(stderr, "chaos: %s; --seed S --seconds N --brokers 1|3 --redis single|replica --rate N --workers 1..3\n",
			what);
	exit(2);
}

static long number(const char *text, long least, long most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (!*text || *end || value < least || value > most)
		refuse(text);
	return value;
}

static void read_arguments(struct chaos *chaos, int count, char **words)
{
	for (int i = 1; i < count; i += 2) {
		const char *value = i + 1 < count ? words[i + 1] : "";
		if (strcmp(words[i], "--seed") == 0)
			chaos->seed = (uint64_t)number(value, 0, 1000000000);
		else if (strcmp(words[i], "--seconds") == 0)
			chaos->seconds = (int)number(value, 1, 864000);
		else if (strcmp(words[i], "--rate") == 0)
			chaos->per_second = (unsigned)number(value, 1, 5000);
		else if (strcmp(words[i], "--workers") == 0)
			chaos->worker_count = (int)number(value, 1, CHAOS_WORKERS_MAX);
		else if (strcmp(words[i], "--brokers") == 0 && (strcmp(value, "1") == 0 || strcmp(value, "3") == 0))
			chaos->broker_count = value[0] - '0';
		else if (strcmp(words[i], "--redis") == 0 && strcmp(value, "single") == 0)
			chaos->has_replica = false;
		else if (strcmp(words[i], "--redis") == 0 && strcmp(value, "replica") == 0)
			chaos->has_replica = true;
		else
			refuse(words[i]);
	}
}

/* ---- the stage ---- */

static void start_servers(struct chaos *chaos)
{
	const struct co_tk_topic replies = {.name = CHAOS_REPLIES, .partitions = CHAOS_REPLY_PARTITIONS};

	if (chaos->broker_count == 3)
		co_tk_kafka_start_cluster(&chaos->kafka);
	else
		co_tk_kafka_start(&chaos->kafka);
	co_tk_kafka_create_service(&chaos->kafka, CHAOS_PREFIX, CHAOS_PARTITIONS, false);
	co_tk_kafka_create(&chaos->kafka, &replies, 1);
	co_tk_redis_start(&chaos->redis);
	snprintf(chaos->redis_url, sizeof(chaos->redis_url), "%s", chaos->redis.url);
	if (chaos->has_replica) {
		co_tk_redis_start(&chaos->replica);
		freeReplyObject(co_tk_redis_call(&chaos->replica, "REPLICAOF 127.0.0.1 %d", chaos->redis.port));
		chaos->redis_switch = co_tk_proxy_open(chaos->redis.port);
		snprintf(chaos->redis_url, sizeof(chaos->redis_url), "redis://127.0.0.1:%d/0",
				 co_tk_proxy_port(chaos->redis_switch));
	}
	snprintf(chaos->registry, sizeof(chaos->registry), "%s/registry.json", co_tk_temp_dir());
	co_tk_write_file(chaos->registry, "{\"merchants\":[{\"id\":\"" CHAOS_MERCHANT
									  "\",\"name\":\"Acme\",\"ttlSeconds\":{\"min\":1,\"default\":3,\"max\":600}}]}");
}

static void open_reader(struct chaos *chaos, struct co_tk_reader *reader)
{
	static const char *const topics[] = {
		CHAOS_PREFIX "commands", CHAOS_PREFIX "replies", CHAOS_PREFIX "errors", CHAOS_PREFIX "events",
		CHAOS_PREFIX "state",    CHAOS_PREFIX "dlq",     CHAOS_REPLIES};

	co_tk_reader_open(reader, &chaos->kafka, topics, sizeof(topics) / sizeof(*topics));
}

static void wait_ready(struct chaos *chaos)
{
	for (int i = 0; i < chaos->worker_count; i++)
		chaos_start_worker(chaos, (size_t)i);
	for (int i = 0; i < chaos->worker_count; i++)
		co_tk_worker_wait_ready(&chaos->workers[i].process, 120000);
}

/* ---- the acts ---- */

/* What a run on several brokers or with a replica is made for, however little the machine gets done. */
static bool lacks_a_fault(const struct chaos *chaos)
{
	return (chaos->has_replica && !chaos->faults[CHAOS_REDIS_FAILED_OVER]) ||
		   (chaos->broker_count > 1 && !chaos->faults[CHAOS_BROKER_KILLED]);
}

static void let_faults_happen(struct chaos *chaos, struct co_tk_reader *reader)
{
	int64_t end_ms = co_tk_now_ms() + (int64_t)chaos->seconds * 1000, strike_ms = co_tk_now_ms() + 1500;

	while (co_tk_now_ms() < end_ms || lacks_a_fault(chaos)) {
		co_tk_check(co_tk_now_ms() < end_ms + 120000, "a kind of fault did not come up");
		co_tk_reader_poll(reader, 20);
		chaos_tend(chaos);
		if (co_tk_now_ms() < strike_ms)
			continue;
		chaos_strike(chaos);
		strike_ms = co_tk_now_ms() + 300 + (int64_t)splitmix_pick(&chaos->random, 2200);
	}
}

/* Lag 0, polling on; what ends by itself meanwhile is judged, too. */
static int64_t wait_lag_zero(struct chaos *chaos, struct co_tk_reader *reader)
{
	int64_t began_ms = co_tk_now_ms();
	int in_a_row = 0;

	while (co_tk_now_ms() < began_ms + LAG_MS) {
		chaos_tend(chaos);
		in_a_row = co_tk_lag_is_zero(reader, CHAOS_GROUP, CHAOS_PREFIX "commands") ? in_a_row + 1 : 0;
		if (in_a_row == 2)
			return co_tk_now_ms() - began_ms;
		co_tk_reader_poll(reader, 100);
	}
	chaos_violation(chaos, "the lag is not 0 within %d s of the last fault", LAG_MS / 1000);
	return -1;
}

static void wait_for_deadlines(struct chaos *chaos, struct co_tk_reader *reader)
{
	struct co_oracle oracle = {.log = &reader->log, .prefix = CHAOS_PREFIX, .retention_ms = CHAOS_RETENTION_MS};
	int64_t patience_ms = co_tk_now_ms() + 40000, last_ms = co_tk_wall_ms() + CHAOS_SHORT_LIFE_MS;

	/* Sessions with a long life stay; all the others end within seconds. */
	while (co_oracle_overdue(&oracle, last_ms) > 0 && co_tk_now_ms() < patience_ms) {
		co_tk_reader_poll(reader, 300);
		chaos_tend(chaos);
	}
	if (co_oracle_overdue(&oracle, co_tk_wall_ms() - 10000) > 0)
		chaos_violation(chaos, "a session is not expired long after its deadline");
}

static bool all_ready(struct chaos *chaos)
{
	for (int i = 0; i < chaos->worker_count; i++)
		if (chaos->workers[i].state != CHAOS_RUNNING || !co_tk_worker_is_ready(&chaos->workers[i].process))
			return false;
	return true;
}

/* The last faults may have left a worker that is still leaving, gone, or about to begin: none of these can be asked to
 * leave, and to do so with 0. */
static void await_workers(struct chaos *chaos, struct co_tk_reader *reader)
{
	int64_t patience_ms = co_tk_now_ms() + 120000;

	for (chaos_tend(chaos); !all_ready(chaos); chaos_tend(chaos)) {
		co_tk_check(co_tk_now_ms() < patience_ms, "the workers are not all ready 120 s after the last fault");
		co_tk_reader_poll(reader, 100);
	}
}

static void tear_down(struct chaos *chaos, struct co_tk_reader *reader)
{
	co_tk_reader_close(reader);
	if (chaos->has_replica) {
		co_tk_proxy_close(chaos->redis_switch);
		co_tk_redis_stop(&chaos->replica);
	}
	co_tk_redis_stop(&chaos->redis);
	co_tk_kafka_stop(&chaos->kafka);
}

static void tell(const struct chaos *chaos, const struct chaos_verdict *verdict, size_t failed, int64_t lag_ms)
{
	char faults[256];

	chaos_tell_faults(chaos, faults, sizeof(faults));
	printf("chaos: seed %llu, %d s, %d broker%s, Redis %s, %d workers: %zu commands, %zu forwarded, %zu ticks, %zu "
		   "replies, "
		   "%zu sessions, %zu expiries, %zu dead letters, %zu kept; %zu not sent; lag 0 after %lld ms; faults: %s; "
		   "ended by the watchdog %zu, fenced by a ghost of its own %zu; violations %zu\n",
		   (unsigned long long)chaos->seed, chaos->seconds, chaos->broker_count, chaos->broker_count > 1 ? "s" : "",
		   chaos->has_replica ? "replica" : "single", chaos->worker_count, verdict->commands, verdict->forwarded,
		   verdict->ticks, verdict->replies, verdict->sessions, verdict->expiries, verdict->dead, verdict->kept, failed,
		   (long long)lag_ms, faults, chaos->watchdogs, chaos->ghosts, chaos->violations);
}

int main(int argc, char **argv)
{
	static struct chaos chaos = {.seed = 1, .seconds = 40, .broker_count = 1, .worker_count = 3, .per_second = 150};
	struct co_tk_reader reader;
	size_t failed;

	read_arguments(&chaos, argc, argv);
	chaos.random = chaos.seed;
	start_servers(&chaos);
	open_reader(&chaos, &reader);
	wait_ready(&chaos);
	struct chaos_load *load = chaos_load_start(&chaos.kafka, chaos.seed, chaos.per_second);
	let_faults_happen(&chaos, &reader);
	chaos_heal(&chaos);
	chaos_load_stop(load, &failed);
	int64_t lag_ms = wait_lag_zero(&chaos, &reader);
	wait_for_deadlines(&chaos, &reader);
	wait_lag_zero(&chaos, &reader);
	await_workers(&chaos, &reader);
	chaos_end_workers(&chaos);
	co_tk_check(co_tk_reader_catch_up_whole(&reader, 90000), "the end of the log is not reached");
	const struct chaos_verdict verdict = chaos_judge(&chaos, &reader.log);
	size_t asked = 0, caught = chaos.violations ? 0 : chaos_try_judge(&chaos, &reader.log, &asked);
	if (caught != asked)
		chaos_violation(&chaos, "the judge finds %zu of %zu faults", caught, asked);
	tear_down(&chaos, &reader);
	tell(&chaos, &verdict, failed, lag_ms);
	return chaos.violations > 0;
}
