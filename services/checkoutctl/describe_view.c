#include "describe_view.h"

#include "checkout/instant.h"
#include "checkout/uuid.h"

#include <hiredis/hiredis.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define URL_BYTES_MAX 1024

struct place {
	char text[URL_BYTES_MAX]; /* cut up by the pointers */
	const char *path;         /* unix socket, or NULL */
	const char *host, *user, *password, *database;
	int port;
};

/* Reads %xx in place; the password may hold any character. */
static void decode(char *text)
{
	char *out = text;

	for (; *text; text++) {
		char hex[3] = {text[0] == '%' ? text[1] : '\0', text[0] == '%' && text[1] ? text[2] : '\0', '\0'};
		char *end = NULL;
		long byte = strtol(hex, &end, 16);

		if (text[0] == '%' && end == hex + 2) {
			*out++ = (char)byte;
			text += 2;
		} else {
			*out++ = *text;
		}
	}
	*out = '\0';
}

static bool parse_authority(char *rest, struct place *out)
{
	char *at = strrchr(rest, '@'), *slash, *colon, *end = NULL;
	long port = 6379;

	if (at) {
		*at = '\0';
		colon = strchr(rest, ':');
		if (colon) {
			*colon = '\0';
			decode(colon + 1);
			out->password = colon + 1;
			decode(rest);
			out->user = rest;
		}
		rest = at + 1;
	}
	slash = strchr(rest, '/');
	if (slash) {
		*slash = '\0';
		out->database = slash + 1;
	}
	colon = strrchr(rest, ':');
	if (colon && !strchr(colon, ']')) {
		*colon = '\0';
		port = strtol(colon + 1, &end, 10);
		if (end == colon + 1 || *end || port < 1 || port > 65535)
			return false;
	}
	if (rest[0] == '[' && strchr(rest, ']')) {
		rest++;
		*strchr(rest, ']') = '\0';
	}
	out->host = rest;
	out->port = (int)port;
	return rest[0] != '\0';
}

static bool parse(const char *url, struct place *out)
{
	*out = (struct place){0};
	size_t size = strlen(url) + 1;
	if (size > sizeof(out->text))
		return false;
	memcpy(out->text, url, size);
	if (strncmp(url, "unix://", 7) == 0) {
		out->path = out->text + 7;
		return out->path[0] == '/';
	}
	return strncmp(url, "redis://", 8) == 0 && parse_authority(out->text + 8, out);
}

/* The answer, NULL when there was none or it is an error (then `error` says so). */
__attribute__((format(printf, 3, 4))) static redisReply *ask(redisContext *redis, struct co_error *error,
															 const char *format, ...)
{
	va_list arguments;
	redisReply *reply;

	va_start(arguments, format);
	reply = redisvCommand(redis, format, arguments);
	va_end(arguments);
	if (!reply) {
		co_error_set(error, "redis", "Redis did not answer: %s", redis->errstr);
	} else if (reply->type == REDIS_REPLY_ERROR) {
		co_error_set(error, "redis", "Redis: %s", reply->str);
		freeReplyObject(reply);
		reply = NULL;
	}
	return reply;
}

static bool tell(redisContext *redis, struct co_error *error, const char *verb, const char *first, const char *second)
{
	redisReply *reply =
		second ? ask(redis, error, "%s %s %s", verb, first, second) : ask(redis, error, "%s %s", verb, first);

	if (!reply)
		return false;
	freeReplyObject(reply);
	return true;
}

static redisContext *connect_to_place(const struct place *place, int timeout_ms, struct co_error *error)
{
	struct timeval limit = {.tv_sec = timeout_ms / 1000, .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
	redisContext *redis = place->path ? redisConnectUnixWithTimeout(place->path, limit)
									  : redisConnectWithTimeout(place->host, place->port, limit);
	bool good;

	if (!redis || redis->err) {
		co_error_set(error, "redis", "Redis cannot be reached: %s", redis ? redis->errstr : "no memory");
		if (redis)
			redisFree(redis);
		return NULL;
	}
	good = redisSetTimeout(redis, limit) == REDIS_OK;
	if (good && place->password && place->user && place->user[0])
		good = tell(redis, error, "AUTH", place->user, place->password);
	else if (good && place->password)
		good = tell(redis, error, "AUTH", place->password, NULL);
	if (good && place->database && place->database[0])
		good = tell(redis, error, "SELECT", place->database, NULL);
	if (!good) {
		redisFree(redis);
		return NULL;
	}
	return redis;
}

static redisContext *connect_to(const char *url, int timeout_ms, struct co_error *error)
{
	struct place place;
	redisContext *redis = NULL;

	if (parse(url, &place))
		redis = connect_to_place(&place, timeout_ms, error);
	else
		co_error_set(error, "redis", "the Redis URL is not redis://[user:password@]host:port/db or unix:///path");
	explicit_bzero(&place, sizeof(place));
	return redis;
}

/* A deadline of the session in one of the generation's sorted sets. */
static bool show_deadline(const struct ctl_world *world, redisContext *redis, const char *label, const char *key,
						  const char *session, struct co_error *error)
{
	char time[CO_INSTANT_TEXT + 1] = "none";
	redisReply *score = ask(redis, error, "ZSCORE %s %s", key, session);

	if (!score)
		return false;
	if (score->type == REDIS_REPLY_STRING)
		co_instant_format(strtoll(score->str, NULL, 10), time);
	fprintf(world->out, "  %-11s %s\n", label, time);
	freeReplyObject(score);
	return true;
}

static bool show_session(const struct ctl_world *world, redisContext *redis, const char *shard, const char *generation,
						 const char *session, struct co_error *error)
{
	char key[512];
	redisReply *reply = ask(redis, error, "STRLEN %s:%s:s:%s", shard, generation, session);

	if (!reply)
		return false;
	if (reply->integer > 0)
		fprintf(world->out, "  kept as     %lld bytes\n", reply->integer);
	else
		fputs("  kept as     nothing: the view does not know this session\n", world->out);
	freeReplyObject(reply);
	snprintf(key, sizeof(key), "%s:%s:due", shard, generation);
	if (!show_deadline(world, redis, "deadline", key, session, error))
		return false;
	snprintf(key, sizeof(key), "%s:%s:held", shard, generation);
	return show_deadline(world, redis, "held back", key, session, error);
}

bool ctl_describe_view(const struct ctl_world *world, const char *url, const char *key_prefix, int32_t partition,
					   const char *session, int timeout_ms, struct co_error *error)
{
	char shard[256];
	bool good = false;
	redisReply *mark;
	redisContext *redis = connect_to(url, timeout_ms, error);

	if (!redis)
		return false;
	snprintf(shard, sizeof(shard), "%s:{%" PRId32 "}", key_prefix, partition);
	fprintf(world->out, "\nview  %s\n", shard);
	mark = ask(redis, error, "HMGET %s:m seq gen clog", shard);
	if (mark && mark->type == REDIS_REPLY_ARRAY && mark->elements == 3 && mark->element[0]->str &&
		mark->element[1]->str) {
		fprintf(world->out, "  seq         %s\n  generation  %s\n  state from  %s\n", mark->element[0]->str,
				mark->element[1]->str, mark->element[2]->str ? mark->element[2]->str : "-");
		good = show_session(world, redis, shard, mark->element[1]->str, session, error);
	} else if (mark) {
		fputs("  no marker: this Redis holds no view of that partition (yet)\n", world->out);
		good = true;
	}
	if (mark)
		freeReplyObject(mark);
	redisFree(redis);
	return good;
}
