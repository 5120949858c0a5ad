/* What the tests of intake share: records written as text (tests/fuzz/record_lines.h), read into the arena of the test.
 * Owns nothing; never decides anything itself. */
#ifndef TESTS_UNIT_APP_INTAKE_SUPPORT_H
#define TESTS_UNIT_APP_INTAKE_SUPPORT_H

#include "checkout/app/intake.h"

#include "arena_case.h"
#include "tests/fuzz/record_lines.h"

/* The smallest command, in binary mode; in structured mode without its last brace. */
#define NAMES "ce_specversion: 1.0\nce_id: i\nce_source: /s\nce_type: checkout.session.get\n"
#define EVENT "{\"specversion\":\"1.0\",\"id\":\"i\",\"source\":\"/s\",\"type\":\"checkout.session.get\""

/* Views borrow from `text` and the arena. */
struct co_intake read_record(struct co_view text);
/* `text` NULL: the view must be absent. */
void assert_view(struct co_view view, const char *text);

#endif
