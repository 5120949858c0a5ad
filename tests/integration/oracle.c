#include "oracle.h"

#include "oracle_internal.h"
#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool co_oracle_topic(const struct co_oracle *oracle, const struct co_tk_record *record, const char *name)
{
	size_t length = strlen(oracle->prefix);

	return record->topic.len == length + strlen(name) && memcmp(record->topic.ptr, oracle->prefix, length) == 0 &&
		   memcmp(record->topic.ptr + length, name, strlen(name)) == 0;
}

int64_t co_oracle_instant(const char *text)
{
	struct tm parts = {0};
	char *end;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &parts);

	if (!rest || *rest != '.')
		return -1;
	long millis = strtol(rest + 1, &end, 10);
	if (end != rest + 4 || *end != 'Z')
		return -1;
	return (int64_t)timegm(&parts) * 1000 + millis;
}

/* ---- the fold of the lifecycle events ---- */

struct co_seen_session *co_oracle_find(struct co_seen *seen, struct co_view id)
{
	for (size_t i = 0; i < seen->count; i++)
		if (co_tk_is(id, seen->sessions[i].id))
			return &seen->sessions[i];
	return NULL;
}

static struct co_seen_session *add_session(struct co_seen *seen, const struct co_tk_record *record, const char *id)
{
	if (seen->count == seen->cap) {
		seen->cap = seen->cap ? seen->cap * 2 : 128;
		seen->sessions = co_tk_grow(seen->sessions, seen->cap * sizeof(*seen->sessions));
	}
	struct co_seen_session *session = &seen->sessions[seen->count++];
	*session = (struct co_seen_session){.partition = record->r.partition};
	snprintf(session->id, sizeof(session->id), "%s", id);
	return session;
}

static bool is_terminal(const char *status)
{
	static const char *const terminal[] = {"succeeded", "failed", "cancelled", "expired"};

	for (size_t i = 0; i < 4; i++)
		if (strcmp(status, terminal[i]) == 0)
			return true;
	return false;
}

static char *broken(const struct co_tk_record *record, const char *why)
{
	char *value = co_tk_show(record->r.value);
	char *text = co_tk_format("%.*s/%d@%lld %s: %s", (int)record->topic.len, record->topic.ptr, record->r.partition,
							  (long long)record->r.offset, why, value);

	free(value);
	return text;
}

/* An expiry that no command asked for: at the deadline, and published no earlier. */
static char *check_expiry(struct co_seen_session *session, const struct co_tk_record *record, const json_t *body)
{
	int64_t deadline = co_oracle_instant(co_tk_text_at(body, "session.expiresAt"));

	session->expiries++;
	if (!json_is_null(json_object_get(body, "command")))
		return NULL;
	session->expired_by_time = true;
	static const char *const at[] = {"scheduledAt", "effectiveAt", "time", "session.updatedAt"};
	for (size_t i = 0; i < 4; i++)
		if (co_oracle_instant(co_tk_text_at(body, at[i])) != deadline)
			return broken(record, "does not tell the deadline");
	return record->r.timestamp_ms < deadline ? broken(record, "was published before the deadline") : NULL;
}

/* Ended, kept for the retention, forgotten: its reference is free again (contract section 5). */
static bool is_forgotten(const struct co_oracle *oracle, const struct co_seen_session *session, const json_t *body)
{
	return session->last && is_terminal(co_tk_text_at(session->last, "status")) &&
		   co_oracle_instant(co_tk_text_at(body, "session.createdAt")) >= session->updated_ms + oracle->retention_ms;
}

static void begin_anew(struct co_seen_session *session)
{
	json_decref(session->last);
	session->last = NULL;
	session->version = session->ends = 0;
	session->expired_by_time = false;
}

