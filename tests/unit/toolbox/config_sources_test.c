/* Where values come from: precedence, the file's form, environment names, _FILE, unknown and double names, [kafka]. */
#include "toolbox.h"

static void precedence__all_sources__override_wins(void **state)
{
	struct loaded loaded = load("[worker]\nlanes = 2\n", LIST(BOOTSTRAP, "CHECKOUT_WORKER_LANES=3"),
								LIST("worker.lanes=4", "worker.lanes=5"));

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.lanes, 5);
	loaded_clear(&loaded);
}

static void precedence__file_and_environment__environment_wins(void **state)
{
	struct loaded loaded = load("[worker]\nlanes = 2\n", LIST(BOOTSTRAP, "CHECKOUT_WORKER_LANES=3"), NONE);

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.lanes, 3);
	loaded_clear(&loaded);
}

static void precedence__file_alone__beats_default(void **state)
{
	struct loaded loaded = load("[worker]\nlanes = 2\n", LIST(BOOTSTRAP), NONE);

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.lanes, 2);
	assert_int_equal(loaded.config.batch_max_records, 1000);
	loaded_clear(&loaded);
}

/* Only the value that counts is judged. */
static void precedence__bad_value_overridden__taken(void **state)
{
	struct loaded loaded = load("[worker]\nlanes = 0\n", LIST(BOOTSTRAP, "CHECKOUT_WORKER_LANES=3"), NONE);

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.lanes, 3);
	loaded_clear(&loaded);
}

static void file__comments_blanks_and_colons__read(void **state)
{
	struct loaded loaded = load("\xEF\xBB\xBF# c\n; c\r\n\n  [worker]  \r\n\tlanes=2\r\n  source = /a ; b # c = d\n"
								"[kafka]\nbootstrap.servers = h:1\n[worker]\ngroup : g",
								NONE, NONE);

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.lanes, 2);
	assert_string_equal(loaded.config.source, "/a ; b # c = d");
	assert_string_equal(loaded.config.group, "g");
	assert_string_equal(co_config_kafka(&loaded.config, "bootstrap.servers"), "h:1");
	assert_null(co_config_kafka(&loaded.config, "client.id"));
	loaded_clear(&loaded);
}

static void file__long_value__whole(void **state)
{
	char *text = malloc(70000);
	struct loaded loaded;

	(void)state;
	snprintf(text, 70000, "[kafka]\nssl.ca.pem = ");
	memset(text + strlen(text), 'x', 60000);
	text[21 + 60000] = '\0';
	loaded = load(text, LIST(BOOTSTRAP), NONE);
	free(text);

	assert_taken(&loaded);
	assert_int_equal(strlen(co_config_kafka(&loaded.config, "ssl.ca.pem")), 60000);
	loaded_clear(&loaded);
}

struct bad_file {
	const char *label, *text;
	const char *parts[4];
};
static const struct bad_file bad_files[] = {
	{"unknown key", "[worker]\nlane = 2\n", {"worker.lane (", ":2): no such key; the nearest is worker.lanes"}},
	{"key like none", "[worker]\nx = 1\n", {"worker.x (", ":2): no such key; the nearest is "}},
	{"right key, wrong section", "[redis]\nretention.seconds = 5\n", {"the nearest is worker.retention.seconds"}},
	{"unknown section", "[wrker]\nlanes = 2\n", {"wrker.lanes (", ":2): no such section", "worker.lanes"}},
	{"unknown empty section", "[wrker]\n[worker]\n", {"wrker (", ":1): no such section; allowed are kafka, worker"}},
	{"unknown last section", "\n[wrker]", {"wrker (", ":2): no such section"}},
	{"no section", "lanes = 2\n", {"lanes (", ":1): stands before any section"}},
	{"no equals sign", "[worker]\nlanes 2\n", {":2: allowed: [section], key = value, or a comment"}},
	{"section that does not close", "[worker]\n[redis\n", {":2: the section has no `]`"}},
	{"comment behind a section", "[worker] # c\n", {":1: more follows the section's `]`"}},
	{"comment behind a value",
	 "[worker]\nlanes = 2 ; two\n",
	 {"worker.lanes (", ":2): \"2 ; two\" is no whole number"}},
	{"key twice", "[worker]\nlanes = 2\n\nlanes = 2\n", {"worker.lanes (", ":4): given twice, first by ", ":2;"}},
	{"property twice", "[kafka]\nclient.id = a\nclient.id = b\n", {"kafka.client.id (", ":3): given twice"}},
	{"property in capitals", "[kafka]\nClient.id = a\n", {"kafka.Client.id (", ":2): no such key"}},
	{"out of range", "[worker]\nlanes = 65\n", {"worker.lanes (", ":2): \"65\" is out of range; allowed: 1 to 64"}},
};

