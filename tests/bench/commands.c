#include "bench.h"
#include "broker.h"

#include <stdio.h>
#include <string.h>
#include <uuid/uuid.h>

#define WAVE 2500

static const uuid_t merchant = {0x12, 0x3e, 0x45, 0x67, 0xe8, 0x9b, 0x12, 0xd3,
								0xa4, 0x56, 0x42, 0x66, 0x14, 0x17, 0x40, 0x00};

static const char *const types[BENCH_STEPS] = {"checkout.session.create", "checkout.session.get",
											   "checkout.session.complete", "checkout.session.cancel"};

struct bench_command bench_mix(const char *reference, size_t i, size_t total)
{
	size_t wave = i / ((size_t)WAVE * BENCH_STEPS), within = i % ((size_t)WAVE * BENCH_STEPS);
	size_t left = total - wave * WAVE * BENCH_STEPS;
	size_t width = left < (size_t)WAVE * BENCH_STEPS ? left / BENCH_STEPS : WAVE;

	return (struct bench_command){.step = (enum bench_step)(within / width),
								  .reference = reference,
								  .session = wave * WAVE + within % width,
								  .ttl_s = 1800,
								  .number = (int64_t)i};
}

/* Section 1 of the contract: UUIDv5 of merchant, namespace and reference. */
static void session_id(const char *reference, char out[37])
{
	char name[BENCH_TEXT];
	uuid_t id;
	int length = snprintf(name, sizeof(name), "ref:default:%s", reference);

	uuid_generate_sha1(id, merchant, name, (size_t)length);
	uuid_unparse_lower(id, out);
}

static size_t create_data(const struct bench_command *command, const char *reference, char *out, size_t room)
{
	int length =
		snprintf(out, room,
				 "{\"referenceId\":\"%s\",\"ttlSeconds\":%u,\"currency\":\"USD\",\"capture\":true,"
				 "\"config\":{\"modes\":[\"PAYMENT\"],\"paymentMethodChannel\":{\"card\":[\"CREDIT\",\"DEBIT\"],"
				 "\"bankAccount\":[]}},\"payment\":{\"amount\":%zu,\"merchantTransactionId\":\"txn-%s\","
				 "\"description\":\"Two chairs and a table\",\"statementDescriptorSuffix\":\"FURNITURE\","
				 "\"metadata\":{\"basket\":\"b-%zu\",\"channel\":\"web\"}},"
				 "\"customer\":{\"hsid\":\"hs-%zu\",\"email\":\"someone@example.test\",\"firstName\":\"Some\","
				 "\"lastName\":\"One\"},\"consent\":{\"merchantConsentId\":\"consent-%zu\","
				 "\"merchantConsentText\":\"I agree that my card is charged for this order.\","
				 "\"collectionTimestamp\":\"2026-01-05T10:15:30Z\",\"collectionDetails\":{\"type\":\"WEB\","
				 "\"web\":{\"ipAddress\":\"203.0.113.7\",\"userAgent\":\"Mozilla/5.0 (X11; Linux x86_64)\"}}}}",
				 reference, command->ttl_s, command->session % 90000 + 100, reference, command->session,
				 command->session, command->session);

	return (size_t)length;
}

void bench_write(const struct bench_command *command, struct bench_text *out)
{
	char reference[64];

	(void)snprintf(reference, sizeof(reference), "%s-%zu", command->reference, command->session);
	session_id(reference, out->session_id);
	uuid_unparse_lower(merchant, out->merchant_id);
	(void)snprintf(out->id, sizeof(out->id), "c-%lld", (long long)command->number);
	out->type = types[command->step];
	out->has_subject = command->step != BENCH_CREATE;
	out->data_len = command->step == BENCH_CREATE ? create_data(command, reference, out->data, sizeof(out->data)) : 0;
	if (out->data_len >= sizeof(out->data))
		bench_fail("bench: a command is too long");
}
