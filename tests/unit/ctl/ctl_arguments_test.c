/* What the command line refuses: exit 2, one line that names the option and what is allowed. No server is asked. */
#include "ctl_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SESSION "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"
#define WORDS_MAX 10

struct refusal {
	const char *name;
	const char *words[WORDS_MAX];
	const char *diagnosis;
};

static const struct refusal refusals[] = {
	{"no_such_verb", {"sned"}, "checkoutctl: sned is no verb"},
	{"send__no_command", {"send"}, "send: one command of create get"},
	{"send__no_such_command", {"send", "created"}, "validate is wanted, not created"},
	{"send__two_commands", {"send", "get", "cancel"}, "one command of create get"},
	{"send__unknown_option", {"send", "get", "--sesion", SESSION}, "send: --sesion is no option"},
	{"send__single_dash", {"send", "get", "-s", SESSION}, "send: -s is no option"},
	{"send__option_without_value", {"send", "get", "--session"}, "--session needs a value: UUID"},
	{"send__flag_with_value", {"send", "get", "--json=yes"}, "--json takes no value"},
	{"send__session_one_digit_short",
	 {"send", "get", "--session", "c16611af-3058-52c9-a2d2-fd3c2a77d3b"},
	 "--session c16611af-3058-52c9-a2d2-fd3c2a77d3b: a UUID is wanted"},
	{"send__merchant_no_uuid", {"send", "create", "--merchant", "acme"}, "--merchant acme: a UUID is wanted"},
	{"send__amount_fraction", {"send", "create", "--amount", "1.5"}, "--amount 1.5: a whole number"},
	{"send__amount_empty", {"send", "create", "--amount", ""}, "--amount : a whole number"},
	{"send__amount_beyond_int64", {"send", "create", "--amount", "9223372036854775808"}, "a whole number from -92233"},
	{"send__capture_maybe", {"send", "create", "--capture", "maybe"}, "--capture maybe: one of true|false is wanted"},
	{"send__capture_prefix_of_a_choice", {"send", "create", "--capture", "tru"}, "one of true|false is wanted"},
	{"send__capture_empty", {"send", "create", "--capture", ""}, "one of true|false is wanted"},
	{"send__not_utf8", {"send", "create", "--reference", "\xff"}, "--reference: the value is not UTF-8"},
	{"send__get_without_session", {"send", "get"}, "send: get needs --session UUID (or --reference"},
	{"send__session_and_reference",
	 {"send", "get", "--session", SESSION, "--reference", "r"},
	 "--session and --reference name the same thing"},
	{"send__amount_of_a_get", {"send", "get", "--session", SESSION, "--amount", "1"}, "--amount means nothing to get"},
	{"send__ttl_of_a_cancel", {"send", "cancel", "--session", SESSION, "--ttl", "60"}, "--ttl means nothing to cancel"},
	{"send__reason_of_a_create", {"send", "create", "--reason", "r"}, "--reason means nothing to create"},
	{"send__code_of_a_cancel", {"send", "cancel", "--session", SESSION, "--code", "9300007"}, "--code means nothing"},
	{"send__data_and_amount", {"send", "create", "--data", "-", "--amount", "1"}, "--amount and --data"},
	{"send__data_and_reference", {"send", "create", "--data", "-", "--reference", "r"}, "--reference and --data"},
	{"send__update_without_status",
	 {"send", "payment_update", "--session", SESSION},
	 "payment_update needs --transaction-status"},
	{"send__timestamp_no_time", {"send", "create", "--timestamp", "yesterday"}, "--timestamp yesterday: milliseconds"},
	{"send__timestamp_zero", {"send", "create", "--timestamp", "0"}, "--timestamp 0: milliseconds"},
	{"send__partition_negative", {"send", "create", "--partition", "-1"}, "from 0 to 2147483647"},
	{"send__timeout_zero", {"send", "create", "--timeout", "0"}, "--timeout 0: a whole number from 1 to 86400"},
	{"send__data_file_missing", {"send", "create", "--data", "/nonexistent/f"}, "/nonexistent/f: No such file"},
	{"send__token_file_missing", {"send", "create", "--token-file", "/nonexistent/f"}, "/nonexistent/f: No such file"},
	{"send__no_brokers",
	 {"send", "create"},
	 "which brokers? Give --bootstrap HOST:PORT or CHECKOUT_KAFKA_BOOTSTRAP_SERVERS"},
	{"send__unknown_property",
	 {"send", "create", "--bootstrap", "h:1", "-X", "nonsense=1"},
	 "-X: No such configuration"},
	{"send__property_without_value",
	 {"send", "create", "--bootstrap", "h:1", "-X", "client.id"},
	 "NAME=VALUE is wanted"},
	{"send__secret_property",
	 {"send", "create", "--bootstrap", "h:1", "-X", "sasl.password=hunter2"},
	 "-X sasl.password: a secret is not for the command line"},
	{"send__secret_property_as_the_worker_spells_it",
	 {"send", "create", "--bootstrap", "h:1", "-X", "kafka.ssl.key.password=hunter2"},
	 "-X ssl.key.password: a secret is not for the command line"},
	{"watch__from_middle", {"watch", "--from", "middle"}, "--from middle: one of beginning|end is wanted"},
	{"watch__count_zero", {"watch", "--count", "0"}, "--count 0: a whole number from 1"},
	{"watch__stray_word", {"watch", "events"}, "watch: what is events?"},
	{"topics__partitions_zero", {"topics", "--partitions", "0"}, "--partitions 0: a whole number from 1 to 10000"},
	{"topics__partitions_10001", {"topics", "--partitions", "10001"}, "--partitions 10001: a whole number"},
	{"topics__timestamps_never", {"topics", "--timestamps", "never"}, "one of append|stream is wanted"},
	{"describe__no_session", {"describe"}, "describe: one session id (a UUID) is wanted"},
	{"describe__no_uuid", {"describe", "order-1"}, "describe: one session id (a UUID) is wanted"},
	{"describe__password_in_the_url",
	 {"describe", SESSION, "--bootstrap", "h:1", "--redis", "redis://u:hunter2@h/0"},
	 "a URL with a password is not for the command line"},
	{"describe__no_redis_in_the_environment",
	 {"describe", SESSION, "--bootstrap", "h:1", "--redis", "env"},
	 "--redis env: CHECKOUT_REDIS_URL is not set"},
	{"dlq__nothing_asked", {"dlq"}, "dlq: one of list resend value is wanted"},
	{"dlq__no_such_word", {"dlq", "lists"}, "dlq: one of list resend value is wanted, not lists"},
	{"dlq__list_with_a_place", {"dlq", "list", "0:1"}, "dlq: what is 0:1? list takes no places"},
	{"dlq__list_of_none", {"dlq", "list", "--count", "0"}, "--count 0: a whole number from 1"},
	{"dlq__list_since_no_time", {"dlq", "list", "--since", "yesterday"}, "--since yesterday: milliseconds"},
	{"dlq__list_since_beyond_int64", {"dlq", "list", "--since", "9223372036854775808"}, "--since 9223372036854775808"},
	{"dlq__list_forced", {"dlq", "list", "--force"}, "dlq: --force means nothing to list"},
	{"dlq__resend_of_a_count", {"dlq", "resend", "--all", "--count", "1"}, "--count means nothing to resend"},
	{"dlq__resend_which", {"dlq", "resend"}, "dlq: resend: which? Give PARTITION:OFFSET, one or more, or else --all"},
	{"dlq__resend_both", {"dlq", "resend", "0:1", "--all"}, "dlq: resend: which?"},
	{"dlq__place_without_offset", {"dlq", "resend", "0"}, "dlq: 0: PARTITION:OFFSET of the dlq is wanted"},
	{"dlq__place_with_empty_offset", {"dlq", "resend", "0:"}, "dlq: 0:: PARTITION:OFFSET"},
	{"dlq__place_with_empty_partition", {"dlq", "resend", ":1"}, "dlq: :1: PARTITION:OFFSET"},
	{"dlq__place_with_a_sign", {"dlq", "resend", "0:-1"}, "dlq: 0:-1: PARTITION:OFFSET"},
	{"dlq__place_with_a_tail", {"dlq", "resend", "0:1x"}, "dlq: 0:1x: PARTITION:OFFSET"},
	{"dlq__place_beyond_int32", {"dlq", "resend", "2147483648:0"}, "dlq: 2147483648:0: PARTITION:OFFSET"},
	{"dlq__place_beyond_int64", {"dlq", "resend", "0:9223372036854775808"}, "0:9223372036854775808: PARTITION:OFFSET"},
	{"dlq__second_place_wrong", {"dlq", "resend", "0:1", "0/2"}, "dlq: 0/2: PARTITION:OFFSET"},
	{"dlq__reason_of_a_place", {"dlq", "resend", "0:1", "--reason", "not_json"}, "--reason chooses among --all"},
	{"dlq__since_of_a_place", {"dlq", "resend", "0:1", "--since", "1"}, "dlq: --since chooses among --all"},
	{"dlq__value_for_all", {"dlq", "resend", "--all", "--value", "-"}, "dlq: --value: a value is for one record"},
	{"dlq__value_for_two", {"dlq", "resend", "0:1", "0:2", "--value", "-"}, "--value: a value is for one record"},
	{"dlq__id_for_two", {"dlq", "resend", "0:1", "0:2", "--header", "CE_ID=x"}, "--header ce_id: an id is for one"},
	{"dlq__id_for_all", {"dlq", "resend", "--all", "--header", "ce_id=x"}, "--header ce_id: an id is for one record"},
	{"dlq__header_without_value", {"dlq", "resend", "0:1", "--header", "a"}, "dlq: --header: NAME=VALUE is wanted"},
	{"dlq__header_without_name", {"dlq", "resend", "0:1", "--header", "=a"}, "dlq: --header: NAME=VALUE is wanted"},
	{"dlq__credential_as_a_header",
	 {"dlq", "resend", "0:1", "--header", "Authorization=Bearer hunter2"},
	 "a credential is not for the command line; --token-file and --api-key-file"},
	{"dlq__key_as_a_header",
	 {"dlq", "resend", "0:1", "--header", "x-api-key=hunter2"},
	 "a credential is not for the command line"},
	{"dlq__token_file_missing",
	 {"dlq", "resend", "0:1", "--token-file", "/nonexistent/f"},
	 "dlq: /nonexistent/f: No such file"},
	{"dlq__value_file_missing", {"dlq", "resend", "0:1", "--value", "/nonexistent/f"}, "/nonexistent/f: No such file"},
	{"dlq__value_of_two", {"dlq", "value", "0:1", "0:2"}, "dlq: value: one PARTITION:OFFSET is wanted"},
	{"dlq__value_of_none", {"dlq", "value"}, "dlq: value: one PARTITION:OFFSET is wanted"},
	{"dlq__value_as_json", {"dlq", "value", "0:1", "--json"}, "dlq: --json means nothing to value"},
	{"dlq__no_brokers", {"dlq", "list"}, "dlq: which brokers?"},
	{"demo__stray_word", {"demo", "fast"}, "demo: what is fast?"},
};
#define REFUSAL_COUNT (sizeof(refusals) / sizeof(refusals[0]))

