/* Disks that take no more: the broker's, one of the broker's with a client's reply topic on it, Redis' (its memory, its
 * snapshot, its append-only file), and the one that the worker's log goes to. Nothing is lost or doubled, the worker
 * says why it waits, and goes on by itself when there is space again.
 *
 * A full disk is made with RLIMIT_FSIZE, which needs no rights and can be lifted while the server runs: a write that
 * would make a file larger than that fails, in its middle if need be, as it does on a full disk. */
#include "it.h"

#include "await.h"

#include <hiredis/hiredis.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a disk ---- */

/* From now on no file of the process grows beyond that. */
static void limit_files(pid_t pid, rlim_t bytes)
{
	struct rlimit limit;

	co_tk_check(prlimit(pid, RLIMIT_FSIZE, NULL, &limit) == 0, "prlimit: %s", strerror(errno));
	limit.rlim_cur = bytes;
	co_tk_check(prlimit(pid, RLIMIT_FSIZE, &limit, NULL) == 0, "prlimit: %s", strerror(errno));
}

static off_t file_size(const char *path)
{
	struct stat found;

	return stat(path, &found) == 0 ? found.st_size : 0;
}

/* ---- what a worker shows ---- */

#define LEADER_WAIT_MS 10000 /* what a reply topic without a leader may cost, when it is not known to have none */

static void expect_alive(struct rig *rig)
{
	int status = co_tk_worker_wait(&rig->workers[0], 0);

	if (status != -1)
		co_tk_fail("the worker ended with %d while it should wait:\n%s", status, co_tk_worker_log(&rig->workers[0]));
}

/* /readyz says 503 within 15 s (17 on a busy machine), and its reason has the word. */
static void await_not_ready(struct rig *rig, const char *word)
{
	char *body = NULL;

	for (int64_t end = co_tk_now_ms() + 17000;; co_tk_reader_poll(&rig->reader, 100)) {
		expect_alive(rig);
		free(body);
		body = NULL;
		if (co_tk_worker_get(&rig->workers[0], "/readyz", &body) == 503 && body && strstr(body, word))
			break;
		co_tk_check(co_tk_now_ms() < end, "/readyz does not say 503 and %s in time, but: %s", word, body ? body : "");
	}
	printf("/readyz: %s", body);
	free(body);
}

static bool log_has(struct rig *rig, const char *event, const char *word)
{
	return await_log_lines(&rig->workers[0], 0, event, word) > 0;
}

/* It waits: alive, live, not ready. */
static void wait_for(struct rig *rig, int64_t duration_ms)
{
	for (int64_t end = co_tk_now_ms() + duration_ms; co_tk_now_ms() < end;) {
		co_tk_reader_poll(&rig->reader, 500);
		expect_alive(rig);
		assert_int_equal(co_tk_worker_get(&rig->workers[0], "/livez", NULL), 200);
		assert_int_equal(co_tk_worker_get(&rig->workers[0], "/readyz", NULL), 503);
	}
}

static void begin(struct rig *rig, void **state)
{
	rig_open(rig, *state);
	rig_start(rig, 0, 1, NULL);
	rig_load(rig, 40);
	rig_wait_ready(rig, 0);
}

/* What was refused for want of space was nobody's fault: no command is called poison. */
static void end(struct rig *rig, const char *what)
{
	rig_load(rig, 20);
	rig_settle_and_check(rig, 90000, what);
	rig_wait_ready(rig, 0);
	assert_true(!log_has(rig, "command.poisoned", ""));
	expect_alive(rig);
	rig_close(rig);
}

/* ---- the broker's disk ---- */

static pid_t broker_pid(struct rig *rig)
{
	char *path = co_tk_format("%s/pid", rig->servers->kafka.directory), *text = co_tk_read_file(path, NULL);

	co_tk_check(text, "no pid file of the broker");
	pid_t pid = (pid_t)strtol(text, NULL, 10);
	free(path);
	free(text);
	return pid;
}

