/* Redis as the scripts of adapters/redis_scripts.c see it, and what adapters/redis_store.c makes of it: calls that do
 * not run, run without an answer, or run later; a server that forgets. */
#include "procs.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MS_MAX 8000
#define STALLED 4000   /* of 10,000 sweeps, in worlds with rebuilds */
#define TAIL_LOST 2000 /* of 10,000 pieces, in worlds with rebuilds */

/* ---- what is kept ---- */

static void clear_generation(struct co_generation *generation)
{
	for (size_t i = 0; i < generation->count; i++)
		free(generation->items[i].bytes);
	free(generation->items);
	*generation = (struct co_generation){.name = generation->name};
}

static void clear_shown(struct co_shown *shown)
{
	for (size_t i = 0; i < shown->generation_count; i++)
		clear_generation(&shown->generations[i]);
	free(shown->generations);
	*shown = (struct co_shown){.generation = 0};
}

static char *bytes_dup(const char *bytes, size_t length)
{
	char *copy = malloc(length + 1);
	if (!copy)
		abort();
	return memcpy(copy, bytes, length);
}

static struct co_shown copy_shown(const struct co_shown *from)
{
	struct co_shown to = *from;
	to.generations = calloc(from->generation_count + 1, sizeof(*to.generations));
	if (!to.generations)
		abort();
	for (size_t g = 0; g < from->generation_count; g++) {
		struct co_generation *generation = &to.generations[g];
		*generation = from->generations[g];
		generation->items = calloc(generation->count + 1, sizeof(*generation->items));
		if (!generation->items)
			abort();
		for (size_t i = 0; i < generation->count; i++) {
			generation->items[i] = from->generations[g].items[i];
			generation->items[i].bytes = bytes_dup(generation->items[i].bytes, generation->items[i].length);
		}
	}
	return to;
}

/* Made when it is not there, as keys are. */
static struct co_generation *generation_of(struct co_shown *shown, uint64_t name)
{
	for (size_t i = 0; i < shown->generation_count; i++)
		if (shown->generations[i].name == name)
			return &shown->generations[i];
	shown->generations = realloc(shown->generations, (shown->generation_count + 1) * sizeof(*shown->generations));
	if (!shown->generations)
		abort();
	struct co_generation *fresh = &shown->generations[shown->generation_count++];
	*fresh = (struct co_generation){.name = name};
	return fresh;
}

const struct co_generation *co_redis_generation(const struct co_shown *shown)
{
	static const struct co_generation none;
	for (size_t i = 0; i < shown->generation_count; i++)
		if (shown->generations[i].name == shown->generation)
			return &shown->generations[i];
	return &none;
}

static size_t place_of(const struct co_generation *generation, const struct co_uuid *id)
{
	size_t at = 0;
	while (at < generation->count && !co_uuid_eq(&generation->items[at].id, id))
		at++;
	return at;
}

static void put(struct co_generation *generation, const struct co_store_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = place_of(generation, &entries[i].id);
		if (at < generation->count)
			free(generation->items[at].bytes);
		if (!entries[i].stored.ptr) {
			if (at < generation->count)
				generation->items[at] = generation->items[--generation->count];
			continue;
		}
		if (at == generation->count) {
			generation->items = realloc(generation->items, ++generation->count * sizeof(*generation->items));
			if (!generation->items)
				abort();
		}
		generation->items[at] = (struct co_kept){.id = entries[i].id,
												 .bytes = bytes_dup(entries[i].stored.ptr, entries[i].stored.len),
												 .length = entries[i].stored.len,
												 .due_ms = entries[i].due_ms,
												 .held_ms = entries[i].held_ms};
	}
}

/* ---- what happens to the server ---- */

static void cut_connections(struct co_world *world)
{
	for (size_t i = 0; i < CO_PROCS_MAX; i++)
		world->procs[i].store.cut = world->procs[i].alive;
}

