#include "rig.h"

#include "tk.h"

#include "checkout/uuid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- servers ---- */

void rig_servers_start_beside(struct rig_servers *servers)
{
	const char *registry = "{\"merchants\":[{\"id\":\"" RIG_MERCHANT
						   "\",\"name\":\"Acme\",\"ttlSeconds\":{\"min\":1,\"default\":3,\"max\":600}}]}";

	co_tk_redis_start(&servers->redis);
	snprintf(servers->registry, sizeof(servers->registry), "%s/registry.json", co_tk_temp_dir());
	co_tk_write_file(servers->registry, registry);
}

void rig_kafka_start_behind(struct co_tk_kafka *kafka, int hidden, int shown)
{
	int port = co_tk_free_port();
	char internal[64];

	snprintf(internal, sizeof(internal), "127.%d.%d.9", port / 256, port % 256);
	char *extra = co_tk_format(
		"listeners=CLIENT://127.0.0.1:%d,SWITCHED://127.0.0.1:%d,INTERNAL://%s:%d,CONTROLLER://%s:%d\n"
		"advertised.listeners=CLIENT://127.0.0.1:%d,SWITCHED://127.0.0.1:%d,INTERNAL://%s:%d\n"
		"listener.security.protocol.map=CLIENT:PLAINTEXT,SWITCHED:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT\n",
		port, hidden, internal, port + 1, internal, port + 2, port, shown, internal, port + 1);
	co_tk_check(setenv("KAFKA_EXTRA", extra, 1) == 0, "setenv");
	free(extra);
	co_tk_kafka_start_at(kafka, port);
}

int rig_servers_start(void **state)
{
	static struct rig_servers servers;

	co_tk_kafka_start(&servers.kafka);
	rig_servers_start_beside(&servers);
	*state = &servers;
	return 0;
}

int rig_servers_stop(void **state)
{
	struct rig_servers *servers = *state;

	co_tk_redis_stop(&servers->redis);
	co_tk_kafka_stop(&servers->kafka);
	return 0;
}

struct rig_servers *rig_shared;

int rig_shared_start(void **state)
{
	int status = rig_servers_start(state);

	rig_shared = *state;
	*state = NULL;
	return status;
}

int rig_shared_stop(void **state)
{
	*state = rig_shared;
	return rig_servers_stop(state);
}

/* ---- the rig ---- */

void rig_override(struct rig *rig, const char *key, const char *value)
{
	size_t count = 0;

	while (rig->overrides[count])
		count++;
	co_tk_check(count < sizeof(rig->texts) / sizeof(*rig->texts), "too many overrides");
	snprintf(rig->texts[count], sizeof(rig->texts[count]), "%s=%s", key, value);
	rig->overrides[count] = rig->texts[count];
}

void rig_open(struct rig *rig, struct rig_servers *servers)
{
	rig_open_limited(rig, servers, NULL, NULL);
}

void rig_open_limited(struct rig *rig, struct rig_servers *servers, const char *topic, const char *message_bytes_max)
{
	static int number;
	static const char *const names[] = {"commands", "replies", "errors", "events", "state", "dlq"};
	const char *topics[6];
	char full[6][64];

	memset(rig, 0, sizeof(*rig));
	number++;
	rig->servers = servers;
	rig->ttl_s = 2;
	snprintf(rig->prefix, sizeof(rig->prefix), "s%d.", number);
	snprintf(rig->group, sizeof(rig->group), "group-%d", number);
	snprintf(rig->key_prefix, sizeof(rig->key_prefix), "k%d", number);
	snprintf(rig->commands, sizeof(rig->commands), "%scommands", rig->prefix);
	co_tk_kafka_create_limited(&servers->kafka, rig->prefix, RIG_PARTITIONS, false, topic, message_bytes_max);
	for (size_t i = 0; i < 6; i++) {
		snprintf(full[i], sizeof(full[i]), "%s%s", rig->prefix, names[i]);
		topics[i] = full[i];
	}
	co_tk_reader_open(&rig->reader, &servers->kafka, topics, 6);
	rig->producer = co_tk_producer_open(&servers->kafka);
	rig_override(rig, "redis.key.prefix", rig->key_prefix);
	rig_override(rig, "auth.merchants.file", servers->registry);
	rig_override(rig, "kafka.session.timeout.ms", "6000");
	rig_override(rig, "worker.batch.max.records", "50");
}

void rig_close(struct rig *rig)
{
	for (int i = 0; i < 4; i++)
		if (rig->workers[i].pid > 0)
			co_tk_worker_stop(&rig->workers[i]);
	co_tk_producer_close(rig->producer);
	co_tk_reader_close(&rig->reader);
}

