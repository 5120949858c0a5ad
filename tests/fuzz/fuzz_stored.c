/* Any bytes as a stored session and as the value of a `state` record: refused, or taken whole. What is taken is written
 * back as it was, can be shown at every version, and comes back through `state`. */
#include "checkout/app/output.h"
#include "checkout/app/stored.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void through_state(const struct co_session *session, struct co_view stored, struct co_arena *arena)
{
	static const struct co_names names = {.source = {"/s", 2}};
	struct co_message message;
	struct co_state_record back;

	co_output_state(&names, arena, 0, &session->id, co_output_snapshot(arena, session, (uint16_t)session->change_count),
					stored, &message);
	struct co_record record = {.key = message.key, .value = message.value};
	co_state_read(&record, arena, &back);
	must(back.kind == CO_STATE_SESSION && co_view_eq(back.stored, stored));
}

static void read_session(struct co_view bytes, struct co_arena *arena)
{
	static const struct co_names names = {.source = {"/s", 2}};
	static struct co_session session;
	struct co_message message;

	if (co_stored_read(bytes, arena, &session) != CO_OK)
		return;
	must(co_view_eq(co_stored_write(&session, arena), bytes));
	for (size_t version = 1; version <= session.change_count; version++)
		co_output_event(&names, arena, 0, NULL, &session, (uint16_t)version,
						co_output_snapshot(arena, &session, (uint16_t)version), &message);
	for (size_t i = 0; i < session.memory_count; i++) {
		if (session.memory[i].verdict->problem != CO_PROBLEM_NONE)
			(void)co_present_verdict(session.memory[i].verdict);
	}
	through_state(&session, bytes, arena);
}

static void read_record(struct co_view key, struct co_view value, struct co_arena *arena)
{
	struct co_record record = {.key = key, .value = value};
	struct co_state_record out;

	co_state_read(&record, arena, &out);
	if (out.kind == CO_STATE_SESSION)
		read_session(out.stored, arena);
	must(out.kind != CO_STATE_LANE || (out.seq >= 0 && out.next_offset >= 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct co_arena arena;
	struct co_view bytes = co_view_make((const char *)data, size);

	if (arena.chunk_bytes == 0)
		co_arena_init(&arena, 65536, 1 << 20);
	co_arena_reset(&arena);
	if (!data)
		bytes = CO_VIEW("");
	read_session(bytes, &arena);
	read_record(CO_VIEW("c16611af-3058-52c9-a2d2-fd3c2a77d3b8"), bytes, &arena);
	read_record(CO_VIEW("lane"), bytes, &arena);
	return 0;
}
