#include "sim_lane.h"

#include "tk.h"

#include <stdio.h>

void co_sim_lane_open(struct co_sim_lane *it, const struct co_sim_lane_options *options)
{
	const struct co_sim_faults faults = options->faults;
	const struct co_desk_wish wish = {.prefix = options->prefix,
									  .source = "/checkout/session-worker",
									  .replies_allow = "",
									  .partition_count = options->partitions,
									  .retention_ms = options->retention_ms,
									  .append = options->append};
	const struct co_lane_settings settings = {
		.batch_max_records = options->batch_max_records, .batch_max_ms = 10, .expiry_poll_ms = 10};
	struct co_error error = {0};
	char state[sizeof(it->commands)];

	snprintf(it->commands, sizeof(it->commands), "%scommands", options->prefix);
	snprintf(state, sizeof(state), "%sstate", options->prefix);
	it->time = (struct co_sim_time){.wall_ms = options->wall_ms, .monotonic_ms = 1000};
	co_sim_broker_init(&it->broker, &it->time);
	co_sim_topics_add(&it->broker, options->prefix, options->partitions, !options->append);
	co_sim_store_init(&it->store, options->partitions);
	co_tk_check(co_registry_file_open(options->registry, options->auth, &it->registry, &error) == CO_OK,
				"registry: %s: %s", error.path, error.text);
	co_tk_check(co_desk_init(&it->desk, &wish, &error) == CO_OK, "desk: %s", error.text);
	const struct co_lane_ports ports = {
		.inbox = co_sim_inbox_open(&it->inbox, &it->broker, CO_SIM_LANE_GROUP, it->commands, faults),
		.outbox = co_sim_outbox_open(&it->outbox, &it->broker, "w-0", &it->inbox, it->commands, faults),
		.replay = co_sim_replay_open(&it->replay, &it->broker, state, faults),
		.store = co_sim_store_open(&it->client, &it->store, faults),
		.registry = co_registry_file_port(it->registry),
		.clock = co_sim_clock(&it->time)};
	co_lane_init(&it->lane, &it->desk, &ports, &settings);
}

void co_sim_lane_settle(struct co_sim_lane *it, int steps_max)
{
	for (int idle = 0, steps = 0; idle < 3; steps++) {
		co_tk_check(steps < steps_max, "the lane does not come to rest");
		enum co_status status = co_lane_step(&it->lane);
		co_tk_check(status == CO_OK, "co_lane_step: %s", co_status_text(status));
		idle = co_sim_lag_is_zero(&it->broker, CO_SIM_LANE_GROUP, it->commands) ? idle + 1 : 0;
	}
}

void co_sim_lane_close(struct co_sim_lane *it)
{
	co_lane_clear(&it->lane);
	co_sim_inbox_drop(&it->inbox);
	co_sim_outbox_drop(&it->outbox);
	co_sim_replay_drop(&it->replay);
	co_desk_clear(&it->desk);
	co_registry_file_close(it->registry);
	co_sim_store_clear(&it->store);
	co_sim_broker_clear(&it->broker);
}
