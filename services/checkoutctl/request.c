#include "request.h"

#include "checkout/arena.h"

#include <jansson.h>

#include <string.h>

#define HEADERS_MAX 16

static const char *const names[] = {
#define CO_COMMAND(ident, name, success, subject, remembered) name,
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
};

bool ctl_command_find(const char *name, enum ctl_command *out)
{
	for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum ctl_command)i;
			return true;
		}
	return false;
}

const char *ctl_command_name(enum ctl_command command)
{
	return names[command];
}

static const char *or_default(const char *text, const char *fallback)
{
	return text ? text : fallback;
}

/* A valid referenceId of data that was given as it is; false when it has none. Copied into `out`. */
static bool reference_of_data(struct co_view data, struct co_buf *out)
{
	bool found = false;
	json_t *tree = json_loadb(data.ptr ? data.ptr : "", data.len, JSON_REJECT_DUPLICATES, NULL);
	json_t *reference = json_object_get(tree, "referenceId");

	if (json_is_string(reference)) {
		struct co_view text = co_view_make(json_string_value(reference), json_string_length(reference));

		found = co_view_is_plain(text, 1, 64);
		if (found)
			co_buf_add(out, text);
	}
	json_decref(tree);
	return found;
}

bool ctl_request_session(const struct ctl_request *request, struct co_uuid *out)
{
	struct co_uuid merchant;
	struct co_arena arena;
	struct co_buf name;
	bool creates = request->command == CTL_CREATE, known = true;

	if (request->session && !creates)
		return co_uuid_parse(co_view_cstr(request->session), out);
	if (request->command == CTL_VALIDATE ||
		!co_uuid_parse(co_view_cstr(or_default(request->merchant, CTL_MERCHANT_DEFAULT)), &merchant))
		return false;
	co_arena_init(&arena, 4096, 0);
	name = co_buf_make(&arena, 256);
	co_buf_lit(&name, "ref:");
	co_buf_add(&name, co_view_cstr(or_default(request->namespace_name, "default")));
	co_buf_lit(&name, ":");
	if (creates && request->data.ptr) {
		known = reference_of_data(request->data, &name);
	} else {
		known = request->reference && co_view_is_plain(co_view_cstr(request->reference), 1, 64);
		if (known)
			co_buf_add(&name, co_view_cstr(request->reference));
	}
	if (!known && creates) {
		name = co_buf_make(&arena, 256);
		co_buf_lit(&name, "cmd:");
		co_buf_add(&name, co_view_cstr(or_default(request->source, CTL_SOURCE_DEFAULT)));
		co_buf_lit(&name, "\n");
		co_buf_add(&name, co_view_cstr(request->id));
		known = true;
	}
	if (known)
		*out = co_uuid_v5(&merchant, co_buf_view(&name));
	co_arena_clear(&arena);
	return known;
}

static void put_header(struct co_header *headers, size_t *count, const char *name, struct co_view value)
{
	if (value.ptr)
		headers[(*count)++] = (struct co_header){co_view_cstr(name), value};
}

/* The attributes of section 2 in its order, as (name, value); absent values are left out by who uses them. */
struct attribute {
	const char *header, *member;
	struct co_view value;
};

#define ATTRIBUTES 8

static void attributes_of(const struct ctl_request *request, struct co_arena *arena, struct attribute out[ATTRIBUTES])
{
	struct co_buf type = co_buf_make(arena, 64);
	struct co_view subject = co_view_cstr(request->session);
	struct co_uuid session;

	co_buf_lit(&type, CTL_TYPE_PREFIX);
	co_buf_add(&type, co_view_cstr(names[request->command]));
	if (!request->session && request->command != CTL_CREATE && ctl_request_session(request, &session))
		subject = co_uuid_view(arena, &session);
	out[0] = (struct attribute){"ce_specversion", "specversion", CO_VIEW("1.0")};
	out[1] = (struct attribute){"ce_id", "id", co_view_cstr(request->id)};
	out[2] = (struct attribute){"ce_source", "source", co_view_cstr(or_default(request->source, CTL_SOURCE_DEFAULT))};
	out[3] = (struct attribute){"ce_type", "type", co_buf_view(&type)};
	out[4] = (struct attribute){"ce_subject", "subject", subject};
	out[5] = (struct attribute){"ce_merchantid", "merchantid",
								co_view_cstr(or_default(request->merchant, CTL_MERCHANT_DEFAULT))};
	out[6] = (struct attribute){"ce_namespace", "namespace", co_view_cstr(request->namespace_name)};
	out[7] = (struct attribute){"ce_expirytime", "expirytime", co_view_cstr(request->expirytime)};
}

static struct co_view structured_value(const struct attribute *attributes, struct co_view data, struct co_arena *arena)
{
	struct co_buf out = co_buf_make(arena, data.len + 1024);

	for (size_t i = 0; i < ATTRIBUTES; i++) {
		if (!attributes[i].value.ptr)
			continue;
		co_buf_add(&out, i == 0 ? CO_VIEW("{") : CO_VIEW(","));
		co_buf_add_json(&out, co_view_cstr(attributes[i].member));
		co_buf_lit(&out, ":");
		co_buf_add_json(&out, attributes[i].value);
	}
	if (data.len > 0) {
		co_buf_lit(&out, ",\"datacontenttype\":\"application/json\",\"data\":");
		co_buf_add(&out, data); /* as it is: also what is no JSON */
	}
	co_buf_lit(&out, "}");
	return co_buf_view(&out);
}

void ctl_request_build(const struct ctl_request *request, struct co_view topic, struct co_arena *arena,
					   struct co_message *out)
{
	struct attribute attributes[ATTRIBUTES];
	struct co_header *headers = CO_NEW_ARRAY(arena, struct co_header, HEADERS_MAX);
	struct co_view data = ctl_request_data(request, arena);
	struct co_uuid session;
	size_t count = 0;

	attributes_of(request, arena, attributes);
	if (request->structured) {
		put_header(headers, &count, "content-type", CO_VIEW("application/cloudevents+json"));
	} else {
		put_header(headers, &count, "content-type", CO_VIEW("application/json"));
		for (size_t i = 0; i < ATTRIBUTES; i++)
			put_header(headers, &count, attributes[i].header, attributes[i].value);
	}
	if (request->token.ptr) {
		struct co_buf bearer = co_buf_make(arena, request->token.len + 8);

		co_buf_lit(&bearer, "Bearer ");
		co_buf_add(&bearer, request->token);
		put_header(headers, &count, "authorization", co_buf_view(&bearer));
	}
	put_header(headers, &count, "x-api-key", request->api_key);
	put_header(headers, &count, "correlation_id", co_view_cstr(request->correlation));
	*out = (struct co_message){.topic = topic,
							   .partition = request->partition,
							   .timestamp_ms = request->timestamp_ms,
							   .key = co_view_cstr(request->key),
							   .value = request->structured ? structured_value(attributes, data, arena) : data,
							   .header_count = count,
							   .headers = headers};
	if (!request->key && ctl_request_session(request, &session))
		out->key = co_uuid_view(arena, &session);
}
