#include "shard.h"

#include "shard_parts.h"

#include "checkout/app/stored.h"
#include "checkout/mutant.h"

#include <assert.h>
#include <string.h>

#define CLOCK_MAX_MS (INT64_MAX - ((int64_t)1 << 45))

/* --- sessions in hand ------------------------------------------------------------------------------------------- */

static size_t slot_of(const struct co_shard *shard, const struct co_uuid *id)
{
	uint64_t hash;
	memcpy(&hash, id->bytes, sizeof(hash));
	hash ^= hash >> 29;
	size_t slot = (size_t)hash & (shard->slot_count - 1);
	while (shard->slots[slot] && !co_uuid_eq(&shard->slots[slot]->id, id))
		slot = (slot + 1) & (shard->slot_count - 1);
	return slot;
}

struct co_work *co_shard_work(struct co_shard *shard, const struct co_uuid *id)
{
	size_t slot = slot_of(shard, id);
	if (!shard->slots[slot]) {
		assert(shard->work_count < shard->slot_count / 2);
		struct co_work *work = CO_NEW(shard->arena, struct co_work);
		work->id = *id;
		work->due_ms = CO_NEVER;
		shard->slots[slot] = work;
		shard->works[shard->work_count++] = work;
	}
	return shard->slots[slot];
}

void co_shard_begin(struct co_shard *shard, struct co_arena *arena, size_t expected)
{
	size_t slots = 16;
	while (slots < 4 * expected)
		slots *= 2;
	shard->arena = arena;
	shard->touched = false;
	shard->round_clock_ms = shard->clock_ms;
	shard->round_next_offset = shard->next_offset;
	shard->horizon_ms = CO_NEVER;
	shard->work_count = 0;
	shard->slot_count = slots;
	shard->slots = CO_NEW_ARRAY(arena, struct co_work *, slots);
	shard->works = CO_NEW_ARRAY(arena, struct co_work *, slots / 2);
	co_deadlines_begin(&shard->deadlines, arena, slots / 2);
}

/* --- deadlines ---------------------------------------------------------------------------------------------------- */

void co_shard_deadlines(const struct co_desk *desk, const struct co_session *session, int64_t *due_ms, int64_t *held_ms)
{
	*held_ms = CO_NEVER;
	if (co_session_deadline(session, desk->retention_ms, due_ms))
		return;
	*due_ms = CO_NEVER;
	*held_ms = session->expires_ms;
}

void co_shard_reschedule(struct co_shard *shard, const struct co_desk *desk, struct co_work *work)
{
	int64_t held, before = work->due_ms;
	work->due_ms = CO_NEVER;
	if (work->session)
		co_shard_deadlines(desk, work->session, &work->due_ms, &held);
	if (work->due_ms != before)
		co_deadlines_push(&shard->deadlines, work);
}

void co_shard_load(struct co_shard *shard, const struct co_desk *desk, const struct co_store_entry *entry)
{
	struct co_work *work = co_shard_work(shard, &entry->id);
	if (work->stored)
		return;
	if (entry->stored.ptr) {
		work->stored = true;
		work->raw = entry->stored;
		/* Not cleared: a stored session that can be read fills every member that counts, and has room for much more. */
		struct co_session *session = co_arena_alloc(shard->arena, sizeof(*session));
		if (co_stored_read(entry->stored, shard->arena, session) == CO_OK && co_uuid_eq(&session->id, &entry->id))
			work->session = session;
		else
			work->unreadable = true;
	}
	co_shard_reschedule(shard, desk, work);
}

bool co_shard_is_damaged(const struct co_shard *shard, const struct co_store_load *load)
{
	for (size_t i = 0; i < load->due_count; i++)
		if (!shard->slots[slot_of(shard, &load->due[i].id)]->session)
			return true;
	return load->damaged;
}

void co_shard_drop_damaged(struct co_shard *shard, const struct co_store_load *load)
{
	for (size_t i = 0; i < load->due_count; i++) {
		struct co_work *work = co_shard_work(shard, &load->due[i].id);
		if (work->session)
			continue;
		work->repair = work->dirty = shard->touched = true;
	}
}

/* --- time ------------------------------------------------------------------------------------------------------- */

int64_t co_shard_time_of(const struct co_record *record)
{
	return record->timestamp_ms < CLOCK_MAX_MS ? record->timestamp_ms : CLOCK_MAX_MS;
}

static struct co_view snapshot_now(const struct co_session *session, struct co_round *round)
{
	return co_output_snapshot(round->arena, session, (uint16_t)session->change_count);
}

