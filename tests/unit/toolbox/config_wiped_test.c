/* Secrets of the configuration are wiped after use: no block of memory is given back with one in it, neither while
 * loading nor by co_config_clear, from whatever source it came and whether it is taken or refused. What stays on the
 * stack is not seen. */
#include "toolbox.h"

#include "released.h"

#define URL "redis://user:" PLANTED_SECRET "@127.0.0.1:6379/0"

/* Loads and clears under the watcher's eyes. `mistake`: what the complaints must say; NULL: the configuration is good.
 */
static void assert_wiped(const char *file, const char *const *environment, const char *const *overrides,
						 const char *mistake)
{
	struct loaded loaded;

	released_watch();
	loaded = load(file, environment, overrides);
	if (loaded.status == CO_OK)
		co_config_clear(&loaded.config);
	released_end_clean();

	if (mistake)
		assert_contains(loaded.complaints, mistake);
	else
		assert_taken(&loaded);
	assert_lacks(loaded.complaints, PLANTED_MARK);
	free(loaded.complaints);
}

static void load__secrets_in_the_file__wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nsasl.password = " PLANTED_SECRET "\nssl.key.password = " PLANTED_SECRET
				 "\n[redis]\nurl = " URL "\n",
				 LIST(BOOTSTRAP), NONE, NULL);
}

/* The last line is what inih's buffer holds when it is done. */
static void load__secret_in_the_last_line__wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nsasl.password = " PLANTED_SECRET, LIST(BOOTSTRAP), NONE, NULL);
}

static void load__secrets_in_the_environment__wiped(void **state)
{
	(void)state;
	assert_wiped(NULL,
				 LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SASL_PASSWORD=" PLANTED_SECRET,
					  "CHECKOUT_KAFKA_SSL_KEY_PASSWORD=" PLANTED_SECRET, "CHECKOUT_REDIS_URL=" URL),
				 NONE, NULL);
}

static void load__secrets_in_overrides__wiped(void **state)
{
	(void)state;
	assert_wiped(
		NULL, LIST(BOOTSTRAP),
		LIST("kafka.sasl.password=" PLANTED_SECRET, "kafka.ssl.key.password=" PLANTED_SECRET, "redis.url=" URL), NULL);
}

/* Each source's value gives way to the next one's. */
static void load__secrets_in_all_sources__those_that_do_not_count_wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nsasl.password = " PLANTED_SECRET "1\n[redis]\nurl = " URL "1\n",
				 LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SASL_PASSWORD=" PLANTED_SECRET "2", "CHECKOUT_REDIS_URL=" URL "2"),
				 LIST("kafka.sasl.password=" PLANTED_SECRET "3", "redis.url=" URL "3", "redis.url=" URL "4"), NULL);
}

/* All three secrets by …_FILE, the files holding these bytes. */
static void assert_wiped_by_name(const char *secret, size_t secret_len, const char *url, const char *mistake)
{
	char secret_path[64], url_path[64], password[160], key_password[160], redis[160];

	file_make(secret_path, secret, secret_len);
	file_make(url_path, url, strlen(url));
	snprintf(password, sizeof password, "CHECKOUT_KAFKA_SASL_PASSWORD_FILE=%s", secret_path);
	snprintf(key_password, sizeof key_password, "CHECKOUT_KAFKA_SSL_KEY_PASSWORD_FILE=%s", secret_path);
	snprintf(redis, sizeof redis, "CHECKOUT_REDIS_URL_FILE=%s", url_path);
	assert_wiped(NULL, LIST(BOOTSTRAP, password, key_password, redis), NONE, mistake);
	unlink(secret_path);
	unlink(url_path);
}

static void load__secret_files__wiped(void **state)
{
	(void)state;
	assert_wiped_by_name(PLANTED_SECRET "\r\n\n", sizeof PLANTED_SECRET - 1 + 3, URL "\n", NULL);
	assert_wiped_by_name(PLANTED_SECRET, sizeof PLANTED_SECRET - 1, URL, NULL);
}

static void load__secret_file_with_a_nul__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped_by_name(PLANTED_SECRET, sizeof PLANTED_SECRET, URL, "holds a NUL byte");
}

