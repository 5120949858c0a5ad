/* The workers' side of the world: which process runs under which name. */
#ifndef CO_PROCS_H
#define CO_PROCS_H

#include "world.h"

#define CO_EPOCH_MS 1767225600000

/* The latest living process of a worker; NULL: none. */
struct co_proc *co_proc_of(struct co_world *world, int worker);
/* The process with that number; NULL: gone. */
struct co_proc *co_proc_by_id(struct co_world *world, uint64_t id);
bool co_proc_is_frozen(const struct co_proc *proc);

/* What the lane library calls in place of malloc and so on: all of it is given back when its process crashes. */
void *co_sim_malloc(size_t size);
void *co_sim_calloc(size_t count, size_t size);
void *co_sim_realloc(void *old, size_t size);
void co_sim_free(void *block);

#endif
