#include "adapters/kafka_topics_admin.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kafka's answer as a status: what another try may cure is CO_LOG_DOWN, all else is somebody's to put right. */
static enum co_status status_of(rd_kafka_resp_err_t code, const char *what, const char *topic, const char *text,
								struct co_error *error)
{
	if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_OK;
	co_error_set(error, topic, "%s %s: %s", what, topic, text && text[0] ? text : rd_kafka_err2str(code));
	if (code == RD_KAFKA_RESP_ERR__TIMED_OUT || code == RD_KAFKA_RESP_ERR__TRANSPORT ||
		code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || code == RD_KAFKA_RESP_ERR__RESOLVE ||
		code == RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT || code == RD_KAFKA_RESP_ERR_NOT_CONTROLLER ||
		code == RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE || code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE ||
		code == RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION || code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
		return CO_LOG_DOWN;
	return CO_TOPICS;
}

static int32_t fewest_replicas(const struct rd_kafka_metadata_topic *topic)
{
	int32_t fewest = 0;

	for (int p = 0; p < topic->partition_cnt; p++)
		if (p == 0 || topic->partitions[p].replica_cnt < fewest)
			fewest = topic->partitions[p].replica_cnt;
	return fewest;
}

enum co_status co_topics_admin_counts(rd_kafka_t *client, const char *const *names, size_t count, int32_t *partitions,
									  int32_t *replicas, int timeout_ms, struct co_error *error)
{
	const struct rd_kafka_metadata *cluster = NULL;
	/* All topics, not the named ones: naming a topic in a metadata request may create it. */
	rd_kafka_resp_err_t code = rd_kafka_metadata(client, 1, NULL, &cluster, timeout_ms);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		co_error_set(error, "kafka", "Kafka did not list its topics: %s", rd_kafka_err2str(code));
		return CO_LOG_DOWN;
	}
	for (size_t i = 0; i < count; i++) {
		partitions[i] = replicas[i] = 0;
		for (int t = 0; t < cluster->topic_cnt; t++)
			if (strcmp(cluster->topics[t].topic, names[i]) == 0) {
				partitions[i] = cluster->topics[t].partition_cnt;
				replicas[i] = fewest_replicas(&cluster->topics[t]);
			}
	}
	rd_kafka_metadata_destroy(cluster);
	return CO_OK;
}

/* The one event that an admin call answers with; NULL after `timeout_ms`, which the call's own time-out forestalls. */
static rd_kafka_event_t *answer_of(rd_kafka_queue_t *queue, rd_kafka_event_type_t type, int timeout_ms)
{
	for (;;) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms + 1000);

		if (!event || rd_kafka_event_type(event) == type)
			return event;
		rd_kafka_event_destroy(event);
	}
}

static rd_kafka_AdminOptions_t *options_for(rd_kafka_t *client, rd_kafka_admin_op_t call, int timeout_ms)
{
	char text[128];
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, call);

	/* Refused only when out of librdkafka's range: then its default stands. */
	if (options && rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, text, sizeof(text)) !=
					   RD_KAFKA_RESP_ERR_NO_ERROR)
		return options;
	if (options && call == RD_KAFKA_ADMIN_OP_CREATETOPICS)
		(void)rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, text, sizeof(text));
	return options;
}

/* librdkafka's mock broker names no controller: an admin request would wait for one in vain. Its cluster id tells it
 * apart from a cluster that is without a controller for a moment. */
static bool is_mock(rd_kafka_t *client, int timeout_ms)
{
	char *cluster_id = rd_kafka_clusterid(client, timeout_ms);
	bool mock = cluster_id && strncmp(cluster_id, "mockCluster", strlen("mockCluster")) == 0;

	rd_kafka_mem_free(client, cluster_id);
	return mock;
}

