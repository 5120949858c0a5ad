/* Random commands against the pure core: what must hold whatever comes. The seed and the number of commands are told
 * by the environment (CO_PROPERTY_SEED, CO_PROPERTY_COMMANDS) or the arguments (commands, then seed) and printed with
 * every failure. Covers co_decide, co_evolve, co_elapse, co_session_at, co_session_deadline. */
#include "support.h"

#include "splitmix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMANDS_DEFAULT 200000
#define SEED_DEFAULT 20260101
/* A new session after so many commands, long enough for the memory to run over. */
#define COMMANDS_PER_SESSION 60
#define AUTHORIZE_BROKEN                                                                  \
	"{\"paymentIntentId\":\"pi-2\",\"paymentMethod\":{\"family\":\"card\"},\"amount\":5," \
	"\"merchantTransactionId\":\"t\",\"metadata\":{\"k\":1,\"m\":2},\"paymentAllocations\":[]}"

struct outcome {
	struct co_command command;
	struct co_verdict verdict;
};

struct run {
	struct co_arena arena;
	uint64_t random, seed;
	unsigned long commands, done, changed, refused, repeated, conflicts, expired, forgotten, late, created;
	struct co_session session;
	bool exists;
	int64_t now_ms;
	struct co_state history[CO_CHANGES_MAX + 1]; /* by version, as first seen */
	size_t versions;
	unsigned terminal_events;
	struct outcome sent[COMMANDS_PER_SESSION];
	size_t sent_count;
};

static unsigned long asked_commands, asked_seed;

static unsigned pick(struct run *run, unsigned count)
{
	return (unsigned)(splitmix_pick(&run->random, count));
}

