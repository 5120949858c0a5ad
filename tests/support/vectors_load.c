#include "vectors.h"

#include "tk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FOLDER "tests/contract/vectors"
#define HEADERS_ROOM 200

static const char *const files[] = {"validation", "lifecycle", "errors", "idempotency", "envelope", "auth", "expiry"};

static json_t *load_json(const char *path)
{
	json_error_t error;
	char *full = co_tk_format("%s/%s", co_tk_source_dir(), path);
	json_t *root = json_load_file(full, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	co_tk_check(root, "%s:%d: %s", full, error.line, error.text);
	free(full);
	return root;
}

/* ---- settings ---- */

static json_t *setting(const json_t *of_file, const json_t *of_case, const char *name)
{
	json_t *own = json_object_get(of_case, name);

	return own ? own : json_object_get(of_file, name);
}

static size_t kind_of(struct co_vectors *vectors, const json_t *of_file, const json_t *of_case)
{
	struct co_vectors_settings want = {0};
	const char *registry = json_string_value(setting(of_file, of_case, "registry"));

	snprintf(want.timestamps, sizeof(want.timestamps), "%s",
			 json_string_value(setting(of_file, of_case, "timestamps")));
	snprintf(want.auth_mode, sizeof(want.auth_mode), "%s", json_string_value(setting(of_file, of_case, "auth_mode")));
	want.retention_ms = json_integer_value(setting(of_file, of_case, "retention_ms"));
	if (registry)
		snprintf(want.registry, sizeof(want.registry), "%s/%s/%s", co_tk_source_dir(), FOLDER, registry);
	for (size_t i = 0; i < vectors->kind_count; i++)
		if (memcmp(&vectors->kinds[i], &want, sizeof(want)) == 0)
			return i;
	co_tk_check(vectors->kind_count < 8, "more than 8 kinds of settings");
	vectors->kinds[vectors->kind_count] = want;
	return vectors->kind_count++;
}

static void add_topics(struct co_vectors *vectors, const json_t *topics)
{
	const char *name;
	json_t *count;

	json_object_foreach((json_t *)(uintptr_t)topics, name, count)
	{
		bool known = false;
		for (size_t i = 0; i < vectors->topic_count; i++)
			known |= strcmp(vectors->topics[i].name, name) == 0;
		if (known)
			continue;
		co_tk_check(vectors->topic_count < 16, "more than 16 topics");
		vectors->topics[vectors->topic_count++] =
			(struct co_vectors_topic){strdup(name), (int)json_integer_value(count)};
	}
}

/* ---- a step's record ---- */

static struct co_view text_view(const json_t *text)
{
	char *copy = co_tk_alloc(json_string_length(text) + 1);

	memcpy(copy, json_string_value(text), json_string_length(text));
	return (struct co_view){copy, json_string_length(text)};
}

/* text, {"base64"}, {"repeat","times"}; null: absent. */
static struct co_view bytes_of(const json_t *form)
{
	struct co_view view = {NULL, 0};

	if (json_is_string(form))
		return text_view(form);
	if (json_object_get(form, "base64")) {
		char *bytes;
		co_tk_check(co_tk_base64(json_string_value(json_object_get(form, "base64")), &bytes, &view.len), "bad base64");
		view.ptr = bytes;
	} else if (json_object_get(form, "repeat")) {
		json_t *unit = json_object_get(form, "repeat");
		size_t length = json_string_length(unit), times = (size_t)json_integer_value(json_object_get(form, "times"));
		char *bytes = co_tk_alloc(length * times + 1);
		for (size_t i = 0; i < times; i++)
			memcpy(bytes + i * length, json_string_value(unit), length);
		view = (struct co_view){bytes, length * times};
	} else {
		co_tk_check(json_is_null(form), "a form of bytes that the README does not know");
	}
	return view;
}

static void add_header(struct co_header *headers, size_t *count, const char *name, const json_t *form)
{
	if (json_is_null(form))
		return;
	if (json_is_array(form)) {
		for (size_t i = 0; i < json_array_size(form); i++)
			add_header(headers, count, name, json_array_get(form, i));
		return;
	}
	co_tk_check(*count < HEADERS_ROOM, "too many headers");
	headers[(*count)++] = (struct co_header){{strdup(name), strlen(name)}, bytes_of(form)};
}

static void make_headers(struct co_vector_step *step, const json_t *of_file, const json_t *own)
{
	struct co_header *headers = co_tk_alloc(HEADERS_ROOM * sizeof(*headers));
	bool bare = json_is_true(json_object_get(step->json, "bare"));
	const char *name;
	json_t *form;

	json_object_foreach((json_t *)(uintptr_t)of_file, name, form)
	{
		if (!bare && !json_object_get(own, name))
			add_header(headers, &step->message.header_count, name, form);
	}
	json_object_foreach((json_t *)(uintptr_t)own, name, form)
	{
		add_header(headers, &step->message.header_count, name, form);
	}
	step->message.headers = headers;
}

static void make_value(struct co_vector_step *step)
{
	const json_t *data = json_object_get(step->json, "data"), *raw = json_object_get(step->json, "raw");
	const json_t *base64 = json_object_get(step->json, "base64"), *pad = json_object_get(step->json, "pad");
	struct co_view value = {NULL, 0};

	if (data) {
		char *text = json_dumps(data, JSON_COMPACT | JSON_ENCODE_ANY);
		value = (struct co_view){text, strlen(text)};
	} else if (raw) {
		value = text_view(raw);
	} else if (base64) {
		char *bytes;
		co_tk_check(co_tk_base64(json_string_value(base64), &bytes, &value.len), "bad base64");
		value.ptr = bytes;
	}
	if (pad) {
		size_t to = (size_t)json_integer_value(pad);
		char *padded = co_tk_alloc(to + 1);
		memset(padded, ' ', to);
		memcpy(padded, value.ptr, value.len);
		free((char *)(uintptr_t)value.ptr);
		value = (struct co_view){padded, to};
	}
	step->message.value = value;
}

static struct co_record as_record(const struct co_message *message)
{
	return (struct co_record){.key = message->key,
							  .value = message->value,
							  .header_count = message->header_count,
							  .headers = message->headers};
}

/* The command's id as section 2 finds it. */
static char *find_id(const struct co_message *message)
{
	static const char structured[] = "application/cloudevents+json";
	struct co_record record = as_record(message);
	struct co_view type = co_tk_header(&record, "content-type"), id = co_tk_header(&record, "ce_id");
	bool by_type = type.ptr && type.len >= sizeof(structured) - 1 &&
				   strncasecmp(type.ptr, structured, sizeof(structured) - 1) == 0;
	json_t *value = by_type || !co_tk_header(&record, "ce_specversion").ptr ? co_tk_json(message->value) : NULL;
	char *found = NULL;

	if (by_type || (!co_tk_header(&record, "ce_specversion").ptr && json_object_get(value, "specversion")))
		found = json_is_string(json_object_get(value, "id")) ? strdup(json_string_value(json_object_get(value, "id")))
															 : NULL;
	else if (id.ptr && id.len > 0)
		found = strndup(id.ptr, id.len);
	json_decref(value);
	return found;
}

static void make_step(struct co_vector_step *step, const json_t *file, const json_t *of_case, const json_t *json)
{
	const json_t *key = json_object_get(json, "key");

	step->json = json;
	step->expect = json_object_get(json, "expect");
	step->timestamp_ms = json_integer_value(json_object_get(file, "epoch")) +
						 json_integer_value(json_object_get(of_case, "base")) +
						 json_integer_value(json_object_get(json, "at"));
	step->advance = json_is_true(json_object_get(json, "advance"));
	step->sync = json_is_true(json_object_get(json, "sync"));
	if (step->advance)
		return;
	step->message = (struct co_message){
		.topic = CO_VIEW("checkout.session.commands"), .partition = -1, .timestamp_ms = step->timestamp_ms};
	make_headers(step, json_object_get(file, "headers"), json_object_get(json, "headers"));
	make_value(step);
	struct co_record record = as_record(&step->message);
	if (key)
		step->message.key = bytes_of(key);
	else
		step->message.key = co_tk_header(&record, "ce_subject");
	step->id = find_id(&step->message);
}

static void free_step(struct co_vector_step *step)
{
	if (json_object_get(step->json, "key"))
		free((char *)(uintptr_t)step->message.key.ptr);
	for (size_t i = 0; i < step->message.header_count; i++) {
		free((char *)(uintptr_t)step->message.headers[i].name.ptr);
		free((char *)(uintptr_t)step->message.headers[i].value.ptr);
	}
	free((struct co_header *)(uintptr_t)step->message.headers);
	free((char *)(uintptr_t)step->message.value.ptr);
	free(step->id);
	json_decref(step->reply_body);
	json_decref(step->error_body);
}

static void load_case(struct co_vectors *vectors, const char *file_name, const json_t *file, const json_t *json)
{
	const json_t *steps = json_object_get(json, "steps");

	vectors->cases = co_tk_grow(vectors->cases, (vectors->case_count + 1) * sizeof(*vectors->cases));
	struct co_vector_case *added = &vectors->cases[vectors->case_count++];
	*added = (struct co_vector_case){
		.file = file_name,
		.name = json_string_value(json_object_get(json, "name")),
		.why = json_string_value(json_object_get(json, "why")),
		.unreachable = json_is_true(json_object_get(json, "unreachable")),
		.kind = kind_of(vectors, json_object_get(file, "settings"), json_object_get(json, "settings")),
		.step_count = json_array_size(steps)};
	added->steps = co_tk_alloc(added->step_count * sizeof(*added->steps));
	for (size_t i = 0; i < added->step_count; i++)
		make_step(&added->steps[i], file, json, json_array_get(steps, i));
}

static void mark_monotone(struct co_vectors *vectors)
{
	int64_t latest[8] = {0};

	for (size_t c = 0; c < vectors->case_count; c++) {
		int64_t *clock = &latest[vectors->cases[c].kind];
		for (size_t s = 0; s < vectors->cases[c].step_count; s++) {
			struct co_vector_step *step = &vectors->cases[c].steps[s];
			step->monotone = step->timestamp_ms >= *clock;
			if (step->monotone)
				*clock = step->timestamp_ms;
		}
	}
}

/* The JSON of the files stays in memory: names and expectations are borrowed from it. */
static json_t *loaded[sizeof(files) / sizeof(*files)];

void co_vectors_load(struct co_vectors *vectors, const char *only_file, const char *only_case)
{
	size_t length = only_file ? strcspn(only_file, ".") : 0;

	*vectors = (struct co_vectors){.catalogue = load_json("tests/contract/catalogue.json")};
	for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
		if (only_file && (strlen(files[f]) != length || strncmp(files[f], only_file, length) != 0))
			continue;
		char *path = co_tk_format("%s/%s.json", FOLDER, files[f]);
		loaded[f] = load_json(path);
		free(path);
		add_topics(vectors, json_object_get(loaded[f], "topics"));
		const json_t *cases = json_object_get(loaded[f], "cases");
		for (size_t c = 0; c < json_array_size(cases); c++) {
			const json_t *json = json_array_get(cases, c);
			if (!only_case || strcmp(only_case, json_string_value(json_object_get(json, "name"))) == 0)
				load_case(vectors, files[f], loaded[f], json);
		}
	}
	co_tk_check(vectors->case_count > 0, "no such file or case");
	mark_monotone(vectors);
}

