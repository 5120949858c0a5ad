/* What a value may be: one parser per kind, one check per form of text. */
#include "config_internal.h"

#include "checkout/bytes.h"

#include <errno.h>
#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
#define NAME_ALLOWED "letters, digits, dot, underscore and hyphen"

static const char *const form_allowed[] = {
	[CO_FORM_NAME] = "1 to 100 " NAME_ALLOWED,
	[CO_FORM_INSTANCE] = "1 to 100 " NAME_ALLOWED ", or empty for the host name",
	[CO_FORM_PATTERNS] = "POSIX extended regular expressions, separated by spaces, or empty",
	[CO_FORM_LABEL] = "1 to 256 characters, no control characters",
	[CO_FORM_TOPIC_PREFIX] = "1 to 200 " NAME_ALLOWED ", not beginning with `__`",
	[CO_FORM_KEY_PREFIX] = "1 to 64 " NAME_ALLOWED ", or colon",
	[CO_FORM_LISTEN] = "host:port ([address]:port for IPv6), or empty for off",
	[CO_FORM_PATH] = "a readable file, or empty",
	[CO_FORM_URL] = "redis://[user:password@]host:port/db or unix:///path",
};

bool co_setting_is_secret(const struct co_setting_row *row)
{
	return row->kind == CO_SETTING_TEXT && row->form == CO_FORM_URL;
}

static void choices_allowed(const char *choices, char *out, size_t size)
{
	size_t used = 0;

	out[0] = '\0';
	for (const char *at = choices; *at && used < size;) {
		size_t len = strcspn(at, "|");
		const char *between = at == choices ? "" : at[len] ? ", " : " or ";
		used += (size_t)snprintf(out + used, size - used, "%s%.*s", between, (int)len, at);
		at += len + (at[len] == '|');
	}
}

void co_setting_allowed(const struct co_setting_row *row, char *out, size_t size)
{
	switch (row->kind) {
	case CO_SETTING_TEXT:
		snprintf(out, size, "%s", form_allowed[row->form]);
		return;
	case CO_SETTING_INT:
		snprintf(out, size, "%" PRId64 " to %" PRId64 "%s%s", row->min, row->max, row->unit[0] ? " " : "", row->unit);
		return;
	case CO_SETTING_BOOL:
		snprintf(out, size, "true or false");
		return;
	case CO_SETTING_ENUM:
		choices_allowed(row->choices, out, size);
		return;
	}
}

static bool refuse(char *why, size_t size, const char *reason)
{
	snprintf(why, size, "%s", reason);
	return false;
}

/* `min`..`max` bytes out of `set`. */
static bool check_set(const char *value, const char *set, size_t min, size_t max, char *why, size_t size)
{
	size_t len = strlen(value);

	if (len < min)
		return refuse(why, size, "is too short");
	if (len > max)
		return refuse(why, size, "is too long");
	return value[strspn(value, set)] == '\0' || refuse(why, size, "has a character that is not allowed");
}

static bool check_patterns(const char *value, char *why, size_t size)
{
	char *copy = co_text_copy(value), *rest = copy, *one;
	bool good = co_view_is_utf8(co_view_cstr(value)) && !co_view_has_control(co_view_cstr(value));

	if (!good)
		refuse(why, size, "has control characters or is not UTF-8");
	while (good && (one = strsep(&rest, " ")) != NULL) {
		regex_t compiled;
		int code;
		if (*one == '\0')
			continue;
		if (!co_config_pattern_fits(one)) {
			snprintf(why, size, "has the expression \"%.60s\", which repeats too much", one);
			good = false;
			continue;
		}
		code = regcomp(&compiled, one, REG_EXTENDED | REG_NOSUB);
		if (code == 0) {
			regfree(&compiled);
			continue;
		}
		char message[80];
		regerror(code, &compiled, message, sizeof message);
		snprintf(why, size, "has the expression \"%.60s\", which does not compile (%s)", one, message);
		good = false;
	}
	free(copy);
	return good;
}

