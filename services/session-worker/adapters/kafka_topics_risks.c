#include "adapters/kafka_topics_risks.h"

#include <stdio.h>
#include <string.h>

/* The row of a risk: its sentence, and the setting that ends it; NULL: no setting does. */
static const struct {
	const char *what, *setting;
} rows[] = {
	[CO_TOPICS_RISK_ONE_REPLICA] = {"topics have one replica: a broker's disk that is lost takes its partitions along",
									NULL},
	[CO_TOPICS_RISK_IN_SYNC] = {"min.insync.replicas is below 2: what was acknowledged may be on one disk alone",
								"min.insync.replicas=2"},
	[CO_TOPICS_RISK_UNCLEAN] = {"unclean.leader.election.enable is true: a replica that was behind may lead, and what "
								"it missed is gone",
								"unclean.leader.election.enable=false"},
};

static bool is_at_risk(enum co_topics_risk_id risk, int32_t replicas, const struct co_topics_settings *settings)
{
	switch (risk) {
	case CO_TOPICS_RISK_ONE_REPLICA:
		return replicas == 1;
	case CO_TOPICS_RISK_IN_SYNC:
		return replicas >= CO_TOPICS_REPLICAS_SAFE && settings->min_insync_replicas >= 0 &&
			   settings->min_insync_replicas < CO_TOPICS_IN_SYNC_SAFE;
	case CO_TOPICS_RISK_UNCLEAN:
		return replicas > 1 && strcmp(settings->unclean_election, "true") == 0;
	case CO_TOPICS_RISK_COUNT:
		break;
	}
	return false;
}

void co_topics_judge_risks(const char *bootstrap, const char *const *names, const struct co_topics_settings *settings,
						   struct co_topics_report *report)
{
	for (size_t r = 0; r < CO_TOPICS_RISK_COUNT; r++) {
		struct co_topics_risk *risk = &report->risks[r];
		char topics[sizeof(risk->topics)] = "";
		size_t used = 0;

		for (size_t i = 0; i < CO_TOPICS_COUNT; i++)
			if (report->partitions[i] > 0 && is_at_risk((enum co_topics_risk_id)r, report->replicas[i], &settings[i]))
				used += (size_t)snprintf(topics + used, sizeof(topics) - used, "%s%s", used ? " " : "", names[i]);
		*risk = (struct co_topics_risk){.what = rows[r].what};
		memcpy(risk->topics, topics, sizeof(topics));
		if (used == 0)
			continue;
		if (rows[r].setting)
			snprintf(risk->fix, sizeof(risk->fix),
					 "for topic in %s; do kafka-configs.sh --bootstrap-server %s --alter --entity-type topics "
					 "--entity-name $topic --add-config %s; done",
					 topics, bootstrap, rows[r].setting);
		else
			snprintf(risk->fix, sizeof(risk->fix), "docs/howto/production.md, section 2");
	}
}
