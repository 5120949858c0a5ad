#include "kafka_answers.h"

#include "checkout/mutant.h"

#define END_TXN 26
#define TXN_OFFSET_COMMIT 28

static const int watched[] = {24 /* AddPartitionsToTxn */, 25 /* AddOffsetsToTxn */, END_TXN, TXN_OFFSET_COMMIT};

static rd_kafka_resp_err_t on_sent(rd_kafka_t *client, int socket, const char *broker, int32_t broker_id,
								   int16_t api_key, int16_t version, int32_t correlation_id, size_t size, void *opaque)
{
	(void)client, (void)socket, (void)broker, (void)broker_id, (void)version, (void)correlation_id, (void)size;
	struct co_kafka_answers *answers = opaque;
	if (api_key >= 0 && api_key < CO_API_KEYS)
		atomic_fetch_add(&answers->sent[api_key], 1);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_answer(rd_kafka_t *client, int socket, const char *broker, int32_t broker_id,
									 int16_t api_key, int16_t version, int32_t correlation_id, size_t size, int64_t rtt,
									 rd_kafka_resp_err_t err, void *opaque)
{
	(void)client, (void)socket, (void)broker, (void)broker_id, (void)version, (void)correlation_id, (void)size,
		(void)rtt;
	struct co_kafka_answers *answers = opaque;
	if (api_key >= 0 && api_key < CO_API_KEYS)
		atomic_fetch_add(err ? &answers->failed[api_key] : &answers->answered[api_key], 1);
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *client, const rd_kafka_conf_t *conf, void *opaque, char *text,
								  size_t size)
{
	(void)conf, (void)text, (void)size;
	rd_kafka_resp_err_t err = rd_kafka_interceptor_add_on_request_sent(client, "answers", on_sent, opaque);
	return err ? err : rd_kafka_interceptor_add_on_response_received(client, "answers", on_answer, opaque);
}

void co_kafka_answers_watch(struct co_kafka_answers *answers, rd_kafka_conf_t *conf)
{
	(void)rd_kafka_conf_interceptor_add_on_new(conf, "answers", on_new, answers);
}

void co_kafka_answers_reset(struct co_kafka_answers *answers)
{
	for (int i = 0; i < CO_API_KEYS; i++) {
		atomic_store(&answers->sent[i], 0);
		atomic_store(&answers->answered[i], 0);
		atomic_store(&answers->failed[i], 0);
	}
}

static bool is_missing(const struct co_kafka_answers *answers, int api_key)
{
	if ((CO_MUTANT(NO_RECYCLE_END) && api_key == END_TXN) ||
		(CO_MUTANT(NO_RECYCLE_OFFSETS) && api_key == TXN_OFFSET_COMMIT))
		return false;
	/* librdkafka 2.0.2 calls back twice per answer: an answer too many is none too few */
	return atomic_load(&answers->failed[api_key]) > 0 ||
		   atomic_load(&answers->answered[api_key]) < atomic_load(&answers->sent[api_key]);
}

bool co_kafka_answers_missing(const struct co_kafka_answers *answers)
{
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		if (is_missing(answers, watched[i]))
			return true;
	return false;
}
