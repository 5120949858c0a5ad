/* The verdict over a run. What is committed has to be what the core makes of the committed commands: every reply,
 * error, event and dead letter, byte for byte, once; the last state of every session; and Redis shows the same. */
#include "chaos.h"

#include "oracle_internal.h"
#include "tk.h"

#include "checkout/app/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS CHAOS_PREFIX "commands"

struct judging {
	struct chaos *chaos;
	const struct co_tk_log *log;
	struct chaos_verdict verdict;
	/* the commands in the order of partition and offset; ticks in place of originals that were forwarded */
	size_t command_count;
	const struct co_tk_record **commands;
	struct co_tk_record *stand_ins;
};

/* ---- the commands ---- */

static int by_place(const void *left, const void *right)
{
	const struct co_record *a = &(*(const struct co_tk_record *const *)left)->r,
						   *b = &(*(const struct co_tk_record *const *)right)->r;

	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static bool is_tick(const struct co_tk_record *record)
{
	return co_tk_header_is(&record->r, "ce_type", "checkout.session.tick");
}

static bool is_on(const struct co_tk_record *record, const char *topic)
{
	return co_tk_is(record->topic, topic);
}

/* All that was committed to `commands`. What lies beyond the committed positions are ticks alone: the last of a worker
 * that left. They are nobody's yet, and left out. */
static void collect_commands(struct judging *judging)
{
	struct chaos *chaos = judging->chaos;
	int64_t committed[CHAOS_PARTITIONS];

	for (int32_t p = 0; p < CHAOS_PARTITIONS; p++)
		committed[p] = co_tk_kafka_committed(&chaos->kafka, CHAOS_GROUP, COMMANDS, p, NULL);
	judging->commands = co_tk_alloc((judging->log->count + 1) * sizeof(*judging->commands));
	for (size_t i = 0; i < judging->log->count; i++) {
		const struct co_tk_record *record = judging->log->records[i];
		if (!is_on(record, COMMANDS))
			continue;
		if (record->r.offset < committed[record->r.partition])
			judging->commands[judging->command_count++] = record;
		else if (!is_tick(record))
			chaos_violation(chaos, "the command at %d/%lld was not read: committed is %lld", record->r.partition,
							(long long)record->r.offset, (long long)committed[record->r.partition]);
	}
	qsort(judging->commands, judging->command_count, sizeof(*judging->commands), by_place);
}

static size_t find_command(const struct judging *judging, int32_t partition, int64_t offset)
{
	const struct co_tk_record wanted = {.r = {.partition = partition, .offset = offset}}, *key = &wanted;
	const struct co_tk_record **found =
		bsearch(&key, judging->commands, judging->command_count, sizeof(*judging->commands), by_place);

	return found ? (size_t)(found - judging->commands) : SIZE_MAX;
}

static bool same_headers(const struct co_record *a, const struct co_record *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!co_tk_same(a->headers[i].name, b->headers[i].name) ||
			!co_tk_same(a->headers[i].value, b->headers[i].value))
			return false;
	return true;
}

/* A copy is the original but for its key and one header more, and lies where its key leads. */
static const char *copy_fault(const struct co_record *copy, const struct co_record *original)
{
	if (copy->header_count != original->header_count + 1 || !same_headers(copy, original, original->header_count))
		return "has other headers than its original";
	if (!co_tk_same(copy->value, original->value))
		return "has another value than its original";
	if (copy->key.len != 36 || co_tk_murmur2_partition(copy->key, CHAOS_PARTITIONS) != copy->partition)
		return "lies on another partition than its key says";
	return copy->partition == original->partition ? "lies where its original lies" : NULL;
}

/* The command that a copy names as its original: "<partition>/<offset>". */
static size_t find_original(const struct judging *judging, const char *text)
{
	char *end;
	long partition = strtol(text, &end, 10);
	long long offset = *end == '/' ? strtoll(end + 1, &end, 10) : -1;

	return *end || offset < 0 ? SIZE_MAX : find_command(judging, (int32_t)partition, offset);
}