/* The largest file of the service's own partitions. */
static off_t largest_segment(struct rig *rig)
{
	static const char *const names[] = {"commands", "replies", "errors", "events", "state"};
	off_t largest = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		for (int p = 0; p < RIG_PARTITIONS; p++) {
			char *path = co_tk_format("%s/data/%s%s-%d/00000000000000000000.log", rig->servers->kafka.directory,
									  rig->prefix, names[i], p);
			off_t size = file_size(path);
			largest = size > largest ? size : largest;
			free(path);
		}
	co_tk_check(largest > 0, "no segment found");
	return largest;
}

/* The only disk of the only broker: the write that finds no room is torn, the broker ends, as it must. */
static void broker__disk_full_in_mid_load__goes_on_when_there_is_space(void **state)
{
	struct rig rig;

	begin(&rig, state);
	/* a client that sends again what was not acknowledged, whatever the broker says */
	co_tk_producer_flush(rig.producer);
	co_tk_producer_close(rig.producer);
	rig.producer = co_tk_producer_open_plain(&rig.servers->kafka);
	rig_load(&rig, 200);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	pid_t broker = broker_pid(&rig);
	limit_files(broker, (rlim_t)largest_segment(&rig) + 5000);
	for (int64_t end_ms = co_tk_now_ms() + 120000; kill(broker, 0) == 0;) {
		co_tk_check(co_tk_now_ms() < end_ms, "the broker lives on with a full disk");
		rig_load(&rig, 5);
		co_tk_reader_poll(&rig.reader, 100);
	}
	char *path = co_tk_format("%s/log", rig.servers->kafka.directory), *log = co_tk_read_file(path, NULL);
	co_tk_check(log && strstr(log, "File too large"), "the broker ended for another reason:\n%s", log ? log : "");
	free(path);
	free(log);
	await_not_ready(&rig, "Kafka");
	wait_for(&rig, 3000);
	await_log(&rig.workers[0], 0, "kafka.error", "checkout-");
	co_tk_kafka_restart(&rig.servers->kafka);
	end(&rig, "the broker's disk full");
}

/* ---- the disk of a client's reply topic ---- */

/* A session of this test's own, open until it is cancelled. */
#define MINE "disk"

static void send_for(struct rig *rig, const char *type, const char *id, const char *reply_topic)
{
	char sid[37];
	rig_session_id(MINE, sid);
	struct co_header headers[] = {{CO_VIEW("ce_specversion"), CO_VIEW("1.0")},
								  {CO_VIEW("ce_id"), {id, strlen(id)}},
								  {CO_VIEW("ce_source"), CO_VIEW("/rig")},
								  {CO_VIEW("ce_type"), {type, strlen(type)}},
								  {CO_VIEW("ce_merchantid"), CO_VIEW(RIG_MERCHANT)},
								  {CO_VIEW("ce_subject"), {sid, 36}},
								  {CO_VIEW("reply_to"), {reply_topic, strlen(reply_topic)}}};
	const struct co_message message = {.topic = {rig->commands, strlen(rig->commands)},
									   .partition = -1,
									   .timestamp_ms = -1,
									   .key = {sid, 36},
									   .header_count = 7,
									   .headers = headers};
	co_tk_send(rig->producer, &message, NULL);
}

static void send_get(struct rig *rig, const char *id, const char *reply_topic)
{
	send_for(rig, "checkout.session.get", id, reply_topic);
}

/* A second disk for the broker, and a topic on it whose every batch begins a file of its own: taking the folder away
 * then fails the next write there, and there alone. */
