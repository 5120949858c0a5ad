/* The contract's vectors, section 4 to 6 and time, through the pure core: one test per case. What is of the wire alone
 * (addresses, dlq, structured mode, auth) is left to the tests of the whole service. Covers co_admit, co_decide,
 * co_evolve, co_elapse, co_present_verdict, co_session_at. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "checkout/instant.h"

#define FOLDER "tests/contract/vectors/"
#define SESSIONS_MAX 8
#define NOTES_MAX 16

struct world {
	struct co_arena arena;
	const struct co_json *registry; /* NULL: none */
	int64_t clock_ms;
	size_t count;
	struct co_session sessions[SESSIONS_MAX];
	size_t note_count;
	char notes[NOTES_MAX][64]; /* events and tombstones of a step: "created", "expired", "tombstone" */
};

static struct co_arena files;

static struct co_view member(const struct co_json *object, const char *key)
{
	const struct co_json *node = co_json_get(object, co_view_cstr(key));

	return co_json_is(node, CO_JSON_STRING) ? node->text : co_view_make(NULL, 0);
}

static struct co_view header(const struct co_json *file, const struct co_json *step, const char *name)
{
	const struct co_json *own = co_json_member(co_json_get(step, CO_VIEW("headers")), co_view_cstr(name));

	if (!own)
		return member(co_json_get(file, CO_VIEW("headers")), name);
	return co_json_is(own, CO_JSON_STRING) ? own->text : co_view_make(NULL, 0);
}

static enum co_presence uuid_presence(struct co_view text, struct co_uuid *out)
{
	if (!text.ptr)
		return CO_ABSENT;
	return co_uuid_parse(text, out) ? CO_PRESENT : CO_MALFORMED;
}

static struct co_name_list names_of(struct world *world, const struct co_json *merchant, const char *key)
{
	const struct co_json *node = co_json_get(merchant, co_view_cstr(key));
	struct co_name_list list = {.given = node != NULL};
	struct co_view *names;

	if (!node)
		return list;
	names = CO_NEW_ARRAY(&world->arena, struct co_view, node->count + 1);
	for (const struct co_json *name = node->first; name; name = name->next)
		names[list.count++] = name->text;
	list.names = names;
	return list;
}

static bool find_merchant(struct world *world, const struct co_uuid *id, struct co_merchant *out)
{
	const struct co_json *list = co_json_get(world->registry, CO_VIEW("merchants"));

	*out = co_merchant_default(id);
	if (!world->registry)
		return true;
	for (const struct co_json *row = list->first; row; row = row->next) {
		const struct co_json *ttl = co_json_get(row, CO_VIEW("ttlSeconds"));
		struct co_uuid row_id;

		if (!co_uuid_parse(member(row, "id"), &row_id) || !co_uuid_eq(&row_id, id))
			continue;
		out->namespaces = names_of(world, row, "namespaces");
		out->currencies = names_of(world, row, "currencies");
		out->processors = names_of(world, row, "processors");
		out->pin_methods = names_of(world, row, "pinMethods");
		out->workstation_users = names_of(world, row, "workstationUsers");
		if (ttl) {
			out->ttl_min_s = co_json_get(ttl, CO_VIEW("min"))->integer;
			out->ttl_default_s = co_json_get(ttl, CO_VIEW("default"))->integer;
			out->ttl_max_s = co_json_get(ttl, CO_VIEW("max"))->integer;
		}
		return true;
	}
	return false;
}

static void note(struct world *world, struct co_view text)
{
	assert_true(world->note_count < NOTES_MAX && text.len < sizeof(world->notes[0]));
	(void)snprintf(world->notes[world->note_count++], sizeof(world->notes[0]), "%.*s", (int)text.len, text.ptr);
}

