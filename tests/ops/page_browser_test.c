/* The page for people on the admin port, seen by a real headless Chromium: a real worker on a real Kafka and a real
 * Redis that has accepted and refused commands, and a relay of the test's own between browser and worker, which counts
 * how often the page is asked for and can stop answering. Without a browser in PATH every case is skipped, and the
 * program ends with 77. */
#include "tests/integration/await.h"
#include "tests/integration/it.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SKIPPED 77
#define BROWSER_MS 120000 /* the first start of a browser takes its time, the more on a busy machine */
#define LINKS_MAX 16
#define ALWAYS 1000000
#define AT_ONCE "--mute-audio" /* the page as it is when it has come; no sound, to say something */
#define SECRET "planted-password-9c1e"
#define NOBODY "b6df8625-cd25-4123-b345-638aa7b5d011"
/* The page's timers do not wait; an open request stops the clock. */
#define FAST_FORWARD "--virtual-time-budget=12000"

static char *browser; /* path; NULL: none */
static struct rig rig;

static struct co_tk_worker *worker(void)
{
	return &rig.workers[0];
}

/* ---- the relay ---- */

struct relay {
	int listener, port, wake[2];
	pthread_t thread;
	/* set before it starts */
	int answered_max;  /* as often the page is answered; a request above that is cut, and all others from then on */
	bool alter_script; /* one letter of the page's script becomes another on its way */
	/* read after it ended */
	atomic_int asked;  /* how often the page was asked for; may be read at any time */
	int elsewhere;     /* requests for another page */
	int64_t second_ms; /* wall clock: when it was asked for the second time */
	bool gone;
	struct relay_link {
		int client, server;
		size_t matched_get, matched_root, matched_script;
	} links[LINKS_MAX];
};

/* Goes on with the search for `word` in a stream; true at its last byte. No word here begins anew within itself. */
static bool goes_on(size_t *matched, const char *word, char byte)
{
	*matched = byte == word[*matched] ? *matched + 1 : byte == word[0];
	if (word[*matched])
		return false;
	*matched = 0;
	return true;
}

static void drop(struct relay_link *link)
{
	if (link->client >= 0)
		close(link->client);
	if (link->server >= 0)
		close(link->server);
	*link = (struct relay_link){.client = -1, .server = -1};
}

static void take(struct relay *relay)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
								  .sin_port = htons((uint16_t)worker()->admin_port),
								  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	/* cppcheck-suppress nullPointer ; nobody asks for the peer's address */
	int client = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
	struct relay_link fresh = {.client = client, .server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	size_t i = 0;

	while (i < LINKS_MAX && relay->links[i].client >= 0)
		i++;
	if (relay->gone || i == LINKS_MAX || fresh.client < 0 || fresh.server < 0 ||
		connect(fresh.server, (struct sockaddr *)&address, sizeof(address)) != 0)
		drop(&fresh);
	else
		relay->links[i] = fresh;
}

/* What the browser sends: is it the page, and may it have it? */
static void look_at_request(struct relay *relay, struct relay_link *link, const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		bool any = goes_on(&link->matched_get, "GET /", bytes[i]);
		relay->elsewhere += any;
		if (!goes_on(&link->matched_root, "GET / ", bytes[i]))
			continue;
		relay->elsewhere--;
		if (++relay->asked == 2)
			relay->second_ms = co_tk_wall_ms();
		relay->gone |= relay->asked > relay->answered_max;
	}
}

static void alter(struct relay_link *link, char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (goes_on(&link->matched_script, "setInterval(a", bytes[i]))
			bytes[i] = 'A';
}

static bool pass(struct relay *relay, struct relay_link *link, bool up)
{
	char bytes[16384];
	ssize_t got = recv(up ? link->client : link->server, bytes, sizeof(bytes), 0);

	if (got <= 0)
		return false;
	if (up)
		look_at_request(relay, link, bytes, (size_t)got);
	else if (relay->alter_script)
		alter(link, bytes, (size_t)got);
	for (ssize_t sent = 0, put; !relay->gone && sent < got; sent += put)
		if ((put = send(up ? link->server : link->client, bytes + sent, (size_t)(got - sent), MSG_NOSIGNAL)) <= 0)
			return false;
	return true;
}