void co_redis_flush(struct co_world *world)
{
	for (size_t p = 0; p < CO_PARTITIONS_MAX; p++)
		clear_shown(&world->redis.shards[p]);
	co_tell(world, "Redis is flushed");
}

static void flush_now(struct co_world *world, struct co_event *event)
{
	(void)event;
	if (world->faulty)
		co_redis_flush(world);
}

void co_redis_flush_within(struct co_world *world, int64_t within_ms)
{
	co_at(world, co_between(world, 0, within_ms), flush_now, 0, 0, NULL);
}

void co_redis_copy_to_replica(struct co_world *world)
{
	for (size_t p = 0; p < CO_PARTITIONS_MAX; p++) {
		clear_shown(&world->redis.replica[p]);
		world->redis.replica[p] = copy_shown(&world->redis.shards[p]);
	}
}

/* Half of the time somebody stands between that hides it (a proxy), and no connection breaks. */
void co_redis_fail_over(struct co_world *world)
{
	bool hidden = co_between(world, 0, 1);
	for (size_t p = 0; p < CO_PARTITIONS_MAX; p++) {
		clear_shown(&world->redis.shards[p]);
		world->redis.shards[p] = copy_shown(&world->redis.replica[p]);
	}
	if (!hidden)
		cut_connections(world);
	co_tell(world, "Redis fails over to an older replica%s", hidden ? ", unseen" : "");
}

void co_redis_clear(struct co_world *world)
{
	for (size_t p = 0; p < CO_PARTITIONS_MAX; p++) {
		clear_shown(&world->redis.shards[p]);
		clear_shown(&world->redis.replica[p]);
	}
}

/* ---- the scripts ---- */

enum write_kind { WRITE_APPLY, WRITE_OPEN, WRITE_PUT, WRITE_PUBLISH };

struct write {
	enum write_kind kind;
	int32_t partition;
	int64_t from_seq, to_seq, clog;
	bool was_present;
	uint64_t was_generation, fresh;
	int64_t put_count;
	size_t count;
	struct co_store_entry *entries; /* bytes owned when late */
};

static bool is_at(const struct co_shown *shown, int64_t seq)
{
	return CO_MUTATED(NO_CAS) || (shown->mark.present ? shown->mark.seq : 0) == seq;
}

/* Something of what was put into the generation is not there any more. */
static bool is_broken(const struct co_generation *fresh, const struct write *write)
{
	bool flushed = !CO_MUTATED(REBUILD_UNCHECKED) && !fresh->live;
	return flushed ||
		   (!CO_MUTATED(REBUILD_UNCHECKED) && !CO_MUTATED(PUTS_UNCOUNTED) && fresh->put_count != write->put_count);
}

static enum co_status run_publish(struct co_shown *shown, const struct write *write)
{
	if (shown->mark.present != write->was_present || shown->generation != write->was_generation ||
		(shown->mark.present && shown->mark.seq != write->from_seq))
		return CO_VIEW_MISMATCH;
	struct co_generation *fresh = generation_of(shown, write->fresh);
	if (is_broken(fresh, write))
		return CO_VIEW_MISMATCH;
	fresh->live = false;
	shown->generation = write->fresh;
	shown->mark = (struct co_store_mark){.present = true, .seq = write->to_seq, .clog = write->clog};
	return CO_OK;
}

static enum co_status run_write(struct co_world *world, const struct write *write)
{
	struct co_shown *shown = &world->redis.shards[write->partition];
	struct co_generation *fresh;
	switch (write->kind) {
	case WRITE_APPLY:
		if (!is_at(shown, write->from_seq))
			return CO_VIEW_MISMATCH;
		put(generation_of(shown, shown->generation), write->entries, write->count);
		shown->mark = (struct co_store_mark){.present = true, .seq = write->to_seq, .clog = write->clog};
		return CO_OK;
	case WRITE_OPEN:
		fresh = generation_of(shown, write->fresh);
		fresh->live = true;
		fresh->put_count = 0;
		return CO_OK;
	case WRITE_PUT:
		fresh = generation_of(shown, write->fresh);
		if (is_broken(fresh, write))
			return CO_VIEW_MISMATCH;
		put(fresh, write->entries, write->count);
		fresh->put_count++;
		return CO_OK;
	case WRITE_PUBLISH:
		return run_publish(shown, write);
	}
	return CO_VIEW_DOWN;
}

