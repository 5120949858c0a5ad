/* The stored form: golden bytes, round trips, and what damage does (checkout/app/stored.h, contract sections 1 and 5).
 */
#include "stored_support.h"

#include "checkout/app/output.h"
#include "checkout/app/stored.h"

/* cmocka.h wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SESSIONS 25000

static struct co_arena arena;

static int begin(void **state)
{
	(void)state;
	co_arena_init(&arena, 65536, 1 << 20);
	sample_begin(&arena);
	return 0;
}

static int end(void **state)
{
	(void)state;
	co_arena_clear(&arena);
	return 0;
}

/* A session as a `create` leaves it: one change, one command remembered. */
static void fresh_session(struct co_session *session, struct co_verdict *verdict)
{
	static const uint8_t modes[] = {CO_MODE_PAYMENT};

	memset(session, 0, sizeof *session);
	memset(verdict, 0, sizeof *verdict);
	for (uint8_t i = 0; i < 16; i++) {
		session->id.bytes[i] = i;
		session->merchant_id.bytes[i] = (uint8_t)(0x10 + i);
		session->memory[0].identity.bytes[i] = (uint8_t)(0x20 + i);
		session->memory[0].content.bytes[i] = (uint8_t)(0x30 + i);
	}
	session->namespace_name = CO_VIEW("default");
	session->reference_id = CO_VIEW("order-2026-000017");
	session->amount = 1999;
	memcpy(session->currency, "USD", 4);
	session->capture = true;
	session->mode_count = 1;
	session->modes = modes;
	session->created_ms = EPOCH_MS;
	session->expires_ms = EPOCH_MS + 1800000;
	session->change_count = 1;
	session->changes[0] = (struct co_change){.event = CO_EVENT_CREATED,
											 .at_ms = EPOCH_MS,
											 .status = CO_SESSION_OPEN,
											 .payment = CO_PAYMENT_REQUIRES_PAYMENT_METHOD};
	session->memory_count = 1;
	session->memory[0].kind = CO_COMMAND_CREATE;
	verdict->version = 1;
	session->memory[0].verdict = verdict;
}

/* The format is kept by every stored session there is: a change of these bytes asks for a new format number. */
static void write__fresh_session__golden_bytes(void **state)
{
	static const uint8_t expected[] = {
		'L', 1, 0x05, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
		0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f,
		/* reference id, amount 1999 */
		17, 'o', 'r', 'd', 'e', 'r', '-', '2', '0', '2', '6', '-', '0', '0', '0', '0', '1', '7', 0xcf, 0x0f,
		/* created, expires 1800000 later: zigzag */
		0x80, 0xa0, 0xd5, 0xed, 0xee, 0x66, 0x80, 0xdd, 0xdb, 0x01,
		/* one change: created, open, requires_payment_method, at once */
		1, 0x00, 0x01, 0x00,
		/* one command: create, accepted, version 1 */
		1, 0x00, 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f, 0x30,
		0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 1};
	struct co_session session;
	struct co_verdict verdict;
	struct co_view stored;
	(void)state;
	fresh_session(&session, &verdict);

	stored = co_stored_write(&session, &arena);

	assert_int_equal(stored.len, sizeof expected);
	assert_memory_equal(stored.ptr, expected, sizeof expected);
}

