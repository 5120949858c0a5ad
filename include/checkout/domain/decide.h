/* The decision: a pure function of session, command, time and merchant. No I/O, no clock, no randomness, no heap.
 * Total: same inputs, same outputs, every time; nothing to fail, nothing to free. Contract sections 4 to 6. */
#ifndef CHECKOUT_DOMAIN_DECIDE_H
#define CHECKOUT_DOMAIN_DECIDE_H

#include "checkout/arena.h"
#include "checkout/domain/command.h"
#include "checkout/domain/merchant.h"
#include "checkout/domain/session.h"

struct co_decision {
	struct co_verdict verdict; /* verdict.version: of the session after the command */
	bool replayed;             /* a repeat: the first verdict again; no event, no error event, nothing changed */
	bool creates;              /* `created` is the new session (its changes[0] included) */
	bool changes;              /* `change` is to be appended to the session */
	bool remembers;            /* the command goes into the session's memory */
	bool tells_error;  /* an error event with `told`: a refusal's code, or the one that fail or payment_update told */
	bool late_payment; /* a late_payment event, besides */
	enum co_code told;
	struct co_view late_intent_id; /* ptr NULL: null */
	struct co_view late_status;
	struct co_change change;
	struct co_session created;
};

/* Steps 1 and 2 of contract section 5, without auth: attributes, merchant, namespace, expiry.
 * `merchant` NULL: unknown. `auth_refusal` points at the code with which auth refused, NULL when it did not: it is
 * judged between the merchant and the namespace. True: go on. False: *verdict is the refusal (version 0). */
bool co_admit(const struct co_command *command, int64_t now_ms, const struct co_merchant *merchant,
			  const enum co_code *auth_refusal, struct co_verdict *verdict);

/* True when the attributes alone (step 1) let the merchant be looked up: every required one is present and well formed.
 */
bool co_admit_attributes(const struct co_command *command, struct co_verdict *verdict);

/* Steps 3 to 7 after routing, for an admitted command. `session` NULL: there is none; deadlines up to `now_ms` have
 * taken effect. `arena`: where the views of a created session's lists and verdict copies live. Nothing of `session` is
 * changed. *out is overwritten. */
void co_decide(const struct co_session *session, const struct co_command *command, int64_t now_ms,
			   const struct co_merchant *merchant, struct co_arena *arena, struct co_decision *out);

/* The refusal of a session whose stored record cannot be read (9300109, step 4). */
void co_decide_unreadable(struct co_decision *out);
/* The refusal for what the service itself could not do (9300001): nothing remembered, nothing changed. */
void co_decide_internal_error(uint16_t version, struct co_decision *out);

/* The session with the decision applied: created, changed, remembered. For !creates `session` is changed in place (it
 * must not be NULL when the decision changes or remembers); a created session is written to it. Memory for verdicts
 * comes from the arena. */
void co_evolve(struct co_session *session, const struct co_command *command, const struct co_decision *decision,
			   struct co_arena *arena);

enum co_elapsed { CO_ELAPSED_NOTHING, CO_ELAPSED_EXPIRED, CO_ELAPSED_FORGOTTEN };

/* What the time `clock_ms` does to a session, one step: EXPIRED appends the expiry (at the deadline, whatever the
 * clock) to it; FORGOTTEN says that its retention is over (the session is unchanged). Call again until NOTHING or
 * FORGOTTEN. */
enum co_elapsed co_elapse(struct co_session *session, int64_t clock_ms, int64_t retention_ms);

/* Section 4 on its own: the violations of the command's data, in order, at most CO_VIOLATIONS_MAX. Returns their
 * number. */
uint16_t co_validate(const struct co_command *command, const struct co_merchant *merchant, struct co_violation *out);

/* What an error says of itself (contract section 7). Title and detail live for ever. */
struct co_presentation {
	enum co_code code;
	struct co_view title;
	struct co_view detail; /* ptr NULL: the first violation's path + " is invalid" */
	uint16_t status;
};
struct co_presentation co_present_verdict(const struct co_verdict *verdict);
/* Of a code alone: 9300100, 9300105, 9300106 and 9300300 speak through their session.* rule. */
struct co_presentation co_present_code(enum co_code code);

#endif
