#include "describe_errors.h"

#include "describe_story.h"
#include "describe_tables.h"

#include "checkout/domain/decide.h"
#include "checkout/domain/transitions.h"

#include <assert.h>
#include <stdint.h>

#define VIEW(v) (int)(v).len, (v).ptr

enum co_actor { CALLER, MERCHANT, OPERATOR, NOBODY, ACTOR_COUNT };

static const struct actor {
	const char *name, *is;
} actors[ACTOR_COUNT] = {
	[CALLER] = {"the caller", "the program that sent the command, and who looks after it"},
	[MERCHANT] = {"the merchant", "the shop: its customer starts again, or somebody refunds"},
	[OPERATOR] = {"the operator", "who runs this service, its topics and its merchant registry"},
	[NOBODY] = {"nobody", "the answer says how things stand; there is nothing to mend"},
};

struct code_help {
	enum co_actor who;
	const char *cause, *act, *retry, *elsewhere;
};

static struct code_help help_of(enum co_code code)
{
	switch (code) {
#define CO_ERROR_HELP(ident, who, cause, act, retry, elsewhere) \
	case CO_CODE_##ident:                                       \
		return (struct code_help){who, cause, act, retry, elsewhere};
#include "checkout/tbl/error_help.def"
	case CO_CODE_COUNT:
		break;
	}
	assert(code < CO_CODE_COUNT);
	return (struct code_help){.who = NOBODY};
}

struct co_rule_help co_rule_help(enum co_rule rule)
{
	switch (rule) {
#define CO_RULE_HELP(ident, place, cause, act) \
	case CO_RULE_##ident:                      \
		return (struct co_rule_help){CO_PLACE_##place, cause, act};
#include "checkout/tbl/error_help.def"
	case CO_RULE_COUNT:
		break;
	}
	assert(rule < CO_RULE_COUNT);
	return (struct co_rule_help){.place = CO_PLACE_NOWHERE};
}

/* --- where a code comes from -------------------------------------------------------------------------------------- */

/* The command that a trigger stands for: the text up to its first blank or colon. */
static struct co_view command_of(enum co_trigger trigger)
{
	struct co_view text = co_trigger_text(trigger);
	size_t length = 0;
	while (length < text.len && text.ptr[length] != ' ' && text.ptr[length] != ':')
		length++;
	return co_view_make(text.ptr, length);
}

static bool refuses(const struct co_step *step, enum co_code code)
{
	switch (step->kind) {
	case CO_STEP_REFUSED:
	case CO_STEP_LATE_MONEY:
	case CO_STEP_REFUSED_FIRST:
	case CO_STEP_REFUSED_LAST:
		return step->code == code;
	case CO_STEP_UNREACHABLE:
	case CO_STEP_MOVES:
	case CO_STEP_STAYS:
		break;
	}
	return false;
}

#define PAIR(session, payment) (UINT64_C(1) << ((session)*CO_PAYMENT_STATUS_COUNT + (payment)))
static_assert((int)CO_SESSION_STATUS_COUNT * (int)CO_PAYMENT_STATUS_COUNT <= 64, "a pair of states is a bit");

/* The reachable pairs of states of a session status. */
static uint64_t pairs_of(int session)
{
	uint64_t pairs = 0;
	for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
		if (co_states_reachable((enum co_session_status)session, (enum co_payment_status)p))
			pairs |= PAIR(session, p);
	return pairs;
}

/* The pairs in which one of the command's triggers is refused with the code. */
static uint64_t refusing_pairs(struct co_view command, enum co_code code)
{
	uint64_t pairs = 0;
	for (int t = 0; t < CO_TRIGGER_COUNT; t++) {
		if (!co_view_eq(command_of((enum co_trigger)t), command))
			continue;
		for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++)
			for (int p = 0; p < CO_PAYMENT_STATUS_COUNT; p++)
				if (refuses(co_step((enum co_session_status)s, (enum co_payment_status)p, (enum co_trigger)t), code))
					pairs |= PAIR(s, p);
	}
	return pairs;
}

