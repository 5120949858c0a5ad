#include "oracle_internal.h"

#include "tk.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- `state`: the last value of every key ---- */

static char *read_state(const struct co_oracle *oracle, struct co_seen *seen)
{
	for (size_t i = 0; i < oracle->log->count; i++) {
		const struct co_tk_record *record = oracle->log->records[i];
		if (!co_oracle_topic(oracle, record, "state"))
			continue;
		if (!record->r.key.ptr)
			return strdup("a record of state has no key");
		if (record->r.key.len != 36)
			continue; /* the service's own */
		struct co_seen_session *session = co_oracle_find(seen, record->r.key);
		if (!session)
			return co_tk_format("state holds %.*s, of which no event tells", (int)record->r.key.len, record->r.key.ptr);
		if (session->partition != record->r.partition)
			return co_tk_format("state has %s on partition %d, its events are on %d", session->id, record->r.partition,
								session->partition);
		session->state = record;
	}
	return NULL;
}

/* The bytes that Redis has to hold: some member of the value beside `session` carries them as base64. */
static bool carries(const json_t *value, const char *bytes, size_t length)
{
	const char *name;
	json_t *member;

	json_object_foreach((json_t *)(uintptr_t)value, name, member)
	{
		char *decoded;
		size_t size;
		if (!json_is_string(member) || !co_tk_base64(json_string_value(member), &decoded, &size))
			continue;
		bool same = size == length && memcmp(decoded, bytes, size) == 0;
		free(decoded);
		if (same)
			return true;
	}
	return false;
}

/* ---- one partition of the view ---- */

struct marker {
	long long seq, clog;
	char generation[64];
};

static bool read_marker(const struct co_oracle *oracle, int32_t partition, struct marker *marker)
{
	redisReply *reply = co_tk_redis_call(oracle->redis, "HMGET %s:{%d}:m seq gen clog", oracle->key_prefix, partition);
	bool there = reply->elements == 3 && reply->element[0]->type == REDIS_REPLY_STRING;

	if (there) {
		marker->seq = atoll(reply->element[0]->str);
		snprintf(marker->generation, sizeof(marker->generation), "%s",
				 reply->element[1]->type == REDIS_REPLY_STRING ? reply->element[1]->str : "0");
		marker->clog = reply->element[2]->type == REDIS_REPLY_STRING ? atoll(reply->element[2]->str) : -1;
	}
	freeReplyObject(reply);
	return there;
}

static char *check_session(struct co_oracle *oracle, const struct co_seen_session *session, const char *generation)
{
	json_t *state = session->state ? co_tk_json(session->state->r.value) : NULL;
	redisReply *blob = co_tk_redis_call(oracle->redis, "GET %s:{%d}:%s:s:%s", oracle->key_prefix, session->partition,
										generation, session->id);
	redisReply *due = co_tk_redis_call(oracle->redis, "ZSCORE %s:{%d}:%s:due %s", oracle->key_prefix,
									   session->partition, generation, session->id);
	bool forgotten = session->state && !session->state->r.value.ptr;
	int64_t deadline = forgotten ? -1 : co_oracle_deadline(oracle, session);
	int64_t score = due->type == REDIS_REPLY_STRING ? (int64_t)strtod(due->str, NULL) : -1;
	char *failure = NULL, *difference = NULL;

	if (!session->state)
		failure = co_tk_format("state has no record of session %s", session->id);
	else if (forgotten && blob->type != REDIS_REPLY_NIL)
		failure = co_tk_format("session %s is forgotten, and Redis still has it", session->id);
	else if (!forgotten && !state)
		failure = co_tk_format("the state of session %s is no JSON", session->id);
	else if (!forgotten && (difference = co_tk_json_difference(session->last, json_object_get(state, "session"))))
		failure = co_tk_format("state of session %s is not the fold of its events: %s", session->id, difference);
	else if (!forgotten && blob->type != REDIS_REPLY_STRING)
		failure = co_tk_format("Redis has no session %s", session->id);
	else if (!forgotten && !carries(state, blob->str, blob->len))
		failure = co_tk_format("Redis holds other bytes for session %s than state", session->id);
	else if (score != deadline)
		failure = co_tk_format("due of session %s is %lld, its deadline %lld", session->id, (long long)score,
							   (long long)deadline);
	oracle->kept += !forgotten;
	free(difference);
	freeReplyObject(blob);
	freeReplyObject(due);
	json_decref(state);
	return failure;
}

static long long count_keys(const struct co_oracle *oracle, int32_t partition, const char *generation)
{
	redisReply *reply =
		co_tk_redis_call(oracle->redis, "KEYS %s:{%d}:%s:s:*", oracle->key_prefix, partition, generation);
	long long count = (long long)reply->elements;

	freeReplyObject(reply);
	return count;
}

