#include "core_host.h"

#include "adapters/registry_file.h"
#include "app/desk.h"
#include "app/lane.h"
#include "sim.h"
#include "tk.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS 5
#define PREFIX "checkout.session."
#define GROUP "checkout-session-worker"
#define STEPS_MAX 200000

struct core {
	struct co_sim_time time;
	struct co_sim_broker broker;
	struct co_sim_store store;
	struct co_sim_inbox inbox;
	struct co_sim_outbox outbox;
	struct co_sim_replay replay;
	struct co_sim_store_client client;
	struct co_registry_file *registry;
	struct co_desk desk;
	struct co_lane lane;
	struct co_tk_log log;
	struct core_host_settings settings;
	uint64_t random;
	size_t asked, failed, flushed;
};

static uint64_t next_random(struct core *core)
{
	core->random ^= core->random << 13;
	core->random ^= core->random >> 7;
	core->random ^= core->random << 17;
	return core->random;
}

/* Every call may fail, before or after it had its effect; now and then Redis has lost everything. */
static enum co_sim_fault ask(void *self, enum co_sim_op op)
{
	static const enum co_sim_fault kinds[] = {CO_SIM_FAIL_BEFORE, CO_SIM_FAIL_AFTER, CO_SIM_UNANSWERED};
	struct core *core = self;

	core->asked++;
	if (op == CO_SIM_LOAD && next_random(core) % 500 < core->settings.faults_permille) {
		core->flushed++;
		co_sim_store_flush(&core->store);
	}
	if (next_random(core) % 1000 >= core->settings.faults_permille)
		return CO_SIM_NONE;
	core->failed++;
	enum co_sim_fault kind = kinds[next_random(core) % 3];
	return kind == CO_SIM_UNANSWERED && op != CO_SIM_COMMIT ? CO_SIM_FAIL_BEFORE : kind;
}

static void open_core(void *self, const struct co_vectors_settings *settings, const struct co_vectors_topic *topics,
					  size_t count)
{
	struct core *core = self;
	struct co_sim_faults faults = {.self = core, .ask = core->settings.faults_permille ? ask : NULL};
	struct co_error error = {0};
	enum co_auth_mode mode = strcmp(settings->auth_mode, "jwt") == 0       ? CO_AUTH_JWT
							 : strcmp(settings->auth_mode, "api_key") == 0 ? CO_AUTH_API_KEY
																		   : CO_AUTH_NONE;
	struct co_desk_wish wish = {.prefix = PREFIX,
								.source = "/checkout/session-worker",
								.replies_allow = "",
								.partition_count = PARTITIONS,
								.retention_ms = settings->retention_ms,
								.append = strcmp(settings->timestamps, "append") == 0};

	core->time = (struct co_sim_time){.wall_ms = 1767225600000, .monotonic_ms = 1000};
	co_sim_broker_init(&core->broker, &core->time);
	co_sim_topics_add(&core->broker, PREFIX, PARTITIONS, !wish.append);
	for (size_t i = 0; i < count; i++)
		co_sim_topic_add(&core->broker, topics[i].name, topics[i].partitions);
	co_sim_store_init(&core->store, PARTITIONS);
	co_tk_check(co_registry_file_open(settings->registry, mode, &core->registry, &error) == CO_OK, "registry: %s: %s",
				error.path, error.text);
	co_tk_check(co_desk_init(&core->desk, &wish, &error) == CO_OK, "desk: %s", error.text);
	struct co_lane_ports ports = {
		.inbox = co_sim_inbox_open(&core->inbox, &core->broker, GROUP, PREFIX "commands", faults),
		.outbox = co_sim_outbox_open(&core->outbox, &core->broker, "w-0", &core->inbox, PREFIX "commands", faults),
		.replay = co_sim_replay_open(&core->replay, &core->broker, PREFIX "state", faults),
		.store = co_sim_store_open(&core->client, &core->store, faults),
		.registry = co_registry_file_port(core->registry),
		.clock = co_sim_clock(&core->time)};
	struct co_lane_settings lane = {
		.batch_max_records = core->settings.batch_max_records, .batch_max_ms = 10, .expiry_poll_ms = 10};
	co_lane_init(&core->lane, &core->desk, &ports, &lane);
}

static int32_t partitions(void *self)
{
	(void)self;
	return PARTITIONS;
}

static void send(void *self, const struct co_message *message, int32_t *partition, int64_t *offset)
{
	struct core *core = self;

	co_sim_send(&core->broker, message, partition, offset);
}

static void settle(void *self, size_t replies)
{
	struct core *core = self;

	(void)replies;
	for (int idle = 0, steps = 0; idle < 3; steps++) {
		co_tk_check(steps < STEPS_MAX, "the lane does not come to rest");
		enum co_status status = co_lane_step(&core->lane);
		co_tk_check(status == CO_OK, "co_lane_step: %s", co_status_text(status));
		idle = co_sim_lag_is_zero(&core->broker, GROUP, PREFIX "commands") ? idle + 1 : 0;
	}
}

static const struct co_tk_log *outputs(void *self)
{
	struct core *core = self;

	co_tk_log_clear(&core->log);
	co_sim_collect(&core->broker, &core->log);
	return &core->log;
}

static void close_core(void *self)
{
	struct core *core = self;

	if (core->settings.faults_permille)
		printf("core: %zu of %zu calls failed, %zu times the view was lost\n", core->failed, core->asked,
			   core->flushed);
	co_lane_clear(&core->lane);
	co_sim_inbox_drop(&core->inbox);
	co_sim_outbox_drop(&core->outbox);
	co_sim_replay_drop(&core->replay);
	co_desk_clear(&core->desk);
	co_registry_file_close(core->registry);
	co_sim_store_clear(&core->store);
	co_sim_broker_clear(&core->broker);
	co_tk_log_clear(&core->log);
}

struct co_vectors_host core_host(const struct core_host_settings *settings)
{
	static struct core core;

	co_log_setup(CO_LOG_BUG, CO_LOG_TEXT);
	co_metrics_setup(PARTITIONS, 1);
	core.settings = *settings;
	core.random = settings->seed * 0x9e3779b97f4a7c15U + 1;
	return (struct co_vectors_host){.self = &core,
									.name = "core",
									.open = open_core,
									.partitions = partitions,
									.send = send,
									.settle = settle,
									.outputs = outputs,
									.close = close_core};
}