/* In the fold a forwarded original only moves the clock. */
static void replace_forwarded(struct judging *judging)
{
	static const struct co_header tick = {{"ce_type", 7}, {"checkout.session.tick", 21}};
	struct chaos *chaos = judging->chaos;
	size_t count = judging->command_count;
	bool *is_copied = co_tk_alloc(count + 1);

	judging->stand_ins = co_tk_alloc((count + 1) * sizeof(*judging->stand_ins));
	for (size_t i = 0; i < count; i++) {
		const struct co_record *copy = &judging->commands[i]->r;
		struct co_view from = co_tk_header(copy, "checkout-forwarded");
		char text[64];
		if (!from.ptr)
			continue;
		snprintf(text, sizeof(text), "%.*s", (int)from.len, from.ptr);
		size_t at = find_original(judging, text);
		const char *fault = at == SIZE_MAX  ? "has no original"
							: is_copied[at] ? "is the second of its original"
											: copy_fault(copy, &judging->commands[at]->r);
		if (fault)
			chaos_violation(chaos, "the copy at %d/%lld of %s %s", copy->partition, (long long)copy->offset, text,
							fault);
		if (at != SIZE_MAX)
			is_copied[at] = true;
		judging->verdict.forwarded++;
	}
	for (size_t i = 0; i < count; i++) {
		judging->verdict.ticks += is_tick(judging->commands[i]);
		if (!is_copied[i])
			continue;
		judging->stand_ins[i] = *judging->commands[i];
		judging->stand_ins[i].r.value = (struct co_view){NULL, 0};
		judging->stand_ins[i].r.headers = &tick;
		judging->stand_ins[i].r.header_count = 1;
		judging->commands[i] = &judging->stand_ins[i];
	}
	judging->verdict.commands = count - judging->verdict.ticks - judging->verdict.forwarded;
	free(is_copied);
}

/* ---- outputs ---- */

struct output {
	const struct co_tk_record *record;
	struct co_view name; /* ce_id; of a dead letter, where it lay */
	struct co_view place;
};

static int compare_views(struct co_view a, struct co_view b)
{
	size_t shorter = a.len < b.len ? a.len : b.len;
	int order = shorter ? memcmp(a.ptr, b.ptr, shorter) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *left, const void *right)
{
	const struct output *a = left, *b = right;
	int order = compare_views(a->record->topic, b->record->topic);

	order = order ? order : compare_views(a->name, b->name);
	return order ? order : compare_views(a->place, b->place);
}

static struct output *collect_outputs(const struct co_tk_log *log, size_t *count)
{
	static const char *const topics[] = {CHAOS_PREFIX "replies", CHAOS_PREFIX "errors", CHAOS_PREFIX "events",
										 CHAOS_PREFIX "dlq", CHAOS_REPLIES};
	struct output *outputs = co_tk_alloc((log->count + 1) * sizeof(*outputs));

	*count = 0;
	for (size_t i = 0; i < log->count; i++) {
		const struct co_tk_record *record = log->records[i];
		bool is_output = false, is_dead = is_on(record, CHAOS_PREFIX "dlq");
		for (size_t t = 0; t < sizeof(topics) / sizeof(*topics); t++)
			is_output |= is_on(record, topics[t]);
		if (!is_output)
			continue;
		struct output *output = &outputs[(*count)++];
		*output = (struct output){.record = record,
								  .name = co_tk_header(&record->r, is_dead ? "checkout-dlq-partition" : "ce_id")};
		if (is_dead)
			output->place = co_tk_header(&record->r, "checkout-dlq-offset");
	}
	qsort(outputs, *count, sizeof(*outputs), by_name);
	return outputs;
}

static const char *difference(const struct co_record *expected, const struct co_record *got)
{
	if (expected->partition != got->partition)
		return "the partition";
	if (!co_tk_same(expected->key, got->key))
		return "the key";
	if (!co_tk_same(expected->value, got->value))
		return "the value";
	if (expected->header_count != got->header_count || !same_headers(expected, got, got->header_count))
		return "the headers";
	return NULL;
}

static void tell_output(struct judging *judging, const struct output *output, const char *what)
{
	const struct co_tk_record *record = output->record;
	char *value = co_tk_show(record->r.value);

	chaos_violation(
		judging->chaos, "%.*s/%d %.*s %.*s (after %.*s): %s", (int)record->topic.len, record->topic.ptr,
		record->r.partition, (int)output->name.len, output->name.ptr ? output->name.ptr : "", (int)output->place.len,
		output->place.ptr ? output->place.ptr : "", (int)co_tk_header(&record->r, "ce_causationid").len,
		co_tk_header(&record->r, "ce_causationid").ptr ? co_tk_header(&record->r, "ce_causationid").ptr : "", what);
	if (!judging->chaos->is_quiet)
		fprintf(stderr, "  %s\n", value);
	free(value);
}

