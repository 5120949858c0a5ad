#include "kafka_stats.h"

#include "checkout/metrics.h"

#include <jansson.h>

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LANES_MAX 64 /* as worker.lanes has it */

static int64_t number_of(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);
	return json_is_integer(value) ? json_integer_value(value) : -1;
}

static bool says(const json_t *object, const char *name, const char *wanted)
{
	const char *text = json_string_value(json_object_get(object, name));
	return text && strcmp(text, wanted) == 0;
}

static json_t *parse(const char *json, size_t bytes)
{
	return json_loadb(json, bytes, 0, NULL);
}

/* --- brokers ------------------------------------------------------------------------------------------------------ */

/* The slowest broker's p99 in seconds; NaN: none was asked since the last time. */
static double round_trip(const json_t *root)
{
	const char *name;
	json_t *broker;
	double worst = NAN;
	json_object_foreach(json_object_get(root, "brokers"), name, broker)
	{
		const json_t *window = json_object_get(broker, "rtt");
		if (number_of(window, "cnt") > 0)
			worst = fmax(worst, (double)number_of(window, "p99") / 1e6);
	}
	return worst;
}

static void tell_round_trip(enum co_metric metric, size_t lane, const json_t *root)
{
	double worst = round_trip(root);
	if (!isnan(worst))
		co_metric_set(metric, lane, worst);
}

/* Those that the cluster has named; the coordinator and the addresses of bootstrap.servers are the same machines. */
static size_t brokers_up(const json_t *root)
{
	const char *name;
	json_t *broker;
	size_t count = 0;
	json_object_foreach(json_object_get(root, "brokers"), name, broker)
	{
		bool named = number_of(broker, "nodeid") >= 0 && !says(broker, "source", "logical");
		count += named && says(broker, "state", "UP");
	}
	return count;
}

/* --- the consumer ------------------------------------------------------------------------------------------------- */

/* From the committed position to the stable end; NaN: not known. Transaction markers take offsets too and are never
 * delivered: when everything up to the end was fetched, nothing is queued, and all that was delivered is committed,
 * then nothing is left. The queue is that of all partitions (fetchq_cnt), so an end once found clear stays so. */
static double lag_of(const json_t *partition, struct co_kafka_place *place)
{
	int64_t end = number_of(partition, "ls_offset");
	if (end < 0)
		end = number_of(partition, "hi_offset");
	if (end < 0)
		return NAN;
	place->end = end;
	bool fetched = number_of(partition, "next_offset") >= end && number_of(partition, "fetchq_cnt") == 0;
	if (fetched && number_of(partition, "app_offset") <= place->next)
		place->clear = end;
	if (end == place->clear)
		return 0;
	int64_t from = place->next, lowest = number_of(partition, "lo_offset");
	if (from < lowest)
		from = lowest;
	if (from < 0)
		from = 0;
	return end > from ? (double)(end - from) : 0;
}

static int64_t now_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void tell_standing(struct co_kafka_place *place, double lag)
{
	if (lag <= 0 || place->next != place->stood_at || place->stood_ms == 0) {
		place->stood_at = place->next;
		place->stood_ms = lag > 0 ? now_ms() : 0;
		return;
	}
	double told = co_metric_read(CO_METRIC_PARTITION_LAG, (size_t)place->partition, 0);
	double stood = (double)(now_ms() - place->stood_ms) / 1000;
	if (isnan(told) || told < stood)
		co_metric_set(CO_METRIC_PARTITION_LAG, (size_t)place->partition, stood);
}

static void tell_place(const json_t *partitions, struct co_kafka_place *place)
{
	char name[16];
	(void)snprintf(name, sizeof(name), "%d", (int)place->partition);
	double lag = lag_of(json_object_get(partitions, name), place);
	if (!isnan(lag)) {
		co_metric_set(CO_METRIC_KAFKA_LAG, (size_t)place->partition, lag);
		tell_standing(place, lag);
	}
	co_metric_set(CO_METRIC_KAFKA_POSITION, (size_t)place->partition, place->next < 0 ? 0 : (double)place->next);
}

void co_kafka_stats_consumer(size_t lane, const char *commands, struct co_kafka_place *places, size_t count,
							 const char *json, size_t bytes)
{
	json_t *root = parse(json, bytes);
	const json_t *group = json_object_get(root, "cgrp");
	const json_t *topic = json_object_get(json_object_get(root, "topics"), commands);
	if (!root)
		return;
	for (size_t i = 0; i < count; i++)
		tell_place(json_object_get(topic, "partitions"), &places[i]);
	co_metric_set(CO_METRIC_KAFKA_GROUP_STEADY, lane,
				  says(group, "state", "up") && says(group, "join_state", "steady"));
	co_metric_set(CO_METRIC_KAFKA_BROKERS_UP, lane, (double)brokers_up(root));
	tell_round_trip(CO_METRIC_KAFKA_READ_ROUND_TRIP, lane, root);
	json_decref(root);
}

void co_kafka_stats_reached(struct co_kafka_place *place, int64_t next)
{
	place->next = next;
	co_metric_set(CO_METRIC_KAFKA_POSITION, (size_t)place->partition, (double)next);
	if (place->end > 0 && place->end != place->clear)
		co_metric_set(CO_METRIC_KAFKA_LAG, (size_t)place->partition,
					  place->end > next ? (double)(place->end - next) : 0);
}

