#include "bench.h"

#include <stdio.h>

static double number(const json_t *object, const char *name)
{
	return json_number_value(json_object_get(object, name));
}

static const char *text(const json_t *object, const char *name)
{
	return json_string_value(json_object_get(object, name));
}

static void print_load(const char *name, const json_t *figures)
{
	if (!figures)
		return;
	(void)printf("%s\n"
				 "  commands/s                        %10.0f\n"
				 "  CPU us/command: worker            %10.1f\n"
				 "                  broker            %10.1f\n"
				 "                  Redis             %10.1f\n"
				 "  transactions, records in each     %10.0f  %.0f\n"
				 "  transaction p50, p99 ms           %10.1f  %.1f\n",
				 name, number(figures, "commandsPerSecond"), number(figures, "workerCpuUs"),
				 number(figures, "brokerCpuUs"), number(figures, "redisCpuUs"), number(figures, "transactions"),
				 number(figures, "batchRecords"), number(figures, "transactionP50Ms"),
				 number(figures, "transactionP99Ms"));
}

static void print_runs(const char *name, const json_t *figures)
{
	size_t i;
	json_t *value;

	(void)printf("  %-12s commands/s", name);
	json_array_foreach(json_object_get(figures, "runsCommandsPerSecond"), i, value)(void)
		printf(" %.0f", json_real_value(value));
	(void)printf(" (median %.0f); worker us", number(figures, "commandsPerSecond"));
	json_array_foreach(json_object_get(figures, "runsWorkerCpuUs"), i, value)(void)
		printf(" %.1f", json_real_value(value));
	(void)printf(" (median %.1f)\n", number(figures, "workerCpuUs"));
}

static void print_comparison(const json_t *comparison)
{
	if (!comparison)
		return;
	(void)printf("A: %s, B: %s, in turn, from a backlog\n", text(comparison, "a"), text(comparison, "b"));
	print_runs(text(comparison, "a"), json_object_get(comparison, "figuresA"));
	print_runs(text(comparison, "b"), json_object_get(comparison, "figuresB"));
	(void)printf("  B over A: commands/s %.2f, worker CPU %.2f (ratio of medians)\n"
				 "            commands/s %.2f, worker CPU %.2f (median of the neighbours' ratios)\n",
				 number(comparison, "rateBOverA"), number(comparison, "workerCpuBOverA"),
				 number(comparison, "pairRateBOverA"), number(comparison, "pairWorkerCpuBOverA"));
}

static void print_standing(const json_t *result)
{
	const json_t *memory = json_object_get(result, "memory"), *latency = json_object_get(result, "latency");
	const json_t *expiry = json_object_get(result, "expiry");

	if (!memory)
		return;
	(void)printf("%.0f live sessions\n"
				 "  Redis bytes each, encoded, ratio  %10.0f  %.0f  %.2f\n"
				 "  command to reply p50, p99 ms      %10.1f  %.1f  (%.0f commands/s)\n",
				 number(memory, "sessions"), number(memory, "redisBytesPerSession"), number(memory, "encodedBytes"),
				 number(memory, "ratio"), number(latency, "p50Ms"), number(latency, "p99Ms"),
				 number(latency, "commandsPerSecond"));
	(void)printf("  expiry late: arrival p50, p99 ms  %10.0f  %.0f  (%.0f sessions, nobody sending)\n"
				 "         Kafka timestamp p50, p99   %10.0f  %.0f\n"
				 "         early                      %10.0f\n",
				 number(expiry, "arrivalP50Ms"), number(expiry, "arrivalP99Ms"), number(expiry, "sessions"),
				 number(expiry, "timestampP50Ms"), number(expiry, "timestampP99Ms"), number(expiry, "early"));
}

void bench_print(const json_t *result)
{
	const json_t *machine = json_object_get(result, "machine");

	(void)printf(
		"%.0f processors shared by worker, broker, Redis, the load and whatever else runs (load average %.1f):\n"
		"medians and ratios mean something, single figures little.\n",
		number(machine, "processors"), number(machine, "loadAverage"));
	print_load("from a backlog (median of the runs of A; the first tenth is not counted)",
			   json_object_get(result, "backlog"));
	print_load("one producer at full speed", json_object_get(result, "live"));
	print_comparison(json_object_get(result, "comparison"));
	print_standing(result);
	(void)printf(
		"Commands: create, get, complete, cancel in equal parts, a session's steps in different batches.\n"
		"Transaction times: interpolated in the histogram of /metrics. CPU: user and system time of the processes.\n"
		"Latency: from the instant the command was due to be sent to its arrival at a read_committed consumer.\n");
}
