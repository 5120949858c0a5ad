#include "demo_child.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAIT_STEP_MS 10

/* In the child, between fork and exec: async-signal-safe calls alone, since other threads run in the parent. */
static void become(char *const *argv, char *const *environment, int output, int report, pid_t parent)
{
	int failure;

	setpgid(0, 0); /* Ctrl-C is for the demo, which then ends its children in order */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && dup2(output, STDOUT_FILENO) >= 0 && dup2(output, STDERR_FILENO) >= 0)
		execvpe(argv[0], argv, environment);
	failure = errno;
	(void)!write(report, &failure, sizeof(failure));
	_exit(127);
}

bool ctl_child_start(struct ctl_child *child, char *const *argv, char *const *environment, const char *output_file,
					 struct co_error *error)
{
	int report[2], failure = 0;
	pid_t parent = getpid();
	int output = open(output_file, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	*child = (struct ctl_child){0};
	if (output < 0 || pipe2(report, O_CLOEXEC) != 0) {
		co_error_set(error, output_file, "%s: %s", output_file, strerror(errno));
		if (output >= 0)
			close(output);
		return false;
	}
	child->pid = fork();
	if (child->pid == 0)
		become(argv, environment, output, report[1], parent);
	failure = child->pid < 0 ? errno : 0;
	close(output);
	close(report[1]);
	/* Closed by a successful exec; else it holds the reason. */
	if (child->pid > 0 && read(report[0], &failure, sizeof(failure)) != (ssize_t)sizeof(failure))
		failure = 0;
	close(report[0]);
	if (failure == 0)
		return true;
	co_error_set(error, argv[0], "%s cannot be started: %s", argv[0], strerror(failure));
	(void)ctl_child_stop(child, 0);
	return false;
}

bool ctl_child_is_alive(struct ctl_child *child)
{
	int status = 0;
	pid_t found;

	if (child->pid <= 0 || child->ended)
		return false;
	found = waitpid(child->pid, &status, WNOHANG);
	if (found == 0 || (found < 0 && errno == EINTR))
		return true;
	child->ended = true;
	child->exit_code = found < 0 ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return false;
}

int ctl_child_stop(struct ctl_child *child, int grace_ms)
{
	int64_t deadline_ms = ctl_monotonic_ms() + grace_ms;

	if (child->pid <= 0)
		return 0;
	if (ctl_child_is_alive(child))
		kill(child->pid, SIGTERM);
	while (ctl_child_is_alive(child)) {
		if (ctl_monotonic_ms() >= deadline_ms)
			kill(child->pid, SIGKILL);
		nanosleep(&(struct timespec){.tv_nsec = WAIT_STEP_MS * 1000000L}, NULL);
	}
	return child->exit_code;
}
