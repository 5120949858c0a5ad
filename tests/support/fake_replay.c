#include "sim.h"

#include "sim_internal.h"
#include "tk.h"

#include <stdlib.h>
#include <string.h>

static void forget_last(struct co_sim_replay *replay)
{
	free(replay->last);
	replay->last = NULL;
}

static enum co_status open_at(void *self, int32_t partition, int64_t offset)
{
	struct co_sim_replay *replay = self;

	if (co_sim_ask(&replay->faults, CO_SIM_REPLAY_OPEN) != CO_SIM_NONE)
		return CO_LOG_DOWN;
	co_tk_check(partition >= 0 && partition < replay->topic->partition_count, "replay of partition %d", partition);
	forget_last(replay);
	replay->is_open = true;
	replay->partition = partition;
	replay->next = offset;
	replay->told_end = -1;
	return CO_OK;
}

static enum co_status next(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out, bool *at_end)
{
	struct co_sim_replay *replay = self;
	struct co_sim_partition *partition = &replay->topic->partitions[replay->partition];
	enum co_sim_fault fault = co_sim_ask(&replay->faults, CO_SIM_REPLAY_NEXT);

	co_tk_check(replay->is_open, "next() of a replay that is not open");
	forget_last(replay);
	*at_end = false;
	if (fault != CO_SIM_NONE)
		return CO_LOG_DOWN;
	int64_t end = co_sim_stable_end(partition);
	while (replay->next < end) {
		const struct co_record *record = co_sim_visible(partition, replay->next++);
		if (record) {
			replay->last = co_sim_copy(record, arena, out);
			return CO_OK;
		}
	}
	if (replay->told_end != end) {
		replay->told_end = end;
		*at_end = true;
		return CO_OK;
	}
	co_sim_time_pass(replay->broker->time, timeout_ms);
	return CO_NOTHING;
}

static bool is_settled(void *self)
{
	const struct co_sim_replay *replay = self;

	return replay->told_end == (int64_t)replay->topic->partitions[replay->partition].count;
}

static void close_it(void *self)
{
	struct co_sim_replay *replay = self;

	forget_last(replay);
	replay->is_open = false;
}

struct co_replay co_sim_replay_open(struct co_sim_replay *replay, struct co_sim_broker *broker, const char *state,
									struct co_sim_faults faults)
{
	memset(replay, 0, sizeof(*replay));
	replay->broker = broker;
	replay->topic = co_sim_topic_find(broker, (struct co_view){state, strlen(state)});
	replay->faults = faults;
	return (struct co_replay){
		.self = replay, .open = open_at, .next = next, .is_settled = is_settled, .close = close_it};
}

void co_sim_replay_drop(struct co_sim_replay *replay)
{
	forget_last(replay);
}
