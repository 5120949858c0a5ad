/* session-worker: the composition root. Reads the configuration, builds, runs, tears down mirrored. */
#include "adapters/kafka_client.h"
#include "adapters/kafka_topics.h"
#include "adapters/registry_file.h"
#include "adapters/service_notify.h"
#include "adapters/system_clock.h"
#include "app/shard.h"
#include "describe.h"
#include "health.h"

#include "checkout/log.h"
#include "checkout/metrics.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define EXIT_RUNTIME 1
#define EXIT_USAGE 2
#define DRAIN_MS_MAX 18000
#define TOPICS_TIMEOUT_MS 5000
#define OVERRIDES_MAX 256
#define LOG_LINES_MAX 20 /* of one event in LOG_WINDOW_MS; the next line says how many were left out */
#define LOG_WINDOW_MS 10000

extern char **environ;

struct arguments {
	const char *file;
	struct co_override overrides[OVERRIDES_MAX];
	size_t override_count;
	bool check, print;
};

/* Everything that lives as long as the service, in the order in which it is built. */
struct service {
	const struct arguments *arguments;
	struct co_config config;
	struct co_registry_file *registry;
	struct co_service_notify notify;
	struct co_health health;
	struct co_admin *admin;
	struct co_desk desk;
	struct co_lanes *lanes;
	int signals; /* SIGTERM and SIGINT seen */
};

static const char usage[] =
	"usage: session-worker [--config FILE] [-X section.key=value]...\n"
	"  --config FILE            an INI file; see --describe example\n"
	"  -X section.key=value     overrides the environment (CHECKOUT_SECTION_KEY), the file and the default\n"
	"  --check-config           judge the configuration and exit: 0 good, 2 not\n"
	"  --print-config           print it, secrets redacted, and exit\n"
	"  --list-errors[=json]     print the 93xxxxx codes and the rules, and exit\n"
	"  --describe TOPIC         print config, example, errors, metrics or states as in docs/, and exit\n"
	"  --version, --help\n"
	"Signals: SIGTERM or SIGINT finishes the batch in hand and leaves, a second one ends at once (nothing is lost);\n"
	"SIGHUP reads the merchant registry and [log] again. Exit 0 after SIGTERM, 1 run time, 2 usage or configuration.\n";

/* --- arguments ---------------------------------------------------------------------------------------------------- */

static int complain(const char *text, const char *what)
{
	(void)fprintf(stderr, "session-worker: %s%s%s; see --help\n", text, what ? ": " : "", what ? what : "");
	return EXIT_USAGE;
}

/* Options that print and exit; -1: not one of them. */
static int print_and_exit(const char *option, const char *value)
{
	if (strcmp(option, "--help") == 0)
		return fputs(usage, stdout) < 0 ? EXIT_RUNTIME : 0;
	if (strcmp(option, "--version") == 0)
		return printf("session-worker %s (librdkafka %s)\n", CO_VERSION, rd_kafka_version_str()) < 0 ? EXIT_RUNTIME : 0;
	if (strcmp(option, "--list-errors") == 0)
		return co_describe_errors_list(stdout), 0;
	if (strcmp(option, "--list-errors=json") == 0)
		return co_describe_errors_json(stdout), 0;
	if (strcmp(option, "--describe") == 0)
		return value && co_describe(value, stdout)
				   ? 0
				   : complain("--describe takes config, example, errors, metrics or states", value);
	return -1;
}

/* -1: go on. */
static int read_arguments(int count, char **words, struct arguments *out)
{
	for (int i = 1; i < count && words[i]; i++) {
		const char *next = i + 1 < count ? words[i + 1] : NULL;
		int done = print_and_exit(words[i], next);
		if (done >= 0)
			return done;
		if (strcmp(words[i], "--check-config") == 0) {
			out->check = true;
		} else if (strcmp(words[i], "--print-config") == 0) {
			out->print = true;
		} else if (strcmp(words[i], "--config") == 0 && next) {
			out->file = words[++i];
		} else if (strncmp(words[i], "--config=", 9) == 0) {
			out->file = words[i] + 9;
		} else if (strncmp(words[i], "-X", 2) == 0 && (words[i][2] || next)) {
			if (out->override_count == OVERRIDES_MAX)
				return complain("too many -X", NULL);
			out->overrides[out->override_count++].text = words[i][2] ? words[i] + 2 : words[++i];
		} else {
			return complain("unknown or incomplete option", words[i]);
		}
	}
	return -1;
}

/* --- configuration ------------------------------------------------------------------------------------------------ */

static void set_log(const struct co_config *config)
{
	static const enum co_log_level levels[] = {CO_LOG_DEBUG, CO_LOG_INFO, CO_LOG_NOTICE, CO_LOG_ERROR};
	co_log_setup(levels[config->log_level], (enum co_log_format)config->log_format);
}

