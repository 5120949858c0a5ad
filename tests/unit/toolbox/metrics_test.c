/* The metrics: every series there from the start, bounded labels, numbers that agree, and lines as Prometheus reads
 * them. */
#include "toolbox.h"

#include <math.h>
#include <pthread.h>
#include <regex.h>
#include <time.h>

#include "checkout/domain/catalogue.h"
#include "checkout/metrics.h"

#define PARTITIONS 4
#define LANES 2

static struct co_arena arena;

static int set_up(void **state)
{
	(void)state;
	co_arena_init(&arena, 65536, 65536);
	co_metrics_setup(PARTITIONS, LANES);
	co_metrics_setup_build("1.2.3", "2.0.2");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	co_metrics_clear();
	co_arena_clear(&arena);
	return 0;
}

static const char *expose(void)
{
	return co_view_dup(&arena, co_metrics_expose(&arena)).ptr;
}

/* Lines that begin with `name` and `{` or a blank. */
static size_t series_of(const char *text, const char *name)
{
	size_t count = 0, len = strlen(name);

	for (const char *at = text; at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		count += strncmp(at, name, len) == 0 && (at[len] == '{' || at[len] == ' ');
	return count;
}

static void assert_line(const char *text, const char *line)
{
	char wanted[512];

	snprintf(wanted, sizeof wanted, "\n%s\n", line);
	assert_contains(text, wanted);
}

static void expose__at_the_start__every_series_there(void **state)
{
	static const struct {
		const char *name;
		size_t series;
	} rows[] = {
		{"checkout_commands_total", CO_COMMAND_COUNT * (size_t)3},
		{"checkout_refusals_total", CO_CODE_COUNT},
		{"checkout_events_total", CO_EVENT_COUNT},
		{"checkout_dlq_total", 10},
		{"checkout_replies_redirected_total", 4},
		{"checkout_forwarded_total", 1},
		{"checkout_expiry_lateness_seconds_bucket", 16},
		{"checkout_expiry_lateness_seconds_sum", 1},
		{"checkout_expiry_lateness_seconds_count", 1},
		{"checkout_command_age_seconds_count", 1},
		{"checkout_transaction_duration_seconds_count", 1},
		{"checkout_batch_records_bucket", 14},
		{"checkout_transactions_total", 3},
		{"checkout_partition_lag_seconds", PARTITIONS},
		{"checkout_sessions_live", 0},
		{"checkout_payments_overdue", 0},
		{"checkout_recoveries_total", 9},
		{"checkout_lane_up", LANES},
		{"checkout_lane_partitions", LANES},
		{"checkout_redis_errors_total", 6},
		{"checkout_redis_duration_seconds_bucket", 6UL * 16},
		{"checkout_build_info", 1},
		{"checkout_kafka_lag_records", 0},
		{"checkout_kafka_position_offset", 0},
		{"checkout_next_deadline_timestamp_seconds", 0},
		{"checkout_kafka_rebalances_total", LANES},
		{"checkout_kafka_producer_queue_records", LANES},
		{"checkout_kafka_transaction_lanes", 6},
		{"checkout_kafka_idempotence_lanes", 5},
		{"checkout_log_suppressed_total", 1},
		{"checkout_settings_reloads_total", 3},
		{"process_cpu_seconds_total", 1},
		{"process_resident_memory_bytes", 1},
		{"process_open_fds", 1},
		{"process_start_time_seconds", 1},
	};
	const char *text = expose();

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (series_of(text, rows[i].name) != rows[i].series)
			fail_msg("%s has %zu series, not %zu", rows[i].name, series_of(text, rows[i].name), rows[i].series);
	assert_line(text, "checkout_commands_total{command=\"create\",outcome=\"accepted\"} 0");
	assert_line(text, "checkout_commands_total{command=\"validate\",outcome=\"replayed\"} 0");
	assert_line(text, "checkout_refusals_total{code=\"9300402\"} 0");
	assert_line(text, "checkout_recoveries_total{cause=\"view_mismatch\"} 0");
	assert_line(text, "checkout_partition_lag_seconds{partition=\"3\"} NaN");
	assert_line(text, "checkout_lane_up{lane=\"1\"} 0");
	assert_line(text, "checkout_build_info{version=\"1.2.3\",librdkafka=\"2.0.2\"} 1");
}

#define CO_METRIC(ident, kind, name, labels, sentence) {name, #kind, sentence},
static const struct {
	const char *name, *kind, *sentence;
} rows_of_table[] = {
#include "checkout/tbl/metrics.def"
};
#undef CO_METRIC

static void table__every_row__named_by_the_rules_and_declared(void **state)
{
	const char *text = expose();

	(void)state;
	for (size_t i = 0; i < sizeof rows_of_table / sizeof *rows_of_table; i++) {
		const char *name = rows_of_table[i].name;
		char head[400];
		bool total = strlen(name) > 6 && strcmp(name + strlen(name) - 6, "_total") == 0;
		bool histogram = strcmp(rows_of_table[i].kind, "SECONDS") == 0 || strcmp(rows_of_table[i].kind, "SIZES") == 0;
		assert_int_equal(strncmp(name, "checkout_", 9), 0);
		assert_int_equal(total, strcmp(rows_of_table[i].kind, "COUNTER") == 0);
		snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n", name, rows_of_table[i].sentence, name,
				 total       ? "counter"
				 : histogram ? "histogram"
							 : "gauge");
		assert_contains(text, head);
	}
}

