/* Forms of texts in common/config_check.c and common/config_address.c: for each accepted value its nearest refused
 * neighbours; redis.url and admin.listen taken apart. */
#include "toolbox.h"

#include <sys/stat.h>

/* A value of a key; `reason` NULL: it is taken. */
struct value {
	const char *label, *key, *value, *reason;
};

#define A20 "aaaaaaaaaaaaaaaaaaaa"
#define A100 A20 A20 A20 A20 A20
static const struct value values[] = {
	{"group of 100", "worker.group", A100, NULL},
	{"group of 101", "worker.group", A100 "a", "is too long"},
	{"group empty", "worker.group", "", "is too short"},
	{"group with all kinds of characters", "worker.group", "aZ09._-", NULL},
	{"group with a blank", "worker.group", "a b", "has a character that is not allowed"},
	{"group with a slash", "worker.group", "a/b", "has a character that is not allowed"},
	{"instance of one", "worker.instance", "w", NULL},
	{"instance of 101", "worker.instance", A100 "a", "is too long"},
	{"instance with a colon", "worker.instance", "w:1", "has a character that is not allowed"},
	{"patterns", "worker.replies.allow", "^a\\.b$ (x|y)+ [0-9]{2}", NULL},
	{"patterns with two blanks", "worker.replies.allow", " ^a$  ^b$ ", NULL},
	{"pattern with an open bracket", "worker.replies.allow", "^a$ [0-9",
	 "the expression \"[0-9\", which does not compile"},
	{"pattern with an open parenthesis", "worker.replies.allow", "(a", "the expression \"(a\", which does not compile"},
	{"pattern with counts", "worker.replies.allow", "^([a-z]+[.]){1,20}(a{1,9}b*){3,}$", NULL},
	{"pattern of a thousand", "worker.replies.allow", "a{1,500}", NULL},
	{"pattern of more", "worker.replies.allow", "^b$ a{1,501}", "the expression \"a{1,501}\", which repeats too much"},
	{"pattern with an open count", "worker.replies.allow", "a{500,}", "repeats too much"},
	{"pattern with counts of counts", "worker.replies.allow", "(a{1,255}){1,255}", "repeats too much"},
	{"pattern with a count of six digits", "worker.replies.allow", "a{100000}", "repeats too much"},
	{"pattern that repeats a repetition", "worker.replies.allow", "a+*", "repeats too much"},
	{"pattern that repeats a count", "worker.replies.allow", "b?{1,9}{3,}", "repeats too much"},
	{"pattern with two around each other", "worker.replies.allow", "(x(a*)b)+", NULL},
	{"pattern with three around each other", "worker.replies.allow", "((a*)+b)+", "repeats too much"},
	{"pattern with three in a group beside", "worker.replies.allow", "(((a*)+b)c)+", "repeats too much"},
	{"pattern with signs that repeat nothing", "worker.replies.allow", "[]+*+][^]+*+][a[:digit:]+*]a\\+\\+\\{99}",
	 NULL},
	{"pattern 16 deep", "worker.replies.allow", "((((((((((((((((a))))))))))))))))", NULL},
	{"pattern 17 deep", "worker.replies.allow", "(((((((((((((((((a)))))))))))))))))", "repeats too much"},
	{"pattern with a control", "worker.replies.allow", "a\x01", "has control characters"},
	{"source of one", "worker.source", "/", NULL},
	{"source of 256", "worker.source", A100 A100 A20 A20 "aaaaaaaaaaaaaaaa", NULL},
	{"source of 257", "worker.source", A100 A100 A20 A20 "aaaaaaaaaaaaaaaaa", "is empty, too long"},
	{"source empty", "worker.source", "", "is empty, too long"},
	{"source with a line end", "worker.source", "/a\nb", "has control characters"},
	{"source of no UTF-8", "worker.source", "/\xff", "has control characters"},
	{"prefix", "topics.prefix", "_checkout.", NULL},
	{"prefix of Kafka's own", "topics.prefix", "__checkout.", "begins like Kafka's internal topics"},
	{"prefix of 200", "topics.prefix", A100 A100, NULL},
	{"prefix of 201", "topics.prefix", A100 A100 "a", "is too long"},
	{"prefix empty", "topics.prefix", "", "is too short"},
	{"prefix with a slash", "topics.prefix", "checkout/", "has a character that is not allowed"},
	{"key prefix with a colon", "redis.key.prefix", "shop:cs", NULL},
	{"key prefix with a hash tag", "redis.key.prefix", "{cs}", "has a character that is not allowed"},
	{"key prefix empty", "redis.key.prefix", "", "is too short"},
	{"merchants file empty", "auth.merchants.file", "", NULL},
	{"merchants file that is none", "auth.merchants.file", "/nowhere/merchants.json", "cannot be read (No such file"},
	{"merchants file that is a folder", "auth.merchants.file", "/tmp", "is no file"},
	{"listen off", "admin.listen", "", NULL},
	{"listen on all", "admin.listen", "0.0.0.0:1", NULL},
	{"listen on IPv6", "admin.listen", "[::1]:65535", NULL},
	{"listen on a name", "admin.listen", "localhost:0", NULL},
	{"listen without a port", "admin.listen", "127.0.0.1", "has no port"},
	{"listen with an empty port", "admin.listen", "127.0.0.1:", "has a port that is no number"},
	{"listen with port 65536", "admin.listen", "127.0.0.1:65536", "has a port that is no number"},
	{"listen without a host", "admin.listen", ":9464", "has no host"},
	{"listen with an open bracket", "admin.listen", "[::1:9464", "whose bracket does not close"},
	{"listen on bare IPv6", "admin.listen", "::1:9464", "has a host with a character that is not allowed"},
	{"url", "redis.url", "redis://h:6379/0", NULL},
	{"url without a port", "redis.url", "redis://h/0", NULL},
	{"url without a database", "redis.url", "redis://h:1", NULL},
	{"url of a socket", "redis.url", "unix:///run/redis.sock", NULL},
	{"url empty", "redis.url", "", "begins with neither"},
	{"url of TLS", "redis.url", "rediss://h:6379/0", "asks for TLS"},
	{"url of http", "redis.url", "http://h:6379/0", "begins with neither"},
	{"url without a host", "redis.url", "redis://:6379/0", "has no host"},
	{"url with port 0", "redis.url", "redis://h:0/0", "has port 0"},
	{"url with port 65536", "redis.url", "redis://h:65536/0", "has a port that is no number"},
	{"url with a name for a database", "redis.url", "redis://h:1/a", "has a database that is no number"},
	{"url with database -1", "redis.url", "redis://h:1/-1", "has a database that is no number"},
	{"url with a query", "redis.url", "redis://h:1/0?a=b", "has a database that is no number"},
	{"url with a lone user", "redis.url", "redis://u@h:1/0", "has a user without a password"},
	{"url with an empty password", "redis.url", "redis://u:@h:1/0", "has a user with an empty password"},
	{"url with a broken escape", "redis.url", "redis://u:%2@h:1/0", "has a password that is too long or has a broken"},
	{"url with an escaped NUL", "redis.url", "redis://u:%00@h:1/0", "has a password that is too long or has a broken"},
	{"url with a blank", "redis.url", "redis://h :1/0", "has a blank or a control character"},
	{"url of a relative socket", "redis.url", "unix://redis.sock", "has no absolute path"},
	{"url of a socket of 107", "redis.url", "unix:///" A100 "aaaaaa", NULL},
	{"url of a socket of 108", "redis.url", "unix:///" A100 "aaaaaaa", "which no socket can have"},
};

