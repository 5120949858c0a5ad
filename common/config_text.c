/* The configuration for people: --print-config, docs/CONFIGURATION.md, config/session-worker.example.conf. */
#include "config_internal.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

/* A value on one line, whatever it holds. */
static void print_value(const char *value, FILE *out)
{
	for (; *value; value++) {
		if (*value == '\n')
			fputs("\\n", out);
		else
			fputc(iscntrl((unsigned char)*value) ? '?' : *value, out);
	}
}

/* The URL with *** in place of its password. */
static void print_url(const char *url, FILE *out)
{
	const char *scheme = strstr(url, "://");
	const char *start = scheme ? scheme + 3 : url;
	const char *end = start + strcspn(start, "/");
	const char *at = memrchr(start, '@', (size_t)(end - start));
	const char *colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;

	if (colon)
		fprintf(out, "%.*s:***%s", (int)(colon - url), url, at);
	else if (at)
		fprintf(out, "%.*s***%s", (int)(start - url), url, at);
	else
		fputs(url, out);
}

static void print_setting(const struct co_config *config, const struct co_setting_row *row, FILE *out)
{
	const void *field = (const char *)config + row->offset;
	const char *text, *choice = row->choices;

	switch (row->kind) {
	case CO_SETTING_TEXT:
		text = *(char *const *)field;
		if (text && row->form == CO_FORM_URL)
			print_url(text, out);
		else if (text)
			print_value(text, out);
		return;
	case CO_SETTING_INT:
		fprintf(out, "%" PRId64, *(const int64_t *)field);
		return;
	case CO_SETTING_BOOL:
		fputs(*(const bool *)field ? "true" : "false", out);
		return;
	case CO_SETTING_ENUM:
		for (int i = *(const int *)field; i > 0; i--)
			choice += strcspn(choice, "|") + 1;
		fprintf(out, "%.*s", (int)strcspn(choice, "|"), choice);
		return;
	}
}

static void print_origin(const char *origin, FILE *out)
{
	fputs("# from ", out);
	print_value(origin ? origin : "the program", out);
	fputc('\n', out);
}

void co_config_print(const struct co_config *config, FILE *out)
{
	const char *section = "";

	fputs("[kafka]\n", out);
	for (size_t i = 0; i < config->kafka_count; i++) {
		print_origin(config->kafka[i].origin, out);
		fprintf(out, "%s = ", config->kafka[i].name);
		if (config->kafka[i].secret)
			fputs("***", out);
		else
			print_value(config->kafka[i].value, out);
		fputc('\n', out);
	}
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		const struct co_setting_row *row = &co_setting_rows[i];
		if (strcmp(section, row->section) != 0)
			fprintf(out, "\n[%s]\n", row->section);
		section = row->section;
		print_origin(config->origin[i], out);
		fprintf(out, "%s = ", row->key);
		print_setting(config, row, out);
		fputc('\n', out);
	}
}

/* A `|` would end the cell. */
static void describe_cell(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '|')
			fputc('\\', out);
		fputc(*text, out);
	}
}

static void describe_row(const struct co_setting_row *row, FILE *out)
{
	char allowed[256], environment[CO_NAME_BYTES];

	co_setting_allowed(row, allowed, sizeof allowed);
	co_setting_environment_name(row, environment);
	fprintf(out, "| `%s` | ", row->key);
	if (row->fallback[0])
		fprintf(out, "`%s`", row->fallback);
	fputs(" | ", out);
	describe_cell(allowed, out);
	fprintf(out, " | `%s`%s | ", environment, co_setting_is_secret(row) ? ", also `…_FILE`" : "");
	describe_cell(row->sentence, out);
	fputs(" |\n", out);
}

