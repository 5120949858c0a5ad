/* Names of settings: in the environment, in complaints, and the one that was meant. */
#include "config_internal.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "CHECKOUT_"
#define KAFKA_PREFIX "CHECKOUT_KAFKA_"
#define SECRET_BYTES_MAX 65536UL

void co_setting_name(const struct co_setting_row *row, char out[CO_NAME_BYTES])
{
	snprintf(out, CO_NAME_BYTES, "%s.%s", row->section, row->key);
}

void co_setting_environment_name(const struct co_setting_row *row, char out[CO_NAME_BYTES])
{
	snprintf(out, CO_NAME_BYTES, PREFIX "%s_%s", row->section, row->key);
	for (char *at = out; *at; at++)
		*at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
}

bool co_is_section(const char *section)
{
	for (size_t i = 0; i < CO_SETTING_COUNT; i++)
		if (strcmp(co_setting_rows[i].section, section) == 0)
			return true;
	return strcmp(section, "kafka") == 0;
}

/* Levenshtein's distance; names are cut to what fits. One of `limit` or more is told as `limit`: most candidates are
 * out by their length alone. */
static size_t distance(const char *a, const char *b, size_t limit)
{
	size_t row[CO_NAME_BYTES];
	size_t a_len = strnlen(a, CO_NAME_BYTES - 1), b_len = strnlen(b, CO_NAME_BYTES - 1);

	if ((a_len > b_len ? a_len - b_len : b_len - a_len) >= limit)
		return limit;
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			best = best < row[j] + 1 ? best : row[j] + 1;
			best = best < row[j - 1] + 1 ? best : row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[b_len] < limit ? row[b_len] : limit;
}

static void keep_nearer(const char *name, const char *candidate, size_t away, size_t *best, char out[CO_NAME_BYTES])
{
	size_t whole = distance(name, candidate, *best);

	away = whole < away ? whole : away;
	if (away >= *best)
		return;
	*best = away;
	snprintf(out, CO_NAME_BYTES, "%s", candidate);
}

void co_nearest_name(const char *name, char out[CO_NAME_BYTES])
{
	const char *dot = strchr(name, '.');
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		char candidate[CO_NAME_BYTES];
		co_setting_name(&co_setting_rows[i], candidate);
		/* The right key in the wrong section is one slip, however long the section's name. */
		size_t away = dot && best ? distance(dot + 1, co_setting_rows[i].key, best - 1) + 1 : SIZE_MAX;
		keep_nearer(name, candidate, away, &best, out);
	}
	keep_nearer(name, "kafka.bootstrap.servers", SIZE_MAX, &best, out);
}

void co_nearest_environment_name(const char *name, char out[CO_NAME_BYTES])
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		char candidate[CO_NAME_BYTES];
		co_setting_environment_name(&co_setting_rows[i], candidate);
		keep_nearer(name, candidate, SIZE_MAX, &best, out);
	}
	keep_nearer(name, KAFKA_PREFIX "BOOTSTRAP_SERVERS", SIZE_MAX, &best, out);
}

static void take_secret_file(struct co_draft *draft, const char *section, const char *key, const char *path,
							 const char *origin)
{
	char name[2 * CO_NAME_BYTES], why[200];
	size_t len;
	char *bytes = co_file_read(path, SECRET_BYTES_MAX, &len, why, sizeof why);

	if (!bytes) {
		snprintf(name, sizeof name, "%.127s.%.127s", section, key);
		co_complain(draft, name, origin, "the file it names %s; allowed: a readable file that holds the value", why);
		return;
	}
	while (len > 0 && (bytes[len - 1] == '\n' || bytes[len - 1] == '\r'))
		bytes[--len] = '\0';
	co_draft_take(draft, section, key, bytes, CO_RANK_ENVIRONMENT, origin);
	explicit_bzero(bytes, len);
	free(bytes);
}

/* True when `name` is `base` + "_FILE". */
static bool is_file_of(const char *name, const char *base)
{
	size_t len = strlen(base);

	return strncmp(name, base, len) == 0 && strcmp(name + len, "_FILE") == 0;
}

static bool take_setting(struct co_draft *draft, const char *name, const char *value, const char *origin)
{
	for (size_t i = 0; i < CO_SETTING_COUNT; i++) {
		const struct co_setting_row *row = &co_setting_rows[i];
		char own[CO_NAME_BYTES];
		co_setting_environment_name(row, own);
		if (strcmp(own, name) == 0) {
			co_draft_take(draft, row->section, row->key, value, CO_RANK_ENVIRONMENT, origin);
			return true;
		}
		if (co_setting_is_secret(row) && is_file_of(name, own)) {
			take_secret_file(draft, row->section, row->key, value, origin);
			return true;
		}
	}
	return false;
}

static bool take_kafka(struct co_draft *draft, const char *name, const char *value, const char *origin)
{
	char property[CO_NAME_BYTES];
	size_t len;

	if (strncmp(name, KAFKA_PREFIX, strlen(KAFKA_PREFIX)) != 0 ||
		!co_kafka_from_environment(name + strlen(KAFKA_PREFIX), property))
		return false;
	len = strlen(property);
	if (len > 5 && strcmp(property + len - 5, ".file") == 0) {
		property[len - 5] = '\0';
		if (co_kafka_is_secret(property)) {
			take_secret_file(draft, "kafka", property, value, origin);
			return true;
		}
		property[len - 5] = '.';
	}
	co_draft_take(draft, "kafka", property, value, CO_RANK_ENVIRONMENT, origin);
	return true;
}

void co_draft_read_environment(struct co_draft *draft, char *const *environment)
{
	for (; environment && *environment; environment++) {
		const char *equals = strchr(*environment, '=');
		char name[CO_NAME_BYTES], origin[CO_NAME_BYTES + 16], nearest[CO_NAME_BYTES];
		if (!equals || strncmp(*environment, PREFIX, strlen(PREFIX)) != 0)
			continue;
		snprintf(name, sizeof name, "%.*s", (int)(equals - *environment < 127 ? equals - *environment : 127),
				 *environment);
		snprintf(origin, sizeof origin, "environment %s", name);
		if (take_setting(draft, name, equals + 1, origin) || take_kafka(draft, name, equals + 1, origin))
			continue;
		co_nearest_environment_name(name, nearest);
		co_complain(draft, name, "environment", "no such setting; the nearest is %s", nearest);
	}
}