static struct ctl_said say_words(const char *const *words)
{
	char *w[WORDS_MAX];

	memcpy(w, words, sizeof(w));
	return ctl_say(NULL, w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], NULL);
}

static void arguments__refused__exit_2_and_one_line(void **state)
{
	const struct refusal *refusal = *state;
	struct ctl_said said = say_words(refusal->words);

	if (!strstr(said.err, refusal->diagnosis))
		fail_msg("said: %s", said.err);
	assert_int_equal(said.code, CTL_USAGE);
	assert_string_equal(said.out, "");
	assert_ptr_equal(strchr(said.err, '\n'), said.err + strlen(said.err) - 1);
	assert_null(strstr(said.err, "hunter2"));
	ctl_said_clear(&said);
}

static void help__of_all_and_each__exit_0(void **state)
{
	static char *const verbs[] = {"send", "watch", "topics", "describe", "dlq", "demo"};
	struct ctl_said said = ctl_say(NULL, "--help", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	for (size_t i = 0; i < 6; i++) {
		struct ctl_said one = ctl_say(NULL, verbs[i], "--help", NULL);

		assert_non_null(strstr(said.out, verbs[i]));
		assert_int_equal(one.code, CTL_OK);
		assert_non_null(strstr(one.out, "usage: checkoutctl "));
		assert_non_null(strstr(one.out, "--help"));
		ctl_said_clear(&one);
	}
	ctl_said_clear(&said);
}

static void nothing_said__help_on_the_error_stream__exit_2(void **state)
{
	struct ctl_said said = ctl_say(NULL, NULL);

	(void)state;
	assert_int_equal(said.code, CTL_USAGE);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "usage: checkoutctl VERB"));
	ctl_said_clear(&said);
}

