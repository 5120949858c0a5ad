#include "redis_link.h"

#include "checkout/config.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#define RETRY_AFTER_MS 100

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

void co_redis_link_init(struct co_redis_link *link, const char *url, int64_t timeout_ms)
{
	memset(link, 0, sizeof(*link));
	link->url = url;
	link->timeout_ms = timeout_ms;
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

static void tell_down(const char *what, const char *why)
{
	static struct co_log_gate gate;
	if (co_log_gate_open(&gate, 60000))
		co_log(CO_LOG_NOTICE, "redis.down", why, CO_TEXT("checkout.operation", what));
}

/* One command and its answer while connecting; the text of a password never reaches the log. */
static bool ask(struct co_redis_link *link, const char *what, int count, const char **words, char *sha)
{
	redisReply *reply = redisCommandArgv(link->context, count, words, NULL);
	bool fine = reply && reply->type != REDIS_REPLY_ERROR;
	if (!fine)
		tell_down(what, reply ? reply->str : link->context->errstr);
	if (fine && sha)
		(void)snprintf(sha, 41, "%s", reply->str ? reply->str : "");
	if (reply)
		freeReplyObject(reply);
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
	return true;
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
		tell_down("connect", link->context ? link->context->errstr : "out of memory");
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
	if (link->context && !link->context->err)
		return CO_OK;
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
		tell_down("reply", link->context->errstr);
		disconnect(link);
		return CO_VIEW_DOWN;
	}
	redisReply *answer = reply;
	if (answer->type == REDIS_REPLY_ERROR) {
		/* NOSCRIPT after a SCRIPT FLUSH or a restart: connecting again loads them */
		tell_down("reply", answer->str);
		freeReplyObject(answer);
		disconnect(link);
		return CO_VIEW_DOWN;
	}
	*out = answer;
	return CO_OK;
}
