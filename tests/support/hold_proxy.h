/* A switch on loopback between the service and a Kafka broker that knows where a request begins: it keeps one back,
 * cuts the connection that it came on, as a network does that loses the rest, and delivers it to the broker later, when
 * the client has long sent it again. Runs on a thread of the test's own. Owns its connections; never changes a byte. */
#ifndef CO_TK_HOLD_PROXY_H
#define CO_TK_HOLD_PROXY_H

#include <stdint.h>

/* API keys of Kafka's protocol. */
#define CO_TK_END_TXN 26
#define CO_TK_TXN_OFFSET_COMMIT 28

struct co_tk_hold_proxy;

/* Listens on a free port of 127.0.0.1 from now on; `backend_port` is on 127.0.0.1 too. Passes everything on. */
struct co_tk_hold_proxy *co_tk_hold_proxy_open(int backend_port);
int co_tk_hold_proxy_port(const struct co_tk_hold_proxy *proxy);
/* The next request with that API key is kept back; what was kept back before is forgotten. */
void co_tk_hold_proxy_arm(struct co_tk_hold_proxy *proxy, int api_key);
/* Waits until a request was kept back; ends the test when none is within `timeout_ms`. */
void co_tk_hold_proxy_await(struct co_tk_hold_proxy *proxy, int64_t timeout_ms);
/* Delivers what was kept back and waits for the broker's answer. Returns the error code in it: of EndTxn its own, of
 * TxnOffsetCommit that of the last partition. Ends the test when none comes within `timeout_ms`. */
int co_tk_hold_proxy_deliver(struct co_tk_hold_proxy *proxy, int64_t timeout_ms);
void co_tk_hold_proxy_close(struct co_tk_hold_proxy *proxy);

#endif
