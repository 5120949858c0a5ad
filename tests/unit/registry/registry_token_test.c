/* Tokens and API keys through the port, with keys made at run time. Covers contract section 8 beyond its vectors: RS256
 * and ES256, confusion of algorithms, spelling of tokens, the edges of time, claims of the wrong type, and which check
 * comes first. Each row is a result of its own. */
#include "registry_support.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MERCHANT "123e4567-e89b-12d3-a456-426614174000"
#define SECOND "00000000-0000-4000-8000-000000000002"
#define LOST "00000000-0000-4000-8000-000000000003"
#define ODD "00000000-0000-4000-8000-000000000004"
#define SECRET "unit-test-secret"
#define NOW_MS INT64_C(1767225600000)
#define CLAIMS_OF(id, more) \
	"{\"exp\":1767225601,\"merchant_id\":\"" id "\",\"aud\":\"checkout\",\"scope\":\"checkout.session\"" more "}"
#define CLAIMS CLAIMS_OF(MERCHANT, "")
#define TOKEN_MAX ((size_t)200 * 1024)

/* Merchant ODD names keys of the wrong kind; LOST a mix of files that are there and files that are not. */
static const char registry_text[] =
	"{\"merchants\":[{\"id\":\"" MERCHANT "\",\"jwt\":{\"audience\":\"checkout\",\"keys\":["
	"{\"kid\":\"hs\",\"alg\":\"HS256\",\"secretFile\":\"hs.key\"},"
	"{\"kid\":\"rs\",\"alg\":\"RS256\",\"publicKeyFile\":\"rs.pem\"},"
	"{\"kid\":\"es\",\"alg\":\"ES256\",\"publicKeyFile\":\"es.pem\"},"
	"{\"kid\":\"hs2\",\"alg\":\"HS256\",\"secretFile\":\"hs2.key\"},"
	"{\"alg\":\"RS256\",\"publicKeyFile\":\"rs2.pem\"}]}},"
	"{\"id\":\"" SECOND "\",\"jwt\":{\"keys\":[{\"kid\":\"rs\",\"alg\":\"RS256\",\"publicKeyFile\":\"rs.pem\"}]}},"
	"{\"id\":\"" LOST "\",\"jwt\":{\"keys\":["
	"{\"kid\":\"gone\",\"alg\":\"HS256\",\"secretFile\":\"gone.key\"},"
	"{\"kid\":\"folder\",\"alg\":\"HS256\",\"secretFile\":\".\"},"
	"{\"kid\":\"empty\",\"alg\":\"HS256\",\"secretFile\":\"empty.key\"},"
	"{\"kid\":\"kept\",\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}]}},"
	"{\"id\":\"" ODD "\",\"jwt\":{\"keys\":["
	"{\"kid\":\"small\",\"alg\":\"RS256\",\"publicKeyFile\":\"small.pem\"},"
	"{\"kid\":\"pss\",\"alg\":\"RS256\",\"publicKeyFile\":\"pss.pem\"},"
	"{\"kid\":\"ec-as-rsa\",\"alg\":\"RS256\",\"publicKeyFile\":\"es.pem\"},"
	"{\"kid\":\"rsa-as-ec\",\"alg\":\"ES256\",\"publicKeyFile\":\"rs.pem\"},"
	"{\"kid\":\"p384\",\"alg\":\"ES256\",\"publicKeyFile\":\"p384.pem\"},"
	"{\"kid\":\"text\",\"alg\":\"ES256\",\"publicKeyFile\":\"hs.key\"},"
	"{\"kid\":\"private\",\"alg\":\"RS256\",\"publicKeyFile\":\"private.pem\"},"
	"{\"kid\":\"good\",\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}]}}]}";

static struct {
	struct sandbox box;
	struct co_registry_file *registry;
	struct co_registry port;
	EVP_PKEY *rsa, *rsa2, *other_rsa, *ec, *other_ec, *small, *pss, *p384;
	char pem[2048]; /* rs.pem, as an attacker would take it for a secret */
} t;

enum signer {
	HS,
	HS2,
	HS_WRONG,
	HS_RSA_PEM,
	RS,
	RS2,
	RS_OTHER,
	RS_SMALL,
	RS_PSS,
	ES,
	ES_DER,
	ES_OTHER,
	ES_P384,
	NOBODY
};

