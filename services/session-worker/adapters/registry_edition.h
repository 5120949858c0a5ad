/* One edition of the merchant registry: what one reading of the file said, keys included (contract section 8).
 * Owns all that its merchants point to; read-only once read. Never judges: registry_file.c asks, auth_token.c judges.
 * Internal to the registry adapter. */
#ifndef CHECKOUT_ADAPTERS_REGISTRY_EDITION_H
#define CHECKOUT_ADAPTERS_REGISTRY_EDITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth_token.h"
#include "checkout/arena.h"
#include "checkout/config.h"
#include "checkout/domain/merchant.h"
#include "checkout/error.h"
#include "checkout/status.h"

#define CO_REGISTRY_BYTES_MAX ((size_t)256 * 1024 * 1024)
#define CO_KEY_FILE_BYTES_MAX ((size_t)64 * 1024)
#define CO_KEYS_MAX 1000 /* of either kind, per merchant: each command is held against all API keys */

struct co_api_key {
	uint8_t sha256[CO_SHA256_BYTES];
};

struct co_registered {
	struct co_merchant merchant;
	size_t entry; /* its place in the file */
	size_t api_key_count;
	struct co_api_key *api_keys;
	size_t token_key_count;
	struct co_token_key *token_keys;
	struct co_view audience; /* ptr NULL: any */
};

/* A key file that cannot be used. It stops nobody but its merchant, so it is told in the log and is no error. */
struct co_key_trouble {
	struct co_uuid merchant_id;
	struct co_view file, reason;
	struct co_key_trouble *next;
};

struct co_edition {
	struct co_arena arena;
	enum co_auth_mode mode;
	bool open_to_all; /* no registry file: every merchant id is known */
	size_t count;
	struct co_registered *merchants; /* sorted by id */
	struct co_key_trouble *troubles, **troubles_end;
	size_t holders; /* guarded by the lock of struct co_registry_file */
};

/* Reads the registry's text; key files too, relative to `directory`, when `mode` is CO_AUTH_JWT. The text is not needed
 * after the call. CO_OK, or CO_CONFIG: error->path is the member in question (`merchants[2].ttlSeconds`), error->text
 * what is allowed; nothing of any value is ever in it. *out is unchanged on failure. */
enum co_status co_edition_read(struct co_view text, const char *directory, enum co_auth_mode mode,
							   struct co_edition **out, struct co_error *error) CO_MUST_USE;
/* The edition of an installation without a registry file. NULL: out of memory. */
struct co_edition *co_edition_open_to_all(enum co_auth_mode mode);
/* NULL: unknown. */
const struct co_registered *co_edition_find(const struct co_edition *edition, const struct co_uuid *id);
/* Wipes the keys, frees all. NULL is fine. */
void co_edition_destroy(struct co_edition *edition);

#endif
