/* checkoutctl dlq with the shipped worker: what died is listed, is sent again once it is mended or the worker knows it,
 * and gets its reply; what is wrong as ever dies again for the same reason. (contract sections 1, 2 and 6) */
#include "it.h"

#include "unit/ctl/ctl_support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CUSTOMER "jane.roe@example.com"
#define REQUEST                                                                                                \
	"{\"referenceId\":\"%s\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":" \
	"{\"amount\":1,\"merchantTransactionId\":\"t\"},\"customer\":{\"email\":\"" CUSTOMER "\"}}"

#define H(name, value)             \
	{                              \
		CO_VIEW(name),             \
		{                          \
			(value), strlen(value) \
		}                          \
	}
#define WAIT_MS 60000

/* Runs `checkoutctl dlq` on the rig's topics. */
#define SAY(rig, ...)                                                                                              \
	ctl_say(NULL, "dlq", __VA_ARGS__, "--timeout", "30", "--bootstrap", (rig)->servers->kafka.servers, "--prefix", \
			(rig)->prefix, NULL)

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
}

static struct co_tk_sent put(struct rig *rig, const char *topic, const struct co_message *message)
{
	char *full = co_tk_format("%s%s", rig->prefix, topic);
	struct co_message whole = *message;
	struct co_tk_sent sent = {0};

	whole.topic = (struct co_view){full, strlen(full)};
	whole.timestamp_ms = -1;
	co_tk_send(rig->producer, &whole, &sent);
	co_tk_producer_flush(rig->producer);
	co_tk_check(sent.done && !sent.failed, "%s did not take a record", full);
	free(full);
	return sent;
}

/* The record of a topic that `is` says yes to, the newest of them; NULL when none comes. */
static const struct co_tk_record *find(struct rig *rig, const char *topic, int nth,
									   bool (*is)(const struct co_record *record, const void *opaque),
									   const void *opaque)
{
	char *full = co_tk_format("%s%s", rig->prefix, topic);
	int64_t deadline_ms = co_tk_now_ms() + WAIT_MS;
	const struct co_tk_record *found = NULL;

	while (!found && co_tk_now_ms() < deadline_ms) {
		int seen = 0;

		for (size_t i = 0; i < rig->reader.log.count && !found; i++) {
			const struct co_tk_record *record = rig->reader.log.records[i];

			if (co_tk_is(record->topic, full) && is(&record->r, opaque) && ++seen == nth)
				found = record;
		}
		if (!found)
			co_tk_reader_poll(&rig->reader, 50);
	}
	if (!found)
		co_tk_fail("there is no such record in %s", full);
	free(full);
	return found;
}

/* A dead letter of the record that was sent to `commands`. */
static bool is_of(const struct co_record *record, const void *opaque)
{
	const struct co_tk_sent *sent = opaque;

	return co_tk_header_int(record, "checkout-dlq-partition") == sent->partition &&
		   co_tk_header_int(record, "checkout-dlq-offset") == sent->offset;
}

static bool is_at(const struct co_record *record, const void *opaque)
{
	const struct co_tk_sent *sent = opaque;

	return record->partition == sent->partition && record->offset == sent->offset;
}

static bool is_reply_to(const struct co_record *record, const void *opaque)
{
	return co_tk_header_is(record, "ce_causationid", opaque);
}

static void place_of(const struct co_tk_record *letter, char out[48])
{
	snprintf(out, 48, "%d:%lld", (int)letter->r.partition, (long long)letter->r.offset);
}

static void expect(const char *text, const char *part)
{
	co_tk_check(strstr(text, part) != NULL, "`%s` is not in: %s", part, text);
}

/* Where `sent  PLACE  TOPIC/PARTITION offset OFFSET` says that it went. */
static struct co_tk_sent told(struct rig *rig, const struct ctl_said *said, const char *place)
{
	char *sentence = co_tk_format("sent  %s  %scommands/", place, rig->prefix), *end = NULL;
	const char *line = strstr(said->out, sentence);
	struct co_tk_sent sent = {0};

