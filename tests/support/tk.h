/* The test kit: processes, temporary folders, free ports, deadlines; and whatever happens, everything it started is
 * stopped. Owns what it starts through a guard process that outlives a crash of the test. Never used by the service.
 * Every helper either does what it says or ends the test program with a sentence on stderr (exit 1). */
#ifndef CO_TK_H
#define CO_TK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Prints file, line and the sentence, then exit(1): the clean-up runs. */
_Noreturn void co_tk_fail_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define co_tk_fail(...) co_tk_fail_at(__FILE__, __LINE__, __VA_ARGS__)
#define co_tk_check(condition, ...)  \
	do {                             \
		if (!(condition))            \
			co_tk_fail(__VA_ARGS__); \
	} while (0)

/* The same as malloc and so on, but never NULL. */
void *co_tk_alloc(size_t bytes);
void *co_tk_grow(void *old, size_t bytes);
char *co_tk_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

int64_t co_tk_now_ms(void);  /* monotonic */
int64_t co_tk_wall_ms(void); /* since 1970 */
void co_tk_sleep_ms(int64_t duration_ms);

/* True as soon as `done(self)` is; false when `timeout_ms` have passed. */
bool co_tk_wait(bool (*done)(void *self), void *self, int64_t timeout_ms);

/* A TCP port of 127.0.0.1 that nobody has, below those that the kernel gives to outgoing connections; not given twice
 * in one run. */
int co_tk_free_port(void);
/* A socket that listens on that port of 127.0.0.1; ends the test when it cannot. */
int co_tk_listen(int port);
/* A connection to that port of 127.0.0.1; -1: nobody is there. */
int co_tk_dial(int port);
/* A fresh folder below /tmp, removed at the end (kept, and told, when CO_TK_KEEP is set). */
const char *co_tk_temp_dir(void);
char *co_tk_read_file(const char *path, size_t *length); /* NULL: cannot be read. NUL-terminated; free() it */
void co_tk_write_file(const char *path, const char *text);

/* The folders that the build names. */
const char *co_tk_source_dir(void);
/* A program of the build (environment CO_BUILD_BIN wins over the build's own bin folder); NULL when it is not
 * there. free() it. */
char *co_tk_program(const char *name);

struct co_tk_spawn {
	const char *const *argv;        /* NULL-terminated */
	const char *const *environment; /* NAME=value on top of ours, NULL-terminated; may be NULL */
	const char *directory;          /* NULL: ours */
	const char *log;                /* stdout and stderr are appended here; NULL: /dev/null */
};
/* Starts a process that dies with us (PR_SET_PDEATHSIG, and the guard). */
pid_t co_tk_spawn(const struct co_tk_spawn *spawn);
/* Its exit status (0..255), 256 + signal, or -1 when it still runs after `timeout_ms`. */
int co_tk_reap(pid_t pid, int64_t timeout_ms);
/* kill -9 and reap; pid 0 is nothing. */
void co_tk_kill(pid_t pid);
/* Runs to the end; its exit status as above. */
int co_tk_run(const struct co_tk_spawn *spawn, int64_t timeout_ms);

/* Commands for the guard, run when this process is gone in whatever way: `./run kafka stop` of a folder. */
void co_tk_guard_kafka(const char *directory, int port);
/* SIGKILL to the process whose number stands in the file, and waits until it is gone; false when it does not run. */
bool co_tk_kill_pid_file(const char *path);

#endif
