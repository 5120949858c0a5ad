/* The reader's position, shared by the three files that make up the JSON reader: json.c (values and containers),
 * json_string.c and json_number.c. Owns nothing. Private to common/. */
#ifndef CO_COMMON_JSON_READ_H
#define CO_COMMON_JSON_READ_H

#include "checkout/json.h"

struct co_json_frame;

struct co_json_reader {
	const char *start, *at, *end;
	struct co_arena *arena;
	struct co_error *error;
	struct co_json_frame *open;  /* the innermost open container; NULL at the root */
	struct co_json_frame *spare; /* the outermost frame, once there is one */
	unsigned depth, depth_max;
	struct co_json *nodes; /* still unused */
	size_t node_count;
};

/* Tells the reason with its place; always false. */
bool co_json_fail(struct co_json_reader *reader, const char *at, const char *reason);
/* From the opening quote to behind the closing one. *out is a view into the text, or decoded in the arena when there
 * are escapes. False when it was told. */
bool co_json_read_string(struct co_json_reader *reader, struct co_view *out);
/* From the sign or first digit to behind the last one; fills type and integer or real. False when it was told. */
bool co_json_read_number(struct co_json_reader *reader, struct co_json *node);

#endif
