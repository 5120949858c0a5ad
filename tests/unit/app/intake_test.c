/* From a record to a whole command: attributes, data, digests, ticks (contract sections 2, 5 and 6). */
#include "intake_support.h"

#include <stdio.h>
#include <string.h>

#define UUID_A "123e4567-e89b-12d3-a456-426614174000"
#define UUID_B "b6df8625-cd25-4123-b345-638aa7b5d001"

static struct co_intake read_any(const char *text)
{
	return read_record(co_view_cstr(text));
}

static struct co_intake read_command(const char *text)
{
	struct co_intake intake = read_any(text);

	assert_int_equal(intake.kind, CO_INTAKE_COMMAND);
	return intake;
}

static void assert_uuid(const struct co_uuid *uuid, const char *text)
{
	char written[CO_UUID_TEXT + 1];

	co_uuid_format(uuid, written);
	assert_string_equal(written, text);
}

/* ---- attributes ---- */

/* All that the two modes write in their own way, but the credentials, which are headers in both. */
static void assert_every_attribute(const struct co_intake *intake)
{
	assert_int_equal(intake->command.kind, CO_COMMAND_CAPTURE);
	assert_view(intake->command.id, "c-1");
	assert_view(intake->command.source, "/shop");
	assert_view(intake->command.type, "checkout.session.capture");
	assert_int_equal(intake->command.subject_is, CO_PRESENT);
	assert_uuid(&intake->command.subject, UUID_B);
	assert_int_equal(intake->command.merchant_is, CO_PRESENT);
	assert_uuid(&intake->command.merchant_id, UUID_A);
	assert_int_equal(intake->command.namespace_is, CO_PRESENT);
	assert_view(intake->command.namespace_name, "eu");
	assert_int_equal(intake->command.expiry_is, CO_PRESENT);
	assert_int_equal(intake->command.expiry_ms, 1767225601000);
	assert_int_equal(co_json_get(intake->command.data, CO_VIEW("amount"))->integer, 7);
	assert_view(intake->traceparent, "tp");
	assert_view(intake->tracestate, "ts");
	assert_view(intake->api_key, "k");
	assert_false(intake->answerable);
}

static void read__binary__every_attribute_is_taken(void **state)
{
	(void)state;

	struct co_intake intake =
		read_command("ce_specversion: 1.0\nce_id: c-1\nce_source: /shop\nce_type: checkout.session.capture\n"
					 "ce_subject: B6DF8625-CD25-4123-B345-638AA7B5D001\nce_merchantid: " UUID_A
					 "\nce_namespace: eu\nce_expirytime: 2026-01-01T00:00:01Z\nce_time: whenever\n"
					 "traceparent: tp\ntracestate: ts\nAuthorization: Bearer b\nX-API-Key: k\n"
					 "\n{\"amount\":7}");

	assert_every_attribute(&intake);
	assert_view(intake.authorization, "Bearer b");
}

static void read__structured__every_attribute_is_taken(void **state)
{
	(void)state;

	struct co_intake intake =
		read_command("x-api-key: k\nauthorization: Basic b\nce_id: other\nce_subject: other\n\n"
					 "{\"specversion\":\"1.0\",\"id\":\"c-1\",\"source\":\"/"
					 "shop\",\"type\":\"checkout.session.capture\",\"subject\":\"" UUID_B "\",\"merchantid\":\"" UUID_A
					 "\",\"namespace\":\"eu\",\"expirytime\":\"2026-01-01t00:00:01z\",\"time\":5,"
					 "\"traceparent\":\"tp\",\"tracestate\":\"ts\",\"datacontenttype\":\"application/"
					 "json\",\"data\":{\"amount\":7}}");

	assert_every_attribute(&intake);
	assert_view(intake.authorization, "Basic b");
}

static void read__no_optional_attributes__are_absent(void **state)
{
	static const char *const texts[] = {NAMES "\n{}", "\n" EVENT "}",
										"\n" EVENT ",\"subject\":null,\"merchantid\":null,\"namespace\":null,"
										"\"expirytime\":null,\"traceparent\":null,\"tracestate\":null}"};
	(void)state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct co_intake intake = read_command(texts[i]);

		assert_int_equal(intake.command.merchant_is, CO_ABSENT);
		assert_int_equal(intake.command.subject_is, CO_ABSENT);
		assert_int_equal(intake.command.namespace_is, CO_ABSENT);
		assert_view(intake.command.namespace_name, "default");
		assert_int_equal(intake.command.expiry_is, CO_ABSENT);
		assert_view(intake.traceparent, NULL);
		assert_view(intake.tracestate, NULL);
		assert_view(intake.authorization, NULL);
		assert_view(intake.api_key, NULL);
	}
}