static enum co_status created(rd_kafka_event_t *event, const char *name, bool *made, struct co_error *error)
{
	size_t count = 0;
	const rd_kafka_topic_result_t **results;
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return status_of(code, "making", name, rd_kafka_event_error_string(event), error);
	results = rd_kafka_CreateTopics_result_topics(event, &count);
	if (count != 1)
		return status_of(RD_KAFKA_RESP_ERR__BAD_MSG, "making", name, NULL, error);
	code = rd_kafka_topic_result_error(results[0]);
	*made = code == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return CO_OK;
	if (code == RD_KAFKA_RESP_ERR_INVALID_CONFIG)
		return CO_FORMAT;
	return status_of(code, "making", name, rd_kafka_topic_result_error_string(results[0]), error);
}

enum co_status co_topics_admin_create(rd_kafka_t *client, const struct co_topics_plan *plan, bool *made, int timeout_ms,
									  struct co_error *error)
{
	char text[256] = "";
	enum co_status status = CO_LOG_DOWN;
	rd_kafka_event_t *event = NULL;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_AdminOptions_t *options = options_for(client, RD_KAFKA_ADMIN_OP_CREATETOPICS, timeout_ms);
	rd_kafka_NewTopic_t *topic =
		rd_kafka_NewTopic_new(plan->name, plan->partitions, plan->replication_factor, text, sizeof(text));

	*made = false;
	if (is_mock(client, timeout_ms)) {
		co_error_set(error, plan->name,
					 "making %s: this is librdkafka's mock broker, which makes topics for its owner alone", plan->name);
		status = CO_TOPICS;
		goto done;
	}
	if (!topic) {
		co_error_set(error, plan->name, "making %s: %s", plan->name, text);
		status = CO_TOPICS;
		goto done;
	}
	for (size_t i = 0; i < plan->count; i++) {
		rd_kafka_resp_err_t code = rd_kafka_NewTopic_set_config(topic, plan->settings[i].name, plan->settings[i].value);

		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			status = status_of(code, "making", plan->name, NULL, error);
			goto done;
		}
	}
	rd_kafka_CreateTopics(client, &topic, 1, options, queue);
	event = answer_of(queue, RD_KAFKA_EVENT_CREATETOPICS_RESULT, timeout_ms);
	if (event)
		status = created(event, plan->name, made, error);
	else
		co_error_set(error, plan->name, "making %s: no answer", plan->name);
done:
	if (event)
		rd_kafka_event_destroy(event);
	if (topic)
		rd_kafka_NewTopic_destroy(topic);
	if (options)
		rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return status;
}

static void read_settings(const rd_kafka_ConfigResource_t *resource, struct co_topics_settings *out)
{
	size_t count = 0;
	const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &count);

	for (size_t i = 0; i < count; i++) {
		const char *name = rd_kafka_ConfigEntry_name(entries[i]);
		const char *value = rd_kafka_ConfigEntry_value(entries[i]);

		if (!value)
			continue;
		if (strcmp(name, "message.timestamp.type") == 0)
			snprintf(out->timestamp_type, sizeof(out->timestamp_type), "%s", value);
		else if (strcmp(name, "cleanup.policy") == 0)
			snprintf(out->cleanup_policy, sizeof(out->cleanup_policy), "%s", value);
		else if (strcmp(name, "max.message.bytes") == 0)
			out->max_message_bytes = strtoll(value, NULL, 10);
		else if (strcmp(name, "min.insync.replicas") == 0)
			out->min_insync_replicas = strtoll(value, NULL, 10);
		else if (strcmp(name, "unclean.leader.election.enable") == 0)
			snprintf(out->unclean_election, sizeof(out->unclean_election), "%s", value);
	}
}

static enum co_status described(rd_kafka_event_t *event, const char *const *names, size_t count,
								struct co_topics_settings *settings, struct co_error *error)
{
	size_t resource_count = 0;
	const rd_kafka_ConfigResource_t **resources;
	rd_kafka_resp_err_t code = rd_kafka_event_error(event);

