#include "await.h"

#include "tk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define AWAIT_MS 120000
#define EVERY_MS 50
#define SHOWN 4000

static _Noreturn void missing(struct co_tk_worker *worker, const char *what)
{
	char *log = co_tk_worker_log(worker);
	size_t length = strlen(log);

	co_tk_fail("no %s within %d s; the log ends with:\n%s", what, AWAIT_MS / 1000,
			   length > SHOWN ? log + length - SHOWN : log);
}

size_t await_log_size(struct co_tk_worker *worker)
{
	char *log = co_tk_worker_log(worker);
	size_t size = strlen(log);

	free(log);
	return size;
}

size_t await_log_lines(struct co_tk_worker *worker, size_t from, const char *event, const char *word)
{
	char *log = co_tk_worker_log(worker), *save = NULL;
	size_t count = 0, size = strlen(log);

	for (char *line = strtok_r(log + (from < size ? from : size), "\n", &save); line;
		 line = strtok_r(NULL, "\n", &save))
		count += strstr(line, event) && strstr(line, word);
	free(log);
	return count;
}

void await_log(struct co_tk_worker *worker, size_t from, const char *event, const char *word)
{
	for (int64_t end = co_tk_now_ms() + AWAIT_MS; await_log_lines(worker, from, event, word) == 0;
		 co_tk_sleep_ms(EVERY_MS)) {
		if (co_tk_now_ms() < end)
			continue;
		char *what = co_tk_format("line with %s and \"%s\"", event, word);
		missing(worker, what);
	}
}

void await_metric(struct co_tk_worker *worker, const char *series, double least)
{
	/* not a number: not there yet, or no answer in time */
	for (int64_t end = co_tk_now_ms() + AWAIT_MS; !(co_tk_worker_metric(worker, series) >= least);
		 co_tk_sleep_ms(EVERY_MS)) {
		if (co_tk_now_ms() < end)
			continue;
		char *what = co_tk_format("%s of %g or more", series, least);
		missing(worker, what);
	}
}

double await_value(struct co_tk_worker *worker, const char *series)
{
	double value;

	for (int64_t end = co_tk_now_ms() + AWAIT_MS; isnan(value = co_tk_worker_metric(worker, series));
		 co_tk_sleep_ms(EVERY_MS)) {
		if (co_tk_now_ms() >= end)
			missing(worker, series);
	}
	return value;
}

int await_answer(struct co_tk_worker *worker, const char *page, char **body)
{
	int status;

	for (int64_t end = co_tk_now_ms() + AWAIT_MS; (status = co_tk_worker_get(worker, page, body)) < 0;
		 co_tk_sleep_ms(EVERY_MS)) {
		if (co_tk_now_ms() >= end)
			missing(worker, page);
	}
	return status;
}