static void value__judged__as_told(void **state)
{
	const struct value *value = *state;
	char text[600], name[64];
	struct loaded loaded;

	snprintf(text, sizeof text, "%s=%s", value->key, value->value);
	snprintf(name, sizeof name, "%s (-X): ", value->key);
	loaded = load(NULL, LIST(BOOTSTRAP), LIST(text));
	if (value->reason) {
		assert_refused(loaded, LIST(name, value->reason, "allowed: "));
		return;
	}
	assert_taken(&loaded);
	loaded_clear(&loaded);
}

static void merchants_file__readable__taken(void **state)
{
	char path[64], text[128];
	struct loaded loaded;

	(void)state;
	file_make(path, "{}", 2);
	snprintf(text, sizeof text, "auth.merchants.file=%s", path);
	loaded = load(NULL, LIST(BOOTSTRAP), LIST(text));
	unlink(path);

	assert_taken(&loaded);
	assert_string_equal(loaded.config.merchants_file, path);
	loaded_clear(&loaded);
}

static void instance__not_given__is_the_host_name(void **state)
{
	struct loaded loaded = load(NULL, LIST(BOOTSTRAP), NONE);
	char host[256] = "";

	(void)state;
	assert_int_equal(gethostname(host, sizeof host), 0);
	assert_taken(&loaded);
	assert_string_equal(loaded.config.instance, host);
	loaded_clear(&loaded);
}