void co_kafka_stats_let_go(int32_t partition)
{
	co_metric_set(CO_METRIC_KAFKA_LAG, (size_t)partition, NAN);
	co_metric_set(CO_METRIC_KAFKA_POSITION, (size_t)partition, NAN);
}

/* --- the producer ------------------------------------------------------------------------------------------------- */

struct state_name {
	const char *name; /* librdkafka's; NULL ends the list, and its state is for the names that are not in it */
	size_t state;
};

static const struct state_name transaction_states[] = {
	{"Init", CO_TRANSACTION_STARTING},
	{"WaitPID", CO_TRANSACTION_STARTING},
	{"ReadyNotAcked", CO_TRANSACTION_STARTING},
	{"Ready", CO_TRANSACTION_READY},
	{"InTransaction", CO_TRANSACTION_OPEN},
	{"BeginCommit", CO_TRANSACTION_ENDING},
	{"CommittingTransaction", CO_TRANSACTION_ENDING},
	{"CommitNotAcked", CO_TRANSACTION_ENDING},
	{"BeginAbort", CO_TRANSACTION_ENDING},
	{"AbortingTransaction", CO_TRANSACTION_ENDING},
	{"AbortedNotAcked", CO_TRANSACTION_ENDING},
	{"AbortableError", CO_TRANSACTION_FAILED},
	{"FatalError", CO_TRANSACTION_FAILED},
	{NULL, CO_TRANSACTION_OTHER},
};

static const struct state_name idempotence_states[] = {
	{"Init", CO_IDEMPOTENCE_STARTING},          {"RequestPID", CO_IDEMPOTENCE_STARTING},
	{"WaitTransport", CO_IDEMPOTENCE_STARTING}, {"WaitPID", CO_IDEMPOTENCE_STARTING},
	{"Assigned", CO_IDEMPOTENCE_ASSIGNED},      {"DrainReset", CO_IDEMPOTENCE_DRAINING},
	{"DrainBump", CO_IDEMPOTENCE_DRAINING},     {"FatalError", CO_IDEMPOTENCE_FAILED},
	{"Terminate", CO_IDEMPOTENCE_FAILED},       {NULL, CO_IDEMPOTENCE_OTHER},
};

static size_t state_of(const struct state_name *names, const char *name)
{
	while (names->name && (!name || strcmp(names->name, name) != 0))
		names++;
	return names->state;
}

/* Every lane's producer, told by each lane's own thread; the gauges are counts over all of them. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static struct {
	bool there;
	size_t transaction, idempotence;
} producers[LANES_MAX];

static void tell_states(void)
{
	double transactions[CO_TRANSACTION_COUNT] = {0}, identities[CO_IDEMPOTENCE_COUNT] = {0};
	for (size_t i = 0; i < LANES_MAX; i++) {
		if (!producers[i].there)
			continue;
		transactions[producers[i].transaction]++;
		identities[producers[i].idempotence]++;
	}
	for (size_t i = 0; i < CO_TRANSACTION_COUNT; i++)
		co_metric_set(CO_METRIC_KAFKA_TRANSACTION_LANES, i, transactions[i]);
	for (size_t i = 0; i < CO_IDEMPOTENCE_COUNT; i++)
		co_metric_set(CO_METRIC_KAFKA_IDEMPOTENCE_LANES, i, identities[i]);
}

static void set_states(size_t lane, bool there, size_t transaction, size_t idempotence)
{
	if (lane >= LANES_MAX)
		return;
	(void)pthread_mutex_lock(&guard);
	producers[lane].there = there;
	producers[lane].transaction = transaction;
	producers[lane].idempotence = idempotence;
	tell_states();
	(void)pthread_mutex_unlock(&guard);
}

void co_kafka_stats_producer_new(size_t lane)
{
	set_states(lane, true, CO_TRANSACTION_STARTING, CO_IDEMPOTENCE_STARTING);
	co_metric_set(CO_METRIC_KAFKA_QUEUE_RECORDS, lane, 0);
	co_metric_set(CO_METRIC_KAFKA_QUEUE_BYTES, lane, 0);
}

void co_kafka_stats_producer_gone(size_t lane)
{
	set_states(lane, false, CO_TRANSACTION_STARTING, CO_IDEMPOTENCE_STARTING);
	co_metric_set(CO_METRIC_KAFKA_QUEUE_RECORDS, lane, 0);
	co_metric_set(CO_METRIC_KAFKA_QUEUE_BYTES, lane, 0);
}

void co_kafka_stats_producer(size_t lane, const char *json, size_t bytes)
{
	json_t *root = parse(json, bytes);
	if (!root)
		return;
	const json_t *eos = json_object_get(root, "eos");
	if (json_is_object(eos))
		set_states(lane, true, state_of(transaction_states, json_string_value(json_object_get(eos, "txn_state"))),
				   state_of(idempotence_states, json_string_value(json_object_get(eos, "idemp_state"))));
	int64_t records = number_of(root, "msg_cnt"), size = number_of(root, "msg_size");
	if (records >= 0)
		co_metric_set(CO_METRIC_KAFKA_QUEUE_RECORDS, lane, (double)records);
	if (size >= 0)
		co_metric_set(CO_METRIC_KAFKA_QUEUE_BYTES, lane, (double)size);
	tell_round_trip(CO_METRIC_KAFKA_WRITE_ROUND_TRIP, lane, root);
	json_decref(root);
}
