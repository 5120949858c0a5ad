#include "output_parts.h"

#include <assert.h>
#include <string.h>

/* Whatever is wrong with a request, 31 names of this length, each told nine times with every byte escaped, fit. */
#define BRIEF_NAME_BYTES ((size_t)1024)

/* The name space of every ce_id: UUIDv5 of `urn:checkout:session:outputs` in the URL name space of RFC 4122. */
static const struct co_uuid id_space = {
	{0xa3, 0xff, 0xf7, 0x08, 0xd6, 0x02, 0x5d, 0x53, 0x8f, 0x1d, 0xd2, 0x63, 0xc5, 0x10, 0xcc, 0xc5}};

void co_envelope_add(struct co_envelope *envelope, struct co_view name, struct co_view value)
{
	assert(envelope->count < CO_ENVELOPE_HEADERS_MAX);
	envelope->headers[envelope->count++] = (struct co_header){name, value};
}

struct co_envelope *co_envelope_make(const struct co_names *names, struct co_arena *arena,
									 const struct co_envelope_facts *facts)
{
	struct co_envelope *envelope = co_arena_alloc(arena, sizeof *envelope);
	struct co_uuid id = co_uuid_v5(&id_space, facts->id_name);

	envelope->count = 0;
	co_uuid_format(&id, envelope->id);
	co_instant_format(facts->time_ms, envelope->time);
	co_envelope_add(envelope, CO_VIEW("content-type"), CO_VIEW("application/json"));
	co_envelope_add(envelope, CO_VIEW("ce_specversion"), CO_VIEW("1.0"));
	co_envelope_add(envelope, CO_VIEW("ce_id"), co_view_make(envelope->id, CO_UUID_TEXT));
	co_envelope_add(envelope, CO_VIEW("ce_source"), names->source);
	co_envelope_add(envelope, CO_VIEW("ce_type"), facts->type);
	if (facts->subject) {
		co_uuid_format(facts->subject, envelope->subject);
		co_envelope_add(envelope, CO_VIEW("ce_subject"), co_view_make(envelope->subject, CO_UUID_TEXT));
	}
	co_envelope_add(envelope, CO_VIEW("ce_time"), co_view_make(envelope->time, CO_INSTANT_TEXT));
	if (!facts->command)
		return envelope;
	co_envelope_add(envelope, CO_VIEW("ce_causationid"), facts->command->command.id);
	if (facts->command->traceparent.ptr)
		co_envelope_add(envelope, CO_VIEW("traceparent"), facts->command->traceparent);
	if (facts->command->tracestate.ptr)
		co_envelope_add(envelope, CO_VIEW("tracestate"), facts->command->tracestate);
	return envelope;
}

struct co_view co_envelope_key(const struct co_envelope *envelope, const struct co_envelope_facts *facts,
							   const struct co_record *record)
{
	return facts->subject ? co_view_make(envelope->subject, CO_UUID_TEXT) : record->key;
}

struct co_view co_position_name(const struct co_names *names, struct co_arena *arena, struct co_view kind,
								const struct co_record *record)
{
	struct co_buf name = co_buf_make(arena, kind.len + names->topics[CO_TOPIC_COMMANDS].len + 40);

	co_buf_add(&name, kind);
	co_buf_add_byte(&name, ':');
	co_buf_add(&name, names->topics[CO_TOPIC_COMMANDS]);
	co_buf_add_byte(&name, '/');
	co_buf_add_int(&name, record->partition);
	co_buf_add_byte(&name, '/');
	co_buf_add_int(&name, record->offset);
	return co_buf_view(&name);
}

/* A text of the tables: none of them has anything to escape (a test walks them all). */
static void add_name(struct co_buf *buf, struct co_view name)
{
	co_buf_add_byte(buf, '"');
	co_buf_add(buf, name);
	co_buf_add_byte(buf, '"');
}

void co_part_text(struct co_buf *buf, struct co_view text)
{
	if (text.ptr)
		co_buf_add_json(buf, text);
	else
		co_buf_lit(buf, "null");
}