/* Sessions that the clock has passed expire, those whose retention is over are forgotten. */
static void elapse(struct world *world)
{
	for (size_t i = 0; i < world->count;) {
		enum co_elapsed elapsed = co_elapse(&world->sessions[i], world->clock_ms, RETENTION_MS);

		if (elapsed == CO_ELAPSED_EXPIRED) {
			note(world, CO_VIEW("expired"));
		} else if (elapsed == CO_ELAPSED_FORGOTTEN) {
			note(world, CO_VIEW("tombstone"));
			world->sessions[i] = world->sessions[--world->count];
		} else {
			i++;
		}
	}
}

static struct co_session *find_session(struct world *world, const struct co_uuid *id)
{
	for (size_t i = 0; i < world->count; i++)
		if (co_uuid_eq(&world->sessions[i].id, id))
			return &world->sessions[i];
	return NULL;
}

static struct co_command read_command(struct world *world, const struct co_json *file, const struct co_json *step)
{
	const struct co_json *data = co_json_member(step, CO_VIEW("data"));
	struct co_view raw = member(step, "raw"), type = header(file, step, "ce_type");
	struct co_view name_space = header(file, step, "ce_namespace"), expiry = header(file, step, "ce_expirytime");
	struct co_command command = {.id = header(file, step, "ce_id"), .source = header(file, step, "ce_source")};

	assert_true(co_view_starts(type, CO_VIEW("checkout.session.")));
	command.type = type;
	assert_true(co_command_find(co_view_make(type.ptr + 17, type.len - 17), &command.kind));
	command.merchant_is = uuid_presence(header(file, step, "ce_merchantid"), &command.merchant_id);
	command.subject_is = uuid_presence(header(file, step, "ce_subject"), &command.subject);
	command.namespace_is = !name_space.ptr                       ? CO_ABSENT
						   : co_view_is_plain(name_space, 1, 64) ? CO_PRESENT
																 : CO_MALFORMED;
	command.namespace_name = command.namespace_is == CO_PRESENT ? name_space : CO_VIEW("default");
	if (expiry.ptr)
		command.expiry_is = co_instant_parse(expiry, true, &command.expiry_ms) ? CO_PRESENT : CO_MALFORMED;
	if (raw.ptr)
		data = raw.len ? json_of(&world->arena, raw) : NULL;
	command.data = co_json_is(data, CO_JSON_OBJECT) ? data : co_json_empty_object();
	digest(&world->arena, &command);
	return command;
}

static void add_number(struct co_buf *buf, bool given, int64_t number)
{
	if (given)
		co_buf_add_int(buf, number);
	else
		co_buf_lit(buf, "null");
}

static void add_text(struct co_buf *buf, struct co_view text)
{
	if (text.ptr)
		co_buf_add_json(buf, text);
	else
		co_buf_lit(buf, "null");
}

static void add_instant(struct co_buf *buf, int64_t instant_ms)
{
	char text[CO_INSTANT_TEXT + 1];

	co_instant_format(instant_ms, text);
	co_buf_add_json(buf, co_view_cstr(text));
}

static void add_head(struct co_buf *buf, struct co_arena *arena, const struct co_session *session,
					 const struct co_state *state)
{
	co_buf_lit(buf, "{\"id\":");
	co_buf_add_json(buf, co_uuid_view(arena, &session->id));
	co_buf_lit(buf, ",\"merchantId\":");
	co_buf_add_json(buf, co_uuid_view(arena, &session->merchant_id));
	co_buf_lit(buf, ",\"namespace\":");
	add_text(buf, session->namespace_name);
	co_buf_lit(buf, ",\"referenceId\":");
	add_text(buf, session->reference_id);
	co_buf_lit(buf, ",\"status\":");
	add_text(buf, co_session_status_name(state->status));
	co_buf_lit(buf, ",\"version\":");
	co_buf_add_int(buf, state->version);
	co_buf_lit(buf, ",\"amount\":");
	add_number(buf, session->amount != 0, session->amount);
	co_buf_lit(buf, ",\"currency\":");
	add_text(buf, co_view_cstr(session->currency));
	co_buf_lit(buf, ",\"capture\":");
	co_buf_add(buf, session->capture ? CO_VIEW("true") : CO_VIEW("false"));
	co_buf_lit(buf, ",\"capturedAmount\":");
	co_buf_add_int(buf, state->captured_amount);
}

