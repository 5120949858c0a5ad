#include "checkout/domain/transitions.h"

#include <assert.h>

/* A row that stands twice in the table initialises a cell twice, which both compilers refuse. */
#define CELL(session, payment, trigger) [CO_SESSION_##session][CO_PAYMENT_##payment][CO_TRIGGER_##trigger]
#define REFUSAL(step_kind, refusal_code)                    \
	{                                                       \
		.kind = (step_kind), .code = CO_CODE_##refusal_code \
	}

static const struct co_step steps[CO_SESSION_STATUS_COUNT][CO_PAYMENT_STATUS_COUNT][CO_TRIGGER_COUNT] = {
#define CO_MOVES(session, payment, trigger, to_session_, to_payment_, event_)  \
	CELL(session, payment, trigger) = {.kind = CO_STEP_MOVES,                  \
									   .to_session = CO_SESSION_##to_session_, \
									   .to_payment = CO_PAYMENT_##to_payment_, \
									   .event = CO_EVENT_##event_},
#define CO_STAYS(session, payment, trigger) CELL(session, payment, trigger) = {.kind = CO_STEP_STAYS},
#define CO_REFUSED(session, payment, trigger, code) CELL(session, payment, trigger) = REFUSAL(CO_STEP_REFUSED, code),
#define CO_LATE_MONEY(session, payment, trigger, code) \
	CELL(session, payment, trigger) = REFUSAL(CO_STEP_LATE_MONEY, code),
#define CO_REFUSED_FIRST(session, payment, trigger, code) \
	CELL(session, payment, trigger) = REFUSAL(CO_STEP_REFUSED_FIRST, code),
#define CO_REFUSED_LAST(session, payment, trigger, code) \
	CELL(session, payment, trigger) = REFUSAL(CO_STEP_REFUSED_LAST, code),
#include "checkout/tbl/transitions.def"
#undef CO_MOVES
#undef CO_STAYS
#undef CO_REFUSED
#undef CO_LATE_MONEY
#undef CO_REFUSED_FIRST
#undef CO_REFUSED_LAST
};

#define TEXT(literal)                   \
	{                                   \
		"" literal, sizeof(literal) - 1 \
	}

static const struct co_view trigger_texts[CO_TRIGGER_COUNT] = {
#define CO_TRIGGER(ident, text) TEXT(text),
#include "checkout/tbl/triggers.def"
#undef CO_TRIGGER
};

static const struct co_transaction_status_row transaction_statuses[] = {
#define CO_TRANSACTION_STATUS(name, payment) {TEXT(name), CO_PAYMENT_##payment},
#include "checkout/tbl/transaction_status.def"
#undef CO_TRANSACTION_STATUS
};

#define TRANSACTION_STATUS_COUNT (sizeof(transaction_statuses) / sizeof(transaction_statuses[0]))

const struct co_step *co_step(enum co_session_status session, enum co_payment_status payment, enum co_trigger trigger)
{
	assert(session < CO_SESSION_STATUS_COUNT && payment < CO_PAYMENT_STATUS_COUNT && trigger < CO_TRIGGER_COUNT);
	return &steps[session][payment][trigger];
}

bool co_states_reachable(enum co_session_status session, enum co_payment_status payment)
{
	return co_step(session, payment, CO_TRIGGER_GET)->kind != CO_STEP_UNREACHABLE;
}

struct co_view co_trigger_text(enum co_trigger trigger)
{
	assert(trigger < CO_TRIGGER_COUNT);
	return trigger_texts[trigger];
}

const struct co_transaction_status_row *co_transaction_statuses(size_t *count)
{
	*count = TRANSACTION_STATUS_COUNT;
	return transaction_statuses;
}

bool co_transaction_status_find(struct co_view name, enum co_payment_status *out)
{
	for (size_t i = 0; i < TRANSACTION_STATUS_COUNT; i++)
		if (co_view_eq(transaction_statuses[i].name, name)) {
			*out = transaction_statuses[i].payment;
			return true;
		}
	return false;
}
