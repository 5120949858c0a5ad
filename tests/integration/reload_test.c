/* SIGHUP (contract section 8): the merchant registry is read again, all or nothing, and so are the key files it names;
 * counted, logged with the entry that is wrong. And whatever credentials pass through the service, they come out
 * nowhere: no topic but `commands`, no log line, no page, nothing in Redis, no core dump. */
#include "await.h"
#include "it.h"

#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OTHER_MERCHANT "00000000-0000-4000-8000-000000000001"
#define COMMITTED "checkout_registry_reloads_total{result=\"committed\"}"
#define FAILED "checkout_registry_reloads_total{result=\"failed\"}"
#define FIRST_SECRET "planted-first-Zx9qWvT7"
#define TOKEN_BYTES 600
#define SECOND_SECRET "planted-second-Kp3mRbY5"
#define REQUEST                                                                                               \
	"{\"referenceId\":\"reload\",\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1," \
	"\"merchantTransactionId\":\"t\"}}"

/* ---- a worker with a registry of its own ---- */

struct office {
	struct rig rig;
	char directory[96], registry[128];
	char override[160], mode[32];
	int asked;
};

static void write_registry(struct office *office, const char *json)
{
	co_tk_write_file(office->registry, json);
}

static void write_key_file(struct office *office, const char *secret)
{
	char path[128], line[64];

	snprintf(path, sizeof(path), "%s/acme.key", office->directory);
	snprintf(line, sizeof(line), "%s\n", secret);
	co_tk_write_file(path, line);
}

/* The registry has to be there before. */
static void start(struct office *office, const char *mode)
{
	size_t count = 0;

	snprintf(office->override, sizeof(office->override), "auth.merchants.file=%s", office->registry);
	snprintf(office->mode, sizeof(office->mode), "auth.mode=%s", mode);
	for (; office->rig.overrides[count]; count++)
		if (strncmp(office->rig.overrides[count], "auth.merchants.file=", 20) == 0)
			office->rig.overrides[count] = office->override;
	office->rig.overrides[count] = office->mode;
	rig_start(&office->rig, 0, 2, NULL);
	rig_wait_ready(&office->rig, 0);
}

static void open_office(struct office *office, void **state)
{
	memset(office, 0, sizeof(*office));
	rig_open(&office->rig, *state);
	snprintf(office->directory, sizeof(office->directory), "%s", co_tk_temp_dir());
	snprintf(office->registry, sizeof(office->registry), "%s/registry.json", office->directory);
}

static struct co_view text(const char *from)
{
	return (struct co_view){from, from ? strlen(from) : 0};
}

/* A command of the merchant with a credential header (NULL: none); returns its reply. */
static const struct co_tk_record *ask(struct office *office, const char *type, const char *merchant,
									  const char *credential, const char *value)
{
	char id[24], full_type[64];

	snprintf(id, sizeof(id), "a-%d", ++office->asked);
	snprintf(full_type, sizeof(full_type), "checkout.session.%s", type);
	const struct co_header headers[] = {
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")}, {CO_VIEW("ce_id"), text(id)},
		{CO_VIEW("ce_source"), CO_VIEW("/office")},  {CO_VIEW("ce_type"), text(full_type)},
		{CO_VIEW("ce_merchantid"), text(merchant)},  {text(credential), text(value)}};
	/* No key: create is forwarded, with its credentials. */
	const struct co_message message = {.topic = text(office->rig.commands),
									   .partition = -1,
									   .timestamp_ms = -1,
									   .value = CO_VIEW(REQUEST),
									   .header_count = credential ? 6 : 5,
									   .headers = headers};
	co_tk_send(office->rig.producer, &message, NULL);
	const struct co_tk_record *reply = rig_reply(&office->rig, id, 60000);
	if (!reply)
		fail_msg("no reply to %s", id);
	return reply;
}

static void expect_code(const struct co_tk_record *reply, const char *code)
{
	char *shown = co_tk_show(reply->r.value);

	if (code ? !co_tk_header_is(&reply->r, "checkout-error-code", code)
			 : co_tk_header(&reply->r, "checkout-error-code").ptr != NULL)
		fail_msg("wanted %s: %s", code ? code : "no refusal", shown);
	free(shown);
}

static void expect(struct office *office, const char *merchant, const char *credential, const char *value,
				   const char *code)
{
	expect_code(ask(office, "validate", merchant, credential, value), code);
}