static void version__one_line(void **state)
{
	struct ctl_said said = ctl_say(NULL, "--version", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_OK);
	assert_int_equal(strncmp(said.out, "checkoutctl ", 12), 0);
	assert_non_null(strchr(said.out + 12, '.'));
	ctl_said_clear(&said);
}

/* The environment is read as the worker's: names of properties, secrets from files, and its mistakes are told. */
static void environment__unknown_property__named(void **state)
{
	char *environment[] = {"CHECKOUT_KAFKA_NONSENSE=1", NULL};
	struct ctl_said said = ctl_say(environment, "send", "create", "--bootstrap", "h:1", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_USAGE);
	assert_non_null(strstr(said.err, "CHECKOUT_KAFKA_NONSENSE: No such configuration property"));
	ctl_said_clear(&said);
}

static void environment__secret_file_missing__named(void **state)
{
	char *environment[] = {"CHECKOUT_KAFKA_SASL_PASSWORD_FILE=/nonexistent/p", NULL};
	struct ctl_said said = ctl_say(environment, "send", "create", "--bootstrap", "h:1", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_USAGE);
	assert_non_null(strstr(said.err, "CHECKOUT_KAFKA_SASL_PASSWORD_FILE: /nonexistent/p: No such file"));
	ctl_said_clear(&said);
}

