#include "redis_store.h"

#include "redis_link.h"

#include "checkout/crash.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEY_BYTES_MAX 256
#define CLEANUP_MS_MAX 3000

/* What begin() of a rebuild found, and the generation that it fills. */
struct rebuild {
	char seq[24], gen[24]; /* "" absent */
	char fresh[24];
	int64_t put_count;
};

struct co_redis_store {
	struct co_redis_link link;
	const char *prefix;
	int32_t partition_count;
	struct rebuild *rebuilds; /* by partition */
};

/* --- words -------------------------------------------------------------------------------------------------------- */

struct text {
	char ptr[KEY_BYTES_MAX];
};

static struct text marker_key(const struct co_redis_store *store, int32_t partition)
{
	struct text key;
	(void)snprintf(key.ptr, sizeof(key.ptr), "%s:{%" PRId32 "}:m", store->prefix, partition);
	return key;
}

/* What a generation's name is put behind. */
static struct text key_stem(const struct co_redis_store *store, int32_t partition, const char *gen)
{
	struct text key;
	(void)snprintf(key.ptr, sizeof(key.ptr), "%s:{%" PRId32 "}:%s", store->prefix, partition, gen);
	return key;
}

static struct text number(int64_t value)
{
	struct text text;
	(void)snprintf(text.ptr, sizeof(text.ptr), "%" PRId64, value);
	return text;
}

static void add_text(struct co_redis_link *link, const char *text)
{
	co_redis_link_word(link, text, strlen(text));
}

/* Deadlines and ids are written into `room`, which must live until the call is sent. */
struct entry_text {
	char id[CO_UUID_TEXT + 1];
	char due[24], held[24];
};

static const char *deadline_text(char *room, size_t size, int64_t at_ms)
{
	if (at_ms == CO_NEVER)
		return "-";
	(void)snprintf(room, size, "%" PRId64, at_ms);
	return room;
}

static void add_entries(struct co_redis_link *link, const struct co_store_entry *entries, size_t count,
						struct entry_text *room)
{
	for (size_t i = 0; i < count; i++) {
		co_uuid_format(&entries[i].id, room[i].id);
		co_redis_link_word(link, room[i].id, CO_UUID_TEXT);
		co_redis_link_word(link, entries[i].stored.ptr ? entries[i].stored.ptr : "",
						   entries[i].stored.ptr ? entries[i].stored.len : 0);
		add_text(link, deadline_text(room[i].due, sizeof(room[i].due), entries[i].due_ms));
		add_text(link, deadline_text(room[i].held, sizeof(room[i].held), entries[i].held_ms));
	}
}

static struct entry_text *entry_room(size_t count)
{
	struct entry_text *room = calloc(count ? count : 1, sizeof(*room));
	if (!room)
		abort();
	return room;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

static int64_t monotonic_us(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

static enum co_status told(enum co_metric_operation operation, enum co_status status, int64_t since_us)
{
	if (status == CO_VIEW_DOWN)
		co_metric_add(CO_METRIC_REDIS_ERRORS, operation, 0, 1);
	else /* another sequence than the expected one is an answer too */
		co_metric_observe(CO_METRIC_REDIS_DURATION, operation, (double)(monotonic_us() - since_us) / 1e6);
	return status;
}

static int64_t integer_of(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_INTEGER)
		return reply->integer;
	return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}

/* {1, …} went through; {0, seq}: the marker is elsewhere. */
static enum co_status verdict_of(const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2)
		return CO_VIEW_DOWN;
	return integer_of(reply->element[0]) > 0 ? CO_OK : CO_VIEW_MISMATCH;
}

static enum co_status receive_verdict(struct co_redis_link *link)
{
	redisReply *reply = NULL;
	CO_TRY(co_redis_link_receive(link, &reply));
	enum co_status status = verdict_of(reply);
	freeReplyObject(reply);
	return status;
}

/* --- mark --------------------------------------------------------------------------------------------------------- */

