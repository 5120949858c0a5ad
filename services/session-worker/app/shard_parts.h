/* What taking a record and the passing of time have in common: the sessions in hand. For app/shard*.c alone.
 * Owns nothing: all of it lives in the round's arena. */
#ifndef CHECKOUT_APP_SHARD_PARTS_H
#define CHECKOUT_APP_SHARD_PARTS_H

#include "shard.h"

/* The session's place among those in hand; a new and empty one when it has none. */
struct co_work *co_shard_work(struct co_shard *shard, const struct co_uuid *id);
/* Its deadline may be another now. */
void co_shard_reschedule(struct co_shard *shard, const struct co_desk *desk, struct co_work *work);
/* The event of the session's last change. `origin` NULL: a deadline caused it. `snapshot`: as of that version. */
void co_shard_publish_event(struct co_shard *shard, const struct co_judge *judge, const struct co_origin *origin,
							const struct co_session *session, struct co_view snapshot, struct co_round *round);

#endif
