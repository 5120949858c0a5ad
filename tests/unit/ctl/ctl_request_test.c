/* The request builder: for each command the data and the envelope that somebody gets who says little, and who says all.
 */
#include "request.h"

#include "checkout/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SESSION "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"
#define ALLOCATION "[{\"paymentMethodId\":\"6440b520-5a01-5805-8956-fceeab7d5e1f\",\"amount\":"

struct golden {
	const char *name;
	struct ctl_request request;
	const char *data;
};

static const struct golden goldens[] = {
	{"create__defaults",
	 {.command = CTL_CREATE, .id = "c-1"},
	 "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"c-1\"}"
	 "}"},
	{"create__everything",
	 {.command = CTL_CREATE,
	  .id = "c-1",
	  .reference = "order \"7\"",
	  .has_ttl = true,
	  .ttl_seconds = 60,
	  .currency = "EUR",
	  .capture = "false",
	  .modes = {2, {"PAYMENT_AND_SAVE", "WALLET"}},
	  .has_amount = true,
	  .amount = 5},
	 "{\"referenceId\":\"order "
	 "\\\"7\\\"\",\"ttlSeconds\":60,\"currency\":\"EUR\",\"capture\":false,\"config\":{\"modes\":["
	 "\"PAYMENT_AND_SAVE\",\"WALLET\"]},\"payment\":{\"amount\":5,\"merchantTransactionId\":\"order "
	 "\\\"7\\\"\"},\"customer\":{\"hsid\":\"checkoutctl\"}}"},
	{"create__mode_payment__brings_a_consent",
	 {.command = CTL_CREATE, .id = "c-1", .modes = {1, {"PAYMENT"}}},
	 "{\"config\":{\"modes\":[\"PAYMENT\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"c-1\"},"
	 "\"consent\":{"
	 "\"merchantConsentText\":\"I agree to this "
	 "payment.\",\"merchantConsentId\":\"checkoutctl\",\"collectionTimestamp\":\"2026-01-01T00:00:00Z\","
	 "\"collectionDetails\":{\"type\":\"WEB\",\"web\":{\"ipAddress\":\"127.0.0.1\",\"userAgent\":\"checkoutctl\"}}}}"},
	{"create__mode_without_payment__brings_none",
	 {.command = CTL_CREATE, .id = "c-1", .modes = {1, {"WALLET"}}},
	 "{\"config\":{\"modes\":[\"WALLET\"]},\"customer\":{\"hsid\":\"checkoutctl\"}}"},
	{"create__amount_in_such_a_mode__brings_the_payment",
	 {.command = CTL_CREATE, .id = "c-1", .modes = {1, {"WALLET"}}, .has_amount = true, .amount = 0},
	 "{\"config\":{\"modes\":[\"WALLET\"]},\"payment\":{\"amount\":0,\"merchantTransactionId\":\"c-1\"},\"customer\":{"
	 "\"hsid\":\"checkoutctl\"}}"},
	{"create__mode_unknown__as_it_is",
	 {.command = CTL_CREATE, .id = "c-1", .modes = {1, {"NONSENSE"}}},
	 "{\"config\":{\"modes\":[\"NONSENSE\"]}}"},
	/* 50 characters fit the rule; the 51st is cut off, between characters. */
	{"create__reference_of_51_characters__transaction_id_is_cut",
	 {.command = CTL_CREATE, .id = "c-1", .reference = "ä23456789 123456789 123456789 123456789 123456789ö1"},
	 "{\"referenceId\":\"ä23456789 123456789 123456789 123456789 "
	 "123456789ö1\",\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,"
	 "\"merchantTransactionId\":\"ä23456789 123456789 123456789 123456789 123456789ö\"}}"},
	{"validate__defaults",
	 {.command = CTL_VALIDATE, .id = "c-1"},
	 "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"c-1\"}"
	 "}"},
	{"get__nothing", {.command = CTL_GET, .id = "c-1", .session = SESSION}, ""},
	{"complete__nothing", {.command = CTL_COMPLETE, .id = "c-1", .session = SESSION}, ""},
	{"authorize__defaults",
	 {.command = CTL_AUTHORIZE, .id = "c-1", .session = SESSION},
	 "{\"paymentIntentId\":\"pi-" SESSION
	 "\",\"amount\":1000,\"merchantTransactionId\":\"c-1\",\"paymentAllocations\":" ALLOCATION
	 "1000}],\"paymentMethod\":{\"family\":\"card\"}}"},
	{"authorize__everything",
	 {.command = CTL_AUTHORIZE,
	  .id = "c-1",
	  .session = SESSION,
	  .intent = "pi-9",
	  .has_amount = true,
	  .amount = 99999999,
	  .family = "wallet",
	  .type = "gift",
	  .brand = "acme",
	  .processor = "mock",
	  .pin_token = {"1234", 4}},
	 "{\"paymentIntentId\":\"pi-9\",\"amount\":99999999,\"merchantTransactionId\":\"c-1\","
	 "\"paymentAllocations\":" ALLOCATION
	 "99999999}],\"paymentMethod\":{\"family\":\"wallet\",\"type\":\"gift\",\"brand\":\"acme\"},\"processor\":\"mock\","
	 "\"pinToken\":\"1234\"}"},
	{"capture__all", {.command = CTL_CAPTURE, .id = "c-1", .session = SESSION}, "{}"},
	{"capture__amount",
	 {.command = CTL_CAPTURE, .id = "c-1", .session = SESSION, .has_amount = true, .amount = 7},
	 "{\"amount\":7}"},
	{"payment_update__status",
	 {.command = CTL_PAYMENT_UPDATE, .id = "c-1", .session = SESSION, .transaction_status = "CAPTURED"},
	 "{\"paymentIntentId\":\"pi-" SESSION "\",\"transactionStatus\":\"CAPTURED\"}"},
	{"payment_update__failure",
	 {.command = CTL_PAYMENT_UPDATE,
	  .id = "c-1",
	  .session = SESSION,
	  .intent = "pi-9",
	  .transaction_status = "FAILED",
	  .code = "9300007",
	  .reason = "no"},
	 "{\"paymentIntentId\":\"pi-9\",\"transactionStatus\":\"FAILED\",\"failure\":{\"code\":\"9300007\",\"reason\":"
	 "\"no\"}}"},
	{"fail__code_and_reason",
	 {.command = CTL_FAIL, .id = "c-1", .session = SESSION, .code = "9300005", .reason = "r"},
	 "{\"code\":\"9300005\",\"reason\":\"r\"}"},
	{"cancel__reason", {.command = CTL_CANCEL, .id = "c-1", .session = SESSION, .reason = "r"}, "{\"reason\":\"r\"}"},
	{"cancel__nothing", {.command = CTL_CANCEL, .id = "c-1", .session = SESSION}, "{}"},
	{"expire__reason", {.command = CTL_EXPIRE, .id = "c-1", .session = SESSION, .reason = "r"}, "{\"reason\":\"r\"}"},
};
#define GOLDEN_COUNT (sizeof(goldens) / sizeof(goldens[0]))

