#include "secure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *const names[SECURE_LISTENERS] = {"TLS", "MTLS", "SASL", "MISNAMED"};

/* The plain listeners are those of tests/support/kafka/kafka.sh, which this adds to. */
static char *properties(const struct secure *secure, const char *late_password)
{
	int port = secure->servers.kafka.port;
	char *internal = co_tk_format("127.%d.%d.9", port / 256, port % 256);
	char *plain = co_tk_format("CLIENT://127.0.0.1:%d,INTERNAL://%s:%d", port, internal, port + 1);
	char *more = co_tk_format("TLS://127.0.0.1:%d,MTLS://127.0.0.1:%d,SASL://127.0.0.1:%d,MISNAMED://127.0.0.1:%d",
							  secure->ports[SECURE_TLS], secure->ports[SECURE_MTLS], secure->ports[SECURE_SASL],
							  secure->ports[SECURE_MISNAMED]);
	const char *folder = secure->certificates;
	char *text = co_tk_format(
		"listeners=%s,%s,CONTROLLER://%s:%d\n"
		"advertised.listeners=%s,%s\n"
		"listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT,"
		"TLS:SSL,MTLS:SSL,SASL:SASL_SSL,MISNAMED:SSL\n"
		"ssl.keystore.type=PEM\nssl.keystore.location=%s/broker.pem\n"
		"ssl.truststore.type=PEM\nssl.truststore.location=%s/ca.pem\n"
		"listener.name.mtls.ssl.client.auth=required\n"
		"listener.name.misnamed.ssl.keystore.type=PEM\nlistener.name.misnamed.ssl.keystore.location=%s/misnamed.pem\n"
		"listener.name.sasl.sasl.enabled.mechanisms=SCRAM-SHA-512,PLAIN\n"
		"listener.name.sasl.scram-sha-512.sasl.jaas.config="
		"org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
		"listener.name.sasl.plain.sasl.jaas.config="
		"org.apache.kafka.common.security.plain.PlainLoginModule required user_plain=\"plain-password\"%s%s%s;\n",
		plain, more, internal, port + 2, plain, more, folder, folder, folder, late_password ? " user_late=\"" : "",
		late_password ? late_password : "", late_password ? "\"" : "");

	free(internal);
	free(plain);
	free(more);
	return text;
}

static void make_certificates(const char *directory)
{
	char *script = co_tk_format("%s/tests/security/certificates.sh", co_tk_source_dir());
	char *log = co_tk_format("%s/certificates.log", directory);
	const char *argv[] = {script, directory, NULL};

	int status = co_tk_run(&(struct co_tk_spawn){.argv = argv, .log = log}, 180000);
	if (status != 0)
		co_tk_fail("%s: status %d\n%s", script, status, co_tk_read_file(log, NULL));
	free(script);
	free(log);
}

void secure_broker(struct secure *secure, const char *late_password)
{
	char *extra = properties(secure, late_password);

	co_tk_check(setenv("KAFKA_EXTRA", extra, 1) == 0, "setenv");
	co_tk_kafka_restart(&secure->servers.kafka);
	unsetenv("KAFKA_EXTRA");
	free(extra);
}

struct secure *secure_start(void)
{
	static struct secure secure;
	struct co_tk_kafka *kafka = &secure.servers.kafka;

	secure.certificates = co_tk_temp_dir();
	make_certificates(secure.certificates);
	kafka->directory = co_tk_format("%s/kafka", co_tk_temp_dir());
	kafka->port = co_tk_free_port();
	for (int i = 0; i < SECURE_LISTENERS; i++)
		secure.ports[i] = co_tk_free_port();
	snprintf(kafka->servers, sizeof(kafka->servers), "127.0.0.1:%d", kafka->port);
	co_tk_check(mkdir(kafka->directory, 0700) == 0, "mkdir %s", kafka->directory);
	co_tk_guard_kafka(kafka->directory, kafka->port);
	secure_broker(&secure, NULL);
	co_tk_redis_start(&secure.servers.redis);
	snprintf(secure.servers.registry, sizeof(secure.servers.registry), "%s/registry.json", co_tk_temp_dir());
	co_tk_write_file(secure.servers.registry, "{\"merchants\":[{\"id\":\"" RIG_MERCHANT "\"}]}");
	return &secure;
}

void secure_stop(struct secure *secure)
{
	co_tk_redis_stop(&secure->servers.redis);
	co_tk_kafka_stop(&secure->servers.kafka);
}

void secure_scram(struct secure *secure, const char *user, const char *password)
{
	char *command = co_tk_format("cd '%s'\n"
								 "libs=${CO_KAFKA_HOME:-build/kafka/libs}\n"
								 "java=$(tests/support/kafka/kafka.sh java)\n"
								 "exec \"$java\" -XX:TieredStopAtLevel=1 -cp \"$libs/*\" kafka.admin.ConfigCommand "
								 "--bootstrap-server %s --alter --entity-type users --entity-name %s "
								 "--add-config 'SCRAM-SHA-512=[iterations=4096,password=%s]'",
								 co_tk_source_dir(), secure->servers.kafka.servers, user, password);
	char *log = co_tk_format("%s/scram.log", secure->certificates);
	const char *argv[] = {"bash", "-ec", command, NULL};

	int status = co_tk_run(&(struct co_tk_spawn){.argv = argv, .log = log}, 180000);
	if (status != 0)
		co_tk_fail("credentials of %s: status %d\n%s", user, status, co_tk_read_file(log, NULL));
	free(command);
	free(log);
}

void secure_worker(struct secure *secure, struct rig *rig, enum secure_listener listener, const char *const *overrides,
				   const char *const *environment)
{
	const char *all[40];
	size_t count = 0;
	char *servers = co_tk_format("kafka.bootstrap.servers=127.0.0.1:%d", secure->ports[listener]);
	char *instance = co_tk_format("%ssecure-%s", rig->prefix, names[listener]);

	for (size_t i = 0; rig->overrides[i]; i++)
		all[count++] = rig->overrides[i];
	all[count++] = servers;
	for (size_t i = 0; overrides[i]; i++) {
		co_tk_check(count + 1 < sizeof(all) / sizeof(*all), "too many overrides");
		all[count++] = overrides[i];
	}
	all[count] = NULL;
	const struct co_tk_worker_options options = {
		.instance = instance, .prefix = rig->prefix, .group = rig->group, .overrides = all, .environment = environment};
	co_tk_worker_start(&rig->workers[0], &secure->servers.kafka, &secure->servers.redis, &options);
	free(servers);
	free(instance);
}

bool secure_file_holds(const char *path, const char *text)
{
	size_t length = 0;
	char *bytes = co_tk_read_file(path, &length);
	bool found = bytes && memmem(bytes, length, text, strlen(text));

	free(bytes);
	return found;
}
