#include "sim.h"

#include "sim_internal.h"
#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_fenced(const struct co_sim_outbox *outbox)
{
	return outbox->epoch != outbox->producer->epoch;
}

static enum co_status recycle(void *self, int timeout_ms)
{
	struct co_sim_outbox *outbox = self;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_RECYCLE);

	/* A client that was fenced does not come back: the later one wins. */
	if (outbox->epoch > 0 && is_fenced(outbox))
		return CO_FENCED;
	if (fault == CO_SIM_FAIL_BEFORE) {
		co_sim_time_pass(outbox->broker->time, timeout_ms);
		return CO_LOG_DOWN;
	}
	if (outbox->producer->open)
		co_sim_txn_end(outbox->broker, outbox->producer->open, CO_SIM_ABORTED);
	outbox->epoch = ++outbox->producer->epoch;
	outbox->txn = NULL;
	outbox->broken = false;
	outbox->produced_count = 0;
	return fault == CO_SIM_FAIL_AFTER ? CO_LOG_DOWN : CO_OK;
}

/* What every step of a transaction begins with. */
static enum co_status enter(struct co_sim_outbox *outbox, enum co_sim_fault fault)
{
	co_tk_check(!outbox->broken, "the outbox was used after a failure without recycle()");
	if (is_fenced(outbox)) {
		outbox->broken = true;
		return CO_FENCED;
	}
	if (fault == CO_SIM_FAIL_BEFORE) {
		outbox->broken = true;
		return CO_LOG_FAILED;
	}
	return CO_OK;
}

static enum co_status leave(struct co_sim_outbox *outbox, enum co_sim_fault fault)
{
	if (fault != CO_SIM_FAIL_AFTER)
		return CO_OK;
	outbox->broken = true;
	return CO_LOG_FAILED;
}

static enum co_status begin(void *self)
{
	struct co_sim_outbox *outbox = self;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_BEGIN);

	CO_TRY(enter(outbox, fault));
	co_tk_check(outbox->epoch > 0, "begin() before recycle()");
	co_tk_check(!outbox->txn, "begin() within a transaction");
	outbox->txn = co_sim_txn_begin(outbox->broker, outbox->producer);
	outbox->produced_count = 0;
	return leave(outbox, fault);
}

static enum co_status offsets(void *self, const struct co_position *positions, size_t count)
{
	struct co_sim_outbox *outbox = self;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_OFFSETS);

	CO_TRY(enter(outbox, fault));
	co_tk_check(outbox->txn, "offsets() outside a transaction");
	const struct co_sim_group *group = outbox->inbox->group;
	/* The generation captured when the partitions were assigned, not the one of now. */
	if (outbox->inbox->generation != group->generation || !outbox->inbox->joined) {
		outbox->broken = true;
		return CO_LOG_FAILED;
	}
	for (size_t i = 0; i < count; i++) {
		co_tk_check(outbox->txn->pending_count < 64, "too many positions in a transaction");
		co_tk_check(memchr(positions[i].metadata, '\0', CO_POSITION_METADATA_MAX), "metadata without an end");
		outbox->txn->pending[outbox->txn->pending_count++] =
			(struct co_sim_pending){.group = group->name, .position = positions[i]};
	}
	return leave(outbox, fault);
}

static void touch(struct co_sim_txn *txn, struct co_sim_topic *topic, int32_t partition)
{
	for (size_t i = 0; i < txn->touched_count; i++)
		if (txn->touched[i].topic == topic && txn->touched[i].partition == partition)
			return;
	if (txn->touched_count == txn->touched_cap) {
		txn->touched_cap = txn->touched_cap ? txn->touched_cap * 2 : 16;
		txn->touched = co_tk_grow(txn->touched, txn->touched_cap * sizeof(*txn->touched));
	}
	txn->touched[txn->touched_count++] = (struct co_sim_touch){topic, partition};
}

static size_t size_of(const struct co_message *message)
{
	size_t bytes = 70 + message->key.len + message->value.len;

	for (size_t i = 0; i < message->header_count; i++)
		bytes += 4 + message->headers[i].name.len + message->headers[i].value.len;
	return bytes;
}

