/* What becomes of the Kafka client's statistics: the numbers that operators ask for, and nothing at all of what is
 * missing or of another shape. */
#include "tests/unit/toolbox/toolbox.h"

#include "checkout/metrics.h"
#include "kafka_stats.h"

#include <math.h>

#define TOPIC "checkout.session.commands"

static int set_up(void **state)
{
	(void)state;
	co_metrics_setup(4, 2);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	co_kafka_stats_producer_gone(0);
	co_kafka_stats_producer_gone(1);
	co_metrics_clear();
	return 0;
}

static void consumer_says(struct co_kafka_place *place, const char *partition)
{
	char json[1024];

	snprintf(json, sizeof json, "{\"topics\":{\"" TOPIC "\":{\"partitions\":{\"%d\":%s}}}}", (int)place->partition,
			 partition);
	co_kafka_stats_consumer(0, TOPIC, place, 1, json, strlen(json));
}

static void assert_number(double found, double wanted)
{
	if (isnan(found) || fabs(found - wanted) > 1e-9)
		fail_msg("%g, not %g", found, wanted);
}

static double lag_of(const char *partition, int64_t next)
{
	struct co_kafka_place place = {.partition = 2, .next = next};

	co_metric_set(CO_METRIC_KAFKA_LAG, 2, NAN);
	consumer_says(&place, partition);
	return co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0);
}

static void lag__committed_behind_the_end__the_difference(void **state)
{
	(void)state;
	assert_number(lag_of("{\"ls_offset\":120,\"hi_offset\":130,\"lo_offset\":0,\"app_offset\":110,\"next_offset\":112,"
						 "\"fetchq_cnt\":2}",
						 100),
				  20);
	assert_number(co_metric_read(CO_METRIC_KAFKA_POSITION, 2, 0), 100);
}

/* Delivered and dropped, as a recovery does, is not done: only what is committed counts. */
static void lag__all_delivered_none_committed__not_zero(void **state)
{
	(void)state;
	assert_number(
		lag_of("{\"ls_offset\":120,\"lo_offset\":0,\"app_offset\":120,\"next_offset\":120,\"fetchq_cnt\":0}", 100), 20);
}

/* The end is a transaction's marker, which takes an offset and is no record. */
static void lag__markers_alone_are_left__zero(void **state)
{
	(void)state;
	assert_number(
		lag_of("{\"ls_offset\":103,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":103,\"fetchq_cnt\":0}", 100), 0);
	assert_number(
		lag_of("{\"ls_offset\":103,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":102,\"fetchq_cnt\":0}", 100), 3);
	assert_number(
		lag_of("{\"ls_offset\":103,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":103,\"fetchq_cnt\":1}", 100), 3);
}

/* The queue is shared: another partition's backlog does not make markers look like records. */
static void lag__markers_under_another_partitions_backlog__stay_nothing(void **state)
{
	struct co_kafka_place place = {.partition = 2, .next = 100};

	(void)state;
	consumer_says(&place,
				  "{\"ls_offset\":103,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":103,\"fetchq_cnt\":0}");
	consumer_says(&place,
				  "{\"ls_offset\":103,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":103,\"fetchq_cnt\":900}");
	assert_number(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0), 0);
	consumer_says(&place,
				  "{\"ls_offset\":105,\"lo_offset\":0,\"app_offset\":100,\"next_offset\":105,\"fetchq_cnt\":900}");
	assert_number(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0), 5);
}

static void lag__nothing_committed_yet__from_the_lowest(void **state)
{
	(void)state;
	assert_number(
		lag_of("{\"ls_offset\":50,\"lo_offset\":40,\"app_offset\":-1001,\"next_offset\":40,\"fetchq_cnt\":0}", -1), 10);
	assert_number(lag_of("{\"ls_offset\":-1,\"hi_offset\":7,\"lo_offset\":-1}", -1), 7);
}

