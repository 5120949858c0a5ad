/* What the registry file may say (contract section 8), member by member. */
#include "registry_read.h"

#include "file_bytes.h"

#include "checkout/uuid.h"

#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool fits_namespace(struct co_view text)
{
	return co_view_is_plain(text, 1, 64);
}

static bool fits_currency(struct co_view text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.ptr[i] < 'A' || text.ptr[i] > 'Z')
			return false;
	return text.len == 3;
}

static bool fits_processor(struct co_view text)
{
	return co_view_is_plain(text, 1, 4096);
}

/* `family` or `family/type`: a part that is empty could not match anything and is a slip of the pen. */
static bool fits_pin_method(struct co_view text)
{
	return co_view_is_plain(text, 1, 65) && text.ptr[0] != '/' && text.ptr[text.len - 1] != '/';
}

static bool fits_name(struct co_view text)
{
	return co_view_is_plain(text, 1, 256);
}

#define PLAIN_256 "must be a string of 1 to 256 characters, none of them a control character"

static bool read_id(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	if (json_is_string(value) &&
		co_uuid_parse(co_view_make(json_string_value(value), json_string_length(value)), &to->merchant.id))
		return true;
	return co_registry_refuse(reader, "must be a UUID");
}

static bool read_name(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_view name; /* for people who read the file */

	(void)into;
	return co_registry_read_text(reader, value, fits_name, PLAIN_256, &name);
}

static bool read_namespaces(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	return co_registry_read_names(reader, value, fits_namespace,
								  "must be a string of 1 to 64 characters, none of them a control character",
								  &to->merchant.namespaces);
}

static bool read_currencies(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	return co_registry_read_names(reader, value, fits_currency, "must be three capital letters",
								  &to->merchant.currencies);
}

static bool read_processors(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	return co_registry_read_names(reader, value, fits_processor,
								  "must be a string of 1 to 4096 characters, none of them a control character",
								  &to->merchant.processors);
}

static bool read_pin_methods(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	return co_registry_read_names(reader, value, fits_pin_method,
								  "must be a payment method's family, or family/type, of at most 65 characters",
								  &to->merchant.pin_methods);
}

static bool read_workstation_users(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	return co_registry_read_names(reader, value, fits_name, PLAIN_256, &to->merchant.workstation_users);
}

static bool read_ttl_min(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_seconds(reader, value, &((struct co_merchant *)into)->ttl_min_s);
}

static bool read_ttl_default(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_seconds(reader, value, &((struct co_merchant *)into)->ttl_default_s);
}

static bool read_ttl_max(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_seconds(reader, value, &((struct co_merchant *)into)->ttl_max_s);
}

static const struct co_registry_member ttl_members[] = {
	{"min", read_ttl_min}, {"default", read_ttl_default}, {"max", read_ttl_max}};