/* The line grammar of the exposition format, no series twice, every sample under its own family's head. */
static void expose__all_lines__well_formed(void **state)
{
	regex_t sample, help, type;
	char family[128] = "", previous[256] = "";
	const char *label = "[a-z_]+=\"([^\"\\]|\\\\[\\\"n])*\"";
	char pattern[512];
	char *text, *line;
	size_t samples = 0;

	(void)state;
	co_metric_observe(CO_METRIC_BATCH_RECORDS, 0, 3);
	co_metrics_setup_build("a\"b\\c\nd", "");
	snprintf(pattern, sizeof pattern, "^[a-z_]+(\\{%s(,%s)*\\})? (NaN|[+-]Inf|-?[0-9]+(\\.[0-9]+)?(e[+-][0-9]+)?)$",
			 label, label);
	assert_int_equal(regcomp(&sample, pattern, REG_EXTENDED), 0);
	assert_int_equal(regcomp(&help, "^# HELP [a-z_]+ [^\\]+$", REG_EXTENDED), 0);
	assert_int_equal(regcomp(&type, "^# TYPE [a-z_]+ (counter|gauge|histogram)$", REG_EXTENDED), 0);
	text = (char *)(uintptr_t)expose();
	assert_int_equal(text[strlen(text) - 1], '\n');
	while ((line = strsep(&text, "\n")) != NULL && (text || *line)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			assert_int_equal(regexec(&help, line, 0, NULL, 0), 0);
		} else if (line[0] == '#') {
			assert_int_equal(regexec(&type, line, 0, NULL, 0), 0);
			assert_int_equal(sscanf(line, "# TYPE %127s", family), 1);
		} else {
			if (regexec(&sample, line, 0, NULL, 0))
				fail_msg("no sample: %s", line);
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_string_not_equal(line, previous);
			snprintf(previous, sizeof previous, "%s", line);
			samples++;
		}
	}
	assert_true(samples > 200);
	regfree(&sample);
	regfree(&help);
	regfree(&type);
}

