/* Where the reply shall go, as asked (contract section 2, reply addressing). */
#include "intake_support.h"

#include <string.h>

/* ---- dialects ---- */

struct address {
	const char *name, *headers;
	enum co_dialect dialect;
	const char *topic, *correlation; /* NULL: none */
	int64_t partition;
};

static const struct address addresses[] = {
	{"none", "", CO_DIALECT_NONE, NULL, NULL, -1},
	{"spring", "kafka_replyTopic: t\nkafka_replyPartition: 3\nkafka_correlationId: c\n", CO_DIALECT_SPRING, "t", "c",
	 3},
	{"spring, topic alone", "kafka_replyTopic: t\n", CO_DIALECT_SPRING, "t", NULL, -1},
	{"spring, correlation alone", "kafka_correlationId: c\nkafka_replyPartition: 3\n", CO_DIALECT_SPRING, NULL, "c", 3},
	{"spring, any case", "KAFKA_REPLYTOPIC: t\nkafka_replypartition: 3\nKafka_CorrelationID: c\n", CO_DIALECT_SPRING,
	 "t", "c", 3},
	{"quarkus", "REPLY_TOPIC: t\nREPLY_PARTITION: 3\nREPLY_CORRELATION_ID: c\n", CO_DIALECT_QUARKUS, "t", "c", 3},
	{"quarkus, correlation alone", "reply_correlation_id: c\n", CO_DIALECT_QUARKUS, NULL, "c", -1},
	{"plain", "reply_to: t\nreply_partition: 3\ncorrelation_id: c\n", CO_DIALECT_PLAIN, "t", "c", 3},
	{"plain, correlation alone", "correlation_id: c\n", CO_DIALECT_PLAIN, NULL, "c", -1},
	/* REPLY_PARTITION and reply_partition are one name: names have no case. It makes no dialect present. */
	{"a partition alone", "reply_partition: 3\nkafka_replyPartition: 3\n", CO_DIALECT_NONE, NULL, NULL, -1},
	{"spring goes first", "reply_to: p\nREPLY_TOPIC: q\nkafka_replyTopic: s\n", CO_DIALECT_SPRING, "s", NULL, -1},
	{"quarkus goes before plain", "reply_to: p\nREPLY_TOPIC: q\n", CO_DIALECT_QUARKUS, "q", NULL, -1},
	{"a correlation makes spring present", "reply_to: p\ncorrelation_id: d\nkafka_correlationId: c\n",
	 CO_DIALECT_SPRING, NULL, "c", -1},
	{"dialects do not mix", "reply_to: p\nkafka_correlationId: c\nreply_partition: 3\n", CO_DIALECT_SPRING, NULL, "c",
	 -1},
	{"an empty topic is one", "reply_to:\n", CO_DIALECT_PLAIN, "", NULL, -1},
	{"an empty correlation is one", "reply_to: t\ncorrelation_id:\n", CO_DIALECT_PLAIN, "t", "", -1},
	{"a null topic is none", "reply_to: t\nreply_to\n", CO_DIALECT_NONE, NULL, NULL, -1},
	{"the last of a name", "reply_to: t\nreply_to: u\n", CO_DIALECT_PLAIN, "u", NULL, -1},
	{"correlation bytes that are no UTF-8", "correlation_id: \xFF\xFE\n", CO_DIALECT_PLAIN, NULL, "\xFF\xFE", -1},
	{"a similar name is none", "reply_to_: t\nreply-to: t\nkafka_replyTopics: t\n", CO_DIALECT_NONE, NULL, NULL, -1},
};

static void address_case(void **state)
{
	static const char *const frames[] = {NAMES, "", "ce_specversion: 9\n"}; /* a command or not: answers go there */
	const struct address *row = *state;

	for (size_t i = 0; i < COUNT(frames); i++) {
		struct co_buf text = co_buf_make(&arena, 512);

		co_buf_add(&text, co_view_cstr(frames[i]));
		co_buf_add(&text, co_view_cstr(row->headers));
		struct co_intake intake = read_record(co_buf_view(&text));

		assert_int_equal(intake.reply.dialect, row->dialect);
		assert_view(intake.reply.topic, row->topic);
		assert_view(intake.reply.correlation, row->correlation);
		assert_int_equal(intake.reply.partition, row->partition);
	}
}

