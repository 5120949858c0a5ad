/* The story of the demo: commands in, replies and events out, each held against what has to come.
 * Owns nothing beyond the call. */
#ifndef CHECKOUTCTL_DEMO_STORY_H
#define CHECKOUTCTL_DEMO_STORY_H

#include "ctl.h"

/* Plays it against the service behind `connection`. `alive` says whether the service still runs. Returns the number of
 * steps that came out otherwise than expected, told on world->out; -1 when it could not be played to its end. */
int ctl_story_play(const struct ctl_world *world, const struct ctl_connection *connection, bool (*alive)(void *opaque),
				   void *opaque);

#endif
