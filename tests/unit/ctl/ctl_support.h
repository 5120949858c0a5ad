/* For the tests of checkoutctl: the program called as a function, a mock cluster with the service's topics, and a
 * responder that plays the service. Owns the cluster and the responder's thread until stop. */
#ifndef TESTS_CTL_SUPPORT_H
#define TESTS_CTL_SUPPORT_H

#include "client.h"
#include "ctl.h"
#include "request.h"

#include <librdkafka/rdkafka_mock.h>
#include <pthread.h>
#include <stdatomic.h>

/* What one run of the program said; cleared by ctl_said_clear. */
struct ctl_said {
	int code;
	char *out, *err;
};

/* Runs `checkoutctl` with these arguments (NULL ends them) and this environment (NULL: empty). */
struct ctl_said ctl_say(char *const *environment, ...) __attribute__((sentinel));
void ctl_said_clear(struct ctl_said *said);

struct ctl_cluster {
	rd_kafka_t *handle;
	rd_kafka_mock_cluster_t *mock;
	const char *bootstrap;
};

/* The six topics with the prefix checkout.session., with so many partitions; 0: no topics. */
void ctl_cluster_start(struct ctl_cluster *cluster, int partitions);
void ctl_cluster_stop(struct ctl_cluster *cluster);
/* One record, appended for certain. `headers`: name, value, …, NULL. */
void ctl_cluster_put(struct ctl_cluster *cluster, const char *topic, int32_t partition, const char *key,
					 const char *value, const char *const *headers);

/* A command as the responder saw it. */
struct ctl_seen {
	char key[64], type[64], id[160], subject[64], correlation[64], content_type[64], api_key[32], authorization[64];
	char value[4096];
	int32_t partition;
	int64_t timestamp_ms;
	bool has_key;
};

struct ctl_responder {
	struct ctl_cluster *cluster;
	/* What to answer; `status` NULL: nothing. The decoy, with another correlation id, goes out first. */
	const char *status, *code, *body;
	bool decoy;
	struct ctl_seen seen;
	pthread_t thread;
	atomic_bool ready, done;
};

void ctl_responder_start(struct ctl_responder *responder, struct ctl_cluster *cluster);
/* Waits for its command if there was none yet; then *responder->seen is whole. */
void ctl_responder_join(struct ctl_responder *responder);

#endif