	co_tk_check(line, "`%s` is not in: %s%s", sentence, said->out, said->err);
	sent.partition = (int32_t)strtol(line + strlen(sentence), &end, 10);
	co_tk_check(strncmp(end, " offset ", 8) == 0, "no offset in: %s", said->out);
	sent.offset = strtoll(end + 8, &end, 10);
	co_tk_check(*end == '\n', "more than an offset in: %s", said->out);
	free(sentence);
	return sent;
}

static bool same_record(const struct co_record *a, const struct co_record *b, size_t header_count)
{
	if (!co_tk_same(a->key, b->key) || !co_tk_same(a->value, b->value) || a->header_count < header_count ||
		b->header_count < header_count)
		return false;
	for (size_t i = 0; i < header_count; i++)
		if (!co_tk_same(a->headers[i].name, b->headers[i].name) ||
			!co_tk_same(a->headers[i].value, b->headers[i].value))
			return false;
	return true;
}

/* A create without its specversion, as a client's mistake makes it, with its key on whatever partition. */
static struct co_tk_sent send_unversioned(struct rig *rig, const char *id, const char *credential)
{
	char data[400];
	const struct co_header headers[] = {H("ce_id", id),
										H("ce_source", "/shop"),
										H("ce_type", "checkout.session.create"),
										H("ce_merchantid", RIG_MERCHANT),
										H("correlation_id", "\x01\xff"),
										H("x-api-key", credential ? credential : "")};
	struct co_message message = {
		.partition = 2, .key = CO_VIEW("any"), .header_count = credential ? 6 : 5, .headers = headers};

	snprintf(data, sizeof(data), REQUEST, id);
	message.value = (struct co_view){data, strlen(data)};
	return put(rig, "commands", &message);
}

/* Listed with its reason and origin, and nothing of the customer's; mended, it is judged; again, it is a repeat. */
static void resend__mended__reply_and_the_same_again_the_second_time(void **state)
{
	struct rig rig;
	struct co_tk_sent sent, again;
	char place[48];

	begin(&rig, state);
	sent = send_unversioned(&rig, "mend-1", NULL);
	place_of(find(&rig, "dlq", 1, is_of, &sent), place);

	struct ctl_said list = SAY(&rig, "list");
	assert_int_equal(list.code, CTL_OK);
	assert_int_equal(strncmp(list.out, place, strlen(place)), 0);
	char *origin = co_tk_format("specversion         from %scommands/2/%lld  ", rig.prefix, (long long)sent.offset);
	expect(list.out, origin);
	expect(list.out, "  9300004  checkout.session.create  /shop  mend-1\n");
	assert_null(strstr(list.out, CUSTOMER));

	struct ctl_said first = SAY(&rig, "resend", place, "--header", "ce_specversion=1.0");
	assert_string_equal(first.err, "");
	assert_int_equal(first.code, CTL_OK);
	again = told(&rig, &first, place);
	assert_int_equal(again.partition, 2);
	/* The first reply was that it is no command. */
	const struct co_tk_record *reply = find(&rig, "replies", 2, is_reply_to, "mend-1");
	assert_true(co_tk_header_is(&reply->r, "checkout-status", "201"));
	assert_true(co_tk_header_is(&reply->r, "correlation_id", "\x01\xff"));
	struct ctl_said second = SAY(&rig, "resend", place, "--header", "ce_specversion=1.0");
	assert_int_equal(second.code, CTL_OK);
	const struct co_tk_record *repeat = find(&rig, "replies", 3, is_reply_to, "mend-1");
	assert_true(co_tk_header_is(&repeat->r, "checkout-replayed", "true"));
	assert_true(co_tk_same(repeat->r.value, reply->r.value));
	free(origin);
	ctl_said_clear(&list);
	ctl_said_clear(&first);
	ctl_said_clear(&second);
	rig_close(&rig);
}

