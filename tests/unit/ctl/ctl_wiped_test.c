/* What checkoutctl connects with is wiped after use: the secrets of the Kafka client that come from a file, and the
 * password of a Redis URL. librdkafka's and hiredis' own copies are not ours to wipe, so the test plays the functions
 * that take them. Tokens and keys of commands are not held here: they are in memory until the command has run. */
#include "client.h"
#include "describe_view.h"

#include "released.h"

#include <hiredis/hiredis.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SESSION "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"

/* What the libraries do, and what they were handed. */
static struct {
	bool refuses; /* a secret, or the AUTH */
	bool is_away;
	char password[256]; /* a copy: where it lies is wiped */
	const char *host;
	redisContext context;
} library;

/* By the linker's --wrap: our calls alone come here, not librdkafka's own. */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-*) */
rd_kafka_conf_res_t __real_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *why,
											 size_t why_bytes);
rd_kafka_conf_res_t __wrap_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *why,
											 size_t why_bytes);
rd_kafka_conf_res_t __wrap_rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, char *why,
											 size_t why_bytes)
/* NOLINTEND(bugprone-reserved-identifier,cert-*) */
{
	if (strcmp(name, "sasl.password") != 0)
		return __real_rd_kafka_conf_set(conf, name, value, why, why_bytes);
	snprintf(library.password, sizeof library.password, "%s", value);
	if (!library.refuses)
		return RD_KAFKA_CONF_OK;
	snprintf(why, why_bytes, "will not have it");
	return RD_KAFKA_CONF_INVALID;
}

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
	(void)port, (void)tv;
	library.host = ip;
	library.context.err = library.is_away ? REDIS_ERR_IO : 0;
	return &library.context;
}

int redisSetTimeout(redisContext *c, const struct timeval tv)
{
	(void)c, (void)tv;
	return REDIS_OK;
}

void redisFree(redisContext *c)
{
	(void)c;
}

void *redisvCommand(redisContext *c, const char *format, va_list ap)
{
	static redisReply nothing = {.type = REDIS_REPLY_NIL};
	static redisReply refused = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t) "ERR no"};

	(void)c;
	if (!library.password[0] && strcmp(format, "%s %s %s") == 0)
		vsnprintf(library.password, sizeof library.password, format, ap);
	return library.refuses ? &refused : &nothing;
}

void freeReplyObject(void *reply)
{
	(void)reply;
}

static int library_begin(void **state)
{
	(void)state;
	memset(&library, 0, sizeof library);
	return 0;
}

/* A client with sasl.password from a file of these bytes, opened and closed under the watcher's eyes. */
static bool open_client(const char *bytes, size_t len)
{
	char path[] = "/tmp/ctl-wiped-test-XXXXXX", entry[128];
	char *environment[] = {entry, NULL};
	struct ctl_world world = {.out = tmpfile(), .err = tmpfile(), .environment = environment};
	struct ctl_connection connection = {.bootstrap = "127.0.0.1:1", .prefix = "", .timeout_seconds = 1};
	struct ctl_client client;
	int descriptor = mkstemp(path);
	bool opened;

	assert_true(descriptor >= 0);
	assert_int_equal(write(descriptor, bytes, len), len);
	assert_int_equal(close(descriptor), 0);
	snprintf(entry, sizeof entry, "CHECKOUT_KAFKA_SASL_PASSWORD_FILE=%s", path);

	released_watch();
	opened = ctl_client_open(&world, &connection, RD_KAFKA_PRODUCER, &client);
	if (opened)
		ctl_client_close(&client);
	released_end_clean();

	assert_int_equal(unlink(path), 0);
	fclose(world.out);
	fclose(world.err);
	return opened;
}

static void client_open__secret_file__wiped(void **state)
{
	(void)state;
	assert_true(open_client(PLANTED_SECRET "\n", sizeof PLANTED_SECRET));
	assert_string_equal(library.password, PLANTED_SECRET);
}

static void client_open__secret_refused__wiped(void **state)
{
	(void)state;
	library.refuses = true;
	assert_false(open_client(PLANTED_SECRET, sizeof PLANTED_SECRET - 1));
	assert_string_equal(library.password, PLANTED_SECRET);
}

static void client_open__secret_file_too_long__refused_and_wiped(void **state)
{
	const size_t len = 65537, piece = sizeof PLANTED_MARK - 1;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = PLANTED_MARK[i % piece];
	assert_false(open_client(text, len));
	assert_string_equal(library.password, "");
	explicit_bzero(text, len); /* a later block must not have it from here */
	free(text);
}

static struct released describe(const char *url)
{
	struct ctl_world world = {.out = tmpfile(), .err = tmpfile()};
	struct co_error error = {0};
	struct released found;

	released_watch();
	(void)ctl_describe_view(&world, url, "cs", 0, SESSION, 1000, &error);
	found = released_end();

	assert_null(strstr(error.text, PLANTED_MARK));
	fclose(world.out);
	fclose(world.err);
	return found;
}

static void describe_view__connected__password_wiped(void **state)
{
	struct released found;

	(void)state;
	found = describe("redis://user:" PLANTED_SECRET "@h:6379/1");

	assert_string_equal(library.password, "AUTH user " PLANTED_SECRET);
	assert_true(released_is_wiped(library.host));
	assert_int_equal(found.wiped, 1);
	assert_int_equal(found.holding, 0);
}

static void describe_view__password_refused__wiped(void **state)
{
	(void)state;
	library.refuses = true;
	assert_int_equal(describe("redis://user:" PLANTED_SECRET "@h:6379/1").wiped, 1);
	assert_true(released_is_wiped(library.host));
}

static void describe_view__nobody_there__password_wiped(void **state)
{
	(void)state;
	library.is_away = true;
	assert_int_equal(describe("redis://user:" PLANTED_SECRET "@h:6379/1").wiped, 1);
	assert_true(released_is_wiped(library.host));
}

static void describe_view__url_with_a_mistake__password_wiped(void **state)
{
	(void)state;
	assert_int_equal(describe("redis://user:" PLANTED_SECRET "@h:99999/1").wiped, 1);
	assert_null(library.host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(client_open__secret_file__wiped, library_begin),
		cmocka_unit_test_setup(client_open__secret_refused__wiped, library_begin),
		cmocka_unit_test_setup(client_open__secret_file_too_long__refused_and_wiped, library_begin),
		cmocka_unit_test_setup(describe_view__connected__password_wiped, library_begin),
		cmocka_unit_test_setup(describe_view__password_refused__wiped, library_begin),
		cmocka_unit_test_setup(describe_view__nobody_there__password_wiped, library_begin),
		cmocka_unit_test_setup(describe_view__url_with_a_mistake__password_wiped, library_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