static void *run_relay(void *opaque)
{
	struct relay *relay = opaque;
	struct pollfd ends[2 + 2 * LINKS_MAX];

	for (;;) {
		ends[0] = (struct pollfd){.fd = relay->wake[0], .events = POLLIN};
		ends[1] = (struct pollfd){.fd = relay->listener, .events = POLLIN};
		for (size_t i = 0; i < LINKS_MAX; i++) {
			ends[2 + 2 * i] = (struct pollfd){.fd = relay->links[i].client, .events = POLLIN};
			ends[3 + 2 * i] = (struct pollfd){.fd = relay->links[i].server, .events = POLLIN};
		}
		if (poll(ends, 2 + 2 * LINKS_MAX, -1) < 0 && errno != EINTR)
			break;
		if (ends[0].revents)
			break;
		for (size_t i = 0; i < LINKS_MAX; i++) {
			struct relay_link *link = &relay->links[i];
			bool holds = !(ends[2 + 2 * i].revents && !pass(relay, link, true)) &&
						 !(ends[3 + 2 * i].revents && !pass(relay, link, false));
			if (!holds || relay->gone)
				drop(link);
		}
		if (ends[1].revents)
			take(relay);
	}
	return NULL;
}

static void relay_open(struct relay *relay)
{
	int on = 1;

	relay->port = co_tk_free_port();
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)relay->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	for (size_t i = 0; i < LINKS_MAX; i++)
		relay->links[i] = (struct relay_link){.client = -1, .server = -1};
	relay->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	co_tk_check(setsockopt(relay->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
					bind(relay->listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
					listen(relay->listener, LINKS_MAX) == 0 && pipe2(relay->wake, O_CLOEXEC) == 0 &&
					pthread_create(&relay->thread, NULL, run_relay, relay) == 0,
				"no relay on port %d: %s", relay->port, strerror(errno));
}

static void relay_close(struct relay *relay)
{
	co_tk_check(write(relay->wake[1], "", 1) == 1, "the relay does not listen");
	pthread_join(relay->thread, NULL);
	for (size_t i = 0; i < LINKS_MAX; i++)
		drop(&relay->links[i]);
	close(relay->listener);
	close(relay->wake[0]);
	close(relay->wake[1]);
}

/* ---- the browser ---- */

static char *find_browser(void)
{
	static const char *const names[] = {"chromium", "chromium-browser", "google-chrome"};
	const char *path = getenv("PATH");

	for (size_t i = 0; path && i < sizeof(names) / sizeof(*names); i++)
		for (const char *at = path; *at; at += strcspn(at, ":"), at += *at == ':') {
			char *candidate = co_tk_format("%.*s/%s", (int)strcspn(at, ":"), at, names[i]);
			if (access(candidate, X_OK) == 0)
				return candidate;
			free(candidate);
		}
	return NULL;
}

struct view {
	char *dom, *said; /* the document at the end, and the browser's own log */
	struct relay relay;
};

/* A profile whose owner has switched scripts off. (--blink-settings=scriptEnabled=false would do so for the headless
 * browser's own page too, and nothing would be dumped.) */
static void forbid_scripts(const char *directory)
{
	char *profile = co_tk_format("%s/profile", directory), *folder = co_tk_format("%s/Default", profile);
	char *preferences = co_tk_format("%s/Preferences", folder);

	co_tk_check(mkdir(profile, 0700) == 0 && mkdir(folder, 0700) == 0, "%s: %s", folder, strerror(errno));
	co_tk_write_file(preferences, "{\"profile\":{\"default_content_setting_values\":{\"javascript\":2}}}");
	free(preferences);
	free(folder);
	free(profile);
}

/* Starts the browser with the relay's page; its document and its log go to files of the folder. */
static pid_t browse(const char *directory, const struct relay *relay, bool scripts, const char *option)
{
	char *profile = co_tk_format("--user-data-dir=%s/profile", directory), *home = co_tk_format("HOME=%s", directory);
	char *url = co_tk_format("http://127.0.0.1:%d/", relay->port);
	const char *const argv[] = {"sh",
								"-c",
								"exec \"$@\" >dom 2>said",
								"sh",
								browser,
								"--headless=new",
								"--no-sandbox",
								"--disable-gpu",
								"--disable-dev-shm-usage",
								"--no-first-run",
								"--enable-logging=stderr",
								profile,
								option,
								"--dump-dom",
								url,
								NULL};
	const char *const environment[] = {home, NULL};

	if (!scripts)
		forbid_scripts(directory);
	pid_t pid = co_tk_spawn(&(struct co_tk_spawn){.argv = argv, .environment = environment, .directory = directory});
	free(url);
	free(home);
	free(profile);
	return pid;
}

/* Looks at the page through a relay as set up in view->relay, until the document is there. */
static void look(struct view *view, bool scripts, const char *option)
{
	const char *directory = co_tk_temp_dir();
	char *dom = co_tk_format("%s/dom", directory), *said = co_tk_format("%s/said", directory);

	relay_open(&view->relay);
	pid_t pid = browse(directory, &view->relay, scripts, option);
	int status = co_tk_reap(pid, BROWSER_MS);
	if (status < 0)
		co_tk_kill(pid);
	relay_close(&view->relay);
	view->dom = co_tk_read_file(dom, NULL);
	view->said = co_tk_read_file(said, NULL);
	co_tk_check(status == 0 && view->dom && view->said && strstr(view->dom, "</html>"),
				"the browser ended with %d (-1: not within %d s): %s", status, BROWSER_MS / 1000,
				view->said ? view->said : "");
	printf("  the page was asked for %d times\n", view->relay.asked);
	free(said);
	free(dom);
}

static void forget(struct view *view)
{
	free(view->dom);
	free(view->said);
}

/* Chromium's words for what a Content-Security-Policy kept it from. */
static bool is_violated(const struct view *view)
{
	return strstr(view->said, "Refused to") || strstr(view->said, "Content Security Policy");
}

static void assert_has(const struct view *view, const char *text)
{
	if (!strstr(view->dom, text))
		fail_msg("the page does not have: %s\n%s", text, view->dom);
}

/* A part of the page, from its heading to the next one, has the text. */
static void assert_part_has(const struct view *view, const char *heading, const char *text)
{
	char *whole = co_tk_format("<h2>%s</h2>", heading);
	const char *part = strstr(view->dom, whole), *next = part ? strstr(part + 1, "<h2>") : NULL;
	const char *found = part ? strstr(part, text) : NULL;

	if (!found || (next && found > next))
		fail_msg("%s does not have: %s\n%s", whole, text, part ? part : view->dom);
	free(whole);
}

/* Every address in the document is one of its own pages. */
static void assert_own_addresses(const struct view *view)
{
	static const char *const own[] = {"metrics\"", "livez\"", "readyz\"", "startupz\""};
	static const char *const names[] = {" href=\"", " src=\"", " action=\"", "url("};
	size_t links = 0;

	for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
		for (const char *at = view->dom; (at = strstr(at, names[k])) != NULL; links++) {
			bool known = false;
			at += strlen(names[k]);
			for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++)
				known |= strncmp(at, own[i], strlen(own[i])) == 0;
			if (!known)
				fail_msg("an address that is not the page's own: %.80s", at);
		}
	assert_true(links >= 4); /* the four were looked at */
}

