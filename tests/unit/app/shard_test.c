/* The shard: deadlines in their order, the horizon, replies, what is too large, poisoned or on the wrong
 * partition (contract sections 1, 2 and 5). No log, no view: what goes out is looked at. */
#include "shard_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AUTHORIZE                                                                            \
	"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000," \
	"\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"          \
	"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}"

/* ---- deadlines ---- */

enum { MANY = 500 };

static int by_due_and_id(const void *a, const void *b)
{
	const struct co_store_entry *x = a, *y = b;

	if (x->due_ms != y->due_ms)
		return x->due_ms < y->due_ms ? -1 : 1;
	return co_uuid_compare(&x->id, &y->id);
}

/* Sessions with deadlines of a second's grid, so that many are equal; as the view would have them. */
static struct co_store_entry *make_sessions(struct bench *bench, size_t count)
{
	co_shard_begin(&bench->shard, &bench->arena, count);
	for (size_t i = 0; i < count; i++) {
		char reference[24], id[24];
		(void)snprintf(reference, sizeof(reference), "d-%zu", i);
		(void)snprintf(id, sizeof(id), "c-%zu", i);
		bench_give(bench, bench_create(bench, id, reference, 60 + (int)(i * 37 % 50), ""), BENCH_T0);
	}
	bench_finish(bench);
	assert_int_equal(bench->apply.count, count);
	struct co_store_entry *entries = CO_NEW_ARRAY(&bench->arena, struct co_store_entry, count);
	memcpy(entries, bench->apply.entries, count * sizeof(*entries));
	return entries;
}

static void shuffle(struct co_store_entry *entries, size_t count, unsigned seed)
{
	for (size_t i = count; i > 1; i--) {
		seed = seed * 1103515245u + 12345u;
		size_t j = (seed >> 8) % i;
		struct co_store_entry entry = entries[i - 1];
		entries[i - 1] = entries[j];
		entries[j] = entry;
	}
}

/* However they come to hand, they pass in the order of deadline, then session id; those behind the time given do not.
 */
static void elapse__many_deadlines__pass_by_deadline_then_id(void **state)
{
	struct bench bench;
	const int64_t until_ms = BENCH_T0 + 80000;

	(void)state;
	bench_begin(&bench, 1, NULL);
	struct co_store_entry *entries = make_sessions(&bench, MANY);
	for (unsigned seed = 1; seed <= 5; seed++) {
		shuffle(entries, MANY, seed);
		co_round_begin(&bench.round, &bench.arena);
		co_shard_begin(&bench.shard, &bench.arena, MANY);
		(void)bench_load(&bench, entries, MANY);
		co_shard_elapse(&bench.shard, &bench.judge, until_ms, &bench.round);
		qsort(entries, MANY, sizeof(*entries), by_due_and_id);
		size_t passed = 0;
		for (; passed < MANY && entries[passed].due_ms <= until_ms; passed++) {
			char id[CO_UUID_TEXT + 1];
			const struct co_message *event = &bench.round.messages[passed];
			co_uuid_format(&entries[passed].id, id);
			assert_true(passed < bench.round.message_count);
			assert_true(co_view_eq(event->key, co_view_cstr(id)));
			assert_string_equal(bench_header(&bench, event, "ce_type"), "checkout.session.expired");
		}
		assert_in_range(passed, 100, MANY - 100); /* or the time given split nothing */
		assert_int_equal(bench.round.message_count, passed);
	}
	bench_end(&bench);
}

