#include <string.h>

#include "checkout/uuid.h"
#include "rules.h"

#define TRANSACTION_ID_MAX 50
#define DESCRIPTION_MAX 100
#define SUFFIX_MAX 10
#define METADATA_KEY_MAX 40
#define METADATA_VALUE_MAX 100
#define ALLOCATIONS_MAX 2

bool co_is_amount(const struct co_json *node)
{
	return co_json_is(node, CO_JSON_INTEGER) && node->integer >= CO_AMOUNT_MIN && node->integer <= CO_AMOUNT_MAX;
}

struct co_payment co_payment_read(struct co_violations *list, const struct co_json *object)
{
	struct co_payment payment = {.object = object};
	size_t index = 0;

	payment.metadata = co_read(list, object, CO_VIEW("metadata"), CO_JSON_OBJECT, CO_PLACE_PAYMENT_METADATA).node;
	payment.authorize_card =
		co_read_bool(list, object, CO_VIEW("authorizeCard"), CO_PLACE_PAYMENT_AUTHORIZE_CARD, false);
	payment.partial =
		co_read_bool(list, object, CO_VIEW("partialAuthorization"), CO_PLACE_PAYMENT_PARTIAL_AUTHORIZATION, false);
	payment.allocations =
		co_read(list, object, CO_VIEW("paymentAllocations"), CO_JSON_ARRAY, CO_PLACE_PAYMENT_ALLOCATIONS);
	if (!payment.allocations.node)
		return payment;
	for (const struct co_json *entry = payment.allocations.node->first; entry; entry = entry->next, index++)
		if (entry->type != CO_JSON_OBJECT) {
			payment.misshapen_entry = true;
			co_broken_at(list, CO_RULE_REQUEST_INVALID, CO_PLACE_PAYMENT_ALLOCATION, index);
		}
	return payment;
}

static void judge_texts(struct co_violations *list, const struct co_json *payment)
{
	struct co_view id = co_text(co_json_get(payment, CO_VIEW("merchantTransactionId")));
	const struct co_json *description = co_json_get(payment, CO_VIEW("description"));

	if (!id.len)
		co_broken(list, CO_RULE_PAYMENT_MERCHANT_TRANSACTION_ID_REQUIRED, CO_PLACE_PAYMENT_MERCHANT_TRANSACTION_ID);
	if (co_view_code_points(id) > TRANSACTION_ID_MAX)
		co_broken(list, CO_RULE_PAYMENT_MERCHANT_TRANSACTION_ID_LENGTH, CO_PLACE_PAYMENT_MERCHANT_TRANSACTION_ID);
	if (description &&
		(description->type != CO_JSON_STRING || co_view_code_points(description->text) > DESCRIPTION_MAX))
		co_broken(list, CO_RULE_PAYMENT_DESCRIPTION, CO_PLACE_PAYMENT_DESCRIPTION);
}

static bool is_letter(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_suffix(struct co_view text)
{
	bool letter = false;

	if (text.len < 1 || text.len > SUFFIX_MAX)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];

		if (is_letter(c))
			letter = true;
		else if (!(c >= '0' && c <= '9') && c != ' ' && c != '-' && c != '.')
			return false;
	}
	return letter;
}

static void judge_metadata(struct co_violations *list, const struct co_json *metadata)
{
	size_t count = 0;

	/* A null entry is absent: neither counted nor judged (section 3). */
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next)
		count += entry->type != CO_JSON_NULL;
	if (count > CO_METADATA_MAX)
		co_broken(list, CO_RULE_PAYMENT_METADATA_ENTRIES, CO_PLACE_PAYMENT_METADATA);
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next)
		if (entry->type != CO_JSON_NULL && co_view_code_points(entry->key) > METADATA_KEY_MAX)
			co_broken_member(list, CO_RULE_PAYMENT_METADATA_KEY, CO_PLACE_PAYMENT_METADATA_MEMBER, entry->key);
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next) {
		if (entry->type == CO_JSON_NULL)
			continue;
		if (entry->type != CO_JSON_STRING || co_view_code_points(entry->text) > METADATA_VALUE_MAX)
			co_broken_member(list, CO_RULE_PAYMENT_METADATA_VALUE, CO_PLACE_PAYMENT_METADATA_MEMBER, entry->key);
	}
}

static const struct co_json *method_id(const struct co_json *entry)
{
	return co_json_get(entry, CO_VIEW("paymentMethodId"));
}

static bool method_uuid(const struct co_json *entry, struct co_uuid *out)
{
	return co_json_is(entry, CO_JSON_OBJECT) && co_uuid_parse(co_text(method_id(entry)), out);
}

static void judge_method_ids(struct co_violations *list, const struct co_json *allocations)
{
	size_t index = 0;

	for (const struct co_json *entry = allocations->first; entry; entry = entry->next, index++) {
		const struct co_json *id = method_id(entry);
		struct co_uuid uuid;

		if (entry->type != CO_JSON_OBJECT)
			continue;
		if (!id || (id->type == CO_JSON_STRING && !id->text.len))
			co_broken_at(list, CO_RULE_PAYMENT_PAYMENT_METHOD_ID_REQUIRED, CO_PLACE_PAYMENT_ALLOCATION_METHOD_ID,
						 index);
		else if (!method_uuid(entry, &uuid))
			co_broken_at(list, CO_RULE_PAYMENT_PAYMENT_METHOD_ID_INVALID, CO_PLACE_PAYMENT_ALLOCATION_METHOD_ID, index);
	}
}

