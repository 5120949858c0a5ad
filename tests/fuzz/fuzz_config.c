/* Fuzzes the reading of the configuration. Of the input's lines, those that begin with `-X ` are overrides, those that
 * begin with `CHECKOUT_` the environment, all others the INI file. Holds: what is refused says why, in printable lines,
 * and leaves nothing behind; what is accepted says nothing, has its texts, and prints. */
#include "checkout/config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define LINES_MAX 64
#define INPUT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition)
{
	if (!condition)
		abort();
}

struct sources {
	char path[64]; /* of the file in memory */
	int file;
	size_t environment_count, override_count;
	char *environment[LINES_MAX + 1];
	char *words[LINES_MAX]; /* of the overrides */
	struct co_override overrides[LINES_MAX];
};

static char *format(const char *head, size_t head_len, const char *tail)
{
	char *text = NULL;

	hold(asprintf(&text, "%.*s%s", (int)head_len, head, tail) >= 0);
	return text;
}

/* A setting that names a file names the one in memory: no other file of the machine is read. */
static char *variable(const char *line, size_t len, const char *path)
{
	const char *equals = memchr(line, '=', len);
	size_t name = equals ? (size_t)(equals - line) : len;

	if (name > 5 && memcmp(line + name - 5, "_FILE", 5) == 0) {
		char value[80];
		snprintf(value, sizeof(value), "=%s", path);
		return format(line, name, value);
	}
	return format(line, len, "");
}

static void take_line(struct sources *sources, const char *line, size_t len)
{
	bool nul = memchr(line, 0, len) != NULL;

	if (!nul && len > 9 && memcmp(line, "CHECKOUT_", 9) == 0 && sources->environment_count < LINES_MAX) {
		sources->environment[sources->environment_count++] = variable(line, len, sources->path);
	} else if (!nul && len > 3 && memcmp(line, "-X ", 3) == 0 && sources->override_count < LINES_MAX) {
		sources->words[sources->override_count] = format(line + 3, len - 3, "");
		sources->overrides[sources->override_count].text = sources->words[sources->override_count];
		sources->override_count++;
	} else {
		hold(write(sources->file, line, len) == (ssize_t)len);
	}
}

static void take_input(struct sources *sources, const char *at, size_t size)
{
	const char *end = at + size;

	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		take_line(sources, at, stop ? (size_t)(stop - at) : (size_t)(end - at));
		if (stop)
			hold(write(sources->file, "\n", 1) == 1);
		at = stop ? stop + 1 : end;
	}
}

static void hold_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hold(text[i] == '\n' || (unsigned char)text[i] >= 0x20);
	hold(len == 0 || text[len - 1] == '\n');
}

static void hold_taken(struct co_config *config)
{
	char *printed = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&printed, &len);

	hold(to && config->instance && config->instance[0] && config->redis_url && config->lanes >= 1);
	hold(co_config_kafka(config, "bootstrap.servers"));
	co_config_print(config, to);
	hold(fclose(to) == 0 && len > 0);
	free(printed);
	co_config_clear(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sources sources = {.file = memfd_create("fuzz", MFD_CLOEXEC)};
	struct co_config config;
	char *complaints = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&complaints, &len);

	hold(sources.file >= 0 && to);
	snprintf(sources.path, sizeof(sources.path), "/proc/self/fd/%d", sources.file);
	take_input(&sources, (const char *)data, size < INPUT_MAX ? size : INPUT_MAX);
	enum co_status status =
		co_config_load(&config, sources.path, sources.environment, sources.overrides, sources.override_count, to);
	hold(fclose(to) == 0);
	hold_printable(complaints, len);
	hold(status == CO_OK ? len == 0 : status == CO_CONFIG && len > 0);
	if (status == CO_OK)
		hold_taken(&config);
	else
		hold(!config.instance && !config.redis_url && !config.prefix && !config.kafka && config.kafka_count == 0);
	for (size_t i = 0; i < sources.environment_count; i++)
		free(sources.environment[i]);
	for (size_t i = 0; i < sources.override_count; i++)
		free(sources.words[i]);
	free(complaints);
	close(sources.file);
	return 0;
}
