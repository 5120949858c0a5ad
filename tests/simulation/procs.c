#include "procs.h"

#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define CO_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CO_ASAN 1
#endif
#endif
#ifdef CO_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define STACK_BYTES ((size_t)512 * 1024)

/* ---- memory that dies with its process ---- */

struct co_block {
	struct co_block *before, *after;
	struct co_block **head;
	size_t size;
};

static struct co_block **owner; /* of what is allocated now */

static void link_in(struct co_block *block)
{
	block->head = owner;
	block->before = NULL;
	block->after = owner ? *owner : NULL;
	if (block->after)
		block->after->before = block;
	if (owner)
		*owner = block;
}

static void unlink_block(struct co_block *block)
{
	if (block->before)
		block->before->after = block->after;
	else if (block->head)
		*block->head = block->after;
	if (block->after)
		block->after->before = block->before;
}

void *co_sim_malloc(size_t size)
{
	struct co_block *block = malloc(sizeof(*block) + size);
	if (!block)
		abort();
	block->size = size;
	link_in(block);
	return block + 1;
}

void *co_sim_calloc(size_t count, size_t size)
{
	return memset(co_sim_malloc(count * size), 0, count * size);
}

void *co_sim_realloc(void *old, size_t size)
{
	void *fresh = co_sim_malloc(size);
	if (old) {
		size_t kept = ((struct co_block *)old - 1)->size;
		memcpy(fresh, old, kept < size ? kept : size);
		co_sim_free(old);
	}
	return fresh;
}

void co_sim_free(void *memory)
{
	if (!memory)
		return;
	struct co_block *block = (struct co_block *)memory - 1;
	unlink_block(block);
	free(block);
}

static void forget_blocks(struct co_proc *proc)
{
	while (proc->blocks) {
		struct co_block *block = proc->blocks;
		unlink_block(block);
		free(block);
	}
}

/* ---- switching ---- */

static void to_scheduler(struct co_proc *proc, bool for_good)
{
	struct co_world *world = proc->world;
#ifdef CO_ASAN
	const void *bottom;
	size_t size;
	__sanitizer_start_switch_fiber(for_good ? NULL : &proc->fake_stack, world->scheduler_stack, STACK_BYTES);
	(void)swapcontext(&proc->context, &world->scheduler);
	__sanitizer_finish_switch_fiber(proc->fake_stack, &bottom, &size);
	world->scheduler_stack = (void *)(uintptr_t)bottom;
#else
	(void)for_good;
	(void)swapcontext(&proc->context, &world->scheduler);
#endif
}

void co_proc_run(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	world->current = proc;
	owner = &proc->blocks;
#ifdef CO_ASAN
	void *fake = NULL;
	__sanitizer_start_switch_fiber(&fake, proc->stack, STACK_BYTES);
	(void)swapcontext(&world->scheduler, &proc->context);
	__sanitizer_finish_switch_fiber(fake, NULL, NULL);
#else
	(void)swapcontext(&world->scheduler, &proc->context);
#endif
	owner = NULL;
	world->current = NULL;
	if (!proc->alive)
		co_proc_kill(proc);
}

static void end_here(struct co_proc *proc)
{
	proc->alive = false;
	to_scheduler(proc, true);
}

static void freeze(struct co_proc *proc, int64_t freeze_ms)
{
	co_tell(proc->world, "freezes for %lld ms", (long long)freeze_ms);
	proc->frozen_until_ms = proc->world->now_ms + freeze_ms;
}

void co_proc_step(struct co_proc *proc, int64_t for_ms)
{
	struct co_world *world = proc->world;
	if (co_strikes_more(proc, CO_TROUBLE_CRASH, 4)) {
		co_tell(world, "crashes");
		end_here(proc);
	}
	if (co_strikes(world, CO_TROUBLE_SLOW))
		for_ms += co_between(world, 0, 2000);
	if (co_strikes_more(proc, CO_TROUBLE_FREEZE, 8)) {
		int64_t freeze_ms = co_between(world, 100, 25000);
		freeze(proc, freeze_ms);
		/* that its successor has to make the view again while it sleeps over its own attempt is rare, and worst */
		if (proc->lane.phase != CO_LANE_RUN && co_between(world, 0, 2) == 0)
			co_redis_flush_within(world, freeze_ms);
		for_ms = freeze_ms;
	}
	proc->wake_ms = world->now_ms + for_ms;
	proc->turn = co_random(world);
	to_scheduler(proc, false);
}

void co_proc_stall(struct co_proc *proc, enum co_feature feature, int chance)
{
	struct co_world *world = proc->world;
	if (!world->faulty || !world->has[feature] || co_between(world, 0, 9999) >= chance)
		return;
	int64_t stall_ms = co_between(world, 100, co_between(world, 0, 1) ? 5000 : 25000);
	if (co_between(world, 0, 1))
		freeze(proc, stall_ms);
	else
		co_tell(world, "stalls for %lld ms", (long long)stall_ms);
	if (feature == CO_FEATURE_MOVES && co_between(world, 0, 1))
		co_resize_within(world, stall_ms);
	else
		co_replace_within(world, proc->worker, stall_ms);
	if (proc->lane.phase != CO_LANE_RUN)
		co_redis_flush_within(world, stall_ms);
	co_proc_step(proc, stall_ms);
}

