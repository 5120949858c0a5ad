/* co_bench: loads a worker that it starts itself, beside a Kafka and a Redis that its caller (tests/bench/run) started
 * for it, and prints what it measured. */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum option_id {
	O_BOOTSTRAP = 256,
	O_KAFKA_PID,
	O_REDIS_PORT,
	O_REDIS_PID,
	O_DIRECTORY,
	O_WORKER,
	O_AGAINST,
	O_COMMANDS,
	O_SESSIONS,
	O_EXPIRING,
	O_ROUNDS,
	O_RATE,
	O_PACED,
	O_LIMIT,
	O_ONLY,
	O_LANES,
	O_JSON
};

static const struct option names[] = {{"bootstrap", required_argument, NULL, O_BOOTSTRAP},
									  {"kafka-pid", required_argument, NULL, O_KAFKA_PID},
									  {"redis-port", required_argument, NULL, O_REDIS_PORT},
									  {"redis-pid", required_argument, NULL, O_REDIS_PID},
									  {"directory", required_argument, NULL, O_DIRECTORY},
									  {"worker", required_argument, NULL, O_WORKER},
									  {"against", required_argument, NULL, O_AGAINST},
									  {"commands", required_argument, NULL, O_COMMANDS},
									  {"sessions", required_argument, NULL, O_SESSIONS},
									  {"expiring", required_argument, NULL, O_EXPIRING},
									  {"rounds", required_argument, NULL, O_ROUNDS},
									  {"rate", required_argument, NULL, O_RATE},
									  {"seconds", required_argument, NULL, O_PACED},
									  {"limit", required_argument, NULL, O_LIMIT},
									  {"only", required_argument, NULL, O_ONLY},
									  {"lanes", required_argument, NULL, O_LANES},
									  {"json", no_argument, NULL, O_JSON},
									  {NULL, 0, NULL, 0}};

static _Noreturn void usage(void)
{
	(void)fputs("bench: see ./run bench --help\n", stderr);
	exit(2);
}

static long whole(const char *value, long min, long max)
{
	char *end = NULL;

	errno = 0;
	long found = strtol(value, &end, 10);
	if (errno || end == value || *end || found < min || found > max) {
		(void)fprintf(stderr, "bench: %s is not within %ld..%ld\n", value, min, max);
		exit(2);
	}
	return found;
}

static void take_only(struct bench_options *options, const char *part)
{
	options->throughput = strcmp(part, "throughput") == 0;
	options->standing = strcmp(part, "standing") == 0;
	if (!options->throughput && !options->standing)
		usage();
}

static void take_number(struct bench_options *options, int option, const char *value)
{
	if (option == O_COMMANDS) /* whole sessions: four commands each */
		options->commands = (size_t)whole(value, 1000, 10000000) / BENCH_STEPS * BENCH_STEPS;
	else if (option == O_SESSIONS)
		options->sessions = (size_t)whole(value, 100, 10000000);
	else if (option == O_EXPIRING)
		options->expiring = (size_t)whole(value, 1, 1000000);
	else if (option == O_ROUNDS)
		options->rounds = (size_t)whole(value, 1, 16);
	else if (option == O_RATE)
		options->rate = (unsigned)whole(value, 1, 100000);
	else if (option == O_PACED)
		options->paced_seconds = (unsigned)whole(value, 1, 600);
	else if (option == O_LIMIT)
		options->limit_seconds = (unsigned)whole(value, 1, 86400);
	else if (option == O_LANES)
		options->lanes = (int)whole(value, 1, 64);
	else if (option == O_REDIS_PORT)
		options->redis_port = (int)whole(value, 1, 65535);
	else if (option == O_KAFKA_PID)
		options->kafka_pid = (pid_t)whole(value, 2, 4194304);
	else if (option == O_REDIS_PID)
		options->redis_pid = (pid_t)whole(value, 2, 4194304);
	else
		usage();
}

static struct bench_options read_options(int argc, char **argv)
{
	struct bench_options options = {.commands = 100000,
									.sessions = 100000,
									.expiring = 2000,
									.rounds = 2,
									.rate = 500,
									.paced_seconds = 15,
									.limit_seconds = 900,
									.throughput = true,
									.standing = true,
									.lanes = 1};
	int option;

	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		if (option == O_BOOTSTRAP)
			options.bootstrap = optarg;
		else if (option == O_DIRECTORY)
			options.directory = optarg;
		else if (option == O_WORKER)
			options.worker = optarg;
		else if (option == O_AGAINST)
			options.against = optarg;
		else if (option == O_ONLY)
			take_only(&options, optarg);
		else if (option == O_JSON)
			options.json = true;
		else
			take_number(&options, option, optarg);
	}
	if (optind != argc || !options.bootstrap || !options.directory || !options.worker || !options.redis_port ||
		!options.kafka_pid || !options.redis_pid)
		usage();
	return options;
}

static json_t *machine(void)
{
	double load[1] = {0};

	(void)getloadavg(load, 1);
	return json_pack("{s:I,s:f}", "processors", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "loadAverage", load[0]);
}

int main(int argc, char **argv)
{
	struct bench_options options = read_options(argc, argv);
	json_t *result = json_pack("{s:o,s:I}", "machine", machine(), "commands", (json_int_t)options.commands);

	/* Whatever hangs, this ends, and the worker with it. */
	(void)alarm(options.limit_seconds);
	if (options.throughput)
		bench_throughput(&options, result);
	if (options.standing)
		bench_standing(&options, result);
	if (options.json)
		(void)json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	else
		bench_print(result);
	if (options.json)
		(void)putchar('\n');
	json_decref(result);
	return fflush(stdout) == 0 ? 0 : 1;
}