/* SIGHUP, and waits until the series says so. */
static void reload(struct office *office, const char *series, double wanted)
{
	double now = -1;

	co_tk_worker_signal(&office->rig.workers[0], SIGHUP);
	for (int64_t end = co_tk_now_ms() + 60000; co_tk_now_ms() < end; co_tk_sleep_ms(50))
		if ((now = co_tk_worker_metric(&office->rig.workers[0], series)) == wanted)
			return;
	fail_msg("%s is %g, wanted %g", series, now, wanted);
}

/* ---- the registry ---- */

#define ACME "{\"id\":\"" RIG_MERCHANT "\",\"name\":\"Acme\"}"
#define OTHER "{\"id\":\"" OTHER_MERCHANT "\",\"name\":\"Other\"}"

static void sighup__merchants_exchanged__new_one_known_old_one_not(void **state)
{
	struct office office;

	open_office(&office, state);
	write_registry(&office, "{\"merchants\":[" ACME "]}");
	start(&office, "none");
	expect(&office, RIG_MERCHANT, NULL, NULL, NULL);
	expect(&office, OTHER_MERCHANT, NULL, NULL, "9300003");

	write_registry(&office, "{\"merchants\":[" OTHER "]}");
	expect(&office, OTHER_MERCHANT, NULL, NULL, "9300003"); /* not before it is told */
	reload(&office, COMMITTED, 1);

	expect(&office, OTHER_MERCHANT, NULL, NULL, NULL);
	expect(&office, RIG_MERCHANT, NULL, NULL, "9300003");
	assert_true(co_tk_worker_metric(&office.rig.workers[0], FAILED) == 0);
	rig_close(&office.rig);
}

struct broken_file {
	const char *json, *entry; /* NULL json: no file */
};

/* A good entry in a broken file counts as little as the broken one. */
static void sighup__broken_registry__old_one_kept_entry_logged(void **state)
{
	static const struct broken_file files[] = {
		{"{\"merchants\":[" OTHER ",{\"id\":\"" RIG_MERCHANT "\",\"ttlSeconds\":{\"min\":90,\"max\":80}}]}",
		 "\"checkout.entry\":\"merchants[1].ttlSeconds"},
		{"{\"merchants\":[" OTHER "," ACME ",{\"name\":\"no id\"}]}", "\"checkout.entry\":\"merchants[2]"},
		{"{\"merchants\":[" OTHER "," ACME, "\"event.action\":\"registry.kept\""},
		{NULL, "\"event.action\":\"registry.kept\""},
	};
	struct office office;

	open_office(&office, state);
	write_registry(&office, "{\"merchants\":[" ACME "]}");
	start(&office, "none");
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		size_t before = await_log_size(&office.rig.workers[0]);
		if (files[i].json)
			write_registry(&office, files[i].json);
		else
			assert_int_equal(remove(office.registry), 0);

		reload(&office, FAILED, (double)(i + 1));

		expect(&office, RIG_MERCHANT, NULL, NULL, NULL);
		expect(&office, OTHER_MERCHANT, NULL, NULL, "9300003");
		await_log(&office.rig.workers[0], before, files[i].entry, "");
	}
	assert_true(co_tk_worker_metric(&office.rig.workers[0], COMMITTED) == 0);
	write_registry(&office, "{\"merchants\":[" OTHER "]}");
	reload(&office, COMMITTED, 1);
	expect(&office, OTHER_MERCHANT, NULL, NULL, NULL);
	rig_close(&office.rig);
}

/* ---- credentials ---- */

/* Every piece of a credential that has no business anywhere. */
struct secrets {
	const char *words[6];
};

static void expect_clean(const char *where, struct co_view bytes, const struct secrets *secrets)
{
	for (const char *const *word = secrets->words; *word; word++)
		if (bytes.ptr && memmem(bytes.ptr, bytes.len, *word, strlen(*word)))
			fail_msg("a credential is in %s", where);
}

static void expect_clean_topics(struct office *office, const struct secrets *secrets)
{
	size_t outputs = 0, masked = 0;

	assert_true(co_tk_reader_catch_up(&office->rig.reader, 60000));
	for (size_t i = 0; i < office->rig.reader.log.count; i++) {
		const struct co_tk_record *record = office->rig.reader.log.records[i];
		char where[96];
		snprintf(where, sizeof(where), "%.*s", (int)record->topic.len, record->topic.ptr);
		if (strcmp(where, office->rig.commands) == 0)
			continue;
		outputs++;
		expect_clean(where, record->r.key, secrets);
		expect_clean(where, record->r.value, secrets);
		for (size_t h = 0; h < record->r.header_count; h++) {
			expect_clean(where, record->r.headers[h].value, secrets);
			masked += co_tk_is(record->r.headers[h].value, "***");
		}
	}
	assert_true(outputs > 0);
	assert_int_equal(masked, 2); /* of the record for the dlq */
}

