/* The page for people: every foreign text stays text, no secret of the configuration is in it, nothing comes from
 * elsewhere, it refreshes with and without a script, and it tells what the metrics say. */
#include "tests/unit/toolbox/toolbox.h"

#include "page.h"

#include <openssl/evp.h>

static struct co_arena arena;
static struct co_page_history history;

static int set_up(void **state)
{
	(void)state;
	co_arena_init(&arena, 64UL * 1024, 64UL * 1024);
	co_metrics_setup(4, 2);
	co_page_history_init(&history);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	co_metrics_clear();
	co_arena_clear(&arena);
	return 0;
}

static struct co_page_facts plain_facts(void)
{
	return (struct co_page_facts){.version = "1.2.3",
								  .librdkafka = "2.0.2",
								  .instance = "w1",
								  .group = "g",
								  .prefix = "checkout.session.",
								  .live = true,
								  .ready = true,
								  .live_reason = "",
								  .ready_reason = "",
								  .uptime_ms = 90000,
								  .wall_ms = 1767225600000,
								  .lane_count = 1,
								  .lanes = {{.joined = true, .running = true, .partitions = 2}},
								  .partition_count = 4,
								  .configuration = "[worker]\n",
								  .history = &history};
}

/* The page as a string of the arena. */
static const char *page_of(const struct co_page_facts *facts)
{
	struct co_view page = co_page_compose(facts, &arena);
	char *text = co_arena_alloc(&arena, page.len + 1);

	memcpy(text, page.ptr, page.len);
	text[page.len] = '\0';
	return text;
}

static size_t times(const char *text, const char *wanted)
{
	size_t count = 0;

	for (; (text = strstr(text, wanted)) != NULL; text++)
		count++;
	return count;
}

#define ATTACK "<script>alert('x')</script>\"&"
#define ESCAPED "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"

/* Each text that others choose, one after the other: in the title and wherever else it stands. */
static void page__hostile_text_anywhere__escaped(void **state)
{
	struct co_page_facts facts[8];
	size_t count = sizeof facts / sizeof *facts;

	(void)state;
	for (size_t i = 0; i < count; i++)
		facts[i] = plain_facts();
	facts[0].version = facts[1].librdkafka = facts[2].instance = facts[3].group = ATTACK;
	facts[4].prefix = facts[5].live_reason = facts[6].ready_reason = facts[7].configuration = ATTACK;
	for (size_t i = 0; i < count; i++) {
		const char *page = page_of(&facts[i]);
		assert_contains(page, ESCAPED);
		assert_lacks(page, "alert('x')");
		assert_int_equal(times(page, "<script"), 1);
	}
}

/* The configuration as the service itself prints it, with a secret in every place that may hold one. */
static void page__configuration_with_secrets__none_shown(void **state)
{
	struct loaded loaded =
		load_path(NULL,
				  LIST(BOOTSTRAP, "CHECKOUT_REDIS_URL=redis://u5er:hush-1@127.0.0.1:6379/0",
					   "CHECKOUT_KAFKA_SASL_PASSWORD=hush-2", "CHECKOUT_KAFKA_SSL_KEY_PASSWORD=hush-3",
					   "CHECKOUT_KAFKA_SASL_OAUTHBEARER_CLIENT_SECRET=hush-4"),
				  LIST("kafka.ssl.keystore.password=hush-5"));
	struct co_page_facts facts = plain_facts();
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	(void)state;
	if (loaded.status != CO_OK)
		fail_msg("%s", loaded.complaints);
	co_config_print(&loaded.config, out);
	fclose(out);
	facts.configuration = text;
	const char *page = page_of(&facts);
	assert_contains(page, "redis://u5er:***@127.0.0.1:6379/0");
	assert_contains(page, "sasl.password = ***");
	assert_lacks(page, "hush");
	free(text);
	free(loaded.complaints);
	co_config_clear(&loaded.config);
}

static void page__plain__nothing_from_elsewhere_and_refreshes(void **state)
{
	const struct co_page_facts facts = plain_facts();
	const char *page = page_of(&facts);

	(void)state;
	assert_int_equal(strncmp(page, "<!doctype html><html lang=en>", 29), 0);
	assert_contains(page, "<noscript><meta http-equiv=refresh content=5></noscript>");
	assert_contains(page, co_page_script);
	assert_lacks(page, "://");
	assert_lacks(page, " src=");
	assert_lacks(page, " style=");
	assert_lacks(page, " onclick=");
	assert_contains(page, "</body></html>\n");
}

