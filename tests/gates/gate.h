/* What the gates share: output of a command, and a way to say what was counted. */
#ifndef CO_GATE_H
#define CO_GATE_H

#include <stdbool.h>
#include <stddef.h>

struct co_gate_lines {
	size_t count, cap;
	char **lines;
};

/* Runs argv and splits its stdout into lines. Ends the program when it cannot be run or fails. */
void co_gate_run(const char *const *argv, struct co_gate_lines *out);
void co_gate_lines_add(struct co_gate_lines *lines, const char *text);
void co_gate_lines_clear(struct co_gate_lines *lines);

#endif
