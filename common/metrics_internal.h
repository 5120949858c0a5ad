/* What the files of metrics share: the table with its label lists, and the stored numbers. Owns the storage
 * (common/metrics.c). Never included outside of common/metrics*.c. */
#ifndef CO_METRICS_INTERNAL_H
#define CO_METRICS_INTERNAL_H

#include "checkout/metrics.h"

#include <stdatomic.h>

enum co_metric_kind { CO_KIND_COUNTER, CO_KIND_GAUGE, CO_KIND_SECONDS, CO_KIND_SIZES };
enum co_metric_labels {
	CO_LABELS_NONE,
	CO_LABELS_COMMAND_OUTCOME,
	CO_LABELS_CODE,
	CO_LABELS_EVENT,
	CO_LABELS_DLQ,
	CO_LABELS_REDIRECT,
	CO_LABELS_PARTITION,
	CO_LABELS_HELD,
	CO_LABELS_LANE,
	CO_LABELS_CAUSE,
	CO_LABELS_RESULT,
	CO_LABELS_OPERATION,
	CO_LABELS_BUILD,
	CO_LABELS_TRANSACTION,
	CO_LABELS_IDEMPOTENCE,
	CO_LABELS_COUNT
};

struct co_metric_row {
	const char *name;
	const char *sentence;
	enum co_metric_kind kind;
	enum co_metric_labels labels;
};

/* One label of a list. `values` NULL: the position itself is the value, and their number is the configuration's. */
struct co_label_list {
	const char *label;
	const char *const *values;
	size_t count;
};
#define CO_LISTS_MAX 2
struct co_labels_row {
	size_t list_count;
	struct co_label_list list[CO_LISTS_MAX];
	const char *told; /* for the documentation */
};

extern const struct co_metric_row co_metric_rows[CO_METRIC_COUNT];
extern const struct co_labels_row co_labels_rows[CO_LABELS_COUNT];

#define CO_BUCKETS_MAX 16
/* Upper bounds of a histogram's buckets, +Inf not counted; *count is at most CO_BUCKETS_MAX. */
const double *co_metric_buckets(enum co_metric_kind kind, size_t *count);
static inline bool co_metric_is_histogram(enum co_metric_kind kind)
{
	return kind == CO_KIND_SECONDS || kind == CO_KIND_SIZES;
}

/* A counter's number, a gauge's double as bits, or a histogram: its buckets with +Inf last, then the sum's bits. */
typedef _Atomic uint64_t co_cell;

struct co_metric_store {
	co_cell *cells;            /* NULL until set up */
	_Atomic size_t partitions; /* how many there are; there is room for `partitions_max` */
	size_t partitions_max;
	size_t first[CO_METRIC_COUNT];                    /* cell of the metric's first series */
	size_t list_count[CO_LABELS_COUNT][CO_LISTS_MAX]; /* room in the label lists */
	char version[64], librdkafka[64];
};
extern struct co_metric_store co_metric_store;

static inline bool co_labels_is_partition(enum co_metric_labels labels)
{
	return labels == CO_LABELS_PARTITION || labels == CO_LABELS_HELD;
}
/* How many values the list has now. */
static inline size_t co_labels_count(enum co_metric_labels labels, size_t list)
{
	if (list == 0 && co_labels_is_partition(labels))
		return atomic_load_explicit(&co_metric_store.partitions, memory_order_acquire);
	return co_metric_store.list_count[labels][list];
}

/* Cells of one series. */
size_t co_metric_width(enum co_metric_kind kind);

/* Appends the process_* metrics. What the system does not tell is left out. */
void co_metrics_expose_process(struct co_buf *out);
/* The same as rows of docs/METRICS.md. */
void co_metrics_describe_process(struct co_buf *out);
/* A number as Prometheus reads it. */
void co_metrics_put_double(struct co_buf *out, double value);

#endif
