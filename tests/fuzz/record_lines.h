/* A record written as text, for the fuzz targets and the tests of intake: lines `name: value` (`name` alone: a null
 * value) up to an empty line, then the value. Without an empty line the value is null.
 * Owns nothing: views borrow from the text. */
#ifndef TESTS_FUZZ_RECORD_LINES_H
#define TESTS_FUZZ_RECORD_LINES_H

#include "checkout/ports/log.h"

#define RECORD_LINES_MAX 512 /* headers; what is beyond is left out */

struct record_lines {
	struct co_record record;
	struct co_header headers[RECORD_LINES_MAX];
};

void record_lines_read(struct co_view text, struct record_lines *out);

#endif
