#include "system_clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
	struct timespec at;
	(void)clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static int64_t wall_ms(void *self)
{
	(void)self;
	return read_ms(CLOCK_REALTIME);
}

static int64_t monotonic_ms(void *self)
{
	(void)self;
	return read_ms(CLOCK_MONOTONIC);
}

static void sleep_ms(void *self, int64_t duration_ms)
{
	(void)self;
	struct timespec length = {.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000};
	(void)nanosleep(&length, NULL);
}

struct co_clock co_system_clock(void)
{
	return (struct co_clock){.wall_ms = wall_ms, .monotonic_ms = monotonic_ms, .sleep_ms = sleep_ms};
}
