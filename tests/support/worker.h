/* The service as a process: starts it with a configuration file of its own, reads its log, signals it, waits for what
 * /readyz says. Owns the process; it ends with the test. */
#ifndef CO_TK_WORKER_H
#define CO_TK_WORKER_H

#include "kafka.h"

struct co_tk_worker {
	const char *directory; /* session-worker.conf, worker.log */
	char log[128];         /* path */
	int admin_port;
	pid_t pid;
};

struct co_tk_worker_options {
	const char *program;  /* path; NULL: the session-worker of the build */
	const char *instance; /* NULL: "w" + a number */
	const char *prefix;   /* NULL: the default */
	const char *group;    /* NULL: the default */
	int lanes;            /* 0: not set */
	/* "section.key=value", NULL-terminated, told by -X */
	const char *const *overrides;
	/* "NAME=value", NULL-terminated */
	const char *const *environment;
	const char *crash; /* CO_CRASH; NULL: none */
	/* Of an earlier start, whose log is gone on with; NULL: a fresh one. */
	const char *directory;
};

/* Starts it; does not wait. Ends the test when the program was not built. */
void co_tk_worker_start(struct co_tk_worker *worker, struct co_tk_kafka *kafka, struct co_tk_redis *redis,
						const struct co_tk_worker_options *options);
/* HTTP status of a page of the admin port, -1 when it does not answer; *body (may be NULL) is to be freed. */
int co_tk_worker_get(struct co_tk_worker *worker, const char *page, char **body);
/* Waits for 200 of /readyz; ends the test with the log's tail when it does not come or the process ended. */
void co_tk_worker_wait_ready(struct co_tk_worker *worker, int64_t timeout_ms);
bool co_tk_worker_is_ready(struct co_tk_worker *worker);
/* A metric's value ("checkout_commands_total{command=\"create\",outcome=\"accepted\"}"), NAN when it is not there. */
double co_tk_worker_metric(struct co_tk_worker *worker, const char *series);
void co_tk_worker_signal(struct co_tk_worker *worker, int number);
/* Exit status as of co_tk_reap. */
int co_tk_worker_wait(struct co_tk_worker *worker, int64_t timeout_ms);
void co_tk_worker_kill(struct co_tk_worker *worker);
/* SIGTERM; ends the test unless it exits 0 within 20 s (contract section 9). */
void co_tk_worker_stop(struct co_tk_worker *worker);
/* The log so far; free() it. */
char *co_tk_worker_log(struct co_tk_worker *worker);

#endif
