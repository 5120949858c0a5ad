#include "service_notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void tell(const struct co_service_notify *notify, const char *text)
{
	if (notify->socket >= 0)
		(void)sendto(notify->socket, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT,
					 (const struct sockaddr *)&notify->to, (socklen_t)notify->to_bytes);
}

/* The watchdog's time in ms when it is meant for this process; 0: none. */
static int64_t watchdog_ms(void)
{
	const char *limit = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	long long us = limit ? strtoll(limit, NULL, 10) : 0;

	if (us <= 0 || (pid && strtoll(pid, NULL, 10) != (long long)getpid()))
		return 0;
	return us / 1000 > 2 ? us / 1000 : 2;
}

void co_service_notify_open(struct co_service_notify *notify)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path ? strlen(path) : 0;

	*notify = (struct co_service_notify){.socket = -1, .to = {.sun_family = AF_UNIX}};
	if (length < 2 || length >= sizeof(notify->to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(notify->to.sun_path, path, length);
	if (path[0] == '@')
		notify->to.sun_path[0] = '\0'; /* of the abstract namespace */
	notify->to_bytes = offsetof(struct sockaddr_un, sun_path) + length;
	notify->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	notify->feed_every_ms = watchdog_ms() / 2;
}

void co_service_notify_ready(struct co_service_notify *notify)
{
	tell(notify, "READY=1");
}

void co_service_notify_stopping(struct co_service_notify *notify)
{
	tell(notify, "STOPPING=1\nSTATUS=finishing the batch in hand");
}

static void tell_status(struct co_service_notify *notify, const char *status)
{
	char line[sizeof(notify->status) + 8];

	if (strncmp(notify->status, status, sizeof(notify->status) - 1) == 0)
		return;
	(void)snprintf(notify->status, sizeof(notify->status), "%s", status);
	(void)snprintf(line, sizeof(line), "STATUS=%s", notify->status);
	tell(notify, line);
}

void co_service_notify_tick(struct co_service_notify *notify, int64_t now_ms, bool progress, const char *status)
{
	if (notify->socket < 0)
		return;
	tell_status(notify, status);
	if (!progress || notify->feed_every_ms == 0 || (notify->fed_ms && now_ms - notify->fed_ms < notify->feed_every_ms))
		return;
	notify->fed_ms = now_ms;
	tell(notify, "WATCHDOG=1");
}

void co_service_notify_close(struct co_service_notify *notify)
{
	if (notify->socket >= 0)
		(void)close(notify->socket);
	notify->socket = -1;
}
