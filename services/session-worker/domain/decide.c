#include "checkout/domain/decide.h"

#include <assert.h>
#include <string.h>

#include "checkout/domain/transitions.h"
#include "memory.h"
#include "rules.h"

#define MS_PER_SECOND 1000

static void refuse_code(struct co_verdict *verdict, enum co_code code, uint16_t version)
{
	*verdict = (struct co_verdict){.problem = CO_PROBLEM_CODE, .code = code, .version = version};
}

/* The first broken rule is the verdict (section 4). */
static void refuse_broken(struct co_verdict *verdict, uint16_t count, uint16_t version)
{
	assert(count > 0);
	verdict->problem = CO_PROBLEM_RULE;
	verdict->rule = verdict->violations[0].rule;
	verdict->code = co_rule_row(verdict->rule)->code;
	verdict->violation_count = count;
	verdict->version = version;
	verdict->brief = false;
}

/* Refused in co_decide: an error event tells it. */
static void refuse(struct co_decision *out, enum co_code code, uint16_t version)
{
	refuse_code(&out->verdict, code, version);
	out->tells_error = true;
	out->told = code;
}

bool co_admit_attributes(const struct co_command *command, struct co_verdict *verdict)
{
	bool needs_subject = co_command_row(command->kind)->needs_subject;
	const struct {
		enum co_presence presence;
		bool required;
		enum co_place place;
	} attributes[] = {
		{command->merchant_is, true, CO_PLACE_MERCHANT_ID_ATTRIBUTE},
		{command->subject_is, needs_subject, CO_PLACE_SUBJECT_ATTRIBUTE},
		{command->namespace_is, false, CO_PLACE_NAMESPACE_ATTRIBUTE},
		{command->expiry_is, false, CO_PLACE_EXPIRY_TIME_ATTRIBUTE},
	};
	struct co_violations list = {.out = verdict->violations};

	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++)
		if (attributes[i].presence == CO_MALFORMED || (attributes[i].required && attributes[i].presence == CO_ABSENT))
			co_broken(&list, CO_RULE_REQUEST_INVALID, attributes[i].place);
	if (!list.count)
		return true;
	refuse_broken(verdict, list.count, 0);
	return false;
}

bool co_admit(const struct co_command *command, int64_t now_ms, const struct co_merchant *merchant,
			  const enum co_code *auth_refusal, struct co_verdict *verdict)
{
	if (!co_admit_attributes(command, verdict))
		return false;
	if (!merchant)
		refuse_code(verdict, CO_CODE_UNAUTHORIZED, 0);
	else if (auth_refusal)
		refuse_code(verdict, *auth_refusal, 0);
	else if (!co_name_list_allows(&merchant->namespaces, command->namespace_name))
		refuse_code(verdict, CO_CODE_INVALID_NAMESPACE, 0);
	else if (command->expiry_is == CO_PRESENT && now_ms > command->expiry_ms)
		refuse_code(verdict, CO_CODE_SERVICE_UNAVAILABLE, 0);
	else
		return true;
	return false;
}

struct co_uuid co_command_created_id(const struct co_command *command)
{
	/* The longest name: `cmd:`, a source of 256 and an id of 128 code points. */
	char name[4 + 4 * 256 + 1 + 4 * 128];
	struct co_view reference_id = co_reference_id(command->data);
	struct co_view parts[4];
	size_t length = 0;

	assert(command->merchant_is == CO_PRESENT);
	if (reference_id.ptr) {
		parts[0] = CO_VIEW("ref:");
		parts[1] = command->namespace_name;
		parts[2] = CO_VIEW(":");
		parts[3] = reference_id;
	} else {
		parts[0] = CO_VIEW("cmd:");
		parts[1] = command->source;
		parts[2] = CO_VIEW("\n");
		parts[3] = command->id;
	}
	for (size_t i = 0; i < 4; i++) {
		assert(parts[i].len <= sizeof(name) - length);
		if (parts[i].len)
			memcpy(name + length, parts[i].ptr, parts[i].len);
		length += parts[i].len;
	}
	return co_uuid_v5(&command->merchant_id, co_view_make(name, length));
}

uint16_t co_validate(const struct co_command *command, const struct co_merchant *merchant, struct co_violation *out)
{
	struct co_violations list = {.out = out};
	struct co_request request;

	if (command->kind == CO_COMMAND_CREATE || command->kind == CO_COMMAND_VALIDATE)
		co_request_judge(&list, command->data, merchant, &request);
	else
		co_command_judge(&list, command->kind, command->data);
	return list.count;
}

/* 9300006: an empty list is a configuration that can serve nobody (section 8). */
static bool can_serve(const struct co_merchant *merchant, struct co_view currency)
{
	if (merchant->processors.given && !merchant->processors.count)
		return false;
	return co_name_list_allows(&merchant->currencies, currency);
}

