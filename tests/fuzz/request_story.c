#include "request_story.h"

#include <stdio.h>
#include <string.h>

#define COMMANDS_MAX 5
#define STORED_BYTES_MAX 16384
#define ARENA_KEEP_BYTES ((size_t)16 << 20) /* most inputs need less: no fresh memory for each */

#define AUTHORIZE                                                                                               \
	"{\"amount\":1000,\"merchantTransactionId\":\"t\",\"paymentAllocations\":[{\"paymentMethodId\":"            \
	"\"b6df8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}],\"paymentIntentId\":\"pi\",\"paymentMethod\":{" \
	"\"family\":\"card\",\"type\":\"gift\",\"brand\":\"b\"},\"processor\":\"mock\",\"pinToken\":\"p\"}"
#define UNPAID \
	"{\"referenceId\":\"" STORY_REFERENCE "\",\"config\":{\"modes\":[\"WALLET\"]},\"customer\":{\"hsid\":\"h\"}}"
#define MANUAL                                                                                                     \
	"{\"referenceId\":\"" STORY_REFERENCE "\",\"capture\":false,\"currency\":\"EUR\",\"config\":{\"modes\":["      \
	"\"PAYMENT_WITH_WALLET\",\"PAYMENT_AND_SAVE\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"," \
	"\"metadata\":{\"k\":\"v\",\"~/\":\"\\\"\"}}}"

struct story_command {
	const char *type, *data; /* data NULL: none; of a create: the bench's own */
};

static const struct story_command stories[STORY_STATES][COMMANDS_MAX] = {
	[STORY_OPEN] = {{"create", NULL}},
	[STORY_OPEN_MANUAL] = {{"create", MANUAL}},
	[STORY_OPEN_UNPAID] = {{"create", UNPAID}},
	[STORY_AUTHORISED] = {{"create", MANUAL}, {"authorize", AUTHORIZE}},
	[STORY_PROCESSING] = {{"create", NULL}, {"authorize", AUTHORIZE}},
	[STORY_CAPTURED] = {{"create", MANUAL}, {"authorize", AUTHORIZE}, {"capture", "{\"amount\":400}"}},
	[STORY_COMPLETED] = {{"create", NULL}, {"complete", NULL}},
	[STORY_SUCCEEDED] = {{"create", NULL},
						 {"authorize", AUTHORIZE},
						 {"complete", NULL},
						 {"payment_update", "{\"paymentIntentId\":\"pi\",\"transactionStatus\":\"CAPTURED\"}"}},
	[STORY_FAILED] = {{"create", NULL}, {"fail", "{\"code\":\"9300300\",\"reason\":\"no\"}"}},
	[STORY_CANCELLED] = {{"create", NULL}, {"cancel", "{\"reason\":\"no\"}"}},
	[STORY_EXPIRED] = {{"create", NULL}, {"expire", NULL}},
	[STORY_FULL] = {{"create", NULL}},
};

static const struct co_view namespaces[] = {{"default", 7}, {"n", 1}}, currencies[] = {{"USD", 3}, {"EUR", 3}},
							processors[] = {{"mock", 4}}, pin_methods[] = {{"card/gift", 9}, {"wallet", 6}},
							users[] = {{"jdoe", 4}};

static struct bench bench;

static bool find(const void *edition, const struct co_uuid *id, struct co_merchant *out)
{
	enum story_merchant merchant = *(const enum story_merchant *)edition;

	*out = co_merchant_default(id);
	if (merchant == STORY_NARROW) {
		out->namespaces = (struct co_name_list){true, 2, namespaces};
		out->currencies = (struct co_name_list){true, 2, currencies};
		out->processors = (struct co_name_list){true, 1, processors};
		out->pin_methods = (struct co_name_list){true, 2, pin_methods};
		out->workstation_users = (struct co_name_list){true, 1, users};
		out->ttl_min_s = 120;
		out->ttl_default_s = 600;
		out->ttl_max_s = 3600;
	}
	if (merchant == STORY_UNUSABLE)
		out->processors.given = true;
	return merchant != STORY_UNKNOWN;
}

static bool authenticate(const void *edition, const struct co_uuid *merchant_id,
						 const struct co_credentials *credentials, int64_t now_ms, enum co_code *refusal)
{
	(void)merchant_id;
	(void)credentials;
	(void)now_ms;
	*refusal = CO_CODE_API_KEY_NOT_FOUND;
	return *(const enum story_merchant *)edition != STORY_STRANGER;
}

struct bench *story_begin(enum story_merchant merchant)
{
	static enum story_merchant edition;

	if (!bench.desk.partition_count) {
		bench_begin(&bench, 1, NULL);
		bench.arena.keep_bytes_max = ARENA_KEEP_BYTES;
		bench.registry.find = find;
		bench.registry.authenticate = authenticate;
		bench.judge.edition = &edition;
	}
	edition = merchant;
	co_arena_reset(&bench.arena);
	return &bench;
}

void story_round(const struct co_uuid *id, struct co_view stored, int64_t offset)
{
	const struct co_store_entry entry = {.id = *id, .stored = stored};

	memset(&bench.shard, 0, sizeof(bench.shard));
	bench.shard.poison_offset = -1;
	bench.offset = offset;
	bench_round(&bench);
	if (stored.ptr)
		co_shard_load(&bench.shard, &bench.desk, &entry);
}

static void give(int number, const struct story_command *command)
{
	char id[16];

	(void)snprintf(id, sizeof(id), "s%d", number);
	bench_give(&bench,
			   strcmp(command->type, "create") == 0 && !command->data
				   ? bench_create(&bench, id, STORY_REFERENCE, STORY_TTL_S, "")
				   : bench_command(&bench, id, command->type, STORY_REFERENCE, command->data),
			   BENCH_T0);
}

/* A payment as broken as can be, so that many violations are remembered. */
static void fill_memory(void)
{
	static const struct story_command broken = {"authorize",
												"{\"metadata\":{\"k\":1,\"l\":[],\"m\":{}},\"amount\":{}}"};

	for (int i = 1; i <= CO_MEMORY_MAX; i++)
		give(i, &broken);
}

static struct co_view tell(enum story_state state)
{
	const struct co_uuid id = bench_session(STORY_REFERENCE);
	int count = 0;

	story_round(&id, co_view_make(NULL, 0), 0);
	while (count < COMMANDS_MAX && stories[state][count].type) {
		give(count, &stories[state][count]);
		count++;
	}
	if (state == STORY_FULL)
		fill_memory();
	bench_finish(&bench);
	assert_int_equal(bench.apply.count, 1);
	assert_int_equal(bench.shard.works[0]->session->change_count, count);
	return bench.apply.entries[0].stored;
}

struct co_view story_stored(enum story_state state)
{
	static struct {
		size_t len;
		char bytes[STORED_BYTES_MAX];
	} told[STORY_STATES];

	if (state == STORY_NONE)
		return co_view_make(NULL, 0);
	if (state == STORY_UNREADABLE)
		return CO_VIEW("L?");
	if (!told[state].len) {
		const enum story_merchant edition = STORY_DEFAULT;
		const void *before = bench.judge.edition;

		bench.judge.edition = &edition;
		struct co_view stored = tell(state);
		bench.judge.edition = before;
		assert_in_range(stored.len, 1, STORED_BYTES_MAX);
		memcpy(told[state].bytes, stored.ptr, stored.len);
		told[state].len = stored.len;
	}
	return co_view_make(told[state].bytes, told[state].len);
}
