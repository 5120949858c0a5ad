/* The secrets of merchants are wiped after use: no block of memory is given back with one in it, neither while key
 * files are read nor when tokens are judged, nor when an edition goes. OpenSSL's own memory is seen too. What is not
 * held here: the token itself, and what stays on the stack. */
#include "registry_file_support.h"

#include "released.h"

#include "adapters/auth_key.h"
#include "adapters/file_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ONE_SECRET KEYS("{\"alg\":\"HS256\",\"secretFile\":\"hs.key\"}")
#define CLAIMS "{\"exp\":1,\"merchant_id\":\"" A "\",\"scope\":\"checkout.session\"}"

static int ask_hs256(const struct co_registry *port, const char *secret)
{
	char authorization[1024] = "Bearer ";
	struct co_credentials credentials = {.namespace_name = CO_VIEW("default")};
	int answer;

	token_hs256(authorization + 7, "{\"alg\":\"HS256\"}", CLAIMS, secret, strlen(secret));
	credentials.authorization = co_view_cstr(authorization);
	released_watch();
	answer = ask(port, A, &credentials, 0);
	released_end_clean();
	return answer;
}

static struct co_registry_file *open_watched(void)
{
	struct co_registry_file *registry;

	released_watch();
	registry = sandbox_open(&box, CO_AUTH_JWT);
	released_end_clean();
	return registry;
}

static void close_watched(struct co_registry_file *registry)
{
	released_watch();
	co_registry_file_close(registry);
	released_end_clean();
}

static void open_and_close__secret_file__wiped(void **state)
{
	struct co_registry_file *registry;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET "\n");

	registry = open_watched();
	close_watched(registry);
}

static void authenticate__right_and_wrong_secret__wiped(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET);
	registry = open_watched();
	port = co_registry_file_port(registry);

	assert_int_equal(ask_hs256(&port, PLANTED_SECRET), 0);
	assert_int_equal(ask_hs256(&port, PLANTED_SECRET "x"), 9300012);
	close_watched(registry);
}

/* A key longer than the hash's block is hashed first: another way through the library. */
static void authenticate__long_secret__wiped(void **state)
{
	static const char secret[] = PLANTED_SECRET PLANTED_SECRET PLANTED_SECRET PLANTED_SECRET;
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", secret);
	registry = open_watched();
	port = co_registry_file_port(registry);

	assert_int_equal(ask_hs256(&port, secret), 0);
	close_watched(registry);
}

static void reload__another_secret__the_old_one_wiped(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET "1");
	registry = open_watched();
	port = co_registry_file_port(registry);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET "2");

	released_watch();
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);
	released_end_clean();

	assert_int_equal(ask_hs256(&port, PLANTED_SECRET "2"), 0);
	close_watched(registry);
}

/* The edition that was held over a reload goes with its last holder. */
static void release__old_edition__wiped(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;
	const void *held;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET);
	registry = open_watched();
	port = co_registry_file_port(registry);
	held = port.acquire(port.self);
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);

	released_watch();
	port.release(port.self, held);
	released_end_clean();

	close_watched(registry);
}

static void reload__refused__wiped(void **state)
{
	struct co_registry_file *registry;

	(void)state;
	sandbox_write_text(&box, "registry.json", ONE_SECRET);
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET);
	registry = open_watched();

	sandbox_write_text(&box, "registry.json", KEYS("{\"alg\":\"HS256\",\"secretFile\":\"hs.key\"},{\"alg\":\"none\"}"));
	released_watch();
	assert_int_equal(co_registry_file_reload(registry, NULL), CO_CONFIG);
	released_end_clean();

	close_watched(registry);
}

/* The trouble goes to the log; what was read of the file goes nowhere. */
static void open__secret_where_a_public_key_should_be__wiped(void **state)
{
	struct co_registry_file *registry;

	(void)state;
	sandbox_write_text(&box, "registry.json", KEYS("{\"alg\":\"RS256\",\"publicKeyFile\":\"rs.key\"}"));
	sandbox_write_text(&box, "rs.key", PLANTED_SECRET "\n");

	released_watch();
	stderr_catch_begin();
	registry = sandbox_open(&box, CO_AUTH_JWT);
	free(stderr_catch_end());
	released_end_clean();
	close_watched(registry);
}

static void file_bytes__freed__wiped(void **state)
{
	struct co_view bytes;

	(void)state;
	sandbox_write_text(&box, "hs.key", PLANTED_SECRET);
	assert_null(co_file_bytes_read(sandbox_path(&box, "hs.key"), 1000, &bytes));
	assert_int_equal(bytes.len, sizeof PLANTED_SECRET - 1);

	released_watch();
	co_file_free(&bytes);
	released_end_clean();
}

/* A private key put there by mistake is refused; neither its text nor what that decodes to stays behind. The second one
 * decodes to PLANTED_MARK, over and over. */
static void auth_key__private_key_for_a_public_one__refused_and_wiped(void **state)
{
	static const char *const bodies[] = {PLANTED_SECRET, "cGxhbnRlZDdwbGFudGVkN3BsYW50ZWQ3"};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		const char *reason = NULL;
		char pem[256];

		(void)snprintf(pem, sizeof pem, "-----BEGIN PRIVATE KEY-----\n%s\n-----END PRIVATE KEY-----\n", bodies[i]);
		released_watch();
		assert_null(co_auth_key_new(CO_AUTH_RS256, co_view_cstr(pem), &reason));
		released_end_clean();
		assert_string_equal(reason, "the file holds no PEM block PUBLIC KEY that can be read");
	}
}

#define PUBLIC_KEY                                                       \
	"-----BEGIN PUBLIC KEY-----\n"                                       \
	"MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEdPT65P0kVDts07isJOwxunIkHqN5\n" \
	"zcYPkrU4Vcw2AWSwCN6+0FCRmQG8bIFWjrGmZ5XHyFKjLZpUal3Tlhxn6Q==\n"     \
	"-----END PUBLIC KEY-----\n"

/* What keeps the wrong ones from the library keeps out none of the right ones. */
static void auth_key__public_key_behind_other_text__taken(void **state)
{
	static const char *const files[] = {PUBLIC_KEY, "\xEF\xBB\xBF" PUBLIC_KEY, "\n" PUBLIC_KEY,
										"shop one, -----BEGIN of 2024\r\n\n" PUBLIC_KEY};

	(void)state;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *reason = NULL;
		struct co_auth_key *key = co_auth_key_new(CO_AUTH_ES256, co_view_cstr(files[i]), &reason);

		if (!key)
			fail_msg("row %zu: %s", i, reason);
		co_auth_key_destroy(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(open_and_close__secret_file__wiped),
		cmocka_unit_test(authenticate__right_and_wrong_secret__wiped),
		cmocka_unit_test(authenticate__long_secret__wiped),
		cmocka_unit_test(reload__another_secret__the_old_one_wiped),
		cmocka_unit_test(release__old_edition__wiped),
		cmocka_unit_test(reload__refused__wiped),
		cmocka_unit_test(open__secret_where_a_public_key_should_be__wiped),
		cmocka_unit_test(file_bytes__freed__wiped),
		cmocka_unit_test(auth_key__private_key_for_a_public_one__refused_and_wiped),
		cmocka_unit_test(auth_key__public_key_behind_other_text__taken),
	};

	return cmocka_run_group_tests(tests, registry_box_make, registry_box_clear);
}