static void add_lists(struct co_buf *buf, const struct co_session *session)
{
	co_buf_lit(buf, ",\"modes\":[");
	for (size_t i = 0; i < session->mode_count; i++) {
		if (i)
			co_buf_lit(buf, ",");
		add_text(buf, co_mode_row((enum co_mode)session->modes[i])->name);
	}
	co_buf_lit(buf, "],\"metadata\":{");
	for (size_t i = 0; i < session->metadata_count; i++) {
		if (i)
			co_buf_lit(buf, ",");
		add_text(buf, session->metadata[i].key);
		co_buf_lit(buf, ":");
		add_text(buf, session->metadata[i].value);
	}
	co_buf_lit(buf, "}");
}

/* The snapshot of section 7, for comparison as a JSON value. */
static const struct co_json *snapshot(struct co_arena *arena, const struct co_session *session, uint16_t version)
{
	struct co_state state = co_session_at(session, version);
	struct co_buf buf = co_buf_make(arena, 1024);

	add_head(&buf, arena, session, &state);
	add_lists(&buf, session);
	co_buf_lit(&buf, ",\"payment\":{\"status\":");
	add_text(&buf, co_payment_status_name(state.payment));
	co_buf_lit(&buf, ",\"intentId\":");
	add_text(&buf, state.intent_id);
	co_buf_lit(&buf, ",\"method\":");
	if (state.method_family.ptr) {
		co_buf_lit(&buf, "{\"family\":");
		add_text(&buf, state.method_family);
		co_buf_lit(&buf, ",\"type\":");
		add_text(&buf, state.method_type);
		co_buf_lit(&buf, ",\"brand\":");
		add_text(&buf, state.method_brand);
		co_buf_lit(&buf, "}");
	} else {
		co_buf_lit(&buf, "null");
	}
	co_buf_lit(&buf, ",\"processor\":");
	add_text(&buf, state.processor);
	co_buf_lit(&buf, "},\"createdAt\":");
	add_instant(&buf, session->created_ms);
	co_buf_lit(&buf, ",\"updatedAt\":");
	add_instant(&buf, state.updated_ms);
	co_buf_lit(&buf, ",\"expiresAt\":");
	add_instant(&buf, session->expires_ms);
	co_buf_lit(&buf, ",\"reason\":");
	add_text(&buf, state.reason);
	co_buf_lit(&buf, "}");
	return json_of(arena, co_buf_view(&buf));
}

static void assert_same_json(struct co_arena *arena, const struct co_json *got, const struct co_json *want,
							 struct co_view id)
{
	struct co_buf a = co_buf_make(arena, 256), b = co_buf_make(arena, 256);

	co_json_canonical(got, arena, &a);
	co_json_canonical(want, arena, &b);
	if (!co_view_eq(co_buf_view(&a), co_buf_view(&b)))
		fail_msg("%.*s: got %.*s, want %.*s", (int)id.len, id.ptr, (int)got->raw.len, got->raw.ptr, (int)want->raw.len,
				 want->raw.ptr);
}

static void assert_text(struct co_view got, struct co_view want, struct co_view id, const char *what)
{
	if (!co_view_eq(got, want))
		fail_msg("%.*s: %s is %.*s, not %.*s", (int)id.len, id.ptr, what, (int)got.len, got.ptr ? got.ptr : "",
				 (int)want.len, want.ptr ? want.ptr : "");
}

