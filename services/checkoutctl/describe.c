#include "client.h"

#include "describe_view.h"
#include "show.h"

#include "checkout/uuid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct describe {
	struct ctl_connection connection;
	const char *redis, *key_prefix;
	bool json;
};

#define AT(member) offsetof(struct describe, member)

static const struct ctl_option options[] = {
	{"redis", CTL_TEXT, AT(redis), "URL", 0, 0,
	 "show what the view holds too; with a password: CHECKOUT_REDIS_URL and --redis env"},
	{"key-prefix", CTL_TEXT, AT(key_prefix), "TEXT", 0, 0, "of the Redis keys [CHECKOUT_REDIS_KEY_PREFIX, or cs]"},
	{"json", CTL_FLAG, AT(json), NULL, 0, 0, "the snapshot as one line of JSON, nothing else"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Calls `each` for every record of the session on its partition of a topic, in order, up to where it ends now. */
static enum co_status for_each(const struct ctl_world *world, const struct describe *describe, const char *name,
							   const char *session, void (*each)(void *opaque, const rd_kafka_message_t *message),
							   void *opaque, int32_t *partition, struct co_error *error)
{
	char topic[CTL_TOPIC_MAX];
	struct ctl_reader reader;
	enum co_status status = CO_OK;
	int timeout_ms = (int)describe->connection.timeout_seconds * 1000;
	int64_t quiet_since_ms = ctl_monotonic_ms();
	int32_t count;

	if (!ctl_reader_open(world, &describe->connection, &reader))
		return CO_CONFIG;
	snprintf(topic, sizeof(topic), "%s%s", describe->connection.prefix, name);
	count = ctl_client_partitions(&reader.client, topic, timeout_ms);
	*partition = count > 0 ? (int32_t)(co_murmur2(co_view_cstr(session)) % (uint32_t)count) : 0;
	status = ctl_reader_add(&reader, topic, *partition, CTL_FROM_BEGINNING, timeout_ms, error);
	while (status == CO_OK && !ctl_reader_at_end(&reader)) {
		rd_kafka_message_t *message = ctl_reader_next(&reader, CTL_POLL_MS);

		if (message)
			quiet_since_ms = ctl_monotonic_ms();
		if (message && message->key && co_view_eq(co_view_make(message->key, message->key_len), co_view_cstr(session)))
			each(opaque, message);
		if (message)
			rd_kafka_message_destroy(message);
		if (ctl_stopped)
			status = CO_STOPPED;
		else if (ctl_monotonic_ms() - quiet_since_ms > timeout_ms) {
			co_error_set(error, topic, "%s: Kafka sends nothing: %s", topic, reader.client.trouble);
			status = CO_LOG_DOWN;
		}
	}
	ctl_reader_close(&reader);
	return status;
}

struct latest {
	bool seen;
	json_t *snapshot; /* NULL after a tombstone */
};

static void keep_latest(void *opaque, const rd_kafka_message_t *message)
{
	struct latest *latest = opaque;
	json_t *value = ctl_show_value(message);

	json_decref(latest->snapshot);
	latest->seen = true;
	latest->snapshot = json_incref(json_object_get(value, "session"));
	json_decref(value);
}

static void show_event(void *opaque, const rd_kafka_message_t *message)
{
	const struct ctl_world *world = opaque;

	fputs("  ", world->out);
	ctl_show_line(world, "events", message, world->out);
}

static int show(const struct ctl_world *world, const struct describe *describe, const char *session,
				struct co_error *error)
{
	struct latest latest = {0};
	int32_t partition = 0;
	enum co_status status = for_each(world, describe, "state", session, keep_latest, &latest, &partition, error);
	char *text = latest.snapshot ? json_dumps(latest.snapshot, describe->json ? JSON_COMPACT : JSON_INDENT(2)) : NULL;

	json_decref(latest.snapshot);
	if (status != CO_OK) {
		free(text);
		return CTL_TROUBLE;
	}
	if (describe->json) {
		if (text)
			fprintf(world->out, "%s\n", text);
		free(text);
		return text ? CTL_OK : CTL_TROUBLE;
	}
	fprintf(world->out, "session %s  partition %" PRId32 "\n", session, partition);
	fprintf(world->out, "%s\n", text ? text : latest.seen ? "forgotten: its retention is over" : "unknown to state");
	free(text);
	fputs("\nevents\n", world->out);
	if (for_each(world, describe, "events", session, show_event, (void *)(uintptr_t)world, &partition, error) != CO_OK)
		return CTL_TROUBLE;
	if (describe->redis && !ctl_describe_view(world, describe->redis, describe->key_prefix, partition, session,
											  (int)describe->connection.timeout_seconds * 1000, error))
		return CTL_TROUBLE;
	return latest.seen ? CTL_OK : CTL_TROUBLE;
}

static bool complete(const struct ctl_world *world, struct describe *describe)
{
	if (describe->redis && strcmp(describe->redis, "env") == 0) {
		describe->redis = ctl_environment(world, "CHECKOUT_REDIS_URL");
		if (!describe->redis) {
			ctl_complain(world, "describe: --redis env: CHECKOUT_REDIS_URL is not set");
			return false;
		}
	} else if (describe->redis && strchr(describe->redis, '@')) {
		ctl_complain(world, "describe: --redis: a URL with a password is not for the command line; "
							"set CHECKOUT_REDIS_URL and say --redis env");
		return false;
	}
	if (!describe->key_prefix)
		describe->key_prefix = ctl_environment(world, "CHECKOUT_REDIS_KEY_PREFIX");
	if (!describe->key_prefix)
		describe->key_prefix = "cs";
	return ctl_connection_complete(world, "describe", &describe->connection);
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct describe describe = {0};
	struct ctl_list positional = {0};
	struct co_error error = {0};
	struct co_uuid uuid;
	char session[CO_UUID_TEXT + 1];
	int code;
	struct ctl_table tables[] = {{options, OPTION_COUNT, &describe, 0},
								 {ctl_connection_options, CTL_CONNECTION_OPTIONS, &describe.connection, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_describe, tables, 2);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "describe", argc, argv, tables, 2, &positional))
		return CTL_USAGE;
	if (positional.count != 1 || !co_uuid_parse(co_view_cstr(positional.items[0]), &uuid)) {
		ctl_complain(world, "describe: one session id (a UUID) is wanted");
		return CTL_USAGE;
	}
	if (!complete(world, &describe))
		return CTL_USAGE;
	co_uuid_format(&uuid, session);
	ctl_stop_on_signals();
	code = show(world, &describe, session, &error);
	if (error.text[0])
		ctl_complain(world, "describe: %s", error.text);
	return code;
}

const struct ctl_verb ctl_verb_describe = {
	"describe", "SESSION [options]",
	"Shows a session as the log has it: its latest snapshot, its events, and with --redis what the view holds.", run};
