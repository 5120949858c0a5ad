#include "desk.h"

#include <stdlib.h>
#include <string.h>

#define TOPIC_NAME_BYTES_MAX 249 /* Kafka's own limit */

static struct co_view joined(const char *prefix, struct co_view name)
{
	size_t prefix_len = strlen(prefix);
	char *text = malloc(prefix_len + name.len + 1);
	if (!text)
		abort();
	memcpy(text, prefix, prefix_len);
	memcpy(text + prefix_len, name.ptr, name.len);
	text[prefix_len + name.len] = '\0';
	return co_view_make(text, prefix_len + name.len);
}

static enum co_status compile_allow(struct co_desk *desk, const char *expressions, struct co_error *error)
{
	char *copy = strdup(expressions);
	if (!copy)
		abort();
	enum co_status status = CO_OK;
	char *rest = copy;
	for (char *word; status == CO_OK && (word = strsep(&rest, " \t")) != NULL;) {
		if (!*word)
			continue;
		regex_t *grown = realloc(desk->allow, (desk->allow_count + 1) * sizeof(*grown));
		if (!grown)
			abort();
		desk->allow = grown;
		int failed = regcomp(&grown[desk->allow_count], word, REG_EXTENDED | REG_NOSUB);
		if (failed) {
			char text[128];
			(void)regerror(failed, &grown[desk->allow_count], text, sizeof(text));
			co_error_set(error, "worker.replies.allow", "'%s' is no POSIX extended regular expression: %s", word, text);
			status = CO_CONFIG;
		} else {
			desk->allow_count++;
		}
	}
	free(copy);
	return status;
}

enum co_status co_desk_init(struct co_desk *desk, const struct co_desk_wish *wish, struct co_error *error)
{
	*desk = (struct co_desk){.prefix = co_view_cstr(wish->prefix),
							 .partition_count = wish->partition_count,
							 .retention_ms = wish->retention_ms,
							 .append = wish->append};
	desk->names.source = co_view_cstr(wish->source);
	for (size_t i = 0; i < CO_TOPIC_COUNT; i++)
		desk->names.topics[i] = joined(wish->prefix, co_topic_name((enum co_topic)i));
	enum co_status status = wish->replies_allow ? compile_allow(desk, wish->replies_allow, error) : CO_OK;
	if (status != CO_OK)
		co_desk_clear(desk);
	return status;
}

void co_desk_clear(struct co_desk *desk)
{
	for (size_t i = 0; i < desk->allow_count; i++)
		regfree(&desk->allow[i]);
	free(desk->allow);
	for (size_t i = 0; i < CO_TOPIC_COUNT; i++)
		free((void *)(uintptr_t)desk->names.topics[i].ptr);
	*desk = (struct co_desk){.partition_count = 0};
}

int32_t co_desk_partition(const struct co_desk *desk, const struct co_uuid *session_id)
{
	char text[CO_UUID_TEXT + 1];
	co_uuid_format(session_id, text);
	return (int32_t)(co_murmur2(co_view_make(text, CO_UUID_TEXT)) % (uint32_t)desk->partition_count);
}

static bool is_topic_name(struct co_view name)
{
	if (name.len == 0 || name.len > TOPIC_NAME_BYTES_MAX || co_view_eq(name, CO_VIEW(".")) ||
		co_view_eq(name, CO_VIEW("..")))
		return false;
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
					c == '_' || c == '-';
		if (!fine)
			return false;
	}
	return true;
}

static bool is_internal(const struct co_desk *desk, struct co_view name)
{
	if (co_view_starts(name, CO_VIEW("__")))
		return true;
	for (size_t i = 0; i < CO_TOPIC_COUNT; i++)
		if (i != CO_TOPIC_REPLIES && co_view_eq(name, desk->names.topics[i]))
			return true;
	return false;
}

static bool is_allowed(const struct co_desk *desk, struct co_view name)
{
	if (desk->allow_count == 0)
		return co_view_starts(name, desk->prefix) || co_view_ends(name, CO_VIEW(".replies")) ||
			   co_view_ends(name, CO_VIEW(".reply"));
	char text[TOPIC_NAME_BYTES_MAX + 1];
	memcpy(text, name.ptr, name.len);
	text[name.len] = '\0';
	for (size_t i = 0; i < desk->allow_count; i++)
		if (regexec(&desk->allow[i], text, 0, NULL, 0) == 0)
			return true;
	return false;
}

struct co_reply_target co_desk_redirected(const struct co_desk *desk, enum co_reply_refusal refusal)
{
	return (struct co_reply_target){
		.topic = desk->names.topics[CO_TOPIC_REPLIES], .redirected = true, .refusal = refusal};
}

enum co_status co_desk_reply_topic(const struct co_desk *desk, const struct co_outbox *outbox,
								   const struct co_reply_address *address, struct co_reply_target *out, int32_t *count)
{
	struct co_view replies = desk->names.topics[CO_TOPIC_REPLIES];
	struct co_view topic = address->topic;
	*count = desk->partition_count;
	*out = (struct co_reply_target){.topic = replies};
	if (!topic.ptr || co_view_eq(topic, replies))
		return CO_OK;
	if (!is_topic_name(topic)) {
		*out = co_desk_redirected(desk, CO_REPLY_REFUSAL_NAME);
	} else if (is_internal(desk, topic)) {
		*out = co_desk_redirected(desk, CO_REPLY_REFUSAL_INTERNAL);
	} else if (!is_allowed(desk, topic)) {
		*out = co_desk_redirected(desk, CO_REPLY_REFUSAL_NOT_ALLOWED);
	} else {
		int32_t found = outbox->partitions_of(outbox->self, topic);
		if (found < 0 && found != CO_TOPIC_AWAY)
			return CO_LOG_DOWN;
		if (found <= 0) {
			*out = co_desk_redirected(desk, CO_REPLY_REFUSAL_UNKNOWN_TOPIC);
			out->away = found == CO_TOPIC_AWAY;
		} else {
			out->topic = topic;
			*count = found;
		}
	}
	return CO_OK;
}

int32_t co_desk_reply_partition(const struct co_desk *desk, const struct co_reply_address *address, struct co_view key,
								int32_t record_partition, int32_t count)
{
	if (address->partition >= 0 && address->partition < count)
		return (int32_t)address->partition;
	if (count == desk->partition_count)
		return record_partition;
	return key.ptr ? (int32_t)(co_murmur2(key) % (uint32_t)count) : record_partition % count;
}
