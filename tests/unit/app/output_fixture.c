#include "output_fixture.h"

#include <string.h>

struct co_uuid fixture_uuid(const char *text)
{
	struct co_uuid uuid;

	assert_true(co_uuid_parse(co_view_cstr(text), &uuid));
	return uuid;
}

static void make_session(struct co_session *session)
{
	static const uint8_t modes[] = {CO_MODE_PAYMENT_WITH_WALLET, CO_MODE_WALLET, CO_MODE_WALLET};
	static struct co_metadata metadata[2];

	metadata[0] = (struct co_metadata){CO_VIEW("channel"), CO_VIEW("web")};
	metadata[1] = (struct co_metadata){CO_VIEW("a/b~\"c\""), CO_VIEW("\xc3\xbc\\\n")};
	*session = (struct co_session){
		.id = fixture_uuid("c16611af-3058-52c9-a2d2-fd3c2a77d3b8"),
		.merchant_id = fixture_uuid("123e4567-e89b-12d3-a456-426614174000"),
		.namespace_name = CO_VIEW("default"),
		.reference_id = CO_VIEW("order-1"),
		.amount = 1000,
		.currency = "USD",
		.capture = false,
		.mode_count = 3,
		.modes = modes,
		.metadata_count = 2,
		.metadata = metadata,
		.created_ms = EPOCH_MS,
		.expires_ms = EPOCH_MS + 1800000,
		.change_count = 3,
	};
	session->changes[0] = (struct co_change){.event = CO_EVENT_CREATED,
											 .at_ms = EPOCH_MS,
											 .status = CO_SESSION_OPEN,
											 .payment = CO_PAYMENT_REQUIRES_PAYMENT_METHOD};
	session->changes[1] = (struct co_change){.event = CO_EVENT_AUTHORISED,
											 .at_ms = EPOCH_MS + 1000,
											 .status = CO_SESSION_OPEN,
											 .payment = CO_PAYMENT_AUTHORISED,
											 .intent_id = CO_VIEW("pi-1"),
											 .method_family = CO_VIEW("card"),
											 .method_type = CO_VIEW("credit")};
	session->changes[2] = (struct co_change){.event = CO_EVENT_CAPTURED,
											 .at_ms = EPOCH_MS + 2500,
											 .status = CO_SESSION_OPEN,
											 .payment = CO_PAYMENT_PROCESSING,
											 .captured_amount = 600};
}

/* The credentials and the data hold the secret: no output may ever show it. */
static void make_intake(struct fixture *fixture)
{
	const struct co_json *data = NULL;

	assert_int_equal(
		co_json_parse(CO_VIEW("{\"amount\":600,\"pinToken\":\"" SECRET "\",\"customer\":{\"email\":\"" SECRET "\"}}"),
					  CO_JSON_DEPTH_MAX, &fixture->arena, &data, NULL),
		CO_OK);
	fixture->intake = (struct co_intake){
		.kind = CO_INTAKE_COMMAND,
		.command = {.kind = CO_COMMAND_CAPTURE,
					.id = CO_VIEW("c-\"3\"\xe2\x82\xac"),
					.source = CO_VIEW("/shop\\1"),
					.type = CO_VIEW("checkout.session.capture"),
					.merchant_is = CO_PRESENT,
					.subject_is = CO_PRESENT,
					.namespace_is = CO_ABSENT,
					.merchant_id = fixture->session.merchant_id,
					.subject = fixture->session_id,
					.namespace_name = CO_VIEW("default"),
					.data = data},
		.reply = {.dialect = CO_DIALECT_NONE, .partition = -1},
		.authorization = CO_VIEW("Bearer " SECRET),
		.api_key = CO_VIEW(SECRET),
	};
}