static bool read_ttl(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_merchant *to = &((struct co_registered *)into)->merchant;

	if (!co_registry_read_members(reader, value, ttl_members, to))
		return false;
	if (to->ttl_min_s <= to->ttl_default_s && to->ttl_default_s <= to->ttl_max_s)
		return true;
	co_error_set(reader->error, reader->where,
				 "min, default, max must not fall; with the defaults filled in they are %lld, %lld, %lld",
				 (long long)to->ttl_min_s, (long long)to->ttl_default_s, (long long)to->ttl_max_s);
	return false;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_sha256(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_api_key *to = into;
	const char *text = json_string_value(value);
	bool good = text && json_string_length(value) == sizeof to->sha256 * 2;

	for (size_t i = 0; good && i < sizeof to->sha256; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		good = high >= 0 && low >= 0;
		if (good)
			to->sha256[i] = (uint8_t)(high * 16 + low);
	}
	return good || co_registry_refuse(reader, "must be the key's SHA-256 as 64 hex digits");
}

static const struct co_registry_member api_key_members[] = {{"sha256", read_sha256}};

static bool read_api_key(struct co_registry_reader *reader, json_t *value, void *slot)
{
	if (!co_registry_read_members(reader, value, api_key_members, slot))
		return false;
	return json_object_get(value, "sha256") || co_registry_refuse_member(reader, "sha256", "is required");
}

static bool read_api_keys(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	if (!json_is_array(value) || json_array_size(value) > CO_KEYS_MAX)
		return co_registry_refuse(reader, "must be an array of at most 1000 objects");
	to->api_key_count = json_array_size(value);
	to->api_keys = CO_NEW_ARRAY(&reader->edition->arena, struct co_api_key, to->api_key_count);
	return co_registry_read_entries(reader, value, read_api_key, to->api_keys, sizeof to->api_keys[0]);
}

/* A key's entry before its file is read. */
struct key_draft {
	struct co_token_key *key;
	bool has_alg;
	struct co_view secret_file, public_key_file;
};

static bool read_kid(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_text(reader, value, fits_name, PLAIN_256, &((struct key_draft *)into)->key->kid);
}

static bool read_alg(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct key_draft *to = into;
	const char *name = json_string_value(value);

	to->has_alg = name && co_auth_alg_find(co_view_make(name, json_string_length(value)), &to->key->alg);
	return to->has_alg || co_registry_refuse(reader, "must be HS256, RS256 or ES256");
}

static bool fits_file(struct co_view text)
{
	return text.len > 0 && text.len < 4096;
}

#define FILE_NAME "must be a file name; one that is relative starts from the registry file's folder"

static bool read_secret_file(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_text(reader, value, fits_file, FILE_NAME, &((struct key_draft *)into)->secret_file);
}

static bool read_public_key_file(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_text(reader, value, fits_file, FILE_NAME, &((struct key_draft *)into)->public_key_file);
}

static const struct co_registry_member key_members[] = {
	{"kid", read_kid}, {"alg", read_alg}, {"secretFile", read_secret_file}, {"publicKeyFile", read_public_key_file}};

static bool read_key(struct co_registry_reader *reader, json_t *value, void *slot)
{
	struct key_draft draft = {.key = slot};
	bool secret;

	if (!co_registry_read_members(reader, value, key_members, &draft))
		return false;
	if (!draft.has_alg)
		return co_registry_refuse_member(reader, "alg", "is required: HS256, RS256 or ES256");
	secret = co_auth_alg_is_secret(draft.key->alg);
	if (secret && draft.public_key_file.ptr)
		return co_registry_refuse_member(reader, "publicKeyFile", "not for HS256, which has a secretFile");
	if (!secret && draft.secret_file.ptr)
		return co_registry_refuse_member(reader, "secretFile", "not for RS256 and ES256, which have a publicKeyFile");
	if (secret && !draft.secret_file.ptr)
		return co_registry_refuse_member(reader, "secretFile", "is required for HS256");
	if (!secret && !draft.public_key_file.ptr)
		return co_registry_refuse_member(reader, "publicKeyFile", "is required for RS256 and ES256");
	draft.key->file = secret ? draft.secret_file : draft.public_key_file;
	return true;
}

static bool kids_differ(struct co_registry_reader *reader, const struct co_token_key *keys, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		for (size_t k = 0; keys[i].kid.ptr && k < i; k++) {
			char place[48];

			if (!keys[k].kid.ptr || !co_view_eq(keys[i].kid, keys[k].kid))
				continue;
			(void)snprintf(place, sizeof place, "the same as that of keys[%zu]", k);
			(void)snprintf(reader->where + reader->where_len, sizeof reader->where - reader->where_len, "[%zu].kid", i);
			return co_registry_refuse(reader, place);
		}
	}
	return true;
}

static bool read_keys(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_registered *to = into;

	if (!json_is_array(value) || json_array_size(value) > CO_KEYS_MAX)
		return co_registry_refuse(reader, "must be an array of at most 1000 objects");
	to->token_key_count = json_array_size(value);
	to->token_keys = CO_NEW_ARRAY(&reader->edition->arena, struct co_token_key, to->token_key_count);
	return co_registry_read_entries(reader, value, read_key, to->token_keys, sizeof to->token_keys[0]) &&
		   kids_differ(reader, to->token_keys, to->token_key_count);
}

static bool read_audience(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_text(reader, value, fits_name, PLAIN_256, &((struct co_registered *)into)->audience);
}

static const struct co_registry_member jwt_members[] = {{"keys", read_keys}, {"audience", read_audience}};

static bool read_jwt(struct co_registry_reader *reader, json_t *value, void *into)
{
	return co_registry_read_members(reader, value, jwt_members, into);
}

static const struct co_registry_member merchant_members[] = {
	{"id", read_id},
	{"name", read_name},
	{"namespaces", read_namespaces},
	{"currencies", read_currencies},
	{"processors", read_processors},
	{"pinMethods", read_pin_methods},
	{"ttlSeconds", read_ttl},
	{"apiKeys", read_api_keys},
	{"workstationUsers", read_workstation_users},
	{"jwt", read_jwt},
};

static bool read_merchant(struct co_registry_reader *reader, json_t *value, void *slot)
{
	static const struct co_uuid nobody;
	struct co_registered *to = slot;

	to->entry = (size_t)(to - reader->edition->merchants);
	to->merchant = co_merchant_default(&nobody);
	if (!co_registry_read_members(reader, value, merchant_members, to))
		return false;
	return json_object_get(value, "id") || co_registry_refuse_member(reader, "id", "is required");
}

