#include "demo_story.h"

#include "exchange.h"
#include "request.h"
#include "show.h"

#include "checkout/arena.h"
#include "checkout/instant.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_WAIT_MS 5000
#define EXPIRY_WAIT_MS 20000
#define QUIET_MS 500
#define TTL_SECONDS 1

enum step_kind { SEND, AWAIT_EXPIRY };

/* What happens, and what has to come of it; NULL: nothing of that kind. */
struct step {
	enum step_kind kind;
	enum ctl_command command;
	const char *title, *reference;
	int64_t amount, ttl_seconds;
	const char *status, *code, *state; /* of the reply: headers, and status/payment.status/version of its session */
	const char *event, *error;
};

static const struct step steps[] = {
	{SEND, CTL_CREATE, "A shop opens a session over 25.00 USD.", "order-1", 2500, 1800, "201", NULL,
	 "open/requires_payment_method/1", "created", NULL},
	{SEND, CTL_CREATE, "Another create, but its payment is broken: amount 0.", "order-2", 0, 1800, "400", "9300004",
	 NULL, NULL, "9300004"},
	{SEND, CTL_GET, "How does order-1 stand?", "order-1", 0, 0, "200", NULL, "open/requires_payment_method/1", NULL,
	 NULL},
	{SEND, CTL_CANCEL, "The customer changes their mind.", "order-1", 0, 0, "200", NULL, "cancelled/cancelled/2",
	 "cancelled", NULL},
	{SEND, CTL_GET, "And now?", "order-1", 0, 0, "410", "9300106", "cancelled/cancelled/2", NULL, "9300106"},
	{SEND, CTL_CREATE, "A session that may live for one second.", "order-3", 990, TTL_SECONDS, "201", NULL,
	 "open/requires_payment_method/1", "created", NULL},
	{AWAIT_EXPIRY, CTL_EXPIRE, "Nobody comes. Its deadline passes, and the service says so by itself.", "order-3", 0, 0,
	 NULL, NULL, "expired/expired/2", "expired", NULL},
	{SEND, CTL_CANCEL, "A cancel that comes too late.", "order-3", 0, 0, "401", "9300105", "expired/expired/2", NULL,
	 "9300105"},
};
#define STEP_COUNT (sizeof(steps) / sizeof(steps[0]))

struct story {
	const struct ctl_world *world;
	struct ctl_exchange *exchange;
	struct ctl_reader *outputs; /* events and errors */
	struct co_arena arena;
	bool (*alive)(void *opaque);
	void *opaque;
	bool broken; /* this step came out otherwise */
	bool silent; /* it had no reply: nothing that follows would make sense */
};

__attribute__((format(printf, 2, 3))) static void differ(struct story *story, const char *format, ...)
{
	va_list arguments;

	story->broken = true;
	if (ctl_stopped) /* nothing came since nobody waited */
		return;
	fprintf(story->world->out, "   %sNOT AS EXPECTED%s ", ctl_paint(story->world, CTL_BAD),
			ctl_paint(story->world, CTL_PLAIN));
	va_start(arguments, format);
	vfprintf(story->world->out, format, arguments);
	va_end(arguments);
	fputc('\n', story->world->out);
}

static void check_header(struct story *story, const rd_kafka_message_t *message, const char *name, const char *wanted)
{
	struct co_view found = ctl_header(message, name);

	if (wanted ? co_view_eq(found, co_view_cstr(wanted)) : found.ptr == NULL)
		return;
	differ(story, "%s is %.*s, %s was expected", name, found.ptr ? (int)found.len : 4, found.ptr ? found.ptr : "none",
		   wanted ? wanted : "none");
}

static void check_state(struct story *story, const rd_kafka_message_t *message, const char *wanted)
{
	char found[128] = "", version[32], scratch[32];
	json_t *body = ctl_show_value(message), *session = json_object_get(body, "session");

	if (json_is_object(session))
		snprintf(found, sizeof(found), "%s/%s/%s", ctl_show_member(session, "status", scratch, "?"),
				 ctl_show_member(session, "payment.status", scratch, "?"),
				 ctl_show_member(session, "version", version, "?"));
	if (strcmp(found, wanted ? wanted : "") != 0)
		differ(story, "the session is %s, %s was expected", found[0] ? found : "null", wanted ? wanted : "null");
	json_decref(body);
}