/* Malformed is not absent: the core tells it by name (contract section 5, step 1). */
static void read__malformed_attributes__are_told_as_such(void **state)
{
	static const char *const texts[] = {
		NAMES "ce_subject:\nce_merchantid: 123\nce_namespace:\nce_expirytime: 2026-01-01\nX-Merchant-Id: " UUID_A
			  "\n\n{}",
		"X-Merchant-Id: " UUID_A "\n\n" EVENT
		",\"subject\":5,\"merchantid\":{},\"namespace\":[\"eu\"],\"expirytime\":1.5}",
		"X-Merchant-Id: " UUID_A "\n\n" EVENT ",\"subject\":\"x\",\"merchantid\":\"\",\"namespace\":\"a\\u0009\","
		"\"expirytime\":\"\"}"};
	(void)state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct co_intake intake = read_command(texts[i]);

		assert_int_equal(intake.command.merchant_is, CO_MALFORMED);
		assert_int_equal(intake.command.subject_is, CO_MALFORMED);
		assert_int_equal(intake.command.namespace_is, CO_MALFORMED);
		assert_view(intake.command.namespace_name, "default");
		assert_int_equal(intake.command.expiry_is, CO_MALFORMED);
	}
}

static enum co_presence namespace_of(const char *unit, size_t times)
{
	struct co_buf text = co_buf_make(&arena, 512);

	co_buf_lit(&text, NAMES "ce_namespace: ");
	for (size_t i = 0; i < times; i++)
		co_buf_add(&text, co_view_cstr(unit));
	co_buf_lit(&text, "\n\n{}");
	co_buf_add_byte(&text, '\0');
	return read_command(text.ptr).command.namespace_is;
}

static void read__namespace__has_1_to_64_characters(void **state)
{
	(void)state;

	assert_int_equal(namespace_of("n", 1), CO_PRESENT);
	assert_int_equal(namespace_of("n", 64), CO_PRESENT);
	assert_int_equal(namespace_of("\xF0\x9F\x9B\x92", 64), CO_PRESENT);
	assert_int_equal(namespace_of("n", 65), CO_MALFORMED);
	assert_int_equal(namespace_of("\xF0\x9F\x9B\x92", 65), CO_MALFORMED);
	assert_int_equal(namespace_of("", 1), CO_MALFORMED);
	assert_int_equal(namespace_of("\x7F", 1), CO_MALFORMED);
	assert_int_equal(namespace_of("\xC2\x9F", 1), CO_MALFORMED);
	assert_int_equal(namespace_of("\xC2\xA0", 1), CO_PRESENT);
}

static enum co_intake_kind kind_of(const char *header, const char *unit, size_t times)
{
	static const char *const names[] = {"ce_id", "ce_source", "ce_type"};
	struct co_buf text = co_buf_make(&arena, 2048);

	co_buf_lit(&text, "ce_specversion: 1.0\n");
	for (size_t i = 0; i < COUNT(names); i++) {
		bool meant = strcmp(names[i], header) == 0;

		co_buf_add(&text, co_view_cstr(names[i]));
		co_buf_lit(&text, ": ");
		for (size_t left = meant ? times : 1; left; left--)
			co_buf_add(&text, co_view_cstr(meant ? unit : i == 2 ? "checkout.session.get" : "x"));
		co_buf_lit(&text, "\n");
	}
	co_buf_lit(&text, "\n{}");
	co_buf_add_byte(&text, '\0');
	struct co_intake intake = read_any(text.ptr);
	if (intake.kind == CO_INTAKE_NOT_COMMAND && !intake.answerable)
		assert_int_equal(intake.reason, CO_DLQ_ATTRIBUTES);
	return intake.kind;
}

/* Characters are code points. */
static void read__id_and_source__have_their_lengths(void **state)
{
	(void)state;

	assert_int_equal(kind_of("ce_id", "i", 128), CO_INTAKE_COMMAND);
	assert_int_equal(kind_of("ce_id", "i", 129), CO_INTAKE_NOT_COMMAND);
	assert_int_equal(kind_of("ce_id", "\xF0\x9F\x9B\x92", 128), CO_INTAKE_COMMAND);
	assert_int_equal(kind_of("ce_id", "\xF0\x9F\x9B\x92", 129), CO_INTAKE_NOT_COMMAND);
	assert_int_equal(kind_of("ce_source", "s", 256), CO_INTAKE_COMMAND);
	assert_int_equal(kind_of("ce_source", "s", 257), CO_INTAKE_NOT_COMMAND);
	assert_int_equal(kind_of("ce_source", "", 1), CO_INTAKE_NOT_COMMAND);
}

