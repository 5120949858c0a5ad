#include "show.h"

#include "checkout/instant.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *ctl_paint(const struct ctl_world *world, enum ctl_paint paint)
{
	static const char *const sequences[CTL_COLOURS] = {"\033[0m", "\033[32m", "\033[31m", "\033[2m", "\033[1m"};

	return world->colour ? sequences[paint] : "";
}

json_t *ctl_show_value(const rd_kafka_message_t *message)
{
	return message->payload ? json_loadb(message->payload, message->len, 0, NULL) : NULL;
}

const char *ctl_show_member(const json_t *tree, const char *path, char scratch[32], const char *fallback)
{
	while (tree && *path) {
		char name[64];
		size_t length = strcspn(path, ".");

		snprintf(name, sizeof(name), "%.*s", (int)length, path);
		tree = json_object_get(tree, name);
		path += length + (path[length] == '.');
	}
	if (json_is_string(tree))
		return json_string_value(tree);
	if (!json_is_integer(tree))
		return fallback;
	snprintf(scratch, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(tree));
	return scratch;
}

void ctl_show_text(struct co_view text, FILE *out)
{
	bool utf8 = co_view_is_utf8(text);

	for (size_t i = 0; i < text.len; i++) {
		unsigned char byte = (unsigned char)text.ptr[i];
		bool c1 = utf8 && byte == 0xC2 && i + 1 < text.len && (unsigned char)text.ptr[i + 1] < 0xA0;

		if (byte < 0x20 || byte == 0x7F || c1 || (!utf8 && byte >= 0x80)) {
			fprintf(out, "\\x%02x", c1 ? (unsigned)(unsigned char)text.ptr[++i] : (unsigned)byte);
			continue;
		}
		fputc(byte, out);
	}
}

static void print_text(const char *text, FILE *out)
{
	ctl_show_text(co_view_cstr(text), out);
}

static const char *short_type(const char *type)
{
	const char *dot = strrchr(type, '.');

	return dot ? dot + 1 : type;
}

bool ctl_show_is_accepted(const rd_kafka_message_t *reply)
{
	struct co_view status = ctl_header(reply, "checkout-status");

	return status.len == 3 && status.ptr[0] == '2';
}

static void show_state(const json_t *session, FILE *out)
{
	char version[32], scratch[32];

	if (!json_is_object(session))
		return;
	fprintf(out, "  %s/%s v%s", ctl_show_member(session, "status", scratch, "?"),
			ctl_show_member(session, "payment.status", scratch, "?"),
			ctl_show_member(session, "version", version, "?"));
}

static void show_error(const json_t *error, FILE *out)
{
	char scratch[32];

	fprintf(out, "  %s ", ctl_show_member(error, "code", scratch, "?"));
	print_text(ctl_show_member(error, "name", scratch, "?"), out);
	fputs(": ", out);
	print_text(ctl_show_member(error, "detail", scratch, ctl_show_member(error, "message", scratch, "")), out);
}

void ctl_show_verdict(const struct ctl_world *world, const rd_kafka_message_t *reply, FILE *out)
{
	char scratch[32];
	json_t *body = ctl_show_value(reply);
	bool accepted = ctl_show_is_accepted(reply);
	struct co_view status = ctl_header(reply, "checkout-status");

	fputs(ctl_paint(world, accepted ? CTL_GOOD : CTL_BAD), out);
	ctl_show_text(status, out);
	fprintf(out, " %s%s  ", accepted ? "accepted" : "rejected", ctl_paint(world, CTL_PLAIN));
	print_text(short_type(ctl_show_member(body, "command.type", scratch, "?")), out);
	if (!accepted)
		show_error(json_object_get(body, "error"), out);
	show_state(json_object_get(body, "session"), out);
	if (ctl_header(reply, "checkout-replayed").ptr)
		fputs("  (a repeat: the first verdict again)", out);
	json_decref(body);
}

void ctl_show_reply(const struct ctl_world *world, const rd_kafka_message_t *reply, FILE *out)
{
	static const char *const headers[] = {
		"ce_subject",  "ce_time",   "checkout-error-code", "checkout-replayed", "checkout-reply-rejected",
		"traceparent", "tracestate"};
	json_t *body = ctl_show_value(reply);
	char *text = body ? json_dumps(body, JSON_INDENT(2)) : NULL;

	ctl_show_verdict(world, reply, out);
	fprintf(out, "\n%s%s/%" PRId32 " offset %" PRId64 "%s\n", ctl_paint(world, CTL_FAINT),
			rd_kafka_topic_name(reply->rkt), reply->partition, reply->offset, ctl_paint(world, CTL_PLAIN));
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct co_view value = ctl_header(reply, headers[i]);

		if (!value.ptr)
			continue;
		fprintf(out, "%s: ", headers[i]);
		ctl_show_text(value, out);
		fputc('\n', out);
	}
	if (text) {
		for (const char *line = text; line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
			ctl_show_text(co_view_make(line, strcspn(line, "\n")), out);
			fputc('\n', out);
		}
	} else if (reply->payload) {
		ctl_show_text(co_view_make(reply->payload, reply->len), out);
		fputc('\n', out);
	}
	free(text);
	json_decref(body);
}

