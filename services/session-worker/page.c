#include "page.h"

#include "checkout/instant.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define LATELY_MS 60000
#define RATE_MS 10000
#define PARTITIONS_SHOWN 200

/* Takes the new page's <main> in place of the old one: scroll position and what was unfolded stay. */
const char co_page_script[] =
	"setInterval(async()=>{try{const r=await fetch(location.href,{cache:'no-store',"
	"signal:AbortSignal.timeout(4000)});if(!r.ok)throw 0;"
	"const d=new DOMParser().parseFromString(await r.text(),'text/html');"
	"document.querySelector('main').replaceWith(d.querySelector('main'));document.title=d.title;"
	"document.body.className=''}catch(e){document.body.className='stale'}},2000)";

const char co_page_policy[] = "default-src 'none'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; "
							  "form-action 'none'; frame-ancestors 'none'; "
							  "script-src 'sha256-GtmypMqx6n8TgrUvbfMWp/pL5//hZPqVJ6gJNPcnrrc='";

static const char style[] = ":root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif}"
							"body{margin:0 auto;max-width:72rem;padding:1rem 1.5rem 3rem}"
							"h1{font-size:1.4rem;margin:.2rem 0}h2{font-size:1.05rem;margin:1.6rem 0 .4rem}"
							"table{border-collapse:collapse;font-variant-numeric:tabular-nums}"
							"th,td{padding:.2rem .9rem .2rem 0;text-align:right;border-bottom:1px solid #8884}"
							"th:first-child,td:first-child,td.t,th.t{text-align:left}"
							".ok{color:#14803c}.bad{color:#c02626;font-weight:600}.dim{opacity:.65}"
							".cards{display:flex;flex-wrap:wrap;gap:.8rem}.cards div{border:1px solid "
							"#8884;border-radius:.5rem;padding:.5rem .9rem}"
							".cards b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}"
							"pre{overflow-x:auto;border:1px solid #8884;border-radius:.5rem;padding:.7rem}"
							"#gone{display:none}.stale #gone{display:block}.stale main{opacity:.45}";

/* --- what happened lately ----------------------------------------------------------------------------------------- */

void co_page_history_init(struct co_page_history *history)
{
	memset(history, 0, sizeof(*history));
	(void)pthread_mutex_init(&history->guard, NULL);
}

static double total_events(void)
{
	double total = 0;
	for (size_t i = 0;; i++) {
		double one = co_metric_read(CO_METRIC_EVENTS, i, 0);
		if (isnan(one))
			return total;
		total += one;
	}
}

static void read_counters(struct co_page_sample *sample)
{
	for (size_t outcome = 0; outcome < CO_OUTCOME_COUNT; outcome++)
		for (size_t command = 0;; command++) {
			double one = co_metric_read(CO_METRIC_COMMANDS, command, outcome);
			if (isnan(one))
				break;
			sample->outcomes[outcome] += one;
		}
	sample->events = total_events();
	for (size_t code = 0; code < CO_CODE_COUNT; code++) {
		double one = co_metric_read(CO_METRIC_REFUSALS, code, 0);
		sample->codes[code] = isnan(one) ? 0 : one;
	}
}

void co_page_history_take(struct co_page_history *history, int64_t at_ms)
{
	(void)pthread_mutex_lock(&history->guard);
	size_t last = (history->next + CO_PAGE_SAMPLES - 1) % CO_PAGE_SAMPLES;
	if (history->count == 0 || at_ms - history->samples[last].at_ms >= CO_PAGE_SAMPLE_MS) {
		struct co_page_sample *sample = &history->samples[history->next];
		*sample = (struct co_page_sample){.at_ms = at_ms};
		read_counters(sample);
		history->next = (history->next + 1) % CO_PAGE_SAMPLES;
		history->count += history->count < CO_PAGE_SAMPLES;
	}
	(void)pthread_mutex_unlock(&history->guard);
}