void co_vectors_clear(struct co_vectors *vectors)
{
	for (size_t c = 0; c < vectors->case_count; c++) {
		for (size_t s = 0; s < vectors->cases[c].step_count; s++)
			free_step(&vectors->cases[c].steps[s]);
		free(vectors->cases[c].steps);
		free(vectors->cases[c].failure);
	}
	free(vectors->cases);
	free(vectors->outputs);
	for (size_t i = 0; i < vectors->topic_count; i++)
		free((char *)(uintptr_t)vectors->topics[i].name);
	json_decref(vectors->catalogue);
	for (size_t f = 0; f < sizeof(files) / sizeof(*files); f++) {
		json_decref(loaded[f]);
		loaded[f] = NULL;
	}
}

/* ---- the run ---- */

size_t co_vectors_expected_replies(const struct co_vector_step *step)
{
	return !step->advance && json_is_object(json_object_get(step->expect, "reply"));
}

static void send_ticks(struct co_vectors_host *host, const struct co_vector_step *step)
{
	const struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
										{CO_VIEW("ce_type"), CO_VIEW("checkout.session.tick")}};
	int32_t partition;
	int64_t offset;

	for (int32_t p = 0; p < host->partitions(host->self); p++) {
		struct co_message tick = {.topic = CO_VIEW("checkout.session.commands"),
								  .partition = p,
								  .timestamp_ms = step->timestamp_ms,
								  .header_count = 2,
								  .headers = headers};
		(void)partition;
		(void)offset;
		host->send(host->self, &tick, NULL, NULL);
	}
}

