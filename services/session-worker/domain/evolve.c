#include "checkout/domain/decide.h"

#include <assert.h>
#include <string.h>

#include "checkout/domain/transitions.h"
#include "memory.h"

static void append(struct co_session *session, const struct co_change *change)
{
	assert(session->change_count < CO_CHANGES_MAX);
	session->changes[session->change_count++] = *change;
}

/* By first use: a repeat does not come here, so it does not renew its place; the oldest makes room (section 6). */
static void remember(struct co_session *session, const struct co_command *command, const struct co_verdict *verdict,
					 struct co_arena *arena)
{
	struct co_verdict *kept = co_arena_alloc(arena, sizeof(*kept));

	*kept = *verdict;
	/* Names of keys are kept by hash alone, so that a session in memory answers a repeat as a stored one does. */
	for (uint16_t i = 0; i < kept->violation_count; i++)
		kept->violations[i].key = co_view_make(NULL, 0);
	if (session->memory_count == CO_MEMORY_MAX) {
		memmove(&session->memory[0], &session->memory[1], (CO_MEMORY_MAX - 1) * sizeof(session->memory[0]));
		session->memory_count--;
	}
	session->memory[session->memory_count++] = (struct co_memory){
		.identity = command->identity,
		.content = command->content,
		.kind = command->kind,
		.verdict = kept,
	};
}

const struct co_memory *co_recall(const struct co_session *session, const struct co_command *command)
{
	for (size_t i = 0; i < session->memory_count; i++)
		if (memcmp(&session->memory[i].identity, &command->identity, sizeof(command->identity)) == 0)
			return &session->memory[i];
	return NULL;
}

bool co_is_repeat(const struct co_memory *memory, const struct co_command *command)
{
	return memcmp(&memory->content, &command->content, sizeof(memory->content)) == 0;
}

/* Names for the stored hashes, from data that is equal to the first command's (section 6). */
static void name_keys(struct co_verdict *verdict, const struct co_command *command)
{
	const struct co_json *owner =
		command->kind == CO_COMMAND_AUTHORIZE ? command->data : co_json_get(command->data, CO_VIEW("payment"));
	const struct co_json *metadata = co_json_get(owner, CO_VIEW("metadata"));
	bool unnamed = false;

	for (uint16_t i = 0; i < verdict->violation_count; i++)
		unnamed |= verdict->violations[i].place == CO_PLACE_PAYMENT_METADATA_MEMBER && !verdict->violations[i].key.ptr;
	if (!unnamed || !co_json_is(metadata, CO_JSON_OBJECT))
		return;
	for (const struct co_json *entry = metadata->first; entry; entry = entry->next) {
		uint64_t hash = co_key_hash(entry->key);

		for (uint16_t i = 0; i < verdict->violation_count; i++) {
			struct co_violation *violation = &verdict->violations[i];

			if (violation->place == CO_PLACE_PAYMENT_METADATA_MEMBER && !violation->key.ptr &&
				violation->key_hash == hash)
				violation->key = entry->key;
		}
	}
}

void co_retell(const struct co_memory *memory, const struct co_command *command, struct co_verdict *out)
{
	*out = *memory->verdict;
	name_keys(out, command);
}

void co_evolve(struct co_session *session, const struct co_command *command, const struct co_decision *decision,
			   struct co_arena *arena)
{
	if (decision->creates)
		*session = decision->created;
	else if (decision->changes)
		append(session, &decision->change);
	if (decision->remembers)
		remember(session, command, &decision->verdict, arena);
}

enum co_elapsed co_elapse(struct co_session *session, int64_t clock_ms, int64_t retention_ms)
{
	struct co_state state = co_session_now(session);
	const struct co_step *step;
	int64_t deadline_ms;

	if (!co_session_deadline(session, retention_ms, &deadline_ms) || clock_ms < deadline_ms)
		return CO_ELAPSED_NOTHING;
	if (co_session_status_is_terminal(state.status))
		return CO_ELAPSED_FORGOTTEN;
	step = co_step(state.status, state.payment, CO_TRIGGER_DEADLINE);
	append(session, &(struct co_change){
						.event = step->event,
						.at_ms = deadline_ms,
						.status = step->to_session,
						.payment = step->to_payment,
					});
	return CO_ELAPSED_EXPIRED;
}
