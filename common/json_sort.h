/* Members of a JSON object brought into one order, for json.c (duplicates) and json_canonical.c (equality).
 * Owns nothing; never allocates from the heap and never slower than O(n log n). Private to common/. */
#ifndef CO_COMMON_JSON_SORT_H
#define CO_COMMON_JSON_SORT_H

#include "checkout/arena.h"
#include "checkout/json.h"

/* Negative, 0 or positive. The order is by length first, then by bytes: it is cheap, and only equality has a meaning.
 */
int co_json_key_compare(struct co_view a, struct co_view b);
/* The object's members by co_json_key_compare of their keys: `object->count` entries that live in `scratch`. */
const struct co_json **co_json_sorted_members(const struct co_json *object, struct co_arena *scratch);

#endif
