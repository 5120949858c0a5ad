/* The one way back (docs/architecture.md, "Recovery"): recycle the producer, read the committed positions, align the
 * view with the log, read on. Start-up, rebalance, fault and unknown outcome all come through here, so it is exercised
 * all the time. */
#include "lane.h"

#include "checkout/app/stored.h"
#include "checkout/crash.h"
#include "checkout/log.h"
#include "checkout/mutant.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define RECYCLE_TIMEOUT_MS 500
#define COMMITTED_TIMEOUT_MS 3000
#define BOUNDS_TIMEOUT_MS 3000
#define REPLAY_POLL_MS 50
#define REPLAY_STALL_MS 30000
#ifndef CHUNK_ENTRIES /* the simulation's are smaller */
#define CHUNK_ENTRIES 500
#endif
#define CATCH_UP_ENTRIES_MAX 20000 /* without the end of a transaction: compaction took them; made again in pieces */

/* Keeps the group membership alive during a long recovery. CO_REBALANCED: what is being recovered may be somebody
 * else's now. */
static enum co_status keep_membership(struct co_lane *lane)
{
	const struct co_inbox *inbox = &lane->ports.inbox;
	struct co_record record;
	co_lane_touch(lane);
	enum co_status status = CO_OK;
	for (int i = 0; i < 100 && status == CO_OK; i++)
		status = inbox->poll(inbox->self, 0, &lane->batch_arena, &record);
	inbox->release(inbox->self);
	co_arena_reset(&lane->batch_arena);
	if (status == CO_REBALANCED) {
		atomic_store(&lane->status.joined, true);
		co_lane_let_go(lane);
	}
	return status == CO_NOTHING ? CO_OK : status;
}

/* --- reading `state` ---------------------------------------------------------------------------------------------- */

struct replaying {
	struct co_lane *lane;
	struct co_shard *shard;
	bool rebuild;     /* into a new generation; else on top of what the view shows */
	int64_t view_seq; /* what the view shows */
	size_t entry_count, entry_room;
	struct co_store_entry *entries;         /* not yet in the view */
	int64_t records, lane_seq, behind_lane; /* of the last whole transaction read */
};

/* On top of what the view shows go whole transactions only: each step moves the view's sequence on, so one that a
 * failing Redis forgot, or ran late, is found out. A new generation is filled in pieces of any size. */
static enum co_status flush_entries(struct replaying *replaying)
{
	const struct co_store *store = &replaying->lane->ports.store;
	size_t count = replaying->entry_count;
	replaying->entry_count = 0;
	if (replaying->rebuild)
		return count ? store->rebuild_put(store->self, replaying->shard->partition, replaying->entries, count) : CO_OK;
	struct co_store_apply apply = {.partition = replaying->shard->partition,
								   .from_seq = replaying->view_seq,
								   .to_seq = replaying->lane_seq,
								   .clog = replaying->behind_lane,
								   .count = count,
								   .entries = replaying->entries};
	CO_TRY(store->apply(store->self, &apply, 1));
	replaying->view_seq = replaying->lane_seq;
	return CO_OK;
}

static struct co_store_entry *next_entry(struct replaying *replaying)
{
	if (replaying->entry_count == replaying->entry_room) {
		replaying->entry_room = replaying->entry_room ? 2 * replaying->entry_room : 1024;
		struct co_store_entry *more = realloc(replaying->entries, replaying->entry_room * sizeof(*more));
		if (!more)
			abort();
		replaying->entries = more;
	}
	return &replaying->entries[replaying->entry_count++];
}

static void entry_of(const struct replaying *replaying, const struct co_state_record *state, struct co_arena *arena,
					 struct co_store_entry *out)
{
	*out = (struct co_store_entry){.id = state->session_id, .due_ms = CO_NEVER, .held_ms = CO_NEVER};
	if (state->kind != CO_STATE_SESSION)
		return;
	struct co_session *session = CO_NEW(arena, struct co_session);
	if (co_stored_read(state->stored, arena, session) == CO_OK && co_uuid_eq(&session->id, &state->session_id))
		co_shard_deadlines(replaying->lane->desk, session, &out->due_ms, &out->held_ms);
	else
		co_log(CO_LOG_ERROR, "state.unreadable", "a session on the state topic cannot be read by this version",
			   CO_INT("checkout.partition", replaying->shard->partition));
	out->stored = co_view_dup(arena, state->stored);
}

