#include "describe_story.h"

#include <assert.h>
#include <string.h>

#define EPOCH_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00.000Z */
#define STEP_MS 1000
#define TTL_MS INT64_C(1800000)
#define RETENTION_MS INT64_C(86400000)
#define HEADERS_MAX 8
#define STEPS_MAX 3
#define MERCHANT "123e4567-e89b-12d3-a456-426614174000"

#define REQUEST                                                                                                     \
	"{\"referenceId\":\"order-1\",\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"" \
	"merchantTransactionId\":\"txn-1\"}}"
#define REQUEST_CAPTURE_LATER                                                                                       \
	"{\"referenceId\":\"order-1\",\"capture\":false,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{" \
	"\"amount\":1000,\"merchantTransactionId\":\"txn-1\"}}"
#define AUTHORIZATION                                                                         \
	"{\"paymentIntentId\":\"pi-1\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":1000,"  \
	"\"merchantTransactionId\":\"txn-1\",\"paymentAllocations\":[{\"paymentMethodId\":\"b6df" \
	"8625-cd25-4123-b345-638aa7b5d011\",\"amount\":1000}]}"

enum situation { NOTHING, OPEN, COMPLETED, AUTHORISED, PROCESSING, SUCCEEDED, FAILED, CANCELLED, EXPIRED };
enum judging { JUDGED, CREDENTIALS, UNWRITABLE };

struct step {
	enum co_command_kind kind;
	const char *data; /* NULL: none */
};

/* How a session gets there. EXPIRED: its time runs out before the last command. */
static const struct way {
	struct step steps[STEPS_MAX];
	size_t count;
} ways[] = {
	[NOTHING] = {.count = 0},
	[OPEN] = {{{CO_COMMAND_CREATE, REQUEST}}, 1},
	[COMPLETED] = {{{CO_COMMAND_CREATE, REQUEST}, {CO_COMMAND_COMPLETE, NULL}}, 2},
	[AUTHORISED] = {{{CO_COMMAND_CREATE, REQUEST_CAPTURE_LATER}, {CO_COMMAND_AUTHORIZE, AUTHORIZATION}}, 2},
	[PROCESSING] = {{{CO_COMMAND_CREATE, REQUEST}, {CO_COMMAND_AUTHORIZE, AUTHORIZATION}}, 2},
	[SUCCEEDED] = {{{CO_COMMAND_CREATE, REQUEST},
					{CO_COMMAND_AUTHORIZE, AUTHORIZATION},
					{CO_COMMAND_PAYMENT_UPDATE, "{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}"}},
				   3},
	[FAILED] = {{{CO_COMMAND_CREATE, REQUEST}, {CO_COMMAND_FAIL, NULL}}, 2},
	[CANCELLED] = {{{CO_COMMAND_CREATE, REQUEST}, {CO_COMMAND_CANCEL, "{\"reason\":\"changed my mind\"}"}}, 2},
	[EXPIRED] = {{{CO_COMMAND_CREATE, REQUEST}}, 1},
};

struct ending {
	enum situation before;
	enum judging how;
	struct step step;
	const char *header, *value; /* NULL: as usual */
};

