/* The shard beside its view: deadlines without a readable session, the end of a round, and the position's metadata, the
 * one word that a later worker has of it. */
#include "shard_bench.h"

#include <stdio.h>
#include <string.h>

/* ---- a damaged view ---- */

static struct co_store_entry damaged_entry(const char *reference, struct co_view stored)
{
	return (struct co_store_entry){
		.id = bench_session(reference), .stored = stored, .due_ms = BENCH_T0 + 1, .held_ms = CO_NEVER};
}

/* A deadline without a session, one with bytes that are none, one with another's: only the whole one is sound. */
static void damaged__due_without_a_readable_session__told(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	bench_finish(&bench);
	struct co_store_entry sound = bench.apply.entries[0];
	struct co_store_entry entries[] = {sound, damaged_entry("gone", (struct co_view){NULL, 0}),
									   damaged_entry("torn", co_view_make(sound.stored.ptr, sound.stored.len - 1)),
									   damaged_entry("other", sound.stored), damaged_entry("rubbish", CO_VIEW("L?"))};
	for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
		bench_round(&bench);
		struct co_store_load load = bench_load(&bench, &entries[i], 1);
		assert_int_equal(co_shard_is_damaged(&bench.shard, &load), i > 0);
	}
	bench_end(&bench);
}

/* When nothing helps the deadline goes, the stored bytes stay for people to look at, `state` hears nothing. */
static void drop_damaged__deadlines_gone__bytes_stay(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	bench_finish(&bench);
	struct co_store_entry entries[] = {bench.apply.entries[0], damaged_entry("gone", (struct co_view){NULL, 0}),
									   damaged_entry("rubbish", CO_VIEW("L?"))};
	bench_round(&bench);
	struct co_store_load load = bench_load(&bench, entries, 3);
	co_shard_drop_damaged(&bench.shard, &load);
	assert_true(bench.shard.touched);
	bench_finish(&bench);
	assert_int_equal(bench.round.message_count, 1); /* the lane record */
	assert_int_equal(bench.apply.count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct co_store_entry *entry = &bench.apply.entries[i];
		assert_true(co_uuid_eq(&entry->id, &entries[i + 1].id));
		assert_true(entry->due_ms == CO_NEVER && entry->held_ms == CO_NEVER);
		assert_true((entry->stored.ptr == NULL) == (entries[i + 1].stored.ptr == NULL));
		assert_true(co_view_eq(entry->stored, entries[i + 1].stored));
	}
	bench_end(&bench);
}

static void take__unreadable_session__9300109_and_left_alone(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	struct co_store_entry entry = damaged_entry("r", CO_VIEW("L?"));
	(void)bench_load(&bench, &entry, 1);
	bench_give(&bench, bench_command(&bench, "x", "cancel", "r", "{}"), BENCH_T0);
	assert_string_equal(bench_header(&bench, bench_last(&bench, CO_TOPIC_REPLIES), "checkout-error-code"), "9300109");
	bench_finish(&bench);
	assert_int_equal(bench.apply.count, 0);
	bench_end(&bench);
}

/* ---- the end of a round ---- */

static void finish__a_round__lane_record_last_and_sequence_moves(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.seq = 41;
	bench.shard.clog = 7;
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	co_shard_finish(&bench.shard, &bench.judge, &bench.round, &bench.apply);
	assert_int_equal(bench.shard.lane_message, bench.round.message_count - 1);
	assert_true(co_view_eq(bench.round.messages[bench.shard.lane_message].key, CO_VIEW("lane")));
	assert_true(bench.apply.from_seq == 41 && bench.apply.to_seq == 42 && bench.apply.clog == 7);
	assert_true(bench.apply.entries[0].due_ms == BENCH_T0 + 60000);
	/* Nothing of it is true before it is in the log. */
	assert_true(bench.shard.seq == 41 && bench.shard.clock_ms == 0 && bench.shard.next_offset == 0);
	co_shard_committed(&bench.shard, 9);
	assert_true(bench.shard.seq == 42 && bench.shard.clock_ms == BENCH_T0 && bench.shard.next_offset == 1);
	assert_true(bench.shard.clog == 9);
	co_shard_committed(&bench.shard, -1);
	assert_true(bench.shard.clog == 9);
	bench_end(&bench);
}

/* ---- the position ---- */

