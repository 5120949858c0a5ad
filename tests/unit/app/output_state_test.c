/* Records of state, dlq and the forwarded copy, and reading state back: contract section 1. */
#include "output_fixture.h"

#include <stdio.h>
#include <string.h>

#define KEY "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"
#define SNAPSHOT                                                                                             \
	"{\"id\":\"" KEY "\",\"merchantId\":\"123e4567-e89b-12d3-a456-426614174000\",\"namespace\":\"default\"," \
	"\"referenceId\":\"order-1\",\"status\":\"open\",\"version\":3,\"amount\":1000,\"currency\":\"USD\","    \
	"\"capture\":false,\"capturedAmount\":600,\"modes\":[\"PAYMENT_WITH_WALLET\",\"WALLET\",\"WALLET\"],"    \
	"\"payment\":{\"status\":\"processing\",\"intentId\":\"pi-1\","                                          \
	"\"method\":{\"family\":\"card\",\"type\":\"credit\",\"brand\":null},\"processor\":null},"               \
	"\"metadata\":{\"channel\":\"web\",\"a/b~\\\"c\\\"\":\"\xc3\xbc\\\\\\n\"},"                              \
	"\"createdAt\":\"2026-01-01T00:00:00.000Z\",\"updatedAt\":\"2026-01-01T00:00:02.500Z\","                 \
	"\"expiresAt\":\"2026-01-01T00:30:00.000Z\",\"reason\":null}"

static struct co_state_record read_back(struct fixture *fixture, struct co_view key, struct co_view value)
{
	struct co_record record = {.partition = 3, .offset = 7, .key = key, .value = value};
	struct co_state_record out;

	memset(&out, 0x5a, sizeof out);
	co_state_read(&record, &fixture->arena, &out);
	return out;
}

static void state__session__golden_bytes(void **state)
{
	struct fixture *fixture = *state;

	co_output_state(&fixture->names, &fixture->arena, 3, &fixture->session_id, fixture_shown(fixture, 3),
					co_view_make("L\x01\xff\xfe", 4), &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.state\n3 -1\n" KEY "\n"
						"{\"session\":" SNAPSHOT ",\"stored\":\"TAH//g==\"}\n");
}

static void state__tombstone__golden_bytes(void **state)
{
	struct fixture *fixture = *state;

	co_output_tombstone(&fixture->names, &fixture->arena, 3, &fixture->session_id, &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message), "checkout.session.state\n3 -1\n" KEY "\n(null)\n");
	assert_int_equal(read_back(fixture, fixture->message.key, fixture->message.value).kind, CO_STATE_TOMBSTONE);
}

static void state__lane__golden_bytes_and_back(void **state)
{
	struct fixture *fixture = *state;
	struct co_state_record record;

	co_output_lane(&fixture->names, &fixture->arena, 3, 1316, INT64_MAX, 1767225600000, &fixture->message);

	assert_string_equal(
		fixture_text(fixture, &fixture->message),
		"checkout.session.state\n3 -1\nlane\n{\"seq\":1316,\"next\":9223372036854775807,\"t\":1767225600000}\n");
	record = read_back(fixture, fixture->message.key, fixture->message.value);
	assert_int_equal(record.kind, CO_STATE_LANE);
	assert_int_equal(record.seq, 1316);
	assert_int_equal(record.next_offset, INT64_MAX);
	assert_int_equal(record.clock_ms, 1767225600000);
}

/* All lengths around the base64 groups and blocks come back. */
static void state__stored_bytes__come_back(void **state)
{
	struct fixture *fixture = *state;
	char bytes[200];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (char)(i * 37 + 11);
	for (size_t length = 0; length <= sizeof bytes; length++) {
		struct co_state_record record;

		co_output_state(&fixture->names, &fixture->arena, 3, &fixture->session_id, fixture_shown(fixture, 3),
						co_view_make(bytes, length), &fixture->message);
		record = read_back(fixture, fixture->message.key, fixture->message.value);
		assert_int_equal(record.kind, CO_STATE_SESSION);
		assert_true(co_uuid_eq(&record.session_id, &fixture->session_id));
		assert_int_equal(record.stored.len, length);
		assert_memory_equal(record.stored.ptr, bytes, length);
	}
}

