/* What the vectors cannot show of the rules: addresses against the C library, cuts and long inputs. Covers
 * rules_session.c, rules_payment.c, rules_consent.c. */
#include "support.h"

#include "arena_case.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define V(literal) CO_VIEW(literal)

static struct co_command create_of(const char *data)
{
	return command_of(&arena, CO_COMMAND_CREATE, "c-1", json_of(&arena, co_view_cstr(data)), NULL);
}

static uint16_t violations_of(const char *data, struct co_violation *out)
{
	struct co_command command = create_of(data);
	struct co_merchant merchant = default_merchant();

	return co_validate(&command, &merchant, out);
}

static void validate__more_than_32__keeps_the_first_32(void **state)
{
	struct co_violation out[CO_VIOLATIONS_MAX + 1];
	struct co_buf data = co_buf_make(&arena, 1024);

	(void)state;
	memset(&out[CO_VIOLATIONS_MAX], 0x5a, sizeof(out[0]));
	co_buf_lit(&data, "{\"capture\":1,\"config\":{\"modes\":[0");
	for (int i = 1; i < 40; i++)
		co_buf_lit(&data, ",0");
	co_buf_lit(&data, "]}}");
	co_buf_add_byte(&data, '\0');
	assert_int_equal(violations_of(co_buf_view(&data).ptr, out), CO_VIOLATIONS_MAX);
	assert_int_equal(out[0].place, CO_PLACE_CAPTURE);
	assert_int_equal(out[1].place, CO_PLACE_CONFIG_MODE);
	assert_int_equal(out[31].index, 30);
	for (size_t i = 0; i < sizeof(out[0]); i++)
		assert_int_equal(((const unsigned char *)&out[CO_VIOLATIONS_MAX])[i], 0x5a);
}

/* A null entry is absent (section 3): its key may be of any length, while a value beside it may not. */
static void validate__null_metadata_entry__is_not_judged(void **state)
{
	static const char *const key = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
	struct co_violation out[CO_VIOLATIONS_MAX];
	char data[512];

	(void)state;
	for (int text = 0; text < 2; text++) {
		(void)snprintf(data, sizeof(data),
					   "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":1,"
					   "\"merchantTransactionId\":\"t\",\"metadata\":{\"%s\":%s}}}",
					   key, text ? "\"v\"" : "null");
		assert_int_equal(violations_of(data, out), text);
	}
	assert_int_equal(out[0].rule, CO_RULE_PAYMENT_METADATA_KEY);
	assert_true(co_view_eq(out[0].key, co_view_cstr(key)));
}

/* Thousands of allocations, a single repeat at the far end: found, and told at its place. */
static void validate__many_allocations__finds_the_one_repeat(void **state)
{
	struct co_violation out[CO_VIOLATIONS_MAX];
	struct co_buf data = co_buf_make(&arena, 1 << 18);
	uint16_t count;

	(void)state;
	co_buf_lit(&data, "{\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},\"payment\":{\"amount\":5000,"
					  "\"merchantTransactionId\":\"t\",\"paymentAllocations\":[");
	for (int i = 0; i < 3000; i++) {
		char entry[96];

		(void)snprintf(entry, sizeof(entry), "%s{\"amount\":1,\"paymentMethodId\":\"00000000-0000-4000-8000-%012d\"}",
					   i ? "," : "", i == 2999 ? 1500 : i);
		co_buf_add(&data, co_view_cstr(entry));
	}
	co_buf_lit(&data, "]}}");
	co_buf_add_byte(&data, '\0');
	count = violations_of(co_buf_view(&data).ptr, out);
	assert_int_equal(count, 3);
	assert_int_equal(out[0].rule, CO_RULE_PAYMENT_ALLOCATIONS_TOO_MANY);
	assert_int_equal(out[1].rule, CO_RULE_PAYMENT_PAYMENT_METHOD_ID_DUPLICATE);
	assert_int_equal(out[1].index, 2999);
	assert_int_equal(out[2].rule, CO_RULE_PAYMENT_ALLOCATION_SUM);
}

