/* Throughput: commands that are judged, answered and committed, per second, and what each costs in processor time. */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUN_S_MAX 180
#define POLL_US 20000
#define RUNS_MAX 16

struct sample {
	int64_t at_us, committed;
	double worker_s, kafka_s, redis_s;
};

/* What one run says; all per command but `rate`. */
struct figures {
	double rate, worker_us, kafka_us, redis_us;
	double transactions, batch, p50_ms, p99_ms;
};

static struct sample take_sample(const struct bench_options *options, const struct bench_worker *worker,
								 int64_t committed)
{
	return (struct sample){.at_us = bench_now_us(),
						   .committed = committed,
						   .worker_s = bench_cpu_s(worker->pid),
						   .kafka_s = bench_cpu_s(options->kafka_pid),
						   .redis_s = bench_cpu_s(options->redis_pid)};
}

static struct sample wait_committed(const struct bench_options *options, const struct bench_worker *worker,
									struct bench_progress *progress, int64_t wanted)
{
	int64_t end_us = bench_now_us() + RUN_S_MAX * 1000000LL;

	for (;;) {
		int64_t committed = bench_progress_read(progress);
		if (committed >= wanted)
			return take_sample(options, worker, committed);
		if (bench_now_us() > end_us)
			bench_fail("bench: %lld of %lld commands committed within %d s", (long long)committed, (long long)wanted,
					   RUN_S_MAX);
		bench_sleep_until_us(bench_now_us() + POLL_US);
	}
}

/* A run in which anything was refused or seen twice measured something else. */
static void check_outcome(const struct bench_worker *worker, size_t commands, struct figures *figures)
{
	char *metrics = NULL;
	double accepted = 0, answered = 0;

	for (int tries = 0; tries < 50 && accepted < (double)commands; tries++) {
		bench_sleep_until_us(bench_now_us() + POLL_US);
		free(metrics);
		metrics = bench_worker_metrics(worker);
		if (!metrics)
			bench_fail("bench: the worker does not tell its metrics");
		accepted = bench_metric(metrics, "checkout_commands_total", "outcome=\"accepted\"");
	}
	answered = bench_metric(metrics, "checkout_commands_total", NULL);
	if (fabs(accepted - (double)commands) > 0.5 || fabs(answered - accepted) > 0.5)
		bench_fail("bench: %zu commands sent, %.0f answered, %.0f accepted: no measurement", commands, answered,
				   accepted);
	figures->transactions = bench_metric(metrics, "checkout_transactions_total", "result=\"committed\"");
	figures->batch = bench_metric(metrics, "checkout_batch_records_sum", NULL) / figures->transactions;
	figures->p50_ms = 1000 * bench_metric_quantile(metrics, "checkout_transaction_duration_seconds", 0.5);
	figures->p99_ms = 1000 * bench_metric_quantile(metrics, "checkout_transaction_duration_seconds", 0.99);
	free(metrics);
}

static void compute(const struct sample *from, const struct sample *to, struct figures *out)
{
	double count = (double)(to->committed - from->committed);

	out->rate = 1e6 * count / (double)(to->at_us - from->at_us);
	out->worker_us = 1e6 * (to->worker_s - from->worker_s) / count;
	out->kafka_us = 1e6 * (to->kafka_s - from->kafka_s) / count;
	out->redis_us = 1e6 * (to->redis_s - from->redis_s) / count;
}

static void send_all(struct bench_producer *producer, const struct bench_options *options)
{
	for (size_t i = 0; i < options->commands; i++) {
		struct bench_command command = bench_mix("load", i, options->commands);
		bench_send(producer, &command, NULL);
		if (i % 256 == 0)
			bench_producer_serve(producer);
	}
	bench_producer_close(producer);
}

/* One of the runs of this program: topics and a group of its own, and an empty Redis. */
struct run {
	const struct bench_options *options;
	char name[64], prefix[72];
	struct bench_worker worker;
};

static void begin(struct run *run, const struct bench_options *options)
{
	static int number;

	run->options = options;
	(void)snprintf(run->name, sizeof(run->name), "bench%d", ++number);
	(void)snprintf(run->prefix, sizeof(run->prefix), "%s.", run->name);
	bench_redis_flush(options->redis_port);
	bench_topics_create(options, run->prefix);
}

/* Waits for the last of the commands: what the worker did since `from`. Then nothing of the run is left. */
static struct figures finish(struct run *run, struct bench_progress *progress, const struct sample *from)
{
	const struct bench_options *options = run->options;
	struct figures figures = {.rate = 0};
	struct sample to = wait_committed(options, &run->worker, progress, (int64_t)options->commands);

	compute(from, &to, &figures);
	check_outcome(&run->worker, options->commands, &figures);
	bench_progress_close(progress);
	bench_worker_stop(&run->worker);
	bench_topics_delete(options, run->prefix);
	return figures;
}

/* The commands lie in Kafka before the worker starts. Its start, joining the group and a first tenth are not counted.
 */
