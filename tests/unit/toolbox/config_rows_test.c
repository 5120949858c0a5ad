/* Every row of tbl/settings.def, one result each: its default parses; just below its minimum and just above its
 * maximum, and what is none of its choices, it is refused, and the complaint names the key, the source and what is
 * allowed. */
#include "toolbox.h"

#include <ctype.h>
#include <inttypes.h>

struct row {
	const char *section, *key, *fallback;
	long long min, max;
	const char *choices;
	size_t offset;
};

#define CO_SET_TEXT(field, s, k, d, form, sentence) \
	static struct row row_##field = {s, k, d, 0, 0, NULL, offsetof(struct co_config, field)};
#define CO_SET_INT(field, s, k, d, min, max, unit, sentence) \
	static struct row row_##field = {s, k, #d, min, max, NULL, offsetof(struct co_config, field)};
#define CO_SET_BOOL(field, s, k, d, sentence) \
	static struct row row_##field = {s, k, #d, 0, 0, "true|false", offsetof(struct co_config, field)};
#define CO_SET_ENUM(field, s, k, d, choices, sentence) \
	static struct row row_##field = {s, k, d, 0, 0, choices, offsetof(struct co_config, field)};
#include "checkout/tbl/settings.def"
#undef CO_SET_TEXT
#undef CO_SET_INT
#undef CO_SET_BOOL
#undef CO_SET_ENUM

static struct loaded load_value(const struct row *row, const char *value)
{
	char text[256];

	snprintf(text, sizeof text, "%s.%s=%s", row->section, row->key, value);
	return load(NULL, LIST(BOOTSTRAP), LIST(text));
}

static void refuse_value(const struct row *row, const char *value, const char *allowed)
{
	char name[128];

	snprintf(name, sizeof name, "%s.%s (-X): ", row->section, row->key);
	assert_refused(load_value(row, value), LIST(name, "allowed: ", allowed));
}

static void default__given__parses_to_the_same(void **state)
{
	const struct row *row = *state;
	struct loaded implicit = load(NULL, LIST(BOOTSTRAP), NONE);
	struct loaded explicit_ = load_value(row, row->fallback);

	assert_taken(&implicit);
	assert_taken(&explicit_);
	if (row->min || row->max)
		assert_int_equal(*(int64_t *)(void *)((char *)&implicit.config + row->offset),
						 strtoll(row->fallback, NULL, 10));
	else if (!row->choices)
		assert_string_equal(*(char **)(void *)((char *)&implicit.config + row->offset),
							*(char **)(void *)((char *)&explicit_.config + row->offset));

	loaded_clear(&implicit);
	loaded_clear(&explicit_);
}

static void environment_name__given__sets_it(void **state)
{
	const struct row *row = *state;
	char variable[256], assignment[512];
	struct loaded loaded;

	snprintf(variable, sizeof variable, "CHECKOUT_%s_%s", row->section, row->key);
	for (char *at = variable; *at; at++)
		*at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
	snprintf(assignment, sizeof assignment, "%s=%s", variable, row->fallback);
	loaded = load(NULL, LIST(BOOTSTRAP, assignment), NONE);

	assert_taken(&loaded);
	loaded_clear(&loaded);
}

static void ends__given__taken(void **state)
{
	const struct row *row = *state;
	const long long ends[] = {row->min, row->max};

	for (size_t i = 0; i < 2; i++) {
		char value[32];
		struct loaded loaded;
		snprintf(value, sizeof value, "%lld", ends[i]);
		loaded = load_value(row, value);
		assert_taken(&loaded);
		assert_int_equal(*(int64_t *)(void *)((char *)&loaded.config + row->offset), ends[i]);
		loaded_clear(&loaded);
	}
}

static void refuse_number(const struct row *row, long long number)
{
	char value[32], allowed[64], quoted[40];

	snprintf(value, sizeof value, "%lld", number);
	snprintf(quoted, sizeof quoted, "\"%lld\" is out of range", number);
	snprintf(allowed, sizeof allowed, "%lld to %lld", row->min, row->max);
	refuse_value(row, value, allowed);
	refuse_value(row, value, quoted);
}

static void below_minimum__given__refused(void **state)
{
	refuse_number(*state, ((const struct row *)*state)->min - 1);
}

static void above_maximum__given__refused(void **state)
{
	refuse_number(*state, ((const struct row *)*state)->max + 1);
}

static void no_number__given__refused(void **state)
{
	static const char *const values[] = {"", "-", "+1", " 1", "1 ", "1.0", "0x10", "1e1", "ten", "9223372036854775808"};

	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		refuse_value(*state, values[i], " to ");
}

static void choices__given__taken_by_position(void **state)
{
	const struct row *row = *state;
	int position = 0;
	char *copy = strdup(row->choices), *rest = copy, *one;

	while ((one = strsep(&rest, "|")) != NULL) {
		struct loaded loaded = load_value(row, one);
		const void *field = (const char *)&loaded.config + row->offset;
		assert_taken(&loaded);
		if (strcmp(row->choices, "true|false") == 0)
			assert_int_equal(*(const bool *)field, position == 0);
		else
			assert_int_equal(*(const int *)field, position);
		position++;
		loaded_clear(&loaded);
	}
	assert_true(position > 1);
	free(copy);
}

static void no_choice__given__refused(void **state)
{
	const struct row *row = *state;
	char first[32], longer[40], shorter[32], upper[32];

	snprintf(first, sizeof first, "%.*s", (int)strcspn(row->choices, "|"), row->choices);
	snprintf(longer, sizeof longer, "%sx", first);
	snprintf(shorter, sizeof shorter, "%.*s", (int)strlen(first) - 1, first);
	snprintf(upper, sizeof upper, "%c%s", toupper((unsigned char)first[0]), first + 1);
	refuse_value(row, longer, first);
	refuse_value(row, shorter, first);
	refuse_value(row, upper, first);
	refuse_value(row, row->choices, first);
	refuse_value(row, "", first);
}

#define RESULT(field, s, k, function) {s "." k ": " #function, function, NULL, NULL, &row_##field},

int main(void)
{
	static const struct CMUnitTest tests[] = {
#define CO_SET_TEXT(field, s, k, d, form, sentence)         \
	RESULT(field, s, k, default__given__parses_to_the_same) \
	RESULT(field, s, k, environment_name__given__sets_it)
#define CO_SET_INT(field, s, k, d, min, max, unit, sentence) \
	RESULT(field, s, k, default__given__parses_to_the_same)  \
	RESULT(field, s, k, environment_name__given__sets_it)    \
	RESULT(field, s, k, ends__given__taken)                  \
	RESULT(field, s, k, below_minimum__given__refused)       \
	RESULT(field, s, k, above_maximum__given__refused)       \
	RESULT(field, s, k, no_number__given__refused)
#define CO_SET_BOOL(field, s, k, d, sentence)               \
	RESULT(field, s, k, default__given__parses_to_the_same) \
	RESULT(field, s, k, environment_name__given__sets_it)   \
	RESULT(field, s, k, choices__given__taken_by_position)  \
	RESULT(field, s, k, no_choice__given__refused)
#define CO_SET_ENUM(field, s, k, d, choices, sentence) CO_SET_BOOL(field, s, k, d, sentence)
#include "checkout/tbl/settings.def"
#undef CO_SET_TEXT
#undef CO_SET_INT
#undef CO_SET_BOOL
#undef CO_SET_ENUM
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
