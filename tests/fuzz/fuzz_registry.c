/* Fuzzes the reading of the merchant registry, without its key files. Holds: what is refused says why, and leaves
 * nothing behind; what is accepted is sorted, every merchant in it is found, and its bounds are in order. */
#include "adapters/registry_edition.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hold(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct co_edition *edition = NULL;
	struct co_error error = {"", ""};
	enum co_status status =
		co_edition_read(co_view_make((const char *)data, size), "/nowhere", CO_AUTH_API_KEY, &edition, &error);

	if (status != CO_OK) {
		hold(status == CO_CONFIG && !edition && error.text[0]);
		return 0;
	}
	hold(edition && !error.text[0] && !edition->troubles);
	for (size_t i = 0; i < edition->count; i++) {
		const struct co_merchant *merchant = &edition->merchants[i].merchant;

		hold(co_edition_find(edition, &merchant->id) == &edition->merchants[i]);
		hold(1 <= merchant->ttl_min_s && merchant->ttl_min_s <= merchant->ttl_default_s &&
			 merchant->ttl_default_s <= merchant->ttl_max_s);
	}
	co_edition_destroy(edition);
	return 0;
}
