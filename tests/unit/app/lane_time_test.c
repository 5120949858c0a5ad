/* The lane and time, on the model of log and view: records from the end of time, which a producer may send with
 * topics.timestamps=stream, and deadlines that were looked for while Redis had lost its memory (contract section 5). */
#include "lane_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX 500
#define TTL_S 600

static struct co_sim_lane *open_lane(bool append)
{
	static struct co_sim_lane lane;

	bench_lane_open(&lane, append, (struct co_sim_faults){.ask = NULL});
	return &lane;
}

/* Not co_sim_lane_settle(), which ends the program: a lane that stands still is what this looks for. */
static bool comes_to_rest(struct co_sim_lane *lane)
{
	int idle = 0;

	for (int steps = 0; idle < 3 && steps < STEPS_MAX; steps++) {
		assert_int_equal(co_lane_step(&lane->lane), CO_OK);
		idle = co_sim_lag_is_zero(&lane->broker, CO_SIM_LANE_GROUP, lane->commands) ? idle + 1 : 0;
	}
	return idle == 3;
}

/* Committed records of the topic that say so. */
static size_t count_records(struct co_sim_lane *lane, const char *topic, struct co_view header, struct co_view value)
{
	struct co_sim_partition *partition = &co_sim_topic_find(&lane->broker, co_view_cstr(topic))->partitions[0];
	size_t count = 0;

	for (int64_t offset = 0; offset < co_sim_stable_end(partition); offset++) {
		const struct co_record *record = co_sim_visible(partition, offset);
		for (size_t i = 0; record && i < record->header_count; i++)
			count += co_view_eq(record->headers[i].name, header) && co_view_eq(record->headers[i].value, value);
	}
	return count;
}

static size_t count_events(struct co_sim_lane *lane, struct co_view type)
{
	return count_records(lane, BENCH_PREFIX "events", CO_VIEW("ce_type"), type);
}

/* ---- the end of time ---- */

/* The last time that counts as itself: deadlines are added to it, and CO_NEVER has to be later than all of them. */
#define LIMIT_MS (INT64_MAX - (INT64_C(1) << 45))

struct row {
	const char *name;
	int64_t timestamp_ms, clock_ms;
};

static const struct row rows[] = {
	{"2^63-1__counts_as_the_limit", INT64_MAX, LIMIT_MS},
	{"2^63-2__counts_as_the_limit", INT64_MAX - 1, LIMIT_MS},
	{"behind_the_limit__counts_as_the_limit", LIMIT_MS + 1, LIMIT_MS},
	{"the_limit__counts_as_itself", LIMIT_MS, LIMIT_MS},
	{"before_the_limit__counts_as_itself", LIMIT_MS - 1, LIMIT_MS - 1},
};

/* Everything is judged, at a clock that deadlines can be added to; nothing expires at once; the lane can be stopped. */
static void take__timestamp__judged_and_those_behind_it_too(void **state)
{
	const struct row *row = *state;
	struct co_sim_lane *lane = open_lane(false);

	bench_lane_create(lane, "first", TTL_S, row->timestamp_ms);
	bench_lane_create(lane, "in-the-same-batch", TTL_S, BENCH_T0);
	assert_true(comes_to_rest(lane));
	bench_lane_create(lane, "in-the-next-batch", TTL_S, BENCH_T0 + 1);
	assert_true(comes_to_rest(lane));

	assert_int_equal(count_records(lane, BENCH_PREFIX "replies", CO_VIEW("checkout-status"), CO_VIEW("201")), 3);
	assert_int_equal(count_events(lane, CO_VIEW("checkout.session.created")), 3);
	assert_int_equal(count_events(lane, CO_VIEW("checkout.session.expired")), 0);
	assert_true(lane->lane.shards[0].clock_ms == row->clock_ms);
	const struct co_sim_generation *stored = &lane->store.views[0].live;
	assert_int_equal(stored->count, 3);
	for (size_t i = 0; i < stored->count; i++)
		assert_true(stored->items[i].due_ms == row->clock_ms + INT64_C(1000) * TTL_S);
	atomic_store(&lane->lane.stop, true);
	assert_int_equal(co_lane_step(&lane->lane), CO_STOPPED);
	co_sim_lane_close(lane);
}

/* It counts as the limit, and is told as what it is. */
static void take__dead_letter_from_the_end_of_time__tells_its_timestamp(void **state)
{
	struct co_sim_lane *lane = open_lane(false);
	const struct co_message message = {
		.topic = CO_VIEW(BENCH_PREFIX "commands"), .value = CO_VIEW("no JSON"), .timestamp_ms = INT64_MAX};

	(void)state;
	co_sim_send(&lane->broker, &message, NULL, NULL);
	assert_true(comes_to_rest(lane));
	assert_int_equal(
		count_records(lane, BENCH_PREFIX "dlq", CO_VIEW("checkout-dlq-timestamp"), CO_VIEW("9223372036854775807")), 1);
	assert_true(lane->lane.shards[0].clock_ms == LIMIT_MS);
	co_sim_lane_close(lane);
}

/* ---- deadlines of a view that was empty for a moment ---- */

