#include "registry_file_support.h"

#include <stdio.h>

struct sandbox box;

int registry_box_make(void **state)
{
	(void)state;
	sandbox_make(&box);
	return 0;
}

int registry_box_clear(void **state)
{
	(void)state;
	sandbox_clear(&box);
	return 0;
}

bool knows(const struct co_registry *port, const char *id_text, struct co_merchant *out)
{
	const void *edition = port->acquire(port->self);
	struct co_uuid id;
	bool known;

	assert_true(co_uuid_parse(co_view_cstr(id_text), &id));
	known = port->find(edition, &id, out);
	port->release(port->self, edition);
	return known;
}

void assert_list(const struct co_name_list *list, const char *joined)
{
	char text[256] = "";
	size_t len = 0;

	assert_true(list->given);
	for (size_t i = 0; i < list->count; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "%.*s;", (int)list->names[i].len, list->names[i].ptr);
	assert_string_equal(text, joined);
}

int ask_key(const struct co_registry *port, const char *merchant, struct co_view key)
{
	const struct co_credentials credentials = {
		.authorization = CO_VIEW("Bearer x"), .api_key = key, .namespace_name = CO_VIEW("default")};

	return ask(port, merchant, &credentials, 0);
}
