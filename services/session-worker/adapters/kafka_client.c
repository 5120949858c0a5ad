#include "kafka_client.h"

#include "kafka_stats.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void co_kafka_identity_init(struct co_kafka_identity *identity, const struct co_config *config, size_t lane,
							const char *commands, const char *state)
{
	*identity = (struct co_kafka_identity){.config = config, .lane = lane, .commands = commands, .state = state};
	(void)snprintf(identity->member, sizeof(identity->member), "%s-%zu", config->instance, lane);
	(void)snprintf(identity->transactional, sizeof(identity->transactional), "%s-%s-%zu", config->group,
				   config->instance, lane);
	(void)snprintf(identity->client_suffix, sizeof(identity->client_suffix), "%s-%zu", config->instance, lane);
}

static void on_log(const rd_kafka_t *client, int level, const char *facility, const char *text)
{
	/* syslog levels: 3 and below are errors of the client's own making; a broker away is told by the lane once a minute
	 */
	co_log(level <= 2 ? CO_LOG_ERROR : CO_LOG_DEBUG, "kafka.client", text,
		   CO_TEXT("checkout.client", rd_kafka_name(client)), CO_TEXT("checkout.facility", facility));
}

/* What an operator cannot find in the client's own words. SCRAM of librdkafka before 2.6.1 repeats its nonce, which
 * brokers since CVE-2024-56128 refuse as they would a wrong password. */
static const char *hint_of(int code, const char *reason)
{
	if (code == RD_KAFKA_RESP_ERR__AUTHENTICATION && rd_kafka_version() < 0x02060100 && strstr(reason, "SCRAM"))
		return "a wrong user or password; or the broker is 3.7.2, 3.8.1 or later, where SCRAM of librdkafka before "
			   "2.6.1 "
			   "always fails: use PLAIN over TLS or client certificates";
	return "";
}

static void on_error(rd_kafka_t *client, int code, const char *reason, void *opaque)
{
	(void)opaque;
	static struct co_log_gate gate, refused; /* a wrong password is not lost behind a broker that is away */
	co_metric_add(CO_METRIC_KAFKA_ERRORS, 0, 0, 1);
	if (co_log_gate_open(code == RD_KAFKA_RESP_ERR__AUTHENTICATION ? &refused : &gate, 60000))
		co_log(CO_LOG_NOTICE, "kafka.error", reason,
			   CO_TEXT("error.code", rd_kafka_err2name((rd_kafka_resp_err_t)code)),
			   CO_TEXT("checkout.client", rd_kafka_name(client)), CO_TEXT("event.reason", hint_of(code, reason)));
}

static void set_or_die(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[256];
	if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
		return;
	co_log(CO_LOG_BUG, "kafka.configuration", text, CO_TEXT("checkout.key", name));
	abort();
}

/* Properties of the other client role are no mistake: [kafka] is one section for all. librdkafka only warns about
 * those. */
rd_kafka_conf_t *co_kafka_conf(const struct co_kafka_identity *identity, const char *role,
							   const struct co_kafka_default *defaults)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	char client[512];
	(void)snprintf(client, sizeof(client), "checkout-%s-%s", role, identity->client_suffix);
	set_or_die(conf, "client.id", client);
	set_or_die(conf, "socket.nagle.disable", "true");
	set_or_die(conf, "socket.keepalive.enable", "true");
	set_or_die(conf, "reconnect.backoff.ms", "50");
	set_or_die(conf, "reconnect.backoff.max.ms", "500");
	set_or_die(conf, "topic.metadata.refresh.interval.ms", "60000");
	set_or_die(conf, "statistics.interval.ms", CO_KAFKA_STATS_MS);
	for (const struct co_kafka_default *item = defaults; item->name; item++)
		set_or_die(conf, item->name, item->value);
	for (size_t i = 0; i < identity->config->kafka_count; i++)
		set_or_die(conf, identity->config->kafka[i].name, identity->config->kafka[i].value);
	if (strcmp(role, "consumer") != 0 && strcmp(role, "producer") != 0)
		set_or_die(conf, "statistics.interval.ms", "0");
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_error_cb(conf, on_error);
	return conf;
}

enum co_status co_kafka_check(const struct co_config *config, FILE *complaints)
{
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum co_status status = CO_OK;
	for (size_t i = 0; i < config->kafka_count; i++) {
		const struct co_property *property = &config->kafka[i];
		char text[256];
		if (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
			continue;
		/* librdkafka's text may quote the value: a secret is not told */
		co_config_complain_kafka(config, property->name, property->secret ? "refused by librdkafka" : text, complaints);
		status = CO_CONFIG;
	}
	rd_kafka_conf_destroy(conf);
	return status;
}

enum co_status co_kafka_outcome(const char *operation, rd_kafka_error_t *error)
{
	if (!error)
		return CO_OK;
	enum co_status status = CO_LOG_FAILED;
	if (rd_kafka_error_is_retriable(error))
		status = CO_LOG_DOWN;
	/* what only has to be waited for is told once a minute, as the waiting itself is */
	static struct co_log_gate gate, waiting;
	if (status == CO_LOG_DOWN ? co_log_gate_open(&waiting, 60000) : co_log_gate_open(&gate, 1000))
		co_log(CO_LOG_NOTICE, "kafka.transaction", rd_kafka_error_string(error),
			   CO_TEXT("checkout.operation", operation), CO_TEXT("error.code", rd_kafka_error_name(error)),
			   CO_INT("checkout.fatal", rd_kafka_error_is_fatal(error)),
			   CO_INT("checkout.abortable", rd_kafka_error_txn_requires_abort(error)));
	rd_kafka_error_destroy(error);
	return status;
}