static enum co_status replay_record(struct replaying *replaying, const struct co_record *record)
{
	struct co_arena *arena = &replaying->lane->round_arena;
	struct co_state_record state;
	co_state_read(record, arena, &state);
	replaying->records++;
	switch (state.kind) {
	case CO_STATE_SESSION:
	case CO_STATE_TOMBSTONE:
		entry_of(replaying, &state, arena, next_entry(replaying));
		break;
	case CO_STATE_LANE:
		replaying->lane_seq = state.seq;
		replaying->behind_lane = record->offset + 1;
		break;
	case CO_STATE_UNKNOWN:
		co_log(CO_LOG_NOTICE, "state.foreign", "a record on the state topic is not of this service; passed over",
			   CO_INT("checkout.partition", record->partition), CO_INT("checkout.offset", record->offset));
		break;
	}
	if (replaying->entry_count < CHUNK_ENTRIES)
		return CO_OK;
	if (!replaying->rebuild && state.kind != CO_STATE_LANE) {
		bool too_many = replaying->entry_count > CATCH_UP_ENTRIES_MAX;
		replaying->lane->rebuild[replaying->shard->partition] |= too_many;
		return too_many ? CO_VIEW_MISMATCH : CO_OK;
	}
	CO_TRY(flush_entries(replaying));
	co_arena_reset(arena);
	return CO_OK;
}

/* Reads until the record of the committed sequence was seen and the stable end after it: an end before it means that
 * its transaction's marker has not landed yet, and is waited for. */
static enum co_status replay_all(struct replaying *replaying)
{
	const struct co_replay *replay = &replaying->lane->ports.replay;
	int64_t last_ms = co_lane_now_ms(replaying->lane), membership_ms = last_ms;
	for (;;) {
		struct co_record record;
		bool at_end = false;
		enum co_status status =
			replay->next(replay->self, REPLAY_POLL_MS, &replaying->lane->round_arena, &record, &at_end);
		int64_t at_ms = co_lane_now_ms(replaying->lane);
		if (status == CO_OK && at_end) {
			if (replaying->lane_seq >= replaying->shard->seq || CO_MUTANT(ALIGN_TO_END))
				return CO_OK;
			status = CO_NOTHING;
		}
		if (status == CO_OK) {
			CO_TRY(replay_record(replaying, &record));
			last_ms = at_ms;
		} else if (status != CO_NOTHING) {
			return status;
		} else if (at_ms - last_ms > REPLAY_STALL_MS) {
			co_log(CO_LOG_ERROR, "state.short", "the state topic ends before the committed sequence",
				   CO_INT("checkout.partition", replaying->shard->partition),
				   CO_INT("checkout.seq", replaying->shard->seq), CO_INT("checkout.seen", replaying->lane_seq));
			return CO_LOG_DOWN;
		}
		if (at_ms - membership_ms > 200 || atomic_load(&replaying->lane->stop)) {
			CO_TRY(keep_membership(replaying->lane));
			if (atomic_load(&replaying->lane->stop))
				return CO_STOPPED;
			membership_ms = at_ms;
		}
	}
}

static enum co_status replay_shard(struct replaying *replaying)
{
	const struct co_replay *replay = &replaying->lane->ports.replay;
	struct co_shard *shard = replaying->shard;
	CO_TRY(replay->open(replay->self, shard->partition, replaying->rebuild ? 0 : shard->clog));
	enum co_status status = replay_all(replaying);
	replay->close(replay->self);
	CO_TRY(status);
	co_crash_point(replaying->rebuild ? "in_rebuild" : "in_align");
	const struct co_store *store = &replaying->lane->ports.store;
	/* What was read is the state at `lane_seq`, and only as that may it be shown. It is later than what committed()
	 * told when another worker has gone on with the partition: then that is asked anew. */
	if (CO_MUTANT(ALIGN_TO_END) || CO_MUTANT(SHOWN_AS_COMMITTED))
		replaying->lane_seq = shard->seq;
	CO_TRY(flush_entries(replaying));
	if (replaying->rebuild)
		CO_TRY(store->rebuild_publish(store->self, shard->partition, replaying->lane_seq, replaying->behind_lane));
	shard->clog = replaying->behind_lane;
	return replaying->lane_seq == shard->seq ? CO_OK : CO_VIEW_MISMATCH;
}

/* An offset that a transaction of ours committed has its metadata; one that somebody set by hand has none. */
static bool is_ours(const struct co_position *position)
{
	return position->offset >= 0 && position->metadata[0] != '\0';
}