void rig_start(struct rig *rig, int index, int lanes, const char *crash)
{
	char instance[64];

	snprintf(instance, sizeof(instance), "%sw%d", rig->prefix, index);
	struct co_tk_worker_options options = {.program = rig->program,
										   .instance = instance,
										   .prefix = rig->prefix,
										   .group = rig->group,
										   .lanes = lanes,
										   .overrides = rig->overrides,
										   .environment = rig->environment,
										   .crash = crash};
	struct rig_servers *seen = rig->seen ? rig->seen : rig->servers;
	co_tk_worker_start(&rig->workers[index], &seen->kafka, &seen->redis, &options);
}

void rig_wait_ready(struct rig *rig, int index)
{
	co_tk_worker_wait_ready(&rig->workers[index], 120000);
}

/* ---- load ---- */

void rig_session_id(const char *reference, char out[37])
{
	struct co_uuid merchant, id;
	char name[128];

	snprintf(name, sizeof(name), "ref:default:%s", reference);
	co_tk_check(co_uuid_parse((struct co_view){RIG_MERCHANT, 36}, &merchant), "the merchant's id");
	id = co_uuid_v5(&merchant, (struct co_view){name, strlen(name)});
	co_uuid_format(&id, out);
}

static struct co_view text(const char *from)
{
	return (struct co_view){from, from ? strlen(from) : 0};
}

void rig_send(struct rig *rig, const char *key, const char *type, const char *id, const char *subject, const char *data)
{
	char full_type[64];
	struct co_header headers[6] = {
		{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},       {CO_VIEW("ce_id"), text(id)},
		{CO_VIEW("ce_source"), CO_VIEW("/rig")},           {CO_VIEW("ce_type"), {full_type, 0}},
		{CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)}, {CO_VIEW("ce_subject"), text(subject)}};

	headers[3].value.len = (size_t)snprintf(full_type, sizeof(full_type), "checkout.session.%s", type);
	struct co_message message = {.topic = text(rig->commands),
								 .partition = -1,
								 .timestamp_ms = -1,
								 .key = text(key),
								 .value = text(data),
								 .header_count = subject ? 6 : 5,
								 .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
	rig->sent++;
}

/* The commands of one session, in order; `kind` picks the story. */
static void send_story(struct rig *rig, int number, int kind)
{
	static const char authorize[] =
		"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000,"
		"\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"
		"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}";
	char reference[64], sid[37], id[96], create[400];
	bool holds = kind == 2 || kind == 5;
	int step = 0;

	snprintf(reference, sizeof(reference), "%s%d", rig->prefix, number);
	rig_session_id(reference, sid);
	snprintf(
		create, sizeof(create),
		"{\"referenceId\":\"%s\",\"ttlSeconds\":%d,\"capture\":%s,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
		"\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}",
		reference, holds ? 600 : rig->ttl_s, kind == 5 ? "true" : "false");
#define ID (snprintf(id, sizeof(id), "%s.%d", reference, ++step), id)
	/* A key that leads astray, or none: the service forwards. The stories with them have one command only. */
	rig_send(rig, kind == 6 ? NULL : kind == 7 ? "astray" : sid, "create", ID, NULL, create);
	if (kind == 1) {
		rig_send(rig, sid, "create", id, NULL, create); /* the same again */
		rig_send(rig, sid, "complete", ID, sid, NULL);
		rig_send(rig, sid, "get", ID, sid, NULL);
		rig_send(rig, sid, "cancel", ID, sid, "{\"reason\":\"changed my mind\"}");
		rig_send(rig, sid, "complete", ID, sid, NULL);
	} else if (kind == 2) {
		rig_send(rig, sid, "authorize", ID, sid, authorize);
		rig_send(rig, sid, "capture", ID, sid, "{\"amount\":400}");
		rig_send(rig, sid, "payment_update", ID, sid,
				 "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}");
		rig_send(rig, sid, "payment_update", id, sid,
				 "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}");
	} else if (kind == 3) {
		rig_send(rig, sid, "get", ID, sid, NULL);
		rig_send(rig, sid, "capture", ID, sid, "{\"amount\":5}");
		rig_send(rig, sid, "expire", ID, sid, "{}");
	} else if (kind == 4) {
		rig_send(rig, sid, "fail", ID, sid, "{\"code\":\"9300005\",\"reason\":\"upstream\"}");
		rig_send(rig, sid, "get", ID, sid, NULL);
	} else if (kind == 5) {
		rig_send(rig, sid, "authorize", ID, sid, authorize);
	}
#undef ID
}

