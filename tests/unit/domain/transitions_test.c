/* Every pair of states with every trigger, each its own test: a session is led into the pair by real commands, the
 * trigger is pulled, and what happens is held against a second, independent account of section 5, written below as the
 * contract says it and not as the table does. Covers tbl/transitions.def, co_decide, co_evolve, co_elapse. */
#include "support.h"

#include <stdio.h>
#include <string.h>

struct row {
	enum co_session_status session;
	enum co_payment_status payment;
	enum co_trigger trigger;
};

static struct co_arena arena;

static const enum co_command_kind kinds[CO_TRIGGER_COUNT] = {
	[CO_TRIGGER_CREATE] = CO_COMMAND_CREATE,
	[CO_TRIGGER_GET] = CO_COMMAND_GET,
	[CO_TRIGGER_AUTHORIZE] = CO_COMMAND_AUTHORIZE,
	[CO_TRIGGER_AUTHORIZE_CAPTURE] = CO_COMMAND_AUTHORIZE,
	[CO_TRIGGER_CAPTURE] = CO_COMMAND_CAPTURE,
	[CO_TRIGGER_UPDATE_AUTHORISED] = CO_COMMAND_PAYMENT_UPDATE,
	[CO_TRIGGER_UPDATE_PROCESSING] = CO_COMMAND_PAYMENT_UPDATE,
	[CO_TRIGGER_UPDATE_SUCCEEDED] = CO_COMMAND_PAYMENT_UPDATE,
	[CO_TRIGGER_UPDATE_FAILED] = CO_COMMAND_PAYMENT_UPDATE,
	[CO_TRIGGER_UPDATE_UNMAPPED] = CO_COMMAND_PAYMENT_UPDATE,
	[CO_TRIGGER_COMPLETE] = CO_COMMAND_COMPLETE,
	[CO_TRIGGER_FAIL] = CO_COMMAND_FAIL,
	[CO_TRIGGER_CANCEL] = CO_COMMAND_CANCEL,
	[CO_TRIGGER_EXPIRE] = CO_COMMAND_EXPIRE,
	[CO_TRIGGER_DEADLINE] = CO_COMMAND_COUNT,
};

static const char *data_of(enum co_trigger trigger)
{
	switch (trigger) {
	case CO_TRIGGER_AUTHORIZE:
	case CO_TRIGGER_AUTHORIZE_CAPTURE:
		return AUTHORIZE;
	case CO_TRIGGER_UPDATE_AUTHORISED:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"AUTHORISED\"}";
	case CO_TRIGGER_UPDATE_PROCESSING:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"PENDING\"}";
	case CO_TRIGGER_UPDATE_SUCCEEDED:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}";
	case CO_TRIGGER_UPDATE_FAILED:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"DECLINED\"}";
	case CO_TRIGGER_UPDATE_UNMAPPED:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"REFUNDED\"}";
	case CO_TRIGGER_CREATE:
		return REQUEST;
	case CO_TRIGGER_GET:
	case CO_TRIGGER_CAPTURE:
	case CO_TRIGGER_COMPLETE:
	case CO_TRIGGER_FAIL:
	case CO_TRIGGER_CANCEL:
	case CO_TRIGGER_EXPIRE:
	case CO_TRIGGER_DEADLINE:
	case CO_TRIGGER_COUNT:
		break;
	}
	return "{}";
}

static void lead(struct co_session *session, bool *exists, enum co_command_kind kind, const char *data)
{
	struct co_decision decision;
	char id[32];

	(void)snprintf(id, sizeof(id), "lead-%zu", *exists ? session->change_count : 0);
	send_text(&arena, session, exists, kind, id, data, &decision);
	assert_true(decision.creates || decision.changes);
}

/* Into the pair of states, by the shortest way. */
static void lead_to(const struct row *row, bool capture, struct co_session *session, bool *exists)
{
	bool paid = row->payment == CO_PAYMENT_AUTHORISED || row->payment == CO_PAYMENT_PROCESSING ||
				row->payment == CO_PAYMENT_SUCCEEDED;

	lead(session, exists, CO_COMMAND_CREATE,
		 row->payment == CO_PAYMENT_NONE ? REQUEST_WITHOUT_PAYMENT : (capture ? REQUEST : REQUEST_CAPTURE_LATER));
	if (paid)
		lead(session, exists, CO_COMMAND_AUTHORIZE, AUTHORIZE);
	if (row->session == CO_SESSION_COMPLETED)
		lead(session, exists, CO_COMMAND_COMPLETE, "{}");
	if (row->payment == CO_PAYMENT_PROCESSING && !capture)
		lead(session, exists, CO_COMMAND_CAPTURE, "{}");
	if (row->session == CO_SESSION_SUCCEEDED)
		lead(session, exists, CO_COMMAND_PAYMENT_UPDATE, data_of(CO_TRIGGER_UPDATE_SUCCEEDED));
	if (row->session == CO_SESSION_FAILED)
		lead(session, exists, CO_COMMAND_FAIL, "{}");
	if (row->session == CO_SESSION_CANCELLED)
		lead(session, exists, CO_COMMAND_CANCEL, "{}");
	if (row->session == CO_SESSION_EXPIRED)
		lead(session, exists, CO_COMMAND_EXPIRE, "{}");
	assert_int_equal(co_session_now(session).status, row->session);
	assert_int_equal(co_session_now(session).payment, row->payment);
}

