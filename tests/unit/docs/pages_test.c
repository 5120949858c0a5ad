/* docs/ERRORS.md and docs/STATES.md as the service prints them: every code and rule is there, every example is what it
 * says, what is said of pointers agrees with the vectors, links lead somewhere, and docs/ is up to date. */
#include "describe_errors.h"
#include "describe_story.h"
#include "describe_tables.h"

#include "checkout/domain/transitions.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct page {
	char *text;
	size_t length;
};

static struct page print(void (*describe)(FILE *out))
{
	struct page page = {NULL, 0};
	FILE *out = open_memstream(&page.text, &page.length);
	assert_non_null(out);
	describe(out);
	assert_int_equal(fclose(out), 0);
	return page;
}

static size_t occurrences(const char *text, const char *part)
{
	size_t count = 0;
	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}

static const char *number_of(enum co_code code)
{
	return co_code_row(code)->number.ptr; /* a literal: it ends with a NUL */
}

/* --- a row per code ------------------------------------------------------------------------------------------------
 */

static const char *header_of(const struct co_message *message, const char *name)
{
	static char value[64];
	for (size_t i = 0; i < message->header_count; i++)
		if (co_view_eq(message->headers[i].name, co_view_cstr(name))) {
			(void)snprintf(value, sizeof(value), "%.*s", (int)message->headers[i].value.len,
						   message->headers[i].value.ptr);
			return value;
		}
	return "(none)";
}

/* The record in the example carries the code of its section: in the header of a reply, and in the body. */
static void example_tell__code__outcome_has_the_code(void **state)
{
	enum co_code code = *(const enum co_code *)*state;
	struct co_arena arena;
	struct co_example example;
	json_t *body;

	co_arena_init(&arena, 65536, 0);
	co_example_tell(code, &arena, &example);
	body = json_loadb(example.outcome.value.ptr, example.outcome.value.len, 0, NULL);

	assert_non_null(body);
	const char *told = json_string_value(json_object_get(json_object_get(body, "error"), "code"));
	assert_non_null(told);
	assert_string_equal(told, number_of(code));
	assert_string_equal(header_of(&example.outcome, "checkout-error-code"),
						example.is_reply ? number_of(code) : "(none)");
	json_decref(body);
	co_arena_clear(&arena);
}

/* One anchor, one section, one line of each kind, so that a link to a code leads to the whole of it. */
static void describe_errors__code__has_one_whole_section(void **state)
{
	static const char *const parts[] = {
		"- **Message:** ", "- **Title, status, detail:** ", "- **Who must act:** ",     "- **What to do:** ",
		"- **Retry:** ",   "- **Refused with it:** ",       "A command that meets it:", "\"code\":\""};
	enum co_code code = *(const enum co_code *)*state;
	struct page page = print(co_describe_errors);
	char anchor[64];
	char *section, *end;

	(void)snprintf(anchor, sizeof(anchor), "<a id=\"%s\"></a>\n\n## %s ", number_of(code), number_of(code));
	assert_int_equal(occurrences(page.text, anchor), 1);
	section = strstr(page.text, anchor) + 1;
	end = strstr(section, "\n<a id=\"93");
	if (end)
		*end = '\0';
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		assert_int_equal(occurrences(section, parts[i]), 1);
	/* something follows the label */
	assert_null(strstr(section, ":** \n"));
	free(page.text);
}

/* --- rules ---------------------------------------------------------------------------------------------------------
 */

/* Each rule of a code's own is in the section of that code, under its name. */
static void describe_errors__rules__each_once_under_its_code(void **state)
{
	struct page page = print(co_describe_errors);
	(void)state;

	for (int r = 0; r < CO_RULE_COUNT; r++) {
		const struct co_rule_row *row = co_rule_row((enum co_rule)r);
		char anchor[128], heading[32];
		(void)snprintf(anchor, sizeof(anchor), "<a id=\"%.*s\">", (int)row->name.len, row->name.ptr);
		assert_int_equal(occurrences(page.text, anchor), 1);
		(void)snprintf(heading, sizeof(heading), "\n## %s ", number_of(row->code));
		const char *section = strstr(page.text, heading), *rule = strstr(page.text, anchor);
		assert_non_null(section);
		assert_true(section < rule);
		const char *next = strstr(section + 1, "\n## ");
		assert_true(!next || rule < next);
	}
	free(page.text);
}

/* True when the pointer is of the form: `#` a number, `*` a whole member. */
static bool pointer_is(const char *pointer, const char *form)
{
	while (*form) {
		if (*form == '#' || *form == '*') {
			size_t length = *form == '#' ? strspn(pointer, "0123456789") : strcspn(pointer, "/");
			if (length == 0 && *form == '#')
				return false;
			pointer += length;
			form++;
		} else if (*form++ != *pointer++) {
			return false;
		}
	}
	return *pointer == '\0';
}