#define REQUIRE(run, condition)                                                                               \
	do {                                                                                                      \
		if (!(condition))                                                                                     \
			fail_msg("%s: seed %llu, command %lu", #condition, (unsigned long long)(run)->seed, (run)->done); \
	} while (0)

static const char *pick_data(struct run *run, enum co_command_kind kind)
{
	static const char *const requests[] = {REQUEST, REQUEST_CAPTURE_LATER, REQUEST_CAPTURE_LATER,
										   REQUEST_WITHOUT_PAYMENT, REQUEST_HEAD "\"ttlSeconds\":5}"};
	static const char *const authorizes[] = {AUTHORIZE, AUTHORIZE, "{}", AUTHORIZE_BROKEN};
	static const char *const captures[] = {"{}", "{\"amount\":400}", "{\"amount\":1000}", "{\"amount\":1001}",
										   "{\"amount\":0}"};
	static const char *const updates[] = {
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"PENDING\"}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"AUTHORISED\"}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"CAPTURED\"}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"DECLINED\",\"failure\":{\"code\":\"9300105\"}}",
		"{\"paymentIntentId\":\"pi-1\",\"transactionStatus\":\"REFUNDED\"}",
		"{\"paymentIntentId\":\"pi-9\",\"transactionStatus\":\"CAPTURED\"}",
		"{\"transactionStatus\":\"CAPTURED\"}"};
	static const char *const ends[] = {"{}", "{\"reason\":\"r\"}", "{\"reason\":7}", "{\"code\":\"9300001\"}"};

	switch (kind) {
	case CO_COMMAND_CREATE:
	case CO_COMMAND_VALIDATE:
		return requests[pick(run, 5)];
	case CO_COMMAND_AUTHORIZE:
		return authorizes[pick(run, 4)];
	case CO_COMMAND_CAPTURE:
		return captures[pick(run, 5)];
	case CO_COMMAND_PAYMENT_UPDATE:
		return updates[pick(run, 7)];
	case CO_COMMAND_GET:
	case CO_COMMAND_COMPLETE:
	case CO_COMMAND_FAIL:
	case CO_COMMAND_CANCEL:
	case CO_COMMAND_EXPIRE:
	case CO_COMMAND_COUNT:
		break;
	}
	return ends[pick(run, 4)];
}

/* Ends are rare, or no session would live long. */
static enum co_command_kind pick_kind(struct run *run)
{
	static const enum co_command_kind often[] = {CO_COMMAND_GET,     CO_COMMAND_AUTHORIZE,      CO_COMMAND_AUTHORIZE,
												 CO_COMMAND_CAPTURE, CO_COMMAND_PAYMENT_UPDATE, CO_COMMAND_CREATE,
												 CO_COMMAND_COMPLETE};

	if (!run->exists && pick(run, 4))
		return CO_COMMAND_CREATE;
	if (pick(run, 10))
		return often[pick(run, 7)];
	return (enum co_command_kind)pick(run, CO_COMMAND_COUNT);
}

static bool same_view(struct co_view a, struct co_view b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && co_view_eq(a, b);
}

static bool same_state(const struct co_state *a, const struct co_state *b)
{
	return a->status == b->status && a->payment == b->payment && a->version == b->version &&
		   a->captured_amount == b->captured_amount && a->updated_ms == b->updated_ms &&
		   same_view(a->intent_id, b->intent_id) && same_view(a->method_family, b->method_family) &&
		   same_view(a->method_type, b->method_type) && same_view(a->method_brand, b->method_brand) &&
		   same_view(a->processor, b->processor) && same_view(a->reason, b->reason);
}

static bool same_verdict(const struct co_verdict *a, const struct co_verdict *b)
{
	bool same = a->problem == b->problem && a->code == b->code && a->rule == b->rule && a->version == b->version &&
				a->violation_count == b->violation_count;

	for (uint16_t i = 0; same && i < a->violation_count; i++)
		same = a->violations[i].rule == b->violations[i].rule && a->violations[i].place == b->violations[i].place &&
			   a->violations[i].index == b->violations[i].index &&
			   same_view(a->violations[i].key, b->violations[i].key);
	return same;
}

/* Every version is what it was when it was made; a new one comes alone and is the last; nothing follows an end. */
static void check_history(struct run *run)
{
	struct co_state now;

	if (!run->exists)
		return;
	now = co_session_now(&run->session);
	REQUIRE(run, run->session.change_count == run->versions || run->session.change_count == run->versions + 1);
	if (run->session.change_count > run->versions) {
		REQUIRE(run, now.captured_amount >= run->history[run->versions].captured_amount || !run->versions);
		if (run->versions)
			REQUIRE(run, !co_session_status_is_terminal(run->history[run->versions].status));
		run->terminal_events += co_session_status_is_terminal(now.status);
		run->history[++run->versions] = now;
	}
	REQUIRE(run, now.version == run->versions);
	REQUIRE(run, run->terminal_events <= 1);
	for (uint16_t version = 1; version <= run->versions; version++) {
		struct co_state then = co_session_at(&run->session, version);

		REQUIRE(run, same_state(&then, &run->history[version]));
	}
	REQUIRE(run, co_states_reachable(now.status, now.payment));
	REQUIRE(run, now.captured_amount >= 0 && now.captured_amount <= run->session.amount);
}

static void forget(struct run *run)
{
	run->exists = false;
	run->versions = 0;
	run->terminal_events = 0;
	run->sent_count = 0;
	co_arena_reset(&run->arena);
}

static void pass_time(struct run *run)
{
	enum co_elapsed elapsed;
	int64_t deadline_ms;

	run->now_ms += pick(run, 25) ? pick(run, 20000) : RETENTION_MS / 2;
	while (run->exists && (elapsed = co_elapse(&run->session, run->now_ms, RETENTION_MS)) != CO_ELAPSED_NOTHING) {
		if (elapsed == CO_ELAPSED_FORGOTTEN) {
			run->forgotten++;
			forget(run);
			return;
		}
		run->expired++;
		REQUIRE(run, co_session_now(&run->session).updated_ms == run->session.expires_ms);
		check_history(run);
	}
	if (run->exists && co_session_deadline(&run->session, RETENTION_MS, &deadline_ms))
		REQUIRE(run, deadline_ms > run->now_ms);
}

/* Is its identity among the last 32 that are remembered? */
static const struct co_memory *remembered(const struct run *run, const struct co_command *command)
{
	for (size_t i = 0; run->exists && i < run->session.memory_count; i++)
		if (!memcmp(&run->session.memory[i].identity, &command->identity, sizeof(command->identity)))
			return &run->session.memory[i];
	return NULL;
}

static const struct co_verdict *first_verdict(const struct run *run, const struct co_command *command)
{
	for (size_t i = run->sent_count; i > 0; i--)
		if (!memcmp(&run->sent[i - 1].command.identity, &command->identity, sizeof(command->identity)) &&
			!memcmp(&run->sent[i - 1].command.content, &command->content, sizeof(command->content)))
			return &run->sent[i - 1].verdict;
	return NULL;
}

static void check_decision(struct run *run, const struct co_command *command, const struct co_decision *decision,
						   const struct co_memory *memory)
{
	bool refused = decision->verdict.problem != CO_PROBLEM_NONE;
	bool validate = command->kind == CO_COMMAND_VALIDATE;

	if (memory && !validate) {
		bool repeat = !memcmp(&memory->content, &command->content, sizeof(memory->content));

		REQUIRE(run, decision->replayed == repeat);
		REQUIRE(run, repeat || decision->verdict.problem == CO_PROBLEM_CONFLICT);
		REQUIRE(run, !decision->changes && !decision->creates && !decision->remembers && !decision->late_payment);
		REQUIRE(run, decision->tells_error == !repeat);
		run->repeated += repeat;
		run->conflicts += !repeat;
		if (repeat) {
			const struct co_verdict *first = first_verdict(run, command);

			REQUIRE(run, first && same_verdict(first, &decision->verdict));
		}
		return;
	}
	REQUIRE(run, !decision->replayed && decision->verdict.problem != CO_PROBLEM_CONFLICT);
	REQUIRE(run, !(decision->changes && decision->creates));
	if (refused) {
		REQUIRE(run, decision->tells_error && decision->told == decision->verdict.code);
		REQUIRE(run, !decision->changes && !decision->creates);
		run->refused++;
	}
	REQUIRE(run, decision->remembers ==
					 ((run->exists || decision->creates) && !validate && co_command_row(command->kind)->remembered));
	run->changed += decision->changes;
	run->created += decision->creates;
	run->late += decision->late_payment;
}

static void one_command(struct run *run)
{
	static const struct co_uuid no_id;
	enum co_command_kind kind = pick_kind(run);
	bool again = run->sent_count && !pick(run, 5), existed = run->exists;
	struct co_session before = run->session;
	struct co_merchant merchant;
	struct co_command command;
	struct co_decision decision, twin;
	char id[32];

	if (again) {
		command = run->sent[pick(run, (unsigned)run->sent_count)].command;
		/* The same identity with another request, sometimes. */
		if (!pick(run, 3))
			command =
				command_of(&run->arena, kind, command.id.ptr, json_of(&run->arena, co_view_cstr(pick_data(run, kind))),
						   run->exists ? &run->session.id : &no_id);
		if (command.kind == CO_COMMAND_CREATE)
			command.subject_is = CO_ABSENT;
	} else {
		(void)snprintf(id, sizeof(id), "c-%lu", run->done);
		command = command_of(&run->arena, kind, id, json_of(&run->arena, co_view_cstr(pick_data(run, kind))),
							 kind == CO_COMMAND_CREATE ? NULL : (run->exists ? &run->session.id : &no_id));
	}
	merchant = co_merchant_default(&command.merchant_id);
	co_decide(run->exists ? &run->session : NULL, &command, run->now_ms, &merchant, &run->arena, &twin);
	co_decide(run->exists ? &run->session : NULL, &command, run->now_ms, &merchant, &run->arena, &decision);
	/* Deciding changes nothing, and the same inputs give the same outputs. */
	REQUIRE(run, !memcmp(&before, &run->session, sizeof(before)));
	REQUIRE(run, same_verdict(&twin.verdict, &decision.verdict) && twin.changes == decision.changes &&
					 twin.creates == decision.creates);
	check_decision(run, &command, &decision, remembered(run, &command));
	co_evolve(&run->session, &command, &decision, &run->arena);
	run->exists = existed || decision.creates;
	if (run->exists && !decision.changes && !decision.creates)
		REQUIRE(run, !memcmp(before.changes, run->session.changes, sizeof(before.changes)));
	if (!decision.remembers)
		REQUIRE(run, !memcmp(&before, &run->session, sizeof(before)) || decision.changes);
	REQUIRE(run, run->session.memory_count <= CO_MEMORY_MAX);
	check_history(run);
	if (decision.remembers && run->sent_count < COMMANDS_PER_SESSION)
		run->sent[run->sent_count++] = (struct outcome){command, decision.verdict};
	if (decision.verdict.version && run->exists)
		REQUIRE(run, decision.replayed || decision.verdict.version == run->versions);
}

static void core__random_commands__keeps_its_promises(void **state)
{
	struct run *run = test_calloc(1, sizeof(*run));
	unsigned in_session = 0;

	(void)state;
	co_arena_init(&run->arena, 1 << 16, 1 << 20);
	run->seed = run->random = asked_seed;
	run->now_ms = T0;
	for (run->done = 0; run->done < asked_commands; run->done++) {
		bool ended = run->exists && co_session_status_is_terminal(co_session_now(&run->session).status);

		/* Not too long with a session that has ended: its refusals are soon all seen. */
		if (in_session++ >= COMMANDS_PER_SESSION || (ended && !pick(run, 12))) {
			in_session = 0;
			forget(run);
		}
		pass_time(run);
		one_command(run);
	}
	printf("property: seed %lu: %lu commands, %lu sessions, %lu changes, %lu refused, %lu repeats, %lu conflicts, "
		   "%lu expired, %lu forgotten, %lu late payments\n",
		   asked_seed, run->done, run->created, run->changed, run->refused, run->repeated, run->conflicts, run->expired,
		   run->forgotten, run->late);
	/* The generator reaches all that is promised of, or nothing was tested. */
	if (asked_commands >= 10000) {
		assert_true(run->created > 100 && run->changed > 100 && run->refused > 100);
		assert_true(run->repeated > 100 && run->conflicts > 100 && run->expired > 10);
		assert_true(run->forgotten > 10 && run->late > 100);
	}
	co_arena_clear(&run->arena);
	test_free(run);
}

static unsigned long number(const char *argument, const char *variable, unsigned long otherwise)
{
	const char *text = argument ? argument : getenv(variable);
	char *end = NULL;
	unsigned long value = text ? strtoul(text, &end, 10) : otherwise;

	if (text && (end == text || *end || !value)) {
		fprintf(stderr, "%s: %s is no number above 0\n", variable, text);
		exit(2);
	}
	return value;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(core__random_commands__keeps_its_promises)};

	asked_commands = number(argc > 1 ? argv[1] : NULL, "CO_PROPERTY_COMMANDS", COMMANDS_DEFAULT);
	asked_seed = number(argc > 2 ? argv[2] : NULL, "CO_PROPERTY_SEED", SEED_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