struct token_row {
	const char *name;
	const char *header, *claims;
	const char *merchant;
	int64_t now_ms;
	enum signer signer;
	int expected;
};

static void write_token(char *out, const struct token_row *row)
{
	struct {
		const char *secret;
		EVP_PKEY *key;
	} with[] = {[HS] = {SECRET, NULL},
				[HS2] = {"second-secret", NULL},
				[HS_WRONG] = {SECRET "\n", NULL},
				[HS_RSA_PEM] = {t.pem, NULL},
				[RS] = {NULL, t.rsa},
				[RS2] = {NULL, t.rsa2},
				[RS_OTHER] = {NULL, t.other_rsa},
				[RS_SMALL] = {NULL, t.small},
				[RS_PSS] = {NULL, t.pss},
				[ES] = {NULL, t.ec},
				[ES_DER] = {NULL, t.ec},
				[ES_OTHER] = {NULL, t.other_ec},
				[ES_P384] = {NULL, t.p384},
				[NOBODY] = {NULL, NULL}};

	if (row->signer == ES_DER || row->signer == ES_P384)
		token_signed_der(out, row->header, row->claims, with[row->signer].key);
	else if (with[row->signer].key)
		token_signed(out, row->header, row->claims, with[row->signer].key);
	else
		token_hs256(out, row->header, row->claims, with[row->signer].secret,
					with[row->signer].secret ? strlen(with[row->signer].secret) : 0);
}

static int ask_bearer(const char *authorization, const char *merchant, int64_t now_ms)
{
	const struct co_credentials credentials = {.authorization = co_view_cstr(authorization),
											   .namespace_name = CO_VIEW("default")};

	return ask(&t.port, merchant, &credentials, now_ms);
}

static void authenticate__token_of_the_row__its_code(void **state)
{
	static char authorization[TOKEN_MAX] = "Bearer ";
	const struct token_row *row = *state;

	write_token(authorization + strlen("Bearer "), row);

	assert_int_equal(ask_bearer(authorization, row->merchant, row->now_ms), row->expected);
}

#define HS_HEADER "{\"alg\":\"HS256\",\"kid\":\"hs\"}"
#define EXP(number) \
	"{\"exp\":" number ",\"merchant_id\":\"" MERCHANT "\",\"aud\":\"checkout\",\"scope\":\"checkout.session\"}"
/* Of a merchant with all kinds of keys, at NOW_MS. */
#define ROW(name, header, claims, signer, expected)              \
	{                                                            \
		name, header, claims, MERCHANT, NOW_MS, signer, expected \
	}
#define AT(name, claims, at_ms, expected)                      \
	{                                                          \
		name, HS_HEADER, claims, MERCHANT, at_ms, HS, expected \
	}
#define CLAIM(name, more, expected) ROW(name, HS_HEADER, CLAIMS_OF(MERCHANT, more), HS, expected)
#define OF(merchant, name, header, signer, expected)                              \
	{                                                                             \
		name, header, CLAIMS_OF(MERCHANT, ""), merchant, NOW_MS, signer, expected \
	}

