#include "checkout/status.h"

#include <assert.h>
#include <stddef.h>

struct status_row {
	const char *name, *text;
	enum co_class class;
};

static const struct status_row rows[] = {
#define CO_STATUS(name, class, text) {#name, text, CO_CLASS_##class},
#include "checkout/tbl/status.def"
#undef CO_STATUS
};

#define ROW_COUNT (sizeof(rows) / sizeof(rows[0]))
#define NAME_MAX_BYTES 24

static char lower_names[ROW_COUNT][NAME_MAX_BYTES];

#define CO_STATUS(name, class, text) \
	_Static_assert(sizeof(#name) <= NAME_MAX_BYTES, "a status name longer than its lower-case copy");
#include "checkout/tbl/status.def"
#undef CO_STATUS

/* The preprocessor cannot change case, and a second spelling in the table would drift: done once, before any thread. */
__attribute__((constructor)) static void fill_lower_names(void)
{
	for (size_t row = 0; row < ROW_COUNT; row++)
		for (size_t i = 0; rows[row].name[i]; i++) {
			char c = rows[row].name[i];
			lower_names[row][i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
		}
}

const char *co_status_name(enum co_status status)
{
	assert((size_t)status < ROW_COUNT);
	return lower_names[status];
}

const char *co_status_text(enum co_status status)
{
	assert((size_t)status < ROW_COUNT);
	return rows[status].text;
}

enum co_class co_status_class(enum co_status status)
{
	assert((size_t)status < ROW_COUNT);
	return rows[status].class;
}