static bool registry_is_fine(struct service *service)
{
	struct co_error error = {.path = ""};
	const struct co_config *config = &service->config;
	if (co_registry_file_open(config->merchants_file, (enum co_auth_mode)config->auth_mode, &service->registry,
							  &error) == CO_OK)
		return true;
	char reason[sizeof(error.path) + sizeof(error.text) + 3];
	(void)snprintf(reason, sizeof(reason), "%s%s%s", error.path, error.path[0] ? ": " : "", error.text);
	co_config_complain(config, CO_SETTING_merchants_file, reason, stderr);
	return false;
}

/* What must hold before anything is started. */
static int configure(struct service *service, const struct arguments *arguments)
{
	if (co_config_load(&service->config, arguments->file, environ, arguments->overrides, arguments->override_count,
					   stderr) != CO_OK)
		return EXIT_USAGE;
	set_log(&service->config);
	co_log_setup_names("checkout-session-worker", service->config.instance);
	co_log_setup_limit(LOG_LINES_MAX, LOG_WINDOW_MS);
	bool fine = co_kafka_check(&service->config, stderr) == CO_OK;
	fine = registry_is_fine(service) && fine;
	if (!fine)
		return EXIT_USAGE;
	if (arguments->print)
		co_config_print(&service->config, stdout);
	return arguments->check || arguments->print ? 0 : -1;
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

static sigset_t watched_signals(void)
{
	sigset_t set;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	return set;
}

/* [log] is the one section that is read again while the service runs; the file is judged as a whole, by the rules of
 * the start, and one that breaks them changes nothing. */
static void reload_log(const struct service *service)
{
	const struct arguments *arguments = service->arguments;
	struct co_config fresh;
	char *complaints = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&complaints, &bytes);
	if (!to)
		abort();
	bool taken =
		co_config_load(&fresh, arguments->file, environ, arguments->overrides, arguments->override_count, to) == CO_OK;
	(void)fclose(to);
	co_metric_add(CO_METRIC_SETTINGS_RELOADS, taken ? CO_RESULT_COMMITTED : CO_RESULT_FAILED, 0, 1);
	if (taken) {
		set_log(&fresh);
		co_log(CO_LOG_INFO, "log.reloaded", "the settings of [log] were read again",
			   CO_TEXT("file.path", arguments->file ? arguments->file : ""));
		co_config_clear(&fresh);
	} else {
		co_log(CO_LOG_ERROR, "log.kept", "the configuration has mistakes now; [log] stays as it was",
			   CO_TEXT("event.reason", complaints));
	}
	free(complaints);
}

static void reload_registry(struct service *service)
{
	struct co_error error = {.path = ""};
	bool taken = co_registry_file_reload(service->registry, &error) == CO_OK;
	co_metric_add(CO_METRIC_REGISTRY_RELOADS, taken ? CO_RESULT_COMMITTED : CO_RESULT_FAILED, 0, 1);
	if (taken)
		co_log(CO_LOG_INFO, "registry.reloaded", "the merchant registry was read again",
			   CO_TEXT("file.path", service->config.merchants_file));
	else
		co_log(CO_LOG_ERROR, "registry.kept", error.text, CO_TEXT("checkout.entry", error.path));
}

static _Noreturn void end_at_once(const char *event, const char *reason)
{
	co_log(CO_LOG_ERROR, event, reason, CO_INT("process.exit_code", EXIT_RUNTIME));
	_exit(EXIT_RUNTIME);
}

/* Feeds the service manager's watchdog while the lanes make progress, and tells it what /readyz says. */
static void tell_manager(struct service *service)
{
	struct co_clock clock = co_system_clock();
	struct co_admin_probes probes = co_health_probes(&service->health);
	struct co_admin_probe answer = {.ok = false};
	probes.ready(probes.self, &answer);
	co_service_notify_tick(&service->notify, clock.monotonic_ms(clock.self), co_health_stuck_lane(&service->health) < 0,
						   answer.ok ? "ready" : answer.reason);
}

/* Waits up to a tenth of a second for a signal and does what it asks for. */
static void serve_signals(struct service *service)
{
	sigset_t set = watched_signals();
	const struct timespec limit = {.tv_nsec = 100000000};
	int signal = sigtimedwait(&set, NULL, &limit);
	co_health_watch(&service->health);
	tell_manager(service);
	if (signal == SIGHUP) {
		reload_log(service);
		reload_registry(service);
	}
	if (signal != SIGTERM && signal != SIGINT)
		return;
	if (service->signals++ > 0)
		end_at_once("process.killed", "a second signal: ending at once; what was not committed will be read again");
	co_log(CO_LOG_INFO, "process.stopping", "finishing the batch in hand", CO_INT("process.signal", signal));
	atomic_store(&service->health.stopping, true);
	co_service_notify_stopping(&service->notify);
}

