/* The pure fold of the log: the lane on a model of log and view, fed with the committed records at their own offsets
 * and times. */
#include "chaos.h"

#include "sim_internal.h"
#include "sim_lane.h"
#include "tk.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdlib.h>

#define STEPS_MAX 10000000

/* In a past in which no deadline is due by the wall: the log alone makes the clocks move, ticks included. */
#define PAST_MS 1000

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

static void feed(struct co_sim_lane *fold, const struct co_tk_record *const *commands, size_t count)
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
	fold->time.wall_ms = PAST_MS;
}

void chaos_fold(const struct co_tk_record *const *commands, size_t count, const char *registry, struct co_tk_log *out)
{
	const struct co_sim_lane_options options = {.prefix = CHAOS_PREFIX,
												.partitions = CHAOS_PARTITIONS,
												.append = true,
												.retention_ms = CHAOS_RETENTION_MS,
												.wall_ms = PAST_MS,
												.registry = registry,
												.auth = CO_AUTH_NONE,
												.batch_max_records = 100};
	struct co_sim_lane *fold = co_tk_alloc(sizeof(*fold));

	co_log_setup(CO_LOG_ERROR, CO_LOG_TEXT);
	co_metrics_setup(CHAOS_PARTITIONS, 1);
	co_sim_lane_open(fold, &options);
	co_sim_topic_add(&fold->broker, CHAOS_REPLIES, CHAOS_REPLY_PARTITIONS);
	feed(fold, commands, count);
	co_sim_lane_settle(fold, STEPS_MAX);
	co_sim_collect(&fold->broker, out);
	co_sim_lane_close(fold);
	free(fold);
}
