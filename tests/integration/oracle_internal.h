/* What the parts of the oracle share. */
#ifndef CO_ORACLE_INTERNAL_H
#define CO_ORACLE_INTERNAL_H

#include "oracle.h"

/* A session as its lifecycle events tell it. */
struct co_seen_session {
	char id[40];
	int32_t partition;
	size_t version; /* of the last event */
	json_t *last;   /* its snapshot */
	size_t expiries, ends;
	int64_t expires_ms, updated_ms;
	bool expired_by_time;
	const struct co_tk_record *state; /* the last record of `state` with this key */
};

struct co_seen {
	size_t count, cap;
	struct co_seen_session *sessions;
};

bool co_oracle_topic(const struct co_oracle *oracle, const struct co_tk_record *record, const char *name);
/* Fills *seen from the events; a sentence when they are no fold (contract sections 5 and 7). */
char *co_oracle_fold(const struct co_oracle *oracle, struct co_seen *seen);
void co_oracle_forget(struct co_seen *seen);
struct co_seen_session *co_oracle_find(struct co_seen *seen, struct co_view id);
/* One committed reply per command, and what was judged in time was in time. */
char *co_oracle_check_replies(struct co_oracle *oracle, const struct co_seen *seen);
/* `state`, Redis and the committed positions against the fold. */
char *co_oracle_check_view(struct co_oracle *oracle, struct co_seen *seen);
/* When time itself changes the session next; -1: never. */
int64_t co_oracle_deadline(const struct co_oracle *oracle, const struct co_seen_session *session);
int64_t co_oracle_instant(const char *text);

#endif
