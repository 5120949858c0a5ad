/* What the registry's tests share: a temporary folder, files in it, tokens signed with keys made on the spot.
 * Owns what sandbox_make made until sandbox_clear. Every failure of its own fails the test. */
#ifndef TESTS_UNIT_REGISTRY_SUPPORT_H
#define TESTS_UNIT_REGISTRY_SUPPORT_H

#include <stddef.h>

#include "adapters/registry_file.h"

#include <openssl/types.h>

struct sandbox {
	char directory[64];
};

void sandbox_make(struct sandbox *box);
void sandbox_clear(struct sandbox *box);
/* The file's path; valid until the next call. */
const char *sandbox_path(const struct sandbox *box, const char *name);
void sandbox_write(const struct sandbox *box, const char *name, const void *bytes, size_t len);
void sandbox_write_text(const struct sandbox *box, const char *name, const char *text);
void sandbox_write_public_key(const struct sandbox *box, const char *name, EVP_PKEY *key);

/* `registry.json` of the folder, which must be good. */
struct co_registry_file *sandbox_open(const struct sandbox *box, enum co_auth_mode mode);

/* Base64url of the bytes, appended to `out` (a NUL-ended text with enough space). */
void append_base64url(char *out, const void *bytes, size_t len);
/* `<header>.<claims>.<signature>` into `out`. A NULL key leaves the signature empty. */
void token_hs256(char *out, const char *header, const char *claims, const void *secret, size_t secret_len);
void token_signed(char *out, const char *header, const char *claims, EVP_PKEY *key);
/* The same, with an ES256 signature as DER, as no JWS has it. */
void token_signed_der(char *out, const char *header, const char *claims, EVP_PKEY *key);

/* One question to the port: 0 for "good", else the refusal's number (9300012). The refusal must not be touched when the
 * answer is good. */
int ask(const struct co_registry *port, const char *merchant_id, const struct co_credentials *credentials,
		int64_t now_ms);

/* What was written to stderr between the two, as a text to free. */
void stderr_catch_begin(void);
char *stderr_catch_end(void);

#endif
