#include "registry_read.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define NAME_SHOWN_MAX 40

/* Appends to the reader's place; what does not fit is cut. Returns the length to go back to. */
static size_t enter(struct co_registry_reader *reader, const char *text)
{
	size_t mark = reader->where_len;
	size_t space = sizeof reader->where - 1 - mark;
	size_t len = strlen(text);

	len = len < space ? len : space;
	memcpy(reader->where + mark, text, len);
	reader->where_len = mark + len;
	reader->where[reader->where_len] = '\0';
	return mark;
}

/* A member's name comes from the file: anything but plain ASCII is shown as a question mark, so that it cannot forge a
 * line on a terminal. */
static size_t enter_member(struct co_registry_reader *reader, const char *name)
{
	char shown[NAME_SHOWN_MAX + 2];
	size_t len = 0;

	if (reader->where_len > 0)
		shown[len++] = '.';
	for (size_t i = 0; name[i] && len < sizeof shown - 1; i++)
		shown[len++] = (char)(name[i] > ' ' && name[i] <= '~' ? name[i] : '?');
	shown[len] = '\0';
	return enter(reader, shown);
}

static size_t enter_entry(struct co_registry_reader *reader, size_t index)
{
	char shown[32];

	(void)snprintf(shown, sizeof shown, "[%zu]", index);
	return enter(reader, shown);
}

static void leave(struct co_registry_reader *reader, size_t mark)
{
	reader->where_len = mark;
	reader->where[mark] = '\0';
}

bool co_registry_refuse(struct co_registry_reader *reader, const char *sentence)
{
	co_error_set(reader->error, reader->where, "%s", sentence);
	return false;
}

bool co_registry_refuse_member(struct co_registry_reader *reader, const char *name, const char *sentence)
{
	(void)enter_member(reader, name);
	return co_registry_refuse(reader, sentence);
}

static bool refuse_unknown(struct co_registry_reader *reader, const struct co_registry_member *members, size_t count)
{
	char known[200] = "";
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		int written = snprintf(known + len, sizeof known - len, "%s%s", i > 0 ? ", " : "", members[i].name);

		assert(written > 0 && (size_t)written < sizeof known - len);
		len += (size_t)written;
	}
	co_error_set(reader->error, reader->where, "unknown member; known here: %s", known);
	return false;
}

static const struct co_registry_member *find_member(const struct co_registry_member *members, size_t count,
													const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	return NULL;
}

bool co_registry_read_object(struct co_registry_reader *reader, json_t *value, const struct co_registry_member *members,
							 size_t count, void *into)
{
	if (!json_is_object(value))
		return co_registry_refuse(reader, "must be an object");
	for (void *at = json_object_iter(value); at; at = json_object_iter_next(value, at)) {
		const char *name = json_object_iter_key(at);
		const struct co_registry_member *member = find_member(members, count, name);
		size_t mark = enter_member(reader, name);

		if (!member)
			return refuse_unknown(reader, members, count);
		if (!member->read(reader, json_object_iter_value(at), into))
			return false;
		leave(reader, mark);
	}
	return true;
}

bool co_registry_read_entries(struct co_registry_reader *reader, json_t *value,
							  bool (*read)(struct co_registry_reader *reader, json_t *entry, void *slot), void *first,
							  size_t slot_bytes)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		size_t mark = enter_entry(reader, i);

		if (!read(reader, json_array_get(value, i), (char *)first + i * slot_bytes))
			return false;
		leave(reader, mark);
	}
	return true;
}

bool co_registry_read_text(struct co_registry_reader *reader, const json_t *value, bool (*fits)(struct co_view text),
						   const char *sentence, struct co_view *out)
{
	struct co_view text;

	if (!json_is_string(value))
		return co_registry_refuse(reader, sentence);
	text = co_view_make(json_string_value(value), json_string_length(value));
	if (!fits(text))
		return co_registry_refuse(reader, sentence);
	*out = co_view_dup(&reader->edition->arena, text);
	return true;
}

bool co_registry_read_names(struct co_registry_reader *reader, json_t *value, bool (*fits)(struct co_view text),
							const char *sentence, struct co_name_list *out)
{
	size_t count = json_array_size(value);
	struct co_view *names;

	if (!json_is_array(value))
		return co_registry_refuse(reader, "must be an array of strings");
	names = CO_NEW_ARRAY(&reader->edition->arena, struct co_view, count);
	for (size_t i = 0; i < count; i++) {
		size_t mark = enter_entry(reader, i);

		if (!co_registry_read_text(reader, json_array_get(value, i), fits, sentence, &names[i]))
			return false;
		leave(reader, mark);
	}
	*out = (struct co_name_list){.given = true, .count = count, .names = names};
	return true;
}

bool co_registry_read_seconds(struct co_registry_reader *reader, const json_t *value, int64_t *out)
{
	if (!json_is_integer(value) || json_integer_value(value) < 1 || json_integer_value(value) > INT32_MAX)
		return co_registry_refuse(reader, "must be an integer from 1 to 2147483647 (seconds)");
	*out = json_integer_value(value);
	return true;
}
