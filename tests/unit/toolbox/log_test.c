/* Lines of common/log.c as they reach stderr: form, escaping, size, one write each. */
#include "toolbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "checkout/arena.h"
#include "checkout/json.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

static int stderr_copy, pipe_ends[2];

/* From here on stderr is a pipe: what one read gives back is what one write put there. */
static void catch_begin(void)
{
	assert_int_equal(pipe2(pipe_ends, O_NONBLOCK | O_CLOEXEC), 0);
	stderr_copy = dup(STDERR_FILENO);
	dup2(pipe_ends[1], STDERR_FILENO);
}

static char *catch_end(void)
{
	static char text[1 << 17];
	ssize_t len;

	dup2(stderr_copy, STDERR_FILENO);
	close(stderr_copy);
	close(pipe_ends[1]);
	len = read(pipe_ends[0], text, sizeof text - 1);
	close(pipe_ends[0]);
	text[len > 0 ? len : 0] = '\0';
	return text;
}

static const char *line_of(enum co_log_format format, const char *message, struct co_log_field field)
{
	co_log_setup(CO_LOG_DEBUG, format);
	co_log_setup_names("session-worker", "w1");
	catch_begin();
	co_log(CO_LOG_INFO, "lane.recovered", message, field);
	return catch_end();
}

static const struct co_json *parse(struct co_arena *arena, const char *line)
{
	const struct co_json *json = NULL;
	struct co_error error = {.text = ""};
	struct co_view text = co_view_cstr(line);

	assert_true(text.len > 1 && text.ptr[text.len - 1] == '\n');
	text.len--;
	if (co_json_parse(text, CO_JSON_DEPTH_MAX, arena, &json, &error) != CO_OK)
		fail_msg("%s: %s", error.text, line);
	return json;
}

static void assert_member(const struct co_json *json, const char *key, const char *value)
{
	const struct co_json *member = co_json_member(json, co_view_cstr(key));

	if (!member || member->type != CO_JSON_STRING) {
		fail_msg("no text %s", key);
		return;
	}
	assert_int_equal(member->text.len, strlen(value));
	assert_memory_equal(member->text.ptr, value, strlen(value));
}

static void json__line__has_ecs_names(void **state)
{
	struct co_arena arena;
	const char *line = line_of(CO_LOG_JSON, "the lane is back", CO_INT("checkout.lane", -3));
	const struct co_json *json;

	(void)state;
	co_arena_init(&arena, 8192, 8192);
	json = parse(&arena, line);
	assert_memory_equal(line, "{\"@timestamp\":\"20", 17);
	assert_contains(line, "Z\",\"log.level\":\"info\",\"message\":\"the lane is back\",\"ecs.version\":\"8.11.0\"");
	assert_member(json, "service.name", "session-worker");
	assert_member(json, "service.node.name", "w1");
	assert_member(json, "event.action", "lane.recovered");
	assert_int_equal(co_json_member(json, CO_VIEW("process.pid"))->integer, getpid());
	assert_int_equal(co_json_member(json, CO_VIEW("process.thread.id"))->integer, getpid());
	assert_int_equal(co_json_member(json, CO_VIEW("checkout.lane"))->integer, -3);
	co_arena_clear(&arena);
}

/* A text that would make a line of its own, colour a terminal, or end the JSON string. */
#define HOSTILE "a\n{\"log.level\":\"bug\"}\r\t\x1b[31m\\\"\x7f\xc2\x85\xe2\x80\xa8\xe2\x80\xae\xc3\xa9"

static void json__hostile_text__escaped_and_whole(void **state)
{
	struct co_arena arena;
	const char *line = line_of(CO_LOG_JSON, HOSTILE, CO_TEXT("user_agent.original", HOSTILE));
	const struct co_json *json;

	(void)state;
	co_arena_init(&arena, 8192, 8192);
	json = parse(&arena, line);
	assert_int_equal(count_lines(line), 1);
	assert_member(json, "message", HOSTILE);
	assert_member(json, "user_agent.original", HOSTILE);
	assert_contains(line,
					"a\\n{\\\"log.level\\\":\\\"bug\\\"}\\r\\t\\u001b[31m\\\\\\\"\\u007f\\u0085\\u2028\\u202e\xc3\xa9");
	co_arena_clear(&arena);
}

static void text__hostile_text__escaped_on_one_line(void **state)
{
	const char *line = line_of(CO_LOG_TEXT, HOSTILE, CO_TEXT("k", HOSTILE));

	(void)state;
	assert_int_equal(count_lines(line), 1);
	assert_contains(line, "Z info lane.recovered: a\\n{\\\"log.level\\\"");
	assert_contains(line, " k=\"a\\n{");
	for (const char *at = line; at[1]; at++)
		assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
}

