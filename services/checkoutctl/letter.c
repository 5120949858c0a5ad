#include "letter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WRITTEN 5
#define MASK CO_VIEW("***")

static const char *const cures[CO_DLQ_COUNT] = {
	[CO_DLQ_NOT_JSON] = "the value, or data_base64, is not JSON as the contract has it: --value",
	[CO_DLQ_NOT_OBJECT] = "the data are JSON, but no object: --value",
	[CO_DLQ_TOO_LARGE] = "the value is over 256 KiB: --value, with less in it",
	[CO_DLQ_HEADERS_TOO_LARGE] = "headers over 64 KiB, or more than 128: --without-header",
	[CO_DLQ_ATTRIBUTES] = "id, source or type missing or malformed: --header ce_id=…, or in a structured --value",
	[CO_DLQ_SPECVERSION] = "specversion is not 1.0: --header ce_specversion=1.0, or in a structured --value",
	[CO_DLQ_UNKNOWN_TYPE] = "no command of that name: a newer worker may know it; else --header ce_type=…",
	[CO_DLQ_UNSUPPORTED_MODE] =
		"a batch of events: --value with one, --header content-type=application/cloudevents+json",
	[CO_DLQ_UNSUPPORTED_CONTENT] = "datacontenttype is not JSON: --value",
	[CO_DLQ_DATA_TWICE] = "both data and data_base64: --value with one of them",
};

const char *ctl_letter_cure(struct co_view reason)
{
	for (size_t i = 0; i < CO_DLQ_COUNT; i++)
		if (co_view_eq(co_dlq_reason((enum co_dlq)i), reason))
			return cures[i];
	return NULL;
}

struct co_record ctl_letter_record(const rd_kafka_message_t *message, struct co_arena *arena)
{
	struct co_record record = {.partition = message->partition,
							   .offset = message->offset,
							   .timestamp_ms = rd_kafka_message_timestamp(message, NULL),
							   .key = co_view_make(message->key, message->key_len),
							   .value = co_view_make(message->payload, message->len)};
	rd_kafka_headers_t *headers = NULL;
	struct co_header *list;
	const char *name;
	const void *bytes;
	size_t length;

	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return record;
	list = CO_NEW_ARRAY(arena, struct co_header, rd_kafka_header_cnt(headers));
	while (rd_kafka_header_get_all(headers, record.header_count, &name, &bytes, &length) == RD_KAFKA_RESP_ERR_NO_ERROR)
		list[record.header_count++] = (struct co_header){co_view_cstr(name), co_view_make(bytes, length)};
	record.headers = list;
	return record;
}

/* Digits, or a minus and digits, as the worker writes them. */
static bool read_number(struct co_view text, int64_t min, int64_t max, int64_t *out)
{
	char digits[24], *end = NULL;
	long long number;

	if (!text.ptr || text.len == 0 || text.len >= sizeof(digits) ||
		(text.ptr[0] != '-' && (text.ptr[0] < '0' || text.ptr[0] > '9')))
		return false;
	memcpy(digits, text.ptr, text.len);
	digits[text.len] = '\0';
	errno = 0;
	number = strtoll(digits, &end, 10);
	if (errno || end != digits + text.len || number < min || number > max)
		return false;
	*out = number;
	return true;
}

bool ctl_letter_open(const struct co_record *record, struct ctl_letter *out, struct co_error *error)
{
	static const char *const names[WRITTEN] = {"checkout-dlq-reason", "checkout-dlq-topic", "checkout-dlq-partition",
											   "checkout-dlq-offset", "checkout-dlq-timestamp"};
	size_t count = record->header_count < WRITTEN ? 0 : record->header_count - WRITTEN;
	const struct co_header *written = record->headers + count;
	int64_t partition = 0;

	for (size_t i = 0; i < WRITTEN; i++)
		if (record->header_count < WRITTEN || !co_view_eq(written[i].name, co_view_cstr(names[i])) ||
			!written[i].value.ptr) {
			co_error_set(error, names[i], "it is no dead letter: it does not end with the worker's %d headers",
						 WRITTEN);
			return false;
		}
	*out = (struct ctl_letter){.partition = record->partition,
							   .offset = record->offset,
							   .timestamp_ms = record->timestamp_ms,
							   .reason = written[0].value,
							   .from_topic = written[1].value,
							   .record = *record};
	if (!read_number(written[2].value, 0, INT32_MAX, &partition) ||
		!read_number(written[3].value, 0, INT64_MAX, &out->from_offset) ||
		!read_number(written[4].value, INT64_MIN, INT64_MAX, &out->from_timestamp_ms)) {
		co_error_set(error, names[2], "it is no dead letter: where it came from is not told in numbers");
		return false;
	}
	out->from_partition = (int32_t)partition;
	out->record.partition = out->from_partition;
	out->record.offset = out->from_offset;
	out->record.timestamp_ms = out->from_timestamp_ms;
	out->record.header_count = count;
	return true;
}

const char *ctl_letter_masked(const struct ctl_letter *letter)
{
	static const char *const names[] = {"authorization", "x-api-key"};

	for (size_t i = 0; i < letter->record.header_count; i++)
		for (size_t n = 0; n < 2; n++)
			if (co_view_eq_nocase(letter->record.headers[i].name, co_view_cstr(names[n])) &&
				co_view_eq(letter->record.headers[i].value, MASK))
				return names[n];
	return NULL;
}

void ctl_letter_judge(const struct ctl_letter *letter, struct co_arena *arena, struct co_intake *out)
{
	co_intake_read(&letter->record, arena, out);
}

/* ---- mending ---- */

static void drop(struct co_record *record, struct co_header *headers, struct co_view name)
{
	size_t kept = 0;

	for (size_t i = 0; i < record->header_count; i++)
		if (!co_view_eq_nocase(headers[i].name, name))
			headers[kept++] = headers[i];
	record->header_count = kept;
}

static void unmask(const struct co_record *record, struct co_header *headers, struct co_view name, struct co_view value)
{
	for (size_t i = 0; i < record->header_count; i++)
		if (co_view_eq_nocase(headers[i].name, name) && co_view_eq(headers[i].value, MASK))
			headers[i].value = value;
}

static struct co_view bearer(struct co_view token, struct co_arena *arena)
{
	struct co_buf text = co_buf_make(arena, token.len + 8);

	co_buf_lit(&text, "Bearer ");
	co_buf_add(&text, token);
	return co_buf_view(&text);
}

void ctl_letter_mend(struct ctl_letter *letter, const struct ctl_mending *mending, struct co_arena *arena)
{
	struct co_record *record = &letter->record;
	struct co_header *headers = CO_NEW_ARRAY(arena, struct co_header, record->header_count + mending->headers.count);

	if (record->header_count > 0)
		memcpy(headers, record->headers, record->header_count * sizeof(*headers));
	record->headers = headers;
	for (size_t i = 0; i < mending->without.count; i++)
		drop(record, headers, co_view_cstr(mending->without.items[i]));
	for (size_t i = 0; i < mending->headers.count; i++) {
		const char *name = mending->headers.items[i], *value = strchr(name, '=');

		drop(record, headers, co_view_make(name, (size_t)(value - name)));
		headers[record->header_count++] =
			(struct co_header){co_view_make(name, (size_t)(value - name)), co_view_cstr(value + 1)};
	}
	if (mending->api_key.ptr)
		unmask(record, headers, CO_VIEW("x-api-key"), mending->api_key);
	if (mending->token.ptr)
		unmask(record, headers, CO_VIEW("authorization"), bearer(mending->token, arena));
	if (mending->value.ptr)
		record->value = mending->value;
}
