#include "auth_key.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#define RSA_BITS_MIN 2048 /* RFC 7518 section 3.3 */
#define ES256_HALF_BYTES ((size_t)32)

struct co_auth_key {
	enum co_auth_alg alg;
	EVP_MAC *mac;          /* HS256 */
	unsigned char *secret; /* HS256 */
	size_t secret_bytes;
	EVP_PKEY *public_key; /* RS256, ES256 */
};

static const struct {
	const char *name;
	bool secret;
} algs[] = {
	[CO_AUTH_HS256] = {"HS256", true},
	[CO_AUTH_RS256] = {"RS256", false},
	[CO_AUTH_ES256] = {"ES256", false},
};

bool co_auth_alg_find(struct co_view name, enum co_auth_alg *out)
{
	for (size_t i = 0; i < sizeof algs / sizeof algs[0]; i++) {
		if (!co_view_eq(co_view_cstr(algs[i].name), name))
			continue;
		*out = (enum co_auth_alg)i;
		return true;
	}
	return false;
}

bool co_auth_alg_is_secret(enum co_auth_alg alg)
{
	return algs[alg].secret;
}

/* The file's bytes less trailing line ends (contract section 8): an editor's newline is no part of a secret. */
static bool take_secret(struct co_auth_key *key, struct co_view bytes, const char **reason)
{
	while (bytes.len > 0 && (bytes.ptr[bytes.len - 1] == '\n' || bytes.ptr[bytes.len - 1] == '\r'))
		bytes.len--;
	if (bytes.len == 0) {
		*reason = "the secret is empty";
		return false;
	}
	key->secret = OPENSSL_memdup(bytes.ptr, bytes.len);
	key->secret_bytes = key->secret ? bytes.len : 0;
	key->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	if (!key->secret || !key->mac) {
		*reason = "the crypto library has no HMAC";
		return false;
	}
	return true;
}

/* From the line on that begins the first PEM block; nothing when that is another one than a public key. A private key
 * put there by mistake does not reach the library, which would leave pieces of it in memory. */
static struct co_view find_public_key(struct co_view pem)
{
	const struct co_view begin = CO_VIEW("-----BEGIN "), wanted = CO_VIEW("-----BEGIN " PEM_STRING_PUBLIC "-----");
	const struct co_view byte_order_mark = CO_VIEW("\xEF\xBB\xBF");

	if (co_view_starts(pem, byte_order_mark))
		pem = co_view_make(pem.ptr + byte_order_mark.len, pem.len - byte_order_mark.len);
	while (pem.len > 0 && !co_view_starts(pem, begin)) {
		const char *newline = memchr(pem.ptr, '\n', pem.len);
		size_t line = newline ? (size_t)(newline - pem.ptr) + 1 : pem.len;

		pem = co_view_make(pem.ptr + line, pem.len - line);
	}
	return co_view_starts(pem, wanted) ? pem : co_view_make("", 0);
}

/* The first PEM block, which must be a SubjectPublicKeyInfo. Read in two steps, so that anything else is refused and no
 * passphrase is ever asked for. */
static EVP_PKEY *read_public_key(struct co_view file)
{
	struct co_view pem = find_public_key(file);
	EVP_PKEY *key = NULL;
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	long der_bytes = 0;
	BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);

	if (in && PEM_read_bio(in, &name, &header, &der, &der_bytes) == 1 && strcmp(name, PEM_STRING_PUBLIC) == 0) {
		const unsigned char *at = der;

		key = d2i_PUBKEY(NULL, &at, der_bytes);
		if (key && at != der + der_bytes) {
			EVP_PKEY_free(key);
			key = NULL;
		}
	}
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_clear_free(der, der_bytes > 0 ? (size_t)der_bytes : 0);
	BIO_free(in);
	return key;
}

static bool is_p256(const EVP_PKEY *key)
{
	char group[32] = "";

	return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC && EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
		   strcmp(group, SN_X9_62_prime256v1) == 0;
}

static bool take_public_key(struct co_auth_key *key, struct co_view bytes, const char **reason)
{
	if (bytes.len > INT32_MAX) {
		*reason = "the file is too large";
		return false;
	}
	key->public_key = read_public_key(bytes);
	if (!key->public_key)
		*reason = "the file holds no PEM block PUBLIC KEY that can be read";
	else if (key->alg == CO_AUTH_ES256 && !is_p256(key->public_key))
		*reason = "ES256 needs a public key on the curve P-256";
	else if (key->alg == CO_AUTH_RS256 && EVP_PKEY_get_base_id(key->public_key) != EVP_PKEY_RSA)
		*reason = "RS256 needs an RSA public key";
	else if (key->alg == CO_AUTH_RS256 && EVP_PKEY_get_bits(key->public_key) < RSA_BITS_MIN)
		*reason = "RS256 needs an RSA public key of 2048 bits or more";
	else
		return true;
	return false;
}

