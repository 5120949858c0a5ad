/* The lane and a client's reply topic that stops taking records, on the model of log and view: the commands whose
 * replies it did not take are answered 9300001, nobody beside them is, and the lane goes on. */
#include "lane_bench.h"

#include <string.h>

#define STEPS_MAX 5000
#define OWN "mine.replies"

struct stand {
	struct co_sim_lane lane;
	bool away;    /* OWN takes nothing */
	bool tried;   /* what names it is in a transaction */
	size_t fails; /* commits that waited in vain */
};

/* It was there when it was asked for, and is found away when it is asked for again. */
static enum co_sim_fault ask(void *self, enum co_sim_op op)
{
	struct stand *stand = self;

	if (op == CO_SIM_PARTITIONS_OF)
		return stand->away && stand->fails ? CO_SIM_UNTAKEN : CO_SIM_NONE;
	if (op != CO_SIM_COMMIT || !stand->away || !stand->tried)
		return CO_SIM_NONE;
	stand->fails++;
	stand->tried = false;
	memset(stand->lane.outbox.remembered, 0, sizeof(stand->lane.outbox.remembered));
	return CO_SIM_UNTAKEN;
}

/* OWN takes nothing of the first transaction, nor later. */
static struct stand *open_stand(void)
{
	static struct stand stand;

	memset(&stand, 0, sizeof(stand));
	bench_lane_open(&stand.lane, true, (struct co_sim_faults){.self = &stand, .ask = ask});
	(void)co_sim_topic_add(&stand.lane.broker, OWN, 1);
	stand.away = stand.tried = true;
	return &stand;
}

static void send_validate(struct stand *stand, const char *id)
{
	char text[512];
	struct record_lines lines;

	(void)snprintf(text, sizeof(text),
				   BENCH_HEADERS("%s", "validate") "reply_to: " OWN "\n\n{\"referenceId\":\"r\",\"config\":{\"modes\":"
												   "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,"
												   "\"merchantTransactionId\":\"t\"}}",
				   id);
	record_lines_read(co_view_cstr(text), &lines);
	const struct co_message message = {.topic = CO_VIEW(BENCH_PREFIX "commands"),
									   .value = lines.record.value,
									   .header_count = lines.record.header_count,
									   .headers = lines.headers};
	co_sim_send(&stand->lane.broker, &message, NULL, NULL);
}

/* How often the command got a reply with that value of that header on that topic. */
static size_t replies(struct stand *stand, const char *topic, const char *id, const char *header, const char *value)
{
	struct co_tk_log log = {0};
	size_t count = 0;

	co_sim_collect(&stand->lane.broker, &log);
	for (size_t i = 0; i < log.count; i++) {
		const struct co_record *record = &log.records[i]->r;
		count += co_tk_is(log.records[i]->topic, topic) && co_tk_header(record, "checkout-status").ptr &&
				 co_tk_header_is(record, "ce_causationid", id) && co_tk_header_is(record, header, value);
	}
	co_tk_log_clear(&log);
	return count;
}

#define DEFAULT BENCH_PREFIX "replies"

static void commit__reply_topic_takes_nothing__9300001_for_its_commands_alone(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	send_validate(stand, "mine-1");
	bench_lane_create(&stand->lane, "beside", 600, 0);
	send_validate(stand, "mine-2");
	co_sim_lane_settle(&stand->lane, STEPS_MAX);

	assert_int_equal(stand->fails, 1);
	assert_int_equal(replies(stand, DEFAULT, "mine-1", "checkout-error-code", "9300001"), 1);
	assert_int_equal(replies(stand, DEFAULT, "mine-1", "checkout-reply-rejected", "unknown_topic"), 1);
	assert_int_equal(replies(stand, DEFAULT, "mine-2", "checkout-error-code", "9300001"), 1);
	assert_int_equal(replies(stand, DEFAULT, "beside", "checkout-status", "201"), 1);
	co_sim_lane_close(&stand->lane);
}

/* Nobody tried these: they are judged as if there were no such topic. */
static void commit__known_to_take_nothing__verdict_by_default(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	send_validate(stand, "tried");
	co_sim_lane_settle(&stand->lane, STEPS_MAX);
	send_validate(stand, "later");
	co_sim_lane_settle(&stand->lane, STEPS_MAX);

	assert_int_equal(replies(stand, DEFAULT, "tried", "checkout-error-code", "9300001"), 1);
	assert_int_equal(replies(stand, DEFAULT, "later", "checkout-status", "200"), 1);
	assert_int_equal(replies(stand, DEFAULT, "later", "checkout-reply-rejected", "unknown_topic"), 1);
	co_sim_lane_close(&stand->lane);
}

/* It was a broker that had gone for a moment. */
static void commit__reply_topic_back_when_tried_again__reply_there(void **state)
{
	struct stand *stand = open_stand();

	(void)state;
	send_validate(stand, "tried");
	for (int steps = 0; steps < STEPS_MAX && !stand->fails; steps++)
		assert_int_equal(co_lane_step(&stand->lane.lane), CO_OK);
	stand->away = false;
	co_sim_lane_settle(&stand->lane, STEPS_MAX);

	assert_int_equal(stand->fails, 1);
	assert_int_equal(replies(stand, OWN, "tried", "checkout-status", "200"), 1);
	assert_int_equal(replies(stand, DEFAULT, "tried", "checkout-status", "500"), 0);
	co_sim_lane_close(&stand->lane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commit__reply_topic_takes_nothing__9300001_for_its_commands_alone),
		cmocka_unit_test(commit__known_to_take_nothing__verdict_by_default),
		cmocka_unit_test(commit__reply_topic_back_when_tried_again__reply_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
