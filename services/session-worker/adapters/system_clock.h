/* The clock port on this machine's clocks. Owns nothing. */
#ifndef CHECKOUT_ADAPTERS_SYSTEM_CLOCK_H
#define CHECKOUT_ADAPTERS_SYSTEM_CLOCK_H

#include "checkout/ports/clock.h"

struct co_clock co_system_clock(void);

#endif
