#include "prometheus.h"

#include "tk.h"

#include <jansson.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOR_DIVISOR 60
#define FOR_SECONDS_MIN 2
#define RANGE_DIVISOR 30
#define RANGE_SECONDS_MIN 6

/* A duration of one unit; *after behind it. -1: none. */
static long read_duration(const char *text, const char **after)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (end == text || !strchr("smh", *end))
		return -1;
	*after = end + 1;
	return number * (*end == 's' ? 1 : *end == 'm' ? 60 : 3600);
}

static size_t put_scaled(char *out, long seconds, long divisor, long least)
{
	long scaled = seconds / divisor;

	if (seconds > 0 && scaled < least)
		scaled = least;
	return (size_t)sprintf(out, "%lds", scaled);
}

char *prometheus_scaled(const char *rules)
{
	char *out = co_tk_alloc(2 * strlen(rules) + 1), *to = out;

	while (*rules) {
		const char *after = NULL;
		bool is_for = strncmp(rules, " for: ", 6) == 0;
		bool is_range = *rules == '[' && isdigit((unsigned char)rules[1]);
		long seconds = is_for ? read_duration(rules + 6, &after) : is_range ? read_duration(rules + 1, &after) : -1;
		if (seconds < 0) {
			*to++ = *rules++;
			continue;
		}
		to += sprintf(to, "%s", is_for ? " for: " : "[");
		to +=
			put_scaled(to, seconds, is_for ? FOR_DIVISOR : RANGE_DIVISOR, is_for ? FOR_SECONDS_MIN : RANGE_SECONDS_MIN);
		rules = after;
	}
	*to = '\0';
	return out;
}

static void read_names(struct prometheus *prometheus, const char *rules)
{
	for (const char *at = rules; (at = strstr(at, "- alert: ")) != NULL;) {
		at += strlen("- alert: ");
		size_t length = strcspn(at, "\n ");
		co_tk_check(prometheus->alert_count < PROMETHEUS_ALERTS_MAX && length < sizeof(prometheus->alerts->name),
					"too many alerts, or too long a name");
		struct prometheus_alert *alert = &prometheus->alerts[prometheus->alert_count++];
		memcpy(alert->name, at, length);
	}
	co_tk_check(prometheus->alert_count > 10, "only %zu alerts in the rule file", prometheus->alert_count);
}

static void write_rules(struct prometheus *prometheus)
{
	char *path = co_tk_format("%s/config/prometheus/alerts.yml", co_tk_source_dir());
	char *rules = co_tk_read_file(path, NULL);

	co_tk_check(rules, "cannot read %s", path);
	read_names(prometheus, rules);
	char *scaled = prometheus_scaled(rules);
	char *copy = co_tk_format("%s/alerts.yml", prometheus->directory);
	co_tk_write_file(copy, scaled);
	free(copy);
	free(scaled);
	free(rules);
	free(path);
}

static void write_config(struct prometheus *prometheus)
{
	char *path = co_tk_format("%s/prometheus.yml", prometheus->directory);
	char *text = co_tk_format("global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
							  "rule_files: [alerts.yml]\n"
							  "scrape_configs:\n"
							  "  - job_name: checkout-session-worker\n"
							  "    file_sd_configs: [{files: [targets.json], refresh_interval: 1s}]\n");

	co_tk_write_file(path, text);
	free(text);
	free(path);
}

static void write_targets(struct prometheus *prometheus)
{
	json_t *list = json_array();
	char *path = co_tk_format("%s/targets.json", prometheus->directory);

	for (int i = 0; i < PROMETHEUS_TARGETS_MAX; i++) {
		char address[32], name[8];
		if (!prometheus->targets[i])
			continue;
		snprintf(address, sizeof(address), "127.0.0.1:%d", prometheus->targets[i]->admin_port);
		snprintf(name, sizeof(name), "w%d", i);
		json_array_append_new(list, json_pack("{s:[s],s:{s:s}}", "targets", address, "labels", "instance", name));
	}
	char *text = json_dumps(list, 0);
	co_tk_write_file(path, text);
	free(text);
	free(path);
	json_decref(list);
}

/* Undoes, in place, the chunks in which a longer answer comes. */
static void join_chunks(char *body)
{
	const char *from = body;
	char *to = body, *end;

	if (*body == '{')
		return;
	for (size_t length; (length = strtoul(from, &end, 16)) > 0 && strncmp(end, "\r\n", 2) == 0;) {
		from = end + 2;
		if (strlen(from) < length)
			break;
		memmove(to, from, length);
		to += length;
		from += length + 2;
	}
	*to = '\0';
}

/* The worker's client asks, which speaks HTTP well enough. */
static json_t *ask(struct prometheus *prometheus, const char *page)
{
	struct co_tk_worker server = {.admin_port = prometheus->port};
	char *body = NULL;
	int status = co_tk_worker_get(&server, page, &body);
	json_t *answer = NULL;

	if (status == 200) {
		join_chunks(body);
		answer = json_loads(body, 0, NULL);
	}

	free(body);
	return answer;
}