static void json__hostile_key__escaped(void **state)
{
	struct co_arena arena;
	const char *line = line_of(CO_LOG_JSON, "m", CO_INT("a\"\n", 1));

	(void)state;
	co_arena_init(&arena, 8192, 8192);
	assert_int_equal(co_json_member(parse(&arena, line), CO_VIEW("a\"\n"))->integer, 1);
	co_arena_clear(&arena);
}

struct broken {
	const char *bytes, *shown;
};
static const struct broken broken[] = {
	{"a\xff"
	 "b",
	 "a\xef\xbf\xbd"
	 "b"},                                                                    /* a byte that never occurs */
	{"\x80", "\xef\xbf\xbd"},                                                 /* a lone continuation */
	{"\xc3", "\xef\xbf\xbd"},                                                 /* cut off */
	{"\xc3(", "\xef\xbf\xbd("},                                               /* no continuation */
	{"\xc0\x8a", "\xef\xbf\xbd\xef\xbf\xbd"},                                 /* an overlong line end */
	{"\xe0\x80\x8a", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* a longer one */
	{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},                 /* a surrogate */
	{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* above U+10FFFF */
	{"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},                                 /* U+10FFFF */
	{"\xed\x9f\xbf", "\xed\x9f\xbf"},                                         /* U+D7FF */
};

static void json__broken_utf8__replaced(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
		struct co_arena arena;
		const char *line = line_of(CO_LOG_JSON, "m", CO_TEXT("k", broken[i].bytes));
		co_arena_init(&arena, 8192, 8192);
		assert_member(parse(&arena, line), "k", broken[i].shown);
		co_arena_clear(&arena);
	}
}

static void json__nul_in_bytes_and_absent_bytes__shown(void **state)
{
	(void)state;
	assert_contains(line_of(CO_LOG_JSON, "m", CO_BYTES("k", CO_VIEW("a\0b"))), ",\"k\":\"a\\u0000b\"}\n");
	assert_contains(line_of(CO_LOG_JSON, "m", CO_BYTES("k", co_view_make(NULL, 0))), ",\"k\":null}\n");
	assert_contains(line_of(CO_LOG_TEXT, "m", CO_BYTES("k", co_view_make(NULL, 0))), ": m k=\"\"\n");
	assert_contains(line_of(CO_LOG_TEXT, "m", CO_TEXT("k", "bare-1.0/x")), ": m k=bare-1.0/x\n");
	assert_contains(line_of(CO_LOG_TEXT, "m", CO_TEXT("k", "a=b")), ": m k=\"a=b\"\n");
}

/* However long the texts: one line that a pipe takes whole, still JSON, and the cut is told. */
static void json__too_much__cut_and_told(void **state)
{
	struct co_arena arena;
	char *huge = malloc(100001);
	const char *line;
	const struct co_json *json, *text;

	(void)state;
	memset(huge, '\n', 100000); /* two bytes each once escaped */
	huge[100000] = '\0';
	co_log_setup(CO_LOG_DEBUG, CO_LOG_JSON);
	catch_begin();
	co_log(CO_LOG_ERROR, huge, huge, CO_TEXT("one", huge), CO_TEXT("two", huge), CO_TEXT("three", huge),
		   CO_INT("four", 4));
	line = catch_end();
	free(huge);

	assert_true(strlen(line) <= CO_LOG_LINE_MAX);
	assert_int_equal(count_lines(line), 1);
	co_arena_init(&arena, 8192, 8192);
	json = parse(&arena, line);
	text = co_json_member(json, CO_VIEW("one"));
	assert_int_equal(text->text.len, 500 + 3);
	assert_memory_equal(text->text.ptr + 500, "…", 3);
	assert_null(co_json_member(json, CO_VIEW("three")));
	assert_int_equal(co_json_member(json, CO_VIEW("four"))->integer, 4);
	assert_int_equal(co_json_member(json, CO_VIEW("checkout.log.cut"))->type, CO_JSON_TRUE);
	co_arena_clear(&arena);
}

static void level__below__not_written(void **state)
{
	(void)state;
	co_log_setup(CO_LOG_NOTICE, CO_LOG_TEXT);
	catch_begin();
	co_log(CO_LOG_INFO, "e", "not this", CO_INT("k", 1));
	co_log(CO_LOG_NOTICE, "e", "but this", CO_INT("k", 1));
	const char *text = catch_end();
	assert_lacks(text, "not this");
	assert_contains(text, " notice e: but this k=1\n");
	assert_false(co_log_enabled(CO_LOG_INFO));
	assert_true(co_log_enabled(CO_LOG_BUG));
}

static void level_find__names__exact(void **state)
{
	enum co_log_level level = CO_LOG_BUG;

	(void)state;
	assert_true(co_log_level_find(CO_VIEW("debug"), &level));
	assert_int_equal(level, CO_LOG_DEBUG);
	assert_true(co_log_level_find(CO_VIEW("error"), &level));
	assert_int_equal(level, CO_LOG_ERROR);
	assert_false(co_log_level_find(CO_VIEW("Error"), &level));
	assert_false(co_log_level_find(CO_VIEW("erro"), &level));
	assert_false(co_log_level_find(CO_VIEW(""), &level));
	assert_int_equal(level, CO_LOG_ERROR);
}

static void write__errno__kept(void **state)
{
	(void)state;
	catch_begin();
	close(STDERR_FILENO);
	errno = ENOENT;
	co_log_write(CO_LOG_ERROR, "e", "nobody hears", NULL);
	assert_int_equal(errno, ENOENT);
	catch_end();
}

static void *write_many(void *which)
{
	for (int i = 0; i < 100; i++)
		co_log(CO_LOG_ERROR, "many", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", CO_INT("thread", *(int *)which));
	return NULL;
}

static void write__many_threads__whole_lines(void **state)
{
	pthread_t threads[4];
	int numbers[4] = {0, 1, 2, 3};
	char *text, *line;
	size_t lines = 0;

	(void)state;
	co_log_setup(CO_LOG_DEBUG, CO_LOG_TEXT);
	catch_begin();
	fcntl(pipe_ends[1], F_SETPIPE_SZ, 1 << 17);
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &numbers[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	text = catch_end();
	while ((line = strsep(&text, "\n")) != NULL && *line) {
		assert_int_equal(strlen(line), strlen("2026-01-01T00:00:00.000Z error many: ") + 40 + strlen(" thread=0"));
		lines++;
	}
	assert_int_equal(lines, 400);
}

static void gate__within_the_interval__shut(void **state)
{
	struct co_log_gate gate = {0};

	(void)state;
	assert_true(co_log_gate_open(&gate, 60000));
	assert_false(co_log_gate_open(&gate, 60000));
	usleep(3000);
	assert_true(co_log_gate_open(&gate, 1));
}

static size_t lines_of(const char *text, const char *event)
{
	size_t count = 0;

	for (; (text = strstr(text, event)) != NULL; text++)
		count++;
	return count;
}

static void storm(enum co_log_level level, const char *event, int lines)
{
	for (int i = 0; i < lines; i++)
		co_log(level, event, "again", CO_INT("checkout.lane", i));
}

/* Each event has its own measure; bug and debug have none. */
static void limit__storm_of_one_event__cut_and_others_not(void **state)
{
	(void)state;
	co_metrics_setup(1, 1);
	co_log_setup(CO_LOG_DEBUG, CO_LOG_TEXT);
	co_log_setup_limit(3, 60000);
	catch_begin();
	storm(CO_LOG_NOTICE, "kafka.storm", 10);
	storm(CO_LOG_ERROR, "redis.storm", 3);
	storm(CO_LOG_BUG, "wrong.storm", 5);
	storm(CO_LOG_DEBUG, "debug.storm", 5);
	const char *text = catch_end();
	co_log_setup_limit(0, 0);
	assert_int_equal(lines_of(text, "kafka.storm"), 3);
	assert_int_equal(lines_of(text, "redis.storm"), 3);
	assert_int_equal(lines_of(text, "wrong.storm"), 5);
	assert_int_equal(lines_of(text, "debug.storm"), 5);
	assert_int_equal(lines_of(text, "suppressed"), 0);
	assert_int_equal(co_metric_read(CO_METRIC_LOG_SUPPRESSED, 0, 0), 7);
	co_metrics_clear();
}

static void limit__interval_over__next_line_says_how_many(void **state)
{
	(void)state;
	co_log_setup(CO_LOG_INFO, CO_LOG_JSON);
	/* long enough for nine lines on any machine */
	co_log_setup_limit(2, 2000);
	catch_begin();
	storm(CO_LOG_NOTICE, "kafka.storm", 9);
	usleep(2100000);
	storm(CO_LOG_NOTICE, "kafka.storm", 2);
	const char *text = catch_end();
	co_log_setup_limit(0, 0);
	assert_int_equal(lines_of(text, "kafka.storm"), 4);
	assert_int_equal(lines_of(text, "\"checkout.log.suppressed\":7"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json__line__has_ecs_names),
		cmocka_unit_test(json__hostile_text__escaped_and_whole),
		cmocka_unit_test(text__hostile_text__escaped_on_one_line),
		cmocka_unit_test(json__hostile_key__escaped),
		cmocka_unit_test(json__broken_utf8__replaced),
		cmocka_unit_test(json__nul_in_bytes_and_absent_bytes__shown),
		cmocka_unit_test(json__too_much__cut_and_told),
		cmocka_unit_test(level__below__not_written),
		cmocka_unit_test(level_find__names__exact),
		cmocka_unit_test(write__errno__kept),
		cmocka_unit_test(write__many_threads__whole_lines),
		cmocka_unit_test(gate__within_the_interval__shut),
		cmocka_unit_test(limit__storm_of_one_event__cut_and_others_not),
		cmocka_unit_test(limit__interval_over__next_line_says_how_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
