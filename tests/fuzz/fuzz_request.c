/* A command's data on its way through the service: read, judged by the rules and the state, answered, told, stored. The
 * input's first six characters choose what it meets (request_story.h), the rest is the data: see `struct scene`. With
 * WITH_RUNS a byte 1 before another stands for 8192 of it, so that small inputs reach the limits of size.
 * Holds, for whatever comes: there is one reply; what is refused changes nothing; what is accepted raises the version
 * by one and is told by one event, or changes nothing where the contract says so; all outputs are JSON within the
 * limit; what is stored reads back and writes the same; judged again, from the same stored session, all bytes are the
 * same; the same command once more gets the same body, whether the session was stored between or not. */
#include "request_hold.h"

#include <string.h>

#define INPUT_MAX 8192
#define SCENE_CHARS 6
#define RUN 8192
#define RUNS_MAX 34 /* one can be too large for a command (256 KiB) */
#define OFFSET 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ID_FRESH, ID_FIRST, ID_SECOND, IDS };

enum {
	WITH_OTHER_MERCHANT = 1,
	WITH_NAMESPACE = 2,
	WITH_SUBJECT = 4, /* a create or validate, too */
	WITH_EXPIRY = 8,
	WITH_TRACE = 16,
	WITHOUT_SUBJECT = 32,
	WITH_RUNS = 64, /* asked for apart: such inputs are slow */
	WITH_ALL = 127
};

/* In the order of the input's characters; each counts from '0'. */
struct scene {
	enum co_command_kind kind;
	enum story_state state;
	enum story_merchant merchant;
	int64_t at_ms;
	unsigned id, with;
	const char *record; /* of record_lines.h */
};

/* What a round left. All of it in the bench's arena. */
struct seen {
	size_t message_count; /* of the command alone: before the end of the round */
	const struct co_message *messages;
	size_t replies, errors, events, dead;
	const struct co_message *reply;
	const struct co_session *story, *other; /* NULL: there is none */
	struct co_view stored;                  /* of the story's session; ptr NULL: gone or never there */
	struct co_view other_stored;
	struct co_uuid other_id;
};

static unsigned choose(uint8_t byte, unsigned count)
{
	return (unsigned)(uint8_t)(byte - '0') % count;
}

static int64_t instant(uint8_t byte)
{
	static const int64_t deadline = (int64_t)STORY_TTL_S * 1000;
	const int64_t after[] = {1000,
							 deadline - 1,
							 deadline,
							 deadline + 1,
							 BENCH_RETENTION_MS - 1,
							 BENCH_RETENTION_MS,
							 deadline + BENCH_RETENTION_MS - 1,
							 deadline + BENCH_RETENTION_MS};

	return BENCH_T0 + after[choose(byte, sizeof(after) / sizeof(*after))];
}

/* The data with its runs, up to a NUL: that one is for the target `json`. */
static struct co_view spread(struct co_arena *arena, const uint8_t *data, size_t size, bool has_runs)
{
	struct co_buf out = co_buf_make(arena, size + 1);
	unsigned runs = 0;

	for (size_t i = 0; i < size && data[i]; i++) {
		if (!has_runs || data[i] != 1 || i + 1 == size || !data[i + 1]) {
			co_buf_add_byte(&out, (char)data[i]);
		} else if (runs++ < RUNS_MAX) {
			i++;
			if (out.cap - out.len < RUN)
				co_buf_grow(&out, RUN);
			memset(out.ptr + out.len, data[i], RUN);
			out.len += RUN;
		}
	}
	return co_buf_view(&out);
}

static void add_text(struct co_buf *out, const char *text)
{
	co_buf_add(out, co_view_cstr(text));
}