static char *second_disk_topic(struct rig *rig, char full[64])
{
	struct co_tk_kafka *kafka = &rig->servers->kafka;
	char *second = co_tk_format("%s/second", kafka->directory);
	char *extra = co_tk_format("log.dirs=%s/data,%s", kafka->directory, second);

	co_tk_kafka_halt(kafka);
	co_tk_check(setenv("KAFKA_EXTRA", extra, 1) == 0, "setenv");
	free(extra);
	/* formatted as the first one is, but for its id */
	char *path = co_tk_format("%s/cluster", kafka->directory), *cluster = co_tk_read_file(path, NULL);
	char *meta = co_tk_format("%s/meta.properties", second);
	char *text = co_tk_format("version=1\nnode.id=1\ncluster.id=%sdirectory.id=secondsecondsecondseco\n", cluster);
	co_tk_check(mkdir(second, 0700) == 0, "mkdir: %s", strerror(errno));
	co_tk_write_file(meta, text);
	free(path);
	free(cluster);
	free(meta);
	free(text);
	co_tk_kafka_restart(kafka);
	snprintf(full, 64, "%smine.replies", rig->prefix);
	const struct co_tk_topic topic = {.name = full, .partitions = RIG_PARTITIONS, .config = {"segment.ms", "1"}};
	co_tk_kafka_create(kafka, &topic, 1);
	char *folder = co_tk_format("%s/%s-0", second, full);
	for (int64_t end_ms = co_tk_now_ms() + 60000; access(folder, F_OK) != 0; co_tk_sleep_ms(50))
		co_tk_check(co_tk_now_ms() < end_ms, "the topic does not lie on the second disk");
	free(folder);
	return second;
}

/* `code` NULL: it is accepted. */
static void await_by_default(struct rig *rig, const char *id, const char *code)
{
	const struct co_tk_record *reply = rig_reply(rig, id, 120000);

	if (!reply)
		co_tk_fail("no reply to %s on the default topic; the lane's log:\n%s", id, co_tk_worker_log(&rig->workers[0]));
	assert_true(co_tk_header_is(&reply->r, "checkout-reply-rejected", "unknown_topic"));
	struct co_view got = co_tk_header(&reply->r, code ? "checkout-error-code" : "checkout-status");
	co_tk_check(co_view_eq(got, co_view_cstr(code ? code : "200")), "%s: %.*s", id, (int)reply->r.value.len,
				reply->r.value.ptr);
}

static size_t count_replies(const struct co_tk_reader *reader, const char *id)
{
	size_t count = 0;

	for (size_t i = 0; i < reader->log.count; i++) {
		const struct co_record *record = &reader->log.records[i]->r;
		count += co_tk_header(record, "checkout-status").ptr && co_tk_header_is(record, "ce_causationid", id);
	}
	return count;
}

/* The disk is back, and who starts now has no memory of it: replies go where they are wanted. */
static void expect_reply_there(struct rig *rig, const char *topic)
{
	struct co_tk_reader theirs;

	co_tk_kafka_halt(&rig->servers->kafka);
	co_tk_kafka_restart(&rig->servers->kafka);
	co_tk_worker_kill(&rig->workers[0]);
	rig_start(rig, 0, 1, NULL);
	co_tk_reader_open(&theirs, &rig->servers->kafka, &topic, 1);
	send_get(rig, "back", topic);
	for (int64_t end_ms = co_tk_now_ms() + 120000; count_replies(&theirs, "back") == 0;) {
		co_tk_check(co_tk_now_ms() < end_ms, "no reply on %s:\n%s", topic, co_tk_worker_log(&rig->workers[0]));
		co_tk_reader_poll(&theirs, 100);
	}
	assert_int_equal(count_replies(&theirs, "before"), 1);
	assert_int_equal(count_replies(&theirs, "after-0"), 0);
	co_tk_reader_close(&theirs);
}

static void open_session(struct rig *rig)
{
	char sid[37];

	rig_session_id(MINE, sid);
	rig_send(rig, sid, "create", "of-disk", NULL,
			 "{\"referenceId\":\"" MINE "\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\"}}");
	const struct co_tk_record *reply = rig_reply(rig, "of-disk", 60000);
	co_tk_check(reply && co_tk_header_is(&reply->r, "checkout-status", "201"), "the create: %.*s",
				reply ? (int)reply->r.value.len : 0, reply ? reply->r.value.ptr : "");
}

/* Only one command's output is refused, and for as long as it may be: that command is answered 9300001 and has done
 * nothing. Those that come later are judged as ever, their replies go the default way, and the lane's other commands do
 * not wait for somebody else's disk. */
