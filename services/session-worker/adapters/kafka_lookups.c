#include "kafka_lookups.h"

#include "checkout/log.h"
#include "checkout/ports/outbox.h"

#include <string.h>
#include <time.h>

#define LOOKUP_TIMEOUT_MS 1000
#define LOOKUP_KEEP_MS 30000
/* A topic that took no record is tried again after this, if Kafka says that it has leaders. */
#define DOWN_KEEP_MS 60000
/* What was late twice within this time was not late for the sake of a broker that just went. */
#define LATE_KEEP_MS 60000
#define LEADER_PATIENCE_MS 10000 /* a leader is elected, and a broker that starts anew has its own, by then */
#define LEADER_EVERY_MS 100

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static bool is_no_topic(rd_kafka_resp_err_t err)
{
	return err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION ||
		   err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
}

/* -1: Kafka did not say. `*led`: every partition has a leader. */
static int32_t ask_kafka(rd_kafka_t *client, const char *name, bool *led)
{
	rd_kafka_topic_t *topic = rd_kafka_topic_new(client, name, NULL);
	if (!topic)
		return 0;
	const struct rd_kafka_metadata *metadata = NULL;
	int32_t count = -1;
	*led = true;
	if (rd_kafka_metadata(client, 0, topic, &metadata, LOOKUP_TIMEOUT_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (metadata->topic_cnt == 1 && metadata->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
			count = metadata->topics[0].partition_cnt;
		else if (metadata->topic_cnt == 1 && is_no_topic(metadata->topics[0].err))
			count = 0;
		for (int32_t i = 0; i < count; i++)
			*led = *led && metadata->topics[0].partitions[i].leader >= 0;
		rd_kafka_metadata_destroy(metadata);
	}
	rd_kafka_topic_destroy(topic);
	return count;
}

static struct co_kafka_lookup *find(struct co_kafka_lookups *lookups, const char *name)
{
	for (size_t i = 0; i < lookups->count; i++)
		if (strcmp(lookups->items[i].topic, name) == 0)
			return &lookups->items[i];
	return NULL;
}

/* The slot of the name; one that is new takes the place of the one asked for longest ago, and, if it can, of none that
 * is known to be down. */
static struct co_kafka_lookup *slot_of(struct co_kafka_lookups *lookups, const char *name)
{
	struct co_kafka_lookup *slot = find(lookups, name);
	if (slot)
		return slot;
	if (lookups->count < CO_KAFKA_LOOKUPS_MAX) {
		slot = &lookups->items[lookups->count++];
	} else {
		slot = &lookups->items[0];
		for (size_t i = 1; i < lookups->count; i++) {
			struct co_kafka_lookup *other = &lookups->items[i];
			bool down = other->down_until_ms != 0, slot_down = slot->down_until_ms != 0;
			if (down != slot_down ? slot_down : other->at_ms < slot->at_ms)
				slot = other;
		}
	}
	*slot = (struct co_kafka_lookup){.count = 0};
	memcpy(slot->topic, name, strlen(name) + 1);
	return slot;
}

static void tell_down(const char *name, const char *why)
{
	co_log(CO_LOG_NOTICE, "kafka.reply_topic", "a reply topic takes no records; its replies go to the default topic",
		   CO_TEXT("checkout.topic", name), CO_TEXT("event.reason", why));
}

/* Since when a topic may be without a leader, as far as anybody knows. */
static int64_t doubted_since_ms(const struct co_kafka_lookup *slot, int64_t at_ms)
{
	if (!slot)
		return at_ms;
	if (slot->down_until_ms != 0)
		return at_ms - LEADER_PATIENCE_MS;
	return at_ms < slot->late_until_ms ? slot->late_until_ms - LATE_KEEP_MS : at_ms;
}

/* Asks until there is a leader for every partition; once alone when there may have been none for long enough. */
static int32_t ask_patiently(rd_kafka_t *client, const char *name, int64_t since_ms, bool *led)
{
	const struct timespec pause = {.tv_nsec = LEADER_EVERY_MS * 1000000L};
	int64_t until_ms = since_ms + LEADER_PATIENCE_MS;
	int32_t count = ask_kafka(client, name, led);
	while (count > 0 && !*led && monotonic_ms() < until_ms) {
		(void)nanosleep(&pause, NULL);
		count = ask_kafka(client, name, led);
	}
	return count;
}

/* That nobody tried is not the same as that it was not taken. */
static int32_t away(const struct co_kafka_lookup *slot)
{
	return slot->untaken ? CO_TOPIC_AWAY : 0;
}

int32_t co_kafka_lookups_ask(struct co_kafka_lookups *lookups, rd_kafka_t *client, struct co_view topic)
{
	char name[CO_KAFKA_TOPIC_BYTES_MAX];
	if (topic.len >= sizeof(name))
		return 0;
	memcpy(name, topic.ptr, topic.len);
	name[topic.len] = '\0';
	struct co_kafka_lookup *slot = find(lookups, name);
	int64_t at_ms = monotonic_ms(), down_until_ms = slot ? slot->down_until_ms : 0;
	if (slot && at_ms < down_until_ms)
		return away(slot);
	if (slot && down_until_ms == 0 && slot->at_ms && at_ms - slot->at_ms < LOOKUP_KEEP_MS)
		return slot->count;
	bool led = true;
	int32_t count = ask_patiently(client, name, doubted_since_ms(slot, at_ms), &led);
	if (count < 0)
		return -1;
	if (!led && down_until_ms == 0)
		tell_down(name, "a partition has no leader");
	slot = slot_of(lookups, name);
	slot->count = led ? count : away(slot);
	slot->at_ms = at_ms;
	slot->down_until_ms = led ? 0 : at_ms + LOOKUP_KEEP_MS;
	return slot->count;
}

bool co_kafka_lookups_down(struct co_kafka_lookups *lookups, const char *topic, const char *why)
{
	if (strlen(topic) >= CO_KAFKA_TOPIC_BYTES_MAX)
		return false;
	struct co_kafka_lookup *slot = slot_of(lookups, topic);
	bool news = slot->down_until_ms == 0;
	slot->down_until_ms = monotonic_ms() + DOWN_KEEP_MS;
	if (news)
		tell_down(topic, why);
	return news;
}

void co_kafka_lookups_untaken(struct co_kafka_lookups *lookups)
{
	for (size_t i = 0; i < lookups->count; i++)
		lookups->items[i].untaken = false;
}

bool co_kafka_lookups_late(struct co_kafka_lookups *lookups, const char *topic)
{
	if (strlen(topic) >= CO_KAFKA_TOPIC_BYTES_MAX)
		return false;
	struct co_kafka_lookup *slot = slot_of(lookups, topic);
	int64_t at_ms = monotonic_ms();
	bool again = at_ms < slot->late_until_ms;
	slot->late_until_ms = at_ms + LATE_KEEP_MS;
	slot->untaken = true;
	return again && co_kafka_lookups_down(lookups, topic, "its records were not taken in time, twice");
}

void co_kafka_lookups_forget(struct co_kafka_lookups *lookups)
{
	for (size_t i = 0; i < lookups->count; i++)
		lookups->items[i].at_ms = 0;
}
