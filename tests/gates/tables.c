/* tables: every row of include/checkout/tbl is unique where it has to be: identifiers, and what stands on the wire.
 * The lists are expanded here as the product expands them. The canary: a list with a row twice. */
#include "tk.h"

#include <stdio.h>
#include <string.h>

struct row {
	const char *ident, *wire;
};

#define CO_CODE(ident, number, status, retryable, message) {#ident, #number},
static const struct row codes[] = {
#include "checkout/tbl/codes.def"
};
#define CO_RULE(ident, name, code, status, title, detail) {#ident, name},
static const struct row rules[] = {
#include "checkout/tbl/rules.def"
};
#define CO_PLACE(ident, pointer, path) {#ident, #ident},
static const struct row places[] = {
#include "checkout/tbl/places.def"
};
#define CO_COMMAND(ident, name, status, needs_subject, remembered) {#ident, name},
static const struct row commands[] = {
#include "checkout/tbl/commands.def"
};
#define CO_EVENT(ident, name) {#ident, name},
static const struct row events[] = {
#include "checkout/tbl/events.def"
};
#define CO_MODE(name, payment, customer, consent) {#name, #name},
static const struct row modes[] = {
#include "checkout/tbl/modes.def"
};
#define CO_SESSION_STATUS(ident, name, terminal) {#ident, name},
static const struct row session_statuses[] = {
#include "checkout/tbl/session_status.def"
};
#define CO_PAYMENT_STATUS(ident, name) {#ident, name},
static const struct row payment_statuses[] = {
#include "checkout/tbl/payment_status.def"
};
#define CO_DLQ(ident, reason) {#ident, reason},
static const struct row dlq[] = {
#include "checkout/tbl/dlq.def"
};
#define CO_REPLY_REFUSAL(ident, reason) {#ident, reason},
static const struct row reply_refusals[] = {
#include "checkout/tbl/reply_refusals.def"
};
#define CO_TOPIC(ident, name, compacted) {#ident, name},
static const struct row topics[] = {
#include "checkout/tbl/topics.def"
};
#define CO_STATUS(name, class, text) {#name, text},
static const struct row statuses[] = {
#include "checkout/tbl/status.def"
};
#define CO_METRIC(ident, kind, name, labels, sentence) {#ident, name},
static const struct row metrics[] = {
#include "checkout/tbl/metrics.def"
};
#define CO_SET_TEXT(field, section, key, fallback, flags, sentence) {#field, section "." key},
#define CO_SET_INT(field, section, key, fallback, min, max, unit, sentence) {#field, section "." key},
#define CO_SET_BOOL(field, section, key, fallback, sentence) {#field, section "." key},
#define CO_SET_ENUM(field, section, key, fallback, choices, sentence) {#field, section "." key},
static const struct row settings[] = {
#include "checkout/tbl/settings.def"
};
static const struct row canary[] = {{"A", "a"}, {"B", "b"}, {"A", "c"}, {"C", "b"}};

static const struct {
	const char *name;
	const struct row *rows;
	size_t count;
} tables[] = {
#define TABLE(name)                               \
	{                                             \
#name, name, sizeof(name) / sizeof(*name) \
	}
	TABLE(codes),   TABLE(rules),          TABLE(places),           TABLE(commands),
	TABLE(events),  TABLE(modes),          TABLE(session_statuses), TABLE(payment_statuses),
	TABLE(dlq),     TABLE(reply_refusals), TABLE(topics),           TABLE(statuses),
	TABLE(metrics), TABLE(settings),
};

static size_t twice(const char *table, const struct row *rows, size_t count, bool tell)
{
	size_t found = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < i; k++) {
			bool ident = strcmp(rows[i].ident, rows[k].ident) == 0, wire = strcmp(rows[i].wire, rows[k].wire) == 0;
			if (tell && (ident || wire))
				printf("%s: %s twice\n", table, ident ? rows[i].ident : rows[i].wire);
			found += ident + wire;
		}
	}
	return found;
}

int main(void)
{
	size_t rows = 0, found = 0, count = sizeof(tables) / sizeof(*tables);

	for (size_t i = 0; i < count; i++) {
		rows += tables[i].count;
		found += twice(tables[i].name, tables[i].rows, tables[i].count, true);
	}
	co_tk_check(twice("canary", canary, 4, false) == 2, "the canary's two doubles were not both caught");
	co_tk_check(rows > 200, "only %zu rows", rows);
	printf("tables: %zu tables, %zu rows, %zu doubles; canary caught\n", count, rows, found);
	return found ? 1 : 0;
}
