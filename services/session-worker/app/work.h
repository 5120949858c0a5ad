/* A session in hand: what a shard knows of it during a round. Lives in the round's arena; owns nothing. */
#ifndef CHECKOUT_APP_WORK_H
#define CHECKOUT_APP_WORK_H

#include "checkout/bytes.h"
#include "checkout/domain/session.h"
#include "checkout/uuid.h"

struct co_work {
	struct co_uuid id;
	struct co_session *session; /* NULL: there is none */
	struct co_view snapshot;    /* of the session as it is now; ptr NULL: not made yet */
	bool unreadable;            /* the stored record cannot be read */
	bool stored;                /* the view has a record of it */
	bool dirty;                 /* it goes to `state` and into the view */
	bool repair;                /* only the view's deadline is dropped; `raw` stays as it is */
	struct co_view raw;         /* the stored record as it came */
	int64_t due_ms;             /* CO_NEVER: none */
};

#endif
