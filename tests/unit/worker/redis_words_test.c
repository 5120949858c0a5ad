/* What Redis' words mean, in the forms that Redis 5 to 7 and hiredis have for them. */
#include "tests/unit/toolbox/toolbox.h"

#include "redis_words.h"

struct saying {
	const char *words;
	enum co_redis_fault fault;
};

static void answered__an_error__its_kind(void **state)
{
	static const struct saying rows[] = {
		{"NOAUTH Authentication required.", CO_REDIS_CREDENTIALS},
		{"WRONGPASS invalid username-password pair or user is disabled.", CO_REDIS_CREDENTIALS},
		{"ERR invalid password", CO_REDIS_CREDENTIALS},
		{"ERR Client sent AUTH, but no password is set", CO_REDIS_CREDENTIALS},
		{"ERR AUTH <password> called without any password configured for the default user.", CO_REDIS_CREDENTIALS},
		{"NOPERM this user has no permissions to run the 'info' command", CO_REDIS_RIGHTS},
		{"LOADING Redis is loading the dataset in memory", CO_REDIS_LOADING},
		{"BUSY Redis is busy running a script.", CO_REDIS_BUSY},
		{"MASTERDOWN Link with MASTER is down", CO_REDIS_BUSY},
		{"CLUSTERDOWN The cluster is down", CO_REDIS_BUSY},
		{"OOM command not allowed when used memory > 'maxmemory'. script: 1f, on @user_script:11.",
		 CO_REDIS_MEMORY_FULL},
		{"ERR Error running script (call to f_1f): @user_script:11: @user_script: 11: -OOM command not allowed",
		 CO_REDIS_MEMORY_FULL},
		{"MISCONF Redis is configured to save RDB snapshots, but it is unable to persist", CO_REDIS_DISK_FULL},
		{"READONLY You can't write against a read only replica.", CO_REDIS_READ_ONLY},
		{"ERR Error running script (call to f_1f): @user_script:7: @user_script: 7: -READONLY You can't write",
		 CO_REDIS_READ_ONLY},
		{"NOREPLICAS Not enough good replicas to write.", CO_REDIS_NO_REPLICAS},
		{"NOSCRIPT No matching script. Please use EVAL.", CO_REDIS_NO_SCRIPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (co_redis_fault_answered(rows[i].words) != rows[i].fault)
			fail_msg("%d, not %d: %s", (int)co_redis_fault_answered(rows[i].words), (int)rows[i].fault, rows[i].words);
}

static void answered__a_code_that_is_none__other(void **state)
{
	static const char *const rows[] = {"",
									   "OOM",
									   "OOMPH a word that begins like one",
									   "ERR unknown command 'info', with args beginning with: 'memory'",
									   "ERR the key is called OOM today",
									   "ERR the key is called x-OOM today",
									   "WRONGTYPE Operation against a key holding the wrong kind of value"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (co_redis_fault_answered(rows[i]) != CO_REDIS_OTHER)
			fail_msg("%d: %s", (int)co_redis_fault_answered(rows[i]), rows[i]);
}

static void unanswered__late_or_away__told_apart(void **state)
{
	(void)state;
	assert_int_equal(co_redis_fault_unanswered("Resource temporarily unavailable"), CO_REDIS_SILENT);
	assert_int_equal(co_redis_fault_unanswered("Connection timed out"), CO_REDIS_SILENT);
	assert_int_equal(co_redis_fault_unanswered("Timeout"), CO_REDIS_SILENT);
	assert_int_equal(co_redis_fault_unanswered("Connection refused"), CO_REDIS_UNREACHABLE);
	assert_int_equal(co_redis_fault_unanswered("Server closed the connection"), CO_REDIS_UNREACHABLE);
	assert_int_equal(co_redis_fault_unanswered("Temporary failure in name resolution"), CO_REDIS_UNREACHABLE);
}

#define INFO(limit, policy) \
	"# Memory\r\nused_memory:1\r\nmaxmemory:" limit "\r\nmaxmemory_human:0B\r\nmaxmemory_policy:" policy "\r\n"

static bool evicts(const char *info)
{
	struct co_redis_memory memory;

	if (!co_redis_memory_read(info, &memory))
		fail_msg("not read: %s", info);
	return co_redis_memory_evicts(&memory);
}

static void memory__all_keys_and_a_limit__evicts(void **state)
{
	(void)state;
	assert_true(evicts(INFO("1", "allkeys-lru")));
	assert_true(evicts(INFO("1073741824", "allkeys-lfu")));
	assert_true(evicts(INFO("99999999999999999999", "allkeys-random")));
	assert_true(evicts("maxmemory_policy:allkeys-lrm\nmaxmemory:1"));
}

/* Our keys have no time to live; and a limit of 0 is none. */
static void memory__other_policies_or_no_limit__does_not(void **state)
{
	static const char *const policies[] = {"noeviction",      "volatile-lru", "volatile-lfu",
										   "volatile-random", "volatile-ttl", "allkeys"};
	char info[160];

	(void)state;
	assert_false(evicts(INFO("0", "allkeys-lru")));
	for (size_t i = 0; i < sizeof(policies) / sizeof(*policies); i++) {
		snprintf(info, sizeof(info), "maxmemory:1\r\nmaxmemory_policy:%s\r\n", policies[i]);
		if (evicts(info))
			fail_msg("%s evicts", policies[i]);
	}
}

static void memory__a_field_is_missing__not_read(void **state)
{
	static const char *const rows[] = {"",
									   "\n",
									   "# Memory\r\n",
									   "maxmemory:1\r\n",
									   "maxmemory_policy:allkeys-lru\r\n",
									   "maxmemory:\r\nmaxmemory_policy:allkeys-lru\r\n",
									   "maxmemory:-1\r\nmaxmemory_policy:allkeys-lru\r\n",
									   "maxmemory:1\r\nmaxmemory_policy:\r\n",
									   "xmaxmemory:1\r\nmaxmemory_policy:allkeys-lru\r\n"};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct co_redis_memory memory = {.limit = 7, .policy = "x"};
		if (co_redis_memory_read(rows[i], &memory) || memory.limit != 0 || memory.policy[0])
			fail_msg("read: %s", rows[i]);
	}
}

static void memory__a_long_policy__cut(void **state)
{
	struct co_redis_memory memory;

	(void)state;
	assert_true(co_redis_memory_read(INFO("1", "allkeys-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), &memory));
	assert_int_equal(strlen(memory.policy), sizeof(memory.policy) - 1);
	assert_true(co_redis_memory_evicts(&memory));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(answered__an_error__its_kind),
		cmocka_unit_test(answered__a_code_that_is_none__other),
		cmocka_unit_test(unanswered__late_or_away__told_apart),
		cmocka_unit_test(memory__all_keys_and_a_limit__evicts),
		cmocka_unit_test(memory__other_policies_or_no_limit__does_not),
		cmocka_unit_test(memory__a_field_is_missing__not_read),
		cmocka_unit_test(memory__a_long_policy__cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
