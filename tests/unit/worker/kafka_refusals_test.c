/* Whose fault it is that Kafka did not take a record: the table, and what follows for the open transaction. */
#include "tests/unit/toolbox/toolbox.h"

#include "kafka_refusals.h"

#define MINE "mine.replies"
#define OTHER "other.replies"
#define OWN "checkout.session.events"

struct row {
	const char *name;
	rd_kafka_resp_err_t err;
	bool on_named, on_own; /* a rejection there */
};

#define ROW(ident, on_named, on_own)                        \
	{                                                       \
#ident, RD_KAFKA_RESP_ERR_##ident, on_named, on_own \
	}
static const struct row rows[] = {
	/* the record, wherever it goes */
	ROW(MSG_SIZE_TOO_LARGE, true, true),
	ROW(RECORD_LIST_TOO_LARGE, true, true),
	ROW(INVALID_MSG_SIZE, true, true),
	ROW(INVALID_RECORD, true, true),
	ROW(INVALID_MSG, true, true),
	/* the topic: a client's own affair, or waited for */
	ROW(INVALID_TIMESTAMP, true, false),
	ROW(_UNKNOWN_TOPIC, true, false),
	ROW(_UNKNOWN_PARTITION, true, false),
	ROW(UNKNOWN_TOPIC_OR_PART, true, false),
	ROW(TOPIC_EXCEPTION, true, false),
	ROW(TOPIC_AUTHORIZATION_FAILED, true, false),
	ROW(POLICY_VIOLATION, true, false),
	ROW(UNSUPPORTED_FOR_MESSAGE_FORMAT, true, false),
	ROW(UNSUPPORTED_COMPRESSION_TYPE, true, false),
	/* neither */
	ROW(NO_ERROR, false, false),
	ROW(UNKNOWN, false, false),
	ROW(LEADER_NOT_AVAILABLE, false, false),
	ROW(NOT_LEADER_FOR_PARTITION, false, false),
	ROW(REQUEST_TIMED_OUT, false, false),
	ROW(NETWORK_EXCEPTION, false, false),
	ROW(NOT_ENOUGH_REPLICAS, false, false),
	ROW(NOT_ENOUGH_REPLICAS_AFTER_APPEND, false, false),
	ROW(KAFKA_STORAGE_ERROR, false, false),
	ROW(THROTTLING_QUOTA_EXCEEDED, false, false),
	ROW(GROUP_AUTHORIZATION_FAILED, false, false),
	ROW(CLUSTER_AUTHORIZATION_FAILED, false, false),
	ROW(TRANSACTIONAL_ID_AUTHORIZATION_FAILED, false, false),
	ROW(OUT_OF_ORDER_SEQUENCE_NUMBER, false, false),
	ROW(DUPLICATE_SEQUENCE_NUMBER, false, false),
	ROW(INVALID_PRODUCER_EPOCH, false, false),
	ROW(UNKNOWN_PRODUCER_ID, false, false),
	ROW(PRODUCER_FENCED, false, false),
	ROW(INVALID_TXN_STATE, false, false),
	ROW(OPERATION_NOT_ATTEMPTED, false, false),
	ROW(_TRANSPORT, false, false),
	ROW(_MSG_TIMED_OUT, false, false),
	ROW(_TIMED_OUT, false, false),
	ROW(_TIMED_OUT_QUEUE, false, false),
	ROW(_QUEUE_FULL, false, false),
	ROW(_PURGE_QUEUE, false, false),
	ROW(_PURGE_INFLIGHT, false, false),
	ROW(_STATE, false, false),
	ROW(_FATAL, false, false),
	ROW(_FENCED, false, false),
};
enum { ROWS = sizeof rows / sizeof rows[0] };

