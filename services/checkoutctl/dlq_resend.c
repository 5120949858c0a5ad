#include "dlq.h"

#include "show.h"

#include "checkout/uuid.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Of --all: records that were sent already, by digest of all their bytes. A record that died three times lies in the
 * dlq three times, and would be six after the next --all. */
struct seen {
	struct co_uuid digest;
	struct ctl_place place;
	bool taken;
};

struct resend {
	const struct ctl_world *world;
	const struct ctl_dlq *dlq;
	struct ctl_publisher publisher;
	struct co_arena arena;
	size_t sent, same, failed;
	bool given_up; /* Kafka is away: the rest would fail as well */
	size_t cap;    /* a power of two; 0: none yet */
	struct seen *seen;
};

static void add_counted(struct co_buf *out, struct co_view bytes)
{
	co_buf_add_int(out, bytes.ptr ? (int64_t)bytes.len : -1);
	co_buf_add_byte(out, ':');
	if (bytes.ptr)
		co_buf_add(out, bytes);
}

static struct co_uuid digest_of(const struct co_record *record, struct co_arena *arena)
{
	static const struct co_uuid space = {
		{0x2c, 0x8d, 0x51, 0xe0, 0x47, 0x1b, 0x4f, 0x9a, 0xa3, 0x05, 0x6e, 0xf2, 0x90, 0x3b, 0xd7, 0x18}};
	struct co_buf text = co_buf_make(arena, record->value.len + 1024);

	add_counted(&text, record->key);
	add_counted(&text, record->value);
	for (size_t i = 0; i < record->header_count; i++) {
		add_counted(&text, record->headers[i].name);
		add_counted(&text, record->headers[i].value);
	}
	return co_uuid_v5(&space, co_buf_view(&text));
}

/* Where the digest is, or has to go. */
static struct seen *slot_of(struct seen *seen, size_t cap, const struct co_uuid *digest)
{
	size_t at;

	memcpy(&at, digest->bytes, sizeof(at));
	for (at &= cap - 1; seen[at].taken && !co_uuid_eq(&seen[at].digest, digest);)
		at = (at + 1) & (cap - 1);
	return &seen[at];
}

static void grow(struct resend *resend)
{
	size_t cap = resend->cap ? resend->cap * 2 : 256;
	struct seen *seen = calloc(cap, sizeof(*seen));

	if (!seen)
		abort();
	for (size_t i = 0; i < resend->cap; i++)
		if (resend->seen[i].taken)
			*slot_of(seen, cap, &resend->seen[i].digest) = resend->seen[i];
	free(resend->seen);
	resend->seen = seen;
	resend->cap = cap;
}

/* The slot of a record with these bytes: taken when one such was sent before. */
static struct seen *slot_for(struct resend *resend, const struct ctl_letter *letter)
{
	struct seen *slot;
	struct co_uuid digest = digest_of(&letter->record, &resend->arena);

	if ((resend->sent + 1) * 2 > resend->cap)
		grow(resend);
	slot = slot_of(resend->seen, resend->cap, &digest);
	slot->digest = digest;
	return slot;
}

static void fail(struct resend *resend, int32_t partition, int64_t offset, const char *text)
{
	ctl_complain(resend->world, "dlq: %" PRId32 ":%" PRId64 ": %s", partition, offset, text);
	resend->failed++;
}