/* More deadlines are due than were loaded; one behind the last of them is in hand for another reason. */
static void elapse__behind_the_last_deadline_loaded__not_yet(void **state)
{
	struct bench bench;
	size_t equal = 0;

	(void)state;
	bench_begin(&bench, 1, NULL);
	struct co_store_entry *entries = make_sessions(&bench, MANY);
	qsort(entries, MANY, sizeof(*entries), by_due_and_id);
	for (size_t last = 0; last + 1 < MANY; last += 7) {
		co_round_begin(&bench.round, &bench.arena);
		co_shard_begin(&bench.shard, &bench.arena, MANY);
		(void)bench_load(&bench, entries, MANY);
		bench.shard.horizon_ms = entries[last].due_ms;
		bench.shard.horizon_id = entries[last].id;
		co_shard_elapse(&bench.shard, &bench.judge, entries[last].due_ms, &bench.round);
		assert_int_equal(bench.round.message_count, last + 1);
		equal += entries[last + 1].due_ms == entries[last].due_ms;
	}
	assert_true(equal > 0); /* or the session id decided nothing */
	bench_end(&bench);
}

static void elapse__at_the_deadline__not_a_millisecond_before(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	co_shard_elapse(&bench.shard, &bench.judge, BENCH_T0 + 59999, &bench.round);
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 1);
	co_shard_elapse(&bench.shard, &bench.judge, BENCH_T0 + 60000, &bench.round);
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 2);
	co_shard_elapse(&bench.shard, &bench.judge, BENCH_T0 + 70000, &bench.round);
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 2);
	bench_end(&bench);
}

/* A payment in processing takes the deadline away; the view is told to hold it instead. */
static void elapse__payment_in_processing__held(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	bench_give(&bench, bench_command(&bench, "a", "authorize", "r", AUTHORIZE), BENCH_T0 + 1);
	co_shard_elapse(&bench.shard, &bench.judge, BENCH_T0 + 3600000, &bench.round);
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 2); /* created, authorised */
	bench_finish(&bench);
	assert_int_equal(bench.apply.count, 1);
	assert_true(bench.apply.entries[0].due_ms == CO_NEVER);
	assert_true(bench.apply.entries[0].held_ms == BENCH_T0 + 60000);
	bench_end(&bench);
}

/* Expired and then, a retention later, forgotten in one go: the event, then a tombstone and nothing for the view. */
static void elapse__retention_over__tombstone_and_deleted(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 60, ""), BENCH_T0);
	bench_finish(&bench);
	struct co_store_entry entry = bench.apply.entries[0];
	bench_round(&bench);
	(void)bench_load(&bench, &entry, 1);
	co_shard_elapse(&bench.shard, &bench.judge, BENCH_T0 + 60000 + BENCH_RETENTION_MS - 1, &bench.round);
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 1);
	bench_give(&bench, bench_command(&bench, "g", "get", "r", NULL), BENCH_T0 + 60000 + BENCH_RETENTION_MS - 1);
	assert_string_equal(bench_header(&bench, bench_last(&bench, CO_TOPIC_REPLIES), "checkout-error-code"), "9300105");
	bench_give(&bench, bench_command(&bench, "g", "get", "r", NULL), BENCH_T0 + 60000 + BENCH_RETENTION_MS);
	assert_string_equal(bench_header(&bench, bench_last(&bench, CO_TOPIC_REPLIES), "checkout-error-code"), "9300100");
	bench_finish(&bench);
	assert_int_equal(bench_count(&bench, CO_TOPIC_STATE), 2);
	assert_null(bench.round.messages[bench.shard.lane_message - 1].value.ptr);
	assert_int_equal(bench.apply.count, 1);
	assert_null(bench.apply.entries[0].stored.ptr);
	assert_true(bench.apply.entries[0].due_ms == CO_NEVER);
	bench_end(&bench);
}

/* ---- what cannot be judged now ---- */

struct before {
	int64_t clock_ms, next_offset;
	size_t messages, tallies;
	bool touched;
};

static struct before now(const struct bench *bench)
{
	return (struct before){bench->shard.round_clock_ms, bench->shard.round_next_offset, bench->round.message_count,
						   bench->round.tally_count, bench->shard.touched};
}

