#include "record.h"

#include "tk.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t take(char **to, size_t *room, struct co_view from, struct co_view *out)
{
	*out = from;
	if (!from.ptr)
		return 0;
	co_tk_check(*room >= from.len, "record copy overflows");
	if (from.len)
		memcpy(*to, from.ptr, from.len);
	out->ptr = *to;
	*to += from.len;
	*room -= from.len;
	return from.len;
}

void co_tk_log_add(struct co_tk_log *log, struct co_view topic, const struct co_record *record)
{
	size_t room = topic.len + record->key.len + record->value.len + 1;

	for (size_t i = 0; i < record->header_count; i++)
		room += record->headers[i].name.len + record->headers[i].value.len;
	struct co_tk_record *copy = co_tk_alloc(sizeof(*copy) + record->header_count * sizeof(struct co_header) + room);
	struct co_header *headers = (struct co_header *)(void *)(copy + 1);
	char *bytes = (char *)(headers + record->header_count);

	copy->r = *record;
	copy->r.headers = headers;
	take(&bytes, &room, topic, &copy->topic);
	take(&bytes, &room, record->key, &copy->r.key);
	take(&bytes, &room, record->value, &copy->r.value);
	for (size_t i = 0; i < record->header_count; i++) {
		take(&bytes, &room, record->headers[i].name, &headers[i].name);
		take(&bytes, &room, record->headers[i].value, &headers[i].value);
	}
	if (log->count == log->cap) {
		log->cap = log->cap ? log->cap * 2 : 256;
		log->records = co_tk_grow(log->records, log->cap * sizeof(*log->records));
	}
	log->records[log->count++] = copy;
}

void co_tk_log_clear(struct co_tk_log *log)
{
	for (size_t i = 0; i < log->count; i++)
		free(log->records[i]);
	free(log->records);
	*log = (struct co_tk_log){0};
}

struct co_view co_tk_header(const struct co_record *record, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = record->header_count; i-- > 0;) {
		const struct co_header *header = &record->headers[i];
		if (header->name.len == length && strncasecmp(header->name.ptr, name, length) == 0)
			return header->value;
	}
	return (struct co_view){NULL, 0};
}

bool co_tk_header_is(const struct co_record *record, const char *name, const char *value)
{
	return co_tk_is(co_tk_header(record, name), value);
}

int64_t co_tk_header_int(const struct co_record *record, const char *name)
{
	struct co_view text = co_tk_header(record, name);
	int64_t number = 0;

	if (!text.ptr || text.len == 0 || text.len > 18)
		return -1;
	for (size_t i = 0; i < text.len; i++) {
		if (!isdigit((unsigned char)text.ptr[i]))
			return -1;
		number = number * 10 + (text.ptr[i] - '0');
	}
	return number;
}

