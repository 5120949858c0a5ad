#include "auth_token.h"

#include <string.h>

#include "checkout/arena.h"
#include "checkout/base64.h"
#include "checkout/json.h"

#define ARENA_CHUNK_BYTES ((size_t)8 * 1024) /* a usual token in one piece */
#define INSTANT_FAR ((int64_t)1000000000000000000)
#define EXPONENT_FAR ((int64_t)1000000) /* more than the digits of the longest token */

struct token {
	struct co_view signed_part; /* header and claims as they came, with the dot between */
	struct co_view signature;
	const struct co_json *header, *claims;
};

/* RFC 7515: no padding, no other characters; and the bits that a last character has to spare are zero, so that there
 * is one spelling of each part. */
static bool base64url_decode(struct co_view text, struct co_arena *arena, struct co_view *out)
{
	bool stray;

	return co_base64_read(text, CO_BASE64_URL, arena, out, &stray) && !stray;
}

/* `Bearer`, in any case, a space or more, and something. */
static bool bearer_token(struct co_view authorization, struct co_view *out)
{
	const struct co_view scheme = CO_VIEW("Bearer");
	struct co_view rest;

	if (!authorization.ptr || authorization.len <= scheme.len || authorization.ptr[scheme.len] != ' ' ||
		!co_view_eq_nocase(co_view_make(authorization.ptr, scheme.len), scheme))
		return false;
	rest = co_view_make(authorization.ptr + scheme.len, authorization.len - scheme.len);
	while (rest.len > 0 && rest.ptr[0] == ' ')
		rest = co_view_make(rest.ptr + 1, rest.len - 1);
	*out = rest;
	return rest.len > 0;
}

/* Cuts off what stands before the first dot. False: there is none. */
static bool cut_part(struct co_view *rest, struct co_view *part)
{
	const char *dot = rest->len > 0 ? memchr(rest->ptr, '.', rest->len) : NULL;

	if (!dot)
		return false;
	*part = co_view_make(rest->ptr, (size_t)(dot - rest->ptr));
	*rest = co_view_make(dot + 1, rest->len - part->len - 1);
	return true;
}

static bool read_object(struct co_view part, struct co_arena *arena, const struct co_json **out)
{
	struct co_view text;

	return base64url_decode(part, arena, &text) && co_json_parse(text, CO_JSON_DEPTH_MAX, arena, out, NULL) == CO_OK &&
		   co_json_is(*out, CO_JSON_OBJECT);
}

static bool read_token(struct co_view text, struct co_arena *arena, struct token *out)
{
	struct co_view rest = text, header, claims;

	if (text.len > CO_TOKEN_BYTES_MAX || !cut_part(&rest, &header) || !cut_part(&rest, &claims))
		return false;
	out->signed_part = co_view_make(text.ptr, header.len + 1 + claims.len);
	return read_object(header, arena, &out->header) && read_object(claims, arena, &out->claims) &&
		   base64url_decode(rest, arena, &out->signature);
}

static bool is_text(const struct co_json *node, struct co_view text)
{
	return co_json_is(node, CO_JSON_STRING) && co_view_eq(node->text, text);
}

/* The key that the header names, or without `kid` the first of its algorithm. NULL: there is none, or it is for
 * another algorithm: what a token says of itself never picks how a key is used. */
static const struct co_token_key *pick_key(const struct co_json *header, const struct co_token_demand *demand)
{
	const struct co_json *alg_name = co_json_member(header, CO_VIEW("alg"));
	const struct co_json *kid = co_json_member(header, CO_VIEW("kid"));
	enum co_auth_alg alg;

	if (!co_json_is(alg_name, CO_JSON_STRING) || !co_auth_alg_find(alg_name->text, &alg))
		return NULL;
	for (size_t i = 0; i < demand->key_count; i++) {
		const struct co_token_key *key = &demand->keys[i];

		if (kid && (!key->kid.ptr || !is_text(kid, key->kid)))
			continue;
		if (key->alg == alg)
			return key;
		if (kid)
			return NULL;
	}
	return NULL;
}

