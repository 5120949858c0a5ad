#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct co_json *json_of(struct co_arena *arena, struct co_view text)
{
	const struct co_json *json = NULL;
	struct co_error error = {.text = ""};

	if (co_json_parse(text, CO_JSON_DEPTH_MAX, arena, &json, &error) != CO_OK)
		fail_msg("not JSON: %.*s: %s", (int)text.len, text.ptr, error.text);
	return json;
}

struct co_view file_of(struct co_arena *arena, const char *path)
{
	FILE *file = fopen(path, "rb");
	struct co_buf buf = co_buf_make(arena, 1 << 16);
	char piece[4096];
	size_t got;

	if (!file) {
		fprintf(stderr, "%s: cannot be opened\n", path);
		exit(1);
	}
	while ((got = fread(piece, 1, sizeof(piece), file)) > 0)
		co_buf_add(&buf, co_view_make(piece, got));
	(void)fclose(file);
	return co_view_dup(arena, co_buf_view(&buf));
}

struct co_uuid uuid_of(const char *text)
{
	struct co_uuid uuid;

	assert_true(co_uuid_parse(co_view_cstr(text), &uuid));
	return uuid;
}

struct co_merchant default_merchant(void)
{
	struct co_uuid id = uuid_of(MERCHANT);

	return co_merchant_default(&id);
}

static struct co_digest digest_of(struct co_view text)
{
	struct co_uuid space = {.bytes = {0}}, hash = co_uuid_v5(&space, text);
	struct co_digest result;

	memcpy(result.bytes, hash.bytes, sizeof(result.bytes));
	return result;
}

void digest(struct co_arena *arena, struct co_command *command)
{
	struct co_buf identity = co_buf_make(arena, 64), content = co_buf_make(arena, 64);

	co_buf_add(&identity, command->source);
	co_buf_add_byte(&identity, '\n');
	co_buf_add(&identity, command->id);
	co_buf_add(&content, command->type);
	co_buf_add_byte(&content, '\n');
	co_json_canonical(command->data, arena, &content);
	command->identity = digest_of(co_buf_view(&identity));
	command->content = digest_of(co_buf_view(&content));
	if (command->kind == CO_COMMAND_CREATE && command->merchant_is == CO_PRESENT)
		command->created_id = co_command_created_id(command);
}

struct co_command command_of(struct co_arena *arena, enum co_command_kind kind, const char *id,
							 const struct co_json *data, const struct co_uuid *subject)
{
	struct co_command command = {
		.kind = kind,
		.id = co_view_dup(arena, co_view_cstr(id)),
		.source = CO_VIEW("/test"),
		.type = co_command_row(kind)->name,
		.merchant_is = CO_PRESENT,
		.merchant_id = uuid_of(MERCHANT),
		.subject_is = subject ? CO_PRESENT : CO_ABSENT,
		.namespace_name = CO_VIEW("default"),
		.data = data,
	};

	if (subject)
		command.subject = *subject;
	digest(arena, &command);
	return command;
}

void run_command(struct co_arena *arena, struct co_session *session, bool *exists, const struct co_command *command,
				 int64_t now_ms, const struct co_merchant *merchant, struct co_decision *out)
{
	co_decide(*exists ? session : NULL, command, now_ms, merchant, arena, out);
	co_evolve(session, command, out, arena);
	if (out->creates)
		*exists = true;
}

void send_text(struct co_arena *arena, struct co_session *session, bool *exists, enum co_command_kind kind,
			   const char *id, const char *data, struct co_decision *out)
{
	struct co_merchant merchant = default_merchant();
	struct co_command command =
		command_of(arena, kind, id, json_of(arena, co_view_cstr(data)), *exists ? &session->id : NULL);

	run_command(arena, session, exists, &command, T0, &merchant, out);
}
