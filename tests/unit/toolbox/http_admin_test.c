/* The admin listener over real sockets on loopback. */
#include "toolbox.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include "checkout/metrics.h"
#include "services/session-worker/adapters/http_admin.h"

static struct co_admin_probe live, ready, started;
static int self_seen;

static void tell_live(void *self, struct co_admin_probe *out)
{
	self_seen += self == &self_seen;
	*out = live;
}
static void tell_ready(void *self, struct co_admin_probe *out)
{
	(void)self;
	*out = ready;
}
static void tell_started(void *self, struct co_admin_probe *out)
{
	(void)self;
	*out = started;
}
static struct co_view show_page(void *self, struct co_arena *arena)
{
	self_seen += self == &self_seen;
	return co_view_dup(arena, co_view_cstr("<!doctype html><p>a page\n"));
}
static const struct co_admin_probes probes = {&self_seen,   tell_live, tell_ready,
											  tell_started, show_page, "default-src 'none'; style-src 'self'"};
static const struct co_admin_probes without_page = {&self_seen, tell_live, tell_ready, tell_started, NULL, NULL};

static struct co_admin *admin;

static int set_up(void **state)
{
	struct co_error error = {.text = ""};

	(void)state;
	live = ready = started = (struct co_admin_probe){true, ""};
	self_seen = 0;
	co_metrics_setup(2, 1);
	if (co_admin_start(&admin, "127.0.0.1:0", &probes, &error) != CO_OK)
		fail_msg("%s", error.text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	co_admin_stop(admin);
	co_metrics_clear();
	return 0;
}

static int dial(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(co_admin_port(admin))};
	const struct timeval limit = {.tv_sec = 60};
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(descriptor >= 0);
	setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
	return descriptor;
}