static struct figures run_backlog(const struct bench_options *options, const struct bench_variant *variant)
{
	struct run run;

	begin(&run, options);
	send_all(bench_producer_open(options, run.prefix, 50), options);
	bench_worker_start(&run.worker, options, variant, run.name);
	struct bench_progress *progress = bench_progress_open(options, &run.worker);
	struct sample from = wait_committed(options, &run.worker, progress, (int64_t)(options->commands / 10));
	struct figures figures = finish(&run, progress, &from);
	bench_say("bench: backlog, %s: %.0f commands/s, worker %.1f us each", variant->name, figures.rate,
			  figures.worker_us);
	return figures;
}

/* The worker runs; the commands come as fast as one producer sends them. Counted from the first to the last. */
static struct figures run_live(const struct bench_options *options, const struct bench_variant *variant)
{
	struct run run;

	begin(&run, options);
	bench_worker_start(&run.worker, options, variant, run.name);
	struct bench_producer *producer = bench_producer_open(options, run.prefix, 5);
	struct bench_progress *progress = bench_progress_open(options, &run.worker);
	(void)bench_progress_read(progress);
	struct sample from = take_sample(options, &run.worker, 0);
	send_all(producer, options);
	struct figures figures = finish(&run, progress, &from);
	bench_say("bench: live, %s: %.0f commands/s, worker %.1f us each", variant->name, figures.rate, figures.worker_us);
	return figures;
}

/* --- several runs ------------------------------------------------------------------------------------------------- */

/* The median over the runs of one member, which lies `offset` bytes into the figures. */
static double median_of(const struct figures *runs, size_t count, size_t offset)
{
	double values[RUNS_MAX];

	for (size_t i = 0; i < count; i++)
		memcpy(&values[i], (const char *)&runs[i] + offset, sizeof(double));
	return bench_median(values, count);
}

static json_t *describe(const struct figures *runs, size_t count)
{
	static const struct {
		const char *name;
		size_t offset;
	} members[] = {{"commandsPerSecond", offsetof(struct figures, rate)},
				   {"workerCpuUs", offsetof(struct figures, worker_us)},
				   {"brokerCpuUs", offsetof(struct figures, kafka_us)},
				   {"redisCpuUs", offsetof(struct figures, redis_us)},
				   {"transactions", offsetof(struct figures, transactions)},
				   {"batchRecords", offsetof(struct figures, batch)},
				   {"transactionP50Ms", offsetof(struct figures, p50_ms)},
				   {"transactionP99Ms", offsetof(struct figures, p99_ms)}};
	json_t *object = json_object(), *rates = json_array(), *costs = json_array();

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		(void)json_object_set_new(object, members[i].name, json_real(median_of(runs, count, members[i].offset)));
	for (size_t i = 0; i < count; i++) {
		(void)json_array_append_new(rates, json_real(runs[i].rate));
		(void)json_array_append_new(costs, json_real(runs[i].worker_us));
	}
	(void)json_object_set_new(object, "runsCommandsPerSecond", rates);
	(void)json_object_set_new(object, "runsWorkerCpuUs", costs);
	return object;
}

static double ratio(const json_t *a, const json_t *b, const char *member)
{
	return json_real_value(json_object_get(b, member)) / json_real_value(json_object_get(a, member));
}

void bench_throughput(const struct bench_options *options, json_t *result)
{
	struct bench_variant a = {options->against ? "worker A" : "1 lane", options->worker, options->lanes};
	struct bench_variant b = {options->against ? "worker B" : "2 lanes", options->against ? options->against : a.worker,
							  options->against ? options->lanes : 2};
	struct figures of_a[RUNS_MAX], of_b[RUNS_MAX];

	for (size_t i = 0; i < options->rounds; i++) {
		of_a[i] = run_backlog(options, &a);
		of_b[i] = run_backlog(options, &b);
	}
	double rates[RUNS_MAX], costs[RUNS_MAX];
	for (size_t i = 0; i < options->rounds; i++) {
		rates[i] = of_b[i].rate / of_a[i].rate;
		costs[i] = of_b[i].worker_us / of_a[i].worker_us;
	}
	json_t *first = describe(of_a, options->rounds), *second = describe(of_b, options->rounds);
	(void)json_object_set_new(result, "backlog", json_deep_copy(first));
	if (!options->against) {
		struct figures live = run_live(options, &a);
		(void)json_object_set_new(result, "live", describe(&live, 1));
	}
	/* Neighbours saw the same machine: where its load changes, the median of their ratios is the better one. */
	(void)json_object_set_new(
		result, "comparison",
		json_pack("{s:s,s:s,s:o,s:o,s:f,s:f,s:f,s:f}", "a", a.name, "b", b.name, "figuresA", first, "figuresB", second,
				  "rateBOverA", ratio(first, second, "commandsPerSecond"), "workerCpuBOverA",
				  ratio(first, second, "workerCpuUs"), "pairRateBOverA", bench_median(rates, options->rounds),
				  "pairWorkerCpuBOverA", bench_median(costs, options->rounds)));
}
