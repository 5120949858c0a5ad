/* Keys that signatures are checked with (contract section 8): HS256, RS256, ES256; and the two helpers that API keys
 * need. The only face of the crypto library that the rest of the service sees.
 * Owns the key material: wiped when a key is destroyed. Never logs or returns any of it, and never signs. */
#ifndef CHECKOUT_ADAPTERS_AUTH_KEY_H
#define CHECKOUT_ADAPTERS_AUTH_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "checkout/bytes.h"

enum co_auth_alg { CO_AUTH_HS256, CO_AUTH_RS256, CO_AUTH_ES256 };

/* By its JWA name (exact). False leaves *out as it was. */
bool co_auth_alg_find(struct co_view name, enum co_auth_alg *out);
/* HS256: the key is a shared secret. The others: a public key. */
bool co_auth_alg_is_secret(enum co_auth_alg alg);

struct co_auth_key;

/* The key that a key file's bytes hold; the bytes are not needed after the call.
 * HS256: all of them less trailing line ends, at least one. RS256: PEM `PUBLIC KEY`, RSA of 2048 bits and more. ES256:
 * the same form, on P-256. NULL when they hold no such key: *reason is then a sentence that lives for ever and says
 * nothing of the content. */
struct co_auth_key *co_auth_key_new(enum co_auth_alg alg, struct co_view file_bytes, const char **reason);
/* Wipes and frees. NULL is fine. */
void co_auth_key_destroy(struct co_auth_key *key);

enum co_auth_match {
	CO_AUTH_MATCH,
	CO_AUTH_MISMATCH, /* not the signature of this message by this key */
	CO_AUTH_FAILED    /* the library could not say: out of memory, or an algorithm switched off */
};

/* Any number of threads may use one key at a time. HS256 compares in constant time. ES256 signatures are r and s, 32
 * bytes each (RFC 7518 section 3.4). */
enum co_auth_match co_auth_key_verify(const struct co_auth_key *key, struct co_view message, struct co_view signature);

#define CO_SHA256_BYTES 32

/* False: the library could not; *out is then zero. */
bool co_sha256(struct co_view bytes, uint8_t out[CO_SHA256_BYTES]);
/* Equal, found out in a time that does not depend on where they differ. */
bool co_sha256_eq(const uint8_t a[CO_SHA256_BYTES], const uint8_t b[CO_SHA256_BYTES]);

#endif
