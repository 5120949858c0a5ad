#include "checkout/app/output.h"

#include <string.h>

#define DLQ_HEADERS 5 /* that a dead letter has beside its own */

static bool is_credential(const struct co_header *header)
{
	return co_view_eq_nocase(header->name, CO_VIEW("authorization")) ||
		   co_view_eq_nocase(header->name, CO_VIEW("x-api-key"));
}

static struct co_view number_text(struct co_arena *arena, int64_t number)
{
	struct co_buf text = co_buf_make(arena, 24);

	co_buf_add_int(&text, number);
	return co_buf_view(&text);
}

void co_output_dlq(const struct co_names *names, struct co_arena *arena, const struct co_record *record,
				   enum co_dlq reason, struct co_message *out)
{
	struct co_header *headers = co_arena_alloc(arena, (record->header_count + DLQ_HEADERS) * sizeof *headers);
	size_t count = record->header_count;

	for (size_t i = 0; i < count; i++) {
		headers[i] = record->headers[i];
		if (headers[i].value.ptr && is_credential(&headers[i]))
			headers[i].value = CO_VIEW("***");
	}
	headers[count++] = (struct co_header){CO_VIEW("checkout-dlq-reason"), co_dlq_reason(reason)};
	headers[count++] = (struct co_header){CO_VIEW("checkout-dlq-topic"), names->topics[CO_TOPIC_COMMANDS]};
	headers[count++] = (struct co_header){CO_VIEW("checkout-dlq-partition"), number_text(arena, record->partition)};
	headers[count++] = (struct co_header){CO_VIEW("checkout-dlq-offset"), number_text(arena, record->offset)};
	headers[count++] = (struct co_header){CO_VIEW("checkout-dlq-timestamp"), number_text(arena, record->timestamp_ms)};
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_DLQ],
		.partition = record->partition,
		.timestamp_ms = -1,
		.key = record->key,
		.value = record->value,
		.header_count = count,
		.headers = headers,
	};
}

void co_output_dlq_drop_headers(struct co_message *message)
{
	message->headers += message->header_count - DLQ_HEADERS;
	message->header_count = DLQ_HEADERS;
}

void co_output_forward(const struct co_names *names, struct co_arena *arena, const struct co_record *record,
					   const struct co_uuid *session_id, int32_t partition, bool keep_timestamp, struct co_message *out)
{
	struct co_header *headers = co_arena_alloc(arena, (record->header_count + 1) * sizeof *headers);
	struct co_buf position = co_buf_make(arena, 40);
	size_t count = 0;

	for (size_t i = 0; i < record->header_count; i++)
		headers[count++] = record->headers[i];
	co_buf_add_int(&position, record->partition);
	co_buf_add_byte(&position, '/');
	co_buf_add_int(&position, record->offset);
	headers[count++] = (struct co_header){CO_VIEW("checkout-forwarded"), co_buf_view(&position)};
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_COMMANDS],
		.partition = partition,
		/* the producer cannot say 0, which means now to it: a millisecond moves no clock that today would not */
		.timestamp_ms = !keep_timestamp            ? -1
						: record->timestamp_ms > 0 ? record->timestamp_ms
												   : 1,
		.key = co_uuid_view(arena, session_id),
		.value = record->value,
		.header_count = count,
		.headers = headers,
	};
}
