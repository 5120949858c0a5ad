#include "checkout/domain/catalogue.h"

#include <assert.h>

#define TEXT(literal)                   \
	{                                   \
		"" literal, sizeof(literal) - 1 \
	}

static const struct co_code_row codes[CO_CODE_COUNT] = {
#define CO_CODE(ident, number, status, retryable, message) \
	{TEXT(#number), TEXT(#ident), TEXT(message), status, retryable},
#include "checkout/tbl/codes.def"
#undef CO_CODE
};

static const struct co_rule_row rules[CO_RULE_COUNT] = {
#define CO_RULE(ident, name, code, status, title, detail) \
	{TEXT(name), TEXT(title), TEXT(detail), CO_CODE_##code, status},
#include "checkout/tbl/rules.def"
#undef CO_RULE
};

static const struct co_place_row places[CO_PLACE_COUNT] = {
#define CO_PLACE(ident, pointer, path) {TEXT(pointer), TEXT(path)},
#include "checkout/tbl/places.def"
#undef CO_PLACE
};

static const struct co_command_row commands[CO_COMMAND_COUNT] = {
#define CO_COMMAND(ident, name, status, needs_subject, remembered) {TEXT(name), status, needs_subject, remembered},
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
};

static const struct co_view events[CO_EVENT_COUNT] = {
#define CO_EVENT(ident, name) TEXT(name),
#include "checkout/tbl/events.def"
#undef CO_EVENT
};

static const struct co_mode_row modes[CO_MODE_COUNT] = {
#define CO_MODE(name, payment, customer, consent) {TEXT(#name), payment, customer, consent},
#include "checkout/tbl/modes.def"
#undef CO_MODE
};

struct session_status_row {
	struct co_view name;
	bool terminal;
};

static const struct session_status_row session_statuses[CO_SESSION_STATUS_COUNT] = {
#define CO_SESSION_STATUS(ident, name, terminal) {TEXT(name), terminal},
#include "checkout/tbl/session_status.def"
#undef CO_SESSION_STATUS
};

static const struct co_view payment_statuses[CO_PAYMENT_STATUS_COUNT] = {
#define CO_PAYMENT_STATUS(ident, name) TEXT(name),
#include "checkout/tbl/payment_status.def"
#undef CO_PAYMENT_STATUS
};

const struct co_code_row *co_code_row(enum co_code code)
{
	assert(code < CO_CODE_COUNT);
	return &codes[code];
}

const struct co_rule_row *co_rule_row(enum co_rule rule)
{
	assert(rule < CO_RULE_COUNT);
	return &rules[rule];
}

const struct co_place_row *co_place_row(enum co_place place)
{
	assert(place < CO_PLACE_COUNT);
	return &places[place];
}

const struct co_command_row *co_command_row(enum co_command_kind kind)
{
	assert(kind < CO_COMMAND_COUNT);
	return &commands[kind];
}

const struct co_mode_row *co_mode_row(enum co_mode mode)
{
	assert(mode < CO_MODE_COUNT);
	return &modes[mode];
}

struct co_view co_event_name(enum co_event_kind kind)
{
	assert(kind < CO_EVENT_COUNT);
	return events[kind];
}

struct co_view co_session_status_name(enum co_session_status status)
{
	assert(status < CO_SESSION_STATUS_COUNT);
	return session_statuses[status].name;
}

struct co_view co_payment_status_name(enum co_payment_status status)
{
	assert(status < CO_PAYMENT_STATUS_COUNT);
	return payment_statuses[status];
}

bool co_session_status_is_terminal(enum co_session_status status)
{
	assert(status < CO_SESSION_STATUS_COUNT);
	return session_statuses[status].terminal;
}

bool co_code_find(struct co_view number, enum co_code *out)
{
	for (unsigned i = 0; i < CO_CODE_COUNT; i++)
		if (co_view_eq(codes[i].number, number)) {
			*out = (enum co_code)i;
			return true;
		}
	return false;
}

bool co_command_find(struct co_view name, enum co_command_kind *out)
{
	for (unsigned i = 0; i < CO_COMMAND_COUNT; i++)
		if (co_view_eq(commands[i].name, name)) {
			*out = (enum co_command_kind)i;
			return true;
		}
	return false;
}

bool co_mode_find(struct co_view name, enum co_mode *out)
{
	for (unsigned i = 0; i < CO_MODE_COUNT; i++)
		if (co_view_eq(modes[i].name, name)) {
			*out = (enum co_mode)i;
			return true;
		}
	return false;
}
