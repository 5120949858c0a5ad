/* The invariants of DESIGN section 6, over everything that a read_committed reader sees when the world is at rest. */
#include "reference.h"

#include "checkout/app/output.h"
#include "checkout/instant.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPIRY_PATIENCE_MS 5000

static struct co_view header_of(size_t count, const struct co_header *headers, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (co_view_eq(headers[i].name, co_view_cstr(name)))
			return headers[i].value;
	return (struct co_view){NULL, 0};
}

static struct co_view header(const struct co_record *record, const char *name)
{
	return header_of(record->header_count, record->headers, name);
}

#define SHOW(view) (int)(view).len, (view).ptr ? (view).ptr : ""

/* ---- rest ---- */

static int64_t committed_seq(const struct co_world *world, int32_t partition)
{
	int64_t seq = 0;
	(void)sscanf(world->broker.group.truth[partition].metadata, "v1;s=%" SCNd64, &seq);
	return seq;
}

static bool is_read(struct co_world *world, int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[CO_M_COMMANDS].parts[partition];
	int64_t position = world->broker.group.truth[partition].offset;
	if (co_broker_stable_end(world, CO_M_COMMANDS, partition) < (int64_t)part->count)
		return false;
	for (int64_t offset = position < 0 ? 0 : position; offset < (int64_t)part->count; offset++)
		if (co_broker_visible(world, CO_M_COMMANDS, partition, offset, false))
			return false;
	return true;
}

static bool awaits_expiry(const struct co_world *world, int32_t partition)
{
	const struct co_generation *shown = co_redis_generation(&world->redis.shards[partition]);
	int64_t until_ms =
		world->has[CO_FEATURE_STREAM] ? co_broker_clock(world, partition) : world->now_ms - EXPIRY_PATIENCE_MS;
	for (size_t i = 0; i < shown->count; i++)
		if (shown->items[i].bytes[0] == 'L' && shown->items[i].due_ms <= until_ms)
			return true;
	return false;
}

bool co_is_at_rest(struct co_world *world)
{
	for (int id = 0; id < CO_TXN_IDS; id++)
		if (world->broker.producers[id].txn || world->broker.producers[id].pending_count)
			return false;
	for (int32_t p = 0; p < world->partitions; p++) {
		const struct co_store_mark *mark = &world->redis.shards[p].mark;
		if (!is_read(world, p) || (mark->present ? mark->seq : 0) != committed_seq(world, p) || awaits_expiry(world, p))
			return false;
	}
	return true;
}

/* ---- I7: the sequence ---- */

static void check_sequence(struct co_world *world, struct co_arena *arena, int32_t partition)
{
	int64_t count = (int64_t)world->broker.topics[CO_M_STATE].parts[partition].count, seq = 0;
	for (int64_t offset = 0; offset < count; offset++) {
		const struct co_record *record = co_broker_visible(world, CO_M_STATE, partition, offset, true);
		struct co_state_record state;
		if (!record)
			continue;
		co_state_read(record, arena, &state);
		if (state.kind != CO_STATE_LANE)
			continue;
		if (state.seq != seq + 1)
			co_violated(world, "I7 partition %d: sequence %lld follows %lld at state offset %lld", partition,
						(long long)state.seq, (long long)seq, (long long)offset);
		seq = state.seq;
	}
	if (seq != committed_seq(world, partition))
		co_violated(world, "I7 partition %d: the log ends at sequence %lld, the group's offset says %lld", partition,
					(long long)seq, (long long)committed_seq(world, partition));
}

/* ---- I1, I3, I5, I8, I9: what stands in the outputs, without asking the core ---- */

struct output {
	struct co_view id;
	enum co_model_topic topic;
	const struct co_record *record;
};

static size_t collect(const struct co_world *world, struct co_arena *arena, struct output **out)
{
	size_t count = 0, room = 0;
	for (size_t t = CO_M_REPLIES; t < CO_M_TOPICS; t++)
		for (int32_t p = 0; p < world->broker.topics[t].partition_count; p++)
			room += world->broker.topics[t].parts[p].count;
	*out = CO_NEW_ARRAY(arena, struct output, room);
	for (size_t t = CO_M_REPLIES; t < CO_M_TOPICS; t++)
		for (int32_t p = 0; p < world->broker.topics[t].partition_count; p++)
			for (int64_t o = 0; o < (int64_t)world->broker.topics[t].parts[p].count; o++) {
				const struct co_record *record = co_broker_visible(world, (enum co_model_topic)t, p, o, false);
				if (record && t != CO_M_STATE && t != CO_M_DLQ)
					(*out)[count++] = (struct output){header(record, "ce_id"), (enum co_model_topic)t, record};
			}
	return count;
}

static void check_ids(struct co_world *world, struct co_arena *arena)
{
	struct output *outputs;
	size_t count = collect(world, arena, &outputs);
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count; k++) {
			if (!co_view_eq(outputs[i].id, outputs[k].id))
				continue;
			bool same = co_view_eq(outputs[i].record->value, outputs[k].record->value);
			struct co_view type = header(outputs[i].record, "ce_type");
			co_violated(world, "%s: two %.*s of one id, %s", outputs[i].topic == CO_M_EVENTS ? "I3" : "I1", SHOW(type),
						same ? "alike" : "unlike each other (I8)");
		}
}

