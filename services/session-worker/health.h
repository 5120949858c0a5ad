/* What the process knows of its own health, for /livez, /readyz, /startupz and the page, and the watchdog.
 * Asks Kafka and Redis itself now and then, each on a thread of its own, so that an idle worker knows too. Owns these
 * threads' clients. */
#ifndef CHECKOUT_HEALTH_H
#define CHECKOUT_HEALTH_H

#include "adapters/http_admin.h"
#include "lanes.h"
#include "page.h"

#include "checkout/log.h"

#define CO_ANSWERED_LATELY_MS 10000 /* an answer of Kafka or Redis counts this long */
#define CO_LANE_STUCK_MS 60000      /* a lane that did not go round for so long is stuck: only a new process helps */
#define CO_LANE_GRACE_MS 3000       /* a lane that recovers from a rebalance or a hiccup stays ready this long */

struct co_health {
	const struct co_lanes *_Atomic lanes;  /* NULL until they run */
	atomic_llong kafka_ok_ms, redis_ok_ms; /* monotonic; 0: never */
	atomic_int kafka_said;                 /* Kafka's last answer to the probe, as librdkafka numbers it */
	atomic_bool started, stopping;
	atomic_llong ran_ms[CO_PAGE_LANES_MAX]; /* monotonic: when the lane was last seen to run; 0: never */
	int64_t born_ms;                        /* monotonic */
	/* of co_health_watch(): */
	int64_t served_ms; /* monotonic: since when the lanes run; 0: not yet */
	struct co_log_gate silence;
	struct co_health_probe *probe;
	/* for the page */
	const struct co_config *config;
	const char *version, *librdkafka;
	char *configuration;
	atomic_size_t partitions;
	struct co_page_history history;
};

void co_health_init(struct co_health *health);
/* What the page tells of the process. Call before the listener starts; everything is borrowed until the stop. */
void co_health_describe(struct co_health *health, const struct co_config *config, const char *version,
						const char *librdkafka);
/* Looks at the lanes and the counters, and tells metrics and log what it sees; call a few times a second, from one
 * thread. */
void co_health_watch(struct co_health *health);
/* Starts asking. `config` is borrowed until the stop. */
enum co_status co_health_start(struct co_health *health, const struct co_config *config,
							   struct co_error *error) CO_MUST_USE;
void co_health_stop(struct co_health *health);
struct co_admin_probes co_health_probes(struct co_health *health);
/* The index of a lane that is stuck; -1: none. */
int co_health_stuck_lane(const struct co_health *health);

#endif
