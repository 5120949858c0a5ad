/* Replies, byte for byte: contract section 7, and what sections 1, 4 and 6 say of them. */
#include "output_fixture.h"

#include <stdio.h>
#include <string.h>

#define SNAPSHOT_FACTS                                                                                         \
	"\"id\":\"c16611af-3058-52c9-a2d2-fd3c2a77d3b8\",\"merchantId\":\"123e4567-e89b-12d3-a456-426614174000\"," \
	"\"namespace\":\"default\",\"referenceId\":\"order-1\""
#define SNAPSHOT_REST                        \
	"\"metadata\":{\"channel\":\"web\",\"a/" \
	"b~\\\"c\\\"\":\"\xc3\xbc\\\\\\n\"},\"createdAt\":\"2026-01-01T00:00:00.000Z\""
#define MODES "\"modes\":[\"PAYMENT_WITH_WALLET\",\"WALLET\",\"WALLET\"]"
#define SNAPSHOT_3                                                                                                  \
	"{" SNAPSHOT_FACTS ",\"status\":\"open\",\"version\":3,\"amount\":1000,\"currency\":\"USD\",\"capture\":false," \
	"\"capturedAmount\":600," MODES ",\"payment\":{\"status\":\"processing\",\"intentId\":\"pi-1\","                \
	"\"method\":{\"family\":\"card\",\"type\":\"credit\",\"brand\":null},\"processor\":null}," SNAPSHOT_REST        \
	",\"updatedAt\":\"2026-01-01T00:00:02.500Z\",\"expiresAt\":\"2026-01-01T00:30:00.000Z\",\"reason\":null}"
#define SNAPSHOT_1                                                                                                  \
	"{" SNAPSHOT_FACTS ",\"status\":\"open\",\"version\":1,\"amount\":1000,\"currency\":\"USD\",\"capture\":false," \
	"\"capturedAmount\":0," MODES ",\"payment\":{\"status\":\"requires_payment_method\",\"intentId\":null,"         \
	"\"method\":null,\"processor\":null}," SNAPSHOT_REST                                                            \
	",\"updatedAt\":\"2026-01-01T00:00:00.000Z\",\"expiresAt\":\"2026-01-01T00:30:00.000Z\",\"reason\":null}"
#define COMMAND_SHORT "\"command\":{\"id\":\"c-\\\"3\\\"\xe2\x82\xac\",\"type\":\"checkout.session.capture\"}"
#define VALID "\"validation\":{\"valid\":true,\"errors\":[]}"

static void reply__accepted__golden_bytes(void **state)
{
	struct fixture *fixture = *state;

	fixture_reply(fixture);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"shop.replies\n7 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"content-type: application/json\nce_specversion: 1.0\n"
						"ce_id: e9a2b186-c55a-58fc-aa85-698d91212564\nce_source: /checkout/session-worker\n"
						"ce_type: checkout.session.capture.accepted\n"
						"ce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\nce_time: 2026-01-01T00:00:02.500Z\n"
						"ce_causationid: c-\"3\"\xe2\x82\xac\ncheckout-status: 200\n"
						"{\"outcome\":\"accepted\"," COMMAND_SHORT "," VALID ",\"session\":" SNAPSHOT_3 "}\n");
}