static bool refuse(enum co_code *refusal, enum co_code code)
{
	*refusal = code;
	return false;
}

static bool judge_signature(const struct token *token, const struct co_token_demand *demand, enum co_code *refusal)
{
	const struct co_token_key *key = pick_key(token->header, demand);

	if (!key || co_json_member(token->header, CO_VIEW("crit")))
		return refuse(refusal, CO_CODE_INVALID_JWT_TOKEN);
	if (!key->key)
		return refuse(refusal, CO_CODE_AUTHORIZATION_ERROR);
	switch (co_auth_key_verify(key->key, token->signed_part, token->signature)) {
	case CO_AUTH_MATCH:
		return true;
	case CO_AUTH_MISMATCH:
		break;
	case CO_AUTH_FAILED:
		return refuse(refusal, CO_CODE_AUTHORIZATION_ERROR);
	}
	return refuse(refusal, CO_CODE_INVALID_JWT_TOKEN);
}

static int64_t append_digit(int64_t number, int digit)
{
	return number >= INSTANT_FAR / 10 ? INSTANT_FAR : number * 10 + digit;
}

/* A JSON number taken apart: the digits before and after the point, and ten to what. */
struct decimal {
	bool negative;
	struct co_view whole, fraction;
	int64_t exponent;
};

static struct co_view take_digits(struct co_view *rest)
{
	struct co_view digits = {rest->ptr, 0};

	while (digits.len < rest->len && digits.ptr[digits.len] >= '0' && digits.ptr[digits.len] <= '9')
		digits.len++;
	*rest = co_view_make(rest->ptr + digits.len, rest->len - digits.len);
	return digits;
}

static bool take_byte(struct co_view *rest, const char *among)
{
	if (rest->len == 0 || !strchr(among, rest->ptr[0]))
		return false;
	*rest = co_view_make(rest->ptr + 1, rest->len - 1);
	return true;
}

static struct decimal read_decimal(struct co_view raw)
{
	struct decimal out = {.negative = take_byte(&raw, "-"), .fraction = {"", 0}};

	out.whole = take_digits(&raw);
	if (take_byte(&raw, "."))
		out.fraction = take_digits(&raw);
	if (take_byte(&raw, "eE")) {
		bool down = take_byte(&raw, "-");
		struct co_view digits;

		if (!down)
			(void)take_byte(&raw, "+");
		digits = take_digits(&raw);
		for (size_t i = 0; i < digits.len && out.exponent < EXPONENT_FAR; i++)
			out.exponent = out.exponent * 10 + (digits.ptr[i] - '0');
		out.exponent = down ? -out.exponent : out.exponent;
	}
	return out;
}

/* A NumericDate (RFC 7519: seconds, fractions allowed) as the first whole millisecond that is not before it. Taken from
 * the digits: a double would miss the edge by its rounding. Beyond some 30 million years the end of time. */
static int64_t numeric_date_ms(const struct co_json *number)
{
	struct decimal decimal = read_decimal(number->raw);
	int64_t whole_digits = (int64_t)decimal.whole.len + decimal.exponent + 3; /* of the number of milliseconds */
	int64_t digit_count = (int64_t)(decimal.whole.len + decimal.fraction.len);
	int64_t ms = 0;
	bool rest = false;

	for (int64_t i = 0; i < digit_count; i++) {
		size_t at = (size_t)i;
		char digit = at < decimal.whole.len ? decimal.whole.ptr[at] : decimal.fraction.ptr[at - decimal.whole.len];

		if (i < whole_digits)
			ms = append_digit(ms, digit - '0');
		else
			rest = rest || digit != '0';
	}
	for (int64_t i = digit_count; i < whole_digits && ms > 0 && ms < INSTANT_FAR; i++)
		ms = append_digit(ms, 0);
	if (decimal.negative)
		return -ms;
	return rest ? ms + 1 : ms;
}

static bool is_number(const struct co_json *node)
{
	return co_json_is(node, CO_JSON_INTEGER) || co_json_is(node, CO_JSON_REAL);
}

