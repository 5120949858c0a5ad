/* A real broker that asks for what brokers in production ask for: TLS, client certificates, SASL. And the worker that
 * has to get along with it. Owns the certificates, which are made at run time and live in a temporary folder.
 * The test kit itself talks to the broker on a plain listener. */
#ifndef CO_SECURE_H
#define CO_SECURE_H

#include "it.h"

/* The listeners besides the test kit's plain one. */
enum secure_listener {
	SECURE_TLS,      /* the broker's certificate alone */
	SECURE_MTLS,     /* the client's as well */
	SECURE_SASL,     /* TLS, and SCRAM-SHA-512 or PLAIN within */
	SECURE_MISNAMED, /* TLS, with a certificate for another host */
	SECURE_LISTENERS
};

struct secure {
	struct rig_servers servers;
	const char *certificates; /* the folder; see certificates.sh */
	int ports[SECURE_LISTENERS];
};

/* cmocka group set-up and tear-down; *state is left alone. */
struct secure *secure_start(void);
void secure_stop(struct secure *secure);

/* Starts the broker, halted before, with one more SASL user of PLAIN: "late" with that password (NULL: none). */
void secure_broker(struct secure *secure, const char *late_password);
/* SCRAM-SHA-512 credentials of the user on the broker. */
void secure_scram(struct secure *secure, const char *user, const char *password);

/* Starts worker 0 of the rig against the listener: `overrides` (NULL-terminated) on top of the rig's, and
 * `environment`. */
void secure_worker(struct secure *secure, struct rig *rig, enum secure_listener listener, const char *const *overrides,
				   const char *const *environment);

/* True when the bytes of `text` stand in the file. */
bool secure_file_holds(const char *path, const char *text);

#endif