/* Everything that a reply can carry, in its order. */
static void reply__refused_with_everything__golden_bytes(void **state)
{
	struct fixture *fixture = *state;
	fixture->decision.verdict.problem = CO_PROBLEM_CODE;
	fixture->decision.verdict.code = CO_CODE_INVALID_CAPTURE_AMOUNT;
	fixture->decision.replayed = true;
	fixture->intake.traceparent = CO_VIEW("00-4b-00-01");
	fixture->intake.tracestate = CO_VIEW("a=1");
	fixture->intake.reply.dialect = CO_DIALECT_QUARKUS;
	fixture->intake.reply.correlation = CO_VIEW("q-1");
	fixture->target.redirected = true;
	fixture->target.refusal = CO_REPLY_REFUSAL_NOT_ALLOWED;

	fixture_reply(fixture);

	assert_string_equal(
		fixture_text(fixture, &fixture->message),
		"shop.replies\n7 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
		"content-type: application/json\nce_specversion: 1.0\n"
		"ce_id: e9a2b186-c55a-58fc-aa85-698d91212564\nce_source: /checkout/session-worker\n"
		"ce_type: checkout.session.capture.rejected\n"
		"ce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\nce_time: 2026-01-01T00:00:02.500Z\n"
		"ce_causationid: c-\"3\"\xe2\x82\xac\ntraceparent: 00-4b-00-01\ntracestate: a=1\n"
		"REPLY_CORRELATION_ID: q-1\ncheckout-status: 422\ncheckout-error-code: 9300113\ncheckout-replayed: true\n"
		"checkout-reply-rejected: not_allowed\n"
		"{\"outcome\":\"rejected\"," COMMAND_SHORT "," VALID
		",\"error\":{\"code\":\"9300113\",\"name\":\"INVALID_CAPTURE_AMOUNT\",\"message\":\"The capture amount is "
		"greater than the session amount\",\"title\":\"INVALID_CAPTURE_AMOUNT\",\"status\":422,\"detail\":\"The "
		"capture "
		"amount is greater than the session amount\",\"errorDetails\":null,\"retryable\":false},\"session\":" SNAPSHOT_3
		"}\n");
}

/* The session is not known: no subject, the record's key as it is, `session` null. */
static void reply__session_unknown__keyed_as_the_command(void **state)
{
	struct fixture *fixture = *state;
	fixture->origin.session_id = NULL;
	fixture->decision.verdict = (struct co_verdict){.problem = CO_PROBLEM_CODE, .code = CO_CODE_SERVICE_UNAVAILABLE};

	fixture_reply(fixture);

	assert_true(co_view_eq(fixture->message.key, CO_VIEW("K\xff")));
	assert_string_equal(fixture_header(fixture, &fixture->message, "ce_subject"), "(none)");
	assert_string_equal(
		fixture_value(fixture),
		"{\"outcome\":\"rejected\"," COMMAND_SHORT "," VALID
		",\"error\":{\"code\":\"9300005\",\"name\":\"SERVICE_UNAVAILABLE\",\"message\":\"Service temporarily "
		"unavailable\",\"title\":\"SERVICE_UNAVAILABLE\",\"status\":503,\"detail\":\"Service temporarily "
		"unavailable\",\"errorDetails\":null,\"retryable\":true},\"session\":null}");
}

static void reply__session_unknown_and_no_key__has_no_key(void **state)
{
	struct fixture *fixture = *state;
	fixture->origin.session_id = NULL;
	fixture->record.key = co_view_make(NULL, 0);
	fixture->decision.verdict = (struct co_verdict){.problem = CO_PROBLEM_CODE, .code = CO_CODE_SERVICE_UNAVAILABLE};

	fixture_reply(fixture);

	assert_null(fixture->message.key.ptr);
}

static void reply__no_command_at_all__golden_body(void **state)
{
	struct fixture *fixture = *state;
	fixture->intake.kind = CO_INTAKE_NOT_COMMAND;
	fixture->intake.command =
		(struct co_command){.id = CO_VIEW("x"), .source = CO_VIEW("/s"), .type = CO_VIEW("checkout.session.refund")};
	fixture->origin.session_id = NULL;
	fixture->decision.verdict =
		(struct co_verdict){.problem = CO_PROBLEM_NOT_COMMAND, .code = CO_CODE_VALIDATION_ERROR};

	co_output_reply(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision,
					co_output_snapshot(&fixture->arena, NULL, 1), &fixture->target, &fixture->message);

	assert_string_equal(fixture_header(fixture, &fixture->message, "ce_type"), "checkout.session.refund.rejected");
	assert_string_equal(fixture_header(fixture, &fixture->message, "checkout-status"), "400");
	assert_string_equal(
		fixture_value(fixture),
		"{\"outcome\":\"rejected\",\"command\":{\"id\":\"x\",\"type\":\"checkout.session.refund\"}," VALID
		",\"error\":{\"code\":\"9300004\",\"name\":\"VALIDATION_ERROR\",\"message\":\"Validation error\","
		"\"title\":\"INVALID_REQUEST\",\"status\":400,\"detail\":\"not a command\",\"errorDetails\":null,"
		"\"retryable\":false},\"session\":null}");
}

