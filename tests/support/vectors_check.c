#include "vectors_say.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

const json_t *co_vectors_code(const struct co_vectors *vectors, const char *code)
{
	const json_t *codes = json_object_get(vectors->catalogue, "codes");

	for (size_t i = 0; i < json_array_size(codes); i++)
		if (strcmp(co_tk_text_at(json_array_get(codes, i), "code"), code) == 0)
			return json_array_get(codes, i);
	return NULL;
}

static const char *rule_name(const json_t *rule)
{
	const char *name = co_tk_text_at(rule, "rule");

	return *name ? name : co_tk_text_at(rule, "name");
}

const json_t *co_vectors_rule(const struct co_vectors *vectors, const char *rule)
{
	const json_t *rules = json_object_get(vectors->catalogue, "rules");

	for (size_t i = 0; i < json_array_size(rules); i++)
		if (strcmp(rule_name(json_array_get(rules, i)), rule) == 0)
			return json_array_get(rules, i);
	return NULL;
}

/* ---- what every output has ---- */

static bool is_compact(struct co_view text)
{
	bool quoted = false;

	for (size_t i = 0; i < text.len; i++) {
		if (quoted && text.ptr[i] == '\\')
			i++;
		else if (text.ptr[i] == '"')
			quoted = !quoted;
		else if (!quoted && strchr(" \t\r\n", text.ptr[i]))
			return false;
	}
	return true;
}

static char *instant(int64_t at_ms)
{
	time_t seconds = (time_t)(at_ms / 1000);
	struct tm parts;
	char date[32];

	gmtime_r(&seconds, &parts);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts);
	return co_tk_format("%s.%03dZ", date, (int)(at_ms % 1000));
}

static char *check_common(const struct co_vector_case *of, size_t step, const struct co_tk_record *output,
						  const char *what)
{
	static const struct {
		const char *name, *value;
	} fixed[] = {
		{"content-type", "application/json"}, {"ce_specversion", "1.0"}, {"ce_source", "/checkout/session-worker"}};
	const struct co_record *record = &output->r;
	struct co_view subject = co_tk_header(record, "ce_subject");

	for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
		if (!co_tk_header_is(record, fixed[i].name, fixed[i].value))
			return co_vectors_wrong(of, step, fixed[i].name, fixed[i].value, co_tk_header(record, fixed[i].name));
	if (co_tk_header(record, "ce_id").len != 36)
		return co_vectors_wrong(of, step, "ce_id", "a UUID", co_tk_header(record, "ce_id"));
	if (!is_compact(record->value))
		return co_vectors_wrong(of, step, what, "compact JSON", record->value);
	if (subject.ptr && !co_tk_same(subject, record->key))
		return co_vectors_wrong(of, step, "the key where ce_subject is told", "the session id", record->key);
	if (of->steps[step].monotone) {
		char *time = instant(of->steps[step].timestamp_ms);
		char *failure = co_tk_header_is(record, "ce_time", time)
							? NULL
							: co_vectors_wrong(of, step, "ce_time", time, co_tk_header(record, "ce_time"));
		free(time);
		return failure;
	}
	return NULL;
}

/* ---- the reply ---- */

static char *check_error_object(const struct co_vectors *vectors, const struct co_vector_case *of, size_t step,
								const char *code, const json_t *error)
{
	const json_t *row = co_vectors_code(vectors, code);

	co_tk_check(row, "%s is no code of the catalogue", code);
	TRY(co_vectors_wrong_text(of, step, "error.code", code, json_object_get(error, "code")));
	TRY(co_vectors_wrong_text(of, step, "error.name", co_tk_text_at(row, "name"), json_object_get(error, "name")));
	TRY(co_vectors_wrong_text(of, step, "error.message", co_tk_text_at(row, "message"),
							  json_object_get(error, "message")));
	TRY(co_vectors_wrong_json(of, step, "error.retryable", json_object_get(row, "retryable"),
							  json_object_get(error, "retryable")));
	if (json_object_size(error) != 8)
		return co_vectors_wrong_json(of, step, "the members of error", json_object(), error);
	return NULL;
}

