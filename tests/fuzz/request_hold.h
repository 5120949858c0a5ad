/* What holds for the outputs of any command, whatever it was. Each ends the program where it does not hold. Never used
 * outside tests/fuzz. */
#ifndef TESTS_FUZZ_REQUEST_HOLD_H
#define TESTS_FUZZ_REQUEST_HOLD_H

#include "request_story.h"

#include <stdlib.h>

static inline void hold(bool condition)
{
	if (!condition)
		abort();
}

/* What a reply says of itself. */
struct told {
	bool accepted, has_session;
	enum co_code code; /* refused */
	int64_t version;   /* of the session, if it shows one */
	struct co_view session;
};
struct told hold_reply(struct bench *bench, const struct co_message *reply);
/* Every message of the round: JSON but for a dead letter's value, and no larger than Kafka takes. */
void hold_messages(struct bench *bench);
/* Every entry for the view: its stored form reads back and writes the same, and lies in `state` so. */
void hold_entries(struct bench *bench);
/* The first `count` messages, byte for byte. */
void hold_same(const struct co_message *a, const struct co_message *b, size_t count);

#endif
