#include "request.h"

#include "checkout/arena.h"

#include <jansson.h>

#include <string.h>

#define TRANSACTION_ID_CHARACTERS_MAX 50 /* payment.merchant_transaction_id_length */

/* What the mode of a request asks for (contract section 4.3). */
static const struct {
	const char *name;
	bool payment, customer, consent;
} modes[] = {
#define CO_MODE(name, payment, customer, consent) {#name, payment, customer, consent},
#include "checkout/tbl/modes.def"
#undef CO_MODE
};

struct needs {
	bool payment, customer, consent;
};

static struct needs needs_of(const struct ctl_list *list)
{
	struct needs needs = {.payment = list->count == 0};

	for (size_t i = 0; i < list->count; i++)
		for (size_t m = 0; m < sizeof(modes) / sizeof(modes[0]); m++)
			if (strcmp(list->items[i], modes[m].name) == 0) {
				needs.payment |= modes[m].payment;
				needs.customer |= modes[m].customer;
				needs.consent |= modes[m].consent;
			}
	return needs;
}

/* jansson takes over `value`; text was checked to be UTF-8 when the arguments were read, so this cannot fail. */
static void put(json_t *object, const char *name, json_t *value)
{
	if (value)
		json_object_set_new(object, name, value);
}

static void put_text(json_t *object, const char *name, const char *text)
{
	if (text)
		put(object, name, json_string(text));
}

static json_t *transaction_id(const struct ctl_request *request)
{
	const char *text = request->reference ? request->reference : request->id;
	size_t length = strlen(text);

	while (co_view_code_points(co_view_make(text, length)) > TRANSACTION_ID_CHARACTERS_MAX) {
		length--;
		while (length > 0 && ((unsigned char)text[length] & 0xC0) == 0x80)
			length--;
	}
	return json_stringn(text, length);
}

/* Sample values that the service accepts; fixed, so that a repeat has the same data. */
static json_t *sample_consent(void)
{
	return json_pack("{s:s, s:s, s:s, s:{s:s, s:{s:s, s:s}}}", "merchantConsentText", "I agree to this payment.",
					 "merchantConsentId", "checkoutctl", "collectionTimestamp", "2026-01-01T00:00:00Z",
					 "collectionDetails", "type", "WEB", "web", "ipAddress", "127.0.0.1", "userAgent", "checkoutctl");
}

static json_t *session_request(const struct ctl_request *request)
{
	json_t *data = json_object(), *config = json_object(), *list = json_array(), *payment;
	struct needs needs = needs_of(&request->modes);

	put_text(data, "referenceId", request->reference);
	if (request->has_ttl)
		put(data, "ttlSeconds", json_integer(request->ttl_seconds));
	put_text(data, "currency", request->currency);
	if (request->capture)
		put(data, "capture", json_boolean(strcmp(request->capture, "true") == 0));
	for (size_t i = 0; i < request->modes.count; i++)
		json_array_append_new(list, json_string(request->modes.items[i]));
	if (request->modes.count == 0)
		json_array_append_new(list, json_string("PAYMENT_WITH_WALLET"));
	put(config, "modes", list);
	put(data, "config", config);
	if (needs.payment || request->has_amount) {
		payment = json_object();
		put(payment, "amount", json_integer(request->has_amount ? request->amount : CTL_AMOUNT_DEFAULT));
		put(payment, "merchantTransactionId", transaction_id(request));
		put(data, "payment", payment);
	}
	if (needs.customer)
		put(data, "customer", json_pack("{s:s}", "hsid", "checkoutctl"));
	if (needs.consent)
		put(data, "consent", sample_consent());
	return data;
}

/* The intent that authorize and payment_update agree on unless told otherwise. */
static void put_intent(json_t *data, const struct ctl_request *request)
{
	char text[3 + CO_UUID_TEXT + 1] = "pi-";
	struct co_uuid session;

	if (!request->intent && ctl_request_session(request, &session))
		co_uuid_format(&session, text + 3);
	put_text(data, "paymentIntentId", request->intent ? request->intent : text);
}

static json_t *authorization(const struct ctl_request *request)
{
	char method_id[CO_UUID_TEXT + 1];
	struct co_uuid session = {{0}}, method;
	json_t *data = json_object(), *method_json = json_object();
	int64_t amount = request->has_amount ? request->amount : CTL_AMOUNT_DEFAULT;

	(void)ctl_request_session(request, &session);
	method = co_uuid_v5(&session, CO_VIEW("payment-method"));
	co_uuid_format(&method, method_id);
	put_intent(data, request);
	put(data, "amount", json_integer(amount));
	put(data, "merchantTransactionId", transaction_id(request));
	put(data, "paymentAllocations",
		json_pack("[{s:s, s:I}]", "paymentMethodId", method_id, "amount", (json_int_t)amount));
	put_text(method_json, "family", request->family ? request->family : "card");
	put_text(method_json, "type", request->type);
	put_text(method_json, "brand", request->brand);
	put(data, "paymentMethod", method_json);
	put_text(data, "processor", request->processor);
	if (request->pin_token.ptr)
		put(data, "pinToken", json_stringn(request->pin_token.ptr, request->pin_token.len));
	return data;
}

static json_t *payment_update(const struct ctl_request *request)
{
	json_t *data = json_object(), *failure = json_object();

	put_intent(data, request);
	put_text(data, "transactionStatus", request->transaction_status);
	put_text(failure, "code", request->code);
	put_text(failure, "reason", request->reason);
	if (json_object_size(failure) > 0)
		put(data, "failure", failure);
	else
		json_decref(failure);
	return data;
}

static json_t *tree_of(const struct ctl_request *request)
{
	json_t *data;

	switch (request->command) {
	case CTL_CREATE:
	case CTL_VALIDATE:
		return session_request(request);
	case CTL_AUTHORIZE:
		return authorization(request);
	case CTL_PAYMENT_UPDATE:
		return payment_update(request);
	case CTL_CAPTURE:
		data = json_object();
		if (request->has_amount)
			put(data, "amount", json_integer(request->amount));
		return data;
	case CTL_FAIL:
	case CTL_CANCEL:
	case CTL_EXPIRE:
		data = json_object();
		put_text(data, "code", request->code);
		put_text(data, "reason", request->reason);
		return data;
	case CTL_GET:
	case CTL_COMPLETE:
	case CTL_COMMAND_COUNT:
		break;
	}
	return NULL;
}

struct co_view ctl_request_data(const struct ctl_request *request, struct co_arena *arena)
{
	json_t *tree = request->data.ptr ? NULL : tree_of(request);
	struct co_buf out;
	size_t length;

	if (!tree)
		return request->data.ptr ? request->data : CO_VIEW("");
	length = json_dumpb(tree, NULL, 0, JSON_COMPACT);
	out = co_buf_make(arena, length + 1);
	out.len = json_dumpb(tree, out.ptr, length, JSON_COMPACT);
	json_decref(tree);
	return co_buf_view(&out);
}