/* validation.errors as `rules` tells them; the detail of a rule is the catalogue's. */
static json_t *wanted_errors(const struct co_vectors *vectors, const json_t *rules)
{
	json_t *list = json_array();

	for (size_t i = 0; i < json_array_size(rules); i++) {
		const json_t *rule = json_array_get(rules, i), *row;
		const char *name = json_string_value(json_array_get(rule, 0));
		json_t *detail = json_array_get(rule, 2);
		if (!detail) {
			row = co_vectors_rule(vectors, name);
			co_tk_check(row, "%s is no rule of the catalogue", name);
			detail = json_object_get(row, "detail");
		}
		json_array_append_new(
			list, json_pack("{s:s,s:O,s:O}", "rule", name, "detail", detail, "pointer", json_array_get(rule, 1)));
	}
	return list;
}

static char *check_rules(const struct co_vectors *vectors, const struct co_vector_case *of, size_t step,
						 const json_t *rules, const json_t *body)
{
	json_t *wanted = wanted_errors(vectors, rules);
	json_t *validation = json_pack("{s:b,s:O}", "valid", json_array_size(wanted) == 0, "errors", wanted);
	char *failure = co_vectors_wrong_json(of, step, "validation", validation, json_object_get(body, "validation"));

	json_decref(validation);
	if (!failure && json_object_get(body, "error")) {
		json_t *details = json_array_size(wanted) > 1 ? json_incref(wanted) : json_null();
		failure = co_vectors_wrong_json(of, step, "error.errorDetails", details, co_tk_at(body, "error.errorDetails"));
		json_decref(details);
	}
	if (!failure && json_array_size(wanted) > 0) {
		const json_t *first = json_array_get(wanted, 0);
		const json_t *row = co_vectors_rule(vectors, co_tk_text_at(first, "rule"));
		failure = co_vectors_wrong_text(of, step, "error.title", row ? co_tk_text_at(row, "title") : "INVALID_REQUEST",
										co_tk_at(body, "error.title"));
		if (!failure)
			failure = co_vectors_wrong_text(of, step, "error.detail", co_tk_text_at(first, "detail"),
											co_tk_at(body, "error.detail"));
	}
	json_decref(wanted);
	return failure;
}

static char *check_session(const struct co_vector_case *of, size_t step, const json_t *expected, const json_t *body)
{
	const json_t *state = json_object_get(expected, "state"), *session = json_object_get(body, "session");

	if (json_object_get(expected, "session"))
		TRY(co_vectors_wrong_json(of, step, "session", json_object_get(expected, "session"), session));
	if (state) {
		char *got =
			co_tk_format("%s/%s/%lld", co_tk_text_at(session, "status"), co_tk_text_at(session, "payment.status"),
						 (long long)json_integer_value(json_object_get(session, "version")));
		char *failure = strcmp(got, json_string_value(state)) == 0
							? NULL
							: co_vectors_differs(of, step, "state", json_string_value(state), got);
		free(got);
		return failure;
	}
	return NULL;
}

static char *check_header(const struct co_vector_case *of, size_t step, const char *name, const json_t *form)
{
	struct co_view got = co_tk_header(&of->steps[step].reply->r, name);
	char *label = co_tk_format("header %s", name), *failure = NULL;

	if (json_is_null(form)) {
		if (got.ptr)
			failure = co_vectors_wrong(of, step, label, "not there", got);
	} else if (json_is_true(form)) {
		if (!got.ptr)
			failure = co_vectors_wrong(of, step, label, "there", got);
	} else if (json_is_string(form)) {
		if (!co_tk_same(got, (struct co_view){json_string_value(form), json_string_length(form)}))
			failure = co_vectors_wrong(of, step, label, json_string_value(form), got);
	} else {
		char *bytes;
		size_t length;
		const char *base64 = co_tk_text_at(form, "base64");
		co_tk_check(co_tk_base64(base64, &bytes, &length), "bad base64");
		if (!co_tk_same(got, (struct co_view){bytes, length}))
			failure = co_vectors_wrong(of, step, label, base64, got);
		free(bytes);
	}
	free(label);
	return failure;
}

