#include "round.h"

#include <string.h>

void co_round_begin(struct co_round *round, struct co_arena *arena)
{
	*round = (struct co_round){.arena = arena};
}

static void *grown(struct co_arena *arena, const void *old, size_t count, size_t *room, size_t size)
{
	*room = *room ? *room * 2 : 256;
	void *items = co_arena_alloc(arena, *room * size);
	if (count)
		memcpy(items, old, count * size);
	return items;
}

struct co_message *co_round_message(struct co_round *round)
{
	if (round->message_count == round->message_room)
		round->messages =
			grown(round->arena, round->messages, round->message_count, &round->message_room, sizeof(*round->messages));
	return &round->messages[round->message_count++];
}

static struct co_tally *next_tally(struct co_round *round)
{
	if (round->tally_count == round->tally_room)
		round->tallies =
			grown(round->arena, round->tallies, round->tally_count, &round->tally_room, sizeof(*round->tallies));
	return &round->tallies[round->tally_count++];
}

void co_round_count(struct co_round *round, enum co_metric metric, size_t label1, size_t label2)
{
	*next_tally(round) = (struct co_tally){.metric = metric, .label1 = label1, .label2 = label2};
}

void co_round_age(struct co_round *round, enum co_metric metric, int64_t instant_ms)
{
	*next_tally(round) = (struct co_tally){.metric = metric, .is_instant = true, .instant_ms = instant_ms};
}

void co_round_rewind(struct co_round *round, size_t message_count, size_t tally_count)
{
	round->message_count = message_count;
	round->tally_count = tally_count;
}

void co_round_committed(const struct co_round *round, int64_t wall_ms)
{
	for (size_t i = 0; i < round->tally_count; i++) {
		const struct co_tally *tally = &round->tallies[i];
		if (tally->is_instant)
			co_metric_observe(tally->metric, 0, (double)(wall_ms - tally->instant_ms) / 1000.0);
		else
			co_metric_add(tally->metric, tally->label1, tally->label2, 1);
	}
}