static void assert_unchanged(const struct bench *bench, struct before before)
{
	assert_true(bench->shard.round_clock_ms == before.clock_ms);
	assert_true(bench->shard.round_next_offset == before.next_offset);
	assert_int_equal(bench->round.message_count, before.messages);
	assert_int_equal(bench->round.tally_count, before.tallies);
	assert_int_equal(bench->shard.touched, before.touched);
}

/* More deadlines than were loaded: the record at the horizon waits for the next round, the one before it does not. */
static void take__at_the_horizon__later_and_nothing_changed(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.horizon_ms = BENCH_T0 + 5000;
	struct before before = now(&bench);
	const char *create = bench_create(&bench, "c", "r", 60, "");
	assert_int_equal(bench_take(&bench, create, BENCH_T0 + 5000), CO_TAKE_LATER);
	assert_int_equal(bench_take(&bench, create, BENCH_T0 + 5001), CO_TAKE_LATER);
	assert_unchanged(&bench, before);
	assert_int_equal(bench_take(&bench, create, BENCH_T0 + 4999), CO_TAKEN);
	assert_int_equal(bench_count(&bench, CO_TOPIC_REPLIES), 1);
	/* An older record is judged at the clock, so the clock alone counts. */
	bench.shard.horizon_ms = BENCH_T0 + 4999;
	assert_int_equal(bench_take(&bench, create, BENCH_T0), CO_TAKE_LATER);
	bench_end(&bench);
}

static void take__kafka_does_not_know_the_reply_topic_yet__waits_and_nothing_changed(void **state)
{
	static const char get[] = BENCH_HEADERS("g", "get") "reply_to: down.replies\n\n";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	struct before before = now(&bench);
	assert_int_equal(bench_take(&bench, get, BENCH_T0), CO_TAKE_WAIT);
	assert_unchanged(&bench, before);
	bench_end(&bench);
}

/* A tick is a time and nothing else; it asks Kafka nothing either. */
static void take__tick__moves_the_clock_alone(void **state)
{
	static const char tick[] = "ce_specversion: 1.0\nce_type: checkout.session.tick\nreply_to: down.replies\n";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, tick, BENCH_T0 + 7);
	assert_int_equal(bench.round.message_count, 0);
	assert_true(bench.shard.round_clock_ms == BENCH_T0 + 7);
	assert_true(bench.shard.round_next_offset == 1);
	bench_give(&bench, tick, BENCH_T0 + 3);
	assert_true(bench.shard.round_clock_ms == BENCH_T0 + 7);
	bench_end(&bench);
}

/* ---- replies ---- */

static void take__reply_topic_refused__default_topic_and_the_reason(void **state)
{
	static const char get[] =
		BENCH_HEADERS("g", "get") "reply_to: gone.replies\nreply_partition: 3\ncorrelation_id: k\n\n";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 4, NULL);
	bench_give(&bench, get, BENCH_T0);
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-reply-rejected"), "unknown_topic");
	assert_string_equal(bench_header(&bench, reply, "correlation_id"), "k");
	/* The partition was asked for of another topic. */
	assert_int_equal(reply->partition, 0);
	bench_end(&bench);
}

static void take__wrong_partition__forwarded_and_nothing_else(void **state)
{
	struct bench bench;
	struct co_uuid id;
	char reference[16], text[CO_UUID_TEXT + 1];
	int i = 0;

	(void)state;
	bench_begin(&bench, 4, NULL);
	do {
		(void)snprintf(reference, sizeof(reference), "f-%d", i++);
		id = bench_session(reference);
	} while (co_desk_partition(&bench.desk, &id) == bench.shard.partition);
	co_uuid_format(&id, text);
	bench_give(&bench, bench_create(&bench, "c", reference, 60, ""), BENCH_T0);
	assert_int_equal(bench.round.message_count, 1);
	const struct co_message *copy = bench_last(&bench, CO_TOPIC_COMMANDS);
	assert_int_equal(copy->partition, co_desk_partition(&bench.desk, &id));
	assert_true(co_view_eq(copy->key, co_view_cstr(text)));
	assert_string_equal(bench_header(&bench, copy, "checkout-forwarded"), "0/0");
	bench_finish(&bench);
	assert_int_equal(bench.apply.count, 0);
	bench_end(&bench);
}

