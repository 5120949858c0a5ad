/* Port: reading one partition of `state` from an offset on, committed transactions only. */
#ifndef CHECKOUT_PORTS_REPLAY_H
#define CHECKOUT_PORTS_REPLAY_H

#include <stdbool.h>

#include "checkout/arena.h"
#include "checkout/ports/log.h"
#include "checkout/status.h"

struct co_replay {
	void *self;
	/* `offset` 0: the beginning of what is kept. */
	enum co_status (*open)(void *self, int32_t partition, int64_t offset);
	/* CO_OK with *at_end false: *out (valid until the next call). CO_OK with *at_end true: the end of the stable part
	 * was reached (more may come). CO_NOTHING: nothing within `timeout_ms`. CO_LOG_DOWN. */
	enum co_status (*next)(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out, bool *at_end);
	/* After *at_end: does the log end there as well? False: a transaction that is not over, or whose marker has not
	 * landed, lies behind it. */
	bool (*is_settled)(void *self);
	void (*close)(void *self);
};

#endif
