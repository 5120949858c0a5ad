#include "proxy.h"

#include "tk.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 256
#define QUEUED_MAX ((size_t)4 << 20) /* of a direction; more is not read until some of it went out */
#define CHUNK_BYTES ((size_t)65536)

struct chunk {
	struct chunk *next;
	int64_t due_ms;
	size_t length, sent;
	char bytes[];
};

/* One direction of a connection. */
struct flow {
	int from, to;
	bool ended; /* nothing more comes from `from` */
	struct chunk *first, *last;
	size_t queued;
};

struct link {
	bool used, dead, stranded;
	struct flow up, down; /* client to server, server to client */
};

struct co_tk_proxy {
	int listener, port, wake[2];
	pthread_t thread;
	pthread_mutex_t lock; /* over what follows */
	enum co_tk_proxy_mode mode;
	int backend_port;
	int64_t delay_ms;
	bool cut, strand, stop;
	/* the thread's own */
	struct link links[LINKS_MAX];
};

/* ---- connections ---- */

static void set_up(int handle)
{
	int on = 1;

	fcntl(handle, F_SETFL, fcntl(handle, F_GETFL) | O_NONBLOCK);
	setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int dial(int port)
{
	int handle = co_tk_dial(port);

	if (handle >= 0)
		set_up(handle);
	return handle;
}

static void drop_flow(struct flow *flow)
{
	for (struct chunk *chunk = flow->first, *next; chunk; chunk = next) {
		next = chunk->next;
		free(chunk);
	}
}

/* With a reset, as a machine does that knows nothing of the connection. */
static void close_hard(int handle)
{
	struct linger linger = {.l_onoff = 1};

	if (handle < 0)
		return;
	setsockopt(handle, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(handle);
}

static void drop_link(struct link *link)
{
	close_hard(link->up.from);
	close_hard(link->up.to);
	drop_flow(&link->up);
	drop_flow(&link->down);
	memset(link, 0, sizeof(*link));
}

static void take_link(struct co_tk_proxy *proxy, enum co_tk_proxy_mode mode, int backend_port)
{
	/* cppcheck-suppress nullPointer ; nobody asks for the peer's address */
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC), server = -1;
	size_t i = 0;

	if (client < 0)
		return;
	while (i < LINKS_MAX && proxy->links[i].used)
		i++;
	if (mode == CO_TK_PROXY_PASS)
		server = dial(backend_port);
	if (i == LINKS_MAX || mode == CO_TK_PROXY_REFUSE || (mode == CO_TK_PROXY_PASS && server < 0)) {
		close_hard(client);
		close_hard(server);
		return;
	}
	set_up(client);
	proxy->links[i] = (struct link){.used = true,
									.up = {.from = client, .to = server},
									.down = {.from = server, .to = client, .ended = server < 0}};
}

/* ---- bytes ---- */

static void read_in(struct link *link, struct flow *flow, int64_t delay_ms, bool swallow)
{
	struct chunk *chunk = co_tk_alloc(sizeof(*chunk) + CHUNK_BYTES);
	ssize_t got = recv(flow->from, chunk->bytes, CHUNK_BYTES, 0);

	if (got <= 0 || swallow) {
		bool again = got < 0 && (errno == EAGAIN || errno == EINTR);
		free(chunk);
		if (got <= 0 && !again) {
			flow->ended = true;
			link->dead |= got < 0 || !flow->first;
		}
		return;
	}
	chunk->length = (size_t)got;
	chunk->due_ms = co_tk_now_ms() + delay_ms;
	if (flow->first)
		flow->last->next = chunk;
	else
		flow->first = chunk;
	flow->last = chunk;
	flow->queued += chunk->length;
}

static bool is_due(const struct flow *flow, int64_t now_ms)
{
	return flow->first && flow->first->due_ms <= now_ms;
}

static void write_out(struct link *link, struct flow *flow)
{
	while (is_due(flow, co_tk_now_ms())) {
		struct chunk *chunk = flow->first;
		ssize_t put = send(flow->to, chunk->bytes + chunk->sent, chunk->length - chunk->sent, MSG_NOSIGNAL);
		if (put < 0) {
			link->dead |= errno != EAGAIN && errno != EINTR;
			return;
		}
		chunk->sent += (size_t)put;
		if (chunk->sent < chunk->length)
			return;
		flow->queued -= chunk->length;
		flow->first = chunk->next;
		free(chunk);
	}
	link->dead |= flow->ended && !flow->first;
}

/* ---- the thread ---- */

static void watch(struct pollfd *at, const struct flow *in, const struct flow *out, int64_t now_ms, int *timeout_ms)
{
	*at = (struct pollfd){.fd = in->from};
	if (!in->ended && in->queued < QUEUED_MAX)
		at->events |= POLLIN;
	if (is_due(out, now_ms))
		at->events |= POLLOUT;
	else if (out->first && out->first->due_ms - now_ms < *timeout_ms)
		*timeout_ms = (int)(out->first->due_ms - now_ms);
}

static void serve_link(struct link *link, const struct pollfd ends[2], int64_t delay_ms, bool swallow)
{
	if (ends[0].revents & (POLLIN | POLLHUP | POLLERR))
		read_in(link, &link->up, delay_ms, swallow);
	if (link->down.from >= 0 && ends[1].revents & (POLLIN | POLLHUP | POLLERR))
		read_in(link, &link->down, delay_ms, swallow);
	if (!swallow) {
		write_out(link, &link->up);
		write_out(link, &link->down);
	}
	if (link->dead)
		drop_link(link);
}

static bool turn(struct co_tk_proxy *proxy)
{
	static _Thread_local struct pollfd ends[2 + 2 * LINKS_MAX];
	static _Thread_local struct link *served[LINKS_MAX];
	size_t count = 0;
	int timeout_ms = 1000;
	int64_t now_ms = co_tk_now_ms();
	char byte[64];

	pthread_mutex_lock(&proxy->lock);
	enum co_tk_proxy_mode mode = proxy->mode;
	int backend_port = proxy->backend_port;
	int64_t delay_ms = proxy->delay_ms;
	bool cut = proxy->cut, strand = proxy->strand, stop = proxy->stop;
	proxy->cut = proxy->strand = false;
	pthread_mutex_unlock(&proxy->lock);
	for (size_t i = 0; i < LINKS_MAX; i++) {
		struct link *link = &proxy->links[i];
		if (link->used && (cut || stop))
			drop_link(link);
		if (!link->used)
			continue;
		link->stranded |= strand;
		watch(&ends[2 + 2 * count], &link->up, &link->down, now_ms, &timeout_ms);
		watch(&ends[3 + 2 * count], &link->down, &link->up, now_ms, &timeout_ms);
		served[count++] = link;
	}
	if (stop)
		return false;
	ends[0] = (struct pollfd){.fd = proxy->wake[0], .events = POLLIN};
	ends[1] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	if (poll(ends, (nfds_t)(2 + 2 * count), timeout_ms) < 0)
		return errno == EINTR;
	if (ends[0].revents && read(proxy->wake[0], byte, sizeof(byte)) > 0)
		return true; /* told something: looked at before anything is passed on */
	for (size_t i = 0; i < count; i++)
		serve_link(served[i], &ends[2 + 2 * i], delay_ms, served[i]->stranded || mode == CO_TK_PROXY_SWALLOW);
	if (ends[1].revents)
		take_link(proxy, mode, backend_port);
	return true;
}

static void *run(void *opaque)
{
	while (turn(opaque)) {
	}
	return NULL;
}

/* ---- what the test calls ---- */

struct co_tk_proxy *co_tk_proxy_open(int backend_port)
{
	struct co_tk_proxy *proxy = co_tk_alloc(sizeof(*proxy));

	*proxy = (struct co_tk_proxy){.port = co_tk_free_port(), .backend_port = backend_port};
	proxy->listener = co_tk_listen(proxy->port);
	fcntl(proxy->listener, F_SETFL, fcntl(proxy->listener, F_GETFL) | O_NONBLOCK);
	co_tk_check(pipe2(proxy->wake, O_CLOEXEC | O_NONBLOCK) == 0, "pipe: %s", strerror(errno));
	pthread_mutex_init(&proxy->lock, NULL);
	co_tk_check(pthread_create(&proxy->thread, NULL, run, proxy) == 0, "no thread for a proxy");
	return proxy;
}

int co_tk_proxy_port(const struct co_tk_proxy *proxy)
{
	return proxy->port;
}

static void wake(struct co_tk_proxy *proxy)
{
	pthread_mutex_unlock(&proxy->lock);
	co_tk_check(write(proxy->wake[1], "", 1) == 1 || errno == EAGAIN, "a proxy does not listen");
}

void co_tk_proxy_set_mode(struct co_tk_proxy *proxy, enum co_tk_proxy_mode mode)
{
	pthread_mutex_lock(&proxy->lock);
	/* Into silence, connections stay as they are: that is the point of it. */
	proxy->cut = mode != CO_TK_PROXY_SWALLOW && mode != CO_TK_PROXY_STRAND;
	proxy->strand = mode == CO_TK_PROXY_STRAND;
	proxy->mode = mode == CO_TK_PROXY_STRAND ? CO_TK_PROXY_PASS : mode;
	wake(proxy);
}

void co_tk_proxy_set_delay(struct co_tk_proxy *proxy, int64_t delay_ms)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->delay_ms = delay_ms;
	wake(proxy);
}

void co_tk_proxy_lead_to(struct co_tk_proxy *proxy, int backend_port)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->cut = true;
	proxy->backend_port = backend_port;
	wake(proxy);
}

void co_tk_proxy_close(struct co_tk_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->stop = true;
	wake(proxy);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	close(proxy->wake[0]);
	close(proxy->wake[1]);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}