/* A `session.*` rule speaks for its code; it is no validation error. */
static void reply__not_found__speaks_through_its_rule(void **state)
{
	struct fixture *fixture = *state;
	fixture->decision.verdict = (struct co_verdict){.problem = CO_PROBLEM_RULE,
													.code = CO_CODE_SESSION_ALREADY_EXPIRED,
													.rule = CO_RULE_SESSION_EXPIRED,
													.version = 1};

	fixture_reply(fixture);

	assert_string_equal(fixture_header(fixture, &fixture->message, "checkout-error-code"), "9300105");
	assert_string_equal(
		fixture_value(fixture),
		"{\"outcome\":\"rejected\"," COMMAND_SHORT "," VALID
		",\"error\":{\"code\":\"9300105\",\"name\":\"SESSION_ALREADY_EXPIRED\",\"message\":\"Session has expired\","
		"\"title\":\"SESSION_TIMEOUT\",\"status\":401,\"detail\":\"Your session is no longer valid\","
		"\"errorDetails\":null,\"retryable\":false},\"session\":" SNAPSHOT_1 "}");
}

/* One broken rule: in validation.errors, not in errorDetails. */
static void reply__one_violation__error_details_are_null(void **state)
{
	struct fixture *fixture = *state;
	struct co_violation violation = {.rule = CO_RULE_PAYMENT_AMOUNT_REQUIRED, .place = CO_PLACE_PAYMENT_AMOUNT};
	fixture_refuse(fixture, &violation, 1);
	fixture->decision.verdict.version = 0;

	fixture_reply(fixture);

	assert_string_equal(
		fixture_value(fixture),
		"{\"outcome\":\"rejected\"," COMMAND_SHORT ",\"validation\":{\"valid\":false,\"errors\":["
		"{\"rule\":\"payment.amount_required\",\"detail\":\"amount is required\",\"pointer\":\"/payment/amount\"}]},"
		"\"error\":{\"code\":\"9300004\",\"name\":\"VALIDATION_ERROR\",\"message\":\"Validation error\","
		"\"title\":\"INVALID_REQUEST\",\"status\":400,\"detail\":\"amount is required\",\"errorDetails\":null,"
		"\"retryable\":false},\"session\":null}");
}

/* Two: both lists, in order, indexes and keys filled in, keys escaped for the pointer and then for JSON. */
static void reply__several_violations__listed_twice(void **state)
{
	struct fixture *fixture = *state;
	struct co_violation violations[] = {
		{.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_CONFIG_MODE, .index = 12},
		{.rule = CO_RULE_PAYMENT_METADATA_KEY,
		 .place = CO_PLACE_PAYMENT_METADATA_MEMBER,
		 .key = CO_VIEW("a/b~c\"\\\xc3\xbc")},
	};
	fixture_refuse(fixture, violations, 2);

	fixture_reply(fixture);

#define BOTH                                                                                                       \
	"[{\"rule\":\"request.invalid\",\"detail\":\"config.modes[12] is invalid\",\"pointer\":\"/config/modes/12\"}," \
	"{\"rule\":\"payment.metadata_key\",\"detail\":\"metadata key cannot exceed 40 characters\","                  \
	"\"pointer\":\"/payment/metadata/a~1b~0c\\\"\\\\\xc3\xbc\"}]"
	assert_holds(fixture_value(fixture), "\"validation\":{\"valid\":false,\"errors\":" BOTH "}");
	assert_holds(fixture_value(fixture),
				 "\"title\":\"INVALID_REQUEST\",\"status\":400,\"detail\":\"config.modes[12] is "
				 "invalid\",\"errorDetails\":" BOTH ",\"retryable\":false}");
}

static void reply__attribute_violation__pointer_is_empty(void **state)
{
	struct fixture *fixture = *state;
	struct co_violation violation = {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_MERCHANT_ID_ATTRIBUTE};
	fixture_refuse(fixture, &violation, 1);

	fixture_reply(fixture);

	assert_holds(fixture_value(fixture),
				 "[{\"rule\":\"request.invalid\",\"detail\":\"merchantid is invalid\",\"pointer\":\"\"}]");
}

