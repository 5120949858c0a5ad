#include "checkout/metrics.h"

#include "metrics_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTITIONS_MAX 10000UL /* as topics.partitions has it */

struct co_metric_store co_metric_store;

static uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

static double of_bits(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

static void size_lists(size_t lanes)
{
	for (size_t labels = 0; labels < CO_LABELS_COUNT; labels++) {
		const struct co_labels_row *row = &co_labels_rows[labels];
		for (size_t i = 0; i < CO_LISTS_MAX; i++)
			co_metric_store.list_count[labels][i] = i < row->list_count ? row->list[i].count : 1;
	}
	co_metric_store.list_count[CO_LABELS_PARTITION][0] = co_metric_store.partitions_max;
	co_metric_store.list_count[CO_LABELS_HELD][0] = co_metric_store.partitions_max;
	co_metric_store.list_count[CO_LABELS_LANE][0] = lanes;
}

void co_metrics_setup(size_t partitions, size_t lanes)
{
	size_t used = 0;

	co_metrics_clear();
	/* Room from the start: cells never move, so nobody has to stop for another number of partitions. */
	co_metric_store.partitions_max = partitions > PARTITIONS_MAX ? partitions : PARTITIONS_MAX;
	size_lists(lanes);
	for (size_t metric = 0; metric < CO_METRIC_COUNT; metric++) {
		const size_t *sizes = co_metric_store.list_count[co_metric_rows[metric].labels];
		co_metric_store.first[metric] = used;
		used += sizes[0] * sizes[1] * co_metric_width(co_metric_rows[metric].kind);
	}
	/* All bits 0 is the number 0 in both readings. */
	co_metric_store.cells = calloc(used, sizeof *co_metric_store.cells);
	if (!co_metric_store.cells) {
		fputs("no memory for the metrics\n", stderr);
		abort();
	}
	co_metrics_set_partitions(partitions);
	co_metric_set(CO_METRIC_BUILD_INFO, 0, 1);
}

void co_metrics_set_partitions(size_t partitions)
{
	size_t before = atomic_load_explicit(&co_metric_store.partitions, memory_order_relaxed);

	if (!co_metric_store.cells || partitions > co_metric_store.partitions_max)
		return;
	for (size_t metric = 0; metric < CO_METRIC_COUNT; metric++)
		for (size_t i = before; i < partitions && co_labels_is_partition(co_metric_rows[metric].labels); i++)
			atomic_store_explicit(&co_metric_store.cells[co_metric_store.first[metric] + i], bits_of(NAN),
								  memory_order_relaxed);
	atomic_store_explicit(&co_metric_store.partitions, partitions, memory_order_release);
}

void co_metrics_setup_build(const char *version, const char *librdkafka)
{
	snprintf(co_metric_store.version, sizeof co_metric_store.version, "%s", version ? version : "");
	snprintf(co_metric_store.librdkafka, sizeof co_metric_store.librdkafka, "%s", librdkafka ? librdkafka : "");
}

void co_metrics_clear(void)
{
	free(co_metric_store.cells);
	co_metric_store.cells = NULL;
	atomic_store_explicit(&co_metric_store.partitions, 0, memory_order_relaxed);
}

/* The first cell of a series; NULL when there is none. */
static co_cell *find(enum co_metric metric, size_t label1, size_t label2)
{
	enum co_metric_labels labels;

	if (!co_metric_store.cells || (size_t)metric >= CO_METRIC_COUNT)
		return NULL;
	labels = co_metric_rows[metric].labels;
	if (label1 >= co_labels_count(labels, 0) || label2 >= co_labels_count(labels, 1))
		return NULL;
	return &co_metric_store
				.cells[co_metric_store.first[metric] + (label1 * co_metric_store.list_count[labels][1] + label2) *
														   co_metric_width(co_metric_rows[metric].kind)];
}

void co_metric_add(enum co_metric metric, size_t label1, size_t label2, uint64_t amount)
{
	co_cell *cell = find(metric, label1, label2);

	if (cell && co_metric_rows[metric].kind == CO_KIND_COUNTER)
		atomic_fetch_add_explicit(cell, amount, memory_order_relaxed);
}

void co_metric_set(enum co_metric metric, size_t label, double value)
{
	co_cell *cell = find(metric, label, 0);

	if (cell && co_metric_rows[metric].kind == CO_KIND_GAUGE)
		atomic_store_explicit(cell, bits_of(value), memory_order_relaxed);
}

void co_metric_observe(enum co_metric metric, size_t label, double value)
{
	co_cell *cell = find(metric, label, 0);
	const double *bounds;
	size_t count, bucket = 0;
	uint64_t seen;

	if (!cell || !co_metric_is_histogram(co_metric_rows[metric].kind) || isnan(value))
		return;
	value = fmax(value, 0);
	bounds = co_metric_buckets(co_metric_rows[metric].kind, &count);
	while (bucket < count && value > bounds[bucket])
		bucket++;
	atomic_fetch_add_explicit(&cell[bucket], 1, memory_order_relaxed);
	seen = atomic_load_explicit(&cell[count + 1], memory_order_relaxed);
	while (!atomic_compare_exchange_weak_explicit(&cell[count + 1], &seen, bits_of(of_bits(seen) + value),
												  memory_order_relaxed, memory_order_relaxed))
		;
}

double co_metric_read(enum co_metric metric, size_t label1, size_t label2)
{
	co_cell *cell = find(metric, label1, label2);
	uint64_t total = 0;

	if (!cell)
		return NAN;
	switch (co_metric_rows[metric].kind) {
	case CO_KIND_COUNTER:
		return (double)atomic_load_explicit(cell, memory_order_relaxed);
	case CO_KIND_GAUGE:
		return of_bits(atomic_load_explicit(cell, memory_order_relaxed));
	case CO_KIND_SECONDS:
	case CO_KIND_SIZES:
		for (size_t i = 0; i + 1 < co_metric_width(co_metric_rows[metric].kind); i++)
			total += atomic_load_explicit(&cell[i], memory_order_relaxed);
		return (double)total;
	}
	return NAN;
}

double co_metric_quantile(enum co_metric metric, size_t label, double part)
{
	co_cell *cell = find(metric, label, 0);
	const double *bounds;
	size_t count;
	uint64_t total = 0, below = 0, in_bucket = 0;

	if (!cell || !co_metric_is_histogram(co_metric_rows[metric].kind))
		return NAN;
	bounds = co_metric_buckets(co_metric_rows[metric].kind, &count);
	for (size_t i = 0; i <= count; i++)
		total += atomic_load_explicit(&cell[i], memory_order_relaxed);
	if (total == 0)
		return NAN;
	for (size_t i = 0; i < count; i++, below += in_bucket) {
		in_bucket = atomic_load_explicit(&cell[i], memory_order_relaxed);
		double wanted = part * (double)total - (double)below, lower = i ? bounds[i - 1] : 0;
		if (in_bucket && wanted <= (double)in_bucket)
			return lower + (bounds[i] - lower) * fmax(wanted, 0) / (double)in_bucket;
	}
	return bounds[count - 1];
}
