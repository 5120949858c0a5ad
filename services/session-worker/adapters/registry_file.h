/* The merchant registry, read from its file (contract section 8): who the merchants are, and whether credentials are
 * theirs. Implements ports/registry.h.
 * Owns the editions of the registry and the keys in them, wiped when an edition goes. Never logs, stores or returns a
 * credential, a secret or a value of the file. */
#ifndef CHECKOUT_ADAPTERS_REGISTRY_FILE_H
#define CHECKOUT_ADAPTERS_REGISTRY_FILE_H

#include "checkout/config.h"
#include "checkout/error.h"
#include "checkout/ports/registry.h"
#include "checkout/status.h"

struct co_registry_file;

/* Reads the file; the key files it names too, when `mode` is CO_AUTH_JWT. `path` NULL or "": there is no registry,
 * every merchant id is known and none has keys. One log line for each key file that cannot be used; it stops nobody but
 * its merchant. Reads files, so it may block.
 * CO_OK: *out is the caller's (co_registry_file_close). CO_CONFIG: the file cannot be read, is not JSON or breaks a
 * rule: error->path is the entry and member (`merchants[2].ttlSeconds`), error->text what is allowed. */
enum co_status co_registry_file_open(const char *path, enum co_auth_mode mode, struct co_registry_file **out,
									 struct co_error *error) CO_MUST_USE;
/* Reads the file again, all or nothing: CO_OK, and who acquires from now on gets the new edition; or CO_CONFIG as
 * above, and the old one stays. Without a file there is nothing to do. From any thread, at any time. */
enum co_status co_registry_file_reload(struct co_registry_file *registry, struct co_error *error) CO_MUST_USE;
/* The port; good until the close. Its functions may be called from any thread. acquire and release take a lock for a
 * few instructions, find and authenticate none; none of them blocks on anything else. */
struct co_registry co_registry_file_port(struct co_registry_file *registry);
/* All editions must have been released (asserted). NULL is fine. */
void co_registry_file_close(struct co_registry_file *registry);

#endif
