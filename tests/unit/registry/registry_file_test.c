/* The registry file: what it may say and what not, with the entry and member named, and nothing of a value in a
 * complaint; who is found in it; API keys; an installation without a file. Each row is a result of its own. */
#include "registry_file_support.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define HEX64 "904fc520be4ca9db80d0ffcc6bf7e01b4148e33d45bb6b422ad2e607815fb508"
#define FORTY "0123456789012345678901234567890123456789"
#define SIXTY_FOUR "0123456789012345678901234567890123456789012345678901234567890123"

struct refusal_row {
	const char *text; /* of the file */
	const char *path; /* of the complaint */
	const char *says; /* part of its sentence */
};

static const struct refusal_row refusal_rows[] = {
	/* JSON */
	{"", "line 1, column 0", "not JSON"},
	{"{\"merchants\":[}", "line 1, column 15", "not JSON"},
	{"{\"merchants\":[]}x", "line 1, column 17", "not JSON"},
	{"{\"merchants\":[],\n\"merchants\":[]}", "line 2, column 11", "already"},
	{"{\"merchants\":[{\"id\":\"" A "\",\"name\":\"\xff\"}]}", "line 1, column", "not JSON"},
	{"\xef\xbb\xbf{\"merchants\":[]}", "line 1, column 1", "not JSON"},
	/* The outermost */
	{"[]", "", "must be an object"},
	{"null", "line 1, column 4", "not JSON"},
	{"{}", "merchants", "is required"},
	{"{\"merchant\":[]}", "merchant", "unknown member; known here: merchants"},
	{"{\"merchants\":{}}", "merchants", "must be an array of objects"},
	{"{\"merchants\":null}", "merchants", "must be an array of objects"},
	{"{\"merchants\":[\"" A "\"]}", "merchants[0]", "must be an object"},
	{"{\"merchants\":[{\"id\":\"" A "\"},null]}", "merchants[1]", "must be an object"},
	/* id */
	{"{\"merchants\":[{}]}", "merchants[0].id", "is required"},
	{"{\"merchants\":[{\"name\":\"x\"}]}", "merchants[0].id", "is required"},
	{"{\"merchants\":[{\"id\":1}]}", "merchants[0].id", "must be a UUID"},
	{"{\"merchants\":[{\"id\":\"\"}]}", "merchants[0].id", "must be a UUID"},
	{"{\"merchants\":[{\"id\":\"" A "0\"}]}", "merchants[0].id", "must be a UUID"},
	{"{\"merchants\":[{\"id\":\"" A "\"},{\"id\":\"" B "\"},{\"id\":\"00000000-0000-4000-8000-00000000000A\"}]}",
	 "merchants[2].id", "the same as that of merchants[0]"},
	/* A slip of the pen never switches a check off */
	{WITH("\"ttlSecond\":{}"), "merchants[0].ttlSecond",
	 "unknown member; known here: id, name, namespaces, currencies, processors, pinMethods, ttlSeconds, apiKeys, "
	 "workstationUsers, jwt"},
	{WITH("\"Namespaces\":[]"), "merchants[0].Namespaces", "unknown member"},
	{WITH("\"ttlSeconds\":{\"minimum\":60}"), "merchants[0].ttlSeconds.minimum", "known here: min, default, max"},
	{WITH("\"apiKeys\":[{\"sha512\":\"x\"}]"), "merchants[0].apiKeys[0].sha512", "known here: sha256"},
	{WITH("\"jwt\":{\"aud\":\"x\"}"), "merchants[0].jwt.aud", "known here: keys, audience"},
	{KEYS("{\"file\":\"x\"}"), "merchants[0].jwt.keys[0].file", "known here: kid, alg, secretFile, publicKeyFile"},
	{WITH("\"a b\\n\\u001b[0m\":1"), "merchants[0].a?b??[0m", "unknown member"},
	/* Lists of names */
	{WITH("\"name\":1"), "merchants[0].name", "must be a string"},
	{WITH("\"name\":\"\""), "merchants[0].name", "1 to 256"},
	{WITH("\"namespaces\":null"), "merchants[0].namespaces", "must be an array"},
	{WITH("\"namespaces\":\"default\""), "merchants[0].namespaces", "must be an array"},
	{WITH("\"namespaces\":[\"a\",1]"), "merchants[0].namespaces[1]", "must be a string of 1 to 64"},
	{WITH("\"namespaces\":[\"\"]"), "merchants[0].namespaces[0]", "must be a string of 1 to 64"},
	{WITH("\"namespaces\":[\"" SIXTY_FOUR "x\"]"), "merchants[0].namespaces[0]", "must be a string of 1 to 64"},
	{WITH("\"namespaces\":[\"a\\tb\"]"), "merchants[0].namespaces[0]", "control"},
	{WITH("\"namespaces\":[\"a\\u0085b\"]"), "merchants[0].namespaces[0]", "control"},
	{WITH("\"currencies\":{}"), "merchants[0].currencies", "must be an array"},
	{WITH("\"currencies\":[\"USD\",\"usd\"]"), "merchants[0].currencies[1]", "three capital letters"},
	{WITH("\"currencies\":[\"US\"]"), "merchants[0].currencies[0]", "three capital letters"},
	{WITH("\"currencies\":[\"USDX\"]"), "merchants[0].currencies[0]", "three capital letters"},
	{WITH("\"currencies\":[\"US1\"]"), "merchants[0].currencies[0]", "three capital letters"},
	{WITH("\"currencies\":[null]"), "merchants[0].currencies[0]", "three capital letters"},
	{WITH("\"processors\":true"), "merchants[0].processors", "must be an array"},
	{WITH("\"processors\":[\"\"]"), "merchants[0].processors[0]", "must be a string of 1 to 4096"},
	{WITH("\"pinMethods\":0"), "merchants[0].pinMethods", "must be an array"},
	{WITH("\"pinMethods\":[\"card/\"]"), "merchants[0].pinMethods[0]", "family/type"},
	{WITH("\"pinMethods\":[\"/gift\"]"), "merchants[0].pinMethods[0]", "family/type"},
	{WITH("\"pinMethods\":[\"" SIXTY_FOUR "xx\"]"), "merchants[0].pinMethods[0]", "family/type"},
	{WITH("\"workstationUsers\":\"jdoe\""), "merchants[0].workstationUsers", "must be an array"},
	{WITH("\"workstationUsers\":[[]]"), "merchants[0].workstationUsers[0]", "must be a string"},
	/* ttlSeconds */
	{WITH("\"ttlSeconds\":1800"), "merchants[0].ttlSeconds", "must be an object"},
	{WITH("\"ttlSeconds\":{\"min\":0}"), "merchants[0].ttlSeconds.min", "from 1 to 2147483647"},
	{WITH("\"ttlSeconds\":{\"min\":-1}"), "merchants[0].ttlSeconds.min", "from 1 to 2147483647"},
	{WITH("\"ttlSeconds\":{\"min\":60.0}"), "merchants[0].ttlSeconds.min", "must be an integer"},
	{WITH("\"ttlSeconds\":{\"default\":\"60\"}"), "merchants[0].ttlSeconds.default", "must be an integer"},
	{WITH("\"ttlSeconds\":{\"max\":2147483648}"), "merchants[0].ttlSeconds.max", "from 1 to 2147483647"},
	{WITH("\"ttlSeconds\":{\"max\":null}"), "merchants[0].ttlSeconds.max", "must be an integer"},
	{WITH("\"ttlSeconds\":{\"max\":1799}"), "merchants[0].ttlSeconds", "60, 1800, 1799"},
	{WITH("\"ttlSeconds\":{\"min\":1801}"), "merchants[0].ttlSeconds", "1801, 1800, 86400"},
	{WITH("\"ttlSeconds\":{\"default\":59}"), "merchants[0].ttlSeconds", "60, 59, 86400"},
	{WITH("\"ttlSeconds\":{\"default\":86401}"), "merchants[0].ttlSeconds", "60, 86401, 86400"},
	{"{\"merchants\":[{\"id\":\"" A "\"},{\"id\":\"" B "\"},{\"id\":\"00000000-0000-4000-8000-000000000001\","
	 "\"ttlSeconds\":{\"min\":5,\"default\":4,\"max\":6}}]}",
	 "merchants[2].ttlSeconds", "5, 4, 6"},
	/* apiKeys */
	{WITH("\"apiKeys\":{}"), "merchants[0].apiKeys", "must be an array"},
	{WITH("\"apiKeys\":[\"" HEX64 "\"]"), "merchants[0].apiKeys[0]", "must be an object"},
	{WITH("\"apiKeys\":[{\"sha256\":\"" HEX64 "\"},{}]"), "merchants[0].apiKeys[1].sha256", "is required"},
	{WITH("\"apiKeys\":[{\"sha256\":\"" HEX64 "0\"}]"), "merchants[0].apiKeys[0].sha256", "64 hex digits"},
	{WITH("\"apiKeys\":[{\"sha256\":\"" SIXTY_FOUR "\"},{\"sha256\":\"g" FORTY "01234567890123456789012\"}]"),
	 "merchants[0].apiKeys[1].sha256", "64 hex digits"},
	{WITH("\"apiKeys\":[{\"sha256\":7}]"), "merchants[0].apiKeys[0].sha256", "64 hex digits"},
	/* jwt */
	{WITH("\"jwt\":[]"), "merchants[0].jwt", "must be an object"},
	{WITH("\"jwt\":{\"keys\":{}}"), "merchants[0].jwt.keys", "must be an array"},
	{WITH("\"jwt\":{\"audience\":[\"x\"]}"), "merchants[0].jwt.audience", "must be a string"},
	{WITH("\"jwt\":{\"audience\":\"\"}"), "merchants[0].jwt.audience", "1 to 256"},
	{KEYS("7"), "merchants[0].jwt.keys[0]", "must be an object"},
	{KEYS("{\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].alg", "is required"},
	{KEYS("{\"alg\":\"none\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].alg", "HS256, RS256 or ES256"},
	{KEYS("{\"alg\":\"HS512\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].alg", "HS256, RS256 or ES256"},
	{KEYS("{\"alg\":1,\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].alg", "HS256, RS256 or ES256"},
	{KEYS("{\"alg\":\"HS256\"}"), "merchants[0].jwt.keys[0].secretFile", "is required"},
	{KEYS("{\"alg\":\"HS256\",\"publicKeyFile\":\"x\"}"), "merchants[0].jwt.keys[0].publicKeyFile", "not for HS256"},
	{KEYS("{\"alg\":\"HS256\",\"secretFile\":\"x\",\"publicKeyFile\":\"x\"}"), "merchants[0].jwt.keys[0].publicKeyFile",
	 "not for HS256"},
	{KEYS("{\"alg\":\"RS256\"}"), "merchants[0].jwt.keys[0].publicKeyFile", "is required"},
	{KEYS("{\"alg\":\"RS256\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].secretFile", "not for RS256"},
	{KEYS("{\"alg\":\"ES256\"}"), "merchants[0].jwt.keys[0].publicKeyFile", "is required"},
	{KEYS("{\"alg\":\"ES256\",\"publicKeyFile\":\"x\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].secretFile",
	 "not for RS256 and ES256"},
	{KEYS("{\"alg\":\"HS256\",\"secretFile\":\"\"}"), "merchants[0].jwt.keys[0].secretFile", "must be a file name"},
	{KEYS("{\"alg\":\"HS256\",\"secretFile\":[]}"), "merchants[0].jwt.keys[0].secretFile", "must be a file name"},
	{KEYS("{\"kid\":\"\",\"alg\":\"HS256\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].kid", "1 to 256"},
	{KEYS("{\"kid\":null,\"alg\":\"HS256\",\"secretFile\":\"x\"}"), "merchants[0].jwt.keys[0].kid", "must be a string"},
	{KEYS("{\"kid\":\"a\",\"alg\":\"HS256\",\"secretFile\":\"x\"},{\"alg\":\"HS256\",\"secretFile\":\"x\"},"
		  "{\"kid\":\"a\",\"alg\":\"RS256\",\"publicKeyFile\":\"x\"}"),
	 "merchants[0].jwt.keys[2].kid", "the same as that of keys[0]"},
	/* A value that should not be where it is: the place is told, the value is not */
	{WITH("\"apiKeys\":[{\"sha256\":\"" PLANTED "\"}]"), "merchants[0].apiKeys[0].sha256", "64 hex digits"},
	{WITH("\"apiKeys\":[\"" PLANTED "\"]"), "merchants[0].apiKeys[0]", "must be an object"},
	{WITH("\"apiKeys\":\"" PLANTED "\""), "merchants[0].apiKeys", "must be an array"},
	{WITH("\"apiKeys\":[" PLANTED "]"), "line 1, column", "not JSON"},
	{KEYS("{\"alg\":\"" PLANTED "\"}"), "merchants[0].jwt.keys[0].alg", "HS256, RS256 or ES256"},
	{KEYS("{\"alg\":\"RS256\",\"secretFile\":\"" PLANTED "\"}"), "merchants[0].jwt.keys[0].secretFile",
	 "not for RS256"},
	{KEYS("{\"kid\":\"" PLANTED "\",\"alg\":\"HS256\",\"secretFile\":\"x\"},"
		  "{\"kid\":\"" PLANTED "\",\"alg\":\"HS256\",\"secretFile\":\"x\"}"),
	 "merchants[0].jwt.keys[1].kid", "the same as that of keys[0]"},
	{"{\"merchants\":[{\"id\":\"" PLANTED "\"}]}", "merchants[0].id", "must be a UUID"},
	{WITH("\"currencies\":[\"" PLANTED "\"]"), "merchants[0].currencies[0]", "three capital letters"},
};

static void open__file_of_the_row__refused_with_place_and_reason(void **state)
{
	const struct refusal_row *row = *state;
	struct co_registry_file *registry = NULL;
	struct co_error error = {"", ""};

	sandbox_write_text(&box, "registry.json", row->text);

	assert_int_equal(co_registry_file_open(sandbox_path(&box, "registry.json"), CO_AUTH_JWT, &registry, &error),
					 CO_CONFIG);
	assert_null(registry);
	if (strncmp(row->path, "line", 4) == 0)
		assert_int_equal(strncmp(error.path, row->path, strlen(row->path)), 0);
	else
		assert_string_equal(error.path, row->path);
	if (!strstr(error.text, row->says))
		fail_msg("\"%s\" does not say \"%s\"", error.text, row->says);
	assert_null(strstr(error.text, PLANTED));
	assert_null(strstr(error.path, PLANTED));
}

/* The nearest neighbours of what is refused above. */
static const char *const accepted_rows[] = {
	"{\"merchants\":[]}",
	" \n{\"merchants\":[]}\n",
	"{\"merchants\":[{\"id\":\"" A "\"}]}",
	"{\"merchants\":[{\"id\":\"00000000-0000-4000-8000-00000000000A\"}]}",
	"{\"merchants\":[{\"id\":\"" A "\"},{\"id\":\"" B "\"}]}",
	"{\"merchants\":[{\"id\":\"" B "\"},{\"id\":\"" A "\"}]}",
	WITH("\"name\":\"x\""),
	WITH("\"namespaces\":[]"),
	WITH("\"namespaces\":[\"a\"]"),
	WITH("\"namespaces\":[\"a\",\"a\"]"),
	WITH("\"namespaces\":[\"" SIXTY_FOUR "\"]"),
	WITH("\"namespaces\":[\"012345678901234567890123456789012345678901234567890123456789012\xc3\xa9\"]"),
	WITH("\"currencies\":[]"),
	WITH("\"currencies\":[\"USD\",\"EUR\"]"),
	WITH("\"processors\":[]"),
	WITH("\"processors\":[\"p\"]"),
	WITH("\"pinMethods\":[\"card/gift\",\"wallet\"]"),
	WITH("\"pinMethods\":[\"" SIXTY_FOUR "x\"]"),
	WITH("\"workstationUsers\":[]"),
	WITH("\"ttlSeconds\":{}"),
	WITH("\"ttlSeconds\":{\"min\":1}"),
	WITH("\"ttlSeconds\":{\"min\":1,\"default\":1,\"max\":1}"),
	WITH("\"ttlSeconds\":{\"max\":2147483647}"),
	WITH("\"ttlSeconds\":{\"max\":1800}"),
	WITH("\"ttlSeconds\":{\"min\":1800}"),
	WITH("\"ttlSeconds\":{\"default\":60}"),
	WITH("\"ttlSeconds\":{\"default\":86400}"),
	WITH("\"apiKeys\":[]"),
	WITH("\"apiKeys\":[{\"sha256\":\"" HEX64 "\"},{\"sha256\":\"" HEX64 "\"}]"),
	WITH("\"apiKeys\":[{\"sha256\":\"904FC520BE4CA9DB80D0FFCC6BF7E01B4148E33D45BB6B422AD2E607815FB508\"}]"),
	WITH("\"jwt\":{}"),
	WITH("\"jwt\":{\"keys\":[]}"),
	WITH("\"jwt\":{\"audience\":\"x\"}"),
	KEYS("{\"alg\":\"HS256\",\"secretFile\":\"s\"},{\"alg\":\"HS256\",\"secretFile\":\"s\"}"),
	KEYS("{\"kid\":\"a\",\"alg\":\"HS256\",\"secretFile\":\"s\"},{\"kid\":\"A\",\"alg\":\"HS256\",\"secretFile\":"
		 "\"s\"}"),
	KEYS("{\"alg\":\"RS256\",\"publicKeyFile\":\"s\"}"),
	KEYS("{\"alg\":\"ES256\",\"publicKeyFile\":\"/nowhere/at/all\"}"),
	/* The same kid for two merchants */
	"{\"merchants\":[{\"id\":\"" A "\",\"jwt\":{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secretFile\":\"s\"}]}},"
	"{\"id\":\"" B "\",\"jwt\":{\"keys\":[{\"kid\":\"a\",\"alg\":\"HS256\",\"secretFile\":\"s\"}]}}]}",
};

static void open__file_of_the_row__accepted(void **state)
{
	sandbox_write_text(&box, "registry.json", *state);

	co_registry_file_close(sandbox_open(&box, CO_AUTH_API_KEY));
}

static void find__merchant_of_the_file__what_it_says(void **state)
{
	struct co_registry_file *registry = NULL;
	struct co_registry port;
	struct co_merchant found;
	struct co_uuid id;
	const void *edition;

	(void)state;
	assert_int_equal(
		co_registry_file_open("tests/contract/vectors/registry/registry.json", CO_AUTH_NONE, &registry, NULL), CO_OK);
	port = co_registry_file_port(registry);
	edition = port.acquire(port.self);

	assert_true(co_uuid_parse(CO_VIEW("123E4567-e89b-12d3-a456-426614174000"), &id));
	assert_true(port.find(edition, &id, &found));
	assert_true(co_uuid_eq(&found.id, &id));
	assert_list(&found.namespaces, "default;eu;");
	assert_list(&found.currencies, "USD;EUR;");
	assert_list(&found.processors, "mock;other;");
	assert_list(&found.pin_methods, "card/gift;wallet;");
	assert_list(&found.workstation_users, "jdoe;asmith;");
	assert_true(found.ttl_min_s == 60 && found.ttl_default_s == 1800 && found.ttl_max_s == 86400);

	assert_true(co_uuid_parse(CO_VIEW("00000000-0000-4000-8000-000000000001"), &id));
	assert_true(port.find(edition, &id, &found));
	assert_false(found.namespaces.given || found.currencies.given || found.processors.given ||
				 found.pin_methods.given || found.workstation_users.given);
	assert_true(found.ttl_min_s == 30 && found.ttl_default_s == 45 && found.ttl_max_s == 172800);

	assert_true(co_uuid_parse(CO_VIEW("00000000-0000-4000-8000-000000000002"), &id));
	assert_true(port.find(edition, &id, &found));
	assert_list(&found.currencies, "");
	assert_true(found.ttl_min_s == 60 && found.ttl_default_s == 1800 && found.ttl_max_s == 86400);
	port.release(port.self, edition);
	co_registry_file_close(registry);
}

/* Every one of many is found, wherever it stands in the file, and its neighbours in number are not. */
static void find__thousand_merchants__each_and_no_other(void **state)
{
	static char text[200000];
	struct co_registry_file *registry;
	struct co_registry port;
	struct co_merchant found;
	size_t len;

	(void)state;
	len = (size_t)snprintf(text, sizeof text, "{\"merchants\":[");
	for (unsigned i = 0; i < 1000; i++)
		len += (size_t)snprintf(text + len, sizeof text - len,
								"%s{\"id\":\"00000000-0000-4000-8000-%012x\",\"ttlSeconds\":{\"max\":%u}}",
								i ? "," : "", 2 * (i * 7 % 1000), 2000 + i * 7 % 1000);
	(void)snprintf(text + len, sizeof text - len, "]}");
	sandbox_write_text(&box, "registry.json", text);
	registry = sandbox_open(&box, CO_AUTH_NONE);
	port = co_registry_file_port(registry);

	for (unsigned i = 0; i < 1000; i++) {
		char id[64];

		(void)snprintf(id, sizeof id, "00000000-0000-4000-8000-%012x", 2 * i);
		assert_true(knows(&port, id, &found));
		assert_int_equal(found.ttl_max_s, 2000 + i);
		(void)snprintf(id, sizeof id, "00000000-0000-4000-8000-%012x", 2 * i + 1);
		assert_false(knows(&port, id, &found));
	}
	co_registry_file_close(registry);
}

/* SHA-256 of "two" and of nothing. */
#define TWO "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void authenticate__api_key__by_its_hash_alone(void **state)
{
	struct co_registry_file *registry;
	struct co_registry port;

	(void)state;
	sandbox_write_text(&box, "registry.json",
					   "{\"merchants\":[{\"id\":\"" A "\",\"apiKeys\":[{\"sha256\":\"" ONE "\"},{\"sha256\":\"" NOTHING
					   "\"},{\"sha256\":\"" TWO "\"}]},{\"id\":\"" B "\"}]}");
	registry = sandbox_open(&box, CO_AUTH_API_KEY);
	port = co_registry_file_port(registry);

	assert_int_equal(ask_key(&port, A, CO_VIEW("one")), 0);
	assert_int_equal(ask_key(&port, A, CO_VIEW("two")), 0);
	assert_int_equal(ask_key(&port, A, CO_VIEW("three")), 9300400);
	assert_int_equal(ask_key(&port, A, CO_VIEW("one\0")), 9300400);
	assert_int_equal(ask_key(&port, A, CO_VIEW("on")), 9300400);
	assert_int_equal(ask_key(&port, A, CO_VIEW(ONE)), 9300400);
	/* An empty header is none, even where somebody registered the hash of nothing */
	assert_int_equal(ask_key(&port, A, CO_VIEW("")), 9300400);
	assert_int_equal(ask_key(&port, A, co_view_make(NULL, 0)), 9300400);
	assert_int_equal(ask_key(&port, B, CO_VIEW("one")), 9300400);
	assert_int_equal(ask_key(&port, "00000000-0000-4000-8000-00000000000c", CO_VIEW("one")), 9300003);
	co_registry_file_close(registry);
}

static void open__no_file__every_merchant_is_known_and_none_has_keys(void **state)
{
	static const char *const paths[] = {NULL, ""};
	static const struct co_credentials none = {.namespace_name = {"default", 7}};
	static const int codes[] = {[CO_AUTH_NONE] = 0, [CO_AUTH_API_KEY] = 9300400, [CO_AUTH_JWT] = 9300002};

	(void)state;
	for (enum co_auth_mode mode = CO_AUTH_NONE; mode <= CO_AUTH_JWT; mode++) {
		for (size_t i = 0; i < 2; i++) {
			struct co_registry_file *registry = NULL;
			struct co_registry port;
			struct co_merchant found;

			assert_int_equal(co_registry_file_open(paths[i], mode, &registry, NULL), CO_OK);
			port = co_registry_file_port(registry);
			assert_true(knows(&port, B, &found));
			assert_int_equal(found.id.bytes[15], 0x0b);
			assert_true(found.ttl_min_s == 60 && found.ttl_default_s == 1800 && found.ttl_max_s == 86400);
			assert_int_equal(ask_key(&port, B, CO_VIEW("one")), codes[mode]);
			assert_int_equal(co_registry_file_reload(registry, NULL), CO_OK);
			assert_int_equal(ask(&port, B, &none, 0), mode == CO_AUTH_JWT ? 9300011 : codes[mode]);
			co_registry_file_close(registry);
		}
	}
}

static void open__file_that_cannot_be_read__refused(void **state)
{
	struct co_registry_file *registry = NULL;
	struct co_error error = {"", ""};

	(void)state;
	assert_int_equal(co_registry_file_open(sandbox_path(&box, "no-such-file"), CO_AUTH_NONE, &registry, &error),
					 CO_CONFIG);
	assert_string_equal(error.path, "auth.merchants.file");
	assert_non_null(strstr(error.text, "no-such-file cannot be read: No such file or directory"));

	error = (struct co_error){"", ""};
	assert_int_equal(co_registry_file_open(box.directory, CO_AUTH_NONE, &registry, &error), CO_CONFIG);
	assert_non_null(strstr(error.text, "not a regular file"));

	/* A pipe without a writer must not hold the start up */
	error = (struct co_error){"", ""};
	assert_int_equal(mkfifo(sandbox_path(&box, "pipe"), 0600), 0);
	assert_int_equal(co_registry_file_open(sandbox_path(&box, "pipe"), CO_AUTH_NONE, &registry, &error), CO_CONFIG);
	assert_non_null(strstr(error.text, "not a regular file"));
	assert_null(registry);
	assert_int_equal(co_registry_file_open(sandbox_path(&box, "pipe"), CO_AUTH_NONE, &registry, NULL), CO_CONFIG);
}

static void close__null__nothing(void **state)
{
	(void)state;
	co_registry_file_close(NULL);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

int main(void)
{
	static const struct CMUnitTest single[] = {
		cmocka_unit_test(find__merchant_of_the_file__what_it_says),
		cmocka_unit_test(find__thousand_merchants__each_and_no_other),
		cmocka_unit_test(authenticate__api_key__by_its_hash_alone),
		cmocka_unit_test(open__no_file__every_merchant_is_known_and_none_has_keys),
		cmocka_unit_test(open__file_that_cannot_be_read__refused),
		cmocka_unit_test(close__null__nothing),
	};
	static struct CMUnitTest tests[COUNT(single) + COUNT(refusal_rows) + COUNT(accepted_rows)];
	static char names[COUNT(refusal_rows) + COUNT(accepted_rows)][160];
	size_t count = 0;

	for (size_t i = 0; i < COUNT(single); i++)
		tests[count++] = single[i];
	for (size_t i = 0; i < COUNT(refusal_rows); i++, count++) {
		char *name = names[i];

		(void)snprintf(name, sizeof names[i], "refused %zu: %s: %s", i, refusal_rows[i].path, refusal_rows[i].says);
		tests[count] = (struct CMUnitTest){.name = name,
										   .test_func = open__file_of_the_row__refused_with_place_and_reason,
										   .initial_state = (void *)(uintptr_t)&refusal_rows[i]};
	}
	for (size_t i = 0; i < COUNT(accepted_rows); i++, count++) {
		char *name = names[COUNT(refusal_rows) + i];

		(void)snprintf(name, sizeof names[0], "accepted %zu", i);
		tests[count] = (struct CMUnitTest){.name = name,
										   .test_func = open__file_of_the_row__accepted,
										   .initial_state = (void *)(uintptr_t)accepted_rows[i]};
	}
	return _cmocka_run_group_tests("registry_file", tests, count, registry_box_make, registry_box_clear);
}