static bool asks_partition(const struct co_vector_step *step)
{
	for (size_t i = 0; i < step->message.header_count; i++) {
		struct co_view name = step->message.headers[i].name;
		if (name.len >= 9 && strncasecmp(name.ptr + name.len - 9, "partition", 9) == 0)
			return true;
	}
	return false;
}

/* Topic and partition (contract sections 1 and 2). */
static char *check_place(const struct co_vectors *vectors, const struct co_vector_case *of, size_t step,
						 const json_t *expected)
{
	const struct co_tk_record *reply = of->steps[step].reply;
	const char *topic = co_tk_text_at(expected, "topic");
	const json_t *partition = json_object_get(expected, "partition");
	int32_t count = vectors->partitions, wanted = of->steps[step].copy_partition;

	if (!*topic)
		topic = "checkout.session.replies";
	if (!co_tk_is(reply->topic, topic))
		return co_vectors_wrong(of, step, "topic", topic, reply->topic);
	for (size_t i = 0; i < vectors->topic_count; i++)
		if (strcmp(vectors->topics[i].name, topic) == 0)
			count = vectors->topics[i].partitions;
	if (partition)
		wanted = (int32_t)json_integer_value(partition);
	else if (asks_partition(&of->steps[step]))
		return NULL;
	else if (count != vectors->partitions && !reply->r.key.ptr)
		return NULL; /* nothing says which */
	else if (count != vectors->partitions)
		wanted = co_tk_murmur2_partition(reply->r.key, count);
	if (reply->r.partition == wanted)
		return NULL;
	char want[16], got[16];
	snprintf(want, sizeof(want), "%d", wanted);
	snprintf(got, sizeof(got), "%d", reply->r.partition);
	return co_vectors_differs(of, step, "partition of the reply", want, got);
}

static char *check_replayed(const struct co_vector_case *of, size_t step)
{
	const struct co_vector_step *this = &of->steps[step];
	bool replayed = json_is_true(json_object_get(this->expect, "replayed"));
	struct co_view header = co_tk_header(&this->reply->r, "checkout-replayed");

	if (!replayed)
		return header.ptr ? co_vectors_wrong(of, step, "header checkout-replayed", "not there", header) : NULL;
	if (!co_tk_is(header, "true"))
		return co_vectors_wrong(of, step, "header checkout-replayed", "true", header);
	struct co_view earlier = {NULL, 0};
	for (size_t i = 0; i < step; i++) {
		if (!of->steps[i].reply || !of->steps[i].id || strcmp(of->steps[i].id, this->id) != 0)
			continue;
		earlier = of->steps[i].reply->r.value;
		if (co_tk_same(earlier, this->reply->r.value))
			return NULL;
	}
	char *shown = co_tk_show(earlier);
	char *failure = co_vectors_wrong(of, step, "the body of a repeat", shown, this->reply->r.value);
	free(shown);
	return failure;
}

