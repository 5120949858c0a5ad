/* Error events, byte for byte (contract section 7), and what no output may hold (sections 2 and 7). */
#include "output_fixture.h"

#include <string.h>

#define COMMAND_WHOLE                                                                                                  \
	"\"command\":{\"id\":\"c-\\\"3\\\"\xe2\x82\xac\",\"type\":\"checkout.session.capture\",\"source\":\"/shop\\\\1\"," \
	"\"topic\":\"checkout.session.commands\",\"partition\":3,\"offset\":42}"

static void error(struct fixture *fixture)
{
	co_output_error(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision, &fixture->message);
}

static void error__refusal__golden_bytes(void **state)
{
	struct fixture *fixture = *state;
	fixture->decision.verdict.problem = CO_PROBLEM_CONFLICT;
	fixture->decision.verdict.code = CO_CODE_VALIDATION_ERROR;
	fixture->decision.tells_error = true;
	fixture->intake.traceparent = CO_VIEW("00-4b-00-01");

	error(fixture);

	assert_string_equal(
		fixture_text(fixture, &fixture->message),
		"checkout.session.errors\n3 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
		"content-type: application/json\nce_specversion: 1.0\n"
		"ce_id: 1d33cfa3-ce60-511d-9f7f-569a21b54db8\nce_source: /checkout/session-worker\n"
		"ce_type: checkout.session.error\nce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
		"ce_time: 2026-01-01T00:00:02.500Z\nce_causationid: c-\"3\"\xe2\x82\xac\ntraceparent: 00-4b-00-01\n"
		"{\"error\":{\"code\":\"9300004\",\"name\":\"VALIDATION_ERROR\",\"message\":\"Validation error\","
		"\"title\":\"IDEMPOTENCY_CONFLICT\",\"status\":422,\"detail\":\"command id was already used with a different "
		"request\",\"errorDetails\":null,\"retryable\":false},"
		"\"sessionId\":\"c16611af-3058-52c9-a2d2-fd3c2a77d3b8\",\"merchantId\":\"123e4567-e89b-12d3-a456-"
		"426614174000\"," COMMAND_WHOLE ",\"time\":\"2026-01-01T00:00:02.500Z\"}\n");
}

static void error__nothing_known__nulls(void **state)
{
	struct fixture *fixture = *state;
	struct co_violation violations[] = {
		{.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_MERCHANT_ID_ATTRIBUTE},
		{.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_EXPIRY_TIME_ATTRIBUTE},
	};
	fixture_refuse(fixture, violations, 2);
	fixture->decision.verdict.version = 0;
	fixture->origin.session_id = NULL;
	fixture->intake.command.merchant_is = CO_MALFORMED;

	error(fixture);

	assert_true(co_view_eq(fixture->message.key, CO_VIEW("K\xff")));
	assert_string_equal(
		fixture_value(fixture),
		"{\"error\":{\"code\":\"9300004\",\"name\":\"VALIDATION_ERROR\",\"message\":\"Validation error\","
		"\"title\":\"INVALID_REQUEST\",\"status\":400,\"detail\":\"merchantid is invalid\",\"errorDetails\":["
		"{\"rule\":\"request.invalid\",\"detail\":\"merchantid is invalid\",\"pointer\":\"\"},"
		"{\"rule\":\"request.invalid\",\"detail\":\"expirytime is invalid\",\"pointer\":\"\"}],\"retryable\":false},"
		"\"sessionId\":null,\"merchantId\":null," COMMAND_WHOLE ",\"time\":\"2026-01-01T00:00:02.500Z\"}");
}

/* An accepted `fail` tells its code; 9300100 speaks through its rule also then (section 7). */
static void error__told_code__presented(void **state)
{
	struct fixture *fixture = *state;
	fixture->decision.tells_error = true;
	fixture->decision.told = CO_CODE_SESSION_NOT_FOUND;

	error(fixture);

	assert_holds(fixture_value(fixture),
				 "{\"error\":{\"code\":\"9300100\",\"name\":\"SESSION_NOT_FOUND\",\"message\":\"Session not found\","
				 "\"title\":\"NOT_FOUND\",\"status\":404,\"detail\":\"Session Id not found\",\"errorDetails\":null,"
				 "\"retryable\":false},\"sessionId\":");
}

