/* purity DOMAIN.a CANARY.a BASE.a [NM]: the domain calls nothing but itself, the base and mem…/str… of libc. The canary
 * is an archive that allocates; a gate that does not catch it says nothing. */
#include "gate.h"
#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Exact names, or a prefix that ends in *. */
static const char *const allowed[] = {"memcpy", "memmove", "memset", "memcmp", "memchr", "memmem", "memrchr", "strlen",
									  "strcmp", "strncmp", "strchr", "strnlen", "__mem*_chk", "__stack_chk_fail",
									  "_GLOBAL_OFFSET_TABLE_", "__assert_fail",
									  /* what sanitizers and coverage bring */
									  "__asan_*", "__ubsan_*", "__tsan_*", "__sanitizer_*", "__gcov_*", "__llvm_*"};

static bool is_allowed(const char *symbol)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		const char *star = strchr(allowed[i], '*');
		size_t head = star ? (size_t)(star - allowed[i]) : 0;
		size_t tail = star ? strlen(star + 1) : 0, length = strlen(symbol);
		if (star ? length >= head + tail && strncmp(symbol, allowed[i], head) == 0 &&
					   strcmp(symbol + length - tail, star + 1) == 0
				 : strcmp(symbol, allowed[i]) == 0)
			return true;
	}
	return false;
}

static bool holds(const struct co_gate_lines *lines, const char *symbol)
{
	for (size_t i = 0; i < lines->count; i++)
		if (strcmp(lines->lines[i], symbol) == 0)
			return true;
	return false;
}

/* Names alone: the last word of each line of nm. */
static void symbols(const char *nm, const char *option, const char *archive, struct co_gate_lines *out)
{
	const char *argv[] = {nm, option, archive, NULL};
	struct co_gate_lines raw = {0};

	co_gate_run(argv, &raw);
	for (size_t i = 0; i < raw.count; i++) {
		const char *space = strrchr(raw.lines[i], ' ');
		if (space && space[1] && raw.lines[i][strlen(raw.lines[i]) - 1] != ':' && !holds(out, space + 1))
			co_gate_lines_add(out, space + 1);
	}
	co_gate_lines_clear(&raw);
}

/* Number of foreign symbols; *seen: of all undefined ones. */
static size_t foreign(const char *nm, const char *archive, const char *base, bool tell, size_t *seen)
{
	struct co_gate_lines wanted = {0}, own = {0}, from_base = {0};
	size_t count = 0;

	symbols(nm, "-u", archive, &wanted);
	symbols(nm, "--defined-only", archive, &own);
	symbols(nm, "--defined-only", base, &from_base);
	for (size_t i = 0; i < wanted.count; i++) {
		const char *symbol = wanted.lines[i];
		if (holds(&own, symbol) || holds(&from_base, symbol) || is_allowed(symbol))
			continue;
		count++;
		if (tell)
			fprintf(stderr, "purity: %s wants %s\n", archive, symbol);
	}
	*seen = wanted.count;
	co_gate_lines_clear(&wanted);
	co_gate_lines_clear(&own);
	co_gate_lines_clear(&from_base);
	return count;
}

int main(int argc, char **argv)
{
	const char *nm = argc > 4 ? argv[4] : "nm";
	size_t seen, canary_seen;

	co_tk_check(argc >= 4, "usage: purity DOMAIN.a CANARY.a BASE.a [NM]");
	size_t found = foreign(nm, argv[1], argv[3], true, &seen);
	size_t canary = foreign(nm, argv[2], argv[3], false, &canary_seen);
	co_tk_check(seen > 0, "no undefined symbol at all: that is no archive of the domain");
	co_tk_check(canary == 3, "of the canary's malloc, time and getenv %zu were caught", canary);
	printf("purity: %zu symbols, %zu foreign; canary caught (%zu of 3)\n", seen, found, canary);
	return found ? 1 : 0;
}
