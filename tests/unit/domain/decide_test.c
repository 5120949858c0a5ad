/* What the vectors cannot show of the core: admission's order one by one, the ids that creates make, the memory as it
 * is stored, deadlines to the millisecond. Covers decide.c, evolve.c, session.c. */
#include "support.h"

#include "arena_case.h"

#include <stdio.h>
#include <string.h>

#define V(literal) CO_VIEW(literal)

static struct co_command get_of(void)
{
	static const struct co_uuid subject;

	return command_of(&arena, CO_COMMAND_GET, "g", co_json_empty_object(), &subject);
}

static void refused_with(const struct co_verdict *verdict, enum co_code code)
{
	assert_int_equal(verdict->problem, CO_PROBLEM_CODE);
	assert_string_equal(co_code_row(verdict->code)->number.ptr, co_code_row(code)->number.ptr);
	assert_int_equal(verdict->version, 0);
	assert_int_equal(verdict->violation_count, 0);
}

static void admit__all_attributes_malformed__lists_them_in_order(void **state)
{
	struct co_command command = get_of();
	struct co_merchant merchant = default_merchant();
	struct co_verdict verdict;
	static const enum co_place places[] = {CO_PLACE_MERCHANT_ID_ATTRIBUTE, CO_PLACE_SUBJECT_ATTRIBUTE,
										   CO_PLACE_NAMESPACE_ATTRIBUTE, CO_PLACE_EXPIRY_TIME_ATTRIBUTE};

	(void)state;
	command.merchant_is = command.subject_is = command.namespace_is = command.expiry_is = CO_MALFORMED;
	assert_false(co_admit(&command, T0, &merchant, NULL, &verdict));
	assert_int_equal(verdict.problem, CO_PROBLEM_RULE);
	assert_int_equal(verdict.rule, CO_RULE_REQUEST_INVALID);
	assert_int_equal(verdict.code, CO_CODE_VALIDATION_ERROR);
	assert_int_equal(verdict.version, 0);
	assert_int_equal(verdict.violation_count, 4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(verdict.violations[i].place, places[i]);
}

/* Absent is wrong for the merchant always, for the subject of all but create and validate, for the others never. */
static void admit__absent_attributes__only_required_ones_are_told(void **state)
{
	struct co_merchant merchant = default_merchant();

	(void)state;
	for (unsigned kind = 0; kind < CO_COMMAND_COUNT; kind++) {
		struct co_command command = command_of(&arena, (enum co_command_kind)kind, "a", co_json_empty_object(), NULL);
		bool free_of_subject = kind == CO_COMMAND_CREATE || kind == CO_COMMAND_VALIDATE;
		struct co_verdict verdict;

		assert_int_equal(co_admit(&command, T0, &merchant, NULL, &verdict), free_of_subject);
		if (!free_of_subject)
			assert_int_equal(verdict.violations[0].place, CO_PLACE_SUBJECT_ATTRIBUTE);
		command.subject_is = CO_MALFORMED;
		assert_false(co_admit(&command, T0, &merchant, NULL, &verdict));
		command.subject_is = CO_PRESENT;
		assert_true(co_admit_attributes(&command, &verdict));
		command.merchant_is = CO_ABSENT;
		assert_false(co_admit_attributes(&command, &verdict));
		assert_int_equal(verdict.violation_count, 1);
		assert_int_equal(verdict.violations[0].place, CO_PLACE_MERCHANT_ID_ATTRIBUTE);
	}
}

/* Each refusal of step 2 hides the next: merchant, auth, namespace, expiry. */
/* The caller's verdict need not be clean. */
static void admit__into_used_memory__verdict_is_whole(void **state)
{
	struct co_command command = {.kind = CO_COMMAND_GET};
	struct co_verdict verdict;

	(void)state;
	memset(&verdict, 0xa5, sizeof(verdict));
	assert_false(co_admit_attributes(&command, &verdict));
	assert_int_equal(verdict.problem, CO_PROBLEM_RULE);
	assert_int_equal(verdict.version, 0);
	assert_false(verdict.brief);
}

static void admit__step_2__refuses_in_order(void **state)
{
	static const struct co_view names[] = {{"eu", 2}};
	const enum co_code auth = CO_CODE_API_KEY_NOT_FOUND;
	struct co_merchant merchant = default_merchant();
	struct co_command command = get_of();
	struct co_verdict verdict;

	(void)state;
	merchant.namespaces = (struct co_name_list){true, 1, names};
	command.expiry_is = CO_PRESENT;
	command.expiry_ms = T0 - 1;
	assert_false(co_admit(&command, T0, NULL, &auth, &verdict));
	refused_with(&verdict, CO_CODE_UNAUTHORIZED);
	assert_false(co_admit(&command, T0, &merchant, &auth, &verdict));
	refused_with(&verdict, auth);
	assert_false(co_admit(&command, T0, &merchant, NULL, &verdict));
	refused_with(&verdict, CO_CODE_INVALID_NAMESPACE);
	command.namespace_name = V("eu");
	assert_false(co_admit(&command, T0, &merchant, NULL, &verdict));
	refused_with(&verdict, CO_CODE_SERVICE_UNAVAILABLE);
	command.expiry_ms = T0;
	assert_true(co_admit(&command, T0, &merchant, NULL, &verdict));
}

/* `after`: the millisecond itself is in time. */
static void admit__expiry__is_passed_a_millisecond_later(void **state)
{
	struct co_merchant merchant = default_merchant();
	struct co_command command = get_of();
	struct co_verdict verdict;

	(void)state;
	command.expiry_is = CO_PRESENT;
	command.expiry_ms = T0;
	assert_true(co_admit(&command, T0, &merchant, NULL, &verdict));
	assert_false(co_admit(&command, T0 + 1, &merchant, NULL, &verdict));
	refused_with(&verdict, CO_CODE_SERVICE_UNAVAILABLE);
}

static void id_is(const struct co_command *command, const char *name)
{
	struct co_uuid want = co_uuid_v5(&command->merchant_id, co_view_cstr(name)), got = co_command_created_id(command);

	assert_memory_equal(&got, &want, sizeof(want));
}

static struct co_command create_of(const char *data)
{
	return command_of(&arena, CO_COMMAND_CREATE, "c-1", json_of(&arena, co_view_cstr(data)), NULL);
}

static void created_id__reference__is_of_namespace_and_reference(void **state)
{
	struct co_command command = create_of("{\"referenceId\":\"order:1\"}");

	(void)state;
	id_is(&command, "ref:default:order:1");
	command.namespace_name = V("eu");
	id_is(&command, "ref:eu:order:1");
}

/* No valid referenceId: the command's own name. Its limits are judged here as validation judges them. */
static void created_id__no_valid_reference__is_of_source_and_id(void **state)
{
	static const char *const without[] = {
		"{}",
		"{\"referenceId\":null}",
		"{\"referenceId\":\"\"}",
		"{\"referenceId\":1}",
		"{\"referenceId\":\"a\\tb\"}",
		"{\"referenceId\":\"a\\u0085b\"}",
		"{\"referenceId\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}"};
	struct co_command command;

	(void)state;
	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
		command = create_of(without[i]);
		id_is(&command, "cmd:/test\nc-1");
	}
	command = create_of("{\"referenceId\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}");
	id_is(&command, "ref:default:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

static struct co_view carts(size_t count)
{
	struct co_buf buf = co_buf_make(&arena, 4 * count);

	for (size_t i = 0; i < count; i++)
		co_buf_lit(&buf, "\xf0\x9f\x9b\x92");
	return co_view_dup(&arena, co_buf_view(&buf));
}

static void created_id__longest_source_and_id__fit(void **state)
{
	struct co_command command = create_of("{}");
	struct co_buf name = co_buf_make(&arena, 2048);

	(void)state;
	command.source = carts(256);
	command.id = carts(128);
	co_buf_lit(&name, "cmd:");
	co_buf_add(&name, command.source);
	co_buf_lit(&name, "\n");
	co_buf_add(&name, command.id);
	co_buf_add_byte(&name, '\0');
	id_is(&command, co_buf_view(&name).ptr);
}

static void open_session(struct co_session *session, const char *request)
{
	struct co_decision decision;
	bool exists = false;

	memset(session, 0, sizeof(*session));
	send_text(&arena, session, &exists, CO_COMMAND_CREATE, "create", request, &decision);
	assert_true(exists);
}

static void tell(struct co_session *session, enum co_command_kind kind, const char *id, const char *data,
				 struct co_decision *decision)
{
	bool exists = true;

	send_text(&arena, session, &exists, kind, id, data, decision);
}

static void decide__no_session__is_unknown_and_tells_it(void **state)
{
	(void)state;
	for (unsigned kind = CO_COMMAND_GET; kind < CO_COMMAND_VALIDATE; kind++) {
		struct co_command command = get_of();
		struct co_merchant merchant = default_merchant();
		struct co_decision decision;

		command.kind = (enum co_command_kind)kind;
		co_decide(NULL, &command, T0, &merchant, &arena, &decision);
		refused_with(&decision.verdict, CO_CODE_SESSION_NOT_FOUND);
		assert_true(decision.tells_error && decision.told == CO_CODE_SESSION_NOT_FOUND);
		assert_false(decision.remembers || decision.creates || decision.changes);
	}
}

static void decide__the_service_itself_failed__remembers_nothing(void **state)
{
	struct co_decision decision;

	(void)state;
	co_decide_unreadable(&decision);
	refused_with(&decision.verdict, CO_CODE_INVALID_SESSION);
	assert_true(decision.tells_error && decision.told == CO_CODE_INVALID_SESSION && !decision.remembers);
	co_decide_internal_error(7, &decision);
	assert_int_equal(decision.verdict.code, CO_CODE_INTERNAL_SERVER_ERROR);
	assert_int_equal(decision.verdict.version, 7);
	assert_true(decision.tells_error && !decision.remembers && !decision.changes);
}

static void create__facts__are_those_of_the_request(void **state)
{
	struct co_session session;

	(void)state;
	open_session(&session, "{\"referenceId\":\"r-1\",\"capture\":false,\"currency\":\"EUR\",\"ttlSeconds\":60,"
						   "\"config\":{\"modes\":[\"WALLET\",\"PAYMENT_AND_SAVE\",\"WALLET\"]},"
						   "\"customer\":{\"hsid\":\"h\"},\"payment\":{\"amount\":5,\"merchantTransactionId\":\"t\","
						   "\"metadata\":{\"b\":\"2\",\"n\":null,\"a\":\"\"}}}");
	assert_true(co_view_eq(session.reference_id, V("r-1")));
	assert_string_equal(session.currency, "EUR");
	assert_false(session.capture);
	assert_int_equal(session.amount, 5);
	assert_int_equal(session.expires_ms - session.created_ms, 60000);
	assert_int_equal(session.mode_count, 3);
	assert_int_equal(session.modes[0], CO_MODE_WALLET);
	assert_int_equal(session.modes[1], CO_MODE_PAYMENT_AND_SAVE);
	assert_int_equal(session.modes[2], CO_MODE_WALLET);
	assert_int_equal(session.metadata_count, 2);
	assert_true(co_view_eq(session.metadata[0].key, V("b")) && co_view_eq(session.metadata[1].key, V("a")));
	assert_true(session.metadata[1].value.ptr && !session.metadata[1].value.len);
	assert_int_equal(session.memory_count, 1);
}

/* The 33rd command pushes out the first; a repeat does not renew its place. */
static void memory__over_32__drops_the_oldest(void **state)
{
	struct co_session session;
	struct co_decision decision;
	char id[16];

	(void)state;
	open_session(&session, REQUEST);
	for (int i = 0; i < 31; i++) {
		(void)snprintf(id, sizeof(id), "c-%d", i);
		tell(&session, CO_COMMAND_CAPTURE, id, "{}", &decision);
		assert_true(decision.remembers && !decision.replayed);
	}
	assert_int_equal(session.memory_count, CO_MEMORY_MAX);
	tell(&session, CO_COMMAND_CREATE, "create", REQUEST, &decision);
	assert_true(decision.replayed);
	tell(&session, CO_COMMAND_CAPTURE, "c-31", "{}", &decision);
	assert_int_equal(session.memory_count, CO_MEMORY_MAX);
	tell(&session, CO_COMMAND_CAPTURE, "c-0", "{}", &decision);
	assert_true(decision.replayed);
	tell(&session, CO_COMMAND_CREATE, "create", REQUEST, &decision);
	assert_false(decision.replayed);
	assert_int_equal(decision.verdict.code, CO_CODE_REFERENCE_ID_EXISTED);
	assert_true(decision.remembers);
	/* That took the place of c-0, the oldest now. */
	tell(&session, CO_COMMAND_CAPTURE, "c-0", "{}", &decision);
	assert_false(decision.replayed);
	tell(&session, CO_COMMAND_CAPTURE, "c-31", "{}", &decision);
	assert_true(decision.replayed);
}

static void memory__get_and_validate__are_not_kept(void **state)
{
	struct co_session session;
	struct co_decision decision;

	(void)state;
	open_session(&session, REQUEST);
	tell(&session, CO_COMMAND_GET, "g", "{}", &decision);
	tell(&session, CO_COMMAND_VALIDATE, "v", "{}", &decision);
	assert_int_equal(decision.verdict.version, 0);
	assert_int_equal(session.memory_count, 1);
	/* A get under a remembered identity is a conflict; a validate is never part of a session. */
	tell(&session, CO_COMMAND_GET, "create", REQUEST, &decision);
	assert_int_equal(decision.verdict.problem, CO_PROBLEM_CONFLICT);
	assert_int_equal(decision.verdict.version, 1);
	assert_true(decision.tells_error && decision.told == CO_CODE_VALIDATION_ERROR);
	tell(&session, CO_COMMAND_VALIDATE, "create", REQUEST, &decision);
	assert_int_equal(decision.verdict.problem, CO_PROBLEM_NONE);
	assert_int_equal(session.memory_count, 1);
}

/* A remembered verdict holds hashes; the repeat's data, members in another order, gives the names back. */
static void memory__metadata_keys__come_back_from_the_repeat(void **state)
{
	const char *tail = "\"paymentIntentId\":\"p\",\"paymentMethod\":{\"family\":\"f\"},\"amount\":1000,"
					   "\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
					   "\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}";
	struct co_session session;
	struct co_decision decision;
	char first[512], again[512];

	(void)state;
	(void)snprintf(first, sizeof(first), "{\"metadata\":{\"a\":1,\"ok\":\"v\",\"b\":[]},%s", tail);
	(void)snprintf(again, sizeof(again), "{\"metadata\":{\"b\":[],\"ok\":\"v\",\"a\":1},%s", tail);
	open_session(&session, REQUEST);
	tell(&session, CO_COMMAND_AUTHORIZE, "x", first, &decision);
	assert_int_equal(decision.verdict.violation_count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_null(session.memory[1].verdict->violations[i].key.ptr);
		assert_int_equal(session.memory[1].verdict->violations[i].key_hash, co_key_hash(i ? V("b") : V("a")));
	}
	tell(&session, CO_COMMAND_AUTHORIZE, "x", again, &decision);
	assert_true(decision.replayed);
	assert_int_equal(decision.verdict.violation_count, 2);
	assert_true(co_view_eq(decision.verdict.violations[0].key, V("a")));
	assert_true(co_view_eq(decision.verdict.violations[1].key, V("b")));
	assert_int_equal(decision.verdict.violations[0].rule, CO_RULE_PAYMENT_METADATA_VALUE);
}

/* The test vectors of the FNV authors. */
static void key_hash__known_texts__is_fnv_1a(void **state)
{
	(void)state;
	assert_true(co_key_hash(V("")) == UINT64_C(0xcbf29ce484222325));
	assert_true(co_key_hash(V("a")) == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(co_key_hash(V("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void late_money__intent_that_is_none__is_null(void **state)
{
	struct co_session session;
	struct co_decision decision;
	struct co_buf data = co_buf_make(&arena, 512);

	(void)state;
	open_session(&session, REQUEST);
	tell(&session, CO_COMMAND_CANCEL, "x", "{}", &decision);
	tell(&session, CO_COMMAND_PAYMENT_UPDATE, "1", "{\"paymentIntentId\":\"\",\"transactionStatus\":\"CAPTURED\"}",
		 &decision);
	assert_true(decision.late_payment && !decision.late_intent_id.ptr);
	assert_true(co_view_eq(decision.late_status, V("CAPTURED")));
	tell(&session, CO_COMMAND_PAYMENT_UPDATE, "2", "{\"paymentIntentId\":7,\"transactionStatus\":\"SUCCEEDED\"}",
		 &decision);
	assert_true(decision.late_payment && !decision.late_intent_id.ptr);
	for (size_t count = 64; count <= 65; count++) {
		char id[8];

		data.len = 0;
		co_buf_lit(&data, "{\"transactionStatus\":\"SUCCEEDED\",\"paymentIntentId\":\"");
		co_buf_add(&data, carts(count));
		co_buf_lit(&data, "\"}");
		co_buf_add_byte(&data, '\0');
		(void)snprintf(id, sizeof(id), "n%zu", count);
		tell(&session, CO_COMMAND_PAYMENT_UPDATE, id, co_view_dup(&arena, co_buf_view(&data)).ptr, &decision);
		assert_true(decision.late_payment);
		assert_int_equal(decision.late_intent_id.len, count == 64 ? 256 : 0);
	}
}

/* A part that was captured stays what was captured, whatever comes after it. */
static void captured_amount__of_a_part__outlives_what_follows(void **state)
{
	static const struct {
		enum co_command_kind kind;
		const char *data;
		enum co_session_status status;
	} rows[] = {
		{CO_COMMAND_COMPLETE, "{}", CO_SESSION_COMPLETED},
		{CO_COMMAND_FAIL, "{}", CO_SESSION_FAILED},
		{CO_COMMAND_PAYMENT_UPDATE, "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"SUCCEEDED\"}",
		 CO_SESSION_SUCCEEDED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct co_session session;
		struct co_decision decision;

		open_session(&session, REQUEST_CAPTURE_LATER);
		tell(&session, CO_COMMAND_AUTHORIZE, "a", AUTHORIZE, &decision);
		tell(&session, CO_COMMAND_CAPTURE, "c", "{\"amount\":400}", &decision);
		tell(&session, rows[i].kind, "x", rows[i].data, &decision);
		assert_int_equal(co_session_now(&session).status, rows[i].status);
		assert_int_equal(co_session_now(&session).captured_amount, 400);
		assert_int_equal(co_session_at(&session, 2).captured_amount, 0);
	}
}

static void elapse__deadline__to_the_millisecond(void **state)
{
	struct co_session session;
	int64_t deadline_ms = 0;

	(void)state;
	open_session(&session, REQUEST);
	assert_true(co_session_deadline(&session, RETENTION_MS, &deadline_ms));
	assert_int_equal(deadline_ms, session.expires_ms);
	assert_int_equal(co_elapse(&session, deadline_ms - 1, RETENTION_MS), CO_ELAPSED_NOTHING);
	assert_int_equal(session.change_count, 1);
	/* Whatever the clock, the expiry is of the deadline. */
	assert_int_equal(co_elapse(&session, deadline_ms + 12345, RETENTION_MS), CO_ELAPSED_EXPIRED);
	assert_int_equal(co_session_now(&session).updated_ms, deadline_ms);
	assert_null(co_session_now(&session).reason.ptr);
	assert_true(co_session_deadline(&session, RETENTION_MS, &deadline_ms));
	assert_int_equal(deadline_ms, session.expires_ms + RETENTION_MS);
	assert_int_equal(co_elapse(&session, deadline_ms - 1, RETENTION_MS), CO_ELAPSED_NOTHING);
	assert_int_equal(co_elapse(&session, deadline_ms, RETENTION_MS), CO_ELAPSED_FORGOTTEN);
	assert_int_equal(session.change_count, 2);
}

static void elapse__payment_in_processing__never(void **state)
{
	struct co_session session;
	struct co_decision decision;
	int64_t deadline_ms = 42;

	(void)state;
	open_session(&session, REQUEST);
	tell(&session, CO_COMMAND_AUTHORIZE, "a", AUTHORIZE, &decision);
	assert_false(co_session_deadline(&session, RETENTION_MS, &deadline_ms));
	assert_int_equal(deadline_ms, 42);
	assert_int_equal(co_elapse(&session, INT64_MAX, RETENTION_MS), CO_ELAPSED_NOTHING);
}

/* An end of retention beyond the last instant is the last instant. */
static void deadline__huge_retention__does_not_overflow(void **state)
{
	struct co_session session;
	struct co_decision decision;
	int64_t deadline_ms = 0;

	(void)state;
	open_session(&session, REQUEST);
	tell(&session, CO_COMMAND_CANCEL, "x", "{}", &decision);
	assert_true(co_session_deadline(&session, INT64_MAX, &deadline_ms));
	assert_int_equal(deadline_ms, INT64_MAX);
}

static void pin_methods__family_and_type__match_as_a_whole(void **state)
{
	static const struct co_view pins[] = {{"card/gift", 9}, {"wallet", 6}};
	static const struct {
		const char *family, *type;
		bool needed;
	} rows[] = {{"card", "gift", true},   {"card", "gif", false},   {"card", "gifts", false}, {"card", NULL, false},
				{"car", "d/gift", false}, {"wallet", NULL, true},   {"wallet", "x", true},    {"Wallet", NULL, false},
				{"walle", "t", false},    {"card/gift", NULL, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct co_merchant merchant = default_merchant();
		struct co_command command;
		struct co_session session;
		struct co_decision decision;
		char data[512];

		open_session(&session, REQUEST);
		merchant.pin_methods = (struct co_name_list){true, 2, pins};
		(void)snprintf(
			data, sizeof(data),
			"{\"paymentIntentId\":\"p\",\"paymentMethod\":{\"family\":\"%s\",\"type\":%s%s%s},\"amount\":1000,"
			"\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
			"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}",
			rows[i].family, rows[i].type ? "\"" : "", rows[i].type ? rows[i].type : "null", rows[i].type ? "\"" : "");
		command = command_of(&arena, CO_COMMAND_AUTHORIZE, "a", json_of(&arena, co_view_cstr(data)), &session.id);
		co_decide(&session, &command, T0, &merchant, &arena, &decision);
		if ((decision.verdict.code == CO_CODE_MISSING_PIN_TOKEN) != rows[i].needed)
			fail_msg("%s/%s", rows[i].family, rows[i].type ? rows[i].type : "");
		assert_int_equal(decision.changes, !rows[i].needed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admit__all_attributes_malformed__lists_them_in_order),
		cmocka_unit_test(admit__absent_attributes__only_required_ones_are_told),
		cmocka_unit_test(admit__into_used_memory__verdict_is_whole),
		cmocka_unit_test(admit__step_2__refuses_in_order),
		cmocka_unit_test(admit__expiry__is_passed_a_millisecond_later),
		cmocka_unit_test(created_id__reference__is_of_namespace_and_reference),
		cmocka_unit_test(created_id__no_valid_reference__is_of_source_and_id),
		cmocka_unit_test(created_id__longest_source_and_id__fit),
		cmocka_unit_test(decide__no_session__is_unknown_and_tells_it),
		cmocka_unit_test(decide__the_service_itself_failed__remembers_nothing),
		cmocka_unit_test(create__facts__are_those_of_the_request),
		cmocka_unit_test(memory__over_32__drops_the_oldest),
		cmocka_unit_test(memory__get_and_validate__are_not_kept),
		cmocka_unit_test(memory__metadata_keys__come_back_from_the_repeat),
		cmocka_unit_test(key_hash__known_texts__is_fnv_1a),
		cmocka_unit_test(late_money__intent_that_is_none__is_null),
		cmocka_unit_test(captured_amount__of_a_part__outlives_what_follows),
		cmocka_unit_test(elapse__deadline__to_the_millisecond),
		cmocka_unit_test(elapse__payment_in_processing__never),
		cmocka_unit_test(deadline__huge_retention__does_not_overflow),
		cmocka_unit_test(pin_methods__family_and_type__match_as_a_whole),
	};

	return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