/* The refusal that section 5 names for it, as its number; 0: accepted. The rows of its two tables, in their order. */
static int refusal(const struct row *row)
{
	enum co_command_kind kind = kinds[row->trigger];
	bool has_intent = row->payment == CO_PAYMENT_AUTHORISED || row->payment == CO_PAYMENT_PROCESSING;
	int ended = row->session == CO_SESSION_EXPIRED     ? 9300105
				: row->session == CO_SESSION_CANCELLED ? 9300106
				: row->session == CO_SESSION_FAILED    ? 9300107
													   : 0;

	if (kind == CO_COMMAND_COUNT)
		return 0;
	if (kind == CO_COMMAND_GET)
		return row->session == CO_SESSION_FAILED ? 0 : ended;
	if (kind == CO_COMMAND_CREATE)
		return 9300101;
	if (row->session == CO_SESSION_SUCCEEDED)
		return kind == CO_COMMAND_AUTHORIZE || kind == CO_COMMAND_CAPTURE || kind == CO_COMMAND_PAYMENT_UPDATE
				   ? 9300103
				   : 9300104;
	if (ended)
		return ended;
	if (kind == CO_COMMAND_COMPLETE)
		return row->session == CO_SESSION_COMPLETED ? 9300102 : 0;
	if (kind == CO_COMMAND_CANCEL || kind == CO_COMMAND_EXPIRE)
		return row->payment == CO_PAYMENT_PROCESSING ? 9300115 : 0;
	if (kind == CO_COMMAND_AUTHORIZE)
		return has_intent ? 9300108 : row->payment == CO_PAYMENT_NONE ? 9300110 : 0;
	if (kind == CO_COMMAND_CAPTURE)
		return row->payment == CO_PAYMENT_AUTHORISED ? 0 : 9300112;
	if (kind == CO_COMMAND_PAYMENT_UPDATE) {
		if (!has_intent)
			return 9300109;
		return row->trigger == CO_TRIGGER_UPDATE_UNMAPPED ? 9300111 : 0;
	}
	return 0;
}

/* Where an accepted trigger leads. `session` stays as it is where nothing is said. */
static void destination(const struct row *row, enum co_session_status *session, enum co_payment_status *payment)
{
	bool none = row->payment == CO_PAYMENT_NONE;

	*session = row->session;
	*payment = row->payment;
	switch (row->trigger) {
	case CO_TRIGGER_AUTHORIZE:
		*payment = CO_PAYMENT_AUTHORISED;
		break;
	case CO_TRIGGER_AUTHORIZE_CAPTURE:
	case CO_TRIGGER_CAPTURE:
	case CO_TRIGGER_UPDATE_PROCESSING:
		*payment = CO_PAYMENT_PROCESSING;
		break;
	case CO_TRIGGER_UPDATE_SUCCEEDED:
		*session = CO_SESSION_SUCCEEDED;
		*payment = CO_PAYMENT_SUCCEEDED;
		break;
	case CO_TRIGGER_UPDATE_FAILED:
	case CO_TRIGGER_FAIL:
		*session = CO_SESSION_FAILED;
		*payment = none ? CO_PAYMENT_NONE : CO_PAYMENT_FAILED;
		break;
	case CO_TRIGGER_COMPLETE:
		*session = CO_SESSION_COMPLETED;
		break;
	case CO_TRIGGER_CANCEL:
		*session = CO_SESSION_CANCELLED;
		*payment = none ? CO_PAYMENT_NONE : CO_PAYMENT_CANCELLED;
		break;
	case CO_TRIGGER_DEADLINE:
		if (row->session >= CO_SESSION_SUCCEEDED || row->payment == CO_PAYMENT_PROCESSING)
			break;
		*session = CO_SESSION_EXPIRED;
		*payment = none ? CO_PAYMENT_NONE : CO_PAYMENT_EXPIRED;
		break;
	case CO_TRIGGER_EXPIRE:
		*session = CO_SESSION_EXPIRED;
		*payment = none ? CO_PAYMENT_NONE : CO_PAYMENT_EXPIRED;
		break;
	case CO_TRIGGER_CREATE:
	case CO_TRIGGER_GET:
	case CO_TRIGGER_UPDATE_AUTHORISED:
	case CO_TRIGGER_UPDATE_UNMAPPED:
	case CO_TRIGGER_COUNT:
		break;
	}
}

