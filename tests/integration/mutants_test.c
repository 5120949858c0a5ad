/* The protections that live in the adapters, on a real broker and a real Redis. Each scenario brings about, step by
 * step, what one of them is there for, and runs twice: with the worker as it is shipped every promise holds; with
 * session-worker-mutant, which goes without that protection, the oracle has to notice, and its sentence is printed. A
 * scenario in which the mutant goes unnoticed would not show that the protection is needed. */
#include "it.h"

#include "await.h"
#include "hold_proxy.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KILLED (256 + 9)
#define PATIENCE_MS 90000
/* How long the group waits at a rebalance for a member that does not poll. */
#define MAX_POLL_TEXT "15000"

static struct rig_servers servers, seen; /* `seen`: the broker by way of the proxy */
static struct co_tk_hold_proxy *proxy;

static int start_servers(void **state)
{
	int hidden = co_tk_free_port();

	proxy = co_tk_hold_proxy_open(hidden);
	rig_kafka_start_behind(&servers.kafka, hidden, co_tk_hold_proxy_port(proxy));
	rig_servers_start_beside(&servers);
	seen = servers;
	snprintf(seen.kafka.servers, sizeof(seen.kafka.servers), "127.0.0.1:%d", co_tk_hold_proxy_port(proxy));
	*state = NULL;
	return 0;
}

static int stop_servers(void **state)
{
	co_tk_hold_proxy_close(proxy);
	*state = &servers;
	return rig_servers_stop(state);
}

/* ---- a scenario ---- */

struct scene {
	struct rig rig;
	const char *mutant;      /* NULL: the worker as it is shipped */
	char hang_files[2][160]; /* by worker */
	char variables[3][200];
	const char *environment[4];
	char key[37]; /* of commands, all on one partition */
};

/* `mutant`: a row's *state. */
static void open_scene(struct scene *scene, const char *mutant)
{
	memset(scene, 0, sizeof(*scene));
	rig_open(&scene->rig, &servers);
	scene->mutant = mutant;
	scene->rig.program = mutant ? CO_MUTANT_WORKER : NULL;
	scene->rig.environment = scene->environment;
	for (int i = 0; i < 2; i++)
		snprintf(scene->hang_files[i], sizeof(scene->hang_files[i]), "%s/hangs", co_tk_temp_dir());
	/* on the last partition: of two members it is the second one's */
	for (int i = 0; i == 0 || co_tk_murmur2_partition(co_view_cstr(scene->key), RIG_PARTITIONS) != RIG_PARTITIONS - 1;)
		snprintf(scene->key, sizeof(scene->key), "key-%d", ++i);
}

static void close_scene(struct scene *scene)
{
	/* what a mutant has broken may keep its worker from leaving in time */
	for (int i = 0; scene->mutant && i < 4; i++)
		co_tk_worker_kill(&scene->rig.workers[i]);
	rig_close(&scene->rig);
}

/* `hang`: where its lane stands still until let_go(). */
static void start(struct scene *scene, int index, const char *hang, const char *crash)
{
	size_t count = 0;

	if (scene->mutant)
		snprintf(scene->variables[count++], sizeof(*scene->variables), "CO_MUTANT=%s", scene->mutant);
	if (hang) {
		snprintf(scene->variables[count++], sizeof(*scene->variables), "CO_HANG=%s", hang);
		snprintf(scene->variables[count++], sizeof(*scene->variables), "CO_HANG_FILE=%s", scene->hang_files[index]);
	}
	for (size_t i = 0; i < count; i++)
		scene->environment[i] = scene->variables[i];
	scene->environment[count] = NULL;
	rig_start(&scene->rig, index, 1, crash);
}

static void await_hang(struct scene *scene, int index)
{
	struct co_tk_worker *worker = &scene->rig.workers[index];

	for (int64_t end = co_tk_now_ms() + PATIENCE_MS; access(scene->hang_files[index], F_OK) != 0;) {
		co_tk_check(co_tk_now_ms() < end && co_tk_worker_wait(worker, 0) == -1,
					"the lane does not stand still where it should (built with CO_CRASH_POINTS?):\n%s",
					co_tk_worker_log(worker));
		co_tk_reader_poll(&scene->rig.reader, 20);
	}
}

static void let_go(struct scene *scene, int index)
{
	co_tk_check(unlink(scene->hang_files[index]) == 0, "%s", scene->hang_files[index]);
}

static void expect_crash(struct scene *scene)
{
	int status = co_tk_worker_wait(&scene->rig.workers[0], PATIENCE_MS);

	if (status != KILLED)
		fail_msg("the worker did not end where it should: status %d (built with CO_CRASH_POINTS?)", status);
}

static void send_validate(struct scene *scene, const char *id)
{
	rig_send(&scene->rig, scene->key, "validate", id, NULL, "{}");
}