/* Everything that is optional, and the remembered refusal with a metadata key. */
static void write__ended_session_with_everything__golden_tail(void **state)
{
	static const uint8_t expected[] = {/* flags, then the two ids are skipped */
									   0x3e,
									   /* namespace, reference id, amount 0, currency, two modes, one metadata entry */
									   2, 'n', 's', 1, 'r', 0, 'E', 'U', 'R', 2, 4, 4, 1, 1, 'k', 2, 0xc3, 0xbc,
									   /* created -1, expires -3 */
									   0x01, 0x03,
									   /* two changes */
									   2, 0x00, 0x00, 0x02,
									   /* failed, failed, 600 captured, a reason, intent and processor; 1 ms later */
									   0x36, 0x75, 0x02, 0xd8, 0x04, 2, 'n', 'o', 0x11, 2, 'p', 'i', 0};
	static const uint8_t refusal[] = {0x23, 2, 3, 0x0e, 1, 0x0e, 0x2b, 0x05, 8, 7, 6, 5, 4, 3, 2, 1};
	struct co_session session;
	struct co_verdict verdict;
	struct co_view stored;
	(void)state;
	fresh_session(&session, &verdict);
	session.capture = false;
	session.namespace_name = CO_VIEW("ns");
	session.reference_id = CO_VIEW("r");
	session.amount = 0;
	memcpy(session.currency, "EUR", 4);
	session.mode_count = 2;
	session.modes = (const uint8_t[]){CO_MODE_WALLET, CO_MODE_WALLET};
	session.metadata_count = 1;
	session.metadata = &(const struct co_metadata){CO_VIEW("k"), CO_VIEW("\xc3\xbc")};
	session.created_ms = -1;
	session.expires_ms = -3;
	session.changes[0].at_ms = 0;
	session.changes[0].payment = CO_PAYMENT_NONE;
	session.change_count = 2;
	session.changes[1] = (struct co_change){.event = CO_EVENT_FAILED,
											.at_ms = 1,
											.status = CO_SESSION_FAILED,
											.payment = CO_PAYMENT_FAILED,
											.captured_amount = 600,
											.reason = CO_VIEW("no"),
											.intent_id = CO_VIEW("pi"),
											.processor = CO_VIEW("")};
	session.memory[0].kind = CO_COMMAND_CAPTURE;
	verdict.problem = CO_PROBLEM_RULE;
	verdict.code = CO_CODE_VALIDATION_ERROR;
	verdict.rule = CO_RULE_PAYMENT_METADATA_KEY;
	verdict.version = 2;
	verdict.violation_count = 1;
	verdict.violations[0] = (struct co_violation){.rule = CO_RULE_PAYMENT_METADATA_KEY,
												  .place = CO_PLACE_PAYMENT_METADATA_MEMBER,
												  .index = 5,
												  .key = CO_VIEW("not stored"),
												  .key_hash = UINT64_C(0x0102030405060708)};

	stored = co_stored_write(&session, &arena);

	assert_int_equal(stored.ptr[0], 'E');
	assert_int_equal(stored.ptr[1], 1);
	assert_int_equal(stored.len, 2 + sizeof expected + 32 + 1 + 32 + sizeof refusal);
	assert_int_equal((uint8_t)stored.ptr[2], expected[0]);
	assert_memory_equal(stored.ptr + 3 + 32, expected + 1, sizeof expected - 1);
	stored.ptr += 2 + sizeof expected + 32;
	assert_int_equal(stored.ptr[0], 1);
	assert_int_equal((uint8_t)stored.ptr[1], refusal[0]);
	assert_memory_equal(stored.ptr + 2 + 32, refusal + 1, sizeof refusal - 1);
}

/* The goal: a fresh session takes less than 200 bytes. */
static void write__fresh_session__small(void **state)
{
	struct co_session session;
	struct co_verdict verdict;
	(void)state;
	fresh_session(&session, &verdict);

	size_t bytes = co_stored_write(&session, &arena).len;

	print_message("fresh session: %zu bytes\n", bytes);
	assert_true(bytes < 120);
}

static void read__random_sessions__round_trip(void **state)
{
	static struct co_session session, back;
	size_t bytes = 0;
	(void)state;

	for (size_t i = 0; i < SESSIONS; i++) {
		struct co_view stored;
		struct co_view again;
		char *exact;

		co_arena_reset(&arena);
		sample_session(&session);
		stored = co_stored_write(&session, &arena);
		bytes += stored.len;
		exact = malloc(stored.len);
		assert_non_null(exact);
		memcpy(exact, stored.ptr, stored.len);
		memset(&back, 0x5a, sizeof back);
		assert_int_equal(co_stored_read(co_view_make(exact, stored.len), &arena, &back), CO_OK);
		assert_same_session(&session, &back);
		assert_int_equal(exact[0],
						 co_session_status_is_terminal(session.changes[session.change_count - 1].status) ? 'E' : 'L');
		again = co_stored_write(&back, &arena);
		assert_int_equal(again.len, stored.len);
		assert_memory_equal(again.ptr, stored.ptr, stored.len);
		free(exact);
	}
	print_message("%d sessions, %zu bytes\n", SESSIONS, bytes);
}

static enum co_status read_exactly(const char *bytes, size_t length, struct co_session *out)
{
	char *exact = malloc(length + (length == 0));
	enum co_status status;

	assert_non_null(exact);
	if (length > 0)
		memcpy(exact, bytes, length);
	status = co_stored_read(co_view_make(exact, length), &arena, out);
	if (status == CO_OK) {
		/* What was taken is whole: it can be shown at every version and is written back as it was. */
		struct co_names names = {.source = CO_VIEW("/s")};
		struct co_message message;
		struct co_view again = co_stored_write(out, &arena);

		assert_int_equal(again.len, length);
		assert_memory_equal(again.ptr, exact, length);
		co_output_state(&names, &arena, 0, &out->id, co_output_snapshot(&arena, out, (uint16_t)out->change_count),
						again, &message);
		assert_true(co_view_is_utf8(message.value));
		for (size_t version = 1; version <= out->change_count; version++)
			co_output_event(&names, &arena, 0, NULL, out, (uint16_t)version,
							co_output_snapshot(&arena, out, (uint16_t)version), &message);
		for (size_t i = 0; i < out->memory_count; i++) {
			if (out->memory[i].verdict->problem != CO_PROBLEM_NONE)
				(void)co_present_verdict(out->memory[i].verdict);
		}
	}
	free(exact);
	return status;
}

