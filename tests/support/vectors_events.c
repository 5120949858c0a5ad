#include "vectors.h"

#include "tk.h"

#include <stdlib.h>
#include <string.h>

struct wanted {
	const char *name, *session;
	const json_t *paths;
	size_t step;
	bool by_command; /* the event of a step's own reply */
};

struct wanted_list {
	size_t count, cap;
	struct wanted *items;
	size_t session_count, session_cap;
	const char **sessions;
};

static void add_session(struct wanted_list *list, const char *session)
{
	for (size_t i = 0; i < list->session_count; i++)
		if (strcmp(list->sessions[i], session) == 0)
			return;
	if (list->session_count == list->session_cap) {
		list->session_cap = list->session_cap ? list->session_cap * 2 : 8;
		list->sessions = co_tk_grow(list->sessions, list->session_cap * sizeof(*list->sessions));
	}
	list->sessions[list->session_count++] = session;
}

static char *add_wanted(struct wanted_list *list, const struct co_vector_case *of, size_t step, const json_t *event)
{
	struct wanted wanted = {.name = json_string_value(event),
							.session = co_tk_text_at(of->steps[step].reply_body, "session.id"),
							.step = step,
							.by_command = json_is_string(event)};

	if (json_is_array(event)) {
		wanted.name = json_string_value(json_array_get(event, 0));
		wanted.session = json_string_value(json_array_get(event, 1));
		wanted.paths = json_array_get(event, 2);
	}
	if (!*wanted.session)
		return co_tk_format("  step %zu: the event %s is of the reply's session, and the reply has none", step,
							wanted.name);
	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->items = co_tk_grow(list->items, list->cap * sizeof(*list->items));
	}
	list->items[list->count++] = wanted;
	add_session(list, wanted.session);
	return NULL;
}

static char *collect_wanted(struct wanted_list *list, const struct co_vector_case *of)
{
	for (size_t s = 0; s < of->step_count; s++) {
		const json_t *events = json_object_get(of->steps[s].expect, "events");
		const char *session = co_tk_text_at(of->steps[s].reply_body, "session.id");
		/* Only what the service made: a session another case made does not turn up in this one's replies. */
		if (*session)
			add_session(list, session);
		for (size_t i = 0; i < json_array_size(events); i++) {
			char *failure = add_wanted(list, of, s, json_array_get(events, i));
			if (failure)
				return failure;
		}
	}
	return NULL;
}

static char *check_paths(const struct wanted *wanted, const json_t *body)
{
	const char *path;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)wanted->paths, path, value)
	{
		const json_t *got = co_tk_at(body, path);
		if (got && json_equal(value, got))
			continue;
		char *a = co_tk_json_text(value), *b = co_tk_json_text(got);
		char *text = co_tk_format("  step %zu: event %s of %s: %s\n    expected: %s\n    got:      %s", wanted->step,
								  wanted->name, wanted->session, path, a, b);
		free(a);
		free(b);
		return text;
	}
	return NULL;
}

/* What every lifecycle event has (section 7). */
static char *check_shape(const struct co_tk_record *record, const char *name, const json_t *body)
{
	bool late = strcmp(name, "late_payment") == 0, expired = strcmp(name, "expired") == 0;
	json_int_t version = json_integer_value(co_tk_at(body, "session.version"));
	json_int_t previous = json_integer_value(json_object_get(body, "previousVersion"));
	size_t members = 4 + (late || expired ? 2 : 0);
	const char *problem = NULL;

	if (!body)
		problem = "is no JSON";
	else if (json_object_size(body) != members)
		problem = "has other members than the contract's";
	else if (version != previous + (late ? 0 : 1) || version < 1)
		problem = "skips a version";
	else if (expired && !(json_object_get(body, "scheduledAt") && json_object_get(body, "effectiveAt")))
		problem = "lacks scheduledAt or effectiveAt";
	else if (late && !(json_object_get(body, "paymentIntentId") && json_object_get(body, "transactionStatus")))
		problem = "lacks paymentIntentId or transactionStatus";
	else if (!expired && !json_is_object(json_object_get(body, "command")))
		problem = "names no command";
	else if (!co_tk_header_is(&record->r, "ce_time", co_tk_text_at(body, "time")))
		problem = "has another ce_time than time";
	else if (!co_tk_is(record->r.key, co_tk_text_at(body, "session.id")))
		problem = "has another key than its session's id";
	if (!problem)
		return NULL;
	char *value = co_tk_show(record->r.value);
	char *text = co_tk_format("  the event %s %s: %s", name, problem, value);
	free(value);
	return text;
}

