#include "tk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PIDS_MAX 256
#define FOLDERS_MAX 64

static pid_t pids[PIDS_MAX];
static size_t pid_count;
static char *folders[FOLDERS_MAX];
static size_t folder_count;
static int guard_pipe = -1;
static pid_t guard_pid;

void co_tk_fail_at(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fprintf(stderr, "%s:%d: ", file, line);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(1);
}

void *co_tk_alloc(size_t bytes)
{
	void *memory = calloc(1, bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

void *co_tk_grow(void *old, size_t bytes)
{
	void *memory = realloc(old, bytes ? bytes : 1);

	if (!memory)
		abort();
	return memory;
}

char *co_tk_format(const char *format, ...)
{
	va_list arguments;
	char *text = NULL;

	va_start(arguments, format);
	int length = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (length < 0)
		abort();
	return text;
}

static int64_t clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t co_tk_now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t co_tk_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

void co_tk_sleep_ms(int64_t duration_ms)
{
	struct timespec pause = {.tv_sec = duration_ms / 1000, .tv_nsec = (duration_ms % 1000) * 1000000};

	while (nanosleep(&pause, &pause) && errno == EINTR) {
	}
}

bool co_tk_wait(bool (*done)(void *self), void *self, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms;;) {
		if (done(self))
			return true;
		if (co_tk_now_ms() >= end)
			return false;
		co_tk_sleep_ms(20);
	}
}

/* ---- the guard: a process of its own session that acts when our end of the pipe closes ---- */

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
	(void)status;
	(void)kind;
	(void)walk;
	return remove(path);
}

static void run_quietly(char *const argv[], const char *directory)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);
		if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || (directory && chdir(directory)))
			_exit(127);
		execv(argv[0], argv);
		_exit(127);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void guard_stop_kafka(char *argument)
{
	char *port = strchr(argument, ' ');

	if (!port)
		return;
	*port++ = '\0';
	char *run = co_tk_format("%s/run", co_tk_source_dir());
	char *argv[] = {run, (char[]){"kafka"}, (char[]){"stop"}, argument, port, NULL};
	run_quietly(argv, co_tk_source_dir());
	free(run);
	char *pid = co_tk_format("%s/pid", argument);
	co_tk_kill_pid_file(pid);
	free(pid);
}

