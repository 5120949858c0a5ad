/* The order in which a record is judged to be no command; the first that applies is its reason in the dlq. It goes from
 * the outside in, as one would unpack it by hand:
 *   1. too_large, headers_too_large: what is over the limits is not read further than an answer needs.
 *   2. unsupported_mode: batched. Then the mode is known, or only the value can tell it.
 *   3. not_json, not_object: of the value as an event, in structured mode and where the value has to tell the mode.
 *   4. specversion; then attributes: id, source, type; then unknown_type.
 *   5. unsupported_content, data_twice: in structured mode.
 *   6. not_json, not_object: of the data.
 * So a foreign event on the topic is told as such (4), whatever its data are. A record with neither a content type of
 * CloudEvents nor `ce_specversion` nor a member `specversion` is in binary mode with its specversion missing. */
#include "checkout/app/intake.h"

#include <string.h>

#include "checkout/base64.h"
#include "checkout/instant.h"

#include "intake_reply.h"

#define TYPE_PREFIX CO_VIEW("checkout.session.") /* of the wire, whatever topics.prefix says */
#define TICK_TYPE CO_VIEW("checkout.session.tick")
/* Of a value that is too large: more is not parsed for its sender's sake. Kafka's default lets no larger record in,
 * unless it is compressed. */
#define ANSWERED_BYTES_MAX (4 * CO_VALUE_BYTES_MAX)
#define ID_MAX 128
#define SOURCE_MAX 256
#define TYPE_MAX 256
#define NAMESPACE_MAX 64
#define NOTHING_WRONG CO_DLQ_COUNT

/* X(IDENT, name in structured mode): in binary mode the header of the same IDENT. */
#define ATTRIBUTES(X)             \
	X(SPECVERSION, "specversion") \
	X(ID, "id")                   \
	X(SOURCE, "source")           \
	X(TYPE, "type")               \
	X(SUBJECT, "subject")         \
	X(MERCHANTID, "merchantid")   \
	X(NAMESPACE, "namespace")     \
	X(EXPIRYTIME, "expirytime")   \
	X(TRACEPARENT, "traceparent") \
	X(TRACESTATE, "tracestate")

enum attribute_name {
#define X(ident, name) ATTRIBUTE_##ident,
	ATTRIBUTES(X)
#undef X
		ATTRIBUTE_COUNT
};

struct attribute {
	enum co_presence is; /* MALFORMED: not even a text */
	struct co_view text; /* PRESENT */
};

struct envelope {
	struct attribute attributes[ATTRIBUTE_COUNT];
	const struct co_json *event; /* structured mode; NULL in binary mode */
};

struct co_view co_dlq_reason(enum co_dlq reason)
{
	static const struct co_view reasons[CO_DLQ_COUNT] = {
#define CO_DLQ(ident, text) [CO_DLQ_##ident] = {(text), sizeof(text) - 1},
#include "checkout/tbl/dlq.def"
#undef CO_DLQ
	};

	return reasons[reason];
}

/* ---- bytes to JSON ---- */

/* No bytes, and the JSON text `null`, are the empty object. */
static enum co_dlq read_object(struct co_view text, struct co_arena *arena, const struct co_json **out)
{
	const struct co_json *root = NULL;

	if (!text.len) {
		*out = co_json_empty_object();
		return NOTHING_WRONG;
	}
	if (co_json_parse(text, CO_JSON_DEPTH_MAX, arena, &root, NULL) != CO_OK)
		return CO_DLQ_NOT_JSON;
	if (co_json_is(root, CO_JSON_NULL))
		root = co_json_empty_object();
	if (!co_json_is(root, CO_JSON_OBJECT))
		return CO_DLQ_NOT_OBJECT;
	*out = root;
	return NOTHING_WRONG;
}

/* ---- the envelope ---- */

static struct attribute from_header(struct co_view value)
{
	return (struct attribute){.is = value.ptr ? CO_PRESENT : CO_ABSENT, .text = value};
}