/* `#` the index, `*` the key with RFC 6901 escapes; authorize's data is the payment object. */
static struct co_view spell(struct co_arena *arena, struct co_view text, const struct co_violation *violation,
							const struct co_command *command)
{
	struct co_buf buf = co_buf_make(arena, 64);

	if (command->kind == CO_COMMAND_AUTHORIZE && co_view_starts(text, CO_VIEW("/payment/")))
		text = co_view_make(text.ptr + 8, text.len - 8);
	if (command->kind == CO_COMMAND_AUTHORIZE && co_view_starts(text, CO_VIEW("payment.")))
		text = co_view_make(text.ptr + 8, text.len - 8);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '#') {
			co_buf_add_int(&buf, violation->index);
		} else if (text.ptr[i] == '*') {
			for (size_t k = 0; k < violation->key.len; k++) {
				char c = violation->key.ptr[k];

				if (c == '~')
					co_buf_lit(&buf, "~0");
				else if (c == '/')
					co_buf_lit(&buf, "~1");
				else
					co_buf_add_byte(&buf, c);
			}
		} else {
			co_buf_add_byte(&buf, text.ptr[i]);
		}
	}
	return co_buf_view(&buf);
}

static struct co_view detail_of(struct co_arena *arena, const struct co_violation *violation,
								const struct co_command *command)
{
	struct co_buf buf = co_buf_make(arena, 64);

	if (violation->rule != CO_RULE_REQUEST_INVALID)
		return co_rule_row(violation->rule)->detail;
	co_buf_add(&buf, spell(arena, co_place_row(violation->place)->path, violation, command));
	co_buf_lit(&buf, " is invalid");
	return co_buf_view(&buf);
}

static void check_rules(struct world *world, const struct co_json *reply, const struct co_command *command,
						const struct co_verdict *verdict)
{
	const struct co_json *rules = co_json_get(reply, CO_VIEW("rules"));
	const struct co_json *want = rules ? rules->first : NULL;

	for (uint16_t i = 0; i < verdict->violation_count; i++, want = want->next) {
		const struct co_violation *got = &verdict->violations[i];
		const struct co_place_row *place = co_place_row(got->place);

		if (!want)
			fail_msg("%.*s: a violation too many: %s", (int)command->id.len, command->id.ptr,
					 co_rule_row(got->rule)->name.ptr);
		assert_text(co_rule_row(got->rule)->name, want->first->text, command->id, "rule");
		assert_text(spell(&world->arena, place->pointer, got, command), want->first->next->text, command->id,
					"pointer");
		if (want->first->next->next)
			assert_text(detail_of(&world->arena, got, command), want->first->next->next->text, command->id, "detail");
	}
	if (want)
		fail_msg("%.*s: no violation of %s", (int)command->id.len, command->id.ptr, want->first->text.ptr);
}

static void check_session(struct world *world, const struct co_json *reply, const struct co_command *command,
						  const struct co_session *session, const struct co_verdict *verdict)
{
	const struct co_json *want = co_json_member(reply, CO_VIEW("session"));
	struct co_view state = member(reply, "state");

	if (co_json_is(want, CO_JSON_NULL))
		assert_int_equal(verdict->version, 0);
	if (co_json_is(want, CO_JSON_OBJECT)) {
		assert_true(session && verdict->version);
		assert_same_json(&world->arena, snapshot(&world->arena, session, verdict->version), want, command->id);
	}
	if (state.ptr) {
		struct co_state now = co_session_at(session, verdict->version);
		char text[64];

		(void)snprintf(text, sizeof(text), "%s/%s/%u", co_session_status_name(now.status).ptr,
					   co_payment_status_name(now.payment).ptr, (unsigned)now.version);
		assert_text(co_view_cstr(text), state, command->id, "state");
	}
}

