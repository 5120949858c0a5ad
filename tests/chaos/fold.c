/* The pure fold of the log: the lane on a model of log and view, fed with the committed records at their own offsets
 * and times. */
#include "chaos.h"

#include "adapters/registry_file.h"
#include "app/desk.h"
#include "app/lane.h"
#include "sim.h"
#include "sim_internal.h"
#include "tk.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 10000000

struct fold {
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
};

static void open_fold(struct fold *fold, const char *registry)
{
	const struct co_sim_faults none = {.self = NULL};
	const struct co_desk_wish wish = {.prefix = CHAOS_PREFIX,
									  .source = "/checkout/session-worker",
									  .replies_allow = "",
									  .partition_count = CHAOS_PARTITIONS,
									  .retention_ms = CHAOS_RETENTION_MS,
									  .append = true};
	const struct co_lane_settings settings = {.batch_max_records = 100, .batch_max_ms = 10, .expiry_poll_ms = 10};
	struct co_error error = {0};

	co_log_setup(CO_LOG_ERROR, CO_LOG_TEXT);
	co_metrics_setup(CHAOS_PARTITIONS, 1);
	/* In a past in which no deadline is due by the wall: the log alone makes the clocks move, ticks included. */
	fold->time = (struct co_sim_time){.wall_ms = 1000, .monotonic_ms = 1000};
	co_sim_broker_init(&fold->broker, &fold->time);
	co_sim_topics_add(&fold->broker, CHAOS_PREFIX, CHAOS_PARTITIONS, false);
	co_sim_topic_add(&fold->broker, CHAOS_REPLIES, CHAOS_REPLY_PARTITIONS);
	co_sim_store_init(&fold->store, CHAOS_PARTITIONS);
	co_tk_check(co_registry_file_open(registry, CO_AUTH_NONE, &fold->registry, &error) == CO_OK, "registry: %s",
				error.text);
	co_tk_check(co_desk_init(&fold->desk, &wish, &error) == CO_OK, "desk: %s", error.text);
	const struct co_lane_ports ports = {
		.inbox = co_sim_inbox_open(&fold->inbox, &fold->broker, CHAOS_GROUP, CHAOS_PREFIX "commands", none),
		.outbox = co_sim_outbox_open(&fold->outbox, &fold->broker, "fold", &fold->inbox, CHAOS_PREFIX "commands", none),
		.replay = co_sim_replay_open(&fold->replay, &fold->broker, CHAOS_PREFIX "state", none),
		.store = co_sim_store_open(&fold->client, &fold->store, none),
		.registry = co_registry_file_port(fold->registry),
		.clock = co_sim_clock(&fold->time)};
	co_lane_init(&fold->lane, &fold->desk, &ports, &settings);
}

static void close_fold(struct fold *fold)
{
	co_lane_clear(&fold->lane);
	co_sim_inbox_drop(&fold->inbox);
	co_sim_outbox_drop(&fold->outbox);
	co_sim_replay_drop(&fold->replay);
	co_desk_clear(&fold->desk);
	co_registry_file_close(fold->registry);
	co_sim_store_clear(&fold->store);
	co_sim_broker_clear(&fold->broker);
}

/* Offsets that no reader ever sees: markers, and what was aborted. */
static void pad(struct co_sim_partition *partition, int64_t offset)
{
	while ((int64_t)partition->count < offset) {
		if (partition->count == partition->cap) {
			partition->cap = partition->cap ? partition->cap * 2 : 64;
			partition->entries = co_tk_grow(partition->entries, partition->cap * sizeof(*partition->entries));
		}
		partition->entries[partition->count++] = (struct co_sim_entry){.marker = true};
	}
}

static void feed(struct fold *fold, const struct co_tk_record *const *commands, size_t count)
{
	struct co_sim_topic *topic = co_sim_topic_find(&fold->broker, CO_VIEW(CHAOS_PREFIX "commands"));

	for (size_t i = 0; i < count; i++) {
		const struct co_record *record = &commands[i]->r;
		const struct co_message message = {.key = record->key,
										   .value = record->value,
										   .header_count = record->header_count,
										   .headers = record->headers};
		pad(&topic->partitions[record->partition], record->offset);
		fold->time.wall_ms = record->timestamp_ms;
		int64_t offset = co_sim_append(&fold->broker, topic, record->partition, &message, NULL);
		co_tk_check(offset == record->offset, "the log has offset %lld twice", (long long)record->offset);
	}
	fold->time.wall_ms = 1000;
}

void chaos_fold(const struct co_tk_record *const *commands, size_t count, const char *registry, struct co_tk_log *out)
{
	struct fold *fold = co_tk_alloc(sizeof(*fold));

	open_fold(fold, registry);
	feed(fold, commands, count);
	for (int idle = 0, steps = 0; idle < 3; steps++) {
		co_tk_check(steps < STEPS_MAX, "the fold does not come to rest");
		enum co_status status = co_lane_step(&fold->lane);
		co_tk_check(status == CO_OK, "the fold: %s", co_status_text(status));
		idle = co_sim_lag_is_zero(&fold->broker, CHAOS_GROUP, CHAOS_PREFIX "commands") ? idle + 1 : 0;
	}
	co_sim_collect(&fold->broker, out);
	close_fold(fold);
	free(fold);
}