static bool accepts_address(struct co_view address)
{
	struct co_violation out[CO_VIOLATIONS_MAX];
	struct co_buf data = co_buf_make(&arena, 512);
	uint16_t count;

	co_buf_lit(&data, "{\"payment\":{\"amount\":1,\"merchantTransactionId\":\"t\"},\"consent\":{\"merchantConsentId\":"
					  "\"c\",\"merchantConsentText\":\"ok\",\"collectionTimestamp\":\"2025-06-16T10:15:30Z\","
					  "\"collectionDetails\":{\"type\":\"WEB\",\"web\":{\"userAgent\":\"u\",\"ipAddress\":");
	co_buf_add_json(&data, address);
	co_buf_lit(&data, "}}}}");
	co_buf_add_byte(&data, '\0');
	count = violations_of(co_buf_view(&data).ptr, out);
	assert_true(count == 0 || out[0].rule == CO_RULE_CONSENT_COLLECTION_DETAILS_INVALID);
	return count == 0;
}

static bool inet_accepts(const char *address)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, address, bytes) == 1 || inet_pton(AF_INET6, address, bytes) == 1;
}

static void same_as_inet(const char *address)
{
	if (accepts_address(co_view_cstr(address)) != inet_accepts(address))
		fail_msg("%s: inet_pton says %d", address, inet_accepts(address));
}

static void ip_address__by_hand__as_inet_pton_reads_it(void **state)
{
	static const char *const rows[] = {
		"",
		"1.2.3.4",
		"0.0.0.0",
		"255.255.255.255",
		"256.1.1.1",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.04",
		"1.2.3.00",
		"1..3.4",
		"1.2.3.",
		".1.2.3",
		"1.2.3.4 ",
		" 1.2.3.4",
		"0x1.2.3.4",
		"1.2.3.-4",
		"::",
		"::1",
		"1::",
		":",
		":::",
		":1",
		"1:",
		"1:2:3:4:5:6:7:8",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1::2::3",
		"1:::2",
		"::1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7::",
		"::1:2:3:4:5:6:7:8",
		"1:2:3:4::5:6:7:8",
		"12345::",
		"0000::",
		"00001::",
		"g::",
		"::ffff:1.2.3.4",
		"::1.2.3.4",
		"1:2:3:4:5:6:1.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"1:2:3:4:5:1.2.3.4",
		"::1.2.3",
		"::1.2.3.4:5",
		"1.2.3.4::",
		"::1.2.3.04",
		"fe80::1%eth0",
		"::256.1.1.1",
		"1:2:3:4:5:6:7:",
		"::12a.1.1.1",
		"AbCd::eF",
		"1::2:",
		"::1:2:3:4:5:6:1.2.3.4",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		same_as_inet(rows[i]);
}

/* Random texts, made of pieces that addresses are made of so that many are valid. */
static void ip_address__random__as_inet_pton_reads_it(void **state)
{
	static const char *const pieces[] = {":",  ":",   ":",   "::",    ".", ".",  "1", "0",
										 "ff", "255", "256", "12345", "a", "10", "g"};
	uint64_t random = 1;
	unsigned valid = 0;

	(void)state;
	for (int round = 0; round < 60000; round++) {
		char text[128] = "";
		size_t parts;

		random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
		parts = 1 + (random >> 40) % 16;
		for (size_t i = 0; i < parts; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
			/* Numbers and separators take turns, mostly. */
			(void)strcat(text, i % 2 && (random >> 60) ? pieces[(random >> 33) % 6] : pieces[6 + (random >> 33) % 9]);
		}
		same_as_inet(text);
		valid += inet_accepts(text);
		if (round % 1000 == 0)
			co_arena_reset(&arena);
	}
	assert_true(valid > 100);
}

static void name_list__given_or_not(void **state)
{
	static const struct co_view names[] = {{"a", 1}, {"b", 1}};
	const struct co_name_list any = {.given = false}, none = {.given = true}, two = {true, 2, names};

	(void)state;
	assert_true(co_name_list_allows(&any, V("x")));
	assert_false(co_name_list_allows(&none, V("x")));
	assert_true(co_name_list_allows(&two, V("b")));
	assert_false(co_name_list_allows(&two, V("B")));
	assert_false(co_name_list_allows(&two, V("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(validate__more_than_32__keeps_the_first_32),
		cmocka_unit_test(validate__null_metadata_entry__is_not_judged),
		cmocka_unit_test(validate__many_allocations__finds_the_one_repeat),
		cmocka_unit_test(ip_address__by_hand__as_inet_pton_reads_it),
		cmocka_unit_test(ip_address__random__as_inet_pton_reads_it),
		cmocka_unit_test(name_list__given_or_not),
	};

	return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
