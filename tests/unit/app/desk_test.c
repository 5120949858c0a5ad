/* The desk: which reply topic is taken and which is not, and where a reply goes (contract section 2); where a session
 * lives (section 1). */
#include "shard_bench.h"

#include "tests/support/record.h"

#include <stdio.h>
#include <string.h>

#define TEN "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN
#define NAME_249 FIFTY FIFTY FIFTY FIFTY TEN TEN TEN TEN "a.replies"
#define NAME_250 "a" NAME_249
_Static_assert(sizeof(NAME_249) == 249 + 1, "the longest name that Kafka takes");

enum verdict {
	INTERNAL = CO_REPLY_REFUSAL_INTERNAL,
	NAME = CO_REPLY_REFUSAL_NAME,
	NOT_ALLOWED = CO_REPLY_REFUSAL_NOT_ALLOWED,
	UNKNOWN_TOPIC = CO_REPLY_REFUSAL_UNKNOWN_TOPIC,
	TAKEN = CO_REPLY_REFUSAL_COUNT,
	AWAY,    /* as UNKNOWN_TOPIC, though it is there */
	DEFAULT, /* the service's own topic, not by a refusal */
	DOWN     /* Kafka does not say */
};

struct row {
	const char *allow; /* NULL: the default list */
	struct co_view topic;
	enum verdict verdict;
};

#define ROW(name, verdict)                      \
	{                                           \
		NULL, {name, sizeof(name) - 1}, verdict \
	}
#define ROW_ALLOW(allow, name, verdict)          \
	{                                            \
		allow, {name, sizeof(name) - 1}, verdict \
	}

static struct row rows[] = {
	ROW("checkout.session.commands", INTERNAL),
	ROW("checkout.session.events", INTERNAL),
	ROW("checkout.session.errors", INTERNAL),
	ROW("checkout.session.state", INTERNAL),
	ROW("checkout.session.dlq", INTERNAL),
	ROW("checkout.session.replies", DEFAULT),
	ROW("checkout.session.dlqs", TAKEN),
	ROW("checkout.session.dl", TAKEN),
	ROW("checkout.session.", TAKEN),
	ROW("checkout.session", NOT_ALLOWED),
	ROW("Checkout.session.mine", NOT_ALLOWED),
	ROW("__consumer_offsets", INTERNAL),
	ROW("__mine.replies", INTERNAL),
	ROW("__", INTERNAL),
	ROW("_mine.replies", TAKEN),
	ROW("_", NOT_ALLOWED),
	ROW("", NAME),
	ROW(".", NAME),
	ROW("..", NAME),
	ROW("...replies", TAKEN),
	ROW("...", NOT_ALLOWED),
	ROW(NAME_249, TAKEN),
	ROW(NAME_250, NAME),
	ROW("my shop.replies", NAME),
	ROW("my/shop.replies", NAME),
	ROW("sh\xc3\xb6p.replies", NAME),
	ROW("shop\0.replies", NAME),
	ROW("shop.replies\0", NAME),
	ROW("shop.replies\n", NAME),
	ROW("shop@.replies", NAME),
	ROW("shop[.replies", NAME),
	ROW("shop`.replies", NAME),
	ROW("shop{.replies", NAME),
	ROW("shop:.replies", NAME),
	ROW("AZaz09._-.replies", TAKEN),
	ROW("shop.replies", TAKEN),
	ROW("shop.reply", TAKEN),
	ROW(".reply", TAKEN),
	ROW("shop.replys", NOT_ALLOWED),
	ROW("shop.repl", NOT_ALLOWED),
	ROW("shop.REPLIES", NOT_ALLOWED),
	ROW("shopreplies", NOT_ALLOWED),
	ROW("gone.replies", UNKNOWN_TOPIC),
	ROW("down.replies", DOWN),
	ROW("away.replies", AWAY),
	ROW("gone.elsewhere", NOT_ALLOWED),
	/* The operator's own list takes the place of the default one; what is internal stays so. */
	ROW_ALLOW("^shop\\..* ^a+b$", "shop.anything", TAKEN),
	ROW_ALLOW("^shop\\..* ^a+b$", "ashop.anything", NOT_ALLOWED),
	ROW_ALLOW("^shop\\..* ^a+b$", "aab", TAKEN),
	ROW_ALLOW("^shop\\..* ^a+b$", "aabb", NOT_ALLOWED),
	ROW_ALLOW("^shop\\..* ^a+b$", "b", NOT_ALLOWED),
	ROW_ALLOW("^shop\\..* ^a+b$", "other.replies", NOT_ALLOWED),
	ROW_ALLOW("^shop\\..* ^a+b$", "checkout.session.mine", NOT_ALLOWED),
	ROW_ALLOW("^shop\\..* ^a+b$", "checkout.session.replies", DEFAULT),
	ROW_ALLOW(".*", "checkout.session.state", INTERNAL),
	ROW_ALLOW(".*", "__transaction_state", INTERNAL),
	ROW_ALLOW(".*", "my shop", NAME),
	ROW_ALLOW(".*", "gone.away", UNKNOWN_TOPIC),
	ROW_ALLOW("\t ^x$  \t", "x", TAKEN),
	ROW_ALLOW("\t ^x$  \t", "xx", NOT_ALLOWED),
	/* Blanks alone are no list. */
	ROW_ALLOW(" \t ", "shop.replies", TAKEN),
	ROW_ALLOW("", "shop.replied", NOT_ALLOWED),
};

