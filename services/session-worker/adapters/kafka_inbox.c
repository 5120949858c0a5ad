#include "kafka_inbox.h"

#include "kafka_namesake.h"
#include "kafka_record.h"
#include "kafka_stats.h"

#include "checkout/log.h"
#include "checkout/metrics.h"
#include "checkout/mutant.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVE_EVERY_MS 1000
#define SESSION_TIMEOUT_MS 10000
#define SESSION_TIMEOUT_TEXT "10000"
#define GHOST_MARGIN_MS 2000  /* beyond the session time-out, after which a member that nobody feeds is gone */
#define GHOST_UNTOLD_MS 60000 /* longer than that Kafka is not asked */
#define GHOST_LOOK_MS 1000    /* between two looks whether it lives */
#define GHOST_ABSENT_LOOKS 2  /* in a row, before it counts as gone: a group that has just moved may know less */
#define SEEK_TIMEOUT_MS 3000

struct co_kafka_inbox {
	const struct co_kafka_identity *identity;
	rd_kafka_t *consumer;
	atomic_int standing; /* enum co_kafka_standing */
	int64_t fenced_ms;   /* monotonic: when the group said that another has our name; 0: it did not */
	int64_t looked_ms;   /* monotonic: the last look at it */
	int absent_looks;    /* in a row that did not find it */
	const char *commands;
	size_t lane;
	rd_kafka_consumer_group_metadata_t
		*generation; /* captured at assignment, never at commit: a zombie's would be valid again */
	size_t held_count;
	struct co_kafka_place *held; /* ascending */
	bool moved;                  /* the assignment changed since poll() last said so */
	bool started;                /* start() was called for what is held */
	bool subscribed, left;
	size_t message_count, message_room;
	rd_kafka_message_t **messages; /* handed out since the last release */
	void (*serve)(void *self);     /* NULL: nobody asked to be served */
	void *served;
	int64_t served_ms;
};

static int compare_partitions(const void *a, const void *b)
{
	int32_t x = ((const struct co_kafka_place *)a)->partition, y = ((const struct co_kafka_place *)b)->partition;
	return (x > y) - (x < y);
}

static void forget_generation(struct co_kafka_inbox *inbox)
{
	if (inbox->generation)
		rd_kafka_consumer_group_metadata_destroy(inbox->generation);
	inbox->generation = NULL;
}

static void let_go(struct co_kafka_inbox *inbox)
{
	inbox->moved = true;
	inbox->started = false;
	for (size_t i = 0; i < inbox->held_count; i++)
		co_kafka_stats_let_go(inbox->held[i].partition);
	inbox->held_count = 0;
	forget_generation(inbox);
}

static void hold(struct co_kafka_inbox *inbox, const rd_kafka_topic_partition_list_t *partitions)
{
	struct co_kafka_place *held = realloc(inbox->held, ((size_t)partitions->cnt + 1) * sizeof(*held));
	if (!held)
		abort();
	inbox->held = held;
	for (int i = 0; i < partitions->cnt; i++)
		inbox->held[inbox->held_count++] =
			(struct co_kafka_place){.partition = partitions->elems[i].partition, .next = -1};
	qsort(inbox->held, inbox->held_count, sizeof(*inbox->held), compare_partitions);
}

static void on_rebalance(rd_kafka_t *consumer, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions,
						 void *opaque)
{
	struct co_kafka_inbox *inbox = opaque;
	let_go(inbox);
	atomic_store(&inbox->standing, err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? CO_KAFKA_MEMBER : CO_KAFKA_JOINING);
	if (err != RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		(void)rd_kafka_assign(consumer, NULL);
		return;
	}
	co_metric_add(CO_METRIC_KAFKA_REBALANCES, inbox->lane, 0, 1);
	hold(inbox, partitions);
	/* What is fetched before start() says from where is dropped: the recovery path aligns the view first. Not paused:
	 * in librdkafka 2.0.2 a partition that is paused and assigned anew can stand still after its resume. */
	(void)rd_kafka_assign(consumer, partitions);
	inbox->generation = rd_kafka_consumer_group_metadata(consumer);
}