static void reply_topic__on_a_failed_disk__9300001_and_then_by_default(void **state)
{
	struct rig rig;
	char full[64], id[32];

	begin(&rig, state);
	open_session(&rig);
	char *second = second_disk_topic(&rig, full), *gone = co_tk_format("%s.gone", second);
	/* takes replies, in the partition of all that follow, where each write is to a file of its own then; they are not
	 * read by this test */
	send_get(&rig, "before", full);
	rig_load(&rig, 10);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	assert_null(rig_reply(&rig, "before", 0));
	co_tk_check(rename(second, gone) == 0, "rename: %s", strerror(errno));
	int64_t began_ms = co_tk_now_ms();
	send_for(&rig, "checkout.session.cancel", "after-0", full);
	rig_load(&rig, 10);
	await_by_default(&rig, "after-0", "9300001");
	printf("the first command was answered 9300001 after %lld ms\n", (long long)(co_tk_now_ms() - began_ms));
	await_log(&rig.workers[0], 0, "kafka.reply_topic", full);
	await_log(&rig.workers[0], 0, "kafka.transactional_id", "");
	/* known by now: nobody waits again, for a leader or for a record to be taken */
	for (int i = 1; i <= 5; i++) {
		began_ms = co_tk_now_ms();
		snprintf(id, sizeof(id), "after-%d", i);
		send_get(&rig, id, full);
		rig_load(&rig, 2);
		await_by_default(&rig, id, NULL);
		assert_in_range(co_tk_now_ms() - began_ms, 0, LEADER_WAIT_MS - 1);
	}
	/* nothing came of the first, and now it is done */
	send_for(&rig, "checkout.session.cancel", "again", full);
	await_by_default(&rig, "again", NULL);
	/* counted a moment after the commit that shows the replies */
	await_metric(&rig.workers[0], "checkout_replies_redirected_total{reason=\"unknown_topic\"}", 7);
	await_metric(&rig.workers[0], "checkout_poisoned_commands_total", 1);
	assert_int_equal(await_log_lines(&rig.workers[0], 0, "command.poisoned", "did not take"), 1);
	expect_alive(&rig);
	/* killed, and its successor knows nothing of it: it finds the id of its first transaction still in use */
	co_tk_worker_kill(&rig.workers[0]);
	rig_start(&rig, 0, 1, NULL);
	send_get(&rig, "after-6", full);
	await_by_default(&rig, "after-6", "9300106");
	await_log(&rig.workers[0], 0, "kafka.reply_topic", "no leader");
	for (int i = 0; i <= 6; i++) {
		snprintf(id, sizeof(id), "after-%d", i);
		assert_int_equal(count_replies(&rig.reader, id), 1);
	}
	co_tk_check(rename(gone, second) == 0, "rename: %s", strerror(errno));
	expect_reply_there(&rig, full);
	rig_load(&rig, 20);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	assert_true(!log_has(&rig, "command.poisoned", ""));
	expect_alive(&rig);
	rig_close(&rig);
	free(second);
	free(gone);
}

/* ---- Redis ---- */

static void redis_set(struct rig *rig, const char *name, const char *value)
{
	freeReplyObject(co_tk_redis_call(&rig->servers->redis, "CONFIG SET %s %s", name, value));
}

/* Redis has room for that much more than it holds. */
static void redis_room(struct rig *rig, long long bytes)
{
	redisReply *reply = co_tk_redis_call(&rig->servers->redis, "INFO memory");
	const char *at = strstr(reply->str, "used_memory:");
	char limit[32];

	co_tk_check(at, "INFO memory does not tell used_memory");
	snprintf(limit, sizeof(limit), "%lld", strtoll(at + strlen("used_memory:"), NULL, 10) + bytes);
	freeReplyObject(reply);
	redis_set(rig, "maxmemory-policy", "noeviction");
	redis_set(rig, "maxmemory", limit);
}

