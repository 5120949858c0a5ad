/* A command as text, between what makes it and what sends it. */
#ifndef BENCH_BROKER_H
#define BENCH_BROKER_H

#include "bench.h"

struct bench_text {
	char session_id[37], merchant_id[37], id[32];
	const char *type;
	bool has_subject;
	size_t data_len;
	char data[2048];
};

void bench_write(const struct bench_command *command, struct bench_text *out);

#endif
