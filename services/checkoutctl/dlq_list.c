#include "dlq.h"

#include "show.h"

#include "checkout/instant.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERED "9300004" /* what the sender was told, when anybody could be told (contract section 2) */

/* A line, and what it is sorted by: the time, then the place. */
struct row {
	int64_t timestamp_ms;
	struct ctl_place place;
	char *line;
};

struct list {
	const struct ctl_world *world;
	const struct ctl_dlq *dlq;
	struct co_arena arena;
	size_t count, cap;
	struct row *rows;
};

static void show_known(struct co_view text, FILE *out)
{
	if (text.len > 0)
		ctl_show_text(text, out);
	else
		fputc('-', out);
}

/* Who sent it, as far as it can be read. */
static void show_line(const struct list *list, const struct ctl_letter *letter, const struct co_intake *intake,
					  FILE *out)
{
	char time[CO_INSTANT_TEXT + 1], place[CTL_POSITION_TEXT];
	const char *masked = ctl_letter_masked(letter);
	bool is_command = intake->kind == CO_INTAKE_COMMAND;

	co_instant_format(letter->timestamp_ms, time);
	snprintf(place, sizeof(place), "%" PRId32 ":%" PRId64, letter->partition, letter->offset);
	fprintf(out, "%-10s %s%s%s  ", place, ctl_paint(list->world, CTL_FAINT), time, ctl_paint(list->world, CTL_PLAIN));
	ctl_show_text(letter->reason, out);
	fprintf(out, "%*s from ", letter->reason.len < 19 ? (int)(19 - letter->reason.len) : 0, "");
	ctl_show_text(letter->from_topic, out);
	fprintf(out, "/%" PRId32 "/%" PRId64 "  %zu bytes  %s  ", letter->from_partition, letter->from_offset,
			letter->record.value.len, intake->answerable ? ANSWERED : "-");
	show_known(intake->command.type, out);
	fputs("  ", out);
	show_known(intake->command.source, out);
	fputs("  ", out);
	show_known(intake->command.id, out);
	if (masked)
		fprintf(out, "  %s masked", masked);
	if (is_command)
		fprintf(out, "  %sa command for this version%s", ctl_paint(list->world, CTL_GOOD),
				ctl_paint(list->world, CTL_PLAIN));
	fputc('\n', out);
}

static json_t *text_of(struct co_view text)
{
	json_t *made = text.len > 0 ? json_stringn(text.ptr, text.len) : NULL;

	return made ? made : json_null();
}

static void show_json(const struct ctl_letter *letter, const struct co_intake *intake, FILE *out)
{
	char time[CO_INSTANT_TEXT + 1], from_time[CO_INSTANT_TEXT + 1];
	const char *masked = ctl_letter_masked(letter);
	json_t *record;

	co_instant_format(letter->timestamp_ms, time);
	co_instant_format(letter->from_timestamp_ms, from_time);
	record = json_pack("{s:i, s:I, s:s, s:o, s:{s:o, s:i, s:I, s:s}, s:I, s:s?, s:o, s:o, s:o, s:s?, s:b}", "partition",
					   letter->partition, "offset", (json_int_t)letter->offset, "time", time, "reason",
					   text_of(letter->reason), "from", "topic", text_of(letter->from_topic), "partition",
					   letter->from_partition, "offset", (json_int_t)letter->from_offset, "time", from_time, "bytes",
					   (json_int_t)letter->record.value.len, "code", intake->answerable ? ANSWERED : NULL, "type",
					   text_of(intake->command.type), "source", text_of(intake->command.source), "id",
					   text_of(intake->command.id), "masked", masked, "command", intake->kind == CO_INTAKE_COMMAND);
	json_dumpf(record, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(record);
}

static void add_row(struct list *list, const struct ctl_letter *letter, const struct co_intake *intake)
{
	struct row row = {.timestamp_ms = letter->timestamp_ms, .place = {letter->partition, letter->offset}};
	size_t bytes = 0;
	FILE *out = open_memstream(&row.line, &bytes);

	if (list->count == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 64;
		list->rows = realloc(list->rows, list->cap * sizeof(*list->rows));
	}
	if (!out || !list->rows)
		abort();
	if (list->dlq->json)
		show_json(letter, intake, out);
	else
		show_line(list, letter, intake, out);
	if (fclose(out) != 0)
		abort();
	list->rows[list->count++] = row;
}

static bool take(void *opaque, const rd_kafka_message_t *message)
{
	struct list *list = opaque;
	struct ctl_letter letter;
	struct co_intake intake;
	struct co_error error = {0};
	struct co_record record = ctl_letter_record(message, &list->arena);

	if (!ctl_letter_open(&record, &letter, &error)) {
		if (!list->dlq->reason)
			ctl_complain(list->world, "dlq: %" PRId32 ":%" PRId64 ": %s", record.partition, record.offset, error.text);
	} else if (!list->dlq->reason || co_view_eq(letter.reason, co_view_cstr(list->dlq->reason))) {
		ctl_letter_judge(&letter, &list->arena, &intake);
		add_row(list, &letter, &intake);
	}
	co_arena_reset(&list->arena);
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct row *left = a, *right = b;

	if (left->timestamp_ms != right->timestamp_ms)
		return left->timestamp_ms < right->timestamp_ms ? -1 : 1;
	if (left->place.partition != right->place.partition)
		return left->place.partition < right->place.partition ? -1 : 1;
	return left->place.offset < right->place.offset ? -1 : left->place.offset > right->place.offset;
}

int ctl_dlq_list(const struct ctl_world *world, const struct ctl_dlq *dlq)
{
	struct list list = {.world = world, .dlq = dlq};
	struct co_error error = {0};
	enum co_status status;
	size_t first = 0;

	co_arena_init(&list.arena, 65536, 65536);
	status = ctl_dlq_scan(world, dlq, take, &list, &error);
	if (list.count > 1)
		qsort(list.rows, list.count, sizeof(*list.rows), compare);
	if (dlq->count > 0 && list.count > (size_t)dlq->count)
		first = list.count - (size_t)dlq->count;
	for (size_t i = 0; i < list.count; i++) {
		if (status == CO_OK && i >= first)
			fputs(list.rows[i].line, world->out);
		free(list.rows[i].line);
	}
	if (status != CO_OK && error.text[0])
		ctl_complain(world, "dlq: %s", error.text);
	free(list.rows);
	co_arena_clear(&list.arena);
	return status == CO_OK ? CTL_OK : status == CO_CONFIG ? CTL_USAGE : CTL_TROUBLE;
}