static void run_kind(struct co_vectors *vectors, struct co_vectors_host *host, size_t kind)
{
	size_t replies = 0;

	for (size_t c = 0; c < vectors->case_count; c++) {
		if (vectors->cases[c].kind != kind)
			continue;
		for (size_t s = 0; s < vectors->cases[c].step_count; s++) {
			struct co_vector_step *step = &vectors->cases[c].steps[s];
			if (step->sync)
				host->settle(host->self, replies);
			if (step->advance)
				send_ticks(host, step);
			else
				host->send(host->self, &step->message, &step->partition, &step->offset);
			replies += co_vectors_expected_replies(step);
			if (step->sync)
				host->settle(host->self, replies);
		}
	}
	host->settle(host->self, replies);
}

static int report(const struct co_vectors *vectors, const char *host, size_t whole_failures)
{
	size_t held = 0, shown = 0, unreachable = 0, file_held = 0, file_all = 0;

	for (size_t c = 0; c < vectors->case_count; c++) {
		const struct co_vector_case *of = &vectors->cases[c];
		held += !of->failure;
		file_held += !of->failure;
		file_all++;
		unreachable += of->unreachable;
		if (of->failure && shown++ < 10)
			printf("DOES NOT HOLD %s.json, case %s (%s)\n%s\n", of->file, of->name, of->why, of->failure);
		if (c + 1 == vectors->case_count || strcmp(vectors->cases[c + 1].file, of->file) != 0) {
			printf("%s: %s.json: %zu of %zu cases hold\n", host, of->file, file_held, file_all);
			file_held = file_all = 0;
		}
	}
	if (unreachable)
		printf("%s: %zu of them cannot be brought about by a command and %s no steps\n", host, unreachable,
			   unreachable == 1 ? "has" : "have");
	printf("%zu of %zu cases hold\n", held, vectors->case_count);
	fflush(stdout);
	return held == vectors->case_count && whole_failures == 0 ? 0 : 1;
}