/* "expired, open/processing": a session status alone where all of its pairs are meant. */
static void put_pairs(FILE *out, uint64_t pairs)
{
	const char *comma = "";
	for (int s = 0; s < CO_SESSION_STATUS_COUNT; s++) {
		struct co_view session = co_session_status_name((enum co_session_status)s);
		bool all = (pairs & pairs_of(s)) == pairs_of(s);
		if (all) {
			(void)fprintf(out, "%s%.*s", comma, VIEW(session));
			comma = ", ";
		}
		for (int p = 0; !all && p < CO_PAYMENT_STATUS_COUNT; p++) {
			if (!(pairs & PAIR(s, p)))
				continue;
			(void)fprintf(out, "%s%.*s/%.*s", comma, VIEW(session),
						  VIEW(co_payment_status_name((enum co_payment_status)p)));
			comma = ", ";
		}
	}
}

/* Commands that are refused in the same states stand together. */
static void put_commands(FILE *out, enum co_code code, const char *elsewhere)
{
	uint64_t pairs[CO_COMMAND_COUNT];
	const char *semicolon = elsewhere[0] ? "; " : "";

	(void)fprintf(out, "- **Refused with it:** %s", elsewhere);
	for (int c = 0; c < CO_COMMAND_COUNT; c++)
		pairs[c] = refusing_pairs(co_command_row((enum co_command_kind)c)->name, code);
	for (int c = 0; c < CO_COMMAND_COUNT; c++) {
		uint64_t same = pairs[c];
		const char *before = semicolon;
		for (int other = c; same && other < CO_COMMAND_COUNT; other++) {
			if (pairs[other] != same)
				continue;
			(void)fprintf(out, "%s`%.*s`", before, VIEW(co_command_row((enum co_command_kind)other)->name));
			pairs[other] = 0;
			before = ", ";
		}
		if (!same)
			continue;
		(void)fputs(" (", out);
		put_pairs(out, same);
		(void)fputs(")", out);
		semicolon = "; ";
	}
	(void)fputs("\n", out);
}

/* --- rules -------------------------------------------------------------------------------------------------------- */

static void put_rule(FILE *out, enum co_rule rule)
{
	const struct co_rule_row *row = co_rule_row(rule);
	struct co_rule_help help = co_rule_help(rule);
	struct co_view pointer = co_place_row(help.place)->pointer;

	(void)fprintf(out, "| <a id=\"%.*s\"></a>`%.*s` | %.*s %u | ", VIEW(row->name), VIEW(row->name), VIEW(row->title),
				  (unsigned)row->status);
	if (rule == CO_RULE_REQUEST_INVALID)
		(void)fputs("*the member's path* ` is invalid` | *the member* | ", out);
	else if (pointer.len)
		(void)fprintf(out, "%.*s | `%.*s` | ", VIEW(row->detail), VIEW(pointer));
	else
		(void)fprintf(out, "%.*s | – | ", VIEW(row->detail));
	(void)fprintf(out, "%s | %s |\n", help.cause, help.act);
}

static void put_rules(FILE *out, enum co_code code)
{
	bool any = false;
	for (int r = 0; r < CO_RULE_COUNT; r++) {
		if (co_rule_row((enum co_rule)r)->code != code)
			continue;
		if (!any)
			(void)fputs(
				"\n| rule | title, status | detail | pointer | cause | what to do |\n|---|---|---|---|---|---|\n", out);
		put_rule(out, (enum co_rule)r);
		any = true;
	}
	if (any)
		(void)fputs(
			"\nIn a pointer `#` stands for the entry's index and `*` for the metadata key. For `authorize` the payment "
			"is the data itself: `/amount`, not `/payment/amount`. Rules without a pointer are no rules of "
			"validation.\n",
			out);
}

/* --- examples ----------------------------------------------------------------------------------------------------- */

static void put_headers(FILE *out, const struct co_header *headers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)fprintf(out, "%.*s: %.*s\n", VIEW(headers[i].name), VIEW(headers[i].value));
}

/* Compact JSON with a line per member of the outermost object; nothing else is changed. */
static void put_json(FILE *out, struct co_view json)
{
	int depth = 0;
	bool text = false;
	for (size_t i = 0; i < json.len; i++) {
		char c = json.ptr[i];
		bool opens = !text && (c == '{' || c == '['), closes = !text && (c == '}' || c == ']');
		if (closes && --depth == 0)
			(void)fputs("\n", out);
		(void)fputc(c, out);
		if (text && c == '\\')
			(void)fputc(json.ptr[++i], out);
		else if (c == '"')
			text = !text;
		if ((opens && depth++ == 0) || (!text && c == ',' && depth == 1))
			(void)fputs("\n  ", out);
	}
	(void)fputs("\n", out);
}

