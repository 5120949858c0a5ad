/* What Kafka does not take: records too large for their topic, a reply topic that is gone or may not be written to, a
 * partition that is away, and now and then any record at all. */
#include "procs.h"

#define AWAY_MS_MIN 15000 /* around the time after which an id is left */
#define AWAY_MS_MAX 45000
#define FAR_MS_MAX 80000 /* of a client's reply topic: until nobody waits for it any more */

static size_t bytes_of(const struct co_message *message)
{
	size_t bytes = message->key.len + message->value.len;
	for (size_t i = 0; i < message->header_count; i++)
		bytes += message->headers[i].name.len + message->headers[i].value.len;
	return bytes;
}

bool co_is_too_large(const struct co_world *world, enum co_model_topic topic, const struct co_message *message)
{
	return bytes_of(message) > world->broker.bytes_max[topic];
}

bool co_is_refused(struct co_proc *proc, enum co_model_topic topic, const struct co_message *message)
{
	struct co_world *world = proc->world;
	const char *why = NULL;
	if (bytes_of(message) > CO_OUTPUT_BYTES_MAX)
		co_violated(world, "a record of %zu bytes is produced for %s", bytes_of(message),
					world->broker.topics[topic].name);
	if (co_is_too_large(world, topic, message))
		why = "too large";
	else if (topic == CO_M_OWN_REPLIES && world->broker.own != CO_OWN_THERE)
		why = world->broker.own == CO_OWN_GONE ? "no such topic" : "not allowed";
	else if (world->has[CO_FEATURE_POISON] && co_strikes(world, CO_TROUBLE_RECORD_REFUSED))
		why = "invalid";
	if (why)
		co_tell(world, "a record for %s/%d is refused: %s", world->broker.topics[topic].name, message->partition, why);
	return why != NULL;
}

/* How many records lie between what is committed and the position that the transaction commits. */
static size_t read_by(const struct co_world *world, const struct co_position *position, int64_t *last)
{
	int64_t offset = world->broker.group.truth[position->partition].offset;
	size_t count = 0;
	for (offset = offset < 0 ? 0 : offset; offset < position->offset; offset++)
		if (co_broker_visible(world, CO_M_COMMANDS, position->partition, offset, false)) {
			*last = offset;
			count++;
		}
	return count;
}

void co_refusal_is_told(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	int32_t partition = 0;
	int64_t last = -1;
	size_t count = 0;
	for (size_t i = 0; i < proc->outbox.position_count; i++) {
		size_t here = read_by(world, &proc->outbox.positions[i], &last);
		if (here)
			partition = proc->outbox.positions[i].partition;
		count += here;
	}
	world->tallies.refused++;
	if (count != 1)
		return;
	world->broker.topics[CO_M_COMMANDS].parts[partition].entries[last].refused_alone = true;
	co_tell(world, "the outputs of %d/%lld alone are refused", partition, (long long)last);
}

void co_untaken_is_told(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	for (size_t i = 0; i < proc->outbox.position_count; i++) {
		const struct co_position *position = &proc->outbox.positions[i];
		struct co_entry *entries = world->broker.topics[CO_M_COMMANDS].parts[position->partition].entries;
		int64_t offset = world->broker.group.truth[position->partition].offset;
		for (offset = offset < 0 ? 0 : offset; offset < position->offset; offset++)
			entries[offset].untaken = true;
	}
}

bool co_is_away(const struct co_world *world, enum co_model_topic topic, int32_t partition)
{
	return world->broker.topics[topic].parts[partition].away_until_ms > world->now_ms;
}

int64_t co_marker_waits_until_ms(const struct co_world *world, const struct co_txn *txn, int64_t touch)
{
	const struct co_model_log *topics = world->broker.topics;
	enum co_model_topic topic = touch < 0 ? CO_M_COMMANDS : txn->touches[touch].topic;
	const struct co_log_part *part = &topics[topic].parts[touch < 0 ? 0 : txn->touches[touch].partition];
	if ((touch < 0) != (topic == CO_M_COMMANDS))
		return 0;
	return part->away_until_ms > part->unmarked_until_ms ? part->away_until_ms : part->unmarked_until_ms;
}

void co_lose_partition(struct co_world *world)
{
	static const enum co_model_topic topics[] = {CO_M_OWN_REPLIES, CO_M_OWN_REPLIES, CO_M_OWN_REPLIES, CO_M_REPLIES,
												 CO_M_EVENTS,      CO_M_STATE,       CO_M_STATE,       CO_M_COMMANDS};
	enum co_model_topic topic = topics[co_between(world, 0, 7)];
	struct co_model_log *log = &world->broker.topics[topic];
	int32_t partition = topic == CO_M_COMMANDS ? 0 : (int32_t)co_between(world, 0, log->partition_count - 1);
	struct co_log_part *part = &log->parts[partition];
	int64_t until_ms =
		world->now_ms + co_between(world, AWAY_MS_MIN, topic == CO_M_OWN_REPLIES ? FAR_MS_MAX : AWAY_MS_MAX);
	bool whole = topic == CO_M_OWN_REPLIES || (topic != CO_M_COMMANDS && co_between(world, 0, 2) == 0);
	*(whole ? &part->away_until_ms : &part->unmarked_until_ms) = until_ms;
	co_tell(world, "%s %s/%d for %lld ms", whole ? "nobody reaches" : "no marker reaches",
			topic == CO_M_COMMANDS ? "the group's offsets" : log->name, partition,
			(long long)(until_ms - world->now_ms));
}

void co_set_own_replies(struct co_world *world, enum co_own_replies to)
{
	static const char *const texts[] = {"there", "gone", "not to be written to"};
	struct co_broker *broker = &world->broker;
	if (broker->own == CO_OWN_GONE)
		broker->absences[broker->absence_count - 1].to_ms = world->now_ms;
	if (to == CO_OWN_GONE && broker->absence_count == CO_ABSENCES_MAX)
		to = CO_OWN_UNWRITABLE;
	broker->own = to;
	if (to == CO_OWN_GONE)
		broker->absences[broker->absence_count++] = (struct co_absence){world->now_ms, INT64_MAX};
	co_tell(world, "%s is %s", CO_OWN_REPLIES, texts[to]);
}

bool co_own_replies_may_be_gone(const struct co_world *world, int64_t record_at_ms)
{
	if (record_at_ms <= world->broker.own_late_until_ms)
		return true;
	for (size_t i = 0; i < world->broker.absence_count; i++)
		if (record_at_ms - CO_LOOKUP_KEEP_MS <= world->broker.absences[i].to_ms)
			return true;
	return false;
}