static void lag__end_not_known__nothing_told(void **state)
{
	(void)state;
	assert_true(isnan(lag_of("{\"ls_offset\":-1001,\"hi_offset\":-1001}", 5)));
	assert_true(isnan(lag_of("{}", 5)));
	assert_true(isnan(lag_of("[]", 5)));
	assert_true(isnan(lag_of("{\"ls_offset\":\"9\"}", 5)));
}

/* While the position stands still in front of records, the lag in seconds does not go on saying 0. */
static void lag__position_stands_still__seconds_grow(void **state)
{
	static const char waiting[] =
		"{\"ls_offset\":9,\"lo_offset\":0,\"app_offset\":9,\"next_offset\":9,\"fetchq_cnt\":0}";
	struct co_kafka_place place = {.partition = 2, .next = 5};

	(void)state;
	co_metric_set(CO_METRIC_PARTITION_LAG, 2, 0);
	consumer_says(&place, waiting);
	assert_number(co_metric_read(CO_METRIC_PARTITION_LAG, 2, 0), 0);
	place.stood_ms -= 7000;
	consumer_says(&place, waiting);
	assert_true(co_metric_read(CO_METRIC_PARTITION_LAG, 2, 0) >= 7);
	co_metric_set(CO_METRIC_PARTITION_LAG, 2, 0);
	place.next = 8;
	consumer_says(&place, waiting);
	assert_number(co_metric_read(CO_METRIC_PARTITION_LAG, 2, 0), 0);
	co_metric_set(CO_METRIC_PARTITION_LAG, 2, 30);
	place.stood_ms -= 7000;
	consumer_says(&place, waiting);
	assert_number(co_metric_read(CO_METRIC_PARTITION_LAG, 2, 0), 30);
}

/* A commit is told without waiting for the next statistics, which may be far behind a backlog. */
static void reached__before_the_next_statistics__position_and_lag(void **state)
{
	struct co_kafka_place place = {.partition = 2, .next = 5};

	(void)state;
	co_kafka_stats_reached(&place, 6);
	assert_number(co_metric_read(CO_METRIC_KAFKA_POSITION, 2, 0), 6);
	assert_true(isnan(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0)));
	consumer_says(&place, "{\"ls_offset\":90,\"lo_offset\":0,\"app_offset\":20,\"next_offset\":90,\"fetchq_cnt\":9}");
	assert_number(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0), 84);
	co_kafka_stats_reached(&place, 89);
	assert_number(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0), 1);
	co_kafka_stats_reached(&place, 95);
	assert_number(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0), 0);
	assert_int_equal(place.next, 95);
}

static void let_go__then__no_series(void **state)
{
	(void)state;
	(void)lag_of("{\"ls_offset\":9,\"lo_offset\":0}", 5);
	co_kafka_stats_let_go(2);
	assert_true(isnan(co_metric_read(CO_METRIC_KAFKA_LAG, 2, 0)));
	assert_true(isnan(co_metric_read(CO_METRIC_KAFKA_POSITION, 2, 0)));
}

/* The coordinator is one of the brokers again, and an address of bootstrap.servers has no number of its own. */
static void consumer__group_and_brokers__told(void **state)
{
	static const char json[] =
		"{\"brokers\":{\"a\":{\"nodeid\":1,\"source\":\"learned\",\"state\":\"UP\",\"rtt\":{\"cnt\":3,\"p99\":12000}},"
		"\"b\":{\"nodeid\":2,\"source\":\"configured\",\"state\":\"UP\",\"rtt\":{\"cnt\":3,\"p99\":40000}},"
		"\"c\":{\"nodeid\":3,\"source\":\"learned\",\"state\":\"DOWN\",\"rtt\":{\"cnt\":0,\"p99\":990000}},"
		"\"d\":{\"nodeid\":1,\"source\":\"logical\",\"state\":\"UP\"},"
		"\"e\":{\"nodeid\":-1,\"source\":\"configured\",\"state\":\"UP\"}},"
		"\"cgrp\":{\"state\":\"up\",\"join_state\":\"steady\"}}";
	static const char joining[] = "{\"cgrp\":{\"state\":\"up\",\"join_state\":\"wait-join\"}}";

	(void)state;
	co_kafka_stats_consumer(1, TOPIC, NULL, 0, json, sizeof json - 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_BROKERS_UP, 1, 0), 2);
	assert_number(co_metric_read(CO_METRIC_KAFKA_READ_ROUND_TRIP, 1, 0), 0.04);
	assert_number(co_metric_read(CO_METRIC_KAFKA_GROUP_STEADY, 1, 0), 1);
	co_kafka_stats_consumer(1, TOPIC, NULL, 0, joining, sizeof joining - 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_GROUP_STEADY, 1, 0), 0);
	assert_number(co_metric_read(CO_METRIC_KAFKA_BROKERS_UP, 1, 0), 0);
	/* nobody was asked: the last answer stands */
	assert_number(co_metric_read(CO_METRIC_KAFKA_READ_ROUND_TRIP, 1, 0), 0.04);
}