static char *check_refusal(const struct co_vectors *vectors, const struct co_vector_case *of, size_t step,
						   const json_t *expected, const json_t *body)
{
	const struct co_vector_step *this = &of->steps[step];
	const char *code = json_string_value(json_object_get(expected, "code"));
	const json_t *error = json_object_get(body, "error");
	struct co_view header = co_tk_header(&this->reply->r, "checkout-error-code");

	if (!code) {
		if (error)
			return co_vectors_wrong_json(of, step, "error", NULL, error);
		return header.ptr ? co_vectors_wrong(of, step, "header checkout-error-code", "not there", header) : NULL;
	}
	if (!co_tk_is(header, code))
		return co_vectors_wrong(of, step, "header checkout-error-code", code, header);
	TRY(check_error_object(vectors, of, step, code, error));
	char status[16];
	snprintf(status, sizeof(status), "%lld", (long long)json_integer_value(json_object_get(error, "status")));
	if (!co_tk_header_is(&this->reply->r, "checkout-status", status))
		return co_vectors_wrong(of, step, "checkout-status against error.status", status,
								co_tk_header(&this->reply->r, "checkout-status"));
	if (json_object_get(expected, "title"))
		TRY(co_vectors_wrong_json(of, step, "error.title", json_object_get(expected, "title"),
								  json_object_get(error, "title")));
	if (json_object_get(expected, "detail"))
		TRY(co_vectors_wrong_json(of, step, "error.detail", json_object_get(expected, "detail"),
								  json_object_get(error, "detail")));
	return NULL;
}

static char *check_outcome(const struct co_vector_case *of, size_t step, const json_t *expected, const json_t *body)
{
	const struct co_vector_step *this = &of->steps[step];
	const char *status = json_string_value(json_object_get(expected, "status"));
	struct co_view header = co_tk_header(&this->reply->r, "checkout-status");
	bool accepted = header.ptr && header.len == 3 && header.ptr[0] == '2';
	const char *type = co_tk_text_at(body, "command.type"), *outcome = accepted ? "accepted" : "rejected";

	if (status && !co_tk_is(header, status))
		return co_vectors_wrong(of, step, "header checkout-status", status, header);
	TRY(co_vectors_wrong_text(of, step, "outcome", outcome, json_object_get(body, "outcome")));
	TRY(co_vectors_wrong_text(of, step, "command.id", this->id, co_tk_at(body, "command.id")));
	char *ce_type = co_tk_format("%s.%s", type, outcome);
	char *failure = co_tk_header_is(&this->reply->r, "ce_type", ce_type)
						? NULL
						: co_vectors_wrong(of, step, "ce_type", ce_type, co_tk_header(&this->reply->r, "ce_type"));
	free(ce_type);
	TRY(failure);
	size_t members = accepted ? 4 : 5;
	if (json_object_size(body) != members || json_object_size(json_object_get(body, "command")) != 2 ||
		!json_object_get(body, "session"))
		return co_vectors_wrong(of, step, "the members of a reply",
								"outcome, command{id,type}, validation, error if refused, session",
								this->reply->r.value);
	const json_t *id = co_tk_at(body, "session.id");
	if (id && !co_tk_header_is(&this->reply->r, "ce_subject", json_string_value(id)))
		return co_vectors_wrong(of, step, "ce_subject", json_string_value(id),
								co_tk_header(&this->reply->r, "ce_subject"));
	return NULL;
}

char *co_vectors_check_reply(struct co_vectors *vectors, struct co_vector_case *of, size_t step)
{
	struct co_vector_step *this = &of->steps[step];
	const json_t *expected = json_object_get(this->expect, "reply");

	if (!json_is_object(expected))
		return NULL; /* a reply too many is found where all outputs are accounted for */
	if (!this->reply)
		return co_vectors_differs(of, step, "reply", "one", "none");
	this->reply_body = co_tk_json(this->reply->r.value);
	if (!this->reply_body)
		return co_vectors_wrong(of, step, "the reply's value", "JSON", this->reply->r.value);
	const json_t *body = this->reply_body;
	TRY(check_outcome(of, step, expected, body));
	TRY(check_refusal(vectors, of, step, expected, body));
	TRY(check_rules(vectors, of, step, json_object_get(expected, "rules"), body));
	TRY(check_session(of, step, expected, body));
	const char *name;
	json_t *form;
	json_object_foreach(json_object_get(expected, "headers"), name, form)
	{
		TRY(check_header(of, step, name, form));
	}
	TRY(check_place(vectors, of, step, expected));
	TRY(check_replayed(of, step));
	return check_common(of, step, this->reply, "the reply's value");
}

/* ---- the error event ---- */

