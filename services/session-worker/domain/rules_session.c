#include "checkout/domain/command.h"
#include "rules.h"

#define REFERENCE_ID_MAX 64
#define INTENT_ID_MAX 64
#define METHOD_TEXT_MAX 32
#define TOKEN_MAX 4096
#define REASON_MAX 200
#define CURRENCY_DEFAULT "USD"

struct co_merchant co_merchant_default(const struct co_uuid *id)
{
	return (struct co_merchant){.id = *id, .ttl_min_s = 60, .ttl_default_s = 1800, .ttl_max_s = 86400};
}

bool co_name_list_allows(const struct co_name_list *list, struct co_view name)
{
	if (!list->given)
		return true;
	for (size_t i = 0; i < list->count; i++)
		if (co_view_eq(list->names[i], name))
			return true;
	return false;
}

static struct co_violation *broken(struct co_violations *list, enum co_rule rule, enum co_place place)
{
	struct co_violation *violation;

	if (list->count == CO_VIOLATIONS_MAX)
		return NULL;
	violation = &list->out[list->count++];
	*violation = (struct co_violation){.rule = rule, .place = place};
	return violation;
}

void co_broken(struct co_violations *list, enum co_rule rule, enum co_place place)
{
	(void)broken(list, rule, place);
}

void co_broken_at(struct co_violations *list, enum co_rule rule, enum co_place place, size_t index)
{
	struct co_violation *violation = broken(list, rule, place);

	if (violation)
		violation->index = (uint32_t)index;
}

void co_broken_member(struct co_violations *list, enum co_rule rule, enum co_place place, struct co_view key)
{
	struct co_violation *violation = broken(list, rule, place);

	if (violation) {
		violation->key = key;
		violation->key_hash = co_key_hash(key);
	}
}

struct co_view co_text(const struct co_json *node)
{
	return co_json_is(node, CO_JSON_STRING) ? node->text : co_view_make(NULL, 0);
}

struct co_member co_read(struct co_violations *list, const struct co_json *object, struct co_view key,
						 enum co_json_type type, enum co_place place)
{
	const struct co_json *node = co_json_get(object, key);

	if (node && node->type != type) {
		co_broken(list, CO_RULE_REQUEST_INVALID, place);
		return (struct co_member){NULL, true};
	}
	return (struct co_member){node, node != NULL};
}

bool co_read_bool(struct co_violations *list, const struct co_json *object, struct co_view key, enum co_place place,
				  bool absent)
{
	const struct co_json *node = co_json_get(object, key);

	if (co_json_is(node, CO_JSON_TRUE))
		return true;
	if (co_json_is(node, CO_JSON_FALSE))
		return false;
	if (node)
		co_broken(list, CO_RULE_REQUEST_INVALID, place);
	return absent;
}

static bool has_length(struct co_view text, size_t min, size_t max)
{
	size_t length = co_view_code_points(text);

	return length >= min && length <= max;
}

struct co_view co_read_text(struct co_violations *list, const struct co_json *object, struct co_view key, size_t min,
							size_t max, bool required, enum co_place place)
{
	const struct co_json *node = co_json_get(object, key);

	if (node ? node->type != CO_JSON_STRING || !has_length(node->text, min, max) : required) {
		co_broken(list, CO_RULE_REQUEST_INVALID, place);
		return co_view_make(NULL, 0);
	}
	return co_text(node);
}

struct co_view co_reference_id(const struct co_json *data)
{
	struct co_view text = co_text(co_json_get(data, CO_VIEW("referenceId")));

	return text.ptr && co_view_is_plain(text, 1, REFERENCE_ID_MAX) ? text : co_view_make(NULL, 0);
}

static bool is_currency(struct co_view text)
{
	if (text.len != 3)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
			return false;
	return true;
}

static void read_scalars(struct co_violations *list, const struct co_json *data, const struct co_merchant *merchant,
						 struct co_request *out)
{
	const struct co_json *ttl = co_json_get(data, CO_VIEW("ttlSeconds"));
	const struct co_json *currency = co_json_get(data, CO_VIEW("currency"));

	out->reference_id = co_reference_id(data);
	if (!out->reference_id.ptr && co_json_get(data, CO_VIEW("referenceId")))
		co_broken(list, CO_RULE_REQUEST_INVALID, CO_PLACE_REFERENCE_ID);

	out->ttl_s = merchant->ttl_default_s;
	if (co_json_is(ttl, CO_JSON_INTEGER) && ttl->integer >= merchant->ttl_min_s && ttl->integer <= merchant->ttl_max_s)
		out->ttl_s = ttl->integer;
	else if (ttl)
		co_broken(list, CO_RULE_REQUEST_INVALID, CO_PLACE_TTL_SECONDS);

	out->currency = CO_VIEW(CURRENCY_DEFAULT);
	if (is_currency(co_text(currency)))
		out->currency = currency->text;
	else if (currency)
		co_broken(list, CO_RULE_REQUEST_INVALID, CO_PLACE_CURRENCY);

