/* A command as the core sees it: attributes of the envelope (contract section 2) and its data.
 * All views borrow from the record; valid for one batch. */
#ifndef CHECKOUT_DOMAIN_COMMAND_H
#define CHECKOUT_DOMAIN_COMMAND_H

#include <stdint.h>

#include "checkout/domain/catalogue.h"
#include "checkout/json.h"
#include "checkout/uuid.h"

enum co_presence { CO_ABSENT, CO_MALFORMED, CO_PRESENT };

/* What tells one command from another within its session, and a repeat from a conflict (contract section 6). 128 bits
 * each. */
struct co_digest {
	uint8_t bytes[16];
};

struct co_command {
	enum co_command_kind kind;
	struct co_view id, source, type;
	enum co_presence merchant_is, subject_is, namespace_is, expiry_is;
	struct co_uuid merchant_id, subject; /* when PRESENT */
	struct co_view namespace_name;       /* `default` when absent */
	int64_t expiry_ms;
	const struct co_json *data; /* an object, never NULL */
	struct co_digest identity;  /* of source and id */
	struct co_digest content;   /* of type and data */
	struct co_uuid created_id;  /* of a create with merchant_id PRESENT: co_command_created_id(), made once */
};

/* The session id that a create of this command makes (contract section 3). Needs merchant_id PRESENT. */
struct co_uuid co_command_created_id(const struct co_command *command);

#endif
