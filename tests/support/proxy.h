/* A TCP switch on loopback between the service and a server: passes bytes on, late if told so, swallows them as a
 * half-open connection does, refuses, or leads to another server from now on. Runs on a thread of the test's own.
 * Owns its connections; knows nothing of what they carry. */
#ifndef CO_TK_PROXY_H
#define CO_TK_PROXY_H

#include <stdint.h>

enum co_tk_proxy_mode {
	CO_TK_PROXY_PASS,
	CO_TK_PROXY_SWALLOW, /* connections are taken and kept, and nothing ever comes out of them */
	CO_TK_PROXY_REFUSE,  /* connections are cut, new ones at once */
	CO_TK_PROXY_STRAND   /* those there are now stay silent for ever; new ones pass */
};

struct co_tk_proxy;

/* Listens on a free port of 127.0.0.1 from now on; `backend_port` is on 127.0.0.1 too, and need not answer yet. */
struct co_tk_proxy *co_tk_proxy_open(int backend_port);
int co_tk_proxy_port(const struct co_tk_proxy *proxy);
/* Into silence (SWALLOW, STRAND) connections stay as they are; into anything else they are cut, since bytes of them may
 * be lost. */
void co_tk_proxy_set_mode(struct co_tk_proxy *proxy, enum co_tk_proxy_mode mode);
/* Every byte comes out `delay_ms` later than it went in, either way; from now on, connections stay. */
void co_tk_proxy_set_delay(struct co_tk_proxy *proxy, int64_t delay_ms);
/* Leads to another server; what is connected is cut. */
void co_tk_proxy_lead_to(struct co_tk_proxy *proxy, int backend_port);
void co_tk_proxy_close(struct co_tk_proxy *proxy);

#endif
