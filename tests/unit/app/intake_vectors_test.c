/* Every record of the contract's vectors, as far as intake judges it: a command or not, and whether it is answered. */
#include "checkout/app/intake.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADERS_MAX 512

static const char *const files[] = {"validation", "lifecycle", "errors", "idempotency", "envelope", "auth", "expiry"};

struct record {
	struct co_record record;
	struct co_header headers[HEADERS_MAX];
};

static struct co_arena arena;

/* Written apart from the one under test, and only for what stands in the vectors. */
static struct co_view from_base64(const char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct co_buf out = co_buf_make(&arena, strlen(text) + 1);
	unsigned bits = 0, count = 0;

	for (; *text && *text != '='; text++) {
		const char *found = strchr(alphabet, *text);

		assert_non_null(found);
		bits = (bits << 6 | (unsigned)(found - alphabet)) & 0xFFFF;
		count += 6;
		if (count >= 8) {
			count -= 8;
			co_buf_add_byte(&out, (char)(bits >> count & 0xFF));
		}
	}
	return co_buf_view(&out);
}

static struct co_view text_of(const json_t *text)
{
	return co_view_dup(&arena, co_view_make(json_string_value(text), json_string_length(text)));
}

static struct co_view header_value(const json_t *value)
{
	if (json_is_string(value))
		return text_of(value);
	if (json_object_get(value, "base64"))
		return from_base64(json_string_value(json_object_get(value, "base64")));
	struct co_buf out = co_buf_make(&arena, 0);
	json_int_t times = json_integer_value(json_object_get(value, "times"));
	assert_true(times > 0);
	while (times--)
		co_buf_add(&out, text_of(json_object_get(value, "repeat")));
	return co_buf_view(&out);
}

static void add_header(struct record *out, const char *name, struct co_view value)
{
	assert_true(out->record.header_count < HEADERS_MAX);
	out->headers[out->record.header_count++] = (struct co_header){co_view_cstr(name), value};
}

static void add_headers(struct record *out, const json_t *headers, const json_t *unless)
{
	const char *name;
	json_t *value, *entry;
	size_t index;

	json_object_foreach((json_t *)headers, name, value)
	{
		if ((unless && json_object_get(unless, name)) || json_is_null(value))
			continue;
		if (!json_is_array(value)) {
			add_header(out, name, header_value(value));
			continue;
		}
		json_array_foreach(value, index, entry) add_header(out, name, header_value(entry));
	}
}

static struct co_view value_of(const json_t *step)
{
	const json_t *data = json_object_get(step, "data"), *raw = json_object_get(step, "raw");
	const json_t *base64 = json_object_get(step, "base64"), *pad = json_object_get(step, "pad");
	struct co_view value = {NULL, 0};

	if (data) {
		char *text = json_dumps(data, JSON_ENCODE_ANY | JSON_COMPACT);

		assert_non_null(text);
		value = co_view_dup(&arena, co_view_cstr(text));
		free(text);
	} else if (raw) {
		value = text_of(raw);
	} else if (base64) {
		value = from_base64(json_string_value(base64));
	}
	if (!pad)
		return value;
	struct co_buf padded = co_buf_make(&arena, (size_t)json_integer_value(pad));
	co_buf_add(&padded, value);
	while (padded.len < (size_t)json_integer_value(pad))
		co_buf_add_byte(&padded, ' ');
	return co_buf_view(&padded);
}

/* What the step expects of intake; false when it was met. */
static bool differs(const json_t *step, const struct co_intake *intake)
{
	const json_t *expect = json_object_get(step, "expect");
	bool dlq = json_is_true(json_object_get(expect, "dlq"));
	bool reply = json_is_object(json_object_get(expect, "reply"));

	if (!dlq)
		return reply ? intake->kind != CO_INTAKE_COMMAND : intake->kind == CO_INTAKE_NOT_COMMAND;
	return intake->kind != CO_INTAKE_NOT_COMMAND || intake->answerable != reply;
}

struct counts {
	size_t steps, commands, refused, answered, differences;
};

static void read_step(const json_t *file, const json_t *one, const json_t *step, struct counts *counts)
{
	static struct record record;
	struct co_intake intake;

	if (json_is_true(json_object_get(step, "advance")))
		return;
	record.record = (struct co_record){.headers = record.headers, .value = value_of(step)};
	add_headers(&record, json_object_get(step, "headers"), NULL);
	if (!json_is_true(json_object_get(step, "bare")))
		add_headers(&record, json_object_get(file, "headers"), json_object_get(step, "headers"));
	co_intake_read(&record.record, &arena, &intake);
	counts->steps++;
	counts->commands += intake.kind == CO_INTAKE_COMMAND;
	counts->refused += intake.kind == CO_INTAKE_NOT_COMMAND;
	counts->answered += intake.answerable;
	if (differs(step, &intake)) {
		counts->differences++;
		print_error("%s, at %lld: kind %d, answerable %d\n", json_string_value(json_object_get(one, "name")),
					json_integer_value(json_object_get(step, "at")), (int)intake.kind, intake.answerable);
	}
	co_arena_reset(&arena);
}

static void read__every_vector__is_a_command_just_when_it_should_be(void **state)
{
	struct counts counts = {0};
	(void)state;

	co_arena_init(&arena, 1 << 16, 1 << 20);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char path[128];
		size_t case_index, step_index;
		json_t *one, *step;

		(void)snprintf(path, sizeof(path), "tests/contract/vectors/%s.json", files[i]);
		json_t *file = json_load_file(path, JSON_ALLOW_NUL, NULL);
		assert_non_null(file);
		json_array_foreach(json_object_get(file, "cases"), case_index, one)
		{
			json_array_foreach(json_object_get(one, "steps"), step_index, step) read_step(file, one, step, &counts);
		}
		json_decref(file);
	}
	co_arena_clear(&arena);
	print_message("%zu records: %zu commands, %zu not (%zu of them answered)\n", counts.steps, counts.commands,
				  counts.refused, counts.answered);
	assert_int_equal(counts.differences, 0);
	assert_true(counts.commands > 1000 && counts.refused > 50 && counts.answered > 40);
	assert_true(counts.answered < counts.refused);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(read__every_vector__is_a_command_just_when_it_should_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
