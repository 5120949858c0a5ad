/* Fuzzes the judging of bearer tokens. The first byte picks what the rest is: the header's value as it came, or the
 * header, or the claims, of a token that is then signed rightly, so that what stands behind the signature is reached
 * too. Holds: no token without a right signature is ever good, a verdict is the same twice, and a refusal is one of
 * section 8's codes. */
#include "adapters/auth_token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAW, HEADER, CLAIMS, WAYS };

#define SECRET "fuzz"
#define GOOD_HEADER "{\"alg\":\"HS256\"}"
#define GOOD_CLAIMS                                                                                           \
	"{\"exp\":2,\"merchant_id\":\"00000000-0000-0000-0000-000000000000\",\"aud\":\"a\",\"scope\":\"checkout." \
	"session\"}"
#define INPUT_MAX 30000

static struct co_auth_key *key;

static void hold(bool condition)
{
	if (!condition)
		abort();
}

static char *put_base64url(char *at, const void *bytes, size_t len)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *in = bytes;
	unsigned bits = 0, bit_count = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | in[i];
		for (bit_count += 8; bit_count >= 6; bit_count -= 6)
			*at++ = digits[bits >> (bit_count - 6) & 63];
	}
	if (bit_count > 0)
		*at++ = digits[bits << (6 - bit_count) & 63];
	return at;
}

static struct co_view sign(struct co_view header, struct co_view claims)
{
	static char text[7 + 2 * (INPUT_MAX + 400)] = "Bearer ";
	unsigned char code[32];
	unsigned code_len = 0;
	char *at = text + 7;

	at = put_base64url(at, header.ptr, header.len);
	*at++ = '.';
	at = put_base64url(at, claims.ptr, claims.len);
	hold(HMAC(EVP_sha256(), SECRET, sizeof SECRET - 1, (const unsigned char *)text + 7, (size_t)(at - text) - 7, code,
			  &code_len) != NULL);
	*at++ = '.';
	at = put_base64url(at, code, code_len);
	return co_view_make(text, (size_t)(at - text));
}

static bool is_a_token_refusal(enum co_code code)
{
	return code == CO_CODE_ACCESS_TOKEN_REQUIRED || code == CO_CODE_INVALID_JWT_TOKEN ||
		   code == CO_CODE_JWT_TOKEN_EXPIRED || code == CO_CODE_INVALID_RESET_PASSWORD_TOKEN ||
		   code == CO_CODE_INVALID_NAMESPACE || code == CO_CODE_INVALID_ACCESS_TOKEN || code == CO_CODE_UNAUTHORIZED;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct co_token_key keys[] = {{.kid = CO_VIEW("k"), .alg = CO_AUTH_HS256, .key = key}};
	struct co_token_demand demand = {
		.keys = keys, .key_count = 1, .audience = CO_VIEW("a"), .namespace_name = CO_VIEW("default"), .now_ms = 1500};
	enum co_code first = CO_CODE_COUNT, second = CO_CODE_COUNT;
	struct co_view rest, authorization;
	const char *reason;
	bool good;

	if (size == 0 || size > INPUT_MAX)
		return 0;
	if (!key) {
		key = co_auth_key_new(CO_AUTH_HS256, CO_VIEW(SECRET), &reason);
		hold(key != NULL);
		return LLVMFuzzerTestOneInput(data, size);
	}
	rest = co_view_make((const char *)data + 1, size - 1);
	authorization = data[0] % WAYS == RAW      ? rest
					: data[0] % WAYS == HEADER ? sign(rest, CO_VIEW(GOOD_CLAIMS))
											   : sign(CO_VIEW(GOOD_HEADER), rest);
	good = co_token_judge(authorization, &demand, &first);
	hold(good == co_token_judge(authorization, &demand, &second) && first == second);
	hold(good ? first == CO_CODE_COUNT : is_a_token_refusal(first));
	if (data[0] % WAYS != RAW && good) {
		char *broken = malloc(authorization.len);

		hold(broken != NULL);
		memcpy(broken, authorization.ptr, authorization.len);
		broken[authorization.len - 2] = broken[authorization.len - 2] == 'A' ? 'B' : 'A';
		hold(!co_token_judge(co_view_make(broken, authorization.len), &demand, &second));
		free(broken);
	}
	return 0;
}
