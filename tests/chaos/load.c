/* Commands at random: every session walks on its own, wherever that leads; what it is told is for the judge to know. */
#include "chaos.h"

#include "tk.h"

#include "checkout/uuid.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OPEN_SESSIONS 60
#define DATA_BYTES 700
#define VALUE_BYTES 2048

struct command {
	char type[48], id[48], data[DATA_BYTES]; /* data "": none */
};

struct walk {
	bool used;
	char sid[37], reference[48];
	int steps_left;
	struct command last;
};

struct chaos_load {
	struct co_tk_producer *producer;
	pthread_t thread;
	atomic_bool stop;
	uint64_t random, seed;
	unsigned per_second;
	size_t sessions, commands;
	struct walk walks[OPEN_SESSIONS];
};

bool chaos_percent(uint64_t *state, unsigned percent)
{
	return splitmix_pick(state, 100) < percent;
}

static struct co_view text(const char *from)
{
	return (struct co_view){from, from ? strlen(from) : 0};
}

/* ---- what is asked for ---- */

static void begin_walk(struct chaos_load *load, struct walk *walk)
{
	struct co_uuid merchant, id;
	char name[96];

	*walk = (struct walk){.used = true, .steps_left = 2 + (int)splitmix_pick(&load->random, 12)};
	snprintf(walk->reference, sizeof(walk->reference), "r%llu-%zu", (unsigned long long)load->seed, ++load->sessions);
	snprintf(name, sizeof(name), "ref:default:%s", walk->reference);
	co_tk_check(co_uuid_parse(CO_VIEW(CHAOS_MERCHANT), &merchant), "the merchant's id");
	id = co_uuid_v5(&merchant, text(name));
	co_uuid_format(&id, walk->sid);
}

static void ask_create(struct chaos_load *load, const struct walk *walk, char *data)
{
	uint64_t *random = &load->random;
	bool lives_long = chaos_percent(random, 30);

	snprintf(data, DATA_BYTES,
			 "{\"referenceId\":\"%s\",\"ttlSeconds\":%d,\"capture\":%s,\"config\":{\"modes\":[\"%s\"]},"
			 "\"payment\":{\"amount\":%s,\"merchantTransactionId\":\"t\",\"metadata\":{\"k\":\"\\u00e4 %d\"}}}",
			 walk->reference, lives_long ? 600 : 1 + (int)splitmix_pick(random, CHAOS_SHORT_LIFE_MS / 1000),
			 chaos_percent(random, 50) ? "true" : "false",
			 chaos_percent(random, 95) ? "PAYMENT_WITH_WALLET" : "PAYMENT", chaos_percent(random, 95) ? "1000" : "0",
			 (int)splitmix_pick(random, 1000));
}

static void ask_authorize(struct chaos_load *load, char *data)
{
	snprintf(data, DATA_BYTES,
			 "{\"paymentIntentId\":\"pi-%d\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":%s,"
			 "\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
			 "\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}",
			 (int)splitmix_pick(&load->random, 2), chaos_percent(&load->random, 95) ? "1000" : "999");
}

static void ask_update(struct chaos_load *load, char *data)
{
	static const char *const statuses[] = {"PROCESSING", "AUTHORISED", "CAPTURED", "SUCCEEDED", "DECLINED", "ODD"};

	snprintf(data, DATA_BYTES, "{\"paymentIntentId\":\"pi-%d\",\"transactionStatus\":\"%s\"%s}",
			 (int)splitmix_pick(&load->random, 2), statuses[splitmix_pick(&load->random, 6)],
			 chaos_percent(&load->random, 30) ? ",\"failure\":{\"code\":\"9300007\",\"reason\":\"no funds\"}" : "");
}

