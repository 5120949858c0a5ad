/* Who sends commands, what they send, and the merchant they do it for. */
#include "procs.h"

#include "checkout/domain/merchant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HUGE_KEY 90
#define LONG_BYTES 6000
#define MERCHANT "0f2c9c4e-6f0b-4a59-9a37-3d2f0b7d1c11"

struct co_sent {
	enum kind { CREATE, GET, AUTHORIZE, CAPTURE, UPDATE, COMPLETE, FAIL, CANCEL, EXPIRE, VALIDATE, KINDS } kind;
	int reference, id, variant;
	bool huge;   /* a validate whose verdict is larger than any output may be */
	bool traced; /* its outputs are too large for a topic with FEW_BYTES */
};

/* ---- the registry port: one merchant whose sessions live for seconds ---- */

static const void *acquire(void *self)
{
	(void)self;
	return "";
}

static void release(void *self, const void *edition)
{
	(void)self, (void)edition;
}

static bool find(const void *edition, const struct co_uuid *id, struct co_merchant *out)
{
	(void)edition;
	*out = co_merchant_default(id);
	out->ttl_min_s = 1;
	out->ttl_default_s = 4;
	out->ttl_max_s = 8;
	return true;
}

static bool authenticate(const void *edition, const struct co_uuid *merchant_id,
						 const struct co_credentials *credentials, int64_t now_ms, enum co_code *refusal)
{
	(void)edition, (void)merchant_id, (void)credentials, (void)now_ms, (void)refusal;
	return true;
}

struct co_registry co_model_registry(void)
{
	return (struct co_registry){.acquire = acquire, .release = release, .find = find, .authenticate = authenticate};
}

/* ---- commands ---- */

static const char *const kind_names[KINDS] = {"create",   "get",  "authorize", "capture", "payment_update",
											  "complete", "fail", "cancel",    "expire",  "validate"};

static void session_text(int reference, char out[CO_UUID_TEXT + 1])
{
	struct co_uuid merchant;
	char name[64];
	if (!co_uuid_parse(CO_VIEW(MERCHANT), &merchant))
		abort();
	(void)snprintf(name, sizeof(name), "ref:default:r-%d", reference);
	struct co_uuid id = co_uuid_v5(&merchant, co_view_cstr(name));
	co_uuid_format(&id, out);
}

/* Each key is named four times by the reply, every character of it escaped. */
static void write_huge(char *out, size_t size)
{
	size_t at =
		(size_t)snprintf(out, size, "{\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\",\"metadata\":{");
	for (int i = 0; i < 32; i++) {
		at += (size_t)snprintf(out + at, size - at, "%s\"%02d", i ? "," : "", i);
		memset(out + at, '~', HUGE_KEY);
		at += HUGE_KEY;
		at += (size_t)snprintf(out + at, size - at, "\":\"v\"");
	}
	(void)snprintf(out + at, size - at, "}}}");
}

static void write_data(const struct co_sent *sent, char *out, size_t size)
{
	if (sent->huge) {
		write_huge(out, size);
		return;
	}
	static const char *const statuses[] = {"PENDING", "SUCCEEDED", "FAILED", "CAPTURED", "AUTHORIZED", "WHAT"};
	int amount = 100 + sent->reference;
	switch (sent->kind) {
	case CREATE:
	case VALIDATE:
		(void)snprintf(out, size,
					   "{\"referenceId\":\"r-%d\",\"ttlSeconds\":%d,\"capture\":%s,\"config\":{\"modes\":"
					   "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":%d,\"merchantTransactionId\":\"m-%d\"}}",
					   sent->reference, 1 + sent->variant % 9, sent->variant & 1 ? "true" : "false",
					   sent->variant % 9 == 0 ? 0 : amount, sent->id);
		return;
	case AUTHORIZE:
		(void)snprintf(out, size,
					   "{\"amount\":%d,\"merchantTransactionId\":\"m\",\"paymentIntentId\":\"i-%d\","
					   "\"paymentMethod\":{\"family\":\"card\"},\"paymentAllocations\":[{\"paymentMethodId\":"
					   "\"" MERCHANT "\",\"amount\":%d}]}",
					   amount, sent->reference, amount);
		return;
	case UPDATE:
		(void)snprintf(out, size, "{\"paymentIntentId\":\"i-%d\",\"transactionStatus\":\"%s\"}", sent->reference,
					   statuses[sent->variant % 6]);
		return;
	case CAPTURE:
	case GET:
	case COMPLETE:
	case FAIL:
	case CANCEL:
	case EXPIRE:
	case KINDS:
		break;
	}
	(void)snprintf(out, size, "{}");
}

