/* A session's memory of its last commands (contract section 6). Private to the domain; owns nothing. */
#ifndef DOMAIN_MEMORY_H
#define DOMAIN_MEMORY_H

#include "checkout/domain/session.h"

/* What is remembered under the command's identity; NULL when it is not. */
const struct co_memory *co_recall(const struct co_session *session, const struct co_command *command);
/* The same type and data; otherwise it is a conflict. */
bool co_is_repeat(const struct co_memory *memory, const struct co_command *command);
/* The first verdict again. Names of metadata keys come back from the repeat's data, which is equal to the first's. */
void co_retell(const struct co_memory *memory, const struct co_command *command, struct co_verdict *out);

#endif
