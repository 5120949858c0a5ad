#include "describe_tables.h"

#include "checkout/domain/transitions.h"

void co_describe_errors(FILE *out)
{
	(void)fputs("# Errors\n", out);
}

void co_describe_states(FILE *out)
{
	(void)fputs("# States\n", out);
}