static void late_write(struct co_world *world, struct co_event *event)
{
	struct write *write = event->what;
	co_tell(world, "a late write to Redis runs: %s", co_status_name(run_write(world, write)));
	free(write);
}

/* A copy in one block, for later. */
static struct write *keep_write(const struct write *write)
{
	size_t bytes = sizeof(*write) + write->count * sizeof(*write->entries);
	for (size_t i = 0; i < write->count; i++)
		bytes += write->entries[i].stored.len;
	struct write *kept = malloc(bytes);
	if (!kept)
		abort();
	*kept = *write;
	kept->entries = (struct co_store_entry *)(kept + 1);
	char *at = (char *)(kept->entries + write->count);
	for (size_t i = 0; i < write->count; i++) {
		kept->entries[i] = write->entries[i];
		if (!write->entries[i].stored.ptr)
			continue;
		memcpy(at, write->entries[i].stored.ptr, write->entries[i].stored.len);
		kept->entries[i].stored.ptr = at;
		at += write->entries[i].stored.len;
	}
	return kept;
}

/* ---- the client ---- */

/* All of it, what the replica had not yet, or just the last few writes: the replica is as of now, and takes over soon.
 */
static void forget_something(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	if (world->redis.calls_left > 0 && --world->redis.calls_left == 0)
		co_redis_fail_over(world);
	if (!co_strikes_more(proc, CO_TROUBLE_REDIS_FORGETS, 20))
		return;
	int64_t what = co_between(world, 0, 3);
	if (what == 0) {
		co_redis_flush(world);
	} else if (what == 1) {
		co_redis_fail_over(world);
	} else {
		co_redis_copy_to_replica(world);
		world->redis.calls_left = (int)co_between(world, 1, 4);
	}
}

/* The replica has what was there before this call, and not what this call writes. */
static void lose_tail(struct co_world *world)
{
	if (!world->faulty || !world->has[CO_FEATURE_REBUILD] || world->redis.calls_left ||
		co_between(world, 0, 9999) >= TAIL_LOST)
		return;
	co_redis_copy_to_replica(world);
	world->redis.calls_left = (int)co_between(world, 2, 3); /* this call is the first */
	world->tallies.tails++;
}

static bool cannot_ask(struct co_proc *proc)
{
	struct co_world *world = proc->world;
	co_proc_step(proc, co_between(world, 0, 1));
	forget_something(proc);
	bool cut = proc->store.cut;
	proc->store.cut = false;
	if (!cut && world->redis.down_until_ms <= world->now_ms && !co_strikes(world, CO_TROUBLE_REDIS_BEFORE))
		return false;
	co_proc_step(proc, co_between(world, 0, 100));
	co_tell(world, "Redis does not answer");
	return true;
}

static enum co_status send_write(struct co_proc *proc, const char *what, const struct write *write)
{
	struct co_world *world = proc->world;
	if (cannot_ask(proc))
		return CO_VIEW_DOWN;
	if (co_strikes(world, CO_TROUBLE_REDIS_LATE)) {
		co_at(world, co_between(world, 0, LATE_MS_MAX), late_write, 0, 0, keep_write(write));
		co_tell(world, "%s: no answer, it may still run", what);
		co_proc_step(proc, 500);
		return CO_VIEW_DOWN;
	}
	enum co_status status = run_write(world, write);
	bool unheard = co_strikes(world, CO_TROUBLE_REDIS_AFTER);
	co_tell(world, "%s shard %d, %lld to %lld: %s%s", what, write->partition, (long long)write->from_seq,
			(long long)write->to_seq, co_status_name(status), unheard ? ", unheard" : "");
	co_proc_step(proc, unheard ? 500 : 0);
	return unheard ? CO_VIEW_DOWN : status;
}

