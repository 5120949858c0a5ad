/* Base64 as it is read (RFC 4648): what is accepted, and its nearest neighbours that are not. Texts are read from
 * memory of exactly their size, so that AddressSanitizer sees a byte too far. */
#include "checkout/base64.h"

#include "arena_case.h"

#include <stdlib.h>
#include <string.h>

enum kind { PADDED, URL };

struct row {
	const char *name;
	enum kind kind;
	const char *text;
	const char *bytes; /* NULL: refused */
	bool stray;
};

static const struct row rows[] = {
	/* Section 10 */
	{"padded: nothing", PADDED, "", "", false},
	{"padded: one byte", PADDED, "Zg==", "f", false},
	{"padded: two bytes", PADDED, "Zm8=", "fo", false},
	{"padded: three bytes", PADDED, "Zm9v", "foo", false},
	{"padded: six bytes", PADDED, "Zm9vYmFy", "foobar", false},
	{"padded: the last two of the alphabet", PADDED, "++//", "\xfb\xef\xff", false},
	{"padded: stray bits of one byte", PADDED, "Zh==", "f", true},
	{"padded: the highest stray bit of one byte", PADDED, "Zo==", "f", true},
	{"padded: stray bits of two bytes", PADDED, "Zm9=", "fo", true},
	{"padded: no padding", PADDED, "Zg", NULL, false},
	{"padded: half the padding", PADDED, "Zg=", NULL, false},
	{"padded: three of padding", PADDED, "Z===", NULL, false},
	{"padded: nothing but padding", PADDED, "====", NULL, false},
	{"padded: padding in the midst", PADDED, "Zg==Zg==", NULL, false},
	{"padded: a character behind the padding", PADDED, "Zg=g", NULL, false},
	{"padded: a line end", PADDED, "Zm9v\n", NULL, false},
	{"padded: a blank in the midst", PADDED, "Zm v", NULL, false},
	{"padded: URL's 62", PADDED, "-m9v", NULL, false},
	{"padded: URL's 63", PADDED, "_m9v", NULL, false},
	{"padded: no ASCII", PADDED, "Zm9\xff", NULL, false},
	{"url: nothing", URL, "", "", false},
	{"url: one byte", URL, "Zg", "f", false},
	{"url: two bytes", URL, "Zm8", "fo", false},
	{"url: three bytes", URL, "Zm9v", "foo", false},
	{"url: the last two of the alphabet", URL, "--__", "\xfb\xef\xff", false},
	{"url: the first and last of each run", URL, "AZaz09", "\x01\x96\xb3\xd3", true},
	{"url: stray bits", URL, "Zh", "f", true},
	{"url: padding", URL, "Zg==", NULL, false},
	{"url: a character that fills no byte", URL, "Zm9vZ", NULL, false},
	{"url: one character", URL, "Z", NULL, false},
	{"url: standard's 62", URL, "+m9v", NULL, false},
	{"url: standard's 63", URL, "/m9v", NULL, false},
	{"url: before A", URL, "@AAA", NULL, false},
	{"url: behind Z", URL, "[AAA", NULL, false},
	{"url: before a", URL, "`AAA", NULL, false},
	{"url: behind z", URL, "{AAA", NULL, false},
	{"url: before 0 is standard's 63", URL, "AAA/", NULL, false},
	{"url: behind 9", URL, "AAA:", NULL, false},
};

static void row_case(void **state)
{
	const struct row *row = *state;
	struct co_view out = CO_VIEW("as it was");
	bool stray = true;
	char *text = exactly(co_view_cstr(row->text));
	struct co_view view = co_view_make(text, strlen(row->text));

	bool read = row->kind == PADDED ? co_base64_read_padded(view, &arena, &out, &stray)
									: co_base64_read(view, CO_BASE64_URL, &arena, &out, &stray);

	assert_int_equal(read, row->bytes != NULL);
	assert_true(co_view_eq(out, row->bytes ? co_view_cstr(row->bytes) : CO_VIEW("as it was")));
	assert_int_equal(stray, row->bytes ? row->stray : true);
	free(text);
}

int main(void)
{
	static struct CMUnitTest tests[COUNT(rows)];

	for (size_t i = 0; i < COUNT(rows); i++)
		tests[i] = ARENA_ROW(row_case, &rows[i]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
