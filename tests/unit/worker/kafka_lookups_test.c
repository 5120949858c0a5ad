/* What a lane knows of reply topics, against librdkafka's own mock of a cluster: topics that take no records count as
 * none, and only those; as away, if a commit has just tried them. */
#include "tests/unit/toolbox/toolbox.h"

#include "kafka_lookups.h"

#include "checkout/ports/outbox.h"

#include <librdkafka/rdkafka_mock.h>

#include <pthread.h>
#include <time.h>

#define TOPIC "mine.replies"

struct cluster {
	rd_kafka_t *client;
	rd_kafka_mock_cluster_t *mock;
	struct co_kafka_lookups lookups;
};

static rd_kafka_t *open_client(const char *servers)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (servers)
		assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof text), RD_KAFKA_CONF_OK);
	rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
	assert_non_null(client);
	return client;
}

static int set_up(void **state)
{
	struct cluster *cluster = calloc(1, sizeof *cluster);

	assert_non_null(cluster);
	cluster->mock = rd_kafka_mock_cluster_new(open_client(NULL), 1);
	assert_non_null(cluster->mock);
	assert_int_equal(rd_kafka_mock_topic_create(cluster->mock, TOPIC, 3, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
	cluster->client = open_client(rd_kafka_mock_cluster_bootstraps(cluster->mock));
	*state = cluster;
	return 0;
}

static int tear_down(void **state)
{
	struct cluster *cluster = *state;
	rd_kafka_t *mocks = rd_kafka_mock_cluster_handle(cluster->mock);

	rd_kafka_destroy(cluster->client);
	rd_kafka_mock_cluster_destroy(cluster->mock);
	rd_kafka_destroy(mocks);
	free(cluster);
	return 0;
}

static int32_t ask(struct cluster *cluster, const char *topic)
{
	return co_kafka_lookups_ask(&cluster->lookups, cluster->client, co_view_cstr(topic));
}

static int64_t now_ms(void)
{
	struct timespec at;

	clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void lead(struct cluster *cluster, int32_t partition, int32_t broker)
{
	assert_int_equal(rd_kafka_mock_partition_set_leader(cluster->mock, TOPIC, partition, broker),
					 RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void ask__all_partitions_led__their_number(void **state)
{
	assert_int_equal(ask(*state, TOPIC), 3);
	assert_int_equal(ask(*state, TOPIC), 3);
}

static void ask__name_too_long__none(void **state)
{
	char name[CO_KAFKA_TOPIC_BYTES_MAX + 1];

	memset(name, 'a', sizeof name);
	name[sizeof name - 1] = '\0';
	assert_int_equal(ask(*state, name), 0);
}

/* One of three is enough; it is waited for once, and not by whoever asks next. */
static void ask__one_partition_without_leader__none_and_known(void **state)
{
	lead(*state, 1, -1);
	int64_t began_ms = now_ms();
	assert_int_equal(ask(*state, TOPIC), 0);
	assert_true(now_ms() - began_ms >= 9900);
	began_ms = now_ms();
	assert_int_equal(ask(*state, TOPIC), 0);
	assert_true(now_ms() - began_ms < 9000);
}

static void *lead_soon(void *cluster)
{
	const struct timespec soon = {.tv_nsec = 500000000};

	nanosleep(&soon, NULL);
	lead(cluster, 1, 1);
	return NULL;
}

/* An election is no failed disk. */
static void ask__leader_elected_meanwhile__their_number(void **state)
{
	pthread_t elector;

	lead(*state, 1, -1);
	assert_int_equal(pthread_create(&elector, NULL, lead_soon, *state), 0);
	assert_int_equal(ask(*state, TOPIC), 3);
	assert_int_equal(pthread_join(elector, NULL), 0);
}

/* What was seen in a commit counts more than what Kafka says of leaders, and outlives a recycled producer. */
static void down__topic_with_leaders__none_also_after_forget(void **state)
{
	struct cluster *cluster = *state;

	assert_int_equal(ask(cluster, TOPIC), 3);
	assert_true(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
	assert_false(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
	assert_int_equal(ask(cluster, TOPIC), 0);
	co_kafka_lookups_forget(&cluster->lookups);
	assert_int_equal(ask(cluster, TOPIC), 0);
}

/* Its time is over: Kafka is asked, and believed. */
static void down__time_over_and_led__their_number(void **state)
{
	struct cluster *cluster = *state;

	assert_true(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
	cluster->lookups.items[0].down_until_ms = now_ms() - 1;
	assert_int_equal(ask(cluster, TOPIC), 3);
	assert_true(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
}

/* Its time is over and there is still no leader: at once, without waiting for one. */
static void down__time_over_and_not_led__none_at_once(void **state)
{
	struct cluster *cluster = *state;

	assert_int_equal(ask(cluster, TOPIC), 3);
	assert_true(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
	lead(cluster, 2, -1);
	cluster->lookups.items[0].down_until_ms = now_ms() - 1;
	int64_t began_ms = now_ms();
	assert_int_equal(ask(cluster, TOPIC), 0);
	assert_true(now_ms() - began_ms < 9000); /* or it would be the 10 s of a wait */
	assert_false(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
}

/* A broker that just went makes any topic late once. */
static void late__once_then_again__down_the_second_time(void **state)
{
	struct cluster *cluster = *state;

	assert_false(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	assert_true(ask(cluster, TOPIC) > 0);
	assert_true(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	assert_int_equal(ask(cluster, TOPIC), CO_TOPIC_AWAY);
}

/* The commit that was late has waited as long as an election takes, and so has what followed: nobody waits again. */
static void late__ten_seconds_ago_and_not_led__away_at_once(void **state)
{
	struct cluster *cluster = *state;

	assert_false(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	cluster->lookups.items[0].late_until_ms -= 10000;
	lead(cluster, 0, -1);
	int64_t began_ms = now_ms();
	assert_int_equal(ask(cluster, TOPIC), CO_TOPIC_AWAY);
	assert_true(now_ms() - began_ms < 9000);
}

/* Known from before, when another one did not take what was tried: nobody tried this one. */
static void late__another_topic_since__none(void **state)
{
	struct cluster *cluster = *state;

	assert_false(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	assert_true(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	assert_int_equal(ask(cluster, TOPIC), CO_TOPIC_AWAY);
	co_kafka_lookups_untaken(&cluster->lookups);
	assert_false(co_kafka_lookups_late(&cluster->lookups, "other.replies"));
	assert_int_equal(ask(cluster, TOPIC), 0);
}

static void late__a_minute_ago__forgotten(void **state)
{
	struct cluster *cluster = *state;

	assert_false(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	cluster->lookups.items[0].late_until_ms = now_ms() - 1;
	assert_false(co_kafka_lookups_late(&cluster->lookups, TOPIC));
	assert_true(ask(cluster, TOPIC) > 0);
}

/* More names than there is room for: those that are down stay known. */
static void down__many_other_topics_since__still_none(void **state)
{
	struct cluster *cluster = *state;
	char name[32];

	assert_true(co_kafka_lookups_down(&cluster->lookups, TOPIC, "why"));
	for (int i = 0; i < CO_KAFKA_LOOKUPS_MAX + 5; i++) {
		snprintf(name, sizeof name, "other-%d", i);
		assert_int_equal(rd_kafka_mock_topic_create(cluster->mock, name, 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
		assert_int_equal(ask(cluster, name), 1);
	}
	assert_int_equal(cluster->lookups.count, CO_KAFKA_LOOKUPS_MAX);
	assert_int_equal(ask(cluster, TOPIC), 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW(ask__all_partitions_led__their_number),
		ROW(ask__name_too_long__none),
		ROW(ask__one_partition_without_leader__none_and_known),
		ROW(ask__leader_elected_meanwhile__their_number),
		ROW(down__topic_with_leaders__none_also_after_forget),
		ROW(down__time_over_and_led__their_number),
		ROW(down__time_over_and_not_led__none_at_once),
		ROW(late__once_then_again__down_the_second_time),
		ROW(late__ten_seconds_ago_and_not_led__away_at_once),
		ROW(late__another_topic_since__none),
		ROW(late__a_minute_ago__forgotten),
		ROW(down__many_other_topics_since__still_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