/* ---- what Kafka would not take ---- */

static char *large_authorize(struct bench *bench, size_t key_bytes)
{
	static const char head[] = "{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000,"
							   "\"merchantTransactionId\":\"t\",\"metadata\":{\"";
	char *data = co_arena_alloc(&bench->arena, sizeof(head) + key_bytes + 32);

	memcpy(data, head, sizeof(head) - 1);
	/* Each is two characters in a pointer (RFC 6901), which is told three times. */
	memset(data + sizeof(head) - 1, '/', key_bytes);
	memcpy(data + sizeof(head) - 1 + key_bytes, "\":\"v\"}}", 8);
	return data;
}

/* The verdict is that of its neighbour that fits; the name is cut where it is told, and a repeat is told the same. */
static void take__name_too_long_to_be_told__cut(void **state)
{
	static const size_t sizes[] = {100, 250000};
	struct bench bench;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct co_view first = {NULL, 0};
		bench_begin(&bench, 1, NULL);
		bench_give(&bench, bench_create(&bench, "c", "r", 600, ""), BENCH_T0);
		bench_finish(&bench);
		struct co_store_entry entry = bench.apply.entries[0];
		for (int again = 0; again < 2; again++) {
			bench_round(&bench);
			(void)bench_load(&bench, &entry, 1);
			const char *large = bench_command(&bench, "a", "authorize", "r", large_authorize(&bench, sizes[i]));
			bench_give(&bench, large, BENCH_T0 + 1 + again);
			const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
			assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300004");
			assert_string_equal(bench_header(&bench, reply, "checkout-replayed"), again ? "true" : "(none)");
			assert_in_range(reply->value.len, 1000, 20000);
			if (again)
				assert_true(co_view_eq(reply->value, first));
			first = reply->value;
			bench_finish(&bench);
			if (!again)
				entry = bench.apply.entries[0];
		}
		bench_end(&bench);
	}
}

/* The key of the command is that of its reply, and Kafka takes no record of that size. */
static void take__outputs_too_large__9300001_and_nothing_changed(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	char *key = co_arena_alloc(&bench.arena, 1000000);
	memset(key, 'k', 1000000);
	bench.key = co_view_make(key, 1000000);
	bench_give(&bench, BENCH_HEADERS("g", "validate") "\n{}", BENCH_T0);
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-status"), "500");
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300001");
	assert_int_equal(reply->key.len, 0);
	assert_int_equal(bench_count(&bench, CO_TOPIC_REPLIES), 1);
	assert_int_equal(bench_count(&bench, CO_TOPIC_ERRORS), 1);
	assert_true(bench_says(bench_last(&bench, CO_TOPIC_ERRORS), "\"9300001\""));
	assert_int_equal(bench_last(&bench, CO_TOPIC_ERRORS)->key.len, 0);
	bench_finish(&bench);
	assert_int_equal(bench.apply.count, 0);
	bench_end(&bench);
}

/* A record that Kafka refused the outputs of is answered by its own reply to the default topic; whatever it would have
 * done is not done. */
static void take__poisoned_command__9300001_to_the_default_topic(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 600, ""), BENCH_T0);
	bench.shard.poison_offset = 1;
	char cancel[1024], subject[CO_UUID_TEXT + 1];
	struct co_uuid id = bench_session("r");
	co_uuid_format(&id, subject);
	(void)snprintf(cancel, sizeof(cancel), BENCH_HEADERS("x", "cancel") "ce_subject: %s\nreply_to: shop.replies\n\n{}",
				   subject);
	bench_give(&bench, cancel, BENCH_T0 + 1);
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300001");
	assert_string_equal(bench_header(&bench, reply, "checkout-reply-rejected"), "unknown_topic");
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 1);
	/* The next record is nothing special. */
	bench_give(&bench, bench_command(&bench, "g", "get", "r", NULL), BENCH_T0 + 2);
	reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-status"), "200");
	assert_true(bench_says(reply, "\"status\":\"open\""));
	bench_end(&bench);
}

