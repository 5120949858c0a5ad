/* What a session remembers of its commands (contract section 6), on the shipped service: the first verdict byte for
 * byte, however the repeat is put and whatever happened to the worker or to Redis in between. */
#include "it.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MS 60000
#define KEY_41 "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"
#define VALUE_101                                        \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv" \
	"vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"

/* ---- a client with a reply topic of its own ---- */

struct shop {
	struct rig rig;
	char topic[48];
	struct co_tk_reader replies; /* of that topic */
	char sid[37];
	int correlations;
};

/* How a command is put; the command is the same. */
enum way {
	PLAIN,     /* binary, correlation_id */
	SPRING,    /* binary, the shop's topic, partition 2 */
	STRUCTURED /* one JSON text, its members sorted, REPLY_CORRELATION_ID */
};

struct command {
	const char *type, *id, *data; /* data NULL: none */
	bool is_create;               /* has no subject */
};

static const struct command create = {"create", "m-create",
									  "{\"referenceId\":\"memory\",\"ttlSeconds\":600,\"capture\":false,\"config\":"
									  "{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,"
									  "\"merchantTransactionId\":\"t\",\"metadata\":{\"b\":\"2\",\"a\":\"1\"}}}",
									  true};
/* Breaks a rule of each kind; its metadata stand in another order than the sorted one. */
static const struct command broken = {"authorize", "m-broken",
									  "{\"paymentIntentId\":\"pi-0\",\"paymentMethod\":{\"family\":\"card\"},"
									  "\"merchantTransactionId\":\"\",\"description\":7,\"metadata\":{\"" KEY_41
									  "\":\"v\",\"a/b~c\":\"" VALUE_101 "\",\"m\":3},\"paymentAllocations\":[]}",
									  false};
static const struct command authorize = {"authorize", "m-authorize",
										 "{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},"
										 "\"amount\":1000,\"merchantTransactionId\":\"t\",\"paymentAllocations\":"
										 "[{\"paymentMethodId\":\"b6df8625-cd25-4123-b345-638aa7b5d011\","
										 "\"amount\":1000}]}",
										 false};
static const struct command *const remembered[] = {&create, &broken, &authorize};
enum { REMEMBERED = sizeof(remembered) / sizeof(*remembered) };

static void open_shop(struct shop *shop, void **state)
{
	const char *topic;

	memset(shop, 0, sizeof(*shop));
	topic = shop->topic;
	rig_open(&shop->rig, *state);
	snprintf(shop->topic, sizeof(shop->topic), "%sshop.replies", shop->rig.prefix);
	co_tk_kafka_create(&shop->rig.servers->kafka, &(struct co_tk_topic){.name = topic, .partitions = 3}, 1);
	co_tk_reader_open(&shop->replies, &shop->rig.servers->kafka, &topic, 1);
	rig_session_id("memory", shop->sid);
	rig_start(&shop->rig, 0, 1, NULL);
	rig_wait_ready(&shop->rig, 0);
}

static void close_shop(struct shop *shop)
{
	co_tk_reader_close(&shop->replies);
	rig_close(&shop->rig);
}

static struct co_view text(const char *from)
{
	return (struct co_view){from, from ? strlen(from) : 0};
}

static char *structured_event(const struct shop *shop, const struct command *command)
{
	char type[64];

	snprintf(type, sizeof(type), "checkout.session.%s", command->type);
	json_t *event = json_pack("{s:s,s:s,s:s,s:s,s:s}", "specversion", "1.0", "id", command->id, "source", "/memory",
							  "type", type, "merchantid", RIG_MERCHANT);
	if (!command->is_create)
		json_object_set_new(event, "subject", json_string(shop->sid));
	if (command->data)
		json_object_set_new(event, "data", json_loads(command->data, 0, NULL));
	char *bytes = json_dumps(event, JSON_SORT_KEYS | JSON_INDENT(2));
	json_decref(event);
	return bytes;
}