void co_part_uuid(struct co_buf *buf, const struct co_uuid *uuid)
{
	char text[CO_UUID_TEXT + 1];

	co_uuid_format(uuid, text);
	co_buf_add_byte(buf, '"');
	co_buf_add(buf, co_view_make(text, CO_UUID_TEXT));
	co_buf_add_byte(buf, '"');
}

void co_part_instant(struct co_buf *buf, int64_t instant_ms)
{
	char text[CO_INSTANT_TEXT + 1];

	co_instant_format(instant_ms, text);
	co_buf_add_byte(buf, '"');
	co_buf_add(buf, co_view_make(text, CO_INSTANT_TEXT));
	co_buf_add_byte(buf, '"');
}

void co_part_origin(struct co_buf *buf, const struct co_names *names, const struct co_origin *origin)
{
	if (!origin) {
		co_buf_lit(buf, "null");
		return;
	}
	co_buf_lit(buf, "{\"id\":");
	co_buf_add_json(buf, origin->intake->command.id);
	co_buf_lit(buf, ",\"type\":");
	co_buf_add_json(buf, origin->intake->command.type);
	co_buf_lit(buf, ",\"source\":");
	co_buf_add_json(buf, origin->intake->command.source);
	co_buf_lit(buf, ",\"topic\":");
	co_buf_add_json(buf, names->topics[CO_TOPIC_COMMANDS]);
	co_buf_lit(buf, ",\"partition\":");
	co_buf_add_int(buf, origin->record->partition);
	co_buf_lit(buf, ",\"offset\":");
	co_buf_add_int(buf, origin->record->offset);
	co_buf_add_byte(buf, '}');
}

static void add_bool(struct co_buf *buf, bool value)
{
	co_buf_add(buf, value ? CO_VIEW("true") : CO_VIEW("false"));
}

static void add_modes(struct co_buf *buf, const struct co_session *session)
{
	co_buf_lit(buf, ",\"modes\":[");
	for (size_t i = 0; i < session->mode_count; i++) {
		if (i > 0)
			co_buf_add_byte(buf, ',');
		add_name(buf, co_mode_row((enum co_mode)session->modes[i])->name);
	}
	co_buf_add_byte(buf, ']');
}

static void add_payment(struct co_buf *buf, const struct co_state *state)
{
	co_buf_lit(buf, ",\"payment\":{\"status\":");
	add_name(buf, co_payment_status_name(state->payment));
	co_buf_lit(buf, ",\"intentId\":");
	co_part_text(buf, state->intent_id);
	co_buf_lit(buf, ",\"method\":");
	if (state->method_family.ptr) {
		co_buf_lit(buf, "{\"family\":");
		co_buf_add_json(buf, state->method_family);
		co_buf_lit(buf, ",\"type\":");
		co_part_text(buf, state->method_type);
		co_buf_lit(buf, ",\"brand\":");
		co_part_text(buf, state->method_brand);
		co_buf_add_byte(buf, '}');
	} else {
		co_buf_lit(buf, "null");
	}
	co_buf_lit(buf, ",\"processor\":");
	co_part_text(buf, state->processor);
	co_buf_add_byte(buf, '}');
}

static void add_metadata(struct co_buf *buf, const struct co_session *session)
{
	co_buf_lit(buf, ",\"metadata\":{");
	for (size_t i = 0; i < session->metadata_count; i++) {
		if (i > 0)
			co_buf_add_byte(buf, ',');
		co_buf_add_json(buf, session->metadata[i].key);
		co_buf_add_byte(buf, ':');
		co_buf_add_json(buf, session->metadata[i].value);
	}
	co_buf_add_byte(buf, '}');
}