	out->capture = co_read_bool(list, data, CO_VIEW("capture"), CO_PLACE_CAPTURE, true);
}

static bool mode_of(const struct co_json *entry, enum co_mode *out)
{
	return co_json_is(entry, CO_JSON_STRING) && co_mode_find(entry->text, out);
}

static void read_config(struct co_violations *list, const struct co_json *data, struct co_request *out)
{
	const struct co_json *config = co_read(list, data, CO_VIEW("config"), CO_JSON_OBJECT, CO_PLACE_CONFIG).node;
	const struct co_json *channel, *card;
	size_t index = 0;

	out->modes = co_read(list, config, CO_VIEW("modes"), CO_JSON_ARRAY, CO_PLACE_CONFIG_MODES).node;
	for (const struct co_json *entry = out->modes ? out->modes->first : NULL; entry; entry = entry->next, index++) {
		enum co_mode mode;

		if (!mode_of(entry, &mode))
			co_broken_at(list, CO_RULE_REQUEST_INVALID, CO_PLACE_CONFIG_MODE, index);
	}
	channel = co_read(list, config, CO_VIEW("paymentMethodChannel"), CO_JSON_OBJECT, CO_PLACE_CONFIG_CHANNEL).node;
	card = co_read(list, channel, CO_VIEW("card"), CO_JSON_ARRAY, CO_PLACE_CONFIG_CHANNEL_CARD).node;
	(void)co_read(list, channel, CO_VIEW("bankAccount"), CO_JSON_ARRAY, CO_PLACE_CONFIG_CHANNEL_BANK_ACCOUNT);
	out->card = !channel || (card && card->count);
}

size_t co_request_modes(const struct co_request *request, uint8_t *out)
{
	size_t count = 0;

	for (const struct co_json *entry = request->modes ? request->modes->first : NULL; entry; entry = entry->next) {
		enum co_mode mode;

		if (!mode_of(entry, &mode))
			continue;
		if (out)
			out[count] = (uint8_t)mode;
		count++;
	}
	if (count)
		return count;
	if (out)
		out[0] = (uint8_t)CO_MODE_PAYMENT;
	return 1;
}

static bool identifies_customer(const struct co_json *customer)
{
	const struct co_json *metadata = co_json_get(customer, CO_VIEW("metadata"));

	if (co_text(co_json_get(customer, CO_VIEW("hsid"))).len)
		return true;
	if (co_text(co_json_get(customer, CO_VIEW("enterpriseId"))).len)
		return true;
	if (!co_json_is(metadata, CO_JSON_OBJECT))
		return false;
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next)
		if (entry->type != CO_JSON_NULL)
			return true;
	return false;
}

/* What all modes together need. */
static struct co_mode_row needs_of(const struct co_request *request)
{
	struct co_mode_row needs = {.needs_payment = false};
	bool any = false;

	for (const struct co_json *entry = request->modes ? request->modes->first : NULL; entry; entry = entry->next) {
		const struct co_mode_row *row;
		enum co_mode mode;

		if (!mode_of(entry, &mode))
			continue;
		any = true;
		row = co_mode_row(mode);
		needs.needs_payment |= row->needs_payment;
		needs.needs_customer |= row->needs_customer;
		needs.needs_consent |= row->needs_consent;
	}
	return any ? needs : *co_mode_row(CO_MODE_PAYMENT);
}

static void judge_modes(struct co_violations *list, const struct co_request *request)
{
	struct co_mode_row needs = needs_of(request);
	bool customer_unknown =
		request->customer.node ? !identifies_customer(request->customer.node) : !request->customer.given;

	if (needs.needs_payment && !request->payment_member.given)
		co_broken(list, CO_RULE_SESSION_PAYMENT_REQUIRED, CO_PLACE_PAYMENT);
	if (needs.needs_customer && customer_unknown)
		co_broken(list, CO_RULE_SESSION_CUSTOMER_MISSING, CO_PLACE_CUSTOMER);
	if (needs.needs_consent && !request->consent.given)
		co_broken(list, CO_RULE_SESSION_CONSENT_REQUIRED, CO_PLACE_CONSENT);
}

static void judge_agent(struct co_violations *list, const struct co_request *request,
						const struct co_merchant *merchant)
{
	struct co_view user;

	if (!request->agent.node || !request->card || !merchant->workstation_users.given)
		return;
	user = co_text(co_json_get(request->agent.node, CO_VIEW("userId")));
	if (!user.ptr || !co_name_list_allows(&merchant->workstation_users, user))
		co_broken(list, CO_RULE_AGENT_WS2_FAILED, CO_PLACE_AGENT_USER_ID);
}