static void add__within_the_lists__counted(void **state)
{
	(void)state;
	co_metric_add(CO_METRIC_COMMANDS, CO_COMMAND_GET, CO_OUTCOME_REJECTED, 2);
	co_metric_add(CO_METRIC_COMMANDS, CO_COMMAND_GET, CO_OUTCOME_REJECTED, 1);
	co_metric_add(CO_METRIC_REFUSALS, CO_CODE_SESSION_ALREADY_EXPIRED, 0, 7);

	assert_int_equal(co_metric_read(CO_METRIC_COMMANDS, CO_COMMAND_GET, CO_OUTCOME_REJECTED), 3);
	assert_int_equal(co_metric_read(CO_METRIC_COMMANDS, CO_COMMAND_GET, CO_OUTCOME_ACCEPTED), 0);
	assert_line(expose(), "checkout_commands_total{command=\"get\",outcome=\"rejected\"} 3");
	assert_line(expose(), "checkout_refusals_total{code=\"9300105\"} 7");
}

/* Just past each end, and by the wrong kind of call: nothing changes anywhere. */
static void add__out_of_range_or_of_another_kind__counted_nowhere(void **state)
{
	co_metrics_setup_build("1.2.3", "2.0.2");
	const char *before = strstr(expose(), "# HELP"), *after;
	size_t len = (size_t)(strstr(before, "# HELP process_") - before);

	(void)state;
	co_metric_add(CO_METRIC_COMMANDS, CO_COMMAND_COUNT, 0, 1);
	co_metric_add(CO_METRIC_COMMANDS, 0, CO_OUTCOME_COUNT, 1);
	co_metric_add(CO_METRIC_FORWARDED, 1, 0, 1);
	co_metric_add(CO_METRIC_FORWARDED, 0, 1, 1);
	co_metric_add(CO_METRIC_REFUSALS, SIZE_MAX, 0, 1);
	co_metric_add(CO_METRIC_COUNT, 0, 0, 1);
	co_metric_add(CO_METRIC_LANE_UP, 0, 0, 1);
	co_metric_add(CO_METRIC_BATCH_RECORDS, 0, 0, 1);
	co_metric_set(CO_METRIC_LANE_UP, LANES, 1);
	co_metric_set(CO_METRIC_PARTITION_LAG, PARTITIONS, 1);
	co_metric_set(CO_METRIC_FORWARDED, 0, 1);
	co_metric_observe(CO_METRIC_REDIS_DURATION, CO_OPERATION_COUNT, 1);
	co_metric_observe(CO_METRIC_BATCH_RECORDS, 0, NAN);
	co_metric_observe(CO_METRIC_LANE_UP, 0, 1);
	after = expose();
	assert_memory_equal(before, after, len);
	assert_true(isnan(co_metric_read(CO_METRIC_LANE_UP, LANES, 0)));
	assert_true(isnan(co_metric_read(CO_METRIC_COUNT, 0, 0)));
}

static void all__before_setup__count_nowhere(void **state)
{
	(void)state;
	co_metrics_clear();
	co_metric_add(CO_METRIC_FORWARDED, 0, 0, 1);
	co_metric_set(CO_METRIC_LANE_UP, 0, 1);
	co_metric_observe(CO_METRIC_BATCH_RECORDS, 0, 1);
	assert_true(isnan(co_metric_read(CO_METRIC_FORWARDED, 0, 0)));
	assert_lacks(expose(), "checkout_");
}

static void set__gauges__shown(void **state)
{
	(void)state;
	co_metric_set(CO_METRIC_PARTITION_LAG, 0, 0.1);
	co_metric_set(CO_METRIC_LANE_PROGRESS, 1, 1767225600.123);
	co_metric_set(CO_METRIC_LANE_UP, 0, INFINITY);
	const char *text = expose();
	assert_line(text, "checkout_partition_lag_seconds{partition=\"0\"} 0.1");
	assert_line(text, "checkout_lane_progress_timestamp_seconds{lane=\"1\"} 1767225600.123");
	assert_line(text, "checkout_lane_up{lane=\"0\"} +Inf");
}