/* What cannot be cured is not sent; forced, it dies again: the same bytes, key, headers in their order, and reason. */
static void resend__forced_as_it_is__dead_again_for_the_same_reason(void **state)
{
	const struct co_header headers[] = {{CO_VIEW("b"), CO_VIEW("1")},
										{CO_VIEW("a"), {NULL, 0}},
										{CO_VIEW("b"), CO_VIEW("")},
										{CO_VIEW("checkout-dlq-reason"), CO_VIEW("mine")},
										{CO_VIEW("c"), {"\0\xfe", 2}}};
	const struct co_message message = {.partition = 1,
									   .key = {"\0key\xff", 5},
									   .value = CO_VIEW("{\"email\":\"" CUSTOMER "\""),
									   .header_count = 5,
									   .headers = headers};
	struct rig rig;
	struct co_tk_sent sent;
	char place[48];

	begin(&rig, state);
	sent = put(&rig, "commands", &message);
	const struct co_tk_record *dead = find(&rig, "dlq", 1, is_of, &sent);
	place_of(dead, place);
	struct ctl_said refused = SAY(&rig, "resend", place);
	assert_int_equal(refused.code, CTL_TROUBLE);
	assert_string_equal(refused.out, "");
	expect(refused.err, ": it would be dead again: not_json: ");

	struct ctl_said forced = SAY(&rig, "resend", place, "--force");
	assert_int_equal(forced.code, CTL_OK);
	struct co_tk_sent again = told(&rig, &forced, place);
	assert_int_equal(again.partition, 1);
	const struct co_tk_record *copy = find(&rig, "commands", 1, is_at, &again);
	assert_int_equal(copy->r.header_count, 5);
	assert_true(same_record(
		&copy->r,
		&(struct co_record){.key = message.key, .value = message.value, .header_count = 5, .headers = headers}, 5));
	const struct co_tk_record *twice = find(&rig, "dlq", 1, is_of, &again);
	assert_true(co_tk_header_is(&twice->r, "checkout-dlq-reason", "not_json"));
	assert_int_equal(twice->r.header_count, dead->r.header_count);
	assert_true(same_record(&twice->r, &dead->r, 5));
	assert_null(strstr(forced.out, CUSTOMER));
	ctl_said_clear(&refused);
	ctl_said_clear(&forced);
	rig_close(&rig);
}

/* Null and empty are two things, and stay so. */
static void resend__null_value_and_empty_key__as_they_were(void **state)
{
	const struct co_message messages[] = {{.partition = 0, .key = CO_VIEW("")}, {.partition = 0, .value = CO_VIEW("")}};
	struct rig rig;
	char place[48];

	begin(&rig, state);
	for (size_t i = 0; i < 2; i++) {
		struct co_tk_sent sent = put(&rig, "commands", &messages[i]);
		const struct co_tk_record *dead = find(&rig, "dlq", 1, is_of, &sent);

		assert_true(co_tk_header_is(&dead->r, "checkout-dlq-reason", "specversion"));
		place_of(dead, place);
		struct ctl_said said = SAY(&rig, "resend", place, "--force");
		struct co_tk_sent again = told(&rig, &said, place);
		const struct co_tk_record *copy = find(&rig, "commands", 1, is_at, &again);
		assert_true(co_tk_same(copy->r.key, messages[i].key));
		assert_true(co_tk_same(copy->r.value, messages[i].value));
		assert_int_equal(copy->r.header_count, 0);
		ctl_said_clear(&said);
	}
	rig_close(&rig);
}

/* As an older worker left it, one that did not know the type: null key, a reply wanted under a correlation. */
static struct co_tk_sent plant_unknown(struct rig *rig, const char *id, const char *time)
{
	char *commands = co_tk_format("%scommands", rig->prefix), data[400];
	const struct co_header headers[] = {H("ce_specversion", "1.0"),        H("ce_id", id),
										H("ce_source", "/shop"),           H("ce_type", "checkout.session.validate"),
										H("ce_merchantid", RIG_MERCHANT),  H("checkout-dlq-reason", "unknown_type"),
										H("checkout-dlq-topic", commands), H("checkout-dlq-partition", "3"),
										H("checkout-dlq-offset", "0"),     H("checkout-dlq-timestamp", time)};
	struct co_message message = {.partition = 3, .header_count = 10, .headers = headers};

