/* The metrics as text: Prometheus exposition format 0.0.4, and docs/METRICS.md. */
#include "metrics_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put(struct co_buf *out, const char *text)
{
	co_buf_add(out, co_view_cstr(text));
}

void co_metrics_put_double(struct co_buf *out, double value)
{
	char text[40];

	if (isnan(value)) {
		put(out, "NaN");
		return;
	}
	if (isinf(value)) {
		put(out, value > 0 ? "+Inf" : "-Inf");
		return;
	}
	/* The shorter form where it says the same number. */
	snprintf(text, sizeof text, "%.15g", value);
	double back = strtod(text, NULL);
	if (back < value || back > value)
		snprintf(text, sizeof text, "%.17g", value);
	put(out, text);
}

/* Backslashes, quotes and line ends of a label value. */
static void put_label_value(struct co_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			co_buf_add_byte(out, '\\');
		if (*text == '\n')
			put(out, "\\n");
		else
			co_buf_add_byte(out, *text);
	}
}

/* A series as the loops below walk it. */
struct series {
	const struct co_metric_row *row;
	size_t label[CO_LISTS_MAX];
	co_cell *cell;
};

static void put_label(struct co_buf *out, const char *name, const char *value, size_t *written)
{
	put(out, (*written)++ ? "," : "{");
	put(out, name);
	put(out, "=\"");
	put_label_value(out, value);
	put(out, "\"");
}

/* name[suffix]{labels[,le="…"]} and a space. */
static void put_series(struct co_buf *out, const struct series *series, const char *suffix, const char *le)
{
	const struct co_labels_row *labels = &co_labels_rows[series->row->labels];
	size_t written = 0;

	put(out, series->row->name);
	put(out, suffix);
	for (size_t i = 0; i < labels->list_count && i < CO_LISTS_MAX; i++) {
		char number[24];
		snprintf(number, sizeof number, "%zu", series->label[i]);
		put_label(out, labels->list[i].label,
				  labels->list[i].values ? labels->list[i].values[series->label[i]] : number, &written);
	}
	if (series->row->labels == CO_LABELS_BUILD) {
		put_label(out, "version", co_metric_store.version, &written);
		put_label(out, "librdkafka", co_metric_store.librdkafka, &written);
	}
	if (le)
		put_label(out, "le", le, &written);
	put(out, written ? "} " : " ");
}

static void put_number(struct co_buf *out, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof text, "%llu\n", (unsigned long long)number);
	put(out, text);
}

