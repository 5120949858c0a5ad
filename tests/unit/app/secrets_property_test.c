/* No secret in any output (contract sections 5 and 7), checked on encoded bytes: random commands carry planted words
 * wherever credentials, tokens and people's data have their place, through the shard and the codecs; every message but
 * a forwarded command, every stored session and its copy in `state` is searched for them. Seed and number of commands:
 * CO_PROPERTY_SEED, CO_PROPERTY_COMMANDS. The canary: a word planted where it may come out is found. */
#include "shard_bench.h"

#include "splitmix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_DEFAULT 100000
#define SEED_DEFAULT 20260101
#define COMMANDS_PER_ROUND 25
#define SESSIONS 12          /* referenceIds in use */
#define DATA "PlantedData7q" /* in data: nobody's but, unchanged, the dlq's */
#define CRED "PlantedCred9z" /* in credentials: nowhere */

struct run {
	struct bench bench;
	uint64_t random, seed;
	unsigned long commands, done, messages, by_topic[CO_TOPIC_COUNT], accepted, refused, replayed, stored;
	int64_t now_ms;
	size_t view_count;
	struct co_store_entry view[SESSIONS];
	struct co_arena view_arena[2]; /* in turns: what the next round needs outlives the last one */
	unsigned view_turn;
	const char *metadata; /* the canary's way out */
	size_t found;
};

static unsigned pick(struct run *run, unsigned count)
{
	return (unsigned)(splitmix_pick(&run->random, count));
}

/* ---- the search ---- */

static bool holds(struct co_view bytes, const char *word)
{
	return bytes.ptr && memmem(bytes.ptr, bytes.len, word, strlen(word)) != NULL;
}

static void search(struct run *run, const char *where, struct co_view bytes, bool data_is_fine)
{
	if (!holds(bytes, CRED) && (data_is_fine || !holds(bytes, DATA)))
		return;
	run->found++;
	if (!run->metadata)
		fail_msg("a planted word is in %s: seed %llu, command %lu", where, (unsigned long long)run->seed, run->done);
}

static enum co_topic topic_of(const struct run *run, const struct co_message *message)
{
	for (size_t i = 0; i < CO_TOPIC_COUNT; i++)
		if (co_view_eq(message->topic, run->bench.desk.names.topics[i]))
			return (enum co_topic)i;
	return CO_TOPIC_REPLIES; /* a shop's own */
}

static void search_round(struct run *run)
{
	const struct co_round *round = &run->bench.round;

	for (size_t i = 0; i < round->message_count; i++) {
		const struct co_message *message = &round->messages[i];
		enum co_topic topic = topic_of(run, message);
		char where[64];
		(void)snprintf(where, sizeof(where), "%.*s", (int)message->topic.len, message->topic.ptr);
		run->messages++;
		run->by_topic[topic]++;
		if (topic == CO_TOPIC_COMMANDS)
			continue; /* forwarded: as it came */
		search(run, where, message->key, false);
		search(run, where, message->value, topic == CO_TOPIC_DLQ);
		for (size_t h = 0; h < message->header_count; h++) {
			search(run, where, message->headers[h].name, false);
			search(run, where, message->headers[h].value, false);
		}
		run->accepted += bench_says(message, "\"outcome\":\"accepted\"");
		run->refused += bench_says(message, "\"outcome\":\"rejected\"");
		run->replayed += strcmp(bench_header(&run->bench, message, "checkout-replayed"), "true") == 0;
	}
	for (size_t i = 0; i < run->bench.apply.count; i++, run->stored++)
		search(run, "a stored session", run->bench.apply.entries[i].stored, false);
}

/* ---- the commands ---- */

