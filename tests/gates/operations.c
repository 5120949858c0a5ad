/* operations: every metric that the dashboard, the alert rules, their unit tests and the runbooks name is one that the
 * service has; every alert has a unit test, a summary and a runbook section, and every section an alert; the dashboard
 * shows every metric of the table but those that its list of exceptions names. The canary: a name that no table has. */
#include "gate.h"
#include "record.h"
#include "tk.h"

#include <jansson.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CO_METRIC(ident, kind, name, labels, sentence) {name, #kind},
static const struct {
	const char *name, *kind;
} metrics[] = {
#include "checkout/tbl/metrics.def"
};
static const char *const process_metrics[] = {"process_cpu_seconds_total", "process_resident_memory_bytes",
											  "process_open_fds", "process_start_time_seconds"};

#define METRICS (sizeof(metrics) / sizeof(*metrics))

static bool seen[METRICS];

static bool is_histogram(size_t metric)
{
	return strcmp(metrics[metric].kind, "SECONDS") == 0 || strcmp(metrics[metric].kind, "SIZES") == 0;
}

/* A series' name: the row's own, or with a histogram's suffix. A histogram has no series without one. */
static bool is_series(const char *name, bool strict)
{
	for (size_t i = 0; i < METRICS; i++) {
		size_t length = strlen(metrics[i].name);
		if (strncmp(metrics[i].name, name, length) != 0)
			continue;
		const char *rest = name + length;
		bool plain = *rest == '\0' && !(strict && is_histogram(i));
		bool part = is_histogram(i) &&
					(strcmp(rest, "_bucket") == 0 || strcmp(rest, "_sum") == 0 || strcmp(rest, "_count") == 0);
		if (plain || part) {
			seen[i] = true;
			return true;
		}
	}
	for (size_t i = 0; i < sizeof(process_metrics) / sizeof(*process_metrics); i++)
		if (strcmp(process_metrics[i], name) == 0)
			return true;
	return false;
}

/* Names in the text that are no series; *count: how many names there were. */
static size_t unknown_names(const char *where, const char *text, bool strict, size_t *count)
{
	size_t wrong = 0;

	for (const char *at = text; *at;) {
		bool starts = at == text || !(isalnum((unsigned char)at[-1]) || strchr("_-/.$", at[-1]));
		size_t length = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
		if (!starts || (strncmp(at, "checkout_", 9) != 0 && strncmp(at, "process_", 8) != 0)) {
			at += length ? length : 1;
			continue;
		}
		char *name = strndup(at, length);
		++*count;
		if (!is_series(name, strict)) {
			if (where)
				printf("  %s: there is no metric %s\n", where, name);
			wrong++;
		}
		free(name);
		at += length;
	}
	return wrong;
}

static char *read_text(const char *file)
{
	char *path = co_tk_format("%s/%s", co_tk_source_dir(), file);
	char *text = co_tk_read_file(path, NULL);

	co_tk_check(text, "cannot read %s", path);
	free(path);
	return text;
}

static size_t check_names(size_t *count)
{
	static const struct {
		const char *file;
		bool strict; /* queries, not prose */
	} files[] = {{"config/grafana/checkout-session.json", true},
				 {"config/prometheus/alerts.yml", true},
				 {"tests/ops/alerts_test.yml", true},
				 {"docs/runbooks.md", false}};
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char *text = read_text(files[i].file);
		size_t names = 0;
		if (i == 1) /* what the dashboard does not show, alerts need not either */
			for (size_t k = 0; k < METRICS; k++)
				if (!seen[k] && printf("  the dashboard does not show %s\n", metrics[k].name) > 0)
					wrong++;
		wrong += unknown_names(files[i].file, text, files[i].strict, &names);
		co_tk_check(names > 5, "%s names only %zu metrics", files[i].file, names);
		*count += names;
		free(text);
	}
	return wrong;
}

static size_t lacks(const char *text, const char *wanted, const char *what, const char *alert)
{
	if (strstr(text, wanted))
		return 0;
	printf("  %s has no %s\n", alert, what);
	return 1;
}

static size_t check_alerts(size_t *count)
{
	char *rules = read_text("config/prometheus/alerts.yml"), *tests = read_text("tests/ops/alerts_test.yml");
	char *books = read_text("docs/runbooks.md");
	size_t wrong = 0, sections = 0;

	for (char *at = rules; (at = strstr(at, "- alert: ")) != NULL;) {
		at += strlen("- alert: ");
		char *name = strndup(at, strcspn(at, "\n"));
		char *next = strstr(at, "- alert: ");
		char *rule = strndup(at, next ? (size_t)(next - at) : strlen(at)), *anchor = strdup(name);
		for (char *c = anchor; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		char *fires = co_tk_format("name: %s fires", name), *quiet = co_tk_format("name: %s keeps quiet", name);
		char *section = co_tk_format("\n## %s\n", name);
		char *link = co_tk_format("runbook_url: docs/runbooks.md#%s\n", anchor);
		wrong += lacks(tests, fires, "unit test in which it fires", name);
		wrong += lacks(tests, quiet, "unit test in which it keeps quiet", name);
		wrong += lacks(books, section, "section in docs/runbooks.md", name);
		wrong += lacks(rule, link, "link to its section", name);
		wrong += lacks(rule, "summary: ", "summary", name) + lacks(rule, "severity: ", "severity", name);
		++*count;
		free(link);
		free(section);
		free(quiet);
		free(fires);
		free(anchor);
		free(rule);
		free(name);
	}
	for (const char *at = books; (at = strstr(at, "\n## Checkout")) != NULL; at++) {
		const char *end = strstr(at + 1, "\n## ");
		char *text = strndup(at, end ? (size_t)(end - at) : strlen(at));
		wrong += lacks(text, "**Means:**", "Means", text + 4) + lacks(text, "**See:**", "See", text + 4) +
				 lacks(text, "**Do:**", "Do", text + 4) + lacks(text, "**Never:**", "Never", text + 4);
		sections++;
		free(text);
	}
	if (sections != *count) {
		printf("  %zu sections for %zu alerts\n", sections, *count);
		wrong++;
	}
	free(books);
	free(tests);
	free(rules);
	return wrong;
}

static size_t check_dashboard(void)
{
	char *text = read_text("config/grafana/checkout-session.json");
	json_error_t error;
	json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error), *panel;
	size_t index, charts = 0, wrong = 0;

	co_tk_check(root, "the dashboard is no JSON: %s", error.text);
	json_array_foreach(json_object_get(root, "panels"), index, panel)
	{
		bool is_row = strcmp(co_tk_text_at(panel, "type"), "row") == 0;
		charts += !is_row;
		if (!is_row && json_array_size(json_object_get(panel, "targets")) == 0) {
			printf("  the panel %s asks nothing\n", co_tk_text_at(panel, "title"));
			wrong++;
		}
	}
	co_tk_check(charts > 20, "only %zu panels", charts);
	json_decref(root);
	free(text);
	return wrong;
}

int main(void)
{
	size_t names = 0, alerts = 0, ignored = 0;
	size_t wrong = check_names(&names) + check_alerts(&alerts) + check_dashboard();

	co_tk_check(unknown_names(NULL, "rate(checkout_no_such_total[5m]) + checkout_batch_records", true, &ignored) == 2,
				"the canary was not caught");
	co_tk_check(alerts > 10, "only %zu alerts", alerts);
	printf("operations: %zu names of %zu metrics, %zu alerts, %zu wrong; canary caught\n", names, METRICS, alerts,
		   wrong);
	return wrong ? 1 : 0;
}
