#include "registry_file.h"

#include "auth_key.h"
#include "auth_token.h"
#include "checkout/log.h"
#include "file_bytes.h"
#include "registry_edition.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct co_registry_file {
	char *path;      /* NULL: no registry */
	char *directory; /* of the path */
	enum co_auth_mode mode;
	pthread_mutex_t lock; /* guards what follows, and the holders of every edition */
	struct co_edition *current;
};

/* A lock that cannot be taken or given back is a bug of ours: to go on would be worse. */
static void lock(struct co_registry_file *registry)
{
	if (pthread_mutex_lock(&registry->lock) != 0)
		abort();
}

static void unlock(struct co_registry_file *registry)
{
	if (pthread_mutex_unlock(&registry->lock) != 0)
		abort();
}

static const void *acquire(void *self)
{
	struct co_registry_file *registry = self;
	struct co_edition *edition;

	lock(registry);
	edition = registry->current;
	edition->holders++;
	unlock(registry);
	return edition;
}

static void release(void *self, const void *held)
{
	struct co_registry_file *registry = self;
	/* The port hands editions out as const, and here they come home. */
	struct co_edition *edition = (struct co_edition *)(uintptr_t)held;
	bool last;

	lock(registry);
	assert(edition->holders > 0);
	last = --edition->holders == 0;
	unlock(registry);
	if (last)
		co_edition_destroy(edition);
}

static bool find(const void *held, const struct co_uuid *id, struct co_merchant *out)
{
	const struct co_edition *edition = held;
	const struct co_registered *registered = co_edition_find(edition, id);

	if (registered)
		*out = registered->merchant;
	else if (edition->open_to_all)
		*out = co_merchant_default(id);
	else
		return false;
	return true;
}

/* Held against every key of the merchant whatever the result so far, so that the time tells nothing of them. */
static bool judge_api_key(const struct co_registered *registered, struct co_view given, enum co_code *refusal)
{
	uint8_t digest[CO_SHA256_BYTES];
	bool good = false;

	*refusal = CO_CODE_API_KEY_NOT_FOUND;
	if (!given.ptr || given.len == 0)
		return false;
	if (!co_sha256(given, digest)) {
		*refusal = CO_CODE_AUTHORIZATION_ERROR;
		return false;
	}
	for (size_t i = 0; registered && i < registered->api_key_count; i++)
		good |= co_sha256_eq(digest, registered->api_keys[i].sha256);
	return good;
}

static bool judge_token(const struct co_registered *registered, const struct co_uuid *merchant_id,
						const struct co_credentials *credentials, int64_t now_ms, enum co_code *refusal)
{
	struct co_token_demand demand = {
		.merchant_id = *merchant_id, .namespace_name = credentials->namespace_name, .now_ms = now_ms};

	if (registered) {
		demand.keys = registered->token_keys;
		demand.key_count = registered->token_key_count;
		demand.audience = registered->audience;
	}
	return co_token_judge(credentials->authorization, &demand, refusal);
}

static bool authenticate(const void *held, const struct co_uuid *merchant_id, const struct co_credentials *credentials,
						 int64_t now_ms, enum co_code *refusal)
{
	const struct co_edition *edition = held;
	const struct co_registered *registered = co_edition_find(edition, merchant_id);
	enum co_code code = CO_CODE_UNAUTHORIZED;
	bool good = false;

	if (edition->mode == CO_AUTH_NONE)
		return true;
	if (registered || edition->open_to_all) {
		switch (edition->mode) {
		case CO_AUTH_NONE:
			break;
		case CO_AUTH_API_KEY:
			good = judge_api_key(registered, credentials->api_key, &code);
			break;
		case CO_AUTH_JWT:
			good = judge_token(registered, merchant_id, credentials, now_ms, &code);
			break;
		}
	}
	if (!good)
		*refusal = code;
	return good;
}

static void tell_troubles(const struct co_edition *edition)
{
	for (const struct co_key_trouble *trouble = edition->troubles; trouble; trouble = trouble->next) {
		char merchant[CO_UUID_TEXT + 1];

		co_uuid_format(&trouble->merchant_id, merchant);
		co_log(CO_LOG_ERROR, "registry.key_unusable",
			   "a key file of the merchant registry cannot be used; tokens that need it get 9300002",
			   CO_TEXT("checkout.merchant.id", merchant), CO_BYTES("file.path", trouble->file),
			   CO_BYTES("error.message", trouble->reason));
	}
}

static enum co_status read_edition(const struct co_registry_file *registry, struct co_edition **out,
								   struct co_error *error)
{
	struct co_view text;
	const char *reason;
	enum co_status status;

	if (!registry->path) {
		*out = co_edition_open_to_all(registry->mode);
		if (*out)
			return CO_OK;
		co_error_set(error, "", "out of memory");
		return CO_CONFIG;
	}
	reason = co_file_bytes_read(registry->path, CO_REGISTRY_BYTES_MAX, &text);
	if (reason) {
		co_error_set(error, "auth.merchants.file", "%s cannot be read: %s", registry->path, reason);
		return CO_CONFIG;
	}
	status = co_edition_read(text, registry->directory, registry->mode, out, error);
	co_file_free(&text);
	if (status == CO_OK)
		tell_troubles(*out);
	return status;
}

static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return strdup(".");
	return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static bool take_path(struct co_registry_file *registry, const char *path)
{
	if (!path || !*path)
		return true;
	registry->path = strdup(path);
	registry->directory = directory_of(path);
	return registry->path && registry->directory;
}

static void free_registry(struct co_registry_file *registry)
{
	free(registry->path);
	free(registry->directory);
	free(registry);
}

enum co_status co_registry_file_open(const char *path, enum co_auth_mode mode, struct co_registry_file **out,
									 struct co_error *error)
{
	struct co_registry_file *registry = calloc(1, sizeof *registry);
	enum co_status status = CO_CONFIG;

	if (!registry) {
		co_error_set(error, "", "out of memory");
		return CO_CONFIG;
	}
	registry->mode = mode;
	if (!take_path(registry, path)) {
		co_error_set(error, "", "out of memory");
		goto free_registry;
	}
	status = read_edition(registry, &registry->current, error);
	if (status != CO_OK)
		goto free_registry;
	registry->current->holders = 1;
	if (pthread_mutex_init(&registry->lock, NULL) != 0) {
		co_error_set(error, "", "no lock to be had");
		status = CO_CONFIG;
		goto destroy_edition;
	}
	*out = registry;
	return CO_OK;
destroy_edition:
	co_edition_destroy(registry->current);
free_registry:
	free_registry(registry);
	return status;
}

enum co_status co_registry_file_reload(struct co_registry_file *registry, struct co_error *error)
{
	struct co_edition *fresh = NULL, *old;

	if (!registry->path)
		return CO_OK;
	CO_TRY(read_edition(registry, &fresh, error));
	fresh->holders = 1;
	lock(registry);
	old = registry->current;
	registry->current = fresh;
	unlock(registry);
	release(registry, old);
	return CO_OK;
}

struct co_registry co_registry_file_port(struct co_registry_file *registry)
{
	return (struct co_registry){
		.self = registry, .acquire = acquire, .release = release, .find = find, .authenticate = authenticate};
}

void co_registry_file_close(struct co_registry_file *registry)
{
	if (!registry)
		return;
	assert(registry->current->holders == 1);
	release(registry, registry->current);
	if (pthread_mutex_destroy(&registry->lock) != 0)
		abort();
	free_registry(registry);
}