/* For authorize the payment is data itself (section 4, pointers); places beside it keep their names. */
static const struct authorize_row {
	const char *name;
	struct co_violation violation;
	const char *detail, *pointer;
} authorize_rows[] = {
	{"amount",
	 {.rule = CO_RULE_PAYMENT_AMOUNT_REQUIRED, .place = CO_PLACE_PAYMENT_AMOUNT},
	 "amount is required",
	 "/amount"},
	{"metadata",
	 {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PAYMENT_METADATA},
	 "metadata is invalid",
	 "/metadata"},
	{"allocation",
	 {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PAYMENT_ALLOCATION, .index = 1},
	 "paymentAllocations[1] is invalid",
	 "/paymentAllocations/1"},
	{"allocation-amount",
	 {.rule = CO_RULE_PAYMENT_ALLOCATION_AMOUNT_REQUIRED, .place = CO_PLACE_PAYMENT_ALLOCATION_AMOUNT, .index = 0},
	 "paymentAllocations[n].amount is required",
	 "/paymentAllocations/0/amount"},
	{"data-itself", {.rule = CO_RULE_SESSION_PAYMENT_REQUIRED, .place = CO_PLACE_PAYMENT}, "payment is required", ""},
	{"method",
	 {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PAYMENT_METHOD},
	 "paymentMethod is invalid",
	 "/paymentMethod"},
	{"family",
	 {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PAYMENT_METHOD_FAMILY},
	 "paymentMethod.family is invalid",
	 "/paymentMethod/family"},
	{"intent",
	 {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PAYMENT_INTENT_ID},
	 "paymentIntentId is invalid",
	 "/paymentIntentId"},
};

static void reply__authorize__place(void **state)
{
	const struct authorize_row *row = *state;
	struct fixture fixture;
	struct co_buf expected;

	fixture_begin(&fixture);
	fixture.intake.command.kind = CO_COMMAND_AUTHORIZE;
	fixture_refuse(&fixture, &row->violation, 1);

	fixture_reply(&fixture);

	expected = co_buf_make(&fixture.arena, 256);
	co_buf_lit(&expected, "\"detail\":\"");
	co_buf_add(&expected, co_view_cstr(row->detail));
	co_buf_lit(&expected, "\",\"pointer\":\"");
	co_buf_add(&expected, co_view_cstr(row->pointer));
	co_buf_lit(&expected, "\"}");
	co_buf_add_byte(&expected, '\0');
	assert_holds(fixture_value(&fixture), expected.ptr);
	fixture_end(&fixture);
}

/* Correlation bytes are opaque, and an empty one is echoed too. */
static void reply__opaque_correlation__echoed_bit_for_bit(void **state)
{
	static const enum co_dialect dialects[] = {CO_DIALECT_SPRING, CO_DIALECT_QUARKUS, CO_DIALECT_PLAIN};
	static const char *const names[] = {"kafka_correlationId", "REPLY_CORRELATION_ID", "correlation_id"};
	static const char bytes[] = {0, 1, (char)0xff, 10};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 3; i++) {
		for (size_t length = 0; length <= sizeof bytes; length += sizeof bytes) {
			const struct co_header *header;

			fixture->intake.reply.dialect = dialects[i];
			fixture->intake.reply.correlation = co_view_make(bytes, length);
			fixture_reply(fixture);
			header = &fixture->message.headers[8];
			assert_true(co_view_eq(header->name, co_view_cstr(names[i])));
			assert_int_equal(header->value.len, length);
			assert_memory_equal(header->value.ptr, bytes, length);
		}
	}
}

/* A repeat is told elsewhere, later, from another position: the body is the first one's (section 6). */
static void reply__replayed__same_body(void **state)
{
	struct fixture *fixture = *state;
	struct co_view first;
	fixture->decision.verdict.version = 1;
	fixture_reply(fixture);
	first = fixture->message.value;

	fixture->decision.replayed = true;
	fixture->record.offset = 99;
	fixture->origin.now_ms += 5000;
	fixture->target.topic = CO_VIEW("other.replies");
	fixture->intake.traceparent = CO_VIEW("00-aa");
	fixture_reply(fixture);

	assert_true(co_view_eq(fixture->message.value, first));
	assert_string_equal(fixture_header(fixture, &fixture->message, "checkout-replayed"), "true");
	assert_string_equal(fixture_header(fixture, &fixture->message, "ce_time"), "2026-01-01T00:00:07.500Z");
	assert_string_not_equal(fixture_header(fixture, &fixture->message, "ce_id"),
							"e9a2b186-c55a-58fc-aa85-698d91212564");
}