struct draft {
	struct co_message message;
	struct co_header headers[10];
	char type[64], id[32], subject[CO_UUID_TEXT + 1], data[4096], correlation[16];
};

static struct co_view long_bytes(void)
{
	static char bytes[LONG_BYTES];
	memset(bytes, 'x', sizeof(bytes));
	return co_view_make(bytes, sizeof(bytes));
}

static void add_header(struct draft *draft, const char *name, const char *value)
{
	draft->headers[draft->message.header_count++] = (struct co_header){co_view_cstr(name), co_view_cstr(value)};
}

static void address(struct co_world *world, struct draft *draft, int id)
{
	int64_t whom = co_between(world, 0, 9);
	if (whom > (world->has[CO_FEATURE_POISON] || world->has[CO_FEATURE_STUCK] ? 5 : 2))
		return;
	(void)snprintf(draft->correlation, sizeof(draft->correlation), "c-%d", id);
	add_header(draft, "correlation_id", draft->correlation);
	if (whom != 2)
		add_header(draft, "reply_to", whom ? CO_OWN_REPLIES : "nobody.replies");
}

static void send_draft(struct co_world *world, struct draft *draft, bool misplaced)
{
	draft->message.headers = draft->headers;
	/* their clocks; nobody heeds them but in `stream` */
	draft->message.timestamp_ms = co_between(world, -2000, co_between(world, 0, 3) ? 2000 : 20000);
	if (world->has[CO_FEATURE_STREAM])
		draft->message.timestamp_ms += world->stream_from_ms + (world->now_ms - CO_EPOCH_MS) * world->stream_speed;
	else
		draft->message.timestamp_ms += world->now_ms;
	struct co_view key = draft->message.key;
	uint32_t home = key.ptr ? co_murmur2(key) : (uint32_t)co_random(world);
	draft->message.partition = (int32_t)((home + (misplaced ? 1 : 0)) % (uint32_t)world->partitions);
	int64_t offset = co_broker_append(world, CO_M_COMMANDS, &draft->message, NULL);
	co_tell(world, "sent %d/%lld at %lld %s %s %s %.160s", draft->message.partition, (long long)offset,
			(long long)draft->message.timestamp_ms, draft->type, draft->id, draft->subject, draft->data);
}

static void send_command(struct co_world *world, const struct co_sent *sent)
{
	struct draft draft = {.message = {.header_count = 0}};
	(void)snprintf(draft.type, sizeof(draft.type), CO_PREFIX "%s", kind_names[sent->kind]);
	(void)snprintf(draft.id, sizeof(draft.id), "%s-%d", sent->huge ? CO_HUGE : "c", sent->id);
	session_text(sent->reference, draft.subject);
	write_data(sent, draft.data, sizeof(draft.data));
	add_header(&draft, "ce_specversion", "1.0");
	add_header(&draft, "ce_id", draft.id);
	add_header(&draft, "ce_source", "/sim");
	add_header(&draft, "ce_type", draft.type);
	add_header(&draft, "ce_merchantid", MERCHANT);
	if (sent->kind != CREATE && sent->kind != VALIDATE)
		add_header(&draft, "ce_subject", draft.subject);
	if (sent->traced)
		draft.headers[draft.message.header_count++] = (struct co_header){CO_VIEW("tracestate"), long_bytes()};
	address(world, &draft, sent->id);
	int64_t place = co_between(world, 0, 9);
	if (place > 0)
		draft.message.key = co_view_cstr(draft.subject);
	draft.message.value = co_view_cstr(draft.data);
	send_draft(world, &draft, place == 1);
}