static void take_headers(const struct co_intake_headers *headers, struct envelope *out)
{
#define X(ident, name) out->attributes[ATTRIBUTE_##ident] = from_header(headers->values[CO_INTAKE_HEADER_##ident]);
	ATTRIBUTES(X)
#undef X
}

static void take_event(const struct co_json *event, struct envelope *out)
{
	static const struct co_view names[ATTRIBUTE_COUNT] = {
#define X(ident, name) [ATTRIBUTE_##ident] = {(name), sizeof(name) - 1},
		ATTRIBUTES(X)
#undef X
	};

	out->event = event;
	for (size_t i = 0; i < ATTRIBUTE_COUNT; i++) {
		const struct co_json *member = co_json_get(event, names[i]);

		if (!member)
			continue;
		out->attributes[i].is = co_json_is(member, CO_JSON_STRING) ? CO_PRESENT : CO_MALFORMED;
		out->attributes[i].text = member->text;
	}
}

static bool starts_nocase(struct co_view text, struct co_view prefix)
{
	return text.len >= prefix.len && co_view_eq_nocase(co_view_make(text.ptr, prefix.len), prefix);
}

/* Finds the mode and the attributes. What is left absent cannot be read: nobody is answered then. */
static enum co_dlq open_envelope(const struct co_record *record, const struct co_intake_headers *headers,
								 struct co_arena *arena, struct envelope *out)
{
	struct co_view type = headers->values[CO_INTAKE_HEADER_CONTENT_TYPE];
	const struct co_json *value = NULL;

	if (type.ptr)
		type = co_view_trim(type);
	bool structured = starts_nocase(type, CO_VIEW("application/cloudevents+json"));
	if (!structured)
		take_headers(headers, out);
	if (starts_nocase(type, CO_VIEW("application/cloudevents-batch")))
		return CO_DLQ_UNSUPPORTED_MODE;
	if (!structured && headers->values[CO_INTAKE_HEADER_SPECVERSION].ptr)
		return NOTHING_WRONG;
	if (record->value.len > ANSWERED_BYTES_MAX)
		return CO_DLQ_TOO_LARGE;
	enum co_dlq wrong = read_object(record->value, arena, &value);
	if (wrong != NOTHING_WRONG)
		return wrong;
	if (structured || co_json_member(value, CO_VIEW("specversion"))) {
		*out = (struct envelope){.event = NULL};
		take_event(value, out);
	}
	return NOTHING_WRONG;
}

static bool is_plain(const struct attribute *attribute, size_t max)
{
	return attribute->is == CO_PRESENT && co_view_is_plain(attribute->text, 1, max);
}

/* `id`, `source` and `type` are there and well formed. */
static bool take_names(const struct envelope *envelope, struct co_command *out)
{
	const struct attribute *attributes = envelope->attributes;

	if (!is_plain(&attributes[ATTRIBUTE_ID], ID_MAX) || !is_plain(&attributes[ATTRIBUTE_SOURCE], SOURCE_MAX) ||
		!is_plain(&attributes[ATTRIBUTE_TYPE], TYPE_MAX))
		return false;
	out->id = attributes[ATTRIBUTE_ID].text;
	out->source = attributes[ATTRIBUTE_SOURCE].text;
	out->type = attributes[ATTRIBUTE_TYPE].text;
	return true;
}

static enum co_dlq judge_envelope(const struct envelope *envelope, bool named, struct co_command *out)
{
	const struct attribute *specversion = &envelope->attributes[ATTRIBUTE_SPECVERSION];

	if (specversion->is != CO_PRESENT || !co_view_eq(specversion->text, CO_VIEW("1.0")))
		return CO_DLQ_SPECVERSION;
	if (!named)
		return CO_DLQ_ATTRIBUTES;
	struct co_view prefix = TYPE_PREFIX;
	if (!co_view_starts(out->type, prefix) ||
		!co_command_find(co_view_make(out->type.ptr + prefix.len, out->type.len - prefix.len), &out->kind))
		return CO_DLQ_UNKNOWN_TYPE;
	return NOTHING_WRONG;
}