/* The page's "As of", comparable as text. */
static void read_stamp(const struct view *view, char stamp[25])
{
	const char *at = strstr(view->dom, "As of ");

	assert_non_null(at);
	snprintf(stamp, 25, "%s", at + strlen("As of "));
	assert_int_equal(stamp[23], 'Z');
}

static void format_stamp(int64_t wall_ms, char stamp[25])
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm utc;

	assert_non_null(gmtime_r(&seconds, &utc));
	size_t length = strftime(stamp, 25, "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(stamp + length, 25 - length, ".%03uZ", (unsigned)(wall_ms % 1000) % 1000U);
}

static void skip_without_browser(void)
{
	if (browser)
		return;
	printf("  skipped: no chromium, chromium-browser or google-chrome in PATH (./run install browser)\n");
	skip();
}

/* ---- set-up ---- */

static void send_create(const char *reference, const char *id)
{
	char data[256];

	snprintf(data, sizeof(data),
			 "{\"referenceId\":\"%s\",\"ttlSeconds\":600,\"config\":{\"modes\":[\"PAYMENT_WITH_WALLET\"]},"
			 "\"payment\":{\"amount\":1000,\"merchantTransactionId\":\"t\"}}",
			 reference);
	rig_send(&rig, NULL, "create", id, NULL, data);
}

