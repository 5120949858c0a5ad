/* send against a responder on a mock cluster: what goes out, how the reply is found, what the exit code says. */
#include "ctl_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SESSION "c16611af-3058-52c9-a2d2-fd3c2a77d3b8"
#define ACCEPTED                                                                                             \
	"{\"outcome\":\"accepted\",\"command\":{\"id\":\"c-1\",\"type\":\"checkout.session.get\"},\"session\":{" \
	"\"status\":\"open\",\"version\":1,\"payment\":{\"status\":\"authorised\"}}}"
#define REFUSED                                                                                                   \
	"{\"outcome\":\"rejected\",\"command\":{\"id\":\"c-1\",\"type\":\"checkout.session.get\"},\"error\":{"        \
	"\"code\":\"9300106\",\"name\":\"SESSION_ALREADY_CANCELLED\",\"detail\":\"Your session has been canceled\"}," \
	"\"session\":null}"

static int start(void **state)
{
	static struct ctl_cluster cluster;

	ctl_cluster_start(&cluster, 4);
	*state = &cluster;
	return 0;
}

static int stop(void **state)
{
	ctl_cluster_stop(*state);
	return 0;
}

static char *bootstrap_of(void **state)
{
	return (char *)(uintptr_t)((struct ctl_cluster *)*state)->bootstrap;
}

/* The reply to our correlation id counts, not the first one that comes by. */
static void send__accepted_after_anothers_reply__exit_0_and_readable(void **state)
{
	struct ctl_responder responder = {.status = "200", .body = ACCEPTED, .decoy = true};
	struct ctl_said said;

	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--id", "c-1", "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "200 accepted  get  open/authorised v1\n"));
	assert_non_null(strstr(said.out, "checkout.session.replies/2 offset "));
	assert_non_null(strstr(said.out, "  \"outcome\": \"accepted\""));
	assert_null(strstr(said.out, "500"));
	ctl_said_clear(&said);
}

/* The record on the wire: keyed by the session on the Java client's partition, binary mode. */
static void send__get__record_is_keyed_by_the_session(void **state)
{
	struct ctl_responder responder = {.status = "200", .body = ACCEPTED};
	struct ctl_said said;

	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--id", "c-1", "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(responder.seen.key, SESSION);
	assert_int_equal(responder.seen.partition, co_murmur2(CO_VIEW(SESSION)) % 4);
	assert_string_equal(responder.seen.type, "checkout.session.get");
	assert_string_equal(responder.seen.id, "c-1");
	assert_string_equal(responder.seen.subject, SESSION);
	assert_string_equal(responder.seen.content_type, "application/json");
	assert_string_equal(responder.seen.value, "");
	assert_int_equal(strlen(responder.seen.correlation), CO_UUID_TEXT);
	ctl_said_clear(&said);
}

static void send__rejected__exit_3_and_names_the_code(void **state)
{
	struct ctl_responder responder = {.status = "410", .code = "9300106", .body = REFUSED};
	struct ctl_said said;

	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_REJECTED);
	assert_non_null(
		strstr(said.out, "410 rejected  get  9300106 SESSION_ALREADY_CANCELLED: Your session has been canceled\n"));
	assert_non_null(strstr(said.out, "checkout-error-code: 9300106\n"));
	ctl_said_clear(&said);
}

static void send__json__body_alone_byte_for_byte(void **state)
{
	struct ctl_responder responder = {.status = "410", .code = "9300106", .body = REFUSED};
	struct ctl_said said;

	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--json", "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_REJECTED);
	assert_string_equal(said.out, REFUSED "\n");
	ctl_said_clear(&said);
}

static void send__no_reply__exit_1_and_says_where_to_look(void **state)
{
	struct ctl_responder responder = {0};
	struct ctl_said said;

	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--id", "c-9", "--timeout", "5", "--bootstrap",
				   bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_TROUBLE);
	assert_string_equal(said.out, "");
	assert_non_null(strstr(said.err, "no reply to command c-9 within 5 s"));
	assert_non_null(strstr(said.err, "checkoutctl dlq list"));
	ctl_said_clear(&said);
}

/* --no-wait comes back with the place of the record; the environment names the brokers; time and partition as told. */
static void send__no_wait__sent_and_gone(void **state)
{
	struct ctl_responder responder = {0};
	struct ctl_said said;
	char variable[128];
	char *environment[] = {variable, "CHECKOUTCTL_API_KEY=key-1", NULL};

	snprintf(variable, sizeof(variable), "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=%s", bootstrap_of(state));
	ctl_responder_start(&responder, *state);
	said = ctl_say(environment, "send", "complete", "--session", SESSION, "--no-wait", "--partition", "3",
				   "--timestamp", "2026-01-01T00:00:00Z", "--key", "k", NULL);
	ctl_responder_join(&responder);

	assert_string_equal(said.err, "");
	assert_int_equal(said.code, CTL_OK);
	assert_non_null(strstr(said.out, "sent  complete  id "));
	assert_non_null(strstr(said.out, "checkout.session.commands/3 offset "));
	assert_int_equal(responder.seen.partition, 3);
	assert_int_equal(responder.seen.timestamp_ms, 1767225600000);
	assert_string_equal(responder.seen.key, "k");
	assert_string_equal(responder.seen.api_key, "key-1");
	ctl_said_clear(&said);
}

