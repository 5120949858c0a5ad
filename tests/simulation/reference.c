#include "reference.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 64

static int32_t partitions_of(void *self, struct co_view name)
{
	const struct co_world *world = self;
	enum co_model_topic topic = co_broker_topic(world, name);
	return topic == CO_M_TOPICS ? 0 : world->broker.topics[topic].partition_count;
}

static void expect(struct co_reference *reference, enum co_model_topic topic, int32_t from,
				   const struct co_message *message)
{
	if (reference->count == reference->room) {
		reference->room = reference->room ? 2 * reference->room : 256;
		reference->expected = realloc(reference->expected, reference->room * sizeof(*reference->expected));
		if (!reference->expected)
			abort();
	}
	reference->expected[reference->count++] = (struct co_expected){.topic = topic, .from = from, .message = *message};
}

static void keep(struct co_reference *reference, int32_t partition, const struct co_store_apply *apply)
{
	struct co_store_entry *kept = reference->kept[partition];
	for (size_t i = 0; i < apply->count; i++) {
		size_t at = 0, *count = &reference->kept_count[partition];
		while (at < *count && !co_uuid_eq(&kept[at].id, &apply->entries[i].id))
			at++;
		if (apply->entries[i].stored.ptr) {
			kept[at] = apply->entries[i];
			*count += at == *count;
		} else if (at < *count) {
			kept[at] = kept[--*count];
		}
	}
}

static void fold_record(struct co_world *world, struct co_reference *reference, struct co_shard *shard,
						const struct co_judge *judge, const struct co_record *record)
{
	struct co_arena *arena = &reference->arena;
	struct co_round round;
	struct co_store_apply apply;
	struct co_intake *intake = CO_NEW(arena, struct co_intake);
	co_intake_read(record, arena, intake);
	co_round_begin(&round, arena);
	co_shard_begin(shard, arena, reference->kept_count[shard->partition] + 1);
	for (size_t i = 0; i < reference->kept_count[shard->partition]; i++)
		co_shard_load(shard, judge->desk, &reference->kept[shard->partition][i]);
	if (co_shard_take(shard, judge, record, intake, &round) != CO_TAKEN)
		abort();
	co_shard_finish(shard, judge, &round, &apply);
	for (size_t i = 0; i < round.message_count; i++) {
		enum co_model_topic topic = co_broker_topic(world, round.messages[i].topic);
		if (topic != CO_M_STATE)
			expect(reference, topic, shard->partition, &round.messages[i]);
	}
	keep(reference, shard->partition, &apply);
	co_shard_committed(shard, -1);
}

void co_reference_make(struct co_world *world, struct co_reference *reference)
{
	enum co_mutant_id mutant = co_mutant;
	struct co_outbox outbox = {.self = world, .partitions_of = partitions_of};
	struct co_registry registry = co_model_registry();
	struct co_judge judge = {.desk = &world->desk, .outbox = &outbox, .registry = &registry};
	memset(reference, 0, sizeof(*reference));
	co_arena_init(&reference->arena, (size_t)1024 * 1024, (size_t)64 * 1024 * 1024);
	judge.edition = registry.acquire(registry.self);
	co_mutant = CO_MUTANT_NONE;
	for (int32_t p = 0; p < world->partitions; p++) {
		struct co_shard shard = {.partition = p, .poison_offset = -1};
		int64_t count = (int64_t)world->broker.topics[CO_M_COMMANDS].parts[p].count;
		reference->kept[p] = CO_NEW_ARRAY(&reference->arena, struct co_store_entry, KEPT_MAX);
		for (int64_t offset = 0; offset < count; offset++) {
			const struct co_record *record = co_broker_visible(world, CO_M_COMMANDS, p, offset, false);
			if (record)
				fold_record(world, reference, &shard, &judge, record);
		}
	}
	co_mutant = mutant;
}

void co_reference_clear(struct co_reference *reference)
{
	co_arena_clear(&reference->arena);
	free(reference->expected);
}