static void data__golden(void **state)
{
	const struct golden *golden = *state;
	struct co_arena arena;
	struct co_view data;

	co_arena_init(&arena, 4096, 0);
	data = ctl_request_data(&golden->request, &arena);
	assert_string_equal(co_view_dup(&arena, data).ptr, golden->data);
	co_arena_clear(&arena);
}

static const char *header_of(const struct co_message *message, const char *name, struct co_arena *arena)
{
	for (size_t i = 0; i < message->header_count; i++)
		if (co_view_eq(message->headers[i].name, co_view_cstr(name)))
			return co_view_dup(arena, message->headers[i].value).ptr;
	return NULL;
}

/* Each attribute in its header; what was not asked for is not there. */
static void build__binary__attributes_are_headers(void **state)
{
	struct ctl_request request = {.command = CTL_GET,
								  .id = "c-1",
								  .session = SESSION,
								  .merchant = "99999999-e89b-12d3-a456-426614174000",
								  .namespace_name = "eu",
								  .source = "/shop",
								  .expirytime = "2026-01-01T00:00:00Z",
								  .correlation = "x",
								  .api_key = {"k", 1},
								  .token = {"a.b.c", 5},
								  .partition = 2,
								  .timestamp_ms = 5};
	struct co_arena arena;
	struct co_message message;

	(void)state;
	co_arena_init(&arena, 4096, 0);
	ctl_request_build(&request, CO_VIEW("t"), &arena, &message);

	assert_int_equal(message.header_count, 12);
	assert_string_equal(header_of(&message, "content-type", &arena), "application/json");
	assert_string_equal(header_of(&message, "ce_specversion", &arena), "1.0");
	assert_string_equal(header_of(&message, "ce_id", &arena), "c-1");
	assert_string_equal(header_of(&message, "ce_source", &arena), "/shop");
	assert_string_equal(header_of(&message, "ce_type", &arena), "checkout.session.get");
	assert_string_equal(header_of(&message, "ce_subject", &arena), SESSION);
	assert_string_equal(header_of(&message, "ce_merchantid", &arena), "99999999-e89b-12d3-a456-426614174000");
	assert_string_equal(header_of(&message, "ce_namespace", &arena), "eu");
	assert_string_equal(header_of(&message, "ce_expirytime", &arena), "2026-01-01T00:00:00Z");
	assert_string_equal(header_of(&message, "authorization", &arena), "Bearer a.b.c");
	assert_string_equal(header_of(&message, "x-api-key", &arena), "k");
	assert_string_equal(header_of(&message, "correlation_id", &arena), "x");
	assert_true(co_view_eq(message.key, CO_VIEW(SESSION)));
	assert_int_equal(message.partition, 2);
	assert_int_equal(message.timestamp_ms, 5);
	co_arena_clear(&arena);
}