static void add_snapshot(struct co_buf *buf, const struct co_session *session, uint16_t version)
{
	struct co_state state = co_session_at(session, version);

	co_buf_lit(buf, "{\"id\":");
	co_part_uuid(buf, &session->id);
	co_buf_lit(buf, ",\"merchantId\":");
	co_part_uuid(buf, &session->merchant_id);
	co_buf_lit(buf, ",\"namespace\":");
	co_buf_add_json(buf, session->namespace_name);
	co_buf_lit(buf, ",\"referenceId\":");
	co_part_text(buf, session->reference_id);
	co_buf_lit(buf, ",\"status\":");
	add_name(buf, co_session_status_name(state.status));
	co_buf_lit(buf, ",\"version\":");
	co_buf_add_int(buf, state.version);
	co_buf_lit(buf, ",\"amount\":");
	if (session->amount > 0)
		co_buf_add_int(buf, session->amount);
	else
		co_buf_lit(buf, "null");
	co_buf_lit(buf, ",\"currency\":");
	add_name(buf, co_view_make(session->currency, 3));
	co_buf_lit(buf, ",\"capture\":");
	add_bool(buf, session->capture);
	co_buf_lit(buf, ",\"capturedAmount\":");
	co_buf_add_int(buf, state.captured_amount);
	add_modes(buf, session);
	add_payment(buf, &state);
	add_metadata(buf, session);
	co_buf_lit(buf, ",\"createdAt\":");
	co_part_instant(buf, session->created_ms);
	co_buf_lit(buf, ",\"updatedAt\":");
	co_part_instant(buf, state.updated_ms);
	co_buf_lit(buf, ",\"expiresAt\":");
	co_part_instant(buf, session->expires_ms);
	co_buf_lit(buf, ",\"reason\":");
	co_part_text(buf, state.reason);
	co_buf_add_byte(buf, '}');
}

/* A good first capacity. */
static size_t snapshot_bytes(const struct co_session *session)
{
	/* The fixed text with numbers, and the lengths that the contract bounds at a few dozen bytes each. */
	size_t bytes = 704 + session->namespace_name.len + session->reference_id.len + session->mode_count * 25;

	for (size_t i = 0; i < session->metadata_count; i++)
		bytes += session->metadata[i].key.len + session->metadata[i].value.len + 6;
	return bytes;
}

struct co_view co_output_snapshot(struct co_arena *arena, const struct co_session *session, uint16_t version)
{
	struct co_buf text;

	if (!session || version == 0)
		return co_view_make(NULL, 0);
	text = co_buf_make(arena, snapshot_bytes(session));
	add_snapshot(&text, session, version);
	return co_buf_view(&text);
}

/* For `authorize` the payment is data itself: what the tables say of `payment` stands one level higher (section 4). */
static struct co_view without(struct co_view text, struct co_view parent, const struct co_command *command)
{
	if (command->kind != CO_COMMAND_AUTHORIZE || !co_view_starts(text, parent))
		return text;
	return co_view_make(text.ptr + parent.len, text.len - parent.len);
}

/* A name of the request, or as much of it as all places that may tell it have room for. */
static struct co_view told_name(struct co_view name, bool brief)
{
	if (brief && name.len > BRIEF_NAME_BYTES) {
		name.len = BRIEF_NAME_BYTES;
		while (name.len > 0 && ((unsigned char)name.ptr[name.len] & 0xC0) == 0x80) /* not within a character */
			name.len--;
	}
	return name;
}

/* A place's pointer or path with its index or key filled in, as a JSON string with `tail` behind it. */
static void add_place(struct co_buf *buf, struct co_view pattern, const struct co_violation *violation, bool brief,
					  struct co_view tail)
{
	struct co_view name = told_name(violation->key, brief);
	struct co_buf text;

	if (!memchr(pattern.ptr, '#', pattern.len) && !memchr(pattern.ptr, '*', pattern.len) && tail.len == 0) {
		add_name(buf, pattern);
		return;
	}
	text = co_buf_make(buf->arena, pattern.len + name.len + tail.len + 24);
	for (size_t i = 0; i < pattern.len; i++) {
		if (pattern.ptr[i] == '#') {
			co_buf_add_int(&text, violation->index);
		} else if (pattern.ptr[i] == '*') {
			for (size_t k = 0; k < name.len; k++) {
				char byte = name.ptr[k];

				if (byte == '~')
					co_buf_lit(&text, "~0");
				else if (byte == '/')
					co_buf_lit(&text, "~1");
				else
					co_buf_add_byte(&text, byte);
			}
		} else {
			co_buf_add_byte(&text, pattern.ptr[i]);
		}
	}
	co_buf_add(&text, tail);
	co_buf_add_json(buf, co_buf_view(&text));
}