static enum co_status ask_marker(struct co_redis_store *store, int32_t partition, redisReply **out)
{
	CO_TRY(co_redis_link_ready(&store->link));
	struct text key = marker_key(store, partition);
	co_redis_link_begin(&store->link);
	add_text(&store->link, "HMGET");
	add_text(&store->link, key.ptr);
	add_text(&store->link, "seq");
	add_text(&store->link, "clog");
	add_text(&store->link, "gen");
	CO_TRY(co_redis_link_send(&store->link));
	CO_TRY(co_redis_link_receive(&store->link, out));
	if ((*out)->type == REDIS_REPLY_ARRAY && (*out)->elements == 3)
		return CO_OK;
	freeReplyObject(*out);
	return CO_VIEW_DOWN;
}

static enum co_status store_mark(void *self, int32_t partition, struct co_store_mark *out)
{
	int64_t since_us = monotonic_us();
	redisReply *reply = NULL;
	enum co_status status = told(CO_OPERATION_MARK, ask_marker(self, partition, &reply), since_us);
	CO_TRY(status);
	*out = (struct co_store_mark){.present = reply->element[0]->type == REDIS_REPLY_STRING,
								  .seq = integer_of(reply->element[0]),
								  .clog = integer_of(reply->element[1])};
	freeReplyObject(reply);
	return CO_OK;
}

/* --- load --------------------------------------------------------------------------------------------------------- */

static enum co_status send_load(struct co_redis_store *store, const struct co_store_load *load)
{
	struct co_redis_link *link = &store->link;
	struct text key = marker_key(store, load->partition), stem = key_stem(store, load->partition, "");
	struct text seq = number(load->seq), max = number((int64_t)load->due_max);
	char until[24];
	struct entry_text *room = entry_room(load->id_count);
	co_redis_link_begin_script(link, CO_SCRIPT_LOAD, key.ptr);
	add_text(link, seq.ptr);
	add_text(link, stem.ptr);
	add_text(link,
			 deadline_text(until, sizeof(until), load->due_until_ms == INT64_MIN ? CO_NEVER : load->due_until_ms));
	add_text(link, max.ptr);
	for (size_t i = 0; i < load->id_count; i++) {
		co_uuid_format(&load->ids[i], room[i].id);
		co_redis_link_word(link, room[i].id, CO_UUID_TEXT);
	}
	enum co_status status = co_redis_link_send(link);
	free(room);
	return status;
}

static struct co_view blob_of(struct co_arena *arena, const redisReply *reply)
{
	if (reply->type != REDIS_REPLY_STRING)
		return (struct co_view){NULL, 0};
	return co_view_dup(arena, co_view_make(reply->str, (size_t)reply->len));
}

static enum co_status read_load(const redisReply *reply, struct co_arena *arena, struct co_store_load *load)
{
	CO_TRY(verdict_of(reply));
	load->damaged = integer_of(reply->element[0]) == 2;
	size_t due = (size_t)integer_of(reply->element[1]);
	if (reply->elements != 2 + 3 * due + load->id_count)
		return CO_VIEW_DOWN;
	load->due = CO_NEW_ARRAY(arena, struct co_store_entry, due);
	load->found = CO_NEW_ARRAY(arena, struct co_store_entry, load->id_count);
	load->due_count = 0;
	for (size_t i = 0; i < due; i++) {
		redisReply *const *item = &reply->element[2 + 3 * i];
		struct co_store_entry *entry = &load->due[load->due_count];
		*entry = (struct co_store_entry){.due_ms = (int64_t)strtod(item[1]->str, NULL), .held_ms = CO_NEVER};
		if (item[0]->type != REDIS_REPLY_STRING ||
			!co_uuid_parse(co_view_make(item[0]->str, (size_t)item[0]->len), &entry->id))
			continue; /* nobody's session; a rebuild leaves it behind */
		entry->stored = blob_of(arena, item[2]);
		load->due_count++;
	}
	for (size_t i = 0; i < load->id_count; i++)
		load->found[i] = (struct co_store_entry){.id = load->ids[i],
												 .stored = blob_of(arena, reply->element[2 + 3 * due + i]),
												 .due_ms = CO_NEVER,
												 .held_ms = CO_NEVER};
	return CO_OK;
}