#define AWAY "reply_to: away.replies\n"

/* Its reply was tried, and the topic that it named did not take it; whoever names that topic now has tried nothing. */
static void take__reply_untaken__9300001_and_those_after_it_as_ever(void **state)
{
	struct bench bench;
	char cancel[1024], subject[CO_UUID_TEXT + 1];
	struct co_uuid id = bench_session("r");

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench_give(&bench, bench_create(&bench, "c", "r", 600, ""), BENCH_T0);
	co_uuid_format(&id, subject);
	(void)snprintf(cancel, sizeof(cancel), BENCH_HEADERS("x", "cancel") "ce_subject: %s\n" AWAY "\n{}", subject);
	bench.shard.untaken_offset = 2;
	bench_give(&bench, cancel, BENCH_T0 + 1);
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300001");
	assert_string_equal(bench_header(&bench, reply, "checkout-reply-rejected"), "unknown_topic");
	assert_true(bench_says(bench_last(&bench, CO_TOPIC_ERRORS), "\"9300001\""));
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 1);
	bench_give(&bench, cancel, BENCH_T0 + 2);
	reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-status"), "200");
	assert_string_equal(bench_header(&bench, reply, "checkout-replayed"), "(none)");
	assert_string_equal(bench_header(&bench, reply, "checkout-reply-rejected"), "unknown_topic");
	assert_true(bench_says(reply, "\"status\":\"cancelled\""));
	assert_int_equal(bench_count(&bench, CO_TOPIC_EVENTS), 2);
	bench_end(&bench);
}

/* A refusal's reply was not taken either. */
static void take__refusals_reply_untaken__9300001(void **state)
{
	static const char get[] = BENCH_HEADERS("g", "get") "ce_subject: nobody\n" AWAY "\n";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.untaken_offset = 1;
	bench_give(&bench, get, BENCH_T0);
	assert_string_equal(bench_header(&bench, bench_last(&bench, CO_TOPIC_REPLIES), "checkout-error-code"), "9300001");
	bench_give(&bench, get, BENCH_T0);
	assert_string_equal(bench_header(&bench, bench_last(&bench, CO_TOPIC_REPLIES), "checkout-error-code"), "9300004");
	bench_end(&bench);
}

/* It was tried in the same transaction as one whose topic is away. */
static void take__tried_beside_an_untaken_reply__as_ever(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.untaken_offset = 10;
	bench_give(&bench, BENCH_HEADERS("g", "get") "reply_to: gone.replies\n\n", BENCH_T0);
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300004");
	bench_give(&bench, bench_create(&bench, "c", "r", 600, ""), BENCH_T0);
	reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-status"), "201");
	bench_end(&bench);
}

static void take__rubbish_whose_reply_is_untaken__dlq_whole(void **state)
{
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.untaken_offset = 1;
	bench_give(&bench, BENCH_HEADERS("x", "cancel") AWAY "\n{", BENCH_T0);
	assert_true(co_view_eq(bench_last(&bench, CO_TOPIC_DLQ)->value, CO_VIEW("{")));
	const struct co_message *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300004");
	assert_string_equal(bench_header(&bench, reply, "checkout-reply-rejected"), "unknown_topic");
	bench_end(&bench);
}

static void take__poisoned_rubbish__dlq_without_its_value(void **state)
{
	static const char rubbish[] = BENCH_HEADERS("x", "cancel") "\n{";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	bench.shard.poison_offset = 1;
	bench_give(&bench, rubbish, BENCH_T0);
	assert_true(co_view_eq(bench_last(&bench, CO_TOPIC_DLQ)->value, CO_VIEW("{")));
	bench_give(&bench, rubbish, BENCH_T0);
	const struct co_message *letter = bench_last(&bench, CO_TOPIC_DLQ);
	assert_null(letter->value.ptr);
	assert_string_equal(bench_header(&bench, letter, "checkout-dlq-reason"), "not_json");
	assert_string_equal(bench_header(&bench, letter, "checkout-dlq-offset"), "1");
	bench_end(&bench);
}

