/* Secrets and customer data planted wherever a command may carry them: none of it in an output, in Redis, in a log line
 * (debug included) or in what the program prints. Forwarding alone keeps credentials (contract section 2), and the dlq
 * the value as it was, so nothing is planted there but in headers. */
#include "secure.h"

#include "await.h"

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* What is planted; each text is found nowhere else. */
#define KEY "PLANTED-api-key-1"
#define BEARER "PLANTED-bearer-2"
#define PIN "PLANTED-pin-3"
#define HSID "PLANTED-hsid-4"
#define EMAIL "PLANTED-email-5"
#define CUSTOMER "PLANTED-customer-metadata-6"
#define CONSENT "PLANTED-consent-text-7"
#define ADDRESS "2001:db8::face:8"
#define AGENT "PLANTED-agent-9"
#define UNKNOWN "PLANTED-unknown-member-10"
#define REDIS_PASSWORD "PLANTED-redis-11"
#define WRONG_KEY "PLANTED-wrong-key-12"

static const char *const planted[] = {KEY,     BEARER,  PIN,   HSID,    EMAIL,          CUSTOMER,
									  CONSENT, ADDRESS, AGENT, UNKNOWN, REDIS_PASSWORD, WRONG_KEY};
enum { PLANTED = sizeof(planted) / sizeof(*planted) };

/* Seen in what is searched, or the search is blind. */
#define MARK "kept-reference"

static const char create[] =
	"{\"referenceId\":\"" MARK "\",\"config\":{\"modes\":[\"PAYMENT\"]},"
	"\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"},\"secret\":\"" UNKNOWN "\","
	"\"customer\":{\"hsid\":\"" HSID "\",\"email\":\"" EMAIL "\",\"metadata\":{\"a\":\"" CUSTOMER "\"}},"
	"\"agent\":{\"userId\":\"" AGENT "\",\"firstName\":\"" AGENT "\",\"lastName\":\"" AGENT "\"},"
	"\"consent\":{\"merchantConsentText\":\"" CONSENT "\",\"merchantConsentId\":\"c\","
	"\"collectionTimestamp\":\"2026-01-01T00:00:00Z\",\"collectionDetails\":{\"type\":\"WEB\","
	"\"web\":{\"ipAddress\":\"" ADDRESS "\",\"userAgent\":\"" UNKNOWN "\"}}}}";

/* Breaks many rules at once, so that as much as can be told about it is told. */
static const char refused[] =
	"{\"referenceId\":{\"a\":\"" UNKNOWN "\"},\"currency\":\"" UNKNOWN "\",\"config\":{\"modes\":[\"" UNKNOWN "\"]},"
	"\"payment\":{\"amount\":\"" UNKNOWN "\",\"description\":[\"" UNKNOWN "\"]},"
	"\"customer\":{\"hsid\":\"" HSID "\",\"email\":\"" EMAIL "\"},\"agent\":{\"userId\":\"" AGENT "\"},"
	"\"consent\":{\"merchantConsentText\":\"{" CONSENT "\",\"collectionDetails\":{\"type\":\"TEL\"}}}";

static const char authorize[] =
	"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\",\"type\":\"gift\"},\"pinToken\":\"" PIN "\","
	"\"amount\":1000,\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
	"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}";

static struct co_view text(const char *from)
{
	return (struct co_view){from, from ? strlen(from) : 0};
}

/* Every command carries both kinds of credentials. */
static void send_with(struct rig *rig, const char *key, const char *type, const char *id, const char *subject,
					  const char *data, const char *api_key)
{
	char *full_type = co_tk_format("checkout.session.%s", type);
	struct co_header headers[8] = {
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},           {CO_VIEW("ce_id"), text(id)},
		{CO_VIEW("ce_source"), CO_VIEW("/planted")},           {CO_VIEW("ce_type"), text(full_type)},
		{CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)},     {CO_VIEW("X-Api-Key"), text(api_key)},
		{CO_VIEW("Authorization"), CO_VIEW("Bearer " BEARER)}, {CO_VIEW("ce_subject"), text(subject)}};
	struct co_message message = {.topic = text(rig->commands),
								 .partition = -1,
								 .timestamp_ms = -1,
								 .key = text(key),
								 .value = text(data),
								 .header_count = subject ? 8 : 7,
								 .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
	free(full_type);
}

static void want(struct rig *rig, const char *id, const char *status)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 60000);

	if (!reply || !co_tk_header_is(&reply->r, "checkout-status", status))
		fail_msg("%s: %s, wanted %s", id, reply ? co_tk_show(reply->r.value) : "no reply", status);
}