static void pull(const struct row *row, struct co_session *session, bool *exists, struct co_decision *decision)
{
	memset(decision, 0, sizeof(*decision));
	if (row->trigger == CO_TRIGGER_DEADLINE) {
		/* Retention is long enough to forget nothing here. */
		(void)co_elapse(session, session->expires_ms, INT64_C(1) << 60);
		return;
	}
	send_text(&arena, session, exists, kinds[row->trigger], "pull", data_of(row->trigger), decision);
}

static void pull_and_check(void **state)
{
	const struct row *row = *state;
	bool capture = row->trigger != CO_TRIGGER_AUTHORIZE && row->payment != CO_PAYMENT_AUTHORISED, exists = false;
	enum co_session_status to_session;
	enum co_payment_status to_payment;
	struct co_session session;
	struct co_decision decision;
	size_t before;
	int want = refusal(row);
	bool late = row->trigger == CO_TRIGGER_UPDATE_SUCCEEDED && row->session > CO_SESSION_SUCCEEDED;

	lead_to(row, capture, &session, &exists);
	before = session.change_count;
	pull(row, &session, &exists, &decision);
	destination(row, &to_session, &to_payment);
	if (want) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%d", want);
		assert_int_not_equal(decision.verdict.problem, CO_PROBLEM_NONE);
		assert_string_equal(co_code_row(decision.verdict.code)->number.ptr, number);
		assert_true(decision.tells_error);
		assert_int_equal(session.change_count, before);
		assert_int_equal(co_session_now(&session).status, row->session);
		assert_int_equal(co_session_now(&session).payment, row->payment);
	} else {
		bool moves = to_session != row->session || to_payment != row->payment;

		assert_int_equal(decision.verdict.problem, CO_PROBLEM_NONE);
		assert_int_equal(session.change_count, before + moves);
		assert_int_equal(co_session_now(&session).status, to_session);
		assert_int_equal(co_session_now(&session).payment, to_payment);
		assert_int_equal(decision.tells_error, moves && to_session == CO_SESSION_FAILED);
	}
	assert_int_equal(decision.late_payment, late);
	co_arena_reset(&arena);
}

/* Step 6 of section 5: what the state refuses before the data is looked at. */
static bool refused_before_data(const struct row *row)
{
	enum co_command_kind kind = kinds[row->trigger];

	if (kind == CO_COMMAND_CREATE || row->session >= CO_SESSION_SUCCEEDED)
		return true;
	if (kind == CO_COMMAND_COMPLETE)
		return row->session == CO_SESSION_COMPLETED;
	return (kind == CO_COMMAND_CANCEL || kind == CO_COMMAND_EXPIRE) && row->payment == CO_PAYMENT_PROCESSING;
}

/* Data that breaks a rule of section 4; NULL: the command has no such data. */
static const char *broken_data_of(enum co_trigger trigger)
{
	switch (kinds[trigger]) {
	case CO_COMMAND_CREATE:
		return "{\"referenceId\":\"r-1\",\"capture\":1}";
	case CO_COMMAND_AUTHORIZE:
		return "{}";
	case CO_COMMAND_CAPTURE:
		return "{\"amount\":0}";
	case CO_COMMAND_PAYMENT_UPDATE:
		return "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"FAILED\",\"failure\":1}";
	case CO_COMMAND_FAIL:
		return "{\"code\":1}";
	case CO_COMMAND_CANCEL:
	case CO_COMMAND_EXPIRE:
		return "{\"reason\":1}";
	case CO_COMMAND_GET:
	case CO_COMMAND_COMPLETE:
	case CO_COMMAND_VALIDATE:
	case CO_COMMAND_COUNT:
		break;
	}
	return NULL;
}

/* The state speaks before the data, the data before the payment's state. */
static void check_order(void **state)
{
	const struct row *row = *state;
	const char *data = broken_data_of(row->trigger);
	bool capture = row->trigger != CO_TRIGGER_AUTHORIZE && row->payment != CO_PAYMENT_AUTHORISED, exists = false;
	struct co_session session;
	struct co_decision decision;
	char number[16];

	assert_non_null(data);
	lead_to(row, capture, &session, &exists);
	send_text(&arena, &session, &exists, kinds[row->trigger], "pull", data, &decision);
	(void)snprintf(number, sizeof(number), "%d", refused_before_data(row) ? refusal(row) : 9300004);
	assert_string_equal(co_code_row(decision.verdict.code)->number.ptr, number);
	assert_int_equal(decision.verdict.violation_count > 0, !refused_before_data(row));
	assert_int_equal(decision.verdict.version, session.change_count);
	assert_true(decision.remembers && !decision.changes);
	co_arena_reset(&arena);
}