void rig_load(struct rig *rig, int count)
{
	for (int i = 0; i < count; i++) {
		int number = ++rig->sessions;
		send_story(rig, number, number % 8);
	}
}

/* ---- the end ---- */

struct co_oracle rig_oracle(struct rig *rig)
{
	return (struct co_oracle){.kafka = &rig->servers->kafka,
							  .redis = &rig->servers->redis,
							  .log = &rig->reader.log,
							  .prefix = rig->prefix,
							  .group = rig->group,
							  .key_prefix = rig->key_prefix,
							  .partitions = RIG_PARTITIONS,
							  .retention_ms = 86400000};
}

static _Noreturn void broken(struct rig *rig, const char *what, const char *sentence)
{
	for (int i = 0; i < 4; i++) {
		if (!rig->workers[i].directory)
			continue;
		char *log = co_tk_worker_log(&rig->workers[i]);
		size_t length = strlen(log);
		fprintf(stderr, "--- the end of worker %d's log\n%s\n", i, length > 6000 ? log + length - 6000 : log);
		free(log);
	}
	co_tk_fail("%s: %s", what, sentence);
}

/* A session that was made late, since nobody served, is past its deadline from the first: its time to expire begins
 * when the commands are read. */
static void await_deadlines(struct rig *rig, struct co_oracle *oracle, const char *what)
{
	int64_t read_ms = co_tk_wall_ms();

	/* asked anew each time: what was forwarded may come to the reader last */
	for (int64_t until; (until = co_oracle_last_deadline(oracle)) > 0; co_tk_reader_poll(&rig->reader, 100))
		if (co_tk_wall_ms() > (until > read_ms ? until : read_ms) + 30000) {
			char *sentence = co_oracle_check(oracle);
			broken(rig, what,
				   co_tk_format("a session is not expired 30 s after its deadline; the oracle: %s",
								sentence ? sentence : "all else holds"));
		}
}

static bool is_shown(void *self)
{
	return co_oracle_is_shown(self);
}

/* The oracle over a log that stands still: one tick more may be on its way after the last deadline, and what is judged
 * while that is taken in is neither the one state nor the other. A sentence counts when nothing was added meanwhile. */
static char *ask_oracle(struct rig *rig, struct co_oracle *oracle, int64_t lag_ms, const char *what)
{
	char *sentence = NULL;
	size_t seen;

	do {
		free(sentence);
		if (!co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, lag_ms))
			broken(rig, what, "the lag did not come back to 0 after the last deadline");
		if (!co_tk_reader_catch_up_whole(&rig->reader, 90000))
			broken(rig, what, "a transaction does not come to its end");
		seen = rig->reader.log.count;
		/* Redis follows the commit; when it does not, the oracle says in what. */
		(void)co_tk_wait(is_shown, oracle, 30000);
		sentence = co_oracle_check(oracle);
		if (sentence && !co_tk_reader_catch_up_whole(&rig->reader, 90000))
			broken(rig, what, "a transaction does not come to its end");
	} while (sentence && rig->reader.log.count > seen);
	return sentence;
}

void rig_settle_and_check(struct rig *rig, int64_t lag_ms, const char *what)
{
	struct co_oracle oracle = rig_oracle(rig);

	co_tk_producer_flush(rig->producer);
	int64_t began = co_tk_now_ms();
	if (!co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, lag_ms))
		broken(rig, what, "the lag did not come back to 0 in time");
	int64_t lag_took = co_tk_now_ms() - began;
	await_deadlines(rig, &oracle, what);
	char *sentence = ask_oracle(rig, &oracle, lag_ms, what);
	if (sentence)
		broken(rig, what, sentence);
	printf("%s: %zu commands, %zu replies, %zu sessions, %zu expiries, %zu kept; lag 0 after %lld ms\n", what,
		   oracle.commands, oracle.replies, oracle.sessions, oracle.expiries, oracle.kept, (long long)lag_took);
	fflush(stdout);
}

const struct co_tk_record *rig_reply(struct rig *rig, const char *id, int64_t timeout_ms)
{
	for (int64_t end = co_tk_now_ms() + timeout_ms;;) {
		for (size_t i = 0; i < rig->reader.log.count; i++) {
			const struct co_tk_record *record = rig->reader.log.records[i];
			if (co_tk_header(&record->r, "checkout-status").ptr && co_tk_header_is(&record->r, "ce_causationid", id))
				return record;
		}
		if (co_tk_now_ms() >= end)
			return NULL;
		co_tk_reader_poll(&rig->reader, 20);
	}
}
