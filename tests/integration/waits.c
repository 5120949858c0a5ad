#include "waits.h"

#include "await.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Its clients come through the switch. */
static void start_kafka(struct waits_servers *servers)
{
	int hidden = co_tk_free_port();

	servers->kafka = co_tk_proxy_open(hidden);
	rig_kafka_start_behind(&servers->servers.kafka, hidden, co_tk_proxy_port(servers->kafka));
}

int waits_setup(void **state)
{
	static struct waits_servers servers;

	start_kafka(&servers);
	rig_servers_start_beside(&servers.servers);
	servers.redis = co_tk_proxy_open(servers.servers.redis.port);
	servers.seen = servers.servers;
	snprintf(servers.seen.kafka.servers, sizeof(servers.seen.kafka.servers), "127.0.0.1:%d",
			 co_tk_proxy_port(servers.kafka));
	snprintf(servers.seen.redis.url, sizeof(servers.seen.redis.url), "redis://127.0.0.1:%d/0",
			 co_tk_proxy_port(servers.redis));
	*state = &servers;
	return 0;
}

int waits_teardown(void **state)
{
	struct waits_servers *servers = *state;

	co_tk_proxy_close(servers->kafka);
	co_tk_proxy_close(servers->redis);
	*state = &servers->servers;
	return rig_servers_stop(state);
}

void waits_pass(struct waits_servers *servers)
{
	co_tk_proxy_set_delay(servers->kafka, 0);
	co_tk_proxy_set_delay(servers->redis, 0);
	co_tk_proxy_set_mode(servers->kafka, CO_TK_PROXY_PASS);
	co_tk_proxy_set_mode(servers->redis, CO_TK_PROXY_PASS);
}

void waits_begin(struct rig *rig, struct waits_servers *servers)
{
	waits_pass(servers);
	rig_open(rig, &servers->servers);
	rig->seen = &servers->seen;
	/* A lane that does not poll is thrown out of the group soon: what keeps the membership has to do so. */
	rig_override(rig, "kafka.max.poll.interval.ms", "10000");
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, 60);
	rig_wait_ready(rig, 0);
	rig_load(rig, 20);
}

static void expect_alive(struct rig *rig)
{
	int status = co_tk_worker_wait(&rig->workers[0], 0);

	if (status != -1)
		co_tk_fail("the worker ended with %d while it should wait:\n%s", status, co_tk_worker_log(&rig->workers[0]));
}

void waits_expect_not_ready(struct rig *rig)
{
	int64_t began_ms = co_tk_now_ms();

	while (co_tk_worker_get(&rig->workers[0], "/readyz", NULL) != 503) {
		expect_alive(rig);
		/* 15 s (contract section 9), and what a busy machine adds to the asking. */
		co_tk_check(co_tk_now_ms() < began_ms + 17000, "/readyz still says 200 after %lld ms",
					(long long)(co_tk_now_ms() - began_ms));
		co_tk_reader_poll(&rig->reader, 100);
	}
	printf("not ready after %lld ms\n", (long long)(co_tk_now_ms() - began_ms));
}

int64_t waits_outage_ms(void)
{
	const char *told = getenv("CO_OUTAGE_SECONDS");
	long seconds = told ? strtol(told, NULL, 10) : 20;

	co_tk_check(seconds >= 20 && seconds <= 3600, "CO_OUTAGE_SECONDS=%s: 20 to 3600, please", told);
	return seconds * 1000;
}

void waits_for(struct rig *rig, int64_t duration_ms)
{
	/* one that has just begun may not listen yet */
	(void)await_answer(&rig->workers[0], "/livez", NULL);
	for (int64_t end_ms = co_tk_now_ms() + duration_ms; co_tk_now_ms() < end_ms;) {
		co_tk_reader_poll(&rig->reader, 500);
		expect_alive(rig);
		assert_int_equal(co_tk_worker_get(&rig->workers[0], "/livez", NULL), 200);
		assert_int_equal(co_tk_worker_get(&rig->workers[0], "/readyz", NULL), 503);
	}
}

static int64_t looked_ms; /* when the log's size was taken last */

size_t waits_log_size(struct rig *rig)
{
	looked_ms = co_tk_now_ms();
	char *log = co_tk_worker_log(&rig->workers[0]);
	size_t size = strlen(log);

	free(log);
	return size;
}

size_t waits_lines(struct rig *rig, size_t from, const char *word)
{
	char *log = co_tk_worker_log(&rig->workers[0]), *save = NULL;
	size_t count = 0;

	for (char *line = strtok_r(log + from, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		count += strstr(line, word) != NULL;
	free(log);
	return count;
}

void waits_expect_lines(struct rig *rig, size_t from, const char *word, size_t least, size_t first)
{
	/* A busy machine makes an outage longer than it was meant to be. */
	size_t minutes = (size_t)((co_tk_now_ms() - looked_ms) / 60000), lines = waits_lines(rig, from, word);

	co_tk_check(lines >= least && lines <= first + minutes + (minutes > 0), "%zu lines of %s in %zu minutes", lines,
				word, minutes);
}
