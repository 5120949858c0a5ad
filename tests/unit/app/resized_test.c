/* A partition count that is not the one that the sessions were dealt out to, and metadata that cannot be read: the lane
 * ends with the reason, before it looks at Redis or writes a thing. */
#include "app/lane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 4 /* of the running worker */

/* What the group deals out to the lane, and what was committed of each. */
struct row {
	const char *name;
	int32_t first, held;
	const char *metadata[COUNT + 1];
	enum co_status wanted;
};

struct stand {
	const struct row *row;
	size_t marks;
};

/* ---- the ports ---- */

static enum co_status poll(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out)
{
	(void)self, (void)timeout_ms, (void)arena, (void)out;
	return CO_NOTHING;
}

static size_t assigned(void *self, int32_t *partitions, size_t max)
{
	const struct stand *stand = self;
	size_t count = (size_t)stand->row->held < max ? (size_t)stand->row->held : max;

	for (size_t i = 0; i < count; i++)
		partitions[i] = stand->row->first + (int32_t)i;
	return count;
}

static enum co_status committed(void *self, struct co_position *positions, size_t count, int timeout_ms)
{
	const struct stand *stand = self;

	(void)timeout_ms;
	for (size_t i = 0; i < count; i++) {
		positions[i].offset = 7;
		(void)snprintf(positions[i].metadata, sizeof(positions[i].metadata), "%s", stand->row->metadata[i]);
	}
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

/* As far as a lane comes that has nothing to complain of. */
static enum co_status bounds(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	(void)self, (void)partition, (void)timeout_ms;
	*low = 0;
	*high = 7;
	return CO_OK;
}

static enum co_status mark(void *self, int32_t partition, struct co_store_mark *out)
{
	struct stand *stand = self;

	assert_true(partition >= 0 && partition < COUNT);
	*out = (struct co_store_mark){.present = false};
	stand->marks++;
	return CO_VIEW_DOWN;
}

static int64_t now(void *self)
{
	(void)self;
	return 1000;
}

/* ---- tests ---- */

static enum co_status recover(struct stand *stand)
{
	const struct co_desk_wish wish = {.prefix = "checkout.session.",
									  .source = "/test",
									  .partition_count = COUNT,
									  .retention_ms = 1000,
									  .append = true};
	const struct co_lane_settings settings = {.batch_max_records = 10, .expiry_poll_ms = 10};
	const struct co_lane_ports ports = {
		.inbox = {.self = stand,
				  .poll = poll,
				  .assigned = assigned,
				  .committed = committed,
				  .bounds = bounds,
				  .release = nothing_to_do,
				  .leave = nothing_to_do},
		.outbox = {.self = stand, .recycle = recycle},
		.store = {.self = stand, .mark = mark},
		.clock = {.self = stand, .wall_ms = now, .monotonic_ms = now},
	};
	struct co_desk desk;
	struct co_lane lane;

	assert_int_equal(co_desk_init(&desk, &wish, NULL), CO_OK);
	co_lane_init(&lane, &desk, &ports, &settings);
	enum co_status status = co_lane_recover(&lane);
	co_lane_clear(&lane);
	co_desk_clear(&desk);
	return status;
}

#define NOW "v1;s=1;t=2;p=4"
#define FORMER "v1;s=1;t=2"

static const struct row rows[] = {
	{"all_of_this_count__goes_on", 0, 4, {NOW, NOW, NOW, NOW}, CO_VIEW_DOWN},
	{"metadata_without_a_count__goes_on", 0, 4, {FORMER, FORMER, NOW, FORMER}, CO_VIEW_DOWN},
	{"last_partition_of_the_count__goes_on", 3, 1, {NOW}, CO_VIEW_DOWN},
	{"first_partition_beyond_the_count__ends", 4, 1, {""}, CO_TOPICS_RESIZED},
	{"a_partition_far_beyond__ends", 400, 1, {""}, CO_TOPICS_RESIZED},
	{"as_many_beyond_as_there_were__ends", 4, 4, {"", "", "", ""}, CO_TOPICS_RESIZED},
	{"one_more_than_there_were__ends", 0, 5, {NOW, NOW, NOW, NOW, ""}, CO_TOPICS_RESIZED},
	{"twice_as_many_as_there_were__ends", 0, 8, {NOW, NOW, NOW, NOW, ""}, CO_TOPICS_RESIZED},
	{"one_committed_with_one_less__ends", 0, 4, {NOW, NOW, NOW, "v1;s=1;t=2;p=3"}, CO_TOPICS_RESIZED},
	{"one_committed_with_one_more__ends", 0, 4, {NOW, "v1;s=1;t=2;p=5", NOW, NOW}, CO_TOPICS_RESIZED},
	{"metadata_of_somebody_else__ends_with_its_own_reason", 1, 2, {NOW, "consumer-1"}, CO_OFFSET_METADATA},
};

static void recover__row__status(void **state)
{
	struct stand stand = {.row = *state};
	enum co_status status = recover(&stand);

	assert_string_equal(co_status_name(status), co_status_name(stand.row->wanted));
	/* Redis is asked by the one that goes on, and by nobody else. */
	assert_int_equal(stand.marks, stand.row->wanted == CO_VIEW_DOWN);
}

/* The process has to end, and its last line names the status. */
static void status__both__fatal_with_a_sentence_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(co_status_class(CO_TOPICS_RESIZED), CO_CLASS_FATAL);
	assert_int_equal(co_status_class(CO_OFFSET_METADATA), CO_CLASS_FATAL);
	assert_non_null(strstr(co_status_text(CO_TOPICS_RESIZED), "another number of partitions"));
	assert_non_null(strstr(co_status_text(CO_OFFSET_METADATA), "metadata"));
}

int main(void)
{
	enum { ROWS = sizeof(rows) / sizeof(*rows) };
	static struct CMUnitTest tests[ROWS + 1];
	static char names[ROWS][80];

	for (size_t i = 0; i < ROWS; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "recover__%s", rows[i].name);
		tests[i] = (struct CMUnitTest){names[i], recover__row__status, NULL, NULL, (void *)(uintptr_t)&rows[i]};
	}
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(status__both__fatal_with_a_sentence_of_their_own);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
