/* What the tests of the registry file share: two merchants, texts of files, a folder for them, questions to the port.
 * Owns the folder from registry_box_make to registry_box_clear. cmocka's headers are included here, in their order. */
#ifndef TESTS_UNIT_REGISTRY_FILE_SUPPORT_H
#define TESTS_UNIT_REGISTRY_FILE_SUPPORT_H

#include "registry_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define A "00000000-0000-4000-8000-00000000000a"
#define B "00000000-0000-4000-8000-00000000000b"
#define PLANTED "planted-value-7d1f"
/* One merchant with a member more. */
#define WITH(more) "{\"merchants\":[{\"id\":\"" A "\"," more "}]}"
#define KEYS(keys) WITH("\"jwt\":{\"keys\":[" keys "]}")
/* SHA-256 of "one". */
#define ONE "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"

extern struct sandbox box;

/* cmocka group set-up and tear-down. */
int registry_box_make(void **state);
int registry_box_clear(void **state);

bool knows(const struct co_registry *port, const char *id_text, struct co_merchant *out);
/* The names in their order, each with a semicolon behind it. */
void assert_list(const struct co_name_list *list, const char *joined);
/* As ask() of registry_support.h, with that API key, and a token that is none. */
int ask_key(const struct co_registry *port, const char *merchant, struct co_view key);

#endif