/* Neither credentials nor tokens nor customer data come out, whatever is made of the command. */
static void outputs__planted_secrets__never_appear(void **state)
{
	struct fixture *fixture = *state;
	struct co_violation violation = {.rule = CO_RULE_REQUEST_INVALID, .place = CO_PLACE_PIN_TOKEN};

	for (int pass = 0; pass < 2; pass++) {
		struct co_message messages[5];

		fixture_reply(fixture);
		messages[0] = fixture->message;
		error(fixture);
		messages[1] = fixture->message;
		co_output_event(&fixture->names, &fixture->arena, 3, &fixture->origin, &fixture->session, 3,
						fixture_shown(fixture, 3), &messages[2]);
		co_output_late_payment(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision,
							   &fixture->session, fixture_shown(fixture, fixture->decision.verdict.version),
							   &messages[3]);
		co_output_dlq(&fixture->names, &fixture->arena, &fixture->record, CO_DLQ_NOT_JSON, &messages[4]);
		for (size_t i = 0; i < 5; i++) {
			const char *text = fixture_text(fixture, &messages[i]);
			size_t length = strlen(text);

			assert_true(length > 100);
			assert_null(memmem(text, length, SECRET, strlen(SECRET)));
		}
		fixture_refuse(fixture, &violation, 1);
	}
}

static size_t plain_texts;

static void assert_plain(struct fixture *fixture, struct co_view text)
{
	struct co_buf json = co_buf_make(&fixture->arena, 256);

	co_buf_add_json(&json, text);
	assert_int_equal(json.len, text.len + 2);
	plain_texts++;
}

/* What the tables say is written without looking for escapes. */
static void tables__every_text__needs_no_escape(void **state)
{
	struct fixture *fixture = *state;

	plain_texts = 0;
	for (int i = 0; i < CO_CODE_COUNT; i++) {
		struct co_verdict verdict = {.problem = CO_PROBLEM_CODE, .code = (enum co_code)i};

		assert_plain(fixture, co_code_row((enum co_code)i)->number);
		assert_plain(fixture, co_code_row((enum co_code)i)->name);
		assert_plain(fixture, co_code_row((enum co_code)i)->message);
		assert_plain(fixture, co_present_code((enum co_code)i).title);
		assert_plain(fixture, co_present_code((enum co_code)i).detail);
		assert_plain(fixture, co_present_verdict(&verdict).detail);
	}
	for (int i = 0; i < CO_RULE_COUNT; i++) {
		assert_plain(fixture, co_rule_row((enum co_rule)i)->name);
		assert_plain(fixture, co_rule_row((enum co_rule)i)->title);
		assert_plain(fixture, co_rule_row((enum co_rule)i)->detail);
	}
	for (int i = 0; i < CO_PLACE_COUNT; i++) {
		assert_plain(fixture, co_place_row((enum co_place)i)->pointer);
		assert_plain(fixture, co_place_row((enum co_place)i)->path);
	}
	for (int i = 0; i < CO_MODE_COUNT; i++)
		assert_plain(fixture, co_mode_row((enum co_mode)i)->name);
	for (int i = 0; i < CO_SESSION_STATUS_COUNT; i++)
		assert_plain(fixture, co_session_status_name((enum co_session_status)i));
	for (int i = 0; i < CO_PAYMENT_STATUS_COUNT; i++)
		assert_plain(fixture, co_payment_status_name((enum co_payment_status)i));
	assert_true(plain_texts > 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(error__refusal__golden_bytes),        FIXTURE_TEST(error__nothing_known__nulls),
		FIXTURE_TEST(error__told_code__presented),         FIXTURE_TEST(outputs__planted_secrets__never_appear),
		FIXTURE_TEST(tables__every_text__needs_no_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
