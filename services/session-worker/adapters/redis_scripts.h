/* The Lua scripts of the Redis store. KEYS[1] is always the shard's marker; the other keys carry its hash tag. Pure
 * text. */
#ifndef CHECKOUT_ADAPTERS_REDIS_SCRIPTS_H
#define CHECKOUT_ADAPTERS_REDIS_SCRIPTS_H

enum co_redis_script {
	CO_SCRIPT_LOAD,
	CO_SCRIPT_APPLY,
	CO_SCRIPT_PUT,
	CO_SCRIPT_PUBLISH,
	CO_SCRIPT_CENSUS,
	CO_SCRIPT_SWEEP,
	CO_SCRIPT_COUNT
};

const char *co_redis_script_text(enum co_redis_script script);

#endif
