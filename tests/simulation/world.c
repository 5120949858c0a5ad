#include "world.h"

#include "procs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum co_mutant_id co_mutant = CO_MUTANT_NONE;
bool co_forced[CO_FEATURE_COUNT];

uint64_t co_random(struct co_world *world)
{
	uint64_t z = (world->random += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

int64_t co_between(struct co_world *world, int64_t low, int64_t high)
{
	return low + (int64_t)(co_random(world) % (uint64_t)(high - low + 1));
}

bool co_strikes(struct co_world *world, enum co_trouble trouble)
{
	return world->faulty && world->chance[trouble] && co_between(world, 0, 9999) < world->chance[trouble];
}

bool co_strikes_more(const struct co_proc *proc, enum co_trouble trouble, int times)
{
	int again = proc->lane.phase == CO_LANE_RUN ? 1 : times;
	bool strikes = false;
	for (int i = 0; i < again && !strikes; i++)
		strikes = co_strikes(proc->world, trouble);
	return strikes;
}

struct co_event *co_at(struct co_world *world, int64_t after_ms, void (*happen)(struct co_world *, struct co_event *),
					   int64_t a, int64_t b, void *what)
{
	if (world->event_count == world->event_room) {
		world->event_room = world->event_room ? 2 * world->event_room : 64;
		world->events = realloc(world->events, world->event_room * sizeof(*world->events));
		if (!world->events)
			abort();
	}
	world->events[world->event_count++] = (struct co_event){
		.at_ms = world->now_ms + after_ms, .order = world->orders++, .happen = happen, .a = a, .b = b, .what = what};
	return &world->events[world->event_count - 1];
}

void co_tell(struct co_world *world, const char *format, ...)
{
	if (!world->telling)
		return;
	va_list list;
	const struct co_proc *proc = world->current;
	printf("%8.3f ", (double)(world->now_ms - CO_EPOCH_MS) / 1000.0);
	if (proc)
		printf("w%d#%-3d ", proc->worker, (int)proc->id);
	else
		printf("%-7s", "");
	va_start(list, format);
	vprintf(format, list);
	va_end(list);
	putchar('\n');
}

void co_violated(struct co_world *world, const char *format, ...)
{
	if (world->symptom[0])
		return;
	va_list list;
	va_start(list, format);
	(void)vsnprintf(world->symptom, sizeof(world->symptom), format, list);
	va_end(list);
	co_tell(world, "VIOLATED: %s", world->symptom);
}

/* ---- disasters that come by the clock ---- */

static void people_send(struct co_world *world, struct co_event *event)
{
	(void)event;
	co_send_something(world);
}

static void keep_house(struct co_world *world, struct co_event *event)
{
	(void)event;
	co_broker_keep_house(world);
	co_at(world, 250, keep_house, 0, 0, NULL);
}

static void copy_to_replica(struct co_world *world, struct co_event *event)
{
	(void)event;
	co_redis_copy_to_replica(world);
	if (world->faulty)
		co_at(world, co_between(world, 1, 4000), copy_to_replica, 0, 0, NULL);
}

static void begin_again(struct co_world *world, struct co_event *event)
{
	if (world->wanted[event->a] && !co_proc_of(world, (int)event->a))
		(void)co_proc_start(world, (int)event->a);
}

static void look_after(struct co_world *world, struct co_event *event)
{
	(void)event;
	for (int worker = 0; worker < world->workers; worker++)
		if (world->wanted[worker] && !co_proc_of(world, worker))
			co_at(world, world->faulty ? co_between(world, 0, 1500) : 10, begin_again, worker, 0, NULL);
	co_at(world, 1000, look_after, 0, 0, NULL);
}

/* A worker is taken out of service for a while, or put in. */
static void resize(struct co_world *world, struct co_event *event)
{
	int worker = (int)event->a;
	struct co_proc *proc = co_proc_of(world, worker);
	if (!world->faulty)
		return;
	world->wanted[worker] = !world->wanted[worker];
	co_tell(world, "worker %d is %s", worker, world->wanted[worker] ? "wanted" : "not wanted any more");
	if (proc && !world->wanted[worker] && co_between(world, 0, 1))
		atomic_store(&proc->lane.stop, true);
	else if (proc && !world->wanted[worker])
		co_proc_kill(proc);
}

/* Another process of the same name starts while the old one is still there. */
static void replace(struct co_world *world, struct co_event *event)
{
	struct co_proc *proc = co_proc_of(world, (int)event->a);
	if (!proc || !world->wanted[event->a] || !world->faulty)
		return;
	co_tell(world, "worker %d is started a second time", (int)event->a);
	if (co_between(world, 0, 1))
		proc->frozen_until_ms = proc->wake_ms = world->now_ms + co_between(world, 100, 15000);
	(void)co_proc_start(world, (int)event->a);
}

void co_resize_within(struct co_world *world, int64_t within_ms)
{
	co_at(world, co_between(world, 0, within_ms), resize, co_between(world, 0, world->workers - 1), 0, NULL);
}

void co_replace_within(struct co_world *world, int worker, int64_t within_ms)
{
	co_at(world, co_between(world, 0, within_ms), replace, worker, 0, NULL);
}

static void step_clock(struct co_world *world, struct co_event *event)
{
	int64_t to_ms = co_between(world, -600000, 600000);
	for (size_t i = 0; i < CO_PROCS_MAX; i++)
		if (world->procs[i].worker == event->a)
			world->procs[i].skew_ms = to_ms;
	co_tell(world, "the clock of worker %d goes %lld ms wrong", (int)event->a, (long long)to_ms);
}

static void move_leader(struct co_world *world, struct co_event *event)
{
	(void)event;
	world->broker.skew_ms = co_between(world, -300, 300);
	co_tell(world, "another leader of commands, its clock %lld ms off", (long long)world->broker.skew_ms);
}

static void back_in_service(struct co_world *world, struct co_event *event)
{
	(void)event;
	for (int worker = 0; worker < world->workers; worker++)
		world->wanted[worker] = world->wanted[worker] || worker == 0 || co_between(world, 0, 3) > 0;
	co_tell(world, "workers are wanted again");
}

/* Kafka deletes no group that has members. */
static void delete_group(struct co_world *world, struct co_event *event)
{
	if (!world->faulty)
		return;
	if (world->broker.group.member_count) {
		co_at(world, co_between(world, 50, 500), delete_group, event->a, 0, NULL);
		return;
	}
	co_tell(world, "the offsets of the group are deleted");
	co_broker_lose_offsets(world, (int32_t)event->a);
	co_at(world, co_between(world, 0, 1500), back_in_service, 0, 0, NULL);
}

/* Everybody is away: gone, told to stop, or standing still and back when all is over. */
static void go_out_of_service(struct co_world *world, struct co_event *event)
{
	for (int worker = 0; worker < world->workers; worker++)
		world->wanted[worker] = false;
	co_tell(world, "no worker is wanted any more");
	for (size_t i = 0; i < CO_PROCS_MAX; i++) {
		struct co_proc *proc = &world->procs[i];
		int64_t how = co_between(world, 0, 2);
		if (proc->alive && how == 0)
			atomic_store(&proc->lane.stop, true);
		else if (proc->alive && how == 1)
			proc->frozen_until_ms = proc->wake_ms = world->now_ms + co_between(world, 10000, 25000);
		else if (proc->alive)
			co_proc_kill(proc);
	}
	co_at(world, co_between(world, 0, 500), delete_group, event->a, 0, NULL);
}

static void change_own_replies(struct co_world *world, struct co_event *event)
{
	if (world->faulty)
		co_set_own_replies(world, (enum co_own_replies)event->a);
}

static void lose_partition(struct co_world *world, struct co_event *event)
{
	(void)event;
	if (world->faulty)
		co_lose_partition(world);
}

static void disaster(struct co_world *world, struct co_event *event)
{
	switch (event->a) {
	case 0:
		co_redis_flush(world);
		break;
	case 1:
		co_redis_fail_over(world);
		break;
	case 2:
		world->redis.down_until_ms = world->now_ms + co_between(world, 10, 4000);
		co_tell(world, "Redis is down for a while");
		break;
	case 3:
		world->broker.down_until_ms = world->now_ms + co_between(world, 10, 4000);
		co_tell(world, "Kafka is down for a while");
		break;
	case 4:
		co_broker_compact(world);
		break;
	case 5:
		for (size_t i = 0; i < CO_PROCS_MAX; i++)
			if (world->procs[i].alive)
				co_proc_kill(&world->procs[i]);
		break;
	default:
		break;
	}
}

static void heal(struct co_world *world, struct co_event *event)
{
	(void)event;
	world->faulty = false;
	co_tell(world, "the faults stop");
	world->broker.down_until_ms = world->redis.down_until_ms = 0;
	co_set_own_replies(world, CO_OWN_THERE);
	if (world->has[CO_FEATURE_STREAM] && co_between(world, 0, 1))
		co_send_last_ticks(world);
	for (int worker = 0; worker < world->workers; worker++)
		world->wanted[worker] = worker == 0 || world->wanted[worker];
	for (size_t i = 0; i < CO_PROCS_MAX; i++) {
		world->procs[i].skew_ms = 0;
		if (world->procs[i].frozen_until_ms > world->now_ms + 100)
			world->procs[i].frozen_until_ms = world->procs[i].wake_ms = world->now_ms + 100;
	}
}

/* ---- a seed's plan ---- */

static void plan_troubles(struct co_world *world)
{
	static const int chances[CO_TROUBLE_COUNT] = {
#define CO_TROUBLE(name, chance) chance,
#include "troubles.def"
#undef CO_TROUBLE
	};
	for (size_t i = 0; i < CO_TROUBLE_COUNT; i++)
		world->chance[i] = co_between(world, 0, 9) < 4 ? (int)(chances[i] * co_between(world, 1, 4)) : 0;
}

#define BYTES_MAX 14000      /* of any record of a worker's: the client's own limit */
#define FEW_BYTES 5000       /* too few for what is made to be too large, enough for everything else */
#define OUT_OF_SERVICE 14000 /* until a group without workers is empty */
#define FLUSHES_MAX 3        /* each one has the views made again */
#define MOVES_MAX 12
#define LOSSES_MAX 4
#define STUCK_FOR 30000   /* until a lane is under another id, and some time more */
#define SLOWER 300        /* in 10,000 more: longer than it takes to move a partition */
#define LATE_MARKERS 1000 /* in 10,000 more: a deleted group forgets what they would have told */

static void plan_features(struct co_world *world, int64_t *span_ms)
{
	static const int chances[CO_FEATURE_COUNT] = {
#define CO_FEATURE(name, text, chance) chance,
#include "features.def"
#undef CO_FEATURE
	};
	static const int64_t speeds[] = {1, 1, 4, 60};
	for (size_t i = 0; i < CO_FEATURE_COUNT; i++) {
		uint64_t before = world->random;
		world->random += i < CO_FEATURE_REBUILD ? 0 : i;
		world->has[i] = co_between(world, 0, 9999) < chances[i] || co_forced[i];
		if (i >= CO_FEATURE_REBUILD)
			world->random = before;
	}
	for (size_t i = 0; i < CO_M_TOPICS; i++)
		world->broker.bytes_max[i] = BYTES_MAX;
	if (world->has[CO_FEATURE_POISON]) {
		int64_t small = co_between(world, 0, CO_M_TOPICS);
		if (small < CO_M_TOPICS && small != CO_M_STATE)
			world->broker.bytes_max[small] = FEW_BYTES;
		for (int64_t n = co_between(world, 0, 5); n > 0; n--)
			co_at(world, co_between(world, 0, *span_ms), change_own_replies,
				  co_between(world, CO_OWN_THERE, CO_OWN_UNWRITABLE), 0, NULL);
	}
	if (world->has[CO_FEATURE_LOST]) {
		co_at(world, co_between(world, 500, *span_ms), go_out_of_service,
			  co_between(world, 0, 2) ? -1 : co_between(world, 0, world->partitions - 1), 0, NULL);
		*span_ms += OUT_OF_SERVICE;
		world->chance[CO_TROUBLE_MARKER_SLOW] += LATE_MARKERS;
	}
	if (world->has[CO_FEATURE_STREAM]) {
		world->stream_from_ms = CO_EPOCH_MS - co_between(world, -100, 400) * 86400000;
		world->stream_speed = speeds[co_between(world, 0, 3)];
	}
	if (world->has[CO_FEATURE_REBUILD])
		for (int64_t n = co_between(world, 1, FLUSHES_MAX); n > 0; n--)
			co_at(world, co_between(world, *span_ms / 4, *span_ms), disaster, 0, 0, NULL);
	if (world->has[CO_FEATURE_STUCK]) {
		for (int64_t n = co_between(world, 1, LOSSES_MAX); n > 0; n--)
			co_at(world, co_between(world, 0, *span_ms), lose_partition, 0, 0, NULL);
		*span_ms += STUCK_FOR;
	}
	if (world->has[CO_FEATURE_MOVES]) {
		world->partitions = world->partitions > 1 ? world->partitions : 2;
		world->workers = world->workers > 1 ? world->workers : 2;
		world->chance[CO_TROUBLE_SLOW] += SLOWER;
		for (int64_t n = co_between(world, 2, MOVES_MAX); n > 0; n--)
			co_resize_within(world, *span_ms);
	}
}

static void plan(struct co_world *world)
{
	int64_t span_ms = co_between(world, 8000, 30000);
	int64_t commands = co_between(world, 20, 100);
	world->partitions = (int32_t)co_between(world, 1, CO_PARTITIONS_MAX);
	world->workers = (int)co_between(world, 1, CO_WORKERS_MAX);
	world->references = (int)co_between(world, 2, 16);
	world->retention_ms = co_between(world, 1, 15) * 1000;
	world->faulty = true;
	plan_troubles(world);
	plan_features(world, &span_ms);
	static const size_t batches[] = {1, 3, 20, 1000};
	world->lane_settings = (struct co_lane_settings){.batch_max_records = batches[co_between(world, 0, 3)],
													 .batch_max_ms = co_between(world, 0, 50),
													 .expiry_poll_ms = co_between(world, 10, 200)};
	bool bursts = co_between(world, 0, 2) == 0;
	for (int64_t i = 0; i < commands; i++)
		co_at(world,
			  bursts ? co_between(world, 0, 5) * span_ms / 6 + co_between(world, 0, 40) : co_between(world, 0, span_ms),
			  people_send, 0, 0, NULL);
	for (int worker = 0; worker < world->workers; worker++)
		world->wanted[worker] = worker == 0 || co_between(world, 0, 3) > 0;
	for (int64_t n = co_between(world, 0, 6) - 1; n > 0; n--)
		co_at(world, co_between(world, 0, span_ms), disaster, co_between(world, 0, 5), 0, NULL);
	for (int64_t n = co_between(world, 0, 4) - 1; n > 0; n--)
		co_at(world, co_between(world, 0, span_ms), resize, co_between(world, 0, world->workers - 1), 0, NULL);
	for (int64_t n = co_between(world, 0, 3) - 1; n > 0; n--)
		co_at(world, co_between(world, 0, span_ms), replace, co_between(world, 0, world->workers - 1), 0, NULL);
	for (int64_t n = co_between(world, 0, 3) - 1; n > 0; n--)
		co_at(world, co_between(world, 0, span_ms), step_clock, co_between(world, 0, world->workers - 1), 0, NULL);
	for (int64_t n = co_between(world, 0, 3) - 1; n > 0; n--)
		co_at(world, co_between(world, 0, span_ms), move_leader, 0, 0, NULL);
	co_at(world, 0, copy_to_replica, 0, 0, NULL);
	co_at(world, 0, keep_house, 0, 0, NULL);
	co_at(world, 0, look_after, 0, 0, NULL);
	co_at(world, span_ms, heal, 0, 0, NULL);
}

/* ---- the loop ---- */

#define LONGEST_ECHO_MS 15000 /* a request that was held back arrives by then */
#define SETTLE_MS 90000

static struct co_event *next_event(struct co_world *world)
{
	struct co_event *first = NULL;
	for (size_t i = 0; i < world->event_count; i++) {
		struct co_event *event = &world->events[i];
		if (!first || event->at_ms < first->at_ms || (event->at_ms == first->at_ms && event->order < first->order))
			first = event;
	}
	return first;
}

static struct co_proc *next_proc(struct co_world *world)
{
	struct co_proc *first = NULL;
	for (size_t i = 0; i < CO_PROCS_MAX; i++) {
		struct co_proc *proc = &world->procs[i];
		if (proc->alive &&
			(!first || proc->wake_ms < first->wake_ms || (proc->wake_ms == first->wake_ms && proc->turn < first->turn)))
			first = proc;
	}
	return first;
}

static void go_on(struct co_world *world)
{
	struct co_event *event = next_event(world);
	struct co_proc *proc = next_proc(world);
	if (proc && proc->wake_ms < event->at_ms) {
		if (proc->wake_ms > world->now_ms)
			world->now_ms = proc->wake_ms;
		co_proc_run(proc);
		return;
	}
	struct co_event now = *event;
	*event = world->events[--world->event_count];
	world->now_ms = now.at_ms;
	now.happen(world, &now);
}

static void run_to_rest(struct co_world *world)
{
	int64_t healed_ms = 0;
	while (!world->symptom[0]) {
		go_on(world);
		if (++world->steps > 3000000)
			co_violated(world, "I10 the world does not come to rest in 3,000,000 steps");
		if (world->faulty)
			continue;
		if (!healed_ms)
			healed_ms = world->now_ms;
		if (world->now_ms - healed_ms < LONGEST_ECHO_MS)
			continue;
		if (world->steps % 64 == 0 && co_is_at_rest(world))
			return;
		if (world->now_ms - healed_ms > SETTLE_MS)
			co_violated(world, "I10 no progress: 90 s after the last fault there still is work to do");
	}
}

static void open_world(struct co_world *world, uint64_t seed, bool tell)
{
	static const char *const names[CO_M_TOPICS] = {CO_PREFIX "commands", CO_PREFIX "replies", CO_PREFIX "errors",
												   CO_PREFIX "events",   CO_PREFIX "state",   CO_PREFIX "dlq",
												   CO_OWN_REPLIES};
	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->random = seed * 0x2545f4914f6cdd1du + 1;
	world->telling = tell;
	world->now_ms = CO_EPOCH_MS;
	plan(world);
	struct co_desk_wish wish = {.prefix = CO_PREFIX,
								.source = "/checkout/session-worker",
								.partition_count = world->partitions,
								.retention_ms = world->retention_ms,
								.append = !world->has[CO_FEATURE_STREAM]};
	if (co_desk_init(&world->desk, &wish, NULL) != CO_OK)
		abort();
	for (size_t i = 0; i < CO_M_TOPICS; i++) {
		(void)snprintf(world->broker.topics[i].name, sizeof(world->broker.topics[i].name), "%s", names[i]);
		world->broker.topics[i].partition_count = i == CO_M_OWN_REPLIES ? CO_OWN_REPLIES_PARTITIONS : world->partitions;
	}
	for (int32_t p = 0; p < world->partitions; p++)
		world->broker.group.positions[p] = world->broker.group.truth[p] =
			(struct co_position){.partition = p, .offset = -1};
	co_tell(world, "seed %llu: %d partitions, %d workers, batches of %zu%s%s%s%s%s%s", (unsigned long long)seed,
			world->partitions, world->workers, world->lane_settings.batch_max_records,
			world->has[CO_FEATURE_POISON] ? ", poison" : "", world->has[CO_FEATURE_LOST] ? ", lost offsets" : "",
			world->has[CO_FEATURE_STREAM] ? ", the stream's clock" : "",
			world->has[CO_FEATURE_REBUILD] ? ", rebuilds" : "", world->has[CO_FEATURE_MOVES] ? ", moves" : "",
			world->has[CO_FEATURE_STUCK] ? ", stuck ids" : "");
}

static void close_world(struct co_world *world)
{
	for (size_t i = 0; i < CO_PROCS_MAX; i++)
		if (world->procs[i].alive)
			co_proc_kill(&world->procs[i]);
	for (size_t i = 0; i < world->event_count; i++)
		free(world->events[i].what);
	free(world->events);
	free(world->sent);
	co_broker_clear(world);
	co_redis_clear(world);
	co_desk_clear(&world->desk);
}

static void add_tallies(struct co_world *world, struct co_tallies *to)
{
	for (int32_t p = 0; p < world->partitions; p++)
		to->commands += world->broker.topics[CO_M_COMMANDS].parts[p].count;
	to->poisoned += world->tallies.poisoned;
	to->untaken += world->tallies.untaken;
	to->redirected += world->tallies.redirected;
	to->refused += world->tallies.refused;
	to->lost += world->tallies.lost;
	to->tails += world->tallies.tails;
	to->rotations += world->tallies.rotations;
	to->streams += world->has[CO_FEATURE_STREAM];
}

bool co_simulate(uint64_t seed, bool tell, char *symptom, size_t size, struct co_tallies *tallies)
{
	static struct co_world world;
	open_world(&world, seed, tell);
	run_to_rest(&world);
	if (!world.symptom[0])
		co_check_all(&world);
	(void)snprintf(symptom, size, "%s", world.symptom);
	add_tallies(&world, tallies);
	close_world(&world);
	return symptom[0] == '\0';
}