/* Something that is no command: for the dlq, with or without an answer, or a stranger's tick. */
static void send_noise(struct co_world *world)
{
	struct draft draft = {.message = {.header_count = 0}};
	int64_t what = co_between(world, 0, 2);
	add_header(&draft, "ce_specversion", "1.0");
	if (what == 0) {
		(void)snprintf(draft.type, sizeof(draft.type), CO_PREFIX "tick");
	} else {
		(void)snprintf(draft.type, sizeof(draft.type), CO_PREFIX "%s", what == 1 ? "get" : "dance");
		(void)snprintf(draft.id, sizeof(draft.id), "n-%d", (int)co_between(world, 0, 999));
		(void)snprintf(draft.data, sizeof(draft.data), "{\"a\":");
		add_header(&draft, "ce_id", draft.id);
		add_header(&draft, "ce_source", "/sim");
		draft.message.value = co_view_cstr(draft.data);
		if (world->has[CO_FEATURE_POISON] && co_between(world, 0, 1))
			draft.message.value = long_bytes();
	}
	add_header(&draft, "ce_type", draft.type);
	send_draft(world, &draft, false);
}

void co_send_last_ticks(struct co_world *world)
{
	static const struct co_header headers[] = {{{"ce_specversion", 14}, {"1.0", 3}},
											   {{"ce_type", 7}, {"checkout.session.tick", 21}}};
	for (int32_t p = 0; p < world->partitions; p++) {
		struct co_message message = {
			.partition = p, .timestamp_ms = co_broker_clock(world, p) + 60000, .header_count = 2, .headers = headers};
		(void)co_broker_append(world, CO_M_COMMANDS, &message, NULL);
	}
	co_tell(world, "the last ticks of the stream are sent");
}

static enum kind pick_kind(struct co_world *world)
{
	static const enum kind often[] = {CREATE, CREATE, CREATE,   CREATE,   GET,  AUTHORIZE, AUTHORIZE, CAPTURE,
									  UPDATE, UPDATE, COMPLETE, COMPLETE, FAIL, CANCEL,    EXPIRE,    VALIDATE};
	return often[co_between(world, 0, 15)];
}

void co_send_something(struct co_world *world)
{
	if (!world->sent)
		world->sent = calloc(CO_SENT_MAX, sizeof(*world->sent));
	if (!world->sent)
		abort();
	int64_t what = co_between(world, 0, 19);
	if (what == 0) {
		send_noise(world);
		return;
	}
	if (what <= 4 && world->sent_count) { /* sent again; now and then under the same identity, but another */
		struct co_sent again = world->sent[co_between(world, 0, (int64_t)world->sent_count - 1)];
		again.variant += what == 4 && co_between(world, 0, 1);
		again.traced = again.traced != (world->has[CO_FEATURE_POISON] && co_between(world, 0, 4) == 0);
		send_command(world, &again);
		return;
	}
	struct co_sent sent = {.kind = pick_kind(world),
						   .reference = (int)co_between(world, 0, world->references - 1),
						   .id = (int)world->orders,
						   .variant = (int)co_between(world, 0, 35)};
	int64_t poison = world->has[CO_FEATURE_POISON] ? co_between(world, 0, 11) : -1;
	sent.traced = poison == 0;
	sent.huge = poison == 1 && co_between(world, 0, 1);
	if (sent.huge)
		sent.kind = VALIDATE;
	if (world->sent_count < CO_SENT_MAX)
		world->sent[world->sent_count++] = sent;
	send_command(world, &sent);
}
