#include "hold_proxy.h"

#include "tk.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINKS_MAX 128
#define PIECE_BYTES 65536
#define SIZE_BYTES ((size_t)4)

/* What came of a stream and is not passed on yet: no more than the beginning of a frame, but for a moment. */
struct bytes {
	unsigned char *ptr;
	size_t len, room;
};

struct link {
	int client, server; /* -1: none (any more) */
	struct bytes request, answer;
	bool holds; /* its client was cut: what is left is the broker's side and what was kept back */
};

struct co_tk_hold_proxy {
	int listener, port, backend_port;
	pthread_t thread;
	struct link links[LINKS_MAX]; /* the thread's own */
	size_t link_count;
	pthread_mutex_t lock; /* over what follows */
	bool stop, deliver, held, answered;
	int armed; /* API key; -1: none */
	int version, error;
	size_t correlation; /* of what is kept back: the broker may still owe answers to what came before it */
};

/* ---- numbers of Kafka's protocol ---- */

static int number16(const unsigned char *at)
{
	return (int16_t)((unsigned)at[0] << 8 | at[1]);
}

static size_t number32(const unsigned char *at)
{
	return (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
}

/* The frame at the front is whole. */
static bool has_frame(const struct bytes *bytes)
{
	return bytes->len >= SIZE_BYTES && bytes->len - SIZE_BYTES >= number32(bytes->ptr);
}

static size_t frame_bytes(const struct bytes *bytes)
{
	return SIZE_BYTES + number32(bytes->ptr);
}

/* size, correlation id, throttle time, error; the other ends with a partition's error, and from version 3 on with the
 * empty tags of partition, topic and answer. */
static int error_of(const struct bytes *answer, int api_key, int version)
{
	size_t at = api_key == CO_TK_END_TXN ? SIZE_BYTES + 8 : frame_bytes(answer) - (version >= 3 ? 5 : 2);

	co_tk_check(frame_bytes(answer) >= at + 2 && at >= SIZE_BYTES, "an answer to API key %d of %zu bytes", api_key,
				frame_bytes(answer));
	return number16(answer->ptr + at);
}

/* ---- connections ---- */

static void set_up(int handle)
{
	int on = 1;

	setsockopt(handle, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void take_link(struct co_tk_hold_proxy *proxy)
{
	/* cppcheck-suppress nullPointer ; nobody asks for the peer's address */
	int client = accept4(proxy->listener, NULL, NULL, SOCK_CLOEXEC);
	int server = client >= 0 && proxy->link_count < LINKS_MAX ? co_tk_dial(proxy->backend_port) : -1;

	if (server < 0) {
		if (client >= 0)
			close(client);
		return;
	}
	set_up(client);
	set_up(server);
	proxy->links[proxy->link_count++] = (struct link){.client = client, .server = server};
}

static void hang_up(int *handle)
{
	if (*handle >= 0)
		close(*handle);
	*handle = -1;
}

static void drop_link(struct co_tk_hold_proxy *proxy, size_t index)
{
	struct link *link = &proxy->links[index];

	hang_up(&link->client);
	hang_up(&link->server);
	free(link->request.ptr);
	free(link->answer.ptr);
	proxy->links[index] = proxy->links[--proxy->link_count];
}

/* ---- bytes ---- */

/* False: nothing more comes. */
static bool read_in(int handle, struct bytes *bytes)
{
	if (bytes->room - bytes->len < PIECE_BYTES) {
		bytes->room = 2 * bytes->room + PIECE_BYTES;
		bytes->ptr = co_tk_grow(bytes->ptr, bytes->room);
	}
	ssize_t got = recv(handle, bytes->ptr + bytes->len, bytes->room - bytes->len, 0);
	bytes->len += got > 0 ? (size_t)got : 0;
	return got > 0 || (got < 0 && errno == EINTR);
}

/* Blocks: both sides read whatever they are busy with. False: the other side is gone. */
static bool write_out(int handle, struct bytes *bytes, size_t count)
{
	for (size_t sent = 0; sent < count;) {
		ssize_t put = send(handle, bytes->ptr + sent, count - sent, MSG_NOSIGNAL);
		if (put < 0 && errno != EINTR)
			return false;
		sent += put > 0 ? (size_t)put : 0;
	}
	memmove(bytes->ptr, bytes->ptr + count, bytes->len - count);
	bytes->len -= count;
	return true;
}

static bool is_wanted(struct co_tk_hold_proxy *proxy, const struct bytes *request)
{
	pthread_mutex_lock(&proxy->lock);
	bool wanted = !proxy->held && proxy->armed >= 0 && number32(request->ptr) >= 8 &&
				  number16(request->ptr + SIZE_BYTES) == proxy->armed;
	if (wanted) {
		proxy->held = true;
		proxy->version = number16(request->ptr + SIZE_BYTES + 2);
		proxy->correlation = number32(request->ptr + SIZE_BYTES + 4);
	}
	pthread_mutex_unlock(&proxy->lock);
	return wanted;
}

/* False: the connection is over. */
static bool pass_requests(struct co_tk_hold_proxy *proxy, struct link *link)
{
	if (!read_in(link->client, &link->request))
		return false;
	while (has_frame(&link->request)) {
		if (is_wanted(proxy, &link->request)) {
			link->holds = true;
			link->request.len = frame_bytes(&link->request); /* what came behind it is lost */
			hang_up(&link->client);
			return true;
		}
		if (!write_out(link->server, &link->request, frame_bytes(&link->request)))
			return false;
	}
	return true;
}

static bool pass_answers(struct co_tk_hold_proxy *proxy, struct link *link)
{
	if (!read_in(link->server, &link->answer))
		return false;
	if (!link->holds)
		return write_out(link->client, &link->answer, link->answer.len);
	while (has_frame(&link->answer)) {
		size_t length = frame_bytes(&link->answer);
		pthread_mutex_lock(&proxy->lock);
		bool found = length >= 2 * SIZE_BYTES && number32(link->answer.ptr + SIZE_BYTES) == proxy->correlation;
		if (found)
			proxy->error = error_of(&link->answer, proxy->armed, proxy->version);
		proxy->answered |= found;
		pthread_mutex_unlock(&proxy->lock);
		if (found)
			return false;
		link->answer.len -= length;
		memmove(link->answer.ptr, link->answer.ptr + length, link->answer.len);
	}
	return true;
}

/* ---- the thread ---- */

static void deliver(struct co_tk_hold_proxy *proxy)
{
	for (size_t i = 0; i < proxy->link_count; i++) {
		struct link *link = &proxy->links[i];
		if (link->holds && link->request.len)
			co_tk_check(write_out(link->server, &link->request, link->request.len), "the broker has hung up");
	}
}

static void serve(struct co_tk_hold_proxy *proxy, const struct pollfd *ends)
{
	/* from the last to the first: one that is dropped is replaced by the last, which was served */
	for (size_t i = proxy->link_count; i-- > 0;) {
		struct link *link = &proxy->links[i];
		bool good = true;
		if (link->client >= 0 && ends[2 * i].revents)
			good = pass_requests(proxy, link);
		if (good && ends[2 * i + 1].revents)
			good = pass_answers(proxy, link);
		if (!good)
			drop_link(proxy, i);
	}
}

static bool turn(struct co_tk_hold_proxy *proxy)
{
	struct pollfd ends[2 * LINKS_MAX + 1];
	size_t count = 2 * proxy->link_count;

	pthread_mutex_lock(&proxy->lock);
	bool stop = proxy->stop, now = proxy->deliver;
	proxy->deliver = false;
	pthread_mutex_unlock(&proxy->lock);
	if (stop)
		return false;
	if (now)
		deliver(proxy);
	for (size_t i = 0; i < proxy->link_count; i++) {
		ends[2 * i] = (struct pollfd){.fd = proxy->links[i].client, .events = POLLIN};
		ends[2 * i + 1] = (struct pollfd){.fd = proxy->links[i].server, .events = POLLIN};
	}
	ends[count] = (struct pollfd){.fd = proxy->listener, .events = POLLIN};
	if (poll(ends, (nfds_t)(count + 1), 10) < 0)
		return errno == EINTR;
	bool more = ends[count].revents != 0;
	serve(proxy, ends);
	if (more)
		take_link(proxy);
	return true;
}

static void *run(void *opaque)
{
	struct co_tk_hold_proxy *proxy = opaque;

	while (turn(proxy)) {
	}
	while (proxy->link_count)
		drop_link(proxy, proxy->link_count - 1);
	return NULL;
}

/* ---- what the test calls ---- */

struct co_tk_hold_proxy *co_tk_hold_proxy_open(int backend_port)
{
	struct co_tk_hold_proxy *proxy = co_tk_alloc(sizeof(*proxy));

	*proxy = (struct co_tk_hold_proxy){.port = co_tk_free_port(), .backend_port = backend_port, .armed = -1};
	proxy->listener = co_tk_listen(proxy->port);
	pthread_mutex_init(&proxy->lock, NULL);
	co_tk_check(pthread_create(&proxy->thread, NULL, run, proxy) == 0, "no thread for a proxy");
	return proxy;
}

int co_tk_hold_proxy_port(const struct co_tk_hold_proxy *proxy)
{
	return proxy->port;
}

void co_tk_hold_proxy_arm(struct co_tk_hold_proxy *proxy, int api_key)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->armed = api_key;
	proxy->held = proxy->answered = false;
	pthread_mutex_unlock(&proxy->lock);
}

static bool is_held(void *self)
{
	struct co_tk_hold_proxy *proxy = self;

	pthread_mutex_lock(&proxy->lock);
	bool held = proxy->held;
	pthread_mutex_unlock(&proxy->lock);
	return held;
}

static bool is_answered(void *self)
{
	struct co_tk_hold_proxy *proxy = self;

	pthread_mutex_lock(&proxy->lock);
	bool answered = proxy->answered;
	pthread_mutex_unlock(&proxy->lock);
	return answered;
}

void co_tk_hold_proxy_await(struct co_tk_hold_proxy *proxy, int64_t timeout_ms)
{
	co_tk_check(co_tk_wait(is_held, proxy, timeout_ms), "no request with API key %d came within %lld ms", proxy->armed,
				(long long)timeout_ms);
}

int co_tk_hold_proxy_deliver(struct co_tk_hold_proxy *proxy, int64_t timeout_ms)
{
	pthread_mutex_lock(&proxy->lock);
	co_tk_check(proxy->held, "nothing is kept back");
	proxy->deliver = true;
	pthread_mutex_unlock(&proxy->lock);
	co_tk_check(co_tk_wait(is_answered, proxy, timeout_ms), "the broker does not answer what was delivered late");
	return proxy->error;
}

void co_tk_hold_proxy_close(struct co_tk_hold_proxy *proxy)
{
	pthread_mutex_lock(&proxy->lock);
	proxy->stop = true;
	pthread_mutex_unlock(&proxy->lock);
	pthread_join(proxy->thread, NULL);
	close(proxy->listener);
	pthread_mutex_destroy(&proxy->lock);
	free(proxy);
}