static const char *record_text(struct co_arena *arena, const struct scene *scene, struct co_view data)
{
	static const char *const ids[IDS] = {"f", "s0", "s1"};
	struct co_buf out = co_buf_make(arena, data.len + 512);
	struct co_uuid session = bench_session(STORY_REFERENCE);
	char subject[CO_UUID_TEXT + 1];
	bool has_subject = scene->kind != CO_COMMAND_CREATE && scene->kind != CO_COMMAND_VALIDATE;

	co_uuid_format(&session, subject);
	add_text(&out, "ce_specversion: 1.0\nce_source: /s\nce_id: ");
	add_text(&out, ids[scene->id]);
	add_text(&out, scene->with & WITH_OTHER_MERCHANT ? "\nce_merchantid: 00000000-0000-4000-8000-000000000001"
													 : "\nce_merchantid: " BENCH_MERCHANT);
	add_text(&out, "\nce_type: checkout.session.");
	co_buf_add(&out, co_command_row(scene->kind)->name);
	if (scene->with & WITH_SUBJECT || (has_subject && !(scene->with & WITHOUT_SUBJECT))) {
		add_text(&out, "\nce_subject: ");
		add_text(&out, subject);
	}
	if (scene->with & WITH_NAMESPACE)
		add_text(&out, "\nce_namespace: n");
	if (scene->with & WITH_EXPIRY)
		add_text(&out, "\nce_expirytime: 2026-01-01T00:20:00Z");
	if (scene->with & WITH_TRACE)
		add_text(&out, "\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\nreply_to: my.replies\n"
					   "correlation_id: c");
	add_text(&out, "\n\n");
	co_buf_add(&out, data);
	co_buf_add_byte(&out, '\0');
	return out.ptr;
}

static bool is_reply(const struct bench *bench, const struct co_message *message)
{
	return co_view_eq(message->topic, bench->desk.names.topics[CO_TOPIC_REPLIES]) ||
		   co_view_eq(message->topic, CO_VIEW("my.replies"));
}

/* `from`: messages before it are another command's. */
static const struct co_message *the_reply(const struct bench *bench, size_t from)
{
	const struct co_message *found = NULL;

	for (size_t i = from; i < bench->round.message_count; i++) {
		if (!is_reply(bench, &bench->round.messages[i]))
			continue;
		hold(!found);
		found = &bench->round.messages[i];
	}
	return found;
}

static void look(struct bench *bench, struct seen *seen)
{
	const struct co_uuid id = bench_session(STORY_REFERENCE);

	*seen = (struct seen){.message_count = bench->round.message_count,
						  .errors = bench_count(bench, CO_TOPIC_ERRORS),
						  .events = bench_count(bench, CO_TOPIC_EVENTS),
						  .dead = bench_count(bench, CO_TOPIC_DLQ)};
	hold(bench_count(bench, CO_TOPIC_COMMANDS) == 0);
	bench_finish(bench);
	seen->messages = bench->round.messages; /* they move while there come more */
	seen->reply = the_reply(bench, 0);
	for (size_t i = 0; i < bench->shard.work_count; i++) {
		const struct co_work *work = bench->shard.works[i];

		if (co_uuid_eq(&work->id, &id)) {
			seen->story = work->session;
			seen->stored = work->raw;
		} else {
			hold(!seen->other);
			seen->other = work->session;
			seen->other_id = work->id;
		}
	}
	for (size_t i = 0; i < bench->apply.count; i++) {
		const struct co_store_entry *entry = &bench->apply.entries[i];

		*(co_uuid_eq(&entry->id, &id) ? &seen->stored : &seen->other_stored) = entry->stored;
	}
}

/* One command, or a tick, to the story's session as it was stored. */
static void run(struct bench *bench, const struct scene *scene, struct co_view stored, const char *record,
				struct seen *seen)
{
	const struct co_uuid id = bench_session(STORY_REFERENCE);

	story_round(&id, stored, OFFSET);
	bench_give(bench, record, scene->at_ms);
	look(bench, seen);
}

static bool same_session(struct bench *bench, const struct co_session *a, const struct co_session *b)
{
	if (!a || !b)
		return a == b;
	return a->change_count == b->change_count &&
		   co_view_eq(co_output_snapshot(&bench->arena, a, (uint16_t)a->change_count),
					  co_output_snapshot(&bench->arena, b, (uint16_t)b->change_count));
}

static size_t version_of(const struct co_session *session)
{
	return session ? session->change_count : 0;
}

static bool is_replayed(struct bench *bench, const struct seen *seen)
{
	return strcmp(bench_header(bench, seen->reply, "checkout-replayed"), "true") == 0;
}

/* The commands that are accepted without a change: what only reads, a report that is no step forward, a repeat. */
static bool may_stay(const struct scene *scene, bool replayed)
{
	return replayed || scene->kind == CO_COMMAND_GET || scene->kind == CO_COMMAND_VALIDATE ||
		   scene->kind == CO_COMMAND_PAYMENT_UPDATE;
}

