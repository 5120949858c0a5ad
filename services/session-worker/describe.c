#include "describe.h"

#include "describe_tables.h"

#include "checkout/config.h"
#include "checkout/domain/catalogue.h"
#include "checkout/metrics.h"

#include <string.h>

static void describe_metrics(FILE *out)
{
	struct co_arena arena;
	co_arena_init(&arena, 65536, 0);
	struct co_view text = co_metrics_describe(&arena);
	(void)fwrite(text.ptr, 1, text.len, out);
	co_arena_clear(&arena);
}

bool co_describe(const char *topic, FILE *out)
{
	static const struct {
		const char *topic;
		void (*describe)(FILE *out);
	} topics[] = {{"config", co_config_describe},
				  {"example", co_config_example},
				  {"errors", co_describe_errors},
				  {"metrics", describe_metrics},
				  {"states", co_describe_states}};
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (strcmp(topic, topics[i].topic) == 0)
			return topics[i].describe(out), true;
	return false;
}

#define VIEW(v) (int)(v).len, (v).ptr

void co_describe_errors_list(FILE *out)
{
	for (int i = 0; i < CO_CODE_COUNT; i++) {
		const struct co_code_row *row = co_code_row((enum co_code)i);
		(void)fprintf(out, "%.*s %-34.*s %u %-9s %.*s\n", VIEW(row->number), VIEW(row->name), (unsigned)row->status,
					  row->retryable ? "retryable" : "final", VIEW(row->message));
	}
	for (int i = 0; i < CO_RULE_COUNT; i++) {
		const struct co_rule_row *row = co_rule_row((enum co_rule)i);
		(void)fprintf(out, "%.*s %.*s %u %.*s: %.*s\n", VIEW(co_code_row(row->code)->number), VIEW(row->name),
					  (unsigned)row->status, VIEW(row->title), VIEW(row->detail));
	}
}

void co_describe_errors_json(FILE *out)
{
	(void)fputs("{\"codes\":[", out);
	for (int i = 0; i < CO_CODE_COUNT; i++) {
		const struct co_code_row *row = co_code_row((enum co_code)i);
		(void)fprintf(out,
					  "%s\n{\"code\":\"%.*s\",\"name\":\"%.*s\",\"message\":\"%.*s\",\"status\":%u,\"retryable\":%s}",
					  i ? "," : "", VIEW(row->number), VIEW(row->name), VIEW(row->message), (unsigned)row->status,
					  row->retryable ? "true" : "false");
	}
	(void)fputs("],\n\"rules\":[", out);
	for (int i = 0; i < CO_RULE_COUNT; i++) {
		const struct co_rule_row *row = co_rule_row((enum co_rule)i);
		(void)fprintf(out,
					  "%s\n{\"rule\":\"%.*s\",\"code\":\"%.*s\",\"status\":%u,\"title\":\"%.*s\",\"detail\":\"%.*s\"}",
					  i ? "," : "", VIEW(row->name), VIEW(co_code_row(row->code)->number), (unsigned)row->status,
					  VIEW(row->title), VIEW(row->detail));
	}
	(void)fputs("]}\n", out);
}
