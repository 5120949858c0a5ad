/* What adapters/kafka_inbox.c and kafka_replay.c make of the broker, call by call. */
#include "procs.h"

#include <stdlib.h>
#include <string.h>

#define STALLED 1000 /* of 10,000 answers where to go on, in worlds with moves */

static bool kafka_is_down(struct co_proc *proc)
{
	return proc->world->broker.down_until_ms > proc->world->now_ms || co_strikes(proc->world, CO_TROUBLE_KAFKA_DOWN);
}

/* ---- the inbox ---- */

static void keep_out(struct co_inbox_model *inbox, void *memory)
{
	if (inbox->out_count == inbox->out_room) {
		inbox->out_room = inbox->out_room ? 2 * inbox->out_room : 64;
		inbox->out = realloc(inbox->out, inbox->out_room * sizeof(*inbox->out));
		if (!inbox->out)
			abort();
	}
	inbox->out[inbox->out_count++] = memory;
}

static bool hand_out(struct co_proc *proc, size_t i, struct co_record *out)
{
	struct co_world *world = proc->world;
	struct co_inbox_model *inbox = &proc->inbox;
	int32_t partition = inbox->held[i];
	while (inbox->next[i] < co_broker_stable_end(world, CO_M_COMMANDS, partition)) {
		const struct co_record *record = co_broker_visible(world, CO_M_COMMANDS, partition, inbox->next[i]++, false);
		if (!record)
			continue;
		keep_out(inbox, co_record_copy(record, out));
		return true;
	}
	return false;
}

static void lose_assignment(struct co_inbox_model *inbox)
{
	inbox->held_count = 0;
	inbox->generation = -1;
	inbox->started = inbox->told = false;
}

static void take_assignment(struct co_proc *proc, const struct co_member *member)
{
	struct co_inbox_model *inbox = &proc->inbox;
	inbox->held_count = (size_t)member->count;
	for (size_t i = 0; i < inbox->held_count; i++)
		inbox->held[i] = member->first + (int32_t)i;
	inbox->generation = proc->world->broker.group.generation;
	inbox->started = false;
	inbox->told = true;
	co_tell(proc->world, "is assigned %zu partitions, generation %d", inbox->held_count, inbox->generation);
}

/* The group's word first, as the client's callbacks have it. CO_NOTHING: no news. */
static enum co_status hear_group(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	struct co_inbox_model *inbox = &proc->inbox;
	const struct co_group *group = &world->broker.group;
	struct co_member *member = co_broker_member(world, proc->worker);
	if (!inbox->joined) {
		co_broker_join(world, proc);
		inbox->joined = true;
		return CO_NOTHING;
	}
	if (!member) { /* its session had run out */
		co_broker_join(world, proc);
		lose_assignment(inbox);
		return CO_REBALANCED;
	}
	if (member->id != proc->id)
		return CO_FENCED;
	if (group->preparing) {
		member->rejoined = true;
		if (!inbox->told)
			return CO_NOTHING;
		lose_assignment(inbox);
		return CO_REBALANCED;
	}
	if (inbox->generation == group->generation)
		return CO_NOTHING;
	take_assignment(proc, member);
	return CO_REBALANCED;
}

static enum co_status inbox_poll(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_inbox_model *inbox = &proc->inbox;
	(void)arena;
	co_proc_step(proc, 0);
	if (!kafka_is_down(proc)) {
		enum co_status news = hear_group(proc);
		if (news != CO_NOTHING) {
			co_tell(world, "poll: %s", co_status_name(news));
			return news;
		}
		for (size_t n = 0; n < inbox->held_count && inbox->started && !co_strikes(world, CO_TROUBLE_FETCH_SHORT); n++) {
			size_t i = (inbox->turn + n) % inbox->held_count;
			if (!hand_out(proc, i, out))
				continue;
			inbox->turn = i;
			co_tell(world, "poll: command %d/%lld", out->partition, (long long)out->offset);
			return CO_OK;
		}
	}
	if (timeout_ms > 0)
		co_proc_step(proc, timeout_ms);
	return CO_NOTHING;
}

static size_t inbox_assigned(void *self, int32_t *partitions, size_t max)
{
	const struct co_proc *proc = self;
	size_t count = proc->inbox.held_count < max ? proc->inbox.held_count : max;
	memcpy(partitions, proc->inbox.held, count * sizeof(*partitions));
	return count;
}

/* The coordinator does not tell a position that an open transaction may still move. */
static enum co_status inbox_committed(void *self, struct co_position *positions, size_t count, int timeout_ms)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	int64_t until_ms = world->now_ms + timeout_ms;
	co_proc_step(proc, co_between(world, 0, 3));
	if (kafka_is_down(proc)) {
		co_proc_step(proc, timeout_ms);
		return CO_LOG_DOWN;
	}
	bool unstable = !(CO_MUTATED(ROTATED_UNSETTLED) && proc->outbox.id);
	while (unstable) {
		unstable = false;
		for (size_t i = 0; i < count; i++)
			unstable = unstable || co_broker_is_unstable(world, positions[i].partition);
		if (unstable && world->now_ms >= until_ms) {
			co_tell(world, "committed: unstable");
			return CO_LOG_DOWN;
		}
		if (unstable)
			co_proc_step(proc, 20);
	}
	for (size_t i = 0; i < count; i++) {
		positions[i] = world->broker.group.positions[positions[i].partition];
		co_tell(world, "committed: %d/%lld %s", positions[i].partition, (long long)positions[i].offset,
				positions[i].metadata);
	}
	co_proc_stall(proc, CO_FEATURE_MOVES, STALLED);
	co_proc_step(proc, co_between(world, 0, 3));
	return CO_OK;
}