/* ---- the data ---- */

/* Absent, `application/json` or something `+json`; parameters, case and blanks aside. */
static bool is_json_content(const struct co_json *type)
{
	if (!type)
		return true;
	if (!co_json_is(type, CO_JSON_STRING))
		return false;
	struct co_view text = type->text, suffix = CO_VIEW("+json");
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == ';')
			text.len = i;
	}
	text = co_view_trim(text);
	if (co_view_eq_nocase(text, CO_VIEW("application/json")))
		return true;
	return text.len >= suffix.len &&
		   co_view_eq_nocase(co_view_make(text.ptr + (text.len - suffix.len), suffix.len), suffix);
}

static enum co_dlq read_event_data(const struct co_json *event, struct co_arena *arena, const struct co_json **out)
{
	const struct co_json *data = co_json_get(event, CO_VIEW("data"));
	const struct co_json *base64 = co_json_get(event, CO_VIEW("data_base64"));

	if (!is_json_content(co_json_get(event, CO_VIEW("datacontenttype"))))
		return CO_DLQ_UNSUPPORTED_CONTENT;
	if (data && base64)
		return CO_DLQ_DATA_TWICE;
	if (base64) {
		struct co_view text;
		bool stray;

		/* Bits that the padding leaves over are not looked at. */
		if (!co_json_is(base64, CO_JSON_STRING) || !co_base64_read_padded(base64->text, arena, &text, &stray))
			return CO_DLQ_NOT_JSON;
		return read_object(text, arena, out);
	}
	if (data && !co_json_is(data, CO_JSON_OBJECT))
		return CO_DLQ_NOT_OBJECT;
	*out = data ? data : co_json_empty_object();
	return NOTHING_WRONG;
}

/* ---- the command ---- */

/* The rest of the attributes: they are the core's to refuse (contract section 5, step 1). */
static void take_attributes(const struct attribute *attributes, struct co_view merchant_header, struct co_command *out)
{
	struct attribute merchant = attributes[ATTRIBUTE_MERCHANTID];
	const struct attribute *subject = &attributes[ATTRIBUTE_SUBJECT];
	const struct attribute *space = &attributes[ATTRIBUTE_NAMESPACE];
	const struct attribute *expiry = &attributes[ATTRIBUTE_EXPIRYTIME];

	if (merchant.is == CO_ABSENT)
		merchant = from_header(merchant_header);
	out->merchant_is = merchant.is;
	if (merchant.is == CO_PRESENT && !co_uuid_parse(merchant.text, &out->merchant_id))
		out->merchant_is = CO_MALFORMED;
	out->subject_is = subject->is;
	if (subject->is == CO_PRESENT && !co_uuid_parse(subject->text, &out->subject))
		out->subject_is = CO_MALFORMED;
	out->namespace_is = space->is;
	out->namespace_name = CO_VIEW("default");
	if (space->is == CO_PRESENT && is_plain(space, NAMESPACE_MAX))
		out->namespace_name = space->text;
	else if (space->is == CO_PRESENT)
		out->namespace_is = CO_MALFORMED;
	out->expiry_is = expiry->is;
	if (expiry->is == CO_PRESENT && !co_instant_parse(expiry->text, true, &out->expiry_ms))
		out->expiry_is = CO_MALFORMED;
}

/* The length first: a source that ends like an id begins is no other pair of them. */
static void add_counted(struct co_buf *out, struct co_view text)
{
	co_buf_add_int(out, (int64_t)text.len);
	co_buf_add_byte(out, ':');
	co_buf_add(out, text);
}

static struct co_digest digest(const struct co_buf *bytes)
{
	/* Ours alone, so that no digest is ever an id that the contract defines. Stored with remembered commands: never
	 * changed. */
	static const struct co_uuid space = {
		{0x5a, 0x1f, 0x0c, 0x6e, 0x93, 0xd4, 0x4b, 0x27, 0x8e, 0x60, 0x71, 0xb2, 0x3d, 0x09, 0xc8, 0xf5}};
	struct co_uuid uuid = co_uuid_v5(&space, co_buf_view(bytes));
	struct co_digest out;

