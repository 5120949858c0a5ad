/* What librdkafka tells of itself (statistics.interval.ms, JSON) as rows of tbl/metrics.def: lag, group, round trips,
 * queue, state of the transaction. Owns nothing but the table of the lanes' producer states. Never decides anything:
 * a statistic that is missing or of another shape is passed over. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_STATS_H
#define CHECKOUT_ADAPTERS_KAFKA_STATS_H

#include <stddef.h>
#include <stdint.h>

#define CO_KAFKA_STATS_MS "5000"

/* A partition of `commands` that a lane holds, and the offset behind the last command that is committed; -1: none
 * yet. */
struct co_kafka_place {
	int32_t partition;
	int64_t next;
	int64_t follows; /* the inbox's own: no record before this one may come */
	/* the statistics' own: where it stood when they last looked, and since when, with records to read (monotonic; 0: it
	 * moves, or there is nothing to read) */
	int64_t stood_at, stood_ms;
	int64_t end;   /* of the stable part, as they last told; 0: not known */
	int64_t clear; /* an end up to which nothing was left to read, whatever offsets lie between; 0: none */
};

/* Of a lane's consumer. While a partition does not move although there is something to read, its lag in seconds grows
 * with the time: the lane itself tells it only when it commits. */
void co_kafka_stats_consumer(size_t lane, const char *commands, struct co_kafka_place *places, size_t count,
							 const char *json, size_t bytes);
/* The place moved to `next`, by a commit: told at once, since statistics wait behind the records that were fetched. */
void co_kafka_stats_reached(struct co_kafka_place *place, int64_t next);
/* The partition is no longer held: its series go. */
void co_kafka_stats_let_go(int32_t partition);
/* Of a lane's producer. */
void co_kafka_stats_producer(size_t lane, const char *json, size_t bytes);
/* The lane's producer is made anew, or gone. */
void co_kafka_stats_producer_new(size_t lane);
void co_kafka_stats_producer_gone(size_t lane);

#endif
