#include "health.h"

#include "adapters/kafka_client.h"
#include "adapters/redis_store.h"
#include "adapters/system_clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ASK_EVERY_MS 2000
#define ASK_TIMEOUT_MS 2000

struct co_health_probe {
	struct co_health *health;
	struct co_kafka_identity identity;
	rd_kafka_t *kafka;
	struct co_redis_store *redis;
	pthread_t thread;
	atomic_bool stop;
};

static int64_t now_ms(void)
{
	struct co_clock clock = co_system_clock();
	return clock.monotonic_ms(clock.self);
}

void co_health_init(struct co_health *health)
{
	*health = (struct co_health){.probe = NULL};
}

/* --- asking ------------------------------------------------------------------------------------------------------- */

static void ask_once(struct co_health_probe *probe)
{
	const struct rd_kafka_metadata *metadata = NULL;
	if (rd_kafka_metadata(probe->kafka, 0, NULL, &metadata, ASK_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		atomic_store(&probe->health->kafka_ok_ms, now_ms());
		rd_kafka_metadata_destroy(metadata);
	}
	(void)rd_kafka_poll(probe->kafka, 0);
	struct co_store store = co_redis_store_port(probe->redis);
	struct co_store_mark mark;
	if (store.mark(store.self, 0, &mark) == CO_OK)
		atomic_store(&probe->health->redis_ok_ms, now_ms());
}

static void *ask_on(void *opaque)
{
	struct co_health_probe *probe = opaque;
	struct co_clock clock = co_system_clock();
	while (!atomic_load(&probe->stop)) {
		ask_once(probe);
		for (int waited = 0; waited < ASK_EVERY_MS && !atomic_load(&probe->stop); waited += 100)
			clock.sleep_ms(clock.self, 100);
	}
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
	const struct co_redis_wish wish = {.url = config->redis_url,
									   .key_prefix = config->redis_key_prefix,
									   .timeout_ms = config->redis_timeout_ms,
									   .partition_count = 1};
	probe->redis = co_redis_store_open(&wish);
	health->probe = probe;
	if (pthread_create(&probe->thread, NULL, ask_on, probe) != 0)
		abort();
	return CO_OK;
}

void co_health_stop(struct co_health *health)
{
	struct co_health_probe *probe = health->probe;
	if (!probe)
		return;
	atomic_store(&probe->stop, true);
	(void)pthread_join(probe->thread, NULL);
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

int co_health_stuck_lane(const struct co_health *health)
{
	const struct co_lanes *lanes = atomic_load(&health->lanes);
	for (size_t i = 0; lanes && i < co_lanes_count(lanes); i++)
		if (now_ms() - atomic_load(&co_lanes_status(lanes, i)->progress_ms) > CO_LANE_STUCK_MS &&
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

/* Every lane works through its partitions, or there are none left for it. */
static bool lanes_run(const struct co_lanes *lanes, struct co_admin_probe *out)
{
	for (size_t i = 0; i < co_lanes_count(lanes); i++) {
		const struct co_lane_status *status = co_lanes_status(lanes, i);
		if (atomic_load(&status->joined) && atomic_load(&status->running))
			continue;
		(void)snprintf(out->reason, sizeof(out->reason), "lane %zu %s", i,
					   atomic_load(&status->joined) ? "is recovering" : "has not joined the group yet");
		return false;
	}
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
	else if (lanes_run(lanes, out)) {
		out->ok = true;
		atomic_store(&health->started, true);
	}
}

static void say_started(void *self, struct co_admin_probe *out)
{
	struct co_health *health = self;
	if (!atomic_load(&health->started))
		say_ready(health, out);
	out->ok = atomic_load(&health->started);
}

struct co_admin_probes co_health_probes(struct co_health *health)
{
	return (struct co_admin_probes){.self = health, .live = say_live, .ready = say_ready, .started = say_started};
}