static size_t expect_clean_redis(struct office *office, const struct secrets *secrets)
{
	redisReply *keys = co_tk_redis_call(&office->rig.servers->redis, "KEYS %s:*:s:*", office->rig.key_prefix);

	/* Redis follows the commit */
	for (int64_t end = co_tk_now_ms() + 60000; keys->elements == 0 && co_tk_now_ms() < end; co_tk_sleep_ms(50)) {
		freeReplyObject(keys);
		keys = co_tk_redis_call(&office->rig.servers->redis, "KEYS %s:*:s:*", office->rig.key_prefix);
	}
	size_t count = keys->elements;

	for (size_t i = 0; i < count; i++) {
		redisReply *value = co_tk_redis_call(&office->rig.servers->redis, "GET %s", keys->element[i]->str);
		expect_clean("Redis", (struct co_view){value->str, value->len}, secrets);
		freeReplyObject(value);
	}
	freeReplyObject(keys);
	return count;
}

static void expect_no_core_dumps(struct office *office)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/limits", (int)office->rig.workers[0].pid);
	char *limits = co_tk_read_file(path, NULL);
	assert_non_null(limits);
	const char *core = strstr(limits, "Max core file size");
	assert_non_null(core);
	char *end = NULL;
	/* The soft limit, then the hard one. */
	assert_int_equal(strtol(core + strlen("Max core file size"), &end, 10), 0);
	assert_true(end && *end == ' ');
	assert_int_equal(strtol(end, &end, 10), 0);
	assert_true(*end == ' ');
	free(limits);
}

/* A record that is no command carries both credentials to the dlq. */
static void send_rubbish(struct office *office, const char *credential)
{
	const struct co_header headers[] = {
		{CO_VIEW("Authorization"), text(credential)}, {CO_VIEW("X-API-Key"), text(credential)},
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},  {CO_VIEW("ce_id"), CO_VIEW("rubbish")},
		{CO_VIEW("ce_source"), CO_VIEW("/office")},   {CO_VIEW("ce_type"), CO_VIEW("checkout.session.validate")}};
	const struct co_message message = {.topic = text(office->rig.commands),
									   .partition = -1,
									   .timestamp_ms = -1,
									   .value = CO_VIEW("{"),
									   .header_count = 6,
									   .headers = headers};

	co_tk_send(office->rig.producer, &message, NULL);
	assert_non_null(rig_reply(&office->rig, "rubbish", 60000));
}

static void expect_clean_everywhere(struct office *office, const struct secrets *secrets)
{
	static const char *const pages[] = {"/metrics", "/readyz", "/livez", "/startupz"};

	expect_clean_topics(office, secrets);
	assert_int_equal(expect_clean_redis(office, secrets), 1);
	for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		char *body = NULL;
		assert_true(await_answer(&office->rig.workers[0], pages[i], &body) > 0);
		expect_clean(pages[i], text(body), secrets);
		free(body);
	}
	expect_no_core_dumps(office);
	co_tk_worker_stop(&office->rig.workers[0]);
	char *log = co_tk_worker_log(&office->rig.workers[0]);
	assert_non_null(strstr(log, "registry.reloaded"));
	expect_clean("the log", text(log), secrets);
	free(log);
}

static void write_api_key(struct office *office, const char *key)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char hex[2 * EVP_MAX_MD_SIZE + 1] = "";

	assert_int_equal(EVP_Digest(key, strlen(key), digest, &length, EVP_sha256(), NULL), 1);
	for (unsigned i = 0; i < length; i++)
		snprintf(hex + 2 * (size_t)i, 3, "%02x", digest[i]);
	char *json = co_tk_format("{\"merchants\":[{\"id\":\"" RIG_MERCHANT "\",\"apiKeys\":[{\"sha256\":\"%s\"}]}]}", hex);
	write_registry(office, json);
	free(json);
}

