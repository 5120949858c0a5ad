/* What the parts of the load share: options, the worker under test, the commands, and what a measurement found.
 * Owns nothing but the one worker that runs. Never touches a server it was not told of; any failure ends the process
 * with a sentence on stderr and exit status 1, and the worker with it. */
#ifndef BENCH_H
#define BENCH_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define BENCH_PARTITIONS 4
#define BENCH_TEXT 256

/* One side of a comparison. */
struct bench_variant {
	const char *name, *worker;
	int lanes;
};

struct bench_options {
	const char *bootstrap, *worker, *against, *directory;
	int redis_port;
	pid_t kafka_pid, redis_pid;
	size_t commands, sessions, expiring, rounds;
	unsigned rate, paced_seconds, limit_seconds;
	bool throughput, standing, json;
	int lanes;
};

/* --- process.c: clocks, processes, the worker --------------------------------------------------------------------- */

_Noreturn void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int64_t bench_now_us(void); /* monotonic */
int64_t bench_wall_us(void);
void bench_sleep_until_us(int64_t monotonic_us);
/* User and system time of a process so far. */
double bench_cpu_s(pid_t pid);

struct bench_worker {
	pid_t pid;
	int admin_port;
	char prefix[64], group[64];
};

/* One at a time. `run` names topics, group and instance. Returns when /readyz is 200. */
void bench_worker_start(struct bench_worker *worker, const struct bench_options *options,
						const struct bench_variant *variant, const char *run);
/* SIGTERM, and exit 0 within 20 s. */
void bench_worker_stop(struct bench_worker *worker);
/* The body of /metrics, or NULL; the caller frees. */
char *bench_worker_metrics(const struct bench_worker *worker);

/* Of the private Redis. */
void bench_redis_flush(int port);
int64_t bench_redis_used_bytes(int port);

/* --- scrape.c: /metrics and percentiles --------------------------------------------------------------------------- */

/* The sum of all series of the metric whose labels contain `label` (NULL: all). */
double bench_metric(const char *metrics, const char *name, const char *label);
/* Interpolated within the histogram's bucket, as Prometheus does. */
double bench_metric_quantile(const char *metrics, const char *name, double quantile);
/* Sorts `values`; nearest rank. */
double bench_quantile(double *values, size_t count, double quantile);
double bench_median(const double *values, size_t count);

/* --- commands.c: what is sent ------------------------------------------------------------------------------------- */

enum bench_step { BENCH_CREATE, BENCH_GET, BENCH_COMPLETE, BENCH_CANCEL, BENCH_STEPS };

struct bench_command {
	enum bench_step step;
	const char *reference; /* the session's referenceId; its id follows from it */
	size_t session;        /* its number */
	unsigned ttl_s;        /* of a create */
	int64_t number;        /* ce_id is "c-" and this */
};

/* The command of position `i` in a mix of `total`: sessions are taken in waves of 2,500, and a wave is first created,
 * then read, completed and cancelled, so that the steps of one session lie in different batches. */
struct bench_command bench_mix(const char *reference, size_t i, size_t total);

/* --- broker.c ----------------------------------------------------------------------------------------------------- */

struct bench_producer;
struct bench_consumer;
typedef struct rd_kafka_message_s bench_message;

void bench_topics_create(const struct bench_options *options, const char *prefix);
void bench_topics_delete(const struct bench_options *options, const char *prefix);
/* `opaque` of a command's delivery: where its Kafka timestamp (ms) goes, or NULL. */
struct bench_producer *bench_producer_open(const struct bench_options *options, const char *prefix, int linger_ms);
void bench_send(struct bench_producer *producer, const struct bench_command *command, int64_t *appended_ms);
void bench_producer_serve(struct bench_producer *producer);
/* All delivered, or the end. */
void bench_producer_close(struct bench_producer *producer);

/* The offsets that a group committed, summed over the partitions of `commands`. */
struct bench_progress;
struct bench_progress *bench_progress_open(const struct bench_options *options, const struct bench_worker *worker);
int64_t bench_progress_read(struct bench_progress *progress);
void bench_progress_close(struct bench_progress *progress);

/* read_committed, from the beginning or from what is the end now. */
struct bench_consumer *bench_consumer_open(const struct bench_options *options, const char *topic, bool from_now);
/* The next record, valid until the next call; NULL when `timeout_ms` passed. *at_end: all partitions were read to their
 * end at least once. */
struct bench_record {
	const char *key, *value;
	size_t key_len, value_len;
	int64_t timestamp_ms;
	const bench_message *message;
};
const struct bench_record *bench_consume(struct bench_consumer *consumer, int timeout_ms, bool *at_end);
/* A header of the record into `out`; false: it has none. */
bool bench_header(const struct bench_record *record, const char *name, char out[BENCH_TEXT]);
void bench_consumer_close(struct bench_consumer *consumer);

/* --- the measurements: each adds what it found to `result` ---------------------------------------------------------
 */

/* Throughput, and the two variants alternating. */
void bench_throughput(const struct bench_options *options, json_t *result);
/* 100,000 live sessions: their memory, latency beside them, expiry among them. */
void bench_standing(const struct bench_options *options, json_t *result);

/* --- report.c ----------------------------------------------------------------------------------------------------- */

void bench_print(const json_t *result);

#endif
