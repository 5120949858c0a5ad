/* The broker: logs with transactions, their coordinator, the group. What a client cannot see is not modelled. */
#include "procs.h"

#include <stdlib.h>
#include <string.h>

#define TRANSACTION_TIMEOUT_MS 10000
#define SESSION_TIMEOUT_MS 10000
#define LONGEST_MARKER_MS 20000 /* the partition's leader is out of the coordinator's reach */

/* ---- logs ---- */

static size_t bytes_of(const struct co_record *record)
{
	size_t bytes = record->key.len + record->value.len + record->header_count * sizeof(struct co_header);
	for (size_t i = 0; i < record->header_count; i++)
		bytes += record->headers[i].name.len + record->headers[i].value.len;
	return bytes;
}

static struct co_view put(char **to, struct co_view from)
{
	struct co_view view = {from.ptr ? *to : NULL, from.len};
	if (from.ptr && from.len)
		memcpy(*to, from.ptr, from.len);
	*to += from.len;
	return view;
}

void *co_record_copy(const struct co_record *from, struct co_record *out)
{
	struct co_header *headers = malloc(bytes_of(from) + 1);
	if (!headers)
		abort();
	char *at = (char *)(headers + from->header_count);
	*out = *from;
	out->headers = headers;
	out->key = put(&at, from->key);
	out->value = put(&at, from->value);
	for (size_t i = 0; i < from->header_count; i++)
		headers[i] =
			(struct co_header){.name = put(&at, from->headers[i].name), .value = put(&at, from->headers[i].value)};
	return headers;
}