/* Step 7 of a session request. False: refused. */
static bool accept_request(const struct co_command *command, const struct co_merchant *merchant,
						   struct co_request *request, struct co_decision *out)
{
	struct co_violations list = {.out = out->verdict.violations};

	co_request_judge(&list, command->data, merchant, request);
	if (list.count) {
		refuse_broken(&out->verdict, list.count, 0);
		out->tells_error = true;
		out->told = out->verdict.code;
		return false;
	}
	if (!can_serve(merchant, request->currency)) {
		refuse(out, CO_CODE_INVALID_CONFIGURATION, 0);
		return false;
	}
	return true;
}

static void fill_lists(struct co_session *session, const struct co_request *request, struct co_arena *arena)
{
	const struct co_json *metadata = request->payment.metadata;
	uint8_t *modes = co_arena_alloc(arena, co_request_modes(request, NULL));
	struct co_metadata *entries;

	session->mode_count = co_request_modes(request, modes);
	session->modes = modes;
	if (!metadata)
		return;
	entries = co_arena_zalloc(arena, CO_METADATA_MAX, sizeof(*entries));
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next)
		if (entry->type != CO_JSON_NULL)
			entries[session->metadata_count++] = (struct co_metadata){entry->key, entry->text};
	session->metadata = entries;
}

static void create(const struct co_command *command, int64_t now_ms, const struct co_merchant *merchant,
				   struct co_arena *arena, struct co_decision *out)
{
	struct co_session *session = &out->created;
	const struct co_json *amount;
	struct co_request request;

	if (!accept_request(command, merchant, &request, out))
		return;
	amount = co_json_get(request.payment.object, CO_VIEW("amount"));
	session->id = command->created_id;
	session->merchant_id = command->merchant_id;
	session->namespace_name = command->namespace_name;
	session->reference_id = request.reference_id;
	session->amount = amount ? amount->integer : 0;
	memcpy(session->currency, request.currency.ptr, 3);
	session->capture = request.capture;
	fill_lists(session, &request, arena);
	session->created_ms = now_ms;
	session->expires_ms = now_ms + request.ttl_s * MS_PER_SECOND;
	session->changes[session->change_count++] = (struct co_change){
		.event = CO_EVENT_CREATED,
		.at_ms = now_ms,
		.status = CO_SESSION_OPEN,
		.payment = amount ? CO_PAYMENT_REQUIRES_PAYMENT_METHOD : CO_PAYMENT_NONE,
	};
	out->creates = true;
	out->remembers = true;
	out->verdict.version = 1;
}

static enum co_trigger update_trigger(const struct co_json *data)
{
	enum co_payment_status reported;

	if (!co_transaction_status_find(co_text(co_json_get(data, CO_VIEW("transactionStatus"))), &reported))
		return CO_TRIGGER_UPDATE_UNMAPPED;
	switch (reported) {
	case CO_PAYMENT_AUTHORISED:
		return CO_TRIGGER_UPDATE_AUTHORISED;
	case CO_PAYMENT_PROCESSING:
		return CO_TRIGGER_UPDATE_PROCESSING;
	case CO_PAYMENT_SUCCEEDED:
		return CO_TRIGGER_UPDATE_SUCCEEDED;
	case CO_PAYMENT_FAILED:
		return CO_TRIGGER_UPDATE_FAILED;
	case CO_PAYMENT_NONE:
	case CO_PAYMENT_REQUIRES_PAYMENT_METHOD:
	case CO_PAYMENT_CANCELLED:
	case CO_PAYMENT_EXPIRED:
	case CO_PAYMENT_STATUS_COUNT:
		break;
	}
	return CO_TRIGGER_UPDATE_UNMAPPED;
}

static enum co_trigger trigger_of(const struct co_session *session, const struct co_command *command)
{
	switch (command->kind) {
	case CO_COMMAND_CREATE:
		return CO_TRIGGER_CREATE;
	case CO_COMMAND_AUTHORIZE:
		return session->capture ? CO_TRIGGER_AUTHORIZE_CAPTURE : CO_TRIGGER_AUTHORIZE;
	case CO_COMMAND_CAPTURE:
		return CO_TRIGGER_CAPTURE;
	case CO_COMMAND_PAYMENT_UPDATE:
		return update_trigger(command->data);
	case CO_COMMAND_COMPLETE:
		return CO_TRIGGER_COMPLETE;
	case CO_COMMAND_FAIL:
		return CO_TRIGGER_FAIL;
	case CO_COMMAND_CANCEL:
		return CO_TRIGGER_CANCEL;
	case CO_COMMAND_EXPIRE:
		return CO_TRIGGER_EXPIRE;
	case CO_COMMAND_GET:
	case CO_COMMAND_VALIDATE:
	case CO_COMMAND_COUNT:
		break;
	}
	return CO_TRIGGER_GET;
}

