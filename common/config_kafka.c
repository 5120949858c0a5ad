/* What [kafka] may hold: any librdkafka property but those that the delivery guarantees depend on. */
#include "config_internal.h"

#include <ctype.h>
#include <string.h>

static const struct guard {
	const char *property, *reason;
} guards[] = {
	{"group.id", "it is worker.group"},
	{"group.instance.id", "it is made of worker.instance"},
	{"transactional.id", "it is made of worker.group and worker.instance"},
	{"transaction.timeout.ms", "the lane's watchdog and the time to recover are counted from it"},
	{"enable.idempotence", "without it a resent record stands twice in the log"},
	{"enable.gapless.guarantee", "the lane itself decides what follows a lost record"},
	{"acks", "a transaction counts on all in-sync replicas"},
	{"request.required.acks", "a transaction counts on all in-sync replicas"},
	{"max.in.flight", "the idempotent producer keeps the order only up to its own limit"},
	{"max.in.flight.requests.per.connection", "the idempotent producer keeps the order only up to its own limit"},
	{"queuing.strategy", "records go out in the order of their commands"},
	{"partitioner", "outputs go to the partition of the command, and keys are routed by murmur2"},
	{"delivery.report.only.error", "every delivery is accounted for"},
	{"isolation.level", "what an aborted transaction left behind must not be read"},
	{"enable.auto.commit", "offsets are committed within the transactions"},
	{"auto.commit.enable", "offsets are committed within the transactions"},
	{"auto.commit.interval.ms", "offsets are committed within the transactions"},
	{"enable.auto.offset.store", "offsets are committed within the transactions"},
	{"offset.store.method", "offsets are committed within the transactions"},
	{"offset.store.path", "offsets are committed within the transactions"},
	{"offset.store.sync.interval.ms", "offsets are committed within the transactions"},
	{"auto.offset.reset", "where a partition goes on is decided from the committed offset alone"},
	{"enable.partition.eof", "the end of a partition is what recovery waits for"},
	{"partition.assignment.strategy",
	 "all workers of the group have to use the same one, and the lane needs eager moves"},
	{"group.protocol", "the lane's fence is built on the classic group protocol"},
	{"group.protocol.type", "the lane's fence is built on the classic group protocol"},
	{"group.remote.assignor", "the lane's fence is built on the classic group protocol"},
	{"test.mock.num.brokers", "the client's own mock broker keeps no promise"},
	{"test.mock.broker.rtt", "the client's own mock broker keeps no promise"},
};

/* Those that would say the same twice, or cannot be said in text. */
static const struct guard others[] = {
	{"metadata.broker.list", "write bootstrap.servers, which is the same"},
	{"enabled_events", "the service serves the client's events itself"},
	{"interceptors", "it is set by code, not by text"},
	{"opaque", "it is set by code, not by text"},
	{"default_topic_conf", "it is set by code, not by text"},
	{"msg_order_cmp", "it is set by code, not by text"},
	{"ssl_key", "it is set by code, not by text: ssl.key.location or ssl.key.pem"},
	{"ssl_certificate", "it is set by code, not by text: ssl.certificate.location or ssl.certificate.pem"},
	{"ssl_ca", "it is set by code, not by text: ssl.ca.location or ssl.ca.pem"},
	{"ssl_engine_callback_data", "it is set by code, not by text"},
};

/* Those that the name alone does not give away. */
static const char *const secrets[] = {"sasl.oauthbearer.config", "sasl.jaas.config", "ssl.key.pem"};
static const char *const secret_words[] = {"password", "passphrase", "secret", "private.key.pem"};

/* Properties with an underscore of their own, by what the rule for environment names makes of them. */
static const struct {
	const char *dotted, *property;
} underscored[] = {{"log.level", "log_level"}, {"enabled.events", "enabled_events"}};

const char *co_kafka_guard(const char *property, bool *for_delivery)
{
	size_t len = strlen(property);

	*for_delivery = true;
	for (size_t i = 0; i < sizeof guards / sizeof *guards; i++)
		if (strcmp(guards[i].property, property) == 0)
			return guards[i].reason;
	*for_delivery = false;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (strcmp(others[i].property, property) == 0)
			return others[i].reason;
	if (len > 3 && strcmp(property + len - 3, "_cb") == 0)
		return "it is set by code, not by text";
	return NULL;
}

bool co_kafka_is_secret(const char *property)
{
	for (size_t i = 0; i < sizeof secrets / sizeof *secrets; i++)
		if (strcmp(secrets[i], property) == 0)
			return true;
	for (size_t i = 0; i < sizeof secret_words / sizeof *secret_words; i++)
		if (strstr(property, secret_words[i]))
			return true;
	return false;
}

bool co_kafka_is_name(const char *property)
{
	const char *at = property;

	while (islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '.' || *at == '_')
		at++;
	return at != property && *at == '\0';
}

bool co_kafka_from_environment(const char *rest, char out[CO_NAME_BYTES])
{
	size_t len = strlen(rest);

	if (len == 0 || len >= CO_NAME_BYTES)
		return false;
	for (size_t i = 0; i <= len; i++) {
		unsigned char byte = (unsigned char)rest[i];
		if (byte && !isupper(byte) && !isdigit(byte) && byte != '_')
			return false;
		out[i] = byte == '_' ? '.' : (char)tolower(byte);
	}
	for (size_t i = 0; i < sizeof underscored / sizeof *underscored; i++)
		if (strcmp(underscored[i].dotted, out) == 0)
			snprintf(out, CO_NAME_BYTES, "%s", underscored[i].property);
	return true;
}

void co_kafka_describe(FILE *out)
{
	fputs("| property | why it may not be set |\n|---|---|\n", out);
	for (size_t i = 0; i < sizeof guards / sizeof *guards; i++)
		fprintf(out, "| `%s` | %s |\n", guards[i].property, guards[i].reason);
	fputs("\nThe delivery guarantees depend on these. And these are refused for other reasons:\n\n"
		  "| property | why it may not be set |\n|---|---|\n",
		  out);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		fprintf(out, "| `%s` | %s |\n", others[i].property, others[i].reason);
	fputs("| any that ends in `_cb` | it is set by code, not by text |\n", out);
}