int co_vectors_main(struct co_vectors_host *host, int argc, char **argv)
{
	struct co_vectors vectors;
	size_t failures = 0;

	co_vectors_load(&vectors, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
	for (size_t kind = 0; kind < vectors.kind_count; kind++) {
		const struct co_vectors_settings *settings = &vectors.kinds[kind];
		int64_t began = co_tk_now_ms();
		host->open(host->self, settings, vectors.topics, vectors.topic_count);
		vectors.partitions = host->partitions(host->self);
		run_kind(&vectors, host, kind);
		char *failure = co_vectors_judge(&vectors, kind, host->outputs(host->self));
		if (failure) {
			printf("DOES NOT HOLD: outputs with auth.mode %s, %s registry\n%s\n", settings->auth_mode,
				   *settings->registry ? "a" : "no", failure);
			failures++;
		}
		free(failure);
		printf("%s: auth.mode %s, %s registry: %lld ms\n", host->name, settings->auth_mode,
			   *settings->registry ? "a" : "no", (long long)(co_tk_now_ms() - began));
		fflush(stdout);
		host->close(host->self);
		/* What the checks borrowed from the log is gone with it. */
		vectors.output_count = 0;
	}
	int status = report(&vectors, host->name, failures);
	co_vectors_clear(&vectors);
	return status;
}