/* --- start-up ----------------------------------------------------------------------------------------------------- */

/* A consumer, so that it can ask what the group has committed; it never joins. Not waiting for open transactions: the
 * one that a killed worker left is ended by a lane, which comes later. */
static rd_kafka_t *open_admin_client(const struct co_config *config)
{
	struct co_kafka_identity identity;
	const struct co_kafka_default defaults[] = {
		{"group.id", config->group}, {"isolation.level", "read_uncommitted"}, {NULL, NULL}};
	char text[256];
	co_kafka_identity_init(&identity, config, 0, "", "");
	rd_kafka_conf_t *conf = co_kafka_conf(&identity, "admin", defaults);
	rd_kafka_t *client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
	if (client)
		return client;
	rd_kafka_conf_destroy(conf);
	(void)fprintf(stderr, "kafka: %s\n", text);
	return NULL;
}

/* Sessions are dealt out to partitions by their count, so it is fixed for an installation's life; what was committed
 * says under which one. Metadata that cannot be read is for the lane that is given it. */
static enum co_status check_dealt(const struct co_config *config, rd_kafka_t *client, int32_t partitions,
								  struct co_error *error)
{
	char commands[CO_TOPICS_NAME_MAX + 1];
	struct co_position *positions = calloc((size_t)partitions, sizeof(*positions));
	if (!positions)
		abort();
	co_topics_name(config->prefix, CO_TOPICS_COMMANDS, commands);
	enum co_status status =
		co_topics_positions(client, commands, positions, (size_t)partitions, TOPICS_TIMEOUT_MS, error);
	for (int32_t i = 0; i < partitions && status == CO_OK; i++) {
		struct co_shard shard = {.partition = i};
		if (!co_shard_restore(&shard, &positions[i]) || shard.partition_count == 0 ||
			shard.partition_count == partitions)
			continue;
		co_error_set(error, commands,
					 "has %d partitions now, sessions were dealt out to %d; nothing is changed: "
					 "see docs/howto/move-partitions.md",
					 (int)partitions, (int)shard.partition_count);
		co_log(CO_LOG_ERROR, "topics.resized", co_status_text(CO_TOPICS_RESIZED), CO_INT("checkout.partition", i),
			   CO_INT("checkout.former_partitions", shard.partition_count), CO_INT("checkout.partitions", partitions),
			   CO_TEXT("checkout.fix", "docs/howto/move-partitions.md"));
		status = CO_TOPICS;
	}
	free(positions);
	return status;
}

/* Waits for Kafka as long as it takes. -1: *partitions is known. */
static int check_topics(struct service *service, int32_t *partitions)
{
	const struct co_config *config = &service->config;
	const struct co_topics_wish wish = {.prefix = config->prefix,
										.append = config->timestamps == CO_TIMESTAMPS_APPEND,
										.partitions = (int)config->partitions,
										.replication_factor = (int)config->replication_factor,
										.create = config->create};
	rd_kafka_t *client = open_admin_client(config);
	if (!client)
		return EXIT_USAGE;
	int result = 0;
	bool sound = false; /* the topics: what is told of them is told once */
	struct co_log_gate gate = {.last_ms = 0};
	while (service->signals == 0) {
		struct co_error error = {.path = ""};
		enum co_status status = sound ? CO_OK : co_topics_ensure(client, &wish, partitions, TOPICS_TIMEOUT_MS, &error);
		sound = status == CO_OK;
		if (sound)
			status = check_dealt(config, client, *partitions, &error);
		if (status == CO_OK) {
			result = -1;
			break;
		}
		if (status == CO_TOPICS) {
			(void)fprintf(stderr, "topics (%s): %s\n", error.path, error.text);
			result = EXIT_USAGE;
			break;
		}
		if (co_log_gate_open(&gate, 60000))
			co_log(CO_LOG_NOTICE, "kafka.waiting", "Kafka does not answer; waiting for it",
				   CO_TEXT("event.reason", error.text));
		for (int i = 0; i < 5 && service->signals == 0; i++)
			serve_signals(service);
	}
	rd_kafka_destroy(client);
	return result;
}

static int start_admin(struct service *service)
{
	struct co_error error = {.path = ""};
	const char *listen = service->config.admin_listen;
	struct co_admin_probes probes = co_health_probes(&service->health);
	if (!listen[0] || co_admin_start(&service->admin, listen, &probes, &error) == CO_OK)
		return -1;
	co_config_complain(&service->config, CO_SETTING_admin_listen, error.text, stderr);
	return EXIT_USAGE;
}