static bool rule_named(const char *name, enum co_rule *out)
{
	for (int r = 0; r < CO_RULE_COUNT; r++)
		if (co_view_eq(co_rule_row((enum co_rule)r)->name, co_view_cstr(name)))
			return *out = (enum co_rule)r, true;
	return false;
}

/* Judges what the vectors expect of one reply; counts the pointers that were compared. */
static void compare_pointers(const json_t *rules, bool seen[CO_RULE_COUNT])
{
	size_t i;
	json_t *entry;
	json_array_foreach(rules, i, entry)
	{
		const char *name = json_string_value(json_array_get(entry, 0));
		const char *pointer = json_string_value(json_array_get(entry, 1));
		enum co_rule rule;
		if (!rule_named(name, &rule))
			fail_msg("the vectors know a rule %s", name);
		if (rule == CO_RULE_REQUEST_INVALID)
			continue;
		const char *form = co_place_row(co_rule_help(rule).place)->pointer.ptr;
		bool in_authorize = strncmp(form, "/payment/", 9) == 0 && pointer_is(pointer, form + 8);
		if (!in_authorize && !pointer_is(pointer, form))
			fail_msg("%s: the page says %s, the vectors %s", name, form, pointer);
		seen[rule] = true;
	}
}

/* Where the page says that a rule's pointer leads is where it leads in every vector. */
static void rule_help__vectors__pointers_agree(void **state)
{
	static const char *const files[] = {"validation", "errors", "lifecycle", "idempotency"};
	bool seen[CO_RULE_COUNT] = {false};
	(void)state;

	for (size_t f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		char path[128];
		size_t c, s;
		json_t *one, *step;
		(void)snprintf(path, sizeof(path), "tests/contract/vectors/%s.json", files[f]);
		json_t *file = json_load_file(path, 0, NULL);
		assert_non_null(file);
		json_array_foreach(json_object_get(file, "cases"), c, one)
		{
			json_array_foreach(json_object_get(one, "steps"), s, step)
			{
				json_t *reply = json_object_get(json_object_get(step, "expect"), "reply");
				compare_pointers(json_object_get(reply, "rules"), seen);
			}
		}
		json_decref(file);
	}
	for (int r = 0; r < CO_RULE_COUNT; r++)
		if (co_rule_help((enum co_rule)r).place != CO_PLACE_NOWHERE && !seen[r])
			fail_msg("no vector breaks %s", co_rule_row((enum co_rule)r)->name.ptr);
}

/* --- both pages ----------------------------------------------------------------------------------------------------
 */

static size_t cells_of(const char *line)
{
	size_t cells = 0;
	for (; *line && *line != '\n'; line++)
		if (*line == '|')
			cells++;
	return cells;
}

/* A text with a `|` in it would break its table. */
static void assert_tables_are_even(const char *text)
{
	size_t wanted = 0, rows = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (*line != '|') {
			wanted = 0;
			if (!*line)
				break;
			continue;
		}
		size_t cells = cells_of(line);
		if (wanted && cells != wanted)
			fail_msg("a row of %zu cells among rows of %zu: %.80s", cells - 1, wanted - 1, line);
		wanted = cells;
		rows++;
	}
	assert_true(rows > 0);
}

static void describe__tables__have_even_rows(void **state)
{
	struct page errors = print(co_describe_errors), states = print(co_describe_states);
	(void)state;

	assert_tables_are_even(errors.text);
	assert_tables_are_even(states.text);
	free(errors.text);
	free(states.text);
}

/* Every code that STATES.md links to has its anchor in ERRORS.md; and each refusal of the table is such a link. */
static void describe_states__refusals__link_to_their_codes(void **state)
{
	struct page errors = print(co_describe_errors), states = print(co_describe_states);
	size_t refusals = 0, links = 0;
	(void)state;

	for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
			for (int t = 0; t < CO_TRIGGER_COUNT; t++) {
				const struct co_step *step =
					co_step((enum co_session_status)s, (enum co_payment_status)p, (enum co_trigger)t);
				refusals += step->kind == CO_STEP_REFUSED || step->kind == CO_STEP_LATE_MONEY ||
							step->kind == CO_STEP_REFUSED_FIRST || step->kind == CO_STEP_REFUSED_LAST;
			}
	for (const char *at = strstr(states.text, "| [93"); at; at = strstr(at + 1, "| [93"))
		links++;
	for (const char *at = strstr(states.text, "ERRORS.md#"); at; at = strstr(at + 1, "ERRORS.md#")) {
		char anchor[32];
		(void)snprintf(anchor, sizeof(anchor), "<a id=\"%.7s\">", at + strlen("ERRORS.md#"));
		assert_int_equal(occurrences(errors.text, anchor), 1);
	}
	assert_true(refusals > 100);
	assert_int_equal(links, refusals);
	free(errors.text);
	free(states.text);
}

