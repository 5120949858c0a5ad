/* The vectors against the core in this process. CO_BATCH: records per transaction at most (default 1000). */
#include "core_host.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *batch = getenv("CO_BATCH");
	struct co_vectors_host host = core_host(batch ? (size_t)atol(batch) : 1000);

	return co_vectors_main(&host, argc, argv);
}