/* One JSON value; the data stands in it as it was given. */
static void build__structured__one_value(void **state)
{
	struct ctl_request request = {.command = CTL_CANCEL,
								  .id = "c\"1",
								  .session = SESSION,
								  .structured = true,
								  .data = {"{ \"reason\" : 1.0 }", 18},
								  .correlation = "x"};
	struct co_arena arena;
	struct co_message message;

	(void)state;
	co_arena_init(&arena, 4096, 0);
	ctl_request_build(&request, CO_VIEW("t"), &arena, &message);

	assert_int_equal(message.header_count, 2);
	assert_string_equal(header_of(&message, "content-type", &arena), "application/cloudevents+json");
	assert_string_equal(header_of(&message, "correlation_id", &arena), "x");
	assert_string_equal(co_view_dup(&arena, message.value).ptr,
						"{\"specversion\":\"1.0\",\"id\":\"c\\\"1\",\"source\":\"/checkoutctl\",\"type\":"
						"\"checkout.session.cancel\",\"subject\":\"" SESSION "\",\"merchantid\":"
						"\"123e4567-e89b-12d3-a456-426614174000\",\"datacontenttype\":\"application/json\",\"data\":"
						"{ \"reason\" : 1.0 }}");
	co_arena_clear(&arena);
}

/* A create is keyed by the session that it will make, and names no subject; a get by reference finds the same one. */
static void build__create_and_get_by_reference__same_session(void **state)
{
	struct ctl_request create = {.command = CTL_CREATE, .id = "c-1", .reference = "refused-cancelled"};
	struct ctl_request get = {.command = CTL_GET, .id = "c-2", .reference = "refused-cancelled"};
	struct co_arena arena;
	struct co_message made, asked;

	(void)state;
	co_arena_init(&arena, 4096, 0);
	ctl_request_build(&create, CO_VIEW("t"), &arena, &made);
	ctl_request_build(&get, CO_VIEW("t"), &arena, &asked);

	assert_true(co_view_eq(made.key, CO_VIEW(SESSION)));
	assert_null(header_of(&made, "ce_subject", &arena));
	assert_true(co_view_eq(asked.key, CO_VIEW(SESSION)));
	assert_string_equal(header_of(&asked, "ce_subject", &arena), SESSION);
	co_arena_clear(&arena);
}

/* validate concerns no session: no key, no subject. A key that was asked for stands. */
static void build__validate__no_key_unless_asked_for(void **state)
{
	struct ctl_request request = {.command = CTL_VALIDATE, .id = "c-1", .reference = "r"};
	struct co_arena arena;
	struct co_message message;

	(void)state;
	co_arena_init(&arena, 4096, 0);
	ctl_request_build(&request, CO_VIEW("t"), &arena, &message);
	assert_null(message.key.ptr);
	request.key = "";
	ctl_request_build(&request, CO_VIEW("t"), &arena, &message);
	assert_non_null(message.key.ptr);
	assert_int_equal(message.key.len, 0);
	co_arena_clear(&arena);
}

/* The same request gives the same bytes: a repeat is a repeat. */
static void build__twice__same_bytes(void **state)
{
	struct ctl_request request = {.command = CTL_AUTHORIZE, .id = "c-1", .session = SESSION};
	struct co_arena arena;
	struct co_message first, second;

	(void)state;
	co_arena_init(&arena, 4096, 0);
	ctl_request_build(&request, CO_VIEW("t"), &arena, &first);
	ctl_request_build(&request, CO_VIEW("t"), &arena, &second);
	assert_true(first.value.len > 0);
	assert_true(co_view_eq(first.value, second.value));
	co_arena_clear(&arena);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(build__binary__attributes_are_headers),
		cmocka_unit_test(build__structured__one_value),
		cmocka_unit_test(build__create_and_get_by_reference__same_session),
		cmocka_unit_test(build__validate__no_key_unless_asked_for),
		cmocka_unit_test(build__twice__same_bytes),
	};
	static struct CMUnitTest rows[GOLDEN_COUNT];
	int failed;

	for (size_t i = 0; i < GOLDEN_COUNT; i++)
		rows[i] = (struct CMUnitTest){goldens[i].name, data__golden, NULL, NULL, (void *)(uintptr_t)&goldens[i]};
	failed = cmocka_run_group_tests_name("data", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("build", others, NULL, NULL);
}
