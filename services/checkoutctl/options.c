#include "ctl.h"

#include "checkout/arena.h"
#include "checkout/instant.h"
#include "checkout/uuid.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECRET_BYTES_MAX 65536
#define OPT(member) offsetof(struct ctl_connection, member)

const struct ctl_option ctl_connection_options[CTL_CONNECTION_OPTIONS] = {
	{"bootstrap", CTL_TEXT, OPT(bootstrap), "HOST:PORT", 0, 0,
	 "brokers to ask first [CHECKOUT_KAFKA_BOOTSTRAP_SERVERS]"},
	{"prefix", CTL_TEXT, OPT(prefix), "TEXT", 0, 0,
	 "before the topics' names [CHECKOUT_TOPICS_PREFIX, or checkout.session.]"},
	{"X", CTL_LIST, OPT(properties), "NAME=VALUE", 0, 0,
	 "a librdkafka property; secrets as CHECKOUT_KAFKA_…_FILE in the environment"},
	{"timeout", CTL_INT, OPT(timeout_seconds), "SECONDS", 1, 86400, "how long to wait [10]"},
};

void ctl_complain(const struct ctl_world *world, const char *format, ...)
{
	va_list arguments;

	fputs("checkoutctl: ", world->err);
	va_start(arguments, format);
	vfprintf(world->err, format, arguments);
	va_end(arguments);
	fputc('\n', world->err);
}

const char *ctl_environment(const struct ctl_world *world, const char *name)
{
	size_t length = strlen(name);

	for (char *const *entry = world->environment; entry && *entry; entry++)
		if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
			return *entry + length + 1;
	return NULL;
}

int64_t ctl_wall_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t ctl_monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool ctl_read_file(const char *path, size_t max_bytes, bool secret, struct co_arena *arena, struct co_view *out,
				   struct co_error *error)
{
	FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
	char *bytes = co_arena_alloc(arena, max_bytes + 1);
	size_t length;

	if (!file) {
		co_error_set(error, path, "%s: %s", path, strerror(errno));
		return false;
	}
	errno = 0;
	length = fread(bytes, 1, max_bytes + 1, file);
	if (ferror(file)) {
		co_error_set(error, path, "%s: %s", path, strerror(errno ? errno : EIO));
		length = 0;
	} else if (length > max_bytes) {
		co_error_set(error, path, "%s holds more than %zu bytes", path, max_bytes);
	}
	if (file != stdin)
		fclose(file);
	if (error->text[0]) {
		if (secret)
			explicit_bzero(bytes, max_bytes + 1);
		return false;
	}
	while (secret && length > 0 && (bytes[length - 1] == '\n' || bytes[length - 1] == '\r'))
		length--;
	bytes[length] = '\0';
	*out = co_view_make(bytes, length);
	return true;
}

bool ctl_read_secret(const struct ctl_world *world, const char *verb, const char *file, const char *variable,
					 struct co_arena *arena, struct co_view *out)
{
	struct co_error error = {0};

	if (!file) {
		*out = co_view_cstr(variable ? ctl_environment(world, variable) : NULL);
		return true;
	}
	if (!ctl_read_file(file, SECRET_BYTES_MAX, true, arena, out, &error)) {
		ctl_complain(world, "%s: %s", verb, error.text);
		return false;
	}
	if (!co_view_is_utf8(*out) || co_view_has_control(*out)) {
		ctl_complain(world, "%s: %s holds more than one line of text", verb, file);
		return false;
	}
	return true;
}

bool ctl_read_time(const struct ctl_world *world, const char *verb, const char *option, const char *text, int64_t *out)
{
	char *end = NULL;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (!errno && end != text && *end == '\0' && number > 0) {
		*out = number;
		return true;
	}
	if (co_instant_parse(co_view_cstr(text), true, out) && *out > 0)
		return true;
	ctl_complain(world, "%s: --%s %s: milliseconds since 1970 or an RFC 3339 time is wanted", verb, option, text);
	return false;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t length = strlen(value);

	for (const char *at = choices; at && length > 0; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
		if (strncmp(at, value, length) == 0 && (at[length] == '|' || at[length] == '\0'))
			return true;
	return false;
}

static bool store_int(const struct ctl_world *world, const char *verb, const struct ctl_option *option,
					  const char *value, int64_t *out)
{
	char *end = NULL;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || end == value || *end || number < option->min || number > option->max) {
		ctl_complain(world, "%s: --%s %s: a whole number from %lld to %lld is wanted", verb, option->name, value,
					 (long long)option->min, (long long)option->max);
		return false;
	}
	*out = number;
	return true;
}

