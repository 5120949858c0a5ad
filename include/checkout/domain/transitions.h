/* The state machine as a table that can be asked and printed (tbl/transitions.def, tbl/triggers.def,
 * tbl/transaction_status.def). Pure data; never fails. It knows nothing of data, merchants or time: those are judged in
 * decide.c, between the steps that the rows name. */
#ifndef CHECKOUT_DOMAIN_TRANSITIONS_H
#define CHECKOUT_DOMAIN_TRANSITIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "checkout/domain/catalogue.h"

enum co_trigger {
#define CO_TRIGGER(ident, text) CO_TRIGGER_##ident,
#include "checkout/tbl/triggers.def"
#undef CO_TRIGGER
	CO_TRIGGER_COUNT
};

/* What a row does. See tbl/transitions.def for the words. */
enum co_step_kind {
	CO_STEP_UNREACHABLE, /* no session is ever in that pair of states */
	CO_STEP_MOVES,
	CO_STEP_STAYS,
	CO_STEP_REFUSED,
	CO_STEP_LATE_MONEY,
	CO_STEP_REFUSED_FIRST,
	CO_STEP_REFUSED_LAST
};

struct co_step {
	enum co_step_kind kind;
	enum co_session_status to_session; /* MOVES */
	enum co_payment_status to_payment; /* MOVES */
	enum co_event_kind event;          /* MOVES */
	enum co_code code;                 /* REFUSED…, LATE_MONEY */
};

/* The row of a pair of states and a trigger; never NULL, lives for ever. */
const struct co_step *co_step(enum co_session_status session, enum co_payment_status payment, enum co_trigger trigger);
/* True when a session can be in that pair of states: the pair has rows. */
bool co_states_reachable(enum co_session_status session, enum co_payment_status payment);
/* For people: "authorize (capture: true)". */
struct co_view co_trigger_text(enum co_trigger trigger);

struct co_transaction_status_row {
	struct co_view name; /* on the wire */
	enum co_payment_status payment;
};
/* The mapping of `transactionStatus`, in the order of its table; *count rows that live for ever. */
const struct co_transaction_status_row *co_transaction_statuses(size_t *count);
/* By name, exact. False leaves *out as it was. */
bool co_transaction_status_find(struct co_view name, enum co_payment_status *out);

#endif