static void check_error(const struct co_json *expect, const struct co_json *reply, const struct co_command *command,
						const struct co_decision *decision)
{
	const struct co_json *event = co_json_member(expect, CO_VIEW("error_event"));
	struct co_view code = member(reply, "code"), title = member(reply, "title"), detail = member(reply, "detail");
	struct co_view told = decision->tells_error ? co_code_row(decision->told)->number : co_view_make(NULL, 0);
	char status[8];

	if (decision->verdict.problem == CO_PROBLEM_NONE) {
		(void)snprintf(status, sizeof(status), "%d", co_command_row(command->kind)->status);
		assert_text(co_view_make(NULL, 0), code, command->id, "code");
	} else {
		struct co_presentation shown = co_present_verdict(&decision->verdict);

		(void)snprintf(status, sizeof(status), "%d", shown.status);
		assert_text(co_code_row(shown.code)->number, code, command->id, "code");
		if (title.ptr)
			assert_text(shown.title, title, command->id, "title");
		if (detail.ptr)
			assert_text(shown.detail, detail, command->id, "detail");
	}
	assert_text(co_view_cstr(status), member(reply, "status"), command->id, "status");
	if (co_json_is(event, CO_JSON_STRING)) {
		assert_text(told, event->text, command->id, "told");
	} else if (co_json_is(event, CO_JSON_ARRAY)) {
		struct co_presentation shown = co_present_code(decision->told);

		assert_text(told, event->first->text, command->id, "told");
		assert_text(shown.title, event->first->next->text, command->id, "told title");
		assert_int_equal(shown.status, event->first->next->next->integer);
		assert_text(shown.detail, event->first->next->next->next->text, command->id, "told detail");
	} else if (!decision->replayed) {
		assert_text(told, co_json_is(event, CO_JSON_NULL) ? co_view_make(NULL, 0) : code, command->id, "told");
	}
	assert_int_equal(decision->replayed, co_json_is(co_json_get(expect, CO_VIEW("replayed")), CO_JSON_TRUE));
	if (decision->replayed)
		assert_false(decision->tells_error || decision->changes || decision->creates || decision->late_payment);
}

static void check_notes(struct world *world, const struct co_json *expect, struct co_view id)
{
	const struct co_json *lists[2] = {co_json_get(expect, CO_VIEW("events")),
									  co_json_get(expect, CO_VIEW("tombstones"))};
	size_t at = 0, tombstones = 0;

	for (size_t i = 0; i < world->note_count; i++)
		tombstones += strcmp(world->notes[i], "tombstone") == 0;
	for (const struct co_json *want = lists[0] ? lists[0]->first : NULL; want; want = want->next) {
		const struct co_json *name = want->type == CO_JSON_ARRAY ? want->first : want;

		while (at < world->note_count && strcmp(world->notes[at], "tombstone") == 0)
			at++;
		if (at == world->note_count)
			fail_msg("%.*s: no event %s", (int)id.len, id.ptr, name->text.ptr);
		assert_text(co_view_cstr(world->notes[at++]), name->text, id, "event");
	}
	while (at < world->note_count && strcmp(world->notes[at], "tombstone") == 0)
		at++;
	if (at != world->note_count)
		fail_msg("%.*s: event %s too many", (int)id.len, id.ptr, world->notes[at]);
	if (lists[1])
		assert_int_equal(tombstones, lists[1]->count);
	world->note_count = 0;
}

static void run_step(struct world *world, const struct co_json *expect, const struct co_command *command)
{
	const struct co_json *reply = co_json_get(expect, CO_VIEW("reply"));
	struct co_decision decision = {.creates = false};
	struct co_merchant merchant;
	struct co_session *session = NULL;
	bool known = command->merchant_is == CO_PRESENT && find_merchant(world, &command->merchant_id, &merchant);

	elapse(world);
	if (!co_admit(command, world->clock_ms, known ? &merchant : NULL, NULL, &decision.verdict)) {
		decision.tells_error = true;
		decision.told = decision.verdict.code;
	} else {
		struct co_uuid id = command->kind == CO_COMMAND_CREATE ? co_command_created_id(command) : command->subject;

		session = command->kind == CO_COMMAND_VALIDATE ? NULL : find_session(world, &id);
		co_decide(session, command, world->clock_ms, &merchant, &world->arena, &decision);
		if (decision.creates) {
			assert_true(world->count < SESSIONS_MAX);
			session = &world->sessions[world->count++];
		}
		co_evolve(session, command, &decision, &world->arena);
		if (decision.creates || decision.changes)
			note(world, co_event_name(session->changes[session->change_count - 1].event));
		if (decision.late_payment)
			note(world, CO_VIEW("late_payment"));
	}
	assert_non_null(reply);
	check_error(expect, reply, command, &decision);
	check_rules(world, reply, command, &decision.verdict);
	check_session(world, reply, command, session, &decision.verdict);
	check_notes(world, expect, command->id);
}