/* Returns the reply, which is awaited. */
static const struct co_tk_record *ask(struct shop *shop, const struct command *command, enum way way)
{
	static const char *const correlation_names[] = {"correlation_id", "kafka_correlationId", "REPLY_CORRELATION_ID"};
	struct co_tk_reader *reader = way == SPRING ? &shop->replies : &shop->rig.reader;
	char type[64], correlation[32];
	struct co_header headers[12];
	size_t count = 0;
	char *event = way == STRUCTURED ? structured_event(shop, command) : NULL;

	snprintf(correlation, sizeof(correlation), "k-%d", ++shop->correlations);
	snprintf(type, sizeof(type), "checkout.session.%s", command->type);
	headers[count++] = (struct co_header){text(correlation_names[way]), text(correlation)};
	if (way == STRUCTURED) {
		headers[count++] = (struct co_header){CO_VIEW("content-type"), CO_VIEW("application/cloudevents+json")};
	} else {
		headers[count++] = (struct co_header){CO_VIEW("ce_specversion"), CO_VIEW("1.0")};
		headers[count++] = (struct co_header){CO_VIEW("ce_id"), text(command->id)};
		headers[count++] = (struct co_header){CO_VIEW("ce_source"), CO_VIEW("/memory")};
		headers[count++] = (struct co_header){CO_VIEW("ce_type"), text(type)};
		headers[count++] = (struct co_header){CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)};
		if (!command->is_create)
			headers[count++] = (struct co_header){CO_VIEW("ce_subject"), text(shop->sid)};
	}
	if (way == SPRING) {
		headers[count++] = (struct co_header){CO_VIEW("kafka_replyTopic"), text(shop->topic)};
		headers[count++] = (struct co_header){CO_VIEW("kafka_replyPartition"), CO_VIEW("2")};
	}
	const struct co_message message = {.topic = text(shop->rig.commands),
									   .partition = -1,
									   .timestamp_ms = -1,
									   .key = text(shop->sid),
									   .value = text(event ? event : command->data),
									   .header_count = count,
									   .headers = headers};
	co_tk_send(shop->rig.producer, &message, NULL);
	free(event);
	for (int64_t end = co_tk_now_ms() + REPLY_MS; co_tk_now_ms() < end; co_tk_reader_poll(reader, 20))
		for (size_t i = 0; i < reader->log.count; i++) {
			const struct co_tk_record *record = reader->log.records[i];
			if (co_tk_header(&record->r, "checkout-status").ptr &&
				co_tk_header_is(&record->r, correlation_names[way], correlation))
				return record;
		}
	fail_msg("no reply to %s (%s) within %d ms", command->id, correlation, REPLY_MS);
	return NULL;
}

static void expect(const struct co_tk_record *reply, const char *status, const char *code, bool replayed)
{
	char *shown = co_tk_show(reply->r.value);

	if (!co_tk_header_is(&reply->r, "checkout-status", status))
		fail_msg("wanted status %s: %s", status, shown);
	if (code ? !co_tk_header_is(&reply->r, "checkout-error-code", code)
			 : co_tk_header(&reply->r, "checkout-error-code").ptr != NULL)
		fail_msg("wanted code %s: %s", code ? code : "none", shown);
	if (replayed ? !co_tk_header_is(&reply->r, "checkout-replayed", "true")
				 : co_tk_header(&reply->r, "checkout-replayed").ptr != NULL)
		fail_msg("wanted checkout-replayed %s: %s", replayed ? "true" : "absent", shown);
	free(shown);
}

/* Committed records of one of the service's topics about the session. */
static size_t count_of(struct shop *shop, const char *name)
{
	char topic[64];
	size_t count = 0;

	snprintf(topic, sizeof(topic), "%s%s", shop->rig.prefix, name);
	assert_true(co_tk_reader_catch_up_whole(&shop->rig.reader, 90000));
	for (size_t i = 0; i < shop->rig.reader.log.count; i++) {
		const struct co_tk_record *record = shop->rig.reader.log.records[i];
		count += co_tk_is(record->topic, topic) && co_tk_header_is(&record->r, "ce_subject", shop->sid);
	}
	return count;
}

static long version_now(struct shop *shop)
{
	const struct command get = {"get", "m-get", NULL, false};
	const struct co_tk_record *reply = ask(shop, &get, PLAIN);
	json_t *body = co_tk_json(reply->r.value);

	expect(reply, "200", NULL, false);
	long version = (long)json_integer_value(co_tk_at(body, "session.version"));
	json_decref(body);
	return version;
}

/* ---- repeats ---- */

/* Every remembered command in every way: the first body, nothing else. */
static void expect_repeats(struct shop *shop, struct co_view bodies[REMEMBERED], const char *after)
{
	static const char *const statuses[] = {"201", "400", "200"}, *const codes[] = {NULL, "9300004", NULL};
	size_t events = count_of(shop, "events"), errors = count_of(shop, "errors");

	for (size_t i = 0; i < REMEMBERED; i++)
		for (enum way way = PLAIN; way <= STRUCTURED; way++) {
			const struct co_tk_record *reply = ask(shop, remembered[i], way);
			expect(reply, statuses[i], codes[i], true);
			if (!co_tk_same(reply->r.value, bodies[i])) {
				char *first = co_tk_show(bodies[i]), *now = co_tk_show(reply->r.value);
				fail_msg("%s after %s, way %d: not the first body\n%s\n%s", remembered[i]->id, after, (int)way, first,
						 now);
			}
			if (way == SPRING)
				assert_int_equal(reply->r.partition, 2);
		}
	assert_int_equal(version_now(shop), 2);
	assert_int_equal(count_of(shop, "events"), events);
	assert_int_equal(count_of(shop, "errors"), errors);
}

/* The same identity with another request stays a conflict, of which an error event tells, and changes nothing. */
static void expect_conflict(struct shop *shop)
{
	struct command other = broken;
	size_t events = count_of(shop, "events"), errors = count_of(shop, "errors");

	other.data = "{\"paymentIntentId\":\"pi-0\"}";
	const struct co_tk_record *reply = ask(shop, &other, STRUCTURED);
	expect(reply, "422", "9300004", false);
	json_t *body = co_tk_json(reply->r.value);
	assert_string_equal(co_tk_text_at(body, "error.title"), "IDEMPOTENCY_CONFLICT");
	assert_string_equal(co_tk_text_at(body, "error.detail"), "command id was already used with a different request");
	json_decref(body);
	assert_int_equal(count_of(shop, "events"), events);
	assert_int_equal(count_of(shop, "errors"), errors + 1);
}