static const char *pick_request(struct run *run)
{
	static const char *const consents[] = {
		"",
		",\"consent\":{\"merchantConsentText\":\"" DATA "\",\"merchantConsentId\":\"" DATA
		"\",\"collectionTimestamp\":\"2026-01-01T00:00:00Z\",\"collectionDetails\":{\"type\":\"WEB\",\"web\":"
		"{\"ipAddress\":\"10.1.2.3\",\"userAgent\":\"" DATA "\"}}}",
		",\"consent\":{\"merchantConsentText\":\"" DATA "{}\",\"merchantConsentId\":7,\"collectionTimestamp\":\"" DATA
		"\",\"collectionDetails\":{\"type\":\"" DATA "\"}}"};
	static const char *const agents[] = {"", ",\"agent\":{\"userId\":\"" DATA "\",\"firstName\":\"" DATA "\"}",
										 ",\"agent\":\"" DATA "\""};
	static const char *const payments[] = {
		"{\"amount\":1000,\"merchantTransactionId\":\"" DATA "\",\"description\":\"" DATA "\"%s}",
		"{\"amount\":\"" DATA "\",\"merchantTransactionId\":\"t\",\"statementDescriptorSuffix\":\"" DATA "\"%s}",
		"{\"amount\":1000,\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":\"" DATA
		"\",\"amount\":1}]%s}"};
	char payment[512], *text = co_arena_alloc(&run->bench.arena, 2048);

	(void)snprintf(payment, sizeof(payment), payments[pick(run, 6) ? 0 : pick(run, 3)],
				   run->metadata ? run->metadata : "");
	(void)snprintf(text, 2048,
				   "{\"referenceId\":\"s-%u\",\"ttlSeconds\":%u,\"capture\":%s,\"config\":{\"modes\":[\"%s\"]},"
				   "\"payment\":%s,\"customer\":{\"hsid\":\"" DATA "\",\"email\":\"" DATA "@example.org\",\"metadata\":"
				   "{\"" DATA "\":\"" DATA "\"}}%s%s,\"unknown" DATA "\":\"" DATA "\"}",
				   pick(run, SESSIONS), 60 + pick(run, 300), pick(run, 2) ? "true" : "false",
				   pick(run, 4) ? "PAYMENT_WITH_WALLET" : "PAYMENT", payment, consents[pick(run, 8) ? 1 : pick(run, 3)],
				   agents[pick(run, 8) ? 1 : pick(run, 3)]);
	return text;
}

static const char *pick_data(struct run *run, const char *type)
{
	static const char *const authorizes[] = {
		"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\",\"number\":\"" DATA
		"\"},\"pinToken\":\"" DATA "\",\"amount\":1000,\"merchantTransactionId\":\"" DATA "\",\"description\":\"" DATA
		"\",\"paymentAllocations\":[{\"paymentMethodId\":"
		"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000,\"token\":\"" DATA "\"}]}",
		"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":\"" DATA "\",\"pinToken\":[\"" DATA "\"],\"amount\":\"" DATA
		"\"}"};
	static const char *const updates[] = {
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\",\"cvv\":\"" DATA "\"}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"DECLINED\",\"failure\":{\"code\":\"" DATA "\"}}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"AUTHORISED\",\"pan\":[\"" DATA "\"]}"};

	if (strcmp(type, "create") == 0 || strcmp(type, "validate") == 0)
		return pick_request(run);
	if (strcmp(type, "authorize") == 0)
		return authorizes[pick(run, 4) ? 0 : 1];
	if (strcmp(type, "payment_update") == 0)
		return updates[pick(run, 3)];
	return "{\"secret\":\"" DATA "\",\"card\":{\"pin\":\"" DATA "\"}}";
}

/* Credentials of every kind and spelling; some are good, some are refused, some come with what is no command. */
static const char *pick_command(struct run *run)
{
	static const char *const types[] = {"create",  "create",         "create",   "authorize", "authorize",
										"capture", "payment_update", "complete", "get",       "validate",
										"cancel",  "fail",           "expire",   "nonsense"};
	static const char *const credentials[] = {"authorization: Bearer " CRED "\n",
											  "Authorization: " CRED "\nX-Api-Key: " CRED "\n", "x-api-key: " CRED "\n",
											  "x-api-key: refused\nauthorization: Basic " CRED "\n"};
	static const char *const addresses[] = {"", "kafka_replyTopic: shop.replies\nkafka_correlationId: k\n",
											"REPLY_TOPIC: gone.replies\n", "reply_to: nowhere\ncorrelation_id: k\n"};
	const char *type = types[pick(run, 14)];
	struct bench *bench = &run->bench;
	char reference[24], subject[80] = "", *text = co_arena_alloc(&bench->arena, 8192);
	bool has_subject = strcmp(type, "create") != 0 && strcmp(type, "validate") != 0;

	if (has_subject) {
		char id[CO_UUID_TEXT + 1];
		(void)snprintf(reference, sizeof(reference), "s-%u", pick(run, SESSIONS));
		struct co_uuid session = bench_session(reference);
		co_uuid_format(&session, id);
		(void)snprintf(subject, sizeof(subject), "ce_subject: %s\n", id);
	}
	int length = snprintf(text, 8192, BENCH_HEADERS("i-%u", "%s") "%s%s%s\n%s%s", pick(run, 100000), type, subject,
						  credentials[pick(run, 8) ? pick(run, 3) : 3], addresses[pick(run, 4)],
						  pick(run, 50) ? "" : "[", pick_data(run, type));
	assert_in_range(length, 0, 8191);
	return text;
}