void co_config_describe(FILE *out)
{
	const char *section = "";

	fputs(
		"# Configuration\n\n"
		"Printed by `session-worker --describe config` from `include/checkout/tbl/settings.def`; do not "
		"edit.\n\n"
		"`session-worker --config FILE` reads an INI file: `[section]`, `key = value`. Comments stand on lines of "
		"their "
		"own and begin with `#` or `;`: all that follows the `=` is the value, blanks around it cut off. A key stands "
		"once "
		"in the file. Paths are relative to the working directory.\n\n"
		"**Precedence.** `-X section.key=value` (of several for a key, the last) over the environment over the file "
		"over "
		"the default. An environment variable that is set to nothing counts, as an empty value. A secret may be given "
		"as "
		"`…_FILE` too, the path of a file that holds it, less trailing line ends; giving both is a mistake.\n\n"
		"**Mistakes.** Unknown names anywhere (`CHECKOUT_*` variables included), and values that are not allowed, are "
		"told "
		"all at once, one line each, as `key (source): what is wrong; what is allowed`; the process exits with 2. Of a "
		"key "
		"given by several sources only the value that counts is judged. `--check-config` stops there; `--print-config` "
		"shows every value and where it came from, secrets as `***`.\n",
		out);
	fputs("\n## [kafka]\n\n"
		  "Any property of librdkafka, passed through to all of the service's clients; `bootstrap.servers` is "
		  "required. In "
		  "the environment: `CHECKOUT_KAFKA_` and the property in capitals, every dot as an underscore "
		  "(`CHECKOUT_KAFKA_SECURITY_PROTOCOL`); `log_level` is `CHECKOUT_KAFKA_LOG_LEVEL`. Secrets, never shown and "
		  "also as "
		  "`…_FILE`: `sasl.password`, `ssl.key.password`, `ssl.keystore.password`, `ssl.key.pem`, "
		  "`sasl.oauthbearer.client.secret`, `sasl.oauthbearer.config`, and whatever else has `password`, `passphrase` "
		  "or "
		  "`secret` in its name.\n\nThese may not be set:\n\n",
		  out);
	co_kafka_describe(out);
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		if (strcmp(section, co_setting_rows[i].section) != 0) {
			section = co_setting_rows[i].section;
			fprintf(out, "\n## [%s]\n\n| key | default | allowed | environment | meaning |\n|---|---|---|---|---|\n",
					section);
		}
		describe_row(&co_setting_rows[i], out);
	}
}

/* A comment, folded at 100 columns. */
static void example_comment(const char *text, FILE *out)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");
		if (column && column + 1 + len > 98) {
			fputc('\n', out);
			column = 0;
		}
		fprintf(out, "%s%.*s", column ? " " : "# ", (int)len, text);
		column += len + (column ? 1 : 2);
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

void co_config_example(FILE *out)
{
	const char *section = "";

	fputs("# Every setting of session-worker with its default. Uncomment what you change.\n"
		  "# Comments stand on lines of their own: all that follows the `=` is the value.\n"
		  "# Over this file counts the environment (CHECKOUT_WORKER_LANES), and over that -X worker.lanes=2.\n"
		  "\n[kafka]\n"
		  "# Any property of librdkafka; docs/CONFIGURATION.md names those that the service keeps for itself.\n"
		  "bootstrap.servers = 127.0.0.1:9092\n"
		  "# security.protocol = SASL_SSL\n"
		  "# sasl.mechanisms = PLAIN\n"
		  "# sasl.username = session-worker\n"
		  "# The password is better given as CHECKOUT_KAFKA_SASL_PASSWORD_FILE=/run/secrets/kafka-password.\n",
		  out);
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		const struct co_setting_row *row = &co_setting_rows[i];
		char allowed[256], line[320];
		if (strcmp(section, row->section) != 0)
			fprintf(out, "\n[%s]\n", row->section);
		section = row->section;
		co_setting_allowed(row, allowed, sizeof allowed);
		snprintf(line, sizeof line, "Allowed: %s.", allowed);
		fputs(i && strcmp(co_setting_rows[i - 1].section, row->section) == 0 ? "\n" : "", out);
		example_comment(row->sentence, out);
		example_comment(line, out);
		fprintf(out, "# %s =%s%s\n", row->key, row->fallback[0] ? " " : "", row->fallback);
	}
}
