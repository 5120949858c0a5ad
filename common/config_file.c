/* The INI file, read by inih line by line, so that every mistake has its line. */
#include "config_internal.h"

#include "checkout/file.h"

#include <ini.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX (1UL << 20)
#define LINE_BYTES_MAX 65536 /* a certificate in one line fits */

/* What inih reads from. It asks for a line, then calls the handler when that line is key = value. */
struct source {
	struct co_draft *draft;
	const char *path;
	const char *next, *end;
	unsigned line;
	const char *current; /* the line in hand; NULL before the first */
	size_t current_len;
	bool taken;             /* the handler had the line in hand */
	char stray_origin[320]; /* of an unknown section none of whose keys came yet; "" when there is none */
	char stray[64];
};

char *co_file_read(const char *path, size_t bytes_max, size_t *len, char *why, size_t why_size)
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = -1;
	char *bytes;

	if (descriptor < 0) {
		snprintf(why, why_size, "cannot be read: %s", strerror(errno));
		return NULL;
	}
	bytes = co_resize(NULL, bytes_max + 2, 1);
	got = co_file_fill(descriptor, bytes, bytes_max + 1);
	if (got < 0)
		snprintf(why, why_size, "cannot be read: %s", strerror(errno));
	else if ((size_t)got > bytes_max)
		snprintf(why, why_size, "is longer than %zu bytes", bytes_max);
	else if (memchr(bytes, '\0', (size_t)got))
		snprintf(why, why_size, "holds a NUL byte");
	else {
		close(descriptor);
		bytes[got] = '\0';
		*len = (size_t)got;
		return bytes;
	}
	close(descriptor);
	explicit_bzero(bytes, bytes_max + 2);
	free(bytes);
	return NULL;
}

static void origin_of(const struct source *source, char *out, size_t size)
{
	snprintf(out, size, "%.280s:%u", source->path, source->line);
}

static void complain_line(struct source *source, const char *reason)
{
	char origin[320];

	origin_of(source, origin, sizeof origin);
	co_complain(source->draft, origin, NULL, "%s", reason);
}

/* A section that nobody knows is told by its keys, or by itself when it had none. */
static void flush_stray(struct source *source)
{
	if (source->stray_origin[0])
		co_complain(source->draft, source->stray, source->stray_origin,
					"no such section; allowed are kafka, worker, topics, redis, auth, admin, log");
	source->stray_origin[0] = '\0';
}

static void judge_section_line(struct source *source, const char *at, const char *end)
{
	const char *close = memchr(at, ']', (size_t)(end - at));

	if (!close) {
		complain_line(source, "the section has no `]`; allowed: [section]");
		return;
	}
	flush_stray(source);
	snprintf(source->stray, sizeof source->stray, "%.*s", (int)(close - at - 1 > 60 ? 60 : close - at - 1), at + 1);
	if (!co_is_section(source->stray))
		origin_of(source, source->stray_origin, sizeof source->stray_origin);
	for (close++; close < end; close++)
		if (!isspace((unsigned char)*close)) {
			complain_line(source, "more follows the section's `]`; comments stand on lines of their own");
			return;
		}
}

/* What inih made of the line in hand: nothing is right only for blanks, comments and sections. */
static void judge_line(struct source *source)
{
	const char *at = source->current;
	const char *end = at ? at + source->current_len : at;

	while (at < end && isspace((unsigned char)*at))
		at++;
	if (at == end || *at == '#' || *at == ';' || *at == '[' || source->taken)
		return;
	complain_line(source, "allowed: [section], key = value, or a comment");
}

/* inih's fgets. The line is a buffer of inih's own, which it gives back as it is: at the end of the file nothing of a
 * secret may stand in it any more. */
static char *next_line(char *line, int size, void *stream)
{
	struct source *source = stream;
	const char *newline, *at;
	size_t len;

	judge_line(source);
	source->taken = false;
	source->current = NULL;
	if (source->next == source->end) {
		explicit_bzero(line, (size_t)size);
		return NULL;
	}
	newline = memchr(source->next, '\n', (size_t)(source->end - source->next));
	len = (size_t)((newline ? newline : source->end) - source->next);
	at = source->next;
	source->next += len + (newline != NULL);
	source->line++;
	if (len + 2 > (size_t)size) {
		complain_line(source, "the line is too long; allowed are 65,000 bytes");
		len = 0;
	}
	source->current = at;
	source->current_len = len;
	memcpy(line, at, len);
	memcpy(line + len, "\n", 2);
	while (len > 0 && isspace((unsigned char)*at))
		at++, len--;
	if (len > 0 && *at == '[')
		judge_section_line(source, at, at + len);
	return line;
}

static int take_line(void *user, const char *section, const char *key, const char *value)
{
	struct source *source = user;
	char origin[320];

	source->taken = true;
	source->stray_origin[0] = '\0';
	origin_of(source, origin, sizeof origin);
	if (section[0] == '\0')
		co_complain(source->draft, key, origin, "stands before any section; allowed: below a [section]");
	else
		co_draft_take(source->draft, section, key, value, CO_RANK_FILE, origin);
	return 1;
}

void co_draft_read_file(struct co_draft *draft, const char *path)
{
	char why[200];
	size_t len;
	char *bytes = co_file_read(path, FILE_BYTES_MAX, &len, why, sizeof why);
	struct source source = {.draft = draft, .path = path};

	if (!bytes) {
		co_complain(draft, path, "--config", "%s; allowed: a readable INI file", why);
		return;
	}
	source.next = bytes + (len >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
	source.end = bytes + len;
	/* A value is all that stands behind the `=`: a password may hold ` ;`, and a line that begins with a blank goes on
	 * nothing. */
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_use_stack = false;
	ini_max_line = LINE_BYTES_MAX;
	ini_initial_alloc = LINE_BYTES_MAX;
	if (ini_parse_stream(next_line, &source, take_line, &source) == -2)
		co_complain(draft, path, "--config", "no memory to read it");
	flush_stray(&source);
	explicit_bzero(bytes, len);
	free(bytes);
}