static bool stands_before(const struct co_json *allocations, const struct co_json *end, const struct co_uuid *uuid)
{
	for (const struct co_json *entry = allocations->first; entry != end; entry = entry->next) {
		struct co_uuid other;

		if (method_uuid(entry, &other) && co_uuid_eq(&other, uuid))
			return true;
	}
	return false;
}

/* The filter spares the look back for nearly every id that is new, so that a value full of allocations costs no square
 * of its length. */
static void judge_duplicates(struct co_violations *list, const struct co_json *allocations)
{
	uint8_t seen[8192];
	size_t index = 0;

	memset(seen, 0, sizeof(seen));
	for (const struct co_json *entry = allocations->first; entry; entry = entry->next, index++) {
		struct co_uuid uuid;
		uint64_t slot;
		uint8_t bit;

		if (!method_uuid(entry, &uuid))
			continue;
		slot = co_key_hash(co_view_make((const char *)uuid.bytes, sizeof(uuid.bytes))) % (sizeof(seen) * 8);
		bit = (uint8_t)(1U << slot % 8);
		if ((seen[slot / 8] & bit) && stands_before(allocations, entry, &uuid)) {
			co_broken_at(list, CO_RULE_PAYMENT_PAYMENT_METHOD_ID_DUPLICATE, CO_PLACE_PAYMENT_ALLOCATION_METHOD_ID,
						 index);
			return;
		}
		seen[slot / 8] |= bit;
	}
}

/* Returns the sum; *valid is false when an entry has none that counts. */
static int64_t judge_amounts(struct co_violations *list, const struct co_json *allocations, bool *valid)
{
	int64_t sum = 0;
	size_t index = 0;

	for (const struct co_json *entry = allocations->first; entry; entry = entry->next, index++) {
		const struct co_json *amount = co_json_get(entry, CO_VIEW("amount"));

		if (entry->type != CO_JSON_OBJECT)
			continue;
		if (co_is_amount(amount)) {
			sum += amount->integer;
			continue;
		}
		*valid = false;
		co_broken_at(list,
					 amount ? CO_RULE_PAYMENT_ALLOCATION_AMOUNT_INVALID : CO_RULE_PAYMENT_ALLOCATION_AMOUNT_REQUIRED,
					 CO_PLACE_PAYMENT_ALLOCATION_AMOUNT, index);
	}
	return sum;
}

void co_payment_judge(struct co_violations *list, const struct co_payment *payment, bool for_authorize, bool card)
{
	const struct co_json *object = payment->object, *allocations = payment->allocations.node;
	const struct co_json *amount = co_json_get(object, CO_VIEW("amount"));
	const struct co_json *suffix = co_json_get(object, CO_VIEW("statementDescriptorSuffix"));
	bool some = allocations && allocations->count, summable = some && !payment->misshapen_entry;
	int64_t sum = 0;

	if (!amount)
		co_broken(list, CO_RULE_PAYMENT_AMOUNT_REQUIRED, CO_PLACE_PAYMENT_AMOUNT);
	judge_texts(list, object);
	if (suffix && !is_suffix(co_text(suffix)))
		co_broken(list, CO_RULE_PAYMENT_STATEMENT_DESCRIPTOR_SUFFIX, CO_PLACE_PAYMENT_STATEMENT_DESCRIPTOR_SUFFIX);
	if (payment->metadata)
		judge_metadata(list, payment->metadata);
	if (payment->partial && !payment->authorize_card && card)
		co_broken(list, CO_RULE_PAYMENT_PARTIAL_AUTHORIZATION, CO_PLACE_PAYMENT_PARTIAL_AUTHORIZATION);
	/* A misshapen array was told of already, and does not break "required" as well. */
	if (for_authorize && !some && (allocations || !payment->allocations.given))
		co_broken(list, CO_RULE_PAYMENT_ALLOCATIONS_REQUIRED, CO_PLACE_PAYMENT_ALLOCATIONS);
	if (some && allocations->count > ALLOCATIONS_MAX)
		co_broken(list, CO_RULE_PAYMENT_ALLOCATIONS_TOO_MANY, CO_PLACE_PAYMENT_ALLOCATIONS);
	if (some) {
		judge_method_ids(list, allocations);
		judge_duplicates(list, allocations);
		sum = judge_amounts(list, allocations, &summable);
	}
	if (amount && !co_is_amount(amount))
		co_broken(list, CO_RULE_PAYMENT_AMOUNT_INVALID, CO_PLACE_PAYMENT_AMOUNT);
	if (summable && co_is_amount(amount) && sum != amount->integer)
		co_broken(list, CO_RULE_PAYMENT_ALLOCATION_SUM, CO_PLACE_PAYMENT_ALLOCATIONS);
}