static void expect_reply(struct scene *scene, const char *id)
{
	co_tk_check(rig_reply(&scene->rig, id, PATIENCE_MS), "no reply to %s:\n%s", id,
				co_tk_worker_log(&scene->rig.workers[0]));
}

/* The worker as it is shipped: all promises hold. The mutant: one of them is broken for good, in these words. */
static void judge(struct scene *scene, const char *what, const char *words)
{
	struct rig *rig = &scene->rig;
	struct co_oracle oracle = rig_oracle(rig);
	char *sentence = NULL;

	if (!scene->mutant) {
		rig_settle_and_check(rig, PATIENCE_MS, what);
		return;
	}
	co_tk_producer_flush(rig->producer);
	for (int64_t end = co_tk_now_ms() + PATIENCE_MS; !sentence || !strstr(sentence, words);) {
		co_tk_check(co_tk_now_ms() < end, "%s is not noticed; the oracle: %s", scene->mutant,
					sentence ? sentence : "all promises hold");
		/* what is read already and not answered is lost; what is not read yet is none */
		if (!co_tk_wait_lag_zero(&rig->reader, rig->group, rig->commands, 10000) ||
			!co_tk_reader_catch_up_whole(&rig->reader, 10000))
			continue;
		free(sentence);
		sentence = co_oracle_check(&oracle);
		co_tk_reader_poll(&rig->reader, 50);
	}
	printf("%s, %s: %s\n", scene->mutant, what, sentence);
	fflush(stdout);
	free(sentence);
}

/* ---- Redis: compare and set ---- */

static bool is_shown(void *self)
{
	return co_oracle_is_shown(self);
}

/* A worker stands still between its commit and Redis; another one takes over, and the session goes on; then the first
 * one's write arrives, while the second has the next command in hand (of a partition at rest the view is looked at
 * every two seconds). Without the compare the session that was cancelled is open again, and is cancelled again. */
static void redis__write_of_a_former_owner__changes_nothing(void **state)
{
	static const char create[] = "{\"referenceId\":\"late\",\"ttlSeconds\":600,\"capture\":false,\"config\":{\"modes\":"
								 "[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1000,\"merchantTransactionId\":"
								 "\"t\"}}";
	static const char reason[] = "{\"reason\":\"changed my mind\"}";
	struct scene scene;
	char sid[37];

	open_scene(&scene, *state);
	struct co_oracle oracle = rig_oracle(&scene.rig);
	rig_session_id("late", sid);
	start(&scene, 0, "after_commit:1", "after_apply:1");
	rig_send(&scene.rig, sid, "create", "c-1", NULL, create);
	expect_reply(&scene, "c-1");
	/* refused, and remembered with the session: this is what is written late */
	rig_send(&scene.rig, sid, "capture", "c-2", sid, "{\"amount\":5}");
	await_hang(&scene, 0);
	co_tk_worker_signal(&scene.rig.workers[0], SIGSTOP);

	start(&scene, 1, "before_load:1", NULL);
	rig_send(&scene.rig, sid, "cancel", "c-3", sid, reason);
	expect_reply(&scene, "c-3");
	co_tk_check(co_tk_wait(is_shown, &oracle, PATIENCE_MS), "Redis does not show what was committed");
	rig_send(&scene.rig, sid, "cancel", "c-4", sid, reason);
	await_hang(&scene, 1);
	let_go(&scene, 0);
	co_tk_worker_signal(&scene.rig.workers[0], SIGCONT);
	expect_crash(&scene);
	bool stands = co_oracle_is_shown(&oracle);
	printf("after the late write Redis shows %s sequence %s Kafka\n", stands ? "the same" : "another",
		   stands ? "as" : "than");
	assert_int_equal(stands, !scene.mutant);

	let_go(&scene, 1);
	expect_reply(&scene, "c-4");
	judge(&scene, "a late write to Redis", "does not follow the version before it");
	close_scene(&scene);
}

/* ---- Kafka: offsets and outputs are one ---- */

/* Killed before its outputs are committed: the offsets must not be committed either, or the command is never answered.
 */
static void kafka__killed_before_the_commit__offsets_did_not_move(void **state)
{
	struct scene scene;

	open_scene(&scene, *state);
	start(&scene, 0, NULL, "after_produce:1");
	send_validate(&scene, "v-1");
	expect_reply(&scene, "v-1");
	send_validate(&scene, "v-2");
	expect_crash(&scene);
	start(&scene, 0, NULL, NULL);
	judge(&scene, "killed before the commit", "has 0 replies");
	close_scene(&scene);
}

/* ---- Kafka: the group's generation ---- */

/* A lane stands still with a command in hand while its client lives; the group gives the partition to another worker,
 * which answers the command; then the first one commits its answer. No other fence can help it: its transactional id is
 * its own, and it has asked Redis before. */