/* Without a callback librdkafka rebalances by itself; what it has assigned is seen at the next poll. */
static inline void mutant_find_assignment(struct co_kafka_inbox *inbox)
{
	rd_kafka_topic_partition_list_t *now = NULL;
	if (rd_kafka_assignment(inbox->consumer, &now) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return;
	bool same = (size_t)now->cnt == inbox->held_count;
	for (size_t i = 0; same && i < inbox->held_count; i++)
		same = rd_kafka_topic_partition_list_find(now, inbox->commands, inbox->held[i].partition) != NULL;
	if (!same) {
		let_go(inbox);
		hold(inbox, now);
		atomic_store(&inbox->standing, now->cnt ? CO_KAFKA_MEMBER : CO_KAFKA_JOINING);
	}
	rd_kafka_topic_partition_list_destroy(now);
}

/* Runs on the lane's thread, within a poll. The text stays librdkafka's. */
static int on_statistics(rd_kafka_t *consumer, char *json, size_t bytes, void *opaque)
{
	struct co_kafka_inbox *inbox = opaque;
	(void)consumer;
	/* of a consumer that was fenced they tell what was */
	if (atomic_load(&inbox->standing) == CO_KAFKA_FENCED)
		return 0;
	co_kafka_stats_consumer(inbox->lane, inbox->commands, inbox->held, inbox->held_count, json, bytes);
	return 0;
}

static int64_t monotonic_ms(void)
{
	struct timespec at;
	(void)clock_gettime(CLOCK_MONOTONIC, &at);
	return (int64_t)at.tv_sec * 1000 + at.tv_nsec / 1000000;
}

static void serve_others(struct co_kafka_inbox *inbox)
{
	int64_t at_ms = monotonic_ms();
	if (!inbox->serve || at_ms - inbox->served_ms < SERVE_EVERY_MS)
		return;
	inbox->served_ms = at_ms;
	inbox->serve(inbox->served);
}

static void subscribe(struct co_kafka_inbox *inbox)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, inbox->commands, RD_KAFKA_PARTITION_UA);
	rd_kafka_resp_err_t err = rd_kafka_subscribe(inbox->consumer, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	inbox->subscribed = err == RD_KAFKA_RESP_ERR_NO_ERROR;
}

static void keep_message(struct co_kafka_inbox *inbox, rd_kafka_message_t *message)
{
	if (inbox->message_count == inbox->message_room) {
		inbox->message_room = inbox->message_room ? 2 * inbox->message_room : 256;
		rd_kafka_message_t **more = realloc(inbox->messages, inbox->message_room * sizeof(*more));
		if (!more)
			abort();
		inbox->messages = more;
	}
	inbox->messages[inbox->message_count++] = message;
}

static enum co_status open_consumer(struct co_kafka_inbox *inbox, struct co_error *error)
{
	const struct co_kafka_identity *identity = inbox->identity;
	const struct co_kafka_default defaults[] = {
		{"group.id", identity->config->group},
		{"group.instance.id", identity->member},
		{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "earliest"},
		{"isolation.level", "read_committed"},
		{"partition.assignment.strategy", "range"},
		{"session.timeout.ms", SESSION_TIMEOUT_TEXT},
		{"heartbeat.interval.ms", "1000"},
		{"max.poll.interval.ms", "60000"},
		/* a half-open connection is given up after this; the client's own 60 s would be most of the way to 90 */
		{"socket.timeout.ms", "15000"},
		{"fetch.wait.max.ms", "10"},
		{"fetch.error.backoff.ms", "50"},
		{"queued.min.messages", "20000"},
		{"queued.max.messages.kbytes", "16384"},
		{NULL, NULL},
	};
	rd_kafka_conf_t *conf = co_kafka_conf(identity, "consumer", defaults);
	if (!CO_MUTANT(GENERATION_AT_COMMIT))
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_stats_cb(conf, on_statistics);
	rd_kafka_conf_set_opaque(conf, inbox);
	char text[256];
	inbox->consumer = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (!inbox->consumer) {
		rd_kafka_conf_destroy(conf);
		co_error_set(error, "kafka", "%s", text);
		return CO_LOG_FATAL;
	}
	(void)rd_kafka_poll_set_consumer(inbox->consumer);
	inbox->subscribed = false;
	return CO_OK;
}