/* What the cases look for: "lately" is made of samples, taken every two seconds, and the second lane may still come. */
static bool is_shown(void *self)
{
	static const char *const wanted[] = {
		"<tr><td>9300100<td", "<tr><td>9300101<td", "<tr><td>0<td class=t><span class=ok>working<",
		"<tr><td>1<td class=t><span class=ok>working<", "4 of 4 partitions; oldest deadline of all: in "};
	char *body = NULL;
	bool shown = co_tk_worker_get(self, "/", &body) == 200;

	for (size_t i = 0; shown && i < sizeof(wanted) / sizeof(*wanted); i++)
		shown = strstr(body, wanted[i]);
	free(body);
	return shown;
}

/* Three sessions, one of them asked for twice under one name, and two commands to nobody. */
static int set_up(void **state)
{
	char id[32];

	if (!browser)
		return 0;
	int failed = rig_servers_start(state);
	rig_open(&rig, *state);
	rig_override(&rig, "kafka.sasl.password", SECRET); /* of no use here: it is not to be seen */
	rig_start(&rig, 0, 2, NULL);
	rig_wait_ready(&rig, 0);
	for (int i = 1; i <= 3; i++) {
		snprintf(id, sizeof(id), "create-%d", i);
		send_create(id, id);
	}
	send_create("create-1", "again");
	for (int i = 1; i <= 2; i++) {
		snprintf(id, sizeof(id), "get-%d", i);
		rig_send(&rig, NOBODY, "get", id, NOBODY, NULL);
	}
	assert_non_null(rig_reply(&rig, "create-3", 60000));
	assert_non_null(rig_reply(&rig, "again", 60000));
	assert_non_null(rig_reply(&rig, "get-2", 60000));
	co_tk_check(co_tk_wait(is_shown, worker(), 60000), "the page does not tell what was done within 60 s");
	return failed;
}

static int tear_down(void **state)
{
	if (!browser)
		return 0;
	rig_close(&rig);
	return rig_servers_stop(state);
}

/* ---- the cases ---- */

/* All that it tells is in the document itself. */
static void page__no_script__all_parts(void **state)
{
	struct view view = {.relay = {.answered_max = ALWAYS}};

	(void)state;
	skip_without_browser();
	look(&view, false, AT_ONCE);

	assert_has(&view, "<span class=\"ok\">ready</span>");
	assert_part_has(&view, "Throughput, the last 10 s", "</b>accepted / s");
	assert_part_has(&view, "Throughput, the last 10 s", "</b>refused / s");
	assert_part_has(&view, "Refusals, the last minute", "<td>9300100</td><td class=\"t\">SESSION_NOT_FOUND</td><td>");
	assert_part_has(&view, "Refusals, the last minute",
					"<td>9300101</td><td class=\"t\">REFERENCE_ID_EXISTED</td><td>");
	assert_part_has(&view, "Lanes", "<td>0</td><td class=\"t\"><span class=\"ok\">working</span></td>");
	assert_part_has(&view, "Lanes", "<td>1</td><td class=\"t\"><span class=\"ok\">working</span></td>");
	assert_part_has(&view, "Partitions of this worker", "4 of 4 partitions; oldest deadline of all: in ");
	assert_part_has(&view, "Build", "session-worker ");
	assert_part_has(&view, "Build", ", librdkafka 2.");
	assert_part_has(&view, "Build", "sasl.password = ***");
	assert_null(strstr(view.dom, SECRET));
	assert_int_equal(view.relay.elsewhere, 0);
	assert_own_addresses(&view);
	assert_false(is_violated(&view));
	forget(&view);
}

