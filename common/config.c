#include "checkout/config.h"

#include "config_internal.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const struct co_setting_row co_setting_rows[CO_SETTING_COUNT] = {
#define CO_SET_TEXT(field, section_, key_, fallback_, form_, sentence_) \
	{.section = section_,                                               \
	 .key = key_,                                                       \
	 .fallback = fallback_,                                             \
	 .sentence = sentence_,                                             \
	 .kind = CO_SETTING_TEXT,                                           \
	 .form = CO_FORM_##form_,                                           \
	 .offset = offsetof(struct co_config, field)},
#define CO_SET_INT(field, section_, key_, fallback_, min_, max_, unit_, sentence_) \
	{.section = section_,                                                          \
	 .key = key_,                                                                  \
	 .fallback = #fallback_,                                                       \
	 .sentence = sentence_,                                                        \
	 .kind = CO_SETTING_INT,                                                       \
	 .min = min_,                                                                  \
	 .max = max_,                                                                  \
	 .unit = unit_,                                                                \
	 .offset = offsetof(struct co_config, field)},
#define CO_SET_BOOL(field, section_, key_, fallback_, sentence_) \
	{.section = section_,                                        \
	 .key = key_,                                                \
	 .fallback = (fallback_) ? "true" : "false",                 \
	 .sentence = sentence_,                                      \
	 .kind = CO_SETTING_BOOL,                                    \
	 .offset = offsetof(struct co_config, field)},
#define CO_SET_ENUM(field, section_, key_, fallback_, choices_, sentence_) \
	{.section = section_,                                                  \
	 .key = key_,                                                          \
	 .fallback = fallback_,                                                \
	 .sentence = sentence_,                                                \
	 .kind = CO_SETTING_ENUM,                                              \
	 .choices = choices_,                                                  \
	 .offset = offsetof(struct co_config, field)},
#include "checkout/tbl/settings.def"
#undef CO_SET_TEXT
#undef CO_SET_INT
#undef CO_SET_BOOL
#undef CO_SET_ENUM
};

#define BOOTSTRAP "bootstrap.servers"

char *co_text_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy) {
		fputs("no memory for the configuration\n", stderr);
		abort();
	}
	return copy;
}

void *co_resize(void *block, size_t count, size_t size)
{
	void *grown = reallocarray(block, count, size);

	if (!grown) {
		fputs("no memory for the configuration\n", stderr);
		abort();
	}
	return grown;
}

void co_text_wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void co_complain(struct co_draft *draft, const char *what, const char *origin, const char *format, ...)
{
	char line[1024];
	int used = origin ? snprintf(line, sizeof line, "%.200s (%.300s): ", what, origin)
					  : snprintf(line, sizeof line, "%.200s: ", what);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + used, sizeof line - (size_t)used, format, arguments);
	va_end(arguments);
	/* Names come from outside: a mistake stays one line, and a terminal is not spoken to. */
	for (char *at = line; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	fprintf(draft->complaints, "%s\n", line);
	draft->mistakes++;
}

static void given_clear(struct co_given *given)
{
	free(given->name);
	co_text_wipe(given->value);
	free(given->origin);
	*given = (struct co_given){0};
}

/* Where the value goes: the setting, or a [kafka] property (made when it is new); NULL after a complaint. */
static struct co_given *find_place(struct co_draft *draft, const char *section, const char *key, const char *name,
								   const char *origin)
{
	char nearest[CO_NAME_BYTES];

	for (size_t i = 0; i < CO_SETTING_COUNT; i++)
		if (strcmp(co_setting_rows[i].section, section) == 0 && strcmp(co_setting_rows[i].key, key) == 0)
			return &draft->set[i];
	if (strcmp(section, "kafka") == 0 && co_kafka_is_name(key)) {
		for (size_t i = 0; i < draft->kafka_count; i++)
			if (strcmp(draft->kafka[i].name, key) == 0)
				return &draft->kafka[i];
		draft->kafka = co_resize(draft->kafka, draft->kafka_count + 1, sizeof *draft->kafka);
		draft->kafka[draft->kafka_count] = (struct co_given){.name = co_text_copy(key)};
		return &draft->kafka[draft->kafka_count++];
	}
	co_nearest_name(name, nearest);
	if (co_is_section(section))
		co_complain(draft, name, origin, "no such key; the nearest is %s", nearest);
	else
		co_complain(
			draft, name, origin,
			"no such section; allowed are kafka, worker, topics, redis, auth, admin, log; the nearest key is %s",
			nearest);
	return NULL;
}

void co_draft_take(struct co_draft *draft, const char *section, const char *key, const char *value, enum co_rank rank,
				   const char *origin)
{
	char name[2 * CO_NAME_BYTES];
	struct co_given *given;

	snprintf(name, sizeof name, "%.127s.%.127s", section, key);
	given = find_place(draft, section, key, name, origin);
	if (!given)
		return;
	if (given->rank == rank && rank != CO_RANK_OVERRIDE) {
		co_complain(draft, name, origin, "given twice, first by %s; allowed is once", given->origin);
		return;
	}
	co_text_wipe(given->value);
	free(given->origin);
	given->value = co_text_copy(value);
	given->origin = co_text_copy(origin);
	given->rank = rank;
}