/* Sends all, then reads all: one round trip for the shards together. */
static enum co_status load_all(struct co_redis_store *store, struct co_arena *arena, struct co_store_load *loads,
							   size_t count)
{
	CO_TRY(co_redis_link_ready(&store->link));
	for (size_t i = 0; i < count; i++)
		CO_TRY(send_load(store, &loads[i]));
	enum co_status worst = CO_OK;
	for (size_t i = 0; i < count; i++) {
		redisReply *reply = NULL;
		CO_TRY(co_redis_link_receive(&store->link, &reply));
		enum co_status status = read_load(reply, arena, &loads[i]);
		freeReplyObject(reply);
		if (status != CO_OK)
			worst = status;
	}
	return worst;
}

static enum co_status store_load(void *self, struct co_arena *arena, struct co_store_load *loads, size_t count)
{
	int64_t since_us = monotonic_us();
	return told(CO_OPERATION_LOAD, load_all(self, arena, loads, count), since_us);
}

/* --- apply -------------------------------------------------------------------------------------------------------- */

static enum co_status send_apply(struct co_redis_store *store, const struct co_store_apply *apply)
{
	struct co_redis_link *link = &store->link;
	struct text key = marker_key(store, apply->partition), stem = key_stem(store, apply->partition, "");
	struct text from = number(apply->from_seq), to = number(apply->to_seq), clog = number(apply->clog);
	struct text partitions = number(store->partition_count);
	struct entry_text *room = entry_room(apply->count);
	co_redis_link_begin_script(link, CO_SCRIPT_APPLY, key.ptr);
	add_text(link, from.ptr);
	add_text(link, to.ptr);
	add_text(link, clog.ptr);
	add_text(link, stem.ptr);
	add_text(link, partitions.ptr);
	add_entries(link, apply->entries, apply->count, room);
	enum co_status status = co_redis_link_send(link);
	free(room);
	return status;
}

static enum co_status apply_all(struct co_redis_store *store, const struct co_store_apply *applies, size_t count)
{
	CO_TRY(co_redis_link_ready(&store->link));
	for (size_t i = 0; i < count; i++)
		CO_TRY(send_apply(store, &applies[i]));
	enum co_status worst = CO_OK;
	for (size_t i = 0; i < count; i++) {
		enum co_status status = receive_verdict(&store->link);
		if (status == CO_VIEW_DOWN)
			return status;
		if (status != CO_OK)
			worst = status;
		co_crash_point("mid_apply");
	}
	return worst;
}

static enum co_status store_apply(void *self, const struct co_store_apply *applies, size_t count)
{
	int64_t since_us = monotonic_us();
	return told(CO_OPERATION_APPLY, apply_all(self, applies, count), since_us);
}

/* --- rebuild ------------------------------------------------------------------------------------------------------ */

static void copy_reply(char *to, size_t room, const redisReply *reply)
{
	(void)snprintf(to, room, "%s", reply->type == REDIS_REPLY_STRING ? reply->str : "");
}