static void file__with_a_mistake__refused_by_line(void **state)
{
	const struct bad_file *bad = *state;

	assert_refused(load(bad->text, LIST(BOOTSTRAP), NONE), bad->parts);
}

static void file__many_mistakes__one_line_each(void **state)
{
	struct loaded loaded = load("junk\n[worker]\nlanes = 0\nmore junk\nbatch.max.ms = 1001\nlens = 2\n",
								LIST("CHECKOUT_LOG_LEVEL=loud"), LIST("topics.create=yes", "nothing"));

	(void)state;
	assert_int_equal(loaded.status, CO_CONFIG);
	assert_contains(loaded.complaints, ":1: allowed");
	assert_contains(loaded.complaints, "worker.lanes (");
	assert_contains(loaded.complaints, ":4: allowed");
	assert_contains(loaded.complaints, "worker.batch.max.ms (");
	assert_contains(loaded.complaints, "worker.lens (");
	assert_contains(
		loaded.complaints,
		"log.level (environment CHECKOUT_LOG_LEVEL): \"loud\" is none of the choices; allowed: debug, info, "
		"notice or error");
	assert_contains(loaded.complaints, "topics.create (-X): \"yes\" is neither true nor false");
	assert_contains(loaded.complaints, "-X number 2: allowed is section.key=value");
	assert_contains(loaded.complaints, "kafka.bootstrap.servers (given nowhere): required");
	assert_int_equal(count_lines(loaded.complaints), 9);
	loaded_clear(&loaded);
}

static void file__missing__refused(void **state)
{
	(void)state;
	assert_refused(load_path("/nowhere/worker.conf", LIST(BOOTSTRAP), NONE),
				   LIST("/nowhere/worker.conf (--config): cannot be read: No such file or directory; allowed: "));
}

static void file__is_a_folder__refused(void **state)
{
	(void)state;
	assert_refused(load_path("/tmp", LIST(BOOTSTRAP), NONE), LIST("/tmp (--config): cannot be read: Is a directory"));
}

static void file__with_a_nul__refused(void **state)
{
	char path[64];

	(void)state;
	file_make(path, "[worker]\0", 9);
	assert_refused(load_path(path, LIST(BOOTSTRAP), NONE), LIST("(--config): holds a NUL byte"));
	unlink(path);
}

static void file__line_too_long__refused(void **state)
{
	char *text = malloc(70001);

	(void)state;
	memset(text, '#', 70000);
	text[70000] = '\0';
	assert_refused(load(text, LIST(BOOTSTRAP), NONE), LIST(":1: the line is too long"));
	free(text);
}

static void environment__unknown__nearest_named(void **state)
{
	(void)state;
	assert_refused(load(NULL, LIST(BOOTSTRAP, "CHECKOUT_WORKER_LANE=2"), NONE),
				   LIST("CHECKOUT_WORKER_LANE (environment): no such setting; the nearest is CHECKOUT_WORKER_LANES"));
	assert_refused(load(NULL, LIST(BOOTSTRAP, "CHECKOUT_REDIS_ULR=x"), NONE),
				   LIST("the nearest is CHECKOUT_REDIS_URL"));
	assert_refused(load(NULL, LIST(BOOTSTRAP, "CHECKOUT_=x"), NONE), LIST("CHECKOUT_ (environment): no such setting"));
	/* _FILE is for secrets alone. */
	assert_refused(
		load(NULL, LIST(BOOTSTRAP, "CHECKOUT_WORKER_LANES_FILE=/x"), NONE),
		LIST("CHECKOUT_WORKER_LANES_FILE (environment): no such setting; the nearest is CHECKOUT_WORKER_LANES"));
}

static void environment__of_others__not_looked_at(void **state)
{
	struct loaded loaded = load(NULL, LIST(BOOTSTRAP, "PATH=/bin", "CHECKOUT", "checkout_x=1", "XCHECKOUT_Y=1"), NONE);

	(void)state;
	assert_taken(&loaded);
	loaded_clear(&loaded);
}

static void environment__kafka_names__mapped(void **state)
{
	struct loaded loaded = load(NULL,
								LIST("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=h:1", "CHECKOUT_KAFKA_LOG_LEVEL=3",
									 "CHECKOUT_KAFKA_ENABLE_SSL_CERTIFICATE_VERIFICATION=true",
									 "CHECKOUT_KAFKA_SECURITY_PROTOCOL=SASL_SSL"),
								NONE);

	(void)state;
	assert_taken(&loaded);
	assert_int_equal(loaded.config.kafka_count, 4);
	assert_string_equal(co_config_kafka(&loaded.config, "log_level"), "3");
	assert_string_equal(co_config_kafka(&loaded.config, "enable.ssl.certificate.verification"), "true");
	assert_string_equal(co_config_kafka(&loaded.config, "security.protocol"), "SASL_SSL");
	loaded_clear(&loaded);
}

