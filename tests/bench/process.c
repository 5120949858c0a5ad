#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define READY_MS_MAX 60000
#define STOP_MS_MAX 20000

static pid_t running; /* the worker, for whoever ends this process */

_Noreturn void bench_fail(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vdprintf(STDERR_FILENO, format, list);
	va_end(list);
	(void)dprintf(STDERR_FILENO, "\n");
	if (running > 0)
		(void)kill(running, SIGKILL);
	_exit(1);
}

void bench_say(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vdprintf(STDERR_FILENO, format, list);
	va_end(list);
	(void)dprintf(STDERR_FILENO, "\n");
}

/* --- clocks ------------------------------------------------------------------------------------------------------- */

static int64_t clock_us(clockid_t clock)
{
	struct timespec at;

	(void)clock_gettime(clock, &at);
	return (int64_t)at.tv_sec * 1000000 + at.tv_nsec / 1000;
}

int64_t bench_now_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

int64_t bench_wall_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

void bench_sleep_until_us(int64_t monotonic_us)
{
	struct timespec at = {.tv_sec = monotonic_us / 1000000, .tv_nsec = monotonic_us % 1000000 * 1000};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		continue;
}

double bench_cpu_s(pid_t pid)
{
	char path[64], text[1024];
	char *rest = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	size_t length = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file)
		(void)fclose(file);
	text[length] = '\0';
	/* The name in parentheses may hold anything; utime and stime are the 12th and 13th words behind it. */
	const char *at = strrchr(text, ')');
	for (int word = 0; at && word < 12; word++)
		at = strchr(at + 1, ' ');
	if (!at)
		bench_fail("bench: process %d is gone", (int)pid);
	unsigned long user = strtoul(at, &rest, 10), system = strtoul(rest, NULL, 10);
	return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

/* --- small talk over loopback ------------------------------------------------------------------------------------- */

static int connect_to(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 3};
	int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (handle < 0)
		return -1;
	(void)setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(handle, (struct sockaddr *)&address, sizeof(address)) == 0)
		return handle;
	(void)close(handle);
	return -1;
}

/* Sends `request` and returns all that comes until the peer closes or `enough` was seen; the caller frees. NULL: none.
 */
static char *ask(int port, const char *request, const char *enough)
{
	size_t room = 1 << 16, got = 0;
	int handle = connect_to(port);
	char *answer = handle < 0 ? NULL : malloc(room);

	if (!answer)
		return NULL;
	ssize_t n = send(handle, request, strlen(request), MSG_NOSIGNAL);
	while (n > 0 && (n = recv(handle, answer + got, room - 1 - got, 0)) > 0) {
		got += (size_t)n;
		answer[got] = '\0';
		if (enough && strstr(answer, enough))
			break;
		if (got + 1 < room)
			continue;
		char *more = realloc(answer, room *= 2);
		if (!more)
			bench_fail("bench: out of memory");
		answer = more;
	}
	(void)close(handle);
	answer[got] = '\0';
	return answer;
}

/* The body when the status is 200. */
static char *get(int port, const char *page)
{
	char request[128], *answer, *body = NULL;

	(void)snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", page);
	answer = ask(port, request, NULL);
	if (answer && strncmp(answer, "HTTP/1.1 200 ", 13) == 0 && strstr(answer, "\r\n\r\n"))
		body = strdup(strstr(answer, "\r\n\r\n") + 4);
	free(answer);
	return body;
}

void bench_redis_flush(int port)
{
	char *answer = ask(port, "FLUSHALL\r\n", "\r\n");

	if (!answer || strncmp(answer, "+OK", 3) != 0)
		bench_fail("bench: Redis on port %d does not flush", port);
	free(answer);
}

int64_t bench_redis_used_bytes(int port)
{
	static const char name[] = "used_memory:";
	char *answer = ask(port, "INFO memory\r\n", "lazyfreed_objects");
	const char *at = answer ? strstr(answer, name) : NULL;

	if (!at)
		bench_fail("bench: Redis on port %d does not tell its memory", port);
	int64_t used = strtoll(at + sizeof(name) - 1, NULL, 10);
	free(answer);
	return used;
}

