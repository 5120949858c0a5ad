#include "intake_reply.h"

#define PARTITION_DIGITS_MAX 10

static const struct co_view header_names[CO_INTAKE_HEADER_COUNT] = {
#define X(ident, name) [CO_INTAKE_HEADER_##ident] = {(name), sizeof(name) - 1},
	CO_INTAKE_HEADERS(X)
#undef X
};

/* CO_INTAKE_HEADER_COUNT when nobody asks for it. */
static enum co_intake_header find_header(struct co_view name)
{
	enum co_intake_header found = 0;

	while (found < CO_INTAKE_HEADER_COUNT &&
		   (header_names[found].len != name.len || !co_view_eq_nocase(header_names[found], name)))
		found++;
	return found;
}

void co_intake_headers_read(const struct co_record *record, struct co_intake_headers *out)
{
	size_t count = record->header_count, bytes = 0, forwarded_bytes = 0;
	bool forwarded = false;

	*out = (struct co_intake_headers){.too_large = false};
	for (size_t i = 0; i < record->header_count; i++) {
		const struct co_header *header = &record->headers[i];
		size_t header_bytes = header->name.len + header->value.len;
		enum co_intake_header found = find_header(header->name);

		bytes += header_bytes;
		if (found == CO_INTAKE_HEADER_COUNT)
			continue;
		out->values[found] = header->value;
		if (found == CO_INTAKE_HEADER_FORWARDED) {
			forwarded = true;
			forwarded_bytes = header_bytes; /* the last one's: forwarding appends */
		}
	}
	if (forwarded) {
		count--;
		bytes -= forwarded_bytes;
	}
	out->too_large = count > CO_HEADERS_MAX || bytes > CO_HEADERS_BYTES_MAX;
}

static const struct dialect {
	enum co_dialect dialect;
	enum co_intake_header topic, partition, correlation;
} dialects[] = {
	{CO_DIALECT_SPRING, CO_INTAKE_HEADER_SPRING_TOPIC, CO_INTAKE_HEADER_SPRING_PARTITION,
	 CO_INTAKE_HEADER_SPRING_CORRELATION},
	{CO_DIALECT_QUARKUS, CO_INTAKE_HEADER_QUARKUS_TOPIC, CO_INTAKE_HEADER_REPLY_PARTITION,
	 CO_INTAKE_HEADER_QUARKUS_CORRELATION},
	{CO_DIALECT_PLAIN, CO_INTAKE_HEADER_PLAIN_TOPIC, CO_INTAKE_HEADER_REPLY_PARTITION,
	 CO_INTAKE_HEADER_PLAIN_CORRELATION},
};

struct co_view co_dialect_correlation(enum co_dialect dialect)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		if (dialects[i].dialect == dialect)
			return header_names[dialects[i].correlation];
	}
	return (struct co_view){NULL, 0};
}

static int64_t digits_value(struct co_view text)
{
	int64_t value = 0;

	if (text.len < 1 || text.len > PARTITION_DIGITS_MAX)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] < '0' || text.ptr[i] > '9')
			return -1;
		value = value * 10 + (text.ptr[i] - '0');
	}
	return value;
}

/* Digits first: four bytes that are all digits are digits. What no partition can be, be it -1 as four bytes, comes out
 * as a number above int32 and is ignored as out of range. */
static int64_t read_partition(struct co_view value)
{
	int64_t partition = digits_value(value);

	if (partition >= 0 || value.len != 4)
		return partition;
	partition = 0;
	for (size_t i = 0; i < value.len; i++)
		partition = partition << 8 | (unsigned char)value.ptr[i];
	return partition;
}

struct co_reply_address co_intake_reply_address(const struct co_intake_headers *headers)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++) {
		struct co_view topic = headers->values[dialects[i].topic];
		struct co_view correlation = headers->values[dialects[i].correlation];

		if (topic.ptr || correlation.ptr)
			return (struct co_reply_address){.dialect = dialects[i].dialect,
											 .topic = topic,
											 .correlation = correlation,
											 .partition = read_partition(headers->values[dialects[i].partition])};
	}
	return (struct co_reply_address){.dialect = CO_DIALECT_NONE, .partition = -1};
}
