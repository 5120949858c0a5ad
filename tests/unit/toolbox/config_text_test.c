/* --print-config, docs/CONFIGURATION.md and the example file; no secret in any of them, nor in a complaint. */
#include "toolbox.h"

#include <ctype.h>

#define PLANTED "planted4711"

static char *text_of(const struct co_config *config, void (*print)(const struct co_config *, FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	print(config, out);
	fclose(out);
	return text;
}

static void print_describe(const struct co_config *config, FILE *out)
{
	(void)config;
	co_config_describe(out);
}

static void print_example(const struct co_config *config, FILE *out)
{
	(void)config;
	co_config_example(out);
}

static void print__values__with_their_sources(void **state)
{
	struct loaded loaded =
		load("[worker]\nlanes = 2\n", LIST(BOOTSTRAP, "CHECKOUT_LOG_FORMAT=text"), LIST("topics.create=true"));
	char *text = text_of(&loaded.config, co_config_print);

	(void)state;
	assert_taken(&loaded);
	assert_contains(
		text, "[kafka]\n# from environment CHECKOUT_KAFKA_BOOTSTRAP_SERVERS\nbootstrap.servers = 127.0.0.1:9092\n");
	assert_contains(text, ":2\nlanes = 2\n");
	assert_contains(text, "# from environment CHECKOUT_LOG_FORMAT\nformat = text\n");
	assert_contains(text, "# from -X\ncreate = true\n");
	assert_contains(text, "[log]\n# from default\nlevel = info\n");
	assert_contains(text, "# from host name\ninstance = ");
	free(text);
	loaded_clear(&loaded);
}

/* What is printed reads back to the same. */
static void print__read_again__the_same(void **state)
{
	struct loaded first = load("[worker]\nlanes = 2\nreplies.allow = ^a$ ^b$\n[kafka]\nclient.id = x y\n",
							   LIST(BOOTSTRAP, "CHECKOUT_ADMIN_LISTEN="), LIST("topics.timestamps=stream"));
	char *text = text_of(&first.config, co_config_print), *again;
	struct loaded second = load(text, NONE, NONE);

	(void)state;
	assert_taken(&first);
	assert_taken(&second);
	assert_int_equal(second.config.lanes, 2);
	assert_int_equal(second.config.timestamps, CO_TIMESTAMPS_STREAM);
	assert_string_equal(second.config.replies_allow, "^a$ ^b$");
	assert_string_equal(second.config.admin_listen, "");
	assert_string_equal(co_config_kafka(&second.config, "client.id"), "x y");
	again = text_of(&second.config, co_config_print);
	assert_int_equal(count_lines(again), count_lines(text));

	free(again);
	free(text);
	loaded_clear(&first);
	loaded_clear(&second);
}

static const char *const secret_properties[] = {
	"sasl.password",
	"ssl.key.password",
	"ssl.keystore.password",
	"ssl.key.pem",
	"sasl.oauthbearer.client.secret",
	"sasl.oauthbearer.config",
};

static void print__secret_property__three_stars(void **state)
{
	const char *property = *state;
	char override[128], line[128];
	struct loaded loaded;
	char *text;

	snprintf(override, sizeof override, "kafka.%s=" PLANTED, property);
	snprintf(line, sizeof line, "\n%s = ***\n", property);
	loaded = load(NULL, LIST(BOOTSTRAP), LIST(override));
	assert_taken(&loaded);
	text = text_of(&loaded.config, co_config_print);

	assert_string_equal(co_config_kafka(&loaded.config, property), PLANTED);
	assert_contains(text, line);
	assert_lacks(text, PLANTED);
	free(text);
	loaded_clear(&loaded);
}

static void assert_url_printed(const char *url, const char *line)
{
	char override[256];
	struct loaded loaded;
	char *text;

	snprintf(override, sizeof override, "redis.url=%s", url);
	loaded = load(NULL, LIST(BOOTSTRAP), LIST(override));
	assert_taken(&loaded);
	text = text_of(&loaded.config, co_config_print);
	assert_contains(text, line);
	assert_lacks(text, PLANTED);
	free(text);
	loaded_clear(&loaded);
}

static void print__redis_url__without_the_password_alone(void **state)
{
	(void)state;
	assert_url_printed("redis://user:" PLANTED "@h:1/2", "\nurl = redis://user:***@h:1/2\n");
	assert_url_printed("redis://:" PLANTED "@h:1/2", "\nurl = redis://:***@h:1/2\n");
	assert_url_printed("redis://user:a:" PLANTED "@" PLANTED "@h", "\nurl = redis://user:***@h\n");
	assert_url_printed("redis://h:1/2", "\nurl = redis://h:1/2\n");
	assert_url_printed("unix:///run/a@b:c.sock", "\nurl = unix:///run/a@b:c.sock\n");
}

/* Whatever is wrong with it, a complaint shows no secret. */
static void complaint__about_a_secret__does_not_show_it(void **state)
{
	static const char *const overrides[] = {
		"redis.url=" PLANTED,
		"redis.url=rediss://u:" PLANTED "@h:1/0",
		"redis.url=redis://u:" PLANTED "@h:x/0",
		"redis.url=redis://u:" PLANTED "/0@h:1/0",
		"redis.url=redis://" PLANTED "@h:1/0",
		"redis.url:redis://u:" PLANTED "@h:1/0",
		"redis.ulr=redis://u:" PLANTED "@h:1/0",
		"sasl.password=" PLANTED,
		"kafka.SASL.password=" PLANTED,
		"auth.api.key=" PLANTED,
	};

	(void)state;
	for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
		struct loaded loaded = load(NULL, LIST(BOOTSTRAP), LIST(overrides[i]));
		assert_int_equal(loaded.status, CO_CONFIG);
		assert_int_equal(count_lines(loaded.complaints), 1);
		assert_lacks(loaded.complaints, PLANTED);
		loaded_clear(&loaded);
	}
	struct loaded loaded =
		load("[redis]\nurl redis://u:" PLANTED "@h\npasswd = " PLANTED "\n[kafka]\nsasl.password = a\n"
			 "sasl.password = " PLANTED "\n",
			 LIST(BOOTSTRAP, "CHECKOUT_REDIS_PASSWORD=" PLANTED), NONE);
	assert_int_equal(count_lines(loaded.complaints), 4);
	assert_lacks(loaded.complaints, PLANTED);
	loaded_clear(&loaded);
}