static void tell_late_money(const struct co_json *data, struct co_decision *out)
{
	struct co_view intent_id = co_text(co_json_get(data, CO_VIEW("paymentIntentId")));
	size_t length = co_view_code_points(intent_id);

	out->late_payment = true;
	out->late_status = co_text(co_json_get(data, CO_VIEW("transactionStatus")));
	if (length >= 1 && length <= 64)
		out->late_intent_id = intent_id;
}

/* `pinMethods` entries match the family or `family/type` (section 8). */
static bool needs_pin(const struct co_merchant *merchant, struct co_view family, struct co_view type)
{
	const struct co_name_list *list = &merchant->pin_methods;

	for (size_t i = 0; list->given && i < list->count; i++) {
		struct co_view name = list->names[i];

		if (co_view_eq(name, family))
			return true;
		if (type.ptr && name.len == family.len + 1 + type.len && co_view_starts(name, family) &&
			name.ptr[family.len] == '/' && co_view_ends(name, type))
			return true;
	}
	return false;
}

/* Step 7's own refusals of authorize, but for the attached intent, which is in the table. */
static bool authorize_refused(const struct co_session *session, const struct co_json *data,
							  const struct co_merchant *merchant, enum co_code *code)
{
	const struct co_json *method = co_json_get(data, CO_VIEW("paymentMethod"));
	struct co_view processor = co_text(co_json_get(data, CO_VIEW("processor")));

	if (processor.ptr && !co_name_list_allows(&merchant->processors, processor))
		*code = CO_CODE_INVALID_PAYMENT_PROCESSOR;
	else if (needs_pin(merchant, co_text(co_json_get(method, CO_VIEW("family"))),
					   co_text(co_json_get(method, CO_VIEW("type")))) &&
			 !co_json_get(data, CO_VIEW("pinToken")))
		*code = CO_CODE_MISSING_PIN_TOKEN;
	else if (co_json_get(data, CO_VIEW("amount"))->integer != session->amount)
		*code = CO_CODE_MISMATCH_PAYMENT_AMOUNT;
	else
		return false;
	return true;
}

/* The command's own refusals in step 7, on valid data. */
static bool data_refused(const struct co_session *session, const struct co_state *state,
						 const struct co_command *command, const struct co_merchant *merchant, enum co_code *code)
{
	const struct co_json *amount;
	struct co_view intent_id;

	switch (command->kind) {
	case CO_COMMAND_AUTHORIZE:
		return authorize_refused(session, command->data, merchant, code);
	case CO_COMMAND_CAPTURE:
		amount = co_json_get(command->data, CO_VIEW("amount"));
		*code = CO_CODE_INVALID_CAPTURE_AMOUNT;
		return amount && amount->integer > session->amount;
	case CO_COMMAND_PAYMENT_UPDATE:
		intent_id = co_text(co_json_get(command->data, CO_VIEW("paymentIntentId")));
		*code = CO_CODE_INVALID_SESSION;
		return !co_view_eq(state->intent_id, intent_id); /* none is attached: absent, equal to no valid id */
	case CO_COMMAND_CREATE:
	case CO_COMMAND_GET:
	case CO_COMMAND_COMPLETE:
	case CO_COMMAND_FAIL:
	case CO_COMMAND_CANCEL:
	case CO_COMMAND_EXPIRE:
	case CO_COMMAND_VALIDATE:
	case CO_COMMAND_COUNT:
		break;
	}
	return false;
}

static enum co_code told_code(const struct co_json *owner)
{
	enum co_code code = CO_CODE_EXTERNAL_SERVER_ERROR;

	(void)co_code_find(co_text(co_json_get(owner, CO_VIEW("code"))), &code);
	return code;
}

/* What the event speaks of, besides the states. */
static void fill_change(const struct co_session *session, const struct co_state *state,
						const struct co_command *command, struct co_decision *out)
{
	const struct co_json *data = command->data, *amount, *method;
	const struct co_json *owner =
		command->kind == CO_COMMAND_PAYMENT_UPDATE ? co_json_get(data, CO_VIEW("failure")) : data;
	struct co_change *change = &out->change;

	switch (change->event) {
	case CO_EVENT_AUTHORISED:
		method = co_json_get(data, CO_VIEW("paymentMethod"));
		change->intent_id = co_text(co_json_get(data, CO_VIEW("paymentIntentId")));
		change->method_family = co_text(co_json_get(method, CO_VIEW("family")));
		change->method_type = co_text(co_json_get(method, CO_VIEW("type")));
		change->method_brand = co_text(co_json_get(method, CO_VIEW("brand")));
		change->processor = co_text(co_json_get(data, CO_VIEW("processor")));
		break;
	case CO_EVENT_CAPTURED:
		amount = co_json_get(data, CO_VIEW("amount"));
		change->captured_amount = amount ? amount->integer : session->amount;
		break;
	case CO_EVENT_SUCCEEDED:
		change->captured_amount = state->captured_amount ? state->captured_amount : session->amount;
		break;
	case CO_EVENT_FAILED:
		out->tells_error = true;
		out->told = told_code(owner);
		change->reason = co_text(co_json_get(owner, CO_VIEW("reason")));
		break;
	case CO_EVENT_CANCELLED:
	case CO_EVENT_EXPIRED:
		change->reason = co_text(co_json_get(owner, CO_VIEW("reason")));
		break;
	case CO_EVENT_CREATED:
	case CO_EVENT_PROCESSING:
	case CO_EVENT_COMPLETED:
	case CO_EVENT_LATE_PAYMENT:
	case CO_EVENT_COUNT:
		break;
	}
}

