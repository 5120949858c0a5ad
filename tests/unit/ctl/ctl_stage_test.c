/* The demo's stage and children: what is started is ended, what is made is removed, and why something did not start is
 * said. The whole demo, with a session-worker, is an integration test. */
#include "ctl_support.h"

#include "demo_stage.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of the test's own, as TMPDIR, so that leftovers are seen. */
static char folder[64], variable[80];
static char *environment[] = {variable, "PATH=/usr/bin:/bin", "CHECKOUT_REDIS_URL=redis://elsewhere/0", NULL};

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ctl-stage-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(variable, sizeof(variable), "TMPDIR=%s", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	return rmdir(folder); /* fails when something was left in it */
}

static struct ctl_world world(void)
{
	ctl_stopped = 0;
	return (struct ctl_world){.out = stdout, .err = stderr, .environment = environment, .program = "checkoutctl"};
}

/* A program that plays the worker; `body` is shell. */
static void write_worker(char path[96], const char *body)
{
	FILE *file;

	snprintf(path, 96, "%s/worker", folder);
	file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", body);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0700), 0);
}

static bool await_death(pid_t pid)
{
	for (int i = 0; i < 6000; i++) {
		if (kill(pid, 0) != 0 && errno == ESRCH)
			return true;
		nanosleep(&(struct timespec){.tv_nsec = 10000000L}, NULL);
	}
	return false;
}

static void child__ends_with_a_code__known(void **state)
{
	struct ctl_child child;
	struct co_error error = {0};
	char log[96];
	char *const argv[] = {"sh", "-c", "exit 7", NULL};

	(void)state;
	snprintf(log, sizeof(log), "%s/log", folder);
	assert_true(ctl_child_start(&child, argv, environment, log, &error));
	while (ctl_child_is_alive(&child))
		nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
	assert_int_equal(ctl_child_stop(&child, 1000), 7);
	unlink(log);
}

/* One that will not hear is killed when its grace is over. */
static void child__deaf_to_sigterm__killed_after_the_grace(void **state)
{
	struct ctl_child child;
	struct co_error error = {0};
	char log[96];
	char *const argv[] = {"sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done", NULL};
	struct stat found = {0};

	(void)state;
	snprintf(log, sizeof(log), "%s/log", folder);
	assert_true(ctl_child_start(&child, argv, environment, log, &error));
	while (stat(log, &found) != 0 || found.st_size == 0)
		nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
	assert_int_equal(ctl_child_stop(&child, 100), 128 + 9);
	unlink(log);
}

static void child__no_such_program__named(void **state)
{
	struct ctl_child child;
	struct co_error error = {0};
	char log[96];
	char *const argv[] = {"/nonexistent/program", NULL};

	(void)state;
	snprintf(log, sizeof(log), "%s/log", folder);
	assert_false(ctl_child_start(&child, argv, environment, log, &error));
	assert_string_equal(error.text, "/nonexistent/program cannot be started: No such file or directory");
	unlink(log);
}

