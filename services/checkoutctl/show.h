/* Records for people: aligned, coloured on a terminal; and one JSON object a line for programs.
 * Owns nothing; prints nothing that is not in the record. Control characters of a record never reach the terminal. */
#ifndef CHECKOUTCTL_SHOW_H
#define CHECKOUTCTL_SHOW_H

#include "client.h"

#include <jansson.h>

enum ctl_paint { CTL_PLAIN, CTL_GOOD, CTL_BAD, CTL_FAINT, CTL_BOLD, CTL_COLOURS };
/* The escape sequence, or "" when the world has no colour. */
const char *ctl_paint(const struct ctl_world *world, enum ctl_paint paint);

/* Bytes from outside, fit for a terminal: control characters, and bytes that are no UTF-8, as \xNN. */
void ctl_show_text(struct co_view text, FILE *out);

/* The value as JSON, NULL when it is none; the caller's to release. */
json_t *ctl_show_value(const rd_kafka_message_t *message);
/* A member by its dotted path as text: strings as they are, numbers in digits, all else `fallback`. The result lives as
 * long as the tree; numbers in `scratch`. */
const char *ctl_show_member(const json_t *tree, const char *path, char scratch[32], const char *fallback);

/* Accepted or rejected, by header checkout-status. */
bool ctl_show_is_accepted(const rd_kafka_message_t *reply);
/* `201 accepted  create  open/requires_payment_method v1`, or `410 rejected  get  9300106 SESSION_…: Session has …`. */
void ctl_show_verdict(const struct ctl_world *world, const rd_kafka_message_t *reply, FILE *out);
/* The verdict, the headers that matter, where it lies, the body indented. */
void ctl_show_reply(const struct ctl_world *world, const rd_kafka_message_t *reply, FILE *out);
/* One line for any record of the service's topics; `topic` is the name behind the prefix. */
void ctl_show_line(const struct ctl_world *world, const char *topic, const rd_kafka_message_t *message, FILE *out);
/* One line of JSON: topic, partition, offset, timestamp, key, headers, value. */
void ctl_show_json(const rd_kafka_message_t *message, FILE *out);

#endif
