#include "record_lines.h"

#include <string.h>

static struct co_header read_line(struct co_view line)
{
	const char *colon = memchr(line.ptr, ':', line.len);
	struct co_header header = {.name = line, .value = {NULL, 0}};

	if (!colon)
		return header;
	header.name.len = (size_t)(colon - line.ptr);
	header.value = co_view_make(colon + 1, line.len - header.name.len - 1);
	if (header.value.len && header.value.ptr[0] == ' ') {
		header.value.ptr++;
		header.value.len--;
	}
	return header;
}

void record_lines_read(struct co_view text, struct record_lines *out)
{
	const char *at = text.ptr, *end = text.ptr + text.len;
	size_t count = 0;

	out->record =
		(struct co_record){.partition = 1, .offset = 7, .timestamp_ms = 1767225600000, .headers = out->headers};
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		size_t len = (size_t)((line_end ? line_end : end) - at);

		if (len == 0) {
			out->record.value = co_view_make(at + 1, (size_t)(end - at) - 1);
			break;
		}
		if (count < RECORD_LINES_MAX)
			out->headers[count++] = read_line(co_view_make(at, len));
		if (!line_end)
			break;
		at = line_end + 1;
	}
	out->record.header_count = count;
}