static void compare_outputs(struct judging *judging, const struct co_tk_log *folded)
{
	size_t wanted_count, got_count, w = 0, g = 0;
	struct output *wanted = collect_outputs(folded, &wanted_count), *got = collect_outputs(judging->log, &got_count);

	while (w < wanted_count || g < got_count) {
		int order = w == wanted_count ? 1 : g == got_count ? -1 : by_name(&wanted[w], &got[g]);
		if (order < 0) {
			tell_output(judging, &wanted[w++], "is missing");
		} else if (order > 0) {
			bool again = g > 0 && by_name(&got[g - 1], &got[g]) == 0;
			tell_output(judging, &got[g++], again ? "is there twice" : "should not be there");
		} else {
			const char *part = difference(&wanted[w].record->r, &got[g].record->r);
			char text[64];
			snprintf(text, sizeof(text), "differs from the fold in %s", part ? part : "");
			if (part)
				tell_output(judging, &got[g], text);
			judging->verdict.replies += co_tk_header(&got[g].record->r, "checkout-status").ptr != NULL;
			judging->verdict.dead += is_on(got[g].record, CHAOS_PREFIX "dlq");
			w++, g++;
		}
	}
	free(wanted);
	free(got);
}

/* What the service appended to `commands` in the fold is not in the log. */
static void check_no_other_forwards(struct judging *judging, const struct co_tk_log *folded)
{
	size_t count = 0;

	for (size_t i = 0; i < folded->count; i++)
		count += is_on(folded->records[i], COMMANDS);
	if (count != judging->command_count)
		chaos_violation(judging->chaos, "%zd commands should have been forwarded and were not",
						(ssize_t)(count - judging->command_count));
}

/* ---- state ---- */

/* The last record of every key, by key. */
static const struct co_tk_record **last_states(const struct co_tk_log *log, size_t *count)
{
	struct output *states = co_tk_alloc((log->count + 1) * sizeof(*states));
	const struct co_tk_record **last = co_tk_alloc((log->count + 1) * sizeof(const void *));
	size_t found = 0;

	for (size_t i = 0; i < log->count; i++)
		if (is_on(log->records[i], CHAOS_PREFIX "state") && log->records[i]->r.key.len == 36)
			states[found++] = (struct output){.record = log->records[i], .name = log->records[i]->r.key};
	qsort(states, found, sizeof(*states), by_name);
	*count = 0;
	for (size_t i = 0; i < found; i++) {
		bool goes_on = i > 0 && co_tk_same(states[i].name, states[i - 1].name);
		if (!goes_on)
			last[(*count)++] = states[i].record;
		else if (states[i].record->r.offset > last[*count - 1]->r.offset)
			last[*count - 1] = states[i].record;
	}
	free(states);
	return last;
}

static void compare_states(struct judging *judging, const struct co_tk_log *folded)
{
	size_t wanted_count, got_count;
	const struct co_tk_record **wanted = last_states(folded, &wanted_count);
	const struct co_tk_record **got = last_states(judging->log, &got_count);

	if (wanted_count != got_count)
		chaos_violation(judging->chaos, "state holds %zu sessions, the fold %zu", got_count, wanted_count);
	for (size_t i = 0; i < wanted_count && i < got_count; i++) {
		const char *part = difference(&wanted[i]->r, &got[i]->r);
		if (part)
			chaos_violation(judging->chaos, "the last state of %.*s differs from the fold in %s",
							(int)got[i]->r.key.len, got[i]->r.key.ptr, part);
	}
	free((void *)wanted);
	free((void *)got);
}

/* Every transaction of a partition carries the next sequence: one writer, and nothing lost between. */
static void check_sequences(struct judging *judging)
{
	int64_t seq[CHAOS_PARTITIONS] = {0}, next[CHAOS_PARTITIONS] = {0};
	struct co_arena arena;

	co_arena_init(&arena, 65536, 65536);
	for (size_t i = 0; i < judging->log->count; i++) {
		const struct co_tk_record *record = judging->log->records[i];
		struct co_state_record state;
		if (!is_on(record, CHAOS_PREFIX "state"))
			continue;
		co_state_read(&record->r, &arena, &state);
		if (state.kind == CO_STATE_LANE) {
			int32_t p = record->r.partition;
			if (state.seq != seq[p] + 1 || state.next_offset < next[p])
				chaos_violation(judging->chaos, "partition %d: sequence %lld, position %lld follow %lld and %lld", p,
								(long long)state.seq, (long long)state.next_offset, (long long)seq[p],
								(long long)next[p]);
			seq[p] = state.seq;
			next[p] = state.next_offset;
		}
		co_arena_reset(&arena);
	}
	co_arena_clear(&arena);
}

/* ---- the sessions and Redis ---- */

