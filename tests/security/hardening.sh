#!/usr/bin/env bash
# hardening.sh SOURCE BUILD: the release binaries have what hardens them, and give no core dump away. Builds them from
# SOURCE into BUILD (incrementally), since flags are what is tested. The canary is a program built without all of it: a
# check that does not catch it says nothing.
set -euo pipefail
source=$1
build=$2

# Prints the names of what is missing in a binary, one a line.
missing() {
	local header dynamic segments symbols
	header=$(readelf -hW "$1")
	dynamic=$(readelf -dW "$1")
	segments=$(readelf -lW "$1")
	symbols=$(readelf --dyn-syms -W "$1")
	grep -q 'Type: *DYN' <<<"$header" && grep -q 'FLAGS_1.*PIE' <<<"$dynamic" || echo pie
	grep -q GNU_RELRO <<<"$segments" || echo relro
	grep -Eq 'BIND_NOW|FLAGS_1.*NOW' <<<"$dynamic" || echo bind_now
	grep -Eq 'GNU_STACK.* RW ' <<<"$segments" || echo no_exec_stack
	grep -q ' __stack_chk_fail' <<<"$symbols" || echo stack_protector
	grep -Eq ' __(mem|str|sn?printf|v?f?printf|vsn?printf)[a-z_]*_chk' <<<"$symbols" || echo fortify
	! grep -Eq 'R(UN)?PATH' <<<"$dynamic" || echo no_rpath
}

canary() {
	cat >"$build/canary.c" <<-'SOURCE'
		#include <stdio.h>
		#include <string.h>
		int main(int argc, char **argv)
		{
			char copy[64];
			strcpy(copy, argv[argc - 1]);
			return puts(copy) < 0;
		}
	SOURCE
	cc -w -O2 -U_FORTIFY_SOURCE -fno-stack-protector -fno-pie -no-pie -Wl,-z,norelro,-z,lazy,-z,execstack,-rpath,/nowhere \
		"$build/canary.c" -o "$build/canary"
	missing "$build/canary"
}

# Nobody but root may look into the process: the kernel gives the files of its /proc folder to root when it is not
# dumpable. Run as another user when this is root.
not_dumpable() {
	local pid user as=() owner limit
	user=$(id -u)
	if ((user == 0)); then
		user=65534
		as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	fi
	cp "$1" "$build/probe"
	chmod 755 "$build/probe"
	# By its descriptor: that user may have no way through the folders above.
	exec 9<"$build/probe"
	# Nothing listens there: it waits.
	env CHECKOUT_KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1 CHECKOUT_REDIS_URL=redis://127.0.0.1:1/0 CHECKOUT_ADMIN_LISTEN= \
		"${as[@]}" /proc/self/fd/9 2>"$build/probe.log" &
	pid=$!
	# It shuts itself off first of all, but first it has to be started.
	owner=gone limit=
	for _ in $(seq 600); do
		kill -0 "$pid" 2>/dev/null || break
		# until then it is a shell, or `as`
		if [[ $(cat "/proc/$pid/comm" 2>/dev/null) != 9 ]]; then
			owner=unstarted limit=
			sleep 0.1
			continue
		fi
		owner=$(stat -c %u "/proc/$pid/environ" 2>/dev/null) || owner=gone
		limit=$(awk '/^Max core file size/ { print $5 "/" $6 }' "/proc/$pid/limits" 2>/dev/null) || limit=gone
		[[ $owner/$limit != 0/0/0 && $owner != gone ]] || break
		sleep 0.1
	done
	kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	if [[ $owner != 0 || $limit != 0/0 ]]; then
		echo "session-worker run by $user: /proc/PID belongs to $owner, core limit $limit" >&2
		cat "$build/probe.log" >&2
		return 1
	fi
}

mkdir -p "$build"
cmake -S "$source" -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF -DCO_SANITIZE= -DCO_CRASH_POINTS=OFF \
	>"$build/configure.log" 2>&1 || { cat "$build/configure.log"; exit 1; }
cmake --build "$build" --target session-worker checkoutctl >"$build/build.log" 2>&1 || { cat "$build/build.log"; exit 1; }

status=0
for program in session-worker checkoutctl; do
	found=$(missing "$build/bin/$program" | tr '\n' ' ')
	if [[ -n $found ]]; then
		echo "$program misses: $found" >&2
		status=1
	fi
done
caught=$(canary | wc -l)
if ((caught != 7)); then
	echo "of what the canary misses, $caught of 7 were caught" >&2
	status=1
fi
not_dumpable "$build/bin/session-worker" || status=1
echo "hardening: 2 programs, 7 properties each, no core dump; canary caught ($caught of 7)"
exit "$status"
