/* The admin listener: GET and HEAD of /livez /readyz /startupz /metrics (contract section 9), plain text over HTTP, and
 * of / a page for people.
 * Owns its socket and one thread, on which the probes run. Never changes anything: there is no verb that does. */
#ifndef CO_HTTP_ADMIN_H
#define CO_HTTP_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "checkout/arena.h"
#include "checkout/error.h"
#include "checkout/status.h"

/* The answer to one question. `reason`: one line for people, "" for none; it is shown as it is. */
struct co_admin_probe {
	bool ok;
	char reason[256];
};

/* Asked on the listener's thread, one at a time; they fill *out (false and "" before the call) and must not block: take
 * what is known already. `self` is handed to each and has to outlive the listener. */
struct co_admin_probes {
	void *self;
	void (*live)(void *self, struct co_admin_probe *out);       /* /livez: false when only a restart helps */
	void (*ready)(void *self, struct co_admin_probe *out);      /* /readyz: false with the reason while work waits */
	void (*started)(void *self, struct co_admin_probe *out);    /* /startupz: true once the first start-up is through */
	struct co_view (*page)(void *self, struct co_arena *arena); /* /: HTML, in the arena; NULL: there is none */
	const char *page_policy; /* its Content-Security-Policy; NULL: default-src 'none' */
};

struct co_admin;

/* Listens on `listen` (host:port as in admin.listen; port 0 picks a free one; the probes are copied) and answers from
 * then on. CO_OK; or CO_CONFIG with the reason in `error` when the address is malformed, unknown or taken: *out is then
 * NULL. */
enum co_status co_admin_start(struct co_admin **out, const char *listen, const struct co_admin_probes *probes,
							  struct co_error *error) CO_MUST_USE;
/* The port it listens on. */
uint16_t co_admin_port(const struct co_admin *admin);
/* Closes all connections, ends the thread, frees. NULL is fine. No probe runs once it has returned. */
void co_admin_stop(struct co_admin *admin);

#endif