/* 256 characters of type are well formed, hence answered; 257 are not. */
static void read__unknown_type__is_well_formed_up_to_256(void **state)
{
	struct co_buf text = co_buf_make(&arena, 1024);
	(void)state;

	co_buf_lit(&text, "ce_specversion: 1.0\nce_id: i\nce_source: /s\nce_type: ");
	for (size_t i = 0; i < 256; i++)
		co_buf_lit(&text, "t");
	co_buf_lit(&text, "\n\n{}");
	co_buf_add_byte(&text, '\0');
	struct co_intake intake = read_any(text.ptr);
	assert_int_equal(intake.reason, CO_DLQ_UNKNOWN_TYPE);
	assert_true(intake.answerable);

	text.len -= sizeof("\n\n{}");
	co_buf_lit(&text, "t\n\n{}");
	co_buf_add_byte(&text, '\0');
	intake = read_any(text.ptr);
	assert_int_equal(intake.reason, CO_DLQ_ATTRIBUTES);
	assert_false(intake.answerable);
}

static void read__every_command__is_known_by_its_name(void **state)
{
	static const char *const names[] = {
#define CO_COMMAND(ident, name, status, needs_subject, remembered) [CO_COMMAND_##ident] = name,
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
	};
	(void)state;

	for (size_t i = 0; i < COUNT(names); i++) {
		char text[256];

		(void)snprintf(text, sizeof(text),
					   "ce_specversion: 1.0\nce_id: i\nce_source: /s\nce_type: checkout.session.%s\n\n", names[i]);
		assert_int_equal(read_command(text).command.kind, i);
	}
}

static void read__merchant_header__counts_where_the_attribute_is_absent(void **state)
{
	(void)state;

	struct co_intake intake = read_command(NAMES "X-Merchant-Id: " UUID_B "\n\n{}");
	assert_int_equal(intake.command.merchant_is, CO_PRESENT);
	assert_uuid(&intake.command.merchant_id, UUID_B);
	intake = read_command("x-merchant-id: " UUID_B "\n\n" EVENT ",\"merchantid\":null}");
	assert_uuid(&intake.command.merchant_id, UUID_B);
	intake = read_command(NAMES "x-merchant-id: " UUID_B "\nce_merchantid: " UUID_A "\n\n{}");
	assert_uuid(&intake.command.merchant_id, UUID_A);
	intake = read_command("x-merchant-id: " UUID_B "\n\n" EVENT ",\"merchantid\":\"" UUID_A "\"}");
	assert_uuid(&intake.command.merchant_id, UUID_A);
	intake = read_command(NAMES "x-merchant-id: nobody\n\n{}");
	assert_int_equal(intake.command.merchant_is, CO_MALFORMED);
}

static void read__structured_trace__is_the_attribute_or_else_the_header(void **state)
{
	(void)state;

	struct co_intake intake = read_command("traceparent: h\ntracestate: h\n\n" EVENT ",\"traceparent\":\"a\"}");
	assert_view(intake.traceparent, "a");
	assert_view(intake.tracestate, "h");
	intake = read_command("traceparent: h\n\n" EVENT ",\"traceparent\":5}");
	assert_view(intake.traceparent, "h");
	/* A refused record keeps its trace: the answer carries it. */
	intake = read_any("traceparent: h\n\n{\"specversion\":\"2\",\"traceparent\":\"a\"}");
	assert_int_equal(intake.kind, CO_INTAKE_NOT_COMMAND);
	assert_view(intake.traceparent, "a");
	intake = read_any("content-type: application/cloudevents+json\ntraceparent: h\n\n{");
	assert_view(intake.traceparent, "h");
}

/* ---- headers ---- */

static void read__header_names__have_no_case_and_the_last_counts(void **state)
{
	(void)state;

	struct co_intake intake = read_command("CE_SPECVERSION: 1.0\nCe_Id: first\nce_ID: last\nce_source: /s\n"
										   "CE_Type: checkout.session.get\nX-API-KEY: k\n\n{}");
	assert_view(intake.command.id, "last");
	assert_view(intake.api_key, "k");
}

/* The last one counts, and it says that there is none. */
static void read__null_header_last__makes_the_attribute_absent(void **state)
{
	(void)state;

	struct co_intake intake = read_command(NAMES "ce_namespace: eu\nce_namespace\n\n{}");
	assert_int_equal(intake.command.namespace_is, CO_ABSENT);
	intake = read_command(NAMES "ce_namespace\nce_namespace: eu\n\n{}");
	assert_int_equal(intake.command.namespace_is, CO_PRESENT);
}