static bool is_asked_again(void *self)
{
	return ((struct relay *)self)->asked >= 2;
}

/* It is loaded anew without a script too; with its clock put forward such a browser would go on for ever. */
static void page__no_script__reloads_itself(void **state)
{
	struct relay relay = {.answered_max = ALWAYS};

	(void)state;
	skip_without_browser();
	relay_open(&relay);
	pid_t pid = browse(co_tk_temp_dir(), &relay, false, FAST_FORWARD);
	bool again = co_tk_wait(is_asked_again, &relay, BROWSER_MS);
	co_tk_kill(pid);
	relay_close(&relay);

	assert_true(again);
}

/* It asks for itself, and what it gets is what is shown. */
static void page__script__refreshes_itself(void **state)
{
	struct view view = {.relay = {.answered_max = ALWAYS}};
	char shown[25], second[25];

	(void)state;
	skip_without_browser();
	look(&view, true, FAST_FORWARD);

	assert_true(view.relay.asked >= 2);
	assert_int_equal(view.relay.elsewhere, 0);
	read_stamp(&view, shown);
	format_stamp(view.relay.second_ms, second);
	if (strcmp(shown, second) < 0)
		fail_msg("as of %s is shown, and was asked for again at %s", shown, second);
	assert_has(&view, "<body class=\"\">");
	assert_has(&view, "<span class=\"ok\">working</span>");
	assert_own_addresses(&view);
	if (is_violated(&view))
		fail_msg("the browser kept the page from something: %s", view.said);
	forget(&view);
}

/* The worker is gone: what is shown stays, is told to be old, and looks so. */
static void page__worker_gone__marked_stale(void **state)
{
	struct view view = {.relay = {.answered_max = 2}};

	(void)state;
	skip_without_browser();
	look(&view, true, FAST_FORWARD);

	assert_true(view.relay.asked > 2);
	assert_has(&view, "<body class=\"stale\">");
	assert_has(&view, "<p id=\"gone\" class=\"bad\">This worker does not answer any more; what is below is old.</p>");
	assert_has(&view, "#gone{display:none}.stale #gone{display:block}.stale main{opacity:.45}");
	assert_has(&view, "<span class=\"ok\">working</span>");
	forget(&view);
}

/* That the cases above can fail: a script that is not the page's own is not run, and the browser says so. */
static void page__script_altered_on_its_way__not_run_and_told(void **state)
{
	struct view view = {.relay = {.answered_max = ALWAYS, .alter_script = true}};

	(void)state;
	skip_without_browser();
	look(&view, true, FAST_FORWARD);

	assert_has(&view, "setInterval(Async");
	assert_true(is_violated(&view));
	assert_int_equal(view.relay.asked, 1);
	assert_null(strstr(view.dom, "<body class"));
	forget(&view);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page__no_script__all_parts),
		cmocka_unit_test(page__no_script__reloads_itself),
		cmocka_unit_test(page__script__refreshes_itself),
		cmocka_unit_test(page__worker_gone__marked_stale),
		cmocka_unit_test(page__script_altered_on_its_way__not_run_and_told),
	};

	browser = find_browser();
	int failed = cmocka_run_group_tests(tests, set_up, tear_down);
	bool skipped = !browser;
	free(browser);
	return failed ? failed : skipped ? SKIPPED : 0;
}
