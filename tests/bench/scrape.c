#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end && end[1] ? end + 1 : NULL;
}

/* The value of a line when it is a series of `name` whose labels contain `label`; NAN: it is not. */
static double value_of(const char *line, const char *name, const char *label)
{
	size_t length = strlen(name);
	char text[512];

	if (strncmp(line, name, length) != 0 || (line[length] != '{' && line[length] != ' '))
		return NAN;
	(void)snprintf(text, sizeof(text), "%.*s", (int)strcspn(line, "\n"), line);
	char *space = strrchr(text, ' ');
	if (!space || (label && !strstr(text, label)))
		return NAN;
	return strtod(space + 1, NULL);
}

double bench_metric(const char *metrics, const char *name, const char *label)
{
	double sum = 0;

	for (const char *line = metrics; line; line = next_line(line)) {
		double value = value_of(line, name, label);
		if (!isnan(value))
			sum += value;
	}
	return sum;
}

double bench_metric_quantile(const char *metrics, const char *name, double quantile)
{
	char buckets[128], total[128];
	double from = 0, below = 0;

	(void)snprintf(buckets, sizeof(buckets), "%s_bucket", name);
	(void)snprintf(total, sizeof(total), "%s_count", name);
	double rank = quantile * bench_metric(metrics, total, NULL);
	for (const char *line = metrics; line; line = next_line(line)) {
		double count = value_of(line, buckets, NULL);
		const char *le = strstr(line, "le=\"");
		if (isnan(count) || !le)
			continue;
		double bound = strtod(le + 4, NULL);
		if (count >= rank && count > below)
			return isinf(bound) ? from : from + (bound - from) * (rank - below) / (count - below);
		from = bound;
		below = count;
	}
	return NAN;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(double *values, size_t count, double quantile)
{
	if (count == 0)
		return NAN;
	qsort(values, count, sizeof(*values), compare);
	size_t rank = (size_t)ceil(quantile * (double)count);
	return values[rank ? rank - 1 : 0];
}

double bench_median(const double *values, size_t count)
{
	double *copy = malloc((count + 1) * sizeof(*copy));

	if (!copy || count == 0)
		bench_fail("bench: no values");
	memcpy(copy, values, count * sizeof(*copy));
	qsort(copy, count, sizeof(*copy), compare);
	double median = count % 2 ? copy[count / 2] : (copy[count / 2 - 1] + copy[count / 2]) / 2;
	free(copy);
	return median;
}
