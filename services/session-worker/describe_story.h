/* One short story per 93xxxxx code, told by the service's own core: the examples in docs/ERRORS.md are what really
 * comes out, made when the page is printed. Owns nothing; never does I/O, never reads a clock. */
#ifndef CHECKOUT_DESCRIBE_STORY_H
#define CHECKOUT_DESCRIBE_STORY_H

#include "checkout/app/output.h"

struct co_example {
	struct co_record command;  /* the last one of the story */
	struct co_message outcome; /* what tells the code: the reply, or the error event of a command that was accepted */
	bool is_reply;
};

/* Everything lives in the arena. The same code gives the same bytes. */
void co_example_tell(enum co_code code, struct co_arena *arena, struct co_example *out);

#endif
