/* The configuration: one table (tbl/settings.def) that is struct, defaults, ranges, environment names, --print-config
 * and docs. Contract section 9. Owns its strings; filled once at start, read-only after. */
#ifndef CHECKOUT_CONFIG_H
#define CHECKOUT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "checkout/error.h"
#include "checkout/status.h"

/* A librdkafka property of [kafka], passed through. */
struct co_property {
	char *name, *value;
	bool secret;
	char *origin; /* where the value came from, as in the complaints; NULL when built by hand */
};

/* The settings by number. */
enum co_setting {
#define CO_SET_TEXT(field, section, key, fallback, form, sentence) CO_SETTING_##field,
#define CO_SET_INT(field, section, key, fallback, min, max, unit, sentence) CO_SETTING_##field,
#define CO_SET_BOOL(field, section, key, fallback, sentence) CO_SETTING_##field,
#define CO_SET_ENUM(field, section, key, fallback, choices, sentence) CO_SETTING_##field,
#include "checkout/tbl/settings.def"
#undef CO_SET_TEXT
#undef CO_SET_INT
#undef CO_SET_BOOL
#undef CO_SET_ENUM
	CO_SETTING_COUNT
};

struct co_config {
#define CO_SET_TEXT(field, section, key, fallback, form, sentence) char *field;
#define CO_SET_INT(field, section, key, fallback, min, max, unit, sentence) int64_t field;
#define CO_SET_BOOL(field, section, key, fallback, sentence) bool field;
#define CO_SET_ENUM(field, section, key, fallback, choices, sentence) int field;
#include "checkout/tbl/settings.def"
#undef CO_SET_TEXT
#undef CO_SET_INT
#undef CO_SET_BOOL
#undef CO_SET_ENUM
	size_t kafka_count;
	struct co_property *kafka;      /* bootstrap.servers among them */
	char *origin[CO_SETTING_COUNT]; /* where each value came from, as in the complaints; NULL when built by hand */
};

enum co_auth_mode { CO_AUTH_NONE, CO_AUTH_API_KEY, CO_AUTH_JWT };
enum co_timestamps { CO_TIMESTAMPS_APPEND, CO_TIMESTAMPS_STREAM };

/* One `-X section.key=value`. */
struct co_override {
	const char *text;
};

/* Reads file (NULL: none), environment and overrides in their precedence: overrides (the last of a key wins), then the
 * environment, then the file, then the default. Names are judged wherever they stand; of values, only the one that
 * counts. A key that stands twice in the file, or that the environment gives both as itself and as _FILE, is a mistake.
 * CO_OK, or CO_CONFIG after one line per mistake on `complaints`: `key (source): what is wrong and what is allowed`.
 * No line shows a secret. On CO_CONFIG *out is cleared. Paths are relative to the working directory. An empty
 * worker.instance becomes the host name. */
enum co_status co_config_load(struct co_config *out, const char *file, char *const *environment,
							  const struct co_override *overrides, size_t override_count, FILE *complaints) CO_MUST_USE;
/* A complaint in the words of co_config_load about a setting that only showed its fault later (a merchant registry that
 * does not parse, an address that is taken): `key (source): reason`. */
void co_config_complain(const struct co_config *config, enum co_setting setting, const char *reason, FILE *complaints);
/* The complaint about a [kafka] property that librdkafka does not take, in the words of co_config_load. */
void co_config_complain_kafka(const struct co_config *config, const char *property, const char *reason,
							  FILE *complaints);
/* As an INI file with the source of each value in a comment above it; secrets as ***, of redis.url the password alone.
 */
void co_config_print(const struct co_config *config, FILE *out);
/* docs/CONFIGURATION.md, and config/session-worker.example.conf. */
void co_config_describe(FILE *out);
void co_config_example(FILE *out);
/* Wipes secrets, frees all. */
void co_config_clear(struct co_config *config);
/* The value of a [kafka] property; NULL when it was not given. */
const char *co_config_kafka(const struct co_config *config, const char *name);

/* redis.url taken apart. Holds a password: wipe it (explicit_bzero) after use. */
struct co_redis_url {
	char path[108]; /* of a Unix socket; "" for TCP */
	char host[256]; /* no brackets around an IPv6 address; "" for a Unix socket */
	uint16_t port;
	uint16_t database;
	char user[256];     /* "" for the default user; percent escapes undone, as in the password */
	char password[512]; /* "" for none */
};
/* redis://[user:password@]host[:port][/db] (6379 and 0 when left out; the user may be empty) or unix:///path. CO_CONFIG
 * with a reason in `error` (may be NULL) that holds nothing of the URL; *out is then all zero. */
enum co_status co_redis_url_parse(const char *url, struct co_redis_url *out, struct co_error *error) CO_MUST_USE;

/* admin.listen taken apart. */
struct co_listen {
	char host[256]; /* no brackets around an IPv6 address */
	uint16_t port;  /* 0: any free one */
};
/* host:port, an IPv6 address in brackets. CO_CONFIG with a reason; *out is then all zero. */
enum co_status co_listen_parse(const char *listen, struct co_listen *out, struct co_error *error) CO_MUST_USE;

#endif
