#include "request_hold.h"

#include "checkout/app/stored.h"

static bool same_view(struct co_view a, struct co_view b)
{
	return (a.ptr != NULL) == (b.ptr != NULL) && (!a.ptr || co_view_eq(a, b));
}

static const struct co_json *parsed(struct bench *bench, struct co_view text)
{
	const struct co_json *root = NULL;

	hold(co_json_parse(text, CO_JSON_DEPTH_MAX, &bench->arena, &root, NULL) == CO_OK);
	hold(co_json_is(root, CO_JSON_OBJECT));
	return root;
}

static const struct co_json *member(const struct co_json *owner, const char *name, enum co_json_type type)
{
	const struct co_json *found = co_json_member(owner, co_view_cstr(name));

	hold(co_json_is(found, type));
	return found;
}

static enum co_rule rule_named(struct co_view name)
{
	size_t rule = 0;

	while (rule < CO_RULE_COUNT && !co_view_eq(co_rule_row((enum co_rule)rule)->name, name))
		rule++;
	hold(rule < CO_RULE_COUNT);
	return (enum co_rule)rule;
}

/* RFC 6901: empty, or parts that each begin with a slash; a tilde is always escaped. */
static void hold_pointer(struct co_view pointer)
{
	hold(pointer.len == 0 || pointer.ptr[0] == '/');
	for (size_t i = 0; i < pointer.len; i++)
		hold(pointer.ptr[i] != '~' ||
			 (i + 1 < pointer.len && (pointer.ptr[i + 1] == '0' || pointer.ptr[i + 1] == '1')));
}

static void hold_violations(const struct co_json *errors, enum co_code code)
{
	hold(errors->count > 0 && errors->count <= CO_VIOLATIONS_MAX);
	for (const struct co_json *error = errors->first; error; error = error->next) {
		const struct co_rule_row *row = co_rule_row(rule_named(member(error, "rule", CO_JSON_STRING)->text));
		struct co_view detail = member(error, "detail", CO_JSON_STRING)->text;

		hold(row->detail.len ? co_view_eq(detail, row->detail) : co_view_ends(detail, CO_VIEW(" is invalid")));
		hold_pointer(member(error, "pointer", CO_JSON_STRING)->text);
		hold(error != errors->first || row->code == code);
	}
}

static void hold_error(struct bench *bench, const struct co_message *reply, const struct co_json *root,
					   struct told *told)
{
	const struct co_json *error = member(root, "error", CO_JSON_OBJECT);
	const struct co_json *validation = member(root, "validation", CO_JSON_OBJECT);
	const struct co_json *errors = member(validation, "errors", CO_JSON_ARRAY);
	const struct co_json *details = co_json_member(error, CO_VIEW("errorDetails"));
	struct co_view number = member(error, "code", CO_JSON_STRING)->text;

	hold(co_code_find(number, &told->code));
	hold(co_view_eq(member(error, "name", CO_JSON_STRING)->text, co_code_row(told->code)->name));
	hold(member(error, "title", CO_JSON_STRING)->text.len > 0);
	hold(member(error, "detail", CO_JSON_STRING)->text.len > 0);
	hold(co_view_eq(co_view_cstr(bench_header(bench, reply, "checkout-error-code")), number));
	hold(co_view_eq(co_view_cstr(bench_header(bench, reply, "checkout-status")),
					member(error, "status", CO_JSON_INTEGER)->raw));
	hold(details && (errors->count > 1 ? co_view_eq(details->raw, errors->raw) : details->type == CO_JSON_NULL));
	if (co_json_is(co_json_member(validation, CO_VIEW("valid")), CO_JSON_FALSE))
		hold_violations(errors, told->code);
	else
		hold(co_json_is(co_json_member(validation, CO_VIEW("valid")), CO_JSON_TRUE) && errors->count == 0);
}

struct told hold_reply(struct bench *bench, const struct co_message *reply)
{
	const struct co_json *root = parsed(bench, reply->value);
	const struct co_json *session = co_json_member(root, CO_VIEW("session"));
	struct co_view outcome = member(root, "outcome", CO_JSON_STRING)->text;
	struct told told = {.accepted = co_view_eq(outcome, CO_VIEW("accepted")), .code = CO_CODE_COUNT};

