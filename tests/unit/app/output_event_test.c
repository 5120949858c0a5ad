/* Lifecycle and late_payment events, byte for byte: contract sections 5 (Expiry event, Late money) and 7. */
#include "output_fixture.h"

#include <string.h>

#define FACTS                                                        \
	"{\"session\":{\"id\":\"c16611af-3058-52c9-a2d2-fd3c2a77d3b8\"," \
	"\"merchantId\":\"123e4567-e89b-12d3-a456-426614174000\",\"namespace\":\"default\",\"referenceId\":\"order-1\""
#define MONEY(captured)                                                                    \
	",\"amount\":1000,\"currency\":\"USD\",\"capture\":false,\"capturedAmount\":" captured \
	",\"modes\":[\"PAYMENT_WITH_WALLET\",\"WALLET\",\"WALLET\"]"
#define METADATA                              \
	",\"metadata\":{\"channel\":\"web\",\"a/" \
	"b~\\\"c\\\"\":\"\xc3\xbc\\\\\\n\"},\"createdAt\":\"2026-01-01T00:00:00.000Z\""
#define PAYMENT_NEW(status) \
	",\"payment\":{\"status\":\"" status "\",\"intentId\":null,\"method\":null,\"processor\":null}"
#define PAYMENT_CARD(status)             \
	",\"payment\":{\"status\":\"" status \
	"\",\"intentId\":\"pi-1\",\"method\":{\"family\":\"card\",\"type\":\"credit\",\"brand\":null},\"processor\":null}"
#define COMMAND                                                                                                        \
	"\"command\":{\"id\":\"c-\\\"3\\\"\xe2\x82\xac\",\"type\":\"checkout.session.capture\",\"source\":\"/shop\\\\1\"," \
	"\"topic\":\"checkout.session.commands\",\"partition\":3,\"offset\":42}"

/* Version 2 ends the fixture's session as expired. */
static void expire(struct fixture *fixture, int64_t at_ms, struct co_view reason)
{
	fixture->session.changes[1] = (struct co_change){.event = CO_EVENT_EXPIRED,
													 .at_ms = at_ms,
													 .status = CO_SESSION_EXPIRED,
													 .payment = CO_PAYMENT_EXPIRED,
													 .reason = reason};
	fixture->session.change_count = 2;
}

static void event__of_a_command__golden_bytes(void **state)
{
	struct fixture *fixture = *state;
	fixture->intake.traceparent = CO_VIEW("00-4b-00-01");
	fixture->intake.tracestate = CO_VIEW("");

	co_output_event(&fixture->names, &fixture->arena, 3, &fixture->origin, &fixture->session, 3,
					fixture_shown(fixture, 3), &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.events\n3 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"content-type: application/json\nce_specversion: 1.0\n"
						"ce_id: 6b8e5720-9bad-516d-b3aa-15699bc02205\nce_source: /checkout/session-worker\n"
						"ce_type: checkout.session.captured\nce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"ce_time: 2026-01-01T00:00:02.500Z\nce_causationid: c-\"3\"\xe2\x82\xac\n"
						"traceparent: 00-4b-00-01\ntracestate: \n" FACTS
						",\"status\":\"open\",\"version\":3" MONEY("600") PAYMENT_CARD("processing") METADATA
						",\"updatedAt\":\"2026-01-01T00:00:02.500Z\","
						"\"expiresAt\":\"2026-01-01T00:30:00.000Z\",\"reason\":null},"
						"\"previousVersion\":2," COMMAND ",\"time\":\"2026-01-01T00:00:02.500Z\"}\n");
}

