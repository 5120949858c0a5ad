#include "ctl.h"

#include <locale.h>
#include <stdlib.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	const char *plain = getenv("NO_COLOR");
	struct ctl_world world = {.out = stdout,
							  .err = stderr,
							  .environment = environ,
							  .program = argv[0],
							  .colour = isatty(STDOUT_FILENO) == 1 && !(plain && plain[0])};

	signal(SIGPIPE, SIG_IGN);
	return ctl_run(&world, argc, argv);
}
