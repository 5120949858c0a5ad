/* Recovery without a committed position: it is taken from the lane record on `state`, and not before all that may still
 * come there is there. The ports are a few lines each. */
#include "app/lane.h"

#include "checkout/app/output.h"
#include "checkout/log.h"
#include "checkout/metrics.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NEXT_OF_FIRST 10
#define NEXT_OF_SECOND 11

/* What a read of `state` brings, call by call. */
enum step { FIRST_RECORD, SECOND_RECORD, END_UNSETTLED, END, NOTHING };

struct stand {
	struct co_desk desk;
	struct co_arena arena;
	const enum step *steps; /* the last one goes on */
	size_t step_count, at;
	bool settled;
	int64_t told_offset; /* -1: none */
	const char *told_metadata;
	int64_t low, high;                    /* of the commands */
	int64_t now_ms, view_seq, started_at; /* -1: not started */
	int opened;
	bool dealt_anew; /* the next poll says so, and from then on the lane holds nothing */
	bool holds_nothing;
};

/* ---- the ports ---- */

static enum co_status poll(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out)
{
	struct stand *stand = self;

	(void)arena, (void)out;
	stand->now_ms += timeout_ms;
	if (!stand->dealt_anew)
		return CO_NOTHING;
	stand->dealt_anew = false;
	stand->holds_nothing = true;
	return CO_REBALANCED;
}

static size_t assigned(void *self, int32_t *partitions, size_t max)
{
	const struct stand *stand = self;

	(void)max;
	partitions[0] = 0;
	return !stand->holds_nothing;
}

static enum co_status committed(void *self, struct co_position *positions, size_t count, int timeout_ms)
{
	const struct stand *stand = self;

	(void)timeout_ms;
	for (size_t i = 0; i < count; i++) {
		positions[i] = (struct co_position){.partition = positions[i].partition, .offset = stand->told_offset};
		snprintf(positions[i].metadata, sizeof(positions[i].metadata), "%s", stand->told_metadata);
	}
	return CO_OK;
}

static enum co_status bounds(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	const struct stand *stand = self;

	(void)timeout_ms;
	assert_int_equal(partition, 0);
	*low = stand->low;
	*high = stand->high;
	return CO_OK;
}

static enum co_status start(void *self, const struct co_position *positions, size_t count)
{
	struct stand *stand = self;

	assert_int_equal(count, !stand->holds_nothing);
	if (count)
		stand->started_at = positions[0].offset;
	return CO_OK;
}

static void nothing_to_do(void *self)
{
	(void)self;
}

static enum co_status recycle(void *self, int timeout_ms)
{
	(void)self, (void)timeout_ms;
	return CO_OK;
}

static enum co_status open_state(void *self, int32_t partition, int64_t offset)
{
	struct stand *stand = self;

	assert_int_equal(partition, 0);
	assert_int_equal(offset, 0);
	stand->opened++;
	return CO_OK;
}

static enum co_status next(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out, bool *at_end)
{
	struct stand *stand = self;
	enum step step = stand->steps[stand->at];
	struct co_message message;

	(void)arena;
	if (stand->at + 1 < stand->step_count)
		stand->at++;
	*at_end = step == END || step == END_UNSETTLED;
	stand->settled = step == END;
	stand->now_ms += timeout_ms;
	if (step == NOTHING)
		return CO_NOTHING;
	if (*at_end)
		return CO_OK;
	co_output_lane(&stand->desk.names, &stand->arena, 0, step == FIRST_RECORD ? 1 : 2,
				   step == FIRST_RECORD ? NEXT_OF_FIRST : NEXT_OF_SECOND, 1000, &message);
	*out = (struct co_record){.offset = step, .key = message.key, .value = message.value};
	return CO_OK;
}

static bool is_settled(void *self)
{
	const struct stand *stand = self;

	return stand->settled;
}

static enum co_status mark(void *self, int32_t partition, struct co_store_mark *out)
{
	const struct stand *stand = self;

	(void)partition;
	*out = (struct co_store_mark){.present = stand->view_seq > 0, .seq = stand->view_seq, .clog = 1};
	return CO_OK;
}

static int64_t now(void *self)
{
	const struct stand *stand = self;

	return stand->now_ms;
}

static void sleep_for(void *self, int64_t duration_ms)
{
	struct stand *stand = self;

	stand->now_ms += duration_ms;
}

