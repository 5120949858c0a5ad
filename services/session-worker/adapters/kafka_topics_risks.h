/* What the service works with and an accident of the cluster makes dear: too few copies, elections that lose records.
 * Pure: settings in, sentences out. Owns nothing, asks nobody, never refuses. */
#ifndef CHECKOUT_ADAPTERS_KAFKA_TOPICS_RISKS_H
#define CHECKOUT_ADAPTERS_KAFKA_TOPICS_RISKS_H

#include "adapters/kafka_topics_admin.h"

#define CO_TOPICS_REPLICAS_SAFE 3 /* from here on two can be in sync while one is away */
#define CO_TOPICS_IN_SYNC_SAFE 2

/* Fills report->risks from its partitions and replicas, and from the settings of each topic as far as they are known.
 * `bootstrap` goes into the commands that put things right. */
void co_topics_judge_risks(const char *bootstrap, const char *const *names, const struct co_topics_settings *settings,
						   struct co_topics_report *report);

#endif
