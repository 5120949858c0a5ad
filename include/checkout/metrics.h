/* Counters, gauges and histograms of the process, one row each in tbl/metrics.def. Lock-free; any thread.
 * Label values come from fixed lists, so every series exists from the start and their number is bounded. */
#ifndef CHECKOUT_METRICS_H
#define CHECKOUT_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "checkout/arena.h"
#include "checkout/bytes.h"

enum co_metric {
#define CO_METRIC(ident, kind, name, labels, sentence) CO_METRIC_##ident,
#include "checkout/tbl/metrics.def"
#undef CO_METRIC
	CO_METRIC_COUNT
};

/* Label positions of the lists that have no enum elsewhere. COMMAND_OUTCOME: label1 = enum co_command_kind, label2 =
 * enum co_metric_outcome. CODE, EVENT, DLQ, REDIRECT: the row's position in codes.def, events.def, dlq.def,
 * reply_refusals.def. PARTITION, HELD, LANE: the number itself. */
enum co_metric_outcome {
#define CO_LABEL_OUTCOME(ident, name) CO_OUTCOME_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_OUTCOME_COUNT
};
enum co_metric_cause {
#define CO_LABEL_CAUSE(ident, name) CO_CAUSE_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_CAUSE_COUNT
};
enum co_metric_result {
#define CO_LABEL_RESULT(ident, name) CO_RESULT_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_RESULT_COUNT
};
enum co_metric_operation {
#define CO_LABEL_OPERATION(ident, name) CO_OPERATION_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_OPERATION_COUNT
};
enum co_metric_transaction {
#define CO_LABEL_TRANSACTION(ident, name) CO_TRANSACTION_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_TRANSACTION_COUNT
};
enum co_metric_idempotence {
#define CO_LABEL_IDEMPOTENCE(ident, name) CO_IDEMPOTENCE_##ident,
#include "checkout/tbl/metric_labels.def"
	CO_IDEMPOTENCE_COUNT
};

/* Sizes of the lists that depend on the configuration. Call once before any thread uses a metric: until then all calls
 * below count nowhere. Called again (tests), all starts anew. Counters, histograms and gauges start at 0, but those by
 * PARTITION and HELD at NaN. */
void co_metrics_setup(size_t partitions, size_t lanes);
/* Another number of partitions, once the topics have told it: at most 10,000, or what co_metrics_setup was given. Any
 * thread may use metrics meanwhile. Partitions that were not there before start at NaN. */
void co_metrics_set_partitions(size_t partitions);
/* Labels of checkout_build_info; NULL is empty. Texts are copied, cut to 63 bytes. Before any thread exposes. */
void co_metrics_setup_build(const char *version, const char *librdkafka);
/* Frees what co_metrics_setup took; from then on all calls count nowhere. No other thread may use a metric any more. */
void co_metrics_clear(void);
/* Labels by position in their list; 0 for what is not used. Out of range, or a metric of another kind: counted
 * nowhere. */
void co_metric_add(enum co_metric metric, size_t label1, size_t label2, uint64_t amount);
/* NaN says "not known here": a partition that this process does not hold. A series by HELD is left out of the
 * exposition while it is NaN (so that sums stay sums); one by PARTITION is shown as NaN. */
void co_metric_set(enum co_metric metric, size_t label, double value);
/* Seconds, or a plain number, as the row's name says. NaN is counted nowhere; what is below 0 counts as 0. */
void co_metric_observe(enum co_metric metric, size_t label, double value);
/* The value of a counter or gauge, or the number of observations of a histogram, for tests and pages. NaN for what is
 * out of range. */
double co_metric_read(enum co_metric metric, size_t label1, size_t label2);
/* The value below which `part` (0..1) of a histogram's observations lie, as far as its buckets tell: interpolated, and
 * the last bound for what is beyond it. NaN: no observation, or no histogram. For pages. */
double co_metric_quantile(enum co_metric metric, size_t label, double part);
/* The Prometheus text exposition (0.0.4) of all of it and of the process itself (process_*). */
struct co_view co_metrics_expose(struct co_arena *arena);
/* docs/METRICS.md. */
struct co_view co_metrics_describe(struct co_arena *arena);

#endif
