/* The names of the trade: codes, rules, places, commands, events, states. Each enum has one list in tbl/ and nothing
 * else. Pure data; never fails. */
#ifndef CHECKOUT_DOMAIN_CATALOGUE_H
#define CHECKOUT_DOMAIN_CATALOGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/bytes.h"

enum co_code {
#define CO_CODE(ident, number, status, retryable, message) CO_CODE_##ident,
#include "checkout/tbl/codes.def"
#undef CO_CODE
	CO_CODE_COUNT
};

enum co_rule {
#define CO_RULE(ident, name, code, status, title, detail) CO_RULE_##ident,
#include "checkout/tbl/rules.def"
#undef CO_RULE
	CO_RULE_COUNT
};

enum co_place {
#define CO_PLACE(ident, pointer, path) CO_PLACE_##ident,
#include "checkout/tbl/places.def"
#undef CO_PLACE
	CO_PLACE_COUNT
};

enum co_command_kind {
#define CO_COMMAND(ident, name, status, needs_subject, remembered) CO_COMMAND_##ident,
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
	CO_COMMAND_COUNT
};

enum co_event_kind {
#define CO_EVENT(ident, name) CO_EVENT_##ident,
#include "checkout/tbl/events.def"
#undef CO_EVENT
	CO_EVENT_COUNT
};

enum co_mode {
#define CO_MODE(name, payment, customer, consent) CO_MODE_##name,
#include "checkout/tbl/modes.def"
#undef CO_MODE
	CO_MODE_COUNT
};

enum co_session_status {
#define CO_SESSION_STATUS(ident, name, terminal) CO_SESSION_##ident,
#include "checkout/tbl/session_status.def"
#undef CO_SESSION_STATUS
	CO_SESSION_STATUS_COUNT
};

enum co_payment_status {
#define CO_PAYMENT_STATUS(ident, name) CO_PAYMENT_##ident,
#include "checkout/tbl/payment_status.def"
#undef CO_PAYMENT_STATUS
	CO_PAYMENT_STATUS_COUNT
};

struct co_code_row {
	struct co_view number; /* "9300105" */
	struct co_view name;
	struct co_view message;
	uint16_t status;
	bool retryable;
};
struct co_rule_row {
	struct co_view name;
	struct co_view title;
	struct co_view detail;
	enum co_code code;
	uint16_t status;
};
struct co_place_row {
	struct co_view pointer;
	struct co_view path;
};
struct co_command_row {
	struct co_view name;
	uint16_t status;
	bool needs_subject;
	bool remembered;
};
struct co_mode_row {
	struct co_view name;
	bool needs_payment, needs_customer, needs_consent;
};

/* Rows live for ever. Arguments must be rows of their table (asserted). */
const struct co_code_row *co_code_row(enum co_code code);
const struct co_rule_row *co_rule_row(enum co_rule rule);
const struct co_place_row *co_place_row(enum co_place place);
const struct co_command_row *co_command_row(enum co_command_kind kind);
const struct co_mode_row *co_mode_row(enum co_mode mode);
struct co_view co_event_name(enum co_event_kind kind);
struct co_view co_session_status_name(enum co_session_status status);
struct co_view co_payment_status_name(enum co_payment_status status);
bool co_session_status_is_terminal(enum co_session_status status);

/* By name as it stands on the wire (exact). False leaves *out as it was. */
bool co_code_find(struct co_view number, enum co_code *out);
bool co_command_find(struct co_view name, enum co_command_kind *out);
bool co_mode_find(struct co_view name, enum co_mode *out);

#endif
