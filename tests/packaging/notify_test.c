/* What the service manager hears of the worker (systemd's notify protocol): ready once its configuration is accepted,
 * Kafka there or not; fed while it makes progress; stopping when asked to leave. Needs no server. */
#include "tk.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define WATCHDOG_MS INT64_C(1000)

struct manager {
	int socket;
	const char *directory;
	char heard[16384]; /* all datagrams, a line feed after each */
	pid_t pid;
};

static void open_manager(struct manager *manager, bool abstract, char variable[160])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};

	*manager = (struct manager){.directory = co_tk_temp_dir()};
	snprintf(variable, 160, "NOTIFY_SOCKET=%s%s/notify", abstract ? "@" : "", manager->directory);
	const char *path = strchr(variable, '=') + 1;
	memcpy(at.sun_path, path, strlen(path));
	if (abstract)
		at.sun_path[0] = '\0';
	manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	co_tk_check(bind(manager->socket, (struct sockaddr *)&at, length) == 0, "bind: %s", strerror(errno));
}

static void start(struct manager *manager, const char *notify, const char *watchdog_pid)
{
	char *program = co_tk_program("session-worker");
	co_tk_check(program, "session-worker is not built");
	const char *argv[] = {program, NULL};
	const char *environment[] = {notify,
								 "WATCHDOG_USEC=1000000",
								 "CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1",
								 "CHECKOUT_REDIS_URL=redis://127.0.0.1:1/0",
								 "CHECKOUT_ADMIN_LISTEN=",
								 watchdog_pid,
								 NULL};
	char *log = co_tk_format("%s/log", manager->directory);
	manager->pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .environment = environment, .log = log});
	free(log);
	free(program);
}

static void listen_to(struct manager *manager, int64_t duration_ms)
{
	size_t used = strlen(manager->heard);
	int64_t end = co_tk_now_ms() + duration_ms;
	bool over;

	/* All that is there is heard, once more when the time is over. */
	do {
		over = co_tk_now_ms() >= end;
		for (ssize_t got;
			 (got = recv(manager->socket, manager->heard + used, sizeof(manager->heard) - used - 2, 0)) > 0;) {
			used += (size_t)got;
			manager->heard[used++] = '\n';
			manager->heard[used] = '\0';
		}
		co_tk_sleep_ms(5);
	} while (!over);
}

static int count(const struct manager *manager, const char *line)
{
	int found = 0;

	for (const char *at = manager->heard; (at = strstr(at, line)) != NULL; at += strlen(line))
		found++;
	return found;
}

/* Until the line was heard that often; a process under a sanitizer takes its time to start. */
static void await(struct manager *manager, const char *line, int times)
{
	for (int64_t end = co_tk_now_ms() + 60000; count(manager, line) < times; listen_to(manager, 20))
		if (co_tk_now_ms() > end)
			fail_msg("no %s; heard:\n%s", line, manager->heard);
}

static void leave(struct manager *manager)
{
	kill(manager->pid, SIGTERM);
	assert_int_equal(co_tk_reap(manager->pid, 20000), 0);
	listen_to(manager, 200);
	close(manager->socket);
}

/* Until it has joined, the worker asks Kafka for up to five seconds at a time; it is fed in between. */
#define BETWEEN_MS INT64_C(6000)

static void notify__socket_path__ready_fed_stopping(void **state)
{
	struct manager manager;
	char notify[160];

	(void)state;
	open_manager(&manager, false, notify);
	int64_t began_ms = co_tk_now_ms();
	start(&manager, notify, NULL);
	listen_to(&manager, 2 * BETWEEN_MS);
	await(&manager, "READY=1\n", 1);
	await(&manager, "STATUS=Kafka does not answer\n", 1);
	await(&manager, "WATCHDOG=1\n", 2);
	int64_t listened_ms = co_tk_now_ms() - began_ms;
	if (count(&manager, "READY=1\n") != 1 || count(&manager, "STATUS=Kafka does not answer\n") != 1 ||
		count(&manager, "STOPPING=1") != 0)
		fail_msg("heard:\n%s", manager.heard);
	assert_in_range(count(&manager, "WATCHDOG=1\n"), 2, (unsigned)(2 * listened_ms / WATCHDOG_MS));
	leave(&manager);
	assert_int_equal(count(&manager, "STOPPING=1"), 1);
}

static void notify__abstract_socket__ready_and_fed(void **state)
{
	struct manager manager;
	char notify[160];

	(void)state;
	open_manager(&manager, true, notify);
	start(&manager, notify, NULL);
	await(&manager, "READY=1\n", 1);
	await(&manager, "WATCHDOG=1\n", 1);
	assert_int_equal(count(&manager, "READY=1\n"), 1);
	leave(&manager);
}

/* A process that hangs is not fed: the manager's watchdog will end it. */
static void notify__stopped_process__not_fed(void **state)
{
	struct manager manager;
	char notify[160];
	int status;

	(void)state;
	open_manager(&manager, false, notify);
	start(&manager, notify, NULL);
	await(&manager, "WATCHDOG=1\n", 1);
	kill(manager.pid, SIGSTOP);
	assert_int_equal(waitpid(manager.pid, &status, WUNTRACED), manager.pid);
	assert_true(WIFSTOPPED(status));
	listen_to(&manager, 200); /* what it had said by then */
	manager.heard[0] = '\0';
	listen_to(&manager, BETWEEN_MS);
	assert_int_equal(count(&manager, "WATCHDOG=1\n"), 0);
	kill(manager.pid, SIGCONT);
	leave(&manager);
}

/* The watchdog's variables may be inherited from somebody else's service. */
static void notify__watchdog_of_another_process__not_fed(void **state)
{
	struct manager manager;
	char notify[160];

	(void)state;
	open_manager(&manager, false, notify);
	start(&manager, notify, "WATCHDOG_PID=1");
	await(&manager, "READY=1\n", 1);
	listen_to(&manager, 2 * WATCHDOG_MS);
	assert_int_equal(count(&manager, "READY=1\n"), 1);
	assert_int_equal(count(&manager, "WATCHDOG=1\n"), 0);
	leave(&manager);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(notify__socket_path__ready_fed_stopping),
		cmocka_unit_test(notify__abstract_socket__ready_and_fed),
		cmocka_unit_test(notify__stopped_process__not_fed),
		cmocka_unit_test(notify__watchdog_of_another_process__not_fed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
