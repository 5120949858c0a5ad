#include "json_read.h"

#include <string.h>

#define EACH_BYTE(byte) (UINT64_MAX / 255 * (uint64_t)(byte))

/* The first byte that is a quote, a backslash, a control character, or no ASCII; `end` when there is none. */
static const char *plain_end(const char *at, const char *end)
{
	for (; end - at >= 8; at += 8) {
		uint64_t word, found;

		/* Of an ASCII byte, a subtraction sets the top bit just when it is below what is subtracted; the top bit of
		 * any other is set anyhow. A borrow may mark bytes behind the first that is meant, never one before it. */
		memcpy(&word, at, sizeof(word));
		found = word | (word - EACH_BYTE(0x20)) | ((word ^ EACH_BYTE('"')) - EACH_BYTE(1)) |
				((word ^ EACH_BYTE('\\')) - EACH_BYTE(1));
		found &= EACH_BYTE(0x80);
		if (found) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			return at + (__builtin_ctzll(found) >> 3);
#else
			break;
#endif
		}
	}
	while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 && (unsigned char)*at < 0x80)
		at++;
	return at;
}

static bool is_continuation(unsigned char byte)
{
	return (byte & 0xC0) == 0x80;
}

/* Bytes of the character that begins with a byte from 0x80; 0 when it is no valid UTF-8 (RFC 3629). */
static size_t utf8_len(const char *at, const char *end)
{
	const unsigned char *byte = (const unsigned char *)at;
	size_t left = (size_t)(end - at);

	if (byte[0] < 0xC2 || byte[0] > 0xF4)
		return 0;
	if (byte[0] < 0xE0)
		return left >= 2 && is_continuation(byte[1]) ? 2 : 0;
	if (byte[0] < 0xF0) {
		if (left < 3 || !is_continuation(byte[1]) || !is_continuation(byte[2]))
			return 0;
		if ((byte[0] == 0xE0 && byte[1] < 0xA0) || (byte[0] == 0xED && byte[1] > 0x9F))
			return 0;
		return 3;
	}
	if (left < 4 || !is_continuation(byte[1]) || !is_continuation(byte[2]) || !is_continuation(byte[3]))
		return 0;
	if ((byte[0] == 0xF0 && byte[1] < 0x90) || (byte[0] == 0xF4 && byte[1] > 0x8F))
		return 0;
	return 4;
}

/* What stands literally, up to the closing quote or the next backslash. */
static bool read_literal(struct co_json_reader *reader)
{
	for (;;) {
		reader->at = plain_end(reader->at, reader->end);
		if (reader->at == reader->end)
			return co_json_fail(reader, reader->at, "a string does not end");
		if (*reader->at == '"' || *reader->at == '\\')
			return true;
		if ((unsigned char)*reader->at < 0x20)
			return co_json_fail(reader, reader->at, "control character in a string");
		size_t len = utf8_len(reader->at, reader->end);
		if (len == 0)
			return co_json_fail(reader, reader->at, "invalid UTF-8");
		reader->at += len;
	}
}

/* Four hex digits. -1 when they are none. */
static int32_t hex4(const char *at, const char *end)
{
	int32_t unit = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];

		if (c >= '0' && c <= '9')
			unit = unit * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			unit = unit * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			unit = unit * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return unit;
}

static char *put_utf8(char *to, int32_t point)
{
	if (point < 0x80) {
		*to++ = (char)point;
		return to;
	}
	if (point < 0x800) {
		*to++ = (char)(0xC0 | point >> 6);
	} else {
		if (point < 0x10000) {
			*to++ = (char)(0xE0 | point >> 12);
		} else {
			*to++ = (char)(0xF0 | point >> 18);
			*to++ = (char)(0x80 | (point >> 12 & 0x3F));
		}
		*to++ = (char)(0x80 | (point >> 6 & 0x3F));
	}
	*to++ = (char)(0x80 | (point & 0x3F));
	return to;
}

/* `\u` and what follows, from its backslash. */
static bool read_unicode_escape(struct co_json_reader *reader, char **to)
{
	const char *at = reader->at;
	int32_t point = hex4(at + 2, reader->end);

	if (point < 0)
		return co_json_fail(reader, at, "an escape wants four hex digits");
	if (point == 0)
		return co_json_fail(reader, at, "NUL in a string");
	reader->at += 6;
	if (point >= 0xD800 && point <= 0xDFFF) {
		int32_t low = -1;

		if (point < 0xDC00 && reader->end - reader->at >= 6 && reader->at[0] == '\\' && reader->at[1] == 'u')
			low = hex4(reader->at + 2, reader->end);
		if (low < 0xDC00 || low > 0xDFFF)
			return co_json_fail(reader, at, "unpaired surrogate");
		reader->at += 6;
		point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
	}
	*to = put_utf8(*to, point);
	return true;
}

/* One escape, from its backslash; what it stands for is written to *to, which moves on. */
static bool read_escape(struct co_json_reader *reader, char **to)
{
	static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";

	if (reader->end - reader->at < 2)
		return co_json_fail(reader, reader->at, "a string does not end");
	char letter = reader->at[1];
	if (letter == 'u')
		return read_unicode_escape(reader, to);
	for (size_t i = 0; i < sizeof(letters) - 1; i++) {
		if (letters[i] == letter) {
			*(*to)++ = meanings[i];
			reader->at += 2;
			return true;
		}
	}
	return co_json_fail(reader, reader->at, "unknown escape");
}

/* The closing quote of the string whose inside begins at `at`; `end` when there is none. */
static const char *string_end(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return at;
}

/* The rest of a string with escapes, from its first backslash, decoded into the arena: never longer than its text. */
static bool read_escaped(struct co_json_reader *reader, const char *inside, struct co_view *out)
{
	const char *close = string_end(reader->at, reader->end);
	size_t literal = (size_t)(reader->at - inside);
	char *text = co_arena_alloc(reader->arena, (size_t)(close - inside));
	char *to = text + literal;

	memcpy(text, inside, literal);
	while (*reader->at != '"') {
		if (!read_escape(reader, &to))
			return false;
		const char *from = reader->at;
		if (!read_literal(reader))
			return false;
		literal = (size_t)(reader->at - from);
		memcpy(to, from, literal);
		to += literal;
	}
	reader->at++;
	*out = co_view_make(text, (size_t)(to - text));
	return true;
}

bool co_json_read_string(struct co_json_reader *reader, struct co_view *out)
{
	const char *inside = ++reader->at;

	if (!read_literal(reader))
		return false;
	if (*reader->at == '\\')
		return read_escaped(reader, inside, out);
	*out = co_view_make(inside, (size_t)(reader->at - inside));
	reader->at++;
	return true;
}
