#include "redis_words.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *begin;
	enum co_redis_fault fault;
} answers[] = {
	{"NOAUTH ", CO_REDIS_CREDENTIALS},
	{"WRONGPASS ", CO_REDIS_CREDENTIALS},
	{"ERR invalid password", CO_REDIS_CREDENTIALS}, /* Redis 5 */
	{"ERR AUTH ", CO_REDIS_CREDENTIALS},            /* a password, and Redis wants none */
	{"ERR Client sent AUTH", CO_REDIS_CREDENTIALS}, /* the same of Redis 5 */
	{"NOPERM ", CO_REDIS_RIGHTS},
	{"LOADING ", CO_REDIS_LOADING},
	{"BUSY ", CO_REDIS_BUSY},
	{"MASTERDOWN ", CO_REDIS_BUSY},
	{"CLUSTERDOWN ", CO_REDIS_BUSY},
	{"OOM ", CO_REDIS_MEMORY_FULL},
	{"MISCONF ", CO_REDIS_DISK_FULL},
	{"READONLY ", CO_REDIS_READ_ONLY},
	{"NOREPLICAS ", CO_REDIS_NO_REPLICAS},
	{"NOSCRIPT ", CO_REDIS_NO_SCRIPT},
};

/* At the beginning; or, as Redis 6 tells a script's error, "ERR Error running script (…): -OOM …". */
static bool says(const char *answer, const char *begin)
{
	size_t size = strlen(begin);
	if (strncmp(answer, begin, size) == 0)
		return true;
	for (const char *at = strstr(answer, ": -"); at; at = strstr(at + 1, ": -"))
		if (strncmp(at + 3, begin, size) == 0)
			return true;
	return false;
}

enum co_redis_fault co_redis_fault_answered(const char *answer)
{
	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (says(answer, answers[i].begin))
			return answers[i].fault;
	return CO_REDIS_OTHER;
}

/* hiredis 0.14 has no code for it, only the texts of EAGAIN and ETIMEDOUT; later ones say "Timeout" while connecting.
 */
enum co_redis_fault co_redis_fault_unanswered(const char *words)
{
	bool late = strstr(words, "temporarily unavailable") || strstr(words, "timed out") || strstr(words, "Timeout");
	return late ? CO_REDIS_SILENT : CO_REDIS_UNREACHABLE;
}

/* The value of a line "name:value"; NULL: there is none. */
static const char *value_of(const char *info, const char *name)
{
	size_t size = strlen(name);
	for (const char *line = info; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, size) == 0 && line[size] == ':')
			return line + size + 1;
	}
	return NULL;
}

bool co_redis_memory_read(const char *info, struct co_redis_memory *out)
{
	const char *limit = value_of(info, "maxmemory"), *policy = value_of(info, "maxmemory_policy");
	*out = (struct co_redis_memory){.limit = 0, .policy = ""};
	if (!limit || !isdigit((unsigned char)*limit) || !policy)
		return false;
	size_t size = strcspn(policy, "\r\n");
	if (size == 0)
		return false;
	if (size >= sizeof(out->policy))
		size = sizeof(out->policy) - 1;
	/* one too large for the type is ULLONG_MAX, and a limit all the same */
	out->limit = strtoull(limit, NULL, 10);
	memcpy(out->policy, policy, size);
	out->policy[size] = '\0';
	return true;
}

bool co_redis_memory_evicts(const struct co_redis_memory *memory)
{
	static const char all[] = "allkeys-";
	return memory->limit > 0 && strncmp(memory->policy, all, sizeof(all) - 1) == 0;
}
