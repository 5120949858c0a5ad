#include "registry_edition.h"

#include <stdlib.h>

#define ARENA_CHUNK_BYTES ((size_t)64 * 1024)

struct co_edition *co_edition_open_to_all(enum co_auth_mode mode)
{
	struct co_edition *edition = calloc(1, sizeof *edition);

	if (!edition)
		return NULL;
	co_arena_init(&edition->arena, ARENA_CHUNK_BYTES, 0);
	edition->mode = mode;
	edition->open_to_all = true;
	edition->troubles_end = &edition->troubles;
	return edition;
}

static int compare_to_entry(const void *id, const void *entry)
{
	const struct co_registered *registered = entry;

	return co_uuid_compare(id, &registered->merchant.id);
}

const struct co_registered *co_edition_find(const struct co_edition *edition, const struct co_uuid *id)
{
	if (edition->count == 0)
		return NULL;
	return bsearch(id, edition->merchants, edition->count, sizeof edition->merchants[0], compare_to_entry);
}

void co_edition_destroy(struct co_edition *edition)
{
	if (!edition)
		return;
	for (size_t i = 0; i < edition->count; i++)
		for (size_t k = 0; k < edition->merchants[i].token_key_count; k++)
			co_auth_key_destroy(edition->merchants[i].token_keys[k].key);
	co_arena_clear(&edition->arena);
	free(edition);
}