void fixture_begin(struct fixture *fixture)
{
	memset(fixture, 0, sizeof *fixture);
	co_arena_init(&fixture->arena, 65536, 1 << 20);
	fixture->names.source = CO_VIEW("/checkout/session-worker");
	fixture->names.topics[CO_TOPIC_COMMANDS] = CO_VIEW("checkout.session.commands");
	fixture->names.topics[CO_TOPIC_REPLIES] = CO_VIEW("checkout.session.replies");
	fixture->names.topics[CO_TOPIC_ERRORS] = CO_VIEW("checkout.session.errors");
	fixture->names.topics[CO_TOPIC_EVENTS] = CO_VIEW("checkout.session.events");
	fixture->names.topics[CO_TOPIC_STATE] = CO_VIEW("checkout.session.state");
	fixture->names.topics[CO_TOPIC_DLQ] = CO_VIEW("checkout.session.dlq");
	make_session(&fixture->session);
	fixture->session_id = fixture->session.id;
	make_intake(fixture);
	fixture->headers[0] = (struct co_header){CO_VIEW("ce_id"), fixture->intake.command.id};
	fixture->headers[1] = (struct co_header){CO_VIEW("Authorization"), fixture->intake.authorization};
	fixture->headers[2] = (struct co_header){CO_VIEW("x-api-key"), {NULL, 0}};
	fixture->headers[3] = (struct co_header){CO_VIEW("X-API-KEY"), fixture->intake.api_key};
	fixture->headers[4] = (struct co_header){CO_VIEW("other"), co_view_make("\0\xff", 2)};
	fixture->headers[5] = (struct co_header){CO_VIEW("other"), CO_VIEW("")};
	fixture->record = (struct co_record){
		.partition = 3,
		.offset = 42,
		.timestamp_ms = EPOCH_MS + 2400,
		.key = CO_VIEW("K\xff"),
		.value = CO_VIEW("{\"amount\":600}"),
		.header_count = 6,
		.headers = fixture->headers,
	};
	fixture->origin = (struct co_origin){
		.record = &fixture->record,
		.intake = &fixture->intake,
		.session_id = &fixture->session_id,
		.now_ms = EPOCH_MS + 2500,
	};
	fixture->decision.verdict.version = 3;
	fixture->target = (struct co_reply_target){.topic = CO_VIEW("shop.replies"), .partition = 7};
}

void fixture_end(struct fixture *fixture)
{
	co_arena_clear(&fixture->arena);
}

int fixture_set_up(void **state)
{
	static struct fixture fixture;

	fixture_begin(&fixture);
	*state = &fixture;
	return 0;
}

int fixture_tear_down(void **state)
{
	fixture_end(*state);
	return 0;
}

void fixture_reply(struct fixture *fixture)
{
	co_output_reply(&fixture->names, &fixture->arena, &fixture->origin, &fixture->decision,
					fixture_shown(fixture, fixture->decision.verdict.version), &fixture->target, &fixture->message);
}

static void add_view(struct co_buf *buf, struct co_view view)
{
	if (!view.ptr) {
		co_buf_lit(buf, "(null)\n");
		return;
	}
	for (size_t i = 0; i < view.len; i++) {
		if (view.ptr[i])
			co_buf_add_byte(buf, view.ptr[i]);
		else
			co_buf_lit(buf, "\\0");
	}
	co_buf_add_byte(buf, '\n');
}

struct co_view fixture_shown(struct fixture *fixture, uint16_t version)
{
	return co_output_snapshot(&fixture->arena, &fixture->session, version);
}

const char *fixture_text(struct fixture *fixture, const struct co_message *message)
{
	struct co_buf text = co_buf_make(&fixture->arena, 4096);

	add_view(&text, message->topic);
	co_buf_add_int(&text, message->partition);
	co_buf_add_byte(&text, ' ');
	co_buf_add_int(&text, message->timestamp_ms);
	co_buf_add_byte(&text, '\n');
	add_view(&text, message->key);
	for (size_t i = 0; i < message->header_count; i++) {
		co_buf_add(&text, message->headers[i].name);
		co_buf_lit(&text, ": ");
		add_view(&text, message->headers[i].value);
	}
	add_view(&text, message->value);
	co_buf_add_byte(&text, '\0');
	return text.ptr;
}

const char *fixture_value(struct fixture *fixture)
{
	return co_view_dup(&fixture->arena, fixture->message.value).ptr;
}

const char *fixture_header(struct fixture *fixture, const struct co_message *message, const char *name)
{
	for (size_t i = message->header_count; i > 0; i--) {
		if (co_view_eq(message->headers[i - 1].name, co_view_cstr(name)))
			return co_view_dup(&fixture->arena, message->headers[i - 1].value).ptr;
	}
	return "(none)";
}

void fixture_refuse(struct fixture *fixture, const struct co_violation *violations, size_t count)
{
	struct co_verdict *verdict = &fixture->decision.verdict;

	verdict->problem = CO_PROBLEM_RULE;
	verdict->rule = violations[0].rule;
	verdict->code = co_rule_row(violations[0].rule)->code;
	verdict->violation_count = (uint16_t)count;
	for (size_t i = 0; i < count; i++)
		verdict->violations[i] = violations[i];
	fixture->decision.tells_error = true;
}

void assert_holds(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("%s\n is not in \n%s", part, text);
}
