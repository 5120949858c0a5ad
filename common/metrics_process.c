/* The process_* metrics that every Prometheus client has, read from /proc at each scrape. */
#include "metrics_internal.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const struct co_process_row {
	const char *name, *type, *sentence;
} rows[] = {
	{"process_cpu_seconds_total", "counter", "User and system CPU time spent, in seconds."},
	{"process_resident_memory_bytes", "gauge", "Resident memory, in bytes."},
	{"process_open_fds", "gauge", "Open file descriptors."},
	{"process_start_time_seconds", "gauge", "When the process started, as Unix time."},
};
enum { CPU, MEMORY, FDS, START };

static double seconds(clockid_t clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now))
		return -1;
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* The file's first line, at most; false when it cannot be read. */
static bool read_line(const char *path, char *line, int size)
{
	FILE *file = fopen(path, "re");
	bool found = file && fgets(line, size, file);

	if (file)
		fclose(file);
	return found;
}

/* The number after `skip` words; -1 when there is none. */
static double number_after(const char *words, unsigned skip)
{
	char *end;
	unsigned long long number;

	for (words += strspn(words, " "); skip > 0; skip--) {
		words += strcspn(words, " ");
		words += strspn(words, " ");
	}
	number = strtoull(words, &end, 10);
	return end == words ? -1 : (double)number;
}

static double resident_bytes(void)
{
	char line[256];
	double pages = read_line("/proc/self/statm", line, sizeof line) ? number_after(line, 1) : -1;

	return pages < 0 ? -1 : pages * (double)sysconf(_SC_PAGESIZE);
}

static double open_fds(void)
{
	double count = 0;
	DIR *folder = opendir("/proc/self/fd");

	if (!folder)
		return -1;
	for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
		count += entry->d_name[0] != '.';
	closedir(folder);
	return count - 1; /* without the one that reads the folder */
}

/* Computed once: the two clocks drift apart by microseconds, and a start time that moves looks like a restart. */
static _Atomic int64_t start_ms;

/* Field 22 of /proc/self/stat: ticks from the machine's start to the process's. */
static double read_start(void)
{
	char line[1024];
	const char *after_name;
	double ticks = -1;

	/* The program's name may hold blanks and parentheses: what follows the last one is field 3. */
	if (read_line("/proc/self/stat", line, sizeof line) && (after_name = strrchr(line, ')')) != NULL)
		ticks = number_after(after_name + 1, 19);
	if (ticks < 0)
		return -1;
	return seconds(CLOCK_REALTIME) - seconds(CLOCK_BOOTTIME) + ticks / (double)sysconf(_SC_CLK_TCK);
}

static double start_seconds(void)
{
	int64_t known_ms = atomic_load_explicit(&start_ms, memory_order_relaxed);
	double fresh;

	if (known_ms == 0 && (fresh = read_start()) > 0) {
		int64_t fresh_ms = (int64_t)(fresh * 1000);
		if (atomic_compare_exchange_strong_explicit(&start_ms, &known_ms, fresh_ms, memory_order_relaxed,
													memory_order_relaxed))
			known_ms = fresh_ms;
	}
	return known_ms ? (double)known_ms / 1000 : -1;
}

static void put(struct co_buf *out, const char *text)
{
	co_buf_add(out, co_view_cstr(text));
}

void co_metrics_expose_process(struct co_buf *out)
{
	const double values[] = {
		[CPU] = seconds(CLOCK_PROCESS_CPUTIME_ID),
		[MEMORY] = resident_bytes(),
		[FDS] = open_fds(),
		[START] = start_seconds(),
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char head[256];
		if (values[i] < 0)
			continue;
		snprintf(head, sizeof head, "# HELP %s %s\n# TYPE %s %s\n%s ", rows[i].name, rows[i].sentence, rows[i].name,
				 rows[i].type, rows[i].name);
		put(out, head);
		co_metrics_put_double(out, values[i]);
		put(out, "\n");
	}
}

void co_metrics_describe_process(struct co_buf *out)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char line[256];
		snprintf(line, sizeof line, "| `%s` | %s |  | %s |\n", rows[i].name, rows[i].type, rows[i].sentence);
		put(out, line);
	}
}
