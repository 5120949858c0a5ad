/* A bearer token (JWT), judged as contract section 8 has it: which of the catalogue's codes it earns, or none.
 * Owns nothing; what it needs for one token is given back before it returns. Never logs, stores or copies out any of a
 * token. */
#ifndef CHECKOUT_ADAPTERS_AUTH_TOKEN_H
#define CHECKOUT_ADAPTERS_AUTH_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth_key.h"
#include "checkout/bytes.h"
#include "checkout/domain/catalogue.h"
#include "checkout/uuid.h"

/* A longer token cannot come through an envelope's header limit (contract section 2) and is refused unread. */
#define CO_TOKEN_BYTES_MAX ((size_t)64 * 1024)

struct co_token_key {
	struct co_view kid; /* ptr NULL: the key has none */
	enum co_auth_alg alg;
	struct co_view file;     /* where it comes from */
	struct co_auth_key *key; /* NULL: not usable, its file could not be read */
};

/* What a token is held against. */
struct co_token_demand {
	struct co_uuid merchant_id;
	const struct co_token_key *keys; /* the merchant's, in the registry's order */
	size_t key_count;
	struct co_view audience;       /* ptr NULL: any */
	struct co_view namespace_name; /* the command's */
	int64_t now_ms;                /* the partition's clock */
};

/* `authorization`: the header's value, ptr NULL when there is none. True: the token is good. False: *refusal says why,
 * the first that applies in the contract's order. A member of the wrong JSON type, null included, never counts as
 * absent: it is refused with the code of its own check (`purpose` aside, which only one text makes wrong). A token
 * with `crit` is refused too: it demands to be understood in a way that this is not (RFC 7515 section 4.1.11). */
bool co_token_judge(struct co_view authorization, const struct co_token_demand *demand, enum co_code *refusal);

#endif
