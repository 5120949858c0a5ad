/* logs: every event that the sources log stands in docs/logs.md, and every event there is logged by some source; no
 * line names a field twice. The canary: a source of two events, one of them unknown, with a field that every line has.
 */
#include "gate.h"
#include "tk.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const callers[] = {"co_log(", "end_at_once("};
static const char *const own_fields[] = {"event.action", "log.level",   "message",           "service.name",
										 "process.pid",  "ecs.version", "service.node.name", "process.thread.id"};
static const char canary[] = "co_log(CO_LOG_INFO, which ? \"process.started\" : \"no.such_event\", \"x, y\",\n"
							 "	CO_INT(\"process.pid\", 1));";

struct findings {
	struct co_gate_lines events;
	size_t doubled;
};

static const char *skip_string(const char *at)
{
	for (at++; *at && *at != '"'; at++)
		at += *at == '\\' && at[1];
	return *at ? at + 1 : at;
}

static void add_event(struct findings *findings, const char *from, size_t length)
{
	char *event = strndup(from, length);

	co_gate_lines_add(&findings->events, event);
	free(event);
}

static bool is_own_field(const char *text, size_t length)
{
	for (size_t i = 0; i < sizeof(own_fields) / sizeof(*own_fields); i++)
		if (strlen(own_fields[i]) == length && strncmp(own_fields[i], text, length) == 0)
			return true;
	return false;
}

/* One call, `at` behind its opening parenthesis; `event_argument` counts from 0. */
static void read_call(const char *at, int event_argument, struct findings *findings)
{
	int depth = 1, argument = 0;
	bool key_next = false;

	while (*at && depth > 0) {
		if (*at == '"') {
			const char *end = skip_string(at);
			size_t length = (size_t)(end - at) - 2;
			if (argument == event_argument && depth == 1)
				add_event(findings, at + 1, length);
			else if (key_next && is_own_field(at + 1, length))
				findings->doubled++;
			key_next = false;
			at = end;
			continue;
		}
		depth += (*at == '(') - (*at == ')');
		argument += *at == ',' && depth == 1;
		if (*at == '(')
			key_next = strncmp(at - 7, "CO_TEXT", 7) == 0 || strncmp(at - 6, "CO_INT", 6) == 0 ||
					   strncmp(at - 8, "CO_BYTES", 8) == 0;
		at++;
	}
}

static void read_source(const char *text, struct findings *findings)
{
	for (size_t i = 0; i < sizeof(callers) / sizeof(*callers); i++)
		for (const char *at = text; (at = strstr(at, callers[i])) != NULL;) {
			bool is_call = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
			at += strlen(callers[i]);
			if (is_call)
				read_call(at, i == 0 ? 1 : 0, findings);
		}
}

static bool documented(const char *page, const char *event)
{
	char *row = co_tk_format("\n| `%s` |", event);
	bool found = strstr(page, row) != NULL;

	free(row);
	return found;
}

static bool logged(const struct findings *findings, const char *event, size_t length)
{
	for (size_t i = 0; i < findings->events.count; i++)
		if (strlen(findings->events.lines[i]) == length && strncmp(findings->events.lines[i], event, length) == 0)
			return true;
	return false;
}

static size_t check(const struct findings *findings, const char *page, bool tell)
{
	size_t wrong = findings->doubled;

	if (tell && findings->doubled)
		printf("  %zu fields that every line has already\n", findings->doubled);
	for (size_t i = 0; i < findings->events.count; i++)
		if (!documented(page, findings->events.lines[i])) {
			wrong++;
			if (tell)
				printf("  %s is not in docs/logs.md\n", findings->events.lines[i]);
		}
	return wrong;
}

static size_t check_page(const struct findings *findings, const char *page, size_t *rows)
{
	size_t wrong = 0;

	for (const char *at = page; (at = strstr(at, "\n| `")) != NULL;) {
		at += strlen("\n| `");
		size_t length = strcspn(at, "`");
		++*rows;
		if (logged(findings, at, length))
			continue;
		printf("  nothing logs %.*s of docs/logs.md\n", (int)length, at);
		wrong++;
	}
	return wrong;
}

int main(void)
{
	struct findings findings = {.doubled = 0}, caught = {.doubled = 0};
	struct co_gate_lines files = {0};
	char *folders[] = {co_tk_format("%s/common", co_tk_source_dir()), co_tk_format("%s/services", co_tk_source_dir())};
	const char *const argv[] = {"find", folders[0], folders[1], "-name", "*.c", NULL};
	char *path = co_tk_format("%s/docs/logs.md", co_tk_source_dir());
	char *page = co_tk_read_file(path, NULL);
	size_t rows = 0;

	co_tk_check(page, "cannot read %s", path);
	co_gate_run(argv, &files);
	for (size_t i = 0; i < files.count; i++) {
		char *text = co_tk_read_file(files.lines[i], NULL);
		co_tk_check(text, "cannot read %s", files.lines[i]);
		read_source(text, &findings);
		free(text);
	}
	read_source(canary, &caught);
	co_tk_check(caught.events.count == 2 && check(&caught, page, false) == 2, "the canary was not caught");
	size_t wrong = check(&findings, page, true) + check_page(&findings, page, &rows);
	co_tk_check(findings.events.count > 30 && rows > 30, "only %zu events, %zu rows", findings.events.count, rows);
	printf("logs: %zu files, %zu events logged, %zu documented, %zu wrong; canary caught\n", files.count,
		   findings.events.count, rows, wrong);
	co_gate_lines_clear(&files);
	co_gate_lines_clear(&findings.events);
	co_gate_lines_clear(&caught.events);
	free(page);
	free(path);
	free(folders[0]);
	free(folders[1]);
	return wrong ? 1 : 0;
}
