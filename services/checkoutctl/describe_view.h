/* What Redis shows of one session. Read only; owns its connection for the length of the call. */
#ifndef CHECKOUTCTL_DESCRIBE_VIEW_H
#define CHECKOUTCTL_DESCRIBE_VIEW_H

#include "ctl.h"

/* Prints the partition's marker (seq, generation), whether the session is kept, and its deadline. `url`:
 * redis://[user:password@]host:port/db or unix:///path; it is never printed. False after the reason in `error`. */
bool ctl_describe_view(const struct ctl_world *world, const char *url, const char *key_prefix, int32_t partition,
					   const char *session, int timeout_ms, struct co_error *error);

#endif