/* Weights out of 100; the first step of a walk is its create. */
static void ask(struct chaos_load *load, struct walk *walk, struct command *out)
{
	static const struct {
		const char *type;
		unsigned weight;
	} kinds[] = {{"get", 14},   {"authorize", 22}, {"capture", 14}, {"payment_update", 18}, {"complete", 10},
				 {"cancel", 5}, {"expire", 4},     {"fail", 4},     {"validate", 4},        {"create", 5}};
	const char *type = "create";

	if (walk->last.type[0]) {
		uint64_t at = splitmix_pick(&load->random, 100);
		size_t k = 0;
		while (at >= kinds[k].weight)
			at -= kinds[k++].weight;
		type = kinds[k].type;
	}
	*out = (struct command){.type = ""};
	snprintf(out->type, sizeof(out->type), "checkout.session.%s", type);
	snprintf(out->id, sizeof(out->id), "c%llu-%zu", (unsigned long long)load->seed, ++load->commands);
	if (strcmp(type, "create") == 0 || strcmp(type, "validate") == 0)
		ask_create(load, walk, out->data);
	else if (strcmp(type, "authorize") == 0)
		ask_authorize(load, out->data);
	else if (strcmp(type, "payment_update") == 0)
		ask_update(load, out->data);
	else if (strcmp(type, "capture") == 0)
		snprintf(out->data, DATA_BYTES, "%s", chaos_percent(&load->random, 50) ? "{\"amount\":400}" : "");
	else if (strcmp(type, "fail") == 0)
		snprintf(out->data, DATA_BYTES, "{\"code\":\"9300005\",\"reason\":\"upstream\"}");
	else if (strcmp(type, "cancel") == 0 || strcmp(type, "expire") == 0)
		snprintf(out->data, DATA_BYTES, "{\"reason\":\"so be it\"}");
}

/* ---- on the wire ---- */

struct wire {
	struct co_header headers[16];
	size_t count;
	char value[VALUE_BYTES];
	char partition[4];
	char id[48];
};

static void add(struct wire *wire, const char *name, struct co_view value)
{
	co_tk_check(wire->count < sizeof(wire->headers) / sizeof(*wire->headers), "too many headers");
	wire->headers[wire->count++] = (struct co_header){text(name), value};
}

static void put_attributes(struct wire *wire, const struct command *command, const char *subject, bool structured)
{
	if (structured) {
		snprintf(wire->value, sizeof(wire->value),
				 "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/"
				 "chaos\",\"type\":\"%s\",\"merchantid\":\"" CHAOS_MERCHANT "\"%s%s%s%s%s}",
				 command->id, command->type, subject ? ",\"subject\":\"" : "", subject ? subject : "",
				 subject ? "\"" : "", command->data[0] ? ",\"data\":" : "", command->data);
		add(wire, "content-type", CO_VIEW("application/cloudevents+json; charset=utf-8"));
		return;
	}
	snprintf(wire->value, sizeof(wire->value), "%s", command->data);
	add(wire, "ce_specversion", CO_VIEW("1.0"));
	add(wire, "ce_id", text(command->id));
	add(wire, "ce_source", CO_VIEW("/chaos"));
	add(wire, "ce_type", text(command->type));
	add(wire, "ce_merchantid", CO_VIEW(CHAOS_MERCHANT));
	if (subject)
		add(wire, "ce_subject", text(subject));
}

static void put_reply_address(struct chaos_load *load, struct wire *wire)
{
	uint64_t *random = &load->random, way = splitmix_pick(random, 100);

	if (way < 15) {
		add(wire, "kafka_replyTopic", CO_VIEW(CHAOS_REPLIES));
		add(wire, "kafka_correlationId", CO_VIEW("\x01\x02\xff"));
	} else if (way < 25) {
		wire->partition[3] = (char)splitmix_pick(random, CHAOS_REPLY_PARTITIONS + 1);
		add(wire, "reply_to", CO_VIEW(CHAOS_REPLIES));
		add(wire, "reply_partition", (struct co_view){wire->partition, 4});
	} else if (way < 30) {
		add(wire, "REPLY_CORRELATION_ID", text(wire->id));
	} else if (way < 34) {
		add(wire, "reply_to", CO_VIEW(CHAOS_PREFIX "nobody.replies"));
	} else if (way < 37) {
		add(wire, "reply_to", CO_VIEW(CHAOS_PREFIX "events"));
	} else if (way < 40) {
		add(wire, "reply_to", CO_VIEW("elsewhere"));
	}
}

static void send_wire(struct chaos_load *load, const struct wire *wire, struct co_view key, struct co_view value)
{
	const struct co_message message = {.topic = CO_VIEW(CHAOS_PREFIX "commands"),
									   .partition = -1,
									   .timestamp_ms = -1,
									   .key = key,
									   .value = value,
									   .header_count = wire->count,
									   .headers = wire->headers};

	co_tk_send(load->producer, &message, NULL);
}

