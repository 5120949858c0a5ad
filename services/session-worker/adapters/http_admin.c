#include "http_admin.h"

#include "checkout/arena.h"
#include "checkout/config.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

#include <microhttpd.h>

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A scraper and a few probes; more is somebody else's business, and costs them, not the lanes. */
#define CONNECTIONS_MAX 32U
#define CONNECTIONS_PER_ADDRESS_MAX 16U
#define IDLE_SECONDS 10U
#define REQUEST_BYTES_MAX (16UL * 1024)

#define PLAIN "text/plain; charset=utf-8"
#define HTML "text/html; charset=utf-8"
#define EXPOSITION "text/plain; version=0.0.4; charset=utf-8"

struct co_admin {
	struct MHD_Daemon *daemon;
	struct co_admin_probes probes;
	struct co_arena arena; /* of the listener's one thread */
	uint16_t port;
};

/* Answers with a copy of the body. `policy`: of a page; NULL: none is needed. */
static enum MHD_Result answer_under(struct MHD_Connection *connection, unsigned status, const char *type,
									const char *policy, struct co_view body)
{
	/* The cast drops const: with MUST_COPY the library only reads. */
	struct MHD_Response *response =
		MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_NO ||
		MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_NO ||
		MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_NO ||
		(policy && (MHD_add_response_header(response, "Content-Security-Policy", policy) == MHD_NO ||
					MHD_add_response_header(response, "Referrer-Policy", "no-referrer") == MHD_NO)) ||
		(status == MHD_HTTP_METHOD_NOT_ALLOWED &&
		 MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_NO)) {
		MHD_destroy_response(response);
		return MHD_NO;
	}
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, struct co_view body)
{
	return answer_under(connection, status, type, NULL, body);
}

static enum MHD_Result answer_probe(struct co_admin *admin, struct MHD_Connection *connection,
									void (*probe)(void *self, struct co_admin_probe *out))
{
	struct co_admin_probe state = {false, ""};
	char body[sizeof state.reason + 16];

	probe(admin->probes.self, &state);
	snprintf(body, sizeof body, "%s%s%s\n", state.ok ? "ok" : "not ok", state.reason[0] ? ": " : "", state.reason);
	return answer(connection, state.ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, PLAIN, co_view_cstr(body));
}

static enum MHD_Result answer_metrics(struct co_admin *admin, struct MHD_Connection *connection)
{
	enum MHD_Result result;

	co_arena_reset(&admin->arena);
	result = answer(connection, MHD_HTTP_OK, EXPOSITION, co_metrics_expose(&admin->arena));
	co_arena_reset(&admin->arena);
	return result;
}

static enum MHD_Result answer_page(struct co_admin *admin, struct MHD_Connection *connection)
{
	const char *policy = admin->probes.page_policy ? admin->probes.page_policy : "default-src 'none'";
	enum MHD_Result result;

	co_arena_reset(&admin->arena);
	result = answer_under(connection, MHD_HTTP_OK, HTML, policy, admin->probes.page(admin->probes.self, &admin->arena));
	co_arena_reset(&admin->arena);
	return result;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *path, const char *method,
								  const char *version, const char *upload, size_t *upload_size, void **state)
{
	struct co_admin *admin = self;
	bool reads = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
	static const char *const paths[] = {"/livez", "/readyz", "/startupz", "/metrics", "/"};
	size_t found = 0;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)state;
	while (found < sizeof paths / sizeof *paths && strcmp(paths[found], path) != 0)
		found++;
	if (found == sizeof paths / sizeof *paths || (found == 4 && !admin->probes.page))
		return answer(connection, MHD_HTTP_NOT_FOUND, PLAIN,
					  CO_VIEW("not found: there are /livez /readyz /startupz /metrics\n"));
	if (!reads)
		return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, PLAIN, CO_VIEW("GET and HEAD only\n"));
	switch (found) {
	case 0:
		return answer_probe(admin, connection, admin->probes.live);
	case 1:
		return answer_probe(admin, connection, admin->probes.ready);
	case 2:
		return answer_probe(admin, connection, admin->probes.started);
	case 3:
		return answer_metrics(admin, connection);
	default:
		return answer_page(admin, connection);
	}
}

