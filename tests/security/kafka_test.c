/* Kafka as it is in production: TLS, client certificates, SCRAM and PLAIN, against the real broker. What is right
 * works; what is wrong makes the worker wait and say so, and shows no secret (contract section 9). */
#include "secure.h"

#include "await.h"

#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct secure *secure;

#define WAITS_MS 6000

/* What a worker is told; "@" in a value stands for the folder of the certificates. */
struct row {
	const char *name;
	enum secure_listener listener;
	const char *overrides[8];
	const char *secret_file; /* NAME_FILE=… of this variable … */
	const char *secret;      /* … holds this, and nobody ever shows it */
	const char *says;        /* refused: what the log has to name */
};

static void start(const struct row *row, struct rig *rig)
{
	const char *overrides[9], *environment[2] = {NULL};
	char *made[9] = {NULL}, *variable = NULL;
	size_t count = 0;

	rig_open(rig, &secure->servers);
	for (; row->overrides[count]; count++) {
		const char *told = row->overrides[count], *at = strchr(told, '@');
		if (at)
			made[count] = co_tk_format("%.*s%s%s", (int)(at - told), told, secure->certificates, at + 1);
		overrides[count] = at ? made[count] : told;
	}
	overrides[count] = NULL;
	if (row->secret_file) {
		char *path = co_tk_format("%s/secret", co_tk_temp_dir());
		char *line = co_tk_format("%s\n", row->secret); /* as an editor leaves it */
		co_tk_write_file(path, line);
		environment[0] = variable = co_tk_format("%s_FILE=%s", row->secret_file, path);
		free(line);
		free(path);
	}
	secure_worker(secure, rig, row->listener, overrides, environment);
	free(variable);
	for (size_t i = 0; i < count; i++)
		free(made[i]);
}

static void create_is_answered(struct rig *rig)
{
	char sid[37];

	rig_session_id("secure", sid);
	rig_send(rig, sid, "create", "secure-1", NULL,
			 "{\"referenceId\":\"secure\",\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}");
	const struct co_tk_record *reply = rig_reply(rig, "secure-1", 60000);
	co_tk_check(reply, "no reply to the create");
	assert_true(co_tk_header_is(&reply->r, "checkout-status", "201"));
}

static void shows_no_secret(struct rig *rig, const char *secret)
{
	static const char *const pages[] = {"/", "/readyz", "/livez", "/startupz", "/metrics"};

	if (!secret)
		return;
	assert_false(secure_file_holds(rig->workers[0].log, secret));
	for (size_t i = 0; rig->workers[0].pid > 0 && i < sizeof(pages) / sizeof(*pages); i++) {
		char *body = NULL;
		assert_true(await_answer(&rig->workers[0], pages[i], &body) > 0);
		assert_null(strstr(body, secret));
		free(body);
	}
}

/* Reads, decides, answers; nothing of the secret anywhere. */
static void kafka__right_credentials__serves(void **state)
{
	const struct row *row = *state;
	struct rig rig;

	start(row, &rig);
	rig_wait_ready(&rig, 0);
	create_is_answered(&rig);
	shows_no_secret(&rig, row->secret);
	rig_close(&rig);
	shows_no_secret(&rig, row->secret);
}

/* After six seconds, and refusals that it told, it still runs, is alive but not ready, names the cause, and leaves when
 * asked to. */
static void kafka__wrong_credentials__waits_and_says_so(void **state)
{
	const struct row *row = *state;
	struct rig rig;
	char *body = NULL;

	start(row, &rig);
	co_tk_sleep_ms(WAITS_MS);
	await_log(&rig.workers[0], 0, "kafka.waiting", "");
	await_log(&rig.workers[0], 0, row->says, "");
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 0), -1);
	assert_int_equal(await_answer(&rig.workers[0], "/livez", NULL), 200);
	assert_int_equal(await_answer(&rig.workers[0], "/readyz", &body), 503);
	if (!strstr(body, "Kafka does not answer"))
		fail_msg("/readyz says: %s", body);
	free(body);
	shows_no_secret(&rig, row->secret);
	rig_close(&rig); /* SIGTERM, exit 0 */
	shows_no_secret(&rig, row->secret);
}

/* The password is put right on the broker's side, which starts again: nobody has to start the worker again. */
static void kafka__password_put_right_later__goes_on_by_itself(void **state)
{
	static const struct row row = {.listener = SECURE_SASL,
								   .overrides = {"kafka.security.protocol=SASL_SSL", "kafka.ssl.ca.location=@/ca.pem",
												 "kafka.sasl.mechanisms=PLAIN", "kafka.sasl.username=late"},
								   .secret_file = "CHECKOUT_KAFKA_SASL_PASSWORD",
								   .secret = "late-password-7d2e"};
	struct rig rig;

	(void)state;
	start(&row, &rig);
	co_tk_sleep_ms(WAITS_MS);
	await_log(&rig.workers[0], 0, "kafka.waiting", "");
	assert_int_equal(await_answer(&rig.workers[0], "/readyz", NULL), 503);
	co_tk_kafka_halt(&secure->servers.kafka);
	secure_broker(secure, "late-password-7d2e");
	rig_wait_ready(&rig, 0);
	create_is_answered(&rig);
	shows_no_secret(&rig, row.secret);
	rig_close(&rig);
}

