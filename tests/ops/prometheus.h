/* A real Prometheus for a test: scrapes workers once a second under the project's own alert rules, their times scaled
 * down, and remembers which alerts it has seen firing. Owns its process and folder; they end with the test. */
#ifndef CO_TEST_PROMETHEUS_H
#define CO_TEST_PROMETHEUS_H

#include "worker.h"

#define PROMETHEUS_ALERTS_MAX 64
#define PROMETHEUS_TARGETS_MAX 8

struct prometheus {
	const char *directory;
	int port;
	pid_t pid;
	struct co_tk_worker *targets[PROMETHEUS_TARGETS_MAX];
	size_t alert_count; /* of the rule file */
	struct prometheus_alert {
		char name[64];
		bool fires; /* when last looked */
		/* what was going on when it first fired, and when it was last seen firing; NULL: it never did */
		const char *fault, *last_fault;
	} alerts[PROMETHEUS_ALERTS_MAX];
};

/* Starts it with no targets; ends the test when it does not come up. */
void prometheus_start(struct prometheus *prometheus);
void prometheus_stop(struct prometheus *prometheus);
/* The worker is scraped as instance "w<index>" from now on, at its present port; NULL: no more. */
void prometheus_target(struct prometheus *prometheus, size_t index, struct co_tk_worker *worker);
/* Asks which alerts fire; `fault` names what is going on. */
void prometheus_look(struct prometheus *prometheus, const char *fault);
/* Waits until all the alerts (NULL-terminated) have been seen firing under this very `fault`, which prometheus_look may
 * have been told before; fails with one that has not. */
void prometheus_expect(struct prometheus *prometheus, const char *fault, const char *const *names, int64_t timeout_ms);
/* Whether the alert was last seen firing under this very `fault`. */
bool prometheus_fired(struct prometheus *prometheus, const char *name, const char *fault);
/* Waits up to a minute until the query's result is one sample of a value above 0; false: it is not. */
bool prometheus_holds(struct prometheus *prometheus, const char *query_escaped);
/* The rule file with every `for:` divided by 60, but no shorter than two scrapes, and every range by 30, but no
 * shorter than six. free() it. */
char *prometheus_scaled(const char *rules);

#endif