/* Key, correlation and headers may be what made them too large; where it came from is always told. */
static void take__poisoned_rubbish_with_too_much_around_it__its_origin_alone(void **state)
{
	enum { MUCH = 70000 };
	static const char head[] = BENCH_HEADERS("x", "cancel") "correlation_id: ";
	struct bench bench;

	(void)state;
	bench_begin(&bench, 1, NULL);
	char *rubbish = co_arena_alloc(&bench.arena, sizeof(head) + MUCH + 4), *key = co_arena_alloc(&bench.arena, MUCH);
	memcpy(rubbish, head, sizeof(head) - 1);
	memset(rubbish + sizeof(head) - 1, 'c', MUCH);
	memcpy(rubbish + sizeof(head) - 1 + MUCH, "\n\n{", 4);
	memset(key, 'k', MUCH);
	bench.key = co_view_make(key, MUCH);
	bench.shard.poison_offset = 1;
	bench_give(&bench, rubbish, BENCH_T0);
	assert_int_equal(bench_last(&bench, CO_TOPIC_DLQ)->key.len, MUCH);
	assert_int_equal(bench_last(&bench, CO_TOPIC_REPLIES)->key.len, MUCH);
	bench_give(&bench, rubbish, BENCH_T0);
	const struct co_message *letter = bench_last(&bench, CO_TOPIC_DLQ), *reply = bench_last(&bench, CO_TOPIC_REPLIES);
	assert_int_equal(letter->key.len + letter->value.len, 0);
	assert_int_equal(letter->header_count, 5);
	assert_string_equal(bench_header(&bench, letter, "checkout-dlq-reason"), "headers_too_large");
	assert_string_equal(bench_header(&bench, letter, "checkout-dlq-offset"), "1");
	assert_string_equal(bench_header(&bench, reply, "checkout-error-code"), "9300004");
	assert_string_equal(bench_header(&bench, reply, "correlation_id"), "(none)");
	assert_int_equal(reply->key.len, 0);
	bench_end(&bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elapse__many_deadlines__pass_by_deadline_then_id),
		cmocka_unit_test(elapse__behind_the_last_deadline_loaded__not_yet),
		cmocka_unit_test(elapse__at_the_deadline__not_a_millisecond_before),
		cmocka_unit_test(elapse__payment_in_processing__held),
		cmocka_unit_test(elapse__retention_over__tombstone_and_deleted),
		cmocka_unit_test(take__at_the_horizon__later_and_nothing_changed),
		cmocka_unit_test(take__kafka_does_not_know_the_reply_topic_yet__waits_and_nothing_changed),
		cmocka_unit_test(take__tick__moves_the_clock_alone),
		cmocka_unit_test(take__reply_topic_refused__default_topic_and_the_reason),
		cmocka_unit_test(take__wrong_partition__forwarded_and_nothing_else),
		cmocka_unit_test(take__name_too_long_to_be_told__cut),
		cmocka_unit_test(take__outputs_too_large__9300001_and_nothing_changed),
		cmocka_unit_test(take__poisoned_command__9300001_to_the_default_topic),
		cmocka_unit_test(take__reply_untaken__9300001_and_those_after_it_as_ever),
		cmocka_unit_test(take__refusals_reply_untaken__9300001),
		cmocka_unit_test(take__tried_beside_an_untaken_reply__as_ever),
		cmocka_unit_test(take__rubbish_whose_reply_is_untaken__dlq_whole),
		cmocka_unit_test(take__poisoned_rubbish__dlq_without_its_value),
		cmocka_unit_test(take__poisoned_rubbish_with_too_much_around_it__its_origin_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
