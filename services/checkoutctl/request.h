/* From what somebody asked for to the record of a command (contract sections 2 and 3). Pure: no clock, no randomness;
 * the same request gives the same bytes, so a repeat under the same id is a repeat.
 * Owns nothing: what it makes lives in the arena, what it was given is borrowed. */
#ifndef CHECKOUTCTL_REQUEST_H
#define CHECKOUTCTL_REQUEST_H

#include "ctl.h"

#include "checkout/ports/log.h"
#include "checkout/uuid.h"

enum ctl_command {
#define CO_COMMAND(ident, name, success, subject, remembered) CTL_##ident,
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
	CTL_COMMAND_COUNT
};

/* False when there is no such command. */
bool ctl_command_find(const char *name, enum ctl_command *out);
const char *ctl_command_name(enum ctl_command command);

#define CTL_MERCHANT_DEFAULT "123e4567-e89b-12d3-a456-426614174000"
#define CTL_SOURCE_DEFAULT "/checkoutctl"
#define CTL_AMOUNT_DEFAULT 1000
#define CTL_TYPE_PREFIX "checkout.session." /* of ce_type; contract section 3 */

struct ctl_request {
	enum ctl_command command;
	/* The envelope; NULL: the default, or left out. */
	const char *merchant, *session, *namespace_name, *id, *source, *expirytime, *correlation;
	struct co_view api_key, token; /* ptr NULL: none */
	bool structured;
	/* The data as it is (ptr not NULL), or what to make it of. */
	struct co_view data;
	const char *reference, *currency, *capture, *intent, *family, *type, *brand, *processor, *transaction_status, *code,
		*reason;
	bool has_amount, has_ttl;
	int64_t amount, ttl_seconds;
	struct ctl_list modes;
	struct co_view pin_token; /* ptr NULL: none */
	/* The record. */
	const char *key; /* NULL: the session id */
	int32_t partition;
	int64_t timestamp_ms; /* -1: now */
};

/* The session that the command is about: --session, else (create, or a reference) the one that the service will compute
 * (contract section 3). False when it cannot be known. Needs `id`. */
bool ctl_request_session(const struct ctl_request *request, struct co_uuid *out);
/* The data as JSON; the empty view for a command without data. */
struct co_view ctl_request_data(const struct ctl_request *request, struct co_arena *arena);
/* The whole record; `topic` is borrowed. Needs `id`. */
void ctl_request_build(const struct ctl_request *request, struct co_view topic, struct co_arena *arena,
					   struct co_message *out);

#endif