/* A broker that answers from outside this process's handle, Redis on its socket, a configuration; and then nothing. */
static void stage__open_and_close__all_up_and_nothing_left(void **state)
{
	struct ctl_world inside = world();
	struct ctl_stage stage;
	struct co_error error = {0};
	struct ctl_connection connection = {.prefix = CTL_STAGE_PREFIX, .timeout_seconds = 60};
	struct ctl_client client;
	char worker[96], path[CTL_STAGE_PATH_MAX + 64];
	struct stat found;
	pid_t redis, played;

	(void)state;
	write_worker(worker, "trap 'exit 0' TERM; env; while :; do sleep 0.05; done");
	if (!ctl_stage_open(&stage, &inside, worker, &error))
		fail_msg("%s", error.text);
	connection.bootstrap = stage.bootstrap;
	inside.environment = stage.environment;
	assert_true(ctl_client_open(&inside, &connection, RD_KAFKA_PRODUCER, &client));
	assert_int_equal(ctl_client_partitions(&client, CTL_STAGE_PREFIX "commands", 60000), 4);
	ctl_client_close(&client);
	snprintf(path, sizeof(path), "%s/redis.sock", stage.folder);
	assert_int_equal(stat(path, &found), 0);
	snprintf(path, sizeof(path), "%s/session-worker.conf", stage.folder);
	assert_int_equal(stat(path, &found), 0);
	assert_true(ctl_child_is_alive(&stage.worker));
	redis = stage.redis.pid;
	played = stage.worker.pid;
	for (char **entry = stage.environment; *entry; entry++)
		assert_int_not_equal(strncmp(*entry, "CHECKOUT", 8), 0);
	while (stat(stage.worker_log, &found) != 0 || found.st_size == 0) /* its trap is set before it prints */
		nanosleep(&(struct timespec){.tv_nsec = 1000000L}, NULL);
	assert_int_equal(ctl_stage_end_worker(&stage), 0);
	ctl_stage_close(&stage, false);
	unlink(worker);

	assert_true(await_death(redis));
	assert_true(await_death(played));
}

static void stage__no_worker__named_and_nothing_left(void **state)
{
	struct ctl_world inside = world();
	struct ctl_stage stage;
	struct co_error error = {0};

	(void)state;
	assert_false(ctl_stage_open(&stage, &inside, "/nonexistent/session-worker", &error));
	assert_string_equal(
		error.text,
		"/nonexistent/session-worker: No such file or directory; --worker names the session-worker program");
	ctl_stage_close(&stage, false);
}

/* Killed without a chance to tidy up: the folder goes all the same. */
static void stage__process_killed__nothing_left(void **state)
{
	int ready[2];
	char word = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct ctl_world inside = world();
		struct ctl_stage stage;
		struct co_error error = {0};

		word = ctl_stage_open(&stage, &inside, NULL, &error) ? 'y' : 'n';
		if (write(ready[1], &word, 1) == 1)
			pause();
		_exit(1);
	}
	assert_true(pid > 0);
	assert_int_equal(read(ready[0], &word, 1), 1);
	assert_int_equal(word, 'y');
	assert_int_not_equal(rmdir(folder), 0); /* the stage's folder is in it */
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(ready[0]);
	close(ready[1]);
	for (int i = 0; i < 6000 && rmdir(folder) != 0; i++)
		nanosleep(&(struct timespec){.tv_nsec = 10000000L}, NULL);

	assert_int_equal(mkdir(folder, 0700), 0); /* it was empty, and could be removed */
}

/* A worker that dies at once: the demo says so, shows its log, and exits 1 before the reply's time-out. */
static void demo__worker_dies__exit_1_with_its_log(void **state)
{
	struct ctl_said said;
	char worker[96];
	int64_t before_ms = ctl_monotonic_ms();

	(void)state;
	write_worker(worker, "echo 'no such broker' >&2; exit 2");
	said = ctl_say(environment, "demo", "--worker", worker, NULL);
	unlink(worker);

	assert_int_equal(said.code, CTL_TROUBLE);
	assert_non_null(strstr(said.out, "not for production.\n"));
	assert_non_null(strstr(said.out, "the worker ended by itself, with exit code 2"));
	assert_non_null(strstr(said.out, "no such broker"));
	assert_true(ctl_monotonic_ms() - before_ms < 30000);
	ctl_said_clear(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(child__ends_with_a_code__known, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(child__deaf_to_sigterm__killed_after_the_grace, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(child__no_such_program__named, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(stage__open_and_close__all_up_and_nothing_left, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(stage__no_worker__named_and_nothing_left, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(stage__process_killed__nothing_left, make_folder, remove_folder),
		cmocka_unit_test_setup_teardown(demo__worker_dies__exit_1_with_its_log, make_folder, remove_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
