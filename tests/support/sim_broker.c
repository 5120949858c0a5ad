#include "sim.h"

#include "sim_internal.h"
#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *co_sim_op_name(enum co_sim_op op)
{
	static const char *const names[CO_SIM_OP_COUNT] = {
		"poll",   "committed",     "start",       "recycle",         "begin",       "offsets", "produce",
		"commit", "partitions_of", "tick",        "replay.open",     "replay.next", "mark",    "load",
		"apply",  "rebuild_begin", "rebuild_put", "rebuild_publish", "census"};

	return names[op];
}

enum co_sim_fault co_sim_ask(const struct co_sim_faults *faults, enum co_sim_op op)
{
	return faults->ask ? faults->ask(faults->self, op) : CO_SIM_NONE;
}

void co_sim_broker_init(struct co_sim_broker *broker, struct co_sim_time *time)
{
	memset(broker, 0, sizeof(*broker));
	broker->time = time;
}

void co_sim_broker_clear(struct co_sim_broker *broker)
{
	for (size_t t = 0; t < broker->topic_count; t++) {
		struct co_sim_topic *topic = &broker->topics[t];
		for (int32_t p = 0; p < topic->partition_count; p++) {
			for (size_t i = 0; i < topic->partitions[p].count; i++)
				free(topic->partitions[p].entries[i].memory);
			free(topic->partitions[p].entries);
		}
		free(topic->partitions);
	}
	for (struct co_sim_txn *txn = broker->txns, *next; txn; txn = next) {
		next = txn->next;
		free(txn->touched);
		free(txn);
	}
	memset(broker, 0, sizeof(*broker));
}

struct co_sim_topic *co_sim_topic_add(struct co_sim_broker *broker, const char *name, int32_t partitions)
{
	co_tk_check(broker->topic_count < sizeof(broker->topics) / sizeof(*broker->topics), "too many topics");
	struct co_sim_topic *topic = &broker->topics[broker->topic_count++];

	snprintf(topic->name, sizeof(topic->name), "%s", name);
	topic->partition_count = partitions;
	topic->message_bytes_max = 1048588;
	topic->partitions = co_tk_alloc((size_t)partitions * sizeof(*topic->partitions));
	return topic;
}

void co_sim_topics_add(struct co_sim_broker *broker, const char *prefix, int32_t partitions, bool stream)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};

	for (size_t i = 0; i < 6; i++) {
		char *full = co_tk_format("%s%s", prefix, names[i]);
		struct co_sim_topic *topic = co_sim_topic_add(broker, full, partitions);
		topic->append_time = i == 0 && !stream;
		topic->compacted = i == 4;
		if (i == 5)
			topic->message_bytes_max *= 4;
		free(full);
	}
}

struct co_sim_topic *co_sim_topic_find(struct co_sim_broker *broker, struct co_view name)
{
	for (size_t i = 0; i < broker->topic_count; i++)
		if (co_tk_is(name, broker->topics[i].name))
			return &broker->topics[i];
	return NULL;
}

struct co_sim_group *co_sim_group_find(struct co_sim_broker *broker, const char *name)
{
	for (size_t i = 0; i < broker->group_count; i++)
		if (strcmp(broker->groups[i].name, name) == 0)
			return &broker->groups[i];
	co_tk_check(broker->group_count < 4, "too many groups");
	struct co_sim_group *group = &broker->groups[broker->group_count++];
	snprintf(group->name, sizeof(group->name), "%s", name);
	return group;
}

