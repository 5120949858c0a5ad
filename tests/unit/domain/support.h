/* Builders for the domain's tests: commands from JSON text, the steps of the service around the pure core.
 * Owns nothing; never decides anything itself. cmocka's headers are included here, in their order. */
#ifndef TESTS_DOMAIN_SUPPORT_H
#define TESTS_DOMAIN_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "checkout/domain/decide.h"
#include "checkout/domain/transitions.h"

#define T0 INT64_C(1767225600000)
#define RETENTION_MS INT64_C(86400000)
#define MERCHANT "123e4567-e89b-12d3-a456-426614174000"
/* The smallest requests that make a session: with a payment of 1000, the same captured later, without a payment. */
#define REQUEST_HEAD "{\"referenceId\":\"r-1\","
#define REQUEST_PAYMENT \
	"\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}"
#define REQUEST REQUEST_HEAD REQUEST_PAYMENT
#define REQUEST_CAPTURE_LATER REQUEST_HEAD "\"capture\":false," REQUEST_PAYMENT
#define REQUEST_WITHOUT_PAYMENT REQUEST_HEAD "\"config\":{\"modes\":[\"WALLET\"]},\"customer\":{\"hsid\":\"h\"}}"
#define AUTHORIZE                                                                            \
	"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000," \
	"\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"          \
	"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}"

/* Text that must be JSON. */
const struct co_json *json_of(struct co_arena *arena, struct co_view text);
/* A whole file, which must be there; NUL behind it. */
struct co_view file_of(struct co_arena *arena, const char *path);
struct co_uuid uuid_of(const char *text);
/* MERCHANT as a registry without limits knows it. */
struct co_merchant default_merchant(void);
/* An admitted command of MERCHANT, its digests filled in; `subject` NULL: none. */
struct co_command command_of(struct co_arena *arena, enum co_command_kind kind, const char *id,
							 const struct co_json *data, const struct co_uuid *subject);
/* Fills identity, content and created_id from the other members. */
void digest(struct co_arena *arena, struct co_command *command);
/* Decides and applies: *exists tells whether *session is one, before and after. */
void run_command(struct co_arena *arena, struct co_session *session, bool *exists, const struct co_command *command,
				 int64_t now_ms, const struct co_merchant *merchant, struct co_decision *out);
/* command_of and run_command of the default merchant at T0. */
void send_text(struct co_arena *arena, struct co_session *session, bool *exists, enum co_command_kind kind,
			   const char *id, const char *data, struct co_decision *out);

#endif