static const struct token_row token_rows[] = {
	/* Signatures */
	ROW("HS256", HS_HEADER, CLAIMS, HS, 0),
	ROW("HS256, the second of two", "{\"alg\":\"HS256\",\"kid\":\"hs2\"}", CLAIMS, HS2, 0),
	ROW("HS256, another key's secret", "{\"alg\":\"HS256\",\"kid\":\"hs2\"}", CLAIMS, HS, 9300012),
	ROW("HS256, the line end is not the secret's", HS_HEADER, CLAIMS, HS_WRONG, 9300012),
	ROW("RS256", "{\"alg\":\"RS256\",\"kid\":\"rs\"}", CLAIMS, RS, 0),
	ROW("RS256, another key", "{\"alg\":\"RS256\",\"kid\":\"rs\"}", CLAIMS, RS_OTHER, 9300012),
	ROW("ES256", "{\"alg\":\"ES256\",\"kid\":\"es\"}", CLAIMS, ES, 0),
	ROW("ES256, another key", "{\"alg\":\"ES256\",\"kid\":\"es\"}", CLAIMS, ES_OTHER, 9300012),
	ROW("ES256, signature as DER", "{\"alg\":\"ES256\",\"kid\":\"es\"}", CLAIMS, ES_DER, 9300012),
	/* Confusion */
	ROW("HS256 with the public key as secret", "{\"alg\":\"HS256\",\"kid\":\"rs\"}", CLAIMS, HS_RSA_PEM, 9300012),
	ROW("HS256 with the public key as secret, no kid", "{\"alg\":\"HS256\"}", CLAIMS, HS_RSA_PEM, 9300012),
	ROW("RS256 said, HS256 signed", "{\"alg\":\"RS256\",\"kid\":\"rs\"}", CLAIMS, HS_RSA_PEM, 9300012),
	ROW("ES256 said of an RSA key", "{\"alg\":\"ES256\",\"kid\":\"rs\"}", CLAIMS, ES, 9300012),
	ROW("RS256 said of an EC key", "{\"alg\":\"RS256\",\"kid\":\"es\"}", CLAIMS, RS, 9300012),
	ROW("none, unsigned", "{\"alg\":\"none\",\"kid\":\"hs\"}", CLAIMS, NOBODY, 9300012),
	ROW("none, no kid", "{\"alg\":\"none\"}", CLAIMS, NOBODY, 9300012),
	ROW("none, signed", "{\"alg\":\"none\",\"kid\":\"hs\"}", CLAIMS, HS, 9300012),
	ROW("None", "{\"alg\":\"None\",\"kid\":\"hs\"}", CLAIMS, NOBODY, 9300012),
	ROW("hs256 in lower case", "{\"alg\":\"hs256\",\"kid\":\"hs\"}", CLAIMS, HS, 9300012),
	ROW("HS256, unsigned", HS_HEADER, CLAIMS, NOBODY, 9300012),
	ROW("alg is no string", "{\"alg\":[\"HS256\"],\"kid\":\"hs\"}", CLAIMS, HS, 9300012),
	ROW("alg twice", "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"hs\"}", CLAIMS, HS, 9300012),
	ROW("crit", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"crit\":[\"x\"],\"x\":1}", CLAIMS, HS, 9300012),
	ROW("an unknown header member", "{\"alg\":\"HS256\",\"kid\":\"hs\",\"x\":1}", CLAIMS, HS, 0),
	/* The key that is picked */
	ROW("no kid: the first of the algorithm", "{\"alg\":\"HS256\"}", CLAIMS, HS, 0),
	ROW("no kid: not the second", "{\"alg\":\"HS256\"}", CLAIMS, HS2, 9300012),
	ROW("no kid: RS256, the first", "{\"alg\":\"RS256\"}", CLAIMS, RS, 0),
	ROW("no kid: not the one without kid", "{\"alg\":\"RS256\"}", CLAIMS, RS2, 9300012),
	ROW("no kid: ES256", "{\"alg\":\"ES256\"}", CLAIMS, ES, 0),
	ROW("kid in another case", "{\"alg\":\"HS256\",\"kid\":\"HS\"}", CLAIMS, HS, 9300012),
	ROW("kid empty", "{\"alg\":\"HS256\",\"kid\":\"\"}", CLAIMS, HS, 9300012),
	ROW("kid null", "{\"alg\":\"HS256\",\"kid\":null}", CLAIMS, HS, 9300012),
	ROW("kid a number", "{\"alg\":\"HS256\",\"kid\":1}", CLAIMS, HS, 9300012),
	ROW("kid escaped", "{\"alg\":\"HS256\",\"kid\":\"h\\u0073\"}", CLAIMS, HS, 0),
	OF(LOST, "no kid: the first, though its file is gone", "{\"alg\":\"HS256\"}", HS, 9300002),
	OF(LOST, "file gone", "{\"alg\":\"HS256\",\"kid\":\"gone\"}", HS, 9300002),
	OF(LOST, "file is a folder", "{\"alg\":\"HS256\",\"kid\":\"folder\"}", HS, 9300002),
	OF(LOST, "file is empty", "{\"alg\":\"HS256\",\"kid\":\"empty\"}", NOBODY, 9300002),
	OF(LOST, "file gone, other algorithm said", "{\"alg\":\"RS256\",\"kid\":\"gone\"}", RS, 9300012),
	OF(LOST, "file gone, kid unknown", "{\"alg\":\"HS256\",\"kid\":\"x\"}", HS, 9300012),
	OF(LOST, "the kept one goes on, for the claims to be judged", "{\"alg\":\"HS256\",\"kid\":\"kept\"}", HS, 9300401),
	OF(ODD, "RSA of 1024 bits", "{\"alg\":\"RS256\",\"kid\":\"small\"}", RS_SMALL, 9300002),
	OF(ODD, "RSA-PSS", "{\"alg\":\"RS256\",\"kid\":\"pss\"}", RS_PSS, 9300002),
	OF(ODD, "EC file for RS256", "{\"alg\":\"RS256\",\"kid\":\"ec-as-rsa\"}", ES, 9300002),
	OF(ODD, "RSA file for ES256", "{\"alg\":\"ES256\",\"kid\":\"rsa-as-ec\"}", RS, 9300002),
	OF(ODD, "P-384 for ES256", "{\"alg\":\"ES256\",\"kid\":\"p384\"}", ES_P384, 9300002),
	OF(ODD, "a file that is no PEM", "{\"alg\":\"ES256\",\"kid\":\"text\"}", ES, 9300002),
	OF(ODD, "a private key", "{\"alg\":\"RS256\",\"kid\":\"private\"}", RS, 9300002),
	OF(ODD, "no key is good for ES256", "{\"alg\":\"ES256\"}", ES, 9300002),
	/* Another merchant's key of the same name and file: the claim tells them apart */
	OF(SECOND, "another merchant's token", "{\"alg\":\"RS256\",\"kid\":\"rs\"}", RS, 9300401),
	{"no audience asked for, a wrong one given", "{\"alg\":\"RS256\",\"kid\":\"rs\"}",
	 "{\"exp\":1767225601,\"merchant_id\":\"" SECOND "\",\"aud\":7,\"scope\":\"checkout.session\"}", SECOND, NOW_MS, RS,
	 0},
	/* JSON objects */
	ROW("header an array", "[]", CLAIMS, HS, 9300012),
	ROW("header empty", "", CLAIMS, HS, 9300012),
	ROW("claims empty", HS_HEADER, "", HS, 9300012),
	ROW("claims null", HS_HEADER, "null", HS, 9300012),
	ROW("claims a string", HS_HEADER, "\"{}\"", HS, 9300012),
	ROW("claims twice the same member", HS_HEADER, CLAIMS_OF(MERCHANT, ",\"exp\":1"), HS, 9300012),
	ROW("claims with a byte order mark", HS_HEADER, "\xef\xbb\xbf" CLAIMS, HS, 9300012),
	ROW("claims with more behind", HS_HEADER, CLAIMS "{}", HS, 9300012),
	ROW("claims no JSON before a file that is gone", "{\"alg\":\"HS256\",\"kid\":\"hs\"}", "{", HS, 9300012),
	ROW("claims with blanks around", HS_HEADER, " " CLAIMS "\n", HS, 0),
	/* Time: a second is a second, and a fraction one too */
	AT("exp, a millisecond before", CLAIMS, NOW_MS + 999, 0),
	AT("exp, at it", CLAIMS, NOW_MS + 1000, 9300013),
	AT("exp, a millisecond after", CLAIMS, NOW_MS + 1001, 9300013),
	AT("exp .5, before", EXP("1767225600.5"), NOW_MS + 499, 0),
	AT("exp .5, at it", EXP("1767225600.5"), NOW_MS + 500, 9300013),
	AT("exp .001, before", EXP("1767225600.001"), NOW_MS, 0),
	AT("exp .001, at it", EXP("1767225600.001"), NOW_MS + 1, 9300013),
	AT("exp .007, before", EXP("1767225600.007"), NOW_MS + 6, 0),
	AT("exp .007, at it", EXP("1767225600.007"), NOW_MS + 7, 9300013),
	AT("exp .0000001 is later", EXP("1767225600.0000001"), NOW_MS, 0),
	AT("exp .0000001 is over a millisecond later", EXP("1767225600.0000001"), NOW_MS + 1, 9300013),
	AT("exp .0000000 is not later", EXP("1767225600.0000000"), NOW_MS, 9300013),
	AT("exp with exponent, before", EXP("1.7672256005e9"), NOW_MS + 499, 0),
	AT("exp with exponent, at it", EXP("1.7672256005E+9"), NOW_MS + 500, 9300013),
	AT("exp with exponent, filled with zeros", EXP("17672256e2"), NOW_MS, 9300013),
	AT("exp with exponent, filled with zeros, before", EXP("17672256e2"), NOW_MS - 1, 0),
	AT("exp with negative exponent, before", EXP("17672256005e-1"), NOW_MS + 499, 0),
	AT("exp with negative exponent, at it", EXP("17672256005e-1"), NOW_MS + 500, 9300013),
	AT("exp far in the future", EXP("9223372036854775807"), NOW_MS, 0),
	AT("exp farther", EXP("1e308"), NOW_MS, 0),
	AT("exp nothing with an exponent", EXP("0e300"), NOW_MS, 9300013),
	AT("exp next to nothing", EXP("1e-300"), 0, 0),
	AT("exp next to nothing, over", EXP("1e-300"), 1, 9300013),
	AT("exp zero at zero", EXP("0"), 0, 9300013),
	AT("exp below zero", EXP("-1"), NOW_MS, 9300013),
	AT("exp below zero, before", EXP("-0.5"), -501, 0),
	AT("exp below zero, at it", EXP("-0.5"), -500, 9300013),
	AT("exp far below zero", EXP("-1e300"), -NOW_MS, 9300013),
	AT("exp null", EXP("null"), NOW_MS, 9300012),
	AT("exp true", EXP("true"), NOW_MS, 9300012),
	AT("exp beyond an integer", EXP("9223372036854775808"), NOW_MS, 9300012),
	AT("nbf, a millisecond before", CLAIMS_OF(MERCHANT, ",\"nbf\":1767225600"), NOW_MS - 1, 9300012),
	AT("nbf, at it", CLAIMS_OF(MERCHANT, ",\"nbf\":1767225600"), NOW_MS, 0),
	AT("nbf .25, before", CLAIMS_OF(MERCHANT, ",\"nbf\":1767225600.25"), NOW_MS + 249, 9300012),
	AT("nbf .25, at it", CLAIMS_OF(MERCHANT, ",\"nbf\":1767225600.25"), NOW_MS + 250, 0),
	AT("nbf text", CLAIMS_OF(MERCHANT, ",\"nbf\":\"1\""), NOW_MS, 9300012),
	AT("nbf null", CLAIMS_OF(MERCHANT, ",\"nbf\":null"), NOW_MS, 9300012),
	AT("nbf before exp: not yet is told first", CLAIMS_OF(MERCHANT, ",\"nbf\":1767225700"), NOW_MS + 5000, 9300012),
	/* Claims */
	CLAIM("purpose of another type", ",\"purpose\":[\"reset_password\"]", 0),
	CLAIM("purpose null", ",\"purpose\":null", 0),
	CLAIM("purpose in another case", ",\"purpose\":\"RESET_PASSWORD\"", 0),
	CLAIM("purpose", ",\"purpose\":\"reset_password\"", 9300014),
	CLAIM("namespace", ",\"namespace\":\"default\"", 0),
	CLAIM("namespace in another case", ",\"namespace\":\"Default\"", 9300015),
	CLAIM("namespace null", ",\"namespace\":null", 9300015),
	CLAIM("namespace a number", ",\"namespace\":0", 9300015),
	CLAIM("namespace empty", ",\"namespace\":\"\"", 9300015),
	ROW("merchant_id a number", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":1,\"aud\":\"checkout\",\"scope\":\"checkout.session\"}", HS, 9300401),
	ROW("merchant_id with braces", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"{" MERCHANT "}\",\"aud\":\"checkout\",\"scope\":\"checkout.session\"}", HS,
		9300401),
	ROW("aud in another case", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":\"Checkout\",\"scope\":\"checkout.session\"}", HS,
		9300401),
	ROW("aud an empty list", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":[],\"scope\":\"checkout.session\"}", HS, 9300401),
	ROW("aud a list with other types", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":[1,null,\"checkout\"],\"scope\":\"checkout.session\"}",
		HS, 0),
	ROW("aud a list in a list", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":[[\"checkout\"]],\"scope\":\"checkout.session\"}", HS,
		9300401),
	ROW("aud an object", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT
		"\",\"aud\":{\"checkout\":\"checkout\"},\"scope\":\"checkout.session\"}",
		HS, 9300401),
	ROW("scope with blanks around", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":\"checkout\",\"scope\":\"  checkout.session \"}", HS,
		0),
	ROW("scope with a tab between", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":\"checkout\",\"scope\":\"a\\tcheckout.session\"}", HS,
		9300003),
	ROW("scope a prefix", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":\"checkout\",\"scope\":\"checkout.sessio checkout\"}",
		HS, 9300003),
	ROW("scope a list", HS_HEADER,
		"{\"exp\":1e10,\"merchant_id\":\"" MERCHANT "\",\"aud\":\"checkout\",\"scope\":[\"checkout.session\"]}", HS,
		9300003),
};