static void redis_url__full__taken_apart(void **state)
{
	struct co_redis_url url;
	struct co_error error = {.text = ""};

	(void)state;
	assert_int_equal(co_redis_url_parse("redis://al%40ice:p%3Aw@rd@redis-1.example_2:7000/15", &url, &error), CO_OK);
	assert_string_equal(url.user, "al@ice");
	assert_string_equal(url.password, "p:w@rd");
	assert_string_equal(url.host, "redis-1.example_2");
	assert_int_equal(url.port, 7000);
	assert_int_equal(url.database, 15);
	assert_string_equal(url.path, "");
}

static void redis_url__short__filled_with_the_usual(void **state)
{
	struct co_redis_url url;

	(void)state;
	assert_int_equal(co_redis_url_parse("redis://:secret@[::1]", &url, NULL), CO_OK);
	assert_string_equal(url.user, "");
	assert_string_equal(url.password, "secret");
	assert_string_equal(url.host, "::1");
	assert_int_equal(url.port, 6379);
	assert_int_equal(url.database, 0);
}

static void redis_url__socket__taken_apart(void **state)
{
	struct co_redis_url url;

	(void)state;
	assert_int_equal(co_redis_url_parse("unix:///run/redis/redis.sock", &url, NULL), CO_OK);
	assert_string_equal(url.path, "/run/redis/redis.sock");
	assert_string_equal(url.host, "");
}

/* A refused URL leaves nothing of its password behind, and the reason shows nothing of it. */
static void redis_url__refused__wiped_and_not_shown(void **state)
{
	static const struct co_redis_url zero;
	struct co_redis_url url;
	struct co_error error = {.text = ""};

	(void)state;
	memset(&url, 0x5A, sizeof url);
	assert_int_equal(co_redis_url_parse("redis://u:planted-4711@h:99999/0", &url, &error), CO_CONFIG);
	assert_memory_equal(&url, &zero, sizeof url);
	assert_string_equal(error.path, "redis.url");
	assert_contains(error.text, "has a port that is no number from 0 to 65535");
	assert_lacks(error.text, "4711");
}

static void listen__taken__apart(void **state)
{
	struct co_listen listen;
	struct co_error error = {.text = ""};

	(void)state;
	assert_int_equal(co_listen_parse("[::1]:9464", &listen, NULL), CO_OK);
	assert_string_equal(listen.host, "::1");
	assert_int_equal(listen.port, 9464);
	assert_int_equal(co_listen_parse("localhost", &listen, &error), CO_CONFIG);
	assert_string_equal(listen.host, "");
	assert_string_equal(error.text, "has no port");
}

#define COUNT (sizeof values / sizeof *values)

int main(void)
{
	struct CMUnitTest rows[COUNT];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merchants_file__readable__taken),
		cmocka_unit_test(instance__not_given__is_the_host_name),
		cmocka_unit_test(redis_url__full__taken_apart),
		cmocka_unit_test(redis_url__short__filled_with_the_usual),
		cmocka_unit_test(redis_url__socket__taken_apart),
		cmocka_unit_test(redis_url__refused__wiped_and_not_shown),
		cmocka_unit_test(listen__taken__apart),
	};

	for (size_t i = 0; i < COUNT; i++)
		rows[i] =
			(struct CMUnitTest){values[i].label, value__judged__as_told, NULL, NULL, (void *)(uintptr_t)&values[i]};
	return cmocka_run_group_tests(rows, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
