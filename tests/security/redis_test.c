/* Redis with a user of its own: the rights that docs/security.md gives are enough for everything the worker does, and
 * each of them is needed; a wrong password is waited out. */
#include "secure.h"

#include "await.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define PASSWORD "redis-password-3e77"

/* The rights of the documented line, from "resetkeys" on, with the rig's key prefix for the default one. */
static char *documented_rights(const struct rig *rig)
{
	static const char begin[] = "ACL SETUSER checkout on >PASSWORD ";
	char *path = co_tk_format("%s/docs/security.md", co_tk_source_dir());
	char *text = co_tk_read_file(path, NULL);
	co_tk_check(text, "cannot read %s", path);
	char *line = strstr(text, begin);
	co_tk_check(line, "%s has no line that begins with: %s", path, begin);
	line += strlen(begin);
	line[strcspn(line, "\n")] = '\0';
	char *keys = strstr(line, "~cs:");
	co_tk_check(keys, "the documented line gives no keys ~cs:…");
	*keys = '\0';
	char *rights = co_tk_format("%s~%s:%s", line, rig->key_prefix, keys + 4);
	free(text);
	free(path);
	return rights;
}

/* `change`: what is given or taken besides the documented line. */
static void set_user_but(const struct rig *rig, const char *password, const char *change)
{
	char *rights = documented_rights(rig);
	char *command = co_tk_format("ACL SETUSER %suser reset on >%s %s%s", rig->key_prefix, password, rights, change);
	freeReplyObject(co_tk_redis_call(&rig->servers->redis, command));
	free(command);
	free(rights);
}

static void set_user(const struct rig *rig, const char *password)
{
	set_user_but(rig, password, "");
}

/* Starts the worker with its Redis URL in a file. */
static void start(struct rig *rig, const char *password)
{
	char *path = co_tk_format("%s/url", co_tk_temp_dir());
	char *url = co_tk_format("redis://%suser:%s@127.0.0.1:%d/0\n", rig->key_prefix, password, rig->servers->redis.port);
	char *variable = co_tk_format("CHECKOUT_REDIS_URL_FILE=%s", path);
	const char *environment[] = {variable, NULL};
	const struct co_tk_worker_options options = {.instance = rig->prefix,
												 .prefix = rig->prefix,
												 .group = rig->group,
												 .overrides = rig->overrides,
												 .environment = environment};

	co_tk_write_file(path, url);
	co_tk_worker_start(&rig->workers[0], &rig->servers->kafka, &rig->servers->redis, &options);
	free(path);
	free(url);
	free(variable);
}

static long calls_of(const char *stats, const char *command)
{
	char *field = co_tk_format("cmdstat_%s:calls=", command);
	const char *at = strstr(stats, field);
	long calls = at ? strtol(at + strlen(field), NULL, 10) : 0;

	free(field);
	return calls;
}

/* Every +command of the line was called; `connection` state commands are counted by the server as well. */
static void each_right_was_used(const struct rig *rig)
{
	redisReply *stats = co_tk_redis_call(&rig->servers->redis, "INFO commandstats");
	char *rights = documented_rights(rig), *more = NULL;
	size_t count = 0;

	for (char *word = strtok_r(rights, " ", &more); word; word = strtok_r(NULL, " ", &more)) {
		if (word[0] != '+')
			continue;
		count++;
		if (calls_of(stats->str, word + 1) == 0)
			fail_msg("%s is granted and was not needed", word);
	}
	co_tk_check(count > 5, "only %zu rights in the documented line", count);
	printf("%zu commands granted, each of them used\n", count);
	free(rights);
	freeReplyObject(stats);
}

static void nothing_was_denied(struct co_tk_redis *redis)
{
	redisReply *log = co_tk_redis_call(redis, "ACL LOG");

	if (log->elements > 0)
		fail_msg("%zu commands were denied", log->elements);
	freeReplyObject(log);
}

static void load_to_the_end(struct rig *rig)
{
	rig_load(rig, 40);
	co_tk_producer_flush(rig->producer);
	co_tk_check(co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, 90000), "lag");
}

/* Load, expiry, a flush in between (so that the view is rebuilt): the oracle finds nothing. */
static void redis__documented_rights__enough_and_each_needed(void **state)
{
	struct rig_servers *servers = *state;
	struct rig rig;

	rig_open(&rig, servers);
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG RESETSTAT"));
	set_user(&rig, PASSWORD);
	start(&rig, PASSWORD);
	rig_wait_ready(&rig, 0);
	load_to_the_end(&rig);
	co_tk_redis_flush(&servers->redis);
	load_to_the_end(&rig);
	/* The marker alone: the view is made anew, and what was there is swept. */
	for (int p = 0; p < RIG_PARTITIONS; p++)
		freeReplyObject(co_tk_redis_call(&servers->redis, "DEL %s:{%d}:m", rig.key_prefix, p));
	rig_load(&rig, 40);
	rig_settle_and_check(&rig, 90000, "redis acl");
	nothing_was_denied(&servers->redis);
	assert_false(secure_file_holds(rig.workers[0].log, PASSWORD));
	assert_false(secure_file_holds(rig.workers[0].log, "redis.unchecked"));
	rig_close(&rig);
	assert_false(secure_file_holds(rig.workers[0].log, PASSWORD));
	each_right_was_used(&rig);
}

