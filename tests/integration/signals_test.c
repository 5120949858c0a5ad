/* Signals and the one place that a worker.instance has (contract section 9). */
#include "await.h"
#include "it.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static void worker__sigterm_under_load__drains_and_exits_0(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 2, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 80);
	co_tk_worker_signal(&rig.workers[0], SIGTERM);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 20000), 0);
	rig_start(&rig, 0, 2, NULL);
	rig_wait_ready(&rig, 0);
	co_tk_worker_signal(&rig.workers[0], SIGINT);
	assert_int_equal(co_tk_worker_wait(&rig.workers[0], 20000), 0);
	rig_start(&rig, 0, 2, NULL);
	rig_settle_and_check(&rig, 90000, "SIGTERM under load");
	rig_close(&rig);
}

/* A second process of the same name: the later one wins, the first ends with 1 and says why. */
static void worker__same_instance_twice__later_one_wins(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 40);
	struct co_tk_worker first = rig.workers[0];
	rig.workers[0] = (struct co_tk_worker){0};
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 40);
	int status = co_tk_worker_wait(&first, 60000);
	char *log = co_tk_worker_log(&first);
	if (status != 1)
		co_tk_fail("the first one's status is %d, wanted 1; its log:\n%s", status, log);
	char *last = log;
	for (char *line = log; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
		last = line;
	if (!strstr(last, "instance"))
		fail_msg("the last log line does not say why: %s", last);
	free(log);
	rig_wait_ready(&rig, 0);
	rig_settle_and_check(&rig, 90000, "same instance twice");
	rig_close(&rig);
}

/* The registry is read again: a broken file changes nothing, a good one does. */
static void worker__sighup__registry_read_again_all_or_nothing(void **state)
{
	static const char other[] = "{\"merchants\":[{\"id\":\"00000000-0000-4000-8000-000000000001\"}]}";
	struct rig_servers *servers = *state;
	struct rig rig;
	char *good = co_tk_read_file(servers->registry, NULL);

	rig_open(&rig, servers);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	co_tk_write_file(servers->registry, "{\"merchants\":[");
	co_tk_worker_signal(&rig.workers[0], SIGHUP);
	await_metric(&rig.workers[0], "checkout_registry_reloads_total{result=\"failed\"}", 1);
	rig_send(&rig, NULL, "validate", "h-1", NULL, "{}");
	const struct co_tk_record *reply = rig_reply(&rig, "h-1", 60000);
	assert_non_null(reply);
	assert_true(co_tk_header_is(&reply->r, "checkout-error-code", "9300004"));
	co_tk_write_file(servers->registry, other);
	co_tk_worker_signal(&rig.workers[0], SIGHUP);
	await_metric(&rig.workers[0], "checkout_registry_reloads_total{result=\"committed\"}", 1);
	rig_send(&rig, NULL, "validate", "h-2", NULL, "{}");
	reply = rig_reply(&rig, "h-2", 60000);
	assert_non_null(reply);
	assert_true(co_tk_header_is(&reply->r, "checkout-error-code", "9300003"));
	co_tk_write_file(servers->registry, good);
	free(good);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker__sigterm_under_load__drains_and_exits_0),
		cmocka_unit_test(worker__same_instance_twice__later_one_wins),
		cmocka_unit_test(worker__sighup__registry_read_again_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
