/* A short load that leads the worker through all of its threads' ways: two lanes, the admin pages asked all the while,
 * SIGHUP, a second worker that comes and goes, an emptied Redis, SIGTERM. The worker runs under a watcher of
 * tests/sanitize/run, which makes its exit status anything but 0 when it has something to report. */
#include "it.h"

#include <signal.h>

#define READY_MS 120000

/* Asks for all pages for that long. */
static void look(struct rig *rig, int64_t duration_ms)
{
	static const char *const pages[] = {"/metrics", "/readyz", "/livez", "/startupz", "/"};

	for (int64_t end = co_tk_now_ms() + duration_ms; co_tk_now_ms() < end; co_tk_reader_poll(&rig->reader, 20))
		for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++)
			(void)co_tk_worker_get(&rig->workers[0], pages[i], NULL);
}

static void worker__short_load__nothing_to_report(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	rig_start(&rig, 0, 2, NULL);
	co_tk_worker_wait_ready(&rig.workers[0], READY_MS);
	rig_load(&rig, 24);
	look(&rig, 1000);
	for (int i = 0; i < 3; i++) {
		co_tk_worker_signal(&rig.workers[0], SIGHUP);
		rig_load(&rig, 8);
		look(&rig, 300);
	}
	co_tk_redis_flush(&rig.servers->redis);
	rig_load(&rig, 8);
	look(&rig, 1000);
	rig_start(&rig, 1, 1, NULL);
	rig_load(&rig, 8);
	co_tk_worker_wait_ready(&rig.workers[1], READY_MS);
	rig_load(&rig, 16);
	look(&rig, 1000);
	co_tk_worker_stop(&rig.workers[1]);
	rig_load(&rig, 8);
	rig_settle_and_check(&rig, 180000, "short load under a watcher");
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(worker__short_load__nothing_to_report)};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
