#include "client.h"

#include "show.h"

#include <inttypes.h>
#include <string.h>

struct watch {
	struct ctl_connection connection;
	bool topics[5], json;
	const char *from, *session;
	int64_t count;
};

#define AT(member) offsetof(struct watch, member)

static const char *const names[5] = {"replies", "errors", "events", "dlq", "state"};

static const struct ctl_option options[] = {
	{"replies", CTL_FLAG, AT(topics[0]), NULL, 0, 0, "replies; without any of the five: all but state"},
	{"errors", CTL_FLAG, AT(topics[1]), NULL, 0, 0, "error events"},
	{"events", CTL_FLAG, AT(topics[2]), NULL, 0, 0, "lifecycle events"},
	{"dlq", CTL_FLAG, AT(topics[3]), NULL, 0, 0, "what was no command"},
	{"state", CTL_FLAG, AT(topics[4]), NULL, 0, 0, "snapshots"},
	{"from", CTL_CHOICE, AT(from), "beginning|end", 0, 0, "where to start [end]"},
	{"session", CTL_UUID, AT(session), "UUID", 0, 0, "records of this session alone"},
	{"count", CTL_INT, AT(count), "N", 1, INT64_MAX, "stop after so many records"},
	{"json", CTL_FLAG, AT(json), NULL, 0, 0, "one JSON object a line"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static enum co_status add_topics(struct ctl_reader *reader, const struct watch *watch, bool all, struct co_error *error)
{
	enum ctl_from from = watch->from && strcmp(watch->from, "beginning") == 0 ? CTL_FROM_BEGINNING : CTL_FROM_END;

	for (size_t i = 0; i < 5; i++) {
		char topic[CTL_TOPIC_MAX];

		if (!(watch->topics[i] || (all && i < 4)))
			continue;
		snprintf(topic, sizeof(topic), "%s%s", watch->connection.prefix, names[i]);
		CO_TRY(ctl_reader_add(reader, topic, -1, from, (int)watch->connection.timeout_seconds * 1000, error));
	}
	return CO_OK;
}

static bool is_of(const rd_kafka_message_t *message, const char *session)
{
	return !session || co_view_eq_nocase(co_view_make(message->key, message->key_len), co_view_cstr(session));
}

/* Until `count` records were shown, a signal came, or nobody reads any more; with a time-out given, until then. */
static int show_all(const struct ctl_world *world, struct ctl_reader *reader, const struct watch *watch,
					int64_t deadline_ms)
{
	int64_t shown = 0;

	while (!ctl_stopped && (watch->count == 0 || shown < watch->count)) {
		rd_kafka_message_t *message;

		if (deadline_ms && ctl_monotonic_ms() >= deadline_ms)
			return watch->count ? CTL_TROUBLE : CTL_OK;
		message = ctl_reader_next(reader, CTL_POLL_MS);
		if (!message)
			continue;
		if (is_of(message, watch->session)) {
			shown++;
			if (watch->json)
				ctl_show_json(message, world->out);
			else
				ctl_show_line(world, rd_kafka_topic_name(message->rkt) + strlen(watch->connection.prefix), message,
							  world->out);
			if (fflush(world->out) != 0) {
				rd_kafka_message_destroy(message);
				return CTL_TROUBLE;
			}
		}
		rd_kafka_message_destroy(message);
	}
	return CTL_OK;
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct watch watch = {0};
	struct ctl_list positional = {0};
	struct ctl_reader reader;
	struct co_error error = {0};
	int code = CTL_TROUBLE;
	bool limited;
	struct ctl_table tables[] = {{options, OPTION_COUNT, &watch, 0},
								 {ctl_connection_options, CTL_CONNECTION_OPTIONS, &watch.connection, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_watch, tables, 2);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "watch", argc, argv, tables, 2, &positional))
		return CTL_USAGE;
	if (positional.count > 0) {
		ctl_complain(world, "watch: what is %s? See checkoutctl watch --help", positional.items[0]);
		return CTL_USAGE;
	}
	limited = watch.connection.timeout_seconds > 0;
	if (!ctl_connection_complete(world, "watch", &watch.connection) ||
		!ctl_reader_open(world, &watch.connection, &reader))
		return CTL_USAGE;
	ctl_stop_on_signals();
	if (add_topics(&reader, &watch, (tables[0].seen & 0x1F) == 0, &error) == CO_OK) {
		if (!watch.json && world->colour)
			fprintf(world->err, "watching; Ctrl-C ends it\n");
		code = show_all(world, &reader, &watch,
						limited ? ctl_monotonic_ms() + watch.connection.timeout_seconds * 1000 : 0);
	} else {
		ctl_complain(world, "watch: %s", error.text);
	}
	ctl_reader_close(&reader);
	return code;
}

const struct ctl_verb ctl_verb_watch = {
	"watch", "[--replies] [--errors] [--events] [--dlq] [--state] [options]",
	"Shows what the service says, live, one line a record; --timeout ends it after that many seconds.", run};
