#include "kafka_namesake.h"

#include "checkout/uuid.h"

#include <string.h>

#define REQUEST_MS 2000

/* A static member's id is "<instance>-<uuid>": one of another instance that begins the same way is longer. */
static bool is_member_of(const char *id, const char *instance)
{
	size_t length = strlen(instance);
	return strncmp(id, instance, length) == 0 && id[length] == '-' && strlen(id) == length + 1 + CO_UUID_TEXT;
}

static enum co_status read_members(const struct rd_kafka_group_list *groups, const char *instance)
{
	if (groups->group_cnt != 1 || groups->groups[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_LOG_DOWN;
	for (int i = 0; i < groups->groups[0].member_cnt; i++)
		if (is_member_of(groups->groups[0].members[i].member_id, instance))
			return CO_FENCED;
	return CO_OK;
}

/* Every broker is asked, and the group's coordinator is the one that knows: the answer may be partial. Not by
 * DescribeConsumerGroups: in librdkafka 2.0.2 that ends the process by an assertion when the coordinator is away. */
enum co_status co_kafka_namesake(rd_kafka_t *client, const char *group, const char *instance)
{
	const struct rd_kafka_group_list *groups = NULL;
	rd_kafka_resp_err_t err = rd_kafka_list_groups(client, group, &groups, REQUEST_MS);
	enum co_status status = CO_LOG_DOWN;
	if (groups && (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR__PARTIAL))
		status = read_members(groups, instance);
	if (groups)
		rd_kafka_group_list_destroy(groups);
	return status;
}
