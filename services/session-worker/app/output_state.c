#include "checkout/app/output.h"

#include "output_parts.h"

#include "checkout/base64.h"

#include <string.h>

/* No session id: it is no UUID. */
#define LANE_KEY CO_VIEW("lane")

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static struct co_view base64(struct co_arena *arena, struct co_view bytes)
{
	char *text = co_arena_alloc(arena, (bytes.len + 2) / 3 * 4);
	char *to = text;
	const uint8_t *at = (const uint8_t *)bytes.ptr;
	size_t left = bytes.len;

	for (; left >= 3; at += 3, left -= 3) {
		uint32_t group = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];

		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = alphabet[group >> 6 & 63];
		*to++ = alphabet[group & 63];
	}
	if (left > 0) {
		uint32_t group = (uint32_t)at[0] << 16 | (left > 1 ? (uint32_t)at[1] << 8 : 0);

		*to++ = alphabet[group >> 18];
		*to++ = alphabet[group >> 12 & 63];
		*to++ = left > 1 ? alphabet[group >> 6 & 63] : '=';
		*to++ = '=';
	}
	return co_view_make(text, (size_t)(to - text));
}

void co_output_state(const struct co_names *names, struct co_arena *arena, int32_t partition,
					 const struct co_uuid *session_id, struct co_view snapshot, struct co_view stored,
					 struct co_message *out)
{
	struct co_buf body = co_buf_make(arena, snapshot.len + (stored.len + 2) / 3 * 4 + 32);

	co_buf_lit(&body, "{\"session\":");
	co_buf_add(&body, snapshot);
	co_buf_lit(&body, ",\"stored\":\"");
	co_buf_add(&body, base64(arena, stored));
	co_buf_lit(&body, "\"}");
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_STATE],
		.partition = partition,
		.timestamp_ms = -1,
		.key = co_uuid_view(arena, session_id),
		.value = co_buf_view(&body),
	};
}

void co_output_tombstone(const struct co_names *names, struct co_arena *arena, int32_t partition,
						 const struct co_uuid *session_id, struct co_message *out)
{
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_STATE],
		.partition = partition,
		.timestamp_ms = -1,
		.key = co_uuid_view(arena, session_id),
	};
}

void co_output_lane(const struct co_names *names, struct co_arena *arena, int32_t partition, int64_t seq,
					int64_t next_offset, int64_t clock_ms, struct co_message *out)
{
	struct co_buf body = co_buf_make(arena, 64);

	co_buf_lit(&body, "{\"seq\":");
	co_buf_add_int(&body, seq);
	co_buf_lit(&body, ",\"next\":");
	co_buf_add_int(&body, next_offset);
	co_buf_lit(&body, ",\"t\":");
	co_buf_add_int(&body, clock_ms);
	co_buf_add_byte(&body, '}');
	*out = (struct co_message){
		.topic = names->topics[CO_TOPIC_STATE],
		.partition = partition,
		.timestamp_ms = -1,
		.key = LANE_KEY,
		.value = co_buf_view(&body),
	};
}

/* The key as co_output_state writes it; another spelling of the same id would be another key to compaction. */
static bool session_key(struct co_view key, struct co_uuid *out)
{
	char text[CO_UUID_TEXT + 1];

	if (!co_uuid_parse(key, out))
		return false;
	co_uuid_format(out, text);
	return co_view_eq(key, co_view_make(text, CO_UUID_TEXT));
}

static bool read_count(const struct co_json *object, struct co_view name, int64_t *out)
{
	const struct co_json *member = co_json_get(object, name);

	if (!co_json_is(member, CO_JSON_INTEGER) || member->integer < 0)
		return false;
	*out = member->integer;
	return true;
}

void co_state_read(const struct co_record *record, struct co_arena *arena, struct co_state_record *out)
{
	const struct co_json *value;
	const struct co_json *stored;
	struct co_view bytes;
	bool is_lane, stray;

	*out = (struct co_state_record){.kind = CO_STATE_UNKNOWN};
	if (!record->key.ptr)
		return;
	is_lane = co_view_eq(record->key, LANE_KEY);
	if (!is_lane && !session_key(record->key, &out->session_id))
		return;
	if (!record->value.ptr) {
		if (!is_lane)
			out->kind = CO_STATE_TOMBSTONE;
		return;
	}
	if (co_json_parse(record->value, CO_JSON_DEPTH_MAX, arena, &value, NULL) != CO_OK)
		return;
	if (is_lane) {
		if (read_count(value, CO_VIEW("seq"), &out->seq) && read_count(value, CO_VIEW("next"), &out->next_offset) &&
			read_count(value, CO_VIEW("t"), &out->clock_ms))
			out->kind = CO_STATE_LANE;
		return;
	}
	stored = co_json_get(value, CO_VIEW("stored"));
	/* Exactly what base64() writes, and no other spelling of it. */
	if (!co_json_is(stored, CO_JSON_STRING) || !co_base64_read_padded(stored->text, arena, &bytes, &stray) || stray)
		return;
	out->stored = bytes;
	out->kind = CO_STATE_SESSION;
}