/* ---- the stand ---- */

/* `meanwhile`: between a first recovery and a second one; NULL: there is only one. */
static enum co_status recover_and(struct stand *stand, const enum step *steps, size_t count, int64_t view_seq,
								  void (*meanwhile)(struct stand *stand))
{
	const struct co_desk_wish wish = {
		.prefix = "checkout.session.", .source = "/test", .partition_count = 1, .retention_ms = 1000, .append = true};
	const struct co_lane_settings settings = {.batch_max_records = 10, .expiry_poll_ms = 10};
	struct co_lane lane;

	co_log_setup(CO_LOG_BUG, CO_LOG_TEXT);
	stand->steps = steps;
	stand->step_count = count;
	stand->view_seq = view_seq;
	assert_int_equal(co_desk_init(&stand->desk, &wish, NULL), CO_OK);
	co_arena_init(&stand->arena, 4096, 4096);
	const struct co_lane_ports ports = {
		.inbox = {.self = stand,
				  .poll = poll,
				  .assigned = assigned,
				  .committed = committed,
				  .bounds = bounds,
				  .start = start,
				  .release = nothing_to_do,
				  .leave = nothing_to_do},
		.outbox = {.self = stand, .recycle = recycle},
		.replay = {.self = stand, .open = open_state, .next = next, .is_settled = is_settled, .close = nothing_to_do},
		.store = {.self = stand, .mark = mark},
		.clock = {.self = stand, .wall_ms = now, .monotonic_ms = now, .sleep_ms = sleep_for},
	};
	co_lane_init(&lane, &stand->desk, &ports, &settings);
	enum co_status status = co_lane_recover(&lane);
	if (status == CO_OK && meanwhile) {
		meanwhile(stand);
		lane.phase = CO_LANE_ALIGN;
		status = co_lane_recover(&lane);
	}
	co_lane_clear(&lane);
	co_arena_clear(&stand->arena);
	co_desk_clear(&stand->desk);
	return status;
}

#define RECOVER(stand, steps, view_seq) recover_and(stand, steps, sizeof(steps) / sizeof((steps)[0]), view_seq, NULL)

/* Nothing committed, and a log that holds all that was. */
static struct stand make_stand(void)
{
	return (struct stand){.now_ms = 1000, .started_at = -1, .told_offset = -1, .told_metadata = "", .high = 100};
}

/* ---- tests ---- */

static void recover__offsets_lost__goes_on_at_the_last_lane_record(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, NEXT_OF_SECOND);
}

static void recover__nothing_ever_committed__starts_at_the_beginning(void **state)
{
	static const enum step steps[] = {END};
	struct stand stand = make_stand();

	(void)state;
	assert_int_equal(RECOVER(&stand, steps, 0), CO_OK);
	assert_int_equal(stand.started_at, 0);
}

/* The transaction behind the stable end is committed, its marker has not landed on `state` yet: going on from what can
 * be read would judge its commands a second time. */
static void recover__offsets_lost_and_a_marker_late__waits_for_it(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, END_UNSETTLED, NOTHING, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, NEXT_OF_SECOND);
	assert_int_equal(stand.opened, 1);
}

/* It does not wait for ever without a word: the lane says what it waits for, and tries again. */
static void recover__offsets_lost_and_a_transaction_hangs__kafka_down(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, END_UNSETTLED, NOTHING};
	struct stand stand = make_stand();

	(void)state;
	assert_int_equal(RECOVER(&stand, steps, 1), CO_LOG_DOWN);
	assert_int_equal(stand.started_at, -1);
	assert_true(stand.now_ms >= 31000);
}

/* Only a transaction of the service commits with metadata. What somebody set is no reason to judge a command twice. */
static void recover__offset_set_by_hand__goes_on_at_the_last_lane_record(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	stand.told_offset = 0;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, NEXT_OF_SECOND);
}

/* A new installation that is not to read what was there before it. */
static void recover__offset_set_by_hand_before_the_first_start__begins_there(void **state)
{
	static const enum step steps[] = {END};
	struct stand stand = make_stand();

	(void)state;
	stand.told_offset = 70;
	assert_int_equal(RECOVER(&stand, steps, 0), CO_OK);
	assert_int_equal(stand.started_at, 70);
}