/* False after saying why the record may not go out as it is. */
static bool may_go(struct resend *resend, const struct ctl_letter *letter)
{
	const struct ctl_dlq *dlq = resend->dlq;
	const char *masked = ctl_letter_masked(letter);
	struct co_intake intake;
	char text[512];

	if (!co_view_eq(letter->from_topic, co_view_cstr(dlq->commands))) {
		snprintf(text, sizeof(text), "it did not come from %s: is --prefix the right one?", dlq->commands);
		fail(resend, letter->partition, letter->offset, text);
		return false;
	}
	if (masked) {
		snprintf(text, sizeof(text),
				 "its %s was not kept: give it with --%s FILE, or send without it: --without-header %s", masked,
				 strcmp(masked, "authorization") == 0 ? "token-file" : "api-key-file", masked);
		fail(resend, letter->partition, letter->offset, text);
		return false;
	}
	ctl_letter_judge(letter, &resend->arena, &intake);
	if (intake.kind == CO_INTAKE_COMMAND || dlq->force)
		return true;
	if (intake.kind == CO_INTAKE_TICK)
		snprintf(text, sizeof(text), "it would be a tick, no command");
	else
		snprintf(text, sizeof(text), "it would be dead again: %.*s: %s", (int)co_dlq_reason(intake.reason).len,
				 co_dlq_reason(intake.reason).ptr, ctl_letter_cure(co_dlq_reason(intake.reason)));
	fail(resend, letter->partition, letter->offset, text);
	return false;
}

static void tell(const struct resend *resend, const struct ctl_letter *letter, int32_t partition, int64_t offset)
{
	FILE *out = resend->world->out;
	const struct ctl_dlq *dlq = resend->dlq;

	if (dlq->json && dlq->dry_run)
		fprintf(out, "{\"dlq\":{\"partition\":%" PRId32 ",\"offset\":%" PRId64 "},\"partition\":%" PRId32 "}\n",
				letter->partition, letter->offset, partition);
	else if (dlq->json)
		fprintf(out,
				"{\"dlq\":{\"partition\":%" PRId32 ",\"offset\":%" PRId64 "},\"partition\":%" PRId32
				",\"offset\":%" PRId64 "}\n",
				letter->partition, letter->offset, partition, offset);
	else if (dlq->dry_run)
		fprintf(out, "would send  %" PRId32 ":%" PRId64 "  to %s/%" PRId32 "\n", letter->partition, letter->offset,
				dlq->commands, partition);
	else
		fprintf(out, "sent  %" PRId32 ":%" PRId64 "  %s/%" PRId32 " offset %" PRId64 "\n", letter->partition,
				letter->offset, dlq->commands, partition, offset);
}

static void tell_same(const struct resend *resend, const struct ctl_letter *letter, const struct ctl_place *first)
{
	fprintf(resend->world->out,
			resend->dlq->json ? "{\"dlq\":{\"partition\":%" PRId32 ",\"offset\":%" PRId64
								"},\"same\":{\"partition\":%" PRId32 ",\"offset\":%" PRId64 "}}\n"
							  : "same  %" PRId32 ":%" PRId64 "  as %" PRId32 ":%" PRId64 "\n",
			letter->partition, letter->offset, first->partition, first->offset);
}

static bool send_one(struct resend *resend, const struct ctl_letter *letter)
{
	const struct co_record *record = &letter->record;
	const struct co_message message = {.topic = co_view_cstr(resend->dlq->commands),
									   .partition = record->partition,
									   .timestamp_ms = record->timestamp_ms,
									   .key = record->key,
									   .value = record->value,
									   .header_count = record->header_count,
									   .headers = record->headers};
	int32_t partition = record->partition;
	int64_t offset = -1;
	struct co_error error = {0};
	enum co_status status = CO_OK;

	if (!resend->dlq->dry_run)
		status = ctl_publisher_send(&resend->publisher, &message, &partition, &offset, &error);
	if (status == CO_OK) {
		resend->sent++;
		tell(resend, letter, partition, offset);
		return true;
	}
	fail(resend, letter->partition, letter->offset, error.text[0] ? error.text : co_status_text(status));
	resend->given_up = status != CO_LOG_REJECTED;
	return false;
}

/* The same bytes go out once. */
static void send_first(struct resend *resend, const struct ctl_letter *letter)
{
	struct seen *slot = slot_for(resend, letter);

	if (slot->taken) {
		resend->same++;
		tell_same(resend, letter, &slot->place);
	} else if (send_one(resend, letter)) {
		slot->taken = true;
		slot->place = (struct ctl_place){letter->partition, letter->offset};
	}
}

