/* The rows of tbl/metrics.def and the lists that their labels come from. */
#include "metrics_internal.h"

const struct co_metric_row co_metric_rows[CO_METRIC_COUNT] = {
#define CO_METRIC(ident, kind, name, labels, sentence) {name, sentence, CO_KIND_##kind, CO_LABELS_##labels},
#include "checkout/tbl/metrics.def"
#undef CO_METRIC
};

static const char *const commands[] = {
#define CO_COMMAND(ident, name, status, needs_subject, remembered) name,
#include "checkout/tbl/commands.def"
#undef CO_COMMAND
};
static const char *const codes[] = {
#define CO_CODE(ident, number, status, retryable, message) #number,
#include "checkout/tbl/codes.def"
#undef CO_CODE
};
static const char *const events[] = {
#define CO_EVENT(ident, name) name,
#include "checkout/tbl/events.def"
#undef CO_EVENT
};
static const char *const dlq_reasons[] = {
#define CO_DLQ(ident, reason) reason,
#include "checkout/tbl/dlq.def"
#undef CO_DLQ
};
static const char *const reply_refusals[] = {
#define CO_REPLY_REFUSAL(ident, reason) reason,
#include "checkout/tbl/reply_refusals.def"
#undef CO_REPLY_REFUSAL
};
static const char *const outcomes[] = {
#define CO_LABEL_OUTCOME(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};
static const char *const causes[] = {
#define CO_LABEL_CAUSE(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};
static const char *const results[] = {
#define CO_LABEL_RESULT(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};
static const char *const operations[] = {
#define CO_LABEL_OPERATION(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};
static const char *const transaction_states[] = {
#define CO_LABEL_TRANSACTION(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};
static const char *const idempotence_states[] = {
#define CO_LABEL_IDEMPOTENCE(ident, name) name,
#include "checkout/tbl/metric_labels.def"
};

#define LIST(label, values)                              \
	{                                                    \
		label, values, sizeof(values) / sizeof *(values) \
	}

const struct co_labels_row co_labels_rows[CO_LABELS_COUNT] = {
	[CO_LABELS_NONE] = {0, {{0}}, ""},
	[CO_LABELS_COMMAND_OUTCOME] = {2, {LIST("command", commands), LIST("outcome", outcomes)}, "`command`, `outcome`"},
	[CO_LABELS_CODE] = {1, {LIST("code", codes)}, "`code` (93xxxxx)"},
	[CO_LABELS_EVENT] = {1, {LIST("event", events)}, "`event`"},
	[CO_LABELS_DLQ] = {1, {LIST("reason", dlq_reasons)}, "`reason`"},
	[CO_LABELS_REDIRECT] = {1, {LIST("reason", reply_refusals)}, "`reason`"},
	[CO_LABELS_PARTITION] = {1, {{"partition", NULL, 0}}, "`partition` (all of them)"},
	[CO_LABELS_HELD] = {1, {{"partition", NULL, 0}}, "`partition` (those held)"},
	[CO_LABELS_LANE] = {1, {{"lane", NULL, 0}}, "`lane`"},
	[CO_LABELS_CAUSE] = {1, {LIST("cause", causes)}, "`cause`"},
	[CO_LABELS_RESULT] = {1, {LIST("result", results)}, "`result`"},
	[CO_LABELS_OPERATION] = {1, {LIST("operation", operations)}, "`operation`"},
	[CO_LABELS_TRANSACTION] = {1, {LIST("state", transaction_states)}, "`state`"},
	[CO_LABELS_IDEMPOTENCE] = {1, {LIST("state", idempotence_states)}, "`state`"},
	[CO_LABELS_BUILD] = {0, {{0}}, "`version`, `librdkafka`"},
};

/* From a Redis round trip on loopback to the time by which the service promises to be back. */
static const double second_buckets[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60};
static const double size_buckets[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000};
_Static_assert(sizeof second_buckets / sizeof *second_buckets <= CO_BUCKETS_MAX, "CO_BUCKETS_MAX is too small");

const double *co_metric_buckets(enum co_metric_kind kind, size_t *count)
{
	if (kind == CO_KIND_SECONDS) {
		*count = sizeof second_buckets / sizeof *second_buckets;
		return second_buckets;
	}
	*count = sizeof size_buckets / sizeof *size_buckets;
	return size_buckets;
}

size_t co_metric_width(enum co_metric_kind kind)
{
	size_t buckets;

	if (!co_metric_is_histogram(kind))
		return 1;
	(void)co_metric_buckets(kind, &buckets);
	return buckets + 2;
}