struct spelling_row {
	const char *name;
	const char *before, *after; /* of a good token; NULL: no token at all between */
	int expected;
};

static const struct spelling_row spelling_rows[] = {
	{"Bearer", "Bearer ", "", 0},
	{"bearer", "bearer ", "", 0},
	{"BEARER", "BEARER ", "", 0},
	{"several blanks", "Bearer    ", "", 0},
	{"a tab", "Bearer\t", "", 9300011},
	{"no blank", "Bearer", "", 9300011},
	{"a blank before", " Bearer ", "", 9300011},
	{"another scheme", "Bearers ", "", 9300011},
	{"the token alone", "", "", 9300011},
	{"a blank behind", "Bearer ", " ", 9300012},
	{"a line end behind", "Bearer ", "\n", 9300012},
	{"a character more", "Bearer ", "A", 9300012},
	{"padding", "Bearer ", "=", 9300012},
	{"a fourth part", "Bearer ", ".", 9300012},
	{"a dot before", "Bearer .", "", 9300012},
	{"a comma and another", "Bearer ", ", Bearer x", 9300012},
	{"Bearer alone", "Bearer", NULL, 9300011},
	{"blanks alone", "Bearer   ", NULL, 9300011},
	{"nothing", "", NULL, 9300011},
	{"one dot", "Bearer .", NULL, 9300012},
	{"two dots", "Bearer ..", NULL, 9300012},
	{"three dots", "Bearer ...", NULL, 9300012},
};

