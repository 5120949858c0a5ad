/* The contract's vectors, as far as the port can judge them: step 2 of section 5 (merchant, credentials, namespace) of
 * every record that names a merchant, each as a result of its own. */
#include "registry_support.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define VECTORS "tests/contract/vectors/"
#define STEPS_MAX 2000

static struct co_registry_file *registries[3]; /* by auth mode */

struct step {
	int64_t now_ms;
	const char *merchant_id;
	struct co_credentials credentials;
	enum co_auth_mode mode;
	int expected; /* 0: step 2 lets it pass */
};

static struct step steps[STEPS_MAX];
static struct CMUnitTest tests[STEPS_MAX];
static size_t step_count;

static bool namespace_is_the_merchants(const struct co_merchant *merchant, struct co_view name)
{
	for (size_t i = 0; i < merchant->namespaces.count; i++)
		if (co_view_eq(merchant->namespaces.names[i], name))
			return true;
	return !merchant->namespaces.given;
}

static int judge(const struct step *step)
{
	struct co_registry port = co_registry_file_port(registries[step->mode]);
	const void *edition = port.acquire(port.self);
	struct co_merchant merchant;
	struct co_uuid id;
	bool known, fits;
	int code;

	assert_true(co_uuid_parse(co_view_cstr(step->merchant_id), &id));
	known = port.find(edition, &id, &merchant);
	fits = known && namespace_is_the_merchants(&merchant, step->credentials.namespace_name);
	port.release(port.self, edition);
	if (!known)
		return 9300003;
	code = ask(&port, step->merchant_id, &step->credentials, step->now_ms);
	return code != 0 || fits ? code : 9300015;
}

static void authenticate__step_of_the_vectors__its_verdict(void **state)
{
	const struct step *step = *state;

	assert_int_equal(judge(step), step->expected);
}

/* The last header of that name, in any case; NULL when there is none or the step says null. */
static const char *header_of(const json_t *headers, const char *name)
{
	const char *found = NULL;
	json_t *value;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)headers, key, value)
	{
		if (strcasecmp(key, name) == 0)
			found = json_string_value(json_is_array(value) ? json_array_get(value, json_array_size(value) - 1) : value);
	}
	return found;
}

/* The code when it is one of step 2's. A 9300003 told about a session is step 4's, and has another title; that of a
 * rule is section 4's. */
static int expected_code(const json_t *expect)
{
	static const int codes[] = {9300002, 9300003, 9300011, 9300012, 9300013, 9300014, 9300015, 9300400, 9300401};
	const json_t *reply = json_object_get(expect, "reply");
	const char *title = json_string_value(json_object_get(reply, "title"));
	const char *text = json_string_value(json_object_get(reply, "code"));
	int code = text ? (int)strtol(text, NULL, 10) : 0;

	if ((title && strcmp(title, "FORBIDDEN") == 0) || json_array_size(json_object_get(reply, "rules")) > 0)
		return 0;
	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == code)
			return code;
	return 0;
}

/* What step 1 refuses never gets to the port: a merchant that is no UUID, or what section 4 names by a pointerless
 * rule. */
static bool reaches_the_port(const json_t *step, const char *merchant_id)
{
	const json_t *reply = json_object_get(json_object_get(step, "expect"), "reply");
	const json_t *rule = json_array_get(json_array_get(json_object_get(reply, "rules"), 0), 1);
	struct co_uuid id;

	if (!json_is_object(reply) || json_is_true(json_object_get(step, "bare")))
		return false;
	return merchant_id && co_uuid_parse(co_view_cstr(merchant_id), &id) && !(rule && !*json_string_value(rule));
}

static void add_step(const json_t *file, const json_t *test_case, const json_t *step)
{
	const json_t *settings = json_object_get(test_case, "settings"), *headers = json_object_get(step, "headers");
	const char *mode = json_string_value(json_object_get(settings, "auth_mode"));
	const char *merchant_id = header_of(headers, "ce_merchantid"), *space = header_of(headers, "ce_namespace");
	struct step *to = &steps[step_count];

	if (!merchant_id)
		merchant_id = json_string_value(json_object_get(json_object_get(file, "headers"), "ce_merchantid"));
	if (!json_object_get(settings, "registry") || !reaches_the_port(step, merchant_id))
		return;
	assert_true(step_count < STEPS_MAX);
	to->mode = !mode || !strcmp(mode, "none") ? CO_AUTH_NONE : !strcmp(mode, "jwt") ? CO_AUTH_JWT : CO_AUTH_API_KEY;
	to->now_ms = json_integer_value(json_object_get(file, "epoch")) +
				 json_integer_value(json_object_get(test_case, "base")) +
				 json_integer_value(json_object_get(step, "at"));
	to->merchant_id = merchant_id;
	to->credentials = (struct co_credentials){.authorization = co_view_cstr(header_of(headers, "authorization")),
											  .api_key = co_view_cstr(header_of(headers, "x-api-key")),
											  .namespace_name = co_view_cstr(space ? space : "default")};
	to->expected = expected_code(json_object_get(step, "expect"));
	tests[step_count] = (struct CMUnitTest){.name = header_of(headers, "ce_id"),
											.test_func = authenticate__step_of_the_vectors__its_verdict,
											.initial_state = to};
	step_count++;
}

static json_t *read_vectors(const char *path)
{
	json_error_t error;
	json_t *file = json_load_file(path, JSON_ALLOW_NUL, &error), *test_case, *step;
	size_t i, k;

	if (!file) {
		(void)fprintf(stderr, "%s: %s\n", path, error.text);
		exit(1);
	}
	json_array_foreach(json_object_get(file, "cases"), i, test_case)
	{
		json_array_foreach(json_object_get(test_case, "steps"), k, step)
		{
			add_step(file, test_case, step);
		}
	}
	return file;
}

static int open_registries(void **state)
{
	(void)state;
	for (enum co_auth_mode mode = CO_AUTH_NONE; mode <= CO_AUTH_JWT; mode++)
		assert_int_equal(co_registry_file_open(VECTORS "registry/registry.json", mode, &registries[mode], NULL), CO_OK);
	return 0;
}

static int close_registries(void **state)
{
	(void)state;
	for (enum co_auth_mode mode = CO_AUTH_NONE; mode <= CO_AUTH_JWT; mode++)
		co_registry_file_close(registries[mode]);
	return 0;
}

int main(void)
{
	json_t *files[] = {read_vectors(VECTORS "auth.json"), read_vectors(VECTORS "errors.json"),
					   read_vectors(VECTORS "envelope.json"), read_vectors(VECTORS "validation.json")};
	int failed;

	/* More than 80 steps are of auth.json alone: a file that went missing or changed its shape must not pass for
	 * success. */
	(void)printf("vectors: %zu steps\n", step_count);
	if (step_count < 90)
		return 1;
	failed = _cmocka_run_group_tests("registry_vectors", tests, step_count, open_registries, close_registries);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		json_decref(files[i]);
	return failed;
}
