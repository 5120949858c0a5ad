#include "checkout/log.h"

#include "checkout/instant.h"
#include "checkout/metrics.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TEXT_MAX 1000 /* bytes of one text as it is written */
#define TAIL_MAX 40   /* what a line needs at its end: `,"checkout.log.cut":true}` and the line end */
#define NAME_BYTES 64 /* service names with their NUL */
#define CUT_MARK "…"  /* at the end of a text that was cut */

static _Atomic int log_level = CO_LOG_INFO;
static _Atomic int log_format = CO_LOG_JSON;
static char service_name[NAME_BYTES];
static char node_name[NAME_BYTES];

static const char *const level_names[] = {"debug", "info", "notice", "error", "bug"};

/* A line in the making. `full` once something found no room; what is there stays whole. */
struct line {
	size_t len;
	bool full;
	enum co_log_format format;
	char bytes[CO_LOG_LINE_MAX];
};

void co_log_setup(enum co_log_level level, enum co_log_format format)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
	atomic_store_explicit(&log_format, (int)format, memory_order_relaxed);
}

void co_log_setup_names(const char *service, const char *node)
{
	snprintf(service_name, sizeof service_name, "%s", service ? service : "");
	snprintf(node_name, sizeof node_name, "%s", node ? node : "");
}

bool co_log_level_find(struct co_view name, enum co_log_level *out)
{
	for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
		if (strlen(level_names[i]) == name.len && memcmp(level_names[i], name.ptr, name.len) == 0) {
			*out = (enum co_log_level)i;
			return true;
		}
	return false;
}

bool co_log_enabled(enum co_log_level level)
{
	return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed);
}

static void put(struct line *line, const char *bytes, size_t len)
{
	if (line->full || len > sizeof line->bytes - TAIL_MAX - line->len) {
		line->full = true;
		return;
	}
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
}

static void put_cstr(struct line *line, const char *text)
{
	put(line, text, strlen(text));
}

/* Length of the code point at the start of `text`, with its number; 0 when the bytes are no UTF-8 (overlong forms and
 * surrogates are none). */
static size_t decode(const unsigned char *text, size_t len, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	size_t size;

	if (text[0] < 0x80) {
		*out = text[0];
		return 1;
	}
	if (text[0] < 0xC2 || text[0] > 0xF4)
		return 0;
	size = text[0] < 0xE0 ? 2 : text[0] < 0xF0 ? 3 : 4;
	if (size > len)
		return 0;
	*out = text[0] & (0x7FU >> size);
	for (size_t i = 1; i < size; i++) {
		if ((text[i] & 0xC0) != 0x80)
			return 0;
		*out = *out << 6 | (text[i] & 0x3FU);
	}
	return *out < least[size] || *out > 0x10FFFF || (*out >= 0xD800 && *out <= 0xDFFF) ? 0 : size;
}

/* What would break a line, a terminal or a JSON string: controls (C0, DEL, C1), line and paragraph separators, quotes
 * and backslashes, and the marks that turn the direction of writing. */
static bool must_escape(uint32_t point)
{
	return point < 0x20 || (point >= 0x7F && point <= 0x9F) || point == '"' || point == '\\' || point == 0x2028 ||
		   point == 0x2029 || (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

/* One code point as it stands in a line; returns its length in `out`. */
static size_t escape(uint32_t point, const unsigned char *raw, size_t raw_len, char out[8])
{
	if (!must_escape(point)) {
		memcpy(out, raw, raw_len);
		return raw_len;
	}
	out[0] = '\\';
	switch (point) {
	case '"':
	case '\\':
		out[1] = (char)point;
		return 2;
	case '\n':
		out[1] = 'n';
		return 2;
	case '\t':
		out[1] = 't';
		return 2;
	case '\r':
		out[1] = 'r';
		return 2;
	default:
		snprintf(out + 1, 7, "u%04x", (unsigned)(point & 0xFFFF));
		return 6;
	}
}

/* The text, escaped and valid UTF-8, at most TEXT_MAX bytes of it. */
static void put_escaped(struct line *line, struct co_view text)
{
	const unsigned char *at = (const unsigned char *)(text.ptr ? text.ptr : "");
	const unsigned char *end = at + (text.ptr ? text.len : 0);
	size_t written = 0;

	while (at < end && !line->full) {
		static const unsigned char replacement[] = "\xEF\xBF\xBD";
		uint32_t point = 0;
		size_t size = decode(at, (size_t)(end - at), &point);
		char out[8];
		size_t out_len = size ? escape(point, at, size, out) : escape(0xFFFD, replacement, 3, out);
		if (written + out_len > TEXT_MAX) {
			put_cstr(line, CUT_MARK);
			return;
		}
		put(line, out, out_len);
		written += out_len;
		at += size ? size : 1;
	}
}

static bool is_bare(struct co_view text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		if (byte <= ' ' || byte >= 0x7F || byte == '"' || byte == '\\' || byte == '=')
			return false;
	}
	return text.len > 0;
}

/* One member or key=value; all of it or nothing. */
static void put_field(struct line *line, const struct co_log_field *field)
{
	size_t start = line->len;
	bool json = line->format == CO_LOG_JSON;
	char number[24];

	put_cstr(line, json ? ",\"" : " ");
	put_escaped(line, co_view_make(field->key, strlen(field->key)));
	put_cstr(line, json ? "\":" : "=");
	if (field->kind == CO_FIELD_INT) {
		snprintf(number, sizeof number, "%" PRId64, field->integer);
		put_cstr(line, number);
	} else if (json && !field->text.ptr) {
		put_cstr(line, "null");
	} else if (!json && is_bare(field->text)) {
		put_escaped(line, field->text);
	} else {
		put_cstr(line, "\"");
		put_escaped(line, field->text);
		put_cstr(line, "\"");
	}
	if (line->full)
		line->len = start;
}

static void put_head(struct line *line, enum co_log_level level, const char *event, const char *message)
{
	struct timespec now;
	char stamp[CO_INSTANT_TEXT + 1];
	const char *service = service_name[0] ? service_name : program_invocation_short_name;
	const struct co_log_field names[] = {
		CO_TEXT("service.name", service),
		CO_TEXT("service.node.name", node_name),
		CO_TEXT("event.action", event),
		CO_INT("process.pid", getpid()),
		CO_INT("process.thread.id", syscall(SYS_gettid)),
	};

	clock_gettime(CLOCK_REALTIME, &now);
	co_instant_format((int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, stamp);
	if (line->format == CO_LOG_TEXT) {
		put_cstr(line, stamp);
		put_cstr(line, " ");
		put_cstr(line, level_names[level]);
		put_cstr(line, " ");
		put_escaped(line, co_view_make(event, strlen(event)));
		put_cstr(line, ": ");
		put_escaped(line, co_view_make(message, strlen(message)));
		return;
	}
	/* The ECS logging format wants these three first and in this order. */
	put_cstr(line, "{\"@timestamp\":\"");
	put_cstr(line, stamp);
	put_cstr(line, "\",\"log.level\":\"");
	put_cstr(line, level_names[level]);
	put_cstr(line, "\",\"message\":\"");
	put_escaped(line, co_view_make(message, strlen(message)));
	put_cstr(line, "\",\"ecs.version\":\"8.11.0\"");
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].kind == CO_FIELD_INT || names[i].text.len)
			put_field(line, &names[i]);
}