static enum co_status inbox_bounds(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	struct co_proc *proc = self;
	co_proc_step(proc, co_between(proc->world, 0, 3));
	if (kafka_is_down(proc)) {
		co_proc_step(proc, timeout_ms);
		return CO_LOG_DOWN;
	}
	*low = 0;
	*high = co_broker_stable_end(proc->world, CO_M_COMMANDS, partition);
	return CO_OK;
}

static enum co_status inbox_start(void *self, const struct co_position *positions, size_t count)
{
	struct co_proc *proc = self;
	struct co_inbox_model *inbox = &proc->inbox;
	co_proc_step(proc, 0);
	if (count != inbox->held_count)
		return CO_REBALANCED;
	for (size_t i = 0; i < count; i++) {
		if (positions[i].partition != inbox->held[i])
			return CO_REBALANCED;
		inbox->next[i] = positions[i].offset < 0 ? 0 : positions[i].offset;
		if (positions[i].offset < 0 && CO_MUTATED(LOST_TO_THE_END))
			inbox->next[i] = co_broker_stable_end(proc->world, CO_M_COMMANDS, positions[i].partition);
	}
	inbox->started = true;
	return CO_OK;
}

static void inbox_release(void *self)
{
	struct co_inbox_model *inbox = &((struct co_proc *)self)->inbox;
	for (size_t i = 0; i < inbox->out_count; i++)
		free(inbox->out[i]);
	inbox->out_count = 0;
}

static void inbox_leave(void *self)
{
	inbox_release(self); /* a static member keeps its place until its session runs out */
}

struct co_inbox co_model_inbox(struct co_proc *proc)
{
	return (struct co_inbox){.self = proc,
							 .poll = inbox_poll,
							 .assigned = inbox_assigned,
							 .committed = inbox_committed,
							 .bounds = inbox_bounds,
							 .start = inbox_start,
							 .release = inbox_release,
							 .leave = inbox_leave};
}

/* ---- the replay ---- */

static void forget_last(struct co_proc *proc)
{
	free(proc->replay.last);
	proc->replay.last = NULL;
}

static enum co_status replay_open(void *self, int32_t partition, int64_t offset)
{
	struct co_proc *proc = self;
	co_proc_step(proc, 0);
	forget_last(proc);
	proc->replay.partition = partition;
	proc->replay.next = offset;
	proc->replay.told_end = -1;
	co_tell(proc->world, "replay: state/%d from %lld", partition, (long long)offset);
	return CO_OK;
}

static enum co_status replay_next(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out,
								  bool *at_end)
{
	struct co_proc *proc = self;
	struct co_world *world = proc->world;
	struct co_replay_model *replay = &proc->replay;
	(void)arena;
	co_proc_step(proc, 0);
	forget_last(proc);
	*at_end = false;
	if (kafka_is_down(proc) || co_is_away(world, CO_M_STATE, replay->partition)) {
		co_proc_step(proc, timeout_ms);
		return CO_NOTHING;
	}
	int64_t end = co_broker_stable_end(world, CO_M_STATE, replay->partition);
	while (replay->next < end) {
		const struct co_record *record = co_broker_visible(world, CO_M_STATE, replay->partition, replay->next++, false);
		if (!record)
			continue;
		replay->last = co_record_copy(record, out);
		return CO_OK;
	}
	if (replay->told_end != end) {
		replay->told_end = end;
		*at_end = true;
		co_tell(world, "replay: end at %lld", (long long)end);
		return CO_OK;
	}
	co_proc_step(proc, timeout_ms);
	return CO_NOTHING;
}

static bool replay_is_settled(void *self)
{
	const struct co_proc *proc = self;
	const struct co_model_log *state = &proc->world->broker.topics[CO_M_STATE];
	return proc->replay.told_end == (int64_t)state->parts[proc->replay.partition].count;
}

static void replay_close(void *self)
{
	forget_last(self);
}

struct co_replay co_model_replay(struct co_proc *proc)
{
	return (struct co_replay){
		.self = proc, .open = replay_open, .next = replay_next, .is_settled = replay_is_settled, .close = replay_close};
}

void co_model_clients_clear(struct co_proc *proc)
{
	inbox_release(proc);
	free(proc->inbox.out);
	proc->inbox.out = NULL;
	proc->inbox.out_room = 0;
	forget_last(proc);
	for (size_t i = 0; i < proc->outbox.count; i++)
		free(proc->outbox.buffer[i].memory);
	free(proc->outbox.buffer);
	proc->outbox.buffer = NULL;
	proc->outbox.count = proc->outbox.room = 0;
}
