/* What the start asks of the group, against librdkafka's own mock of a cluster: what was committed on which partition,
 * and with which words. */
#include "tests/unit/toolbox/toolbox.h"

#include "adapters/kafka_topics.h"

#include <librdkafka/rdkafka_mock.h>

#define TOPIC "checkout.session.commands"
#define GROUP "checkout-session-worker"

struct cluster {
	rd_kafka_t *client;
	rd_kafka_mock_cluster_t *mock;
};

static rd_kafka_t *open_client(rd_kafka_type_t type, const char *servers)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	if (servers)
		assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", servers, text, sizeof(text)), RD_KAFKA_CONF_OK);
	if (type == RD_KAFKA_CONSUMER)
		assert_int_equal(rd_kafka_conf_set(conf, "group.id", GROUP, text, sizeof(text)), RD_KAFKA_CONF_OK);
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof(text));
	assert_non_null(client);
	return client;
}

static int set_up(void **state)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));

	assert_non_null(cluster);
	cluster->mock = rd_kafka_mock_cluster_new(open_client(RD_KAFKA_PRODUCER, NULL), 1);
	assert_non_null(cluster->mock);
	assert_int_equal(rd_kafka_mock_topic_create(cluster->mock, TOPIC, 8, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
	cluster->client = open_client(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(cluster->mock));
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

static void commit(struct cluster *cluster, int32_t partition, int64_t offset, const char *metadata)
{
	rd_kafka_t *consumer = open_client(RD_KAFKA_CONSUMER, rd_kafka_mock_cluster_bootstraps(cluster->mock));
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_t *at = rd_kafka_topic_partition_list_add(list, TOPIC, partition);

	at->offset = offset;
	at->metadata = strdup(metadata);
	at->metadata_size = strlen(metadata);
	assert_int_equal(rd_kafka_commit(consumer, list, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
	rd_kafka_topic_partition_list_destroy(list);
	rd_kafka_destroy(consumer);
}

static void positions__some_committed__each_with_its_words_and_the_rest_without(void **state)
{
	struct cluster *cluster = *state;
	struct co_position positions[8];
	struct co_error error = {.path = ""};
	char longer[200];

	memset(longer, 'x', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	commit(cluster, 2, 41, "v1;s=3;t=4;p=4");
	commit(cluster, 7, 1, longer);
	assert_int_equal(co_topics_positions(cluster->client, TOPIC, positions, 8, 60000, &error), CO_OK);
	assert_string_equal(error.text, "");
	for (int32_t i = 0; i < 8; i++) {
		assert_int_equal(positions[i].partition, i);
		if (i == 2 || i == 7)
			continue;
		assert_int_equal(positions[i].offset, -1);
		assert_string_equal(positions[i].metadata, "");
	}
	assert_int_equal(positions[2].offset, 41);
	assert_string_equal(positions[2].metadata, "v1;s=3;t=4;p=4");
	/* not ours: cut, and refused by whoever reads it */
	assert_int_equal(positions[7].offset, 1);
	assert_int_equal(strlen(positions[7].metadata), CO_POSITION_METADATA_MAX - 1);
}

static void positions__coordinator_away__log_down_with_its_words(void **state)
{
	struct cluster *cluster = *state;
	struct co_position positions[8];
	struct co_error error = {.path = ""};

	assert_int_equal(rd_kafka_mock_broker_set_down(cluster->mock, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
	assert_int_equal(co_topics_positions(cluster->client, TOPIC, positions, 8, 500, &error), CO_LOG_DOWN);
	assert_non_null(strstr(error.text, "reading the committed offsets of " TOPIC ": "));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(positions__some_committed__each_with_its_words_and_the_rest_without, set_up,
										tear_down),
		cmocka_unit_test_setup_teardown(positions__coordinator_away__log_down_with_its_words, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