void co_request_judge(struct co_violations *list, const struct co_json *data, const struct co_merchant *merchant,
					  struct co_request *out)
{
	*out = (struct co_request){.ttl_s = 0};
	read_scalars(list, data, merchant, out);
	read_config(list, data, out);
	out->payment_member = co_read(list, data, CO_VIEW("payment"), CO_JSON_OBJECT, CO_PLACE_PAYMENT);
	out->payment = co_payment_read(list, out->payment_member.node);
	out->customer = co_read(list, data, CO_VIEW("customer"), CO_JSON_OBJECT, CO_PLACE_CUSTOMER);
	out->consent = co_read(list, data, CO_VIEW("consent"), CO_JSON_OBJECT, CO_PLACE_CONSENT);
	out->agent = co_read(list, data, CO_VIEW("agent"), CO_JSON_OBJECT, CO_PLACE_AGENT);

	if (out->payment.object)
		co_payment_judge(list, &out->payment, false, out->card);
	if (out->consent.node)
		co_consent_judge(list, out->consent.node, !out->agent.given);
	judge_modes(list, out);
	judge_agent(list, out, merchant);
}

static void judge_authorize(struct co_violations *list, const struct co_json *data)
{
	const struct co_json *method = co_json_get(data, CO_VIEW("paymentMethod"));
	struct co_payment payment;

	(void)co_read_text(list, data, CO_VIEW("paymentIntentId"), 1, INTENT_ID_MAX, true, CO_PLACE_PAYMENT_INTENT_ID);
	if (!co_json_is(method, CO_JSON_OBJECT)) {
		co_broken(list, CO_RULE_REQUEST_INVALID, CO_PLACE_PAYMENT_METHOD);
	} else {
		(void)co_read_text(list, method, CO_VIEW("family"), 1, METHOD_TEXT_MAX, true, CO_PLACE_PAYMENT_METHOD_FAMILY);
		(void)co_read_text(list, method, CO_VIEW("type"), 1, METHOD_TEXT_MAX, false, CO_PLACE_PAYMENT_METHOD_TYPE);
		(void)co_read_text(list, method, CO_VIEW("brand"), 1, METHOD_TEXT_MAX, false, CO_PLACE_PAYMENT_METHOD_BRAND);
	}
	(void)co_read_text(list, data, CO_VIEW("processor"), 1, TOKEN_MAX, false, CO_PLACE_PROCESSOR);
	(void)co_read_text(list, data, CO_VIEW("pinToken"), 1, TOKEN_MAX, false, CO_PLACE_PIN_TOKEN);
	payment = co_payment_read(list, data);
	/* No channels are named here, so the request includes a card (section 3). */
	co_payment_judge(list, &payment, true, true);
}

static void judge_code(struct co_violations *list, const struct co_json *object, enum co_place place)
{
	const struct co_json *node = co_json_get(object, CO_VIEW("code"));
	enum co_code code;

	if (node && !(node->type == CO_JSON_STRING && co_code_find(node->text, &code)))
		co_broken(list, CO_RULE_REQUEST_INVALID, place);
}

static void judge_reason(struct co_violations *list, const struct co_json *object, enum co_place place)
{
	(void)co_read_text(list, object, CO_VIEW("reason"), 0, REASON_MAX, false, place);
}

static void judge_update(struct co_violations *list, const struct co_json *data)
{
	const struct co_json *failure;

	(void)co_read_text(list, data, CO_VIEW("paymentIntentId"), 1, INTENT_ID_MAX, true, CO_PLACE_PAYMENT_INTENT_ID);
	(void)co_read_text(list, data, CO_VIEW("transactionStatus"), 0, SIZE_MAX, true, CO_PLACE_TRANSACTION_STATUS);
	failure = co_read(list, data, CO_VIEW("failure"), CO_JSON_OBJECT, CO_PLACE_FAILURE).node;
	judge_code(list, failure, CO_PLACE_FAILURE_CODE);
	judge_reason(list, failure, CO_PLACE_FAILURE_REASON);
}

void co_command_judge(struct co_violations *list, enum co_command_kind kind, const struct co_json *data)
{
	switch (kind) {
	case CO_COMMAND_AUTHORIZE:
		judge_authorize(list, data);
		break;
	case CO_COMMAND_CAPTURE: {
		const struct co_json *amount = co_json_get(data, CO_VIEW("amount"));

		if (amount && !co_is_amount(amount))
			co_broken(list, CO_RULE_REQUEST_INVALID, CO_PLACE_CAPTURE_AMOUNT);
		break;
	}
	case CO_COMMAND_PAYMENT_UPDATE:
		judge_update(list, data);
		break;
	case CO_COMMAND_FAIL:
		judge_code(list, data, CO_PLACE_CODE);
		judge_reason(list, data, CO_PLACE_REASON);
		break;
	case CO_COMMAND_CANCEL:
	case CO_COMMAND_EXPIRE:
		judge_reason(list, data, CO_PLACE_REASON);
		break;
	case CO_COMMAND_CREATE:
	case CO_COMMAND_GET:
	case CO_COMMAND_COMPLETE:
	case CO_COMMAND_VALIDATE:
	case CO_COMMAND_COUNT:
		break;
	}
}