static void recover__position_at_the_end_of_the_log__goes_on_there(void **state)
{
	static const enum step steps[] = {END};
	struct stand stand = make_stand();

	(void)state;
	stand.told_offset = 100;
	stand.told_metadata = "v1;s=2;t=1000";
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, 100);
}

static void recover__log_ends_before_the_position__refuses(void **state)
{
	static const enum step steps[] = {END};
	struct stand stand = make_stand();

	(void)state;
	stand.told_offset = 101;
	stand.told_metadata = "v1;s=2;t=1000";
	assert_int_equal(RECOVER(&stand, steps, 2), CO_LOG_TRUNCATED);
	assert_int_equal(stand.started_at, -1);
}

static void recover__offsets_lost_and_log_ends_before_the_lane_record__refuses(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	stand.high = NEXT_OF_SECOND - 1;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_LOG_TRUNCATED);
	assert_int_equal(stand.started_at, -1);
}

/* Somebody has seen to it: the sequence goes on, in what the log is now. */
static void recover__log_ends_before_the_lane_record_and_offset_set_by_hand__goes_on_there(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	stand.high = NEXT_OF_SECOND - 1;
	stand.told_offset = 3;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, 3);
}

static void recover__log_ends_before_what_was_set_by_hand_too__refuses(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, SECOND_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	stand.high = NEXT_OF_SECOND - 2;
	stand.told_offset = NEXT_OF_SECOND - 1;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_LOG_TRUNCATED);
}

static void recover__log_begins_behind_the_position__goes_on_with_its_first_record(void **state)
{
	static const enum step steps[] = {END};
	struct stand stand = make_stand();

	(void)state;
	stand.told_offset = 40;
	stand.told_metadata = "v1;s=2;t=1000";
	stand.low = 41;
	assert_int_equal(RECOVER(&stand, steps, 2), CO_OK);
	assert_int_equal(stand.started_at, 41);
}

static const enum co_metric held_series[] = {CO_METRIC_PARTITION_LAG, CO_METRIC_SESSIONS_LIVE,
											 CO_METRIC_PAYMENTS_OVERDUE, CO_METRIC_NEXT_DEADLINE};

static void deal_anew(struct stand *stand)
{
	for (size_t i = 0; i < sizeof(held_series) / sizeof(held_series[0]); i++)
		co_metric_set(held_series[i], 0, 7);
	stand->dealt_anew = true;
}

/* It waits for Redis, say, and meanwhile the group deals anew: what it tells of a partition must not outlive that. */
static void recover__partition_lost_meanwhile__its_series_are_gone(void **state)
{
	static const enum step steps[] = {FIRST_RECORD, END};
	struct stand stand = make_stand();

	(void)state;
	co_metrics_setup(1, 1);
	assert_int_equal(recover_and(&stand, steps, 2, 1, deal_anew), CO_OK);
	assert_true(stand.holds_nothing);
	for (size_t i = 0; i < sizeof(held_series) / sizeof(held_series[0]); i++)
		assert_true(isnan(co_metric_read(held_series[i], 0, 0)));
	co_metrics_clear();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recover__offsets_lost__goes_on_at_the_last_lane_record),
		cmocka_unit_test(recover__nothing_ever_committed__starts_at_the_beginning),
		cmocka_unit_test(recover__offsets_lost_and_a_marker_late__waits_for_it),
		cmocka_unit_test(recover__offsets_lost_and_a_transaction_hangs__kafka_down),
		cmocka_unit_test(recover__offset_set_by_hand__goes_on_at_the_last_lane_record),
		cmocka_unit_test(recover__offset_set_by_hand_before_the_first_start__begins_there),
		cmocka_unit_test(recover__position_at_the_end_of_the_log__goes_on_there),
		cmocka_unit_test(recover__log_ends_before_the_position__refuses),
		cmocka_unit_test(recover__offsets_lost_and_log_ends_before_the_lane_record__refuses),
		cmocka_unit_test(recover__log_ends_before_the_lane_record_and_offset_set_by_hand__goes_on_there),
		cmocka_unit_test(recover__log_ends_before_what_was_set_by_hand_too__refuses),
		cmocka_unit_test(recover__log_begins_behind_the_position__goes_on_with_its_first_record),
		cmocka_unit_test(recover__partition_lost_meanwhile__its_series_are_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
