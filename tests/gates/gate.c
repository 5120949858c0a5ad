#include "gate.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void co_gate_lines_add(struct co_gate_lines *lines, const char *text)
{
	if (lines->count == lines->cap) {
		lines->cap = lines->cap ? lines->cap * 2 : 64;
		lines->lines = co_tk_grow(lines->lines, lines->cap * sizeof(*lines->lines));
	}
	lines->lines[lines->count++] = strdup(text);
}

void co_gate_run(const char *const *argv, struct co_gate_lines *out)
{
	int ends[2], status;
	char line[4096];

	co_tk_check(pipe(ends) == 0, "pipe");
	fflush(NULL);
	pid_t pid = fork();
	co_tk_check(pid >= 0, "fork");
	if (pid == 0) {
		dup2(ends[1], 1);
		close(ends[0]);
		close(ends[1]);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	close(ends[1]);
	FILE *from = fdopen(ends[0], "r");
	co_tk_check(from, "fdopen");
	while (fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\n")] = '\0';
		co_gate_lines_add(out, line);
	}
	fclose(from);
	co_tk_check(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s failed", argv[0]);
}

void co_gate_lines_clear(struct co_gate_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->lines[i]);
	free(lines->lines);
	*lines = (struct co_gate_lines){0};
}
