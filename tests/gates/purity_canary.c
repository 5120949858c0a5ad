/* Does what the domain must not do; linked nowhere. */
#include <stdlib.h>
#include <time.h>

long co_purity_canary(void);

long co_purity_canary(void)
{
	char *memory = malloc(8);
	long sum = memory ? (long)time(NULL) : 0;

	/* cppcheck-suppress memleak ; it is never run */
	return getenv("HOME") ? sum : -sum;
}
