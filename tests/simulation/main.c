/* co_sim: runs seeds of the simulation, or shows that it notices every protection that is switched off. */
#include "world.h"

#include "checkout/log.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 16
#define TOLD_MAX 5

/* What a job tells the one that started it, crash or not. */
struct job {
	uint64_t seed, runs, failures, failed[TOLD_MAX];
	char symptoms[TOLD_MAX][400];
	struct co_tallies tallies;
	bool done;
	_Atomic uint64_t failed_first; /* 0: none yet; the others need not go on behind it */
};

struct wish {
	uint64_t first, last;
	int jobs;
	bool verbose, mutants, seeds, keep_going;
	const char *mutant;
};

static const struct {
	const char *name;
	uint64_t first, seeds;
	const char *text;
} mutants[CO_MUTANT_COUNT] = {
	{"none", 0, 0, ""},
#define CO_MUTANT_ROW(name, first, seeds, text) {#name, first, seeds, text},
#include "mutants.def"
#undef CO_MUTANT_ROW
};

static double now_s(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static bool is_behind_failure(const struct wish *wish, struct job *jobs, uint64_t seed)
{
	bool behind = false;
	for (int i = 0; i < wish->jobs && !behind; i++) {
		uint64_t failed = atomic_load(&jobs[i].failed_first);
		behind = failed && failed < seed;
	}
	return behind;
}

static void run_share(const struct wish *wish, struct job *jobs, int index, bool until_failure)
{
	struct job *job = &jobs[index];
	for (uint64_t seed = wish->first + (uint64_t)index; seed <= wish->last; seed += (uint64_t)wish->jobs) {
		char symptom[400];
		if (until_failure && is_behind_failure(wish, jobs, seed))
			break;
		job->seed = seed;
		if (!co_simulate(seed, false, symptom, sizeof(symptom), &job->tallies)) {
			if (job->failures < TOLD_MAX) {
				job->failed[job->failures] = seed;
				(void)snprintf(job->symptoms[job->failures], sizeof(symptom), "%s", symptom);
			}
			if (job->failures++ == 0)
				atomic_store(&job->failed_first, seed);
		}
		job->runs++;
	}
	job->done = true;
}

/* Each job is a process: a crash of the code under test is a failure of its seed. */
static void run_jobs(const struct wish *wish, struct job *jobs, bool until_failure)
{
	pid_t pids[JOBS_MAX];
	(void)fflush(stdout);
	memset(jobs, 0, JOBS_MAX * sizeof(*jobs));
	for (int i = 0; i < wish->jobs; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			abort();
		if (pids[i] == 0) {
			run_share(wish, jobs, i, until_failure);
			_exit(0);
		}
	}
	for (int i = 0; i < wish->jobs; i++) {
		int status;
		(void)waitpid(pids[i], &status, 0);
		if (jobs[i].done)
			continue;
		size_t at = jobs[i].failures < TOLD_MAX ? jobs[i].failures : TOLD_MAX - 1;
		jobs[i].failed[at] = jobs[i].seed;
		(void)snprintf(jobs[i].symptoms[at], sizeof(jobs[i].symptoms[at]), "the program crashed, wait status %d",
					   status);
		jobs[i].failures++;
	}
}

static struct job *shared_jobs(void)
{
	struct job *jobs = mmap(NULL, JOBS_MAX * sizeof(*jobs), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (jobs == MAP_FAILED)
		abort();
	return jobs;
}

/* The lowest failing seed; false: none. */
static bool first_failure(const struct wish *wish, const struct job *jobs, uint64_t *seed, const char **symptom)
{
	bool found = false;
	for (int i = 0; i < wish->jobs; i++)
		for (size_t k = 0; k < jobs[i].failures && k < TOLD_MAX; k++)
			if (!found || jobs[i].failed[k] < *seed) {
				found = true;
				*seed = jobs[i].failed[k];
				*symptom = jobs[i].symptoms[k];
			}
	return found;
}

static int run_seeds(const struct wish *wish)
{
	struct job *jobs = shared_jobs();
	double began_s = now_s();
	run_jobs(wish, jobs, !wish->keep_going);
	uint64_t runs = 0, failures = 0, seed = 0;
	struct co_tallies all = {.commands = 0};
	const char *symptom = "";
	for (int i = 0; i < wish->jobs; i++) {
		runs += jobs[i].runs;
		failures += jobs[i].failures;
		all.commands += jobs[i].tallies.commands;
		all.redirected += jobs[i].tallies.redirected;
		all.untaken += jobs[i].tallies.untaken;
		all.poisoned += jobs[i].tallies.poisoned;
		all.refused += jobs[i].tallies.refused;
		all.lost += jobs[i].tallies.lost;
		all.streams += jobs[i].tallies.streams;
		all.tails += jobs[i].tallies.tails;
		all.rotations += jobs[i].tallies.rotations;
		for (size_t k = 0; k < jobs[i].failures && k < TOLD_MAX; k++)
			printf("seed %" PRIu64 ": %s\n", jobs[i].failed[k], jobs[i].symptoms[k]);
	}
	printf("%" PRIu64 " records of commands; %" PRIu64 " times Kafka refused a record, %" PRIu64
		   " commands poisoned, %" PRIu64 " with their reply untaken, %" PRIu64 " replies without their topic; %" PRIu64
		   " positions lost; %" PRIu64 " seeds by the stream's clock; %" PRIu64
		   " times a replica took over without the tail; %" PRIu64
		   " times a lane went on under another transactional id\n",
		   all.commands, all.refused, all.poisoned, all.untaken, all.redirected, all.lost, all.streams, all.tails,
		   all.rotations);
	printf("simulation: %" PRIu64 " seeds, %" PRIu64 " failed, %.1f s\n", runs, failures, now_s() - began_s);
	if (!first_failure(wish, jobs, &seed, &symptom))
		return runs ? 0 : 1;
	char again[400];
	printf("\nHistory of seed %" PRIu64 " (again with --seed %" PRIu64 "):\n", seed, seed);
	if (!wish->keep_going)
		(void)co_simulate(seed, true, again, sizeof(again), &(struct co_tallies){.commands = 0});
	return 1;
}

static bool any_crashed(const struct wish *wish, const struct job *jobs)
{
	bool crashed = false;
	for (int i = 0; i < wish->jobs; i++)
		crashed = crashed || !jobs[i].done;
	return crashed;
}

/* Caught is what broke an invariant; a mutant that only crashes shows nothing of the protection. */
static int run_mutants(const struct wish *given)
{
	struct job *jobs = shared_jobs();
	int caught = 0, tried = 0;
	for (size_t i = 1; i < CO_MUTANT_COUNT; i++) {
		struct wish wish = *given;
		uint64_t seed;
		const char *symptom;
		if (wish.mutant && strcmp(wish.mutant, mutants[i].name) != 0)
			continue;
		tried++;
		if (!given->seeds) {
			wish.first = mutants[i].first;
			wish.last = wish.first + mutants[i].seeds - 1;
		}
		co_mutant = (enum co_mutant_id)i;
		run_jobs(&wish, jobs, true);
		if (first_failure(&wish, jobs, &seed, &symptom)) {
			bool crashed = any_crashed(&wish, jobs);
			caught += !crashed;
			printf("%s   %s (%s)\n          seed %" PRIu64 ": %s\n", crashed ? "CRASHED" : "caught ", mutants[i].name,
				   mutants[i].text, seed, symptom);
		} else {
			printf("SURVIVES  %s (%s): %" PRIu64 " seeds\n", mutants[i].name, mutants[i].text,
				   wish.last - wish.first + 1);
		}
	}
	printf("%d of %d mutants caught\n", caught, tried);
	return caught == tried && tried > 0 ? 0 : 1;
}

static int run_one(uint64_t seed)
{
	char symptom[400];
	bool fine = co_simulate(seed, true, symptom, sizeof(symptom), &(struct co_tallies){.commands = 0});
	printf("seed %" PRIu64 ": %s\n", seed, fine ? "all invariants hold" : symptom);
	return fine ? 0 : 1;
}

static int usage(void)
{
	fputs(
		"usage: co_sim [--seeds A..B | --seed S | --long | --mutants] [--mutant NAME] [--force FEATURE]... [--jobs N]\n"
		"              [--verbose] [--all]\n"
		"  --seeds A..B   (1..10000); --long: 1..100000\n"
		"  --seed S       one seed with its history\n"
		"  --mutants      every protection switched off in turn has to be noticed; --mutant NAME: this one (0: it "
		"was),\n"
		"                 in its own seeds or those of --seeds; with --seed: the history\n"
		"  --force F      every seed has it: poison, lost, stream, rebuild, moves, stuck (features.def)\n"
		"  --jobs N       processes (2); --verbose: what the lanes log, to stderr; --all: goes on behind a failure\n",
		stderr);
	return 2;
}

static bool read_range(const char *text, struct wish *wish)
{
	wish->seeds = true;
	return sscanf(text, "%" SCNu64 "..%" SCNu64, &wish->first, &wish->last) == 2 && wish->first <= wish->last;
}

static bool choose_mutant(const char *name)
{
	for (size_t i = 1; i < CO_MUTANT_COUNT; i++)
		if (strcmp(name, mutants[i].name) == 0)
			co_mutant = (enum co_mutant_id)i;
	return co_mutant != CO_MUTANT_NONE;
}

static bool force(const char *name)
{
	static const char *const names[CO_FEATURE_COUNT] = {
#define CO_FEATURE(name, text, chance) text,
#include "features.def"
#undef CO_FEATURE
	};
	size_t i = 0;
	while (i < CO_FEATURE_COUNT && strcmp(name, names[i]) != 0)
		i++;
	if (i < CO_FEATURE_COUNT)
		co_forced[i] = true;
	return i < CO_FEATURE_COUNT;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seeds", required_argument, NULL, 's'},  {"seed", required_argument, NULL, 'o'},
		{"long", no_argument, NULL, 'l'},         {"mutants", no_argument, NULL, 'm'},
		{"mutant", required_argument, NULL, 'M'}, {"force", required_argument, NULL, 'f'},
		{"jobs", required_argument, NULL, 'j'},   {"verbose", no_argument, NULL, 'v'},
		{"all", no_argument, NULL, 'a'},          {NULL, 0, NULL, 0}};
	struct wish wish = {.first = 1, .last = 10000, .jobs = 2};
	uint64_t one = 0;
	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (option == 'o')
			one = strtoull(optarg, NULL, 10);
		else if (option == 'l')
			wish.last = 100000, wish.seeds = true;
		else if (option == 'm')
			wish.mutants = true;
		else if (option == 'v')
			wish.verbose = true;
		else if (option == 'a')
			wish.keep_going = true;
		else if (option == 'j')
			wish.jobs = atoi(optarg);
		else if (!(option == 's' && read_range(optarg, &wish)) && !(option == 'M' && (wish.mutant = optarg)) &&
				 !(option == 'f' && force(optarg)))
			return usage();
	}
	if (optind < argc || wish.jobs < 1 || wish.jobs > JOBS_MAX || (wish.mutant && !choose_mutant(wish.mutant)))
		return usage();
	co_log_setup(wish.verbose ? CO_LOG_DEBUG : CO_LOG_BUG, CO_LOG_TEXT);
	if (one)
		return run_one(one);
	return wish.mutants || wish.mutant ? run_mutants(&wish) : run_seeds(&wish);
}
