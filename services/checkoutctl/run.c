#include "ctl.h"

#include <string.h>

#ifndef CTL_VERSION
#define CTL_VERSION "0.0.0"
#endif

volatile sig_atomic_t ctl_stopped;

static const struct ctl_verb *const verbs[] = {&ctl_verb_send,     &ctl_verb_watch, &ctl_verb_topics,
											   &ctl_verb_describe, &ctl_verb_dlq,   &ctl_verb_demo};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static void note_signal(int number)
{
	(void)number;
	ctl_stopped = 1;
}

void ctl_stop_on_signals(void)
{
	struct sigaction action = {.sa_handler = note_signal};

	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static void help(FILE *out)
{
	fputs(
		"usage: checkoutctl VERB [options]\n\nThe operator's and developer's tool of the checkout session service.\n\n",
		out);
	for (size_t i = 0; i < VERB_COUNT; i++)
		fprintf(out, "  %-10s %s\n", verbs[i]->name, verbs[i]->summary);
	fputs("\ncheckoutctl VERB --help tells a verb's options; --version the version.\n"
		  "Brokers: --bootstrap HOST:PORT, or CHECKOUT_KAFKA_BOOTSTRAP_SERVERS.\n"
		  "Exit codes: 0 done (send: accepted), 1 trouble (no reply, Kafka away, a check failed), 2 usage, "
		  "3 rejected (send).\n",
		  out);
}

int ctl_run(const struct ctl_world *world, int argc, char **argv)
{
	if (argc < 2) {
		help(world->err);
		return CTL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
		help(world->out);
		return CTL_OK;
	}
	if (strcmp(argv[1], "--version") == 0) {
		fprintf(world->out, "checkoutctl %s\n", CTL_VERSION);
		return CTL_OK;
	}
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i]->name, argv[1]) == 0)
			return verbs[i]->run(world, argc - 1, argv + 1);
	ctl_complain(world, "%s is no verb; see checkoutctl --help", argv[1]);
	return CTL_USAGE;
}