/* Key and value of what is none of ours; neighbours of what is. */
static const struct read_row {
	const char *name, *key, *value; /* NULL: absent */
	enum co_state_kind kind;
} read_rows[] = {
	{"session", KEY, "{\"stored\":\"TAE=\"}", CO_STATE_SESSION},
	{"session-members-ignored", KEY, "{\"x\":1,\"stored\":\"TAE=\",\"session\":{}}", CO_STATE_SESSION},
	{"key-absent", NULL, "{\"stored\":\"TAE=\"}", CO_STATE_UNKNOWN},
	{"key-empty", "", "{\"stored\":\"TAE=\"}", CO_STATE_UNKNOWN},
	{"key-upper-case", "C16611AF-3058-52C9-A2D2-FD3C2A77D3B8", "{\"stored\":\"TAE=\"}", CO_STATE_UNKNOWN},
	{"key-short", "c16611af-3058-52c9-a2d2-fd3c2a77d3b", NULL, CO_STATE_UNKNOWN},
	{"key-long", KEY "0", NULL, CO_STATE_UNKNOWN},
	{"value-empty", KEY, "", CO_STATE_UNKNOWN},
	{"value-no-json", KEY, "{\"stored\":\"TAE=\"", CO_STATE_UNKNOWN},
	{"value-array", KEY, "[\"TAE=\"]", CO_STATE_UNKNOWN},
	{"stored-missing", KEY, "{\"session\":{}}", CO_STATE_UNKNOWN},
	{"stored-null", KEY, "{\"stored\":null}", CO_STATE_UNKNOWN},
	{"stored-number", KEY, "{\"stored\":1}", CO_STATE_UNKNOWN},
	{"base64-unpadded", KEY, "{\"stored\":\"TAE\"}", CO_STATE_UNKNOWN},
	{"base64-overpadded", KEY, "{\"stored\":\"TAE==\"}", CO_STATE_UNKNOWN},
	{"base64-three-pads", KEY, "{\"stored\":\"T===\"}", CO_STATE_UNKNOWN},
	{"base64-only-pads", KEY, "{\"stored\":\"====\"}", CO_STATE_UNKNOWN},
	{"base64-pad-inside", KEY, "{\"stored\":\"TA==TAE=\"}", CO_STATE_UNKNOWN},
	{"base64-pad-then-digit", KEY, "{\"stored\":\"TA=E\"}", CO_STATE_UNKNOWN},
	{"base64-stray-bits-one-byte", KEY, "{\"stored\":\"TB==\"}", CO_STATE_UNKNOWN},
	{"base64-stray-bits-two-bytes", KEY, "{\"stored\":\"TAF=\"}", CO_STATE_UNKNOWN},
	{"base64-url-alphabet", KEY, "{\"stored\":\"-_==\"}", CO_STATE_UNKNOWN},
	{"base64-blank", KEY, "{\"stored\":\"TAE= \"}", CO_STATE_UNKNOWN},
	{"base64-line-end", KEY, "{\"stored\":\"TAE=\\n\"}", CO_STATE_UNKNOWN},
	{"tombstone", KEY, NULL, CO_STATE_TOMBSTONE},
	{"lane", "lane", "{\"seq\":0,\"next\":0,\"t\":0}", CO_STATE_LANE},
	{"lane-other-order", "lane", "{\"t\":3,\"next\":1,\"seq\":2}", CO_STATE_LANE},
	{"lane-case", "Lane", "{\"seq\":0,\"next\":0,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-longer", "lane2", "{\"seq\":0,\"next\":0,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-tombstone", "lane", NULL, CO_STATE_UNKNOWN},
	{"lane-negative", "lane", "{\"seq\":-1,\"next\":0,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-negative-next", "lane", "{\"seq\":1,\"next\":-1,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-fraction", "lane", "{\"seq\":1.0,\"next\":0,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-text", "lane", "{\"seq\":\"1\",\"next\":0,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-missing", "lane", "{\"seq\":1,\"t\":0}", CO_STATE_UNKNOWN},
	{"lane-no-clock", "lane", "{\"seq\":1,\"next\":1}", CO_STATE_UNKNOWN},
};

static void state__read__kind(void **state)
{
	const struct read_row *row = *state;
	struct fixture fixture;

	fixture_begin(&fixture);

	assert_int_equal(read_back(&fixture, co_view_cstr(row->key), co_view_cstr(row->value)).kind, row->kind);

	fixture_end(&fixture);
}

static void dlq__record_with_credentials__masked_and_told(void **state)
{
	struct fixture *fixture = *state;

	co_output_dlq(&fixture->names, &fixture->arena, &fixture->record, CO_DLQ_UNKNOWN_TYPE, &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.dlq\n3 -1\nK\xff\n"
						"ce_id: c-\"3\"\xe2\x82\xac\nAuthorization: ***\nx-api-key: (null)\nX-API-KEY: ***\n"
						"other: \\0\xff\nother: \n"
						"checkout-dlq-reason: unknown_type\ncheckout-dlq-topic: checkout.session.commands\n"
						"checkout-dlq-partition: 3\ncheckout-dlq-offset: 42\ncheckout-dlq-timestamp: 1767225602400\n"
						"{\"amount\":600}\n");
}

/* Nulls stay nulls; what a header is called by others is no credential. */
static void dlq__null_record__stays_null(void **state)
{
	struct fixture *fixture = *state;
	struct co_header header = {CO_VIEW("x-authorization"), CO_VIEW("kept")};
	fixture->record =
		(struct co_record){.partition = 0, .offset = 0, .timestamp_ms = -1, .header_count = 1, .headers = &header};

	co_output_dlq(&fixture->names, &fixture->arena, &fixture->record, CO_DLQ_NOT_JSON, &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.dlq\n0 -1\n(null)\nx-authorization: kept\ncheckout-dlq-reason: not_json\n"
						"checkout-dlq-topic: checkout.session.commands\ncheckout-dlq-partition: 0\n"
						"checkout-dlq-offset: 0\ncheckout-dlq-timestamp: -1\n(null)\n");
}

