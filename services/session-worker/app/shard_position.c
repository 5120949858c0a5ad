/* A shard's place in the log as the committed offset's metadata carries it: written with every transaction, read by the
 * recovery (docs/architecture.md, point 2). */
#include "shard.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void co_shard_position(const struct co_shard *shard, const struct co_desk *desk, struct co_position *out)
{
	out->partition = shard->partition;
	out->offset = shard->round_next_offset;
	(void)snprintf(out->metadata, sizeof(out->metadata), "v1;s=%" PRId64 ";t=%" PRId64 ";p=%" PRId32, shard->seq + 1,
				   shard->round_clock_ms, desk->partition_count);
}

/* Digits alone, as co_shard_position() writes them. */
static bool read_number(const char **text, int64_t *out)
{
	char *end = NULL;
	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*out = strtoll(*text, &end, 10);
	*text = end;
	return errno == 0;
}

static bool read_word(const char **text, const char *word)
{
	size_t length = strlen(word);
	if (strncmp(*text, word, length) != 0)
		return false;
	*text += length;
	return true;
}

bool co_shard_restore(struct co_shard *shard, const struct co_position *position)
{
	const char *text = position->metadata;
	shard->next_offset = position->offset < 0 ? 0 : position->offset;
	shard->seq = 0;
	shard->clock_ms = 0;
	shard->partition_count = 0;
	if (*text == '\0')
		return true;
	if (!read_word(&text, "v1;s=") || !read_number(&text, &shard->seq) || !read_word(&text, ";t=") ||
		!read_number(&text, &shard->clock_ms))
		return false;
	if (*text == '\0')
		return true;
	int64_t count = 0;
	if (!read_word(&text, ";p=") || !read_number(&text, &count) || *text != '\0' || count < 1 || count > INT32_MAX)
		return false;
	shard->partition_count = (int32_t)count;
	return true;
}
