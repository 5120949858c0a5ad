/* The registry file while it is in use: reloading, all or nothing; editions and who holds them; the key files that it
 * names, what of them counts, and that nothing of them gets into a log line. */
#include "registry_file_support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void reload__good_file__the_new_edition_for_who_acquires_then(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;
	struct co_merchant found;
	struct co_uuid a, b;
	const void *held;

	(void)state;
	assert_true(co_uuid_parse(CO_VIEW(A), &a) && co_uuid_parse(CO_VIEW(B), &b));
	sandbox_write_text(&box, "registry.json", WITH("\"processors\":[\"old\"]"));
	registry = sandbox_open(&box, CO_AUTH_NONE);
	port = co_registry_file_port(registry);
	held = port.acquire(port.self);

	sandbox_write_text(&box, "registry.json", "{\"merchants\":[{\"id\":\"" B "\"}]}");
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);

	/* The holder goes on with what it had; its views live */
	assert_true(port.find(held, &a, &found));
	assert_list(&found.processors, "old;");
	assert_false(port.find(held, &b, &found));
	assert_false(knows(&port, A, &found));
	assert_true(knows(&port, B, &found));
	port.release(port.self, held);
	assert_true(knows(&port, B, &found));
	co_registry_file_close(registry);
}

static void reload__bad_file__nothing_changes(void **state)
{
	static const char *const bad[] = {"", "{\"merchants\":[{\"id\":\"" B "\"},{\"id\":\"" B "\"}]}",
									  "{\"merchants\":[{\"id\":\"" B "\"},{\"id\":\"" A
									  "\",\"ttlSeconds\":{\"min\":0}}]}"};
	struct co_registry_file *registry;
	struct co_registry port;
	struct co_merchant found;
	struct co_error error;

	(void)state;
	sandbox_write_text(&box, "registry.json", WITH("\"apiKeys\":[{\"sha256\":\"" ONE "\"}]"));
	registry = sandbox_open(&box, CO_AUTH_API_KEY);
	port = co_registry_file_port(registry);

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		error = (struct co_error){"", ""};
		sandbox_write_text(&box, "registry.json", bad[i]);
		assert_int_equal(co_registry_file_reload(registry, &error), CO_CONFIG);
		assert_string_not_equal(error.text, "");
		assert_false(knows(&port, B, &found));
		assert_int_equal(ask_key(&port, A, CO_VIEW("one")), 0);
	}
	assert_int_equal(remove(sandbox_path(&box, "registry.json")), 0);
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_CONFIG);
	assert_int_equal(ask_key(&port, A, CO_VIEW("one")), 0);
	co_registry_file_close(registry);
}

#define TOKEN_CLAIMS "{\"exp\":1,\"merchant_id\":\"" A "\",\"scope\":\"checkout.session\"}"

static int ask_hs256(const struct co_registry *port, const char *secret)
{
	char authorization[1024] = "Bearer ";
	struct co_credentials credentials = {.namespace_name = CO_VIEW("default")};

	token_hs256(authorization + 7, "{\"alg\":\"HS256\"}", TOKEN_CLAIMS, secret, strlen(secret));
	credentials.authorization = co_view_cstr(authorization);
	return ask(port, A, &credentials, 0);
}

static void reload__key_file_changed__the_new_secret_counts(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write_text(&box, "registry.json", KEYS("{\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}"));
	sandbox_write_text(&box, "hs.key", "first\n");
	registry = sandbox_open(&box, CO_AUTH_JWT);
	port = co_registry_file_port(registry);
	assert_int_equal(ask_hs256(&port, "first"), 0);

	sandbox_write_text(&box, "hs.key", " second ");
	assert_int_equal(ask_hs256(&port, "first"), 0);
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);

	assert_int_equal(ask_hs256(&port, "first"), 9300012);
	assert_int_equal(ask_hs256(&port, "second"), 9300012);
	assert_int_equal(ask_hs256(&port, " second "), 0);
	co_registry_file_close(registry);
}

/* The secret is the bytes: NULs count, and a name from the root is taken as it is. */
static void open__secret_of_any_bytes_at_an_absolute_name__taken(void **state)
{
	static const char secret[] = {'a', '\0', '\n', (char)0xff, '\r', 'b', '\r', '\n'};
	char text[512], authorization[1024] = "Bearer ";
	struct co_credentials credentials = {.namespace_name = CO_VIEW("default")};
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write(&box, "bytes.key", secret, sizeof secret);
	(void)snprintf(text, sizeof text, KEYS("{\"alg\":\"HS256\",\"secretFile\":\"%s\"}"),
				   sandbox_path(&box, "bytes.key"));
	sandbox_write_text(&box, "registry.json", text);
	registry = sandbox_open(&box, CO_AUTH_JWT);
	port = co_registry_file_port(registry);
	token_hs256(authorization + 7, "{\"alg\":\"HS256\"}", TOKEN_CLAIMS, secret, sizeof secret - 2);
	credentials.authorization = co_view_cstr(authorization);

	assert_int_equal(ask(&port, A, &credentials, 0), 0);
	co_registry_file_close(registry);
}

static size_t count_of(const char *text, const char *part)
{
	size_t count = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		count++;
	return count;
}

/* One line for each key file that cannot be used, whatever number of tokens need it; the merchant and the file are
 * told, nothing that is in it. */