static void environment__file_of_what_is_no_secret__refused(void **state)
{
	char *environment[] = {"CHECKOUT_KAFKA_CLIENT_RACK_FILE=/nonexistent/p", NULL};
	struct ctl_said said = ctl_say(environment, "send", "create", "--bootstrap", "h:1", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_USAGE);
	assert_non_null(strstr(said.err, "client.rack is no secret: give the value itself"));
	ctl_said_clear(&said);
}

int main(void)
{
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(help__of_all_and_each__exit_0),
		cmocka_unit_test(nothing_said__help_on_the_error_stream__exit_2),
		cmocka_unit_test(version__one_line),
		cmocka_unit_test(environment__unknown_property__named),
		cmocka_unit_test(environment__secret_file_missing__named),
		cmocka_unit_test(environment__file_of_what_is_no_secret__refused),
	};
	static struct CMUnitTest rows[REFUSAL_COUNT];
	int failed;

	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		rows[i] = (struct CMUnitTest){refusals[i].name, arguments__refused__exit_2_and_one_line, NULL, NULL,
									  (void *)(uintptr_t)&refusals[i]};
	failed = cmocka_run_group_tests_name("refused", rows, NULL, NULL);
	return failed + cmocka_run_group_tests_name("said", others, NULL, NULL);
}
