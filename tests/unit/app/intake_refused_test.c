/* What is no command at all: the reason in the dlq, the order of reasons, and who is answered (contract section 2). */
#include "intake_support.h"

#include <string.h>

#define V "ce_specversion: 1.0\n"
#define I "ce_id: i\n"
#define S "ce_source: /s\n"
#define T "ce_type: checkout.session.get\n"
#define STRUCTURED "content-type: application/cloudevents+json\n"
#define NEST16 "[[[[[[[[[[[[[[[["
#define UNNEST16 "]]]]]]]]]]]]]]]]"

struct row {
	const char *name, *text;
	enum co_dlq reason; /* CO_DLQ_COUNT: a command */
	bool answerable;
};

static const struct row rows[] = {
	/* The value, in binary mode: after the envelope. */
	{"binary: empty object", V I S T "\n{}", CO_DLQ_COUNT, false},
	{"binary: not JSON", V I S T "\n{", CO_DLQ_NOT_JSON, true},
	{"binary: blanks are not JSON", V I S T "\n  ", CO_DLQ_NOT_JSON, true},
	{"binary: a name twice", V I S T "\n{\"a\":1,\"a\":1}", CO_DLQ_NOT_JSON, true},
	{"binary: 32 levels", V I S T "\n{\"a\":[" NEST16 "[[[[[[[[[[[[[[]]]]]]]]]]]]]]" UNNEST16 "]}", CO_DLQ_COUNT,
	 false},
	{"binary: 33 levels", V I S T "\n{\"a\":[" NEST16 "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]" UNNEST16 "]}", CO_DLQ_NOT_JSON,
	 true},
	{"binary: array", V I S T "\n[]", CO_DLQ_NOT_OBJECT, true},
	{"binary: text", V I S T "\n\"{}\"", CO_DLQ_NOT_OBJECT, true},
	{"binary: false", V I S T "\nfalse", CO_DLQ_NOT_OBJECT, true},
	{"binary: 0", V I S T "\n0", CO_DLQ_NOT_OBJECT, true},
	{"binary: content-type is not judged", "content-type: text/plain\n" V I S T "\n{}", CO_DLQ_COUNT, false},
	{"binary: Avro content-type is not judged", "content-type: application/cloudevents+avro\n" V I S T "\n{}",
	 CO_DLQ_COUNT, false},

	/* The envelope, from the outside in; before the data. */
	{"envelope: specversion 1", "ce_specversion: 1\n" I S T "\n{}", CO_DLQ_SPECVERSION, true},
	{"envelope: specversion 1.00", "ce_specversion: 1.00\n" I S T "\n{}", CO_DLQ_SPECVERSION, true},
	{"envelope: specversion empty", "ce_specversion:\n" I S T "\n{}", CO_DLQ_SPECVERSION, true},
	{"envelope: specversion before attributes", "ce_specversion: 0.3\n" S T "\n{}", CO_DLQ_SPECVERSION, false},
	{"envelope: no id", V S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: null id", V I "ce_id\n" S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: empty id", V "ce_id:\n" S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: control in id", V "ce_id: a\x7F\n" S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: C1 control in id", V "ce_id: a\xC2\x85\n" S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: no-break space in id is none", V "ce_id: a\xC2\xA0\n" S T "\n{}", CO_DLQ_COUNT, false},
	{"envelope: id is not UTF-8", V "ce_id: \xFF\n" S T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: no source", V I T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: empty source", V I "ce_source: \n" T "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: no type", V I S "\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: empty type", V I S "ce_type:\n\n{}", CO_DLQ_ATTRIBUTES, false},
	{"envelope: attributes before data", V S T "\n{", CO_DLQ_ATTRIBUTES, false},
	{"envelope: type in capitals", V I S "ce_type: checkout.session.GET\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: type and more", V I S "ce_type: checkout.session.get.v2\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: prefix alone", V I S "ce_type: checkout.session.\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: short of the prefix", V I S "ce_type: checkout.session\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: another prefix", V I S "ce_type: x.checkout.session.get\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: blank behind the type", V I S "ce_type: checkout.session.get \n\n{}", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: type before data", V I S "ce_type: other\n\n\xFF", CO_DLQ_UNKNOWN_TYPE, true},
	{"envelope: tick with a value", V I S "ce_type: checkout.session.tick\n\n{}", CO_DLQ_UNKNOWN_TYPE, true},

	/* The mode. */
	{"mode: none, JSON", "\n{\"referenceId\":\"x\"}", CO_DLQ_SPECVERSION, false},
	{"mode: none, nothing at all", "", CO_DLQ_SPECVERSION, false},
	{"mode: none, not JSON", "\nhello", CO_DLQ_NOT_JSON, false},
	{"mode: none, array", "\n[{\"specversion\":\"1.0\"}]", CO_DLQ_NOT_OBJECT, false},
	{"mode: no ce_specversion, JSON", I S T "\n{}", CO_DLQ_SPECVERSION, true},
	{"mode: null ce_specversion", V "ce_specversion\n" I S T "\n{}", CO_DLQ_SPECVERSION, true},
	{"mode: no ce_specversion, not JSON", I S T "\n{", CO_DLQ_NOT_JSON, true},
	{"mode: batched", "content-type: application/cloudevents-batch+json\n\n[" EVENT "}]", CO_DLQ_UNSUPPORTED_MODE,
	 false},
	{"mode: batched, any case, parameters", "Content-Type: \tApplication/CloudEvents-Batch+JSON; charset=utf-8\n\n[]",
	 CO_DLQ_UNSUPPORTED_MODE, false},
	{"mode: batched, with attributes as headers", "content-type: application/cloudevents-batch+json\n" V I S T "\n[]",
	 CO_DLQ_UNSUPPORTED_MODE, true},
	{"mode: batched goes before its value", "content-type: application/cloudevents-batch+json\n\n{",
	 CO_DLQ_UNSUPPORTED_MODE, false},

	/* Structured mode. */
	{"structured: no headers", "\n" EVENT "}", CO_DLQ_COUNT, false},
	{"structured: content type, any case, blanks",
	 "Content-Type: \t Application/CloudEvents+JSON ; charset=UTF-8\n\n" EVENT "}", CO_DLQ_COUNT, false},
	{"structured: not JSON", STRUCTURED "\n{", CO_DLQ_NOT_JSON, false},
	{"structured: not JSON, headers are not its attributes", STRUCTURED V I S T "\n{", CO_DLQ_NOT_JSON, false},
	{"structured: array", STRUCTURED "\n[]", CO_DLQ_NOT_OBJECT, false},
	{"structured: no value", STRUCTURED, CO_DLQ_SPECVERSION, false},
	{"structured: null", STRUCTURED "\nnull", CO_DLQ_SPECVERSION, false},
	{"structured: empty object", STRUCTURED V I S T "\n{}", CO_DLQ_SPECVERSION, false},
	{"structured: specversion 0.3", "\n{\"specversion\":\"0.3\",\"id\":\"i\",\"source\":\"/s\",\"type\":\"x\"}",
	 CO_DLQ_SPECVERSION, true},
	{"structured: specversion a number", "\n{\"specversion\":1.0,\"id\":\"i\",\"source\":\"/s\",\"type\":\"x\"}",
	 CO_DLQ_SPECVERSION, true},
	{"structured: specversion null", "\n{\"specversion\":null,\"id\":\"i\",\"source\":\"/s\",\"type\":\"x\"}",
	 CO_DLQ_SPECVERSION, true},
	{"structured: specversion deeper down is none", "\n{\"data\":{\"specversion\":\"1.0\"}}", CO_DLQ_SPECVERSION,
	 false},
	{"structured: id a number",
	 "\n{\"specversion\":\"1.0\",\"id\":5,\"source\":\"/s\",\"type\":\"checkout.session.get\"}", CO_DLQ_ATTRIBUTES,
	 false},
	{"structured: id null",
	 "\n{\"specversion\":\"1.0\",\"id\":null,\"source\":\"/s\",\"type\":\"checkout.session.get\"}", CO_DLQ_ATTRIBUTES,
	 false},
	{"structured: id null, the header does not count",
	 STRUCTURED I "\n{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"checkout.session.get\"}", CO_DLQ_ATTRIBUTES,
	 false},
	{"structured: id null, the header does not count, the value tells the mode",
	 I "\n{\"specversion\":\"1.0\",\"source\":\"/s\",\"type\":\"checkout.session.get\"}", CO_DLQ_ATTRIBUTES, false},
	{"structured: escaped control in id",
	 "\n{\"specversion\":\"1.0\",\"id\":\"a\\u0085\",\"source\":\"/s\",\"type\":\"checkout.session.get\"}",
	 CO_DLQ_ATTRIBUTES, false},
	{"structured: unknown type", "\n{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\",\"type\":\"x\"}",
	 CO_DLQ_UNKNOWN_TYPE, true},
	{"structured: tick",
	 "\n{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\",\"type\":\"checkout.session.tick\"}",
	 CO_DLQ_UNKNOWN_TYPE, true},
	{"structured: 32 levels from the event",
	 "\n" EVENT ",\"data\":{\"a\":" NEST16 "[[[[[[[[[[[[[[]]]]]]]]]]]]]]" UNNEST16 "}}", CO_DLQ_COUNT, false},
	{"structured: 33 levels from the event",
	 "\n" EVENT ",\"data\":{\"a\":" NEST16 "[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]" UNNEST16 "}}", CO_DLQ_NOT_JSON, false},

	/* Its data. */
	{"data: null", "\n" EVENT ",\"data\":null}", CO_DLQ_COUNT, false},
	{"data: text", "\n" EVENT ",\"data\":\"{}\"}", CO_DLQ_NOT_OBJECT, true},
	{"data: array", "\n" EVENT ",\"data\":[]}", CO_DLQ_NOT_OBJECT, true},
	{"data: twice", "\n" EVENT ",\"data\":{},\"data_base64\":\"e30=\"}", CO_DLQ_DATA_TWICE, true},
	{"data: twice, the second wrong", "\n" EVENT ",\"data\":{},\"data_base64\":5}", CO_DLQ_DATA_TWICE, true},
	{"data: null and data_base64", "\n" EVENT ",\"data\":null,\"data_base64\":\"e30=\"}", CO_DLQ_COUNT, false},
	{"data: data and null data_base64", "\n" EVENT ",\"data\":{},\"data_base64\":null}", CO_DLQ_COUNT, false},
	{"data: content type application/json", "\n" EVENT ",\"datacontenttype\":\" Application/JSON ;charset=utf-8\"}",
	 CO_DLQ_COUNT, false},
	{"data: content type +json", "\n" EVENT ",\"datacontenttype\":\"application/vnd.x+JSON;v=1\"}", CO_DLQ_COUNT,
	 false},
	{"data: content type null", "\n" EVENT ",\"datacontenttype\":null}", CO_DLQ_COUNT, false},
	{"data: content type text/json", "\n" EVENT ",\"datacontenttype\":\"text/json\"}", CO_DLQ_UNSUPPORTED_CONTENT,
	 true},
	{"data: content type application/jsonx", "\n" EVENT ",\"datacontenttype\":\"application/jsonx\"}",
	 CO_DLQ_UNSUPPORTED_CONTENT, true},
	{"data: content type in a parameter", "\n" EVENT ",\"datacontenttype\":\"text/plain; x=+json\"}",
	 CO_DLQ_UNSUPPORTED_CONTENT, true},
	{"data: content type empty", "\n" EVENT ",\"datacontenttype\":\"\"}", CO_DLQ_UNSUPPORTED_CONTENT, true},
	{"data: content type a number", "\n" EVENT ",\"datacontenttype\":5}", CO_DLQ_UNSUPPORTED_CONTENT, true},
	{"data: content type before twice", "\n" EVENT ",\"datacontenttype\":\"x\",\"data\":{},\"data_base64\":\"e30=\"}",
	 CO_DLQ_UNSUPPORTED_CONTENT, true},
	{"base64: {}", "\n" EVENT ",\"data_base64\":\"e30=\"}", CO_DLQ_COUNT, false},
	{"base64: escaped solidus", "\n" EVENT ",\"data_base64\":\"eyJhIjoiPz8\\/In0=\"}", CO_DLQ_COUNT, false},
	{"base64: null", "\n" EVENT ",\"data_base64\":\"bnVsbA==\"}", CO_DLQ_COUNT, false},
	{"base64: empty", "\n" EVENT ",\"data_base64\":\"\"}", CO_DLQ_COUNT, false},
	{"base64: []", "\n" EVENT ",\"data_base64\":\"W10=\"}", CO_DLQ_NOT_OBJECT, true},
	{"base64: {", "\n" EVENT ",\"data_base64\":\"ew==\"}", CO_DLQ_NOT_JSON, true},
	{"base64: a number", "\n" EVENT ",\"data_base64\":5}", CO_DLQ_NOT_JSON, true},
	{"base64: no padding", "\n" EVENT ",\"data_base64\":\"e30\"}", CO_DLQ_NOT_JSON, true},
	{"base64: three paddings", "\n" EVENT ",\"data_base64\":\"e===\"}", CO_DLQ_NOT_JSON, true},
	{"base64: padding alone", "\n" EVENT ",\"data_base64\":\"====\"}", CO_DLQ_NOT_JSON, true},
	{"base64: padding inside", "\n" EVENT ",\"data_base64\":\"ew==e30=\"}", CO_DLQ_NOT_JSON, true},
	{"base64: line end inside", "\n" EVENT ",\"data_base64\":\"e30=\\n\"}", CO_DLQ_NOT_JSON, true},
	{"base64: blank inside", "\n" EVENT ",\"data_base64\":\"e3 =\"}", CO_DLQ_NOT_JSON, true},
	{"base64: URL alphabet", "\n" EVENT ",\"data_base64\":\"eyJhIjoiPz8_In0=\"}", CO_DLQ_NOT_JSON, true},
	{"base64: depth counted afresh, 32", /* {"a":[…31…]} */
	 "\n" EVENT ",\"data_base64\":"
	 "\"eyJhIjpbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXX0=\"}",
	 CO_DLQ_COUNT, false},
	{"base64: depth counted afresh, 33", /* {"a":[…32…]} */
	 "\n" EVENT ",\"data_base64\":"
	 "\"eyJhIjpbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW11dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dXV1dfQ==\"}",
	 CO_DLQ_NOT_JSON, true},
};

static void row_case(void **state)
{
	const struct row *row = *state;
	struct co_intake intake = read_record(co_view_cstr(row->text));

	assert_int_equal(intake.kind, row->reason == CO_DLQ_COUNT ? CO_INTAKE_COMMAND : CO_INTAKE_NOT_COMMAND);
	assert_int_equal(intake.reason, row->reason);
	assert_int_equal(intake.answerable, row->answerable);
	/* Outputs write the names as they are: there only when they are well formed. */
	assert_int_equal(intake.command.id.ptr != NULL, row->answerable || row->reason == CO_DLQ_COUNT);
	assert_int_equal(intake.command.source.ptr != NULL, row->answerable || row->reason == CO_DLQ_COUNT);
	assert_int_equal(intake.command.type.ptr != NULL, row->answerable || row->reason == CO_DLQ_COUNT);
	assert_int_equal(intake.command.data->type, CO_JSON_OBJECT);
}

/* ---- limits ---- */

/* Pads value and headers to these sizes; 0: as they are. */
static struct record_lines *size_up(const char *text, size_t value_bytes, size_t header_bytes, size_t headers)
{
	static struct record_lines lines;

	record_lines_read(co_view_cstr(text), &lines);
	if (value_bytes) {
		struct co_buf value = co_buf_make(&arena, value_bytes);

		co_buf_add(&value, lines.record.value);
		while (value.len < value_bytes)
			co_buf_add_byte(&value, ' ');
		lines.record.value = co_buf_view(&value);
	}
	while (lines.record.header_count < headers)
		lines.headers[lines.record.header_count++] = (struct co_header){CO_VIEW(""), {NULL, 0}};
	if (header_bytes) {
		struct co_buf value = co_buf_make(&arena, header_bytes);
		size_t bytes = 1;

		for (size_t i = 0; i < lines.record.header_count; i++)
			bytes += lines.headers[i].name.len + lines.headers[i].value.len;
		while (value.len + bytes < header_bytes)
			co_buf_add_byte(&value, 'h');
		lines.headers[lines.record.header_count++] = (struct co_header){CO_VIEW("x"), co_buf_view(&value)};
	}
	return &lines;
}

static struct co_intake read_sized(const char *text, size_t value_bytes, size_t header_bytes, size_t headers)
{
	struct co_intake intake;

	co_intake_read(&size_up(text, value_bytes, header_bytes, headers)->record, &arena, &intake);
	return intake;
}

static void assert_refused(struct co_intake intake, enum co_dlq reason, bool answerable)
{
	assert_int_equal(intake.reason, reason);
	assert_int_equal(intake.answerable, answerable);
}

static void read__value__is_too_large_just_above_256_KiB(void **state)
{
	(void)state;

	assert_int_equal(read_sized(V I S T "\n{}", 262144, 0, 0).reason, CO_DLQ_COUNT);
	assert_refused(read_sized(V I S T "\n{}", 262145, 0, 0), CO_DLQ_TOO_LARGE, true);
}

/* The value parses, so its sender is told (contract section 2); up to a size that no honest record has. */
static void read__structured_value_too_large__is_answered_from_the_value(void **state)
{
	(void)state;

	assert_int_equal(read_sized(STRUCTURED "\n" EVENT "}", 262144, 0, 0).reason, CO_DLQ_COUNT);
	assert_refused(read_sized(STRUCTURED "\n" EVENT "}", 262145, 0, 0), CO_DLQ_TOO_LARGE, true);
	assert_refused(read_sized("\n" EVENT "}", 262145, 0, 0), CO_DLQ_TOO_LARGE, true);
	assert_refused(read_sized("\n" EVENT "}", 1048576, 0, 0), CO_DLQ_TOO_LARGE, true);
	assert_refused(read_sized("\n" EVENT "}", 1048577, 0, 0), CO_DLQ_TOO_LARGE, false);
}

static void read__structured_value_too_large_and_no_json__has_no_answer(void **state)
{
	(void)state;

	assert_refused(read_sized(STRUCTURED V I S T "\n" EVENT ",", 262145, 0, 0), CO_DLQ_TOO_LARGE, false);
}

static void read__headers__are_too_large_just_above_64_KiB(void **state)
{
	(void)state;

	assert_int_equal(read_sized(V I S T "\n{}", 0, 65536, 0).reason, CO_DLQ_COUNT);
	assert_refused(read_sized(V I S T "\n{}", 0, 65537, 0), CO_DLQ_HEADERS_TOO_LARGE, true);
}

static void read__headers__are_too_many_just_above_128(void **state)
{
	(void)state;

	assert_int_equal(read_sized(V I S T "\n{}", 0, 0, 128).reason, CO_DLQ_COUNT);
	assert_refused(read_sized(V I S T "\n{}", 0, 0, 129), CO_DLQ_HEADERS_TOO_LARGE, true);
}

/* The value parses, so there is an answer (contract section 2). */
static void read__structured_with_too_many_headers__is_answered_from_the_value(void **state)
{
	(void)state;

	struct co_intake intake = read_sized("\n" EVENT "}", 0, 0, 129);

	assert_refused(intake, CO_DLQ_HEADERS_TOO_LARGE, true);
	assert_true(co_view_eq(intake.command.source, CO_VIEW("/s")));
}

/* As forwarding makes it: with `checkout-forwarded` as the last header. */
static enum co_dlq read_copy(size_t headers, size_t header_bytes, const char *position)
{
	const struct co_header forwarded = {CO_VIEW("Checkout-Forwarded"), co_view_cstr(position)};
	struct co_intake intake;
	struct record_lines *lines = size_up(V I S T "\n{}", 0, header_bytes, headers);

	lines->headers[lines->record.header_count++] = forwarded;
	co_intake_read(&lines->record, &arena, &intake);
	return intake.reason;
}

static void read__forwarded_copy__is_never_refused_for_its_header(void **state)
{
	(void)state;

	assert_int_equal(read_copy(128, 0, "0/0"), CO_DLQ_COUNT);
	assert_int_equal(read_copy(129, 0, "0/0"), CO_DLQ_HEADERS_TOO_LARGE);
	assert_int_equal(read_copy(0, 65536, "2147483647/9223372036854775807"), CO_DLQ_COUNT);
	assert_int_equal(read_copy(0, 65537, "2147483647/9223372036854775807"), CO_DLQ_HEADERS_TOO_LARGE);
}

/* Made by somebody else. */
static void read__forwarded_header_without_a_position__counts(void **state)
{
	static const char *const values[] = {
		"", "/", "1/", "/11", "1", "11", "1/2/3", "a/1", " 1/2", "00000000000000000000/0000000000", "-1/2"};
	(void)state;

	for (size_t i = 0; i < COUNT(values); i++)
		assert_int_equal(read_copy(128, 0, values[i]), CO_DLQ_HEADERS_TOO_LARGE);
}

static void read__forwarded_header_that_is_not_the_last__counts(void **state)
{
	static const char one[] = V I S T "checkout-forwarded: 1/2\n\n{}";
	(void)state;

	assert_int_equal(read_sized(one, 0, 0, 128).reason, CO_DLQ_COUNT);
	assert_refused(read_sized(one, 0, 0, 129), CO_DLQ_HEADERS_TOO_LARGE, true);
}

static void read__limits__come_before_everything_else(void **state)
{
	(void)state;

	assert_int_equal(read_sized("\n{", 262145, 0, 129).reason, CO_DLQ_TOO_LARGE);
	assert_int_equal(read_sized("\n{", 0, 0, 129).reason, CO_DLQ_HEADERS_TOO_LARGE);
	assert_int_equal(read_sized("content-type: application/cloudevents-batch+json\n\n[]", 262145, 0, 0).reason,
					 CO_DLQ_TOO_LARGE);
}

static void dlq_reason__every_row__has_its_own_text(void **state)
{
	(void)state;

	assert_true(co_view_eq(co_dlq_reason(CO_DLQ_NOT_JSON), CO_VIEW("not_json")));
	assert_true(co_view_eq(co_dlq_reason(CO_DLQ_DATA_TWICE), CO_VIEW("data_twice")));
	for (size_t i = 0; i < CO_DLQ_COUNT; i++) {
		for (size_t j = 0; j < i; j++)
			assert_false(co_view_eq(co_dlq_reason((enum co_dlq)i), co_dlq_reason((enum co_dlq)j)));
	}
}

int main(void)
{
	static const struct CMUnitTest named[] = {
		ARENA_TEST(read__value__is_too_large_just_above_256_KiB),
		ARENA_TEST(read__structured_value_too_large__is_answered_from_the_value),
		ARENA_TEST(read__structured_value_too_large_and_no_json__has_no_answer),
		ARENA_TEST(read__headers__are_too_large_just_above_64_KiB),
		ARENA_TEST(read__headers__are_too_many_just_above_128),
		ARENA_TEST(read__structured_with_too_many_headers__is_answered_from_the_value),
		ARENA_TEST(read__forwarded_copy__is_never_refused_for_its_header),
		ARENA_TEST(read__forwarded_header_that_is_not_the_last__counts),
		ARENA_TEST(read__forwarded_header_without_a_position__counts),
		ARENA_TEST(read__limits__come_before_everything_else),
		ARENA_TEST(dlq_reason__every_row__has_its_own_text),
	};
	static struct CMUnitTest tests[COUNT(rows) + COUNT(named)];

	memcpy(tests, named, sizeof(named));
	for (size_t i = 0; i < COUNT(rows); i++)
		tests[COUNT(named) + i] = ARENA_ROW(row_case, &rows[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
