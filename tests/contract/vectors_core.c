/* The vectors against the core in this process. CO_BATCH: records per transaction at most (default 1000). CO_FAULTS:
 * how many of a thousand calls to log and view fail (default 0), by CO_SEED (default 1). */
#include "core_host.h"

#include <stdlib.h>

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct core_host_settings settings = {.batch_max_records = number("CO_BATCH", 1000),
										  .faults_permille = (unsigned)number("CO_FAULTS", 0),
										  .seed = number("CO_SEED", 1)};
	struct co_vectors_host host = core_host(&settings);

	return co_vectors_main(&host, argc, argv);
}
