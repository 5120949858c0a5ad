/* The tables: codes and rules are those of the published catalogue, names find their rows, nothing is empty or twice.
 * Covers catalogue.c and the read side of transitions.c. */
#include "support.h"

#include <jansson.h>
#include <string.h>

static const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	assert_non_null(text);
	return text;
}

static void same(struct co_view got, const char *want)
{
	assert_int_equal(got.len, strlen(want));
	assert_memory_equal(got.ptr, want, got.len);
}

static int load(void **state)
{
	*state = json_load_file("tests/contract/catalogue.json", 0, NULL);
	return *state ? 0 : -1;
}

static int unload(void **state)
{
	json_decref(*state);
	return 0;
}

/* Same codes, same order, same words. */
static void codes__against_the_catalogue__are_the_same(void **state)
{
	const json_t *codes = json_object_get(*state, "codes");

	assert_int_equal(json_array_size(codes), CO_CODE_COUNT);
	for (size_t i = 0; i < CO_CODE_COUNT; i++) {
		const json_t *want = json_array_get(codes, i);
		const struct co_code_row *row = co_code_row((enum co_code)i);

		same(row->number, text_of(want, "code"));
		same(row->name, text_of(want, "name"));
		same(row->message, text_of(want, "message"));
		assert_int_equal(row->retryable, json_is_true(json_object_get(want, "retryable")));
	}
}

/* Our own request.invalid comes first, then the 31 of the catalogue in its order. */
static void rules__against_the_catalogue__are_the_same(void **state)
{
	const json_t *rules = json_object_get(*state, "rules");

	assert_int_equal(json_array_size(rules), CO_RULE_COUNT - 1);
	same(co_rule_row(CO_RULE_REQUEST_INVALID)->name, "request.invalid");
	for (size_t i = 1; i < CO_RULE_COUNT; i++) {
		const json_t *want = json_array_get(rules, i - 1);
		const struct co_rule_row *row = co_rule_row((enum co_rule)i);

		same(row->name, text_of(want, "rule"));
		same(co_code_row(row->code)->number, text_of(want, "code"));
		same(row->title, text_of(want, "title"));
		same(row->detail, text_of(want, "detail"));
		assert_int_equal(row->status, json_integer_value(json_object_get(want, "status")));
	}
}

/* The statuses of codes without a rule of their own, as section 7 lists them. */
static void codes__statuses__are_those_of_section_7(void **state)
{
	static const struct {
		const char *number;
		int status;
	} want[] = {
		{"9300001", 500}, {"9300002", 500}, {"9300003", 403}, {"9300004", 400}, {"9300005", 503}, {"9300006", 422},
		{"9300007", 502}, {"9300011", 401}, {"9300012", 401}, {"9300013", 401}, {"9300014", 401}, {"9300015", 403},
		{"9300100", 404}, {"9300101", 409}, {"9300102", 409}, {"9300103", 409}, {"9300104", 409}, {"9300105", 401},
		{"9300106", 410}, {"9300107", 409}, {"9300108", 409}, {"9300109", 422}, {"9300110", 422}, {"9300111", 422},
		{"9300112", 409}, {"9300113", 422}, {"9300114", 422}, {"9300115", 409}, {"9300300", 400}, {"9300400", 401},
		{"9300401", 401}, {"9300402", 422},
	};

	(void)state;
	assert_int_equal(sizeof(want) / sizeof(want[0]), CO_CODE_COUNT);
	for (size_t i = 0; i < CO_CODE_COUNT; i++) {
		enum co_code code;

		assert_true(co_code_find(co_view_cstr(want[i].number), &code));
		assert_int_equal(co_present_code(code).status, want[i].status);
	}
}

static void code_find__names_and_neighbours__only_exact_numbers(void **state)
{
	enum co_code code = CO_CODE_UNAUTHORIZED;

	(void)state;
	for (unsigned i = 0; i < CO_CODE_COUNT; i++) {
		assert_true(co_code_find(co_code_row((enum co_code)i)->number, &code));
		assert_int_equal(code, i);
	}
	code = CO_CODE_UNAUTHORIZED;
	assert_false(co_code_find(CO_VIEW("9300008"), &code));
	assert_false(co_code_find(CO_VIEW("93000010"), &code));
	assert_false(co_code_find(CO_VIEW("930000"), &code));
	assert_false(co_code_find(CO_VIEW(""), &code));
	assert_false(co_code_find(co_view_make(NULL, 0), &code));
	assert_int_equal(code, CO_CODE_UNAUTHORIZED);
}

