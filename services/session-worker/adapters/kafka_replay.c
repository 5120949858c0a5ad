#include "kafka_replay.h"

#include "checkout/log.h"

#include <stdio.h>
#include <stdlib.h>

struct co_kafka_replay {
	rd_kafka_t *consumer;
	const char *state;
	int32_t partition;  /* -1: none open */
	int64_t stable_end; /* as it was told last */
	rd_kafka_message_t *message;
};

static void drop_message(struct co_kafka_replay *replay)
{
	if (replay->message)
		rd_kafka_message_destroy(replay->message);
	replay->message = NULL;
}

static enum co_status replay_open(void *self, int32_t partition, int64_t offset)
{
	struct co_kafka_replay *replay = self;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(list, replay->state, partition)->offset =
		offset > 0 ? offset : RD_KAFKA_OFFSET_BEGINNING;
	rd_kafka_resp_err_t err = rd_kafka_assign(replay->consumer, list);
	rd_kafka_topic_partition_list_destroy(list);
	replay->partition = err ? -1 : partition;
	return err ? CO_LOG_DOWN : CO_OK;
}

static enum co_status replay_next(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out,
								  bool *at_end)
{
	(void)arena; /* records of `state` have no headers */
	struct co_kafka_replay *replay = self;
	drop_message(replay);
	*at_end = false;
	rd_kafka_message_t *message = rd_kafka_consumer_poll(replay->consumer, timeout_ms);
	if (!message)
		return CO_NOTHING;
	replay->message = message;
	if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		*at_end = message->partition == replay->partition;
		replay->stable_end = message->offset;
		return *at_end ? CO_OK : CO_NOTHING;
	}
	if (message->err || message->partition != replay->partition)
		return CO_NOTHING;
	*out = (struct co_record){.partition = message->partition,
							  .offset = message->offset,
							  .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
							  .key = co_view_make(message->key, message->key ? message->key_len : 0),
							  .value = co_view_make(message->payload, message->payload ? message->len : 0)};
	return CO_OK;
}

/* What was fetched last told the high watermark as well; asking for it would tell the stable end. */
static bool replay_is_settled(void *self)
{
	struct co_kafka_replay *replay = self;
	int64_t low, high;
	rd_kafka_resp_err_t err =
		rd_kafka_get_watermark_offsets(replay->consumer, replay->state, replay->partition, &low, &high);
	return !err && high >= 0 && high <= replay->stable_end;
}

static void replay_close(void *self)
{
	struct co_kafka_replay *replay = self;
	drop_message(replay);
	(void)rd_kafka_assign(replay->consumer, NULL);
	replay->partition = -1;
}

enum co_status co_kafka_replay_open(const struct co_kafka_identity *identity, struct co_kafka_replay **out,
									struct co_error *error)
{
	char group[600];
	(void)snprintf(group, sizeof(group), "%s-replay",
				   identity->config->group); /* asked for by librdkafka, never joined */
	const struct co_kafka_default defaults[] = {{"group.id", group},
												{"enable.auto.commit", "false"},
												{"enable.auto.offset.store", "false"},
												{"auto.offset.reset", "earliest"},
												{"isolation.level", "read_committed"},
												{"enable.partition.eof", "true"},
												{"socket.timeout.ms", "15000"}, /* as the inbox's */
												{"fetch.wait.max.ms", "10"},
												{"fetch.error.backoff.ms", "50"},
												{"queued.max.messages.kbytes", "16384"},
												{NULL, NULL}};
	struct co_kafka_replay *replay = calloc(1, sizeof(*replay));
	if (!replay)
		abort();
	replay->state = identity->state;
	replay->partition = -1;
	char text[256];
	rd_kafka_conf_t *conf = co_kafka_conf(identity, "replay", defaults);
	replay->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (!replay->consumer) {
		rd_kafka_conf_destroy(conf);
		free(replay);
		co_error_set(error, "kafka", "%s", text);
		return CO_LOG_FATAL;
	}
	(void)rd_kafka_poll_set_consumer(replay->consumer);
	*out = replay;
	return CO_OK;
}

struct co_replay co_kafka_replay_port(struct co_kafka_replay *replay)
{
	return (struct co_replay){.self = replay,
							  .open = replay_open,
							  .next = replay_next,
							  .is_settled = replay_is_settled,
							  .close = replay_close};
}

void co_kafka_replay_close(struct co_kafka_replay *replay)
{
	if (!replay)
		return;
	drop_message(replay);
	(void)rd_kafka_consumer_close(replay->consumer);
	rd_kafka_destroy(replay->consumer);
	free(replay);
}