static enum co_status store_mark(void *self, int32_t partition, struct co_store_mark *out)
{
	struct co_proc *proc = self;
	if (cannot_ask(proc))
		return CO_VIEW_DOWN;
	*out = proc->world->redis.shards[partition].mark;
	co_tell(proc->world, "mark: shard %d shows %lld", partition, out->present ? (long long)out->seq : -1LL);
	co_proc_step(proc, 0);
	return CO_OK;
}

static struct co_view borrowed(struct co_arena *arena, const struct co_kept *kept)
{
	return co_view_dup(arena, co_view_make(kept->bytes, kept->length));
}

static int by_deadline(const void *left, const void *right)
{
	const struct co_store_entry *a = left, *b = right;
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms ? -1 : 1;
	return co_uuid_compare(&a->id, &b->id);
}

static enum co_status load_one(struct co_world *world, struct co_arena *arena, struct co_store_load *load)
{
	const struct co_shown *shown = &world->redis.shards[load->partition];
	const struct co_generation *generation = co_redis_generation(shown);
	if (!is_at(shown, load->seq))
		return CO_VIEW_MISMATCH;
	load->found = CO_NEW_ARRAY(arena, struct co_store_entry, load->id_count);
	for (size_t i = 0; i < load->id_count; i++) {
		size_t at = place_of(generation, &load->ids[i]);
		load->found[i] = (struct co_store_entry){.id = load->ids[i], .due_ms = CO_NEVER, .held_ms = CO_NEVER};
		if (at < generation->count)
			load->found[i].stored = borrowed(arena, &generation->items[at]);
	}
	load->due = CO_NEW_ARRAY(arena, struct co_store_entry, generation->count);
	load->due_count = 0;
	for (size_t i = 0; i < generation->count; i++) {
		const struct co_kept *kept = &generation->items[i];
		if (kept->due_ms != CO_NEVER && kept->due_ms <= load->due_until_ms)
			load->due[load->due_count++] = (struct co_store_entry){
				.id = kept->id, .due_ms = kept->due_ms, .held_ms = CO_NEVER, .stored = borrowed(arena, kept)};
	}
	qsort(load->due, load->due_count, sizeof(*load->due), by_deadline);
	if (load->due_count > load->due_max)
		load->due_count = load->due_max;
	return CO_OK;
}

static enum co_status store_load(void *self, struct co_arena *arena, struct co_store_load *loads, size_t count)
{
	struct co_proc *proc = self;
	enum co_status worst = CO_OK;
	if (cannot_ask(proc))
		return CO_VIEW_DOWN;
	for (size_t i = 0; i < count; i++) {
		enum co_status status = load_one(proc->world, arena, &loads[i]);
		co_tell(proc->world, "load: shard %d at %lld: %s", loads[i].partition, (long long)loads[i].seq,
				co_status_name(status));
		if (status != CO_OK)
			worst = status;
	}
	co_proc_step(proc, 0);
	return worst;
}

static enum co_status store_apply(void *self, const struct co_store_apply *applies, size_t count)
{
	enum co_status worst = CO_OK;
	for (size_t i = 0; i < count; i++) {
		struct write write = {.kind = WRITE_APPLY,
							  .partition = applies[i].partition,
							  .from_seq = applies[i].from_seq,
							  .to_seq = applies[i].to_seq,
							  .clog = applies[i].clog,
							  .count = applies[i].count,
							  .entries = (struct co_store_entry *)(uintptr_t)applies[i].entries};
		enum co_status status = send_write(self, "apply", &write);
		if (status == CO_VIEW_DOWN)
			return status;
		if (status != CO_OK)
			worst = status;
	}
	return worst;
}