static void command_find__every_row_and_neighbours__exact_names(void **state)
{
	enum co_command_kind kind = CO_COMMAND_GET;

	(void)state;
	for (unsigned i = 0; i < CO_COMMAND_COUNT; i++) {
		assert_true(co_command_find(co_command_row((enum co_command_kind)i)->name, &kind));
		assert_int_equal(kind, i);
	}
	kind = CO_COMMAND_GET;
	assert_false(co_command_find(CO_VIEW("Create"), &kind));
	assert_false(co_command_find(CO_VIEW("creat"), &kind));
	assert_false(co_command_find(CO_VIEW("create "), &kind));
	assert_int_equal(kind, CO_COMMAND_GET);
}

static void mode_find__every_row_and_neighbours__exact_names(void **state)
{
	enum co_mode mode = CO_MODE_WALLET;

	(void)state;
	for (unsigned i = 0; i < CO_MODE_COUNT; i++) {
		assert_true(co_mode_find(co_mode_row((enum co_mode)i)->name, &mode));
		assert_int_equal(mode, i);
	}
	mode = CO_MODE_WALLET;
	assert_false(co_mode_find(CO_VIEW("payment"), &mode));
	assert_false(co_mode_find(CO_VIEW("PAYMEN"), &mode));
	assert_false(co_mode_find(CO_VIEW("PAYMENTS"), &mode));
	assert_int_equal(mode, CO_MODE_WALLET);
}

/* Snapshots spell these names: a change of one is a change of the contract. */
static void statuses__names__are_those_of_section_5(void **state)
{
	static const char *const sessions[] = {"open", "completed", "succeeded", "failed", "cancelled", "expired"};
	static const char *const payments[] = {
		"none", "requires_payment_method", "authorised", "processing", "succeeded", "failed", "cancelled", "expired"};

	(void)state;
	for (unsigned i = 0; i < CO_SESSION_STATUS_COUNT; i++) {
		same(co_session_status_name((enum co_session_status)i), sessions[i]);
		assert_int_equal(co_session_status_is_terminal((enum co_session_status)i), i >= CO_SESSION_SUCCEEDED);
	}
	for (unsigned i = 0; i < CO_PAYMENT_STATUS_COUNT; i++)
		same(co_payment_status_name((enum co_payment_status)i), payments[i]);
}

static void events__names__are_those_of_section_1(void **state)
{
	static const char *const names[] = {"created",   "authorised", "processing", "captured", "completed",
										"succeeded", "failed",     "cancelled",  "expired",  "late_payment"};

	(void)state;
	for (unsigned i = 0; i < CO_EVENT_COUNT; i++)
		same(co_event_name((enum co_event_kind)i), names[i]);
}

/* A place without a pointer is an attribute of the envelope; all others begin with a slash. */
static void places__pointers__are_json_pointers(void **state)
{
	(void)state;
	for (unsigned i = 0; i < CO_PLACE_COUNT; i++) {
		struct co_view pointer = co_place_row((enum co_place)i)->pointer;

		assert_int_equal(pointer.len == 0, i <= CO_PLACE_EXPIRY_TIME_ATTRIBUTE);
		assert_true(pointer.len == 0 || pointer.ptr[0] == '/');
	}
}

static void transaction_statuses__mapping__is_that_of_section_3(void **state)
{
	enum co_payment_status payment = CO_PAYMENT_NONE;
	size_t count;
	const struct co_transaction_status_row *rows = co_transaction_statuses(&count);

	(void)state;
	assert_int_equal(count, 8);
	for (size_t i = 0; i < count; i++) {
		assert_true(co_transaction_status_find(rows[i].name, &payment));
		assert_int_equal(payment, rows[i].payment);
	}
	payment = CO_PAYMENT_NONE;
	assert_false(co_transaction_status_find(CO_VIEW("captured"), &payment));
	assert_false(co_transaction_status_find(CO_VIEW("CAPTURE"), &payment));
	assert_false(co_transaction_status_find(CO_VIEW("CAPTURED "), &payment));
	assert_false(co_transaction_status_find(co_view_make(NULL, 0), &payment));
	assert_int_equal(payment, CO_PAYMENT_NONE);
}

