#include "kafka_refusals.h"

#include "checkout/log.h"

#include <stdio.h>
#include <string.h>

/* What librdkafka 2.0.2 and brokers up to 4.x say of a record. Not named here, and so waited for, is
 * - of the moment: NOT_LEADER…, LEADER_NOT_AVAILABLE, NOT_ENOUGH_REPLICAS…, REQUEST_TIMED_OUT, KAFKA_STORAGE_ERROR,
 *   NETWORK_EXCEPTION, THROTTLING…, _TRANSPORT, _MSG_TIMED_OUT: the client tries again until its time is over; a reply
 *   topic that is the only one to say so is left out then;
 * - of the transaction: INVALID_PRODUCER_EPOCH, OUT_OF_ORDER_SEQUENCE_NUMBER, UNKNOWN_PRODUCER_ID, _PURGE_QUEUE,
 *   _PURGE_INFLIGHT, _STATE, _FATAL, …: another record would have met the same, a new producer does not;
 * - of the service's rights: CLUSTER_AUTHORIZATION_FAILED, TRANSACTIONAL_ID_AUTHORIZATION_FAILED: no topic has to do
 *   with it;
 * - UNKNOWN, a broker's bug: nobody can tell whose fault it is. */
static const struct {
	rd_kafka_resp_err_t err;
	enum co_kafka_fault fault;
} faults[] = {
	/* larger than the client, the topic or a segment of it takes */
	{RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, CO_KAFKA_FAULT_RECORD},
	{RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE, CO_KAFKA_FAULT_RECORD},
	{RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE, CO_KAFKA_FAULT_RECORD},
	/* no key on a compacted topic (brokers before 2.4 say INVALID_MSG) */
	{RD_KAFKA_RESP_ERR_INVALID_RECORD, CO_KAFKA_FAULT_RECORD},
	{RD_KAFKA_RESP_ERR_INVALID_MSG, CO_KAFKA_FAULT_RECORD},
	/* narrow message.timestamp.before/after.max.ms. Every output is stamped by the worker's clock: on a topic of the
	 * service that clock is wrong, or the topic is */
	{RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, CO_KAFKA_FAULT_TOPIC},
	/* deleted a moment ago, or with fewer partitions than a moment ago */
	{RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, CO_KAFKA_FAULT_TOPIC},
	{RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, CO_KAFKA_FAULT_TOPIC},
	{RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, CO_KAFKA_FAULT_TOPIC},
	{RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, CO_KAFKA_FAULT_TOPIC},
	/* no right to write it */
	{RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, CO_KAFKA_FAULT_TOPIC},
	/* a policy of the cluster's; a message format from before transactions; a codec that it does not take */
	{RD_KAFKA_RESP_ERR_POLICY_VIOLATION, CO_KAFKA_FAULT_TOPIC},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_FOR_MESSAGE_FORMAT, CO_KAFKA_FAULT_TOPIC},
	{RD_KAFKA_RESP_ERR_UNSUPPORTED_COMPRESSION_TYPE, CO_KAFKA_FAULT_TOPIC},
};

enum co_kafka_fault co_kafka_fault_of(rd_kafka_resp_err_t err)
{
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].err == err)
			return faults[i].fault;
	return CO_KAFKA_FAULT_NONE;
}

bool co_kafka_is_rejection(rd_kafka_resp_err_t err, bool own)
{
	enum co_kafka_fault fault = co_kafka_fault_of(err);
	return fault == CO_KAFKA_FAULT_RECORD || (fault == CO_KAFKA_FAULT_TOPIC && !own);
}

void co_kafka_refusals_named(struct co_kafka_refusals *refusals, const char *topic)
{
	if (refusals->named_count == 0)
		(void)snprintf(refusals->named, sizeof(refusals->named), "%s", topic);
	if (refusals->named_count == 0 || (refusals->named_count == 1 && strcmp(refusals->named, topic) != 0))
		refusals->named_count++;
}

static void note_own(struct co_kafka_refusals *refusals, const char *topic, rd_kafka_resp_err_t err)
{
	static struct co_log_gate gate;
	refusals->own_refused = true;
	if (co_log_gate_open(&gate, 60000))
		co_log(CO_LOG_ERROR, "kafka.own_topic", "a topic of the service takes no records; waiting until it does",
			   CO_TEXT("checkout.topic", topic), CO_TEXT("event.reason", rd_kafka_err2str(err)),
			   CO_TEXT("error.code", rd_kafka_err2name(err)));
}

/* A record was given up for want of an answer. */
static void note_waiting(struct co_kafka_refusals *refusals, const char *topic, bool own, rd_kafka_resp_err_t err)
{
	refusals->gave_up = refusals->gave_up || err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT;
	refusals->own_waits = refusals->own_waits || own;
	if (own)
		return;
	for (size_t i = 0; i < refusals->waiting_count; i++)
		if (strcmp(refusals->waiting[i], topic) == 0)
			return;
	if (refusals->waiting_count < CO_KAFKA_WAITING_MAX)
		(void)snprintf(refusals->waiting[refusals->waiting_count++], CO_KAFKA_TOPIC_BYTES_MAX, "%s", topic);
}

void co_kafka_refusals_note(struct co_kafka_refusals *refusals, const char *topic, bool own, rd_kafka_resp_err_t err,
							size_t bytes)
{
	static struct co_log_gate gate;
	if (!co_kafka_is_rejection(err, own)) {
		if (co_kafka_fault_of(err) == CO_KAFKA_FAULT_TOPIC)
			note_own(refusals, topic, err);
		note_waiting(refusals, topic, own, err);
		return;
	}
	refusals->rejected = true;
	if (co_log_gate_open(&gate, 1000))
		co_log(CO_LOG_NOTICE, "kafka.record_refused", rd_kafka_err2str(err), CO_TEXT("checkout.topic", topic),
			   CO_INT("checkout.bytes", bytes));
}

const char *co_kafka_refusals_guess(struct co_kafka_refusals *refusals, rd_kafka_resp_err_t err)
{
	if (err != RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED || refusals->rejected || refusals->own_refused)
		return NULL;
	if (refusals->named_count == 1)
		return refusals->named;
	if (refusals->named_count == 0)
		note_own(refusals, "", err);
	else
		refusals->rejected = true;
	return NULL;
}