static enum co_status produce(void *self, const struct co_message *message, size_t *index)
{
	struct co_sim_outbox *outbox = self;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_PRODUCE);

	CO_TRY(enter(outbox, fault));
	co_tk_check(outbox->txn, "produce() outside a transaction");
	struct co_sim_topic *topic = co_sim_topic_find(outbox->broker, message->topic);
	co_tk_check(topic, "produce() to a topic that does not exist: %.*s", (int)message->topic.len, message->topic.ptr);
	co_tk_check(message->partition >= 0 && message->partition < topic->partition_count,
				"produce() to partition %d of %s, which has %d", message->partition, topic->name,
				topic->partition_count);
	if (size_of(message) > topic->message_bytes_max) {
		outbox->broken = true;
		return CO_LOG_REJECTED;
	}
	if (outbox->produced_count == outbox->produced_cap) {
		outbox->produced_cap = outbox->produced_cap ? outbox->produced_cap * 2 : 256;
		outbox->produced = co_tk_grow(outbox->produced, outbox->produced_cap * sizeof(*outbox->produced));
	}
	if (topic->compacted && !message->key.ptr) {
		/* The broker refuses the batch; the client learns it at commit. */
		outbox->txn->refused = true;
		outbox->produced[outbox->produced_count] = -1;
	} else {
		touch(outbox->txn, topic, message->partition);
		outbox->produced[outbox->produced_count] =
			co_sim_append(outbox->broker, topic, message->partition, message, outbox->txn);
	}
	if (index)
		*index = outbox->produced_count;
	outbox->produced_count++;
	return leave(outbox, fault);
}

static enum co_status commit(void *self)
{
	struct co_sim_outbox *outbox = self;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_COMMIT);

	CO_TRY(enter(outbox, fault));
	co_tk_check(outbox->txn, "commit() outside a transaction");
	struct co_sim_txn *txn = outbox->txn;
	if (txn->refused) {
		co_sim_txn_end(outbox->broker, txn, CO_SIM_ABORTED);
		outbox->broken = true;
		return CO_LOG_REJECTED;
	}
	outbox->txn = NULL;
	if (fault == CO_SIM_UNTAKEN) {
		co_sim_txn_end(outbox->broker, txn, CO_SIM_ABORTED);
		outbox->broken = true;
		return CO_LOG_UNTAKEN;
	}
	co_sim_txn_end(outbox->broker, txn, CO_SIM_COMMITTED_TXN);
	if (fault == CO_SIM_UNANSWERED) {
		outbox->broken = true;
		return CO_LOG_UNANSWERED;
	}
	return leave(outbox, fault);
}

static int64_t delivered(void *self, size_t index)
{
	struct co_sim_outbox *outbox = self;

	return index < outbox->produced_count ? outbox->produced[index] : -1;
}

static int32_t partitions_of(void *self, struct co_view name)
{
	struct co_sim_outbox *outbox = self;

	struct co_sim_topic *topic = co_sim_topic_find(outbox->broker, name);
	bool *remembered = topic ? &outbox->remembered[topic - outbox->broker->topics] : NULL;

	if (remembered && *remembered)
		return topic->partition_count;
	enum co_sim_fault fault = co_sim_ask(&outbox->faults, CO_SIM_PARTITIONS_OF);
	if (fault != CO_SIM_NONE)
		return fault == CO_SIM_UNTAKEN ? CO_TOPIC_AWAY : -1;
	if (remembered)
		*remembered = true;
	return topic ? topic->partition_count : 0;
}

static void tick(void *self, int32_t partition)
{
	struct co_sim_outbox *outbox = self;
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.tick")}};
	struct co_message message = {.topic = {outbox->ticks->name, strlen(outbox->ticks->name)},
								 .partition = partition,
								 .timestamp_ms = -1,
								 .header_count = 2,
								 .headers = headers};

	if (co_sim_ask(&outbox->faults, CO_SIM_TICK) == CO_SIM_NONE)
		co_sim_append(outbox->broker, outbox->ticks, partition, &message, NULL);
}

struct co_outbox co_sim_outbox_open(struct co_sim_outbox *outbox, struct co_sim_broker *broker, const char *id,
									struct co_sim_inbox *inbox, const char *commands, struct co_sim_faults faults)
{
	memset(outbox, 0, sizeof(*outbox));
	outbox->broker = broker;
	outbox->inbox = inbox;
	outbox->faults = faults;
	outbox->ticks = co_sim_topic_find(broker, (struct co_view){commands, strlen(commands)});
	for (size_t i = 0; i < broker->producer_count; i++)
		if (strcmp(broker->producers[i].id, id) == 0)
			outbox->producer = &broker->producers[i];
	if (!outbox->producer) {
		co_tk_check(broker->producer_count < 64, "too many producers");
		outbox->producer = &broker->producers[broker->producer_count++];
		snprintf(outbox->producer->id, sizeof(outbox->producer->id), "%s", id);
	}
	return (struct co_outbox){.self = outbox,
							  .recycle = recycle,
							  .begin = begin,
							  .offsets = offsets,
							  .produce = produce,
							  .commit = commit,
							  .delivered = delivered,
							  .partitions_of = partitions_of,
							  .tick = tick};
}

void co_sim_outbox_drop(struct co_sim_outbox *outbox)
{
	free(outbox->produced);
	outbox->produced = NULL;
	outbox->produced_count = outbox->produced_cap = 0;
}