static void sighup__api_key_exchanged__old_one_refused_none_told(void **state)
{
	static const struct secrets secrets = {{FIRST_SECRET, SECOND_SECRET, NULL}};
	struct office office;

	open_office(&office, state);
	write_api_key(&office, FIRST_SECRET);
	start(&office, "api_key");
	expect(&office, RIG_MERCHANT, "x-api-key", FIRST_SECRET, NULL);
	expect(&office, RIG_MERCHANT, "x-api-key", SECOND_SECRET, "9300400");
	expect(&office, RIG_MERCHANT, NULL, NULL, "9300400");
	expect_code(ask(&office, "create", RIG_MERCHANT, "x-api-key", FIRST_SECRET), NULL);

	write_api_key(&office, SECOND_SECRET);
	reload(&office, COMMITTED, 1);

	expect(&office, RIG_MERCHANT, "x-api-key", SECOND_SECRET, NULL);
	expect(&office, RIG_MERCHANT, "x-api-key", FIRST_SECRET, "9300400");
	send_rubbish(&office, FIRST_SECRET);
	expect_clean_everywhere(&office, &secrets);
	rig_close(&office.rig);
}

static void write_base64url(char *out, const void *bytes, size_t length)
{
	EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
	for (; *out && *out != '='; out++)
		*out = (char)(*out == '+' ? '-' : *out == '/' ? '_' : *out);
	*out = '\0';
}

/* `Bearer ` and a token, valid for a day. */
static void make_token(const char *secret, char bearer[TOKEN_BYTES])
{
	static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"k1\"}";
	unsigned char code[EVP_MAX_MD_SIZE];
	unsigned length = 0;
	char claims[256], parts[3][400];

	(void)snprintf(claims, sizeof(claims),
				   "{\"merchant_id\":\"" RIG_MERCHANT "\",\"scope\":\"checkout.session\",\"exp\":%" PRId64 "}",
				   co_tk_wall_ms() / 1000 + 86400);
	write_base64url(parts[0], header, strlen(header));
	write_base64url(parts[1], claims, strlen(claims));
	char *signed_text = co_tk_format("%s.%s", parts[0], parts[1]);
	assert_non_null(HMAC(EVP_sha256(), secret, (int)strlen(secret), (const unsigned char *)signed_text,
						 strlen(signed_text), code, &length));
	write_base64url(parts[2], code, length);
	int written = snprintf(bearer, TOKEN_BYTES, "Bearer %s.%s", signed_text, parts[2]);
	assert_in_range(written, 1, TOKEN_BYTES - 1);
	free(signed_text);
}

/* The registry stays the same, the file beside it does not; without it nobody but its merchant is stopped. */
static void sighup__key_file_exchanged__old_tokens_refused_none_told(void **state)
{
	static const char registry[] =
		"{\"merchants\":[{\"id\":\"" RIG_MERCHANT "\",\"jwt\":{\"keys\":[{\"kid\":\"k1\",\"alg\":\"HS256\","
		"\"secretFile\":\"acme.key\"}]}}," OTHER "]}";
	char first[TOKEN_BYTES], second[TOKEN_BYTES], path[128];
	struct office office;

	open_office(&office, state);
	write_registry(&office, registry);
	write_key_file(&office, FIRST_SECRET);
	make_token(FIRST_SECRET, first);
	make_token(SECOND_SECRET, second);
	const struct secrets secrets = {
		{FIRST_SECRET, SECOND_SECRET, strrchr(first, '.'), strrchr(second, '.'), strchr(first, '.'), NULL}};
	start(&office, "jwt");
	expect(&office, RIG_MERCHANT, "authorization", first, NULL);
	expect(&office, RIG_MERCHANT, "authorization", second, "9300012");
	expect(&office, RIG_MERCHANT, NULL, NULL, "9300011");
	expect_code(ask(&office, "create", RIG_MERCHANT, "authorization", first), NULL);

	write_key_file(&office, SECOND_SECRET);
	reload(&office, COMMITTED, 1);

	expect(&office, RIG_MERCHANT, "authorization", second, NULL);
	expect(&office, RIG_MERCHANT, "authorization", first, "9300012");
	snprintf(path, sizeof(path), "%s/acme.key", office.directory);
	assert_int_equal(remove(path), 0);
	reload(&office, COMMITTED, 2);
	expect(&office, RIG_MERCHANT, "authorization", second, "9300002");
	send_rubbish(&office, first);
	expect_clean_everywhere(&office, &secrets);
	rig_close(&office.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sighup__merchants_exchanged__new_one_known_old_one_not),
		cmocka_unit_test(sighup__broken_registry__old_one_kept_entry_logged),
		cmocka_unit_test(sighup__api_key_exchanged__old_one_refused_none_told),
		cmocka_unit_test(sighup__key_file_exchanged__old_tokens_refused_none_told),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