static void position__restored__the_same_again(void **state)
{
	static const int64_t values[] = {0, 1, 41, INT64_C(1767225600000), INT64_MAX - 1};
	static const int32_t counts[] = {1, 12, INT32_MAX};
	struct co_shard shard = {.partition = 3}, again = {.partition = 3};

	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		for (size_t j = 0; j < sizeof(values) / sizeof(*values); j++) {
			struct co_position position;
			shard.seq = values[i];
			shard.round_clock_ms = values[j];
			shard.round_next_offset = values[j] / 2;
			const struct co_desk desk = {.partition_count = counts[(i + j) % 3]};
			co_shard_position(&shard, &desk, &position);
			assert_int_equal(position.partition, 3);
			assert_true(strlen(position.metadata) < sizeof(position.metadata) - 1);
			assert_true(co_shard_restore(&again, &position));
			/* The position is the one behind the round. */
			assert_true(again.seq == values[i] + 1);
			assert_true(again.clock_ms == values[j]);
			assert_true(again.next_offset == values[j] / 2);
			assert_int_equal(again.partition_count, desk.partition_count);
		}
}

/* Written before the count was in it: all else counts. */
static void position__without_a_count__taken(void **state)
{
	const struct co_position position = {.offset = 12, .metadata = "v1;s=1316;t=1767225600000"};
	struct co_shard shard = {.partition_count = 5};

	(void)state;
	assert_true(co_shard_restore(&shard, &position));
	assert_true(shard.seq == 1316 && shard.clock_ms == INT64_C(1767225600000) && shard.next_offset == 12);
	assert_int_equal(shard.partition_count, 0);
}

static void position__nothing_committed__fresh(void **state)
{
	struct co_shard shard = {.seq = 5, .clock_ms = 6, .next_offset = 7, .partition_count = 8};
	const struct co_position position = {.offset = -1};

	(void)state;
	assert_true(co_shard_restore(&shard, &position));
	assert_true(shard.seq == 0 && shard.clock_ms == 0 && shard.next_offset == 0 && shard.partition_count == 0);
}

/* Somebody else's, a later version's, a torn one. */
static const char *const foreign[] = {"v2;s=1;t=2",
									  "v1",
									  "v1;",
									  "v1;s=1",
									  "v1;s=1;t=",
									  "v1;s=;t=2",
									  "v1;t=2;s=1",
									  "v1;s=-1;t=2",
									  "v1;s=1;t=-2",
									  "v1;s=+1;t=2",
									  "v1;s= 1;t=2",
									  "v1;s=1;t=2 ",
									  "v1;s=1;t=2;u=3",
									  "v1;s=1x;t=2",
									  "v1;s=1;t=2x",
									  "V1;s=1;t=2",
									  " v1;s=1;t=2",
									  "v1;s=9223372036854775808;t=2",
									  "v1;s=1;t=9223372036854775808",
									  "v1;s=0x1;t=2",
									  "v1;s=1;t=2;",
									  "v1;s=1;t=2;p=",
									  "v1;s=1;t=2;p=0",
									  "v1;s=1;t=2;p=-1",
									  "v1;s=1;t=2;p=2147483648",
									  "v1;s=1;t=2;p=4;",
									  "v1;s=1;t=2;p=4;u=3",
									  "v1;s=1;p=4;t=2",
									  "consumer-1",
									  " "};

static void position__foreign_metadata__refused(void **state)
{
	const char *metadata = *state;
	struct co_position position = {.offset = 12};
	struct co_shard shard = {.partition = 0};

	(void)snprintf(position.metadata, sizeof(position.metadata), "%s", metadata);
	assert_false(co_shard_restore(&shard, &position));
}

int main(void)
{
	enum { FOREIGN = sizeof(foreign) / sizeof(*foreign) };
	static const struct CMUnitTest others[] = {
		cmocka_unit_test(damaged__due_without_a_readable_session__told),
		cmocka_unit_test(drop_damaged__deadlines_gone__bytes_stay),
		cmocka_unit_test(take__unreadable_session__9300109_and_left_alone),
		cmocka_unit_test(finish__a_round__lane_record_last_and_sequence_moves),
		cmocka_unit_test(position__restored__the_same_again),
		cmocka_unit_test(position__without_a_count__taken),
		cmocka_unit_test(position__nothing_committed__fresh),
	};
	enum { OTHERS = sizeof(others) / sizeof(*others) };
	static struct CMUnitTest tests[OTHERS + FOREIGN];
	static char names[FOREIGN][80];

	memcpy(tests, others, sizeof(others));
	for (size_t i = 0; i < FOREIGN; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "position__%s__refused", foreign[i]);
		tests[OTHERS + i] = (struct CMUnitTest){names[i], position__foreign_metadata__refused, NULL, NULL,
												(void *)(uintptr_t)foreign[i]};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