/* Bytes of key, value, header names and values, and room for the header array in front. */
static size_t bytes_of(const struct co_record *record)
{
	size_t bytes = record->key.len + record->value.len;

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

static void copy_into(const struct co_record *record, struct co_header *headers, char *bytes, struct co_record *out)
{
	*out = *record;
	out->headers = headers;
	out->key = put(&bytes, record->key);
	out->value = put(&bytes, record->value);
	for (size_t i = 0; i < record->header_count; i++) {
		headers[i].name = put(&bytes, record->headers[i].name);
		headers[i].value = put(&bytes, record->headers[i].value);
	}
}

void *co_sim_copy(const struct co_record *record, struct co_arena *arena, struct co_record *out)
{
	char *memory = co_tk_alloc(bytes_of(record));

	copy_into(record, CO_NEW_ARRAY(arena, struct co_header, record->header_count), memory, out);
	return memory;
}

static struct co_sim_entry *slot(struct co_sim_partition *partition)
{
	if (partition->count == partition->cap) {
		partition->cap = partition->cap ? partition->cap * 2 : 64;
		partition->entries = co_tk_grow(partition->entries, partition->cap * sizeof(*partition->entries));
	}
	struct co_sim_entry *entry = &partition->entries[partition->count++];
	memset(entry, 0, sizeof(*entry));
	return entry;
}

int64_t co_sim_append(struct co_sim_broker *broker, struct co_sim_topic *topic, int32_t partition,
					  const struct co_message *message, struct co_sim_txn *txn)
{
	struct co_record record = {.partition = partition,
							   .offset = (int64_t)topic->partitions[partition].count,
							   .timestamp_ms = message->timestamp_ms,
							   .key = message->key,
							   .value = message->value,
							   .header_count = message->header_count,
							   .headers = message->headers};
	struct co_sim_entry *entry = slot(&topic->partitions[partition]);

	if (topic->append_time || message->timestamp_ms < 0)
		record.timestamp_ms = broker->time->wall_ms;
	entry->txn = txn;
	size_t header_bytes = record.header_count * sizeof(struct co_header);
	entry->memory = co_tk_alloc(header_bytes + bytes_of(&record));
	copy_into(&record, entry->memory, (char *)entry->memory + header_bytes, &entry->record);
	return record.offset;
}

void co_sim_send(struct co_sim_broker *broker, const struct co_message *message, int32_t *partition, int64_t *offset)
{
	struct co_sim_topic *topic = co_sim_topic_find(broker, message->topic);

	co_tk_check(topic, "no topic %.*s", (int)message->topic.len, message->topic.ptr);
	int32_t to = message->partition;
	/* murmur2_random: a null key is spread, an empty one is a key. */
	if (to < 0)
		to = message->key.ptr ? co_tk_murmur2_partition(message->key, topic->partition_count)
							  : (int32_t)(broker->unkeyed++ % (uint64_t)topic->partition_count);
	int64_t at = co_sim_append(broker, topic, to, message, NULL);
	if (partition)
		*partition = to;
	if (offset)
		*offset = at;
}

/* ---- transactions ---- */

struct co_sim_txn *co_sim_txn_begin(struct co_sim_broker *broker, struct co_sim_producer *producer)
{
	struct co_sim_txn *txn = co_tk_alloc(sizeof(*txn));

	txn->producer = producer;
	txn->next = broker->txns;
	broker->txns = txn;
	producer->open = txn;
	return txn;
}

static void keep_position(struct co_sim_group *group, const struct co_position *position)
{
	for (size_t i = 0; i < group->position_count; i++)
		if (group->positions[i].partition == position->partition) {
			group->positions[i] = *position;
			return;
		}
	co_tk_check(group->position_count < 256, "too many positions");
	group->positions[group->position_count++] = *position;
}

void co_sim_txn_end(struct co_sim_broker *broker, struct co_sim_txn *txn, enum co_sim_outcome outcome)
{
	txn->outcome = outcome;
	if (txn->producer->open == txn)
		txn->producer->open = NULL;
	for (size_t i = 0; i < txn->touched_count; i++) {
		struct co_sim_entry *entry = slot(&txn->touched[i].topic->partitions[txn->touched[i].partition]);
		entry->marker = true;
		entry->txn = txn;
	}
	if (outcome == CO_SIM_COMMITTED_TXN)
		for (size_t i = 0; i < txn->pending_count; i++)
			keep_position(co_sim_group_find(broker, txn->pending[i].group), &txn->pending[i].position);
}

void co_sim_abort_open(struct co_sim_broker *broker)
{
	for (size_t i = 0; i < broker->producer_count; i++) {
		if (broker->producers[i].open) {
			broker->producers[i].epoch++;
			co_sim_txn_end(broker, broker->producers[i].open, CO_SIM_ABORTED);
		}
	}
}

bool co_sim_position_is_pending(const struct co_sim_broker *broker, const struct co_sim_group *group, int32_t partition)
{
	for (size_t p = 0; p < broker->producer_count; p++) {
		const struct co_sim_txn *txn = broker->producers[p].open;
		if (!txn)
			continue;
		for (size_t i = 0; i < txn->pending_count; i++)
			if (txn->pending[i].group == group->name && txn->pending[i].position.partition == partition)
				return true;
	}
	return false;
}

/* ---- reading ---- */

int64_t co_sim_stable_end(struct co_sim_partition *partition)
{
	while (partition->settled < partition->count) {
		const struct co_sim_txn *txn = partition->entries[partition->settled].txn;
		if (txn && txn->outcome == CO_SIM_OPEN)
			break;
		partition->settled++;
	}
	return (int64_t)partition->settled;
}

static const struct co_record *visible(const struct co_sim_partition *partition, int64_t offset)
{
	const struct co_sim_entry *entry = &partition->entries[offset];

	return entry->marker || (entry->txn && entry->txn->outcome == CO_SIM_ABORTED) ? NULL : &entry->record;
}

const struct co_record *co_sim_visible(struct co_sim_partition *partition, int64_t offset)
{
	if (offset < 0 || offset >= co_sim_stable_end(partition))
		return NULL;
	return visible(partition, offset);
}

void co_sim_collect(const struct co_sim_broker *broker, struct co_tk_log *log)
{
	for (size_t t = 0; t < broker->topic_count; t++) {
		const struct co_sim_topic *topic = &broker->topics[t];
		for (int32_t p = 0; p < topic->partition_count; p++) {
			int64_t end = co_sim_stable_end(&topic->partitions[p]);
			for (int64_t offset = 0; offset < end; offset++) {
				const struct co_record *record = visible(&topic->partitions[p], offset);
				if (record)
					co_tk_log_add(log, (struct co_view){topic->name, strlen(topic->name)}, record);
			}
		}
	}
}

bool co_sim_lag_is_zero(struct co_sim_broker *broker, const char *group_name, const char *topic_name)
{
	struct co_sim_group *group = co_sim_group_find(broker, group_name);
	struct co_sim_topic *topic = co_sim_topic_find(broker, (struct co_view){topic_name, strlen(topic_name)});

	for (int32_t p = 0; p < topic->partition_count; p++) {
		struct co_sim_partition *partition = &topic->partitions[p];
		int64_t committed = 0;
		for (size_t i = 0; i < group->position_count; i++)
			if (group->positions[i].partition == p)
				committed = group->positions[i].offset;
		if (co_sim_stable_end(partition) < (int64_t)partition->count)
			return false;
		for (int64_t offset = committed; offset < (int64_t)partition->count; offset++)
			if (visible(partition, offset))
				return false;
	}
	return true;
}
