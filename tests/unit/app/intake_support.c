#include "intake_support.h"

struct co_intake read_record(struct co_view text)
{
	struct record_lines *lines = CO_NEW(&arena, struct record_lines);
	struct co_intake intake;

	record_lines_read(text, lines);
	co_intake_read(&lines->record, &arena, &intake);
	return intake;
}

void assert_view(struct co_view view, const char *text)
{
	assert_int_equal(view.ptr != NULL, text != NULL);
	assert_true(co_view_eq(view, co_view_cstr(text)));
}