struct co_page_sample co_page_history_since(struct co_page_history *history, int64_t window_ms, int64_t *took_ms)
{
	struct co_page_sample out = {.at_ms = 0};
	*took_ms = 0;
	(void)pthread_mutex_lock(&history->guard);
	if (history->count > 1) {
		size_t last = (history->next + CO_PAGE_SAMPLES - 1) % CO_PAGE_SAMPLES, first = last;
		const struct co_page_sample *newest = &history->samples[last];
		for (size_t back = 1; back < history->count; back++) {
			first = (last + CO_PAGE_SAMPLES - back) % CO_PAGE_SAMPLES;
			if (newest->at_ms - history->samples[first].at_ms >= window_ms)
				break;
		}
		const struct co_page_sample *oldest = &history->samples[first];
		out = *newest;
		*took_ms = newest->at_ms - oldest->at_ms;
		for (size_t i = 0; i < CO_OUTCOME_COUNT; i++)
			out.outcomes[i] -= oldest->outcomes[i];
		for (size_t i = 0; i < CO_CODE_COUNT; i++)
			out.codes[i] -= oldest->codes[i];
		out.events -= oldest->events;
	}
	(void)pthread_mutex_unlock(&history->guard);
	return out;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void put(struct co_buf *out, const char *markup)
{
	co_buf_add(out, co_view_cstr(markup));
}

/* Any text of others: it stays text. */
static void put_text(struct co_buf *out, const char *text)
{
	for (; text && *text; text++) {
		switch (*text) {
		case '&':
			put(out, "&amp;");
			break;
		case '<':
			put(out, "&lt;");
			break;
		case '>':
			put(out, "&gt;");
			break;
		case '"':
			put(out, "&quot;");
			break;
		case '\'':
			put(out, "&#39;");
			break;
		default:
			co_buf_add_byte(out, *text);
		}
	}
}

static void put_number(struct co_buf *out, double number, int decimals, const char *unit)
{
	char text[64];
	if (isnan(number) || isinf(number)) {
		put(out, "<span class=dim>&ndash;</span>");
		return;
	}
	(void)snprintf(text, sizeof(text), "%.*f%s%s", decimals, number, unit[0] ? " " : "", unit);
	put(out, text);
}

/* A time span as people say it. */
static void put_span(struct co_buf *out, double seconds)
{
	if (isnan(seconds) || isinf(seconds))
		put_number(out, NAN, 0, "");
	else if (fabs(seconds) < 0.9995)
		put_number(out, seconds * 1000, 0, "ms");
	else if (fabs(seconds) < 120)
		put_number(out, seconds, 1, "s");
	else if (fabs(seconds) < 7200)
		put_number(out, seconds / 60, 0, "min");
	else
		put_number(out, seconds / 3600, 1, "h");
}

static void put_ago(struct co_buf *out, int64_t ms)
{
	if (ms < 0)
		put(out, "never");
	else {
		put_span(out, (double)ms / 1000);
		put(out, " ago");
	}
}

static void put_mark(struct co_buf *out, bool fine, const char *yes, const char *no)
{
	put(out, fine ? "<span class=ok>" : "<span class=bad>");
	put(out, fine ? yes : no);
	put(out, "</span>");
}

static void put_card(struct co_buf *out, const char *name, double value, int decimals)
{
	put(out, "<div><b>");
	put_number(out, value, decimals, "");
	put(out, "</b>");
	put(out, name);
	put(out, "</div>");
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

static void put_head(struct co_buf *out, const struct co_page_facts *facts)
{
	put(out, "<!doctype html><html lang=en><head><meta charset=utf-8>"
			 "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>");
	put(out, facts->ready ? "ready" : "NOT READY");
	put(out, " &middot; ");
	put_text(out, facts->instance);
	put(out, " &middot; checkout sessions</title><noscript><meta http-equiv=refresh content=5></noscript><style>");
	put(out, style);
	put(out, "</style></head><body><p id=gone class=bad>This worker does not answer any more; what is below is old.</p>"
			 "<main>");
}

static void put_health(struct co_buf *out, const struct co_page_facts *facts)
{
	put(out, "<h1>session-worker <span class=dim>");
	put_text(out, facts->instance);
	put(out, "</span></h1><p>");
	put_mark(out, facts->ready, "ready", "not ready");
	if (facts->ready_reason[0]) {
		put(out, ": ");
		put_text(out, facts->ready_reason);
	}
	put(out, " &middot; ");
	put_mark(out, facts->live, "live", "not live");
	if (facts->live_reason[0]) {
		put(out, ": ");
		put_text(out, facts->live_reason);
	}
	put(out, " &middot; up for ");
	put_span(out, (double)facts->uptime_ms / 1000);
	put(out, " &middot; group ");
	put_text(out, facts->group);
	put(out, " &middot; topics ");
	put_text(out, facts->prefix);
	put(out, "*</p>");
}

static void put_throughput(struct co_buf *out, const struct co_page_facts *facts)
{
	int64_t took_ms;
	const struct co_page_sample recent = co_page_history_since(facts->history, RATE_MS, &took_ms);
	double seconds = took_ms ? (double)took_ms / 1000 : NAN;
	put(out, "<h2>Throughput, the last 10 s</h2><div class=cards>");
	put_card(out, "accepted / s", recent.outcomes[CO_OUTCOME_ACCEPTED] / seconds, 1);
	put_card(out, "refused / s", recent.outcomes[CO_OUTCOME_REJECTED] / seconds, 1);
	put_card(out, "repeats / s", recent.outcomes[CO_OUTCOME_REPLAYED] / seconds, 1);
	put_card(out, "events / s", recent.events / seconds, 1);
	put(out, "</div><h2>Times since the start</h2><table><tr><th class=t scope=col>what<th scope=col>half within"
			 "<th scope=col>99 % within</tr>");
	static const struct {
		enum co_metric metric;
		const char *name;
	} times[] = {{CO_METRIC_COMMAND_AGE, "from a command to its reply"},
				 {CO_METRIC_EXPIRY_LATENESS, "from a deadline to its expired event"},
				 {CO_METRIC_TRANSACTION_DURATION, "a Kafka transaction"},
				 {CO_METRIC_BATCH_DURATION, "a batch, all in"}};
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		put(out, "<tr><td>");
		put(out, times[i].name);
		put(out, "<td>");
		put_span(out, co_metric_quantile(times[i].metric, 0, 0.5));
		put(out, "<td>");
		put_span(out, co_metric_quantile(times[i].metric, 0, 0.99));
		put(out, "</tr>");
	}
	put(out, "</table>");
}

static void put_refusals(struct co_buf *out, const struct co_page_facts *facts)
{
	int64_t took_ms;
	const struct co_page_sample recent = co_page_history_since(facts->history, LATELY_MS, &took_ms);
	size_t shown = 0;
	put(out, "<h2>Refusals, the last minute</h2>");
	for (size_t code = 0; code < CO_CODE_COUNT; code++) {
		const struct co_code_row *row = co_code_row((enum co_code)code);
		if (recent.codes[code] <= 0)
			continue;
		if (shown++ == 0)
			put(out, "<table><tr><th class=t scope=col>code<th class=t scope=col>name<th scope=col>last minute"
					 "<th scope=col>since the start</tr>");
		put(out, "<tr><td>");
		co_buf_add(out, row->number);
		put(out, "<td class=t>");
		co_buf_add(out, row->name);
		put(out, "<td>");
		put_number(out, recent.codes[code], 0, "");
		put(out, "<td>");
		put_number(out, co_metric_read(CO_METRIC_REFUSALS, code, 0), 0, "");
		put(out, "</tr>");
	}
	put(out, shown ? "</table>" : "<p class=dim>none</p>");
}

static void put_lanes(struct co_buf *out, const struct co_page_facts *facts)
{
	put(out, "<h2>Lanes</h2>");
	if (facts->lane_count == 0) {
		put(out, "<p class=dim>not started: the topics are not checked yet</p>");
		return;
	}
	put(out, "<table><tr><th class=t scope=col>lane<th class=t scope=col>state<th scope=col>partitions"
			 "<th scope=col>last round<th scope=col>Kafka committed<th scope=col>Redis answered"
			 "<th scope=col>round trip<th scope=col>queued<th scope=col>rebalances</tr>");
	for (size_t i = 0; i < facts->lane_count; i++) {
		const struct co_page_lane *lane = &facts->lanes[i];
		put(out, "<tr><td>");
		put_number(out, (double)i, 0, "");
		put(out, "<td class=t>");
		put_mark(out, lane->running && lane->joined, lane->partitions ? "working" : "standby",
				 lane->joined ? "recovering" : "joining");
		put(out, "<td>");
		put_number(out, lane->partitions, 0, "");
		put(out, "<td>");
		put_ago(out, lane->progress_ms);
		put(out, "<td>");
		put_ago(out, lane->kafka_ms);
		put(out, "<td>");
		put_ago(out, lane->redis_ms);
		put(out, "<td>");
		put_span(out, co_metric_read(CO_METRIC_KAFKA_WRITE_ROUND_TRIP, i, 0));
		put(out, "<td>");
		put_number(out, co_metric_read(CO_METRIC_KAFKA_QUEUE_RECORDS, i, 0), 0, "");
		put(out, "<td>");
		put_number(out, co_metric_read(CO_METRIC_KAFKA_REBALANCES, i, 0), 0, "");
		put(out, "</tr>");
	}
	put(out, "</table>");
}

static void put_deadline(struct co_buf *out, double left)
{
	if (isnan(left) || isinf(left))
		put(out, "<span class=dim>none</span>");
	else if (left >= 0) {
		put(out, "in ");
		put_span(out, left);
	} else {
		put(out, left < -5 ? "<span class=bad>" : "<span>");
		put_span(out, -left);
		put(out, " ago</span>");
	}
}

static void put_partition(struct co_buf *out, const struct co_page_facts *facts, size_t partition)
{
	put(out, "<tr><td>");
	put_number(out, (double)partition, 0, "");
	put(out, "<td>");
	put_span(out, co_metric_read(CO_METRIC_PARTITION_LAG, partition, 0));
	put(out, "<td>");
	put_number(out, co_metric_read(CO_METRIC_KAFKA_LAG, partition, 0), 0, "");
	put(out, "<td>");
	put_number(out, co_metric_read(CO_METRIC_SESSIONS_LIVE, partition, 0), 0, "");
	put(out, "<td>");
	put_number(out, co_metric_read(CO_METRIC_PAYMENTS_OVERDUE, partition, 0), 0, "");
	put(out, "<td>");
	put_deadline(out, co_metric_read(CO_METRIC_NEXT_DEADLINE, partition, 0) - (double)facts->wall_ms / 1000);
	put(out, "</tr>");
}

static void put_partitions(struct co_buf *out, const struct co_page_facts *facts)
{
	size_t held = 0;
	double oldest = INFINITY;
	put(out, "<h2>Partitions of this worker</h2><table><tr><th class=t scope=col>partition<th scope=col>behind by"
			 "<th scope=col>records to read<th scope=col>live sessions<th scope=col>payments overdue"
			 "<th scope=col>next deadline</tr>");
	for (size_t i = 0; i < facts->partition_count; i++) {
		if (isnan(co_metric_read(CO_METRIC_SESSIONS_LIVE, i, 0)))
			continue;
		oldest = fmin(oldest, co_metric_read(CO_METRIC_NEXT_DEADLINE, i, 0));
		if (held++ < PARTITIONS_SHOWN)
			put_partition(out, facts, i);
	}
	put(out, "</table><p>");
	put_number(out, (double)held, 0, "");
	put(out, " of ");
	put_number(out, (double)facts->partition_count, 0, "");
	put(out, " partitions; oldest deadline of all: ");
	put_deadline(out, oldest - (double)facts->wall_ms / 1000);
	put(out, held > PARTITIONS_SHOWN ? "; the first 200 are shown, <a href=metrics>/metrics</a> has all</p>" : "</p>");
}

static void put_foot(struct co_buf *out, const struct co_page_facts *facts)
{
	char stamp[CO_INSTANT_TEXT + 1];
	co_instant_format(facts->wall_ms, stamp);
	put(out, "<p class=dim>As of ");
	put(out, stamp);
	put(out, ". For machines: <a href=metrics>metrics</a> &middot; <a href=livez>livez</a> &middot; "
			 "<a href=readyz>readyz</a> &middot; <a href=startupz>startupz</a></p></main>"
			 "<h2>Build</h2><p>session-worker ");
	put_text(out, facts->version);
	put(out, ", librdkafka ");
	put_text(out, facts->librdkafka);
	put(out, "</p><details><summary>Configuration at the start, secrets redacted</summary><pre>");
	put_text(out, facts->configuration);
	put(out, "</pre></details><script>");
	put(out, co_page_script);
	put(out, "</script></body></html>\n");
}

struct co_view co_page_compose(const struct co_page_facts *facts, struct co_arena *arena)
{
	struct co_buf out = co_buf_make(arena, 32UL * 1024);
	put_head(&out, facts);
	put_health(&out, facts);
	put_throughput(&out, facts);
	put_refusals(&out, facts);
	put_lanes(&out, facts);
	put_partitions(&out, facts);
	put_foot(&out, facts);
	return co_buf_view(&out);
}
