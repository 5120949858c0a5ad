/* What the verbs of checkoutctl share: exit codes, the world they write to, and one table-driven option parser.
 * Owns nothing. Never takes a credential from the command line: files and environment only. */
#ifndef CHECKOUTCTL_CTL_H
#define CHECKOUTCTL_CTL_H

#include "checkout/bytes.h"
#include "checkout/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum ctl_exit { CTL_OK = 0, CTL_TROUBLE = 1, CTL_USAGE = 2, CTL_REJECTED = 3 };

struct ctl_world {
	FILE *out, *err;
	char *const *environment;
	const char *program; /* argv[0] */
	bool colour;
};

#define CTL_LIST_MAX 32

struct ctl_list {
	size_t count;
	const char *items[CTL_LIST_MAX];
};

enum ctl_kind { CTL_TEXT, CTL_INT, CTL_FLAG, CTL_LIST, CTL_CHOICE, CTL_UUID };

/* One option of a verb: what parses it is what --help shows. */
struct ctl_option {
	const char *name; /* without the dashes */
	enum ctl_kind kind;
	size_t offset; /* where in the verb's struct: const char * (TEXT, CHOICE, UUID), int64_t, bool, struct ctl_list */
	const char *value; /* the word in the help; CHOICE: the values allowed, `|` between; NULL for FLAG */
	int64_t min, max;  /* INT */
	const char *help;
};

/* A table of options and the struct that it fills. */
struct ctl_table {
	const struct ctl_option *options;
	size_t count;
	void *target;
	uint64_t seen; /* bit i: options[i] was given */
};

struct ctl_verb {
	const char *name, *arguments, *summary;
	int (*run)(const struct ctl_world *world, int argc, char **argv); /* argv[0]: the verb's name */
};

extern const struct ctl_verb ctl_verb_send, ctl_verb_watch, ctl_verb_topics, ctl_verb_describe, ctl_verb_dlq,
	ctl_verb_demo;

/* Set by SIGINT and SIGTERM after ctl_stop_on_signals(). */
extern volatile sig_atomic_t ctl_stopped;
void ctl_stop_on_signals(void);

/* The whole program but for the process's own set-up; returns the exit code. */
int ctl_run(const struct ctl_world *world, int argc, char **argv);

/* Fills the tables' targets and gathers what is no option in `positional`. False after one line on world->err that
 * names the option and what is allowed. */
bool ctl_options_parse(const struct ctl_world *world, const char *verb, int argc, char **argv, struct ctl_table *tables,
					   size_t table_count, struct ctl_list *positional);
void ctl_options_help(FILE *out, const struct ctl_verb *verb, const struct ctl_table *tables, size_t table_count);
/* True when `--help` is among the arguments. */
bool ctl_options_ask_help(int argc, char **argv);

/* One line on world->err, `checkoutctl: ` before it. */
void ctl_complain(const struct ctl_world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* NULL when it is not set. */
const char *ctl_environment(const struct ctl_world *world, const char *name);
/* The whole file in the arena (`-`: standard input), at most `max_bytes`, with a NUL behind it. `secret` cuts trailing
 * line ends off, and *out is then the one copy, for the caller to wipe. False with the reason in `error`. */
bool ctl_read_file(const char *path, size_t max_bytes, bool secret, struct co_arena *arena, struct co_view *out,
				   struct co_error *error);

/* One line of text, a credential: from its file, or else (`file` NULL) from the environment (`variable` may be NULL);
 * the absent view when there is neither. False after a line on world->err. */
bool ctl_read_secret(const struct ctl_world *world, const char *verb, const char *file, const char *variable,
					 struct co_arena *arena, struct co_view *out);
/* Milliseconds since 1970, or RFC 3339; above 0. False after a line on world->err that names the option. */
bool ctl_read_time(const struct ctl_world *world, const char *verb, const char *option, const char *text, int64_t *out);

int64_t ctl_wall_ms(void);
int64_t ctl_monotonic_ms(void);

/* What has to come with every connection. */
struct ctl_connection {
	const char *bootstrap, *prefix;
	struct ctl_list properties; /* name=value for librdkafka */
	int64_t timeout_seconds;
};
#define CTL_CONNECTION_OPTIONS 4
extern const struct ctl_option ctl_connection_options[CTL_CONNECTION_OPTIONS];

#endif
