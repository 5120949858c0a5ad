/* How large a POSIX extended regular expression becomes: glibc compiles a repetition by writing it out, and a
 * repetition of what may be empty by trying all ways, so a few bytes may take all the memory or all the time there is.
 */
#include "config_internal.h"

#include <string.h>

#define WRITTEN_OUT_MAX ((size_t)1000) /* pieces */
#define DEPTH_MAX 16
#define NESTED_MAX 2       /* repetitions around each other */
#define COUNT_DIGITS_MAX 5 /* RE_DUP_MAX is 32767 */

/* A piece of an expression, or a group, or several in a row. */
struct part {
	size_t pieces;
	size_t nested; /* repetitions around each other in it, at most */
};

/* An expression as far as it was read. */
struct reading {
	const char *at;
	size_t depth;
	struct part groups[DEPTH_MAX + 1]; /* the open ones, but for `last` */
	struct part last;                  /* what a repetition that comes now would repeat */
	bool repeated;                     /* it is one already */
};

/* Behind the bracket expression that begins at `at`; its end when it does not close. */
static const char *behind_bracket(const char *at)
{
	at++;
	at += *at == '^';
	at += *at == ']';
	while (*at && *at != ']') {
		const char kind = at[1], close[] = {kind, ']', '\0'};
		const char *end = *at == '[' && (kind == ':' || kind == '.' || kind == '=') ? strstr(at + 2, close) : NULL;
		at = end ? end + 2 : at + 1;
	}
	return at + (*at != '\0');
}

/* Reads an interval, such as {2,5}, behind its brace: the larger count, one more when it has no upper bound. 0: it is
 * none, and nothing was read. */
static size_t read_interval(struct reading *reading)
{
	const char *at = reading->at;
	size_t larger = 0, count = 0, digits = 0;

	for (; (*at >= '0' && *at <= '9') || *at == ','; at++) {
		bool comma = *at == ',';
		digits = comma ? 0 : digits + 1;
		if (digits > COUNT_DIGITS_MAX)
			return WRITTEN_OUT_MAX + 1;
		count = comma ? 0 : 10 * count + (size_t)(*at - '0');
		larger = count > larger ? count : larger;
		larger += comma && at[1] == '}';
	}
	if (*at != '}' || at == reading->at)
		return 0;
	reading->at = at + 1;
	return larger ? larger : 1;
}

static void join(struct part *to, const struct part *more)
{
	to->pieces += more->pieces;
	to->nested = more->nested > to->nested ? more->nested : to->nested;
}

static bool begin_part(struct reading *reading, size_t pieces)
{
	join(&reading->groups[reading->depth], &reading->last);
	reading->last = (struct part){.pieces = pieces, .nested = 0};
	reading->repeated = false;
	return true;
}

static bool repeat(struct reading *reading, size_t times)
{
	if (reading->repeated || reading->last.nested == NESTED_MAX)
		return false;
	reading->last.pieces = (reading->last.pieces + 1) * times;
	reading->last.nested++;
	reading->repeated = true;
	return true;
}

static bool open_group(struct reading *reading)
{
	(void)begin_part(reading, 0);
	if (reading->depth == DEPTH_MAX)
		return false;
	reading->groups[++reading->depth] = (struct part){.pieces = 1};
	return true;
}

static bool close_group(struct reading *reading)
{
	if (reading->depth == 0)
		return begin_part(reading, 1);
	join(&reading->last, &reading->groups[reading->depth--]);
	reading->repeated = false;
	return true;
}

/* False: it repeats too much. */
static bool read_one(struct reading *reading)
{
	const char *at = reading->at++;
	size_t times;

	switch (*at) {
	case '(':
		return open_group(reading);
	case ')':
		return close_group(reading);
	case '*':
	case '?':
		return repeat(reading, 1);
	case '+':
		return repeat(reading, 2);
	case '{':
		times = read_interval(reading);
		return times ? repeat(reading, times) : begin_part(reading, 1);
	case '[':
		reading->at = behind_bracket(at);
		return begin_part(reading, 1);
	case '\\':
		reading->at += *reading->at != '\0';
		return begin_part(reading, 1);
	default:
		return begin_part(reading, 1);
	}
}

bool co_config_pattern_fits(const char *pattern)
{
	struct reading reading = {.at = pattern};
	size_t pieces = 0;

	while (*reading.at && pieces <= WRITTEN_OUT_MAX) {
		if (!read_one(&reading))
			return false;
		pieces = reading.last.pieces;
		for (size_t i = 0; i <= reading.depth; i++)
			pieces += reading.groups[i].pieces;
	}
	return pieces <= WRITTEN_OUT_MAX;
}