	hold(told.accepted || co_view_eq(outcome, CO_VIEW("rejected")));
	hold(session && (session->type == CO_JSON_OBJECT || session->type == CO_JSON_NULL));
	if (session->type == CO_JSON_OBJECT) {
		told.has_session = true;
		told.session = session->raw;
		told.version = member(session, "version", CO_JSON_INTEGER)->integer;
	}
	if (told.accepted)
		hold(!co_json_member(root, CO_VIEW("error")) &&
			 co_view_eq(co_view_cstr(bench_header(bench, reply, "checkout-error-code")), CO_VIEW("(none)")));
	else
		hold_error(bench, reply, root, &told);
	return told;
}

void hold_messages(struct bench *bench)
{
	for (size_t i = 0; i < bench->round.message_count; i++) {
		const struct co_message *message = &bench->round.messages[i];
		size_t bytes = message->key.len + message->value.len;

		for (size_t h = 0; h < message->header_count; h++) {
			hold(message->headers[h].name.len > 0 && message->headers[h].value.ptr);
			bytes += message->headers[h].name.len + message->headers[h].value.len;
		}
		bool dead = co_view_eq(message->topic, bench->desk.names.topics[CO_TOPIC_DLQ]);
		hold(dead || bytes <= CO_OUTPUT_BYTES_MAX);
		hold(message->partition >= 0);
		if (!dead && message->value.ptr)
			(void)parsed(bench, message->value);
	}
}

/* The `state` record of the session. */
static const struct co_message *state_of(const struct bench *bench, const struct co_uuid *id)
{
	char text[CO_UUID_TEXT + 1];

	co_uuid_format(id, text);
	for (size_t i = 0; i < bench->round.message_count; i++) {
		const struct co_message *message = &bench->round.messages[i];

		if (co_view_eq(message->topic, bench->desk.names.topics[CO_TOPIC_STATE]) &&
			co_view_eq(message->key, co_view_cstr(text)))
			return message;
	}
	return NULL;
}

void hold_entries(struct bench *bench)
{
	for (size_t i = 0; i < bench->apply.count; i++) {
		const struct co_store_entry *entry = &bench->apply.entries[i];
		const struct co_message *message = state_of(bench, &entry->id);
		struct co_session *session = CO_NEW(&bench->arena, struct co_session);
		struct co_state_record back;
		int64_t due_ms, held_ms;

		hold(message != NULL);
		const struct co_record record = {.key = message->key, .value = message->value};
		co_state_read(&record, &bench->arena, &back);
		hold(co_uuid_eq(&back.session_id, &entry->id));
		if (!entry->stored.ptr) {
			hold(back.kind == CO_STATE_TOMBSTONE);
			continue;
		}
		hold(back.kind == CO_STATE_SESSION && co_view_eq(back.stored, entry->stored));
		hold(co_stored_read(entry->stored, &bench->arena, session) == CO_OK);
		hold(co_view_eq(co_stored_write(session, &bench->arena), entry->stored));
		hold(co_uuid_eq(&session->id, &entry->id));
		co_shard_deadlines(&bench->desk, session, &due_ms, &held_ms);
		hold(due_ms == entry->due_ms && held_ms == entry->held_ms);
	}
}

void hold_same(const struct co_message *a, const struct co_message *b, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		hold(co_view_eq(a[i].topic, b[i].topic) && a[i].partition == b[i].partition);
		hold(a[i].timestamp_ms == b[i].timestamp_ms && same_view(a[i].key, b[i].key));
		hold(same_view(a[i].value, b[i].value) && a[i].header_count == b[i].header_count);
		for (size_t h = 0; h < a[i].header_count; h++)
			hold(co_view_eq(a[i].headers[h].name, b[i].headers[h].name) &&
				 same_view(a[i].headers[h].value, b[i].headers[h].value));
	}
}