static void restart(struct rig *rig)
{
	co_tk_worker_stop(&rig->workers[0]);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
}

static void kill_and_restart(struct rig *rig)
{
	co_tk_worker_kill(&rig->workers[0]);
	rig_start(rig, 0, 1, NULL);
	rig_wait_ready(rig, 0);
}

/* Another worker joins, then the first leaves: whichever had the partition, the second has it now. */
static void hand_over(struct rig *rig)
{
	rig_start(rig, 1, 1, NULL);
	rig_wait_ready(rig, 1);
	co_tk_worker_stop(&rig->workers[0]);
}

/* Noticed with the next command that needs the view. */
static void empty_redis(struct rig *rig)
{
	co_tk_redis_flush(&rig->servers->redis);
}

static void expect_rebuilds(struct rig *rig, double least)
{
	double rebuilds = co_tk_worker_metric(&rig->workers[0], "checkout_rebuilds_total");

	if (!(rebuilds >= least))
		fail_msg("%g rebuilds, wanted %g or more", rebuilds, least);
}

static void repeats_survive(void **state, void (*disturb)(struct rig *rig), const char *what)
{
	struct co_view bodies[REMEMBERED];
	struct shop shop;

	open_shop(&shop, state);
	bodies[0] = ask(&shop, &create, PLAIN)->r.value;
	bodies[1] = ask(&shop, &broken, SPRING)->r.value;
	bodies[2] = ask(&shop, &authorize, STRUCTURED)->r.value;
	json_t *body = co_tk_json(bodies[1]);
	/* merchantTransactionId, amount, description, a metadata key and two values, no allocations */
	assert_int_equal(json_array_size(co_tk_at(body, "error.errorDetails")), 7);
	json_decref(body);
	assert_int_equal(count_of(&shop, "events"), 2);
	assert_int_equal(count_of(&shop, "errors"), 1);
	expect_repeats(&shop, bodies, "nothing");

	disturb(&shop.rig);

	expect_repeats(&shop, bodies, what);
	if (disturb == empty_redis)
		expect_rebuilds(&shop.rig, 1);
	expect_conflict(&shop);
	expect_repeats(&shop, bodies, "a conflict");
	close_shop(&shop);
}

static void repeat__worker_restarted__first_body_again(void **state)
{
	repeats_survive(state, restart, "SIGTERM and a restart");
}

static void repeat__worker_killed__first_body_again(void **state)
{
	repeats_survive(state, kill_and_restart, "kill -9 and a restart");
}

static void repeat__another_worker__first_body_again(void **state)
{
	repeats_survive(state, hand_over, "a hand-over to another worker");
}

static void repeat__redis_emptied__first_body_again(void **state)
{
	repeats_survive(state, empty_redis, "FLUSHALL");
}

/* ---- the window of 32 ---- */

/* Command number `number`, 1 being the create: a capture of what is not authorised. */
static struct command numbered(int number, char id[16])
{
	if (number == 1)
		return create;
	snprintf(id, 16, "n-%d", number);
	return (struct command){"capture", id, "{}", false};
}

static void expect_number(struct shop *shop, int number, bool replayed)
{
	char id[16];
	const struct command command = numbered(number, id);
	const struct co_tk_record *reply = ask(shop, &command, PLAIN);

	/* Judged anew the create finds its own session. */
	if (number == 1 && replayed)
		expect(reply, "201", NULL, true);
	else
		expect(reply, "409", number == 1 ? "9300101" : "9300112", replayed);
}

/* 32 are remembered, the 33rd pushes the first out, which its repeat before has not renewed; also when Redis was made
 * again from the log in between. */
static void memory__33rd_command__first_forgotten(void **state)
{
	struct shop shop;

	open_shop(&shop, state);
	expect(ask(&shop, &create, PLAIN), "201", NULL, false);
	for (int number = 2; number <= 32; number++)
		expect_number(&shop, number, false);
	expect_number(&shop, 1, true);
	expect_number(&shop, 32, true);
	empty_redis(&shop.rig);
	expect_number(&shop, 1, true);
	expect_number(&shop, 33, false);
	empty_redis(&shop.rig);
	expect_number(&shop, 2, true);
	expect_number(&shop, 33, true);
	expect_rebuilds(&shop.rig, 2);
	/* Forgotten, judged anew, and so the latest: now the second is out, the third is the oldest. */
	expect_number(&shop, 1, false);
	expect_number(&shop, 3, true);
	expect_number(&shop, 2, false);
	assert_int_equal(count_of(&shop, "events"), 1);
	close_shop(&shop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeat__worker_restarted__first_body_again),
		cmocka_unit_test(repeat__worker_killed__first_body_again),
		cmocka_unit_test(repeat__another_worker__first_body_again),
		cmocka_unit_test(repeat__redis_emptied__first_body_again),
		cmocka_unit_test(memory__33rd_command__first_forgotten),
	};

	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
