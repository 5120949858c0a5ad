/* What docs/ERRORS.md says of a rule, for whoever checks it. Pure data; owns nothing. */
#ifndef CHECKOUT_DESCRIBE_ERRORS_H
#define CHECKOUT_DESCRIBE_ERRORS_H

#include "checkout/domain/catalogue.h"

struct co_rule_help {
	enum co_place place; /* where the pointer leads; NOWHERE: to no one place */
	const char *cause, *act;
};
struct co_rule_help co_rule_help(enum co_rule rule);

#endif
