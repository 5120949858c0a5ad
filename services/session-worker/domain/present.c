#include "checkout/domain/decide.h"

#include <assert.h>

static struct co_presentation present_rule(enum co_rule rule)
{
	const struct co_rule_row *row = co_rule_row(rule);

	return (struct co_presentation){
		.code = row->code,
		.title = row->title,
		.detail = rule == CO_RULE_REQUEST_INVALID ? co_view_make(NULL, 0) : row->detail,
		.status = row->status,
	};
}

struct co_presentation co_present_code(enum co_code code)
{
	/* Codes that always speak through their session.* rule (contract section 7). */
	static const struct {
		enum co_code code;
		enum co_rule rule;
	} spoken[] = {
		{CO_CODE_SESSION_NOT_FOUND, CO_RULE_SESSION_NOT_FOUND},
		{CO_CODE_SESSION_ALREADY_EXPIRED, CO_RULE_SESSION_EXPIRED},
		{CO_CODE_SESSION_ALREADY_CANCELLED, CO_RULE_SESSION_CANCELLED},
		{CO_CODE_INVALID_CUSTOMER, CO_RULE_SESSION_CUSTOMER_MISSING},
	};
	const struct co_code_row *row = co_code_row(code);

	for (size_t i = 0; i < sizeof(spoken) / sizeof(spoken[0]); i++)
		if (spoken[i].code == code)
			return present_rule(spoken[i].rule);
	return (struct co_presentation){code, row->name, row->message, row->status};
}

struct co_presentation co_present_verdict(const struct co_verdict *verdict)
{
	assert(verdict->problem != CO_PROBLEM_NONE);
	switch (verdict->problem) {
	case CO_PROBLEM_RULE:
		return present_rule(verdict->rule);
	case CO_PROBLEM_CONFLICT:
		return (struct co_presentation){CO_CODE_VALIDATION_ERROR, CO_VIEW("IDEMPOTENCY_CONFLICT"),
										CO_VIEW("command id was already used with a different request"), 422};
	case CO_PROBLEM_NOT_COMMAND:
		return (struct co_presentation){CO_CODE_VALIDATION_ERROR, CO_VIEW("INVALID_REQUEST"), CO_VIEW("not a command"),
										400};
	case CO_PROBLEM_NONE:
	case CO_PROBLEM_CODE:
		break;
	}
	return co_present_code(verdict->code);
}
