/* The canary of tests/sanitize/run: does on purpose what the watchers have to report. `race`: two threads write one
 * variable. `leak`: the last pointer to a block is lost. `read`: a block is read that was freed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int shared;
static void *volatile kept;

static void *write_shared(void *unused)
{
	shared++;
	return unused;
}

int main(int argc, char **argv)
{
	pthread_t one, two;
	const char *what = argc > 1 ? argv[1] : "";

	if (strcmp(what, "race") == 0) {
		if (pthread_create(&one, NULL, write_shared, NULL) || pthread_create(&two, NULL, write_shared, NULL))
			return 1;
		return pthread_join(one, NULL) || pthread_join(two, NULL);
	}
	kept = malloc(16);
	if (strcmp(what, "leak") == 0) {
		kept = NULL;
		return 0;
	}
	if (strcmp(what, "read") == 0) {
		volatile char *block = kept;
		free(kept);
		return block[0] == 'x' ? 3 : 0; /* NOLINT(clang-analyzer-unix.Malloc): that is the point */
	}
	fprintf(stderr, "usage: sanitize_canary race|leak|read\n");
	return 2;
}