/* The counts that put() and publish() ask for: gone after a flush, and with them the right to publish. */
static enum co_status open_generation(struct co_redis_store *store, int32_t partition)
{
	char key[KEY_BYTES_MAX + 8];
	struct text stem = key_stem(store, partition, store->rebuilds[partition].fresh);
	(void)snprintf(key, sizeof(key), "%s:live", stem.ptr);
	co_redis_link_begin(&store->link);
	const char *words[] = {"HSET", key, "live", "0", "puts", "0"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add_text(&store->link, words[i]);
	CO_TRY(co_redis_link_send(&store->link));
	redisReply *reply = NULL;
	CO_TRY(co_redis_link_receive(&store->link, &reply));
	freeReplyObject(reply);
	return CO_OK;
}

static enum co_status store_rebuild_begin(void *self, int32_t partition)
{
	struct co_redis_store *store = self;
	struct rebuild *rebuild = &store->rebuilds[partition];
	rebuild->put_count = 0;
	redisReply *reply = NULL;
	CO_TRY(told(CO_OPERATION_REBUILD, ask_marker(store, partition, &reply), monotonic_us()));
	copy_reply(rebuild->seq, sizeof(rebuild->seq), reply->element[0]);
	copy_reply(rebuild->gen, sizeof(rebuild->gen), reply->element[2]);
	freeReplyObject(reply);
	/* a name that no earlier generation of this shard had */
	struct timespec at;
	(void)clock_gettime(CLOCK_REALTIME, &at);
	(void)snprintf(rebuild->fresh, sizeof(rebuild->fresh), "%" PRIx64,
				   (uint64_t)at.tv_sec * 1000000 + (uint64_t)at.tv_nsec / 1000);
	return told(CO_OPERATION_REBUILD, open_generation(store, partition), monotonic_us());
}

static enum co_status put_all(struct co_redis_store *store, int32_t partition, const struct co_store_entry *entries,
							  size_t count)
{
	CO_TRY(co_redis_link_ready(&store->link));
	struct text key = marker_key(store, partition);
	struct text stem = key_stem(store, partition, store->rebuilds[partition].fresh);
	struct text puts = number(store->rebuilds[partition].put_count++);
	struct entry_text *room = entry_room(count);
	co_redis_link_begin_script(&store->link, CO_SCRIPT_PUT, key.ptr);
	add_text(&store->link, stem.ptr);
	add_text(&store->link, puts.ptr);
	add_entries(&store->link, entries, count, room);
	enum co_status status = co_redis_link_send(&store->link);
	free(room);
	return status == CO_OK ? receive_verdict(&store->link) : status;
}

static enum co_status store_rebuild_put(void *self, int32_t partition, const struct co_store_entry *entries,
										size_t count)
{
	int64_t since_us = monotonic_us();
	return told(CO_OPERATION_REBUILD, put_all(self, partition, entries, count), since_us);
}

static enum co_status publish(struct co_redis_store *store, int32_t partition, int64_t seq, int64_t clog)
{
	CO_TRY(co_redis_link_ready(&store->link));
	const struct rebuild *rebuild = &store->rebuilds[partition];
	struct text key = marker_key(store, partition), stem = key_stem(store, partition, "");
	struct text seq_text = number(seq), clog_text = number(clog), partitions = number(store->partition_count);
	struct text puts = number(rebuild->put_count);
	co_redis_link_begin_script(&store->link, CO_SCRIPT_PUBLISH, key.ptr);
	add_text(&store->link, rebuild->seq);
	add_text(&store->link, rebuild->gen);
	add_text(&store->link, rebuild->fresh);
	add_text(&store->link, seq_text.ptr);
	add_text(&store->link, clog_text.ptr);
	add_text(&store->link, stem.ptr);
	add_text(&store->link, partitions.ptr);
	add_text(&store->link, puts.ptr);
	CO_TRY(co_redis_link_send(&store->link));
	return receive_verdict(&store->link);
}

/* Takes one page of keys and removes those of other generations, unless ours is no longer the one in use. */
static enum co_status sweep_page(struct co_redis_store *store, int32_t partition, const char *pattern,
								 const char *keep_stem, char *cursor, size_t cursor_room)
{
	struct co_redis_link *link = &store->link;
	struct text marker = marker_key(store, partition), stem = key_stem(store, partition, "");
	co_redis_link_begin(link);
	const char *words[] = {"SCAN", cursor, "MATCH", pattern, "COUNT", "1000"};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add_text(link, words[i]);
	CO_TRY(co_redis_link_send(link));
	redisReply *reply = NULL;
	CO_TRY(co_redis_link_receive(link, &reply));
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
		freeReplyObject(reply);
		return CO_VIEW_DOWN;
	}
	(void)snprintf(cursor, cursor_room, "%s", reply->element[0]->str);
	co_redis_link_begin_script(link, CO_SCRIPT_SWEEP, marker.ptr);
	add_text(link, store->rebuilds[partition].fresh);
	add_text(link, stem.ptr);
	size_t doomed = 0;
	for (size_t i = 0; i < reply->element[1]->elements; i++) {
		const redisReply *key = reply->element[1]->element[i];
		if (strcmp(key->str, marker.ptr) == 0 || strncmp(key->str, keep_stem, strlen(keep_stem)) == 0)
			continue;
		co_redis_link_word(link, key->str, (size_t)key->len);
		doomed++;
	}
	enum co_status status = doomed ? co_redis_link_send(link) : CO_OK;
	freeReplyObject(reply);
	if (!doomed || status != CO_OK)
		return status;
	return receive_verdict(link);
}

