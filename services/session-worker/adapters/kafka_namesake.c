#include "kafka_namesake.h"

#include <string.h>

#define REQUEST_MS 2000
#define ANSWER_MS 2500

static enum co_status read_members(rd_kafka_event_t *event, const char *instance)
{
	size_t count = 0;
	if (!event || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_LOG_DOWN;
	const rd_kafka_ConsumerGroupDescription_t **groups =
		rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &count);
	if (count != 1 || rd_kafka_ConsumerGroupDescription_error(groups[0]))
		return CO_LOG_DOWN;
	for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(groups[0]); i++) {
		const char *name =
			rd_kafka_MemberDescription_group_instance_id(rd_kafka_ConsumerGroupDescription_member(groups[0], i));
		if (name && strcmp(name, instance) == 0)
			return CO_FENCED;
	}
	return CO_OK;
}

/* The group's coordinator alone is asked: of the other brokers one may be away for long. */
enum co_status co_kafka_namesake(rd_kafka_t *client, const char *group, const char *instance)
{
	rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
	rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
	char text[128];
	(void)rd_kafka_AdminOptions_set_request_timeout(options, REQUEST_MS, text, sizeof(text));
	rd_kafka_DescribeConsumerGroups(client, &group, 1, options, queue);
	rd_kafka_event_t *event = rd_kafka_queue_poll(queue, ANSWER_MS);
	enum co_status status = read_members(event, instance);
	if (event)
		rd_kafka_event_destroy(event);
	rd_kafka_AdminOptions_destroy(options);
	rd_kafka_queue_destroy(queue);
	return status;
}