static double load_double(co_cell *cell)
{
	uint64_t bits = atomic_load_explicit(cell, memory_order_relaxed);
	double value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

/* Each bucket is read once, and the count is their sum: the lines of one scrape agree with each other. */
static void expose_histogram(struct co_buf *out, const struct series *series)
{
	size_t count;
	const double *bounds = co_metric_buckets(series->row->kind, &count);
	uint64_t total = 0;

	for (size_t i = 0; i <= count; i++) {
		char le[24] = "+Inf";
		if (i < count)
			snprintf(le, sizeof le, "%g", bounds[i]);
		total += atomic_load_explicit(&series->cell[i], memory_order_relaxed);
		put_series(out, series, "_bucket", le);
		put_number(out, total);
	}
	put_series(out, series, "_sum", NULL);
	co_metrics_put_double(out, load_double(&series->cell[count + 1]));
	put(out, "\n");
	put_series(out, series, "_count", NULL);
	put_number(out, total);
}

static void expose_one(struct co_buf *out, const struct series *series)
{
	switch (series->row->kind) {
	case CO_KIND_COUNTER:
		put_series(out, series, "", NULL);
		put_number(out, atomic_load_explicit(series->cell, memory_order_relaxed));
		return;
	case CO_KIND_GAUGE: {
		double value = load_double(series->cell);
		if (series->row->labels == CO_LABELS_HELD && isnan(value))
			return;
		put_series(out, series, "", NULL);
		co_metrics_put_double(out, value);
		put(out, "\n");
		return;
	}
	case CO_KIND_SECONDS:
	case CO_KIND_SIZES:
		expose_histogram(out, series);
		return;
	}
}

static const char *type_of(enum co_metric_kind kind)
{
	switch (kind) {
	case CO_KIND_COUNTER:
		return "counter";
	case CO_KIND_GAUGE:
		return "gauge";
	case CO_KIND_SECONDS:
	case CO_KIND_SIZES:
		return "histogram";
	}
	return "untyped";
}

static void put_head(struct co_buf *out, const struct co_metric_row *row)
{
	put(out, "# HELP ");
	put(out, row->name);
	put(out, " ");
	put(out, row->sentence);
	put(out, "\n# TYPE ");
	put(out, row->name);
	put(out, " ");
	put(out, type_of(row->kind));
	put(out, "\n");
}

struct co_view co_metrics_expose(struct co_arena *arena)
{
	struct co_buf out = co_buf_make(arena, 64UL * 1024);

	for (size_t metric = 0; co_metric_store.cells && metric < CO_METRIC_COUNT; metric++) {
		const struct co_metric_row *row = &co_metric_rows[metric];
		size_t sizes[] = {co_labels_count(row->labels, 0), co_labels_count(row->labels, 1)};
		struct series series = {row, {0, 0}, &co_metric_store.cells[co_metric_store.first[metric]]};

		put_head(&out, row);
		for (series.label[0] = 0; series.label[0] < sizes[0]; series.label[0]++)
			for (series.label[1] = 0; series.label[1] < sizes[1]; series.label[1]++) {
				expose_one(&out, &series);
				series.cell += co_metric_width(row->kind);
			}
	}
	co_metrics_expose_process(&out);
	return co_buf_view(&out);
}

static void describe_values(struct co_buf *out)
{
	put(out, "\n## Label values\n\n| label | of | values |\n|---|---|---|\n");
	for (size_t labels = 0; labels < CO_LABELS_COUNT; labels++)
		for (size_t i = 0; i < co_labels_rows[labels].list_count; i++) {
			const struct co_label_list *list = &co_labels_rows[labels].list[i];
			const char *of = " | ";
			put(out, "| `");
			put(out, list->label);
			put(out, "`");
			for (size_t metric = 0; metric < CO_METRIC_COUNT; metric++)
				if ((size_t)co_metric_rows[metric].labels == labels) {
					put(out, of);
					put(out, "`");
					put(out, co_metric_rows[metric].name);
					put(out, "`");
					of = ", ";
				}
			put(out, " | ");
			for (size_t value = 0; list->values && value < list->count; value++) {
				put(out, value ? " `" : "`");
				put(out, list->values[value]);
				put(out, "`");
			}
			put(out, list->values ? " |\n" : "its number, from 0 |\n");
		}
}

static void describe_buckets(struct co_buf *out, enum co_metric_kind kind)
{
	size_t count;
	const double *bounds = co_metric_buckets(kind, &count);

	for (size_t i = 0; i < count; i++) {
		put(out, i ? ", " : "");
		co_metrics_put_double(out, bounds[i]);
	}
}

struct co_view co_metrics_describe(struct co_arena *arena)
{
	struct co_buf out = co_buf_make(arena, 16UL * 1024);

	put(&out,
		"# Metrics\n\n"
		"Printed by `session-worker --describe metrics` from `include/checkout/tbl/metrics.def`; do not edit.\n\n"
		"`GET /metrics` on `admin.listen` answers in the Prometheus text format. Every series exists from the start, "
		"at 0 (but those by partition, see below), so a rate never misses its first step. Counters start anew with the "
		"process.\n\n"
		"| metric | type | labels | meaning |\n|---|---|---|---|\n");
	for (size_t metric = 0; metric < CO_METRIC_COUNT; metric++) {
		const struct co_metric_row *row = &co_metric_rows[metric];
		put(&out, "| `");
		put(&out, row->name);
		put(&out, "` | ");
		put(&out, type_of(row->kind));
		put(&out, " | ");
		put(&out, co_labels_rows[row->labels].told);
		put(&out, " | ");
		put(&out, row->sentence);
		put(&out, " |\n");
	}
	co_metrics_describe_process(&out);
	put(&out,
		"\n**Partitions.** A worker knows only the partitions that it holds. By `partition (all of them)`, the others "
		"are `NaN`; by `partition (those held)`, the others have no series at all, so that `sum()` over the workers "
		"is the installation's number. `max()` passes over `NaN`.\n\n"
		"**Histograms.** Buckets of durations, in seconds: ");
	describe_buckets(&out, CO_KIND_SECONDS);
	put(&out, ". Buckets of sizes: ");
	describe_buckets(&out, CO_KIND_SIZES);
	put(&out, ".\n");
	describe_values(&out);
	return co_buf_view(&out);
}