	snprintf(data, sizeof(data), REQUEST, id);
	message.value = (struct co_view){data, strlen(data)};
	struct co_tk_sent sent = put(rig, "dlq", &message);
	free(commands);
	return sent;
}

/* The cure was a newer worker: --all sends what it takes, the same bytes once, and leaves what it does not. */
static void resend__all_after_an_upgrade__replies_and_the_rest_stays(void **state)
{
	struct rig rig;
	char place[48];

	begin(&rig, state);
	struct co_tk_sent dead = send_unversioned(&rig, "stays-1", NULL);
	place_of(find(&rig, "dlq", 1, is_of, &dead), place);
	plant_unknown(&rig, "newer-1", "1700000000000");
	plant_unknown(&rig, "newer-2", "1700000000000");
	plant_unknown(&rig, "newer-1", "1700000000001");
	struct ctl_said list = SAY(&rig, "list", "--reason", "unknown_type");
	expect(list.out, "newer-2  a command for this version\n");
	struct ctl_said said = SAY(&rig, "resend", "--all");
	assert_int_equal(said.code, CTL_TROUBLE);
	expect(said.out, "2 sent, 1 the same as one of them, 1 not\n");
	assert_int_equal(strncmp(said.err, "checkoutctl: dlq: ", 18), 0);
	assert_int_equal(strncmp(said.err + 18, place, strlen(place)), 0);
	assert_true(co_tk_header_is(&find(&rig, "replies", 1, is_reply_to, "newer-1")->r, "checkout-status", "200"));
	assert_true(co_tk_header_is(&find(&rig, "replies", 1, is_reply_to, "newer-2")->r, "checkout-status", "200"));
	struct ctl_said only = SAY(&rig, "resend", "--all", "--reason", "unknown_type");
	assert_int_equal(only.code, CTL_OK);
	ctl_said_clear(&list);
	ctl_said_clear(&said);
	ctl_said_clear(&only);
	rig_close(&rig);
}

/* The worker kept no credential: a fresh one takes the place of the stars, and is shown nowhere. */
static void resend__credential_from_a_file__in_place_of_the_stars(void **state)
{
	struct rig rig;
	char place[48], *file = co_tk_format("%s/key", co_tk_temp_dir());

	begin(&rig, state);
	co_tk_write_file(file, "planted-second-key\n");
	struct co_tk_sent dead = send_unversioned(&rig, "key-1", "planted-first-key");
	place_of(find(&rig, "dlq", 1, is_of, &dead), place);
	struct ctl_said list = SAY(&rig, "list", "--json");
	expect(list.out, "\"masked\":\"x-api-key\"");
	struct ctl_said without = SAY(&rig, "resend", place, "--header", "ce_specversion=1.0");
	assert_int_equal(without.code, CTL_TROUBLE);
	expect(without.err, ": its x-api-key was not kept: give it with --api-key-file FILE, ");
	struct ctl_said said = SAY(&rig, "resend", place, "--header", "ce_specversion=1.0", "--api-key-file", file);
	assert_int_equal(said.code, CTL_OK);
	struct co_tk_sent again = told(&rig, &said, place);
	const struct co_tk_record *copy = find(&rig, "commands", 1, is_at, &again);
	assert_true(co_tk_header_is(&copy->r, "x-api-key", "planted-second-key"));
	assert_null(strstr(list.out, "planted"));
	assert_null(strstr(said.out, "planted"));
	free(file);
	ctl_said_clear(&list);
	ctl_said_clear(&without);
	ctl_said_clear(&said);
	rig_close(&rig);
}

/* ---- places where nothing is ---- */

