/* What the files of the configuration share: the rows of tbl/settings.def, the draft that the sources fill, and the
 * rules for [kafka]. Never included outside of common/config*.c. */
#ifndef CO_CONFIG_INTERNAL_H
#define CO_CONFIG_INTERNAL_H

#include "checkout/config.h"

enum co_setting_kind { CO_SETTING_TEXT, CO_SETTING_INT, CO_SETTING_BOOL, CO_SETTING_ENUM };
enum co_text_form {
	CO_FORM_NAME,
	CO_FORM_INSTANCE,
	CO_FORM_PATTERNS,
	CO_FORM_LABEL,
	CO_FORM_TOPIC_PREFIX,
	CO_FORM_KEY_PREFIX,
	CO_FORM_LISTEN,
	CO_FORM_PATH,
	CO_FORM_URL
};

struct co_setting_row {
	const char *section, *key;
	const char *fallback; /* as it would stand in a file */
	const char *choices;  /* ENUM: a|b|c */
	const char *unit, *sentence;
	enum co_setting_kind kind;
	enum co_text_form form;
	int64_t min, max;
	size_t offset; /* of its field in struct co_config */
};
extern const struct co_setting_row co_setting_rows[CO_SETTING_COUNT];

#define CO_NAME_BYTES 128 /* room for section.key, or for an environment name */

/* section.key */
void co_setting_name(const struct co_setting_row *row, char out[CO_NAME_BYTES]);
/* CHECKOUT_SECTION_KEY */
void co_setting_environment_name(const struct co_setting_row *row, char out[CO_NAME_BYTES]);
/* Its value is a secret, in whole or in part: never shown, and _FILE is understood. */
bool co_setting_is_secret(const struct co_setting_row *row);
/* What is allowed, for people. */
void co_setting_allowed(const struct co_setting_row *row, char *out, size_t size);

/* ---- sources (config.c, config_file.c, config_environment.c) ---- */

/* Where a value came from, lowest precedence first. */
enum co_rank { CO_RANK_NONE, CO_RANK_FILE, CO_RANK_ENVIRONMENT, CO_RANK_OVERRIDE };

struct co_given {
	char *name; /* of a [kafka] property; NULL for a setting */
	char *value, *origin;
	enum co_rank rank;
};
struct co_draft {
	struct co_given set[CO_SETTING_COUNT];
	struct co_given *kafka;
	size_t kafka_count;
	FILE *complaints;
	size_t mistakes;
};

/* One complaint line, `what (origin): text`; `origin` NULL leaves the parentheses out. Controls become `?`. */
void co_complain(struct co_draft *draft, const char *what, const char *origin, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* A value for section.key from a source; the draft copies all. Complains of unknown names and of a second value of the
 * same rank. */
void co_draft_take(struct co_draft *draft, const char *section, const char *key, const char *value, enum co_rank rank,
				   const char *origin);
void co_draft_read_file(struct co_draft *draft, const char *path);
void co_draft_read_environment(struct co_draft *draft, char *const *environment);
/* The whole file, at most `bytes_max`, with a NUL behind it. NULL with a reason. The caller wipes and frees. */
char *co_file_read(const char *path, size_t bytes_max, size_t *len, char *why, size_t why_size);

bool co_is_section(const char *section);
/* The known section.key (or environment name) that looks most like `name`. */
void co_nearest_name(const char *name, char out[CO_NAME_BYTES]);
void co_nearest_environment_name(const char *name, char out[CO_NAME_BYTES]);

/* ---- values (config_check.c, config_pattern.c) ---- */

/* Whether a POSIX extended regular expression may be handed to regcomp(): groups lie 16 deep at most, repetitions
 * two around each other and none right behind another, and written out it has 1,000 pieces at most. Whether it is an
 * expression at all, regcomp() says. */
bool co_config_pattern_fits(const char *pattern);

/* Puts the value into its field (texts as a copy). False with the reason in `why` and the field unchanged. `why` shows
 * nothing of the value. */
bool co_setting_parse(const struct co_setting_row *row, const char *value, struct co_config *out, char *why,
					  size_t why_size);

/* ---- [kafka] (config_kafka.c) ---- */

/* Why the property may not be set; NULL when it may. *for_delivery: the delivery guarantees depend on it. */
const char *co_kafka_guard(const char *property, bool *for_delivery);
bool co_kafka_is_secret(const char *property);
/* Lower-case letters, digits, dots and underscores. */
bool co_kafka_is_name(const char *property);
/* SASL_PASSWORD → sasl.password. False when it does not fit or is no name. */
bool co_kafka_from_environment(const char *rest, char out[CO_NAME_BYTES]);
/* Rows for the documentation. */
void co_kafka_describe(FILE *out);

/* ---- heap ---- */

/* These end the process when there is no memory. */
char *co_text_copy(const char *text);
void *co_resize(void *block, size_t count, size_t size);
/* Wipes and frees; NULL is fine. */
void co_text_wipe(char *text);

#endif