/* A partition that is not held has no series, so that sums over the workers stay sums. */
static void set__held_partition_lost__series_gone(void **state)
{
	(void)state;
	co_metric_set(CO_METRIC_SESSIONS_LIVE, 2, 17);
	assert_line(expose(), "checkout_sessions_live{partition=\"2\"} 17");
	assert_int_equal(series_of(expose(), "checkout_sessions_live"), 1);
	co_metric_set(CO_METRIC_SESSIONS_LIVE, 2, NAN);
	assert_int_equal(series_of(expose(), "checkout_sessions_live"), 0);
	co_metric_set(CO_METRIC_PARTITION_LAG, 2, NAN);
	assert_line(expose(), "checkout_partition_lag_seconds{partition=\"2\"} NaN");
}

/* A bound belongs to its bucket; what is above all of them counts in +Inf alone. */
static void observe__at_and_around_bounds__in_the_right_bucket(void **state)
{
	const double values[] = {0.001, 0.0011, 60, 60.5, -1};

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		co_metric_observe(CO_METRIC_EXPIRY_LATENESS, 0, values[i]);
	const char *text = expose();
	assert_line(text, "checkout_expiry_lateness_seconds_bucket{le=\"0.001\"} 2");
	assert_line(text, "checkout_expiry_lateness_seconds_bucket{le=\"0.002\"} 3");
	assert_line(text, "checkout_expiry_lateness_seconds_bucket{le=\"30\"} 3");
	assert_line(text, "checkout_expiry_lateness_seconds_bucket{le=\"60\"} 4");
	assert_line(text, "checkout_expiry_lateness_seconds_bucket{le=\"+Inf\"} 5");
	assert_true(fabs(strtod(strstr(text, "\ncheckout_expiry_lateness_seconds_sum ") + 38, NULL) - 120.5021) < 1e-9);
	assert_line(text, "checkout_expiry_lateness_seconds_count 5");
	assert_int_equal(co_metric_read(CO_METRIC_EXPIRY_LATENESS, 0, 0), 5);
}

/* 100 observations in (1, 2], 100 in (2, 5]. */
static void quantile__two_buckets__interpolated(void **state)
{
	(void)state;
	assert_true(isnan(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 0.5)));
	for (int i = 0; i < 100; i++) {
		co_metric_observe(CO_METRIC_COMMAND_AGE, 0, 1.5);
		co_metric_observe(CO_METRIC_COMMAND_AGE, 0, 3);
	}
	assert_true(fabs(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 0.25) - 1.5) < 1e-9);
	assert_true(fabs(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 0.5) - 2) < 1e-9);
	assert_true(fabs(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 0.75) - 3.5) < 1e-9);
	assert_true(fabs(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 1) - 5) < 1e-9);
}

static void quantile__beyond_the_last_bound_or_no_histogram__told(void **state)
{
	(void)state;
	co_metric_observe(CO_METRIC_COMMAND_AGE, 0, 3600);
	assert_true(fabs(co_metric_quantile(CO_METRIC_COMMAND_AGE, 0, 0.99) - 60) < 1e-9);
	assert_true(isnan(co_metric_quantile(CO_METRIC_FORWARDED, 0, 0.5)));
	assert_true(isnan(co_metric_quantile(CO_METRIC_COMMAND_AGE, 1, 0.5)));
}

static void observe__by_label__apart(void **state)
{
	(void)state;
	co_metric_observe(CO_METRIC_REDIS_DURATION, CO_OPERATION_APPLY, 0.004);
	const char *text = expose();
	assert_line(text, "checkout_redis_duration_seconds_bucket{operation=\"apply\",le=\"0.005\"} 1");
	assert_line(text, "checkout_redis_duration_seconds_count{operation=\"apply\"} 1");
	assert_line(text, "checkout_redis_duration_seconds_count{operation=\"load\"} 0");
}