struct vector {
	const struct co_json *file, *self, *registry;
};

static void run_vector(void **state)
{
	const struct vector *vector = *state;
	const struct co_json *steps = co_json_get(vector->self, CO_VIEW("steps"));
	struct world *world = test_calloc(1, sizeof(*world));
	int64_t base_ms = co_json_get(vector->self, CO_VIEW("base"))->integer + T0;

	co_arena_init(&world->arena, 1 << 16, 1 << 20);
	world->registry = vector->registry;
	for (const struct co_json *step = steps->first; step; step = step->next) {
		const struct co_json *expect = co_json_get(step, CO_VIEW("expect"));
		int64_t at_ms = base_ms + co_json_get(step, CO_VIEW("at"))->integer;
		struct co_command command;

		if (at_ms > world->clock_ms)
			world->clock_ms = at_ms;
		/* Time passes for what is no command, too. */
		if (co_json_get(step, CO_VIEW("advance")) || co_json_get(expect, CO_VIEW("dlq"))) {
			elapse(world);
			check_notes(world, expect, CO_VIEW("time"));
			continue;
		}
		command = read_command(world, vector->file, step);
		run_step(world, expect, &command);
	}
	co_arena_clear(&world->arena);
	test_free(world);
}

/* Cases of the wire or of auth are not the core's. */
static bool is_cores(const struct co_json *self)
{
	const struct co_json *settings = co_json_get(self, CO_VIEW("settings"));
	const struct co_json *steps = co_json_get(self, CO_VIEW("steps"));
	struct co_view auth = member(settings, "auth_mode");

	if ((auth.ptr && !co_view_eq(auth, CO_VIEW("none"))) || !steps->count)
		return false;
	for (const struct co_json *step = steps->first; step; step = step->next) {
		const struct co_json *headers = co_json_get(step, CO_VIEW("headers"));

		if (co_json_get(step, CO_VIEW("bare")) || co_json_get(headers, CO_VIEW("content-type")))
			return false;
	}
	return true;
}

int main(void)
{
	static const char *const names[] = {"validation", "lifecycle", "errors", "idempotency", "expiry"};
	static struct vector vectors[400];
	static struct CMUnitTest tests[400];
	const struct co_json *registry;
	size_t count = 0, left_out = 0;

	co_arena_init(&files, 1 << 20, 1 << 24);
	registry = json_of(&files, file_of(&files, FOLDER "registry/registry.json"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];
		const struct co_json *file;

		(void)snprintf(path, sizeof(path), FOLDER "%s.json", names[i]);
		file = json_of(&files, file_of(&files, path));
		for (const struct co_json *self = co_json_get(file, CO_VIEW("cases"))->first; self; self = self->next) {
			const struct co_json *settings = co_json_get(self, CO_VIEW("settings"));

			if (!is_cores(self)) {
				left_out++;
				continue;
			}
			vectors[count] = (struct vector){file, self, co_json_get(settings, CO_VIEW("registry")) ? registry : NULL};
			tests[count] = (struct CMUnitTest){.name = co_view_dup(&files, member(self, "name")).ptr,
											   .test_func = run_vector,
											   .initial_state = &vectors[count]};
			count++;
		}
	}
	printf("vectors: %zu cases of the core, %zu of the wire left out\n", count, left_out);
	if (count < 250 || left_out > 20)
		return 1;
	count = (size_t)_cmocka_run_group_tests("vectors", tests, count, NULL, NULL);
	co_arena_clear(&files);
	return (int)count;
}
