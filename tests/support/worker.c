#include "worker.h"

#include "tk.h"

#include <arpa/inet.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ARGUMENTS_MAX 64

static void write_config(struct co_tk_worker *worker, struct co_tk_kafka *kafka, struct co_tk_redis *redis,
						 const struct co_tk_worker_options *options, const char *path)
{
	static int number;
	char *instance = options->instance ? strdup(options->instance) : co_tk_format("w%d", ++number);
	char *lanes = options->lanes ? co_tk_format("lanes = %d\n", options->lanes) : strdup("");
	char *group = options->group ? co_tk_format("group = %s\n", options->group) : strdup("");
	char *prefix = options->prefix ? co_tk_format("[topics]\nprefix = %s\n", options->prefix) : strdup("");
	char *text = co_tk_format("[kafka]\nbootstrap.servers = %s\nbroker.address.family = v4\n"
							  "[worker]\ninstance = %s\n%s%s%s"
							  "[redis]\nurl = %s\n[admin]\nlisten = 127.0.0.1:%d\n[log]\nlevel = info\nformat = json\n",
							  kafka->servers, instance, lanes, group, prefix, redis->url, worker->admin_port);

	co_tk_write_file(path, text);
	free(instance);
	free(lanes);
	free(group);
	free(prefix);
	free(text);
}

void co_tk_worker_start(struct co_tk_worker *worker, struct co_tk_kafka *kafka, struct co_tk_redis *redis,
						const struct co_tk_worker_options *options)
{
	const char *argv[ARGUMENTS_MAX], *environment[ARGUMENTS_MAX];
	size_t argc = 0, envc = 0;
	char *program = options->program ? strdup(options->program) : co_tk_program("session-worker");

	co_tk_check(program, "session-worker is not built (CO_BUILD_BIN names its folder)");
	*worker = (struct co_tk_worker){.directory = options->directory ? options->directory : co_tk_temp_dir(),
									.admin_port = co_tk_free_port()};
	snprintf(worker->log, sizeof(worker->log), "%s/worker.log", worker->directory);
	char *config = co_tk_format("%s/session-worker.conf", worker->directory);
	write_config(worker, kafka, redis, options, config);
	argv[argc++] = program;
	argv[argc++] = "--config";
	argv[argc++] = config;
	for (const char *const *o = options->overrides; o && *o; o++) {
		co_tk_check(argc + 3 < ARGUMENTS_MAX, "too many overrides");
		argv[argc++] = "-X";
		argv[argc++] = *o;
	}
	argv[argc] = NULL;
	for (const char *const *e = options->environment; e && *e; e++) {
		co_tk_check(envc + 2 < ARGUMENTS_MAX, "too many variables");
		environment[envc++] = *e;
	}
	char *crash = options->crash ? co_tk_format("CO_CRASH=%s", options->crash) : NULL;
	if (crash)
		environment[envc++] = crash;
	environment[envc] = NULL;
	worker->pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .environment = environment, .log = worker->log});
	free(program);
	free(config);
	free(crash);
}

static ssize_t exchange(int handle, const char *request, char *answer, size_t room)
{
	size_t got = 0;

	if (send(handle, request, strlen(request), MSG_NOSIGNAL) < 0)
		return -1;
	for (ssize_t n; got < room - 1 && (n = recv(handle, answer + got, room - 1 - got, 0)) > 0;)
		got += (size_t)n;
	answer[got] = '\0';
	return (ssize_t)got;
}

int co_tk_worker_get(struct co_tk_worker *worker, const char *page, char **body)
{
	static char answer[1 << 20];
	char request[256];
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons((uint16_t)worker->admin_port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval limit = {.tv_sec = 30}; /* a busy machine may take its time; a refused connection is told at once */
	int status = -1, handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (handle < 0)
		return -1;
	setsockopt(handle, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(handle, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", page);
	if (connect(handle, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		exchange(handle, request, answer, sizeof(answer)) > 12 && strncmp(answer, "HTTP/1.", 7) == 0) {
		const char *content = strstr(answer, "\r\n\r\n");
		status = atoi(answer + 9);
		if (body)
			*body = strdup(content ? content + 4 : "");
	}
	close(handle);
	return status;
}

bool co_tk_worker_is_ready(struct co_tk_worker *worker)
{
	return co_tk_worker_get(worker, "/readyz", NULL) == 200;
}

static bool ready(void *self)
{
	return co_tk_worker_is_ready(self) || kill(((struct co_tk_worker *)self)->pid, 0);
}

char *co_tk_worker_log(struct co_tk_worker *worker)
{
	char *text = co_tk_read_file(worker->log, NULL);

	return text ? text : strdup("");
}

void co_tk_worker_wait_ready(struct co_tk_worker *worker, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms; co_tk_now_ms() < end;) {
		if (co_tk_wait(ready, worker, 250) && co_tk_worker_is_ready(worker))
			return;
		int status = co_tk_reap(worker->pid, 0);
		if (status >= 0) {
			worker->pid = 0;
			co_tk_fail("session-worker ended with %d\n%s", status, co_tk_worker_log(worker));
		}
	}
	char *text = co_tk_worker_log(worker);
	size_t length = strlen(text);
	co_tk_fail("session-worker is not ready within %lld ms\n%s", (long long)timeout_ms,
			   length > 4000 ? text + length - 4000 : text);
}

double co_tk_worker_metric(struct co_tk_worker *worker, const char *series)
{
	char *body = NULL;
	double value = NAN;

	if (co_tk_worker_get(worker, "/metrics", &body) != 200)
		return NAN;
	size_t length = strlen(series);
	for (char *line = body; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		if (strncmp(line, series, length) == 0 && line[length] == ' ')
			value = strtod(line + length + 1, NULL);
	free(body);
	return value;
}

void co_tk_worker_signal(struct co_tk_worker *worker, int number)
{
	if (worker->pid > 0)
		kill(worker->pid, number);
}

int co_tk_worker_wait(struct co_tk_worker *worker, int64_t timeout_ms)
{
	int status = co_tk_reap(worker->pid, timeout_ms);

	if (status >= 0)
		worker->pid = 0;
	return status;
}

void co_tk_worker_kill(struct co_tk_worker *worker)
{
	co_tk_kill(worker->pid);
	worker->pid = 0;
}

void co_tk_worker_stop(struct co_tk_worker *worker)
{
	int64_t began = co_tk_now_ms();

	co_tk_worker_signal(worker, SIGTERM);
	int status = co_tk_worker_wait(worker, 20000);
	if (status != 0)
		co_tk_fail("SIGTERM: status %d after %lld ms, wanted 0 within 20 s\n%s", status,
				   (long long)(co_tk_now_ms() - began), co_tk_worker_log(worker));
}
