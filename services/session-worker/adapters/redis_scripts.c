#include "redis_scripts.h"

#include "checkout/mutant.h"

#include <stdio.h>

/* ARGV: seq, key stem, due until ("-" none), due max, ids… → {1, due count, (id, score, blob)…, blob…} or {0, seq}; 2
 * in place of 1: somebody took a session's key, and its deadline is still there, or made it something else than a
 * string. Reads only. */
static const char load[] =
	"local m=redis.call('HMGET',KEYS[1],'seq','gen')\n"
	"if (m[1] or '0')~=ARGV[1] then return {0,m[1] or '0'} end\n"
	"local stem=ARGV[2]..(m[2] or '0')\n"
	"local out={1,0}\n"
	"local function get(id)\n"
	" local blob=redis.pcall('GET',stem..':s:'..id)\n"
	" if type(blob)=='table' then out[1]=2 return false end\n"
	" return blob\n"
	"end\n"
	"if ARGV[3]~='-' then\n"
	" local due=redis.call('ZRANGEBYSCORE',stem..':due','-inf',ARGV[3],'WITHSCORES','LIMIT',0,ARGV[4])\n"
	" out[2]=#due/2\n"
	" for i=1,#due,2 do out[#out+1]=due[i] out[#out+1]=due[i+1] out[#out+1]=get(due[i]) end\n"
	"end\n"
	"for i=5,#ARGV do\n"
	" local id=ARGV[i]\n"
	" local blob=get(id)\n"
	" if not blob and (redis.call('ZSCORE',stem..':due',id) or redis.call('ZSCORE',stem..':held',id)) then\n"
	"  out[1]=2\n"
	" end\n"
	" out[#out+1]=blob\n"
	"end\n"
	"return out";

/* The first byte of a session, which says whether it lives ('L') or has ended ('E'); none of a key that somebody made
 * something else than a string: it is damage that load finds, no reason to fail. */
#define FIRST_BYTE                                 \
	"local function byte(key)\n"                   \
	" local got=redis.pcall('GETRANGE',key,0,0)\n" \
	" return type(got)=='string' and got or ''\n"  \
	"end\n"

/* Writes (id, blob, due, held)… from ARGV[first] on under `stem`; returns how many more sessions live than before. */
#define PUT_ENTRIES                                                                                               \
	"local function put(stem,first)\n"                                                                            \
	" local live=0\n"                                                                                             \
	" for i=first,#ARGV,4 do\n"                                                                                   \
	"  local id,blob,due,held=ARGV[i],ARGV[i+1],ARGV[i+2],ARGV[i+3]\n"                                            \
	"  local key=stem..':s:'..id\n"                                                                               \
	"  if byte(key)=='L' then live=live-1 end\n"                                                                  \
	"  if blob=='' then redis.call('DEL',key)\n"                                                                  \
	"  else redis.call('SET',key,blob) if string.byte(blob)==76 then live=live+1 end end\n"                       \
	"  if due=='-' then redis.call('ZREM',stem..':due',id) else redis.call('ZADD',stem..':due',due,id) end\n"     \
	"  if held=='-' then redis.call('ZREM',stem..':held',id) else redis.call('ZADD',stem..':held',held,id) end\n" \
	" end\n"                                                                                                      \
	" return live\n"                                                                                              \
	"end\n"

/* ARGV: from, to, clog, key stem, partitions, then entries → {1, to}; {0, seq} and no effect when the marker is
 * elsewhere. */
static const char apply[] = FIRST_BYTE PUT_ENTRIES
	"local m=redis.call('HMGET',KEYS[1],'seq','gen','live')\n"
	"if (m[1] or '0')~=ARGV[1] then return {0,m[1] or '0'} end\n"
	"local gen=m[2] or '0'\n"
	"local live=tonumber(m[3] or '0')+put(ARGV[4]..gen,6)\n"
	"redis.call('HSET',KEYS[1],'seq',ARGV[2],'clog',ARGV[3],'gen',gen,'live',string.format('%d',live),"
	"'fmt','1','partitions',ARGV[5])\n"
	"return {1,ARGV[2]}";

