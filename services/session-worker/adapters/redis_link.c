#include "redis_link.h"

#include "redis_words.h"

#include "checkout/config.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define RETRY_AFTER_MS 100
#define LOOK_EVERY_MS 5000
#define TELL_EVERY_MS 60000

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

void co_redis_link_init(struct co_redis_link *link, const char *url, int64_t timeout_ms, const char *role,
						const char *member)
{
	memset(link, 0, sizeof(*link));
	link->url = url;
	link->timeout_ms = timeout_ms;
	(void)snprintf(link->name, sizeof(link->name), "checkout-%s-%s", role, member);
}

static void disconnect(struct co_redis_link *link)
{
	if (link->context)
		redisFree(link->context);
	link->context = NULL;
	link->down_until_ms = monotonic_ms() + RETRY_AFTER_MS;
}

void co_redis_link_close(struct co_redis_link *link)
{
	disconnect(link);
	free((void *)link->words);
	free(link->sizes);
	link->words = NULL;
	link->sizes = NULL;
}

/* Of each kind of fault once a minute, whichever lane meets it: one does not hide another. */
static bool may_tell(enum co_redis_fault fault)
{
	static struct co_log_gate gates[CO_REDIS_FAULT_COUNT];
	return co_log_gate_open(&gates[fault], TELL_EVERY_MS);
}

static void tell_refused(const char *what, const char *answer)
{
	if (may_tell(co_redis_fault_answered(answer)))
		co_log(CO_LOG_NOTICE, "redis.down", answer, CO_TEXT("checkout.operation", what));
}

static void tell_unanswered(const char *what, const char *words)
{
	enum co_redis_fault fault = co_redis_fault_unanswered(words);
	/* the client's own words for it are "Resource temporarily unavailable" */
	if (may_tell(fault))
		co_log(CO_LOG_NOTICE, "redis.down",
			   fault == CO_REDIS_SILENT ? "no answer in time: redis.timeout.ms has passed" : words,
			   CO_TEXT("checkout.operation", what));
}

/* One command and its answer while connecting; the text of a password never reaches the log. */
static bool ask(struct co_redis_link *link, const char *what, int count, const char **words, char *sha)
{
	redisReply *reply = redisCommandArgv(link->context, count, words, NULL);
	bool fine = reply && reply->type != REDIS_REPLY_ERROR;
	if (!reply)
		tell_unanswered(what, link->context->errstr);
	else if (!fine)
		tell_refused(what, reply->str);
	if (fine && sha)
		(void)snprintf(sha, 41, "%s", reply->str ? reply->str : "");
	if (reply)
		freeReplyObject(reply);
	return fine;
}

/* Best effort: a user without the right goes without a name. */
static bool tell_name(struct co_redis_link *link)
{
	const char *words[] = {"CLIENT", "SETNAME", link->name};
	redisReply *reply = redisCommandArgv(link->context, 3, words, NULL);
	if (!reply)
		tell_unanswered("CLIENT SETNAME", link->context->errstr);
	else
		freeReplyObject(reply);
	return reply != NULL;
}

/* Of all connections together once: it stays so. */
static void tell_unchecked(const char *why)
{
	static struct co_log_gate gate;
	if (co_log_gate_open(&gate, INT64_MAX))
		co_log(CO_LOG_NOTICE, "redis.unchecked", "Redis does not say whether it would throw sessions away; going on",
			   CO_TEXT("event.reason", why));
}

/* An evicted session would be opened a second time and nothing would show it, so the possibility is enough. */
static bool is_spared(const char *info)
{
	struct co_redis_memory memory;
	char reason[96];
	if (!co_redis_memory_read(info, &memory)) {
		tell_unchecked("INFO does not tell maxmemory and maxmemory_policy");
		return true;
	}
	if (!co_redis_memory_evicts(&memory))
		return true;
	(void)snprintf(reason, sizeof(reason), "maxmemory-policy is %s and maxmemory %llu", memory.policy, memory.limit);
	if (may_tell(CO_REDIS_EVICTS))
		co_log(CO_LOG_ERROR, "redis.evicts", "Redis may throw sessions away: it is not worked on until that is changed",
			   CO_TEXT("event.reason", reason), CO_TEXT("checkout.fix", "CONFIG SET maxmemory-policy noeviction"));
	return false;
}

static bool understand(const redisReply *reply)
{
	if (reply->type == REDIS_REPLY_STRING)
		return is_spared(reply->str);
	const char *why = reply->type == REDIS_REPLY_ERROR ? reply->str : "INFO is answered by no text";
	enum co_redis_fault fault = co_redis_fault_answered(why);
	if (fault == CO_REDIS_OTHER || fault == CO_REDIS_RIGHTS) {
		tell_unchecked(why);
		return true;
	}
	tell_refused("INFO", why); /* LOADING, BUSY: it passes, and then INFO is answered */
	return false;
}

