/* A session: its creation facts, the changes since, and its last 32 commands with their verdicts.
 * The current state is the fold of the changes; so is every earlier one, which is how a repeat gets the first reply
 * byte for byte. A plain value; views belong to whoever filled them (the batch's arena). Contract sections 5 and 6. */
#ifndef CHECKOUT_DOMAIN_SESSION_H
#define CHECKOUT_DOMAIN_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkout/domain/catalogue.h"
#include "checkout/domain/command.h"
#include "checkout/uuid.h"

#define CO_CHANGES_MAX 8     /* the longest way through the state machine has 5 */
#define CO_MEMORY_MAX 32     /* contract section 6 */
#define CO_VIOLATIONS_MAX 32 /* contract section 4 */
#define CO_METADATA_MAX 20   /* contract section 4, payment.metadata_entries */

/* One broken rule and where. For a metadata member `key` is its name (borrowed) and `key_hash` co_key_hash(key):
 * the hash alone is stored with a remembered verdict, the name comes back from the repeat's data. */
struct co_violation {
	enum co_rule rule;
	enum co_place place;
	uint32_t index;
	struct co_view key;
	uint64_t key_hash;
};

/* The answer to a command, apart from the session it shows. */
enum co_problem {
	CO_PROBLEM_NONE,       /* accepted */
	CO_PROBLEM_CODE,       /* title and so on from the code's row */
	CO_PROBLEM_RULE,       /* from `rule`'s row: a session.* rule, or the first violation's */
	CO_PROBLEM_CONFLICT,   /* IDEMPOTENCY_CONFLICT, 422 */
	CO_PROBLEM_NOT_COMMAND /* INVALID_REQUEST, 400, "not a command" */
};

struct co_verdict {
	enum co_problem problem;
	enum co_code code; /* unless NONE */
	enum co_rule rule; /* with RULE */
	uint16_t version;  /* of the session that the reply shows; 0: `session` is null */
	bool brief;        /* outputs cut long names of the request where they tell them; never stored */
	uint16_t violation_count;
	struct co_violation violations[CO_VIOLATIONS_MAX];
};

struct co_memory {
	struct co_digest identity, content;
	enum co_command_kind kind;
	struct co_verdict *verdict; /* in the arena of the session */
};

struct co_metadata {
	struct co_view key, value;
};

/* One accepted change: version = its position + 1. A member that the event does not speak of is absent / 0. */
struct co_change {
	enum co_event_kind event;
	int64_t at_ms; /* updatedAt of this version */
	enum co_session_status status;
	enum co_payment_status payment;
	int64_t captured_amount;
	struct co_view intent_id, method_family, method_type, method_brand, processor; /* AUTHORISED only */
	struct co_view reason; /* FAILED, CANCELLED, EXPIRED; ptr NULL: none */
};

struct co_session {
	struct co_uuid id, merchant_id;
	struct co_view namespace_name;
	struct co_view reference_id; /* ptr NULL: none */
	int64_t amount;              /* 0: no payment */
	char currency[4];            /* three letters and a NUL */
	bool capture;
	size_t mode_count;
	const uint8_t *modes; /* enum co_mode each, as given, repeats included */
	size_t metadata_count;
	const struct co_metadata *metadata; /* in the order of the command */
	int64_t created_ms, expires_ms;
	size_t change_count; /* = version */
	struct co_change changes[CO_CHANGES_MAX];
	size_t memory_count;
	struct co_memory memory[CO_MEMORY_MAX]; /* oldest first, by first use */
};

/* The state at a version, folded. Views borrow from the session. */
struct co_state {
	enum co_session_status status;
	enum co_payment_status payment;
	uint16_t version;
	int64_t captured_amount, updated_ms;
	struct co_view intent_id, method_family, method_type, method_brand, processor, reason; /* ptr NULL: null */
};

/* `version` 1..change_count. */
struct co_state co_session_at(const struct co_session *session, uint16_t version);
/* The same at the latest version. */
struct co_state co_session_now(const struct co_session *session);

/* When time itself changes the session next: its expiry while it lives, the end of its retention once it ended.
 * False: never (a payment in `processing` keeps it). `retention_ms` > 0. */
bool co_session_deadline(const struct co_session *session, int64_t retention_ms, int64_t *out_ms);

/* FNV-1a, 64 bits: names a metadata key in a remembered verdict. */
uint64_t co_key_hash(struct co_view key);

#endif