static void load_until_logged(struct rig *rig, const char *event, const char *word)
{
	for (int64_t end_ms = co_tk_now_ms() + 120000; !log_has(rig, event, word);) {
		co_tk_check(co_tk_now_ms() < end_ms, "the log has no %s with %s:\n%s", event, word,
					co_tk_worker_log(&rig->workers[0]));
		expect_alive(rig);
		rig_load(rig, 10);
		co_tk_reader_poll(&rig->reader, 200);
	}
}

/* Kafka has the outcome, Redis has no room for it: shown while it lasts, caught up when it is over. */
static void expect_waits_for_redis(struct rig *rig, const char *word)
{
	load_until_logged(rig, "redis.down", word);
	/* at the brim a small write passes now and then; from here on none does */
	if (!strcmp(word, "OOM"))
		redis_set(rig, "maxmemory", "1");
	rig_load(rig, 10);
	await_not_ready(rig, "Redis");
	rig_load(rig, 10);
	wait_for(rig, 6000);
	/* a recovery fails first, and that may take a while */
	await_metric(&rig->workers[0], "checkout_redis_errors_total{operation=\"apply\"}", 1);
	await_metric(&rig->workers[0], "checkout_recoveries_total{cause=\"view_down\"}", 1);
	await_log(&rig->workers[0], 0, "lane.waiting", "view_down");
}

static void redis__memory_full__goes_on_when_there_is_room(void **state)
{
	struct rig rig;

	begin(&rig, state);
	redis_room(&rig, 50000);
	expect_waits_for_redis(&rig, "OOM");
	redis_set(&rig, "maxmemory", "0");
	end(&rig, "Redis' memory full");
}

/* The same while the view has to be made again from nothing. */
static void redis__memory_full_while_rebuilding__goes_on_when_there_is_room(void **state)
{
	struct rig rig;

	begin(&rig, state);
	rig_load(&rig, 300);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	/* the worker sees the one with the other: a deadline may have it make the view anew at any moment */
	co_tk_worker_signal(&rig.workers[0], SIGSTOP);
	co_tk_redis_flush(&rig.servers->redis);
	redis_room(&rig, 20000);
	co_tk_worker_signal(&rig.workers[0], SIGCONT);
	load_until_logged(&rig, "redis.down", "OOM");
	redis_set(&rig, "maxmemory", "1");
	await_not_ready(&rig, "Redis");
	wait_for(&rig, 3000);
	redis_set(&rig, "maxmemory", "0");
	end(&rig, "Redis' memory full in mid-rebuild");
}

static bool answers(void *self)
{
	struct co_tk_redis *redis = self;

	if (redis->context)
		redisFree(redis->context);
	redis->context = redisConnect("127.0.0.1", redis->port);
	redisReply *reply =
		redis->context && !((redisContext *)redis->context)->err ? redisCommand(redis->context, "PING") : NULL;
	bool good = reply && reply->type == REDIS_REPLY_STATUS;
	if (reply)
		freeReplyObject(reply);
	return good;
}

/* Redis again, empty, with what it has to write to a disk; it sees a failing write where it would otherwise be killed
 * for a file that is too large. */
static void redis_with(struct rig *rig, const char *options)
{
	struct co_tk_redis *redis = &rig->servers->redis;
	char *command = co_tk_format("trap '' XFSZ; exec redis-server --port %d --bind 127.0.0.1 --dir %s %s", redis->port,
								 redis->directory, options);
	char *log = co_tk_format("%s/redis.log", redis->directory);
	const char *argv[] = {"sh", "-c", command, NULL};

	co_tk_redis_kill(redis);
	redis->pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .log = log});
	co_tk_check(co_tk_wait(answers, redis, 60000), "redis-server does not answer");
	free(command);
	free(log);
}

/* As the other tests have it. */
static void redis_as_before(struct rig *rig)
{
	co_tk_redis_kill(&rig->servers->redis);
	co_tk_redis_restart(&rig->servers->redis);
}