static struct ending ending_of(enum co_code code)
{
	switch (code) {
#define CO_ERROR_EXAMPLE(ident, before, how, command, header, value, data) \
	case CO_CODE_##ident:                                                  \
		return (struct ending){before, how, {CO_COMMAND_##command, data}, header, value};
#include "checkout/tbl/error_help.def"
	case CO_CODE_COUNT:
		break;
	}
	assert(code < CO_CODE_COUNT);
	return (struct ending){.before = NOTHING};
}

struct story {
	struct co_arena *arena;
	struct co_names names;
	struct co_merchant merchant;
	const enum co_code *auth_refusal; /* NULL: the credentials are good */
	bool unwritable;
	struct co_uuid session_id;
	bool exists;
	struct co_session session;
	int64_t offset, now_ms;
};

/* --- the command ------------------------------------------------------------------------------------------------- */

static void add_header(struct co_header *headers, size_t *count, const char *name, struct co_view value)
{
	assert(*count < HEADERS_MAX);
	headers[(*count)++] = (struct co_header){co_view_cstr(name), value};
}

static struct co_view command_id(const struct story *story)
{
	struct co_buf id = co_buf_make(story->arena, 16);
	co_buf_lit(&id, "c-");
	co_buf_add_int(&id, story->offset + 1);
	return co_buf_view(&id);
}

static struct co_view command_type(const struct story *story, enum co_command_kind kind)
{
	struct co_buf type = co_buf_make(story->arena, 64);
	co_buf_lit(&type, "checkout.session.");
	co_buf_add(&type, co_command_row(kind)->name);
	return co_buf_view(&type);
}

static struct co_record record_of(const struct story *story, const struct step *step, const char *header,
								  const char *value)
{
	struct co_header *headers = CO_NEW_ARRAY(story->arena, struct co_header, HEADERS_MAX);
	struct co_view session_id = co_uuid_view(story->arena, &story->session_id);
	size_t count = 0;

	add_header(headers, &count, "ce_specversion", CO_VIEW("1.0"));
	add_header(headers, &count, "ce_id", command_id(story));
	add_header(headers, &count, "ce_source", CO_VIEW("/shop"));
	add_header(headers, &count, "ce_type", command_type(story, step->kind));
	if (!header || strcmp(header, "ce_merchantid") != 0)
		add_header(headers, &count, "ce_merchantid", CO_VIEW(MERCHANT));
	if (co_command_row(step->kind)->needs_subject)
		add_header(headers, &count, "ce_subject", session_id);
	if (header)
		add_header(headers, &count, header, co_view_cstr(value));
	return (struct co_record){.offset = story->offset,
							  .timestamp_ms = story->now_ms,
							  .key = session_id,
							  .value = co_view_cstr(step->data),
							  .header_count = count,
							  .headers = headers};
}

/* --- the judgement: what app/shard.c does with a record, without a log around it ---------------------------------- */

/* Lets deadlines pass, decides, and applies the decision to the story's session. False: refused before the session came
 * into it. */
static bool decide(struct story *story, const struct co_command *command, struct co_decision *out)
{
	struct co_verdict verdict;
	bool known = co_uuid_eq(&command->merchant_id, &story->merchant.id);

	memset(&verdict, 0, sizeof(verdict));
	if (!co_admit(command, story->now_ms, known ? &story->merchant : NULL, story->auth_refusal, &verdict)) {
		memset(out, 0, sizeof(*out));
		out->verdict = verdict;
		out->tells_error = true;
		out->told = verdict.code;
		return false;
	}
	if (story->exists)
		(void)co_elapse(&story->session, story->now_ms, RETENTION_MS);
	if (story->unwritable) {
		co_decide_internal_error((uint16_t)story->session.change_count, out);
		return true;
	}
	co_decide(story->exists ? &story->session : NULL, command, story->now_ms, &story->merchant, story->arena, out);
	if (out->creates || (story->exists && (out->changes || out->remembers))) {
		co_evolve(&story->session, command, out, story->arena);
		story->exists = true;
	}
	return true;
}

static void tell(struct story *story, const struct step *step, const char *header, const char *value,
				 struct co_example *out)
{
	struct co_record *record = CO_NEW(story->arena, struct co_record);
	struct co_intake *intake = CO_NEW(story->arena, struct co_intake);
	struct co_decision *decision = CO_NEW(story->arena, struct co_decision);
	const struct co_reply_target target = {.topic = story->names.topics[CO_TOPIC_REPLIES]};

	*record = record_of(story, step, header, value);
	co_intake_read(record, story->arena, intake);
	assert(intake->kind == CO_INTAKE_COMMAND);
	bool knows_session = decide(story, &intake->command, decision);
	const struct co_origin origin = {.record = record,
									 .intake = intake,
									 .session_id = knows_session ? &story->session_id : NULL,
									 .now_ms = story->now_ms};
	out->command = *record;
	out->is_reply = decision->verdict.problem != CO_PROBLEM_NONE || !decision->tells_error;
	if (out->is_reply)
		co_output_reply(&story->names, story->arena, &origin, decision,
						co_output_snapshot(story->arena, &story->session, decision->verdict.version), &target,
						&out->outcome);
	else
		co_output_error(&story->names, story->arena, &origin, decision, &out->outcome);
	story->offset++;
	story->now_ms += STEP_MS;
}

/* --- the story --------------------------------------------------------------------------------------------------- */

static struct co_view topic_of(struct co_arena *arena, enum co_topic topic)
{
	struct co_buf name = co_buf_make(arena, 64);
	co_buf_lit(&name, "checkout.session.");
	co_buf_add(&name, co_topic_name(topic));
	return co_buf_view(&name);
}

static void begin(struct story *story, struct co_arena *arena)
{
	static const struct co_view namespaces[] = {{"default", 7}}, currencies[] = {{"USD", 3}, {"EUR", 3}},
								processors[] = {{"mock", 4}}, pin_methods[] = {{"card/gift", 9}};
	struct co_uuid merchant_id;

	memset(story, 0, sizeof(*story));
	story->arena = arena;
	story->now_ms = EPOCH_MS;
	story->names.source = CO_VIEW("/checkout/session-worker");
	for (size_t i = 0; i < CO_TOPIC_COUNT; i++)
		story->names.topics[i] = topic_of(arena, (enum co_topic)i);
	(void)co_uuid_parse(CO_VIEW(MERCHANT), &merchant_id);
	story->merchant = co_merchant_default(&merchant_id);
	story->merchant.namespaces = (struct co_name_list){true, 1, namespaces};
	story->merchant.currencies = (struct co_name_list){true, 2, currencies};
	story->merchant.processors = (struct co_name_list){true, 1, processors};
	story->merchant.pin_methods = (struct co_name_list){true, 1, pin_methods};
	story->session_id = co_uuid_v5(&merchant_id, CO_VIEW("ref:default:order-1"));
}

void co_example_tell(enum co_code code, struct co_arena *arena, struct co_example *out)
{
	struct ending ending = ending_of(code);
	const struct way *way = &ways[ending.before];
	struct story *story = CO_NEW(arena, struct story);

	begin(story, arena);
	for (size_t i = 0; i < way->count; i++)
		tell(story, &way->steps[i], NULL, NULL, out);
	if (ending.before == EXPIRED)
		story->now_ms = EPOCH_MS + TTL_MS;
	if (ending.how == CREDENTIALS)
		story->auth_refusal = &code;
	story->unwritable = ending.how == UNWRITABLE;
	tell(story, &ending.step, ending.header, ending.value, out);
}