static int64_t session_timeout_ms(const struct co_kafka_inbox *inbox)
{
	const char *own = co_config_kafka(inbox->identity->config, "session.timeout.ms");
	return own ? strtoll(own, NULL, 10) : SESSION_TIMEOUT_MS;
}

static enum co_status begin_anew(struct co_kafka_inbox *inbox)
{
	struct co_error error = {.path = ""};
	co_log(CO_LOG_NOTICE, "kafka.unfenced", "the member of our name is gone; joining the group anew",
		   CO_INT("checkout.lane", inbox->lane),
		   CO_INT("event.duration", (monotonic_ms() - inbox->fenced_ms) * 1000000));
	rd_kafka_destroy_flags(inbox->consumer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	inbox->consumer = NULL;
	inbox->fenced_ms = 0;
	let_go(inbox);
	atomic_store(&inbox->standing, CO_KAFKA_JOINING);
	if (open_consumer(inbox, &error) == CO_OK)
		return CO_NOTHING;
	co_log(CO_LOG_ERROR, "kafka.fatal", error.text, CO_INT("checkout.lane", inbox->lane));
	return CO_LOG_FATAL;
}

/* The group fences a static member also for a ghost of its own: after a broker's death the client joins twice, and the
 * second join fences the first. A ghost is fed by nobody: the group lets it go when its session time-out is over, and
 * not before, so there is nothing to be seen of it any earlier. A namesake in another process stays, and then the later
 * one wins (contract section 9). */
static enum co_status look_for_ghost(struct co_kafka_inbox *inbox)
{
	int64_t at_ms = monotonic_ms();
	if (inbox->fenced_ms == 0) {
		co_log(CO_LOG_NOTICE, "kafka.fenced", "the group has another member of our name; waiting whether it lives",
			   CO_INT("checkout.lane", inbox->lane));
		inbox->fenced_ms = inbox->looked_ms = at_ms;
		inbox->absent_looks = 0;
		atomic_store(&inbox->standing, CO_KAFKA_FENCED);
		co_metric_set(CO_METRIC_KAFKA_GROUP_STEADY, inbox->lane, 0);
		let_go(inbox);
		return CO_NOTHING;
	}
	if (inbox->message_count > 0 || at_ms - inbox->looked_ms < GHOST_LOOK_MS)
		return CO_NOTHING;
	enum co_status found = co_kafka_namesake(inbox->consumer, inbox->identity->config->group, inbox->identity->member);
	inbox->looked_ms = monotonic_ms();
	inbox->absent_looks = found == CO_OK ? inbox->absent_looks + 1 : 0;
	if (inbox->absent_looks == GHOST_ABSENT_LOOKS)
		return begin_anew(inbox);
	bool outlived = at_ms - inbox->fenced_ms >= session_timeout_ms(inbox) + GHOST_MARGIN_MS;
	if (at_ms - inbox->fenced_ms >= GHOST_UNTOLD_MS)
		return CO_FENCED; /* nobody says: a new process does not need to know */
	return found == CO_FENCED && outlived ? CO_FENCED : CO_NOTHING;
}

/* A fatal error may come without a message: it is asked for at every poll that brought none. */
static enum co_status ask_fatal(struct co_kafka_inbox *inbox)
{
	char text[256] = "";
	rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(inbox->consumer, text, sizeof(text));
	if (fatal == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		return look_for_ghost(inbox);
	if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_NOTHING;
	co_log(CO_LOG_ERROR, "kafka.fatal", text, CO_TEXT("error.code", rd_kafka_err2name(fatal)));
	return CO_LOG_FATAL;
}

static void tell_poll_error(const rd_kafka_message_t *message)
{
	static struct co_log_gate gate;
	if (message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF && co_log_gate_open(&gate, 60000))
		co_log(CO_LOG_NOTICE, "kafka.consumer", rd_kafka_message_errstr(message),
			   CO_TEXT("error.code", rd_kafka_err2name(message->err)));
}

/* Records of a partition come in ascending order, unless the client found its position outside of the log and began
 * anew with the first record that is there. */
static enum co_status check_order(struct co_kafka_inbox *inbox, const rd_kafka_message_t *message)
{
	for (size_t i = 0; i < inbox->held_count; i++) {
		struct co_kafka_place *place = &inbox->held[i];
		if (place->partition != message->partition)
			continue;
		if (message->offset < place->follows)
			return CO_LOG_DOWN;
		place->follows = message->offset + 1;
	}
	return CO_OK;
}

static enum co_status inbox_poll(void *self, int timeout_ms, struct co_arena *arena, struct co_record *out)
{
	struct co_kafka_inbox *inbox = self;
	if (!inbox->subscribed)
		subscribe(inbox);
	rd_kafka_message_t *message = rd_kafka_consumer_poll(inbox->consumer, timeout_ms);
	if (CO_MUTANT(GENERATION_AT_COMMIT))
		mutant_find_assignment(inbox);
	enum co_status status = CO_NOTHING;
	if (message && message->err)
		tell_poll_error(message);
	if (!message || message->err)
		status = ask_fatal(inbox);
	else if (inbox->started && !inbox->moved)
		status = check_order(inbox, message);
	if (inbox->moved && status != CO_FENCED && status != CO_LOG_FATAL) {
		inbox->moved = false;
		status = CO_REBALANCED;
	}
	if (message && status == CO_OK) {
		co_kafka_record_read(message, arena, out);
		keep_message(inbox, message);
	} else if (message) {
		rd_kafka_message_destroy(message);
	}
	if (status == CO_NOTHING)
		serve_others(inbox);
	return status;
}

static size_t inbox_assigned(void *self, int32_t *partitions, size_t max)
{
	const struct co_kafka_inbox *inbox = self;
	size_t count = inbox->held_count < max ? inbox->held_count : max;
	for (size_t i = 0; i < count; i++)
		partitions[i] = inbox->held[i].partition;
	return count;
}

static enum co_status take_committed(const rd_kafka_topic_partition_t *from, struct co_position *to)
{
	if (from->err)
		return CO_LOG_DOWN;
	to->offset = from->offset < 0 ? -1 : from->offset;
	size_t size = from->metadata ? from->metadata_size : 0;
	if (size >= sizeof(to->metadata))
		size = sizeof(to->metadata) - 1; /* not ours, and refused as such */
	if (size)
		memcpy(to->metadata, from->metadata, size);
	to->metadata[size] = '\0';
	return CO_OK;
}

static enum co_status inbox_committed(void *self, struct co_position *positions, size_t count, int timeout_ms)
{
	struct co_kafka_inbox *inbox = self;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, inbox->commands, positions[i].partition);
	enum co_status status =
		rd_kafka_committed(inbox->consumer, list, timeout_ms) == RD_KAFKA_RESP_ERR_NO_ERROR ? CO_OK : CO_LOG_DOWN;
	for (size_t i = 0; i < count && status == CO_OK; i++) {
		const rd_kafka_topic_partition_t *found =
			rd_kafka_topic_partition_list_find(list, inbox->commands, positions[i].partition);
		status = found ? take_committed(found, &positions[i]) : CO_LOG_DOWN;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return status;
}

static enum co_status inbox_bounds(void *self, int32_t partition, int64_t *low, int64_t *high, int timeout_ms)
{
	const struct co_kafka_inbox *inbox = self;
	int64_t first = 0, end = 0;
	if (rd_kafka_query_watermark_offsets(inbox->consumer, inbox->commands, partition, &first, &end, timeout_ms) !=
		RD_KAFKA_RESP_ERR_NO_ERROR)
		return CO_LOG_DOWN;
	*low = first;
	*high = end;
	return CO_OK;
}

static bool is_held(const struct co_kafka_inbox *inbox, const struct co_position *positions, size_t count)
{
	if (count != inbox->held_count)
		return false;
	for (size_t i = 0; i < count; i++)
		if (positions[i].partition != inbox->held[i].partition)
			return false;
	return true;
}

static enum co_status inbox_start(void *self, const struct co_position *positions, size_t count)
{
	struct co_kafka_inbox *inbox = self;
	if (inbox->moved || !is_held(inbox, positions, count)) {
		inbox->moved = false;
		return CO_REBALANCED;
	}
	if (count == 0)
		return CO_OK;
	for (size_t i = 0; i < count; i++)
		inbox->held[i].next = inbox->held[i].follows = positions[i].offset;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, inbox->commands, positions[i].partition)->offset =
			positions[i].offset < 0 ? 0 : positions[i].offset;
	/* tells for each partition whether it is done: one that is not fetching yet says so, and recovery tries again */
	rd_kafka_error_t *error = rd_kafka_seek_partitions(inbox->consumer, list, SEEK_TIMEOUT_MS);
	inbox->started = error == NULL;
	for (int i = 0; i < list->cnt; i++)
		inbox->started = inbox->started && list->elems[i].err == RD_KAFKA_RESP_ERR_NO_ERROR;
	if (error)
		rd_kafka_error_destroy(error);
	rd_kafka_topic_partition_list_destroy(list);
	return inbox->started ? CO_OK : CO_LOG_DOWN;
}

static void inbox_release(void *self)
{
	struct co_kafka_inbox *inbox = self;
	for (size_t i = 0; i < inbox->message_count; i++)
		rd_kafka_message_destroy(inbox->messages[i]);
	inbox->message_count = 0;
}

static void inbox_leave(void *self)
{
	struct co_kafka_inbox *inbox = self;
	inbox_release(inbox);
	if (!inbox->left && inbox->consumer)
		(void)rd_kafka_consumer_close(inbox->consumer);
	inbox->left = true;
}

enum co_status co_kafka_inbox_open(const struct co_kafka_identity *identity, struct co_kafka_inbox **out,
								   struct co_error *error)
{
	struct co_kafka_inbox *inbox = calloc(1, sizeof(*inbox));
	if (!inbox)
		abort();
	inbox->identity = identity;
	inbox->commands = identity->commands;
	inbox->lane = identity->lane;
	if (open_consumer(inbox, error) != CO_OK) {
		free(inbox);
		return CO_LOG_FATAL;
	}
	*out = inbox;
	return CO_OK;
}

struct co_inbox co_kafka_inbox_port(struct co_kafka_inbox *inbox)
{
	return (struct co_inbox){.self = inbox,
							 .poll = inbox_poll,
							 .assigned = inbox_assigned,
							 .committed = inbox_committed,
							 .bounds = inbox_bounds,
							 .start = inbox_start,
							 .release = inbox_release,
							 .leave = inbox_leave};
}

const rd_kafka_consumer_group_metadata_t *co_kafka_inbox_generation(struct co_kafka_inbox *inbox)
{
	if (CO_MUTANT(GENERATION_AT_COMMIT)) {
		forget_generation(inbox);
		inbox->generation = rd_kafka_consumer_group_metadata(inbox->consumer);
	}
	return inbox->generation;
}

enum co_kafka_standing co_kafka_inbox_standing(const struct co_kafka_inbox *inbox)
{
	return (enum co_kafka_standing)atomic_load(&inbox->standing);
}

void co_kafka_inbox_reached(struct co_kafka_inbox *inbox, int32_t partition, int64_t next)
{
	for (size_t i = 0; i < inbox->held_count; i++)
		if (inbox->held[i].partition == partition)
			co_kafka_stats_reached(&inbox->held[i], next);
}

void co_kafka_inbox_when_idle(struct co_kafka_inbox *inbox, void (*serve)(void *self), void *self)
{
	inbox->serve = serve;
	inbox->served = self;
}

void co_kafka_inbox_close(struct co_kafka_inbox *inbox)
{
	if (!inbox)
		return;
	inbox_leave(inbox);
	forget_generation(inbox);
	if (inbox->consumer)
		rd_kafka_destroy(inbox->consumer);
	free(inbox->held);
	free(inbox->messages);
	free(inbox);
}
