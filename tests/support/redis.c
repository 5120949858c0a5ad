#include "kafka.h"

#include "tk.h"

#include <hiredis/hiredis.h>

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static bool answers(void *self)
{
	struct co_tk_redis *redis = self;
	struct timeval limit = {.tv_sec = 10};

	if (redis->context)
		redisFree(redis->context);
	redis->context = redisConnectWithTimeout("127.0.0.1", redis->port, limit);
	if (!redis->context || ((redisContext *)redis->context)->err)
		return false;
	redisSetTimeout(redis->context, (struct timeval){.tv_sec = 60});
	redisReply *reply = redisCommand(redis->context, "PING");
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	if (reply)
		freeReplyObject(reply);
	return good;
}

void co_tk_redis_restart(struct co_tk_redis *redis)
{
	char port[16];
	char *log = co_tk_format("%s/redis.log", redis->directory);
	const char *argv[] = {"redis-server", "--port",         port,           "--bind", "127.0.0.1", "--save", "",
						  "--dir",        redis->directory, "--appendonly", "no",     NULL};

	snprintf(port, sizeof(port), "%d", redis->port);
	redis->pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .log = log});
	free(log);
	co_tk_check(co_tk_wait(answers, redis, 60000), "redis-server on port %d does not answer", redis->port);
}

void co_tk_redis_start(struct co_tk_redis *redis)
{
	*redis = (struct co_tk_redis){.directory = co_tk_temp_dir(), .port = co_tk_free_port()};
	snprintf(redis->url, sizeof(redis->url), "redis://127.0.0.1:%d/0", redis->port);
	co_tk_redis_restart(redis);
}

void co_tk_redis_kill(struct co_tk_redis *redis)
{
	co_tk_kill(redis->pid);
	redis->pid = 0;
}

void *co_tk_redis_call(struct co_tk_redis *redis, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	redisReply *reply = redisvCommand(redis->context, format, arguments);
	va_end(arguments);
	co_tk_check(reply && reply->type != REDIS_REPLY_ERROR, "redis: %s: %s", format,
				reply ? reply->str : ((redisContext *)redis->context)->errstr);
	return reply;
}

void co_tk_redis_flush(struct co_tk_redis *redis)
{
	freeReplyObject(co_tk_redis_call(redis, "FLUSHALL"));
}

void co_tk_redis_stop(struct co_tk_redis *redis)
{
	if (redis->context)
		redisFree(redis->context);
	co_tk_kill(redis->pid);
	*redis = (struct co_tk_redis){0};
}