/* The snapshot is of the version asked for, not of the latest. */
static void event__created__golden_body(void **state)
{
	struct fixture *fixture = *state;
	fixture->origin.now_ms = EPOCH_MS;

	co_output_event(&fixture->names, &fixture->arena, 3, &fixture->origin, &fixture->session, 1,
					fixture_shown(fixture, 1), &fixture->message);

	assert_string_equal(fixture_header(fixture, &fixture->message, "ce_id"), "1a38c16c-866b-5f55-8ce8-6e4ab218f78b");
	assert_string_equal(fixture_header(fixture, &fixture->message, "ce_type"), "checkout.session.created");
	assert_string_equal(co_view_dup(&fixture->arena, fixture->message.value).ptr, FACTS
						",\"status\":\"open\",\"version\":1" MONEY("0") PAYMENT_NEW("requires_payment_method") METADATA
						",\"updatedAt\":\"2026-01-01T00:00:00.000Z\",\"expiresAt\":\"2026-01-01T00:30:00.000Z\","
						"\"reason\":null},\"previousVersion\":0," COMMAND ",\"time\":\"2026-01-01T00:00:00.000Z\"}");
}

/* Nobody's command: no causation, no trace, every time is the deadline. */
static void event__expired_by_time__golden_bytes(void **state)
{
	struct fixture *fixture = *state;
	expire(fixture, EPOCH_MS + 1800000, co_view_make(NULL, 0));

	co_output_event(&fixture->names, &fixture->arena, 5, NULL, &fixture->session, 2, fixture_shown(fixture, 2),
					&fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.events\n5 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"content-type: application/json\nce_specversion: 1.0\n"
						"ce_id: 156b1fbe-9c85-5d24-a08e-872f91570532\nce_source: /checkout/session-worker\n"
						"ce_type: checkout.session.expired\nce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"ce_time: 2026-01-01T00:30:00.000Z\n" FACTS ",\"status\":\"expired\",\"version\":2" MONEY("0")
							PAYMENT_NEW("expired") METADATA
						",\"updatedAt\":\"2026-01-01T00:30:00.000Z\","
						"\"expiresAt\":\"2026-01-01T00:30:00.000Z\",\"reason\":null},"
						"\"previousVersion\":1,\"command\":null,"
						"\"time\":\"2026-01-01T00:30:00.000Z\","
						"\"scheduledAt\":\"2026-01-01T00:30:00.000Z\","
						"\"effectiveAt\":\"2026-01-01T00:30:00.000Z\"}\n");
}

static void event__expired_by_command__effective_at_its_time(void **state)
{
	struct fixture *fixture = *state;
	expire(fixture, EPOCH_MS + 2500, CO_VIEW("done"));

	co_output_event(&fixture->names, &fixture->arena, 3, &fixture->origin, &fixture->session, 2,
					fixture_shown(fixture, 2), &fixture->message);

	assert_string_equal(co_view_dup(&fixture->arena, fixture->message.value).ptr,
						FACTS ",\"status\":\"expired\",\"version\":2" MONEY("0") PAYMENT_NEW("expired") METADATA
						",\"updatedAt\":\"2026-01-01T00:00:02.500Z\",\"expiresAt\":\"2026-01-01T00:30:00.000Z\","
						"\"reason\":\"done\"},\"previousVersion\":1," COMMAND
						",\"time\":\"2026-01-01T00:00:02.500Z\",\"scheduledAt\":\"2026-01-01T00:30:00.000Z\","
						"\"effectiveAt\":\"2026-01-01T00:00:02.500Z\"}");
}

static void late_payment__golden_bytes(void **state)
{
	struct fixture *fixture = *state;
	expire(fixture, EPOCH_MS + 2000, co_view_make(NULL, 0));
	fixture->decision.verdict = (struct co_verdict){.problem = CO_PROBLEM_RULE,
													.code = CO_CODE_SESSION_ALREADY_EXPIRED,
													.rule = CO_RULE_SESSION_EXPIRED,
													.version = 2};
	fixture->decision.late_payment = true;
	fixture->decision.late_intent_id = CO_VIEW("pi-\"9\"");
	fixture->decision.late_status = CO_VIEW("CAPTURED");

	co_output_late_payment(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision, &fixture->session,
						   fixture_shown(fixture, fixture->decision.verdict.version), &fixture->message);

	assert_string_equal(fixture_text(fixture, &fixture->message),
						"checkout.session.events\n3 -1\nc16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"content-type: application/json\nce_specversion: 1.0\n"
						"ce_id: 4671267d-9cba-5964-ae6b-ec16564d1809\nce_source: /checkout/session-worker\n"
						"ce_type: checkout.session.late_payment\nce_subject: c16611af-3058-52c9-a2d2-fd3c2a77d3b8\n"
						"ce_time: 2026-01-01T00:00:02.500Z\nce_causationid: c-\"3\"\xe2\x82\xac\n" FACTS
						",\"status\":\"expired\",\"version\":2" MONEY("0") PAYMENT_NEW("expired") METADATA
						",\"updatedAt\":\"2026-01-01T00:00:02.000Z\",\"expiresAt\":\"2026-01-01T00:30:00.000Z\","
						"\"reason\":null},\"previousVersion\":2," COMMAND
						",\"time\":\"2026-01-01T00:00:02.500Z\",\"paymentIntentId\":\"pi-\\\"9\\\"\","
						"\"transactionStatus\":\"CAPTURED\"}\n");
}