static void clear__twice__fine(void **state)
{
	struct loaded loaded = load(NULL, LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SASL_PASSWORD=" PLANTED), NONE);

	(void)state;
	assert_taken(&loaded);
	co_config_clear(&loaded.config);
	assert_null(loaded.config.redis_url);
	assert_null(co_config_kafka(&loaded.config, "sasl.password"));
	loaded_clear(&loaded);
}

/* Every row's key, environment name and sentence is in the documentation and the example. */
static void describe__every_row__told(void **state)
{
	char *document = text_of(NULL, print_describe), *example = text_of(NULL, print_example);
	static const struct {
		const char *section, *key;
	} rows[] = {
#define CO_SET_TEXT(field, s, k, d, form, sentence) {s, k},
#define CO_SET_INT(field, s, k, d, min, max, unit, sentence) {s, k},
#define CO_SET_BOOL(field, s, k, d, sentence) {s, k},
#define CO_SET_ENUM(field, s, k, d, choices, sentence) {s, k},
#include "checkout/tbl/settings.def"
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char named[128];
		snprintf(named, sizeof named, "CHECKOUT_%s_%s", rows[i].section, rows[i].key);
		for (char *at = named; *at; at++)
			*at = *at == '.' ? '_' : (char)toupper((unsigned char)*at);
		assert_contains(document, named);
		snprintf(named, sizeof named, "\n# %s =", rows[i].key);
		assert_contains(example, named);
		snprintf(named, sizeof named, "\n[%s]\n", rows[i].section);
		assert_contains(example, named);
	}
	assert_contains(document, "| `isolation.level` | ");
	assert_contains(document,
					"| `retention.seconds` | `86400` | 1 to 31536000 s | `CHECKOUT_WORKER_RETENTION_SECONDS` |");
	free(document);
	free(example);
}

/* The example is a configuration: as it stands, and with every line uncommented that sets a default. */
static void example__read__gives_the_defaults(void **state)
{
	char *example = text_of(NULL, print_example), *from = example, *to = example;
	struct loaded as_it_is = load(example, NONE, NONE), uncommented;

	(void)state;
	assert_taken(&as_it_is);
	assert_int_equal(as_it_is.config.batch_max_records, 1000);
	while (*from) {
		const char *end = strchr(from, '\n');
		const char *word_end = from + 2 + strspn(from + (from[0] == '#' ? 2 : 0), "abcdefghijklmnopqrstuvwxyz.");
		if (from[0] == '#' && strncmp(word_end, " =", 2) == 0)
			from += 2;
		memmove(to, from, (size_t)(end + 1 - from));
		to += end + 1 - from;
		from += end + 1 - from;
	}
	*to = '\0';
	uncommented = load(example, NONE, NONE);
	assert_taken(&uncommented);
	assert_string_equal(uncommented.config.source, as_it_is.config.source);
	assert_string_equal(co_config_kafka(&uncommented.config, "sasl.username"), "session-worker");
	assert_string_not_equal(uncommented.config.origin[CO_SETTING_source], "default");
	free(example);
	loaded_clear(&as_it_is);
	loaded_clear(&uncommented);
}

#define SECRETS (sizeof secret_properties / sizeof *secret_properties)

int main(void)
{
	struct CMUnitTest rows[SECRETS];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(print__values__with_their_sources),
		cmocka_unit_test(print__read_again__the_same),
		cmocka_unit_test(print__redis_url__without_the_password_alone),
		cmocka_unit_test(complaint__about_a_secret__does_not_show_it),
		cmocka_unit_test(clear__twice__fine),
		cmocka_unit_test(describe__every_row__told),
		cmocka_unit_test(example__read__gives_the_defaults),
	};

	for (size_t i = 0; i < SECRETS; i++)
		rows[i] = (struct CMUnitTest){secret_properties[i], print__secret_property__three_stars, NULL, NULL,
									  (void *)(uintptr_t)secret_properties[i]};
	return cmocka_run_group_tests(rows, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