struct co_auth_key *co_auth_key_new(enum co_auth_alg alg, struct co_view file_bytes, const char **reason)
{
	struct co_auth_key *key = OPENSSL_zalloc(sizeof *key);
	bool taken;

	if (!key) {
		*reason = "out of memory";
		return NULL;
	}
	key->alg = alg;
	taken =
		co_auth_alg_is_secret(alg) ? take_secret(key, file_bytes, reason) : take_public_key(key, file_bytes, reason);
	ERR_clear_error();
	if (taken)
		return key;
	co_auth_key_destroy(key);
	return NULL;
}

void co_auth_key_destroy(struct co_auth_key *key)
{
	if (!key)
		return;
	OPENSSL_clear_free(key->secret, key->secret_bytes);
	EVP_MAC_free(key->mac);
	EVP_PKEY_free(key->public_key);
	OPENSSL_clear_free(key, sizeof *key);
}

static enum co_auth_match verify_hs256(const struct co_auth_key *key, struct co_view message, struct co_view signature)
{
	char digest[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_end(),
	};
	unsigned char expected[CO_SHA256_BYTES];
	size_t expected_bytes = 0;
	EVP_MAC_CTX *mac = EVP_MAC_CTX_new(key->mac);
	bool computed = mac && EVP_MAC_init(mac, key->secret, key->secret_bytes, params) == 1 &&
					EVP_MAC_update(mac, (const unsigned char *)message.ptr, message.len) == 1 &&
					EVP_MAC_final(mac, expected, &expected_bytes, sizeof expected) == 1;
	enum co_auth_match match = CO_AUTH_FAILED;

	if (computed)
		match = signature.len == expected_bytes && CRYPTO_memcmp(signature.ptr, expected, expected_bytes) == 0
					? CO_AUTH_MATCH
					: CO_AUTH_MISMATCH;
	EVP_MAC_CTX_free(mac);
	OPENSSL_cleanse(expected, sizeof expected);
	return match;
}

static enum co_auth_match verify_public(const struct co_auth_key *key, struct co_view message,
										const unsigned char *signature, size_t signature_bytes)
{
	enum co_auth_match match = CO_AUTH_FAILED;
	EVP_MD_CTX *digest = EVP_MD_CTX_new();

	if (digest && EVP_DigestVerifyInit(digest, NULL, EVP_sha256(), NULL, key->public_key) == 1)
		match =
			EVP_DigestVerify(digest, signature, signature_bytes, (const unsigned char *)message.ptr, message.len) == 1
				? CO_AUTH_MATCH
				: CO_AUTH_MISMATCH;
	EVP_MD_CTX_free(digest);
	return match;
}

/* A JWS carries r and s side by side, the library wants them in DER. */
static enum co_auth_match verify_es256(const struct co_auth_key *key, struct co_view message, struct co_view signature)
{
	enum co_auth_match match = CO_AUTH_FAILED;
	unsigned char *der = NULL;
	ECDSA_SIG *pair = NULL;
	BIGNUM *r = NULL, *s = NULL;
	int der_bytes;

	if (signature.len != 2 * ES256_HALF_BYTES)
		return CO_AUTH_MISMATCH;
	pair = ECDSA_SIG_new();
	r = BN_bin2bn((const unsigned char *)signature.ptr, (int)ES256_HALF_BYTES, NULL);
	s = BN_bin2bn((const unsigned char *)signature.ptr + ES256_HALF_BYTES, (int)ES256_HALF_BYTES, NULL);
	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1)
		goto free_numbers;
	r = s = NULL; /* the pair's now */
	der_bytes = i2d_ECDSA_SIG(pair, &der);
	if (der_bytes > 0)
		match = verify_public(key, message, der, (size_t)der_bytes);
	OPENSSL_free(der);
free_numbers:
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return match;
}

enum co_auth_match co_auth_key_verify(const struct co_auth_key *key, struct co_view message, struct co_view signature)
{
	enum co_auth_match match = CO_AUTH_FAILED;

	switch (key->alg) {
	case CO_AUTH_HS256:
		match = verify_hs256(key, message, signature);
		break;
	case CO_AUTH_RS256:
		match = verify_public(key, message, (const unsigned char *)signature.ptr, signature.len);
		break;
	case CO_AUTH_ES256:
		match = verify_es256(key, message, signature);
		break;
	}
	ERR_clear_error();
	return match;
}

bool co_sha256(struct co_view bytes, uint8_t out[CO_SHA256_BYTES])
{
	unsigned written = 0;

	memset(out, 0, CO_SHA256_BYTES);
	return EVP_Digest(bytes.ptr, bytes.len, out, &written, EVP_sha256(), NULL) == 1 && written == CO_SHA256_BYTES;
}

bool co_sha256_eq(const uint8_t a[CO_SHA256_BYTES], const uint8_t b[CO_SHA256_BYTES])
{
	return CRYPTO_memcmp(a, b, CO_SHA256_BYTES) == 0;
}