static void late_payment__no_readable_intent__null(void **state)
{
	struct fixture *fixture = *state;
	fixture->decision.late_status = CO_VIEW("SUCCEEDED");

	co_output_late_payment(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision, &fixture->session,
						   fixture_shown(fixture, fixture->decision.verdict.version), &fixture->message);

	assert_true(co_view_ends(fixture->message.value,
							 CO_VIEW(",\"paymentIntentId\":null,\"transactionStatus\":\"SUCCEEDED\"}")));
}

/* Every row of the table has its type. */
static void event__every_kind__named(void **state)
{
	struct fixture *fixture = *state;

	for (int kind = 0; kind < CO_EVENT_LATE_PAYMENT; kind++) {
		struct co_view type;

		fixture->session.changes[2].event = (enum co_event_kind)kind;
		co_output_event(&fixture->names, &fixture->arena, 3, NULL, &fixture->session, 3, fixture_shown(fixture, 3),
						&fixture->message);
		type = co_view_cstr(fixture_header(fixture, &fixture->message, "ce_type"));
		assert_int_equal(type.len, 17 + co_event_name((enum co_event_kind)kind).len);
		assert_true(co_view_starts(type, CO_VIEW("checkout.session.")));
		assert_true(co_view_ends(type, co_event_name((enum co_event_kind)kind)));
	}
}

/* ce_id tells versions, lives of one session id, positions and kinds of output apart. */
static void ce_id__of_different_causes__all_different(void **state)
{
	struct fixture *fixture = *state;
	const char *ids[8];
	size_t count = 0;

	for (uint16_t version = 1; version <= 3; version++) {
		co_output_event(&fixture->names, &fixture->arena, 3, NULL, &fixture->session, version,
						fixture_shown(fixture, version), &fixture->message);
		ids[count++] = fixture_header(fixture, &fixture->message, "ce_id");
	}
	fixture->session.created_ms++;
	co_output_event(&fixture->names, &fixture->arena, 3, NULL, &fixture->session, 1, fixture_shown(fixture, 1),
					&fixture->message);
	ids[count++] = fixture_header(fixture, &fixture->message, "ce_id");
	for (int64_t step = 0; step < 2; step++) {
		fixture->record.offset += step;
		co_output_late_payment(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision,
							   &fixture->session, fixture_shown(fixture, fixture->decision.verdict.version),
							   &fixture->message);
		ids[count++] = fixture_header(fixture, &fixture->message, "ce_id");
		fixture_reply(fixture);
		ids[count++] = fixture_header(fixture, &fixture->message, "ce_id");
	}

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ids[i], ids[k]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FIXTURE_TEST(event__of_a_command__golden_bytes),
		FIXTURE_TEST(event__created__golden_body),
		FIXTURE_TEST(event__expired_by_time__golden_bytes),
		FIXTURE_TEST(event__expired_by_command__effective_at_its_time),
		FIXTURE_TEST(late_payment__golden_bytes),
		FIXTURE_TEST(late_payment__no_readable_intent__null),
		FIXTURE_TEST(event__every_kind__named),
		FIXTURE_TEST(ce_id__of_different_causes__all_different),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