static void add_detail(struct co_buf *buf, const struct co_violation *violation, bool brief,
					   const struct co_command *command)
{
	if (violation->rule == CO_RULE_REQUEST_INVALID)
		add_place(buf, without(co_place_row(violation->place)->path, CO_VIEW("payment."), command), violation, brief,
				  CO_VIEW(" is invalid"));
	else
		add_name(buf, co_rule_row(violation->rule)->detail);
}

/* "/payment" goes only as a whole step of the pointer: "/paymentMethod" is no child of it. */
static struct co_view pointer_of(const struct co_violation *violation, const struct co_command *command)
{
	struct co_view pointer = co_place_row(violation->place)->pointer;

	if (co_view_eq(pointer, CO_VIEW("/payment")) || co_view_starts(pointer, CO_VIEW("/payment/")))
		return without(pointer, CO_VIEW("/payment"), command);
	return pointer;
}

void co_part_violations(struct co_buf *buf, const struct co_verdict *verdict, const struct co_command *command)
{
	co_buf_add_byte(buf, '[');
	for (size_t i = 0; i < verdict->violation_count; i++) {
		const struct co_violation *violation = &verdict->violations[i];

		if (i > 0)
			co_buf_add_byte(buf, ',');
		co_buf_lit(buf, "{\"rule\":");
		add_name(buf, co_rule_row(violation->rule)->name);
		co_buf_lit(buf, ",\"detail\":");
		add_detail(buf, violation, verdict->brief, command);
		co_buf_lit(buf, ",\"pointer\":");
		add_place(buf, pointer_of(violation, command), violation, verdict->brief, CO_VIEW(""));
		co_buf_add_byte(buf, '}');
	}
	co_buf_add_byte(buf, ']');
}

/* Up to and with `"detail":`, which the callers fill in. */
static void begin_error(struct co_buf *buf, const struct co_presentation *presentation)
{
	const struct co_code_row *row = co_code_row(presentation->code);

	co_buf_lit(buf, "{\"code\":");
	add_name(buf, row->number);
	co_buf_lit(buf, ",\"name\":");
	add_name(buf, row->name);
	co_buf_lit(buf, ",\"message\":");
	add_name(buf, row->message);
	co_buf_lit(buf, ",\"title\":");
	add_name(buf, presentation->title);
	co_buf_lit(buf, ",\"status\":");
	co_buf_add_int(buf, presentation->status);
	co_buf_lit(buf, ",\"detail\":");
}

static void end_error(struct co_buf *buf, const struct co_presentation *presentation)
{
	co_buf_lit(buf, ",\"retryable\":");
	add_bool(buf, co_code_row(presentation->code)->retryable);
	co_buf_add_byte(buf, '}');
}

void co_part_refusal(struct co_buf *buf, const struct co_presentation *presentation, const struct co_verdict *verdict,
					 const struct co_command *command)
{
	begin_error(buf, presentation);
	if (presentation->detail.ptr) {
		add_name(buf, presentation->detail);
	} else {
		assert(verdict->violation_count > 0);
		add_detail(buf, &verdict->violations[0], verdict->brief, command);
	}
	co_buf_lit(buf, ",\"errorDetails\":");
	if (verdict->violation_count > 1)
		co_part_violations(buf, verdict, command);
	else
		co_buf_lit(buf, "null");
	end_error(buf, presentation);
}

void co_part_told(struct co_buf *buf, const struct co_presentation *presentation)
{
	begin_error(buf, presentation);
	add_name(buf, presentation->detail);
	co_buf_lit(buf, ",\"errorDetails\":null");
	end_error(buf, presentation);
}