static void producer_says(size_t lane, const char *transaction, const char *identity)
{
	char json[256];

	snprintf(json, sizeof json,
			 "{\"msg_cnt\":7,\"msg_size\":900,\"eos\":{\"txn_state\":\"%s\",\"idemp_state\":\"%s\"}}", transaction,
			 identity);
	co_kafka_stats_producer(lane, json, strlen(json));
}

static void producer__states_of_two_lanes__counted(void **state)
{
	(void)state;
	co_kafka_stats_producer_new(0);
	co_kafka_stats_producer_new(1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_STARTING, 0), 2);
	producer_says(0, "InTransaction", "Assigned");
	producer_says(1, "AbortableError", "DrainBump");
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_STARTING, 0), 0);
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_OPEN, 0), 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_FAILED, 0), 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_IDEMPOTENCE_LANES, CO_IDEMPOTENCE_ASSIGNED, 0), 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_IDEMPOTENCE_LANES, CO_IDEMPOTENCE_DRAINING, 0), 1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_QUEUE_RECORDS, 1, 0), 7);
	assert_number(co_metric_read(CO_METRIC_KAFKA_QUEUE_BYTES, 1, 0), 900);
	producer_says(1, "SomethingOfALaterVersion", "Assigned");
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_OTHER, 0), 1);
	co_kafka_stats_producer_gone(1);
	assert_number(co_metric_read(CO_METRIC_KAFKA_TRANSACTION_LANES, CO_TRANSACTION_OTHER, 0), 0);
	assert_number(co_metric_read(CO_METRIC_KAFKA_QUEUE_RECORDS, 1, 0), 0);
}

static void statistics__no_json__passed_over(void **state)
{
	struct co_kafka_place place = {.partition = 1, .next = 3};

	(void)state;
	co_kafka_stats_consumer(0, TOPIC, &place, 1, "{", 1);
	co_kafka_stats_producer(0, "", 0);
	co_kafka_stats_producer(0, "[1]", 3);
	co_kafka_stats_producer(1000, "{\"eos\":{}}", 10);
	assert_true(isnan(co_metric_read(CO_METRIC_KAFKA_LAG, 1, 0)));
	assert_number(co_metric_read(CO_METRIC_KAFKA_QUEUE_RECORDS, 0, 0), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lag__committed_behind_the_end__the_difference),
		TEST(lag__all_delivered_none_committed__not_zero),
		TEST(lag__markers_alone_are_left__zero),
		TEST(lag__markers_under_another_partitions_backlog__stay_nothing),
		TEST(lag__nothing_committed_yet__from_the_lowest),
		TEST(lag__end_not_known__nothing_told),
		TEST(lag__position_stands_still__seconds_grow),
		TEST(reached__before_the_next_statistics__position_and_lag),
		TEST(let_go__then__no_series),
		TEST(consumer__group_and_brokers__told),
		TEST(producer__states_of_two_lanes__counted),
		TEST(statistics__no_json__passed_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
