#include <string.h>

#include "checkout/instant.h"
#include "rules.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool all_digits(struct co_view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (!is_digit(text.ptr[i]))
			return false;
	return text.len > 0;
}

static bool is_country_code(struct co_view text)
{
	if (text.len && text.ptr[0] == '+')
		text = co_view_make(text.ptr + 1, text.len - 1);
	return all_digits(text);
}

/* Four decimal numbers 0..255 without leading zeros, as inet_pton reads them. */
static bool is_ipv4(struct co_view text)
{
	unsigned parts = 0;
	size_t at = 0;

	while (parts < 4) {
		unsigned number = 0;

		if (parts && (at == text.len || text.ptr[at++] != '.'))
			return false;
		size_t begin = at;
		for (; at < text.len && is_digit(text.ptr[at]); at++) {
			if (at > begin && number == 0)
				return false;
			number = number * 10 + (unsigned)(text.ptr[at] - '0');
			if (number > 255)
				return false;
		}
		if (at == begin)
			return false;
		parts++;
	}
	return at == text.len;
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Up to eight groups of one to four hex digits, one run of zero groups left out as `::`, the last two groups also as an
 * IPv4 address; as inet_pton reads it. */
static bool is_ipv6(struct co_view text)
{
	unsigned groups = 0;
	bool gap = false;
	size_t at = 0;

	if (text.len >= 2 && text.ptr[0] == ':' && text.ptr[1] == ':') {
		gap = true;
		at = 2;
	}
	while (at < text.len) {
		size_t begin = at;

		while (at < text.len && is_hex(text.ptr[at]))
			at++;
		if (at < text.len && text.ptr[at] == '.') {
			if (!is_ipv4(co_view_make(text.ptr + begin, text.len - begin)))
				return false;
			groups += 2;
			break;
		}
		if (at == begin || at - begin > 4)
			return false;
		groups++;
		if (at == text.len)
			break;
		if (text.ptr[at++] != ':' || at == text.len)
			return false;
		if (text.ptr[at] == ':') {
			if (gap)
				return false;
			gap = true;
			at++;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

/* Characters that a consent text may not have; all are ASCII, so bytes will do. */
static bool has_forbidden(struct co_view text)
{
	static const char forbidden[] = "{}+=*^%#~<>?[]`|\\";

	for (size_t i = 0; i < text.len; i++)
		if (memchr(forbidden, text.ptr[i], sizeof(forbidden) - 1))
			return true;
	return false;
}

static bool details_valid(struct co_view type, const struct co_json *details)
{
	if (co_view_eq(type, CO_VIEW("PPD")))
		return true;
	if (co_view_eq(type, CO_VIEW("WEB"))) {
		const struct co_json *web = co_json_get(details, CO_VIEW("web"));
		struct co_view address = co_text(co_json_get(web, CO_VIEW("ipAddress")));

		return (is_ipv4(address) || is_ipv6(address)) && co_text(co_json_get(web, CO_VIEW("userAgent"))).len;
	}
	if (co_view_eq(type, CO_VIEW("TEL"))) {
		const struct co_json *phone = co_json_get(co_json_get(details, CO_VIEW("tel")), CO_VIEW("inboundPhoneNumber"));

		return is_country_code(co_text(co_json_get(phone, CO_VIEW("countryCode")))) &&
			   all_digits(co_text(co_json_get(phone, CO_VIEW("number"))));
	}
	return false;
}

void co_consent_judge(struct co_violations *list, const struct co_json *consent, bool agent_missing)
{
	const struct co_json *text = co_json_get(consent, CO_VIEW("merchantConsentText"));
	const struct co_json *details = co_json_get(consent, CO_VIEW("collectionDetails"));
	struct co_view type = co_text(co_json_get(details, CO_VIEW("type")));

	if (text ? text->type != CO_JSON_STRING || has_forbidden(text->text) : co_view_eq(type, CO_VIEW("WEB")))
		co_broken(list, CO_RULE_CONSENT_TEXT_INVALID, CO_PLACE_CONSENT_TEXT);
	if (!co_text(co_json_get(consent, CO_VIEW("merchantConsentId"))).len)
		co_broken(list, CO_RULE_CONSENT_MERCHANT_CONSENT_ID_REQUIRED, CO_PLACE_CONSENT_ID);
	if (agent_missing && co_view_eq(type, CO_VIEW("PPD")))
		co_broken(list, CO_RULE_CONSENT_AGENT_REQUIRED, CO_PLACE_AGENT);
	if (!co_instant_parse(co_text(co_json_get(consent, CO_VIEW("collectionTimestamp"))), false, NULL))
		co_broken(list, CO_RULE_CONSENT_COLLECTION_TIMESTAMP_REQUIRED, CO_PLACE_CONSENT_TIMESTAMP);
	if (!details_valid(type, details))
		co_broken(list, CO_RULE_CONSENT_COLLECTION_DETAILS_INVALID, CO_PLACE_CONSENT_COLLECTION_DETAILS);
}
