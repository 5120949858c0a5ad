/* redis.url taken apart is wiped after connecting, whatever comes of it: the password that the client was handed lies
 * in memory that explicit_bzero was called for, and no block is given back with it. hiredis is played by the test: what
 * it keeps itself is not ours to wipe. */
#include "redis_link.h"

#include "released.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define URL "redis://user:" PLANTED_SECRET "@127.0.0.1:6379/7"

/* What the client does, and what it was handed. */
static struct {
	const char *refuses; /* this command; NULL: none */
	bool is_away;
	const char *host, *password;
	redisContext context;
} client;

redisContext *redisConnectWithTimeout(const char *ip, int port, const struct timeval tv)
{
	(void)port, (void)tv;
	client.host = ip;
	client.context.err = client.is_away ? REDIS_ERR_IO : 0;
	return &client.context;
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

void *redisCommandArgv(redisContext *c, int argc, const char **argv, const size_t *argvlen)
{
	static redisReply fine = {.type = REDIS_REPLY_STRING,
							  .str = (char *)(uintptr_t) "maxmemory:0\r\nmaxmemory_policy:noeviction\r\n"};
	static redisReply refused = {.type = REDIS_REPLY_ERROR, .str = (char *)(uintptr_t) "ERR no"};

	(void)c, (void)argvlen;
	if (strcmp(argv[0], "AUTH") == 0) {
		client.password = argv[argc - 1];
		assert_string_equal(client.password, PLANTED_SECRET);
	}
	return client.refuses && strcmp(argv[0], client.refuses) == 0 ? &refused : &fine;
}

void freeReplyObject(void *reply)
{
	(void)reply;
}

static struct released connect_once(const char *url, enum co_status expected)
{
	struct co_redis_link link;

	co_redis_link_init(&link, url, 1000, "test", "one");
	released_watch();
	assert_int_equal(co_redis_link_ready(&link), expected);
	co_redis_link_close(&link);
	return released_end();
}

static int client_begin(void **state)
{
	(void)state;
	memset(&client, 0, sizeof client);
	return 0;
}

static void ready__connected__password_wiped(void **state)
{
	struct released found;

	(void)state;
	found = connect_once(URL, CO_OK);

	assert_non_null(client.password);
	assert_true(released_is_wiped(client.password));
	assert_true(released_is_wiped(client.password + sizeof PLANTED_SECRET - 1));
	assert_int_equal(found.wiped, 1);
	assert_int_equal(found.holding, 0);
}

static void ready__no_user__password_wiped(void **state)
{
	(void)state;
	assert_int_equal(connect_once("redis://:" PLANTED_SECRET "@h", CO_OK).holding, 0);

	assert_non_null(client.password);
	assert_true(released_is_wiped(client.password));
}

static void ready__password_refused__wiped(void **state)
{
	(void)state;
	client.refuses = "AUTH";
	assert_int_equal(connect_once(URL, CO_VIEW_DOWN).holding, 0);

	assert_non_null(client.password);
	assert_true(released_is_wiped(client.password));
}

static void ready__refused_later__password_wiped(void **state)
{
	static const char *const commands[] = {"SELECT", "SCRIPT"};

	(void)state;
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		client.refuses = commands[i];
		client.password = NULL;
		assert_int_equal(connect_once(URL, CO_VIEW_DOWN).holding, 0);
		assert_non_null(client.password);
		assert_true(released_is_wiped(client.password));
	}
}

/* The password was taken out of the URL, though nobody was there to be told. */
static void ready__nobody_there__password_wiped(void **state)
{
	struct released found;

	(void)state;
	client.is_away = true;
	found = connect_once(URL, CO_VIEW_DOWN);

	assert_null(client.password);
	assert_true(released_is_wiped(client.host));
	assert_int_equal(found.wiped, 1);
	assert_int_equal(found.holding, 0);
}

static void ready__url_with_a_mistake__password_wiped(void **state)
{
	(void)state;
	assert_int_equal(connect_once("redis://user:" PLANTED_SECRET "@h:99999", CO_VIEW_DOWN).wiped, 1);

	assert_null(client.host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(ready__connected__password_wiped, client_begin),
		cmocka_unit_test_setup(ready__no_user__password_wiped, client_begin),
		cmocka_unit_test_setup(ready__password_refused__wiped, client_begin),
		cmocka_unit_test_setup(ready__refused_later__password_wiped, client_begin),
		cmocka_unit_test_setup(ready__nobody_there__password_wiped, client_begin),
		cmocka_unit_test_setup(ready__url_with_a_mistake__password_wiped, client_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
