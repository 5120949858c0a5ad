#include "describe_tables.h"

#include "checkout/domain/transitions.h"

#define VIEW(v) (int)(v).len, (v).ptr

static struct co_view session_name(int status)
{
	return co_session_status_name((enum co_session_status)status);
}

static struct co_view payment_name(int status)
{
	return co_payment_status_name((enum co_payment_status)status);
}

static const struct co_step *step_of(int session, int payment, int trigger)
{
	return co_step((enum co_session_status)session, (enum co_payment_status)payment, (enum co_trigger)trigger);
}

/* --- diagrams ----------------------------------------------------------------------------------------------------- */

enum side { SESSION, PAYMENT };

/* True when the trigger moves some pair of states from `from` to `to`, looked at from one side. */
static bool moves(enum side side, int from, int to, int trigger)
{
	for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++) {
			const struct co_step *step = step_of(s, p, trigger);
			if ((side == SESSION ? s : p) == from && step->kind == CO_STEP_MOVES &&
				(side == SESSION ? (int)step->to_session : (int)step->to_payment) == to)
				return true;
		}
	return false;
}

/* A colon would end the label. */
static void put_label(FILE *out, struct co_view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] != ':')
			(void)fputc(text.ptr[i], out);
}

static void put_arrow(FILE *out, enum side side, int from, int to)
{
	struct co_view (*name)(int status) = side == SESSION ? session_name : payment_name;
	bool any = false;
	for (int t = 0; t < CO_TRIGGER_COUNT; t++) {
		if (!moves(side, from, to, t))
			continue;
		if (any)
			(void)fputs(", ", out);
		else
			(void)fprintf(out, "    %.*s --> %.*s : ", VIEW(name(from)), VIEW(name(to)));
		put_label(out, co_trigger_text((enum co_trigger)t));
		any = true;
	}
	if (any)
		(void)fputs("\n", out);
}

static void put_diagram(FILE *out, enum side side)
{
	int count = side == SESSION ? (int)CO_SESSION_STATUS_COUNT : (int)CO_PAYMENT_STATUS_COUNT;

	(void)fputs("\n```mermaid\nstateDiagram-v2\n", out);
	if (side == SESSION) {
		(void)fprintf(out, "    [*] --> %.*s : create\n", VIEW(session_name(CO_SESSION_OPEN)));
	} else {
		(void)fprintf(out, "    [*] --> %.*s : create without a payment\n", VIEW(payment_name(CO_PAYMENT_NONE)));
		(void)fprintf(out, "    [*] --> %.*s : create with a payment\n",
					  VIEW(payment_name(CO_PAYMENT_REQUIRES_PAYMENT_METHOD)));
	}
	for (int from = 0; from < count; from++)
		for (int to = 0; to < count; to++)
			if (from != to)
				put_arrow(out, side, from, to);
	for (int s = 0; side == SESSION && s < CO_SESSION_STATUS_COUNT; s++)
		if (co_session_status_is_terminal((enum co_session_status)s))
			(void)fprintf(out, "    %.*s --> [*] : retention over\n", VIEW(session_name(s)));
	(void)fputs("```\n", out);
}

/* --- the matrix --------------------------------------------------------------------------------------------------- */

static void put_refusal(FILE *out, enum co_code code, const char *note)
{
	struct co_view number = co_code_row(code)->number;
	(void)fprintf(out, "[%.*s](ERRORS.md#%.*s)%s", VIEW(number), VIEW(number), note);
}

static void put_step(FILE *out, const struct co_step *step)
{
	switch (step->kind) {
	case CO_STEP_MOVES:
		(void)fprintf(out, "**%.*s/%.*s**, event %.*s", VIEW(session_name((int)step->to_session)),
					  VIEW(payment_name((int)step->to_payment)), VIEW(co_event_name(step->event)));
		break;
	case CO_STEP_STAYS:
		(void)fputs("no change", out);
		break;
	case CO_STEP_REFUSED:
		put_refusal(out, step->code, "");
		break;
	case CO_STEP_LATE_MONEY:
		put_refusal(out, step->code, ", event late_payment");
		break;
	case CO_STEP_REFUSED_FIRST:
		put_refusal(out, step->code, " ¹");
		break;
	case CO_STEP_REFUSED_LAST:
		put_refusal(out, step->code, " ²");
		break;
	case CO_STEP_UNREACHABLE:
		(void)fputs("–", out);
		break;
	}
}

static bool reachable(int session, int payment)
{
	return co_states_reachable((enum co_session_status)session, (enum co_payment_status)payment);
}

static void put_matrix(FILE *out, int session)
{
	(void)fprintf(out, "\n### %.*s\n\n| |", VIEW(session_name(session)));
	for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
		if (reachable(session, p))
			(void)fprintf(out, " payment %.*s |", VIEW(payment_name(p)));
	(void)fputs("\n|---|", out);
	for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
		if (reachable(session, p))
			(void)fputs("---|", out);
	(void)fputs("\n", out);
	for (int t = 0; t < CO_TRIGGER_COUNT; t++) {
		(void)fprintf(out, "| %.*s |", VIEW(co_trigger_text((enum co_trigger)t)));
		for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++) {
			if (!reachable(session, p))
				continue;
			(void)fputs(" ", out);
			put_step(out, step_of(session, p, t));
			(void)fputs(" |", out);
		}
		(void)fputs("\n", out);
	}
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static void put_transaction_statuses(FILE *out)
{
	size_t count;
	const struct co_transaction_status_row *rows = co_transaction_statuses(&count);

	(void)fputs(
		"\n## What the processor's words mean\n\nThe `transactionStatus` of `payment_update`; exact, in capitals. "
		"Anything else is refused with [9300111](ERRORS.md#9300111).\n\n"
		"| transactionStatus | payment status |\n|---|---|\n",
		out);
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "| `%.*s` | %.*s |\n", VIEW(rows[i].name), VIEW(payment_name((int)rows[i].payment)));
}

void co_describe_states(FILE *out)
{
	(void)fputs(
		"# States\n\n"
		"Printed by `session-worker --describe states` from `include/checkout/tbl/transitions.def`; do not edit.\n\n"
		"A session has a `status` and its payment a `payment.status`. Every accepted change raises `version` by one "
		"and "
		"emits one lifecycle event. Nothing leaves a terminal status; an ended session is kept for "
		"`worker.retention.seconds`, then forgotten.\n\n"
		"## Session status\n",
		out);
	put_diagram(out, SESSION);
	(void)fputs("\n## Payment status\n\n`cancelled`, `expired` and `failed` come with the session's.\n", out);
	put_diagram(out, PAYMENT);
	(void)fputs(
		"\n## Every state, every trigger\n\n"
		"One table per session status. A bold pair is the new session and payment status. A code is a refusal: "
		"before the data is looked at, but ¹ for valid data and as the first of the command's own refusals, ² for "
		"valid data and as the last. The other refusals of valid data are in [ERRORS.md](ERRORS.md). `late_payment` "
		"says that money has to go back. The deadline changes nothing while a payment is processing: the processor's "
		"answer ends the session.\n",
		out);
	for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++)
		put_matrix(out, s);
	put_transaction_statuses(out);
}