static enum co_status store_rebuild_begin(void *self, int32_t partition)
{
	struct co_proc *proc = self;
	const struct co_shown *shown = &proc->world->redis.shards[partition];
	if (cannot_ask(proc))
		return CO_VIEW_DOWN;
	proc->store.rebuilds[partition].present = shown->mark.present;
	proc->store.rebuilds[partition].seq = shown->mark.seq;
	proc->store.rebuilds[partition].generation = shown->generation;
	proc->store.rebuilds[partition].fresh = ++proc->world->redis.names;
	proc->store.rebuilds[partition].put_count = 0;
	struct write write = {.kind = WRITE_OPEN, .partition = partition, .fresh = proc->store.rebuilds[partition].fresh};
	return send_write(proc, "rebuild opens", &write);
}

static enum co_status store_rebuild_put(void *self, int32_t partition, const struct co_store_entry *entries,
										size_t count)
{
	struct co_proc *proc = self;
	struct write write = {.kind = WRITE_PUT,
						  .partition = partition,
						  .fresh = proc->store.rebuilds[partition].fresh,
						  .put_count = proc->store.rebuilds[partition].put_count++,
						  .count = count,
						  .entries = (struct co_store_entry *)(uintptr_t)entries};
	lose_tail(proc->world);
	return send_write(proc, "rebuild fills", &write);
}

/* Other generations are swept away behind a publication, as the adapter does: not in one step with it. Who stands still
 * in between may find another's generation in use. */
static void sweep(struct co_proc *proc, int32_t partition)
{
	co_proc_stall(proc, CO_FEATURE_REBUILD, STALLED);
	co_proc_step(proc, co_between(proc->world, 0, 3));
	struct co_shown *shown = &proc->world->redis.shards[partition];
	if (shown->generation != proc->store.rebuilds[partition].fresh && !CO_MUTATED(BLIND_SWEEP))
		return;
	for (size_t i = 0; i < shown->generation_count; i++)
		if (shown->generations[i].name != proc->store.rebuilds[partition].fresh)
			clear_generation(&shown->generations[i]);
}

static enum co_status store_rebuild_publish(void *self, int32_t partition, int64_t seq, int64_t clog)
{
	struct co_proc *proc = self;
	struct write write = {.kind = WRITE_PUBLISH,
						  .partition = partition,
						  .was_present = proc->store.rebuilds[partition].present,
						  .from_seq = proc->store.rebuilds[partition].seq,
						  .was_generation = proc->store.rebuilds[partition].generation,
						  .fresh = proc->store.rebuilds[partition].fresh,
						  .put_count = proc->store.rebuilds[partition].put_count,
						  .to_seq = seq,
						  .clog = clog};
	CO_TRY(send_write(proc, "rebuild is published", &write));
	sweep(proc, partition);
	return CO_OK;
}

static enum co_status store_census(void *self, int32_t partition, int64_t now_ms, struct co_store_census *out)
{
	struct co_proc *proc = self;
	if (cannot_ask(proc))
		return CO_VIEW_DOWN;
	const struct co_generation *generation = co_redis_generation(&proc->world->redis.shards[partition]);
	*out = (struct co_store_census){.next_due_ms = CO_NEVER, .next_expiry_ms = CO_NEVER};
	for (size_t i = 0; i < generation->count; i++) {
		const struct co_kept *kept = &generation->items[i];
		bool lives = kept->length > 0 && kept->bytes[0] == 'L';
		out->live += lives;
		out->overdue += kept->held_ms <= now_ms;
		if (kept->due_ms < out->next_due_ms)
			out->next_due_ms = kept->due_ms;
		if (lives && kept->due_ms < out->next_expiry_ms)
			out->next_expiry_ms = kept->due_ms;
	}
	return CO_OK;
}

struct co_store co_model_store(struct co_proc *proc)
{
	return (struct co_store){.self = proc,
							 .mark = store_mark,
							 .load = store_load,
							 .apply = store_apply,
							 .rebuild_begin = store_rebuild_begin,
							 .rebuild_put = store_rebuild_put,
							 .rebuild_publish = store_rebuild_publish,
							 .census = store_census};
}
