#include "kafka_ticker.h"

#include "checkout/log.h"

static rd_kafka_t *open_ticker(const struct co_kafka_identity *identity)
{
	const struct co_kafka_default defaults[] = {
		{"enable.idempotence", "true"}, {"linger.ms", "0"}, {"message.timeout.ms", "2000"}, {NULL, NULL}};
	char text[256];
	rd_kafka_conf_t *conf = co_kafka_conf(identity, "tick", defaults);
	rd_kafka_t *ticker = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (!ticker)
		rd_kafka_conf_destroy(conf);
	return ticker;
}

void co_kafka_tick(const struct co_kafka_identity *identity, rd_kafka_t **ticker, int32_t partition)
{
	char text[128];
	/* an idempotent producer can die of a broker's death; ticks are worth nothing, so a new one takes its place */
	if (*ticker && rd_kafka_fatal_error(*ticker, text, sizeof(text)) != RD_KAFKA_RESP_ERR_NO_ERROR) {
		rd_kafka_destroy(*ticker);
		*ticker = NULL;
	}
	if (!*ticker)
		*ticker = open_ticker(identity);
	if (!*ticker)
		return;
	const rd_kafka_vu_t parts[] = {
		{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = identity->commands},
		{.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
		{.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"ce_specversion", "1.0", 3}},
		{.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"ce_type", "checkout.session.tick", 21}},
	};
	rd_kafka_error_t *error = rd_kafka_produceva(*ticker, parts, sizeof(parts) / sizeof(parts[0]));
	if (error) {
		co_log(CO_LOG_DEBUG, "kafka.tick", rd_kafka_error_string(error), CO_INT("checkout.partition", partition));
		rd_kafka_error_destroy(error);
	}
	(void)rd_kafka_poll(*ticker, 0);
}