static char *match(const struct co_vector_case *of, const struct wanted *wanted, const struct co_tk_record *record,
				   const char *name, const json_t *body)
{
	const json_t *command = json_object_get(body, "command");

	if (strcmp(wanted->name, name) != 0)
		return co_tk_format("  step %zu: session %s: expected the event %s, got %s", wanted->step, wanted->session,
							wanted->name, name);
	if (wanted->by_command && json_is_object(command) &&
		strcmp(co_tk_text_at(command, "id"), of->steps[wanted->step].id) != 0)
		return co_tk_format("  step %zu: event %s names the command %s, not %s", wanted->step, name,
							co_tk_text_at(command, "id"), of->steps[wanted->step].id);
	char *failure = check_shape(record, name, body);
	return failure ? failure : check_paths(wanted, body);
}

/* "checkout.session.created" → "created"; "" for anything else. */
static const char *name_of(const struct co_record *record, char room[64])
{
	static const char prefix[] = "checkout.session.";
	struct co_view type = co_tk_header(record, "ce_type");

	room[0] = '\0';
	if (type.ptr && type.len > sizeof(prefix) - 1 && type.len < 64 &&
		memcmp(type.ptr, prefix, sizeof(prefix) - 1) == 0) {
		memcpy(room, type.ptr + sizeof(prefix) - 1, type.len - (sizeof(prefix) - 1));
		room[type.len - (sizeof(prefix) - 1)] = '\0';
	}
	return room;
}

static int by_offset(const void *left, const void *right)
{
	const struct co_vector_output *a = *(struct co_vector_output *const *)left;
	const struct co_vector_output *b = *(struct co_vector_output *const *)right;

	return (a->record->r.offset > b->record->r.offset) - (a->record->r.offset < b->record->r.offset);
}

/* The events of one session against the ones wanted, in order; one `expired` more at the end is no difference. */
static char *check_session_events(struct co_vectors *vectors, const struct co_vector_case *of,
								  const struct wanted_list *list, const char *session)
{
	struct co_vector_output **got = co_tk_alloc((vectors->output_count + 1) * sizeof(struct co_vector_output *));
	size_t count = 0, at = 0;
	char *failure = NULL, room[64];

	for (size_t i = 0; i < vectors->output_count; i++)
		if (vectors->outputs[i].class == CO_VECTOR_EVENT && co_tk_is(vectors->outputs[i].subject, session))
			got[count++] = &vectors->outputs[i];
	qsort(got, count, sizeof(*got), by_offset);
	for (size_t w = 0; !failure && w < list->count; w++) {
		const struct wanted *wanted = &list->items[w];
		if (strcmp(wanted->session, session) != 0)
			continue;
		if (at == count) {
			failure = co_tk_format("  step %zu: session %s: expected the event %s, got no more", wanted->step, session,
								   wanted->name);
			break;
		}
		got[at]->used = true;
		json_t *body = co_tk_json(got[at]->record->r.value);
		failure = match(of, wanted, got[at]->record, name_of(&got[at]->record->r, room), body);
		json_decref(body);
		at++;
	}
	if (!failure && at < count && strcmp(name_of(&got[at]->record->r, room), "expired") == 0)
		got[at++]->used = true;
	if (!failure && at < count)
		failure =
			co_tk_format("  session %s: an event %s more than expected", session, name_of(&got[at]->record->r, room));
	free(got);
	return failure;
}

char *co_vectors_check_events(struct co_vectors *vectors, struct co_vector_case *of)
{
	struct wanted_list list = {0};
	char *failure = collect_wanted(&list, of);

	for (size_t i = 0; !failure && i < list.session_count; i++)
		failure = check_session_events(vectors, of, &list, list.sessions[i]);
	free(list.items);
	free(list.sessions);
	return failure;
}

char *co_vectors_check_tombstones(struct co_vectors *vectors, struct co_vector_case *of, size_t step)
{
	const json_t *sessions = json_object_get(of->steps[step].expect, "tombstones");

	for (size_t i = 0; i < json_array_size(sessions); i++) {
		const char *session = json_string_value(json_array_get(sessions, i));
		bool found = false;
		for (size_t k = 0; !found && k < vectors->output_count; k++)
			found = vectors->outputs[k].class == CO_VECTOR_STATE && !vectors->outputs[k].record->r.value.ptr &&
					co_tk_is(vectors->outputs[k].record->r.key, session);
		if (!found)
			return co_tk_format("  step %zu: no tombstone of %s on state", step, session);
	}
	return NULL;
}