static void send_all(struct rig *rig)
{
	char sid[37];

	rig_session_id(MARK, sid);
	send_with(rig, "astray", "create", "p-1", NULL, create, KEY); /* forwarded, whatever its partition */
	want(rig, "p-1", "201");
	send_with(rig, sid, "create", "p-1", NULL, create, KEY); /* again, under the same key now */
	send_with(rig, sid, "create", "p-2", NULL, refused, KEY);
	want(rig, "p-2", "400");
	send_with(rig, sid, "validate", "p-3", NULL, create, KEY);
	send_with(rig, sid, "authorize", "p-4", sid, authorize, KEY);
	want(rig, "p-4", "200");
	send_with(rig, sid, "authorize", "p-4", sid, "{\"pinToken\":\"" PIN "\"}", KEY); /* a conflict */
	send_with(rig, sid, "capture", "p-5", sid, "{\"amount\":\"" PIN "\"}", KEY);
	send_with(rig, sid, "get", "p-6", sid, NULL, WRONG_KEY);
	want(rig, "p-6", "401");
	send_with(rig, sid, "get", "p-7", sid, "not json", KEY); /* dlq */
	want(rig, "p-7", "400");
	send_with(rig, sid, "no_such_type", "p-8", sid, "{}", KEY); /* dlq, and not a word of it elsewhere */
	send_with(rig, sid, "get", "p-9", sid, NULL, KEY);
	want(rig, "p-9", "200");
}

static bool holds(struct co_view bytes, const char *needle)
{
	return bytes.ptr && bytes.len && memmem(bytes.ptr, bytes.len, needle, strlen(needle));
}

static size_t search_record(const struct co_tk_record *record, const char *needle)
{
	size_t found = holds(record->r.key, needle) + (size_t)holds(record->r.value, needle);

	for (size_t i = 0; i < record->r.header_count; i++)
		found += holds(record->r.headers[i].name, needle) + (size_t)holds(record->r.headers[i].value, needle);
	return found;
}

/* All topics but `commands`. */
static size_t search_topics(struct rig *rig, const char *needle)
{
	size_t found = 0;

	for (size_t i = 0; i < rig->reader.log.count; i++) {
		const struct co_tk_record *record = rig->reader.log.records[i];
		if (co_tk_is(record->topic, rig->commands))
			continue;
		size_t here = search_record(record, needle);
		if (here && strstr(needle, "PLANTED"))
			fprintf(stderr, "%s: %s\n", needle, co_tk_show(record->r.value));
		found += here;
	}
	return found;
}

static size_t masked(struct rig *rig)
{
	size_t count = 0;

	for (size_t i = 0; i < rig->reader.log.count; i++) {
		const struct co_record *record = &rig->reader.log.records[i]->r;
		count += co_tk_header_is(record, "x-api-key", "***") && co_tk_header_is(record, "authorization", "***");
	}
	return count;
}

/* Everything in Redis as one uncompressed file. */
static char *dump_redis(struct co_tk_redis *redis, size_t *length)
{
	char *path = co_tk_format("%s/dump.rdb", redis->directory);

	freeReplyObject(co_tk_redis_call(redis, "CONFIG SET rdbcompression no"));
	freeReplyObject(co_tk_redis_call(redis, "SAVE"));
	char *bytes = co_tk_read_file(path, length);
	co_tk_check(bytes, "no %s", path);
	free(path);
	return bytes;
}

static void start(struct rig *rig, const char *registry)
{
	char *auth = co_tk_format("auth.merchants.file=%s", registry);
	char *url = co_tk_format("CHECKOUT_REDIS_URL=redis://:" REDIS_PASSWORD "@127.0.0.1:%d/0", rig->servers->redis.port);
	const char *overrides[16], *environment[] = {url, NULL};
	size_t count = 0;

	for (; rig->overrides[count]; count++)
		overrides[count] = strncmp(rig->overrides[count], "auth.", 5) == 0 ? auth : rig->overrides[count];
	overrides[count++] = "auth.mode=api_key";
	overrides[count++] = "log.level=debug";
	overrides[count] = NULL;
	const struct co_tk_worker_options options = {.instance = "planted",
												 .prefix = rig->prefix,
												 .group = rig->group,
												 .overrides = overrides,
												 .environment = environment};
	co_tk_worker_start(&rig->workers[0], &rig->servers->kafka, &rig->servers->redis, &options);
	free(auth);
	free(url);
}