static void send_command(struct chaos_load *load, const struct walk *walk, const struct command *command)
{
	uint64_t *random = &load->random;
	bool names_session = strcmp(command->type, "checkout.session.create") != 0 &&
						 strcmp(command->type, "checkout.session.validate") != 0;
	struct wire wire = {.count = 0};
	unsigned astray = (unsigned)splitmix_pick(random, 100);

	snprintf(wire.id, sizeof(wire.id), "%s", command->id);
	put_attributes(&wire, command, names_session ? walk->sid : NULL, chaos_percent(random, 15));
	put_reply_address(load, &wire);
	if (chaos_percent(random, 10))
		add(&wire, "traceparent", CO_VIEW("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
	if (chaos_percent(random, 2))
		add(&wire, "ce_expirytime", CO_VIEW("2020-01-01T00:00:00Z"));
	/* Most lie right; some have no key, or one that leads elsewhere. */
	struct co_view key = astray < 84   ? text(walk->sid)
						 : astray < 90 ? (struct co_view){NULL, 0}
						 : astray < 95 ? CO_VIEW("astray")
									   : text(walk->reference);
	send_wire(load, &wire, key, wire.value[0] ? text(wire.value) : (struct co_view){NULL, 0});
}

/* What is no command at all. */
static void send_garbage(struct chaos_load *load)
{
	static char large[300000];
	struct wire wire = {.count = 0};
	struct command command = {.type = "checkout.session.get"}; /* the headers point into it */
	uint64_t kind = splitmix_pick(&load->random, 20);
	struct co_view value = CO_VIEW("{\"a\":");

	snprintf(wire.id, sizeof(wire.id), "g%llu-%zu", (unsigned long long)load->seed, ++load->commands);
	if (kind >= 5) {
		memcpy(command.id, wire.id, sizeof(command.id));
		put_attributes(&wire, &command, CHAOS_MERCHANT, false);
	}
	if (kind >= 10)
		value = kind >= 15 ? CO_VIEW("[1,2]") : CO_VIEW("{\"a\":1,\"a\":2}");
	if (kind == 19) {
		memset(large, ' ', sizeof(large));
		value = (struct co_view){large, sizeof(large)};
	}
	if (kind == 18)
		wire.headers[3].value = CO_VIEW("checkout.session.steal");
	add(&wire, "authorization", CO_VIEW("Bearer abc"));
	send_wire(load, &wire, kind % 3 ? CO_VIEW("garbage") : (struct co_view){NULL, 0}, value);
}

/* ---- the thread ---- */

static void step(struct chaos_load *load)
{
	uint64_t *random = &load->random;
	struct walk *walk = &load->walks[splitmix_pick(random, OPEN_SESSIONS)];

	if (chaos_percent(random, 4)) {
		send_garbage(load);
		return;
	}
	if (!walk->used || walk->steps_left-- <= 0)
		begin_walk(load, walk);
	if (walk->last.type[0] && chaos_percent(random, 10)) {
		/* Again; now and then with other data under the same identity. */
		struct command again = walk->last;
		if (chaos_percent(random, 30))
			snprintf(again.data, sizeof(again.data), "{\"reason\":\"another\"}");
		send_command(load, walk, &again);
		return;
	}
	struct command command;
	ask(load, walk, &command);
	send_command(load, walk, &command);
	walk->last = command;
}

static void *run(void *opaque)
{
	struct chaos_load *load = opaque;
	int64_t began_ms = co_tk_now_ms();
	size_t sent = 0;

	while (!atomic_load(&load->stop)) {
		size_t wanted = (size_t)(co_tk_now_ms() - began_ms) * load->per_second / 1000;
		for (; sent < wanted && !atomic_load(&load->stop); sent++)
			step(load);
		co_tk_sleep_ms(10);
	}
	return NULL;
}

struct chaos_load *chaos_load_start(struct co_tk_kafka *kafka, uint64_t seed, unsigned per_second)
{
	struct chaos_load *load = co_tk_alloc(sizeof(*load));

	*load = (struct chaos_load){.seed = seed, .random = seed * 2 + 1, .per_second = per_second};
	load->producer = co_tk_producer_open_plain(kafka);
	co_tk_check(pthread_create(&load->thread, NULL, run, load) == 0, "no thread for the load");
	return load;
}

size_t chaos_load_stop(struct chaos_load *load, size_t *failed)
{
	atomic_store(&load->stop, true);
	pthread_join(load->thread, NULL);
	co_tk_producer_flush(load->producer);
	size_t sent = load->commands;
	*failed = co_tk_producer_failed(load->producer);
	co_tk_producer_close(load->producer);
	free(load);
	return sent;
}