static void reply_topic__named__as_the_row_says(void **state)
{
	const struct row *row = *state;
	struct bench bench;
	struct co_reply_target target = {.partition = 0};
	int32_t count = -7;

	bench_begin(&bench, 4, row->allow);
	struct co_reply_address address = {.dialect = CO_DIALECT_PLAIN, .topic = row->topic, .partition = -1};
	enum co_status status = co_desk_reply_topic(&bench.desk, &bench.outbox, &address, &target, &count);

	assert_int_equal(status, row->verdict == DOWN ? CO_LOG_DOWN : CO_OK);
	/* Only a topic that might be taken is worth a question. */
	assert_int_equal(bench.topics_asked,
					 row->verdict == UNKNOWN_TOPIC || (row->verdict >= TAKEN && row->verdict != DEFAULT));
	if (row->verdict != DOWN) {
		bool away = row->verdict == AWAY, refused = row->verdict < TAKEN || away;
		assert_int_equal(count, 4);
		assert_int_equal(target.redirected, refused);
		assert_true(
			co_view_eq(target.topic, row->verdict == TAKEN ? row->topic : bench.desk.names.topics[CO_TOPIC_REPLIES]));
		assert_int_equal(target.away, away);
		if (refused)
			assert_int_equal(target.refusal, away ? UNKNOWN_TOPIC : row->verdict);
	}
	bench_end(&bench);
}

static void reply_topic__none_named__default_without_a_question(void **state)
{
	struct co_reply_target target;
	struct bench bench;
	int32_t count = 0;

	(void)state;
	bench_begin(&bench, 5, NULL);
	const struct co_reply_address address = {.partition = 2};
	assert_int_equal(co_desk_reply_topic(&bench.desk, &bench.outbox, &address, &target, &count), CO_OK);
	assert_true(co_view_eq(target.topic, CO_VIEW("checkout.session.replies")));
	assert_false(target.redirected);
	assert_int_equal(count, 5);
	assert_int_equal(bench.topics_asked, 0);
	bench_end(&bench);
}

static void reply_topic__other_partition_count__told(void **state)
{
	struct co_reply_target target;
	struct bench bench;
	int32_t count = 0;

	(void)state;
	bench_begin(&bench, 5, NULL);
	const struct co_reply_address address = {.topic = CO_VIEW("wide.replies"), .partition = -1};
	assert_int_equal(co_desk_reply_topic(&bench.desk, &bench.outbox, &address, &target, &count), CO_OK);
	assert_int_equal(count, 12);
	bench_end(&bench);
}

static void desk_init__no_expression__says_which_and_why(void **state)
{
	static const char *const bad[] = {"(", "^ok$ [a", "a{2,1} ^ok$"};
	static const char *const named[] = {"'('", "'[a'", "'a{2,1}'"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct co_error error = {.path = ""};
		struct co_desk desk;
		const struct co_desk_wish wish = {
			.prefix = "p.", .source = "/s", .replies_allow = bad[i], .partition_count = 1, .retention_ms = 1};
		assert_int_equal(co_desk_init(&desk, &wish, &error), CO_CONFIG);
		assert_string_equal(error.path, "worker.replies.allow");
		assert_non_null(strstr(error.text, named[i]));
		assert_non_null(strstr(error.text, "regular expression"));
	}
}

/* ---- partitions ---- */