/* The library's own complaints are about clients: peers that hang up, requests that are none. */
static void on_library_log(void *self, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));
static void on_library_log(void *self, const char *format, va_list arguments)
{
	char text[256];

	(void)self;
	vsnprintf(text, sizeof text, format, arguments);
	text[strcspn(text, "\r\n")] = '\0';
	co_log(CO_LOG_DEBUG, "admin.library", "the HTTP library has a remark", CO_TEXT("error.message", text));
}

/* A listening socket on the first address that works; -1 with the reason. */
static int listen_on(const struct co_listen *address, struct co_error *error)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	struct addrinfo *found = NULL;
	char service[8];
	int code, descriptor = -1, reason = 0;

	snprintf(service, sizeof service, "%u", (unsigned)address->port);
	code = getaddrinfo(address->host, service, &hints, &found);
	if (code) {
		co_error_set(error, "admin.listen", "%s: %s", address->host, gai_strerror(code));
		return -1;
	}
	for (struct addrinfo *one = found; one && descriptor < 0; one = one->ai_next) {
		const int on = 1;
		descriptor = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (descriptor >= 0 && setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
			bind(descriptor, one->ai_addr, one->ai_addrlen) == 0 && listen(descriptor, (int)CONNECTIONS_MAX) == 0)
			break;
		reason = errno;
		if (descriptor >= 0)
			close(descriptor);
		descriptor = -1;
	}
	freeaddrinfo(found);
	if (descriptor < 0)
		co_error_set(error, "admin.listen", "cannot listen on %s port %s: %s", address->host, service,
					 strerror(reason));
	return descriptor;
}

static uint16_t port_of(int descriptor)
{
	struct sockaddr_storage bound;
	socklen_t len = sizeof bound;
	char service[8] = "0";

	if (getsockname(descriptor, (struct sockaddr *)&bound, &len) ||
		getnameinfo((struct sockaddr *)&bound, len, NULL, 0, service, sizeof service, NI_NUMERICSERV))
		return 0;
	return (uint16_t)strtoul(service, NULL, 10);
}

enum co_status co_admin_start(struct co_admin **out, const char *listen, const struct co_admin_probes *probes,
							  struct co_error *error)
{
	struct co_listen address;
	struct co_admin *admin;
	int descriptor;

	*out = NULL;
	CO_TRY(co_listen_parse(listen, &address, error));
	descriptor = listen_on(&address, error);
	if (descriptor < 0)
		return CO_CONFIG;
	admin = calloc(1, sizeof *admin);
	if (!admin) {
		close(descriptor);
		co_error_set(error, "admin.listen", "no memory for the listener");
		return CO_CONFIG;
	}
	admin->probes = *probes;
	admin->port = port_of(descriptor);
	co_arena_init(&admin->arena, 64UL * 1024, 256UL * 1024);
	/* The logger comes first: it is in force from where it stands. The library owns the socket once it has started. */
	admin->daemon =
		MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request,
						 admin, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL, MHD_OPTION_LISTEN_SOCKET, descriptor,
						 MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
						 CONNECTIONS_PER_ADDRESS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT, REQUEST_BYTES_MAX, MHD_OPTION_END);
	if (!admin->daemon) {
		close(descriptor);
		free(admin);
		co_error_set(error, "admin.listen", "the HTTP library did not start");
		return CO_CONFIG;
	}
	*out = admin;
	return CO_OK;
}

uint16_t co_admin_port(const struct co_admin *admin)
{
	return admin->port;
}

void co_admin_stop(struct co_admin *admin)
{
	if (!admin)
		return;
	MHD_stop_daemon(admin->daemon);
	co_arena_clear(&admin->arena);
	free(admin);
}
