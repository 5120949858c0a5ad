#include "core_host.h"

#include "sim_lane.h"
#include "tk.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <string.h>

#define PARTITIONS 5
#define STEPS_MAX 200000

struct core {
	struct co_sim_lane lane;
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
		co_sim_store_flush(&core->lane.store);
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
	const struct co_sim_lane_options options = {
		.prefix = "checkout.session.",
		.partitions = PARTITIONS,
		.append = strcmp(settings->timestamps, "append") == 0,
		.retention_ms = settings->retention_ms,
		.wall_ms = 1767225600000,
		.registry = settings->registry,
		.auth = strcmp(settings->auth_mode, "jwt") == 0       ? CO_AUTH_JWT
				: strcmp(settings->auth_mode, "api_key") == 0 ? CO_AUTH_API_KEY
															  : CO_AUTH_NONE,
		.batch_max_records = core->settings.batch_max_records,
		.faults = {.self = core, .ask = core->settings.faults_permille ? ask : NULL}};

	co_sim_lane_open(&core->lane, &options);
	for (size_t i = 0; i < count; i++)
		co_sim_topic_add(&core->lane.broker, topics[i].name, topics[i].partitions);
}

static int32_t partitions(void *self)
{
	(void)self;
	return PARTITIONS;
}

static void send(void *self, const struct co_message *message, int32_t *partition, int64_t *offset)
{
	struct core *core = self;

	co_sim_send(&core->lane.broker, message, partition, offset);
}

static void settle(void *self, size_t replies)
{
	struct core *core = self;

	(void)replies;
	co_sim_lane_settle(&core->lane, STEPS_MAX);
}

static const struct co_tk_log *outputs(void *self)
{
	struct core *core = self;

	co_tk_log_clear(&core->log);
	co_sim_collect(&core->lane.broker, &core->log);
	return &core->log;
}

static void close_core(void *self)
{
	struct core *core = self;

	if (core->settings.faults_permille)
		printf("core: %zu of %zu calls failed, %zu times the view was lost\n", core->failed, core->asked,
			   core->flushed);
	co_sim_lane_close(&core->lane);
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