static struct co_entry *slot(struct co_log_part *part)
{
	if (part->count == part->room) {
		part->room = part->room ? 2 * part->room : 64;
		part->entries = realloc(part->entries, part->room * sizeof(*part->entries));
		if (!part->entries)
			abort();
	}
	struct co_entry *entry = &part->entries[part->count++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

int64_t co_broker_append(struct co_world *world, enum co_model_topic topic, const struct co_message *message,
						 struct co_txn *txn)
{
	struct co_broker *broker = &world->broker;
	struct co_log_part *part = &broker->topics[topic].parts[message->partition];
	int64_t clock_ms = world->now_ms + broker->skew_ms;
	if (clock_ms > broker->latest_ms)
		broker->latest_ms = clock_ms;
	bool stream = world->has[CO_FEATURE_STREAM];
	bool theirs = message->timestamp_ms >= 0 && (topic != CO_M_COMMANDS || stream || CO_MUTATED(CLIENT_TIMESTAMPS));
	struct co_record record = {.partition = message->partition,
							   .offset = (int64_t)part->count,
							   .timestamp_ms = theirs ? message->timestamp_ms : clock_ms,
							   .key = message->key,
							   .value = message->value,
							   .header_count = message->header_count,
							   .headers = message->headers};
	struct co_entry *entry = slot(part);
	entry->txn = txn;
	entry->at_ms = world->now_ms;
	entry->clock_ms = stream && topic == CO_M_EVENTS ? co_broker_clock(world, message->partition) : broker->latest_ms;
	entry->memory = co_record_copy(&record, &entry->record);
	return record.offset;
}

enum co_model_topic co_broker_topic(const struct co_world *world, struct co_view name)
{
	enum co_model_topic topic = CO_M_COMMANDS;
	while (topic < CO_M_TOPICS && !co_view_eq(name, co_view_cstr(world->broker.topics[topic].name)))
		topic++;
	return topic;
}

static bool has_landed(const struct co_txn *txn, enum co_model_topic topic, int32_t partition)
{
	for (size_t i = 0; i < txn->touch_count; i++)
		if (txn->touches[i].topic == topic && txn->touches[i].partition == partition)
			return txn->touches[i].landed;
	return false;
}

int64_t co_broker_stable_end(struct co_world *world, enum co_model_topic topic, int32_t partition)
{
	struct co_log_part *part = &world->broker.topics[topic].parts[partition];
	while (part->settled < part->count) {
		const struct co_txn *txn = part->entries[part->settled].txn;
		if (txn && !has_landed(txn, topic, partition))
			break;
		part->settled++;
	}
	return (int64_t)part->settled;
}

const struct co_record *co_broker_visible(const struct co_world *world, enum co_model_topic topic, int32_t partition,
										  int64_t offset, bool whole)
{
	const struct co_entry *entry = &world->broker.topics[topic].parts[partition].entries[offset];
	bool hidden = entry->marker || (entry->compacted && !whole) || (entry->txn && !entry->txn->commit);
	return hidden ? NULL : &entry->record;
}

int64_t co_broker_clock(const struct co_world *world, int32_t partition)
{
	const struct co_log_part *part = &world->broker.topics[CO_M_COMMANDS].parts[partition];
	int64_t clock_ms = 0;
	for (int64_t offset = 0; offset < (int64_t)part->count; offset++) {
		const struct co_record *record = co_broker_visible(world, CO_M_COMMANDS, partition, offset, false);
		if (record && record->timestamp_ms > clock_ms)
			clock_ms = record->timestamp_ms;
	}
	return clock_ms;
}

/* Of each key the last committed record stays. */
static void compact_part(struct co_world *world, int32_t partition)
{
	struct co_log_part *part = &world->broker.topics[CO_M_STATE].parts[partition];
	int64_t end = co_broker_stable_end(world, CO_M_STATE, partition);
	end -= co_between(world, 0, 3);
	for (int64_t i = 0; i < end; i++) {
		const struct co_record *old = co_broker_visible(world, CO_M_STATE, partition, i, false);
		for (int64_t k = i + 1; old && k < end; k++) {
			const struct co_record *later = co_broker_visible(world, CO_M_STATE, partition, k, false);
			if (later && co_view_eq(later->key, old->key)) {
				part->entries[i].compacted = true;
				break;
			}
		}
	}
}

void co_broker_compact(struct co_world *world)
{
	co_tell(world, "state is compacted");
	for (int32_t p = 0; p < world->partitions; p++)
		compact_part(world, p);
}

/* ---- transactions ---- */

static void settle_if_landed(struct co_txn *txn)
{
	bool whole = !txn->has_offsets || txn->offsets_landed;
	for (size_t i = 0; i < txn->touch_count; i++)
		whole = whole && txn->touches[i].landed;
	if (whole && txn->producer->txn == txn)
		txn->producer->txn = NULL;
}

/* A marker lands: event->a is the touch, -1 the group's offsets. */
static void land(struct co_world *world, struct co_event *event)
{
	struct co_txn *txn = event->whom;
	int64_t waits_ms = co_marker_waits_until_ms(world, txn, event->a) - world->now_ms;
	if (waits_ms > 0) {
		co_at(world, waits_ms + co_between(world, 0, 50), land, event->a, 0, NULL)->whom = txn;
		return;
	}
	if (event->a < 0) {
		txn->offsets_landed = true;
		struct co_producer *producer = txn->producer;
		for (size_t i = 0; i < producer->pending_count && txn->commit; i++)
			if (!producer->forgotten[i])
				world->broker.group.positions[producer->pending[i].partition] = producer->pending[i];
		producer->pending_count = 0;
	} else {
		struct co_touch *touch = &txn->touches[event->a];
		touch->landed = true;
		struct co_entry *marker = slot(&world->broker.topics[touch->topic].parts[touch->partition]);
		marker->marker = true;
		marker->txn = txn;
	}
	settle_if_landed(txn);
}

static void land_later(struct co_world *world, struct co_txn *txn, int64_t touch)
{
	int64_t after_ms = co_between(world, 0, 4);
	if (co_strikes(world, CO_TROUBLE_MARKER_SLOW))
		after_ms =
			co_between(world, 0, co_between(world, 0, world->has[CO_FEATURE_LOST] ? 1 : 7) ? 3000 : LONGEST_MARKER_MS);
	co_at(world, after_ms, land, touch, 0, NULL)->whom = txn;
}

static void decide(struct co_world *world, struct co_txn *txn, bool commit)
{
	txn->decided = true;
	txn->commit = commit;
	for (size_t i = 0; i < txn->producer->pending_count && commit; i++)
		world->broker.group.truth[txn->producer->pending[i].partition] = txn->producer->pending[i];
	for (size_t i = 0; i < txn->touch_count; i++)
		land_later(world, txn, (int64_t)i);
	if (txn->has_offsets)
		land_later(world, txn, -1);
	settle_if_landed(txn);
}

struct co_txn *co_broker_enlist(struct co_world *world, int id, int epoch, bool *wait)
{
	struct co_producer *producer = &world->broker.producers[id];
	*wait = false;
	if (producer->epoch != epoch)
		return NULL;
	if (producer->txn && producer->txn->decided) {
		*wait = true;
		return NULL;
	}
	if (!producer->txn) {
		struct co_txn *txn = calloc(1, sizeof(*txn));
		if (!txn)
			abort();
		*txn = (struct co_txn){.producer = producer, .begun_ms = world->now_ms, .next = world->broker.txns};
		world->broker.txns = producer->txn = txn;
	}
	return producer->txn;
}

bool co_broker_touch(struct co_txn *txn, enum co_model_topic topic, int32_t partition, bool may_add)
{
	for (size_t i = 0; i < txn->touch_count; i++)
		if (txn->touches[i].topic == topic && txn->touches[i].partition == partition)
			return true;
	if (may_add)
		txn->touches[txn->touch_count++] = (struct co_touch){.topic = topic, .partition = partition};
	return may_add;
}

bool co_broker_end(struct co_world *world, int id, int epoch, bool commit)
{
	struct co_producer *producer = &world->broker.producers[id];
	if (producer->epoch != epoch)
		return false;
	if (producer->txn && !producer->txn->decided)
		decide(world, producer->txn, commit);
	/* none open: the answer to a request that was sent again is that of the first one */
	return true;
}

bool co_broker_offsets(struct co_world *world, int id, int epoch, uint64_t member, int generation,
					   const struct co_position *positions, size_t count)
{
	struct co_producer *producer = &world->broker.producers[id];
	const struct co_member *known = co_broker_member(world, id / CO_IDS_MAX);
	if (producer->epoch != epoch || !producer->txn || producer->txn->decided || !producer->txn->has_offsets)
		return false;
	bool current = known && known->id == member && generation == world->broker.group.generation;
	if (!current && !(CO_MUTATED(ROTATED_UNFENCED) && id % CO_IDS_MAX))
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;
		while (at < producer->pending_count && producer->pending[at].partition != positions[i].partition)
			at++;
		producer->pending[at] = positions[i];
		producer->forgotten[at] = false;
		if (at == producer->pending_count)
			producer->pending_count++;
	}
	return true;
}

bool co_broker_init(struct co_world *world, int id, int *epoch)
{
	struct co_producer *producer = &world->broker.producers[id];
	if (producer->txn && !producer->txn->decided) {
		producer->epoch++; /* its client is fenced at once, the transaction ends in time */
		decide(world, producer->txn, false);
	}
	if (producer->txn)
		return false;
	*epoch = ++producer->epoch;
	return true;
}

bool co_broker_is_unstable(const struct co_world *world, int32_t partition)
{
	for (int id = 0; id < CO_TXN_IDS; id++) {
		const struct co_producer *producer = &world->broker.producers[id];
		for (size_t i = 0; i < producer->pending_count; i++)
			if (producer->pending[i].partition == partition && !producer->forgotten[i])
				return true;
	}
	return false;
}

/* As DeleteGroups does: what open transactions hold for the group goes as well. */
void co_broker_lose_offsets(struct co_world *world, int32_t only)
{
	struct co_broker *broker = &world->broker;
	for (int32_t p = 0; p < world->partitions; p++) {
		if (only >= 0 && p != only)
			continue;
		world->tallies.lost += broker->group.positions[p].offset >= 0;
		broker->group.positions[p] = (struct co_position){.partition = p, .offset = -1};
		for (int id = 0; id < CO_TXN_IDS; id++)
			for (size_t i = 0; i < broker->producers[id].pending_count; i++)
				if (broker->producers[id].pending[i].partition == p)
					broker->producers[id].forgotten[i] = true;
	}
}

/* ---- the group ---- */

struct co_member *co_broker_member(struct co_world *world, int worker)
{
	struct co_group *group = &world->broker.group;
	for (size_t i = 0; i < group->member_count; i++)
		if (group->members[i].worker == worker)
			return &group->members[i];
	return NULL;
}

static void prepare(struct co_world *world)
{
	struct co_group *group = &world->broker.group;
	if (!group->preparing)
		for (size_t i = 0; i < group->member_count; i++)
			group->members[i].rejoined = false;
	group->preparing = true;
	group->prepare_until_ms = world->now_ms + SESSION_TIMEOUT_MS;
}

static void assign(struct co_world *world)
{
	struct co_group *group = &world->broker.group;
	int32_t members = (int32_t)group->member_count;
	group->preparing = false;
	group->generation++;
	for (int32_t m = 0; m < members; m++) {
		int32_t each = world->partitions / members, extra = world->partitions % members;
		group->members[m].first = m * each + (m < extra ? m : extra);
		group->members[m].count = each + (m < extra);
	}
	co_tell(world, "group: generation %d with %d members", group->generation, members);
}

void co_broker_join(struct co_world *world, struct co_proc *proc)
{
	struct co_group *group = &world->broker.group;
	struct co_member *member = co_broker_member(world, proc->worker);
	if (!member) {
		prepare(world);
		member = &group->members[group->member_count++];
		*member = (struct co_member){.worker = proc->worker};
	}
	/* a static member that comes back under its name gets its place back, and the generation goes on */
	member->id = proc->id;
	member->heartbeat_ms = world->now_ms;
	member->rejoined = true;
}

static void expel(struct co_world *world, size_t at)
{
	struct co_group *group = &world->broker.group;
	co_tell(world, "group: worker %d is gone", group->members[at].worker);
	memmove(&group->members[at], &group->members[at + 1], (group->member_count - at - 1) * sizeof(*group->members));
	group->member_count--;
	prepare(world);
}

/* A client without a rebalance callback joins again by itself, whatever its application has in hand. */
static void rejoin_unasked(struct co_world *world)
{
	for (size_t i = 0; i < CO_PROCS_MAX; i++) {
		struct co_proc *proc = &world->procs[i];
		if (proc->alive && proc->inbox.joined && !co_proc_is_frozen(proc) && !co_broker_member(world, proc->worker))
			co_broker_join(world, proc);
	}
}

static void keep_group(struct co_world *world)
{
	struct co_group *group = &world->broker.group;
	bool all = true;
	if (CO_MUTATED(GENERATION_AT_COMMIT))
		rejoin_unasked(world);
	for (size_t i = 0; i < group->member_count; i++) {
		struct co_member *member = &group->members[i];
		const struct co_proc *proc = co_proc_by_id(world, member->id);
		if (proc && !co_proc_is_frozen(proc))
			member->heartbeat_ms = world->now_ms;
		if (proc && CO_MUTATED(GENERATION_AT_COMMIT))
			member->rejoined = true;
		bool late = group->preparing && !member->rejoined && world->now_ms > group->prepare_until_ms;
		if (world->now_ms - member->heartbeat_ms > SESSION_TIMEOUT_MS || late) {
			expel(world, i--);
			continue;
		}
		all = all && member->rejoined;
	}
	if (group->preparing && all && group->member_count)
		assign(world);
}

void co_broker_keep_house(struct co_world *world)
{
	keep_group(world);
	for (int id = 0; id < CO_TXN_IDS; id++) {
		struct co_producer *producer = &world->broker.producers[id];
		if (!producer->txn || producer->txn->decided ||
			world->now_ms - producer->txn->begun_ms < TRANSACTION_TIMEOUT_MS)
			continue;
		co_tell(world, "the transaction of worker %d.%d is aborted: too old", id / CO_IDS_MAX, id % CO_IDS_MAX);
		producer->epoch++;
		decide(world, producer->txn, false);
	}
}

void co_broker_clear(struct co_world *world)
{
	struct co_broker *broker = &world->broker;
	for (size_t t = 0; t < CO_M_TOPICS; t++)
		for (size_t p = 0; p < CO_PARTITIONS_MAX; p++) {
			struct co_log_part *part = &broker->topics[t].parts[p];
			for (size_t i = 0; i < part->count; i++)
				free(part->entries[i].memory);
			free(part->entries);
		}
	for (struct co_txn *txn = broker->txns, *next; txn; txn = next) {
		next = txn->next;
		free(txn);
	}
}