static void set_partitions__more_and_fewer__followed(void **state)
{
	(void)state;
	co_metric_set(CO_METRIC_PARTITION_LAG, 3, 5);
	co_metrics_set_partitions(6);
	co_metric_set(CO_METRIC_PARTITION_LAG, 5, 6);
	assert_line(expose(), "checkout_partition_lag_seconds{partition=\"3\"} 5");
	assert_line(expose(), "checkout_partition_lag_seconds{partition=\"4\"} NaN");
	assert_line(expose(), "checkout_partition_lag_seconds{partition=\"5\"} 6");
	co_metrics_set_partitions(1);
	assert_int_equal(series_of(expose(), "checkout_partition_lag_seconds"), 1);
	co_metric_set(CO_METRIC_PARTITION_LAG, 1, 7);
	assert_true(isnan(co_metric_read(CO_METRIC_PARTITION_LAG, 1, 0)));
	co_metrics_set_partitions(10001);
	assert_int_equal(series_of(expose(), "checkout_partition_lag_seconds"), 1);
	co_metrics_set_partitions(10000);
	assert_int_equal(series_of(expose(), "checkout_partition_lag_seconds"), 10000);
	assert_true(isnan(co_metric_read(CO_METRIC_PARTITION_LAG, 3, 0)));
}

static void *count_many(void *unused)
{
	(void)unused;
	for (int i = 0; i < 10000; i++) {
		co_metric_add(CO_METRIC_FORWARDED, 0, 0, 1);
		co_metric_observe(CO_METRIC_BATCH_RECORDS, 0, 2);
	}
	return NULL;
}

static void all__many_threads__nothing_lost(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_many, NULL), 0);
	(void)expose();
	co_metrics_set_partitions(8);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(co_metric_read(CO_METRIC_FORWARDED, 0, 0), 40000);
	assert_line(expose(), "checkout_batch_records_bucket{le=\"2\"} 40000");
	assert_line(expose(), "checkout_batch_records_sum 80000");
}

static double process_value(const char *name)
{
	char head[64];
	const char *at;

	snprintf(head, sizeof head, "\n%s ", name);
	at = strstr(expose(), head);
	assert_non_null(at);
	return strtod(at + strlen(head), NULL);
}

static void process__values__plausible(void **state)
{
	int extra;
	double fds = process_value("process_open_fds");
	double start = process_value("process_start_time_seconds");
	double now = (double)time(NULL);

	(void)state;
	extra = dup(0);
	assert_int_equal(process_value("process_open_fds"), fds + 1);
	close(extra);
	assert_true(start <= now + 1 && start > now - 3600);
	assert_true(process_value("process_start_time_seconds") == start);
	assert_true(process_value("process_resident_memory_bytes") > 100000);
	assert_true(process_value("process_cpu_seconds_total") > 0);
}

static void describe__every_row__told(void **state)
{
	const char *text = co_view_dup(&arena, co_metrics_describe(&arena)).ptr;

	(void)state;
	for (size_t i = 0; i < sizeof rows_of_table / sizeof *rows_of_table; i++) {
		char name[128];
		snprintf(name, sizeof name, "\n| `%s` | ", rows_of_table[i].name);
		assert_contains(text, name);
		assert_contains(text, rows_of_table[i].sentence);
	}
	assert_contains(text, "\n| `cause` | `checkout_recoveries_total` | `rebalance` `start` `transaction_failed` ");
	assert_contains(text, "\n| `process_open_fds` | gauge |");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(expose__at_the_start__every_series_there),
		TEST(table__every_row__named_by_the_rules_and_declared),
		TEST(expose__all_lines__well_formed),
		TEST(add__within_the_lists__counted),
		TEST(add__out_of_range_or_of_another_kind__counted_nowhere),
		TEST(all__before_setup__count_nowhere),
		TEST(set__gauges__shown),
		TEST(set__held_partition_lost__series_gone),
		TEST(observe__at_and_around_bounds__in_the_right_bucket),
		TEST(quantile__two_buckets__interpolated),
		TEST(quantile__beyond_the_last_bound_or_no_histogram__told),
		TEST(observe__by_label__apart),
		TEST(set_partitions__more_and_fewer__followed),
		TEST(all__many_threads__nothing_lost),
		TEST(process__values__plausible),
		TEST(describe__every_row__told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