static void redis__documented_rights__enough_to_see_that_it_evicts(void **state)
{
	struct rig_servers *servers = *state;
	struct rig rig;

	rig_open(&rig, servers);
	set_user(&rig, PASSWORD);
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET maxmemory 1gb"));
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET maxmemory-policy allkeys-lru"));
	start(&rig, PASSWORD);
	await_log(&rig.workers[0], 0, "\"redis.evicts\"", "");
	co_tk_sleep_ms(5000);
	assert_int_equal(await_answer(&rig.workers[0], "/readyz", NULL), 503);
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET maxmemory-policy noeviction"));
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET maxmemory 0"));
	rig_wait_ready(&rig, 0);
	nothing_was_denied(&servers->redis);
	rig_close(&rig);
}

static size_t lines_with(const char *path, const char *word)
{
	char *text = co_tk_read_file(path, NULL);
	size_t count = 0;

	for (const char *at = text ? strstr(text, word) : NULL; at; at = strstr(at + 1, word))
		count++;
	free(text);
	return count;
}

/* The rights of an installation that was set up before they were asked for: said once, by all connections together and
 * over later looks; a connection without a name works like any other. */
static void redis__no_right_to_look__said_once_and_goes_on(void **state)
{
	struct rig_servers *servers = *state;
	struct rig rig;

	rig_open(&rig, servers);
	/* A Redis that is slow for a moment is none of the faults that are looked for. */
	rig_override(&rig, "redis.timeout.ms", "20000");
	set_user_but(&rig, PASSWORD, " -info -client|setname");
	start(&rig, PASSWORD);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 20);
	co_tk_sleep_ms(7000);
	rig_settle_and_check(&rig, 90000, "redis without the right to look");
	assert_int_equal(lines_with(rig.workers[0].log, "\"redis.unchecked\""), 1);
	assert_int_equal(lines_with(rig.workers[0].log, "NOPERM"), 1);
	assert_false(secure_file_holds(rig.workers[0].log, "redis.down"));
	rig_close(&rig);
	freeReplyObject(co_tk_redis_call(&servers->redis, "ACL LOG RESET"));
}

/* What somebody with the worker's password cannot do. */
static void redis__documented_rights__nothing_else(void **state)
{
	static const char *const denied[] = {
		"FLUSHALL",         "CONFIG GET *", "KEYS *",    "ACL LIST",    "CLIENT LIST",      "CLIENT KILL TYPE normal",
		"SHUTDOWN NOSAVE",  "MONITOR",      "GET other", "SET other 1", "EVAL return(1) 0", "SCRIPT FLUSH",
		"REPLICAOF NO ONE", "SAVE"};
	struct rig_servers *servers = *state;
	struct rig rig = {.servers = servers, .key_prefix = "deny"};
	redisContext *context = redisConnect("127.0.0.1", servers->redis.port);

	set_user(&rig, PASSWORD);
	assert_true(context && !context->err);
	redisReply *reply = redisCommand(context, "AUTH denyuser " PASSWORD);
	assert_int_equal(reply->type, REDIS_REPLY_STATUS);
	freeReplyObject(reply);
	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++) {
		reply = redisCommand(context, denied[i]);
		if (!reply || reply->type != REDIS_REPLY_ERROR || strncmp(reply->str, "NOPERM", 6) != 0)
			fail_msg("%s is not denied: %s", denied[i], reply && reply->str ? reply->str : "no error");
		freeReplyObject(reply);
	}
	redisFree(context);
	freeReplyObject(co_tk_redis_call(&servers->redis, "ACL LOG RESET"));
}

/* A wrong password is waited out and named, never shown; once it is right the worker goes on by itself. */
static void redis__wrong_password__waits_and_goes_on(void **state)
{
	static const char wrong[] = "wrong-password-81d0";
	struct rig rig;
	char *body = NULL;

	rig_open(&rig, *state);
	set_user(&rig, PASSWORD);
	start(&rig, wrong);
	await_log(&rig.workers[0], 0, "redis.down", "WRONGPASS");
	co_tk_sleep_ms(5000);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 0), -1);
	assert_int_equal(await_answer(&rig.workers[0], "/livez", NULL), 200);
	/* Kafka comes first, until it has answered. */
	for (int64_t end = co_tk_now_ms() + 60000;; co_tk_sleep_ms(100)) {
		assert_int_equal(await_answer(&rig.workers[0], "/readyz", &body), 503);
		if (strstr(body, "Redis does not answer"))
			break;
		if (co_tk_now_ms() > end)
			fail_msg("/readyz says: %s", body);
		free(body);
	}
	free(body);
	assert_false(secure_file_holds(rig.workers[0].log, wrong));
	set_user(&rig, wrong);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 8);
	rig_settle_and_check(&rig, 90000, "redis wrong password");
	rig_close(&rig);
	assert_false(secure_file_holds(rig.workers[0].log, wrong));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(redis__documented_rights__enough_and_each_needed),
		cmocka_unit_test(redis__documented_rights__enough_to_see_that_it_evicts),
		cmocka_unit_test(redis__no_right_to_look__said_once_and_goes_on),
		cmocka_unit_test(redis__documented_rights__nothing_else),
		cmocka_unit_test(redis__wrong_password__waits_and_goes_on),
	};
	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
