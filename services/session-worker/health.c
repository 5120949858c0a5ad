#include "health.h"

#include "adapters/kafka_client.h"
#include "adapters/redis_store.h"
#include "adapters/system_clock.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASK_EVERY_MS 2000
#define ASK_TIMEOUT_MS 2000
#define ASK_REDIS_MS_MAX 4000 /* a question ends before an earlier answer is too old */

struct co_health_probe {
	struct co_health *health;
	struct co_kafka_identity identity;
	rd_kafka_t *kafka;
	struct co_redis_store *redis;
	pthread_t asks_kafka, asks_redis; /* apart: one that takes its time must not make the other look away */
	atomic_bool stop;
};

static int64_t now_ms(void)
{
	struct co_clock clock = co_system_clock();
	return clock.monotonic_ms(clock.self);
}

void co_health_init(struct co_health *health)
{
	*health = (struct co_health){.probe = NULL, .born_ms = now_ms()};
	co_page_history_init(&health->history);
}

void co_health_describe(struct co_health *health, const struct co_config *config, const char *version,
						const char *librdkafka)
{
	size_t bytes = 0;
	FILE *text = open_memstream(&health->configuration, &bytes);
	health->config = config;
	health->version = version;
	health->librdkafka = librdkafka;
	if (!text)
		abort();
	co_config_print(config, text);
	(void)fclose(text);
}

/* The lane works through its partitions, or the group has told it that there are none. */
static bool works(const struct co_lanes *lanes, size_t index)
{
	const struct co_lane_status *status = co_lanes_status(lanes, index);
	return atomic_load(&status->joined) && atomic_load(&status->running) &&
		   co_lanes_standing(lanes, index) == CO_KAFKA_MEMBER;
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void ask_kafka(struct co_health_probe *probe)
{
	const struct rd_kafka_metadata *metadata = NULL;
	rd_kafka_resp_err_t err = rd_kafka_metadata(probe->kafka, 0, NULL, &metadata, ASK_TIMEOUT_MS);
	if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
		atomic_store(&probe->health->kafka_ok_ms, now_ms());
		rd_kafka_metadata_destroy(metadata);
	}
	atomic_store(&probe->health->kafka_said, (int)err);
	(void)rd_kafka_poll(probe->kafka, 0);
}

static void ask_redis(struct co_health_probe *probe)
{
	struct co_store store = co_redis_store_port(probe->redis);
	struct co_store_mark mark;
	if (store.mark(store.self, 0, &mark) == CO_OK)
		atomic_store(&probe->health->redis_ok_ms, now_ms());
}

static void ask_on(struct co_health_probe *probe, void (*ask)(struct co_health_probe *probe))
{
	struct co_clock clock = co_system_clock();
	while (!atomic_load(&probe->stop)) {
		ask(probe);
		for (int waited = 0; waited < ASK_EVERY_MS && !atomic_load(&probe->stop); waited += 100)
			clock.sleep_ms(clock.self, 100);
	}
}

static void *ask_kafka_on(void *probe)
{
	ask_on(probe, ask_kafka);
	return NULL;
}

static void *ask_redis_on(void *probe)
{
	ask_on(probe, ask_redis);
	return NULL;
}

enum co_status co_health_start(struct co_health *health, const struct co_config *config, struct co_error *error)
{
	struct co_health_probe *probe = calloc(1, sizeof(*probe));
	if (!probe)
		abort();
	const struct co_kafka_default defaults[] = {{NULL, NULL}};
	char text[256];
	probe->health = health;
	co_kafka_identity_init(&probe->identity, config, 0, "", "");
	rd_kafka_conf_t *conf = co_kafka_conf(&probe->identity, "health", defaults);
	probe->kafka = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (!probe->kafka) {
		rd_kafka_conf_destroy(conf);
		free(probe);
		co_error_set(error, "kafka", "%s", text);
		return CO_LOG_FATAL;
	}
	const struct co_redis_wish wish = {
		.url = config->redis_url,
		.key_prefix = config->redis_key_prefix,
		.timeout_ms = config->redis_timeout_ms < ASK_REDIS_MS_MAX ? config->redis_timeout_ms : ASK_REDIS_MS_MAX,
		.partition_count = 1,
		.role = "health",
		.member = probe->identity.client_suffix};
	probe->redis = co_redis_store_open(&wish);
	health->probe = probe;
	if (pthread_create(&probe->asks_kafka, NULL, ask_kafka_on, probe) != 0 ||
		pthread_create(&probe->asks_redis, NULL, ask_redis_on, probe) != 0)
		abort();
	return CO_OK;
}