static void authenticate__spelling_of_the_row__its_code(void **state)
{
	const struct spelling_row *row = *state;
	char token[1024] = "", authorization[2048];

	if (row->after)
		token_hs256(token, HS_HEADER, CLAIMS, SECRET, strlen(SECRET));
	(void)snprintf(authorization, sizeof authorization, "%s%s%s", row->before, token, row->after ? row->after : "");

	assert_int_equal(ask_bearer(authorization, MERCHANT, NOW_MS), row->expected);
}

/* Every character that base64url has not, in each of the parts: the token is refused, and no byte of it is left out
 * before it is looked at. */
static void authenticate__foreign_character_in_a_part__9300012(void **state)
{
	char good[1024] = "Bearer ", bad[1024];
	size_t tried = 0;

	(void)state;
	token_hs256(good + strlen(good), HS_HEADER, CLAIMS, SECRET, strlen(SECRET));
	for (size_t at = strlen("Bearer ") + 4; at < strlen(good); at += 37) {
		for (int c = 1; c < 256; c++) {
			if (strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", c))
				continue;
			memcpy(bad, good, sizeof bad);
			bad[at] = (char)c;
			assert_int_equal(ask_bearer(bad, MERCHANT, NOW_MS), 9300012);
			tried++;
		}
	}
	assert_true(tried > 1000);
}

/* The last character of an HS256 signature has two bits to spare: a decoder that ignored them would take four spellings
 * of one token. */
static void authenticate__other_last_character__9300012(void **state)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char good[1024] = "Bearer ", bad[1024];
	size_t last, accepted = 0;

	(void)state;
	token_hs256(good + strlen(good), HS_HEADER, CLAIMS, SECRET, strlen(SECRET));
	last = strlen(good) - 1;
	for (const char *digit = digits; *digit; digit++) {
		memcpy(bad, good, sizeof bad);
		bad[last] = *digit;
		accepted += ask_bearer(bad, MERCHANT, NOW_MS) == 0;
	}

	assert_int_equal(accepted, 1);
}

