#include "demo_stage.h"

#include "demo_story.h"
#include "show.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REPLY_SECONDS 30 /* the first one waits for the worker to start */

struct demo {
	const char *worker;
	bool keep;
};

#define AT(member) offsetof(struct demo, member)

static const struct ctl_option options[] = {
	{"worker", CTL_TEXT, AT(worker), "PATH", 0, 0, "the session-worker program [the one beside checkoutctl]"},
	{"keep", CTL_FLAG, AT(keep), NULL, 0, 0, "leave the temporary folder: configuration and logs"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static bool is_beside(char *out, size_t size)
{
	char path[CTL_STAGE_PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (length <= 0)
		return false;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return false;
	*slash = '\0';
	return snprintf(out, size, "%s/session-worker", path) < (int)size;
}

static bool worker_lives(void *opaque)
{
	return ctl_child_is_alive(opaque);
}

static int tell_end(const struct ctl_world *world, struct ctl_stage *stage, int differences)
{
	bool lived = ctl_child_is_alive(&stage->worker);
	int code = ctl_stage_end_worker(stage);

	if (ctl_stopped) {
		fputs("\nstopped\n", world->out);
		return CTL_TROUBLE;
	}
	if (!lived)
		fprintf(world->out, "\nthe worker ended by itself, with exit code %d\n", code);
	else if (code != 0)
		fprintf(world->out, "\nthe worker left with exit code %d, not 0\n", code);
	if (lived && code == 0 && differences == 0) {
		fprintf(world->out, "\n%sEvery step came out as expected%s; the worker left in order.\n",
				ctl_paint(world, CTL_GOOD), ctl_paint(world, CTL_PLAIN));
		return CTL_OK;
	}
	if (differences > 0)
		fprintf(world->out, "\n%s%d of the steps came out otherwise than expected%s\n", ctl_paint(world, CTL_BAD),
				differences, ctl_paint(world, CTL_PLAIN));
	ctl_stage_tell_log(stage, world->out);
	return CTL_TROUBLE;
}

static int show(const struct ctl_world *world, const struct demo *demo, const char *worker)
{
	struct ctl_stage stage;
	struct co_error error = {0};
	struct ctl_world inside = *world;
	struct ctl_connection connection = {.prefix = CTL_STAGE_PREFIX, .timeout_seconds = REPLY_SECONDS};
	int code = CTL_TROUBLE;

	fputs("Kafka here is librdkafka's in-process mock broker, Redis a private one: for a first look, not for "
		  "production.\n",
		  world->out);
	fflush(world->out);
	ctl_stop_on_signals();
	if (ctl_stage_open(&stage, world, worker, &error)) {
		connection.bootstrap = stage.bootstrap;
		inside.environment = stage.environment;
		code = tell_end(world, &stage, ctl_story_play(&inside, &connection, worker_lives, &stage.worker));
	} else {
		ctl_complain(world, "demo: %s", ctl_stopped ? "stopped" : error.text);
	}
	if (demo->keep && stage.folder[0])
		fprintf(world->out, "kept: %s\n", stage.folder);
	ctl_stage_close(&stage, demo->keep);
	return code;
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct demo demo = {0};
	struct ctl_list positional = {0};
	char beside[CTL_STAGE_PATH_MAX];
	struct ctl_table tables[] = {{options, OPTION_COUNT, &demo, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_demo, tables, 1);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "demo", argc, argv, tables, 1, &positional))
		return CTL_USAGE;
	if (positional.count > 0) {
		ctl_complain(world, "demo: what is %s? See checkoutctl demo --help", positional.items[0]);
		return CTL_USAGE;
	}
	if (!demo.worker && !is_beside(beside, sizeof(beside))) {
		ctl_complain(world, "demo: --worker PATH, of the session-worker program, is wanted");
		return CTL_USAGE;
	}
	return show(world, &demo, demo.worker ? demo.worker : beside);
}

const struct ctl_verb ctl_verb_demo = {
	"demo", "[--worker PATH] [--keep]",
	"Plays the story of a few sessions on a broker and a Redis of its own, and checks every step.", run};