/* A group's offsets can get lost (retention of an idle group, a deleted group), or be set by hand. The lane record on
 * `state` says the same, so nothing is judged a second time. A fresh installation has none: its partition of `state` is
 * empty, and it begins where the position says.
 * What a transaction holds back is waited for: with the offsets went the pending ones, by which committed() would have
 * waited, and the last lane record may lie behind a marker that has not landed. */
static enum co_status find_lost_position(struct co_lane *lane, struct co_shard *shard)
{
	const struct co_replay *replay = &lane->ports.replay;
	CO_TRY(replay->open(replay->self, shard->partition, 0));
	enum co_status status = CO_OK;
	bool at_end = false;
	int64_t last_ms = co_lane_now_ms(lane);
	while (status == CO_OK && !at_end) {
		struct co_record record;
		struct co_state_record state;
		status = replay->next(replay->self, REPLAY_POLL_MS, &lane->round_arena, &record, &at_end);
		if (status == CO_OK && at_end && !replay->is_settled(replay->self) && !CO_MUTANT(LOST_UNSETTLED)) {
			at_end = false;
			status = CO_NOTHING;
		}
		if (status == CO_OK && !at_end) {
			co_state_read(&record, &lane->round_arena, &state);
			if (state.kind == CO_STATE_LANE) {
				shard->seq = state.seq;
				shard->next_offset = CO_MUTANT(LOST_FROM_START) ? 0 : state.next_offset;
				shard->clock_ms = CO_MUTANT(LOST_CLOCK) ? 0 : state.clock_ms;
			}
			co_arena_reset(&lane->round_arena);
			last_ms = co_lane_now_ms(lane);
		} else if (status == CO_NOTHING) {
			status = co_lane_now_ms(lane) - last_ms > REPLAY_STALL_MS ? CO_LOG_DOWN : keep_membership(lane);
		}
		if (atomic_load(&lane->stop))
			status = CO_STOPPED;
	}
	replay->close(replay->self);
	if (status == CO_OK && shard->seq > 0)
		co_log(CO_LOG_NOTICE, "offsets.lost",
			   "the group has no offset that was committed here; the position was taken from the state topic",
			   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.seq", shard->seq),
			   CO_INT("checkout.offset", shard->next_offset));
	return status;
}

/* The position has to lie within the log. Behind the log's end: it lost its end, or is another log than it was, and
 * commands that come now would be passed over, or judged under offsets that were used; only somebody who has seen to it
 * and set the offset by hand (`told`) says where to go on. Before its start: retention took records unread, and goes on
 * with the first one. Transaction markers count as records here. */
static enum co_status place_in_log(struct co_lane *lane, struct co_shard *shard, const struct co_position *told)
{
	const struct co_inbox *inbox = &lane->ports.inbox;
	int64_t low = 0, high = 0;
	CO_TRY(inbox->bounds(inbox->self, shard->partition, &low, &high, BOUNDS_TIMEOUT_MS));
	if (shard->next_offset > high && !is_ours(told) && told->offset >= low && told->offset <= high) {
		co_log(CO_LOG_NOTICE, "offsets.by_hand",
			   "the commands end before the position; going on where the offset was set",
			   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.offset", told->offset),
			   CO_INT("checkout.former_offset", shard->next_offset));
		shard->next_offset = told->offset;
	}
	if (shard->next_offset > high) {
		co_log(CO_LOG_ERROR, "log.truncated",
			   "the commands end before the position that was committed: Kafka lost data, or the topic was made anew; "
			   "nothing is changed",
			   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.offset", shard->next_offset),
			   CO_INT("checkout.end_offset", high));
		return CO_LOG_TRUNCATED;
	}
	if (shard->next_offset < low && shard->seq > 0)
		co_log(CO_LOG_ERROR, "commands.deleted", "records were deleted from the commands before they were read",
			   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.offset", shard->next_offset),
			   CO_INT("checkout.first_offset", low));
	if (shard->next_offset < low)
		shard->next_offset = low;
	return CO_OK;
}

/* --- aligning one shard ------------------------------------------------------------------------------------------- */

/* The view shows a later sequence than committed() told. Another worker may have gone on with the partition in between:
 * the view follows the log, so a second answer then is as late as the view was. CO_VIEW_AHEAD: it is not. */
