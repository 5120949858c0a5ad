#include "lanes.h"

#include "adapters/kafka_outbox.h"
#include "adapters/kafka_replay.h"
#include "adapters/redis_store.h"
#include "adapters/system_clock.h"

#include "checkout/log.h"

#include <pthread.h>
#include <stdlib.h>

struct one_lane {
	struct co_kafka_identity identity;
	struct co_kafka_inbox *inbox;
	struct co_kafka_outbox *outbox;
	struct co_kafka_replay *replay;
	struct co_redis_store *store;
	struct co_lane lane;
	pthread_t thread;
	bool started;
	atomic_bool ended;
	atomic_int failure; /* enum co_status */
};

struct co_lanes {
	size_t count;
	struct one_lane *lanes;
};

static void *run_lane(void *opaque)
{
	struct one_lane *one = opaque;
	enum co_status status;
	do {
		status = co_lane_step(&one->lane);
	} while (status == CO_OK);
	co_lane_clear(&one->lane);
	atomic_store(&one->failure, status == CO_STOPPED ? CO_OK : (int)status);
	atomic_store(&one->ended, true);
	return NULL;
}

static enum co_status open_adapters(struct one_lane *one, const struct co_config *config, const struct co_desk *desk,
									struct co_error *error)
{
	CO_TRY(co_kafka_inbox_open(&one->identity, &one->inbox, error));
	CO_TRY(co_kafka_outbox_open(&one->identity, one->inbox, desk->names.topics, CO_TOPIC_COUNT, &one->outbox));
	co_kafka_inbox_when_idle(one->inbox, co_kafka_outbox_serve, one->outbox);
	CO_TRY(co_kafka_replay_open(&one->identity, &one->replay, error));
	const struct co_redis_wish wish = {.url = config->redis_url,
									   .key_prefix = config->redis_key_prefix,
									   .timeout_ms = config->redis_timeout_ms,
									   .partition_count = desk->partition_count,
									   .role = "lane",
									   .member = one->identity.client_suffix};
	one->store = co_redis_store_open(&wish);
	return CO_OK;
}

static enum co_status start_lane(struct one_lane *one, size_t index, const struct co_config *config,
								 const struct co_desk *desk, const struct co_registry *registry, struct co_error *error)
{
	co_kafka_identity_init(&one->identity, config, index, desk->names.topics[CO_TOPIC_COMMANDS].ptr,
						   desk->names.topics[CO_TOPIC_STATE].ptr);
	CO_TRY(open_adapters(one, config, desk, error));
	const struct co_lane_ports ports = {.inbox = co_kafka_inbox_port(one->inbox),
										.outbox = co_kafka_outbox_port(one->outbox),
										.replay = co_kafka_replay_port(one->replay),
										.store = co_redis_store_port(one->store),
										.registry = *registry,
										.clock = co_system_clock()};
	const struct co_lane_settings settings = {.index = index,
											  .batch_max_records = (size_t)config->batch_max_records,
											  .batch_max_ms = config->batch_max_ms,
											  .expiry_poll_ms = config->expiry_poll_ms};
	co_lane_init(&one->lane, desk, &ports, &settings);
	co_lane_touch(&one->lane);
	if (pthread_create(&one->thread, NULL, run_lane, one) != 0) {
		co_error_set(error, "worker.lanes", "a thread could not be started");
		return CO_LOG_FATAL;
	}
	one->started = true;
	return CO_OK;
}

enum co_status co_lanes_start(const struct co_config *config, const struct co_desk *desk,
							  const struct co_registry *registry, struct co_lanes **out, struct co_error *error)
{
	struct co_lanes *lanes = calloc(1, sizeof(*lanes));
	if (!lanes)
		abort();
	lanes->count = (size_t)config->lanes;
	lanes->lanes = calloc(lanes->count, sizeof(*lanes->lanes));
	if (!lanes->lanes)
		abort();
	enum co_status status = CO_OK;
	for (size_t i = 0; i < lanes->count && status == CO_OK; i++)
		status = start_lane(&lanes->lanes[i], i, config, desk, registry, error);
	if (status != CO_OK) {
		co_lanes_ask_stop(lanes);
		co_lanes_join(lanes);
		return status;
	}
	*out = lanes;
	return CO_OK;
}

void co_lanes_ask_stop(struct co_lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		atomic_store(&lanes->lanes[i].lane.stop, true);
}

bool co_lanes_ended(const struct co_lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (lanes->lanes[i].started && !atomic_load(&lanes->lanes[i].ended))
			return false;
	return true;
}

enum co_status co_lanes_failure(const struct co_lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++)
		if (atomic_load(&lanes->lanes[i].failure) != CO_OK)
			return (enum co_status)atomic_load(&lanes->lanes[i].failure);
	return CO_OK;
}

size_t co_lanes_count(const struct co_lanes *lanes)
{
	return lanes->count;
}

const struct co_lane_status *co_lanes_status(const struct co_lanes *lanes, size_t index)
{
	return &lanes->lanes[index].lane.status;
}

enum co_kafka_standing co_lanes_standing(const struct co_lanes *lanes, size_t index)
{
	return co_kafka_inbox_standing(lanes->lanes[index].inbox);
}

void co_lanes_join(struct co_lanes *lanes)
{
	for (size_t i = 0; i < lanes->count; i++) {
		struct one_lane *one = &lanes->lanes[i];
		if (one->started)
			(void)pthread_join(one->thread, NULL);
		co_kafka_outbox_close(one->outbox);
		co_kafka_replay_close(one->replay);
		co_kafka_inbox_close(one->inbox);
		co_redis_store_close(one->store);
	}
	free(lanes->lanes);
	free(lanes);
}