static bool judge_time(const struct co_json *claims, int64_t now_ms, enum co_code *refusal)
{
	const struct co_json *exp = co_json_member(claims, CO_VIEW("exp"));
	const struct co_json *nbf = co_json_member(claims, CO_VIEW("nbf"));

	if (!is_number(exp))
		return refuse(refusal, CO_CODE_INVALID_JWT_TOKEN);
	if (nbf && (!is_number(nbf) || now_ms < numeric_date_ms(nbf)))
		return refuse(refusal, CO_CODE_INVALID_JWT_TOKEN);
	return now_ms < numeric_date_ms(exp) || refuse(refusal, CO_CODE_JWT_TOKEN_EXPIRED);
}

static bool names_merchant(const struct co_json *claims, const struct co_uuid *id)
{
	const struct co_json *claim = co_json_member(claims, CO_VIEW("merchant_id"));
	struct co_uuid named;

	return co_json_is(claim, CO_JSON_STRING) && co_uuid_parse(claim->text, &named) && co_uuid_eq(&named, id);
}

static bool is_for_audience(const struct co_json *claims, struct co_view audience)
{
	const struct co_json *aud = co_json_member(claims, CO_VIEW("aud"));

	if (!audience.ptr || is_text(aud, audience))
		return true;
	if (!co_json_is(aud, CO_JSON_ARRAY))
		return false;
	for (const struct co_json *entry = aud->first; entry; entry = entry->next)
		if (is_text(entry, audience))
			return true;
	return false;
}

static bool grants_sessions(const struct co_json *claims)
{
	const struct co_view wanted = CO_VIEW("checkout.session");
	const struct co_json *scope = co_json_member(claims, CO_VIEW("scope"));
	struct co_view rest;

	if (!co_json_is(scope, CO_JSON_STRING))
		return false;
	rest = scope->text;
	for (;;) {
		const char *space = rest.len > 0 ? memchr(rest.ptr, ' ', rest.len) : NULL;
		size_t len = space ? (size_t)(space - rest.ptr) : rest.len;

		if (co_view_eq(co_view_make(rest.ptr, len), wanted))
			return true;
		if (!space)
			return false;
		rest = co_view_make(space + 1, rest.len - len - 1);
	}
}

static bool judge_claims(const struct co_json *claims, const struct co_token_demand *demand, enum co_code *refusal)
{
	const struct co_json *name = co_json_member(claims, CO_VIEW("namespace"));

	if (!judge_time(claims, demand->now_ms, refusal))
		return false;
	if (is_text(co_json_member(claims, CO_VIEW("purpose")), CO_VIEW("reset_password")))
		return refuse(refusal, CO_CODE_INVALID_RESET_PASSWORD_TOKEN);
	if (name && !is_text(name, demand->namespace_name))
		return refuse(refusal, CO_CODE_INVALID_NAMESPACE);
	if (!names_merchant(claims, &demand->merchant_id) || !is_for_audience(claims, demand->audience))
		return refuse(refusal, CO_CODE_INVALID_ACCESS_TOKEN);
	return grants_sessions(claims) || refuse(refusal, CO_CODE_UNAUTHORIZED);
}

static bool has_usable_key(const struct co_token_demand *demand)
{
	for (size_t i = 0; i < demand->key_count; i++)
		if (demand->keys[i].key)
			return true;
	return false;
}

bool co_token_judge(struct co_view authorization, const struct co_token_demand *demand, enum co_code *refusal)
{
	struct co_view text;
	struct co_arena arena;
	struct token token = {0};
	bool good;

	if (!bearer_token(authorization, &text))
		return refuse(refusal, CO_CODE_ACCESS_TOKEN_REQUIRED);
	if (!has_usable_key(demand))
		return refuse(refusal, CO_CODE_AUTHORIZATION_ERROR);
	co_arena_init(&arena, ARENA_CHUNK_BYTES, 0);
	if (!read_token(text, &arena, &token))
		good = refuse(refusal, CO_CODE_INVALID_JWT_TOKEN);
	else
		good = judge_signature(&token, demand, refusal) && judge_claims(token.claims, demand, refusal);
	co_arena_clear(&arena);
	return good;
}