static void fault__of_each_error__as_the_table_says(void **state)
{
	const struct row *row = *state;
	struct co_kafka_refusals named = {.rejected = false}, own = {.rejected = false};

	assert_int_equal(co_kafka_is_rejection(row->err, false), row->on_named);
	assert_int_equal(co_kafka_is_rejection(row->err, true), row->on_own);
	if (row->err == RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	co_kafka_refusals_note(&named, MINE, false, row->err, 1);
	assert_int_equal(named.rejected, row->on_named);
	assert_false(named.own_refused);
	assert_false(named.own_waits);
	assert_int_equal(named.waiting_count, row->on_named ? 0 : 1);
	co_kafka_refusals_note(&own, OWN, true, row->err, 1);
	assert_int_equal(own.rejected, row->on_own);
	/* refused by a topic of ours, and for no record's sake: that is said, and waited for */
	assert_int_equal(own.own_refused, row->on_named && !row->on_own);
	assert_int_equal(own.own_waits, !row->on_own);
	assert_int_equal(own.waiting_count, 0);
}

/* Given up: what tells a topic that is slow from one that says no. */
static void note__timed_out__gave_up(void **state)
{
	struct co_kafka_refusals refusals = {.rejected = false};

	(void)state;
	co_kafka_refusals_note(&refusals, MINE, false, RD_KAFKA_RESP_ERR__PURGE_QUEUE, 1);
	assert_false(refusals.gave_up);
	co_kafka_refusals_note(&refusals, MINE, false, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, 1);
	assert_true(refusals.gave_up);
	assert_int_equal(refusals.waiting_count, 1);
	assert_string_equal(refusals.waiting[0], MINE);
	co_kafka_refusals_note(&refusals, OTHER, false, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, 1);
	assert_int_equal(refusals.waiting_count, 2);
	assert_string_equal(refusals.waiting[1], OTHER);
}

/* More topics than there is room for are not noted. */
static void note__too_many_topics__no_more_than_fit(void **state)
{
	struct co_kafka_refusals refusals = {.rejected = false};
	char name[16];

	(void)state;
	for (int i = 0; i <= CO_KAFKA_WAITING_MAX; i++) {
		snprintf(name, sizeof name, "t%d", i);
		co_kafka_refusals_note(&refusals, name, false, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, 1);
	}
	assert_int_equal(refusals.waiting_count, CO_KAFKA_WAITING_MAX);
	assert_string_equal(refusals.waiting[CO_KAFKA_WAITING_MAX - 1], "t15");
}

static void guess__one_topic_of_others__that_one(void **state)
{
	struct co_kafka_refusals refusals = {.rejected = false};

	(void)state;
	co_kafka_refusals_named(&refusals, MINE);
	co_kafka_refusals_named(&refusals, MINE);
	assert_string_equal(co_kafka_refusals_guess(&refusals, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED), MINE);
	assert_false(refusals.rejected);
	assert_false(refusals.own_refused);
}

/* One of them, or none: the records are gone through one at a time, each of which names one topic at most. */
static void guess__several_topics_of_others__rejection(void **state)
{
	struct co_kafka_refusals refusals = {.rejected = false};

	(void)state;
	co_kafka_refusals_named(&refusals, MINE);
	co_kafka_refusals_named(&refusals, OTHER);
	co_kafka_refusals_named(&refusals, MINE);
	assert_int_equal(refusals.named_count, 2);
	assert_null(co_kafka_refusals_guess(&refusals, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
	assert_true(refusals.rejected);
	assert_false(refusals.own_refused);
}

static void guess__no_topic_of_others__the_service_waits(void **state)
{
	struct co_kafka_refusals refusals = {.rejected = false};

	(void)state;
	assert_null(co_kafka_refusals_guess(&refusals, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
	assert_false(refusals.rejected);
	assert_true(refusals.own_refused);
}

/* A report has told already, or the transaction failed for something else: nothing to guess. */
static void guess__known_or_another_error__nothing(void **state)
{
	struct co_kafka_refusals told = {.rejected = true}, other = {.rejected = false};

	(void)state;
	co_kafka_refusals_named(&told, MINE);
	assert_null(co_kafka_refusals_guess(&told, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED));
	co_kafka_refusals_named(&other, MINE);
	assert_null(co_kafka_refusals_guess(&other, RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART));
	assert_null(co_kafka_refusals_guess(&other, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE));
	assert_false(other.rejected);
	assert_false(other.own_refused);
}

int main(void)
{
	static struct CMUnitTest table[ROWS];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note__timed_out__gave_up),
		cmocka_unit_test(note__too_many_topics__no_more_than_fit),
		cmocka_unit_test(guess__one_topic_of_others__that_one),
		cmocka_unit_test(guess__several_topics_of_others__rejection),
		cmocka_unit_test(guess__no_topic_of_others__the_service_waits),
		cmocka_unit_test(guess__known_or_another_error__nothing),
	};

	for (size_t i = 0; i < ROWS; i++)
		table[i] = (struct CMUnitTest){rows[i].name, fault__of_each_error__as_the_table_says, NULL, NULL,
									   (void *)(uintptr_t)&rows[i]};
	int failed = cmocka_run_group_tests_name("faults", table, NULL, NULL);
	return failed + cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
