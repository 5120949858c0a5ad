#include "kafka_record.h"

static void read_headers(const rd_kafka_message_t *message, struct co_arena *arena, struct co_record *out)
{
	rd_kafka_headers_t *headers = NULL;
	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	size_t count = rd_kafka_header_cnt(headers);
	struct co_header *list = CO_NEW_ARRAY(arena, struct co_header, count);
	for (size_t i = 0; i < count; i++) {
		const char *name = NULL;
		const void *value = NULL;
		size_t size = 0;
		if (rd_kafka_header_get_all(headers, i, &name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		list[i] = (struct co_header){co_view_cstr(name), co_view_make(value, value ? size : 0)};
		out->header_count = i + 1;
	}
	out->headers = list;
}

void co_kafka_record_read(const rd_kafka_message_t *message, struct co_arena *arena, struct co_record *out)
{
	*out = (struct co_record){.partition = message->partition,
							  .offset = message->offset,
							  .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
							  .key = co_view_make(message->key, message->key ? message->key_len : 0),
							  .value = co_view_make(message->payload, message->payload ? message->len : 0)};
	read_headers(message, arena, out);
}