/* A token's file, less its line end, becomes the bearer; nothing of it is printed. */
static void send__token_file__bearer_header(void **state)
{
	struct ctl_responder responder = {.status = "200", .body = ACCEPTED};
	struct ctl_said said;
	char path[] = "/tmp/ctl-token-XXXXXX";
	int file = mkstemp(path);

	assert_true(file >= 0);
	assert_int_equal(write(file, "abc.def.ghi\n", 12), 12);
	close(file);
	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--token-file", path, "--bootstrap", bootstrap_of(state),
				   NULL);
	ctl_responder_join(&responder);
	unlink(path);

	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(responder.seen.authorization, "Bearer abc.def.ghi");
	assert_null(strstr(said.out, "abc.def"));
	ctl_said_clear(&said);
}

/* The data as it is, also what is no JSON. */
static void send__data_file__value_is_the_file(void **state)
{
	struct ctl_responder responder = {.status = "400", .body = "{}"};
	struct ctl_said said;
	char path[] = "/tmp/ctl-data-XXXXXX";
	int file = mkstemp(path);

	assert_true(file >= 0);
	assert_int_equal(write(file, "{\"a\": [}\n", 9), 9);
	close(file);
	ctl_responder_start(&responder, *state);
	said = ctl_say(NULL, "send", "validate", "--data", path, "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);
	unlink(path);

	assert_int_equal(said.code, CTL_REJECTED);
	assert_string_equal(responder.seen.value, "{\"a\": [}\n");
	assert_false(responder.seen.has_key);
	ctl_said_clear(&said);
}

static void send__no_such_topic__exit_1_and_says_how_to_make_it(void **state)
{
	struct ctl_said said = ctl_say(NULL, "send", "get", "--session", SESSION, "--prefix", "other.", "--no-wait",
								   "--bootstrap", bootstrap_of(state), NULL);

	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "there is no topic other.commands; checkoutctl topics --create"));
	ctl_said_clear(&said);
}

static void send__kafka_away__exit_1_in_time(void **state)
{
	int64_t before_ms = ctl_monotonic_ms();
	struct ctl_said said =
		ctl_say(NULL, "send", "get", "--session", SESSION, "--bootstrap", "127.0.0.1:1", "--timeout", "1", NULL);

	(void)state;
	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "Kafka does not answer: "));
	assert_true(ctl_monotonic_ms() - before_ms < 9000);
	ctl_said_clear(&said);
}

/* A broker that drops the connection in the middle of a produce is asked again. */
static void send__connection_lost_once__goes_through(void **state)
{
	struct ctl_cluster *cluster = *state;
	struct ctl_responder responder = {.status = "200", .body = ACCEPTED};
	struct ctl_said said;

	ctl_responder_start(&responder, cluster);
	rd_kafka_mock_push_request_errors(cluster->mock, 0, 1, RD_KAFKA_RESP_ERR__TRANSPORT);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_OK);
	ctl_said_clear(&said);
}

/* A producer that dies (its sequence numbers went out of order) is replaced, and the record sent again. */
static void send__producer_dies__sent_again_by_another(void **state)
{
	struct ctl_cluster *cluster = *state;
	struct ctl_responder responder = {.status = "200", .body = ACCEPTED};
	struct ctl_said said;

	ctl_responder_start(&responder, cluster);
	rd_kafka_mock_push_request_errors(cluster->mock, 0, 1, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--id", "c-7", "--bootstrap", bootstrap_of(state), NULL);
	ctl_responder_join(&responder);

	assert_int_equal(said.code, CTL_OK);
	assert_string_equal(responder.seen.id, "c-7");
	ctl_said_clear(&said);
}

static void send__record_too_large__exit_1_at_once(void **state)
{
	struct ctl_cluster *cluster = *state;
	struct ctl_said said;

	rd_kafka_mock_push_request_errors(cluster->mock, 0, 1, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
	said = ctl_say(NULL, "send", "get", "--session", SESSION, "--no-wait", "--bootstrap", bootstrap_of(state), NULL);

	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.err, "checkout.session.commands: Broker: Message size too large"));
	ctl_said_clear(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send__accepted_after_anothers_reply__exit_0_and_readable),
		cmocka_unit_test(send__get__record_is_keyed_by_the_session),
		cmocka_unit_test(send__rejected__exit_3_and_names_the_code),
		cmocka_unit_test(send__json__body_alone_byte_for_byte),
		cmocka_unit_test(send__no_reply__exit_1_and_says_where_to_look),
		cmocka_unit_test(send__no_wait__sent_and_gone),
		cmocka_unit_test(send__token_file__bearer_header),
		cmocka_unit_test(send__data_file__value_is_the_file),
		cmocka_unit_test(send__no_such_topic__exit_1_and_says_how_to_make_it),
		cmocka_unit_test(send__kafka_away__exit_1_in_time),
		cmocka_unit_test(send__connection_lost_once__goes_through),
		cmocka_unit_test(send__producer_dies__sent_again_by_another),
		cmocka_unit_test(send__record_too_large__exit_1_at_once),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
