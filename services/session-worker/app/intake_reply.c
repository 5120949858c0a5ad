#include "intake_reply.h"

#define PARTITION_DIGITS_MAX 10
#define POSITION_BYTES_MAX 30 /* 2147483647/9223372036854775807 */

static const struct co_view header_names[CO_INTAKE_HEADER_COUNT] = {
#define X(ident, name) [CO_INTAKE_HEADER_##ident] = {(name), sizeof(name) - 1},
	CO_INTAKE_HEADERS(X)
#undef X
};

/* CO_INTAKE_HEADER_COUNT when nobody asks for it. */
static enum co_intake_header find_header(struct co_view name)
{
	enum co_intake_header found = 0;

	/* Most come in the very letters of the table, and bytes are compared faster than letters. */
	while (found < CO_INTAKE_HEADER_COUNT &&
		   (header_names[found].len != name.len ||
			(!co_view_eq(header_names[found], name) && !co_view_eq_nocase(header_names[found], name))))
		found++;
	return found;
}

/* `<partition>/<offset>`, as forwarding writes it. */
static bool is_position(struct co_view text)
{
	size_t digits = 0, slashes = 0;

	for (size_t i = 0; i < text.len && i < POSITION_BYTES_MAX; i++) {
		digits += text.ptr[i] >= '0' && text.ptr[i] <= '9';
		slashes += text.ptr[i] == '/';
	}
	return slashes == 1 && digits + slashes == text.len && text.ptr[0] != '/' && text.ptr[text.len - 1] != '/';
}

void co_intake_headers_read(const struct co_record *record, struct co_intake_headers *out)
{
	size_t count = record->header_count, bytes = 0, last_bytes = 0;
	enum co_intake_header last = CO_INTAKE_HEADER_COUNT;

	*out = (struct co_intake_headers){.too_large = false};
	for (size_t i = 0; i < record->header_count; i++) {
		const struct co_header *header = &record->headers[i];

		last = find_header(header->name);
		last_bytes = header->name.len + header->value.len;
		bytes += last_bytes;
		if (last != CO_INTAKE_HEADER_COUNT)
			out->values[last] = header->value;
	}
	/* Forwarding appends it: a copy is no larger than what was sent. */
	if (last == CO_INTAKE_HEADER_FORWARDED && is_position(out->values[last])) {
		count--;
		bytes -= last_bytes;
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
