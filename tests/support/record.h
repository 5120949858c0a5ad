/* Records kept in memory, wherever they came from: a real broker or the model of one. Owns its bytes. */
#ifndef CO_TK_RECORD_H
#define CO_TK_RECORD_H

#include <jansson.h>
#include <stdbool.h>

#include "checkout/ports/log.h"

struct co_tk_record {
	struct co_view topic;
	struct co_record r; /* views into memory of the log */
};

struct co_tk_log {
	size_t count, cap;
	struct co_tk_record **records; /* each stays where it is */
};

/* A copy of it all. */
void co_tk_log_add(struct co_tk_log *log, struct co_view topic, const struct co_record *record);
void co_tk_log_clear(struct co_tk_log *log);

/* The last header of that name, ASCII case ignored; absent view when there is none or it is null. */
struct co_view co_tk_header(const struct co_record *record, const char *name);
bool co_tk_header_is(const struct co_record *record, const char *name, const char *value);
/* Decimal text; -1 when it is none. */
int64_t co_tk_header_int(const struct co_record *record, const char *name);

bool co_tk_same(struct co_view a, struct co_view b); /* bytes; absent only equals absent */
bool co_tk_is(struct co_view a, const char *text);
/* The value as JSON (any duplicate member refused); NULL when it is not JSON. Reference is the caller's. */
json_t *co_tk_json(struct co_view text);
/* The node at a path with dots ("session.payment.status"); NULL when there is none. Borrowed. */
json_t *co_tk_at(const json_t *root, const char *path);
/* The text at a path; "" when it is no string. */
const char *co_tk_text_at(const json_t *root, const char *path);
/* First difference between two values as "path: expected …, got …"; NULL when equal. free() it. */
char *co_tk_json_difference(const json_t *expected, const json_t *got);
/* A value as compact text (sorted is false). free() it. */
char *co_tk_json_text(const json_t *value);
/* Bytes for people: printable as they are, others as \xNN; at most 300 of them. free() it. */
char *co_tk_show(struct co_view bytes);
/* Standard base64, padding required; false when it is none. */
bool co_tk_base64(const char *text, char **bytes, size_t *length);

/* A partition as librdkafka and the Java client choose it: murmur2 of the key. Written apart from the product's own. */
int32_t co_tk_murmur2_partition(struct co_view key, int32_t count);

#endif
