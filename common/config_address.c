/* redis.url and admin.listen, taken apart. No reason shows anything of the address: it may hold a password. */
#include "checkout/config.h"

#include "checkout/bytes.h"

#include <string.h>

static bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

/* A whole number 0..max with nothing around it. */
static bool read_number(struct co_view text, uint16_t max, uint16_t *out)
{
	uint32_t number = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (!is_digit(text.ptr[i]))
			return false;
		number = number * 10 + (uint32_t)(text.ptr[i] - '0');
	}
	if (number > max)
		return false;
	*out = (uint16_t)number;
	return true;
}

static bool is_host_byte(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || is_digit(byte) || byte == '.' ||
		   byte == '-' || byte == '_';
}

static const char *find(struct co_view text, char byte)
{
	return text.len ? memchr(text.ptr, byte, text.len) : NULL;
}

static const char *find_last(struct co_view text, char byte)
{
	return text.len ? memrchr(text.ptr, byte, text.len) : NULL;
}

static struct co_view before(struct co_view text, const char *at)
{
	return co_view_make(text.ptr, (size_t)(at - text.ptr));
}

static struct co_view after(struct co_view text, const char *at)
{
	return co_view_make(at + 1, (size_t)(text.ptr + text.len - at - 1));
}

/* host, host:port, [address] or [address]:port. `port` keeps its value when there is none. NULL, or what is wrong. */
static const char *read_host(struct co_view text, char host[256], uint16_t *port, bool port_needed)
{
	struct co_view name = text, number = {NULL, 0};
	bool bracketed = text.len && text.ptr[0] == '[';
	const char *end = bracketed ? find(text, ']') : find_last(text, ':');

	if (bracketed) {
		if (!end)
			return "has an address whose bracket does not close";
		name = co_view_make(text.ptr + 1, (size_t)(end - text.ptr - 1));
		number = after(text, end);
		if (number.len && number.ptr[0] != ':')
			return "has more behind the address's bracket than a port";
		number = number.len ? co_view_make(number.ptr + 1, number.len - 1) : (struct co_view){NULL, 0};
	} else if (end) {
		name = before(text, end);
		number = after(text, end);
	}
	if (name.len == 0)
		return "has no host";
	if (name.len > 255)
		return "has a host of more than 255 characters";
	for (size_t i = 0; i < name.len; i++)
		if (!is_host_byte(name.ptr[i]) && !(bracketed && name.ptr[i] == ':'))
			return "has a host with a character that is not allowed";
	if (!number.ptr && port_needed)
		return "has no port";
	if (number.ptr && !read_number(number, 65535, port))
		return "has a port that is no number from 0 to 65535";
	memcpy(host, name.ptr, name.len);
	host[name.len] = '\0';
	return NULL;
}

static int hex(char byte)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *found = byte ? strchr(digits, byte) : NULL;

	return found ? (int)(found - digits) % 16 : -1;
}

/* Percent escapes undone; false when one is broken or stands for NUL, or there is no room. */
static bool read_escaped(struct co_view text, char *out, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < text.len; i++) {
		char byte = text.ptr[i];
		if (byte == '%') {
			int high = i + 2 < text.len ? hex(text.ptr[i + 1]) : -1;
			int low = i + 2 < text.len ? hex(text.ptr[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return false;
			byte = (char)(high * 16 + low);
			i += 2;
		}
		if (used + 1 >= size)
			return false;
		out[used++] = byte;
	}
	out[used] = '\0';
	return true;
}

static const char *read_user(struct co_view text, struct co_redis_url *out)
{
	const char *colon = find(text, ':');

	if (!colon)
		return "has a user without a password: write user:password@, or :password@ for the default user";
	if (!read_escaped(before(text, colon), out->user, sizeof out->user))
		return "has a user that is too long or has a broken percent escape";
	if (!read_escaped(after(text, colon), out->password, sizeof out->password))
		return "has a password that is too long or has a broken percent escape";
	return out->password[0] ? NULL : "has a user with an empty password";
}

static const char *read_tcp(struct co_view text, struct co_redis_url *out)
{
	const char *slash = find(text, '/');
	struct co_view authority = slash ? before(text, slash) : text;
	const char *at = find_last(authority, '@');
	const char *wrong;

	out->port = 6379;
	if (slash && after(text, slash).len && !read_number(after(text, slash), 65535, &out->database))
		return "has a database that is no number from 0 to 65535";
	if (at && (wrong = read_user(before(authority, at), out)) != NULL)
		return wrong;
	wrong = read_host(at ? after(authority, at) : authority, out->host, &out->port, false);
	if (wrong)
		return wrong;
	return out->port ? NULL : "has port 0";
}

static const char *read_unix(struct co_view path, struct co_redis_url *out)
{
	if (path.len == 0 || path.ptr[0] != '/')
		return "has no absolute path: write unix:///path";
	if (path.len >= sizeof out->path)
		return "has a path of more than 107 bytes, which no socket can have";
	if (find(path, '?') || find(path, '#'))
		return "has more than a path";
	memcpy(out->path, path.ptr, path.len);
	out->path[path.len] = '\0';
	return NULL;
}

static struct co_view rest_of(struct co_view text, struct co_view scheme)
{
	return co_view_make(text.ptr + scheme.len, text.len - scheme.len);
}

static const char *read_url(const char *url, struct co_redis_url *out)
{
	const struct co_view redis = CO_VIEW("redis://"), local = CO_VIEW("unix://"), tls = CO_VIEW("rediss://");
	struct co_view text = co_view_cstr(url);

	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7F)
			return "has a blank or a control character";
	if (co_view_starts(text, tls))
		return "asks for TLS, which this build's Redis client does not have: use a local TLS proxy, or redis:// within "
			   "a "
			   "trusted network";
	if (co_view_starts(text, redis))
		return read_tcp(rest_of(text, redis), out);
	if (co_view_starts(text, local))
		return read_unix(rest_of(text, local), out);
	return "begins with neither redis:// nor unix:///";
}

enum co_status co_redis_url_parse(const char *url, struct co_redis_url *out, struct co_error *error)
{
	const char *wrong;

	*out = (struct co_redis_url){.path = ""};
	wrong = read_url(url, out);
	if (!wrong)
		return CO_OK;
	explicit_bzero(out, sizeof *out);
	co_error_set(error, "redis.url", "%s", wrong);
	return CO_CONFIG;
}

enum co_status co_listen_parse(const char *listen, struct co_listen *out, struct co_error *error)
{
	const char *wrong;

	*out = (struct co_listen){.host = ""};
	wrong = read_host(co_view_cstr(listen), out->host, &out->port, true);
	if (!wrong)
		return CO_OK;
	*out = (struct co_listen){.host = ""};
	co_error_set(error, "admin.listen", "%s", wrong);
	return CO_CONFIG;
}