static char *fold_event(const struct co_oracle *oracle, struct co_seen *seen, const struct co_tk_record *record,
						const json_t *body)
{
	const char *id = co_tk_text_at(body, "session.id"), *status = co_tk_text_at(body, "session.status");
	struct co_seen_session *session = co_oracle_find(seen, (struct co_view){id, strlen(id)});
	size_t version = (size_t)json_integer_value(co_tk_at(body, "session.version"));
	size_t previous = (size_t)json_integer_value(json_object_get(body, "previousVersion"));

	if (co_tk_header_is(&record->r, "ce_type", "checkout.session.late_payment"))
		return session && session->version == version ? NULL : broken(record, "is late money of an unknown version");
	if (!session)
		session = add_session(seen, record, id);
	if (session->partition != record->r.partition)
		return broken(record, "lies on another partition than the session's first");
	if (version == 1 && is_forgotten(oracle, session, body))
		begin_anew(session);
	if (version != session->version + 1 || previous != session->version)
		return broken(record, "does not follow the version before it");
	if (session->last && is_terminal(co_tk_text_at(session->last, "status")))
		return broken(record, "follows the session's end");
	session->version = version;
	session->ends += is_terminal(status);
	session->expires_ms = co_oracle_instant(co_tk_text_at(body, "session.expiresAt"));
	session->updated_ms = co_oracle_instant(co_tk_text_at(body, "session.updatedAt"));
	json_decref(session->last);
	session->last = json_incref(json_object_get(body, "session"));
	return strcmp(status, "expired") == 0 ? check_expiry(session, record, body) : NULL;
}

/* Events of a session lie on one partition; the log holds each partition in order. */
char *co_oracle_fold(const struct co_oracle *oracle, struct co_seen *seen)
{
	*seen = (struct co_seen){0};
	for (size_t i = 0; i < oracle->log->count; i++) {
		const struct co_tk_record *record = oracle->log->records[i];
		if (!co_oracle_topic(oracle, record, "events"))
			continue;
		json_t *body = co_tk_json(record->r.value);
		char *failure = body ? fold_event(oracle, seen, record, body) : broken(record, "is no JSON");
		json_decref(body);
		if (failure)
			return failure;
	}
	return NULL;
}

void co_oracle_forget(struct co_seen *seen)
{
	for (size_t i = 0; i < seen->count; i++)
		json_decref(seen->sessions[i].last);
	free(seen->sessions);
	*seen = (struct co_seen){0};
}

int64_t co_oracle_deadline(const struct co_oracle *oracle, const struct co_seen_session *session)
{
	if (is_terminal(co_tk_text_at(session->last, "status")))
		return session->updated_ms + oracle->retention_ms;
	return strcmp(co_tk_text_at(session->last, "payment.status"), "processing") == 0 ? -1 : session->expires_ms;
}

static bool may_expire(const struct co_seen_session *session)
{
	return !is_terminal(co_tk_text_at(session->last, "status")) &&
		   strcmp(co_tk_text_at(session->last, "payment.status"), "processing") != 0;
}

size_t co_oracle_overdue(const struct co_oracle *oracle, int64_t now_ms)
{
	struct co_seen seen;
	char *failure = co_oracle_fold(oracle, &seen);
	size_t overdue = 0;

	for (size_t i = 0; i < seen.count; i++)
		overdue += may_expire(&seen.sessions[i]) && seen.sessions[i].expires_ms <= now_ms;
	free(failure);
	co_oracle_forget(&seen);
	return overdue;
}

int64_t co_oracle_last_deadline(const struct co_oracle *oracle)
{
	struct co_seen seen;
	char *failure = co_oracle_fold(oracle, &seen);
	int64_t last = 0;

	for (size_t i = 0; i < seen.count; i++)
		if (may_expire(&seen.sessions[i]) && seen.sessions[i].expires_ms > last)
			last = seen.sessions[i].expires_ms;
	free(failure);
	co_oracle_forget(&seen);
	return last;
}

char *co_oracle_check(struct co_oracle *oracle)
{
	struct co_seen seen;
	char *failure = co_oracle_fold(oracle, &seen);

	oracle->sessions = seen.count;
	oracle->expiries = 0;
	for (size_t i = 0; !failure && i < seen.count; i++) {
		oracle->expiries += seen.sessions[i].expiries;
		if (seen.sessions[i].ends > 1)
			failure = co_tk_format("session %s ended %zu times", seen.sessions[i].id, seen.sessions[i].ends);
	}
	if (!failure)
		failure = co_oracle_check_replies(oracle, &seen);
	if (!failure)
		failure = co_oracle_check_view(oracle, &seen);
	co_oracle_forget(&seen);
	return failure;
}