static bool check_path(const char *value, char *why, size_t size)
{
	struct stat found;

	if (value[0] == '\0')
		return true;
	if (stat(value, &found) || access(value, R_OK)) {
		snprintf(why, size, "cannot be read (%s)", strerror(errno));
		return false;
	}
	return S_ISREG(found.st_mode) || refuse(why, size, "is no file");
}

static bool check_address(enum co_text_form form, const char *value, char *why, size_t size)
{
	struct co_error error = {{0}, {0}};
	enum co_status status;

	if (form == CO_FORM_URL) {
		struct co_redis_url url;
		status = co_redis_url_parse(value, &url, &error);
		explicit_bzero(&url, sizeof url);
	} else {
		struct co_listen listen;
		if (value[0] == '\0')
			return true;
		status = co_listen_parse(value, &listen, &error);
	}
	return status == CO_OK || refuse(why, size, error.text);
}

static bool check_text(enum co_text_form form, const char *value, char *why, size_t size)
{
	switch (form) {
	case CO_FORM_NAME:
	case CO_FORM_INSTANCE:
		return check_set(value, LETTERS, 1, 100, why, size);
	case CO_FORM_PATTERNS:
		return check_patterns(value, why, size);
	case CO_FORM_LABEL:
		return co_view_is_utf8(co_view_cstr(value)) && co_view_is_plain(co_view_cstr(value), 1, 256)
				   ? true
				   : refuse(why, size, "is empty, too long, or has control characters");
	case CO_FORM_TOPIC_PREFIX:
		if (strncmp(value, "__", 2) == 0)
			return refuse(why, size, "begins like Kafka's internal topics");
		return check_set(value, LETTERS, 1, 200, why, size);
	case CO_FORM_KEY_PREFIX:
		return check_set(value, LETTERS ":", 1, 64, why, size);
	case CO_FORM_PATH:
		return check_path(value, why, size);
	case CO_FORM_LISTEN:
	case CO_FORM_URL:
		return check_address(form, value, why, size);
	}
	return false;
}

static bool parse_text(const struct co_setting_row *row, const char *value, char **out, char *why, size_t size)
{
	char host[101] = "";

	if (row->form == CO_FORM_INSTANCE && value[0] == '\0') {
		if (gethostname(host, sizeof host - 1))
			return refuse(why, size, "the host name cannot be had");
		value = host;
		if (!check_text(row->form, value, why, size))
			return refuse(why, size, "the host name will not do, so this has to be set");
	}
	if (!check_text(row->form, value, why, size))
		return false;
	*out = co_text_copy(value);
	return true;
}

static bool parse_int(const struct co_setting_row *row, const char *value, int64_t *out, char *why, size_t size)
{
	const char *digits = value + (*value == '-');
	long long number;

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		return refuse(why, size, "is no whole number");
	errno = 0;
	number = strtoll(value, NULL, 10);
	if (errno || number < row->min || number > row->max)
		return refuse(why, size, "is out of range");
	*out = number;
	return true;
}

static bool parse_bool(const char *value, bool *out, char *why, size_t size)
{
	bool is_true = strcmp(value, "true") == 0;

	if (!is_true && strcmp(value, "false") != 0)
		return refuse(why, size, "is neither true nor false");
	*out = is_true;
	return true;
}

static bool parse_enum(const char *choices, const char *value, int *out, char *why, size_t size)
{
	int position = 0;

	for (const char *at = choices; *at; position++) {
		size_t len = strcspn(at, "|");
		if (strlen(value) == len && memcmp(at, value, len) == 0) {
			*out = position;
			return true;
		}
		at += len + (at[len] == '|');
	}
	return refuse(why, size, "is none of the choices");
}

bool co_setting_parse(const struct co_setting_row *row, const char *value, struct co_config *out, char *why,
					  size_t why_size)
{
	void *field = (char *)out + row->offset;

	switch (row->kind) {
	case CO_SETTING_TEXT:
		return parse_text(row, value, field, why, why_size);
	case CO_SETTING_INT:
		return parse_int(row, value, field, why, why_size);
	case CO_SETTING_BOOL:
		return parse_bool(value, field, why, why_size);
	case CO_SETTING_ENUM:
		return parse_enum(row->choices, value, field, why, why_size);
	}
	return false;
}
