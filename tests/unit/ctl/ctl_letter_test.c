/* A dead letter taken apart: the record as it came, to the byte, without what the worker wrote on it; and mended. */
#include "ctl_support.h"
#include "letter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define H(name, value)                \
	{                                 \
		CO_VIEW(name), CO_VIEW(value) \
	}
#define WRITTEN(reason, partition, offset, timestamp)                                       \
	H("checkout-dlq-reason", reason), H("checkout-dlq-topic", "checkout.session.commands"), \
		H("checkout-dlq-partition", partition), H("checkout-dlq-offset", offset),           \
		H("checkout-dlq-timestamp", timestamp)
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct co_arena arena;

static int start(void **state)
{
	(void)state;
	co_arena_init(&arena, 4096, 0);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	co_arena_clear(&arena);
	return 0;
}

static struct co_record record_of(const struct co_header *headers, size_t count, const char *value)
{
	return (struct co_record){.partition = 3,
							  .offset = 17,
							  .timestamp_ms = 5000,
							  .key = CO_VIEW("k"),
							  .value = co_view_cstr(value),
							  .header_count = count,
							  .headers = headers};
}

static struct ctl_letter open_good(const struct co_header *headers, size_t count, const char *value)
{
	struct co_record record = record_of(headers, count, value);
	struct ctl_letter letter;
	struct co_error error = {0};

	if (!ctl_letter_open(&record, &letter, &error))
		fail_msg("%s", error.text);
	return letter;
}

static void expect_header(const struct ctl_letter *letter, size_t i, const char *name, struct co_view value)
{
	assert_true(i < letter->record.header_count);
	assert_true(co_view_eq(letter->record.headers[i].name, co_view_cstr(name)));
	assert_int_equal(letter->record.headers[i].value.ptr == NULL, value.ptr == NULL);
	assert_true(co_view_eq(letter->record.headers[i].value, value));
}