/* One dead letter: mended, judged, sent. False when there is no use in going on. */
static bool take(void *opaque, const rd_kafka_message_t *message)
{
	struct resend *resend = opaque;
	const struct ctl_dlq *dlq = resend->dlq;
	struct ctl_letter letter;
	struct co_error error = {0};
	struct co_record record = ctl_letter_record(message, &resend->arena);

	if (!ctl_letter_open(&record, &letter, &error)) {
		if (!dlq->reason)
			fail(resend, record.partition, record.offset, error.text);
	} else if (!dlq->reason || co_view_eq(letter.reason, co_view_cstr(dlq->reason))) {
		ctl_letter_mend(&letter, &dlq->mending, &resend->arena);
		if (may_go(resend, &letter)) {
			if (dlq->all)
				send_first(resend, &letter);
			else
				send_one(resend, &letter);
		}
	}
	co_arena_reset(&resend->arena);
	if (fflush(resend->world->out) != 0)
		resend->given_up = true;
	return !resend->given_up && !ctl_stopped;
}

static enum co_status take_places(struct resend *resend, struct co_error *error)
{
	for (size_t i = 0; i < resend->dlq->place_count && !resend->given_up; i++) {
		const struct ctl_place *place = &resend->dlq->places[i];
		struct co_error missing = {0};
		enum co_status status = ctl_dlq_fetch(resend->world, resend->dlq, place, take, resend, &missing);

		if (status == CO_NOTHING) {
			fail(resend, place->partition, place->offset, missing.text);
		} else if (status != CO_OK) {
			*error = missing;
			return status;
		}
	}
	return CO_OK;
}

int ctl_dlq_resend(const struct ctl_world *world, const struct ctl_dlq *dlq)
{
	struct resend resend = {.world = world, .dlq = dlq};
	struct co_error error = {0};
	enum co_status status;

	ctl_publisher_init(world, &dlq->connection, co_view_cstr(dlq->commands), &resend.publisher);
	co_arena_init(&resend.arena, 65536, (size_t)4 * 1024 * 1024);
	status = dlq->all ? ctl_dlq_scan(world, dlq, take, &resend, &error) : take_places(&resend, &error);
	ctl_publisher_close(&resend.publisher);
	if (error.text[0])
		ctl_complain(world, "dlq: %s", error.text);
	if (ctl_stopped)
		ctl_complain(world, "dlq: ended by a signal; what was in hand may have been sent, and may be sent again");
	if (!dlq->json && dlq->all)
		fprintf(world->out, "%zu %s, %zu the same as one of them, %zu not\n", resend.sent,
				dlq->dry_run ? "would be sent" : "sent", resend.same, resend.failed);
	free(resend.seen);
	co_arena_clear(&resend.arena);
	if (status == CO_CONFIG)
		return CTL_USAGE;
	return status == CO_OK && resend.failed == 0 && !resend.given_up && !ctl_stopped ? CTL_OK : CTL_TROUBLE;
}

/* ---- value ---- */

struct written {
	FILE *out;
	bool whole;
};

static bool write_value(void *opaque, const rd_kafka_message_t *message)
{
	struct written *written = opaque;

	written->whole = !message->payload || fwrite(message->payload, 1, message->len, written->out) == message->len;
	return true;
}

int ctl_dlq_value(const struct ctl_world *world, const struct ctl_dlq *dlq)
{
	struct written written = {.out = world->out};
	struct co_error error = {0};
	enum co_status status = ctl_dlq_fetch(world, dlq, &dlq->places[0], write_value, &written, &error);

	if (status == CO_NOTHING)
		ctl_complain(world, "dlq: %" PRId32 ":%" PRId64 ": %s", dlq->places[0].partition, dlq->places[0].offset,
					 error.text);
	else if (error.text[0])
		ctl_complain(world, "dlq: %s", error.text);
	else if (status == CO_OK && (!written.whole || fflush(world->out) != 0)) {
		ctl_complain(world, "dlq: the value could not be written");
		return CTL_TROUBLE;
	}
	return status == CO_OK ? CTL_OK : status == CO_CONFIG ? CTL_USAGE : CTL_TROUBLE;
}