static enum co_status look_again(struct co_lane *lane, const struct co_shard *shard, int64_t view_seq)
{
	const struct co_inbox *inbox = &lane->ports.inbox;
	struct co_position position = {.partition = shard->partition, .offset = -1};
	struct co_shard later = {.partition = shard->partition};
	if (CO_MUTANT(ONE_LOOK_AHEAD))
		return CO_VIEW_AHEAD;
	CO_TRY(keep_membership(lane));
	CO_TRY(inbox->committed(inbox->self, &position, 1, COMMITTED_TIMEOUT_MS));
	if (co_shard_restore(&later, &position) && later.seq >= view_seq)
		return CO_VIEW_MISMATCH;
	co_log(CO_LOG_ERROR, "view.ahead",
		   "Redis shows a later state than Kafka has committed: Kafka lost data or lost this group's offsets, or "
		   "redis.url and redis.key.prefix belong to another installation; nothing is changed",
		   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.seq", shard->seq),
		   CO_INT("checkout.view_seq", view_seq));
	return CO_VIEW_AHEAD;
}

static enum co_status align_shard(struct co_lane *lane, struct co_shard *shard)
{
	const struct co_store *store = &lane->ports.store;
	bool *rebuild = &lane->rebuild[shard->partition];
	struct co_store_mark mark;
	CO_TRY(store->mark(store->self, shard->partition, &mark));
	if (mark.present && mark.seq > shard->seq)
		return look_again(lane, shard, mark.seq);
	shard->clog = mark.present ? mark.clog : 0;
	bool as_committed = mark.present ? mark.seq == shard->seq : shard->seq == 0;
	if ((as_committed && !*rebuild) || CO_MUTANT(NO_ALIGN))
		return CO_OK;
	struct replaying *replaying = calloc(1, sizeof(*replaying));
	if (!replaying)
		abort();
	*replaying = (struct replaying){.lane = lane,
									.shard = shard,
									.rebuild = *rebuild || !mark.present,
									.view_seq = mark.present ? mark.seq : 0,
									.lane_seq = -1,
									.behind_lane = shard->clog};
	int64_t started_ms = co_lane_now_ms(lane);
	enum co_status status = CO_OK;
	if (replaying->rebuild)
		status = store->rebuild_begin(store->self, shard->partition);
	if (status == CO_OK)
		status = replay_shard(replaying);
	if (status == CO_OK) {
		if (replaying->rebuild)
			co_metric_add(CO_METRIC_REBUILDS, 0, 0, 1);
		*rebuild = false;
		co_log(CO_LOG_INFO, replaying->rebuild ? "view.rebuilt" : "view.aligned",
			   replaying->rebuild ? "the view was made again from the state topic" : "the view caught up with the log",
			   CO_INT("checkout.partition", shard->partition), CO_INT("checkout.from_seq", replaying->view_seq),
			   CO_INT("checkout.seq", shard->seq), CO_INT("checkout.records", replaying->records),
			   CO_INT("event.duration", (co_lane_now_ms(lane) - started_ms) * 1000000));
	}
	free(replaying->entries);
	free(replaying);
	co_arena_reset(&lane->round_arena);
	return status;
}

/* --- the path ----------------------------------------------------------------------------------------------------- */

/* A session lives where the count puts it: with another one it would not be found, and could be opened twice. `now` is
 * at least that when it is concluded from a partition's number. */
static enum co_status resized(int32_t partition, int32_t former, int32_t now)
{
	co_log(CO_LOG_ERROR, "topics.resized", co_status_text(CO_TOPICS_RESIZED), CO_INT("checkout.partition", partition),
		   CO_INT("checkout.former_partitions", former), CO_INT("checkout.partitions", now),
		   CO_TEXT("checkout.fix", "docs/howto/move-partitions.md"));
	return CO_TOPICS_RESIZED;
}

static enum co_status take_assignment(struct co_lane *lane, struct co_position *positions, size_t *count)
{
	const struct co_inbox *inbox = &lane->ports.inbox;
	/* room for one more than there may be, so that it is seen: they come in ascending order */
	size_t max = (size_t)lane->desk->partition_count + 1;
	int32_t *partitions = calloc(max, sizeof(*partitions));
	if (!partitions)
		abort();
	size_t held = inbox->assigned(inbox->self, partitions, max);
	enum co_status status = CO_OK;
	if (held > 0 && partitions[held - 1] >= lane->desk->partition_count)
		status = resized(partitions[held - 1], lane->desk->partition_count, partitions[held - 1] + 1);
	for (size_t i = 0; i < held && status == CO_OK; i++)
		positions[i] = (struct co_position){.partition = partitions[i], .offset = -1};
	free(partitions);
	*count = held;
	return held && status == CO_OK ? inbox->committed(inbox->self, positions, held, COMMITTED_TIMEOUT_MS) : status;
}