static void read__truncated_at_every_byte__refused(void **state)
{
	static struct co_session session, back;
	size_t cuts = 0;
	(void)state;

	for (size_t i = 0; i < 100; i++) {
		struct co_view stored;

		sample_session(&session);
		stored = co_stored_write(&session, &arena);
		for (size_t length = 0; length < stored.len; length++) {
			assert_int_equal(read_exactly(stored.ptr, length, &back), CO_FORMAT);
			cuts++;
		}
		co_arena_reset(&arena);
	}
	assert_true(cuts > 100000);
}

static void read__trailing_byte__refused(void **state)
{
	static struct co_session session, back;
	(void)state;

	for (size_t i = 0; i < 1000; i++) {
		struct co_buf bytes = co_buf_make(&arena, 16);

		sample_session(&session);
		co_buf_add(&bytes, co_stored_write(&session, &arena));
		co_buf_add_byte(&bytes, (char)sample_below(256));
		assert_int_equal(read_exactly(bytes.ptr, bytes.len, &back), CO_FORMAT);
		co_arena_reset(&arena);
	}
}

/* Flipped bits, replaced, inserted and removed bytes: refused, or a session as good as any (read_exactly checks). */
static void read__corrupted__refused_or_harmless(void **state)
{
	static struct co_session session, back;
	size_t refused = 0;
	size_t taken = 0;
	(void)state;

	for (size_t i = 0; i < 20000; i++) {
		struct co_view stored;
		size_t length;
		char *bytes;

		sample_session(&session);
		stored = co_stored_write(&session, &arena);
		length = stored.len;
		bytes = co_arena_alloc(&arena, length + 1);
		memcpy(bytes, stored.ptr, length);
		for (size_t edits = 1 + sample_below(3); edits > 0; edits--) {
			size_t at = sample_below(2) ? sample_below(length) : sample_below(length < 60 ? length : 60);

			switch (sample_below(4)) {
			case 0:
				bytes[at] = (char)(bytes[at] ^ 1 << sample_below(8));
				break;
			case 1:
				bytes[at] = (char)sample_below(256);
				break;
			case 2:
				memmove(bytes + at, bytes + at + 1, length - at - 1);
				length--;
				break;
			case 3:
				bytes[at] = (char)(sample_below(2) ? 0xff : 0x80);
				break;
			}
		}
		if (read_exactly(bytes, length, &back) == CO_OK)
			taken++;
		else
			refused++;
		co_arena_reset(&arena);
	}
	/* Neither side is empty: the test would not see a reader that takes, or refuses, everything. */
	print_message("%zu refused, %zu taken\n", refused, taken);
	assert_true(refused > 1000 && taken > 1000);
}

static void read__noise__refused(void **state)
{
	static struct co_session back;
	(void)state;

	for (size_t i = 0; i < 40000; i++) {
		char bytes[160];
		size_t length = sample_below(sizeof bytes + 1);

		sample_bytes((uint8_t *)bytes, length);
		if (length > 2 && sample_below(2)) {
			bytes[0] = 'L';
			bytes[1] = 1;
		}
		(void)read_exactly(bytes, length, &back);
		co_arena_reset(&arena);
	}
}

/* One byte of the fresh session replaced by its nearest wrong neighbour. Positions: see the golden bytes. */
static const struct damage_row {
	const char *name;
	size_t at;
	uint8_t byte;
	enum co_status status;
} damage_rows[] = {
	{"unchanged", 0, 'L', CO_OK},
	{"life_other", 0, 'M', CO_FORMAT},
	{"life_lower_case", 0, 'l', CO_FORMAT},
	{"life_ended_but_open", 0, 'E', CO_FORMAT},
	{"format_0", 1, 0, CO_FORMAT},
	{"format_2", 1, 2, CO_FORMAT},
	{"flags_all_unknown", 2, 0x45, CO_FORMAT},
	{"flags_top", 2, 0x85, CO_FORMAT},
	{"flags_capture_off", 2, 0x04, CO_OK},
	{"reference_longer", 35, 18, CO_FORMAT},
	{"reference_huge", 35, 0x7f, CO_FORMAT},
	{"reference_not_utf8", 36, 0xc0, CO_FORMAT},
	{"reference_with_nul", 36, 0x00, CO_FORMAT},
	{"reference_with_control", 36, 0x01, CO_OK},
	{"reference_lone_continuation", 52, 0x80, CO_FORMAT},
	{"amount_overlong", 54, 0x00, CO_FORMAT},
	{"expires_overlong", 64, 0x00, CO_FORMAT},
	{"changes_0", 65, 0, CO_FORMAT},
	{"changes_2", 65, 2, CO_FORMAT},
	{"changes_9", 65, 9, CO_FORMAT},
	{"event_last", 66, 0x09, CO_OK},
	{"event_beyond", 66, 0x0a, CO_FORMAT},
	{"status_completed", 66, 0x10, CO_OK},
	{"status_terminal_but_live", 66, 0x20, CO_FORMAT},
	{"status_beyond", 66, 0x60, CO_FORMAT},
	{"payment_last", 67, 0x07, CO_OK},
	{"payment_beyond", 67, 0x08, CO_FORMAT},
	{"change_flag_unknown", 67, 0x81, CO_FORMAT},
	{"memory_0_but_more_bytes", 69, 0, CO_FORMAT},
	{"memory_2", 69, 2, CO_FORMAT},
	{"memory_33", 69, 33, CO_FORMAT},
	{"kind_last", 70, 0x09, CO_OK},
	{"kind_beyond", 70, 0x0a, CO_FORMAT},
	{"problem_without_code", 70, 0x10, CO_FORMAT},
	{"problem_beyond", 70, 0x50, CO_FORMAT},
	{"version_0", 103, 0, CO_OK},
	{"version_beyond_the_changes", 103, 2, CO_FORMAT},
};