static void guard_act(char lines[][600], size_t count)
{
	for (size_t i = count; i-- > 0;) {
		if (lines[i][0] == 'p')
			kill((pid_t)atol(lines[i] + 2), SIGKILL);
		else if (lines[i][0] == 'k')
			guard_stop_kafka(lines[i] + 2);
	}
	for (size_t i = count; i-- > 0;)
		if (lines[i][0] == 'd')
			nftw(lines[i] + 2, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void guard_forget(char lines[][600], size_t count, const char *pid)
{
	for (size_t i = 0; i < count; i++)
		if (lines[i][0] == 'p' && strcmp(lines[i] + 2, pid) == 0)
			lines[i][0] = '-';
}

static _Noreturn void guard_main(int from)
{
	static char lines[1024][600];
	size_t count = 0;
	FILE *stream = fdopen(from, "r");
	char line[600];

	setsid();
	for (int number = 1; number < 32; number++)
		signal(number, SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	while (stream && fgets(line, sizeof(line), stream)) {
		line[strcspn(line, "\n")] = '\0';
		size_t slot = 0;
		while (slot < count && lines[slot][0] != '-')
			slot++;
		if (line[0] == 'r')
			guard_forget(lines, count, line + 2);
		else if (slot < 1024)
			memcpy(lines[slot], line, sizeof(line));
		if (slot == count && count < 1024 && line[0] != 'r')
			count++;
	}
	guard_act(lines, count);
	_exit(0);
}

static void at_end(void)
{
	for (size_t i = 0; i < pid_count; i++)
		if (pids[i])
			kill(pids[i], SIGKILL);
	if (guard_pipe >= 0) {
		close(guard_pipe);
		waitpid(guard_pid, NULL, 0);
	}
}

static void on_signal(int number)
{
	/* The guard sees the pipe close and cleans up. */
	signal(number, SIG_DFL);
	raise(number);
}

static void guard_start(void)
{
	int ends[2];

	if (guard_pipe >= 0)
		return;
	co_tk_check(pipe2(ends, O_CLOEXEC) == 0, "pipe: %s", strerror(errno));
	fflush(NULL);
	guard_pid = fork();
	co_tk_check(guard_pid >= 0, "fork: %s", strerror(errno));
	if (guard_pid == 0) {
		close(ends[1]);
		guard_main(ends[0]);
	}
	close(ends[0]);
	guard_pipe = ends[1];
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	atexit(at_end);
}

static void guard_tell(const char *format, ...)
{
	va_list arguments;

	guard_start();
	va_start(arguments, format);
	vdprintf(guard_pipe, format, arguments);
	va_end(arguments);
}

void co_tk_guard_kafka(const char *directory, int port)
{
	guard_tell("k %s %d\n", directory, port);
}

/* ---- processes ---- */

bool co_tk_kill_pid_file(const char *path)
{
	char *text = co_tk_read_file(path, NULL);
	pid_t pid = text ? (pid_t)atol(text) : 0;

	free(text);
	if (pid <= 1 || kill(pid, SIGKILL) != 0)
		return false;
	for (int i = 0; i < 500 && kill(pid, 0) == 0; i++)
		co_tk_sleep_ms(10);
	return true;
}

static _Noreturn void child(const struct co_tk_spawn *spawn, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	setpgid(0, 0);
	/* A test framework's handlers would take the child back into the tests. */
	for (int number = 1; number < 32; number++)
		signal(number, SIG_DFL);
	int input = open("/dev/null", O_RDONLY);
	int output = spawn->log ? open(spawn->log, O_WRONLY | O_CREAT | O_APPEND, 0600) : open("/dev/null", O_WRONLY);
	if (input < 0 || output < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(127);
	if (spawn->directory && chdir(spawn->directory))
		_exit(127);
	for (const char *const *e = spawn->environment; e && *e; e++)
		if (putenv((char *)(uintptr_t)*e))
			_exit(127);
	execvp(spawn->argv[0], (char *const *)(uintptr_t)spawn->argv);
	dprintf(2, "cannot run %s: %s\n", spawn->argv[0], strerror(errno));
	_exit(127);
}

pid_t co_tk_spawn(const struct co_tk_spawn *spawn)
{
	size_t slot = 0;

	guard_start();
	while (slot < pid_count && pids[slot])
		slot++;
	co_tk_check(slot < PIDS_MAX, "too many processes");
	fflush(NULL);
	pid_t parent = getpid(), pid = fork();
	co_tk_check(pid >= 0, "fork: %s", strerror(errno));
	if (pid == 0)
		child(spawn, parent);
	pids[slot] = pid;
	if (slot == pid_count)
		pid_count++;
	guard_tell("p %ld\n", (long)pid);
	return pid;
}

static void forget(pid_t pid)
{
	for (size_t i = 0; i < pid_count; i++)
		if (pids[i] == pid)
			pids[i] = 0;
	guard_tell("r %ld\n", (long)pid);
}

int co_tk_reap(pid_t pid, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms;;) {
		int status;
		pid_t done = waitpid(pid, &status, WNOHANG);
		if (done == pid) {
			forget(pid);
			return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
		}
		co_tk_check(done == 0, "waitpid %ld: %s", (long)pid, strerror(errno));
		if (co_tk_now_ms() >= end)
			return -1;
		co_tk_sleep_ms(5);
	}
}

void co_tk_kill(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	co_tk_check(co_tk_reap(pid, 10000) >= 0, "process %ld survives SIGKILL", (long)pid);
}

int co_tk_run(const struct co_tk_spawn *spawn, int64_t timeout_ms)
{
	pid_t pid = co_tk_spawn(spawn);
	int status = co_tk_reap(pid, timeout_ms);

	if (status < 0)
		co_tk_kill(pid);
	return status;
}

/* ---- ports, folders, files ---- */

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static bool is_free(int port)
{
	struct sockaddr_in address = loopback(port);
	int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool free = handle >= 0 && bind(handle, (struct sockaddr *)&address, sizeof(address)) == 0;

	if (handle >= 0)
		close(handle);
	return free;
}

int co_tk_listen(int port)
{
	struct sockaddr_in address = loopback(port);
	int on = 1, handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	co_tk_check(handle >= 0, "socket: %s", strerror(errno));
	setsockopt(handle, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	co_tk_check(bind(handle, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(handle, 128) == 0,
				"port %d: %s", port, strerror(errno));
	return handle;
}

int co_tk_dial(int port)
{
	struct sockaddr_in address = loopback(port);
	int handle = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (handle >= 0 && connect(handle, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(handle);
		return -1;
	}
	return handle;
}

int co_tk_free_port(void)
{
	static int next;

	if (!next)
		next = 20000 + (int)((unsigned)getpid() * 37U + (unsigned)co_tk_now_ms()) % 11000;
	for (int attempt = 0; attempt < 1000; attempt++) {
		next = next >= 31990 ? 20000 : next + 7;
		if (is_free(next))
			return next;
	}
	co_tk_fail("no free port after 1000 attempts");
}

const char *co_tk_temp_dir(void)
{
	char *path = co_tk_format("/tmp/co-test-XXXXXX");

	co_tk_check(folder_count < FOLDERS_MAX, "too many temporary folders");
	co_tk_check(mkdtemp(path), "mkdtemp: %s", strerror(errno));
	folders[folder_count++] = path;
	if (getenv("CO_TK_KEEP"))
		fprintf(stderr, "kept: %s\n", path);
	else
		guard_tell("d %s\n", path);
	return path;
}

char *co_tk_read_file(const char *path, size_t *length)
{
	FILE *file = fopen(path, "rbe");
	size_t size = 0, cap = 65536;

	if (!file)
		return NULL;
	char *text = co_tk_alloc(cap + 1);
	for (size_t got; (got = fread(text + size, 1, cap - size, file)) > 0;) {
		size += got;
		if (size == cap)
			text = co_tk_grow(text, (cap *= 2) + 1);
	}
	fclose(file);
	text[size] = '\0';
	if (length)
		*length = size;
	return text;
}

void co_tk_write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "wbe");

	co_tk_check(file && fputs(text, file) >= 0 && fclose(file) == 0, "cannot write %s: %s", path, strerror(errno));
}

const char *co_tk_source_dir(void)
{
	return CO_SOURCE_DIR;
}

char *co_tk_program(const char *name)
{
	const char *folder = getenv("CO_BUILD_BIN");
	char *path = co_tk_format("%s/%s", folder && *folder ? folder : CO_BUILD_BIN_DIR, name);

	if (access(path, X_OK) == 0)
		return path;
	free(path);
	return NULL;
}
