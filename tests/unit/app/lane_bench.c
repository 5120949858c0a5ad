#include "lane_bench.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <stdio.h>
#include <string.h>

void bench_lane_open(struct co_sim_lane *lane, bool append, struct co_sim_faults faults)
{
	const struct co_sim_lane_options options = {.prefix = BENCH_PREFIX,
												.partitions = 1,
												.append = append,
												.retention_ms = BENCH_RETENTION_MS,
												.wall_ms = BENCH_T0,
												.auth = CO_AUTH_NONE,
												.batch_max_records = 10,
												.faults = faults};

	memset(lane, 0, sizeof(*lane));
	co_log_setup(CO_LOG_BUG, CO_LOG_TEXT);
	co_metrics_setup(1, 1);
	co_sim_lane_open(lane, &options);
}

void bench_lane_create(struct co_sim_lane *lane, const char *name, int ttl_s, int64_t timestamp_ms)
{
	char text[1024];
	struct record_lines lines;

	(void)snprintf(text, sizeof(text),
				   BENCH_HEADERS("%s", "create") "\n{\"referenceId\":\"%s\",\"ttlSeconds\":%d,\"config\":{\"modes\":"
												 "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,"
												 "\"merchantTransactionId\":\"t\"}}",
				   name, name, ttl_s);
	record_lines_read(co_view_cstr(text), &lines);
	const struct co_message message = {.topic = CO_VIEW(BENCH_PREFIX "commands"),
									   .value = lines.record.value,
									   .timestamp_ms = timestamp_ms,
									   .header_count = lines.record.header_count,
									   .headers = lines.headers};
	co_sim_send(&lane->broker, &message, NULL, NULL);
}