/* The way out of every status: each move of the table is an arrow of the session's or of the payment's diagram. */
static void describe_states__moves__are_arrows(void **state)
{
	struct page page = print(co_describe_states);
	(void)state;

	for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
			for (int t = 0; t < CO_TRIGGER_COUNT; t++) {
				const struct co_step *step =
					co_step((enum co_session_status)s, (enum co_payment_status)p, (enum co_trigger)t);
				char arrow[128];
				if (step->kind != CO_STEP_MOVES)
					continue;
				(void)snprintf(arrow, sizeof(arrow),
							   "\n    %s --> %s : ", co_session_status_name((enum co_session_status)s).ptr,
							   co_session_status_name(step->to_session).ptr);
				assert_true((int)step->to_session == s || strstr(page.text, arrow));
				(void)snprintf(arrow, sizeof(arrow),
							   "\n    %s --> %s : ", co_payment_status_name((enum co_payment_status)p).ptr,
							   co_payment_status_name(step->to_payment).ptr);
				assert_true((int)step->to_payment == p || strstr(page.text, arrow));
			}
	free(page.text);
}

/* Metrics that the page tells the operator to look at exist. */
static void describe_errors__metrics__exist(void **state)
{
	static const char *const names[] = {
#define CO_METRIC(ident, kind, name, ...) name,
#include "checkout/tbl/metrics.def"
#undef CO_METRIC
	};
	struct page page = print(co_describe_errors);
	size_t found = 0;
	(void)state;

	for (const char *at = strstr(page.text, "`checkout_"); at; at = strstr(at + 1, "`checkout_")) {
		bool known = false;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			known = known || (strncmp(at + 1, names[i], strlen(names[i])) == 0 && at[1 + strlen(names[i])] == '`');
		if (!known)
			fail_msg("no such metric: %.60s", at);
		found++;
	}
	assert_true(found > 0);
	free(page.text);
}

static void assert_file_is(const char *path, const struct page *page)
{
	FILE *file = fopen(path, "rbe");
	if (!file)
		fail_msg("%s is missing; ./run docs writes it", path);
	char *text = calloc(1, page->length + 2);
	assert_non_null(text);
	size_t length = fread(text, 1, page->length + 1, file);
	(void)fclose(file);
	if (length != page->length || memcmp(text, page->text, length) != 0)
		fail_msg("%s is not what the program prints; ./run docs writes it anew", path);
	free(text);
}

static void describe__docs__are_as_printed(void **state)
{
	struct page errors = print(co_describe_errors), states = print(co_describe_states);
	(void)state;

	assert_file_is("docs/ERRORS.md", &errors);
	assert_file_is("docs/STATES.md", &states);
	free(errors.text);
	free(states.text);
}

#define FIXED_TESTS 7

int main(void)
{
	static const struct CMUnitTest fixed[FIXED_TESTS] = {
		cmocka_unit_test(describe_errors__rules__each_once_under_its_code),
		cmocka_unit_test(rule_help__vectors__pointers_agree),
		cmocka_unit_test(describe__tables__have_even_rows),
		cmocka_unit_test(describe_states__refusals__link_to_their_codes),
		cmocka_unit_test(describe_states__moves__are_arrows),
		cmocka_unit_test(describe_errors__metrics__exist),
		cmocka_unit_test(describe__docs__are_as_printed),
	};
	static struct CMUnitTest tests[FIXED_TESTS + 2 * CO_CODE_COUNT];
	static char names[2 * CO_CODE_COUNT][80];
	static enum co_code codes[CO_CODE_COUNT];

	memcpy(tests, fixed, sizeof(fixed));
	for (size_t c = 0; c < CO_CODE_COUNT; c++) {
		codes[c] = (enum co_code)c;
		(void)snprintf(names[2 * c], sizeof(names[0]), "example_tell__%s__outcome_has_the_code", number_of(codes[c]));
		(void)snprintf(names[2 * c + 1], sizeof(names[0]), "describe_errors__%s__has_one_whole_section",
					   number_of(codes[c]));
		tests[FIXED_TESTS + 2 * c] = (struct CMUnitTest){
			.name = names[2 * c], .test_func = example_tell__code__outcome_has_the_code, .initial_state = &codes[c]};
		tests[FIXED_TESTS + 2 * c + 1] = (struct CMUnitTest){.name = names[2 * c + 1],
															 .test_func = describe_errors__code__has_one_whole_section,
															 .initial_state = &codes[c]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
