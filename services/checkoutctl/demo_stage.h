/* Everything that the demo needs around it: a temporary folder, librdkafka's mock broker in this process, a private
 * redis-server and a session-worker.
 * Owns all of it from open to close; close is safe after any failure of open, and leaves nothing behind. */
#ifndef CHECKOUTCTL_DEMO_STAGE_H
#define CHECKOUTCTL_DEMO_STAGE_H

#include "demo_child.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#define CTL_STAGE_PATH_MAX 512
#define CTL_STAGE_PREFIX "checkout.session."

struct ctl_stage {
	char folder[CTL_STAGE_PATH_MAX]; /* "" when there is none */
	char worker_log[CTL_STAGE_PATH_MAX + 32];
	rd_kafka_t *handle;
	rd_kafka_mock_cluster_t *broker;
	const char *bootstrap;
	struct ctl_child redis, worker;
	pid_t caretaker; /* removes the folder should this process be killed; 0: none */
	int caretaker_pipe;
	char **environment; /* of the children: this process's without CHECKOUT_* */
};

/* `worker`: the program, NULL for none (the caller plays it). False with the reason in `error`; close in any case. */
bool ctl_stage_open(struct ctl_stage *stage, const struct ctl_world *world, const char *worker, struct co_error *error);
/* Ends the worker in order and returns its exit code. */
int ctl_stage_end_worker(struct ctl_stage *stage);
/* The last lines of the worker's log. */
void ctl_stage_tell_log(const struct ctl_stage *stage, FILE *out);
/* `keep` leaves the folder. */
void ctl_stage_close(struct ctl_stage *stage, bool keep);

#endif
