/* Reading JSON as the registry has it: every member known, every value of its type and range, and a complaint that says
 * where. Internal to the registry adapter.
 * Owns nothing; what is read goes into the edition's arena. Never puts a value into a complaint: a registry stands next
 * to secrets. */
#ifndef CHECKOUT_ADAPTERS_REGISTRY_READ_H
#define CHECKOUT_ADAPTERS_REGISTRY_READ_H

#include <stdbool.h>
#include <stddef.h>

#include "checkout/bytes.h"
#include "checkout/domain/merchant.h"
#include "checkout/error.h"
#include "registry_edition.h"

#include <jansson.h>

struct co_registry_reader {
	struct co_edition *edition;
	struct co_error *error; /* may be NULL */
	size_t where_len;
	char where[128]; /* merchants[2].jwt.keys[0].kid */
};

/* One member of an object, and who reads its value into `into`. */
struct co_registry_member {
	const char *name;
	bool (*read)(struct co_registry_reader *reader, json_t *value, void *into);
};

/* All of these: false after a complaint, the first one of which is kept. */

/* Complains about the place the reader is at. */
bool co_registry_refuse(struct co_registry_reader *reader, const char *sentence);
/* Complains about a member of the object that the reader is at. */
bool co_registry_refuse_member(struct co_registry_reader *reader, const char *name, const char *sentence);
/* Each member by its row; one without a row is refused and named. */
bool co_registry_read_object(struct co_registry_reader *reader, json_t *value, const struct co_registry_member *members,
							 size_t count, void *into);
#define co_registry_read_members(reader, value, members, into) \
	co_registry_read_object((reader), (value), (members), sizeof(members) / sizeof((members)[0]), (into))
/* Each entry by `read`, into the slots of an array at `first`, `slot_bytes` apart. */
bool co_registry_read_entries(struct co_registry_reader *reader, json_t *value,
							  bool (*read)(struct co_registry_reader *reader, json_t *entry, void *slot), void *first,
							  size_t slot_bytes);
/* A string that `fits`, as a copy with a NUL behind it; `sentence` says what would fit. */
bool co_registry_read_text(struct co_registry_reader *reader, const json_t *value, bool (*fits)(struct co_view text),
						   const char *sentence, struct co_view *out);
/* An array of such strings. */
bool co_registry_read_names(struct co_registry_reader *reader, json_t *value, bool (*fits)(struct co_view text),
							const char *sentence, struct co_name_list *out);
/* An integer of 1..INT32_MAX seconds. */
bool co_registry_read_seconds(struct co_registry_reader *reader, const json_t *value, int64_t *out);

#endif
