#include "checkout/crash.h"

#ifdef CO_CRASH_POINTS
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Whether this pass of the point is the one that the variable asks for: NAME or NAME:PASSES_BEFORE. */
static bool is_wanted(const char *variable, const char *name, atomic_long *passes)
{
	const char *wanted = getenv(variable);
	if (!wanted)
		return false;
	size_t len = strcspn(wanted, ":");
	if (strlen(name) != len || strncmp(name, wanted, len) != 0)
		return false;
	long before = wanted[len] == ':' ? strtol(wanted + len + 1, NULL, 10) : 0;
	return atomic_fetch_add(passes, 1) == before;
}

/* For ever, or as long as the file is there that tells of it. */
static void hang(void)
{
	const char *file = getenv("CO_HANG_FILE");
	const struct timespec pause_time = {.tv_nsec = 5000000};
	int handle = file ? open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600) : -1;
	if (handle >= 0)
		(void)close(handle);
	while (!file || access(file, F_OK) == 0)
		(void)nanosleep(&pause_time, NULL);
}

void co_crash_point(const char *name)
{
	static atomic_long deaths, hangs;
	if (is_wanted("CO_CRASH", name, &deaths))
		(void)kill(getpid(), SIGKILL);
	if (is_wanted("CO_HANG", name, &hangs))
		hang();
}
#else
typedef int co_crash_nothing_here;
#endif
