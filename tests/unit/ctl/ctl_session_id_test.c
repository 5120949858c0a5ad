/* The session id that a client can compute (contract section 3), against every create of the vectors that is accepted.
 */
#include "request.h"

#include "checkout/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#define VECTORS "tests/contract/vectors/"
#define CASES_MAX 512
#define EXPECTED_AT_LEAST 200

struct creation {
	char name[160];
	struct ctl_request request;
	struct co_arena arena;
	const char *session;
};

static struct creation creations[CASES_MAX];
static size_t creation_count;

static const char *header_of(const json_t *file, const json_t *step, const char *name)
{
	const json_t *own = json_object_get(json_object_get(step, "headers"), name);

	if (!own && !json_is_true(json_object_get(step, "bare")))
		own = json_object_get(json_object_get(file, "headers"), name);
	return json_string_value(own);
}

/* What the vectors say the session is: the reply's snapshot, or else the key, when it is a UUID. */
static const char *session_of(const json_t *step)
{
	const json_t *reply = json_object_get(json_object_get(step, "expect"), "reply");
	const char *id = json_string_value(json_object_get(json_object_get(reply, "session"), "id"));
	struct co_uuid uuid;

	if (!id)
		id = json_string_value(json_object_get(step, "key"));
	return id && co_uuid_parse(co_view_cstr(id), &uuid) ? id : NULL;
}

static void add(const char *path, const json_t *file, const json_t *one, const json_t *step)
{
	const char *type = header_of(file, step, "ce_type");
	const json_t *reply = json_object_get(json_object_get(step, "expect"), "reply");
	const char *status = json_string_value(json_object_get(reply, "status"));
	struct creation *creation = &creations[creation_count];
	struct co_buf data;
	char *text;

	if (!type || strcmp(type, "checkout.session.create") != 0 || !status || strcmp(status, "201") != 0 ||
		!header_of(file, step, "ce_merchantid") || !session_of(step) || !json_object_get(step, "data") ||
		creation_count == CASES_MAX)
		return;
	text = json_dumps(json_object_get(step, "data"), JSON_COMPACT | JSON_ENCODE_ANY);
	co_arena_init(&creation->arena, 4096, 0);
	data = co_buf_make(&creation->arena, strlen(text) + 1);
	co_buf_add(&data, co_view_cstr(text));
	free(text);
	creation->request = (struct ctl_request){.command = CTL_CREATE,
											 .id = header_of(file, step, "ce_id"),
											 .source = header_of(file, step, "ce_source"),
											 .merchant = header_of(file, step, "ce_merchantid"),
											 .namespace_name = header_of(file, step, "ce_namespace"),
											 .data = co_buf_view(&data)};
	creation->session = session_of(step);
	snprintf(creation->name, sizeof(creation->name), "%s %s %s", path, json_string_value(json_object_get(one, "name")),
			 creation->request.id);
	creation_count++;
}

static void session__of_a_create__as_the_vectors_say(void **state)
{
	const struct creation *creation = *state;
	struct co_uuid session;
	char text[CO_UUID_TEXT + 1];

	assert_true(ctl_request_session(&creation->request, &session));
	co_uuid_format(&session, text);
	assert_string_equal(text, creation->session);
}

/* By reference and by option, not data: the same id. Neighbours of what is a valid referenceId: 1..64 characters. */
static void session__reference_of_64_and_65_characters__by_reference_and_by_id(void **state)
{
	char reference[66];
	struct ctl_request by_reference = {.command = CTL_CREATE, .id = "c", .reference = reference};
	struct ctl_request other_id = by_reference;
	struct co_uuid first, second;

	(void)state;
	other_id.id = "d";
	memset(reference, 'r', sizeof(reference));
	reference[64] = '\0';
	assert_true(ctl_request_session(&by_reference, &first) && ctl_request_session(&other_id, &second));
	assert_true(co_uuid_eq(&first, &second));
	reference[64] = 'r';
	reference[65] = '\0';
	assert_true(ctl_request_session(&by_reference, &first) && ctl_request_session(&other_id, &second));
	assert_false(co_uuid_eq(&first, &second));
}

static void session__get_without_session_or_reference__not_known(void **state)
{
	struct ctl_request request = {.command = CTL_GET, .id = "c"};
	struct co_uuid session;

	(void)state;
	assert_false(ctl_request_session(&request, &session));
}

/* The files were read: a test that found nothing to compare has shown nothing. */
static void vectors__creates__enough_of_them(void **state)
{
	(void)state;
	assert_true(creation_count >= EXPECTED_AT_LEAST);
}

int main(void)
{
	static const char *const files[] = {"validation", "lifecycle", "errors", "idempotency",
										"envelope",   "auth",      "expiry"};
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(vectors__creates__enough_of_them),
		cmocka_unit_test(session__reference_of_64_and_65_characters__by_reference_and_by_id),
		cmocka_unit_test(session__get_without_session_or_reference__not_known),
	};
	static struct CMUnitTest rows[CASES_MAX];
	json_t *trees[7];
	int failed = 0;

	for (size_t i = 0; i < 7; i++) {
		char path[128];
		json_t *one, *step;
		size_t c, s;

		snprintf(path, sizeof(path), VECTORS "%s.json", files[i]);
		trees[i] = json_load_file(path, 0, NULL);
		json_array_foreach(json_object_get(trees[i], "cases"), c, one)
			json_array_foreach(json_object_get(one, "steps"), s, step) add(files[i], trees[i], one, step);
	}
	for (size_t i = 0; i < creation_count; i++)
		rows[i] =
			(struct CMUnitTest){creations[i].name, session__of_a_create__as_the_vectors_say, NULL, NULL, &creations[i]};
	if (creation_count > 0)
		failed = _cmocka_run_group_tests("vectors", rows, creation_count, NULL, NULL);
	failed += cmocka_run_group_tests_name("edges", others, NULL, NULL);
	for (size_t i = 0; i < creation_count; i++)
		co_arena_clear(&creations[i].arena);
	for (size_t i = 0; i < 7; i++)
		json_decref(trees[i]);
	return failed;
}
