/* reached: every code and every rule of the catalogue is brought about by a case of the vectors, and which case does
 * it. 9300001 is none that a command can bring about: a test by name has to do it. Prints the table; fails when a row
 * has none. The canaries: a code and a rule that no case can name are told as missing, and without any case all rows
 * are, but the one that a test by name reaches. Every case with steps goes over Kafka (tests/contract/vectors_kafka.c),
 * so what is reached here is reached there. */
#include "tk.h"
#include "vectors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Where a row is reached that no vector can reach. */
static const struct {
	const char *row, *file, *test;
} elsewhere[] = {
	{"9300001", "tests/integration", "story__outputs_too_large__answered_all_the_same"},
};
static bool quiet; /* while a canary is looked at */

/* As the verdict on a command, or told of its own accord: a code that the command itself names (`fail`) is no proof. */
static bool names_code(const struct co_vector_case *of, const char *code)
{
	for (size_t s = 0; s < of->step_count; s++) {
		const struct co_vector_step *step = &of->steps[s];
		const json_t *list;
		const char *told = co_vectors_error_code(step, &list);
		if (strcmp(co_tk_text_at(step->expect, "reply.code"), code) == 0)
			return true;
		if (told && strcmp(told, code) == 0 && strcmp(co_tk_text_at(step->json, "data.code"), code) != 0 &&
			strcmp(co_tk_text_at(step->json, "data.failure.code"), code) != 0)
			return true;
	}
	return false;
}

/* By `rules`, or a session.* rule by its code, title and detail. */
static bool names_rule(const struct co_vector_case *of, const json_t *rule, const char *name)
{
	for (size_t s = 0; s < of->step_count; s++) {
		const json_t *reply = json_object_get(of->steps[s].expect, "reply"), *rules = json_object_get(reply, "rules");
		for (size_t i = 0; i < json_array_size(rules); i++)
			if (strcmp(json_string_value(json_array_get(json_array_get(rules, i), 0)), name) == 0)
				return true;
		if (strcmp(co_tk_text_at(reply, "code"), co_tk_text_at(rule, "code")) == 0 &&
			strcmp(co_tk_text_at(reply, "title"), co_tk_text_at(rule, "title")) == 0 &&
			strcmp(co_tk_text_at(reply, "detail"), co_tk_text_at(rule, "detail")) == 0 && *co_tk_text_at(reply, "code"))
			return true;
	}
	return false;
}

/* A test of that name stands in some source of the folder: it is static, so one that no list runs would not compile. */
static bool stands_elsewhere(const char *row)
{
	for (size_t i = 0; i < sizeof(elsewhere) / sizeof(*elsewhere); i++) {
		if (strcmp(elsewhere[i].row, row) != 0)
			continue;
		char *folder = co_tk_format("%s/%s", co_tk_source_dir(), elsewhere[i].file);
		char *pattern = co_tk_format("^static void %s\\(void \\*\\*state\\)$", elsewhere[i].test);
		const char *argv[] = {"grep", "-rqE", pattern, "--include=*.c", folder, NULL};
		int status = co_tk_run(&(struct co_tk_spawn){.argv = argv}, 10000);
		free(folder);
		free(pattern);
		if (status == 0 && !quiet)
			printf("  %-44s test %s in %s\n", row, elsewhere[i].test, elsewhere[i].file);
		return status == 0;
	}
	return false;
}

static bool reached(const struct co_vectors *vectors, const json_t *row, const char *name, bool is_code)
{
	for (size_t c = 0; c < vectors->case_count; c++) {
		const struct co_vector_case *of = &vectors->cases[c];
		if (is_code ? names_code(of, name) : names_rule(of, row, name)) {
			if (!quiet)
				printf("  %-44s %s/%s\n", name, of->file, of->name);
			return true;
		}
	}
	return stands_elsewhere(name);
}

static size_t walk(const struct co_vectors *vectors, const char *list, const char *member, bool is_code, size_t *count)
{
	const json_t *rows = json_object_get(vectors->catalogue, list);
	size_t missing = 0;

	*count = json_array_size(rows);
	for (size_t i = 0; i < *count; i++) {
		const json_t *row = json_array_get(rows, i);
		const char *name = co_tk_text_at(row, member);
		if (!reached(vectors, row, name, is_code)) {
			if (!quiet)
				printf("  %-44s NOT REACHED\n", name);
			missing++;
		}
	}
	return missing;
}

int main(void)
{
	struct co_vectors vectors;
	size_t codes, rules;

	co_vectors_load(&vectors, NULL, NULL);
	const json_t *first = json_array_get(json_object_get(vectors.catalogue, "rules"), 0);
	const char *member = json_object_get(first, "rule") ? "rule" : "name";
	size_t missing = walk(&vectors, "codes", "code", true, &codes) + walk(&vectors, "rules", member, false, &rules);
	quiet = true;
	json_t *nothing = json_pack("{s:s,s:s,s:s,s:s}", "code", "9399999", "title", "X", "detail", "x", member, "no.rule");
	bool canary = !reached(&vectors, nothing, "9399999", true) && !reached(&vectors, nothing, "no.rule", false);
	json_decref(nothing);
	struct co_vectors without = vectors;
	without.case_count = 0;
	size_t others = sizeof(elsewhere) / sizeof(*elsewhere);
	canary = canary && walk(&without, "codes", "code", true, &codes) == codes - others &&
			 walk(&without, "rules", member, false, &rules) == rules;
	co_tk_check(codes == 32 && rules == 31, "the catalogue has %zu codes and %zu rules, not 32 and 31", codes, rules);
	co_tk_check(canary, "the canary was reached");
	printf("reached: %zu codes, %zu rules, %zu not reached; canary caught\n", codes, rules, missing);
	co_vectors_clear(&vectors);
	return missing ? 1 : 0;
}
