#include "exchange.h"

#include "request.h"
#include "show.h"

#include "checkout/arena.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define DATA_BYTES_MAX ((size_t)8 * 1024 * 1024) /* more than the service takes, so that its refusal can be seen */

struct send {
	struct ctl_request request;
	struct ctl_connection connection;
	const char *pin_token_file, *api_key_file, *token_file, *data_file, *timestamp;
	int64_t partition;
	bool structured, no_wait, json;
};

#define REQ(member) (offsetof(struct send, request) + offsetof(struct ctl_request, member))
#define AT(member) offsetof(struct send, member)
#define ON(command) (1U << CTL_##command)
#define ALL ((1U << CTL_COMMAND_COUNT) - 1)
#define REQUESTS (ON(CREATE) | ON(VALIDATE))

static const struct ctl_option options[] = {
	{"merchant", CTL_UUID, REQ(merchant), "UUID", 0, 0, "the merchant [" CTL_MERCHANT_DEFAULT "]"},
	{"session", CTL_UUID, REQ(session), "UUID", 0, 0, "the session; or name it by --reference"},
	{"namespace", CTL_TEXT, REQ(namespace_name), "TEXT", 0, 0, "the merchant's namespace [default]"},
	{"reference", CTL_TEXT, REQ(reference), "TEXT", 0, 0, "create: referenceId; else the session made with it"},
	{"amount", CTL_INT, REQ(amount), "N", INT64_MIN, INT64_MAX, "create, authorize [1000]; capture [all]"},
	{"currency", CTL_TEXT, REQ(currency), "CODE", 0, 0, "create"},
	{"ttl", CTL_INT, REQ(ttl_seconds), "SECONDS", INT64_MIN, INT64_MAX, "create: ttlSeconds"},
	{"mode", CTL_LIST, REQ(modes), "MODE", 0, 0,
	 "create [PAYMENT_WITH_WALLET], again for more; what a mode needs is filled in with samples"},
	{"capture", CTL_CHOICE, REQ(capture), "true|false", 0, 0, "create: take the money at once"},
	{"intent", CTL_TEXT, REQ(intent), "ID", 0, 0, "authorize, payment_update: paymentIntentId [pi-SESSION]"},
	{"family", CTL_TEXT, REQ(family), "TEXT", 0, 0, "authorize: paymentMethod.family [card]"},
	{"type", CTL_TEXT, REQ(type), "TEXT", 0, 0, "authorize: paymentMethod.type"},
	{"brand", CTL_TEXT, REQ(brand), "TEXT", 0, 0, "authorize: paymentMethod.brand"},
	{"processor", CTL_TEXT, REQ(processor), "TEXT", 0, 0, "authorize"},
	{"pin-token-file", CTL_TEXT, AT(pin_token_file), "FILE", 0, 0, "authorize: pinToken, from a file"},
	{"transaction-status", CTL_TEXT, REQ(transaction_status), "STATUS", 0, 0,
	 "payment_update: PENDING PROCESSING AUTHORIZED CAPTURED SUCCEEDED FAILED DECLINED"},
	{"code", CTL_TEXT, REQ(code), "93xxxxx", 0, 0, "fail, payment_update: the failure's code"},
	{"reason", CTL_TEXT, REQ(reason), "TEXT", 0, 0, "fail, cancel, expire, payment_update"},
	{"expirytime", CTL_TEXT, REQ(expirytime), "RFC3339", 0, 0, "not to be executed after"},
	{"id", CTL_TEXT, REQ(id), "TEXT", 0, 0, "the command's id [a random UUID]; the same again is a repeat"},
	{"source", CTL_TEXT, REQ(source), "TEXT", 0, 0, "[" CTL_SOURCE_DEFAULT "]"},
	{"api-key-file", CTL_TEXT, AT(api_key_file), "FILE", 0, 0, "x-api-key, from a file [CHECKOUTCTL_API_KEY]"},
	{"token-file", CTL_TEXT, AT(token_file), "FILE", 0, 0, "the bearer token, from a file [CHECKOUTCTL_TOKEN]"},
	{"data", CTL_TEXT, AT(data_file), "FILE|-", 0, 0, "the data as it is, in place of all of the above about data"},
	{"structured", CTL_FLAG, AT(structured), NULL, 0, 0, "the event as one JSON value, not in headers"},
	{"key", CTL_TEXT, REQ(key), "TEXT", 0, 0, "the record's key [the session id]"},
	{"partition", CTL_INT, AT(partition), "N", 0, INT32_MAX, "[murmur2 of the key]"},
	{"timestamp", CTL_TEXT, AT(timestamp), "MS|RFC3339", 0, 0,
	 "the record's time [now]; counts with timestamps=stream"},
	{"no-wait", CTL_FLAG, AT(no_wait), NULL, 0, 0, "do not wait for the reply"},
	{"json", CTL_FLAG, AT(json), NULL, 0, 0, "the reply's body as it is"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* The commands that an option means something to; all for what is not listed. */
static const struct {
	const char *name;
	unsigned commands;
} applicable[] = {
	{"amount", REQUESTS | ON(AUTHORIZE) | ON(CAPTURE)},
	{"currency", REQUESTS},
	{"ttl", REQUESTS},
	{"mode", REQUESTS},
	{"capture", REQUESTS},
	{"intent", ON(AUTHORIZE) | ON(PAYMENT_UPDATE)},
	{"family", ON(AUTHORIZE)},
	{"type", ON(AUTHORIZE)},
	{"brand", ON(AUTHORIZE)},
	{"processor", ON(AUTHORIZE)},
	{"pin-token-file", ON(AUTHORIZE)},
	{"transaction-status", ON(PAYMENT_UPDATE)},
	{"code", ON(FAIL) | ON(PAYMENT_UPDATE)},
	{"reason", ON(FAIL) | ON(CANCEL) | ON(EXPIRE) | ON(PAYMENT_UPDATE)},
};

static bool was_given(const struct ctl_table *table, const char *name)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (strcmp(options[i].name, name) == 0)
			return (table->seen >> i & 1) != 0;
	return false;
}

static bool options_fit(const struct ctl_world *world, const struct ctl_table *table, const struct send *send)
{
	const char *command = ctl_command_name(send->request.command);

	for (size_t i = 0; i < sizeof(applicable) / sizeof(applicable[0]); i++) {
		if (!was_given(table, applicable[i].name))
			continue;
		if (!(applicable[i].commands & 1U << send->request.command)) {
			ctl_complain(world, "send: --%s means nothing to %s", applicable[i].name, command);
			return false;
		}
		if (send->data_file) {
			ctl_complain(world, "send: --%s and --data: the data is one or the other", applicable[i].name);
			return false;
		}
	}
	if (send->data_file && send->request.reference && REQUESTS & 1U << send->request.command) {
		ctl_complain(world, "send: --reference and --data: the data is one or the other");
		return false;
	}
	if (send->request.command == CTL_PAYMENT_UPDATE && !send->data_file && !send->request.transaction_status) {
		ctl_complain(world, "send: payment_update needs --transaction-status");
		return false;
	}
	if (send->request.session && send->request.reference && !(REQUESTS & 1U << send->request.command)) {
		ctl_complain(world, "send: --session and --reference name the same thing; give one");
		return false;
	}
	if (!send->request.session && !send->request.reference && !(REQUESTS & 1U << send->request.command)) {
		ctl_complain(world, "send: %s needs --session UUID (or --reference, of a session made with one)", command);
		return false;
	}
	return true;
}

static const char *random_id(struct co_arena *arena)
{
	struct co_uuid uuid;

	if (getrandom(uuid.bytes, sizeof(uuid.bytes), 0) != (ssize_t)sizeof(uuid.bytes))
		abort();
	uuid.bytes[6] = (uint8_t)((uuid.bytes[6] & 0x0F) | 0x40);
	uuid.bytes[8] = (uint8_t)((uuid.bytes[8] & 0x3F) | 0x80);
	return co_uuid_view(arena, &uuid).ptr;
}

static bool complete(const struct ctl_world *world, const struct ctl_table *table, struct send *send,
					 struct co_arena *arena)
{
	struct ctl_request *request = &send->request;
	struct co_error error = {0};

	request->structured = send->structured;
	request->has_amount = was_given(table, "amount");
	request->has_ttl = was_given(table, "ttl");
	request->partition = was_given(table, "partition") ? (int32_t)send->partition : RD_KAFKA_PARTITION_UA;
	request->timestamp_ms = -1;
	if (!options_fit(world, table, send) ||
		(send->timestamp && !ctl_read_time(world, "send", "timestamp", send->timestamp, &request->timestamp_ms)))
		return false;
	if (send->data_file && !ctl_read_file(send->data_file, DATA_BYTES_MAX, false, arena, &request->data, &error)) {
		ctl_complain(world, "send: %s", error.text);
		return false;
	}
	if (!ctl_read_secret(world, "send", send->pin_token_file, NULL, arena, &request->pin_token) ||
		!ctl_read_secret(world, "send", send->api_key_file, "CHECKOUTCTL_API_KEY", arena, &request->api_key) ||
		!ctl_read_secret(world, "send", send->token_file, "CHECKOUTCTL_TOKEN", arena, &request->token))
		return false;
	if (!request->id)
		request->id = random_id(arena);
	request->correlation = random_id(arena);
	return true;
}

static int exit_of(const struct ctl_world *world, enum co_status status, const struct send *send,
				   const struct co_error *error)
{
	if (status == CO_NOTHING)
		ctl_complain(world,
					 "no reply to command %s within %" PRId64
					 " s: is a session-worker running? What is no command goes to "
					 "the dlq: checkoutctl dlq list",
					 send->request.id, send->connection.timeout_seconds);
	else if (status == CO_CONFIG)
		return CTL_USAGE;
	else
		ctl_complain(world, "%s", error->text[0] ? error->text : co_status_text(status));
	return CTL_TROUBLE;
}

static int send_and_wait(const struct ctl_world *world, const struct send *send, const struct co_message *message)
{
	struct ctl_exchange exchange;
	struct co_error error = {0};
	rd_kafka_message_t *reply = NULL;
	int code = CTL_TROUBLE;
	enum co_status status = ctl_exchange_open(world, &send->connection, &exchange, &error);

	if (status != CO_OK)
		return exit_of(world, status, send, &error);
	status = ctl_exchange_send(&exchange, message, send->request.correlation, NULL, NULL, &reply, &error);
	if (status == CO_OK) {
		code = ctl_show_is_accepted(reply) ? CTL_OK : CTL_REJECTED;
		if (send->json)
			fprintf(world->out, "%.*s\n", (int)reply->len, reply->payload ? (const char *)reply->payload : "");
		else
			ctl_show_reply(world, reply, world->out);
		rd_kafka_message_destroy(reply);
	} else {
		code = exit_of(world, status, send, &error);
	}
	ctl_exchange_close(&exchange);
	return code;
}

static int send_alone(const struct ctl_world *world, const struct send *send, const struct co_message *message)
{
	struct co_error error = {0};
	int32_t partition = -1;
	int64_t offset = -1;
	enum co_status status = ctl_publish(world, &send->connection, message, &partition, &offset, &error);

	if (status != CO_OK)
		return exit_of(world, status, send, &error);
	if (send->json)
		fprintf(world->out, "{\"id\":\"%s\",\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}\n", send->request.id,
				partition, offset);
	else
		fprintf(world->out, "sent  %s  id %s  %.*s/%" PRId32 " offset %" PRId64 "\n",
				ctl_command_name(send->request.command), send->request.id, (int)message->topic.len, message->topic.ptr,
				partition, offset);
	return CTL_OK;
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct send send = {0};
	struct ctl_list positional = {0};
	struct co_arena arena;
	struct co_buf topic;
	struct co_message message;
	int code = CTL_USAGE;
	struct ctl_table tables[] = {{options, OPTION_COUNT, &send, 0},
								 {ctl_connection_options, CTL_CONNECTION_OPTIONS, &send.connection, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_send, tables, 2);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "send", argc, argv, tables, 2, &positional))
		return CTL_USAGE;
	if (positional.count != 1 || !ctl_command_find(positional.items[0], &send.request.command)) {
		ctl_complain(world,
					 "send: one command of create get authorize capture payment_update complete fail cancel expire "
					 "validate is wanted%s%s",
					 positional.count > 0 ? ", not " : "",
					 positional.count > 0 ? positional.items[positional.count - 1] : "");
		return CTL_USAGE;
	}
	co_arena_init(&arena, 65536, 0);
	if (complete(world, &tables[0], &send, &arena) && ctl_connection_complete(world, "send", &send.connection)) {
		topic = co_buf_make(&arena, 256);
		co_buf_add(&topic, co_view_cstr(send.connection.prefix));
		co_buf_lit(&topic, "commands");
		ctl_request_build(&send.request, co_buf_view(&topic), &arena, &message);
		ctl_stop_on_signals();
		code = send.no_wait ? send_alone(world, &send, &message) : send_and_wait(world, &send, &message);
	}
	co_arena_clear(&arena);
	return code;
}

const struct ctl_verb ctl_verb_send = {
	"send", "COMMAND [options]",
	"Sends a command and shows the reply: create get authorize capture payment_update "
	"complete fail cancel expire validate.",
	run};