const char *co_vectors_error_code(const struct co_vector_step *step, const json_t **list)
{
	const json_t *told = json_object_get(step->expect, "error_event");

	*list = NULL;
	if (json_is_array(told)) {
		*list = told;
		return json_string_value(json_array_get(told, 0));
	}
	if (told)
		return json_string_value(told);
	if (json_is_true(json_object_get(step->expect, "dlq")) || json_is_true(json_object_get(step->expect, "replayed")))
		return NULL;
	return json_string_value(co_tk_at(step->expect, "reply.code"));
}

static char *check_error_body(const struct co_vectors *vectors, struct co_vector_case *of, size_t step,
							  const json_t *list)
{
	struct co_vector_step *this = &of->steps[step];
	const json_t *body = this->error_body, *error = json_object_get(body, "error");
	struct co_view subject = co_tk_header(&this->error->r, "ce_subject");
	json_t *place = json_pack("[s,s,I,I]", this->id, "checkout.session.commands", (json_int_t)this->copy_partition,
							  (json_int_t)this->copy_offset);
	json_t *got = json_pack("[O?,O?,O?,O?]", co_tk_at(body, "command.id"), co_tk_at(body, "command.topic"),
							co_tk_at(body, "command.partition"), co_tk_at(body, "command.offset"));
	char *failure =
		co_vectors_wrong_json(of, step, "the error event's command id, topic, partition, offset", place, got);

	(void)vectors;
	json_decref(place);
	json_decref(got);
	TRY(failure);
	if (json_object_size(body) != 5 || json_object_size(json_object_get(body, "command")) != 6 ||
		!json_object_get(body, "sessionId") || !json_object_get(body, "merchantId"))
		return co_vectors_wrong(of, step, "the members of an error event",
								"error, sessionId, merchantId, command{id,type,source,topic,partition,offset}, time",
								this->error->r.value);
	if (subject.ptr ? !co_tk_is(subject, co_tk_text_at(body, "sessionId"))
					: !json_is_null(json_object_get(body, "sessionId")))
		return co_vectors_wrong(of, step, "sessionId of the error event against ce_subject",
								co_tk_text_at(body, "sessionId"), subject);
	if (!co_tk_header_is(&this->error->r, "ce_time", co_tk_text_at(body, "time")))
		return co_vectors_wrong(of, step, "ce_time of the error event", co_tk_text_at(body, "time"),
								co_tk_header(&this->error->r, "ce_time"));
	if (json_object_get(this->reply_body, "error"))
		return co_vectors_wrong_json(of, step, "error of the error event against the reply's",
									 json_object_get(this->reply_body, "error"), error);
	if (list) {
		json_t *told = json_pack("[O?,O?,O?,O?]", json_object_get(error, "code"), json_object_get(error, "title"),
								 json_object_get(error, "status"), json_object_get(error, "detail"));
		failure = co_vectors_wrong_json(of, step, "code, title, status, detail of the error event", list, told);
		json_decref(told);
	}
	return failure;
}

char *co_vectors_check_error(struct co_vectors *vectors, struct co_vector_case *of, size_t step)
{
	struct co_vector_step *this = &of->steps[step];
	const json_t *list;
	const char *code = co_vectors_error_code(this, &list);

	if (!code)
		return NULL; /* one too many is found where all outputs are accounted for */
	if (!this->error)
		return co_vectors_differs(of, step, "error event", code, "none");
	this->error_body = co_tk_json(this->error->r.value);
	if (!this->error_body)
		return co_vectors_wrong(of, step, "the error event's value", "JSON", this->error->r.value);
	if (!co_tk_header_is(&this->error->r, "ce_type", "checkout.session.error"))
		return co_vectors_wrong(of, step, "ce_type of the error event", "checkout.session.error",
								co_tk_header(&this->error->r, "ce_type"));
	TRY(check_error_object(vectors, of, step, code, json_object_get(this->error_body, "error")));
	TRY(check_error_body(vectors, of, step, list));
	return check_common(of, step, this->error, "the error event's value");
}
