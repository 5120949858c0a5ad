/* What the service manager wants to know (systemd's notify protocol, sd_notify(3): stable, a datagram per message).
 * Spoken here, in a few lines, so that no further library lives in a process that holds secrets. Without NOTIFY_SOCKET
 * every call does nothing. Owns a socket. Never blocks and never fails: nobody is worse off when the manager is deaf.
 */
#ifndef CHECKOUT_ADAPTERS_SERVICE_NOTIFY_H
#define CHECKOUT_ADAPTERS_SERVICE_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

struct co_service_notify {
	int socket; /* -1: nobody to tell */
	struct sockaddr_un to;
	size_t to_bytes;
	int64_t feed_every_ms; /* 0: no watchdog */
	int64_t fed_ms;
	char status[200]; /* told last */
};

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID. */
void co_service_notify_open(struct co_service_notify *notify);
/* The start-up is over: configuration and registry are accepted, and it waits for Kafka as long as it takes. */
void co_service_notify_ready(struct co_service_notify *notify);
/* SIGTERM was taken. */
void co_service_notify_stopping(struct co_service_notify *notify);
/* Call a few times a second. Feeds the watchdog when it is due, but only while `progress` is made, and tells `status`
 * when it changed (a line for people; systemctl status shows it). `now_ms`: monotonic. */
void co_service_notify_tick(struct co_service_notify *notify, int64_t now_ms, bool progress, const char *status);
void co_service_notify_close(struct co_service_notify *notify);

#endif
