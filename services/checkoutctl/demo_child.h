/* A child process of the demo: started with its output in a file, ended for certain.
 * Owns the process until stop. A child never outlives this program: the kernel ends it when the parent dies. */
#ifndef CHECKOUTCTL_DEMO_CHILD_H
#define CHECKOUTCTL_DEMO_CHILD_H

#include "ctl.h"

#include <sys/types.h>

struct ctl_child {
	pid_t pid; /* 0: none */
	bool ended;
	int exit_code; /* once ended; 128 + the signal that ended it */
};

/* Runs argv[0] (looked up in PATH when it has no slash) with this environment. False with the reason in `error`. */
bool ctl_child_start(struct ctl_child *child, char *const *argv, char *const *environment, const char *output_file,
					 struct co_error *error);
bool ctl_child_is_alive(struct ctl_child *child);
/* SIGTERM, and SIGKILL after `grace_ms`; returns its exit code. Harmless on a child that never started. */
int ctl_child_stop(struct ctl_child *child, int grace_ms);

#endif
