/* Intake on any record, written as lines of headers and a value (record_lines.h). Holds: the result is whole and says
 * one thing; the same record reads the same again; a forwarded copy reads like its original; names that an output would
 * write are well formed. */
#include "checkout/app/intake.h"

#include "record_lines.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition)
{
	if (!condition)
		abort();
}

static bool same_view(struct co_view a, struct co_view b)
{
	return (a.ptr != NULL) == (b.ptr != NULL) && co_view_eq(a, b);
}

static void hold_names(const struct co_command *command)
{
	hold(co_view_is_plain(command->id, 1, 128));
	hold(co_view_is_plain(command->source, 1, 256));
	hold(co_view_is_plain(command->type, 1, 256));
}

static void hold_whole(const struct co_intake *intake)
{
	const struct co_command *command = &intake->command;

	hold(co_json_is(command->data, CO_JSON_OBJECT));
	hold(co_view_is_plain(command->namespace_name, 1, 64));
	hold(intake->reply.partition >= -1 && intake->reply.partition <= INT64_C(9999999999));
	hold((intake->reply.dialect == CO_DIALECT_NONE) == (!intake->reply.topic.ptr && !intake->reply.correlation.ptr));
	hold(!intake->answerable || intake->kind == CO_INTAKE_NOT_COMMAND);
	hold((intake->kind == CO_INTAKE_NOT_COMMAND) == (intake->reason < CO_DLQ_COUNT) || intake->kind == CO_INTAKE_TICK);
	if (intake->kind == CO_INTAKE_COMMAND || intake->answerable)
		hold_names(command);
	else
		hold(!command->id.ptr && !command->source.ptr && !command->type.ptr);
	if (intake->kind == CO_INTAKE_COMMAND)
		hold(co_view_starts(command->type, CO_VIEW("checkout.session.")));
}

static void hold_same(const struct co_intake *a, const struct co_intake *b)
{
	hold(a->kind == b->kind && a->reason == b->reason && a->answerable == b->answerable);
	hold(memcmp(&a->command.identity, &b->command.identity, sizeof(a->command.identity)) == 0);
	hold(memcmp(&a->command.content, &b->command.content, sizeof(a->command.content)) == 0);
	hold(a->command.merchant_is == b->command.merchant_is && a->command.subject_is == b->command.subject_is);
	hold(a->command.namespace_is == b->command.namespace_is && a->command.expiry_is == b->command.expiry_is);
	hold(a->reply.dialect == b->reply.dialect && a->reply.partition == b->reply.partition);
	hold(same_view(a->reply.topic, b->reply.topic) && same_view(a->reply.correlation, b->reply.correlation));
	hold(same_view(a->traceparent, b->traceparent) && same_view(a->api_key, b->api_key));
}

static bool was_forwarded(const struct co_record *record)
{
	for (size_t i = 0; i < record->header_count; i++) {
		if (co_view_eq_nocase(record->headers[i].name, CO_VIEW("checkout-forwarded")))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct record_lines lines;
	struct co_intake first, second;
	struct co_arena arena;

	co_arena_init(&arena, 4096, 0);
	record_lines_read(co_view_make(size ? (const char *)data : "", size), &lines);
	co_intake_read(&lines.record, &arena, &first);
	hold_whole(&first);
	co_intake_read(&lines.record, &arena, &second);
	hold_same(&first, &second);
	if (lines.record.header_count < RECORD_LINES_MAX && !was_forwarded(&lines.record)) {
		lines.headers[lines.record.header_count++] =
			(struct co_header){CO_VIEW("checkout-forwarded"), CO_VIEW("0/9223372036854775807")};
		co_intake_read(&lines.record, &arena, &second);
		hold_same(&first, &second);
	}
	co_arena_clear(&arena);
	return 0;
}