static bool is_up(void *self)
{
	json_t *answer = ask(self, "/api/v1/alerts");

	json_decref(answer);
	return answer != NULL;
}

void prometheus_start(struct prometheus *prometheus)
{
	*prometheus = (struct prometheus){.directory = co_tk_temp_dir(), .port = co_tk_free_port()};
	write_rules(prometheus);
	write_config(prometheus);
	write_targets(prometheus);
	char *config = co_tk_format("--config.file=%s/prometheus.yml", prometheus->directory);
	char *store = co_tk_format("--storage.tsdb.path=%s/data", prometheus->directory);
	char *listen = co_tk_format("--web.listen-address=127.0.0.1:%d", prometheus->port);
	char *log = co_tk_format("%s/prometheus.log", prometheus->directory);
	const char *const argv[] = {"prometheus", config, store, listen, NULL};
	prometheus->pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .directory = prometheus->directory, .log = log});
	bool up = co_tk_wait(is_up, prometheus, 120000);
	char *text = up ? NULL : co_tk_read_file(log, NULL);
	co_tk_check(up, "prometheus (Debian package prometheus) did not come up:\n%s", text ? text : "");
	free(log);
	free(listen);
	free(store);
	free(config);
}

void prometheus_stop(struct prometheus *prometheus)
{
	co_tk_kill(prometheus->pid);
	prometheus->pid = 0;
}

void prometheus_target(struct prometheus *prometheus, size_t index, struct co_tk_worker *worker)
{
	co_tk_check(index < PROMETHEUS_TARGETS_MAX, "no room for target %zu", index);
	prometheus->targets[index] = worker;
	write_targets(prometheus);
}

static struct prometheus_alert *find(struct prometheus *prometheus, const char *name)
{
	for (size_t i = 0; i < prometheus->alert_count; i++)
		if (strcmp(prometheus->alerts[i].name, name) == 0)
			return &prometheus->alerts[i];
	co_tk_fail("there is no alert %s", name);
}

bool prometheus_fired(struct prometheus *prometheus, const char *name, const char *fault)
{
	return find(prometheus, name)->last_fault == fault;
}

void prometheus_look(struct prometheus *prometheus, const char *fault)
{
	json_t *answer = ask(prometheus, "/api/v1/alerts"), *one;
	size_t index;

	/* on a machine that is short of time it may miss its three seconds */
	for (int more = 0; !answer && more < 10; more++)
		answer = ask(prometheus, "/api/v1/alerts");
	co_tk_check(answer, "prometheus does not answer");
	for (size_t i = 0; i < prometheus->alert_count; i++)
		prometheus->alerts[i].fires = false;
	json_array_foreach(json_object_get(json_object_get(answer, "data"), "alerts"), index, one)
	{
		const char *name = json_string_value(json_object_get(json_object_get(one, "labels"), "alertname"));
		const char *state = json_string_value(json_object_get(one, "state"));
		if (!name || !state || strcmp(state, "firing") != 0)
			continue;
		struct prometheus_alert *alert = find(prometheus, name);
		alert->fires = true;
		alert->last_fault = fault;
		if (!alert->fault) {
			alert->fault = fault;
			printf("  %-28s fired: %s\n", name, fault);
			fflush(stdout);
		}
	}
	json_decref(answer);
}

void prometheus_expect(struct prometheus *prometheus, const char *fault, const char *const *names, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms;; co_tk_sleep_ms(250)) {
		const char *missing = NULL;
		prometheus_look(prometheus, fault);
		for (const char *const *name = names; *name; name++)
			if (!prometheus_fired(prometheus, *name, fault))
				missing = *name;
		if (!missing)
			return;
		co_tk_check(co_tk_now_ms() < end, "%s has not fired within %lld ms of: %s", missing, (long long)timeout_ms,
					fault);
	}
}

static bool holds_now(struct prometheus *prometheus, const char *query_escaped)
{
	char *page = co_tk_format("/api/v1/query?query=%s", query_escaped);
	json_t *answer = ask(prometheus, page);
	const json_t *result = json_object_get(json_object_get(answer, "data"), "result");
	const char *value = json_string_value(json_array_get(json_object_get(json_array_get(result, 0), "value"), 1));
	bool holds = json_array_size(result) == 1 && value && strtod(value, NULL) > 0;

	json_decref(answer);
	free(page);
	return holds;
}

bool prometheus_holds(struct prometheus *prometheus, const char *query_escaped)
{
	for (int64_t end = co_tk_now_ms() + 60000; !holds_now(prometheus, query_escaped); co_tk_sleep_ms(250))
		if (co_tk_now_ms() >= end)
			return false;
	return true;
}