static int start_lanes(struct service *service, int32_t partitions)
{
	const struct co_config *config = &service->config;
	struct co_error error = {.path = ""};
	const struct co_desk_wish wish = {.prefix = config->prefix,
									  .source = config->source,
									  .replies_allow = config->replies_allow,
									  .partition_count = partitions,
									  .retention_ms = config->retention_seconds * 1000,
									  .append = config->timestamps == CO_TIMESTAMPS_APPEND};
	if (co_desk_init(&service->desk, &wish, &error) != CO_OK) {
		(void)fprintf(stderr, "%s: %s\n", error.path, error.text);
		return EXIT_USAGE;
	}
	const struct co_registry registry = co_registry_file_port(service->registry);
	if (co_lanes_start(config, &service->desk, &registry, &service->lanes, &error) != CO_OK) {
		(void)fprintf(stderr, "%s: %s\n", error.path, error.text);
		return EXIT_RUNTIME;
	}
	atomic_store(&service->health.lanes, service->lanes);
	return -1;
}

/* --- the run ------------------------------------------------------------------------------------------------------ */

static int drain(struct service *service)
{
	struct co_clock clock = co_system_clock();
	int64_t until_ms = clock.monotonic_ms(clock.self) + DRAIN_MS_MAX;
	co_lanes_ask_stop(service->lanes);
	while (!co_lanes_ended(service->lanes)) {
		serve_signals(service);
		if (clock.monotonic_ms(clock.self) > until_ms)
			end_at_once("process.drain", "the lanes did not finish in time; what was not committed will be read again");
	}
	return co_lanes_failure(service->lanes) == CO_OK ? 0 : EXIT_RUNTIME;
}

static int watch_lanes(struct service *service)
{
	while (service->signals == 0 && co_lanes_failure(service->lanes) == CO_OK) {
		serve_signals(service);
		if (co_health_stuck_lane(&service->health) >= 0)
			end_at_once("process.watchdog", "a lane makes no progress: a call into a client library does not return");
	}
	enum co_status failure = co_lanes_failure(service->lanes);
	int result = drain(service);
	if (failure != CO_OK)
		co_log(CO_LOG_ERROR, "process.failed", co_status_text(failure),
			   CO_TEXT("event.reason", co_status_name(failure)), CO_INT("process.exit_code", EXIT_RUNTIME));
	return failure != CO_OK ? EXIT_RUNTIME : result;
}

static int serve(struct service *service)
{
	struct co_error error = {.path = ""};
	int32_t partitions = 0;
	co_metrics_setup_build(CO_VERSION, rd_kafka_version_str());
	co_metrics_setup((size_t)service->config.partitions, (size_t)service->config.lanes);
	co_health_describe(&service->health, &service->config, CO_VERSION, rd_kafka_version_str());
	int result = start_admin(service);
	if (result >= 0)
		return result;
	if (co_health_start(&service->health, &service->config, &error) != CO_OK)
		return complain("kafka", error.text);
	co_service_notify_ready(&service->notify);
	tell_manager(service);
	result = check_topics(service, &partitions);
	if (result >= 0)
		return result;
	co_metrics_set_partitions((size_t)partitions);
	atomic_store(&service->health.partitions, (size_t)partitions);
	result = start_lanes(service, partitions);
	if (result >= 0)
		return result;
	co_log(CO_LOG_INFO, "process.started", "session-worker runs", CO_TEXT("service.version", CO_VERSION),
		   CO_INT("checkout.partitions", partitions), CO_INT("checkout.lanes", service->config.lanes));
	return watch_lanes(service);
}

static void tear_down(struct service *service)
{
	atomic_store(&service->health.lanes, NULL);
	co_admin_stop(service->admin);
	if (service->lanes)
		co_lanes_join(service->lanes);
	co_health_stop(&service->health);
	co_desk_clear(&service->desk);
	co_service_notify_close(&service->notify);
	co_registry_file_close(service->registry);
	co_config_clear(&service->config);
}

/* Tokens and keys pass through this process: no core dump, nobody attaches (test builds are looked into by their
 * sanitizers). */
static void keep_memory_private(void)
{
	const struct rlimit no_core = {0, 0};
	(void)setrlimit(RLIMIT_CORE, &no_core);
#ifndef CO_CRASH_POINTS
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}

int main(int argc, char **argv)
{
	static struct arguments arguments;
	static struct service service;
	int result = read_arguments(argc, argv, &arguments);
	if (result >= 0)
		return result;
	keep_memory_private();
	(void)signal(SIGPIPE, SIG_IGN);
	sigset_t set = watched_signals();
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);

	co_health_init(&service.health);
	co_service_notify_open(&service.notify);
	service.arguments = &arguments;
	result = configure(&service, &arguments);
	if (result < 0)
		result = serve(&service);
	tear_down(&service);
	if (result == 0 && service.signals > 0)
		co_log(CO_LOG_INFO, "process.stopped", "left", CO_INT("process.exit_code", 0));
	return result;
}
