#include "shard_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- ports ---- */

/* Topics of the fake Kafka: `down.…` gets no answer, of `gone.…` there is none, `away.…` takes no records. */
static int32_t partitions_of(void *self, struct co_view topic)
{
	struct bench *bench = self;

	bench->topics_asked++;
	if (co_view_starts(topic, CO_VIEW("down.")))
		return -1;
	if (co_view_starts(topic, CO_VIEW("gone.")))
		return 0;
	if (co_view_starts(topic, CO_VIEW("away.")))
		return CO_TOPIC_AWAY;
	return co_view_starts(topic, CO_VIEW("wide.")) ? 12 : 4;
}

static bool find(const void *edition, const struct co_uuid *id, struct co_merchant *out)
{
	(void)edition;
	*out = co_merchant_default(id);
	return true;
}

static bool authenticate(const void *edition, const struct co_uuid *merchant_id,
						 const struct co_credentials *credentials, int64_t now_ms, enum co_code *refusal)
{
	(void)edition;
	(void)merchant_id;
	(void)now_ms;
	*refusal = CO_CODE_UNAUTHORIZED;
	return !credentials->api_key.ptr || !co_view_eq(credentials->api_key, CO_VIEW("refused"));
}

/* ---- the bench ---- */

void bench_begin(struct bench *bench, int32_t partitions, const char *replies_allow)
{
	struct co_error error = {.path = ""};
	const struct co_desk_wish wish = {.prefix = "checkout.session.",
									  .source = "/checkout/session-worker",
									  .replies_allow = replies_allow,
									  .partition_count = partitions,
									  .retention_ms = BENCH_RETENTION_MS,
									  .append = true};

	memset(bench, 0, sizeof(*bench));
	co_arena_init(&bench->arena, 1 << 20, 1 << 20);
	if (co_desk_init(&bench->desk, &wish, &error) != CO_OK)
		fail_msg("%s: %s", error.path, error.text);
	bench->outbox = (struct co_outbox){.self = bench, .partitions_of = partitions_of};
	bench->registry = (struct co_registry){.find = find, .authenticate = authenticate};
	bench->judge = (struct co_judge){.desk = &bench->desk, .outbox = &bench->outbox, .registry = &bench->registry};
	bench->shard.poison_offset = -1;
	bench_round(bench);
}

void bench_end(struct bench *bench)
{
	co_desk_clear(&bench->desk);
	co_arena_clear(&bench->arena);
}

void bench_round(struct bench *bench)
{
	co_round_begin(&bench->round, &bench->arena);
	co_shard_begin(&bench->shard, &bench->arena, 100);
}

enum co_taken bench_take(struct bench *bench, const char *text, int64_t timestamp_ms)
{
	struct record_lines *lines = CO_NEW(&bench->arena, struct record_lines);
	struct co_intake *intake = CO_NEW(&bench->arena, struct co_intake);

	record_lines_read(co_view_cstr(text), lines);
	lines->record.partition = bench->shard.partition;
	lines->record.offset = bench->offset;
	lines->record.timestamp_ms = timestamp_ms;
	if (bench->key.ptr)
		lines->record.key = bench->key;
	co_intake_read(&lines->record, &bench->arena, intake);
	enum co_taken taken = co_shard_take(&bench->shard, &bench->judge, &lines->record, intake, &bench->round);
	bench->offset += taken == CO_TAKEN;
	return taken;
}

void bench_give(struct bench *bench, const char *text, int64_t timestamp_ms)
{
	assert_int_equal(bench_take(bench, text, timestamp_ms), CO_TAKEN);
}

void bench_finish(struct bench *bench)
{
	co_shard_finish(&bench->shard, &bench->judge, &bench->round, &bench->apply);
	co_shard_committed(&bench->shard, -1);
}

struct co_store_load bench_load(struct bench *bench, struct co_store_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++)
		co_shard_load(&bench->shard, &bench->desk, &entries[i]);
	return (struct co_store_load){.due_count = count, .due = entries};
}

/* ---- commands ---- */

static const char *kept(struct bench *bench, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = co_arena_alloc(&bench->arena, size);

	memcpy(copy, text, size);
	return copy;
}

struct co_uuid bench_session(const char *reference)
{
	struct co_uuid merchant;
	char name[128];

	assert_true(co_uuid_parse(CO_VIEW(BENCH_MERCHANT), &merchant));
	(void)snprintf(name, sizeof(name), "ref:default:%s", reference);
	return co_uuid_v5(&merchant, co_view_cstr(name));
}

const char *bench_create(struct bench *bench, const char *id, const char *reference, int ttl_s, const char *more)
{
	char text[2048];
	int length = snprintf(text, sizeof(text),
						  BENCH_HEADERS("%s", "create") "\n{\"referenceId\":\"%s\",\"ttlSeconds\":%d%s,\"config\":"
														"{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":"
														"{\"amount\":1000,\"merchantTransactionId\":\"t\"}}",
						  id, reference, ttl_s, more);

	assert_in_range(length, 0, sizeof(text) - 1);
	return kept(bench, text);
}

const char *bench_command(struct bench *bench, const char *id, const char *type, const char *reference,
						  const char *data)
{
	char subject[CO_UUID_TEXT + 1];
	struct co_uuid session = bench_session(reference);
	size_t room = 1024 + (data ? strlen(data) : 0);
	char *text = co_arena_alloc(&bench->arena, room);

	co_uuid_format(&session, subject);
	(void)snprintf(text, room, BENCH_HEADERS("%s", "%s") "ce_subject: %s\n\n%s", id, type, subject, data ? data : "");
	return text;
}

/* ---- messages ---- */

static bool is_to(const struct bench *bench, const struct co_message *message, enum co_topic topic)
{
	return co_view_eq(message->topic, bench->desk.names.topics[topic]);
}

size_t bench_count(const struct bench *bench, enum co_topic topic)
{
	size_t count = 0;

	for (size_t i = 0; i < bench->round.message_count; i++)
		count += is_to(bench, &bench->round.messages[i], topic);
	return count;
}

const struct co_message *bench_last(const struct bench *bench, enum co_topic topic)
{
	for (size_t i = bench->round.message_count; i > 0; i--)
		if (is_to(bench, &bench->round.messages[i - 1], topic))
			return &bench->round.messages[i - 1];
	fail_msg("nothing went to %.*s", (int)bench->desk.names.topics[topic].len, bench->desk.names.topics[topic].ptr);
	return NULL;
}

const char *bench_header(struct bench *bench, const struct co_message *message, const char *name)
{
	for (size_t i = message->header_count; i > 0; i--) {
		const struct co_header *header = &message->headers[i - 1];
		if (!co_view_eq(header->name, co_view_cstr(name)))
			continue;
		char *copy = co_arena_alloc(&bench->arena, header->value.len + 1);
		memcpy(copy, header->value.ptr, header->value.len);
		copy[header->value.len] = '\0';
		return copy;
	}
	return "(none)";
}

bool bench_says(const struct co_message *message, const char *word)
{
	return message->value.ptr && memmem(message->value.ptr, message->value.len, word, strlen(word)) != NULL;
}
