/* The runner can fail: the core's outputs with one thing changed must not pass. Each change is one that a wrong service
 * could make; the count of them and what was caught are printed. */
#include "core_host.h"
#include "tk.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct change {
	const char *name, *file, *topic, *type; /* the first output of that topic and ce_type is changed */
	enum { DROP, TWICE, KEY, VALUE, HEADER, PARTITION } how;
	const char *header;    /* HEADER: the one that is lost */
	const char *from, *to; /* VALUE: of the same length */
};

static const struct change changes[] = {
	{"a reply is lost", "errors", "replies", NULL, DROP, NULL, NULL, NULL},
	{"a reply comes twice", "errors", "replies", NULL, TWICE, NULL, NULL, NULL},
	{"an error event is lost", "errors", "errors", NULL, DROP, NULL, NULL, NULL},
	{"an error event comes twice", "errors", "errors", NULL, TWICE, NULL, NULL, NULL},
	{"a lifecycle event is lost", "expiry", "events", "checkout.session.created", DROP, NULL, NULL, NULL},
	{"an expiry comes twice", "expiry", "events", "checkout.session.expired", TWICE, NULL, NULL, NULL},
	{"an event names another version", "expiry", "events", "checkout.session.expired", VALUE, NULL,
	 "\"previousVersion\":1", "\"previousVersion\":7"},
	{"a dead letter is lost", "envelope", "dlq", NULL, DROP, NULL, NULL, NULL},
	{"a dead letter's key is lost", "envelope", "dlq", NULL, KEY, NULL, NULL, NULL},
	{"a dead letter loses a header", "envelope", "dlq", NULL, HEADER, "checkout-dlq-reason", NULL, NULL},
	{"a status header is lost", "lifecycle", "replies", NULL, HEADER, "checkout-status", NULL, NULL},
	{"a snapshot has another amount", "lifecycle", "replies", "checkout.session.cancel.accepted", VALUE, NULL,
	 "\"amount\":1000", "\"amount\":1001"},
	{"a title differs", "errors", "replies", "checkout.session.validate.rejected", VALUE, NULL, "\"title\":\"UN",
	 "\"title\":\"XN"},
	{"a violation points elsewhere", "validation", "replies", NULL, VALUE, NULL, "\"pointer\":\"/payment/amount\"",
	 "\"pointer\":\"/payment/amoumt\""},
	{"valid is wrong", "validation", "replies", "checkout.session.validate.rejected", VALUE, NULL, "\"valid\":false",
	 "\"valid\":true "},
	{"a repeat differs in a byte", "idempotency", "replies", NULL, VALUE, "checkout-replayed", "\"status\":\"open\"",
	 "\"status\":\"opem\""},
	{"state shows another amount", "lifecycle", "state", NULL, VALUE, NULL, "\"amount\":1000", "\"amount\":1001"},
	{"a reply lies on another partition", "lifecycle", "replies", NULL, PARTITION, NULL, NULL, NULL},
	{"a credential is copied out", "auth", "replies", NULL, HEADER, "ce_causationid", NULL, NULL},
};

static struct co_vectors_host inner;
static const struct change *change;
static struct co_tk_log changed;
static bool was_changed;

static bool applies(const struct co_tk_record *record)
{
	char *topic = co_tk_format("checkout.session.%s", change->topic);
	bool found =
		co_tk_is(record->topic, topic) && (!change->type || co_tk_header_is(&record->r, "ce_type", change->type)) &&
		(!change->from || memmem(record->r.value.ptr, record->r.value.len, change->from, strlen(change->from))) &&
		(!change->header || co_tk_header(&record->r, change->header).ptr) && (change->how != KEY || record->r.key.ptr);

	free(topic);
	return found;
}

static void add_changed(const struct co_tk_record *record)
{
	struct co_record copy = record->r;
	struct co_header *headers = co_tk_alloc((copy.header_count + 1) * sizeof(*headers));
	char *value = co_tk_alloc(copy.value.len);

	if (copy.value.len)
		memcpy(value, copy.value.ptr, copy.value.len);
	copy.header_count = 0;
	for (size_t i = 0; i < record->r.header_count; i++)
		if (change->how != HEADER || !co_tk_is(record->r.headers[i].name, change->header))
			headers[copy.header_count++] = record->r.headers[i];
	copy.headers = headers;
	if (change->how == VALUE) {
		copy.value.ptr = value;
		char *at = memmem(value, copy.value.len, change->from, strlen(change->from));
		memcpy(at, change->to, strlen(change->to));
	}
	if (change->how == KEY)
		copy.key.ptr = NULL, copy.key.len = 0;
	if (change->how == PARTITION)
		copy.partition++;
	co_tk_log_add(&changed, record->topic, &copy);
	free(headers);
	free(value);
}

static const struct co_tk_log *outputs(void *self)
{
	const struct co_tk_log *log = inner.outputs(self);

	if (!change)
		return log;
	co_tk_log_clear(&changed);
	for (size_t i = 0; i < log->count; i++) {
		bool now = !was_changed && applies(log->records[i]);
		was_changed |= now;
		if (!now || change->how == TWICE)
			co_tk_log_add(&changed, log->records[i]->topic, &log->records[i]->r);
		if (now && change->how != DROP)
			add_changed(log->records[i]);
	}
	return &changed;
}

/* The runner's own words would only be noise here. */
static int run_silently(struct co_vectors_host *host, const char *file)
{
	char *argv[] = {(char[]){"canary"}, strdup(file), NULL};
	fflush(stdout);
	int out = dup(1), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	co_tk_check(out >= 0 && null >= 0 && dup2(null, 1) >= 0, "dup2");
	int status = co_vectors_main(host, 2, argv);
	fflush(stdout);
	co_tk_check(dup2(out, 1) >= 0, "dup2");
	close(out);
	close(null);
	free(argv[1]);
	return status;
}

int main(void)
{
	static const char *const files[] = {"validation", "lifecycle", "errors", "idempotency",
										"envelope",   "auth",      "expiry"};
	size_t caught = 0, count = sizeof(changes) / sizeof(*changes);

	inner = core_host(&(struct core_host_settings){.batch_max_records = 1000});
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		struct co_vectors_host host = inner;
		host.outputs = outputs;
		co_tk_check(run_silently(&host, files[i]) == 0, "%s.json does not hold unchanged: nothing can be said",
					files[i]);
	}
	for (size_t i = 0; i < count; i++) {
		struct co_vectors_host host = inner;
		host.outputs = outputs;
		change = &changes[i];
		was_changed = false;
		int status = run_silently(&host, change->file);
		co_tk_check(was_changed, "%s: there was nothing to change", change->name);
		if (status == 0)
			printf("NOT CAUGHT: %s\n", change->name);
		caught += status != 0;
	}
	co_tk_log_clear(&changed);
	printf("%zu of %zu changes caught\n", caught, count);
	return caught == count ? 0 : 1;
}