static struct co_tk_log without_late_ticks(const struct judging *judging)
{
	struct co_tk_log log = {.records = co_tk_alloc((judging->log->count + 1) * sizeof(*log.records))};

	for (size_t i = 0; i < judging->log->count; i++) {
		struct co_tk_record *record = judging->log->records[i];
		if (!is_on(record, COMMANDS) || find_command(judging, record->r.partition, record->r.offset) != SIZE_MAX)
			log.records[log.count++] = record;
	}
	return log;
}

static void check_sessions(struct judging *judging)
{
	struct chaos *chaos = judging->chaos;
	struct co_tk_log log = without_late_ticks(judging);
	struct co_oracle oracle = {.kafka = &chaos->kafka,
							   .redis = &chaos->redis,
							   .log = &log,
							   .prefix = CHAOS_PREFIX,
							   .group = CHAOS_GROUP,
							   .key_prefix = CHAOS_KEYS,
							   .partitions = CHAOS_PARTITIONS,
							   .retention_ms = CHAOS_RETENTION_MS};
	struct co_seen seen;
	char *failure = co_oracle_fold(&oracle, &seen);

	judging->verdict.sessions = seen.count;
	for (size_t i = 0; i < seen.count; i++) {
		judging->verdict.expiries += seen.sessions[i].expiries;
		if (seen.sessions[i].ends > 1)
			chaos_violation(chaos, "session %s ended %zu times", seen.sessions[i].id, seen.sessions[i].ends);
	}
	if (!failure)
		failure = co_oracle_check_view(&oracle, &seen);
	if (failure)
		chaos_violation(chaos, "%s", failure);
	judging->verdict.kept = oracle.kept;
	free(failure);
	co_oracle_forget(&seen);
	free(log.records);
}

struct chaos_verdict chaos_judge(struct chaos *chaos, const struct co_tk_log *log)
{
	struct judging judging = {.chaos = chaos, .log = log};
	struct co_tk_log folded = {0};

	collect_commands(&judging);
	replace_forwarded(&judging);
	chaos_fold(judging.commands, judging.command_count, chaos->registry, &folded);
	compare_outputs(&judging, &folded);
	check_no_other_forwards(&judging, &folded);
	compare_states(&judging, &folded);
	check_sequences(&judging);
	check_sessions(&judging);
	co_tk_log_clear(&folded);
	free(judging.commands);
	free(judging.stand_ins);
	return judging.verdict;
}

/* ---- whether the judge is any good ---- */

enum spoil { LOST, TWICE, CHANGED };

/* The first record of the topic with a key of 36 bytes, lost, doubled or with other bytes. */
static struct co_tk_log spoiled(const struct co_tk_log *log, const char *topic, enum spoil how,
								struct co_tk_record *changed)
{
	struct co_tk_log out = {.records = co_tk_alloc((log->count + 2) * sizeof(*out.records))};
	bool is_done = false;

	for (size_t i = 0; i < log->count; i++) {
		struct co_tk_record *record = log->records[i];
		bool is_it = !is_done && is_on(record, topic) && record->r.key.len == 36 && record->r.value.ptr;
		is_done |= is_it;
		if (is_it && how == LOST)
			continue;
		if (is_it && how == CHANGED) {
			*changed = *record;
			changed->r.value.len--;
			record = changed;
		}
		out.records[out.count++] = record;
		if (is_it && how == TWICE)
			out.records[out.count++] = record;
	}
	co_tk_check(is_done, "nothing on %s", topic);
	return out;
}

size_t chaos_try_judge(const struct chaos *chaos, const struct co_tk_log *log, size_t *asked)
{
	static const struct {
		const char *topic;
		enum spoil how;
	} tries[] = {{CHAOS_PREFIX "replies", LOST},
				 {CHAOS_PREFIX "replies", TWICE},
				 {CHAOS_PREFIX "errors", CHANGED},
				 {CHAOS_PREFIX "commands", LOST},
				 {CHAOS_PREFIX "events", LOST}};
	size_t caught = 0;

	*asked = sizeof(tries) / sizeof(*tries);
	for (size_t i = 0; i < *asked; i++) {
		struct chaos judged = *chaos;
		struct co_tk_record changed;
		struct co_tk_log other = spoiled(log, tries[i].topic, tries[i].how, &changed);
		judged.is_quiet = true;
		judged.violations = 0;
		chaos_judge(&judged, &other);
		caught += judged.violations > 0;
		if (judged.violations == 0)
			fprintf(stderr, "chaos: a log with a change on %s passes\n", tries[i].topic);
		free(other.records);
	}
	return caught;
}
