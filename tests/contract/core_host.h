/* The core as a host for the vectors: a lane behind its ports, on a model of the log and the view. */
#ifndef CO_CORE_HOST_H
#define CO_CORE_HOST_H

#include "vectors.h"

#include <stdint.h>

struct core_host_settings {
	size_t batch_max_records;
	/* How many of a thousand calls of a port fail; 0: none. The answers have to be the same. */
	unsigned faults_permille;
	uint64_t seed;
};

/* One at a time. */
struct co_vectors_host core_host(const struct core_host_settings *settings);

#endif