/* Steps 6 and 7. */
static void judge(const struct co_session *session, const struct co_command *command, int64_t now_ms,
				  const struct co_merchant *merchant, struct co_decision *out)
{
	const struct co_state state = co_session_now(session);
	const struct co_step *step = co_step(state.status, state.payment, trigger_of(session, command));
	enum co_code code;
	uint16_t count;

	assert(step->kind != CO_STEP_UNREACHABLE);
	out->remembers = co_command_row(command->kind)->remembered;
	out->verdict.version = state.version;
	if (step->kind == CO_STEP_REFUSED || step->kind == CO_STEP_LATE_MONEY) {
		refuse(out, step->code, state.version);
		if (step->kind == CO_STEP_LATE_MONEY)
			tell_late_money(command->data, out);
		return;
	}
	count = co_validate(command, merchant, out->verdict.violations);
	if (count) {
		refuse_broken(&out->verdict, count, state.version);
		out->tells_error = true;
		out->told = out->verdict.code;
		return;
	}
	if (step->kind == CO_STEP_REFUSED_FIRST) {
		refuse(out, step->code, state.version);
	} else if (data_refused(session, &state, command, merchant, &code)) {
		refuse(out, code, state.version);
	} else if (step->kind == CO_STEP_REFUSED_LAST) {
		refuse(out, step->code, state.version);
	} else if (step->kind == CO_STEP_MOVES) {
		out->change = (struct co_change){
			.event = step->event, .at_ms = now_ms, .status = step->to_session, .payment = step->to_payment};
		fill_change(session, &state, command, out);
		out->changes = true;
		out->verdict.version++;
	}
}

void co_decide(const struct co_session *session, const struct co_command *command, int64_t now_ms,
			   const struct co_merchant *merchant, struct co_arena *arena, struct co_decision *out)
{
	const struct co_memory *memory;
	struct co_request request;

	memset(out, 0, sizeof(*out));
	if (command->kind == CO_COMMAND_VALIDATE) {
		(void)accept_request(command, merchant, &request, out);
		return;
	}
	if (command->kind == CO_COMMAND_CREATE && command->subject_is == CO_PRESENT &&
		!co_uuid_eq(&command->created_id, &command->subject)) {
		refuse(out, CO_CODE_INVALID_SESSION, 0);
		return;
	}
	if (!session) {
		if (command->kind == CO_COMMAND_CREATE)
			create(command, now_ms, merchant, arena, out);
		else
			refuse(out, CO_CODE_SESSION_NOT_FOUND, 0);
		return;
	}
	if (!co_uuid_eq(&session->merchant_id, &command->merchant_id)) {
		refuse(out, CO_CODE_UNAUTHORIZED, 0);
		out->verdict.problem = CO_PROBLEM_RULE;
		out->verdict.rule = CO_RULE_SESSION_OTHER_MERCHANT;
		return;
	}
	if (!co_view_eq(session->namespace_name, command->namespace_name)) {
		refuse(out, CO_CODE_INVALID_NAMESPACE, 0);
		return;
	}
	memory = co_recall(session, command);
	if (!memory) {
		judge(session, command, now_ms, merchant, out);
	} else if (co_is_repeat(memory, command)) {
		co_retell(memory, command, &out->verdict);
		out->replayed = true;
	} else {
		refuse(out, CO_CODE_VALIDATION_ERROR, (uint16_t)session->change_count);
		out->verdict.problem = CO_PROBLEM_CONFLICT;
	}
}

void co_decide_unreadable(struct co_decision *out)
{
	memset(out, 0, sizeof(*out));
	refuse(out, CO_CODE_INVALID_SESSION, 0);
}

void co_decide_internal_error(uint16_t version, struct co_decision *out)
{
	memset(out, 0, sizeof(*out));
	refuse(out, CO_CODE_INTERNAL_SERVER_ERROR, version);
}