/* What is left of older generations takes room and nothing else: best effort, bounded in time. */
static void sweep(struct co_redis_store *store, int32_t partition)
{
	char pattern[KEY_BYTES_MAX + 8], keep[KEY_BYTES_MAX + 8], cursor[32] = "0";
	struct text stem = key_stem(store, partition, store->rebuilds[partition].fresh);
	(void)snprintf(pattern, sizeof(pattern), "%s:{%" PRId32 "}:*", store->prefix, partition);
	(void)snprintf(keep, sizeof(keep), "%s:", stem.ptr);
	int64_t until_us = monotonic_us() + (int64_t)CLEANUP_MS_MAX * 1000;
	do {
		if (co_redis_link_ready(&store->link) != CO_OK ||
			sweep_page(store, partition, pattern, keep, cursor, sizeof(cursor)) != CO_OK)
			return;
	} while (strcmp(cursor, "0") != 0 && monotonic_us() < until_us);
}

static enum co_status store_rebuild_publish(void *self, int32_t partition, int64_t seq, int64_t clog)
{
	struct co_redis_store *store = self;
	CO_TRY(told(CO_OPERATION_REBUILD, publish(store, partition, seq, clog), monotonic_us()));
	sweep(store, partition);
	return CO_OK;
}

/* --- census ------------------------------------------------------------------------------------------------------- */

static int64_t deadline_of(const redisReply *reply)
{
	return reply->type == REDIS_REPLY_STRING && reply->len > 0 ? (int64_t)strtod(reply->str, NULL) : CO_NEVER;
}

static enum co_status take_census(struct co_redis_store *store, int32_t partition, int64_t now_ms,
								  struct co_store_census *out)
{
	CO_TRY(co_redis_link_ready(&store->link));
	struct text key = marker_key(store, partition), stem = key_stem(store, partition, ""), now = number(now_ms);
	co_redis_link_begin_script(&store->link, CO_SCRIPT_CENSUS, key.ptr);
	add_text(&store->link, stem.ptr);
	add_text(&store->link, now.ptr);
	CO_TRY(co_redis_link_send(&store->link));
	redisReply *reply = NULL;
	CO_TRY(co_redis_link_receive(&store->link, &reply));
	bool fine = reply->type == REDIS_REPLY_ARRAY && reply->elements == 4;
	if (fine)
		*out = (struct co_store_census){.live = integer_of(reply->element[0]),
										.overdue = integer_of(reply->element[1]),
										.next_due_ms = deadline_of(reply->element[2]),
										.next_expiry_ms = deadline_of(reply->element[3])};
	freeReplyObject(reply);
	return fine ? CO_OK : CO_VIEW_DOWN;
}

static enum co_status store_census(void *self, int32_t partition, int64_t now_ms, struct co_store_census *out)
{
	int64_t since_us = monotonic_us();
	return told(CO_OPERATION_CENSUS, take_census(self, partition, now_ms, out), since_us);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct co_redis_store *co_redis_store_open(const struct co_redis_wish *wish)
{
	struct co_redis_store *store = calloc(1, sizeof(*store));
	struct rebuild *rebuilds = calloc((size_t)wish->partition_count, sizeof(*rebuilds));
	if (!store || !rebuilds)
		abort();
	store->prefix = wish->key_prefix;
	store->partition_count = wish->partition_count;
	store->rebuilds = rebuilds;
	co_redis_link_init(&store->link, wish->url, wish->timeout_ms, wish->role, wish->member);
	return store;
}

struct co_store co_redis_store_port(struct co_redis_store *store)
{
	return (struct co_store){.self = store,
							 .mark = store_mark,
							 .load = store_load,
							 .apply = store_apply,
							 .rebuild_begin = store_rebuild_begin,
							 .rebuild_put = store_rebuild_put,
							 .rebuild_publish = store_rebuild_publish,
							 .census = store_census};
}

void co_redis_store_close(struct co_redis_store *store)
{
	if (!store)
		return;
	co_redis_link_close(&store->link);
	free(store->rebuilds);
	free(store);
}