/* ---- the view ---- */

static void load_view(struct run *run)
{
	for (size_t i = 0; i < run->view_count; i++)
		co_shard_load(&run->bench.shard, &run->bench.desk, &run->view[i]);
}

static void put(struct run *run, const struct co_store_entry *entry)
{
	size_t i = 0;

	while (i < run->view_count && !co_uuid_eq(&run->view[i].id, &entry->id))
		i++;
	if (!entry->stored.ptr) {
		if (i < run->view_count)
			run->view[i] = run->view[--run->view_count];
		return;
	}
	assert_true(i < SESSIONS);
	run->view[i] = *entry;
	run->view_count += i == run->view_count;
}

static void keep_view(struct run *run)
{
	struct co_arena *arena = &run->view_arena[run->view_turn ^= 1];

	for (size_t i = 0; i < run->bench.apply.count; i++)
		put(run, &run->bench.apply.entries[i]);
	co_arena_reset(arena);
	for (size_t i = 0; i < run->view_count; i++)
		run->view[i].stored = co_view_dup(arena, run->view[i].stored);
}

static void one_round(struct run *run)
{
	const char *sent[COMMANDS_PER_ROUND];

	bench_round(&run->bench);
	load_view(run);
	for (unsigned i = 0; i < COMMANDS_PER_ROUND && run->done < run->commands; i++, run->done++) {
		run->now_ms += pick(run, 60) ? pick(run, 3000) : BENCH_RETENTION_MS / 3;
		sent[i] = i && !pick(run, 5) ? sent[pick(run, i)] : pick_command(run); /* a repeat, now and then */
		bench_give(&run->bench, sent[i], run->now_ms);
	}
	bench_finish(&run->bench);
	search_round(run);
	keep_view(run);
	co_arena_reset(&run->bench.arena);
}

static unsigned long asked(const char *variable, unsigned long otherwise)
{
	const char *text = getenv(variable);

	return text && strtoul(text, NULL, 10) ? strtoul(text, NULL, 10) : otherwise;
}

static struct run *make_run(unsigned long commands, const char *metadata)
{
	struct run *run = test_calloc(1, sizeof(*run));

	bench_begin(&run->bench, 1, NULL);
	for (size_t i = 0; i < 2; i++)
		co_arena_init(&run->view_arena[i], 1 << 16, 1 << 20);
	run->commands = commands;
	run->seed = run->random = asked("CO_PROPERTY_SEED", SEED_DEFAULT);
	run->now_ms = BENCH_T0;
	run->metadata = metadata;
	while (run->done < run->commands)
		one_round(run);
	return run;
}

static void end_run(struct run *run)
{
	bench_end(&run->bench);
	for (size_t i = 0; i < 2; i++)
		co_arena_clear(&run->view_arena[i]);
	test_free(run);
}

static void outputs__random_commands_with_planted_words__none_comes_out(void **state)
{
	struct run *run = make_run(asked("CO_PROPERTY_COMMANDS", COMMANDS_DEFAULT), NULL);

	(void)state;
	printf("secrets: seed %llu: %lu commands, %lu messages (%lu replies, %lu errors, %lu events, %lu state, %lu dlq), "
		   "%lu stored sessions searched; %lu accepted, %lu refused, %lu replayed\n",
		   (unsigned long long)run->seed, run->done, run->messages, run->by_topic[CO_TOPIC_REPLIES],
		   run->by_topic[CO_TOPIC_ERRORS], run->by_topic[CO_TOPIC_EVENTS], run->by_topic[CO_TOPIC_STATE],
		   run->by_topic[CO_TOPIC_DLQ], run->stored, run->accepted, run->refused, run->replayed);
	assert_int_equal(run->found, 0);
	if (run->commands >= 10000) {
		assert_true(run->accepted > 100 && run->refused > 100 && run->replayed > 100 && run->stored > 100);
		assert_true(run->by_topic[CO_TOPIC_EVENTS] > 100 && run->by_topic[CO_TOPIC_ERRORS] > 100);
		assert_true(run->by_topic[CO_TOPIC_STATE] > 100 && run->by_topic[CO_TOPIC_DLQ] > 100);
	}
	end_run(run);
}

/* The payment's metadata are the session's own and come out: there the search has to find the word. */
static void outputs__word_planted_in_metadata__found(void **state)
{
	struct run *run = make_run(2000, ",\"metadata\":{\"note\":\"" DATA "\"}");

	(void)state;
	assert_true(run->found > 100);
	end_run(run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outputs__random_commands_with_planted_words__none_comes_out),
		cmocka_unit_test(outputs__word_planted_in_metadata__found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
