/* What the rules need to know of a merchant (contract section 8). A plain value; whoever filled it owns the views. */
#ifndef CHECKOUT_DOMAIN_MERCHANT_H
#define CHECKOUT_DOMAIN_MERCHANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkout/uuid.h"

/* `given` false: the member is absent from the registry (any value will do, or no check). */
struct co_name_list {
	bool given;
	size_t count;
	const struct co_view *names;
};

struct co_merchant {
	struct co_uuid id;
	struct co_name_list namespaces;
	struct co_name_list currencies;        /* given and empty: an unusable configuration, 9300006 */
	struct co_name_list processors;        /* the same */
	struct co_name_list pin_methods;       /* "family" or "family/type" */
	struct co_name_list workstation_users; /* not given: no check */
	int64_t ttl_min_s, ttl_default_s, ttl_max_s;
};

/* The merchant that every id is when there is no registry file: anything goes, ttl 60..86400, default 1800. */
struct co_merchant co_merchant_default(const struct co_uuid *id);
/* True when the list is not given, or holds the name (exact). */
bool co_name_list_allows(const struct co_name_list *list, struct co_view name);

#endif
