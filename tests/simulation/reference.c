#include "reference.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 64

struct folding {
	struct co_world *world;
	struct co_reference *reference;
	struct co_judge judge;
	struct co_shard shard;
};

static int32_t partitions_of(void *self, struct co_view name)
{
	const struct folding *folding = self;
	const struct co_world *world = folding->world;
	enum co_model_topic topic = co_broker_topic(world, name);
	if (topic == CO_M_OWN_REPLIES && folding->reference->own_replies_away)
		return CO_TOPIC_AWAY;
	bool gone = topic == CO_M_TOPICS || (topic == CO_M_OWN_REPLIES && folding->reference->own_replies_gone);
	return gone ? 0 : world->broker.topics[topic].partition_count;
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

/* ---- one record, and what it may have come to ---- */

/* In the order in which they are believed. */
enum outcome { OUTCOME_PLAIN, OUTCOME_GONE, OUTCOME_UNTAKEN, OUTCOME_POISONED, OUTCOMES };

struct attempt {
	struct co_round round;
	struct co_store_apply apply;
};

static void judge_as(struct folding *folding, const struct co_record *record, enum outcome outcome,
					 struct attempt *attempt)
{
	struct co_reference *reference = folding->reference;
	struct co_arena *arena = &reference->arena;
	struct co_shard *shard = &folding->shard;
	struct co_intake *intake = CO_NEW(arena, struct co_intake);
	reference->own_replies_gone = outcome == OUTCOME_GONE;
	reference->own_replies_away = outcome == OUTCOME_UNTAKEN;
	shard->untaken_offset = outcome == OUTCOME_UNTAKEN ? record->offset + 1 : 0;
	shard->poison_offset = outcome == OUTCOME_POISONED ? record->offset : -1;
	co_intake_read(record, arena, intake);
	co_round_begin(&attempt->round, arena);
	co_shard_begin(shard, arena, reference->kept_count[shard->partition] + 1);
	for (size_t i = 0; i < reference->kept_count[shard->partition]; i++)
		co_shard_load(shard, folding->judge.desk, &reference->kept[shard->partition][i]);
	if (co_shard_take(shard, &folding->judge, record, intake, &attempt->round) != CO_TAKEN)
		abort();
	co_shard_finish(shard, &folding->judge, &attempt->round, &attempt->apply);
}

/* Kafka takes all of it, at any time but those when it takes nothing. */
static bool is_writable(const struct co_world *world, const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->round.message_count; i++) {
		const struct co_message *message = &attempt->round.messages[i];
		if (co_is_too_large(world, co_broker_topic(world, message->topic), message))
			return false;
	}
	return true;
}

/* All of it is in the log. */
static bool is_there(const struct co_world *world, const struct attempt *attempt)
{
	for (size_t i = 0; i < attempt->round.message_count; i++) {
		const struct co_message *message = &attempt->round.messages[i];
		enum co_model_topic topic = co_broker_topic(world, message->topic);
		const struct co_log_part *part = &world->broker.topics[topic].parts[message->partition];
		bool found = topic == CO_M_STATE;
		for (int64_t offset = 0; !found && offset < (int64_t)part->count; offset++) {
			const struct co_record *got = co_broker_visible(world, topic, message->partition, offset, false);
			found = got && part->entries[offset].txn && co_is_same(message, got);
		}
		if (!found)
			return false;
	}
	return true;
}

/* An answer of 9300001 is allowed when Kafka has refused this record's outputs while they stood alone: nobody is
 * answered so for what was next to him; or when a transaction with this record in it waited in vain for the reply topic
 * alone, and the record names it. The plain one is allowed unless Kafka never takes it. */
static enum outcome outcome_of(struct folding *folding, const struct co_record *record, struct attempt *attempt)
{
	const struct co_world *world = folding->world;
	const struct co_entry *entry =
		&world->broker.topics[CO_M_COMMANDS].parts[record->partition].entries[record->offset];
	judge_as(folding, record, OUTCOME_PLAIN, attempt);
	bool gone = co_own_replies_may_be_gone(world, entry->at_ms);
	const bool allowed[OUTCOMES] = {[OUTCOME_PLAIN] = is_writable(world, attempt),
									[OUTCOME_GONE] = gone,
									[OUTCOME_UNTAKEN] = gone && entry->untaken,
									[OUTCOME_POISONED] = entry->refused_alone};
	if (allowed[OUTCOME_PLAIN] && !allowed[OUTCOME_GONE] && !allowed[OUTCOME_POISONED])
		return OUTCOME_PLAIN;
	for (size_t i = 0; i < OUTCOMES; i++) {
		if (!allowed[i])
			continue;
		judge_as(folding, record, (enum outcome)i, attempt);
		if (is_writable(world, attempt) && is_there(world, attempt))
			return (enum outcome)i;
	}
	/* none of them: told as the first that is missing */
	enum outcome first = allowed[OUTCOME_PLAIN] ? OUTCOME_PLAIN : OUTCOME_POISONED;
	judge_as(folding, record, first, attempt);
	return first;
}

static void fold_record(struct folding *folding, const struct co_record *record)
{
	struct co_shard *shard = &folding->shard;
	struct attempt attempt;
	enum outcome outcome = outcome_of(folding, record, &attempt);
	folding->world->tallies.poisoned += outcome == OUTCOME_POISONED;
	folding->world->tallies.untaken += outcome == OUTCOME_UNTAKEN;
	folding->world->tallies.redirected += outcome == OUTCOME_GONE;
	for (size_t i = 0; i < attempt.round.message_count; i++) {
		enum co_model_topic topic = co_broker_topic(folding->world, attempt.round.messages[i].topic);
		if (topic != CO_M_STATE)
			expect(folding->reference, topic, shard->partition, &attempt.round.messages[i]);
	}
	keep(folding->reference, shard->partition, &attempt.apply);
	co_shard_committed(shard, -1);
}

void co_reference_make(struct co_world *world, struct co_reference *reference)
{
	enum co_mutant_id mutant = co_mutant;
	struct folding folding = {.world = world, .reference = reference};
	struct co_outbox outbox = {.self = &folding, .partitions_of = partitions_of};
	struct co_registry registry = co_model_registry();
	folding.judge = (struct co_judge){.desk = &world->desk, .outbox = &outbox, .registry = &registry};
	memset(reference, 0, sizeof(*reference));
	co_arena_init(&reference->arena, (size_t)1024 * 1024, (size_t)64 * 1024 * 1024);
	folding.judge.edition = registry.acquire(registry.self);
	co_mutant = CO_MUTANT_NONE;
	for (int32_t p = 0; p < world->partitions; p++) {
		folding.shard = (struct co_shard){.partition = p, .poison_offset = -1};
		int64_t count = (int64_t)world->broker.topics[CO_M_COMMANDS].parts[p].count;
		reference->kept[p] = CO_NEW_ARRAY(&reference->arena, struct co_store_entry, KEPT_MAX);
		for (int64_t offset = 0; offset < count; offset++) {
			const struct co_record *record = co_broker_visible(world, CO_M_COMMANDS, p, offset, false);
			if (record)
				fold_record(&folding, record);
		}
	}
	co_mutant = mutant;
}

void co_reference_clear(struct co_reference *reference)
{
	co_arena_clear(&reference->arena);
	free(reference->expected);
}