/* `before`: what time alone did. */
static void hold_outcome(struct bench *bench, const struct scene *scene, const struct seen *before,
						 const struct seen *after)
{
	const struct told told = hold_reply(bench, after->reply);
	bool replayed = is_replayed(bench, after), failed = false;
	size_t steps = version_of(after->story) - version_of(before->story) + version_of(after->other);
	size_t late = 0;

	for (size_t i = 0; i < after->message_count; i++)
		late += strcmp(bench_header(bench, &after->messages[i], "ce_type"), "checkout.session.late_payment") == 0;
	hold(version_of(after->story) >= version_of(before->story) && version_of(after->other) <= 1);
	if (told.accepted && steps) {
		const struct co_session *changed = after->other ? after->other : after->story;

		failed = changed->changes[changed->change_count - 1].event == CO_EVENT_FAILED;
		hold(told.version == (int64_t)version_of(changed));
		hold(co_view_eq(told.session, co_output_snapshot(&bench->arena, changed, (uint16_t)changed->change_count)));
	}
	hold(told.accepted ? steps == 1 || (steps == 0 && may_stay(scene, replayed)) : steps == 0);
	hold(steps == 1 || (same_session(bench, before->story, after->story) && !after->other));
	hold(after->dead == 0 || !told.accepted);
	hold(after->errors == (replayed || after->dead ? 0 : !told.accepted || failed));
	hold(late <= (told.accepted || replayed ? 0 : 1));
	hold(after->events - before->events == steps + late);
	if (scene->kind == CO_COMMAND_GET || scene->kind == CO_COMMAND_VALIDATE)
		hold(co_view_eq(before->stored, after->stored));
}

/* The same command at the next place: the same body, nothing told again. */
static void hold_repeat(struct bench *bench, const struct scene *scene, const struct seen *after)
{
	const struct co_uuid story = bench_session(STORY_REFERENCE);
	bool other = after->other != NULL;
	struct seen again;

	story_round(other ? &after->other_id : &story, other ? after->other_stored : after->stored, OFFSET + 1);
	bench_give(bench, scene->record, scene->at_ms);
	look(bench, &again);
	hold(again.reply && co_view_eq(again.reply->value, after->reply->value));
	hold(again.events == 0 || bench_says(bench_last(bench, CO_TOPIC_EVENTS), "\"transactionStatus\""));
	if (is_replayed(bench, &again))
		hold(again.errors == 0 && again.events == 0);
	hold(same_session(bench, other ? again.other : again.story, other ? after->other : after->story));
}

/* Judged again: the same bytes; and once more, before the round is over. */
static void hold_again(struct bench *bench, const struct scene *scene, struct co_view stored, const struct seen *after)
{
	const struct co_uuid id = bench_session(STORY_REFERENCE);

	story_round(&id, stored, OFFSET);
	bench_give(bench, scene->record, scene->at_ms);
	hold(bench->round.message_count == after->message_count);
	hold_same(bench->round.messages, after->messages, after->message_count);
	bench_give(bench, scene->record, scene->at_ms);
	const struct co_message *reply = the_reply(bench, after->message_count);
	hold(reply && co_view_eq(reply->value, after->reply->value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char tick[] = BENCH_HEADERS("t", "tick") "\n";
	struct scene scene;
	struct seen before, after;

	if (size < SCENE_CHARS || size > INPUT_MAX)
		return 0;
	scene = (struct scene){.kind = (enum co_command_kind)choose(data[0], CO_COMMAND_COUNT),
						   .state = (enum story_state)choose(data[1], STORY_STATES),
						   .merchant = (enum story_merchant)choose(data[2], STORY_MERCHANTS),
						   .at_ms = instant(data[3]),
						   .id = choose(data[4], IDS),
						   .with = choose(data[5], WITH_ALL + 1)};
	struct bench *bench = story_begin(scene.merchant);
	struct co_view stored = story_stored(scene.state);
	scene.record = record_text(&bench->arena, &scene,
							   spread(&bench->arena, data + SCENE_CHARS, size - SCENE_CHARS, scene.with & WITH_RUNS));

	run(bench, &scene, stored, tick, &before);
	hold(!before.reply && before.errors == 0 && before.dead == 0);
	run(bench, &scene, stored, scene.record, &after);
	hold(after.reply && after.dead <= 1);
	hold_messages(bench);
	hold_entries(bench);
	hold_outcome(bench, &scene, &before, &after);
	hold_repeat(bench, &scene, &after);
	hold_again(bench, &scene, stored, &after);
	return 0;
}
