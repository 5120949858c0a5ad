/* Port: this machine's time. It never decides anything about a session: only when to wake, tick, log and give up
 * waiting. */
#ifndef CHECKOUT_PORTS_CLOCK_H
#define CHECKOUT_PORTS_CLOCK_H

#include <stdint.h>

struct co_clock {
	void *self;
	int64_t (*wall_ms)(void *self);      /* since 1970 */
	int64_t (*monotonic_ms)(void *self); /* never goes back */
	void (*sleep_ms)(void *self, int64_t duration_ms);
};

#endif
