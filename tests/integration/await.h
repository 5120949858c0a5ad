/* What a worker tells by and by: its log and its metrics follow its deeds, and its admin port may take its time on a
 * busy machine. Polls, and ends the test with the log's end when nothing comes within two minutes; no promise of the
 * contract is timed here. */
#ifndef CO_AWAIT_H
#define CO_AWAIT_H

#include "worker.h"

#include <stddef.h>

/* The log's size: what a fault brings is looked for behind the size from before it. */
size_t await_log_size(struct co_tk_worker *worker);
/* Lines of the log from `from` on that hold both words. */
size_t await_log_lines(struct co_tk_worker *worker, size_t from, const char *event, const char *word);
/* Waits for such a line. */
void await_log(struct co_tk_worker *worker, size_t from, const char *event, const char *word);
/* Waits until the series is there and is at least that. */
void await_metric(struct co_tk_worker *worker, const char *series, double least);
/* The series' value, as soon as it is told. */
double await_value(struct co_tk_worker *worker, const char *series);
/* HTTP status of a page, asked again when no answer came in time; *body (may be NULL) is to be freed. */
int await_answer(struct co_tk_worker *worker, const char *page, char **body);

#endif