/* The table says the same as the account above, row by row: kind, code and destination. */
static void check_table(void **state)
{
	const struct row *row = *state;
	const struct co_step *step = co_step(row->session, row->payment, row->trigger);
	enum co_session_status to_session;
	enum co_payment_status to_payment;
	int want = refusal(row);

	destination(row, &to_session, &to_payment);
	if (want) {
		char number[16];

		(void)snprintf(number, sizeof(number), "%d", want);
		assert_true(step->kind == CO_STEP_REFUSED || step->kind == CO_STEP_LATE_MONEY ||
					step->kind == CO_STEP_REFUSED_FIRST || step->kind == CO_STEP_REFUSED_LAST);
		assert_int_equal(step->kind == CO_STEP_REFUSED || step->kind == CO_STEP_LATE_MONEY, refused_before_data(row));
		assert_string_equal(co_code_row(step->code)->number.ptr, number);
	} else if (to_session == row->session && to_payment == row->payment) {
		assert_int_equal(step->kind, CO_STEP_STAYS);
	} else {
		assert_int_equal(step->kind, CO_STEP_MOVES);
		assert_int_equal(step->to_session, to_session);
		assert_int_equal(step->to_payment, to_payment);
		assert_true(co_states_reachable(to_session, to_payment));
	}
}

/* 15 pairs can be reached; all triggers have a row there, and none elsewhere. */
static void table__reachable_pairs__are_whole(void **state)
{
	unsigned pairs = 0;

	(void)state;
	for (unsigned s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		for (unsigned p = 0; p < CO_PAYMENT_STATUS_COUNT; p++) {
			bool reachable = co_states_reachable((enum co_session_status)s, (enum co_payment_status)p);

			pairs += reachable;
			for (unsigned t = 0; t < CO_TRIGGER_COUNT; t++)
				assert_int_equal(
					co_step((enum co_session_status)s, (enum co_payment_status)p, (enum co_trigger)t)->kind !=
						CO_STEP_UNREACHABLE,
					reachable);
		}
	assert_int_equal(pairs, 15);
}

static void triggers__texts__are_there_and_differ(void **state)
{
	(void)state;
	for (unsigned a = 0; a < CO_TRIGGER_COUNT; a++) {
		assert_true(co_trigger_text((enum co_trigger)a).len > 0);
		for (unsigned b = 0; b < a; b++)
			assert_false(co_view_eq(co_trigger_text((enum co_trigger)a), co_trigger_text((enum co_trigger)b)));
	}
}

int main(void)
{
	static const struct {
		const char *name;
		CMUnitTestFunction function;
	} checks[3] = {{"decide", pull_and_check}, {"order", check_order}, {"table", check_table}};
	static struct row rows[CO_SESSION_STATUS_COUNT * CO_PAYMENT_STATUS_COUNT * CO_TRIGGER_COUNT];
	static struct CMUnitTest tests[3 * sizeof(rows) / sizeof(rows[0]) + 2];
	static char names[3 * sizeof(rows) / sizeof(rows[0])][128];
	size_t count = 0, row_count = 0;
	int failed;

	co_arena_init(&arena, 1 << 16, 1 << 20);
	for (unsigned s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		for (unsigned p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
			for (unsigned t = 0; t < CO_TRIGGER_COUNT; t++) {
				struct row *row = &rows[row_count];

				*row = (struct row){(enum co_session_status)s, (enum co_payment_status)p, (enum co_trigger)t};
				if (!co_states_reachable(row->session, row->payment))
					continue;
				row_count++;
				for (size_t check = 0; check < 3; check++) {
					if (checks[check].function == check_order && !broken_data_of(row->trigger))
						continue;
					(void)snprintf(names[count], sizeof(names[0]), "%s %s/%s, %s", checks[check].name,
								   co_session_status_name(row->session).ptr, co_payment_status_name(row->payment).ptr,
								   co_trigger_text(row->trigger).ptr);
					tests[count] = (struct CMUnitTest){
						.name = names[count], .test_func = checks[check].function, .initial_state = row};
					count++;
				}
			}
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(table__reachable_pairs__are_whole);
	tests[count++] = (struct CMUnitTest)cmocka_unit_test(triggers__texts__are_there_and_differ);
	failed = _cmocka_run_group_tests("transitions", tests, count, NULL, NULL);
	co_arena_clear(&arena);
	return failed;
}
