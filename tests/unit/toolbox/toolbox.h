/* What the toolbox tests share: loading a configuration out of texts, and catching what goes to stderr.
 * Owns the temporary files it makes. Never leaves one behind. */
#ifndef CO_TEST_TOOLBOX_H
#define CO_TEST_TOOLBOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "checkout/config.h"

#define BOOTSTRAP "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:9092"
#define NONE ((const char *const[]){NULL})
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

struct loaded {
	enum co_status status;
	struct co_config config;
	char *complaints;
};

/* A temporary file with these bytes; `path` has room for 64. */
static inline void file_make(char *path, const void *bytes, size_t len)
{
	int descriptor;

	snprintf(path, 64, "/tmp/toolbox-test-XXXXXX");
	descriptor = mkstemp(path);
	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, bytes, len), len);
	close(descriptor);
}

static inline struct loaded load_path(const char *path, const char *const *environment, const char *const *overrides)
{
	struct loaded loaded = {.complaints = NULL};
	struct co_override list[16];
	size_t count = 0, len = 0;
	FILE *complaints = open_memstream(&loaded.complaints, &len);

	assert_non_null(complaints);
	for (; overrides[count]; count++) {
		assert_true(count < 16);
		list[count].text = overrides[count];
	}
	loaded.status =
		co_config_load(&loaded.config, path, (char *const *)(uintptr_t)environment, list, count, complaints);
	fclose(complaints);
	return loaded;
}

/* `file` NULL: without one. */
static inline struct loaded load(const char *file, const char *const *environment, const char *const *overrides)
{
	char path[64];
	struct loaded loaded;

	if (!file)
		return load_path(NULL, environment, overrides);
	file_make(path, file, strlen(file));
	loaded = load_path(path, environment, overrides);
	unlink(path);
	return loaded;
}

static inline void loaded_clear(struct loaded *loaded)
{
	co_config_clear(&loaded->config);
	free(loaded->complaints);
}

static inline size_t count_lines(const char *text)
{
	size_t lines = 0;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

/* Says what was there when `part` is missing. */
static inline void assert_contains(const char *whole, const char *part)
{
	if (!strstr(whole, part))
		fail_msg("\"%s\" is not in: %s", part, whole);
}

static inline void assert_lacks(const char *whole, const char *part)
{
	if (strstr(whole, part))
		fail_msg("\"%s\" is in: %s", part, whole);
}

/* Refused with exactly one complaint, in which all parts (up to a NULL) stand. */
static inline void assert_refused(struct loaded loaded, const char *const *parts)
{
	assert_int_equal(loaded.status, CO_CONFIG);
	for (; *parts; parts++)
		assert_contains(loaded.complaints, *parts);
	if (count_lines(loaded.complaints) != 1)
		fail_msg("not one line: %s", loaded.complaints);
	assert_null(loaded.config.kafka);
	loaded_clear(&loaded);
}

static inline void assert_taken(const struct loaded *loaded)
{
	if (loaded->status != CO_OK)
		fail_msg("refused: %s", loaded->complaints);
	assert_string_equal(loaded->complaints, "");
}

#endif
