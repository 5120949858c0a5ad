/* Structured log lines to stderr: JSON with ECS field names, or text. Thread-safe, one write per line.
 * Owns its settings (process-wide). Never holds a payload, a credential or a SECRET setting: callers pass names,
 * numbers and reasons. */
#ifndef CHECKOUT_LOG_H
#define CHECKOUT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/bytes.h"

/* debug for us · info lifecycle · notice odd but handled · error needs somebody · bug we are wrong. */
enum co_log_level { CO_LOG_DEBUG, CO_LOG_INFO, CO_LOG_NOTICE, CO_LOG_ERROR, CO_LOG_BUG };
enum co_log_format { CO_LOG_JSON, CO_LOG_TEXT };

struct co_log_field {
	const char *key; /* an ECS name or checkout.*; NULL ends the list */
	enum { CO_FIELD_TEXT, CO_FIELD_INT } kind;
	struct co_view text;
	int64_t integer;
};
#define CO_TEXT(k, v) ((struct co_log_field){.key = (k), .kind = CO_FIELD_TEXT, .text = co_view_cstr(v)})
#define CO_BYTES(k, v) ((struct co_log_field){.key = (k), .kind = CO_FIELD_TEXT, .text = (v)})
#define CO_INT(k, v) ((struct co_log_field){.key = (k), .kind = CO_FIELD_INT, .integer = (int64_t)(v)})

void co_log_setup(enum co_log_level level, enum co_log_format format);
/* service.name and service.node.name of all lines (cut to 63 bytes; NULL or "" leaves one out). Before any thread logs.
 * service.name is the program's name until then. */
void co_log_setup_names(const char *service, const char *node);
/* Of one event no more than `lines` are written in `interval_ms`, but for those of level bug and debug; the next one
 * after that says in checkout.log.suppressed how many were left out, and checkout_log_suppressed_total counts them. 0:
 * no limit, as before the call. Before any thread logs. */
void co_log_setup_limit(unsigned lines, int64_t interval_ms);
bool co_log_level_find(struct co_view name, enum co_log_level *out);
bool co_log_enabled(enum co_log_level level);
/* `event`: a stable dotted name ("lane.recovered"); `message`: a sentence. Controls and quotes in any text are escaped
 * and invalid UTF-8 is replaced, so a line stays a line. A line is at most CO_LOG_LINE_MAX bytes, so that a pipe takes
 * it whole: texts over 1,000 bytes are cut (they end in "…"), and fields for which there is no room are left out, which
 * `checkout.log.cut` then says. Keeps errno. */
#define CO_LOG_LINE_MAX 4096
void co_log_write(enum co_log_level level, const char *event, const char *message, const struct co_log_field *fields);

#define co_log(level, event, message, ...)                                                                        \
	do {                                                                                                          \
		if (co_log_enabled(level))                                                                                \
			co_log_write((level), (event), (message), (const struct co_log_field[]){__VA_ARGS__, {.key = NULL}}); \
	} while (0)

/* True at most once per `interval_ms` for each `gate` (a static of the caller, zero at first): for lines that a fault
 * would repeat. */
struct co_log_gate {
	int64_t last_ms;
};
bool co_log_gate_open(struct co_log_gate *gate, int64_t interval_ms);

#endif