/* ---- life ---- */

struct co_proc *co_proc_of(struct co_world *world, int worker)
{
	struct co_proc *latest = NULL;
	for (size_t i = 0; i < CO_PROCS_MAX; i++) {
		struct co_proc *proc = &world->procs[i];
		if (proc->alive && proc->worker == worker && (!latest || proc->id > latest->id))
			latest = proc;
	}
	return latest;
}

struct co_proc *co_proc_by_id(struct co_world *world, uint64_t id)
{
	for (size_t i = 0; i < CO_PROCS_MAX; i++)
		if (world->procs[i].alive && world->procs[i].id == id)
			return &world->procs[i];
	return NULL;
}

bool co_proc_is_frozen(const struct co_proc *proc)
{
	return proc->frozen_until_ms > proc->world->now_ms;
}

static void live(unsigned high, unsigned low)
{
	struct co_proc *proc = (struct co_proc *)((uintptr_t)high << 32 | low);
	struct co_world *world = proc->world;
#ifdef CO_ASAN
	const void *bottom;
	size_t size;
	__sanitizer_finish_switch_fiber(NULL, &bottom, &size);
	world->scheduler_stack = (void *)(uintptr_t)bottom;
#endif
	struct co_lane_ports ports = co_proc_ports(proc);
	struct co_lane_settings settings = world->lane_settings;
	co_lane_init(&proc->lane, &world->desk, &ports, &settings);
	enum co_status status = CO_OK;
	while (status == CO_OK)
		status = co_lane_step(&proc->lane);
	co_tell(world, "ends: %s", co_status_name(status));
	if (status == CO_VIEW_AHEAD)
		co_violated(world, "a worker halts for a view ahead of the log, and the log lost nothing");
	else if (status != CO_STOPPED && status != CO_FENCED)
		co_violated(world, "a worker gives up: %s", co_status_name(status));
	end_here(proc);
}

static int64_t wall_ms(void *self)
{
	const struct co_proc *proc = self;
	return proc->world->now_ms + proc->skew_ms;
}

static int64_t monotonic_ms(void *self)
{
	const struct co_proc *proc = self;
	return proc->world->now_ms - CO_EPOCH_MS + 1000;
}

static void sleep_ms(void *self, int64_t duration_ms)
{
	co_proc_step(self, duration_ms);
}

struct co_lane_ports co_proc_ports(struct co_proc *proc)
{
	return (struct co_lane_ports){
		.inbox = co_model_inbox(proc),
		.outbox = co_model_outbox(proc),
		.replay = co_model_replay(proc),
		.store = co_model_store(proc),
		.registry = co_model_registry(),
		.clock = {.self = proc, .wall_ms = wall_ms, .monotonic_ms = monotonic_ms, .sleep_ms = sleep_ms}};
}

/* Stacks outlive the worlds: a seed more costs no mapping. */
static void *stack_of(size_t slot)
{
	static void *stacks[CO_PROCS_MAX];
	if (!stacks[slot])
		stacks[slot] = malloc(STACK_BYTES);
	if (!stacks[slot])
		abort();
	return stacks[slot];
}

static void prepare(struct co_proc *proc)
{
#ifdef CO_ASAN
	__asan_unpoison_memory_region(proc->stack, STACK_BYTES);
#endif
	if (getcontext(&proc->context) != 0)
		abort();
	proc->context.uc_stack.ss_sp = proc->stack;
	proc->context.uc_stack.ss_size = STACK_BYTES;
	proc->context.uc_link = NULL;
	uintptr_t self = (uintptr_t)proc;
	makecontext(&proc->context, (void (*)(void))(uintptr_t)live, 2, (unsigned)(self >> 32), (unsigned)self);
}

bool co_proc_start(struct co_world *world, int worker)
{
	size_t slot = 0;
	while (slot < CO_PROCS_MAX && world->procs[slot].alive)
		slot++;
	if (slot == CO_PROCS_MAX)
		return false;
	struct co_proc *proc = &world->procs[slot];
	memset(proc, 0, sizeof(*proc));
	proc->world = world;
	proc->worker = worker;
	proc->id = ++world->proc_ids;
	proc->alive = true;
	proc->wake_ms = world->now_ms;
	proc->turn = co_random(world);
	proc->skew_ms = world->faulty ? co_between(world, -200, 200) : 0;
	proc->inbox.generation = -1;
	proc->stack = stack_of(slot);
	prepare(proc);
	co_tell(world, "worker %d starts as process %d", worker, (int)proc->id);
	return true;
}

void co_proc_kill(struct co_proc *proc)
{
	if (proc->alive)
		co_tell(proc->world, "process %d of worker %d is killed", (int)proc->id, proc->worker);
	proc->alive = false;
	co_arena_clear(&proc->lane.batch_arena);
	co_arena_clear(&proc->lane.round_arena);
	co_model_clients_clear(proc);
	forget_blocks(proc);
}