static void check_expiries(struct co_world *world, int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[CO_M_EVENTS].parts[partition];
	for (int64_t offset = 0; offset < (int64_t)part->count; offset++) {
		const struct co_record *record = co_broker_visible(world, CO_M_EVENTS, partition, offset, false);
		int64_t deadline_ms;
		if (!record || !co_view_ends(header(record, "ce_type"), CO_VIEW(".expired")))
			continue;
		if (!co_instant_parse(header(record, "ce_time"), false, &deadline_ms))
			co_violated(world, "an expired event without a time");
		else if (part->entries[offset].clock_ms < deadline_ms)
			co_violated(world, "I5 events %d/%lld: a session expired %lld ms before its deadline", partition,
						(long long)offset, (long long)(deadline_ms - part->entries[offset].clock_ms));
	}
}

/* ---- I2, I4: the fold ---- */

bool co_is_same(const struct co_message *expected, const struct co_record *got)
{
	bool same = co_view_eq(expected->key, got->key) && co_view_eq(expected->value, got->value) &&
				expected->header_count == got->header_count &&
				(expected->timestamp_ms < 0 || expected->timestamp_ms == got->timestamp_ms);
	for (size_t i = 0; same && i < got->header_count; i++)
		same = co_view_eq(expected->headers[i].name, got->headers[i].name) &&
			   co_view_eq(expected->headers[i].value, got->headers[i].value);
	return same;
}

static void differ(struct co_world *world, enum co_model_topic topic, int32_t partition,
				   const struct co_message *expected, const struct co_record *got)
{
	struct co_view want = {"nothing", 7}, have = {"nothing", 7}, cause = {NULL, 0};
	if (expected)
		want = header_of(expected->header_count, expected->headers, "ce_type");
	if (got)
		have = header(got, "ce_type");
	if (expected || got)
		cause = expected ? header_of(expected->header_count, expected->headers, "ce_causationid")
						 : header(got, "ce_causationid");
	co_tell(world, "expected: %.*s", SHOW(expected ? expected->value : want));
	co_tell(world, "got:      %.*s", SHOW(got ? got->value : have));
	co_violated(world, "I2 %s/%d: the fold of the log has %.*s, Kafka has %.*s (cause %.*s)",
				world->broker.topics[topic].name, partition, SHOW(want), SHOW(have), SHOW(cause));
}

/* A partition that one shard alone writes: the same records in the same order. */
static void check_order(struct co_world *world, const struct co_reference *reference, enum co_model_topic topic,
						int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[topic].parts[partition];
	int64_t offset = 0;
	for (size_t i = 0; i <= reference->count; i++) {
		const struct co_expected *expected = i < reference->count ? &reference->expected[i] : NULL;
		if (expected && (expected->topic != topic || expected->message.partition != partition))
			continue;
		const struct co_record *got = NULL;
		while (!got && offset < (int64_t)part->count)
			got = co_broker_visible(world, topic, partition, offset++, false);
		if (!expected && !got)
			return;
		if (!expected || !got || !co_is_same(&expected->message, got)) {
			differ(world, topic, partition, expected ? &expected->message : NULL, got);
			return;
		}
	}
}

/* A partition that several shards write: the same records, in whatever order. */
static void check_set(struct co_world *world, const struct co_reference *reference, enum co_model_topic topic,
					  int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[topic].parts[partition];
	size_t expected = 0, written = 0;
	for (size_t i = 0; i < reference->count; i++) {
		const struct co_message *message = &reference->expected[i].message;
		size_t found = 0;
		if (reference->expected[i].topic != topic || message->partition != partition)
			continue;
		expected++;
		for (int64_t offset = 0; offset < (int64_t)part->count; offset++) {
			const struct co_record *got = co_broker_visible(world, topic, partition, offset, false);
			found += got && part->entries[offset].txn && co_is_same(message, got);
		}
		if (found != 1)
			co_violated(world, "I1 %s/%d: %.*s is there %zu times", world->broker.topics[topic].name, partition,
						SHOW(header_of(message->header_count, message->headers, "ce_type")), found);
	}
	for (int64_t offset = 0; offset < (int64_t)part->count; offset++)
		written += part->entries[offset].txn && co_broker_visible(world, topic, partition, offset, false);
	if (written != expected)
		co_violated(world, "I1 %s/%d: %zu records instead of %zu", world->broker.topics[topic].name, partition, written,
					expected);
}

/* ---- what is too large is answered so ---- */

static void check_huge(struct co_world *world, enum co_model_topic topic, int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[topic].parts[partition];
	for (int64_t offset = 0; offset < (int64_t)part->count; offset++) {
		const struct co_record *record = co_broker_visible(world, topic, partition, offset, false);
		if (!record || !co_view_starts(header(record, "ce_causationid"), CO_VIEW(CO_HUGE)))
			continue;
		if (!co_view_eq(header(record, "checkout-error-code"), CO_VIEW("9300001")))
			co_violated(world, "%s/%d: %.*s of a command whose verdict is too large", world->broker.topics[topic].name,
						partition, SHOW(header(record, "checkout-error-code")));
	}
}