bool co_tk_same(struct co_view a, struct co_view b)
{
	if (!a.ptr || !b.ptr)
		return !a.ptr && !b.ptr;
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool co_tk_is(struct co_view a, const char *text)
{
	return co_tk_same(a, (struct co_view){text, strlen(text)});
}

json_t *co_tk_json(struct co_view text)
{
	if (!text.ptr)
		return NULL;
	return json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

json_t *co_tk_at(const json_t *root, const char *path)
{
	const json_t *node = root;

	while (node && *path) {
		char name[64];
		size_t length = strcspn(path, ".");
		co_tk_check(length < sizeof(name), "path too long: %s", path);
		memcpy(name, path, length);
		name[length] = '\0';
		node = json_object_get(node, name);
		path += length + (path[length] == '.');
	}
	return (json_t *)(uintptr_t)node;
}

const char *co_tk_text_at(const json_t *root, const char *path)
{
	const char *text = json_string_value(co_tk_at(root, path));

	return text ? text : "";
}

char *co_tk_json_text(const json_t *value)
{
	return value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : strdup("(absent)");
}

static char *differ(const char *path, const json_t *expected, const json_t *got)
{
	char *a = co_tk_json_text(expected), *b = co_tk_json_text(got);
	char *text = co_tk_format("%s: expected %s, got %s", *path ? path : "(all of it)", a, b);

	free(a);
	free(b);
	return text;
}

static char *difference(const char *path, const json_t *expected, const json_t *got)
{
	char *found = NULL;

	if (json_equal(expected, got))
		return NULL;
	if (json_is_object(expected) && json_is_object(got)) {
		const char *key;
		json_t *member;
		json_object_foreach((json_t *)(uintptr_t)expected, key, member)
		{
			char *below = co_tk_format("%s/%s", path, key);
			found = difference(below, member, json_object_get(got, key));
			free(below);
			if (found)
				return found;
		}
		json_object_foreach((json_t *)(uintptr_t)got, key, member)
		{
			if (!json_object_get(expected, key)) {
				char *below = co_tk_format("%s/%s", path, key);
				found = differ(below, NULL, member);
				free(below);
				return found;
			}
		}
	}
	if (json_is_array(expected) && json_is_array(got) && json_array_size(expected) == json_array_size(got)) {
		for (size_t i = 0; i < json_array_size(expected); i++) {
			char *below = co_tk_format("%s/%zu", path, i);
			found = difference(below, json_array_get(expected, i), json_array_get(got, i));
			free(below);
			if (found)
				return found;
		}
	}
	return differ(path, expected, got);
}

char *co_tk_json_difference(const json_t *expected, const json_t *got)
{
	if (!expected || !got)
		return expected == got ? NULL : differ("", expected, got);
	return difference("", expected, got);
}

char *co_tk_show(struct co_view bytes)
{
	if (!bytes.ptr)
		return strdup("(null)");
	size_t shown = bytes.len < 300 ? bytes.len : 300;
	char *text = co_tk_alloc(shown * 4 + 40), *to = text;

	for (size_t i = 0; i < shown; i++) {
		unsigned char byte = (unsigned char)bytes.ptr[i];
		to += byte >= 0x20 && byte < 0x7f ? sprintf(to, "%c", byte) : sprintf(to, "\\x%02x", byte);
	}
	if (shown < bytes.len)
		sprintf(to, "… (%zu bytes)", bytes.len);
	return text;
}

static int base64_digit(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

bool co_tk_base64(const char *text, char **bytes, size_t *length)
{
	size_t count = strlen(text), padding = 0;

	if (count % 4)
		return false;
	while (padding < 2 && padding < count && text[count - 1 - padding] == '=')
		padding++;
	*bytes = co_tk_alloc(count / 4 * 3 + 1);
	*length = 0;
	for (size_t i = 0; i < count; i += 4) {
		uint32_t group = 0;
		for (size_t k = 0; k < 4; k++) {
			int digit = i + k >= count - padding ? 0 : base64_digit(text[i + k]);
			if (digit < 0) {
				free(*bytes);
				return false;
			}
			group = group << 6 | (uint32_t)digit;
		}
		for (int k = 2; k >= 0; k--)
			(*bytes)[(*length)++] = (char)(group >> (8 * k) & 0xff);
	}
	*length -= padding;
	return true;
}

int32_t co_tk_murmur2_partition(struct co_view key, int32_t count)
{
	const uint32_t m = 0x5bd1e995;
	const unsigned char *data = (const unsigned char *)key.ptr;
	size_t length = key.len;
	uint32_t h = 0x9747b28cU ^ (uint32_t)length;

	for (; length >= 4; length -= 4, data += 4) {
		uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
		k *= m;
		k ^= k >> 24;
		k *= m;
		h = h * m ^ k;
	}
	if (length >= 3)
		h ^= (uint32_t)data[2] << 16;
	if (length >= 2)
		h ^= (uint32_t)data[1] << 8;
	if (length >= 1)
		h = (h ^ data[0]) * m;
	h ^= h >> 13;
	h *= m;
	h ^= h >> 15;
	return (int32_t)((h & 0x7fffffff) % (uint32_t)count);
}