/* `-X section.key=value`. What follows a missing `=` may be a secret, so the text is not shown. */
static void read_overrides(struct co_draft *draft, const struct co_override *overrides, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const char *equals = strchr(overrides[i].text, '=');
		char name[CO_NAME_BYTES], *dot;
		if (!equals || (size_t)(equals - overrides[i].text) >= sizeof name) {
			char which[32];
			snprintf(which, sizeof which, "-X number %zu", i + 1);
			co_complain(draft, which, NULL, "allowed is section.key=value");
			continue;
		}
		memcpy(name, overrides[i].text, (size_t)(equals - overrides[i].text));
		name[equals - overrides[i].text] = '\0';
		dot = strchr(name, '.');
		if (!dot) {
			char nearest[CO_NAME_BYTES];
			co_nearest_name(name, nearest);
			co_complain(draft, name, "-X", "no section; allowed is section.key=value; the nearest key is %s", nearest);
			continue;
		}
		*dot = '\0';
		co_draft_take(draft, name, dot + 1, equals + 1, CO_RANK_OVERRIDE, "-X");
	}
}

static void finish_settings(struct co_draft *draft, struct co_config *out)
{
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		const struct co_setting_row *row = &co_setting_rows[i];
		struct co_given *given = &draft->set[i];
		bool is_host = row->kind == CO_SETTING_TEXT && row->form == CO_FORM_INSTANCE &&
					   (given->value ? given->value : row->fallback)[0] == '\0';
		const char *origin = is_host ? "host name" : given->value ? given->origin : "default";
		char name[CO_NAME_BYTES], allowed[256], why[200] = "";

		out->origin[i] = co_text_copy(origin);
		if (co_setting_parse(row, given->value ? given->value : row->fallback, out, why, sizeof why))
			continue;
		co_setting_name(row, name);
		co_setting_allowed(row, allowed, sizeof allowed);
		/* A secret is not shown, and neither is a part of it. */
		if (co_setting_is_secret(row) || !given->value || is_host)
			co_complain(draft, name, origin, "%s; allowed: %s", why, allowed);
		else
			co_complain(draft, name, origin, "\"%.60s\" %s; allowed: %s", given->value, why, allowed);
	}
}

static void finish_kafka(struct co_draft *draft, struct co_config *out)
{
	bool has_bootstrap = false;

	for (size_t i = 0; i < draft->kafka_count; i++) {
		struct co_given *given = &draft->kafka[i];
		bool for_delivery;
		const char *reason = co_kafka_guard(given->name, &for_delivery);
		char name[CO_NAME_BYTES + 8];

		snprintf(name, sizeof name, "kafka.%s", given->name);
		if (reason) {
			co_complain(draft, name, given->origin, "may not be set%s: %s; allowed: leave it out",
						for_delivery ? ", the delivery guarantees depend on it" : "", reason);
			continue;
		}
		if (strcmp(given->name, BOOTSTRAP) == 0) {
			has_bootstrap = true;
			if (given->value[0] == '\0')
				co_complain(draft, name, given->origin, "is empty; allowed: host:port, comma-separated");
		}
		out->kafka = co_resize(out->kafka, out->kafka_count + 1, sizeof *out->kafka);
		out->kafka[out->kafka_count++] = (struct co_property){.name = given->name,
															  .value = given->value,
															  .secret = co_kafka_is_secret(given->name),
															  .origin = given->origin};
		*given = (struct co_given){0}; /* the configuration has them now */
	}
	if (!has_bootstrap)
		co_complain(draft, "kafka." BOOTSTRAP, "given nowhere",
					"required; allowed: host:port, comma-separated, in the file's [kafka] or as "
					"CHECKOUT_KAFKA_BOOTSTRAP_SERVERS");
}

enum co_status co_config_load(struct co_config *out, const char *file, char *const *environment,
							  const struct co_override *overrides, size_t override_count, FILE *complaints)
{
	struct co_draft draft = {.complaints = complaints};

	*out = (struct co_config){0};
	if (file)
		co_draft_read_file(&draft, file);
	co_draft_read_environment(&draft, environment);
	read_overrides(&draft, overrides, override_count);
	finish_settings(&draft, out);
	finish_kafka(&draft, out);
	for (size_t i = 0; i < CO_SETTING_COUNT; i++)
		given_clear(&draft.set[i]);
	for (size_t i = 0; i < draft.kafka_count; i++)
		given_clear(&draft.kafka[i]);
	free(draft.kafka);
	if (draft.mistakes == 0)
		return CO_OK;
	co_config_clear(out);
	return CO_CONFIG;
}

void co_config_complain(const struct co_config *config, enum co_setting setting, const char *reason, FILE *complaints)
{
	struct co_draft draft = {.complaints = complaints};
	char name[CO_NAME_BYTES];

	co_setting_name(&co_setting_rows[setting], name);
	co_complain(&draft, name, config->origin[setting], "%s", reason);
}

void co_config_complain_kafka(const struct co_config *config, const char *property, const char *reason,
							  FILE *complaints)
{
	struct co_draft draft = {.complaints = complaints};
	const char *origin = NULL;
	char name[CO_NAME_BYTES + 8];

	for (size_t i = 0; i < config->kafka_count; i++)
		if (strcmp(config->kafka[i].name, property) == 0)
			origin = config->kafka[i].origin;
	snprintf(name, sizeof name, "kafka.%.127s", property);
	co_complain(&draft, name, origin, "%s", reason);
}

void co_config_clear(struct co_config *config)
{
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		if (co_setting_rows[i].kind == CO_SETTING_TEXT)
			co_text_wipe(*(char **)(void *)((char *)config + co_setting_rows[i].offset));
		free(config->origin[i]);
	}
	for (size_t i = 0; i < config->kafka_count; i++) {
		free(config->kafka[i].name);
		co_text_wipe(config->kafka[i].value);
		free(config->kafka[i].origin);
	}
	free(config->kafka);
	*config = (struct co_config){0};
}

const char *co_config_kafka(const struct co_config *config, const char *name)
{
	for (size_t i = 0; i < config->kafka_count; i++)
		if (strcmp(config->kafka[i].name, name) == 0)
			return config->kafka[i].value;
	return NULL;
}