/* A record in a transaction that is aborted; returns its offset. */
static int64_t put_aborted(struct rig *rig, const char *topic, int32_t partition)
{
	char text[256];
	int64_t before = 0, low = 0, after = 0;
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	co_tk_check(rd_kafka_conf_set(conf, "bootstrap.servers", rig->servers->kafka.servers, text, sizeof(text)) ==
						RD_KAFKA_CONF_OK &&
					rd_kafka_conf_set(conf, "transactional.id", rig->prefix, text, sizeof(text)) == RD_KAFKA_CONF_OK,
				"%s", text);
	rd_kafka_t *handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	co_tk_check(handle, "%s", text);
	co_tk_check(!rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &before, 20000), "the end of %s",
				topic);
	co_tk_check(!rd_kafka_init_transactions(handle, 30000) && !rd_kafka_begin_transaction(handle), "a transaction");
	co_tk_check(!rd_kafka_producev(handle, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
								   RD_KAFKA_V_VALUE((void *)(uintptr_t) "{", 1), RD_KAFKA_V_END),
				"a record");
	rd_kafka_flush(handle, 20000);
	co_tk_check(!rd_kafka_abort_transaction(handle, 30000), "the abort");
	/* The record, and the marker, which comes a moment after the broker's answer. */
	for (int64_t deadline_ms = co_tk_now_ms() + WAIT_MS; after != before + 2; co_tk_sleep_ms(20)) {
		co_tk_check(co_tk_now_ms() < deadline_ms, "%s ends at %lld", topic, (long long)after);
		co_tk_check(!rd_kafka_query_watermark_offsets(handle, topic, partition, &low, &after, 20000), "the end");
	}
	rd_kafka_destroy(handle);
	return before;
}

static void resend__gone_and_aborted__told_and_the_others_sent(void **state)
{
	struct rig rig;
	char *topic, *gone, *aborted, *good, *open_end;

	begin(&rig, state);
	topic = co_tk_format("%sdlq", rig.prefix);
	struct co_tk_sent first = plant_unknown(&rig, "gone-1", "0"), second = plant_unknown(&rig, "good-1", "0");
	int64_t hole = put_aborted(&rig, topic, 3);
	co_tk_kafka_delete_before(&rig.servers->kafka, topic, 3, second.offset);
	gone = co_tk_format("3:%lld", (long long)first.offset);
	good = co_tk_format("3:%lld", (long long)second.offset);
	aborted = co_tk_format("3:%lld", (long long)hole);
	open_end = co_tk_format("3:%lld", (long long)hole + 2);
	struct ctl_said said = SAY(&rig, "resend", gone, aborted, open_end, good);
	assert_int_equal(said.code, CTL_TROUBLE);
	char *expected =
		co_tk_format("checkoutctl: dlq: %s: it is gone: the partition begins at %lld (the topic's retention)\n"
					 "checkoutctl: dlq: %s: there is no record at that offset: it was in an aborted "
					 "transaction, or is a transaction's marker\n"
					 "checkoutctl: dlq: %s: it is not there: what is committed ends before %lld\n",
					 gone, (long long)second.offset, aborted, open_end, (long long)hole + 2);
	assert_string_equal(said.err, expected);
	told(&rig, &said, good);
	assert_true(co_tk_header_is(&find(&rig, "replies", 1, is_reply_to, "good-1")->r, "checkout-status", "200"));
	struct ctl_said list = SAY(&rig, "list");
	assert_int_equal(strncmp(list.out, good, strlen(good)), 0);
	assert_ptr_equal(strchr(list.out, '\n'), list.out + strlen(list.out) - 1);
	free(topic), free(gone), free(aborted), free(good), free(open_end), free(expected);
	ctl_said_clear(&said);
	ctl_said_clear(&list);
	rig_close(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resend__mended__reply_and_the_same_again_the_second_time),
		cmocka_unit_test(resend__forced_as_it_is__dead_again_for_the_same_reason),
		cmocka_unit_test(resend__null_value_and_empty_key__as_they_were),
		cmocka_unit_test(resend__all_after_an_upgrade__replies_and_the_rest_stays),
		cmocka_unit_test(resend__credential_from_a_file__in_place_of_the_stars),
		cmocka_unit_test(resend__gone_and_aborted__told_and_the_others_sent),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