static enum co_status make_shards(struct co_lane *lane, const struct co_position *positions, size_t count)
{
	struct co_shard *shards = calloc(count ? count : 1, sizeof(*shards));
	if (!shards)
		abort();
	for (size_t i = 0; i < count; i++) {
		struct co_shard *shard = &shards[i];
		const struct co_shard *before = co_lane_shard(lane, positions[i].partition);
		shard->partition = positions[i].partition;
		shard->poison_offset = before && !CO_MUTANT(POISON_FORGOTTEN) ? before->poison_offset : -1;
		shard->untaken_offset = before ? before->untaken_offset : 0;
		shard->tick_behind_ms = before ? before->tick_behind_ms : 0;
		shard->broker_behind_ms = before ? before->broker_behind_ms : 0;
		shard->behind_offset_ms = before ? before->behind_offset_ms : 0;
		if (!co_shard_restore(shard, &positions[i])) {
			co_log(CO_LOG_ERROR, "offset.metadata",
				   "the committed offset's metadata is not of this version; refusing to go on",
				   CO_INT("checkout.partition", shard->partition), CO_TEXT("checkout.metadata", positions[i].metadata));
			free(shards);
			return CO_OFFSET_METADATA;
		}
		int32_t former = shard->partition_count;
		if (former && former != lane->desk->partition_count) {
			free(shards);
			return resized(positions[i].partition, former, lane->desk->partition_count);
		}
	}
	free(lane->shards);
	lane->shards = shards;
	lane->shard_count = count;
	return CO_OK;
}

static enum co_status align_all(struct co_lane *lane)
{
	struct co_position *positions = calloc((size_t)lane->desk->partition_count, sizeof(*positions));
	if (!positions)
		abort();
	size_t count = 0;
	enum co_status status = take_assignment(lane, positions, &count);
	if (status == CO_OK)
		status = make_shards(lane, positions, count);
	for (size_t i = 0; status == CO_OK && i < count; i++) {
		struct co_shard *shard = &lane->shards[i];
		if (!is_ours(&positions[i]) && !CO_MUTANT(LOST_FORGOTTEN))
			status = find_lost_position(lane, shard);
		if (status == CO_OK)
			status = place_in_log(lane, shard, &positions[i]);
		if (status == CO_OK)
			status = align_shard(lane, shard);
		if (status == CO_OK)
			status = keep_membership(lane);
		if (positions[i].offset >= 0 || shard->seq == 0 || !CO_MUTANT(LOST_TO_THE_END))
			positions[i].offset = shard->next_offset;
	}
	if (status == CO_OK)
		status = lane->ports.inbox.start(lane->ports.inbox.self, positions, count);
	free(positions);
	return status;
}

enum co_status co_lane_recover(struct co_lane *lane)
{
	const struct co_outbox *outbox = &lane->ports.outbox;
	/* at every try, or a long wait for Redis or Kafka would cost the membership */
	enum co_status member = keep_membership(lane);
	if (member != CO_OK && member != CO_REBALANCED)
		return member;
	if (lane->phase == CO_LANE_RECYCLE) {
		CO_TRY(outbox->recycle(outbox->self, RECYCLE_TIMEOUT_MS));
		lane->phase = CO_LANE_ALIGN;
	}
	CO_TRY(align_all(lane));
	lane->phase = CO_LANE_RUN;
	atomic_store(&lane->status.partitions, (int)lane->shard_count);
	co_metric_set(CO_METRIC_LANE_PARTITIONS, lane->settings.index, (double)lane->shard_count);
	int64_t at_ms = co_lane_now_ms(lane);
	atomic_store(&lane->status.kafka_ok_ms, at_ms);
	if (lane->shard_count)
		atomic_store(&lane->status.redis_ok_ms, at_ms);
	co_log(lane->shard_count ? CO_LOG_INFO : CO_LOG_DEBUG, "lane.running", "the lane works through its partitions",
		   CO_INT("checkout.lane", lane->settings.index), CO_INT("checkout.partitions", lane->shard_count));
	return CO_OK;
}
