/* The core as a host for the vectors: a lane behind its ports, on a model of the log and the view. */
#ifndef CO_CORE_HOST_H
#define CO_CORE_HOST_H

#include "vectors.h"

/* One at a time. */
struct co_vectors_host core_host(size_t batch_max_records);

#endif