static void environment__secret_files__read_less_line_ends(void **state)
{
	char redis[64], sasl[64], redis_variable[128], sasl_variable[128];
	struct loaded loaded;

	(void)state;
	file_make(redis, "redis://:p@h:1/2\r\n\n", 19);
	file_make(sasl, " pass word \n", 12);
	snprintf(redis_variable, sizeof redis_variable, "CHECKOUT_REDIS_URL_FILE=%s", redis);
	snprintf(sasl_variable, sizeof sasl_variable, "CHECKOUT_KAFKA_SASL_PASSWORD_FILE=%s", sasl);
	loaded = load("[redis]\nurl = redis://other:1/0\n", LIST(BOOTSTRAP, redis_variable, sasl_variable), NONE);
	unlink(redis);
	unlink(sasl);

	assert_taken(&loaded);
	assert_string_equal(loaded.config.redis_url, "redis://:p@h:1/2");
	assert_string_equal(co_config_kafka(&loaded.config, "sasl.password"), " pass word ");
	loaded_clear(&loaded);
}

static void environment__secret_file_missing__refused(void **state)
{
	(void)state;
	assert_refused(
		load(NULL, LIST(BOOTSTRAP, "CHECKOUT_REDIS_URL_FILE=/nowhere/url"), NONE),
		LIST("redis.url (environment CHECKOUT_REDIS_URL_FILE): the file it names cannot be read: No such file"));
	assert_refused(
		load(NULL, LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SSL_KEY_PASSWORD_FILE=/nowhere/key"), NONE),
		LIST("kafka.ssl.key.password (environment CHECKOUT_KAFKA_SSL_KEY_PASSWORD_FILE): the file it names"));
}

static void environment__secret_and_its_file__refused(void **state)
{
	char path[64], variable[128];

	(void)state;
	file_make(path, "b", 1);
	snprintf(variable, sizeof variable, "CHECKOUT_KAFKA_SASL_PASSWORD_FILE=%s", path);
	assert_refused(load(NULL, LIST(BOOTSTRAP, "CHECKOUT_KAFKA_SASL_PASSWORD=a", variable), NONE),
				   LIST("kafka.sasl.password (environment CHECKOUT_KAFKA_SASL_PASSWORD_FILE): given twice, first by "
						"environment CHECKOUT_KAFKA_SASL_PASSWORD;"));
	unlink(path);
}

static void override__malformed__refused(void **state)
{
	(void)state;
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST("worker.lanes")),
				   LIST("-X number 1: allowed is section.key=value"));
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST("lanes=2")), LIST("lanes (-X): no section", "worker.lanes"));
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST("wrk.lanes=2")), LIST("wrk.lanes (-X): no such section"));
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST("worker.lnes=2")), LIST("worker.lnes (-X): no such key"));
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST("worker.a\nb=2")), LIST("worker.a?b (-X): no such key"));
}

static void kafka__bootstrap_servers__required(void **state)
{
	(void)state;
	assert_refused(load("[kafka]\nclient.id = a\n", NONE, NONE),
				   LIST("kafka.bootstrap.servers (given nowhere): required"));
	assert_refused(load(NULL, LIST("CHECKOUT_KAFKA_BOOTSTRAP_SERVERS="), NONE),
				   LIST("kafka.bootstrap.servers (environment CHECKOUT_KAFKA_BOOTSTRAP_SERVERS): is empty"));
}

static void kafka__property_not_taken_by_the_library__told_with_its_source(void **state)
{
	struct loaded loaded = load("[kafka]\n\nfetch.mni.bytes = 1\n", LIST(BOOTSTRAP), NONE);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_taken(&loaded);
	co_config_complain_kafka(&loaded.config, "fetch.mni.bytes", "No such configuration property", out);
	fclose(out);
	assert_contains(text, "kafka.fetch.mni.bytes (/tmp/toolbox-test-");
	assert_contains(text, ":3): No such configuration property\n");
	free(text);
	loaded_clear(&loaded);
}