/* --- the worker --------------------------------------------------------------------------------------------------- */

/* Not in the range that the kernel gives to outgoing connections. */
static int free_port(void)
{
	for (int i = 0; i < 200; i++) {
		int port = 20000 + (int)((bench_wall_us() / 7 + i * INT64_C(131)) % 12000), handle = connect_to(port);
		if (handle < 0)
			return port;
		(void)close(handle);
	}
	bench_fail("bench: no free port");
}

static _Noreturn void become(const struct bench_variant *variant, const char *config, const char *log, pid_t parent)
{
	/* Whatever ends the bench ends its worker. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	int handle = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (handle >= 0) {
		(void)dup2(handle, STDOUT_FILENO);
		(void)dup2(handle, STDERR_FILENO);
	}
	(void)execl(variant->worker, variant->worker, "--config", config, (char *)NULL);
	_exit(127);
}

static void write_config(const struct bench_worker *worker, const struct bench_options *options,
						 const struct bench_variant *variant, const char *run, const char *path)
{
	FILE *file = fopen(path, "w");

	if (!file)
		bench_fail("bench: %s: %s", path, strerror(errno));
	(void)fprintf(file,
				  "[kafka]\nbootstrap.servers = %s\nbroker.address.family = v4\n"
				  "[worker]\ninstance = %s\ngroup = %s\nlanes = %d\n[topics]\nprefix = %s\n"
				  "[redis]\nurl = redis://127.0.0.1:%d/0\n[admin]\nlisten = 127.0.0.1:%d\n",
				  options->bootstrap, run, worker->group, variant->lanes, worker->prefix, options->redis_port,
				  worker->admin_port);
	if (fclose(file))
		bench_fail("bench: %s: %s", path, strerror(errno));
}

static void wait_ready(const struct bench_worker *worker, const char *log)
{
	int64_t end_us = bench_now_us() + READY_MS_MAX * 1000LL;

	while (bench_now_us() < end_us) {
		char *body = get(worker->admin_port, "/readyz");
		free(body);
		if (body)
			return;
		if (waitpid(worker->pid, NULL, WNOHANG) == worker->pid)
			bench_fail("bench: the worker ended at start, see %s", log);
		bench_sleep_until_us(bench_now_us() + 20000);
	}
	bench_fail("bench: the worker is not ready within %d s, see %s", READY_MS_MAX / 1000, log);
}

void bench_worker_start(struct bench_worker *worker, const struct bench_options *options,
						const struct bench_variant *variant, const char *run)
{
	char config[BENCH_TEXT], log[BENCH_TEXT];

	*worker = (struct bench_worker){.admin_port = free_port()};
	(void)snprintf(worker->prefix, sizeof(worker->prefix), "%s.", run);
	(void)snprintf(worker->group, sizeof(worker->group), "%s", run);
	(void)snprintf(config, sizeof(config), "%s/%s.conf", options->directory, run);
	(void)snprintf(log, sizeof(log), "%s/%s.log", options->directory, run);
	write_config(worker, options, variant, run, config);
	pid_t parent = getpid();
	worker->pid = fork();
	if (worker->pid == 0)
		become(variant, config, log, parent);
	if (worker->pid < 0)
		bench_fail("bench: fork: %s", strerror(errno));
	running = worker->pid;
	wait_ready(worker, log);
}

void bench_worker_stop(struct bench_worker *worker)
{
	int64_t end_us = bench_now_us() + STOP_MS_MAX * 1000LL;
	int status = -1;

	(void)kill(worker->pid, SIGTERM);
	while (waitpid(worker->pid, &status, WNOHANG) != worker->pid) {
		if (bench_now_us() > end_us)
			bench_fail("bench: the worker does not end within %d s of SIGTERM", STOP_MS_MAX / 1000);
		bench_sleep_until_us(bench_now_us() + 10000);
	}
	running = 0;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		bench_fail("bench: the worker ended with status %d, not 0", status);
}

char *bench_worker_metrics(const struct bench_worker *worker)
{
	return get(worker->admin_port, "/metrics");
}
