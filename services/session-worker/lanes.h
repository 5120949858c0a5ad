/* The lanes of the process: one thread each, with its own consumer, producers and Redis connection.
 * Owns the threads and all adapters of a lane. Never decides anything: it composes and watches. */
#ifndef CHECKOUT_LANES_H
#define CHECKOUT_LANES_H

#include "adapters/kafka_inbox.h"
#include "app/lane.h"

#include "checkout/config.h"

struct co_lanes;

/* Starts `config->lanes` threads. Everything is borrowed and must outlive the lanes. CO_LOG_FATAL with the reason in
 * `error`. */
enum co_status co_lanes_start(const struct co_config *config, const struct co_desk *desk,
							  const struct co_registry *registry, struct co_lanes **out,
							  struct co_error *error) CO_MUST_USE;
/* Asks all to finish the batch in hand and leave. */
void co_lanes_ask_stop(struct co_lanes *lanes);
/* True when every thread has ended. */
bool co_lanes_ended(const struct co_lanes *lanes);
/* CO_OK, or the status that ended a lane. */
enum co_status co_lanes_failure(const struct co_lanes *lanes);
size_t co_lanes_count(const struct co_lanes *lanes);
const struct co_lane_status *co_lanes_status(const struct co_lanes *lanes, size_t index);
/* Where the lane stands in the consumer group; from any thread. */
enum co_kafka_standing co_lanes_standing(const struct co_lanes *lanes, size_t index);
/* Waits for the threads and frees everything. */
void co_lanes_join(struct co_lanes *lanes);

#endif