/* ---- partitions ---- */

struct partition {
	const char *name;
	struct co_view value;
	int64_t partition;
};

static const struct partition partitions[] = {
#define P(name, literal, number)                                   \
	{                                                              \
		"partition: " name, {literal, sizeof(literal) - 1}, number \
	}
	P("0", "0", 0),
	P("one digit", "7", 7),
	P("leading zeros", "000000007", 7),
	P("int32 max", "2147483647", INT32_MAX),
	P("above int32", "2147483648", INT64_C(2147483648)),
	P("ten digits", "9999999999", INT64_C(9999999999)),
	P("eleven digits", "00000000001", -1),
	P("empty", "", -1),
	P("a sign", "+1", -1),
	P("minus", "-1", -1),
	P("a blank", " 1", -1),
	P("a word", "one", -1),
	P("a fraction", "1.0", -1),
	P("four digits are digits", "0002", 2),
	P("four zeros are digits", "0000", 0),
	P("four digits, the largest", "9999", 9999),
	P("four bytes", "\0\0\0\1", 1),
	P("four bytes, the largest", "\x7F\xFF\xFF\xFF", INT32_MAX),
	P("four bytes, big-endian", "\0\0\1\2", 258),
	P("four bytes, -1", "\xFF\xFF\xFF\xFF", INT64_C(4294967295)),
	P("four bytes, not all digits", "123a", INT64_C(0x31323361)),
	P("four bytes, a colon is no digit", "123:", INT64_C(0x3132333A)),
	P("four bytes, a solidus is no digit", "/123", INT64_C(0x2F313233)),
	P("three bytes", "\0\0\1", -1),
	P("five bytes", "\0\0\0\0\1", -1),
	P("eight bytes", "\0\0\0\0\0\0\0\1", -1),
#undef P
};

static void partition_case(void **state)
{
	const struct partition *row = *state;
	const struct co_header headers[] = {{CO_VIEW("reply_to"), CO_VIEW("t")}, {CO_VIEW("reply_partition"), row->value}};
	const struct co_record record = {.header_count = COUNT(headers), .headers = headers};
	struct co_intake intake;

	co_intake_read(&record, &arena, &intake);

	assert_int_equal(intake.reply.partition, row->partition);
}

/* A null partition is none, also behind a good one. */
static void read__null_partition__is_none(void **state)
{
	const struct co_header headers[] = {{CO_VIEW("reply_to"), CO_VIEW("t")},
										{CO_VIEW("reply_partition"), CO_VIEW("1")},
										{CO_VIEW("reply_partition"), {NULL, 0}}};
	const struct co_record record = {.header_count = COUNT(headers), .headers = headers};
	struct co_intake intake;
	(void)state;

	co_intake_read(&record, &arena, &intake);

	assert_int_equal(intake.reply.partition, -1);
}

static void dialect_correlation__is_the_dialects_own_spelling(void **state)
{
	(void)state;

	assert_null(co_dialect_correlation(CO_DIALECT_NONE).ptr);
	assert_view(co_dialect_correlation(CO_DIALECT_SPRING), "kafka_correlationId");
	assert_view(co_dialect_correlation(CO_DIALECT_QUARKUS), "REPLY_CORRELATION_ID");
	assert_view(co_dialect_correlation(CO_DIALECT_PLAIN), "correlation_id");
}

int main(void)
{
	static const struct CMUnitTest named[] = {
		ARENA_TEST(read__null_partition__is_none),
		ARENA_TEST(dialect_correlation__is_the_dialects_own_spelling),
	};
	static struct CMUnitTest tests[COUNT(addresses) + COUNT(partitions) + COUNT(named)];
	size_t count = 0;

	for (size_t i = 0; i < COUNT(addresses); i++)
		tests[count++] = ARENA_ROW(address_case, &addresses[i]);
	for (size_t i = 0; i < COUNT(partitions); i++)
		tests[count++] = ARENA_ROW(partition_case, &partitions[i]);
	for (size_t i = 0; i < COUNT(named); i++)
		tests[count++] = named[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
