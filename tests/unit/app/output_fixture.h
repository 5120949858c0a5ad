/* A session, a command and a record to make outputs of, and a way to see every byte of a message as one text.
 * Owns its arena; nothing outlives fixture_end(). Never used outside tests. cmocka's headers are included here, in
 * their order. */
#ifndef TESTS_UNIT_APP_OUTPUT_FIXTURE_H
#define TESTS_UNIT_APP_OUTPUT_FIXTURE_H

#include "checkout/app/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EPOCH_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00.000Z */
#define SECRET "Zx9-planted-secret"     /* must appear in no output */

struct fixture {
	struct co_arena arena;
	struct co_names names;
	struct co_header headers[8];
	struct co_record record;
	struct co_intake intake;
	struct co_origin origin;
	struct co_decision decision;
	struct co_session session;
	struct co_uuid session_id;
	struct co_reply_target target;
	struct co_message message;
};

/* An accepted `capture` at EPOCH_MS + 2500 (partition 3, offset 42) of an authorised session, version 3. */
void fixture_begin(struct fixture *fixture);
void fixture_end(struct fixture *fixture);
/* A test with a fixture of its own in *state. */
#define FIXTURE_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_set_up, fixture_tear_down)
int fixture_set_up(void **state);
int fixture_tear_down(void **state);
/* The reply to it, in fixture->message. */
void fixture_reply(struct fixture *fixture);
struct co_uuid fixture_uuid(const char *text);
/* The session as outputs show it. */
struct co_view fixture_shown(struct fixture *fixture, uint16_t version);
/* The message as lines: topic, partition, timestamp, key, one line per header, the value. Absent ones
 * as (null), NUL bytes as \0. */
const char *fixture_text(struct fixture *fixture, const struct co_message *message);
/* The message's value, with a NUL behind it. */
const char *fixture_value(struct fixture *fixture);
/* The value of the last header of that name; "(none)" when there is none. */
const char *fixture_header(struct fixture *fixture, const struct co_message *message, const char *name);
/* Refused with these violations: the first one's rule is the verdict's. */
void fixture_refuse(struct fixture *fixture, const struct co_violation *violations, size_t count);
/* Fails the test, and shows both, unless `part` stands in `text`. */
void assert_holds(const char *text, const char *part);

#endif