/* Codes that always speak through a session.* rule. */
static void present_code__session_codes__speak_through_their_rule(void **state)
{
	static const struct {
		enum co_code code;
		enum co_rule rule;
	} rows[] = {
		{CO_CODE_SESSION_NOT_FOUND, CO_RULE_SESSION_NOT_FOUND},
		{CO_CODE_SESSION_ALREADY_EXPIRED, CO_RULE_SESSION_EXPIRED},
		{CO_CODE_SESSION_ALREADY_CANCELLED, CO_RULE_SESSION_CANCELLED},
		{CO_CODE_INVALID_CUSTOMER, CO_RULE_SESSION_CUSTOMER_MISSING},
	};
	unsigned spoken = 0;

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_ptr_equal(co_present_code(rows[i].code).title.ptr, co_rule_row(rows[i].rule)->title.ptr);
	for (unsigned i = 0; i < CO_CODE_COUNT; i++)
		spoken += co_present_code((enum co_code)i).title.ptr != co_code_row((enum co_code)i)->name.ptr;
	assert_int_equal(spoken, sizeof(rows) / sizeof(rows[0]));
}

static void present_verdict__other_merchant__is_forbidden(void **state)
{
	const struct co_verdict verdict = {
		.problem = CO_PROBLEM_RULE, .code = CO_CODE_UNAUTHORIZED, .rule = CO_RULE_SESSION_OTHER_MERCHANT};
	struct co_presentation shown = co_present_verdict(&verdict);

	(void)state;
	same(shown.title, "FORBIDDEN");
	same(shown.detail, "Not allowed to access this session");
	assert_int_equal(shown.code, CO_CODE_UNAUTHORIZED);
	assert_int_equal(shown.status, 403);
}

static void present_verdict__request_invalid__leaves_the_detail_to_the_place(void **state)
{
	const struct co_verdict verdict = {.problem = CO_PROBLEM_RULE, .rule = CO_RULE_REQUEST_INVALID};
	struct co_presentation shown = co_present_verdict(&verdict);

	(void)state;
	same(shown.title, "INVALID_REQUEST");
	assert_null(shown.detail.ptr);
	assert_int_equal(shown.status, 400);
}

static void present_verdict__conflict_and_not_a_command__have_their_own_words(void **state)
{
	struct co_verdict verdict = {.problem = CO_PROBLEM_CONFLICT, .code = CO_CODE_VALIDATION_ERROR};
	struct co_presentation shown = co_present_verdict(&verdict);

	(void)state;
	same(shown.title, "IDEMPOTENCY_CONFLICT");
	same(shown.detail, "command id was already used with a different request");
	assert_int_equal(shown.status, 422);
	verdict.problem = CO_PROBLEM_NOT_COMMAND;
	shown = co_present_verdict(&verdict);
	same(shown.title, "INVALID_REQUEST");
	same(shown.detail, "not a command");
	assert_int_equal(shown.status, 400);
	assert_int_equal(shown.code, CO_CODE_VALIDATION_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes__against_the_catalogue__are_the_same),
		cmocka_unit_test(rules__against_the_catalogue__are_the_same),
		cmocka_unit_test(codes__statuses__are_those_of_section_7),
		cmocka_unit_test(code_find__names_and_neighbours__only_exact_numbers),
		cmocka_unit_test(command_find__every_row_and_neighbours__exact_names),
		cmocka_unit_test(mode_find__every_row_and_neighbours__exact_names),
		cmocka_unit_test(statuses__names__are_those_of_section_5),
		cmocka_unit_test(events__names__are_those_of_section_1),
		cmocka_unit_test(places__pointers__are_json_pointers),
		cmocka_unit_test(transaction_statuses__mapping__is_that_of_section_3),
		cmocka_unit_test(present_code__session_codes__speak_through_their_rule),
		cmocka_unit_test(present_verdict__other_merchant__is_forbidden),
		cmocka_unit_test(present_verdict__request_invalid__leaves_the_detail_to_the_place),
		cmocka_unit_test(present_verdict__conflict_and_not_a_command__have_their_own_words),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