static void open__key_file_that_cannot_be_used__one_log_line_without_content(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;
	char *log;

	(void)state;
	sandbox_write_text(&box, "registry.json",
					   KEYS("{\"alg\":\"RS256\",\"publicKeyFile\":\"planted.pem\"},"
							"{\"alg\":\"HS256\",\"secretFile\":\"not-there.key\"},"
							"{\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}"));
	sandbox_write_text(&box, "planted.pem",
					   PLANTED "\n-----BEGIN PUBLIC KEY-----\n" PLANTED "\n-----END PUBLIC KEY-----\n");
	sandbox_write_text(&box, "hs.key", PLANTED);
	stderr_catch_begin();
	registry = sandbox_open(&box, CO_AUTH_JWT);
	port = co_registry_file_port(registry);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(ask_hs256(&port, PLANTED), 9300002);
	co_registry_file_close(registry);
	log = stderr_catch_end();

	assert_int_equal(count_of(log, "\n"), 2);
	assert_int_equal(count_of(log, "registry.key_unusable"), 2);
	assert_int_equal(count_of(log, A), 2);
	assert_int_equal(count_of(log, "/planted.pem\""), 1);
	assert_int_equal(count_of(log, "/not-there.key\""), 1);
	assert_int_equal(count_of(log, PLANTED), 0);
	free(log);
}

/* Without tokens to judge no secret is read, so none is in memory and none is missed. */
static void open__other_auth_modes__key_files_are_left_alone(void **state)
{
	char *log;

	(void)state;
	sandbox_write_text(&box, "registry.json", KEYS("{\"alg\":\"HS256\",\"secretFile\":\"not-there.key\"}"));
	stderr_catch_begin();
	co_registry_file_close(sandbox_open(&box, CO_AUTH_NONE));
	co_registry_file_close(sandbox_open(&box, CO_AUTH_API_KEY));
	log = stderr_catch_end();

	assert_string_equal(log, "");
	free(log);
}

static void open__key_file_at_the_size_limit__taken_and_beyond_not(void **state)
{
	static char secret[64 * 1024 + 1];
	struct co_registry_file *registry;
	struct co_registry port;
	char *log;

	(void)state;
	memset(secret, 's', sizeof secret);
	sandbox_write_text(&box, "registry.json", KEYS("{\"alg\":\"HS256\",\"secretFile\":\"large.key\"}"));
	sandbox_write(&box, "large.key", secret, sizeof secret - 1);
	registry = sandbox_open(&box, CO_AUTH_JWT);
	port = co_registry_file_port(registry);
	assert_int_equal(ask_hs256(&port, "x"), 9300012);

	sandbox_write(&box, "large.key", secret, sizeof secret);
	stderr_catch_begin();
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);
	log = stderr_catch_end();
	assert_int_equal(ask_hs256(&port, "x"), 9300002);
	assert_non_null(strstr(log, "the file is too large"));
	free(log);
	co_registry_file_close(registry);
}

#define LANES 3
#define ROUNDS 300

struct lane {
	struct co_registry port;
	const char *authorization;
	atomic_bool *stop;
	size_t answers;
};

/* What a lane does with each batch. A failing assertion must not leave a thread that is not the test's, so wrong
 * answers end the count. */
static void *run_lane(void *argument)
{
	struct lane *lane = argument;
	struct co_uuid id;

	if (!co_uuid_parse(CO_VIEW(A), &id))
		return NULL;
	do {
		const struct co_credentials credentials = {.authorization = co_view_cstr(lane->authorization),
												   .namespace_name = CO_VIEW("default")};
		const void *edition = lane->port.acquire(lane->port.self);
		struct co_merchant merchant;
		enum co_code refusal = CO_CODE_COUNT;
		bool good = lane->port.find(edition, &id, &merchant) && merchant.processors.count == 1 &&
					co_view_eq(merchant.processors.names[0], CO_VIEW("p")) &&
					lane->port.authenticate(edition, &id, &credentials, 0, &refusal);

		lane->port.release(lane->port.self, edition);
		if (!good) {
			lane->answers = 0;
			return NULL;
		}
		lane->answers++;
	} while (!atomic_load(lane->stop));
	return NULL;
}

static void reload__under_working_lanes__no_answer_goes_wrong(void **state)
{
	static char authorization[1024] = "Bearer ";
	struct lane lanes[LANES];
	pthread_t threads[LANES];
	atomic_bool stop = false;
	struct co_registry_file *registry;

	(void)state;
	sandbox_write_text(
		&box, "registry.json",
		WITH("\"processors\":[\"p\"],\"jwt\":{\"keys\":[{\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}]}"));
	sandbox_write_text(&box, "hs.key", "s");
	registry = sandbox_open(&box, CO_AUTH_JWT);
	token_hs256(authorization + 7, "{\"alg\":\"HS256\"}", TOKEN_CLAIMS, "s", 1);
	for (size_t i = 0; i < LANES; i++) {
		lanes[i] = (struct lane){co_registry_file_port(registry), authorization, &stop, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, run_lane, &lanes[i]), 0);
	}

	for (size_t i = 0; i < ROUNDS; i++)
		assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);
	atomic_store(&stop, true);

	for (size_t i = 0; i < LANES; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_true(lanes[i].answers > 0);
	}
	co_registry_file_close(registry);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reload__good_file__the_new_edition_for_who_acquires_then),
		cmocka_unit_test(reload__bad_file__nothing_changes),
		cmocka_unit_test(reload__key_file_changed__the_new_secret_counts),
		cmocka_unit_test(open__secret_of_any_bytes_at_an_absolute_name__taken),
		cmocka_unit_test(open__key_file_that_cannot_be_used__one_log_line_without_content),
		cmocka_unit_test(open__other_auth_modes__key_files_are_left_alone),
		cmocka_unit_test(open__key_file_at_the_size_limit__taken_and_beyond_not),
		cmocka_unit_test(reload__under_working_lanes__no_answer_goes_wrong),
	};

	return cmocka_run_group_tests(tests, registry_box_make, registry_box_clear);
}
