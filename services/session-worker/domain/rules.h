/* The rules of contract section 4, one function per group; each adds what is broken to the list, in the order of the
 * contract. Private to the domain. Owns nothing; never allocates.
 * A reading pass (…_read) judges shapes and remembers what is usable: whatever is of the wrong shape reads as absent,
 * with a mark that it was given, so that no "required" rule is broken by it as well. */
#ifndef DOMAIN_RULES_H
#define DOMAIN_RULES_H

#include "checkout/domain/catalogue.h"
#include "checkout/domain/merchant.h"
#include "checkout/domain/session.h"
#include "checkout/json.h"

#define CO_AMOUNT_MIN 1
#define CO_AMOUNT_MAX 99999999

/* The violations found so far; what comes behind the 32nd is dropped. */
struct co_violations {
	struct co_violation *out; /* room for CO_VIOLATIONS_MAX */
	uint16_t count;
};

void co_broken(struct co_violations *list, enum co_rule rule, enum co_place place);
void co_broken_at(struct co_violations *list, enum co_rule rule, enum co_place place, size_t index);
void co_broken_member(struct co_violations *list, enum co_rule rule, enum co_place place, struct co_view key);

/* A member as the shape rules see it: `node` NULL when it is absent, null or misshapen; `given` also when misshapen. */
struct co_member {
	const struct co_json *node;
	bool given;
};

/* The member of that type, or request.invalid at `place`. */
struct co_member co_read(struct co_violations *list, const struct co_json *object, struct co_view key,
						 enum co_json_type type, enum co_place place);
/* A boolean, or request.invalid; `absent` when there is none. */
bool co_read_bool(struct co_violations *list, const struct co_json *object, struct co_view key, enum co_place place,
				  bool absent);
/* A string of `min`..`max` code points, or request.invalid; ptr NULL when there is none. */
struct co_view co_read_text(struct co_violations *list, const struct co_json *object, struct co_view key, size_t min,
							size_t max, bool required, enum co_place place);
/* The text of a string; ptr NULL for anything else. */
struct co_view co_text(const struct co_json *node);
bool co_is_amount(const struct co_json *node);

/* rules_payment.c: the payment object of a session request, or `authorize`'s data. */
struct co_payment {
	const struct co_json *object;   /* NULL: no payment */
	const struct co_json *metadata; /* NULL: none */
	struct co_member allocations;   /* an array */
	bool authorize_card, partial, misshapen_entry;
};

struct co_payment co_payment_read(struct co_violations *list, const struct co_json *object);
/* `for_authorize`: allocations are required. `card`: the request includes a card. */
void co_payment_judge(struct co_violations *list, const struct co_payment *payment, bool for_authorize, bool card);

/* rules_consent.c. `agent_missing`: no agent was given, not even a misshapen one. */
void co_consent_judge(struct co_violations *list, const struct co_json *consent, bool agent_missing);

/* rules_session.c: a session request. */
struct co_request {
	struct co_view reference_id; /* ptr NULL: none */
	struct co_view currency;
	int64_t ttl_s;
	bool capture;
	const struct co_json *modes; /* array; NULL: the default */
	bool card;                   /* the request includes a card */
	struct co_member payment_member, customer, consent, agent;
	struct co_payment payment;
};

/* Section 4 as a whole for `create` and `validate`. */
void co_request_judge(struct co_violations *list, const struct co_json *data, const struct co_merchant *merchant,
					  struct co_request *out);
/* The modes that the request asks for in its order, wrong entries left out; PAYMENT alone when none is left. Returns
 * how many; `out` may be NULL, else it has room for as many. */
size_t co_request_modes(const struct co_request *request, uint8_t *out);
/* The valid referenceId of a create's data; ptr NULL when there is none. */
struct co_view co_reference_id(const struct co_json *data);
/* Section 4 for `authorize`, `capture`, `payment_update`, `fail`, `cancel` and `expire`. */
void co_command_judge(struct co_violations *list, enum co_command_kind kind, const struct co_json *data);

#endif