static void authenticate__ec_signature_of_another_length__9300012(void **state)
{
	char good[1024] = "Bearer ", bad[1200];

	(void)state;
	token_signed(good + strlen(good), "{\"alg\":\"ES256\",\"kid\":\"es\"}", CLAIMS, t.ec);
	assert_int_equal(ask_bearer(good, MERCHANT, NOW_MS), 0);

	(void)snprintf(bad, sizeof bad, "%.*s", (int)strlen(good) - 3, good);
	assert_int_equal(ask_bearer(bad, MERCHANT, NOW_MS), 9300012);
	(void)snprintf(bad, sizeof bad, "%.*sAAAA", (int)strlen(good) - 2, good);
	assert_int_equal(ask_bearer(bad, MERCHANT, NOW_MS), 9300012);
	/* A right signature with two bytes more behind it */
	(void)snprintf(bad, sizeof bad, "%sAA", good);
	assert_int_equal(ask_bearer(bad, MERCHANT, NOW_MS), 9300012);
	/* r = s = 0, the signature that some libraries took for good */
	strrchr(good, '.')[1] = '\0';
	append_base64url(good, (const char[64]){0}, 64);
	assert_int_equal(ask_bearer(good, MERCHANT, NOW_MS), 9300012);
}

/* Up to the header limit a token is judged, beyond it refused unread: both within reason. */
static void authenticate__token_at_the_size_limit__judged_and_beyond_refused(void **state)
{
	static char claims[TOKEN_MAX], authorization[TOKEN_MAX], name[TOKEN_MAX / 2];
	size_t overhead, pad;

	(void)state;
	(void)snprintf(authorization, sizeof authorization, "Bearer ");
	token_hs256(authorization + 7, HS_HEADER, CLAIMS_OF(MERCHANT, ",\"x\":\"\""), SECRET, strlen(SECRET));
	overhead = strlen(authorization) - 7;
	pad = (65536 - overhead) / 4 * 3;

	memset(name, 'x', pad);
	(void)snprintf(claims, sizeof claims, "%.*s,\"x\":\"%s\"}", (int)strlen(CLAIMS) - 1, CLAIMS, name);
	token_hs256(authorization + 7, HS_HEADER, claims, SECRET, strlen(SECRET));
	assert_true(strlen(authorization) - 7 <= 65536 && strlen(authorization) - 7 > 65530);
	assert_int_equal(ask_bearer(authorization, MERCHANT, NOW_MS), 0);

	(void)snprintf(claims, sizeof claims, "%.*s,\"x\":\"%s12345\"}", (int)strlen(CLAIMS) - 1, CLAIMS, name);
	token_hs256(authorization + 7, HS_HEADER, claims, SECRET, strlen(SECRET));
	assert_true(strlen(authorization) - 7 > 65536);
	assert_int_equal(ask_bearer(authorization, MERCHANT, NOW_MS), 9300012);
}