void co_health_stop(struct co_health *health)
{
	struct co_health_probe *probe = health->probe;
	free(health->configuration);
	health->configuration = NULL;
	if (!probe)
		return;
	atomic_store(&probe->stop, true);
	(void)pthread_join(probe->asks_kafka, NULL);
	(void)pthread_join(probe->asks_redis, NULL);
	rd_kafka_destroy(probe->kafka);
	co_redis_store_close(probe->redis);
	free(probe);
	health->probe = NULL;
}

/* --- answering ---------------------------------------------------------------------------------------------------- */

static bool lately(long long at_ms)
{
	return at_ms != 0 && now_ms() - at_ms <= CO_ANSWERED_LATELY_MS;
}

/* A test build need not wait as long. */
static int64_t stuck_after_ms(void)
{
#ifdef CO_CRASH_POINTS
	const char *told = getenv("CO_LANE_STUCK_MS");
	if (told)
		return strtoll(told, NULL, 10);
#endif
	return CO_LANE_STUCK_MS;
}

int co_health_stuck_lane(const struct co_health *health)
{
	const struct co_lanes *lanes = atomic_load(&health->lanes);
	for (size_t i = 0; lanes && i < co_lanes_count(lanes); i++)
		if (now_ms() - atomic_load(&co_lanes_status(lanes, i)->progress_ms) > stuck_after_ms() &&
			!co_lanes_ended(lanes))
			return (int)i;
	return -1;
}

static void say_live(void *self, struct co_admin_probe *out)
{
	int stuck = co_health_stuck_lane(self);
	out->ok = stuck < 0;
	if (!out->ok)
		(void)snprintf(out->reason, sizeof(out->reason), "lane %d makes no progress", stuck);
}

static void say_what_it_does(const struct co_lanes *lanes, size_t index, struct co_admin_probe *out)
{
	const struct co_lane_status *status = co_lanes_status(lanes, index);
	enum co_status waits_for = (enum co_status)atomic_load(&status->waits_for);
	const char *what = "is recovering", *why = "";
	if (co_lanes_standing(lanes, index) == CO_KAFKA_FENCED)
		what = "was fenced: it waits whether the other member of its name (worker.instance) lives";
	else if (!atomic_load(&status->joined))
		what = "has not joined the group yet";
	else if (co_lanes_standing(lanes, index) == CO_KAFKA_JOINING)
		what = "joins the group again";
	else if (waits_for != CO_OK)
		why = co_status_text(waits_for);
	(void)snprintf(out->reason, sizeof(out->reason), "lane %zu %s%s%s", index, what, *why ? ": " : "", why);
}

/* Every lane works, or did so a moment ago: a rebalance is no reason to take a worker out of service. Being fenced is:
 * it lasts. */
static bool lanes_run(const struct co_health *health, const struct co_lanes *lanes, struct co_admin_probe *out)
{
	int held = 0;
	for (size_t i = 0; i < co_lanes_count(lanes); i++) {
		const struct co_lane_status *status = co_lanes_status(lanes, i);
		long long ran_ms = i < CO_PAGE_LANES_MAX ? atomic_load(&health->ran_ms[i]) : 0;
		held += atomic_load(&status->partitions);
		if (works(lanes, i))
			continue;
		if (ran_ms != 0 && now_ms() - ran_ms < CO_LANE_GRACE_MS && co_lanes_standing(lanes, i) != CO_KAFKA_FENCED)
			continue;
		say_what_it_does(lanes, i, out);
		return false;
	}
	if (held == 0)
		(void)snprintf(out->reason, sizeof(out->reason), "standby: no partitions are left for this worker");
	return true;
}

static void say_ready(void *self, struct co_admin_probe *out)
{
	struct co_health *health = self;
	const struct co_lanes *lanes = atomic_load(&health->lanes);
	if (atomic_load(&health->stopping))
		(void)snprintf(out->reason, sizeof(out->reason), "stopping");
	else if (!lately(atomic_load(&health->kafka_ok_ms)))
		(void)snprintf(out->reason, sizeof(out->reason), "Kafka does not answer");
	else if (!lately(atomic_load(&health->redis_ok_ms)))
		(void)snprintf(out->reason, sizeof(out->reason), "Redis does not answer");
	else if (!lanes)
		(void)snprintf(out->reason, sizeof(out->reason), "starting: the topics are not checked yet");
	else if (lanes_run(health, lanes, out)) {
		out->ok = true;
		atomic_store(&health->started, true);
	}
}