static void open__dead_letter__where_it_lies_and_where_it_lay(void **state)
{
	const struct co_header headers[] = {WRITTEN("not_json", "1", "9223372036854775807", "-1")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{");

	(void)state;
	assert_int_equal(letter.partition, 3);
	assert_int_equal(letter.offset, 17);
	assert_int_equal(letter.timestamp_ms, 5000);
	assert_true(co_view_eq(letter.reason, CO_VIEW("not_json")));
	assert_true(co_view_eq(letter.from_topic, CO_VIEW("checkout.session.commands")));
	assert_int_equal(letter.from_partition, 1);
	assert_int_equal(letter.from_offset, INT64_MAX);
	assert_int_equal(letter.from_timestamp_ms, -1);
	assert_int_equal(letter.record.partition, 1);
	assert_int_equal(letter.record.timestamp_ms, -1);
	assert_int_equal(letter.record.header_count, 0);
	assert_true(co_view_eq(letter.record.key, CO_VIEW("k")));
	assert_true(co_view_eq(letter.record.value, CO_VIEW("{")));
}

/* Repeats, a null value, an empty one, bytes, and headers of the worker's names that came with the command: all stay.
 */
static void open__headers_of_the_command__as_they_came(void **state)
{
	const struct co_header headers[] = {H("a", "1"),
										{CO_VIEW("b"), {NULL, 0}},
										H("A", ""),
										H("checkout-dlq-reason", "mine"),
										{CO_VIEW("a"), {"\0\xff", 2}},
										WRITTEN("not_json", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{");

	(void)state;
	assert_int_equal(letter.record.header_count, 5);
	expect_header(&letter, 0, "a", CO_VIEW("1"));
	expect_header(&letter, 1, "b", (struct co_view){NULL, 0});
	expect_header(&letter, 2, "A", CO_VIEW(""));
	expect_header(&letter, 3, "checkout-dlq-reason", CO_VIEW("mine"));
	expect_header(&letter, 4, "a", co_view_make("\0\xff", 2));
	assert_true(co_view_eq(letter.reason, CO_VIEW("not_json")));
}

/* ---- what is no dead letter ---- */

struct stranger {
	const char *name;
	struct co_header headers[6];
	size_t count;
	const char *diagnosis;
};

#define NO_LETTER "it is no dead letter: it does not end with the worker's 5 headers"
#define NO_NUMBERS "it is no dead letter: where it came from is not told in numbers"
#define STRANGER(name, diagnosis, ...)                                                                       \
	{                                                                                                        \
		name, {__VA_ARGS__}, sizeof((struct co_header[]){__VA_ARGS__}) / sizeof(struct co_header), diagnosis \
	}

static const struct stranger *strangers(size_t *count)
{
	static struct stranger rows[8];
	const struct stranger made[] = {
		{"no_headers", {{{NULL, 0}, {NULL, 0}}}, 0, NO_LETTER},
		STRANGER("four_of_five", NO_LETTER, H("checkout-dlq-reason", "not_json"), H("checkout-dlq-topic", "t"),
				 H("checkout-dlq-partition", "0"), H("checkout-dlq-offset", "0")),
		STRANGER("one_more_behind", NO_LETTER, WRITTEN("not_json", "0", "0", "0"), H("a", "1")),
		STRANGER("null_reason", NO_LETTER, {CO_VIEW("checkout-dlq-reason"), {NULL, 0}}, H("checkout-dlq-topic", "t"),
				 H("checkout-dlq-partition", "0"), H("checkout-dlq-offset", "0"), H("checkout-dlq-timestamp", "0")),
		STRANGER("partition_negative", NO_NUMBERS, WRITTEN("not_json", "-1", "0", "0")),
		STRANGER("partition_2_to_the_31", NO_NUMBERS, WRITTEN("not_json", "2147483648", "0", "0")),
		STRANGER("offset_empty", NO_NUMBERS, WRITTEN("not_json", "0", "", "0")),
		STRANGER("time_with_a_tail", NO_NUMBERS, WRITTEN("not_json", "0", "0", "12 ")),
	};

	memcpy(rows, made, sizeof(made));
	*count = COUNT(made);
	return rows;
}

static void open__stranger__refused_and_told(void **state)
{
	const struct stranger *stranger = *state;
	struct co_record record = record_of(stranger->headers, stranger->count, "{");
	struct ctl_letter letter;
	struct co_error error = {0};

	assert_false(ctl_letter_open(&record, &letter, &error));
	assert_string_equal(error.text, stranger->diagnosis);
}

/* ---- credentials ---- */

static void masked__authorization_in_any_case__named(void **state)
{
	const struct co_header headers[] = {H("Authorization", "***"), WRITTEN("not_json", "0", "0", "0")};
	const struct co_header key[] = {H("X-API-Key", "***"), WRITTEN("not_json", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{"), other = open_good(key, COUNT(key), "{");

	(void)state;
	assert_string_equal(ctl_letter_masked(&letter), "authorization");
	assert_string_equal(ctl_letter_masked(&other), "x-api-key");
}

static void masked__other_stars_and_other_headers__none(void **state)
{
	const struct co_header headers[] = {H("authorization", "**"),
										H("x-api-key", "****"),
										H("x-other", "***"),
										{CO_VIEW("authorization"), {NULL, 0}},
										WRITTEN("not_json", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{");

	(void)state;
	assert_null(ctl_letter_masked(&letter));
}

/* ---- mending ---- */

static void mend__nothing_asked__nothing_changed(void **state)
{
	const struct co_header headers[] = {H("a", "1"), H("authorization", "***"), WRITTEN("not_json", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{");

	(void)state;
	ctl_letter_mend(&letter, &(struct ctl_mending){0}, &arena);
	assert_int_equal(letter.record.header_count, 2);
	expect_header(&letter, 0, "a", CO_VIEW("1"));
	expect_header(&letter, 1, "authorization", CO_VIEW("***"));
	assert_true(co_view_eq(letter.record.value, CO_VIEW("{")));
}

static void mend__header__in_place_of_all_of_the_name(void **state)
{
	const struct co_header headers[] = {H("CE_Type", "x"), H("b", "2"), H("ce_type", "y"),
										WRITTEN("unknown_type", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{}");
	struct ctl_mending mending = {.headers = {2, {"ce_type=a=b", "c="}}};

	(void)state;
	ctl_letter_mend(&letter, &mending, &arena);
	assert_int_equal(letter.record.header_count, 3);
	expect_header(&letter, 0, "b", CO_VIEW("2"));
	expect_header(&letter, 1, "ce_type", CO_VIEW("a=b"));
	expect_header(&letter, 2, "c", CO_VIEW(""));
}

static void mend__without__all_of_the_name_gone(void **state)
{
	const struct co_header headers[] = {H("a", "1"), H("b", "2"), H("A", "3"), H("ab", "4"),
										WRITTEN("headers_too_large", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{}");
	struct ctl_mending mending = {.without = {1, {"a"}}};

	(void)state;
	ctl_letter_mend(&letter, &mending, &arena);
	assert_int_equal(letter.record.header_count, 2);
	expect_header(&letter, 0, "b", CO_VIEW("2"));
	expect_header(&letter, 1, "ab", CO_VIEW("4"));
}

/* A credential stands where the worker masked one, and nowhere else. */
static void mend__credentials__where_they_were_masked(void **state)
{
	const struct co_header headers[] = {H("x-api-key", "***"), H("Authorization", "***"), H("authorization", "Basic x"),
										WRITTEN("not_json", "0", "0", "0")};
	const struct co_header none[] = {H("a", "1"), WRITTEN("not_json", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{"), other = open_good(none, COUNT(none), "{");
	struct ctl_mending mending = {.api_key = CO_VIEW("k-1"), .token = CO_VIEW("t-1")};

	(void)state;
	ctl_letter_mend(&letter, &mending, &arena);
	ctl_letter_mend(&other, &mending, &arena);
	expect_header(&letter, 0, "x-api-key", CO_VIEW("k-1"));
	expect_header(&letter, 1, "Authorization", CO_VIEW("Bearer t-1"));
	expect_header(&letter, 2, "authorization", CO_VIEW("Basic x"));
	assert_null(ctl_letter_masked(&letter));
	assert_int_equal(other.record.header_count, 1);
}

/* The verdict is the worker's own: the same code judges. */
static void judge__before_and_after_mending__the_workers_verdict(void **state)
{
	const struct co_header headers[] = {H("ce_id", "c-1"), H("ce_source", "/shop"),
										H("ce_type", "checkout.session.get"), WRITTEN("specversion", "0", "0", "0")};
	struct ctl_letter letter = open_good(headers, COUNT(headers), "{");
	struct co_intake intake;

	(void)state;
	ctl_letter_judge(&letter, &arena, &intake);
	assert_int_equal(intake.kind, CO_INTAKE_NOT_COMMAND);
	ctl_letter_mend(&letter, &(struct ctl_mending){.headers = {1, {"ce_specversion=1.0"}}}, &arena);
	ctl_letter_judge(&letter, &arena, &intake);
	assert_int_equal(intake.kind, CO_INTAKE_NOT_COMMAND);
	assert_int_equal(intake.reason, CO_DLQ_NOT_JSON);
	ctl_letter_mend(&letter, &(struct ctl_mending){.value = CO_VIEW("{}")}, &arena);
	ctl_letter_judge(&letter, &arena, &intake);
	assert_int_equal(intake.kind, CO_INTAKE_COMMAND);
}

static void cure__each_reason__told(void **state)
{
	(void)state;
	for (int i = 0; i < CO_DLQ_COUNT; i++)
		assert_non_null(ctl_letter_cure(co_dlq_reason((enum co_dlq)i)));
	assert_null(ctl_letter_cure(CO_VIEW("not_jso")));
	assert_null(ctl_letter_cure(CO_VIEW("of_tomorrow")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open__dead_letter__where_it_lies_and_where_it_lay),
		cmocka_unit_test(open__headers_of_the_command__as_they_came),
		cmocka_unit_test(masked__authorization_in_any_case__named),
		cmocka_unit_test(masked__other_stars_and_other_headers__none),
		cmocka_unit_test(mend__nothing_asked__nothing_changed),
		cmocka_unit_test(mend__header__in_place_of_all_of_the_name),
		cmocka_unit_test(mend__without__all_of_the_name_gone),
		cmocka_unit_test(mend__credentials__where_they_were_masked),
		cmocka_unit_test(judge__before_and_after_mending__the_workers_verdict),
		cmocka_unit_test(cure__each_reason__told),
	};
	static struct CMUnitTest rows[8];
	size_t count = 0;
	const struct stranger *list = strangers(&count);
	int failed;

	for (size_t i = 0; i < count; i++)
		rows[i] = (struct CMUnitTest){list[i].name, open__stranger__refused_and_told, NULL, NULL,
									  (void *)(uintptr_t)&list[i]};
	failed = cmocka_run_group_tests_name("strangers", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("letters", tests, start, stop);
}
