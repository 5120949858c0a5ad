#include "client.h"

#include "adapters/kafka_topics.h"

#include <inttypes.h>
#include <string.h>

struct topics {
	struct ctl_connection connection;
	bool create;
	int64_t partitions, replication_factor;
	const char *timestamps;
};

#define AT(member) offsetof(struct topics, member)

static const struct ctl_option options[] = {
	{"create", CTL_FLAG, AT(create), NULL, 0, 0, "make what is missing, with the right settings"},
	{"partitions", CTL_INT, AT(partitions), "N", 1, 10000,
	 "of topics that are made [4]; fixed for an installation's life"},
	{"replication-factor", CTL_INT, AT(replication_factor), "N", 1, 100,
	 "of topics that are made [1]; 3 in production"},
	{"timestamps", CTL_CHOICE, AT(timestamps), "append|stream", 0, 0,
	 "whose time counts: the broker's, or (replays) the producers' [CHECKOUT_TOPICS_TIMESTAMPS, or append]"},
};
#define OPTION_COUNT (sizeof(options) / sizeof(options[0]))

static void show(const struct ctl_world *world, const struct topics *topics, const struct co_topics_report *report)
{
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		char name[CO_TOPICS_NAME_MAX + 1];
		bool wrong = false;

		co_topics_name(topics->connection.prefix, (enum co_topics_id)i, name);
		for (size_t f = 0; f < report->count; f++)
			wrong = wrong || strcmp(report->findings[f].topic, name) == 0;
		fprintf(world->out, "%-7s %-40s ", wrong ? "WRONG" : report->made[i] ? "made" : "ok", name);
		if (report->partitions[i] > 0)
			fprintf(world->out, "%" PRId32 " partitions\n", report->partitions[i]);
		else
			fputs("-\n", world->out);
	}
	/* One command may put several things right: it is told once, behind the last of them. */
	for (size_t f = 0; f < report->count; f++) {
		bool more = f + 1 < report->count && strcmp(report->findings[f].fix, report->findings[f + 1].fix) == 0;

		fprintf(world->out, "%s%s: %s\n", f == 0 ? "\n" : "", report->findings[f].topic, report->findings[f].wrong);
		if (!more)
			fprintf(world->out, "  %s\n", report->findings[f].fix);
	}
	for (size_t r = 0; r < CO_TOPICS_RISK_COUNT; r++)
		if (report->risks[r].topics[0])
			fprintf(world->out, "\nrisk: %s\n  %s\n  %s\n", report->risks[r].what, report->risks[r].topics,
					report->risks[r].fix);
	if (!report->settings_known)
		fputs("\nThis broker does not tell its topics' settings: partition counts alone were checked.\n", world->out);
}

/* When the rest could not be asked for: what is there now because of this call. */
static void show_made(const struct ctl_world *world, const struct topics *topics, const struct co_topics_report *report)
{
	for (size_t i = 0; i < CO_TOPICS_COUNT; i++) {
		char name[CO_TOPICS_NAME_MAX + 1];

		co_topics_name(topics->connection.prefix, (enum co_topics_id)i, name);
		if (report->made[i])
			fprintf(world->out, "%-7s %s\n", "made", name);
	}
}

static int run(const struct ctl_world *world, int argc, char **argv)
{
	struct topics topics = {.partitions = 4, .replication_factor = 1};
	struct ctl_list positional = {0};
	struct ctl_client client;
	struct co_topics_report report;
	struct co_topics_wish wish;
	struct co_error error = {0};
	enum co_status status;
	struct ctl_table tables[] = {{options, OPTION_COUNT, &topics, 0},
								 {ctl_connection_options, CTL_CONNECTION_OPTIONS, &topics.connection, 0}};

	if (ctl_options_ask_help(argc, argv)) {
		ctl_options_help(world->out, &ctl_verb_topics, tables, 2);
		return CTL_OK;
	}
	if (!ctl_options_parse(world, "topics", argc, argv, tables, 2, &positional))
		return CTL_USAGE;
	if (positional.count > 0) {
		ctl_complain(world, "topics: what is %s? See checkoutctl topics --help", positional.items[0]);
		return CTL_USAGE;
	}
	if (!topics.timestamps)
		topics.timestamps = ctl_environment(world, "CHECKOUT_TOPICS_TIMESTAMPS");
	if (topics.timestamps && strcmp(topics.timestamps, "append") != 0 && strcmp(topics.timestamps, "stream") != 0) {
		ctl_complain(world, "topics: CHECKOUT_TOPICS_TIMESTAMPS: append or stream is wanted");
		return CTL_USAGE;
	}
	if (!ctl_connection_complete(world, "topics", &topics.connection) ||
		!ctl_client_open(world, &topics.connection, RD_KAFKA_PRODUCER, &client))
		return CTL_USAGE;
	wish = (struct co_topics_wish){.prefix = topics.connection.prefix,
								   .append = !topics.timestamps || strcmp(topics.timestamps, "append") == 0,
								   .partitions = (int)topics.partitions,
								   .replication_factor = (int)topics.replication_factor,
								   .create = topics.create};
	status = co_topics_inspect(client.handle, &wish, (int)topics.connection.timeout_seconds * 1000, &report, &error);
	if (status == CO_OK)
		show(world, &topics, &report);
	else
		show_made(world, &topics, &report);
	if (status != CO_OK)
		ctl_complain(world, "topics: %s%s%s", error.text, client.trouble[0] ? "; " : "", client.trouble);
	ctl_client_close(&client);
	return status == CO_OK && report.count == 0 ? CTL_OK : CTL_TROUBLE;
}

const struct ctl_verb ctl_verb_topics = {
	"topics", "[--create] [options]",
	"Makes or checks the six topics, and says what is wrong with the command that puts it right.", run};
