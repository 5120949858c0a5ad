#include "vectors_say.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

/* ---- the dead letter ---- */

static bool is_credential(struct co_view name)
{
	return (name.len == 13 && strncasecmp(name.ptr, "authorization", 13) == 0) ||
		   (name.len == 9 && strncasecmp(name.ptr, "x-api-key", 9) == 0);
}

static char *check_dlq_headers(const struct co_vector_case *of, size_t step)
{
	static const char *const reasons[] = {
		"not_json",    "not_object",   "too_large",        "headers_too_large",   "attributes",
		"specversion", "unknown_type", "unsupported_mode", "unsupported_content", "data_twice"};
	const struct co_vector_step *this = &of->steps[step];
	const struct co_record *got = &this->dlq->r;
	size_t sent = this->message.header_count;
	bool known = false;

	if (got->header_count != sent + 5) {
		char text[32];
		snprintf(text, sizeof(text), "%zu", sent + 5);
		char *count = co_tk_format("%zu", got->header_count);
		char *failure = co_vectors_differs(of, step, "number of headers in the dlq", text, count);
		free(count);
		return failure;
	}
	for (size_t i = 0; i < sent; i++) {
		const struct co_header *want = &this->message.headers[i], *have = &got->headers[i];
		struct co_view value = is_credential(want->name) ? CO_VIEW("***") : want->value;
		if (!co_tk_same(want->name, have->name) || !co_tk_same(value, have->value)) {
			char *name = co_tk_format("header %zu in the dlq (%.*s)", i, (int)want->name.len, want->name.ptr);
			char *shown = co_tk_show(value);
			char *failure = co_vectors_wrong(of, step, name, shown, have->value);
			free(name);
			free(shown);
			return failure;
		}
	}
	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		known |= co_tk_header_is(got, "checkout-dlq-reason", reasons[i]);
	if (!known)
		return co_vectors_wrong(of, step, "checkout-dlq-reason", "one of the ten",
								co_tk_header(got, "checkout-dlq-reason"));
	if (!co_tk_header_is(got, "checkout-dlq-topic", "checkout.session.commands"))
		return co_vectors_wrong(of, step, "checkout-dlq-topic", "checkout.session.commands",
								co_tk_header(got, "checkout-dlq-topic"));
	if (co_tk_header_int(got, "checkout-dlq-timestamp") != this->timestamp_ms)
		return co_vectors_wrong(of, step, "checkout-dlq-timestamp", "the record's",
								co_tk_header(got, "checkout-dlq-timestamp"));
	return NULL;
}

char *co_vectors_check_dlq(struct co_vectors *vectors, struct co_vector_case *of, size_t step)
{
	const struct co_vector_step *this = &of->steps[step];

	(void)vectors;
	if (!json_is_true(json_object_get(this->expect, "dlq")))
		return NULL;
	if (!this->dlq)
		return co_vectors_differs(of, step, "dlq", "the record", "nothing");
	if (!co_tk_same(this->dlq->r.key, this->message.key))
		return co_vectors_wrong(of, step, "the key in the dlq", "the record's", this->dlq->r.key);
	if (!co_tk_same(this->dlq->r.value, this->message.value))
		return co_vectors_wrong(of, step, "the value in the dlq", "the record's", this->dlq->r.value);
	if (this->dlq->r.partition != this->partition)
		return co_vectors_differs(of, step, "the partition in the dlq", "the record's", "another");
	return check_dlq_headers(of, step);
}
