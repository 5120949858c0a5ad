#include "demo_stage.h"

#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PARTITIONS 4
#define REDIS_START_MS 10000
#define WORKER_GRACE_MS 20000 /* contract section 9: it drains within 20 s */
#define REDIS_GRACE_MS 3000
#define LOG_TAIL_BYTES 4000
#define CARETAKER_TRIES 40

static bool write_file(const struct ctl_stage *stage, const char *name, const char *text, struct co_error *error)
{
	char path[CTL_STAGE_PATH_MAX + 32];
	FILE *file;
	bool good;

	snprintf(path, sizeof(path), "%s/%s", stage->folder, name);
	file = fopen(path, "wxe");
	good = file && fputs(text, file) >= 0;
	if (file)
		good = fclose(file) == 0 && good;
	if (!good)
		co_error_set(error, path, "%s: %s", path, strerror(errno));
	return good;
}

static bool make_folder(struct ctl_stage *stage, const struct ctl_world *world, struct co_error *error)
{
	const char *parent = ctl_environment(world, "TMPDIR");

	/* The path of a Unix socket is short. */
	if (!parent || !parent[0] ||
		strlen(parent) + sizeof("/checkout-demo-XXXXXX/redis.sock") > sizeof(((struct sockaddr_un *)0)->sun_path))
		parent = "/tmp";
	snprintf(stage->folder, sizeof(stage->folder), "%s/checkout-demo-XXXXXX", parent);
	if (!mkdtemp(stage->folder)) {
		co_error_set(error, parent, "no temporary folder in %s: %s", parent, strerror(errno));
		stage->folder[0] = '\0';
		return false;
	}
	snprintf(stage->worker_log, sizeof(stage->worker_log), "%s/session-worker.log", stage->folder);
	return true;
}

static int remove_one(const char *path, const struct stat *found, int kind, struct FTW *where)
{
	(void)found, (void)kind, (void)where;
	return remove(path);
}

static void remove_folder(const char *folder)
{
	nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The life of the caretaker: when the pipe's other end is gone without a word, this program was killed, its children
 * with it, and the folder is nobody's. */
static void take_care(int pipe_end, const char *folder)
{
	char word;

	setpgid(0, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	while (read(pipe_end, &word, 1) != 0)
		if (word == 'k')
			_exit(0);
	for (int i = 0; i < CARETAKER_TRIES && access(folder, F_OK) == 0; i++) {
		remove_folder(folder);
		nanosleep(&(struct timespec){.tv_nsec = 50000000L}, NULL);
	}
	_exit(0);
}

/* Forked while this process still has one thread. */
static bool start_caretaker(struct ctl_stage *stage, struct co_error *error)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0) {
		co_error_set(error, "pipe", "no pipe: %s", strerror(errno));
		return false;
	}
	stage->caretaker = fork();
	if (stage->caretaker == 0) {
		close(ends[1]);
		take_care(ends[0], stage->folder);
	}
	close(ends[0]);
	stage->caretaker_pipe = ends[1];
	if (stage->caretaker > 0)
		return true;
	co_error_set(error, "fork", "no process: %s", strerror(errno));
	close(ends[1]);
	return false;
}

static void end_caretaker(struct ctl_stage *stage, bool keep)
{
	if (stage->caretaker <= 0)
		return;
	if (keep)
		(void)!write(stage->caretaker_pipe, "k", 1);
	close(stage->caretaker_pipe);
	while (waitpid(stage->caretaker, NULL, 0) < 0 && errno == EINTR)
		;
}

/* The children must not inherit settings meant for a real installation. */
static void make_environment(struct ctl_stage *stage, const struct ctl_world *world)
{
	size_t count = 0;

	while (world->environment && world->environment[count])
		count++;
	stage->environment = calloc(count + 1, sizeof(*stage->environment));
	if (!stage->environment)
		abort();
	for (size_t from = 0, to = 0; from < count; from++)
		if (strncmp(world->environment[from], "CHECKOUT", 8) != 0)
			stage->environment[to++] = world->environment[from];
}

static void drop_log(const rd_kafka_t *handle, int level, const char *facility, const char *text)
{
	(void)handle, (void)level, (void)facility, (void)text;
}

static bool start_broker(struct ctl_stage *stage, struct co_error *error)
{
	static const char *const names[] = {
#define CO_TOPIC(ident, name, compacted) CTL_STAGE_PREFIX name,
#include "checkout/tbl/topics.def"
#undef CO_TOPIC
	};
	char text[256];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();

	rd_kafka_conf_set_log_cb(conf, drop_log);
	stage->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
	if (!stage->handle) {
		rd_kafka_conf_destroy(conf);
		co_error_set(error, "kafka", "the embedded broker: %s", text);
		return false;
	}
	stage->broker = rd_kafka_mock_cluster_new(stage->handle, 1);
	if (!stage->broker) {
		co_error_set(error, "kafka", "the embedded broker did not start");
		return false;
	}
	stage->bootstrap = rd_kafka_mock_cluster_bootstraps(stage->broker);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		rd_kafka_resp_err_t code = rd_kafka_mock_topic_create(stage->broker, names[i], PARTITIONS, 1);

		if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
			co_error_set(error, names[i], "the embedded broker: %s: %s", names[i], rd_kafka_err2str(code));
			return false;
		}
	}
	return true;
}