/* ---- data ---- */

static void read__no_data__is_the_empty_object(void **state)
{
	static const char *const texts[] = {NAMES,
										NAMES "\n",
										NAMES "\nnull",
										NAMES "\n null ",
										"\n" EVENT "}",
										"\n" EVENT ",\"data\":null}",
										"\n" EVENT ",\"data_base64\":\"bnVsbA==\"}"};
	(void)state;

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_ptr_equal(read_command(texts[i]).command.data, co_json_empty_object());
}

/* With a ce_specversion header the value is data, whatever it looks like. */
static void read__binary_with_specversion_member__is_data(void **state)
{
	(void)state;

	struct co_intake intake = read_command(NAMES "\n{\"specversion\":\"1.0\",\"id\":\"inner\"}");

	assert_view(intake.command.id, "i");
	assert_int_equal(intake.command.data->count, 2);
}

/* Every length of the padding. */
static void read__data_base64__is_decoded(void **state)
{
	static const char *const texts[] = {"\n" EVENT ",\"data_base64\":\"eyJhIjoxMn0=\"}",
										"\n" EVENT ",\"data_base64\":\"eyJhIjogMTJ9\"}",
										"\n" EVENT ",\"data_base64\":\"eyJhIjogIDEyfQ==\"}"};
	(void)state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct co_intake intake = read_command(texts[i]);

		assert_int_equal(co_json_get(intake.command.data, CO_VIEW("a"))->integer, 12);
	}
	struct co_intake intake = read_command("\n" EVENT ",\"data_base64\":\"eyJhIjoiPz8/w7/Ds8OvfiJ9\"}");
	assert_view(co_json_get(intake.command.data, CO_VIEW("a"))->text, "???\xC3\xBF\xC3\xB3\xC3\xAF~");
}

/* ---- digests ---- */

struct digests {
	const char *name, *a, *b;
	bool same_identity, same_content;
};

#define WITH(source, id, type, data) \
	"ce_specversion: 1.0\nce_source: " source "\nce_id: " id "\nce_type: checkout.session." type "\n\n" data

static const struct digests digests[] = {
	{"digest: the same", WITH("/s", "i", "cancel", "{\"reason\":\"x\"}"),
	 WITH("/s", "i", "cancel", "{ \"reason\":\"x\" }"), true, true},
	{"digest: other id", WITH("/s", "i", "cancel", "{}"), WITH("/s", "j", "cancel", "{}"), false, true},
	{"digest: other source", WITH("/s", "i", "cancel", "{}"), WITH("/S", "i", "cancel", "{}"), false, true},
	{"digest: other type", WITH("/s", "i", "cancel", "{}"), WITH("/s", "i", "expire", "{}"), true, false},
	{"digest: other data", WITH("/s", "i", "cancel", "{}"), WITH("/s", "i", "cancel", "{\"reason\":\"x\"}"), true,
	 false},
	{"digest: where the source ends", WITH("/s1", "1", "cancel", "{}"), WITH("/s", "11", "cancel", "{}"), false, true},
	{"digest: a colon in the source", WITH("1:a", "b", "cancel", "{}"), WITH("1", "a:b", "cancel", "{}"), false, true},
	{"digest: source and id swapped", WITH("a", "b", "cancel", "{}"), WITH("b", "a", "cancel", "{}"), false, true},
	{"digest: null member", WITH("/s", "i", "cancel", "{}"), WITH("/s", "i", "cancel", "{\"reason\":null}"), true,
	 false},
	{"digest: integer and real", WITH("/s", "i", "capture", "{\"amount\":1}"),
	 WITH("/s", "i", "capture", "{\"amount\":1.0}"), true, false},
	{"digest: member order", WITH("/s", "i", "fail", "{\"code\":\"a\",\"reason\":\"b\"}"),
	 WITH("/s", "i", "fail", "{\"reason\":\"b\",\"code\":\"a\"}"), true, true},
	{"digest: no data and empty data", WITH("/s", "i", "get", ""), WITH("/s", "i", "get", "{}"), true, true},
	{"digest: modes", WITH("/s", "i", "get", "{\"a\":1}"),
	 "\n{\"data\":{\"a\":1},\"type\":\"checkout.session.get\",\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\"}",
	 true, true},
	{"digest: other attributes do not count", WITH("/s", "i", "get", "{}"),
	 "ce_namespace: eu\nreply_to: x\ntraceparent: y\n" WITH("/s", "i", "get", "{}"), true, true},
};

