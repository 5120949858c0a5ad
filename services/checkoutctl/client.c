#include "client.h"

#include "client_delivery.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ENVIRONMENT_PREFIX "CHECKOUT_KAFKA_"
#define SECRET_BYTES_MAX 65536

/* Properties whose value nobody may see in a process list. */
static bool is_secret(const char *name)
{
	static const char *const secrets[] = {"sasl.password",
										  "ssl.key.password",
										  "ssl.key.pem",
										  "ssl.keystore.password",
										  "sasl.oauthbearer.client.secret",
										  "sasl.oauthbearer.config"};

	for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
		if (strcasecmp(name, secrets[i]) == 0)
			return true;
	return false;
}

bool ctl_connection_complete(const struct ctl_world *world, const char *verb, struct ctl_connection *connection)
{
	if (!connection->bootstrap)
		connection->bootstrap = ctl_environment(world, "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS");
	if (!connection->prefix)
		connection->prefix = ctl_environment(world, "CHECKOUT_TOPICS_PREFIX");
	if (!connection->prefix)
		connection->prefix = "checkout.session.";
	if (connection->timeout_seconds == 0)
		connection->timeout_seconds = 10;
	if (!connection->bootstrap || !connection->bootstrap[0]) {
		ctl_complain(world, "%s: which brokers? Give --bootstrap HOST:PORT or CHECKOUT_KAFKA_BOOTSTRAP_SERVERS", verb);
		return false;
	}
	if (strlen(connection->prefix) > 200) {
		ctl_complain(world, "%s: --prefix: at most 200 characters", verb);
		return false;
	}
	return true;
}

static bool set(const struct ctl_world *world, rd_kafka_conf_t *conf, const char *name, const char *value,
				const char *source)
{
	char text[256];

	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return true;
	/* librdkafka's text quotes the value: not that of a secret. */
	ctl_complain(world, "%s: %s", source, is_secret(name) ? "librdkafka refuses this value" : text);
	return false;
}

static bool set_from_environment(const struct ctl_world *world, rd_kafka_conf_t *conf, const char *entry)
{
	char name[128], source[128];
	const char *value = strchr(entry, '=');
	size_t length = value ? (size_t)(value - entry) : 0, used = 0;
	struct co_view secret;
	struct co_arena arena;
	struct co_error error = {0};
	bool done;

	if (length <= strlen(ENVIRONMENT_PREFIX) || length >= sizeof(source))
		return true;
	snprintf(source, sizeof(source), "%.*s", (int)length, entry);
	for (const char *at = entry + strlen(ENVIRONMENT_PREFIX); at < value; at++)
		name[used++] = *at == '_' ? '.' : (char)tolower((unsigned char)*at);
	name[used] = '\0';
	value++;
	if (used < 6 || strcmp(name + used - 5, ".file") != 0)
		return set(world, conf, name, value, source);
	name[used - 5] = '\0';
	if (!is_secret(name)) {
		ctl_complain(world, "%s: %s is no secret: give the value itself", source, name);
		return false;
	}
	co_arena_init(&arena, 4096, 0);
	done = ctl_read_file(value, SECRET_BYTES_MAX, true, &arena, &secret, &error);
	if (done) {
		done = set(world, conf, name, secret.ptr, source);
		explicit_bzero((void *)(uintptr_t)secret.ptr, secret.len);
	} else {
		ctl_complain(world, "%s: %s", source, error.text);
	}
	co_arena_clear(&arena);
	return done;
}

static bool set_from_option(const struct ctl_world *world, rd_kafka_conf_t *conf, const char *text)
{
	char name[128];
	const char *value = strchr(text, '=');

	if (strncmp(text, "kafka.", 6) == 0) /* as session-worker spells it */
		text += 6;
	if (!value || value <= text || (size_t)(value - text) >= sizeof(name)) {
		ctl_complain(world, "-X %s: NAME=VALUE is wanted", text);
		return false;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(value - text), text);
	if (is_secret(name)) {
		ctl_complain(world,
					 "-X %s: a secret is not for the command line; name its file in the environment, as "
					 "CHECKOUT_KAFKA_SASL_PASSWORD_FILE does",
					 name);
		return false;
	}
	return set(world, conf, name, value + 1, "-X");
}