/* ---- I6: the view ---- */

static void check_kept(struct co_world *world, const char *what, int32_t partition, const struct co_store_entry *want,
					   const struct co_store_entry *got)
{
	char id[CO_UUID_TEXT + 1];
	co_uuid_format(&want->id, id);
	if (!got)
		co_violated(world, "I6 %s of partition %d: session %s is missing", what, partition, id);
	else if (!co_view_eq(want->stored, got->stored))
		co_violated(world, "I6 %s of partition %d: session %s is not as the log has it", what, partition, id);
	else if (want->due_ms != got->due_ms || want->held_ms != got->held_ms)
		co_violated(world, "I6 %s of partition %d: session %s has another deadline", what, partition, id);
}

static void compare_kept(struct co_world *world, const char *what, int32_t partition,
						 const struct co_reference *reference, const struct co_store_entry *got, size_t count)
{
	const struct co_store_entry *want = reference->kept[partition];
	for (size_t i = 0; i < reference->kept_count[partition]; i++) {
		size_t at = 0;
		while (at < count && !co_uuid_eq(&got[at].id, &want[i].id))
			at++;
		check_kept(world, what, partition, &want[i], at < count ? &got[at] : NULL);
	}
	if (count != reference->kept_count[partition])
		co_violated(world, "I6 %s of partition %d: %zu sessions instead of %zu", what, partition, count,
					reference->kept_count[partition]);
}

static void check_view(struct co_world *world, struct co_arena *arena, const struct co_reference *reference,
					   int32_t partition)
{
	const struct co_generation *shown = co_redis_generation(&world->redis.shards[partition]);
	struct co_store_entry *got = CO_NEW_ARRAY(arena, struct co_store_entry, shown->count);
	for (size_t i = 0; i < shown->count; i++)
		got[i] = (struct co_store_entry){.id = shown->items[i].id,
										 .stored = {shown->items[i].bytes, shown->items[i].length},
										 .due_ms = shown->items[i].due_ms,
										 .held_ms = shown->items[i].held_ms};
	compare_kept(world, "the view", partition, reference, got, shown->count);
}

/* `state` as compaction left it: of each key the last. */
static void check_state(struct co_world *world, struct co_arena *arena, const struct co_reference *reference,
						int32_t partition)
{
	int64_t end = (int64_t)world->broker.topics[CO_M_STATE].parts[partition].count;
	struct co_store_entry *got = CO_NEW_ARRAY(arena, struct co_store_entry, (size_t)end + 1);
	size_t count = 0;
	for (int64_t offset = 0; offset < end; offset++) {
		const struct co_record *record = co_broker_visible(world, CO_M_STATE, partition, offset, false);
		struct co_state_record state;
		if (!record)
			continue;
		co_state_read(record, arena, &state);
		if (state.kind != CO_STATE_SESSION && state.kind != CO_STATE_TOMBSTONE)
			continue;
		size_t at = 0;
		while (at < count && !co_uuid_eq(&got[at].id, &state.session_id))
			at++;
		got[at] = (struct co_store_entry){.id = state.session_id, .stored = state.stored};
		count += at == count;
		if (state.kind == CO_STATE_TOMBSTONE)
			got[at] = got[--count];
	}
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < reference->kept_count[partition]; k++)
			if (co_uuid_eq(&got[i].id, &reference->kept[partition][k].id)) {
				got[i].due_ms = reference->kept[partition][k].due_ms; /* a matter of the view alone */
				got[i].held_ms = reference->kept[partition][k].held_ms;
			}
	compare_kept(world, "the state topic", partition, reference, got, count);
}

void co_check_all(struct co_world *world)
{
	struct co_reference reference;
	struct co_arena arena;
	co_arena_init(&arena, (size_t)256 * 1024, (size_t)1024 * 1024);
	for (int32_t p = 0; p < world->partitions; p++) {
		check_sequence(world, &arena, p);
		check_expiries(world, p);
	}
	check_ids(world, &arena);
	co_reference_make(world, &reference);
	for (int32_t p = 0; p < world->partitions; p++) {
		for (size_t topic = CO_M_REPLIES; topic <= CO_M_DLQ; topic++)
			if (topic != CO_M_STATE)
				check_order(world, &reference, (enum co_model_topic)topic, p);
		check_set(world, &reference, CO_M_COMMANDS, p);
		check_huge(world, CO_M_REPLIES, p);
		check_view(world, &arena, &reference, p);
		check_state(world, &arena, &reference, p);
	}
	for (int32_t p = 0; p < CO_OWN_REPLIES_PARTITIONS; p++) {
		check_set(world, &reference, CO_M_OWN_REPLIES, p);
		check_huge(world, CO_M_OWN_REPLIES, p);
	}
	co_reference_clear(&reference);
	co_arena_clear(&arena);
}