static void authenticate__claims_of_thousands_of_nodes_or_levels__judged(void **state)
{
	static char claims[TOKEN_MAX], authorization[TOKEN_MAX], many[40001], deep[40001];

	(void)state;
	(void)snprintf(authorization, sizeof authorization, "Bearer ");
	for (size_t i = 0; i < 40000; i++) {
		many[i] = i % 2 ? ',' : '0';
		deep[i] = '[';
	}
	many[39999] = '\0';
	(void)snprintf(claims, sizeof claims, "%.*s,\"x\":[%s]}", (int)strlen(CLAIMS) - 1, CLAIMS, many);
	token_hs256(authorization + 7, HS_HEADER, claims, SECRET, strlen(SECRET));
	assert_int_equal(ask_bearer(authorization, MERCHANT, NOW_MS), 0);

	(void)snprintf(claims, sizeof claims, "%.*s,\"x\":%s", (int)strlen(CLAIMS) - 1, CLAIMS, deep);
	token_hs256(authorization + 7, HS_HEADER, claims, SECRET, strlen(SECRET));
	assert_int_equal(ask_bearer(authorization, MERCHANT, NOW_MS), 9300012);
}

static void write_files(void)
{
	FILE *file;

	sandbox_write_text(&t.box, "registry.json", registry_text);
	sandbox_write_text(&t.box, "hs.key", SECRET "\r\n\n");
	sandbox_write_text(&t.box, "hs2.key", "second-secret");
	sandbox_write_text(&t.box, "empty.key", "\r\n");
	sandbox_write_public_key(&t.box, "rs.pem", t.rsa);
	sandbox_write_public_key(&t.box, "rs2.pem", t.rsa2);
	sandbox_write_public_key(&t.box, "es.pem", t.ec);
	sandbox_write_public_key(&t.box, "small.pem", t.small);
	sandbox_write_public_key(&t.box, "pss.pem", t.pss);
	sandbox_write_public_key(&t.box, "p384.pem", t.p384);
	file = fopen(sandbox_path(&t.box, "private.pem"), "wb");
	assert_non_null(file);
	assert_int_equal(PEM_write_PrivateKey(file, t.rsa, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(file), 0);
	file = fopen(sandbox_path(&t.box, "rs.pem"), "rb");
	assert_non_null(file);
	assert_true(fread(t.pem, 1, sizeof t.pem - 1, file) > 0);
	assert_int_equal(fclose(file), 0);
}

static EVP_PKEY *make_pss_key(void)
{
	EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *key = NULL;

	assert_non_null(maker);
	assert_int_equal(EVP_PKEY_keygen_init(maker), 1);
	assert_int_equal(EVP_PKEY_keygen(maker, &key), 1);
	EVP_PKEY_CTX_free(maker);
	return key;
}

static int set_up(void **state)
{
	(void)state;
	t.rsa = EVP_RSA_gen(2048);
	t.rsa2 = EVP_RSA_gen(2048);
	t.other_rsa = EVP_RSA_gen(2048);
	t.small = EVP_RSA_gen(1024);
	t.pss = make_pss_key();
	t.ec = EVP_EC_gen("P-256");
	t.other_ec = EVP_EC_gen("P-256");
	t.p384 = EVP_EC_gen("P-384");
	assert_true(t.rsa && t.rsa2 && t.other_rsa && t.small && t.pss && t.ec && t.other_ec && t.p384);
	sandbox_make(&t.box);
	write_files();
	t.registry = sandbox_open(&t.box, CO_AUTH_JWT);
	t.port = co_registry_file_port(t.registry);
	return 0;
}

static int tear_down(void **state)
{
	EVP_PKEY *keys[] = {t.rsa, t.rsa2, t.other_rsa, t.ec, t.other_ec, t.small, t.pss, t.p384};

	(void)state;
	co_registry_file_close(t.registry);
	sandbox_clear(&t.box);
	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		EVP_PKEY_free(keys[i]);
	return 0;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(authenticate__foreign_character_in_a_part__9300012),
		cmocka_unit_test(authenticate__other_last_character__9300012),
		cmocka_unit_test(authenticate__ec_signature_of_another_length__9300012),
		cmocka_unit_test(authenticate__token_at_the_size_limit__judged_and_beyond_refused),
		cmocka_unit_test(authenticate__claims_of_thousands_of_nodes_or_levels__judged),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(token_rows) + COUNT(spelling_rows)];
	size_t count = 0;

	for (size_t i = 0; i < COUNT(single); i++)
		tests[count++] = single[i];
	for (size_t i = 0; i < COUNT(token_rows); i++)
		tests[count++] = (struct CMUnitTest){.name = token_rows[i].name,
											 .test_func = authenticate__token_of_the_row__its_code,
											 .initial_state = (void *)(uintptr_t)&token_rows[i]};
	for (size_t i = 0; i < COUNT(spelling_rows); i++)
		tests[count++] = (struct CMUnitTest){.name = spelling_rows[i].name,
											 .test_func = authenticate__spelling_of_the_row__its_code,
											 .initial_state = (void *)(uintptr_t)&spelling_rows[i]};
	return _cmocka_run_group_tests("registry_token", tests, count, set_up, tear_down);
}