void co_shard_publish_event(struct co_shard *shard, const struct co_judge *judge, const struct co_origin *origin,
							const struct co_session *session, struct co_view snapshot, struct co_round *round)
{
	uint16_t version = (uint16_t)session->change_count;
	co_output_event(&judge->desk->names, round->arena, shard->partition, origin, session, version, snapshot,
					co_round_message(round));
	co_round_count(round, CO_METRIC_EVENTS, session->changes[version - 1].event, 0);
}

/* A session that is in hand for a command's sake, while others that come before it in order may not be. */
static bool is_beyond_horizon(const struct co_shard *shard, const struct co_deadline *deadline)
{
	if (shard->horizon_ms == CO_NEVER || deadline->due_ms != shard->horizon_ms)
		return deadline->due_ms > shard->horizon_ms;
	return co_uuid_compare(&deadline->work->id, &shard->horizon_id) > 0;
}

static bool first_passes(const struct co_shard *shard, int64_t until_ms)
{
	const struct co_deadline *first = co_deadlines_first(&shard->deadlines);
	return first && first->due_ms <= until_ms && !is_beyond_horizon(shard, first);
}

void co_shard_elapse(struct co_shard *shard, const struct co_judge *judge, int64_t until_ms, struct co_round *round)
{
	const struct co_desk *desk = judge->desk;
	while (first_passes(shard, until_ms)) {
		struct co_deadline deadline = co_deadlines_pop(&shard->deadlines);
		struct co_work *work = deadline.work;
		if (!work->session || work->due_ms != deadline.due_ms)
			continue; /* an entry that no longer holds */
		switch (co_elapse(work->session, until_ms, desk->retention_ms)) {
		case CO_ELAPSED_EXPIRED:
			work->snapshot = snapshot_now(work->session, round);
			co_shard_publish_event(shard, judge, NULL, work->session, work->snapshot, round);
			if (desk->append)
				co_round_age(round, CO_METRIC_EXPIRY_LATENESS, deadline.due_ms);
			break;
		case CO_ELAPSED_FORGOTTEN:
			work->session = NULL;
			co_round_count(round, CO_METRIC_FORGOTTEN, 0, 0);
			break;
		case CO_ELAPSED_NOTHING:
			break; /* the view had an older deadline; it gets the right one */
		}
		work->dirty = true;
		shard->touched = true;
		co_shard_reschedule(shard, desk, work);
	}
}
/* --- the end of a round ----------------------------------------------------------------------------------------- */

void co_shard_finish(struct co_shard *shard, const struct co_judge *judge, struct co_round *round,
					 struct co_store_apply *apply)
{
	const struct co_names *names = &judge->desk->names;
	struct co_store_entry *entries = CO_NEW_ARRAY(round->arena, struct co_store_entry, shard->work_count + 1);
	size_t count = 0;
	for (size_t i = 0; i < shard->work_count; i++) {
		struct co_work *work = shard->works[i];
		if (!work->dirty)
			continue;
		struct co_store_entry *entry = &entries[count++];
		*entry = (struct co_store_entry){.id = work->id, .due_ms = CO_NEVER, .held_ms = CO_NEVER};
		if (work->repair && !work->session) {
			entry->stored = work->raw;
		} else if (work->session) {
			co_shard_deadlines(judge->desk, work->session, &entry->due_ms, &entry->held_ms);
			entry->stored = co_stored_write(work->session, round->arena);
			if (!work->snapshot.ptr)
				work->snapshot = snapshot_now(work->session, round);
			co_output_state(names, round->arena, shard->partition, &work->id, work->snapshot, entry->stored,
							co_round_message(round));
			if (entry->due_ms < shard->next_due_ms)
				shard->next_due_ms = entry->due_ms;
		} else {
			co_output_tombstone(names, round->arena, shard->partition, &work->id, co_round_message(round));
		}
	}
	shard->lane_message = round->message_count;
	if (!CO_MUTANT(NO_LANE_RECORD))
		co_output_lane(names, round->arena, shard->partition, shard->seq + 1, shard->round_next_offset,
					   shard->round_clock_ms, co_round_message(round));
	*apply = (struct co_store_apply){.partition = shard->partition,
									 .from_seq = shard->seq,
									 .to_seq = shard->seq + 1,
									 .clog = shard->clog,
									 .count = count,
									 .entries = entries};
}

void co_shard_committed(struct co_shard *shard, int64_t clog)
{
	shard->seq++;
	shard->clock_ms = shard->round_clock_ms;
	shard->next_offset = shard->round_next_offset;
	if (clog >= 0)
		shard->clog = clog;
}