/* ARGV: key stem with the new generation, how many puts there were, then entries. What begin() makes beside the
 * sessions, <stem>:live, counts the live ones and the puts: it says that the generation is whole. A flush takes it away
 * and a failover to an older replica shows fewer puts than were made; then nothing is put or published. */
static const char put[] = FIRST_BYTE PUT_ENTRIES "local at=ARGV[1]..':live'\n"
												 "if redis.call('HGET',at,'puts')~=ARGV[2] then return {0,'0'} end\n"
												 "redis.call('HINCRBY',at,'live',put(ARGV[1],3))\n"
												 "redis.call('HINCRBY',at,'puts',1)\n"
												 "return {1,'0'}";

/* ARGV: seq and gen as they were at the begin ("" absent), new gen, new seq, clog, key stem, partitions, puts made. */
static const char publish[] = "local m=redis.call('HMGET',KEYS[1],'seq','gen')\n"
							  "if (m[1] or '')~=ARGV[1] or (m[2] or '')~=ARGV[2] then return {0,m[1] or '0'} end\n"
							  "local at=ARGV[6]..ARGV[3]..':live'\n"
							  "local live=redis.call('HMGET',at,'live','puts')\n"
							  "if live[2]~=ARGV[8] then return {0,'0'} end\n"
							  "redis.call('HSET',KEYS[1],'seq',ARGV[4],'clog',ARGV[5],'gen',ARGV[3],'live',live[1],'"
							  "fmt','1','partitions',ARGV[7])"
							  "\n"
							  "redis.call('DEL',at)\n"
							  "return {1,ARGV[4]}";

/* ARGV: gen to keep, key stem, keys of other generations. No effect when another generation is in use by now. One that
 * somebody fills at this moment loses its count first: it is not published with holes. */
static const char sweep[] = "if redis.call('HGET',KEYS[1],'gen')~=ARGV[1] then return {0,'0'} end\n"
							"for i=3,#ARGV do\n"
							" local gen=string.match(string.sub(ARGV[i],#ARGV[2]+1),'^[^:]*')\n"
							" redis.call('DEL',ARGV[2]..gen..':live')\n"
							" redis.call('UNLINK',ARGV[i])\n"
							"end\n"
							"return {1,ARGV[1]}";

/* ARGV: key stem, clock → {live, overdue, next due or '', next due of a live session or ''}. */
static const char census[] = FIRST_BYTE "local m=redis.call('HMGET',KEYS[1],'gen','live')\n"
										"local stem=ARGV[1]..(m[1] or '0')\n"
										"local overdue=redis.call('ZCOUNT',stem..':held','-inf',ARGV[2])\n"
										"local due=redis.call('ZRANGE',stem..':due',0,99,'WITHSCORES')\n"
										"local expiry=''\n"
										"for i=1,#due,2 do\n"
										" if byte(stem..':s:'..due[i])~='E' then expiry=due[i+1] break end\n"
										"end\n"
										"return {m[2] or '0',tostring(overdue),due[2] or '',expiry}";

/* Set without compare: whatever sequence the view shows counts as the one expected. */
static inline const char *mutant_text(const char *text)
{
	static _Thread_local char room[4096];
	(void)snprintf(room, sizeof(room), "ARGV[1]=redis.call('HGET',KEYS[1],'seq') or '0'\n%s", text);
	return room;
}

const char *co_redis_script_text(enum co_redis_script script)
{
	static const char *const texts[CO_SCRIPT_COUNT] = {load, apply, put, publish, census, sweep};
	if (CO_MUTANT(NO_CAS) && (script == CO_SCRIPT_LOAD || script == CO_SCRIPT_APPLY))
		return mutant_text(texts[script]);
	return texts[script];
}