struct choice {
	const char *name;
	int64_t asked;
	const char *key; /* NULL: none */
	int32_t record, count, wanted;
};

/* The installation has 4. murmur2 of the keys as the Java client's own tests have it: "foobar" -790332482, "abc"
 * 479470107, their sign bit cleared. */
static struct choice choices[] = {
	{"asked_first", 0, "foobar", 3, 4, 0},
	{"asked_last", 3, "foobar", 1, 4, 3},
	{"asked_beyond", 4, "foobar", 1, 4, 1},
	{"asked_far_beyond", INT64_C(4294967296), "foobar", 1, 4, 1},
	{"asked_most", INT64_C(9999999999), "foobar", 2, 12, 6},
	{"none_asked", -1, "foobar", 2, 4, 2},
	{"other_count_asked", 11, "foobar", 2, 12, 11},
	{"other_count_asked_beyond", 12, "foobar", 2, 12, 6},
	{"other_count_by_key", -1, "abc", 2, 12, 3},
	{"other_count_no_key", -1, NULL, 3, 12, 3},
	{"fewer_no_key", -1, NULL, 3, 2, 1},
	{"fewer_by_key", -1, "abc", 0, 2, 1},
};

static void reply_partition__row__as_wanted(void **state)
{
	const struct choice *choice = *state;
	struct bench bench;

	bench_begin(&bench, 4, NULL);
	const struct co_reply_address address = {.partition = choice->asked};
	struct co_view key = choice->key ? co_view_cstr(choice->key) : (struct co_view){NULL, 0};
	assert_int_equal(co_desk_reply_partition(&bench.desk, &address, key, choice->record, choice->count),
					 choice->wanted);
	bench_end(&bench);
}

/* Against another implementation of the partitioner. */
static void desk_partition__many_sessions__as_the_producer_would(void **state)
{
	struct bench bench;

	(void)state;
	for (int32_t count = 1; count <= 13; count += 4) {
		bench_begin(&bench, count, NULL);
		for (int i = 0; i < 500; i++) {
			char reference[16], text[CO_UUID_TEXT + 1];
			(void)snprintf(reference, sizeof(reference), "r-%d", i);
			struct co_uuid id = bench_session(reference);
			co_uuid_format(&id, text);
			assert_int_equal(co_desk_partition(&bench.desk, &id), co_tk_murmur2_partition(co_view_cstr(text), count));
		}
		bench_end(&bench);
	}
}

static void redirected__any_reason__default_topic(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 4, NULL);
	for (int refusal = 0; refusal < CO_REPLY_REFUSAL_COUNT; refusal++) {
		struct co_reply_target target = co_desk_redirected(&bench.desk, (enum co_reply_refusal)refusal);
		assert_true(target.redirected);
		assert_int_equal(target.refusal, refusal);
		assert_true(co_view_eq(target.topic, CO_VIEW("checkout.session.replies")));
	}
	bench_end(&bench);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(*rows), CHOICES = sizeof(choices) / sizeof(*choices) };
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(reply_topic__none_named__default_without_a_question),
		cmocka_unit_test(reply_topic__other_partition_count__told),
		cmocka_unit_test(desk_init__no_expression__says_which_and_why),
		cmocka_unit_test(desk_partition__many_sessions__as_the_producer_would),
		cmocka_unit_test(redirected__any_reason__default_topic),
	};
	enum { OTHERS = sizeof(others) / sizeof(*others) };
	static struct CMUnitTest tests[ROWS + CHOICES + OTHERS];
	static char names[ROWS + CHOICES][320];
	size_t count = 0;

	for (size_t i = 0; i < ROWS; i++, count++) {
		(void)snprintf(names[count], sizeof(names[count]), "reply_topic__%zu_%.40s__as_the_row_says", i,
					   rows[i].topic.ptr);
		for (char *at = names[count]; *at; at++)
			if (*at <= ' ' || *at > '~')
				*at = '?';
		tests[count] = (struct CMUnitTest){names[count], reply_topic__named__as_the_row_says, NULL, NULL, &rows[i]};
	}
	for (size_t i = 0; i < CHOICES; i++, count++) {
		(void)snprintf(names[count], sizeof(names[count]), "reply_partition__%s__as_wanted", choices[i].name);
		tests[count] = (struct CMUnitTest){names[count], reply_partition__row__as_wanted, NULL, NULL, &choices[i]};
	}
	for (size_t i = 0; i < OTHERS; i++)
		tests[count++] = others[i];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
