/* What the process knows of its own health, for /livez, /readyz and /startupz, and the watchdog.
 * Asks Kafka and Redis itself now and then, on a thread of its own, so that an idle worker knows too. Owns that
 * thread's clients. */
#ifndef CHECKOUT_HEALTH_H
#define CHECKOUT_HEALTH_H

#include "adapters/http_admin.h"
#include "lanes.h"

#define CO_ANSWERED_LATELY_MS 10000 /* an answer of Kafka or Redis counts this long */
#define CO_LANE_STUCK_MS 60000      /* a lane that did not go round for so long is stuck: only a new process helps */

struct co_health {
	const struct co_lanes *_Atomic lanes;  /* NULL until they run */
	atomic_llong kafka_ok_ms, redis_ok_ms; /* monotonic; 0: never */
	atomic_bool started, stopping;
	struct co_health_probe *probe;
};

void co_health_init(struct co_health *health);
/* Starts asking. `config` is borrowed until the stop. */
enum co_status co_health_start(struct co_health *health, const struct co_config *config,
							   struct co_error *error) CO_MUST_USE;
void co_health_stop(struct co_health *health);
struct co_admin_probes co_health_probes(struct co_health *health);
/* The index of a lane that is stuck; -1: none. */
int co_health_stuck_lane(const struct co_health *health);

#endif