struct guarded {
	const char *property;
	bool for_delivery;
};
static const struct guarded guarded[] = {
	{"enable.auto.commit", true},
	{"enable.auto.offset.store", true},
	{"auto.commit.enable", true},
	{"offset.store.method", true},
	{"isolation.level", true},
	{"enable.idempotence", true},
	{"acks", true},
	{"request.required.acks", true},
	{"transactional.id", true},
	{"transaction.timeout.ms", true},
	{"group.id", true},
	{"group.instance.id", true},
	{"max.in.flight", true},
	{"max.in.flight.requests.per.connection", true},
	{"partition.assignment.strategy", true},
	{"enable.partition.eof", true},
	{"auto.offset.reset", true},
	{"partitioner", true},
	{"queuing.strategy", true},
	{"delivery.report.only.error", true},
	{"test.mock.num.brokers", true},
	{"metadata.broker.list", false},
	{"enabled_events", false},
	{"dr_msg_cb", false},
	{"ssl_key", false},
	{"group.protocol", true},
};

static void kafka__guarded_property__refused_with_the_reason(void **state)
{
	const struct guarded *row = *state;
	char text[128], name[128];

	snprintf(text, sizeof text, "kafka.%s=1", row->property);
	snprintf(name, sizeof name, "kafka.%s (-X): may not be set%s: ", row->property,
			 row->for_delivery ? ", the delivery guarantees depend on it" : "");
	assert_refused(load(NULL, LIST(BOOTSTRAP), LIST(text)), LIST(name, "; allowed: leave it out"));
}

/* Their neighbours are passed through. */
static void kafka__neighbours_of_guarded__taken(void **state)
{
	struct loaded loaded =
		load(NULL, LIST(BOOTSTRAP), LIST("kafka.client.id=a", "kafka.session.timeout.ms=6000", "kafka.linger.ms=1"));

	(void)state;
	assert_taken(&loaded);
	assert_string_equal(co_config_kafka(&loaded.config, "linger.ms"), "1");
	loaded_clear(&loaded);
}

static void complain__about_a_setting__told_with_its_source(void **state)
{
	struct loaded loaded = load(NULL, LIST(BOOTSTRAP, "CHECKOUT_ADMIN_LISTEN=127.0.0.1:1"), NONE);
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	assert_taken(&loaded);
	co_config_complain(&loaded.config, CO_SETTING_admin_listen, "cannot listen\nthere", out);
	fclose(out);
	assert_string_equal(text, "admin.listen (environment CHECKOUT_ADMIN_LISTEN): cannot listen?there\n");
	free(text);
	loaded_clear(&loaded);
}

#define FILES (sizeof bad_files / sizeof *bad_files)
#define GUARDED (sizeof guarded / sizeof *guarded)

int main(void)
{
	struct CMUnitTest rows[FILES + GUARDED];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(precedence__all_sources__override_wins),
		cmocka_unit_test(precedence__file_and_environment__environment_wins),
		cmocka_unit_test(precedence__file_alone__beats_default),
		cmocka_unit_test(precedence__bad_value_overridden__taken),
		cmocka_unit_test(file__comments_blanks_and_colons__read),
		cmocka_unit_test(file__long_value__whole),
		cmocka_unit_test(file__many_mistakes__one_line_each),
		cmocka_unit_test(file__missing__refused),
		cmocka_unit_test(file__is_a_folder__refused),
		cmocka_unit_test(file__with_a_nul__refused),
		cmocka_unit_test(file__line_too_long__refused),
		cmocka_unit_test(environment__unknown__nearest_named),
		cmocka_unit_test(environment__of_others__not_looked_at),
		cmocka_unit_test(environment__kafka_names__mapped),
		cmocka_unit_test(environment__secret_files__read_less_line_ends),
		cmocka_unit_test(environment__secret_file_missing__refused),
		cmocka_unit_test(environment__secret_and_its_file__refused),
		cmocka_unit_test(override__malformed__refused),
		cmocka_unit_test(kafka__bootstrap_servers__required),
		cmocka_unit_test(kafka__neighbours_of_guarded__taken),
		cmocka_unit_test(complain__about_a_setting__told_with_its_source),
		cmocka_unit_test(kafka__property_not_taken_by_the_library__told_with_its_source),
	};

	for (size_t i = 0; i < FILES; i++)
		rows[i] = (struct CMUnitTest){bad_files[i].label, file__with_a_mistake__refused_by_line, NULL, NULL,
									  (void *)(uintptr_t)&bad_files[i]};
	for (size_t i = 0; i < GUARDED; i++)
		rows[FILES + i] = (struct CMUnitTest){guarded[i].property, kafka__guarded_property__refused_with_the_reason,
											  NULL, NULL, (void *)(uintptr_t)&guarded[i]};
	return cmocka_run_group_tests(rows, NULL, NULL) + cmocka_run_group_tests(tests, NULL, NULL);
}