static void show_output(struct story *story, const rd_kafka_message_t *message)
{
	FILE *out = story->world->out;
	char scratch[32];
	json_t *body = ctl_show_value(message);
	struct co_view type = ctl_header(message, "ce_type");
	size_t cut = strlen(CTL_TYPE_PREFIX);

	if (co_view_eq(type, CO_VIEW(CTL_TYPE_PREFIX "error"))) {
		fprintf(out, "   error   %s %s\n", ctl_show_member(body, "error.code", scratch, "?"),
				ctl_show_member(body, "error.name", scratch, "?"));
	} else {
		fprintf(out, "   event   %s%.*s%s", ctl_paint(story->world, CTL_BOLD),
				type.len > cut ? (int)(type.len - cut) : 0, type.len > cut ? type.ptr + cut : "",
				ctl_paint(story->world, CTL_PLAIN));
		if (ctl_show_member(body, "scheduledAt", scratch, NULL)) {
			int64_t due_ms = 0;

			if (co_instant_parse(co_view_cstr(ctl_show_member(body, "scheduledAt", scratch, "")), false, &due_ms))
				fprintf(out, ", due %.12s, said %" PRId64 " ms after it",
						ctl_show_member(body, "scheduledAt", scratch, "") + 11,
						rd_kafka_message_timestamp(message, NULL) - due_ms);
		}
		fputc('\n', out);
	}
	json_decref(body);
}

static bool goes_on(const struct story *story, int64_t deadline_ms)
{
	return ctl_monotonic_ms() < deadline_ms && !ctl_stopped && story->alive(story->opaque);
}

/* Reads outputs until the step's event and error were seen. Whatever else comes is not as expected. */
static void await_outputs(struct story *story, const struct step *step, const char *id, int wait_ms)
{
	int64_t deadline_ms = ctl_monotonic_ms() + wait_ms;
	bool event_due = step->event != NULL, error_due = step->error != NULL;
	char wanted[64];

	snprintf(wanted, sizeof(wanted), CTL_TYPE_PREFIX "%s", step->event ? step->event : "");
	while ((event_due || error_due) && goes_on(story, deadline_ms)) {
		rd_kafka_message_t *message = ctl_reader_next(story->outputs, CTL_POLL_MS);

		if (!message)
			continue;
		show_output(story, message);
		check_header(story, message, "ce_causationid", id);
		if (event_due && co_view_eq(ctl_header(message, "ce_type"), co_view_cstr(wanted))) {
			event_due = false;
			check_state(story, message, step->state);
		} else if (error_due && co_view_eq(ctl_header(message, "ce_type"), CO_VIEW(CTL_TYPE_PREFIX "error"))) {
			char scratch[32];
			json_t *body = ctl_show_value(message);
			const char *code = ctl_show_member(body, "error.code", scratch, "none");

			error_due = false;
			if (strcmp(code, step->error) != 0)
				differ(story, "error %s, %s was expected", code, step->error);
			json_decref(body);
		} else {
			differ(story, "nothing of that kind was expected");
		}
		rd_kafka_message_destroy(message);
	}
	if (event_due)
		differ(story, "event %s did not come", step->event);
	if (error_due)
		differ(story, "error event %s did not come", step->error);
}