static bool store(const struct ctl_world *world, const char *verb, const struct ctl_option *option, void *target,
				  const char *value)
{
	char *at = (char *)target + option->offset;
	struct co_uuid uuid;

	switch (option->kind) {
	case CTL_FLAG:
		memcpy(at, &(bool){true}, sizeof(bool));
		return true;
	case CTL_INT:
		return store_int(world, verb, option, value, (int64_t *)(void *)at);
	case CTL_LIST: {
		struct ctl_list *list = (struct ctl_list *)(void *)at;

		if (list->count == CTL_LIST_MAX) {
			ctl_complain(world, "%s: --%s: at most %d times", verb, option->name, CTL_LIST_MAX);
			return false;
		}
		list->items[list->count++] = value;
		return true;
	}
	case CTL_UUID:
		if (!co_uuid_parse(co_view_cstr(value), &uuid)) {
			ctl_complain(world, "%s: --%s %s: a UUID is wanted", verb, option->name, value);
			return false;
		}
		break;
	case CTL_CHOICE:
		if (!is_choice(option->value, value)) {
			ctl_complain(world, "%s: --%s %s: one of %s is wanted", verb, option->name, value, option->value);
			return false;
		}
		break;
	case CTL_TEXT:
		if (!co_view_is_utf8(co_view_cstr(value))) {
			ctl_complain(world, "%s: --%s: the value is not UTF-8", verb, option->name);
			return false;
		}
		break;
	}
	memcpy(at, &value, sizeof(value));
	return true;
}

/* The row for an argument `--name`, `--name=value` or `-X`; NULL when there is none. */
static const struct ctl_option *lookup(struct ctl_table *tables, size_t table_count, const char *name, size_t length,
									   struct ctl_table **table)
{
	for (size_t t = 0; t < table_count; t++)
		for (size_t i = 0; i < tables[t].count; i++)
			if (strlen(tables[t].options[i].name) == length && strncmp(tables[t].options[i].name, name, length) == 0) {
				*table = &tables[t];
				return &tables[t].options[i];
			}
	return NULL;
}

bool ctl_options_parse(const struct ctl_world *world, const char *verb, int argc, char **argv, struct ctl_table *tables,
					   size_t table_count, struct ctl_list *positional)
{
	bool options_over = false;

	for (int i = 1; i < argc; i++) {
		bool single = strcmp(argv[i], "-X") == 0;
		const char *name = argv[i] + (single ? 1 : 2);
		const char *value = single ? NULL : strchr(argv[i], '=');
		const struct ctl_option *option;
		struct ctl_table *table = NULL;

		if (options_over || (!single && strncmp(argv[i], "--", 2) != 0)) {
			if (!options_over && argv[i][0] == '-' && argv[i][1]) {
				ctl_complain(world, "%s: %s is no option; see checkoutctl %s --help", verb, argv[i], verb);
				return false;
			}
			if (positional->count == CTL_LIST_MAX) {
				ctl_complain(world, "%s: %s is one too many: at most %d at a time", verb, argv[i], CTL_LIST_MAX);
				return false;
			}
			positional->items[positional->count++] = argv[i];
			continue;
		}
		if (argv[i][2] == '\0' && !single) {
			options_over = true;
			continue;
		}
		option = lookup(tables, table_count, name, value ? (size_t)(value - name) : strlen(name), &table);
		if (!option) {
			ctl_complain(world, "%s: %s is no option; see checkoutctl %s --help", verb, argv[i], verb);
			return false;
		}
		if (option->kind == CTL_FLAG && value) {
			ctl_complain(world, "%s: --%s takes no value", verb, option->name);
			return false;
		}
		if (option->kind != CTL_FLAG)
			value = value ? value + 1 : i + 1 < argc ? argv[++i] : NULL;
		if (option->kind != CTL_FLAG && !value) {
			ctl_complain(world, "%s: --%s needs a value: %s", verb, option->name, option->value);
			return false;
		}
		if (!store(world, verb, option, table->target, value))
			return false;
		table->seen |= UINT64_C(1) << (option - table->options);
	}
	return true;
}

bool ctl_options_ask_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return true;
	return false;
}

void ctl_options_help(FILE *out, const struct ctl_verb *verb, const struct ctl_table *tables, size_t table_count)
{
	fprintf(out, "usage: checkoutctl %s %s\n\n%s\n\noptions:\n", verb->name, verb->arguments, verb->summary);
	for (size_t t = 0; t < table_count; t++)
		for (size_t i = 0; i < tables[t].count; i++) {
			const struct ctl_option *option = &tables[t].options[i];
			char left[96];

			snprintf(left, sizeof(left), "%s%s %s", strcmp(option->name, "X") == 0 ? "-" : "--", option->name,
					 option->value ? option->value : "");
			fprintf(out, "  %-32s %s\n", left, option->help);
		}
	fprintf(out, "  %-32s %s\n", "--help", "this text");
}
