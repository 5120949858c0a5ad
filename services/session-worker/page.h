/* The page for people on the admin port: what the process does now, in plain HTML that reads well without a script.
 * Owns the history of counters that "lately" is taken from. Never shows what the configuration redacts, never asks
 * Kafka or Redis, and every text that is not its own is escaped. */
#ifndef CHECKOUT_PAGE_H
#define CHECKOUT_PAGE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "checkout/arena.h"
#include "checkout/domain/catalogue.h"
#include "checkout/metrics.h"

#define CO_PAGE_SAMPLE_MS 2000
#define CO_PAGE_SAMPLES 32 /* a little more than a minute */
#define CO_PAGE_LANES_MAX 64

struct co_page_sample {
	int64_t at_ms; /* monotonic */
	double outcomes[CO_OUTCOME_COUNT], events, codes[CO_CODE_COUNT];
};

/* The counters of the last minute. Any thread. */
struct co_page_history {
	pthread_mutex_t guard;
	size_t count, next;
	struct co_page_sample samples[CO_PAGE_SAMPLES];
};

void co_page_history_init(struct co_page_history *history);
/* Takes a sample when the last one is CO_PAGE_SAMPLE_MS old. */
void co_page_history_take(struct co_page_history *history, int64_t at_ms);
/* What was counted in about the last `window_ms`, and in how many ms; all 0 while there are not two samples. */
struct co_page_sample co_page_history_since(struct co_page_history *history, int64_t window_ms, int64_t *took_ms);

struct co_page_lane {
	bool joined, running;
	int partitions;
	int64_t progress_ms, kafka_ms, redis_ms; /* how long ago; -1: never */
};

/* What only the process knows; the rest the page reads from the metrics. Texts are borrowed, as they are, unescaped. */
struct co_page_facts {
	const char *version, *librdkafka, *instance, *group, *prefix;
	bool live, ready;
	const char *live_reason, *ready_reason;
	int64_t uptime_ms, wall_ms;
	size_t lane_count;
	struct co_page_lane lanes[CO_PAGE_LANES_MAX];
	size_t partition_count;
	const char *configuration; /* as --print-config has it: secrets redacted */
	struct co_page_history *history;
};

/* The page. Lives in the arena. */
struct co_view co_page_compose(const struct co_page_facts *facts, struct co_arena *arena);
/* The Content-Security-Policy that goes with it: nothing from elsewhere, and no script but the page's own. */
extern const char co_page_policy[];
/* The script between <script> and </script>, whose hash the policy names. */
extern const char co_page_script[];

#endif
