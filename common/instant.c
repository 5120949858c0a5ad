#include "checkout/instant.h"

#include <stddef.h>

#define MS_PER_SECOND INT64_C(1000)
#define MS_PER_MINUTE (60 * MS_PER_SECOND)
#define MS_PER_HOUR (60 * MS_PER_MINUTE)
#define MS_PER_DAY (24 * MS_PER_HOUR)
#define YEAR_0000_MS INT64_C(-62167219200000)
#define YEAR_9999_END_MS INT64_C(253402300799999)

/* Days from 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March, so that the leap day
 * is its last; 400 of them (an era) have 146097 days. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
	int64_t march_year = month <= 2 ? year - 1 : year;
	int64_t era = (march_year >= 0 ? march_year : march_year - 399) / 400;
	int64_t year_of_era = march_year - era * 400;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/* For the years 0000 to 9999, so that 32 bits suffice: this runs a dozen times per command. */
static void date_from_days(int64_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
	/* Counted from 1 March of the year -400: an era earlier than the year 0, so that nothing is negative. */
	uint32_t shifted = (uint32_t)(days + 719468 + 146097);
	uint32_t era = shifted / 146097;
	uint32_t day_of_era = shifted % 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t march_month = (5 * day_of_year + 2) / 153;

	*day = day_of_year - (153 * march_month + 2) / 5 + 1;
	*month = march_month < 10 ? march_month + 3 : march_month - 9;
	*year = year_of_era + era * 400 + (*month <= 2) - 400;
}

/* Two digits and the byte behind them. */
static char *put_pair(char *out, uint32_t number, char behind)
{
	out[0] = (char)('0' + number / 10);
	out[1] = (char)('0' + number % 10);
	out[2] = behind;
	return out + 3;
}

void co_instant_format(int64_t instant_ms, char out[CO_INSTANT_TEXT + 1])
{
	int64_t days;
	uint32_t ms_of_day, year, month, day;

	if (instant_ms < YEAR_0000_MS)
		instant_ms = YEAR_0000_MS;
	if (instant_ms > YEAR_9999_END_MS)
		instant_ms = YEAR_9999_END_MS;
	/* Counted from the year 0, as a remainder is negative with what it is of. */
	days = (instant_ms - YEAR_0000_MS) / MS_PER_DAY + YEAR_0000_MS / MS_PER_DAY;
	ms_of_day = (uint32_t)((instant_ms - YEAR_0000_MS) % MS_PER_DAY);
	date_from_days(days, &year, &month, &day);
	*out++ = (char)('0' + year / 1000);
	*out++ = (char)('0' + year / 100 % 10);
	out = put_pair(out, year % 100, '-');
	out = put_pair(out, month, '-');
	out = put_pair(out, day, 'T');
	out = put_pair(out, ms_of_day / (uint32_t)MS_PER_HOUR, ':');
	out = put_pair(out, ms_of_day / (uint32_t)MS_PER_MINUTE % 60, ':');
	out = put_pair(out, ms_of_day / (uint32_t)MS_PER_SECOND % 60, '.');
	*out++ = (char)('0' + ms_of_day % 1000 / 100);
	out = put_pair(out, ms_of_day % 100, 'Z');
	*out = '\0';
}

static bool take_digits(struct co_view *text, size_t width, int64_t min, int64_t max, int64_t *out)
{
	int64_t number = 0;

	if (text->len < width)
		return false;
	for (size_t i = 0; i < width; i++) {
		if (text->ptr[i] < '0' || text->ptr[i] > '9')
			return false;
		number = number * 10 + (text->ptr[i] - '0');
	}
	text->ptr += width;
	text->len -= width;
	*out = number;
	return number >= min && number <= max;
}

static bool take_byte(struct co_view *text, char byte)
{
	if (!text->len || *text->ptr != byte)
		return false;
	text->ptr++;
	text->len--;
	return true;
}

/* One digit and more; those behind the millisecond are read over. */
static bool take_fraction(struct co_view *text, int64_t *out_ms)
{
	int64_t unit = 100, ms = 0, digit;

	if (!take_digits(text, 1, 0, 9, &digit))
		return false;
	do {
		ms += digit * unit;
		unit /= 10;
	} while (take_digits(text, 1, 0, 9, &digit));
	*out_ms = ms;
	return true;
}

static bool take_zone(struct co_view *text, bool lower_case_ok, int64_t *out_ms)
{
	int64_t sign, hours, minutes;

	*out_ms = 0;
	if (take_byte(text, 'Z') || (lower_case_ok && take_byte(text, 'z')))
		return true;
	if (take_byte(text, '+'))
		sign = 1;
	else if (take_byte(text, '-'))
		sign = -1;
	else
		return false;
	if (!take_digits(text, 2, 0, 23, &hours) || !take_byte(text, ':') || !take_digits(text, 2, 0, 59, &minutes))
		return false;
	*out_ms = sign * (hours * MS_PER_HOUR + minutes * MS_PER_MINUTE);
	return true;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
	static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

bool co_instant_parse(struct co_view text, bool lower_case_ok, int64_t *out_ms)
{
	int64_t year, month, day, hour, minute, second, fraction_ms = 0, zone_ms;

	if (!take_digits(&text, 4, 1, 9999, &year) || !take_byte(&text, '-') || !take_digits(&text, 2, 1, 12, &month) ||
		!take_byte(&text, '-') || !take_digits(&text, 2, 1, days_of_month(year, month), &day))
		return false;
	if (!take_byte(&text, 'T') && !(lower_case_ok && take_byte(&text, 't')))
		return false;
	if (!take_digits(&text, 2, 0, 23, &hour) || !take_byte(&text, ':') || !take_digits(&text, 2, 0, 59, &minute) ||
		!take_byte(&text, ':') || !take_digits(&text, 2, 0, 60, &second))
		return false;
	if (take_byte(&text, '.') && !take_fraction(&text, &fraction_ms))
		return false;
	if (!take_zone(&text, lower_case_ok, &zone_ms) || text.len)
		return false;
	if (out_ms)
		*out_ms = days_from_date(year, month, day) * MS_PER_DAY + hour * MS_PER_HOUR + minute * MS_PER_MINUTE +
				  second * MS_PER_SECOND + fraction_ms - zone_ms;
	return true;
}
