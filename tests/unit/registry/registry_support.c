#include "registry_support.h"

#include "checkout/uuid.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void sandbox_make(struct sandbox *box)
{
	(void)snprintf(box->directory, sizeof box->directory, "/tmp/co-registry-XXXXXX");
	assert_non_null(mkdtemp(box->directory));
}

void sandbox_clear(struct sandbox *box)
{
	DIR *folder = opendir(box->directory);

	assert_non_null(folder);
	for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		if (entry->d_name[0] != '.')
			assert_int_equal(remove(sandbox_path(box, entry->d_name)), 0);
	assert_int_equal(closedir(folder), 0);
	assert_int_equal(rmdir(box->directory), 0);
}

const char *sandbox_path(const struct sandbox *box, const char *name)
{
	static char path[512];
	int len = snprintf(path, sizeof path, "%s/%s", box->directory, name);

	assert_true(len > 0 && (size_t)len < sizeof path);
	return path;
}

void sandbox_write(const struct sandbox *box, const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(sandbox_path(box, name), "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

void sandbox_write_text(const struct sandbox *box, const char *name, const char *text)
{
	sandbox_write(box, name, text, strlen(text));
}

void sandbox_write_public_key(const struct sandbox *box, const char *name, EVP_PKEY *key)
{
	FILE *file = fopen(sandbox_path(box, name), "wb");

	assert_non_null(file);
	assert_int_equal(PEM_write_PUBKEY(file, key), 1);
	assert_int_equal(fclose(file), 0);
}

struct co_registry_file *sandbox_open(const struct sandbox *box, enum co_auth_mode mode)
{
	struct co_registry_file *registry = NULL;
	struct co_error error = {"", ""};
	enum co_status status = co_registry_file_open(sandbox_path(box, "registry.json"), mode, &registry, &error);

	if (status != CO_OK)
		fail_msg("the registry was refused: %s: %s", error.path, error.text);
	return registry;
}

void append_base64url(char *out, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = bytes;
	char *at = out + strlen(out);

	for (size_t i = 0; i < len; i += 3) {
		size_t group = len - i < 3 ? len - i : 3;
		unsigned bits =
			(unsigned)in[i] << 16 | (group > 1 ? (unsigned)in[i + 1] << 8 : 0) | (group > 2 ? (unsigned)in[i + 2] : 0);

		for (size_t k = 0; k <= group; k++)
			*at++ = digits[bits >> (18 - 6 * k) & 63];
	}
	*at = '\0';
}

static void append_text(char *out, const char *text)
{
	memcpy(out + strlen(out), text, strlen(text) + 1);
}

static void begin_token(char *out, const char *header, const char *claims)
{
	out[0] = '\0';
	append_base64url(out, header, strlen(header));
	append_text(out, ".");
	append_base64url(out, claims, strlen(claims));
}

void token_hs256(char *out, const char *header, const char *claims, const void *secret, size_t secret_len)
{
	unsigned char code[EVP_MAX_MD_SIZE];
	unsigned code_len = 0;

	begin_token(out, header, claims);
	if (secret)
		assert_non_null(
			HMAC(EVP_sha256(), secret, (int)secret_len, (const unsigned char *)out, strlen(out), code, &code_len));
	append_text(out, ".");
	append_base64url(out, code, code_len);
}

static size_t sign(const char *text, EVP_PKEY *key, unsigned char *signature, size_t cap)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	size_t len = cap;

	assert_non_null(digest);
	assert_int_equal(EVP_DigestSignInit(digest, NULL, EVP_sha256(), NULL, key), 1);
	assert_int_equal(EVP_DigestSign(digest, signature, &len, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(digest);
	return len;
}

void token_signed_der(char *out, const char *header, const char *claims, EVP_PKEY *key)
{
	unsigned char signature[1024];
	size_t len;

	begin_token(out, header, claims);
	len = sign(out, key, signature, sizeof signature);
	append_text(out, ".");
	append_base64url(out, signature, len);
}

void token_signed(char *out, const char *header, const char *claims, EVP_PKEY *key)
{
	unsigned char der[1024], raw[64];
	const unsigned char *at = der;
	ECDSA_SIG *pair;
	size_t len;

	if (EVP_PKEY_get_base_id(key) != EVP_PKEY_EC) {
		token_signed_der(out, header, claims, key);
		return;
	}
	begin_token(out, header, claims);
	len = sign(out, key, der, sizeof der);
	pair = d2i_ECDSA_SIG(NULL, &at, (long)len);
	assert_non_null(pair);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(pair), raw, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(pair), raw + 32, 32), 32);
	ECDSA_SIG_free(pair);
	append_text(out, ".");
	append_base64url(out, raw, sizeof raw);
}

static const int numbers[] = {
#define CO_CODE(ident, number, status, retryable, message) number,
#include "checkout/tbl/codes.def"
#undef CO_CODE
};

int ask(const struct co_registry *port, const char *merchant_id, const struct co_credentials *credentials,
		int64_t now_ms)
{
	const void *edition = port->acquire(port->self);
	enum co_code refusal = CO_CODE_COUNT;
	struct co_uuid id;
	bool good;

	assert_true(co_uuid_parse(co_view_cstr(merchant_id), &id));
	good = port->authenticate(edition, &id, credentials, now_ms, &refusal);
	port->release(port->self, edition);
	assert_int_equal(good, refusal == CO_CODE_COUNT);
	return refusal < CO_CODE_COUNT ? numbers[refusal] : 0;
}

static int stderr_saved = -1;
static FILE *stderr_file;

void stderr_catch_begin(void)
{
	stderr_file = tmpfile();
	assert_non_null(stderr_file);
	(void)fflush(stderr);
	stderr_saved = dup(STDERR_FILENO);
	assert_true(stderr_saved >= 0);
	assert_true(dup2(fileno(stderr_file), STDERR_FILENO) >= 0);
}

char *stderr_catch_end(void)
{
	long len;
	char *text;

	(void)fflush(stderr);
	assert_true(dup2(stderr_saved, STDERR_FILENO) >= 0);
	(void)close(stderr_saved);
	assert_int_equal(fseek(stderr_file, 0, SEEK_END), 0);
	len = ftell(stderr_file);
	assert_true(len >= 0);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	rewind(stderr_file);
	assert_int_equal(fread(text, 1, (size_t)len, stderr_file), len);
	assert_int_equal(fclose(stderr_file), 0);
	return text;
}