/* The last part of an event's type, in a column. */
static void show_name(const struct ctl_world *world, struct co_view type, FILE *out)
{
	for (size_t i = 0; i < type.len; i++)
		if (type.ptr[i] == '.') {
			type = co_view_make(type.ptr + i + 1, type.len - i - 1);
			i = (size_t)-1;
		}
	fputs(ctl_paint(world, CTL_BOLD), out);
	ctl_show_text(type, out);
	fprintf(out, "%*s%s", type.len < 12 ? (int)(12 - type.len) : 0, "", ctl_paint(world, CTL_PLAIN));
}

/* What stands behind the position in a line, by topic. */
static void show_what(const struct ctl_world *world, const char *topic, const rd_kafka_message_t *message, FILE *out)
{
	char scratch[32];
	json_t *body = ctl_show_value(message);

	if (strcmp(topic, "replies") == 0 && ctl_header(message, "checkout-status").ptr) {
		ctl_show_verdict(world, message, out);
	} else if (strcmp(topic, "errors") == 0 && body) {
		print_text(short_type(ctl_show_member(body, "command.type", scratch, "?")), out);
		show_error(json_object_get(body, "error"), out);
	} else if (strcmp(topic, "dlq") == 0) {
		ctl_show_text(ctl_header(message, "checkout-dlq-reason"), out);
		fputs("  from ", out);
		ctl_show_text(ctl_header(message, "checkout-dlq-topic"), out);
		fputc('/', out);
		ctl_show_text(ctl_header(message, "checkout-dlq-partition"), out);
		fputc('/', out);
		ctl_show_text(ctl_header(message, "checkout-dlq-offset"), out);
		fprintf(out, "  %zu bytes", message->len);
	} else if (strcmp(topic, "state") == 0 && !message->payload) {
		fputs("forgotten", out);
	} else if (strcmp(topic, "events") == 0 || (body && json_object_get(body, "session"))) {
		struct co_view type = ctl_header(message, "ce_type");

		if (type.ptr)
			show_name(world, type, out);
		show_state(json_object_get(body, "session"), out);
	} else {
		fprintf(out, "%zu bytes", message->len);
	}
	json_decref(body);
}

void ctl_show_line(const struct ctl_world *world, const char *topic, const rd_kafka_message_t *message, FILE *out)
{
	char time[CO_INSTANT_TEXT + 1], place[48];

	co_instant_format(rd_kafka_message_timestamp(message, NULL), time);
	snprintf(place, sizeof(place), "%s/%" PRId32 "/%" PRId64, topic, message->partition, message->offset);
	fprintf(out, "%s%.12s%s  %-16s ", ctl_paint(world, CTL_FAINT), time + 11, ctl_paint(world, CTL_PLAIN), place);
	if (message->key)
		ctl_show_text(co_view_make(message->key, message->key_len), out);
	else
		fputc('-', out);
	fputs("  ", out);
	show_what(world, topic, message, out);
	fputc('\n', out);
}

static json_t *bytes_of(struct co_view bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	json_t *text, *wrapped;
	char *out;
	size_t used = 0;

	if (!bytes.ptr)
		return json_null();
	text = json_stringn(bytes.ptr, bytes.len);
	if (text) /* it is UTF-8 */
		return text;
	out = malloc(bytes.len / 3 * 4 + 5);
	if (!out)
		abort();
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		const unsigned char *at = (const unsigned char *)bytes.ptr + i;
		unsigned word = (unsigned)at[0] << 16 | (left > 1 ? (unsigned)at[1] << 8 : 0) | (left > 2 ? at[2] : 0);

		out[used++] = digits[word >> 18 & 63];
		out[used++] = digits[word >> 12 & 63];
		out[used++] = left > 1 ? digits[word >> 6 & 63] : '=';
		out[used++] = left > 2 ? digits[word & 63] : '=';
	}
	wrapped = json_pack("{s:s%}", "base64", out, used);
	free(out);
	return wrapped;
}

void ctl_show_json(const rd_kafka_message_t *message, FILE *out)
{
	json_t *record = json_object(), *map = json_object();
	json_t *value = ctl_show_value(message);
	rd_kafka_headers_t *headers = NULL;
	const char *name;
	const void *bytes;
	size_t length;

	json_object_set_new(record, "topic", json_string(rd_kafka_topic_name(message->rkt)));
	json_object_set_new(record, "partition", json_integer(message->partition));
	json_object_set_new(record, "offset", json_integer(message->offset));
	json_object_set_new(record, "timestamp", json_integer(rd_kafka_message_timestamp(message, NULL)));
	json_object_set_new(record, "key", bytes_of(co_view_make(message->key, message->key_len)));
	if (rd_kafka_message_headers(message, &headers) == RD_KAFKA_RESP_ERR_NO_ERROR)
		for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &bytes, &length) == RD_KAFKA_RESP_ERR_NO_ERROR;
			 i++)
			json_object_set_new(map, name, bytes_of(co_view_make(bytes, length)));
	json_object_set_new(record, "headers", map);
	json_object_set_new(record, "value", value ? value : bytes_of(co_view_make(message->payload, message->len)));
	json_dumpf(record, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(record);
}