/* --- watching ----------------------------------------------------------------------------------------------------- */

/* A Kafka that has gone silent breaks no connection: the clients may wait for minutes before they complain. What Redis
 * says is told by its link, and until the lanes run the start tells what it waits for. */
static void tell_silence(struct co_health *health, int64_t at_ms)
{
	if (!atomic_load(&health->lanes) || atomic_load(&health->stopping))
		return;
	if (health->served_ms == 0)
		health->served_ms = at_ms;
	int64_t since_ms = atomic_load(&health->kafka_ok_ms);
	if (since_ms < health->served_ms)
		since_ms = health->served_ms;
	int said = atomic_load(&health->kafka_said);
	if (said != RD_KAFKA_RESP_ERR_NO_ERROR && at_ms - since_ms > CO_ANSWERED_LATELY_MS &&
		co_log_gate_open(&health->silence, 60000))
		co_log(CO_LOG_NOTICE, "kafka.waiting", "Kafka does not answer; waiting for it",
			   CO_TEXT("event.reason", rd_kafka_err2str((rd_kafka_resp_err_t)said)),
			   CO_INT("event.duration", (at_ms - since_ms) * 1000000));
}

void co_health_watch(struct co_health *health)
{
	const struct co_lanes *lanes = atomic_load(&health->lanes);
	struct co_admin_probe ready = {false, ""};
	int64_t at_ms = now_ms();
	for (size_t i = 0; lanes && i < co_lanes_count(lanes) && i < CO_PAGE_LANES_MAX; i++) {
		bool up = works(lanes, i);
		co_metric_set(CO_METRIC_LANE_UP, i, up);
		if (up)
			atomic_store(&health->ran_ms[i], at_ms);
	}
	say_ready(health, &ready);
	co_metric_set(CO_METRIC_READY, 0, ready.ok);
	co_metric_set(CO_METRIC_KAFKA_UP, 0, lately(atomic_load(&health->kafka_ok_ms)));
	co_metric_set(CO_METRIC_REDIS_UP, 0, lately(atomic_load(&health->redis_ok_ms)));
	tell_silence(health, at_ms);
	co_page_history_take(&health->history, at_ms);
}

static void say_started(void *self, struct co_admin_probe *out)
{
	struct co_health *health = self;
	if (!atomic_load(&health->started))
		say_ready(health, out);
	out->ok = atomic_load(&health->started);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static int64_t ago(long long at_ms)
{
	return at_ms == 0 ? -1 : now_ms() - at_ms;
}

static void tell_lanes(const struct co_lanes *lanes, struct co_page_facts *facts)
{
	for (size_t i = 0; lanes && i < co_lanes_count(lanes) && i < CO_PAGE_LANES_MAX; i++) {
		const struct co_lane_status *status = co_lanes_status(lanes, i);
		facts->lanes[facts->lane_count++] = (struct co_page_lane){
			.joined = atomic_load(&status->joined) && co_lanes_standing(lanes, i) == CO_KAFKA_MEMBER,
			.running = atomic_load(&status->running),
			.partitions = atomic_load(&status->partitions),
			.progress_ms = ago(atomic_load(&status->progress_ms)),
			.kafka_ms = ago(atomic_load(&status->kafka_ok_ms)),
			.redis_ms = ago(atomic_load(&status->redis_ok_ms))};
	}
}

static struct co_view show_page(void *self, struct co_arena *arena)
{
	struct co_health *health = self;
	struct co_clock clock = co_system_clock();
	struct co_admin_probe live = {false, ""}, ready = {false, ""};
	say_live(health, &live);
	say_ready(health, &ready);
	struct co_page_facts facts = {.version = health->version,
								  .librdkafka = health->librdkafka,
								  .instance = health->config->instance,
								  .group = health->config->group,
								  .prefix = health->config->prefix,
								  .live = live.ok,
								  .ready = ready.ok,
								  .live_reason = live.reason,
								  .ready_reason = ready.reason,
								  .uptime_ms = now_ms() - health->born_ms,
								  .wall_ms = clock.wall_ms(clock.self),
								  .partition_count = atomic_load(&health->partitions),
								  .configuration = health->configuration,
								  .history = &health->history};
	tell_lanes(atomic_load(&health->lanes), &facts);
	return co_page_compose(&facts, arena);
}

struct co_admin_probes co_health_probes(struct co_health *health)
{
	return (struct co_admin_probes){.self = health,
									.live = say_live,
									.ready = say_ready,
									.started = say_started,
									.page = show_page,
									.page_policy = co_page_policy};
}
