#include "sim.h"

#include "sim_internal.h"
#include "tk.h"

#include <stdlib.h>
#include <string.h>

/* ---- the group: range assignment over the members in the order in which they joined ---- */

void co_sim_rebalance(struct co_sim_group *group)
{
	group->generation++;
	for (size_t m = 0; m < group->member_count; m++)
		group->members[m]->told = false;
}

static void take_assignment(struct co_sim_inbox *inbox)
{
	struct co_sim_group *group = inbox->group;
	size_t mine = 0, partitions = (size_t)inbox->topic->partition_count;

	while (group->members[mine] != inbox)
		mine++;
	size_t each = partitions / group->member_count, extra = partitions % group->member_count;
	size_t first = mine * each + (mine < extra ? mine : extra), count = each + (mine < extra);
	inbox->held_count = count;
	for (size_t i = 0; i < count; i++)
		inbox->held[i] = (int32_t)(first + i);
	inbox->generation = group->generation;
	inbox->told = true;
	inbox->started = false;
}

void co_sim_inbox_drop(struct co_sim_inbox *inbox)
{
	struct co_sim_group *group = inbox->group;

	for (size_t i = 0; i < inbox->out_count; i++)
		free(inbox->out[i]);
	free(inbox->out);
	inbox->out = NULL;
	inbox->out_count = inbox->out_cap = 0;
	if (!inbox->joined)
		return;
	inbox->joined = false;
	size_t at = 0;
	while (group->members[at] != inbox)
		at++;
	memmove(&group->members[at], &group->members[at + 1], (group->member_count - at - 1) * sizeof(*group->members));
	group->member_count--;
	co_sim_rebalance(group);
}

static void join(struct co_sim_inbox *inbox)
{
	struct co_sim_group *group = inbox->group;

	co_tk_check(group->member_count < 16, "too many members");
	group->members[group->member_count++] = inbox;
	inbox->joined = true;
	co_sim_rebalance(group);
}

/* ---- the port ---- */

static bool hand_out(struct co_sim_inbox *inbox, size_t i, struct co_arena *arena, struct co_record *out)
{
	struct co_sim_partition *partition = &inbox->topic->partitions[inbox->held[i]];
	int64_t end = co_sim_stable_end(partition);

	while (inbox->next[i] < end) {
		const struct co_record *record = co_sim_visible(partition, inbox->next[i]++);
		if (!record)
			continue;
		if (inbox->out_count == inbox->out_cap) {
			inbox->out_cap = inbox->out_cap ? inbox->out_cap * 2 : 64;
			inbox->out = co_tk_grow(inbox->out, inbox->out_cap * sizeof(*inbox->out));
		}
		inbox->out[inbox->out_count++] = co_sim_copy(record, arena, out);
		return true;
	}
	return false;
}

static enum co_status poll(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out)
{
	struct co_sim_inbox *inbox = self;
	enum co_sim_fault fault = co_sim_ask(&inbox->faults, CO_SIM_POLL);

	if (!inbox->joined)
		join(inbox);
	if (!inbox->told) {
		take_assignment(inbox);
		return CO_REBALANCED;
	}
	if (fault == CO_SIM_NONE && inbox->started) {
		for (size_t n = 0; n < inbox->held_count; n++) {
			size_t i = (inbox->turn + n) % inbox->held_count;
			if (hand_out(inbox, i, arena, out)) {
				inbox->turn = i; /* stays on a partition while it has records, as a fetch does */
				return CO_OK;
			}
		}
	}
	co_sim_time_pass(inbox->broker->time, timeout_ms);
	return CO_NOTHING;
}

static size_t assigned(void *self, int32_t *partitions, size_t max)
{
	struct co_sim_inbox *inbox = self;
	size_t count = inbox->held_count < max ? inbox->held_count : max;

	memcpy(partitions, inbox->held, count * sizeof(*partitions));
	return count;
}

static enum co_status committed(void *self, struct co_position *positions, size_t count, int timeout_ms)
{
	struct co_sim_inbox *inbox = self;
	const struct co_sim_group *group = inbox->group;
	bool down = co_sim_ask(&inbox->faults, CO_SIM_COMMITTED) != CO_SIM_NONE;

	/* A position inside an open transaction is unstable: the coordinator lets the client wait. */
	for (size_t i = 0; i < count; i++)
		down |= co_sim_position_is_pending(inbox->broker, group, positions[i].partition);
	if (down) {
		co_sim_time_pass(inbox->broker->time, timeout_ms);
		return CO_LOG_DOWN;
	}
	for (size_t i = 0; i < count; i++) {
		positions[i].offset = -1;
		positions[i].metadata[0] = '\0';
		for (size_t k = 0; k < group->position_count; k++)
			if (group->positions[k].partition == positions[i].partition)
				positions[i] = group->positions[k];
	}
	return CO_OK;
}

static enum co_status bounds(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	const struct co_sim_inbox *inbox = self;

	(void)timeout_ms;
	*low = 0;
	*high = (int64_t)inbox->topic->partitions[partition].count;
	return CO_OK;
}

static enum co_status start(void *self, const struct co_position *positions, size_t count)
{
	struct co_sim_inbox *inbox = self;

	if (co_sim_ask(&inbox->faults, CO_SIM_START) != CO_SIM_NONE)
		return CO_LOG_DOWN;
	if (!inbox->told || count != inbox->held_count)
		return CO_REBALANCED;
	for (size_t i = 0; i < count; i++) {
		if (positions[i].partition != inbox->held[i])
			return CO_REBALANCED;
		inbox->next[i] = positions[i].offset < 0 ? 0 : positions[i].offset;
	}
	inbox->started = true;
	return CO_OK;
}

static void release(void *self)
{
	struct co_sim_inbox *inbox = self;

	for (size_t i = 0; i < inbox->out_count; i++)
		free(inbox->out[i]);
	inbox->out_count = 0;
}

static void leave(void *self)
{
	co_sim_inbox_drop(self);
}

struct co_inbox co_sim_inbox_open(struct co_sim_inbox *inbox, struct co_sim_broker *broker, const char *group,
								  const char *topic, struct co_sim_faults faults)
{
	memset(inbox, 0, sizeof(*inbox));
	inbox->broker = broker;
	inbox->group = co_sim_group_find(broker, group);
	inbox->topic = co_sim_topic_find(broker, (struct co_view){topic, strlen(topic)});
	inbox->faults = faults;
	co_tk_check(inbox->topic && inbox->topic->partition_count <= 256, "no topic %s, or too wide", topic);
	return (struct co_inbox){.self = inbox,
							 .poll = poll,
							 .assigned = assigned,
							 .committed = committed,
							 .bounds = bounds,
							 .start = start,
							 .release = release,
							 .leave = leave};
}