/* Nothing is left of other generations. */
static char *check_leftovers(const struct co_oracle *oracle, int32_t partition, const char *generation)
{
	redisReply *reply = co_tk_redis_call(oracle->redis, "KEYS %s:{%d}:*", oracle->key_prefix, partition);
	char *mine = co_tk_format("%s:{%d}:%s:", oracle->key_prefix, partition, generation), *failure = NULL;
	char *marker = co_tk_format("%s:{%d}:m", oracle->key_prefix, partition);

	for (size_t i = 0; !failure && i < reply->elements; i++)
		if (strcmp(reply->element[i]->str, marker) != 0 && strncmp(reply->element[i]->str, mine, strlen(mine)) != 0)
			failure = co_tk_format("Redis still has %s beside generation %s", reply->element[i]->str, generation);
	freeReplyObject(reply);
	free(mine);
	free(marker);
	return failure;
}

static char *check_position(const struct co_oracle *oracle, int32_t partition, long long seq)
{
	char metadata[64], *topic = co_tk_format("%scommands", oracle->prefix);
	int64_t committed = co_tk_kafka_committed(oracle->kafka, oracle->group, topic, partition, metadata);
	int64_t last = -1, clock_ms = 0;
	long long s = -1, t = -1;

	free(topic);
	for (size_t i = 0; i < oracle->log->count; i++) {
		const struct co_record *record = &oracle->log->records[i]->r;
		if (record->partition != partition || !co_oracle_topic(oracle, oracle->log->records[i], "commands"))
			continue;
		if (record->offset > last)
			last = record->offset;
		if (record->timestamp_ms > clock_ms)
			clock_ms = record->timestamp_ms;
	}
	if (last < 0)
		return committed <= 0 ? NULL : co_tk_format("partition %d: a position without a command", partition);
	if (committed <= last)
		return co_tk_format("partition %d: committed %lld, the last command is at %lld", partition,
							(long long)committed, (long long)last);
	if (sscanf(metadata, "v1;s=%lld;t=%lld", &s, &t) != 2)
		return co_tk_format("partition %d: the committed metadata is \"%s\"", partition, metadata);
	if (s != seq)
		return co_tk_format("partition %d: Kafka says sequence %lld, Redis shows %lld", partition, s, seq);
	if (t != clock_ms)
		return co_tk_format("partition %d: the committed clock is %lld, the log's %lld", partition, t,
							(long long)clock_ms);
	return NULL;
}

/* Redis follows the commit, and what a rebuild leaves behind is swept after it. */
static bool is_shown(const struct co_oracle *oracle, int32_t partition)
{
	struct marker marker = {.seq = 0, .generation = "0"};
	bool there = read_marker(oracle, partition, &marker);
	char metadata[64], *topic = co_tk_format("%scommands", oracle->prefix);
	long long s = 0;

	(void)co_tk_kafka_committed(oracle->kafka, oracle->group, topic, partition, metadata);
	free(topic);
	if (sscanf(metadata, "v1;s=%lld", &s) == 1 && s != (there ? marker.seq : 0))
		return false;
	char *leftovers = there ? check_leftovers(oracle, partition, marker.generation) : NULL;
	bool clean = !leftovers;
	free(leftovers);
	return clean;
}

bool co_oracle_is_shown(const struct co_oracle *oracle)
{
	for (int32_t p = 0; p < oracle->partitions; p++)
		if (!is_shown(oracle, p))
			return false;
	return true;
}

static char *check_partition(struct co_oracle *oracle, struct co_seen *seen, int32_t partition)
{
	struct marker marker = {.generation = "0"};
	bool there = read_marker(oracle, partition, &marker);
	long long kept = 0;
	char *failure = NULL;

	for (size_t i = 0; !failure && i < seen->count; i++) {
		if (seen->sessions[i].partition != partition)
			continue;
		if (!there)
			failure = co_tk_format("Redis has no marker of partition %d", partition);
		else
			failure = check_session(oracle, &seen->sessions[i], marker.generation);
		kept += seen->sessions[i].state && seen->sessions[i].state->r.value.ptr;
	}
	if (!failure && there && count_keys(oracle, partition, marker.generation) != kept)
		failure = co_tk_format("partition %d: Redis has %lld sessions, the log %lld", partition,
							   count_keys(oracle, partition, marker.generation), kept);
	if (!failure && there)
		failure = check_leftovers(oracle, partition, marker.generation);
	return failure ? failure : check_position(oracle, partition, there ? marker.seq : 0);
}

char *co_oracle_check_view(struct co_oracle *oracle, struct co_seen *seen)
{
	char *failure = read_state(oracle, seen);

	oracle->kept = 0;
	for (int32_t p = 0; !failure && p < oracle->partitions; p++)
		failure = check_partition(oracle, seen, p);
	return failure;
}
