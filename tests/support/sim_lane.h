/* The worker's lane in this process, on the model of log and view (sim.h): one worker, one lane, no thread. For whoever
 * wants to know what the core makes of commands. The caller sets up log and metrics.
 * Owns the model, the registry, the desk and the lane between open and close. */
#ifndef CO_SIM_LANE_H
#define CO_SIM_LANE_H

#include "adapters/registry_file.h"
#include "app/desk.h"
#include "app/lane.h"
#include "sim.h"

#define CO_SIM_LANE_GROUP "checkout-session-worker"

struct co_sim_lane_options {
	const char *prefix;
	int32_t partitions;
	bool append; /* the commands' time is the broker's */
	int64_t retention_ms;
	int64_t wall_ms; /* where the clock begins */
	const char *registry;
	enum co_auth_mode auth;
	size_t batch_max_records;
	struct co_sim_faults faults; /* of all ports but clock and registry */
};

struct co_sim_lane {
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
	char commands[128];
};

/* With the service's six topics; more may be added to the broker. `prefix` must outlive it. Ends the program when
 * something is wrong. */
void co_sim_lane_open(struct co_sim_lane *it, const struct co_sim_lane_options *options);
/* Steps until all commands are read and nothing follows from them; after `steps_max` steps it ends the program. */
void co_sim_lane_settle(struct co_sim_lane *it, int steps_max);
void co_sim_lane_close(struct co_sim_lane *it);

#endif