/* A browser runs the script only when its hash stands in the policy. */
static void policy__hash__is_the_scripts(void **state)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[128];
	unsigned len = 0;

	(void)state;
	assert_int_equal(EVP_Digest(co_page_script, strlen(co_page_script), digest, &len, EVP_sha256(), NULL), 1);
	assert_true(EVP_EncodeBlock(text, digest, (int)len) > 0);
	if (!strstr(co_page_policy, (const char *)text))
		fail_msg("the policy should name sha256-%s", text);
	assert_contains(co_page_policy, "default-src 'none'");
	assert_lacks(co_page_policy, "script-src 'unsafe-inline'");
}

static void page__not_ready__says_why(void **state)
{
	struct co_page_facts facts = plain_facts();

	(void)state;
	facts.ready = false;
	facts.ready_reason = "Redis does not answer";
	facts.lanes[0] = (struct co_page_lane){.joined = true, .partitions = 2, .progress_ms = 20, .kafka_ms = -1};
	const char *page = page_of(&facts);
	assert_contains(page, "<title>NOT READY");
	assert_contains(page, "not ready</span>: Redis does not answer");
	assert_contains(page, "recovering</span>");
	assert_contains(page, "<td>never<td>");
	facts.lane_count = 0;
	assert_contains(page_of(&facts), "not started: the topics are not checked yet");
}

/* Only partitions held are rows; the oldest deadline of them is told, and one in the past as such. */
static void page__partitions_held__lag_sessions_deadline(void **state)
{
	const struct co_page_facts facts = plain_facts();

	(void)state;
	co_metric_set(CO_METRIC_SESSIONS_LIVE, 2, 17);
	co_metric_set(CO_METRIC_PARTITION_LAG, 2, 6.5);
	co_metric_set(CO_METRIC_KAFKA_LAG, 2, 1234);
	co_metric_set(CO_METRIC_NEXT_DEADLINE, 2, 1767225600.0 - 9);
	co_metric_set(CO_METRIC_SESSIONS_LIVE, 3, 0);
	co_metric_set(CO_METRIC_NEXT_DEADLINE, 3, 1767225600.0 + 30);
	const char *page = page_of(&facts);
	assert_contains(page, "<tr><td>2<td>6.5 s<td>1234<td>17<td>");
	assert_contains(page, "<span class=bad>9.0 s ago</span></tr>");
	assert_contains(page, "<td>in 30.0 s</tr>");
	assert_lacks(page, "<tr><td>1<td>");
	assert_contains(page, "2 of 4 partitions; oldest deadline of all: <span class=bad>9.0 s ago</span>");
}

/* What was refused before the last minute is no news. */
static void page__refusals__those_of_the_last_minute(void **state)
{
	const struct co_page_facts facts = plain_facts();

	(void)state;
	co_metric_add(CO_METRIC_REFUSALS, CO_CODE_UNAUTHORIZED, 0, 5);
	co_page_history_take(&history, 1000);
	co_metric_add(CO_METRIC_REFUSALS, CO_CODE_SESSION_NOT_FOUND, 0, 3);
	co_metric_add(CO_METRIC_COMMANDS, CO_COMMAND_GET, CO_OUTCOME_REJECTED, 3);
	co_page_history_take(&history, 1500); /* too soon: no sample */
	co_page_history_take(&history, 3000);
	const char *page = page_of(&facts);
	assert_contains(page, "<tr><td>9300100<td class=t>SESSION_NOT_FOUND<td>3<td>3</tr>");
	assert_lacks(page, "9300003");
	assert_contains(page, "<b>1.5</b>refused / s");
}

static void history__older_than_the_window__left_out(void **state)
{
	int64_t took_ms = -1;

	(void)state;
	struct co_page_sample none = co_page_history_since(&history, 10000, &took_ms);
	assert_int_equal(took_ms, 0);
	assert_true(none.events <= 0);
	for (int i = 0; i < 100; i++) {
		co_metric_add(CO_METRIC_EVENTS, 0, 0, 1);
		co_page_history_take(&history, 1 + (int64_t)i * CO_PAGE_SAMPLE_MS);
	}
	struct co_page_sample last = co_page_history_since(&history, 10000, &took_ms);
	assert_int_equal(took_ms, 10000);
	assert_int_equal(last.events, 5);
	last = co_page_history_since(&history, 3600000, &took_ms);
	assert_int_equal(took_ms, (CO_PAGE_SAMPLES - 1) * CO_PAGE_SAMPLE_MS);
	assert_int_equal(last.events, CO_PAGE_SAMPLES - 1);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page__hostile_text_anywhere__escaped),
		TEST(page__configuration_with_secrets__none_shown),
		TEST(page__plain__nothing_from_elsewhere_and_refreshes),
		TEST(policy__hash__is_the_scripts),
		TEST(page__not_ready__says_why),
		TEST(page__partitions_held__lag_sessions_deadline),
		TEST(page__refusals__those_of_the_last_minute),
		TEST(history__older_than_the_window__left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