static void send_step(struct story *story, const struct step *step, const char *id)
{
	struct ctl_request request = {.command = step->command,
								  .id = id,
								  .correlation = id,
								  .reference = step->reference,
								  .has_amount = step->command == CTL_CREATE,
								  .amount = step->amount,
								  .has_ttl = step->ttl_seconds > 0,
								  .ttl_seconds = step->ttl_seconds,
								  .partition = RD_KAFKA_PARTITION_UA,
								  .timestamp_ms = -1};
	struct co_message message;
	struct co_error error = {0};
	rd_kafka_message_t *reply = NULL;
	struct co_view data;
	enum co_status status;

	data = ctl_request_data(&request, &story->arena);
	ctl_request_build(&request, CO_VIEW("checkout.session.commands"), &story->arena, &message);
	fprintf(story->world->out, "   command %s%s%s  %s%.*s%s\n", ctl_paint(story->world, CTL_BOLD),
			ctl_command_name(step->command), ctl_paint(story->world, CTL_PLAIN), ctl_paint(story->world, CTL_FAINT),
			(int)data.len, data.ptr, ctl_paint(story->world, CTL_PLAIN));
	fflush(story->world->out);
	status = ctl_exchange_send(story->exchange, &message, id, story->alive, story->opaque, &reply, &error);
	if (status != CO_OK) {
		story->silent = true;
		differ(story, "no reply: %s",
			   error.text[0]          ? error.text
			   : status == CO_STOPPED ? "the worker ended"
									  : "it did not come in time");
		return;
	}
	fputs("   reply   ", story->world->out);
	ctl_show_verdict(story->world, reply, story->world->out);
	fputc('\n', story->world->out);
	check_header(story, reply, "checkout-status", step->status);
	check_header(story, reply, "checkout-error-code", step->code);
	check_state(story, reply, step->state);
	rd_kafka_message_destroy(reply);
}

static enum co_status open_outputs(const struct ctl_world *world, const struct ctl_connection *connection,
								   struct ctl_reader *outputs, struct co_error *error)
{
	char topic[CTL_TOPIC_MAX];
	int timeout_ms = (int)connection->timeout_seconds * 1000;

	if (!ctl_reader_open(world, connection, outputs))
		return CO_CONFIG;
	snprintf(topic, sizeof(topic), "%sevents", connection->prefix);
	CO_TRY(ctl_reader_add(outputs, topic, -1, CTL_FROM_END, timeout_ms, error));
	snprintf(topic, sizeof(topic), "%serrors", connection->prefix);
	return ctl_reader_add(outputs, topic, -1, CTL_FROM_END, timeout_ms, error);
}

/* After the last step: nothing may come that was not told above. */
static bool is_quiet(struct story *story)
{
	int64_t deadline_ms = ctl_monotonic_ms() + QUIET_MS;

	story->broken = false;
	while (goes_on(story, deadline_ms)) {
		rd_kafka_message_t *message = ctl_reader_next(story->outputs, CTL_POLL_MS);

		if (!message)
			continue;
		fputc('\n', story->world->out);
		show_output(story, message);
		differ(story, "one output too many");
		rd_kafka_message_destroy(message);
	}
	return !story->broken;
}

static int play(struct story *story)
{
	int differences = 0;

	for (size_t i = 0; i < STEP_COUNT; i++) {
		char id[32];

		if (ctl_stopped || !story->alive(story->opaque))
			return -1;
		snprintf(id, sizeof(id), "demo-%zu", i + 1);
		story->broken = false;
		fprintf(story->world->out, "\n%zu  %s\n", i + 1, steps[i].title);
		if (steps[i].kind == SEND)
			send_step(story, &steps[i], id);
		if (!story->broken)
			await_outputs(story, &steps[i], steps[i].kind == SEND ? id : NULL,
						  steps[i].kind == SEND ? OUTPUT_WAIT_MS : EXPIRY_WAIT_MS);
		fflush(story->world->out);
		co_arena_reset(&story->arena);
		differences += story->broken;
		if (story->silent)
			return differences;
	}
	return differences + !is_quiet(story);
}

int ctl_story_play(const struct ctl_world *world, const struct ctl_connection *connection, bool (*alive)(void *opaque),
				   void *opaque)
{
	struct ctl_exchange exchange;
	struct ctl_reader outputs = {0};
	struct co_error error = {0};
	struct story story = {.world = world, .exchange = &exchange, .outputs = &outputs, .alive = alive, .opaque = opaque};
	int differences = -1;

	if (ctl_exchange_open(world, connection, &exchange, &error) != CO_OK) {
		ctl_complain(world, "demo: %s", error.text);
		return -1;
	}
	co_arena_init(&story.arena, 65536, 65536);
	if (open_outputs(world, connection, &outputs, &error) == CO_OK)
		differences = play(&story);
	else
		ctl_complain(world, "demo: %s", error.text);
	co_arena_clear(&story.arena);
	ctl_reader_close(&outputs);
	ctl_exchange_close(&exchange);
	return differences;
}
