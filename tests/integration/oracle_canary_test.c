/* The oracle can fail: a run that holds, with one thing changed that a wrong service could have done, does not. */
#include "it.h"

#include <hiredis/hiredis.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;

/* A run that holds. */
static int setup(void **state)
{
	rig_servers_start(state);
	rig_open(&rig, *state);
	rig_start(&rig, 0, 1, NULL);
	rig_wait_ready(&rig, 0);
	rig_load(&rig, 40);
	rig_settle_and_check(&rig, 90000, "before any change");
	/* what is spoiled below stays so: nobody is there to mend it */
	co_tk_worker_stop(&rig.workers[0]);
	*state = NULL;
	return 0;
}

static int teardown(void **state)
{
	struct rig_servers *servers = rig.servers;

	rig_close(&rig);
	*state = servers;
	return rig_servers_stop(state);
}

struct change {
	const char *topic, *type; /* of the record */
	enum { LOST, TWICE, EARLY } how;
	const char *word; /* that the oracle's sentence has to have */
};

static bool is_it(const struct change *change, const struct co_tk_record *record)
{
	char *topic = co_tk_format("%s%s", rig.prefix, change->topic);
	bool found = co_tk_is(record->topic, topic) &&
				 (!change->type || co_tk_header_is(&record->r, "ce_type", change->type)) &&
				 (strcmp(change->topic, "state") != 0 || record->r.key.len == 36);

	free(topic);
	return found;
}

/* The log with the last such record changed. */
static void log__one_record_changed__caught(void **state)
{
	const struct change *change = *state;
	struct co_oracle oracle = rig_oracle(&rig);
	struct co_tk_log log = {.records = co_tk_alloc((oracle.log->count + 1) * sizeof(*log.records))};
	size_t at = oracle.log->count;

	while (at > 0 && !is_it(change, oracle.log->records[at - 1]))
		at--;
	assert_true(at-- > 0);
	struct co_tk_record early = *oracle.log->records[at];
	early.r.timestamp_ms -= 60000;
	for (size_t i = 0; i < oracle.log->count; i++) {
		if (i != at || change->how == TWICE)
			log.records[log.count++] = oracle.log->records[i];
		if (i == at && change->how == TWICE)
			log.records[log.count++] = oracle.log->records[i];
		if (i == at && change->how == EARLY)
			log.records[log.count++] = &early;
	}
	oracle.log = &log;
	char *sentence = co_oracle_check(&oracle);
	free(log.records);
	assert_non_null(sentence);
	if (!strstr(sentence, change->word))
		fail_msg("wanted \"%s\" in: %s", change->word, sentence);
	free(sentence);
}

static struct change changes[] = {
	{"replies", NULL, LOST, "has 0 replies"},
	{"replies", NULL, TWICE, "a reply too many"},
	{"events", "checkout.session.expired", TWICE, "does not follow the version"},
	{"events", "checkout.session.created", TWICE, "does not follow the version"},
	{"events", "checkout.session.expired", LOST, "not the fold of its events"},
	{"events", "checkout.session.expired", EARLY, "before the deadline"},
	{"errors", NULL, TWICE, "ce_id"},
	{"state", NULL, LOST, "of session"},
};

struct spoil {
	const char *script, *word;
};

/* Redis with one thing changed: by a script with the marker's key and the generation's stem, undone by a flush no more.
 */
static void redis__one_thing_changed__caught(void **state)
{
	const struct spoil *spoil = *state;
	struct co_oracle oracle = rig_oracle(&rig);
	struct co_tk_redis *redis = &rig.servers->redis;

	for (int p = 0; p < RIG_PARTITIONS; p++)
		freeReplyObject(co_tk_redis_call(redis, "EVAL %s 1 %s:{%d}:m %s:{%d}:", spoil->script, rig.key_prefix, p,
										 rig.key_prefix, p));
	char *sentence = co_oracle_check(&oracle);
	assert_non_null(sentence);
	if (!strstr(sentence, spoil->word))
		fail_msg("wanted \"%s\" in: %s", spoil->word, sentence);
	free(sentence);
}

#define STEM "local stem=ARGV[1]..(redis.call('HGET',KEYS[1],'gen') or '0') "

/* From the mildest to the worst: what a row spoils stays spoiled, and each next one is found before it. */
static struct spoil spoils[] = {
	{"return redis.call('HINCRBY',KEYS[1],'seq',1)", "Redis shows"},
	{STEM "return redis.call('SET',stem..':s:stray','x')", "Redis has"},
	{STEM "local d=redis.call('ZRANGE',stem..':due',0,0) if d[1] then redis.call('ZINCRBY',stem..':due',1,d[1]) end",
	 "due of session"},
	{STEM "local d=redis.call('ZRANGE',stem..':due',0,-1) for _,s in ipairs(d) do "
		  "redis.call('APPEND',stem..':s:'..s,'x') end",
	 "other bytes"},
	{STEM "local d=redis.call('ZRANGE',stem..':due',0,-1) for _,s in ipairs(d) do redis.call('DEL',stem..':s:'..s) end",
	 "Redis has no session"},
	{"return redis.call('DEL',KEYS[1])", "no marker"},
};

int main(void)
{
	enum { CHANGES = sizeof(changes) / sizeof(*changes), SPOILS = sizeof(spoils) / sizeof(*spoils) };
	struct CMUnitTest tests[CHANGES + SPOILS];
	char names[CHANGES + SPOILS][96];
	static const char *const how[] = {"lost", "twice", "early"};

	for (size_t i = 0; i < CHANGES; i++) {
		snprintf(names[i], sizeof(names[i]), "log__%s_%s_%zu__caught", changes[i].topic, how[changes[i].how], i);
		tests[i] = (struct CMUnitTest){names[i], log__one_record_changed__caught, NULL, NULL, &changes[i]};
	}
	for (size_t i = 0; i < SPOILS; i++) {
		snprintf(names[CHANGES + i], sizeof(names[0]), "redis__%s__caught", spoils[i].word);
		tests[CHANGES + i] =
			(struct CMUnitTest){names[CHANGES + i], redis__one_thing_changed__caught, NULL, NULL, &spoils[i]};
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
