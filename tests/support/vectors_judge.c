#include "vectors.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "checkout.session."

/* ---- the outputs, in an order in which one id's outputs stand as their records do ---- */

static enum co_vector_class class_of(const struct co_vectors *vectors, struct co_view topic)
{
	static const struct {
		const char *name;
		enum co_vector_class class;
	} own[] = {{PREFIX "commands", CO_VECTOR_COMMAND}, {PREFIX "replies", CO_VECTOR_REPLY},
			   {PREFIX "errors", CO_VECTOR_ERROR},     {PREFIX "events", CO_VECTOR_EVENT},
			   {PREFIX "state", CO_VECTOR_STATE},      {PREFIX "dlq", CO_VECTOR_DLQ}};

	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
		if (co_tk_is(topic, own[i].name))
			return own[i].class;
	for (size_t i = 0; i < vectors->topic_count; i++)
		if (co_tk_is(topic, vectors->topics[i].name))
			return CO_VECTOR_REPLY;
	return CO_VECTOR_OTHER;
}

static int compare_views(struct co_view a, struct co_view b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = common ? memcmp(a.ptr, b.ptr, common) : 0;

	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* By time first (one id's records come in the order of the clock), then by place. */
static int in_order(const void *left, const void *right)
{
	const struct co_record *a = &((const struct co_vector_output *)left)->record->r;
	const struct co_record *b = &((const struct co_vector_output *)right)->record->r;
	int order = compare_views(co_tk_header(a, "ce_time"), co_tk_header(b, "ce_time"));

	if (order)
		return order;
	if (a->partition != b->partition)
		return a->partition < b->partition ? -1 : 1;
	return (a->offset > b->offset) - (a->offset < b->offset);
}

static void index_outputs(struct co_vectors *vectors, const struct co_tk_log *log)
{
	free(vectors->outputs);
	vectors->outputs = co_tk_alloc(log->count * sizeof(*vectors->outputs));
	vectors->output_count = log->count;
	for (size_t i = 0; i < log->count; i++) {
		const struct co_tk_record *record = log->records[i];
		vectors->outputs[i] = (struct co_vector_output){.record = record,
														.class = class_of(vectors, record->topic),
														.causation = co_tk_header(&record->r, "ce_causationid"),
														.subject = co_tk_header(&record->r, "ce_subject")};
	}
	qsort(vectors->outputs, vectors->output_count, sizeof(*vectors->outputs), in_order);
}

/* ---- which output belongs to which step ---- */

static void find_copy(struct co_vectors *vectors, struct co_vector_step *step)
{
	char place[64];

	step->copy_partition = step->partition;
	step->copy_offset = step->offset;
	snprintf(place, sizeof(place), "%d/%lld", step->partition, (long long)step->offset);
	for (size_t i = 0; i < vectors->output_count; i++) {
		struct co_vector_output *output = &vectors->outputs[i];
		if (output->class != CO_VECTOR_COMMAND || !co_tk_header_is(&output->record->r, "checkout-forwarded", place))
			continue;
		output->used = true;
		step->copy_partition = output->record->r.partition;
		step->copy_offset = output->record->r.offset;
	}
}

static const struct co_tk_record *claim_reply(struct co_vectors *vectors, const struct co_vector_step *step)
{
	struct co_vector_output *best = NULL;
	const char *topic = co_tk_text_at(step->expect, "reply.topic");

	for (size_t i = 0; i < vectors->output_count; i++) {
		struct co_vector_output *output = &vectors->outputs[i];
		if (output->class != CO_VECTOR_REPLY || output->used || !co_tk_is(output->causation, step->id))
			continue;
		if (!best)
			best = output;
		if (co_tk_is(output->record->topic, *topic ? topic : PREFIX "replies")) {
			best = output;
			break;
		}
	}
	if (!best)
		return NULL;
	best->used = true;
	return best->record;
}

static const struct co_tk_record *claim_error(struct co_vectors *vectors, const struct co_vector_step *step)
{
	struct co_vector_output *best = NULL;

	for (size_t i = 0; i < vectors->output_count; i++) {
		struct co_vector_output *output = &vectors->outputs[i];
		if (output->class != CO_VECTOR_ERROR || output->used || !co_tk_is(output->causation, step->id))
			continue;
		json_t *body = co_tk_json(output->record->r.value);
		bool exact = json_integer_value(co_tk_at(body, "command.offset")) == step->copy_offset &&
					 json_integer_value(co_tk_at(body, "command.partition")) == step->copy_partition;
		json_decref(body);
		if (exact || !best)
			best = output;
		if (exact)
			break;
	}
	if (!best)
		return NULL;
	best->used = true;
	return best->record;
}

static const struct co_tk_record *claim_dlq(struct co_vectors *vectors, const struct co_vector_step *step)
{
	for (size_t i = 0; i < vectors->output_count; i++) {
		struct co_vector_output *output = &vectors->outputs[i];
		const struct co_record *record = &output->record->r;
		if (output->class == CO_VECTOR_DLQ && !output->used &&
			co_tk_header_int(record, "checkout-dlq-offset") == step->offset &&
			co_tk_header_int(record, "checkout-dlq-partition") == step->partition) {
			output->used = true;
			return output->record;
		}
	}
	return NULL;
}

static void claim_all(struct co_vectors *vectors, size_t kind)
{
	const json_t *list;

	for (size_t c = 0; c < vectors->case_count; c++) {
		if (vectors->cases[c].kind != kind)
			continue;
		for (size_t s = 0; s < vectors->cases[c].step_count; s++) {
			struct co_vector_step *step = &vectors->cases[c].steps[s];
			if (step->advance)
				continue;
			find_copy(vectors, step);
			if (co_vectors_expected_replies(step))
				step->reply = claim_reply(vectors, step);
			if (co_vectors_error_code(step, &list))
				step->error = claim_error(vectors, step);
			if (json_is_true(json_object_get(step->expect, "dlq")))
				step->dlq = claim_dlq(vectors, step);
		}
	}
}

/* ---- one case ---- */

static char *judge_case(struct co_vectors *vectors, struct co_vector_case *of)
{
	char *failure = NULL;

	for (size_t s = 0; !failure && s < of->step_count; s++) {
		if (of->steps[s].advance) {
			failure = co_vectors_check_tombstones(vectors, of, s);
			continue;
		}
		failure = co_vectors_check_reply(vectors, of, s);
		if (!failure)
			failure = co_vectors_check_error(vectors, of, s);
		if (!failure)
			failure = co_vectors_check_dlq(vectors, of, s);
		if (failure && of->steps[s].reply) {
			char *shown = co_tk_show(of->steps[s].reply->r.value);
			char *more = co_tk_format("%s\n    the reply: %s", failure, shown);
			free(shown);
			free(failure);
			failure = more;
		}
	}
	return failure ? failure : co_vectors_check_events(vectors, of);
}

/* ---- the whole ---- */

static char *left_over(const struct co_vectors *vectors)
{
	static const char *const what[] = {
		"output on a topic nobody named", "record", "reply", "error event", "event", "state record", "dead letter"};

	for (size_t i = 0; i < vectors->output_count; i++) {
		const struct co_vector_output *output = &vectors->outputs[i];
		const struct co_record *record = &output->record->r;
		bool mine = output->used || output->class == CO_VECTOR_STATE ||
					(output->class == CO_VECTOR_COMMAND && !co_tk_header(record, "checkout-forwarded").ptr);
		if (mine)
			continue;
		char *value = co_tk_show(record->value);
		char *text = co_tk_format("  a %s that no case expects, caused by %.*s, session %.*s: %s", what[output->class],
								  (int)output->causation.len, output->causation.ptr ? output->causation.ptr : "",
								  (int)output->subject.len, output->subject.ptr ? output->subject.ptr : "", value);
		free(value);
		return text;
	}
	return NULL;
}

static int by_id(const void *left, const void *right)
{
	const struct co_view *a = left, *b = right;

	return compare_views(*a, *b);
}

static char *check_unique_ids(const struct co_vectors *vectors)
{
	struct co_view *ids = co_tk_alloc(vectors->output_count * sizeof(*ids));
	size_t count = 0;
	char *failure = NULL;

	for (size_t i = 0; i < vectors->output_count; i++) {
		enum co_vector_class class = vectors->outputs[i].class;
		if (class == CO_VECTOR_REPLY || class == CO_VECTOR_ERROR || class == CO_VECTOR_EVENT)
			ids[count++] = co_tk_header(&vectors->outputs[i].record->r, "ce_id");
	}
	qsort(ids, count, sizeof(*ids), by_id);
	for (size_t i = 1; !failure && i < count; i++)
		if (compare_views(ids[i - 1], ids[i]) == 0)
			failure = co_tk_format("  two outputs have the ce_id %.*s", (int)ids[i].len, ids[i].ptr);
	free(ids);
	return failure;
}

static char *check_no_credentials(const struct co_vectors *vectors)
{
	for (size_t i = 0; i < vectors->output_count; i++) {
		const struct co_vector_output *output = &vectors->outputs[i];
		const struct co_record *record = &output->record->r;
		if (output->class == CO_VECTOR_COMMAND || output->class == CO_VECTOR_DLQ)
			continue;
		if (co_tk_header(record, "authorization").ptr || co_tk_header(record, "x-api-key").ptr)
			return co_tk_format("  credentials in the headers of an output on %.*s", (int)output->record->topic.len,
								output->record->topic.ptr);
		if (output->class == CO_VECTOR_STATE && !record->key.ptr)
			return strdup("  a record without a key on a compacted topic");
	}
	return NULL;
}

/* The copy is the record with the session's key and one header more, on the session's partition (section 1). */
static char *check_forwarded(const struct co_vectors *vectors, const struct co_vector_case *of, size_t s)
{
	const struct co_vector_step *step = &of->steps[s];
	const struct co_tk_record *copy = NULL;

	if (step->advance || (step->copy_offset == step->offset && step->copy_partition == step->partition))
		return NULL;
	for (size_t i = 0; i < vectors->output_count && !copy; i++)
		if (vectors->outputs[i].class == CO_VECTOR_COMMAND &&
			vectors->outputs[i].record->r.partition == step->copy_partition &&
			vectors->outputs[i].record->r.offset == step->copy_offset)
			copy = vectors->outputs[i].record;
	co_tk_check(copy, "the copy is gone");
	bool same = co_tk_same(copy->r.value, step->message.value) && copy->r.timestamp_ms == step->timestamp_ms &&
				copy->r.header_count == step->message.header_count + 1 &&
				co_tk_murmur2_partition(copy->r.key, vectors->partitions) == copy->r.partition;
	for (size_t i = 0; same && i < step->message.header_count; i++)
		same = co_tk_same(copy->r.headers[i].name, step->message.headers[i].name) &&
			   co_tk_same(copy->r.headers[i].value, step->message.headers[i].value);
	return same ? NULL
				: co_tk_format("  step %zu (%s): the forwarded copy is not the record with the session's key and "
							   "checkout-forwarded",
							   s, step->id ? step->id : "no id");
}

/* ---- snapshots: whoever shows a version of a session shows the same one ---- */

struct snapshot {
	json_t *body;
	const json_t *session; /* of the body */
};

static size_t collect_snapshots(const struct co_vectors *vectors, struct snapshot *snapshots)
{
	size_t count = 0;

	for (size_t i = 0; i < vectors->output_count; i++) {
		const struct co_vector_output *output = &vectors->outputs[i];
		if (output->class != CO_VECTOR_EVENT || co_tk_header_is(&output->record->r, "ce_type", PREFIX "late_payment"))
			continue;
		json_t *body = co_tk_json(output->record->r.value);
		snapshots[count++] = (struct snapshot){.body = body, .session = json_object_get(body, "session")};
	}
	return count;
}

/* The event's snapshot of the same session, life and version; NULL: none. */
static const json_t *snapshot_like(const struct snapshot *snapshots, size_t count, const json_t *session)
{
	static const char *const same[] = {"id", "version", "createdAt"};

	for (size_t i = 0; i < count; i++) {
		bool found = true;
		for (size_t m = 0; found && m < sizeof(same) / sizeof(*same); m++) {
			const json_t *a = json_object_get(snapshots[i].session, same[m]), *b = json_object_get(session, same[m]);
			found = a && b && json_equal(a, b);
		}
		if (found)
			return snapshots[i].session;
	}
	return NULL;
}

static char *check_snapshots(const struct co_vectors *vectors)
{
	struct snapshot *snapshots = co_tk_alloc((vectors->output_count + 1) * sizeof(*snapshots));
	size_t count = collect_snapshots(vectors, snapshots);
	char *failure = NULL;

	for (size_t i = 0; !failure && i < vectors->output_count; i++) {
		const struct co_vector_output *output = &vectors->outputs[i];
		bool state = output->class == CO_VECTOR_STATE;
		if (!state && output->class != CO_VECTOR_REPLY)
			continue;
		json_t *body = co_tk_json(output->record->r.value);
		const json_t *session = json_object_get(body, "session");
		if (json_is_object(session)) {
			const json_t *event = snapshot_like(snapshots, count, session);
			char *difference = co_tk_json_difference(event, session);
			if (difference)
				failure =
					co_tk_format("  %s of session %s is not what the event of that version shows: %s",
								 state ? "the state" : "a reply's snapshot", co_tk_text_at(session, "id"), difference);
			free(difference);
		}
		json_decref(body);
	}
	for (size_t i = 0; i < count; i++)
		json_decref(snapshots[i].body);
	free(snapshots);
	return failure;
}

char *co_vectors_judge(struct co_vectors *vectors, size_t kind, const struct co_tk_log *log)
{
	index_outputs(vectors, log);
	claim_all(vectors, kind);
	for (size_t c = 0; c < vectors->case_count; c++) {
		struct co_vector_case *of = &vectors->cases[c];
		if (of->kind != kind)
			continue;
		of->failure = judge_case(vectors, of);
		for (size_t s = 0; !of->failure && s < of->step_count; s++)
			of->failure = check_forwarded(vectors, of, s);
	}
	char *failure = left_over(vectors);
	if (!failure)
		failure = check_unique_ids(vectors);
	if (!failure)
		failure = check_no_credentials(vectors);
	return failure ? failure : check_snapshots(vectors);
}