/* By INFO: CONFIG GET is forbidden in many places. False: it evicts, or cannot say so now. */
static bool keeps_all(struct co_redis_link *link)
{
	const char *words[] = {"INFO", "memory"};
	redisReply *reply = redisCommandArgv(link->context, 2, words, NULL);
	if (!reply) {
		tell_unanswered("INFO", link->context->errstr);
		return false;
	}
	bool fine = understand(reply);
	freeReplyObject(reply);
	link->look_again_ms = monotonic_ms() + LOOK_EVERY_MS;
	return fine;
}

static bool introduce(struct co_redis_link *link, const struct co_redis_url *target)
{
	if (target->password[0]) {
		const char *words[] = {"AUTH", target->user, target->password};
		const char *short_words[] = {"AUTH", target->password};
		if (!(target->user[0] ? ask(link, "AUTH", 3, words, NULL) : ask(link, "AUTH", 2, short_words, NULL)))
			return false;
	}
	if (!tell_name(link))
		return false;
	if (target->database) {
		char db[16];
		(void)snprintf(db, sizeof(db), "%u", (unsigned)target->database);
		const char *words[] = {"SELECT", db};
		if (!ask(link, "SELECT", 2, words, NULL))
			return false;
	}
	for (int i = 0; i < CO_SCRIPT_COUNT; i++) {
		const char *words[] = {"SCRIPT", "LOAD", co_redis_script_text((enum co_redis_script)i)};
		if (!ask(link, "SCRIPT LOAD", 3, words, link->sha[i]))
			return false;
	}
	return keeps_all(link);
}

static enum co_status connect_link(struct co_redis_link *link)
{
	struct co_redis_url target;
	struct timeval limit = {.tv_sec = (time_t)(link->timeout_ms / 1000),
							.tv_usec = (suseconds_t)(link->timeout_ms % 1000 * 1000)};
	CO_TRY(co_redis_url_parse(link->url, &target, NULL) == CO_OK ? CO_OK : CO_VIEW_DOWN);
	link->context = target.path[0] ? redisConnectUnixWithTimeout(target.path, limit)
								   : redisConnectWithTimeout(target.host, target.port, limit);
	bool fine = link->context && !link->context->err;
	if (!fine)
		tell_unanswered("connect", link->context ? link->context->errstr : "out of memory");
	/* hiredis 0.14: the time-out of connecting does not bound commands */
	fine = fine && redisSetTimeout(link->context, limit) == REDIS_OK && introduce(link, &target);
	explicit_bzero(&target, sizeof(target));
	if (fine)
		return CO_OK;
	co_metric_add(CO_METRIC_REDIS_ERRORS, CO_OPERATION_CONNECT, 0, 1);
	disconnect(link);
	return CO_VIEW_DOWN;
}

enum co_status co_redis_link_ready(struct co_redis_link *link)
{
	if (link->context && !link->context->err) {
		if (monotonic_ms() < link->look_again_ms || keeps_all(link))
			return CO_OK;
		co_metric_add(CO_METRIC_REDIS_ERRORS, CO_OPERATION_CONNECT, 0, 1);
		disconnect(link);
		return CO_VIEW_DOWN;
	}
	if (link->context)
		disconnect(link);
	if (monotonic_ms() < link->down_until_ms)
		return CO_VIEW_DOWN;
	return connect_link(link);
}

void co_redis_link_begin(struct co_redis_link *link)
{
	link->word_count = 0;
}

void co_redis_link_word(struct co_redis_link *link, const char *word, size_t size)
{
	if (link->word_count == link->word_room) {
		link->word_room = link->word_room ? 2 * link->word_room : 256;
		const char **words = realloc((void *)link->words, link->word_room * sizeof(*words));
		if (!words)
			abort();
		link->words = words;
		size_t *sizes = realloc(link->sizes, link->word_room * sizeof(*sizes));
		if (!sizes)
			abort();
		link->sizes = sizes;
	}
	link->words[link->word_count] = word;
	link->sizes[link->word_count++] = size;
}

void co_redis_link_begin_script(struct co_redis_link *link, enum co_redis_script script, const char *key)
{
	co_redis_link_begin(link);
	co_redis_link_word(link, "EVALSHA", 7);
	co_redis_link_word(link, link->sha[script], strlen(link->sha[script]));
	co_redis_link_word(link, "1", 1);
	co_redis_link_word(link, key, strlen(key));
}

enum co_status co_redis_link_send(struct co_redis_link *link)
{
	if (redisAppendCommandArgv(link->context, (int)link->word_count, link->words, link->sizes) == REDIS_OK)
		return CO_OK;
	disconnect(link);
	return CO_VIEW_DOWN;
}

enum co_status co_redis_link_receive(struct co_redis_link *link, redisReply **out)
{
	void *reply = NULL;
	if (redisGetReply(link->context, &reply) != REDIS_OK || !reply) {
		tell_unanswered("reply", link->context->errstr);
		disconnect(link);
		return CO_VIEW_DOWN;
	}
	redisReply *answer = reply;
	if (answer->type == REDIS_REPLY_ERROR) {
		/* NOSCRIPT after a SCRIPT FLUSH or a restart: connecting again loads them */
		tell_refused("reply", answer->str);
		freeReplyObject(answer);
		disconnect(link);
		return CO_VIEW_DOWN;
	}
	*out = answer;
	return CO_OK;
}