static void load__secret_file_too_long__refused_and_wiped(void **state)
{
	const size_t len = 65537, piece = sizeof PLANTED_MARK - 1;
	char *text = malloc(len);

	(void)state;
	assert_non_null(text);
	for (size_t i = 0; i < len; i++)
		text[i] = PLANTED_MARK[i % piece];
	assert_wiped_by_name(text, len, URL, "is longer than 65536 bytes");
	explicit_bzero(text, len); /* a later block must not have it from here */
	free(text);
}

static void load__secret_file_that_is_a_url_with_a_mistake__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped_by_name(PLANTED_SECRET, sizeof PLANTED_SECRET - 1, "redis://user:" PLANTED_SECRET "@h:99999\n",
						 "has a port that is no number");
}

/* The mistake is elsewhere, and the secrets were good. */
static void load__good_secrets_and_a_mistake__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nsasl.password = " PLANTED_SECRET "\n[redis]\nurl = " URL "\n[worker]\nlanes = 0\n",
				 LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SSL_KEY_PASSWORD=" PLANTED_SECRET), NONE, "is out of range");
}

static void load__secret_given_twice__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nsasl.password = " PLANTED_SECRET "\nsasl.password = " PLANTED_SECRET "\n", LIST(BOOTSTRAP),
				 NONE, "given twice");
}

/* What nobody asked for may be a secret all the same: a slip in its name. */
static void load__secret_under_a_wrong_name__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped("[redis]\nurll = " URL "\n[kafka]\nsasl password " PLANTED_SECRET "\n",
				 LIST(BOOTSTRAP, "CHECKOUT_REDIS_URRL=" URL), LIST("redis.ur=" URL), "no such key");
}

/* Properties that are guarded are given back with the draft. */
static void load__secret_in_a_guarded_property__refused_and_wiped(void **state)
{
	(void)state;
	assert_wiped("[kafka]\nssl_key = " PLANTED_SECRET "\n", LIST(BOOTSTRAP), NONE, "may not be set");
}

/* Three copies are wiped: what the draft holds, what the configuration holds, and the URL taken apart to judge it,
 * which lies on the stack. */
static void load__redis_url__wiped_where_it_is_judged_too(void **state)
{
	struct loaded loaded;
	struct released found;

	(void)state;
	released_watch();
	loaded = load(NULL, LIST(BOOTSTRAP, "CHECKOUT_REDIS_URL=" URL), NONE);
	co_config_clear(&loaded.config);
	found = released_end();

	assert_taken(&loaded);
	assert_int_equal(found.wiped, 3);
	free(loaded.complaints);
}

static void print__secrets__not_in_what_is_given_back(void **state)
{
	struct loaded loaded =
		load(NULL, LIST(BOOTSTRAP, "CHECKOUT_REDIS_URL=" URL), LIST("kafka.sasl.password=" PLANTED_SECRET));
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	(void)state;
	assert_taken(&loaded);
	released_watch();
	out = open_memstream(&text, &len);
	assert_non_null(out);
	co_config_print(&loaded.config, out);
	assert_int_equal(fclose(out), 0);
	free(text);
	released_end_clean();

	loaded_clear(&loaded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load__secrets_in_the_file__wiped),
		cmocka_unit_test(load__secret_in_the_last_line__wiped),
		cmocka_unit_test(load__secrets_in_the_environment__wiped),
		cmocka_unit_test(load__secrets_in_overrides__wiped),
		cmocka_unit_test(load__secrets_in_all_sources__those_that_do_not_count_wiped),
		cmocka_unit_test(load__secret_files__wiped),
		cmocka_unit_test(load__secret_file_with_a_nul__refused_and_wiped),
		cmocka_unit_test(load__secret_file_too_long__refused_and_wiped),
		cmocka_unit_test(load__secret_file_that_is_a_url_with_a_mistake__refused_and_wiped),
		cmocka_unit_test(load__good_secrets_and_a_mistake__refused_and_wiped),
		cmocka_unit_test(load__secret_given_twice__refused_and_wiped),
		cmocka_unit_test(load__secret_under_a_wrong_name__refused_and_wiped),
		cmocka_unit_test(load__secret_in_a_guarded_property__refused_and_wiped),
		cmocka_unit_test(load__redis_url__wiped_where_it_is_judged_too),
		cmocka_unit_test(print__secrets__not_in_what_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