static bool start_redis(struct ctl_stage *stage, struct co_error *error)
{
	char path[CTL_STAGE_PATH_MAX + 32], log[CTL_STAGE_PATH_MAX + 32];
	int64_t deadline_ms = ctl_monotonic_ms() + REDIS_START_MS;
	struct stat found;
	char *const argv[] = {"redis-server",
						  "--port",
						  "0",
						  "--unixsocket",
						  path,
						  "--unixsocketperm",
						  "700",
						  "--save",
						  "",
						  "--appendonly",
						  "no",
						  "--dir",
						  stage->folder,
						  "--daemonize",
						  "no",
						  NULL};

	snprintf(path, sizeof(path), "%s/redis.sock", stage->folder);
	snprintf(log, sizeof(log), "%s/redis.log", stage->folder);
	if (!ctl_child_start(&stage->redis, argv, stage->environment, log, error))
		return false;
	while (stat(path, &found) != 0) {
		if (!ctl_child_is_alive(&stage->redis) || ctl_monotonic_ms() >= deadline_ms || ctl_stopped) {
			co_error_set(error, "redis", "redis-server did not start");
			return false;
		}
		nanosleep(&(struct timespec){.tv_nsec = 10000000L}, NULL);
	}
	return true;
}

static bool start_worker(struct ctl_stage *stage, const char *worker, struct co_error *error)
{
	char config[2048], path[CTL_STAGE_PATH_MAX + 32];
	char *const argv[] = {(char *)(uintptr_t)worker, "--config", path, NULL};

	snprintf(path, sizeof(path), "%s/session-worker.conf", stage->folder);
	snprintf(config, sizeof(config),
			 "[kafka]\nbootstrap.servers = %s\n\n[worker]\ngroup = checkout-demo\ninstance = demo\n\n[topics]\n"
			 "prefix = " CTL_STAGE_PREFIX
			 "\ntimestamps = append\npartitions = %d\n\n[redis]\nurl = unix://%s/redis.sock\n\n"
			 "[auth]\nmode = none\nmerchants.file = %s/merchants.json\n\n[admin]\nlisten =\n\n[log]\nlevel = info\n"
			 "format = text\n",
			 stage->bootstrap, PARTITIONS, stage->folder, stage->folder);
	return write_file(stage, "session-worker.conf", config, error) &&
		   write_file(stage, "merchants.json",
					  "{\"merchants\":[{\"id\":\"" CTL_MERCHANT_DEFAULT "\",\"name\":\"Demo\",\"currencies\":[\"USD\"],"
					  "\"ttlSeconds\":{\"min\":1,\"default\":1800,\"max\":86400}}]}\n",
					  error) &&
		   ctl_child_start(&stage->worker, argv, stage->environment, stage->worker_log, error);
}

bool ctl_stage_open(struct ctl_stage *stage, const struct ctl_world *world, const char *worker, struct co_error *error)
{
	*stage = (struct ctl_stage){0};
	make_environment(stage, world);
	if (worker && access(worker, X_OK) != 0) {
		co_error_set(error, worker, "%s: %s; --worker names the session-worker program", worker, strerror(errno));
		return false;
	}
	if (!make_folder(stage, world, error) || !start_caretaker(stage, error) || !start_broker(stage, error))
		return false;
	return !worker || (start_redis(stage, error) && start_worker(stage, worker, error));
}

int ctl_stage_end_worker(struct ctl_stage *stage)
{
	return ctl_child_stop(&stage->worker, WORKER_GRACE_MS);
}

void ctl_stage_tell_log(const struct ctl_stage *stage, FILE *out)
{
	char bytes[LOG_TAIL_BYTES];
	size_t length;
	FILE *log = stage->folder[0] ? fopen(stage->worker_log, "re") : NULL;

	if (!log)
		return;
	if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) != 0)
		rewind(log);
	length = fread(bytes, 1, sizeof(bytes), log);
	fprintf(out, "the end of the worker's log:\n%.*s", (int)length, bytes);
	fclose(log);
}

void ctl_stage_close(struct ctl_stage *stage, bool keep)
{
	(void)ctl_child_stop(&stage->worker, ctl_stopped ? REDIS_GRACE_MS : WORKER_GRACE_MS);
	(void)ctl_child_stop(&stage->redis, REDIS_GRACE_MS);
	if (stage->broker)
		rd_kafka_mock_cluster_destroy(stage->broker);
	if (stage->handle)
		rd_kafka_destroy(stage->handle);
	if (stage->folder[0] && !keep)
		remove_folder(stage->folder);
	end_caretaker(stage, keep);
	free(stage->environment);
	*stage = (struct ctl_stage){0};
}