static void dlq__no_headers__only_ours(void **state)
{
	struct fixture *fixture = *state;
	fixture->record.header_count = 0;
	fixture->record.headers = NULL;

	co_output_dlq(&fixture->names, &fixture->arena, &fixture->record, CO_DLQ_TOO_LARGE, &fixture->message);

	assert_int_equal(fixture->message.header_count, 5);
}

/* Forwarding alone keeps credentials (section 2). */
static void forward__record__copied_with_its_origin(void **state)
{
	struct fixture *fixture = *state;

	co_output_forward(&fixture->names, &fixture->arena, &fixture->record, &fixture->session_id, 1, true,
					  &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.commands\n1 1767225602400\n" KEY "\n"
						"ce_id: c-\"3\"\xe2\x82\xac\nAuthorization: Bearer " SECRET "\nx-api-key: (null)\n"
						"X-API-KEY: " SECRET "\nother: \\0\xff\nother: \ncheckout-forwarded: 3/42\n"
						"{\"amount\":600}\n");
}

/* librdkafka takes 0 for now, and would move a partition's clock to today. */
static void forward__timestamp_zero_or_none__a_millisecond(void **state)
{
	struct fixture *fixture = *state;

	for (int64_t told = -1; told <= 2; told++) {
		fixture->record.timestamp_ms = told;
		co_output_forward(&fixture->names, &fixture->arena, &fixture->record, &fixture->session_id, 1, true,
						  &fixture->message);
		assert_int_equal(fixture->message.timestamp_ms, told < 1 ? 1 : told);
	}
}

static void forward__forwarded_before__kept_and_the_new_one_last(void **state)
{
	struct fixture *fixture = *state;
	struct co_header headers[] = {{CO_VIEW("checkout-forwarded"), CO_VIEW("9/9")},
								  {CO_VIEW("a"), CO_VIEW("1")},
								  {CO_VIEW("Checkout-Forwarded"), {NULL, 0}},
								  {CO_VIEW("checkout-forwarded-not"), CO_VIEW("2")}};
	fixture->record.headers = headers;
	fixture->record.header_count = 4;
	fixture->record.value = co_view_make(NULL, 0);

	co_output_forward(&fixture->names, &fixture->arena, &fixture->record, &fixture->session_id, 0, false,
					  &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.commands\n0 -1\n" KEY "\ncheckout-forwarded: 9/9\na: 1\n"
						"Checkout-Forwarded: (null)\ncheckout-forwarded-not: 2\ncheckout-forwarded: 3/42\n(null)\n");
}

static void topic_name__every_row__in_order(void **state)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};
	(void)state;

	assert_int_equal(CO_TOPIC_COUNT, sizeof names / sizeof names[0]);
	for (int topic = 0; topic < CO_TOPIC_COUNT; topic++)
		assert_true(co_view_eq(co_topic_name((enum co_topic)topic), co_view_cstr(names[topic])));
}

static void reply_refusal_name__every_row__in_order(void **state)
{
	static const char *const names[] = {"internal", "name", "not_allowed", "unknown_topic"};
	(void)state;

	assert_int_equal(CO_REPLY_REFUSAL_COUNT, sizeof names / sizeof names[0]);
	for (int refusal = 0; refusal < CO_REPLY_REFUSAL_COUNT; refusal++)
		assert_true(co_view_eq(co_reply_refusal_name((enum co_reply_refusal)refusal), co_view_cstr(names[refusal])));
}

#define PLAIN_TESTS 11
#define ROWS (sizeof read_rows / sizeof read_rows[0])

int main(void)
{
	struct CMUnitTest tests[PLAIN_TESTS + ROWS] = {
		FIXTURE_TEST(state__session__golden_bytes),
		FIXTURE_TEST(state__tombstone__golden_bytes),
		FIXTURE_TEST(state__lane__golden_bytes_and_back),
		FIXTURE_TEST(state__stored_bytes__come_back),
		FIXTURE_TEST(dlq__record_with_credentials__masked_and_told),
		FIXTURE_TEST(dlq__null_record__stays_null),
		FIXTURE_TEST(dlq__no_headers__only_ours),
		FIXTURE_TEST(forward__record__copied_with_its_origin),
		FIXTURE_TEST(forward__forwarded_before__kept_and_the_new_one_last),
		FIXTURE_TEST(forward__timestamp_zero_or_none__a_millisecond),
		FIXTURE_TEST(topic_name__every_row__in_order),
		FIXTURE_TEST(reply_refusal_name__every_row__in_order),
	};
	char names[ROWS][64];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof names[i], "state__read_%s__kind", read_rows[i].name);
		tests[PLAIN_TESTS + i] = (struct CMUnitTest){
			.name = names[i], .test_func = state__read__kind, .initial_state = (void *)(uintptr_t)&read_rows[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