static void read__damaged_byte__status(void **state)
{
	const struct damage_row *row = *state;
	static struct co_session session, back;
	struct co_verdict verdict;
	struct co_view stored;
	char bytes[104];

	begin(NULL);
	fresh_session(&session, &verdict);
	stored = co_stored_write(&session, &arena);
	assert_int_equal(stored.len, sizeof bytes);
	memcpy(bytes, stored.ptr, sizeof bytes);

	bytes[row->at] = (char)row->byte;

	assert_int_equal(read_exactly(bytes, sizeof bytes, &back), row->status);
	end(NULL);
}

/* A key said twice would make a `state` record that nobody can read. */
static void read__metadata_key_twice__refused(void **state)
{
	static const struct co_metadata metadata[] = {{{"k1", 2}, {"a", 1}}, {{"k2", 2}, {"a", 1}}};
	static struct co_session session, back;
	struct co_verdict verdict;
	struct co_view stored;
	char *second;
	(void)state;
	fresh_session(&session, &verdict);
	session.metadata_count = 2;
	session.metadata = metadata;
	stored = co_stored_write(&session, &arena);
	assert_int_equal(read_exactly(stored.ptr, stored.len, &back), CO_OK);
	second = memmem(stored.ptr, stored.len, "k2", 2);
	assert_non_null(second);

	second[1] = '1';

	assert_int_equal(read_exactly(stored.ptr, stored.len, &back), CO_FORMAT);
}

/* What is not stored is not left as the memory was. */
static void read__into_used_memory__verdict_is_not_brief(void **state)
{
	static struct co_session session, back;
	struct co_verdict verdict;
	char stored[104];
	(void)state;
	fresh_session(&session, &verdict);
	struct co_view written = co_stored_write(&session, &arena);
	assert_int_equal(written.len, sizeof stored);
	memcpy(stored, written.ptr, sizeof stored);
	co_arena_reset(&arena);
	memset(co_arena_alloc(&arena, 16384), 0xa5, 16384);
	co_arena_reset(&arena);

	assert_int_equal(read_exactly(stored, sizeof stored, &back), CO_OK);

	assert_false(back.memory[0].verdict->brief);
}

static void read__absent__refused(void **state)
{
	static struct co_session back;
	(void)state;

	assert_int_equal(co_stored_read(co_view_make(NULL, 0), &arena, &back), CO_FORMAT);
	assert_int_equal(co_stored_read(CO_VIEW(""), &arena, &back), CO_FORMAT);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)
#define PLAIN_TESTS 11
#define ROWS (sizeof damage_rows / sizeof damage_rows[0])

int main(void)
{
	struct CMUnitTest tests[PLAIN_TESTS + ROWS] = {
		TEST(write__fresh_session__golden_bytes),
		TEST(write__ended_session_with_everything__golden_tail),
		TEST(write__fresh_session__small),
		TEST(read__random_sessions__round_trip),
		TEST(read__truncated_at_every_byte__refused),
		TEST(read__trailing_byte__refused),
		TEST(read__corrupted__refused_or_harmless),
		TEST(read__noise__refused),
		TEST(read__metadata_key_twice__refused),
		TEST(read__into_used_memory__verdict_is_not_brief),
		TEST(read__absent__refused),
	};
	char names[ROWS][64];

	for (size_t i = 0; i < ROWS; i++) {
		snprintf(names[i], sizeof names[i], "read__%s__status", damage_rows[i].name);
		tests[PLAIN_TESTS + i] = (struct CMUnitTest){.name = names[i],
													 .test_func = read__damaged_byte__status,
													 .initial_state = (void *)(uintptr_t)&damage_rows[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
