#include "json_read.h"

#include <math.h>
#include <stdlib.h>

/* Powers of ten that a double holds exactly, and the whole numbers up to which it holds every one: with both, one
 * multiplication or division rounds once, which is what strtod does. */
#define EXACT_POWER_MAX 22
#define EXACT_WHOLE_MAX ((uint64_t)1 << 53)
/* Beyond any exponent that a text in memory could bring back into range with leading or trailing zeros. */
#define EXPONENT_MAX ((int64_t)1 << 50)

/* A number's parts, all of them in the text. */
struct number {
	const char *whole, *whole_end;       /* digits before the point, without a sign */
	const char *fraction, *fraction_end; /* digits behind it; equal when there are none */
	int64_t exponent;                    /* as written; past EXPONENT_MAX its further digits are not */
	bool negative, real;
};

static bool is_digit(const char *at, const char *end)
{
	return at < end && *at >= '0' && *at <= '9';
}

static const char *digits_end(const char *at, const char *end)
{
	while (is_digit(at, end))
		at++;
	return at;
}

static bool read_exponent(struct co_json_reader *reader, struct number *number)
{
	const char *at = reader->at + 1;
	bool negative = at < reader->end && *at == '-';

	if (at < reader->end && (*at == '-' || *at == '+'))
		at++;
	if (!is_digit(at, reader->end))
		return co_json_fail(reader, at, "an exponent wants digits");
	for (; is_digit(at, reader->end); at++) {
		if (number->exponent < EXPONENT_MAX)
			number->exponent = number->exponent * 10 + (*at - '0');
	}
	if (negative)
		number->exponent = -number->exponent;
	reader->at = at;
	return true;
}

/* The grammar of RFC 8259 section 6. */
static bool read_parts(struct co_json_reader *reader, struct number *number)
{
	number->negative = *reader->at == '-';
	number->whole = reader->at + (number->negative ? 1 : 0);
	if (!is_digit(number->whole, reader->end))
		return co_json_fail(reader, number->whole, "a number wants a digit");
	reader->at = number->whole_end = digits_end(number->whole, reader->end);
	if (*number->whole == '0' && number->whole_end - number->whole > 1)
		return co_json_fail(reader, number->whole, "a number begins with a needless 0");
	number->fraction = number->fraction_end = reader->at;
	if (reader->at < reader->end && *reader->at == '.') {
		number->real = true;
		number->fraction = reader->at + 1;
		reader->at = number->fraction_end = digits_end(number->fraction, reader->end);
		if (number->fraction == number->fraction_end)
			return co_json_fail(reader, reader->at, "a fraction wants digits");
	}
	if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E')) {
		number->real = true;
		return read_exponent(reader, number);
	}
	return true;
}

/* Below 2^63, or 2^63 itself when negative. */
static bool to_integer(const struct number *number, int64_t *out)
{
	const uint64_t limit = (uint64_t)INT64_MAX + (number->negative ? 1 : 0);
	uint64_t value = 0;

	for (const char *at = number->whole; at < number->whole_end; at++) {
		uint64_t digit = (uint64_t)(*at - '0');

		if (value > (limit - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	/* Negated before the cast, so that -2^63 does not pass through its missing opposite. */
	*out = number->negative ? (int64_t)(0 - value) : (int64_t)value;
	return true;
}

/* The fast way: few digits, a small power of ten. False when this is no such number. */
static bool to_real_exactly(const struct number *number, double *out)
{
	static const double powers[EXACT_POWER_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
													   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
													   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
	ptrdiff_t digits = (number->whole_end - number->whole) + (number->fraction_end - number->fraction);
	int64_t power = number->exponent - (number->fraction_end - number->fraction);
	uint64_t value = 0;

	if (digits > 18 || power < -EXACT_POWER_MAX || power > EXACT_POWER_MAX)
		return false;
	for (const char *at = number->whole; at < number->whole_end; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	for (const char *at = number->fraction; at < number->fraction_end; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	if (value > EXACT_WHOLE_MAX)
		return false;
	*out = power < 0 ? (double)value / powers[-power] : (double)value * powers[power];
	return true;
}

/* strtod gets a copy that ends, and one without a point: which character a point is depends on the locale. */
static double to_real_slowly(struct co_arena *arena, const struct number *number)
{
	int64_t power = number->exponent - (number->fraction_end - number->fraction);
	struct co_buf text = co_buf_make(arena, (size_t)(number->fraction_end - number->whole) + 32);

	co_buf_add(&text, co_view_make(number->whole, (size_t)(number->whole_end - number->whole)));
	co_buf_add(&text, co_view_make(number->fraction, (size_t)(number->fraction_end - number->fraction)));
	co_buf_add_byte(&text, 'e');
	co_buf_add_int(&text, power);
	co_buf_add_byte(&text, '\0');
	return strtod(text.ptr, NULL);
}

bool co_json_read_number(struct co_json_reader *reader, struct co_json *node)
{
	const char *start = reader->at;
	struct number number = {0};

	if (!read_parts(reader, &number))
		return false;
	if (!number.real) {
		node->type = CO_JSON_INTEGER;
		return to_integer(&number, &node->integer) ||
			   co_json_fail(reader, start, "an integer outside of -2^63..2^63-1");
	}
	node->type = CO_JSON_REAL;
	if (!to_real_exactly(&number, &node->real))
		node->real = to_real_slowly(reader->arena, &number);
	if (!isfinite(node->real))
		return co_json_fail(reader, start, "a number beyond a double");
	if (number.negative)
		node->real = -node->real;
	return true;
}
