#include "sim.h"

void co_sim_time_pass(struct co_sim_time *time, int64_t duration_ms)
{
	time->wall_ms += duration_ms;
	time->monotonic_ms += duration_ms;
}

static int64_t wall_ms(void *self)
{
	return ((struct co_sim_time *)self)->wall_ms;
}

static int64_t monotonic_ms(void *self)
{
	return ((struct co_sim_time *)self)->monotonic_ms;
}

static void sleep_ms(void *self, int64_t duration_ms)
{
	co_sim_time_pass(self, duration_ms);
}

struct co_clock co_sim_clock(struct co_sim_time *time)
{
	return (struct co_clock){.self = time, .wall_ms = wall_ms, .monotonic_ms = monotonic_ms, .sleep_ms = sleep_ms};
}