static void put_example(FILE *out, enum co_code code)
{
	struct co_arena arena;
	struct co_example example;

	co_arena_init(&arena, 65536, 0);
	co_example_tell(code, &arena, &example);
	(void)fputs("\nA command that meets it:\n\n```\n", out);
	put_headers(out, example.command.headers, example.command.header_count);
	if (example.command.value.ptr)
		(void)fprintf(out, "\n%.*s\n", VIEW(example.command.value));
	(void)fprintf(out, "```\n\n%s, on `%.*s`:\n\n```\n",
				  example.is_reply ? "The reply" : "The command is accepted; the error event",
				  VIEW(example.outcome.topic));
	put_headers(out, example.outcome.headers, example.outcome.header_count);
	(void)fputs("\n", out);
	put_json(out, example.outcome.value);
	(void)fputs("```\n", out);
	co_arena_clear(&arena);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static void put_code(FILE *out, enum co_code code)
{
	const struct co_code_row *row = co_code_row(code);
	const struct co_presentation presentation = co_present_code(code);
	const struct code_help help = help_of(code);

	(void)fprintf(out, "\n<a id=\"%.*s\"></a>\n\n## %.*s %.*s\n\n%s\n\n", VIEW(row->number), VIEW(row->number),
				  VIEW(row->name), help.cause);
	(void)fprintf(out, "- **Message:** %.*s\n", VIEW(row->message));
	(void)fprintf(out, "- **Title, status, detail:** %.*s, %u, %.*s\n", VIEW(presentation.title),
				  (unsigned)presentation.status, VIEW(presentation.detail));
	(void)fprintf(out, "- **Who must act:** %s\n", actors[help.who].name);
	(void)fprintf(out, "- **What to do:** %s\n", help.act);
	(void)fprintf(out, "- **Retry:** %s (`retryable` is %s.)\n", help.retry, row->retryable ? "true" : "false");
	put_commands(out, code, help.elsewhere);
	put_rules(out, code);
	put_example(out, code);
}

static void put_overview(FILE *out)
{
	(void)fputs("\n## All codes\n\n| code | name | status | who must act | retryable |\n|---|---|---|---|---|\n", out);
	for (int c = 0; c < CO_CODE_COUNT; c++) {
		const struct co_code_row *row = co_code_row((enum co_code)c);
		(void)fprintf(out, "| [%.*s](#%.*s) | %.*s | %u | %s | %s |\n", VIEW(row->number), VIEW(row->number),
					  VIEW(row->name), (unsigned)co_present_code((enum co_code)c).status,
					  actors[help_of((enum co_code)c).who].name, row->retryable ? "yes" : "no");
	}
}

void co_describe_errors(FILE *out)
{
	(void)fputs(
		"# Errors\n\n"
		"Printed by `session-worker --describe errors` from `include/checkout/tbl/codes.def`, `rules.def`, "
		"`transitions.def` and `error_help.def`; do not edit.\n\n"
		"A refused command is answered with `outcome` `rejected` and an `error` object, with the headers "
		"`checkout-status` and `checkout-error-code`; the same error goes out as an event on the `errors` topic. "
		"`code` decides what to do; `title`, `status` and `detail` say it in the words of the rule that was broken, "
		"else "
		"of the code. With several rules broken, the first is the verdict and `errorDetails` lists all.\n\n"
		"**Retry.** A retry under the same command id gets the first verdict again (header `checkout-replayed: true`) "
		"when the session remembers the command: its last 32, refused ones too. Not remembered, so judged anew, are "
		"`get`, "
		"`validate`, a `create` that made no session, and whatever was refused before the session came into it "
		"(attributes, merchant, credentials, namespace, `expirytime`, no such session, not this merchant's).\n\n"
		"`fail` and `payment_update` may tell any of these codes for a failure upstream: then the command is accepted, "
		"and an error event carries the code.\n\n"
		"The examples are made by the service's own core when this page is printed; only line breaks were added to the "
		"JSON, and commands are shown without credentials. Of a pair such as `open/none` the first word is the "
		"session's status, the second the payment's; a session's status alone means whatever the payment's "
		"([STATES.md](STATES.md)).\n\n"
		"Who must act:\n\n",
		out);
	for (size_t i = 0; i < ACTOR_COUNT; i++)
		(void)fprintf(out, "- **%s**: %s\n", actors[i].name, actors[i].is);
	put_overview(out);
	for (int c = 0; c < CO_CODE_COUNT; c++)
		put_code(out, (enum co_code)c);
}