/* The registry holds the sum of KEY. */
static char *write_registry(void)
{
	char *path = co_tk_format("%s/registry.json", co_tk_temp_dir());
	char *sum_path = co_tk_format("%s.sum", path);
	const char *argv[] = {"sh", "-c", "printf %s " KEY " | sha256sum | cut -c1-64", NULL};

	co_tk_check(co_tk_run(&(struct co_tk_spawn){.argv = argv, .log = sum_path}, 60000) == 0, "sha256sum");
	char *sum = co_tk_read_file(sum_path, NULL);
	sum[strcspn(sum, "\n")] = '\0';
	char *registry = co_tk_format("{\"merchants\":[{\"id\":\"" RIG_MERCHANT "\",\"pinMethods\":[\"card/gift\"],"
								  "\"workstationUsers\":[\"" AGENT "\"],\"apiKeys\":[{\"sha256\":\"%s\"}]}]}",
								  sum);
	co_tk_write_file(path, registry);
	free(sum);
	free(sum_path);
	free(registry);
	return path;
}

/* The admin port answers where it was told to listen and nowhere else, not even on another loopback address. */
static bool answers_on(const char *host, int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	co_tk_check(handle >= 0 && inet_pton(AF_INET, host, &at.sin_addr) == 1, "%s", host);
	bool connected = connect(handle, (struct sockaddr *)&at, sizeof(at)) == 0;
	close(handle);
	return connected;
}

static void service__planted_secrets__in_no_output_store_or_log(void **state)
{
	struct rig_servers *servers = *state;
	struct rig rig;
	size_t length;
	char *registry = write_registry();

	rig_open(&rig, servers);
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET requirepass " REDIS_PASSWORD));
	start(&rig, registry);
	rig_wait_ready(&rig, 0);
	send_all(&rig);
	co_tk_check(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000), "lag");
	assert_true(answers_on("127.0.0.1", rig.workers[0].admin_port));
	assert_false(answers_on("127.0.0.2", rig.workers[0].admin_port));
	char *metrics = NULL, *page = NULL;
	assert_int_equal(await_answer(&rig.workers[0], "/metrics", &metrics), 200);
	assert_int_equal(await_answer(&rig.workers[0], "/", &page), 200);
	co_tk_worker_stop(&rig.workers[0]);
	char *dump = dump_redis(&servers->redis, &length);
	freeReplyObject(co_tk_redis_call(&servers->redis, "CONFIG SET requirepass %s", ""));

	/* Not blind: what may be there is found, in each of the places. */
	assert_true(search_topics(&rig, MARK) > 4);
	assert_non_null(memmem(dump, length, MARK, strlen(MARK)));
	assert_true(secure_file_holds(rig.workers[0].log, "process.started"));
	assert_int_equal(masked(&rig), 2); /* p-7 and p-8 in the dlq */
	for (int i = 0; i < PLANTED; i++) {
		if (search_topics(&rig, planted[i]))
			fail_msg("%s stands in an output", planted[i]);
		if (memmem(dump, length, planted[i], strlen(planted[i])))
			fail_msg("%s stands in Redis", planted[i]);
		if (secure_file_holds(rig.workers[0].log, planted[i]))
			fail_msg("%s stands in the log", planted[i]);
		if (strstr(metrics, planted[i]) || strstr(page, planted[i]))
			fail_msg("%s stands on the admin port", planted[i]);
	}
	printf("%d secrets, %zu records, %zu bytes of Redis searched\n", PLANTED, rig.reader.log.count, length);
	rig_close(&rig);
	free(dump);
	free(metrics);
	free(page);
	free(registry);
}

/* --print-config and --check-config of the program itself, with every kind of secret there is. */
static void print_config__secrets__redacted(void **state)
{
	static const char *const environment[] = {"CHECKOUT_REDIS_URL=redis://me:PLANTED-21@localhost:6379/0",
											  "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=kafka:9092",
											  "CHECKOUT_KAFKA_SASL_PASSWORD=PLANTED-22",
											  "CHECKOUT_KAFKA_SSL_KEY_PASSWORD=PLANTED-23",
											  "CHECKOUT_KAFKA_SSL_KEYSTORE_PASSWORD=PLANTED-24",
											  "CHECKOUT_KAFKA_SASL_OAUTHBEARER_CONFIG=PLANTED-25",
											  "CHECKOUT_KAFKA_SASL_USERNAME=shown-user",
											  NULL};
	char *program = co_tk_program("session-worker"), *out = co_tk_format("%s/out", co_tk_temp_dir());
	const char *argv[] = {program, "--print-config", NULL};

	(void)state;
	co_tk_check(program, "session-worker is not built");
	assert_int_equal(co_tk_run(&(struct co_tk_spawn){.argv = argv, .environment = environment, .log = out}, 60000), 0);
	assert_true(secure_file_holds(out, "shown-user"));
	assert_true(secure_file_holds(out, "redis://me:***@localhost:6379/0"));
	assert_true(secure_file_holds(out, "listen = 127.0.0.1:9464"));
	assert_false(secure_file_holds(out, "PLANTED"));
	free(program);
	free(out);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(print_config__secrets__redacted),
		cmocka_unit_test(service__planted_secrets__in_no_output_store_or_log),
	};
	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