/* Its snapshot cannot be written: it refuses to be written to until the next one can. */
static void redis__snapshot_fails__goes_on_when_there_is_space(void **state)
{
	struct rig rig;

	rig_open(&rig, *state);
	redis_with(&rig, "--save '1 1' --stop-writes-on-bgsave-error yes --appendonly no");
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 40);
	rig_wait_ready(&rig, 0);
	limit_files(rig.servers->redis.pid, 100);
	expect_waits_for_redis(&rig, "MISCONF");
	limit_files(rig.servers->redis.pid, RLIM_INFINITY);
	struct rig_servers *servers = rig.servers;
	end(&rig, "Redis' snapshot without space");
	rig.servers = servers;
	redis_as_before(&rig);
}

/* Its append-only file takes no more. */
static void redis__append_only_file_full__goes_on_when_there_is_space(void **state)
{
	struct rig rig;
	char *path;

	rig_open(&rig, *state);
	redis_with(&rig, "--save '' --appendonly yes --appendfsync everysec --auto-aof-rewrite-percentage 0");
	rig_start(&rig, 0, 1, NULL);
	rig_load(&rig, 40);
	rig_wait_ready(&rig, 0);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	path = co_tk_format("%s/appendonlydir/appendonly.aof.1.incr.aof", rig.servers->redis.directory);
	co_tk_check(file_size(path) > 0, "%s: there is no such file", path);
	limit_files(rig.servers->redis.pid, (rlim_t)file_size(path) + 3000);
	expect_waits_for_redis(&rig, "MISCONF");
	limit_files(rig.servers->redis.pid, RLIM_INFINITY);
	struct rig_servers *servers = rig.servers;
	end(&rig, "Redis' append-only file without space");
	rig.servers = servers;
	redis_as_before(&rig);
	free(path);
}

/* ---- the worker's own disk ---- */

/* Every line of the log is refused: that stops nobody, and what can be asked for is still told. */
static void worker__log_on_a_full_disk__works_as_ever(void **state)
{
	struct rig rig;
	char instance[64];

	rig_open(&rig, *state);
	const char *directory = co_tk_temp_dir();
	char *log = co_tk_format("%s/worker.log", directory);
	co_tk_check(symlink("/dev/full", log) == 0, "symlink: %s", strerror(errno));
	snprintf(instance, sizeof(instance), "%sw0", rig.prefix);
	const struct co_tk_worker_options options = {.instance = instance,
												 .prefix = rig.prefix,
												 .group = rig.group,
												 .overrides = rig.overrides,
												 .directory = directory};
	co_tk_worker_start(&rig.workers[0], &rig.servers->kafka, &rig.servers->redis, &options);
	/* /dev/full, which it has open by then, is not to be read when a check fails */
	rig_wait_ready(&rig, 0);
	co_tk_check(unlink(log) == 0, "unlink: %s", strerror(errno));
	free(log);
	rig_load(&rig, 60);
	co_tk_producer_flush(rig.producer);
	assert_true(co_tk_wait_lag_zero(&rig.reader, rig.group, rig.commands, 90000));
	co_tk_worker_signal(&rig.workers[0], SIGHUP);
	co_tk_redis_flush(&rig.servers->redis);
	rig_load(&rig, 20);
	rig_settle_and_check(&rig, 90000, "the log on a full disk");
	rig_wait_ready(&rig, 0);
	await_metric(&rig.workers[0], "checkout_rebuilds_total", 1);
	co_tk_worker_stop(&rig.workers[0]);
	rig_close(&rig);
}

/* With a pattern as its argument: the tests whose names match it. */
int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worker__log_on_a_full_disk__works_as_ever),
		cmocka_unit_test(redis__memory_full__goes_on_when_there_is_room),
		cmocka_unit_test(redis__memory_full_while_rebuilding__goes_on_when_there_is_room),
		cmocka_unit_test(redis__snapshot_fails__goes_on_when_there_is_space),
		cmocka_unit_test(redis__append_only_file_full__goes_on_when_there_is_space),
		cmocka_unit_test(broker__disk_full_in_mid_load__goes_on_when_there_is_space),
		cmocka_unit_test(reply_topic__on_a_failed_disk__9300001_and_then_by_default),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, rig_servers_start, rig_servers_stop);
}