static void digests_case(void **state)
{
	const struct digests *row = *state;

	struct co_command a = read_command(row->a).command, b = read_command(row->b).command;

	assert_int_equal(memcmp(&a.identity, &b.identity, sizeof(a.identity)) == 0, row->same_identity);
	assert_int_equal(memcmp(&a.content, &b.content, sizeof(a.content)) == 0, row->same_content);
}

/* Digests are stored with remembered commands: a release that makes others forgets what it was asked. */
static void read__digests__never_change(void **state)
{
	static const uint8_t identity[16] = {0xd5, 0x75, 0x3d, 0xa3, 0x3f, 0x34, 0x56, 0x8e,
										 0xb4, 0xcf, 0xde, 0xf6, 0x35, 0xfd, 0x58, 0x09},
						 content[16] = {0x0d, 0xf6, 0x07, 0x03, 0xe9, 0x93, 0x50, 0x66,
										0xab, 0xe7, 0x4f, 0x02, 0xd2, 0x2c, 0x2f, 0x3d};
	(void)state;

	struct co_command command =
		read_command(WITH("/shop", "c-1", "fail", "{\"reason\":\"a\",\"n\":[1,-1,1.5,true,false,null,{}]}")).command;

	assert_memory_equal(command.identity.bytes, identity, sizeof(identity));
	assert_memory_equal(command.content.bytes, content, sizeof(content));
}

/* ---- ticks ---- */

/* Anyone may send it, and nothing else is asked of it (contract section 5, Time). */
static void read__tick__is_told_by_type_and_emptiness_alone(void **state)
{
	static const char *const texts[] = {
		"ce_type: checkout.session.tick\n", "CE_TYPE: checkout.session.tick\n\n",
		"content-type: application/cloudevents+json\nce_type: checkout.session.tick\n",
		"content-type: application/cloudevents-batch+json\nce_type: checkout.session.tick\n",
		"ce_specversion: 9\nce_id: \xFF\nreply_to: x\nce_type: checkout.session.tick\n\n"};
	(void)state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct co_intake intake = read_any(texts[i]);

		assert_int_equal(intake.kind, CO_INTAKE_TICK);
		assert_false(intake.answerable);
		assert_int_equal(intake.reply.dialect, CO_DIALECT_NONE);
	}
	assert_int_equal(read_any("ce_type: checkout.session.tick\n\n ").kind, CO_INTAKE_NOT_COMMAND);
	assert_int_equal(read_any("ce_type: checkout.session.tick\n\nnull").kind, CO_INTAKE_NOT_COMMAND);
	assert_int_equal(read_any("ce_type: checkout.session.Tick\n").kind, CO_INTAKE_NOT_COMMAND);
	assert_int_equal(read_any("ce_type: checkout.session.tick\nce_type\n").kind, CO_INTAKE_NOT_COMMAND);
}

int main(void)
{
	static const struct CMUnitTest named[] = {
		ARENA_TEST(read__binary__every_attribute_is_taken),
		ARENA_TEST(read__structured__every_attribute_is_taken),
		ARENA_TEST(read__no_optional_attributes__are_absent),
		ARENA_TEST(read__malformed_attributes__are_told_as_such),
		ARENA_TEST(read__namespace__has_1_to_64_characters),
		ARENA_TEST(read__id_and_source__have_their_lengths),
		ARENA_TEST(read__unknown_type__is_well_formed_up_to_256),
		ARENA_TEST(read__every_command__is_known_by_its_name),
		ARENA_TEST(read__merchant_header__counts_where_the_attribute_is_absent),
		ARENA_TEST(read__structured_trace__is_the_attribute_or_else_the_header),
		ARENA_TEST(read__header_names__have_no_case_and_the_last_counts),
		ARENA_TEST(read__null_header_last__makes_the_attribute_absent),
		ARENA_TEST(read__no_data__is_the_empty_object),
		ARENA_TEST(read__binary_with_specversion_member__is_data),
		ARENA_TEST(read__data_base64__is_decoded),
		ARENA_TEST(read__digests__never_change),
		ARENA_TEST(read__tick__is_told_by_type_and_emptiness_alone),
	};
	static struct CMUnitTest tests[COUNT(digests) + COUNT(named)];

	memcpy(tests, named, sizeof(named));
	for (size_t i = 0; i < COUNT(digests); i++)
		tests[COUNT(named) + i] = ARENA_ROW(digests_case, &digests[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