	if (code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE || code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
		return CO_NOTHING;
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
		return status_of(code, "reading the settings of", names[0], rd_kafka_event_error_string(event), error);
	resources = rd_kafka_DescribeConfigs_result_resources(event, &resource_count);
	for (size_t r = 0; r < resource_count; r++) {
		const char *name = rd_kafka_ConfigResource_name(resources[r]);

		code = rd_kafka_ConfigResource_error(resources[r]);
		if (code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION)
			return CO_NOTHING;
		if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
			co_error_set(error, name,
						 "%s: not allowed to read its settings; kafka-acls.sh --add --operation DescribeConfigs "
						 "--topic %s --allow-principal User:<this one>",
						 name, name);
			return CO_TOPICS;
		}
		CO_TRY(status_of(code, "reading the settings of", name, rd_kafka_ConfigResource_error_string(resources[r]),
						 error));
		for (size_t i = 0; i < count; i++)
			if (strcmp(names[i], name) == 0)
				read_settings(resources[r], &settings[i]);
	}
	return CO_OK;
}

enum co_status co_topics_admin_describe(rd_kafka_t *client, const char *const *names, size_t count,
										struct co_topics_settings *settings, int timeout_ms, struct co_error *error)
{
	rd_kafka_ConfigResource_t *resources[CO_TOPICS_COUNT];
	enum co_status status = CO_LOG_DOWN;
	rd_kafka_event_t *event;
	rd_kafka_queue_t *queue;
	rd_kafka_AdminOptions_t *options;

	if (is_mock(client, timeout_ms))
		return CO_NOTHING;
	if (count > CO_TOPICS_COUNT)
		count = CO_TOPICS_COUNT;
	for (size_t i = 0; i < count; i++) {
		resources[i] = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, names[i]);
		settings[i] = CO_TOPICS_SETTINGS_UNKNOWN;
	}
	if (count == 0)
		return CO_OK;
	queue = rd_kafka_queue_new(client);
	options = options_for(client, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, timeout_ms);
	rd_kafka_DescribeConfigs(client, resources, count, options, queue);
	event = answer_of(queue, RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT, timeout_ms);
	if (event) {
		status = described(event, names, count, settings, error);
		rd_kafka_event_destroy(event);
	} else {
		co_error_set(error, names[0], "reading the settings of %s: no answer", names[0]);
	}
	if (options)
		rd_kafka_AdminOptions_destroy(options);
	rd_kafka_ConfigResource_destroy_array(resources, count);
	rd_kafka_queue_destroy(queue);
	return status;
}

static enum co_status take_position(const rd_kafka_topic_partition_t *from, struct co_position *to,
									struct co_error *error)
{
	if (from->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
		co_error_set(error, "kafka", "reading the committed offset of %s %d: %s", from->topic, (int)from->partition,
					 rd_kafka_err2str(from->err));
		return CO_LOG_DOWN;
	}
	if (from->offset >= 0) {
		to->offset = from->offset;
		(void)snprintf(to->metadata, sizeof(to->metadata), "%.*s", (int)from->metadata_size,
					   from->metadata ? (const char *)from->metadata : "");
	}
	return CO_OK;
}

/* Not by ListConsumerGroupOffsets: in librdkafka 2.0.2 that ends the process when the coordinator has moved or is not
 * up yet (its issue 5040). */
enum co_status co_topics_positions(rd_kafka_t *consumer, const char *topic, struct co_position *positions, size_t count,
								   int timeout_ms, struct co_error *error)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	enum co_status status = CO_OK;
	rd_kafka_resp_err_t code;

	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_list_add(list, topic, (int32_t)i);
		positions[i] = (struct co_position){.partition = (int32_t)i, .offset = -1};
	}
	code = rd_kafka_committed(consumer, list, timeout_ms);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		co_error_set(error, "kafka", "reading the committed offsets of %s: %s", topic, rd_kafka_err2str(code));
		status = CO_LOG_DOWN;
	}
	for (size_t i = 0; i < count && status == CO_OK; i++)
		status = take_position(&list->elems[i], &positions[i], error);
	rd_kafka_topic_partition_list_destroy(list);
	return status;
}