/* --- the limit ---------------------------------------------------------------------------------------------------- */

#define LIMITED_EVENTS_MAX 128 /* there are far fewer; one that finds no room has no limit */
#define EVENT_BYTES 48

static unsigned limit_lines;
static int64_t limit_interval_ms;
static pthread_mutex_t limit_guard = PTHREAD_MUTEX_INITIALIZER;
static struct limited {
	char event[EVENT_BYTES];
	int64_t since_ms;
	unsigned written;
	uint64_t suppressed;
} limited[LIMITED_EVENTS_MAX];

void co_log_setup_limit(unsigned lines, int64_t interval_ms)
{
	limit_lines = lines;
	limit_interval_ms = interval_ms;
	memset(limited, 0, sizeof limited);
}

static int64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct limited *limited_find(const char *event)
{
	for (size_t i = 0; i < LIMITED_EVENTS_MAX; i++) {
		if (!limited[i].event[0])
			snprintf(limited[i].event, sizeof limited[i].event, "%s", event);
		if (strncmp(limited[i].event, event, EVENT_BYTES - 1) == 0)
			return &limited[i];
	}
	return NULL;
}

/* Whether the line is written; *suppressed: how many of its event were not, since the last one that was. */
static bool within_limit(enum co_log_level level, const char *event, uint64_t *suppressed)
{
	struct limited *found;
	bool within = true;

	*suppressed = 0;
	if (limit_lines == 0 || level == CO_LOG_DEBUG || level == CO_LOG_BUG || !event[0])
		return true;
	pthread_mutex_lock(&limit_guard);
	found = limited_find(event);
	if (found) {
		int64_t now_ms = monotonic_ms();
		if (found->written == 0 || now_ms - found->since_ms >= limit_interval_ms) {
			found->since_ms = now_ms;
			found->written = 0;
		}
		within = found->written < limit_lines;
		if (within) {
			found->written++;
			*suppressed = found->suppressed;
			found->suppressed = 0;
		} else {
			found->suppressed++;
		}
	}
	pthread_mutex_unlock(&limit_guard);
	if (!within)
		co_metric_add(CO_METRIC_LOG_SUPPRESSED, 0, 0, 1);
	return within;
}

void co_log_write(enum co_log_level level, const char *event, const char *message, const struct co_log_field *fields)
{
	int saved_errno = errno;
	struct line line;
	bool cut = false;
	const char *tail;
	uint64_t suppressed;

	if (!within_limit(level, event ? event : "", &suppressed)) {
		errno = saved_errno;
		return;
	}
	line.len = 0;
	line.full = false;
	line.format = (enum co_log_format)atomic_load_explicit(&log_format, memory_order_relaxed);
	put_head(&line, level, event ? event : "", message ? message : "");
	if (suppressed)
		put_field(&line, &CO_INT("checkout.log.suppressed", suppressed));
	for (; fields && fields->key; fields++) {
		put_field(&line, fields);
		cut = cut || line.full;
		line.full = false;
	}
	if (line.format == CO_LOG_JSON)
		tail = cut ? ",\"checkout.log.cut\":true}\n" : "}\n";
	else
		tail = cut ? " checkout.log.cut=true\n" : "\n";
	memcpy(line.bytes + line.len, tail, strlen(tail));
	line.len += strlen(tail);
	/* Where a line cannot be written there is nobody to tell. */
	while (write(STDERR_FILENO, line.bytes, line.len) < 0 && errno == EINTR)
		;
	errno = saved_errno;
}

bool co_log_gate_open(struct co_log_gate *gate, int64_t interval_ms)
{
	struct timespec now;
	int64_t last = __atomic_load_n(&gate->last_ms, __ATOMIC_RELAXED);
	int64_t now_ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	/* Never 0: that says "not yet". */
	now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 1;
	if (last != 0 && now_ms - last < interval_ms)
		return false;
	return __atomic_compare_exchange_n(&gate->last_ms, &last, now_ms, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}
