/* The two reference pages that are printed from the trade's own tables: docs/ERRORS.md and docs/STATES.md. */
#ifndef CHECKOUT_DESCRIBE_TABLES_H
#define CHECKOUT_DESCRIBE_TABLES_H

#include <stdio.h>

void co_describe_errors(FILE *out);
void co_describe_states(FILE *out);

#endif
