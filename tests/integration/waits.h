/* What the tests of long waits share: switches between a worker and its servers, and what a worker has to show while it
 * waits. */
#ifndef CO_WAITS_H
#define CO_WAITS_H

#include "it.h"
#include "proxy.h"

/* The servers of a program with a switch before each: the worker sees them through it, the test does not. */
struct waits_servers {
	struct rig_servers servers; /* as the test sees them */
	struct rig_servers seen;    /* as the worker does */
	struct co_tk_proxy *kafka, *redis;
};
int waits_setup(void **state);
int waits_teardown(void **state);

/* Opens a rig whose workers see the servers through the switches; starts one, with load, and waits until it is ready.
 */
void waits_begin(struct rig *rig, struct waits_servers *servers);
/* Both switches pass. */
void waits_pass(struct waits_servers *servers);
/* /readyz says no within 15 s, the process lives. Polls the reader meanwhile. */
void waits_expect_not_ready(struct rig *rig);
/* How long an outage lasts: 20 s, or what CO_OUTAGE_SECONDS says, for whoever has the minutes. */
int64_t waits_outage_ms(void);
/* What is told at once and then once a minute: how many lines an outage brings at the least and at the most. */
void waits_expect_lines(struct rig *rig, size_t from, const char *word, size_t least, size_t first);
/* The worker stays as it is for that long: alive, not ready, /livez 200. */
void waits_for(struct rig *rig, int64_t duration_ms);
/* Lines of worker 0's log from `from` on that contain the word. */
size_t waits_lines(struct rig *rig, size_t from, const char *word);
/* To be taken before the fault: what it brings lies behind, and the outage is timed from here. */
size_t waits_log_size(struct rig *rig);

#endif