static void note_error(rd_kafka_t *handle, int code, const char *reason, void *opaque)
{
	struct ctl_client *client = opaque;

	(void)handle;
	/* "All brokers down" says less than what came before it. */
	if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || !client->trouble[0])
		snprintf(client->trouble, sizeof(client->trouble), "%s", reason);
}

static void drop_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle, (void)level, (void)facility, (void)text;
}

static void note_delivery(rd_kafka_t *handle, const rd_kafka_message_t *message, void *opaque)
{
	struct ctl_delivery *delivery = message->_private;

	(void)handle, (void)opaque;
	*delivery = (struct ctl_delivery){true, message->err, message->partition, message->offset};
}

bool ctl_client_open(const struct ctl_world *world, const struct ctl_connection *connection, rd_kafka_type_t type,
					 struct ctl_client *client)
{
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool good = set(world, conf, "client.id", "checkoutctl", "checkoutctl");

	*client = (struct ctl_client){0};
	for (char *const *entry = world->environment; good && entry && *entry; entry++)
		if (strncmp(*entry, ENVIRONMENT_PREFIX, strlen(ENVIRONMENT_PREFIX)) == 0)
			good = set_from_environment(world, conf, *entry);
	for (size_t i = 0; good && i < connection->properties.count; i++)
		good = set_from_option(world, conf, connection->properties.items[i]);
	good = good && set(world, conf, "bootstrap.servers", connection->bootstrap, "--bootstrap");
	if (type == RD_KAFKA_PRODUCER)
		good = good && set(world, conf, "partitioner", "murmur2_random", "checkoutctl") &&
			   set(world, conf, "enable.idempotence", "true", "checkoutctl") &&
			   set(world, conf, "linger.ms", "0", "checkoutctl");
	else
		good = good && set(world, conf, "isolation.level", "read_committed", "checkoutctl") &&
			   set(world, conf, "enable.partition.eof", "true", "checkoutctl") &&
			   set(world, conf, "fetch.wait.max.ms", "50", "checkoutctl") &&
			   set(world, conf, "fetch.error.backoff.ms", "50", "checkoutctl");
	if (!good) {
		rd_kafka_conf_destroy(conf);
		return false;
	}
	rd_kafka_conf_set_opaque(conf, client);
	rd_kafka_conf_set_error_cb(conf, note_error);
	rd_kafka_conf_set_log_cb(conf, drop_log);
	if (type == RD_KAFKA_PRODUCER)
		rd_kafka_conf_set_dr_msg_cb(conf, note_delivery);
	client->handle = rd_kafka_new(type, conf, text, sizeof(text));
	if (!client->handle) {
		rd_kafka_conf_destroy(conf);
		ctl_complain(world, "Kafka client: %s", text);
		return false;
	}
	return true;
}

void ctl_client_close(struct ctl_client *client)
{
	if (client->handle)
		rd_kafka_destroy(client->handle);
	client->handle = NULL;
}

int32_t ctl_client_partitions(struct ctl_client *client, const char *topic, int timeout_ms)
{
	int32_t count = 0;
	const struct rd_kafka_metadata *cluster = NULL;
	/* All topics: a request that names one may create it. */
	rd_kafka_resp_err_t code = rd_kafka_metadata(client->handle, 1, NULL, &cluster, timeout_ms);

	rd_kafka_poll(client->handle, 0);
	if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
		if (!client->trouble[0])
			snprintf(client->trouble, sizeof(client->trouble), "%s", rd_kafka_err2str(code));
		return -1;
	}
	for (int i = 0; i < cluster->topic_cnt; i++)
		if (strcmp(cluster->topics[i].topic, topic) == 0)
			count = cluster->topics[i].partition_cnt;
	rd_kafka_metadata_destroy(cluster);
	return count;
}

struct co_view ctl_header(const rd_kafka_message_t *message, const char *name)
{
	rd_kafka_headers_t *headers = NULL;
	const void *value = NULL;
	size_t length = 0;

	if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
		rd_kafka_header_get_last(headers, name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return (struct co_view){0};
	return co_view_make(value, length);
}
