#include "sim.h"

#include "sim_internal.h"
#include "tk.h"

#include <stdlib.h>
#include <string.h>

/* ---- one generation: sessions in the order of their ids ---- */

static size_t place_of(const struct co_sim_generation *generation, const struct co_uuid *id, bool *found)
{
	size_t low = 0, high = generation->count;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = memcmp(generation->items[middle].id.bytes, id->bytes, sizeof(id->bytes));
		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void remove_at(struct co_sim_generation *generation, size_t at)
{
	free(generation->items[at].bytes);
	memmove(&generation->items[at], &generation->items[at + 1],
			(generation->count - at - 1) * sizeof(*generation->items));
	generation->count--;
}

static void put_entry(struct co_sim_generation *generation, const struct co_store_entry *entry)
{
	bool found;
	size_t at = place_of(generation, &entry->id, &found);

	if (!entry->stored.ptr) {
		if (found)
			remove_at(generation, at);
		return;
	}
	if (!found) {
		if (generation->count == generation->cap) {
			generation->cap = generation->cap ? generation->cap * 2 : 64;
			generation->items = co_tk_grow(generation->items, generation->cap * sizeof(*generation->items));
		}
		memmove(&generation->items[at + 1], &generation->items[at],
				(generation->count - at) * sizeof(*generation->items));
		generation->count++;
		generation->items[at] = (struct co_sim_stored){.id = entry->id};
	}
	struct co_sim_stored *stored = &generation->items[at];
	free(stored->bytes);
	stored->bytes = co_tk_alloc(entry->stored.len);
	memcpy(stored->bytes, entry->stored.ptr, entry->stored.len);
	stored->length = entry->stored.len;
	stored->due_ms = entry->due_ms;
	stored->held_ms = entry->held_ms;
}

static void clear_generation(struct co_sim_generation *generation)
{
	for (size_t i = 0; i < generation->count; i++)
		free(generation->items[i].bytes);
	free(generation->items);
	*generation = (struct co_sim_generation){0};
}

/* ---- the store ---- */

void co_sim_store_init(struct co_sim_store *store, int32_t partitions)
{
	store->view_count = (size_t)partitions;
	store->views = co_tk_alloc(store->view_count * sizeof(*store->views));
}

void co_sim_store_flush(struct co_sim_store *store)
{
	for (size_t i = 0; i < store->view_count; i++) {
		clear_generation(&store->views[i].live);
		clear_generation(&store->views[i].staged);
		store->views[i] = (struct co_sim_view){0};
	}
}

void co_sim_store_clear(struct co_sim_store *store)
{
	co_sim_store_flush(store);
	free(store->views);
	*store = (struct co_sim_store){0};
}

static struct co_sim_view *view_of(struct co_sim_store_client *client, int32_t partition)
{
	co_tk_check(partition >= 0 && (size_t)partition < client->store->view_count, "no shard %d", partition);
	return &client->store->views[partition];
}

/* A shard that was never written shows sequence 0. */
static int64_t seq_of(const struct co_sim_view *view)
{
	return view->mark.present ? view->mark.seq : 0;
}

static struct co_view borrowed(struct co_arena *arena, const struct co_sim_stored *stored)
{
	char *copy = co_arena_alloc(arena, stored->length);

	memcpy(copy, stored->bytes, stored->length);
	return (struct co_view){copy, stored->length};
}

static enum co_status mark(void *self, int32_t partition, struct co_store_mark *out)
{
	struct co_sim_store_client *client = self;

	if (co_sim_ask(&client->faults, CO_SIM_MARK) != CO_SIM_NONE)
		return CO_VIEW_DOWN;
	*out = view_of(client, partition)->mark;
	return CO_OK;
}

static int by_deadline(const void *left, const void *right)
{
	const struct co_store_entry *a = left, *b = right;

	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms ? -1 : 1;
	return memcmp(a->id.bytes, b->id.bytes, sizeof(a->id.bytes));
}

static void find_due(const struct co_sim_view *view, struct co_arena *arena, struct co_store_load *load)
{
	struct co_store_entry *due = co_tk_alloc((view->live.count + 1) * sizeof(*due));
	size_t count = 0;

	for (size_t i = 0; i < view->live.count; i++) {
		const struct co_sim_stored *stored = &view->live.items[i];
		if (stored->due_ms != CO_NEVER && stored->due_ms <= load->due_until_ms)
			due[count++] = (struct co_store_entry){.id = stored->id, .due_ms = stored->due_ms, .held_ms = CO_NEVER};
	}
	qsort(due, count, sizeof(*due), by_deadline);
	load->due_count = count < load->due_max ? count : load->due_max;
	load->due = CO_NEW_ARRAY(arena, struct co_store_entry, load->due_count);
	for (size_t i = 0; i < load->due_count; i++) {
		bool found;
		load->due[i] = due[i];
		load->due[i].stored = borrowed(arena, &view->live.items[place_of(&view->live, &due[i].id, &found)]);
	}
	free(due);
}

static enum co_status load(void *self, struct co_arena *arena, struct co_store_load *loads, size_t count)
{
	struct co_sim_store_client *client = self;

	if (co_sim_ask(&client->faults, CO_SIM_LOAD) != CO_SIM_NONE)
		return CO_VIEW_DOWN;
	for (size_t i = 0; i < count; i++)
		if (seq_of(view_of(client, loads[i].partition)) != loads[i].seq)
			return CO_VIEW_MISMATCH;
	for (size_t i = 0; i < count; i++) {
		struct co_sim_view *view = view_of(client, loads[i].partition);
		loads[i].found = CO_NEW_ARRAY(arena, struct co_store_entry, loads[i].id_count);
		for (size_t k = 0; k < loads[i].id_count; k++) {
			bool found;
			size_t at = place_of(&view->live, &loads[i].ids[k], &found);
			loads[i].found[k] = (struct co_store_entry){.id = loads[i].ids[k], .due_ms = CO_NEVER, .held_ms = CO_NEVER};
			if (found)
				loads[i].found[k].stored = borrowed(arena, &view->live.items[at]);
		}
		find_due(view, arena, &loads[i]);
	}
	return CO_OK;
}

static enum co_status apply(void *self, const struct co_store_apply *applies, size_t count)
{
	struct co_sim_store_client *client = self;
	enum co_sim_fault fault = co_sim_ask(&client->faults, CO_SIM_APPLY);
	enum co_status status = CO_OK;

	if (fault == CO_SIM_FAIL_BEFORE)
		return CO_VIEW_DOWN;
	for (size_t i = 0; i < count; i++) {
		struct co_sim_view *view = view_of(client, applies[i].partition);
		if (seq_of(view) != applies[i].from_seq) {
			status = CO_VIEW_MISMATCH;
			continue;
		}
		for (size_t k = 0; k < applies[i].count; k++)
			put_entry(&view->live, &applies[i].entries[k]);
		view->mark = (struct co_store_mark){.present = true, .seq = applies[i].to_seq, .clog = applies[i].clog};
		if (!view->generation)
			view->generation = 1;
	}
	return fault == CO_SIM_FAIL_AFTER ? CO_VIEW_DOWN : status;
}

static enum co_status rebuild_begin(void *self, int32_t partition)
{
	struct co_sim_store_client *client = self;
	struct co_sim_view *view = view_of(client, partition);

	if (co_sim_ask(&client->faults, CO_SIM_REBUILD_BEGIN) != CO_SIM_NONE)
		return CO_VIEW_DOWN;
	clear_generation(&view->staged);
	view->staging = true;
	view->staged_from = view->mark;
	view->staged_from_generation = view->generation;
	return CO_OK;
}

static enum co_status rebuild_put(void *self, int32_t partition, const struct co_store_entry *entries, size_t count)
{
	struct co_sim_store_client *client = self;
	struct co_sim_view *view = view_of(client, partition);

	if (co_sim_ask(&client->faults, CO_SIM_REBUILD_PUT) != CO_SIM_NONE)
		return CO_VIEW_DOWN;
	if (!view->staging) /* it was flushed meanwhile */
		return CO_VIEW_MISMATCH;
	for (size_t i = 0; i < count; i++)
		put_entry(&view->staged, &entries[i]);
	return CO_OK;
}

static enum co_status rebuild_publish(void *self, int32_t partition, int64_t seq, int64_t clog)
{
	struct co_sim_store_client *client = self;
	struct co_sim_view *view = view_of(client, partition);
	enum co_sim_fault fault = co_sim_ask(&client->faults, CO_SIM_REBUILD_PUBLISH);

	if (fault == CO_SIM_FAIL_BEFORE)
		return CO_VIEW_DOWN;
	bool same = view->staging && view->generation == view->staged_from_generation &&
				view->mark.present == view->staged_from.present && view->mark.seq == view->staged_from.seq;
	if (!same)
		return CO_VIEW_MISMATCH;
	clear_generation(&view->live);
	view->live = view->staged;
	view->staged = (struct co_sim_generation){0};
	view->staging = false;
	view->generation++;
	view->mark = (struct co_store_mark){.present = true, .seq = seq, .clog = clog};
	return fault == CO_SIM_FAIL_AFTER ? CO_VIEW_DOWN : CO_OK;
}

static enum co_status census(void *self, int32_t partition, int64_t now_ms, struct co_store_census *out)
{
	struct co_sim_store_client *client = self;
	const struct co_sim_view *view = view_of(client, partition);

	if (co_sim_ask(&client->faults, CO_SIM_CENSUS) != CO_SIM_NONE)
		return CO_VIEW_DOWN;
	*out = (struct co_store_census){.next_due_ms = CO_NEVER, .next_expiry_ms = CO_NEVER};
	for (size_t i = 0; i < view->live.count; i++) {
		const struct co_sim_stored *stored = &view->live.items[i];
		bool lives = stored->length > 0 && stored->bytes[0] == 'L';
		out->live += lives;
		out->overdue += stored->held_ms <= now_ms;
		if (stored->due_ms < out->next_due_ms)
			out->next_due_ms = stored->due_ms;
		if (lives && stored->due_ms < out->next_expiry_ms)
			out->next_expiry_ms = stored->due_ms;
	}
	return CO_OK;
}

struct co_store co_sim_store_open(struct co_sim_store_client *client, struct co_sim_store *store,
								  struct co_sim_faults faults)
{
	*client = (struct co_sim_store_client){.store = store, .faults = faults};
	return (struct co_store){.self = client,
							 .mark = mark,
							 .load = load,
							 .apply = apply,
							 .rebuild_begin = rebuild_begin,
							 .rebuild_put = rebuild_put,
							 .rebuild_publish = rebuild_publish,
							 .census = census};
}