static void reply__create__status_201(void **state)
{
	struct fixture *fixture = *state;
	fixture->intake.command.kind = CO_COMMAND_CREATE;
	fixture->intake.command.type = CO_VIEW("checkout.session.create");

	fixture_reply(fixture);

	assert_string_equal(fixture_header(fixture, &fixture->message, "checkout-status"), "201");
	assert_string_equal(fixture_header(fixture, &fixture->message, "checkout-error-code"), "(none)");
}

/* `validate` has no session even where its verdict was reached. */
static void reply__no_session_given__null(void **state)
{
	struct fixture *fixture = *state;
	fixture->origin.session_id = NULL;
	fixture->decision.verdict.version = 0;

	co_output_reply(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision,
					co_output_snapshot(&fixture->arena, NULL, 1), &fixture->target, &fixture->message);

	assert_string_equal(fixture_value(fixture),
						"{\"outcome\":\"accepted\"," COMMAND_SHORT "," VALID ",\"session\":null}");
}

/* No reference, no payment, no metadata, no modes: nulls and empty containers. */
static void reply__bare_session__absent_ones_null(void **state)
{
	struct fixture *fixture = *state;
	fixture->session.reference_id = co_view_make(NULL, 0);
	fixture->session.amount = 0;
	fixture->session.metadata_count = 0;
	fixture->session.mode_count = 1;
	fixture->session.changes[0].payment = CO_PAYMENT_NONE;
	fixture->decision.verdict.version = 1;

	fixture_reply(fixture);

	assert_holds(fixture_value(fixture),
				 "\"referenceId\":null,\"status\":\"open\",\"version\":1,\"amount\":null,\"currency\":\"USD\","
				 "\"capture\":false,\"capturedAmount\":0,\"modes\":[\"PAYMENT_WITH_WALLET\"],"
				 "\"payment\":{\"status\":\"none\",\"intentId\":null,\"method\":null,\"processor\":null},"
				 "\"metadata\":{},\"createdAt\":");
}

/* A pure function: the same inputs, the same bytes. */
static void reply__twice__same_bytes(void **state)
{
	struct fixture *fixture = *state;
	const char *first;

	fixture_reply(fixture);
	first = fixture_text(fixture, &fixture->message);
	fixture_reply(fixture);

	assert_string_equal(fixture_text(fixture, &fixture->message), first);
}

#define PLAIN_TESTS 15
#define ROWS (sizeof authorize_rows / sizeof authorize_rows[0])

int main(void)
{
	struct CMUnitTest tests[PLAIN_TESTS + ROWS] = {
		FIXTURE_TEST(reply__accepted__golden_bytes),
		FIXTURE_TEST(reply__refused_with_everything__golden_bytes),
		FIXTURE_TEST(reply__session_unknown__keyed_as_the_command),
		FIXTURE_TEST(reply__session_unknown_and_no_key__has_no_key),
		FIXTURE_TEST(reply__no_command_at_all__golden_body),
		FIXTURE_TEST(reply__not_found__speaks_through_its_rule),
		FIXTURE_TEST(reply__one_violation__error_details_are_null),
		FIXTURE_TEST(reply__several_violations__listed_twice),
		FIXTURE_TEST(reply__attribute_violation__pointer_is_empty),
		FIXTURE_TEST(reply__opaque_correlation__echoed_bit_for_bit),
		FIXTURE_TEST(reply__replayed__same_body),
		FIXTURE_TEST(reply__create__status_201),
		FIXTURE_TEST(reply__no_session_given__null),
		FIXTURE_TEST(reply__bare_session__absent_ones_null),
		FIXTURE_TEST(reply__twice__same_bytes),
	};
	char names[ROWS][64];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof names[i], "reply__authorize_%s__place", authorize_rows[i].name);
		tests[PLAIN_TESTS + i] = (struct CMUnitTest){.name = names[i],
													 .test_func = reply__authorize__place,
													 .initial_state = (void *)(uintptr_t)&authorize_rows[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