static void kafka__batch_of_a_former_generation__is_refused(void **state)
{
	struct scene scene;

	open_scene(&scene, *state);
	rig_override(&scene.rig, "kafka.max.poll.interval.ms", MAX_POLL_TEXT);
	start(&scene, 0, "after_load:1", NULL);
	send_validate(&scene, "v-1");
	expect_reply(&scene, "v-1");
	send_validate(&scene, "v-2");
	await_hang(&scene, 0);
	start(&scene, 1, NULL, NULL);
	expect_reply(&scene, "v-2");

	size_t from = await_log_size(&scene.rig.workers[0]);
	let_go(&scene, 0);
	await_log(&scene.rig.workers[0], from, "lane.recovering", "");
	assert_int_equal(await_log_lines(&scene.rig.workers[0], from, "kafka.transaction", "send_offsets"), !scene.mutant);
	judge(&scene, "a batch of a former generation", "a reply too many");
	close_scene(&scene);
}

/* ---- Kafka: requests that arrive late ---- */

/* The answer to a request of the first transaction is lost, and the request too, until the second transaction is open;
 * the client has sent it again, and the first transaction is committed. */
static int deliver_into_second_transaction(struct scene *scene, int api_key, const char *crash)
{
	scene->rig.seen = &seen;
	start(scene, 0, "after_offsets:1", crash);
	rig_wait_ready(&scene->rig, 0);
	co_tk_hold_proxy_arm(proxy, api_key);
	send_validate(scene, "v-1");
	co_tk_hold_proxy_await(proxy, PATIENCE_MS);
	expect_reply(scene, "v-1");
	send_validate(scene, "v-2");
	await_hang(scene, 0);
	int error = co_tk_hold_proxy_deliver(proxy, PATIENCE_MS);
	printf("the broker answers the late request with %d\n", error);
	return error;
}

/* A late EndTxn commits what the second transaction holds so far: its offsets, and no reply. */
static void kafka__late_end_of_a_transaction__does_not_end_the_next(void **state)
{
	struct scene scene;

	open_scene(&scene, *state);
	int error = deliver_into_second_transaction(&scene, CO_TK_END_TXN, NULL);
	assert_int_equal(error == 0, scene.mutant != NULL);
	co_tk_worker_kill(&scene.rig.workers[0]);
	scene.rig.seen = NULL;
	start(&scene, 0, NULL, NULL);
	judge(&scene, "a late EndTxn", "has 0 replies");
	close_scene(&scene);
}

/* A late TxnOffsetCommit takes the place of the second transaction's: what that one answered is read again. */
static void kafka__late_offsets_of_a_transaction__do_not_rewind_the_next(void **state)
{
	struct scene scene;

	open_scene(&scene, *state);
	int error = deliver_into_second_transaction(&scene, CO_TK_TXN_OFFSET_COMMIT, "after_commit:1");
	assert_int_equal(error == 0, scene.mutant != NULL);
	let_go(&scene, 0);
	expect_crash(&scene);
	scene.rig.seen = NULL;
	start(&scene, 0, NULL, NULL);
	judge(&scene, "a late TxnOffsetCommit", "a reply too many");
	close_scene(&scene);
}

/* ---- the mutants' worker itself ---- */

/* One that was asked for no mutant, or for one that it does not know, would be the worker as it is. */
static void mutant__unknown_name__refuses_to_start(void **state)
{
	static const char *const names[] = {"CO_MUTANT=", "CO_MUTANT=NO_SUCH_PROTECTION", "CO_MUTANT=REDIS_FIRST"};
	const char *argv[] = {CO_MUTANT_WORKER, "--version", NULL};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *environment[] = {names[i], NULL};
		assert_int_equal(co_tk_run(&(struct co_tk_spawn){.argv = argv, .environment = environment}, 60000), 2);
	}
	const char *known[] = {"CO_MUTANT=NO_CAS", NULL};
	assert_int_equal(co_tk_run(&(struct co_tk_spawn){.argv = argv, .environment = known}, 60000), 0);
}

int main(void)
{
#define ROWS(function, mutant)                                       \
	{#function "__" #mutant "_on", function, NULL, NULL, NULL},      \
	{                                                                \
#function "__" #mutant "_off", function, NULL, NULL, #mutant \
	}
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mutant__unknown_name__refuses_to_start),
		ROWS(redis__write_of_a_former_owner__changes_nothing, NO_CAS),
		ROWS(kafka__killed_before_the_commit__offsets_did_not_move, OFFSETS_OUTSIDE),
		ROWS(kafka__batch_of_a_former_generation__is_refused, GENERATION_AT_COMMIT),
		ROWS(kafka__late_end_of_a_transaction__does_not_end_the_next, NO_RECYCLE_END),
		ROWS(kafka__late_offsets_of_a_transaction__do_not_rewind_the_next, NO_RECYCLE_OFFSETS),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
