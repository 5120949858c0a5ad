/* What the program says of itself: docs/ is printed from here and compared in CI. */
#ifndef CHECKOUT_DESCRIBE_H
#define CHECKOUT_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

/* `topic`: config, example, errors, metrics or states. False: no such topic, nothing written. */
bool co_describe(const char *topic, FILE *out);
/* --list-errors: one line per code and per rule; the same as JSON. */
void co_describe_errors_list(FILE *out);
void co_describe_errors_json(FILE *out);

#endif
