#include "dlq.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_BYTES_MAX ((size_t)8 * 1024 * 1024) /* as send: more than the service takes */

enum subverb { LIST, RESEND, VALUE, SUBVERB_COUNT };

static const char *const subverbs[SUBVERB_COUNT] = {[LIST] = "list", [RESEND] = "resend", [VALUE] = "value"};

#define AT(member) offsetof(struct ctl_dlq, member)
#define MEND(member) (AT(mending) + offsetof(struct ctl_mending, member))
#define ON(subverb) (1U << (subverb))

static const struct ctl_option options[] = {
	{"since", CTL_TEXT, AT(since), "MS|RFC3339", 0, 0, "list, resend --all: what died at that time or later"},
	{"reason", CTL_TEXT, AT(reason), "REASON", 0, 0, "list, resend --all: what died of it alone; see below"},
	{"count", CTL_INT, AT(count), "N", 1, INT64_MAX, "list: the newest N [all]"},
	{"all", CTL_FLAG, AT(all), NULL, 0, 0, "resend: all that are there now; those with the same bytes once"},
	{"dry-run", CTL_FLAG, AT(dry_run), NULL, 0, 0, "resend: say what would be sent, and send nothing"},
	{"force", CTL_FLAG, AT(force), NULL, 0, 0, "resend: also what this version takes for dead again"},
	{"header", CTL_LIST, MEND(headers), "NAME=VALUE", 0, 0,
	 "resend: in place of what it has of that name; again for more"},
	{"without-header", CTL_LIST, MEND(without), "NAME", 0, 0, "resend: leave it out; again for more"},
	{"value", CTL_TEXT, AT(value_file), "FILE|-", 0, 0, "resend of one: the value, in place of the one that it has"},
	{"api-key-file", CTL_TEXT, AT(api_key_file), "FILE", 0, 0,
	 "resend: x-api-key where it was masked [CHECKOUTCTL_API_KEY]"},
	{"token-file", CTL_TEXT, AT(token_file), "FILE", 0, 0,
	 "resend: the bearer token where it was masked [CHECKOUTCTL_TOKEN]"},
	{"json", CTL_FLAG, AT(json), NULL, 0, 0, "list, resend: one JSON object a line"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

/* Of options[i]: the subverbs that it means something to. */
static const unsigned applicable[OPTION_COUNT] = {ON(LIST) | ON(RESEND),
												  ON(LIST) | ON(RESEND),
												  ON(LIST),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(RESEND),
												  ON(LIST) | ON(RESEND)};

static void help(FILE *out)
{
	fputs("\nlist    A line for each, the oldest first: place, time, reason, where the command lay, the size of its "
		  "value,\n"
		  "        9300004 when the sender was told so (else -), the command's type, source and id where they can be\n"
		  "        read (else -). No values, no credentials. `a command for this version`: it would be taken now.\n"
		  "resend  Sends the record to commands again, to the partition that it came from: key, value, headers and "
		  "their\n"
		  "        order as they were, without the five that the worker added; each acknowledged by all replicas.\n"
		  "        What this version would only bury again is not sent, but told with what to mend.\n"
		  "value   Writes the bytes of the value, nothing else. They may be a customer's data.\n"
		  "\nNothing was done for a dead letter. Whoever got 9300004 for it may have sent the command again since, "
		  "under\n"
		  "another id: ask first. The dlq is a log: what was sent again stays listed.\n"
		  "Twice is safe: source and id stay, so the second one gets the first verdict again, as long as the session\n"
		  "remembers it (its last 32 commands, until it is forgotten; a create would then open it anew).\n"
		  "Credentials were masked in the dlq; such a record is not sent without a fresh one.\n"
		  "\nExit codes: 0 all done, 1 trouble, or some were not sent (the others were), 2 usage.\n"
		  "\nreasons, and what to mend:\n",
		  out);
	for (int i = 0; i < CO_DLQ_COUNT; i++) {
		struct co_view reason = co_dlq_reason((enum co_dlq)i);

		fprintf(out, "  %-20.*s %s\n", (int)reason.len, reason.ptr, ctl_letter_cure(reason));
	}
}

static bool find_subverb(const char *name, enum subverb *out)
{
	for (int i = 0; i < SUBVERB_COUNT; i++)
		if (strcmp(subverbs[i], name) == 0) {
			*out = (enum subverb)i;
			return true;
		}
	return false;
}

/* PARTITION:OFFSET, digits both. */
static bool read_place(const char *text, struct ctl_place *out)
{
	char *end = NULL;
	long long partition, offset;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	partition = strtoll(text, &end, 10);
	if (errno || partition > INT32_MAX || *end != ':' || end[1] < '0' || end[1] > '9')
		return false;
	offset = strtoll(end + 1, &end, 10);
	if (errno || *end)
		return false;
	*out = (struct ctl_place){(int32_t)partition, offset};
	return true;
}

static bool places_fit(const struct ctl_world *world, enum subverb subverb, const struct ctl_list *positional,
					   struct ctl_dlq *dlq)
{
	for (size_t i = 1; i < positional->count; i++) {
		if (subverb == LIST) {
			ctl_complain(world, "dlq: what is %s? list takes no places", positional->items[i]);
			return false;
		}
		if (!read_place(positional->items[i], &dlq->places[dlq->place_count++])) {
			ctl_complain(world, "dlq: %s: PARTITION:OFFSET of the dlq is wanted, as list shows it",
						 positional->items[i]);
			return false;
		}
	}
	if (subverb == VALUE && dlq->place_count != 1) {
		ctl_complain(world, "dlq: value: one PARTITION:OFFSET is wanted");
		return false;
	}
	if (subverb == RESEND && (dlq->place_count > 0) == dlq->all) {
		ctl_complain(world, "dlq: resend: which? Give PARTITION:OFFSET, one or more, or else --all");
		return false;
	}
	return true;
}

static bool is_named(const char *header, const char *name)
{
	return co_view_eq_nocase(co_view_make(header, strcspn(header, "=")), co_view_cstr(name));
}

static bool headers_fit(const struct ctl_world *world, const struct ctl_dlq *dlq)
{
	const struct ctl_list *headers = &dlq->mending.headers;

	for (size_t i = 0; i < headers->count; i++) {
		const char *header = headers->items[i];

		if (header[0] == '=' || !strchr(header, '=')) {
			ctl_complain(world, "dlq: --header: NAME=VALUE is wanted");
			return false;
		}
		if (is_named(header, "authorization") || is_named(header, "x-api-key")) {
			ctl_complain(world, "dlq: --header: a credential is not for the command line; --token-file and "
								"--api-key-file read it from a file");
			return false;
		}
		if (is_named(header, "ce_id") && (dlq->all || dlq->place_count > 1)) {
			ctl_complain(world, "dlq: --header ce_id: an id is for one record");
			return false;
		}
	}
	return true;
}

static bool options_fit(const struct ctl_world *world, enum subverb subverb, uint64_t seen, const struct ctl_dlq *dlq)
{
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if ((seen >> i & 1) && !(applicable[i] & ON(subverb))) {
			ctl_complain(world, "dlq: --%s means nothing to %s", options[i].name, subverbs[subverb]);
			return false;
		}
	if (subverb == RESEND && !dlq->all && (dlq->since || dlq->reason)) {
		ctl_complain(world, "dlq: --%s chooses among --all; the places say it already",
					 dlq->since ? "since" : "reason");
		return false;
	}
	if (dlq->value_file && (dlq->all || dlq->place_count != 1)) {
		ctl_complain(world, "dlq: --value: a value is for one record");
		return false;
	}
	return headers_fit(world, dlq);
}

static bool complete(const struct ctl_world *world, struct ctl_dlq *dlq, struct co_arena *arena)
{
	struct co_error error = {0};

	if (dlq->since && !ctl_read_time(world, "dlq", "since", dlq->since, &dlq->since_ms))
		return false;
	if (!ctl_read_secret(world, "dlq", dlq->api_key_file, "CHECKOUTCTL_API_KEY", arena, &dlq->mending.api_key) ||
		!ctl_read_secret(world, "dlq", dlq->token_file, "CHECKOUTCTL_TOKEN", arena, &dlq->mending.token))
		return false;
	if (dlq->value_file &&
		!ctl_read_file(dlq->value_file, VALUE_BYTES_MAX, false, arena, &dlq->mending.value, &error)) {
		ctl_complain(world, "dlq: %s", error.text);
		return false;
	}
	if (!ctl_connection_complete(world, "dlq", &dlq->connection))
		return false;
	snprintf(dlq->topic, sizeof(dlq->topic), "%sdlq", dlq->connection.prefix);
	snprintf(dlq->commands, sizeof(dlq->commands), "%scommands", dlq->connection.prefix);
	return true;
}

static int run_subverb(const struct ctl_world *world, enum subverb subverb, const struct ctl_dlq *dlq)
{
	ctl_stop_on_signals();
	switch (subverb) {
	case LIST:
		return ctl_dlq_list(world, dlq);
	case RESEND:
		return ctl_dlq_resend(world, dlq);
	case VALUE:
		return ctl_dlq_value(world, dlq);
	case SUBVERB_COUNT:
		break;
	}
	return CTL_USAGE;
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct ctl_dlq dlq = {0};
	struct ctl_list positional = {0};
	enum subverb subverb = LIST;
	struct co_arena arena;
	int code = CTL_USAGE;
	struct ctl_table tables[] = {{options, OPTION_COUNT, &dlq, 0},
								 {ctl_connection_options, CTL_CONNECTION_OPTIONS, &dlq.connection, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_dlq, tables, 2);
		help(world->out);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "dlq", argc, argv, tables, 2, &positional))
		return CTL_USAGE;
	if (positional.count == 0 || !find_subverb(positional.items[0], &subverb)) {
		ctl_complain(world, "dlq: one of list resend value is wanted%s%s", positional.count > 0 ? ", not " : "",
					 positional.count > 0 ? positional.items[0] : "");
		return CTL_USAGE;
	}
	if (!places_fit(world, subverb, &positional, &dlq) || !options_fit(world, subverb, tables[0].seen, &dlq))
		return CTL_USAGE;
	co_arena_init(&arena, 65536, 0);
	if (complete(world, &dlq, &arena))
		code = run_subverb(world, subverb, &dlq);
	co_arena_clear(&arena);
	return code;
}

const struct ctl_verb ctl_verb_dlq = {
	"dlq", "list|resend|value [PARTITION:OFFSET]... [options]",
	"Lists the dead letters, and sends them to the commands again, mended if need be.", run};