/* SCRAM of librdkafka before 2.6.1 repeats its own nonce, which brokers since 3.7.2, 3.8.1 and 3.9 refuse as they would
 * a wrong password. With such a library the log has to say so, or somebody looks for the mistake in the password. */
static void kafka__right_scram_password__serves_or_names_the_library(void **state)
{
	static struct row row = {"scram",
							 SECURE_SASL,
							 {"kafka.security.protocol=SASL_SSL", "kafka.ssl.ca.location=@/ca.pem",
							  "kafka.sasl.mechanisms=SCRAM-SHA-512", "kafka.sasl.username=scram"},
							 "CHECKOUT_KAFKA_SASL_PASSWORD",
							 "scram-password-19ab",
							 "librdkafka before 2.6.1"};

	*state = &row;
	if (rd_kafka_version() >= 0x02060100)
		kafka__right_credentials__serves(state);
	else
		kafka__wrong_credentials__waits_and_says_so(state);
}

#define TLS "kafka.security.protocol=SSL"
#define SASL "kafka.security.protocol=SASL_SSL"
#define CA "kafka.ssl.ca.location=@/ca.pem"
#define CLIENT "kafka.ssl.certificate.location=@/client.pem", "kafka.ssl.key.location=@/client.key"
#define SCRAM "kafka.sasl.mechanisms=SCRAM-SHA-512", "kafka.sasl.username=scram"
#define PLAIN "kafka.sasl.mechanisms=PLAIN", "kafka.sasl.username=plain"
#define SASL_PASSWORD "CHECKOUT_KAFKA_SASL_PASSWORD"
#define KEY_PASSWORD "CHECKOUT_KAFKA_SSL_KEY_PASSWORD"

/* The secret of the client's key is made at run time. */
static struct row right[] = {
	{"tls", SECURE_TLS, {TLS, CA}, NULL, NULL, NULL},
	{"mutual_tls_with_encrypted_key", SECURE_MTLS, {TLS, CA, CLIENT}, KEY_PASSWORD, NULL, NULL},
	{"plain_over_tls", SECURE_SASL, {SASL, CA, PLAIN}, SASL_PASSWORD, "plain-password", NULL},
};

static struct row wrong[] = {
	{"unknown_authority", SECURE_TLS, {TLS, "kafka.ssl.ca.location=@/other-ca.pem"}, NULL, NULL, "certificate verify"},
	{"certificate_of_another_host", SECURE_MISNAMED, {TLS, CA}, NULL, NULL, "certificate verify"},
	{"plain_text_to_a_tls_port", SECURE_TLS, {"kafka.security.protocol=PLAINTEXT"}, NULL, NULL, "kafka.error"},

	{"no_client_certificate", SECURE_MTLS, {TLS, CA}, NULL, NULL, "SSL"},
	{"client_certificate_of_an_unknown_authority",
	 SECURE_MTLS,
	 {TLS, CA, "kafka.ssl.certificate.location=@/stranger.pem", "kafka.ssl.key.location=@/stranger.key"},
	 NULL,
	 NULL,
	 "SSL"},
	{"scram_wrong_password", SECURE_SASL, {SASL, CA, SCRAM}, SASL_PASSWORD, "wrong-password-55c1", "uthentication"},
	{"scram_unknown_user",
	 SECURE_SASL,
	 {SASL, CA, "kafka.sasl.mechanisms=SCRAM-SHA-512", "kafka.sasl.username=nobody"},
	 SASL_PASSWORD,
	 "scram-password-19ab",
	 "uthentication"},
	{"plain_wrong_password", SECURE_SASL, {SASL, CA, PLAIN}, SASL_PASSWORD, "wrong-password-90f3", "uthentication"},
};

static int setup(void **state)
{
	(void)state;
	secure = secure_start();
	secure_scram(secure, "scram", "scram-password-19ab");
	char *path = co_tk_format("%s/client.password", secure->certificates);
	char *password = co_tk_read_file(path, NULL);
	password[strcspn(password, "\n")] = '\0';
	right[1].secret = password;
	free(path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	secure_stop(secure);
	return 0;
}

int main(void)
{
	enum { RIGHT = sizeof(right) / sizeof(*right), WRONG = sizeof(wrong) / sizeof(*wrong) };
	struct CMUnitTest tests[RIGHT + WRONG + 2];
	char names[RIGHT + WRONG][128];

	for (size_t i = 0; i < RIGHT; i++) {
		snprintf(names[i], sizeof(names[i]), "kafka__%s__serves", right[i].name);
		tests[i] = (struct CMUnitTest){names[i], kafka__right_credentials__serves, NULL, NULL, &right[i]};
	}
	for (size_t i = 0; i < WRONG; i++) {
		char *name = names[RIGHT + i];
		snprintf(name, sizeof(names[0]), "kafka__%s__waits_and_says_so", wrong[i].name);
		tests[RIGHT + i] =
			(struct CMUnitTest){name, kafka__wrong_credentials__waits_and_says_so, NULL, NULL, &wrong[i]};
	}
	tests[RIGHT + WRONG] =
		(struct CMUnitTest)cmocka_unit_test(kafka__right_scram_password__serves_or_names_the_library);
	/* The last, as it starts the broker anew. */
	tests[RIGHT + WRONG + 1] = (struct CMUnitTest)cmocka_unit_test(kafka__password_put_right_later__goes_on_by_itself);
	return cmocka_run_group_tests(tests, setup, teardown);
}