/* Sends the bytes and reads until the other side closes. */
static const char *exchange(const char *request)
{
	static char answer[1 << 18];
	size_t len = 0;
	ssize_t got;
	int descriptor = dial();

	assert_int_equal(send(descriptor, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	while ((got = recv(descriptor, answer + len, sizeof answer - 1 - len, 0)) > 0)
		len += (size_t)got;
	close(descriptor);
	answer[len] = '\0';
	return answer;
}

static const char *ask(const char *method, const char *path)
{
	char request[256];

	snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
	return exchange(request);
}

static void assert_answer(const char *answer, const char *status, const char *body)
{
	const char *end = strstr(answer, "\r\n\r\n");

	assert_contains(answer, status);
	assert_int_equal(strncmp(answer, status, strlen(status)), 0);
	assert_non_null(end);
	assert_string_equal(end + 4, body);
}

static void probe__ok__200(void **state)
{
	(void)state;
	assert_answer(ask("GET", "/livez"), "HTTP/1.1 200 OK\r\n", "ok\n");
	assert_answer(ask("GET", "/readyz"), "HTTP/1.1 200 OK\r\n", "ok\n");
	assert_answer(ask("GET", "/startupz"), "HTTP/1.1 200 OK\r\n", "ok\n");
	assert_contains(ask("GET", "/readyz?verbose"), "HTTP/1.1 200 OK\r\n");
	assert_contains(ask("GET", "/readyz"), "Content-Type: text/plain; charset=utf-8\r\n");
	assert_contains(ask("GET", "/readyz"), "Cache-Control: no-store\r\n");
	assert_int_equal(self_seen, 1);
}

static void probe__ok_with_a_reason__told(void **state)
{
	(void)state;
	snprintf(ready.reason, sizeof ready.reason, "standby: no partitions are left");
	assert_answer(ask("GET", "/readyz"), "HTTP/1.1 200 OK\r\n", "ok: standby: no partitions are left\n");
}

/* Each path asks its own probe. */
static void probe__not_ok__503_with_the_reason(void **state)
{
	(void)state;
	ready.ok = false;
	snprintf(ready.reason, sizeof ready.reason, "Redis has not answered for 12 s");
	assert_answer(ask("GET", "/readyz"), "HTTP/1.1 503 Service Unavailable\r\n",
				  "not ok: Redis has not answered for 12 s\n");
	assert_contains(ask("GET", "/livez"), "HTTP/1.1 200 OK");
	assert_contains(ask("GET", "/startupz"), "HTTP/1.1 200 OK");
	ready.ok = true;
	live.ok = false;
	assert_answer(ask("GET", "/livez"), "HTTP/1.1 503 Service Unavailable\r\n", "not ok\n");
	assert_contains(ask("GET", "/readyz"), "HTTP/1.1 200 OK");
	live.ok = true;
	started.ok = false;
	assert_contains(ask("GET", "/startupz"), "HTTP/1.1 503 ");
	assert_contains(ask("GET", "/livez"), "HTTP/1.1 200 OK");
}

static void probe__longest_reason__whole(void **state)
{
	char body[300];

	(void)state;
	ready.ok = false;
	memset(ready.reason, 'x', sizeof ready.reason - 1);
	ready.reason[sizeof ready.reason - 1] = '\0';
	snprintf(body, sizeof body, "not ok: %s\n", ready.reason);
	assert_answer(ask("GET", "/readyz"), "HTTP/1.1 503 ", body);
}

static void metrics__asked__exposition(void **state)
{
	const char *answer;

	(void)state;
	co_metric_add(CO_METRIC_FORWARDED, 0, 0, 5);
	answer = ask("GET", "/metrics");
	assert_contains(answer, "HTTP/1.1 200 OK\r\n");
	assert_contains(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	assert_contains(answer, "\ncheckout_forwarded_total 5\n");
	assert_contains(answer, "\nprocess_start_time_seconds ");
	assert_int_equal(answer[strlen(answer) - 1], '\n');
}

static void head__any_path__no_body(void **state)
{
	const char *answer;

	(void)state;
	assert_answer(ask("HEAD", "/readyz"), "HTTP/1.1 200 OK\r\n", "");
	answer = ask("HEAD", "/metrics");
	assert_answer(answer, "HTTP/1.1 200 OK\r\n", "");
	assert_lacks(answer, "Content-Length: 0\r\n");
}

static void page__asked__html_under_its_policy(void **state)
{
	const char *answer = ask("GET", "/");

	(void)state;
	assert_answer(answer, "HTTP/1.1 200 OK\r\n", "<!doctype html><p>a page\n");
	assert_contains(answer, "Content-Type: text/html; charset=utf-8\r\n");
	assert_contains(answer, "Content-Security-Policy: default-src 'none'; style-src 'self'\r\n");
	assert_contains(answer, "X-Content-Type-Options: nosniff\r\n");
	assert_contains(answer, "Referrer-Policy: no-referrer\r\n");
	assert_contains(answer, "Cache-Control: no-store\r\n");
	assert_int_equal(self_seen, 1);
	assert_answer(ask("HEAD", "/"), "HTTP/1.1 200 OK\r\n", "");
	assert_contains(ask("POST", "/"), "HTTP/1.1 405 ");
	assert_lacks(ask("GET", "/metrics"), "Content-Security-Policy");
}

static void page__none__404(void **state)
{
	struct co_admin *paged = admin;

	(void)state;
	assert_int_equal(co_admin_start(&admin, "127.0.0.1:0", &without_page, NULL), CO_OK);
	assert_contains(ask("GET", "/"), "HTTP/1.1 404 ");
	assert_contains(ask("GET", "/livez"), "HTTP/1.1 200 ");
	co_admin_stop(admin);
	admin = paged;
}

static void path__unknown__404(void **state)
{
	static const char *const paths[] = {"/x",      "/ready",   "/readyzz",          "/readyz/",
										"/READYZ", "//readyz", "/metrics/../livez", "//"};

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_answer(ask("GET", paths[i]), "HTTP/1.1 404 Not Found\r\n",
					  "not found: there are /livez /readyz /startupz /metrics\n");
	assert_contains(ask("POST", "/x"), "HTTP/1.1 404 ");
}

static void method__that_writes__405(void **state)
{
	static const char *const methods[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"};

	(void)state;
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		const char *answer = ask(methods[i], "/readyz");
		assert_answer(answer, "HTTP/1.1 405 Method Not Allowed\r\n", "GET and HEAD only\n");
		assert_contains(answer, "Allow: GET, HEAD\r\n");
	}
	assert_contains(exchange("POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"),
					"HTTP/1.1 405 ");
}

static void request__malformed_or_huge__refused_and_served_on(void **state)
{
	char *huge = malloc(40000);

	(void)state;
	assert_lacks(exchange("nonsense\r\n\r\n"), "HTTP/1.1 200");
	snprintf(huge, 64, "GET /readyz HTTP/1.1\r\nHost: x\r\nX: ");
	memset(huge + strlen(huge), 'x', 39000);
	memcpy(huge + 39000, "\r\n\r\n", 5);
	assert_lacks(exchange(huge), "HTTP/1.1 200");
	free(huge);
	assert_contains(ask("GET", "/readyz"), "HTTP/1.1 200 OK");
}

/* Idle connections from one address do not lock the others out for ever: those beyond the limit are closed at once. */
static void connections__too_many__closed(void **state)
{
	int descriptors[40];
	bool is_closed[40] = {false};
	size_t closed = 0;

	(void)state;
	for (size_t i = 0; i < 40; i++)
		descriptors[i] = dial();
	/* For less than the ten seconds after which the others are closed for saying nothing. */
	for (time_t end = time(NULL) + 8; closed < 24 && time(NULL) < end; usleep(10000)) {
		for (size_t i = 0; i < 40; i++) {
			char byte;
			ssize_t got = is_closed[i] ? -1 : recv(descriptors[i], &byte, 1, MSG_DONTWAIT);
			if (is_closed[i] || got > 0 || (got < 0 && errno != ECONNRESET))
				continue;
			is_closed[i] = true;
			closed++;
		}
	}
	for (size_t i = 0; i < 40; i++)
		close(descriptors[i]);
	assert_true(closed >= 24);
}

static void start__port_taken__refused_with_the_reason(void **state)
{
	struct co_admin *second = admin;
	struct co_error error = {.text = ""};
	char listen[64];

	(void)state;
	snprintf(listen, sizeof listen, "127.0.0.1:%u", (unsigned)co_admin_port(admin));
	assert_int_equal(co_admin_start(&second, listen, &probes, &error), CO_CONFIG);
	assert_null(second);
	assert_string_equal(error.path, "admin.listen");
	assert_contains(error.text, "cannot listen on 127.0.0.1 port ");
	assert_contains(error.text, "Address already in use");
}

static void start__bad_address__refused_with_the_reason(void **state)
{
	struct co_admin *second = admin;
	struct co_error error = {.text = ""}, unknown = {.text = ""};

	(void)state;
	assert_int_equal(co_admin_start(&second, "127.0.0.1", &probes, &error), CO_CONFIG);
	assert_null(second);
	assert_string_equal(error.text, "has no port");
	assert_int_equal(co_admin_start(&second, "no.such.host.invalid:1", &probes, &unknown), CO_CONFIG);
	assert_contains(unknown.text, "no.such.host.invalid: ");
}

static void stop__then_dial__refused(void **state)
{
	struct co_admin *other;
	struct sockaddr_in address = {.sin_family = AF_INET};
	int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	assert_int_equal(co_admin_start(&other, "localhost:0", &probes, NULL), CO_OK);
	address.sin_port = htons(co_admin_port(other));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(co_admin_port(other), 0);
	co_admin_stop(other);
	assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), -1);
	assert_int_equal(errno, ECONNREFUSED);
	close(descriptor);
	co_admin_stop(NULL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(probe__ok__200),
		TEST(probe__ok_with_a_reason__told),
		TEST(probe__not_ok__503_with_the_reason),
		TEST(probe__longest_reason__whole),
		TEST(metrics__asked__exposition),
		TEST(head__any_path__no_body),
		TEST(page__asked__html_under_its_policy),
		TEST(page__none__404),
		TEST(path__unknown__404),
		TEST(method__that_writes__405),
		TEST(request__malformed_or_huge__refused_and_served_on),
		TEST(connections__too_many__closed),
		TEST(start__port_taken__refused_with_the_reason),
		TEST(start__bad_address__refused_with_the_reason),
		TEST(stop__then_dial__refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