	memcpy(out.bytes, uuid.bytes, sizeof(out.bytes));
	return out;
}

static void take_digests(struct co_arena *arena, struct co_command *out)
{
	struct co_buf identity = co_buf_make(arena, out->source.len + out->id.len + 16);
	struct co_buf content = co_buf_make(arena, out->type.len + out->data->raw.len + 64);

	add_counted(&identity, out->source);
	co_buf_add(&identity, out->id);
	out->identity = digest(&identity);
	add_counted(&content, out->type);
	co_json_canonical(out->data, arena, &content);
	out->content = digest(&content);
}

static bool is_tick(const struct co_record *record, const struct co_intake_headers *headers)
{
	return !record->value.len && co_view_eq(headers->values[CO_INTAKE_HEADER_TYPE], TICK_TYPE);
}

/* An attribute of the event, or else the header. */
static struct co_view trace(const struct attribute *attribute, struct co_view header)
{
	return attribute->is == CO_PRESENT ? attribute->text : header;
}

/* The whole of a command, or why there is none. The limits come first, but the envelope is opened all the same, for
 * the answer. */
static enum co_dlq read_command(const struct co_record *record, const struct co_intake_headers *headers,
								struct co_arena *arena, struct co_intake *out)
{
	struct envelope envelope = {.event = NULL};
	struct co_command *command = &out->command;
	enum co_dlq closed = open_envelope(record, headers, arena, &envelope);
	const struct attribute *attributes = envelope.attributes;

	out->traceparent = trace(&attributes[ATTRIBUTE_TRACEPARENT], headers->values[CO_INTAKE_HEADER_TRACEPARENT]);
	out->tracestate = trace(&attributes[ATTRIBUTE_TRACESTATE], headers->values[CO_INTAKE_HEADER_TRACESTATE]);
	out->answerable = take_names(&envelope, command);
	if (record->value.len > CO_VALUE_BYTES_MAX)
		return CO_DLQ_TOO_LARGE;
	if (headers->too_large)
		return CO_DLQ_HEADERS_TOO_LARGE;
	if (closed != NOTHING_WRONG)
		return closed;
	enum co_dlq wrong = judge_envelope(&envelope, out->answerable, command);
	if (wrong != NOTHING_WRONG)
		return wrong;
	wrong = envelope.event ? read_event_data(envelope.event, arena, &command->data)
						   : read_object(record->value, arena, &command->data);
	if (wrong != NOTHING_WRONG)
		return wrong;
	take_attributes(attributes, headers->values[CO_INTAKE_HEADER_X_MERCHANT_ID], command);
	take_digests(arena, command);
	if (command->kind == CO_COMMAND_CREATE && command->merchant_is == CO_PRESENT)
		command->created_id = co_command_created_id(command);
	return NOTHING_WRONG;
}

void co_intake_read(const struct co_record *record, struct co_arena *arena, struct co_intake *out)
{
	struct co_intake_headers headers;

	*out = (struct co_intake){.kind = CO_INTAKE_TICK, .reply = {.partition = -1}};
	out->command.data = co_json_empty_object();
	out->command.namespace_name = CO_VIEW("default");
	co_intake_headers_read(record, &headers);
	if (is_tick(record, &headers))
		return;
	out->reply = co_intake_reply_address(&headers);
	out->authorization = headers.values[CO_INTAKE_HEADER_AUTHORIZATION];
	out->api_key = headers.values[CO_INTAKE_HEADER_API_KEY];
	out->reason = read_command(record, &headers, arena, out);
	out->kind = out->reason == NOTHING_WRONG ? CO_INTAKE_COMMAND : CO_INTAKE_NOT_COMMAND;
	if (out->kind == CO_INTAKE_COMMAND)
		out->answerable = false;
}
