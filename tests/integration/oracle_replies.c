#include "oracle_internal.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the commands in the order of the log, with the clock at which each was judged ---- */

struct judged {
	const struct co_tk_record *record;
	int64_t clock_ms;
	bool is_forwarded; /* the copy is answered, not this one */
	bool is_tick;
	size_t replies, dead;
};

static int by_place(const void *left, const void *right)
{
	const struct co_record *a = &((const struct judged *)left)->record->r,
						   *b = &((const struct judged *)right)->record->r;

	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static struct judged *collect(const struct co_oracle *oracle, size_t *count)
{
	struct judged *commands = co_tk_alloc((oracle->log->count + 1) * sizeof(*commands));

	*count = 0;
	for (size_t i = 0; i < oracle->log->count; i++)
		if (co_oracle_topic(oracle, oracle->log->records[i], "commands"))
			commands[(*count)++] = (struct judged){.record = oracle->log->records[i]};
	qsort(commands, *count, sizeof(*commands), by_place);
	for (size_t i = 0; i < *count; i++) {
		struct judged *this = &commands[i];
		bool first = i == 0 || commands[i - 1].record->r.partition != this->record->r.partition;
		this->clock_ms = this->record->r.timestamp_ms;
		if (!first && commands[i - 1].clock_ms > this->clock_ms)
			this->clock_ms = commands[i - 1].clock_ms;
		this->is_tick = co_tk_header_is(&this->record->r, "ce_type", "checkout.session.tick");
	}
	return commands;
}

static struct judged *at_place(struct judged *commands, size_t count, int64_t partition, int64_t offset)
{
	for (size_t i = 0; i < count; i++)
		if (commands[i].record->r.partition == partition && commands[i].record->r.offset == offset)
			return &commands[i];
	return NULL;
}

static char *mark_forwarded(struct judged *commands, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct co_view from = co_tk_header(&commands[i].record->r, "checkout-forwarded");
		char text[64];
		int partition;
		long long offset;
		if (!from.ptr)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)from.len, from.ptr);
		struct judged *original =
			sscanf(text, "%d/%lld", &partition, &offset) == 2 ? at_place(commands, count, partition, offset) : NULL;
		if (!original || original->is_forwarded)
			return co_tk_format("a copy says that it comes from %s: %s", text,
								original ? "that record was forwarded already" : "there is no such record");
		original->is_forwarded = true;
	}
	return NULL;
}

/* ---- what was judged at which time ---- */

static const struct co_seen_session *session_of(const struct co_seen *seen, const struct co_record *reply)
{
	return co_oracle_find((struct co_seen *)(uintptr_t)seen, co_tk_header(reply, "ce_subject"));
}

/* In time or expired, by the clock of the partition and nothing else. */
static char *check_time(const struct co_seen *seen, const struct judged *command, const struct co_record *reply)
{
	const struct co_seen_session *session = session_of(seen, reply);
	bool refused = co_tk_header_is(reply, "checkout-error-code", "9300105");

	if (!session || !session->expired_by_time || co_tk_header(reply, "checkout-replayed").ptr)
		return NULL;
	bool late = command->clock_ms >= session->expires_ms;
	if (late == refused)
		return NULL;
	return co_tk_format("session %s, deadline %lld: the command at %d/%lld, judged at %lld, was %s", session->id,
						(long long)session->expires_ms, command->record->r.partition,
						(long long)command->record->r.offset, (long long)command->clock_ms,
						refused ? "told that the session is expired" : "not told that the session is expired");
}

static char *count_reply(const struct co_oracle *oracle, const struct co_seen *seen, struct judged *commands,
						 size_t count, const struct co_tk_record *reply)
{
	struct co_view id = co_tk_header(&reply->r, "ce_causationid");
	struct judged *taken = NULL;

	(void)oracle;
	/* Replies to one id come in the order of their records: the first that is not answered yet. */
	for (size_t i = 0; i < count && !taken; i++)
		if (!commands[i].is_forwarded && commands[i].replies == 0 &&
			co_tk_same(co_tk_header(&commands[i].record->r, "ce_id"), id))
			taken = &commands[i];
	if (!taken)
		return co_tk_format("a reply too many to the command %.*s", (int)id.len, id.ptr ? id.ptr : "");
	taken->replies++;
	return check_time(seen, taken, &reply->r);
}

static int by_text(const void *left, const void *right)
{
	return strcmp(*(char *const *)left, *(char *const *)right);
}

static char *check_unique_ids(const struct co_oracle *oracle)
{
	static const char *const topics[] = {"replies", "errors", "events"};
	char **ids = co_tk_alloc((oracle->log->count + 1) * sizeof(*ids)), *failure = NULL;
	size_t count = 0;

	for (size_t i = 0; i < oracle->log->count; i++) {
		for (size_t t = 0; t < 3; t++) {
			struct co_view id = co_tk_header(&oracle->log->records[i]->r, "ce_id");
			if (id.ptr && co_oracle_topic(oracle, oracle->log->records[i], topics[t]))
				ids[count++] = strndup(id.ptr, id.len);
		}
	}
	qsort(ids, count, sizeof(*ids), by_text);
	for (size_t i = 0; i < count; i++) {
		if (!failure && i > 0 && strcmp(ids[i - 1], ids[i]) == 0)
			failure = co_tk_format("two committed outputs have the ce_id %s", ids[i]);
	}
	for (size_t i = 0; i < count; i++)
		free(ids[i]);
	free(ids);
	return failure;
}

char *co_oracle_check_replies(struct co_oracle *oracle, const struct co_seen *seen)
{
	size_t count;
	struct judged *commands = collect(oracle, &count);
	char *failure = mark_forwarded(commands, count);

	oracle->commands = oracle->replies = 0;
	for (size_t i = 0; !failure && i < oracle->log->count; i++) {
		if (!co_oracle_topic(oracle, oracle->log->records[i], "replies"))
			continue;
		oracle->replies++;
		failure = count_reply(oracle, seen, commands, count, oracle->log->records[i]);
	}
	for (size_t i = 0; !failure && i < count; i++) {
		bool wanted = !commands[i].is_forwarded && !commands[i].is_tick;
		oracle->commands += wanted;
		if (wanted && commands[i].replies != 1)
			failure = co_tk_format("the command at %d/%lld has %zu replies", commands[i].record->r.partition,
								   (long long)commands[i].record->r.offset, commands[i].replies);
	}
	free(commands);
	return failure ? failure : check_unique_ids(oracle);
}