static bool read_merchants(struct co_registry_reader *reader, json_t *value, void *into)
{
	struct co_edition *to = into;

	if (!json_is_array(value))
		return co_registry_refuse(reader, "must be an array of objects");
	to->count = json_array_size(value);
	to->merchants = CO_NEW_ARRAY(&to->arena, struct co_registered, to->count);
	return co_registry_read_entries(reader, value, read_merchant, to->merchants, sizeof to->merchants[0]);
}

static const struct co_registry_member registry_members[] = {{"merchants", read_merchants}};

static int compare_entries(const void *a, const void *b)
{
	const struct co_registered *first = a, *second = b;
	int order = co_uuid_compare(&first->merchant.id, &second->merchant.id);

	if (order != 0)
		return order;
	return first->entry < second->entry ? -1 : first->entry > second->entry;
}

/* Sorts the merchants for co_edition_find, and sees on the way whether one stands there twice. */
static bool sort_merchants(struct co_registry_reader *reader)
{
	struct co_registered *merchants = reader->edition->merchants;
	size_t count = reader->edition->count;

	if (count > 1)
		qsort(merchants, count, sizeof merchants[0], compare_entries);
	for (size_t i = 1; i < count; i++) {
		char place[48];

		if (!co_uuid_eq(&merchants[i - 1].merchant.id, &merchants[i].merchant.id))
			continue;
		(void)snprintf(reader->where, sizeof reader->where, "merchants[%zu].id", merchants[i].entry);
		(void)snprintf(place, sizeof place, "the same as that of merchants[%zu]", merchants[i - 1].entry);
		return co_registry_refuse(reader, place);
	}
	return true;
}

static bool read_registry(struct co_registry_reader *reader, json_t *root)
{
	if (!co_registry_read_members(reader, root, registry_members, reader->edition))
		return false;
	if (!json_object_get(root, "merchants"))
		return co_registry_refuse_member(reader, "merchants", "is required");
	return sort_merchants(reader);
}

static struct co_view key_file_path(struct co_arena *arena, const char *directory, struct co_view file)
{
	struct co_buf path = co_buf_make(arena, 256);

	if (file.ptr[0] != '/') {
		co_buf_add(&path, co_view_cstr(directory));
		co_buf_lit(&path, "/");
	}
	co_buf_add(&path, file);
	co_buf_add_byte(&path, '\0');
	return co_view_make(path.ptr, path.len - 1);
}

static void load_key(struct co_edition *edition, const char *directory, const struct co_uuid *merchant_id,
					 struct co_token_key *key)
{
	struct co_view path = key_file_path(&edition->arena, directory, key->file);
	struct co_view bytes;
	const char *reason = co_file_bytes_read(path.ptr, CO_KEY_FILE_BYTES_MAX, &bytes);
	struct co_key_trouble *trouble;

	if (!reason)
		key->key = co_auth_key_new(key->alg, bytes, &reason);
	co_file_free(&bytes);
	if (key->key)
		return;
	trouble = CO_NEW(&edition->arena, struct co_key_trouble);
	*trouble = (struct co_key_trouble){
		.merchant_id = *merchant_id, .file = path, .reason = co_view_dup(&edition->arena, co_view_cstr(reason))};
	*edition->troubles_end = trouble;
	edition->troubles_end = &trouble->next;
}

/* Only once the whole file is accepted, and only when tokens are asked for: no secret is in memory without need. */
static void load_keys(struct co_edition *edition, const char *directory)
{
	for (size_t i = 0; edition->mode == CO_AUTH_JWT && i < edition->count; i++) {
		struct co_registered *registered = &edition->merchants[i];

		for (size_t k = 0; k < registered->token_key_count; k++)
			load_key(edition, directory, &registered->merchant.id, &registered->token_keys[k]);
	}
}

/* The library's own sentence quotes the text near the mistake, so it is not passed on. */
static void refuse_syntax(struct co_error *error, json_error_t *at)
{
	char place[64];

	(void)snprintf(place, sizeof place, "line %d, column %d", at->line, at->column);
	if (json_error_code(at) == json_error_duplicate_key)
		co_error_set(error, place, "a member that its object has already");
	else
		co_error_set(error, place, "not JSON");
}

enum co_status co_edition_read(struct co_view text, const char *directory, enum co_auth_mode mode,
							   struct co_edition **out, struct co_error *error)
{
	json_error_t syntax;
	json_t *root = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &syntax);
	struct co_registry_reader reader = {.edition = co_edition_open_to_all(mode), .error = error};
	enum co_status status = CO_CONFIG;

	if (!root) {
		refuse_syntax(error, &syntax);
	} else if (!reader.edition) {
		co_error_set(error, "", "out of memory");
	} else if (read_registry(&reader, root)) {
		reader.edition->open_to_all = false;
		load_keys(reader.edition, directory);
		*out = reader.edition;
		reader.edition = NULL;
		status = CO_OK;
	}
	co_edition_destroy(reader.edition);
	json_decref(root);
	return status;
}