/* A session whose deadline is there; the lane has not looked for it yet, and has just looked at the view's mark. */
static struct co_sim_lane *open_at_the_deadline(void)
{
	struct co_sim_lane *lane = open_lane(true);

	bench_lane_create(lane, "idle", TTL_S, 0);
	assert_true(comes_to_rest(lane));
	assert_true(lane->lane.shards[0].next_due_ms == lane->store.views[0].live.items[0].due_ms);
	co_sim_time_pass(&lane->time, lane->lane.shards[0].next_due_ms - lane->time.wall_ms - 100);
	assert_int_equal(co_lane_step(&lane->lane), CO_OK);
	assert_true(lane->lane.shards[0].next_due_ms > lane->time.wall_ms);
	co_sim_time_pass(&lane->time, 100);
	return lane;
}

static bool expires(struct co_sim_lane *lane)
{
	for (int steps = 0; steps < STEPS_MAX; steps++) {
		assert_int_equal(co_lane_step(&lane->lane), CO_OK);
		if (count_events(lane, CO_VIEW("checkout.session.expired")) == 1)
			return true;
	}
	return false;
}

/* Flushed, and a replica with the same sequence took over before anybody looked at the mark: nothing is to be mended in
 * Redis, but what the lane believes to be due is wrong. */
static void wake__view_empty_and_back_unseen__deadline_passes(void **state)
{
	struct co_sim_lane *lane = open_at_the_deadline();
	const struct co_sim_view view = lane->store.views[0];

	(void)state;
	lane->store.views[0] = (struct co_sim_view){.generation = 0};
	assert_int_equal(co_lane_step(&lane->lane), CO_OK);
	assert_true(lane->lane.shards[0].next_due_ms == CO_NEVER); /* or it did not look while there was nothing */
	lane->store.views[0] = view;
	assert_true(expires(lane));
	co_sim_lane_close(lane);
}

/* The neighbour: it stays empty. It is made again from `state`. */
static void wake__view_empty_for_good__deadline_passes(void **state)
{
	struct co_sim_lane *lane = open_at_the_deadline();

	(void)state;
	co_sim_store_flush(&lane->store);
	assert_int_equal(co_lane_step(&lane->lane), CO_OK);
	assert_true(lane->lane.shards[0].next_due_ms == CO_NEVER);
	assert_true(expires(lane));
	co_sim_lane_close(lane);
}

/* ---- a tick that is not the one that was sent ---- */

static void send_tick_of(struct co_sim_lane *lane)
{
	struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
								  {CO_VIEW("ce_type"), CO_VIEW("checkout.session.tick")}};
	const struct co_message message = {.topic = CO_VIEW(BENCH_PREFIX "commands"),
									   .header_count = sizeof(headers) / sizeof(headers[0]),
									   .headers = headers};

	co_sim_send(&lane->broker, &message, NULL, NULL);
}

/* A tick was appended just before an outage of a minute, and is read after it, when another one is out already: the
 * broker's clock is not taken to be a minute behind for that, and the deadline after it is not a minute late. */
static void wake__older_tick_read_while_another_is_out__deadline_passes_in_time(void **state)
{
	enum { OUTAGE_MS = 60000, LATE_MS_MAX = 3000 };
	struct co_sim_lane *lane = open_lane(true);

	(void)state;
	bench_lane_create(lane, "idle", TTL_S, 0);
	assert_true(comes_to_rest(lane));
	struct co_shard *shard = &lane->lane.shards[0];
	send_tick_of(lane);
	co_sim_time_pass(&lane->time, OUTAGE_MS);
	shard->tick_sent_ms = lane->time.monotonic_ms;
	shard->tick_wall_ms = lane->time.wall_ms;
	assert_true(comes_to_rest(lane));
	int64_t due_ms = lane->store.views[0].live.items[0].due_ms;
	co_sim_time_pass(&lane->time, due_ms - lane->time.wall_ms);
	while (lane->time.wall_ms < due_ms + LATE_MS_MAX && count_events(lane, CO_VIEW("checkout.session.expired")) == 0) {
		assert_int_equal(co_lane_step(&lane->lane), CO_OK);
		co_sim_time_pass(&lane->time, 10);
	}
	assert_int_equal(count_events(lane, CO_VIEW("checkout.session.expired")), 1);
	co_sim_lane_close(lane);
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	static struct CMUnitTest tests[ROWS + 4];
	static char names[ROWS][80];

	for (size_t i = 0; i < ROWS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "take__%s", rows[i].name);
		tests[i] = (struct CMUnitTest){names[i], take__timestamp__judged_and_those_behind_it_too, NULL, NULL,
									   (void *)(uintptr_t)&rows[i]};
	}
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(wake__view_empty_and_back_unseen__deadline_passes);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(wake__view_empty_for_good__deadline_passes);
	tests[ROWS + 2] =
		(struct CMUnitTest)cmocka_unit_test(wake__older_tick_read_while_another_is_out__deadline_passes_in_time);
	tests[ROWS + 3] = (struct CMUnitTest)cmocka_unit_test(take__dead_letter_from_the_end_of_time__tells_its_timestamp);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
