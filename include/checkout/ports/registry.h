/* Port: who the merchants are, and whether a command's credentials are theirs (contract section 8). */
#ifndef CHECKOUT_PORTS_REGISTRY_H
#define CHECKOUT_PORTS_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/domain/catalogue.h"
#include "checkout/domain/merchant.h"

/* As they came; never copied, logged or stored. ptr NULL: absent. */
struct co_credentials {
	struct co_view authorization, api_key;
	struct co_view namespace_name; /* the command's, for the token's claim */
};

struct co_registry {
	void *self;
	/* The edition of the registry that the next calls of this thread answer from; hold it for one batch, then give it
	 * back. A SIGHUP between them changes nothing for the holder. Views found live until the release. */
	const void *(*acquire)(void *self);
	void (*release)(void *self, const void *edition);
	/* False: unknown merchant. */
	bool (*find)(const void *edition, const struct co_uuid *id, struct co_merchant *out);
	/* True: the credentials are good (always, when auth.mode is none). False: *refusal says why. `now_ms`: the
	 * partition's clock. */
	bool (*authenticate)(const void *edition, const struct co_uuid *merchant_id,
						 const struct co_credentials *credentials, int64_t now_ms, enum co_code *refusal);
};

#endif
