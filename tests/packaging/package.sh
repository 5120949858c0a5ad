#!/usr/bin/env bash
# package.sh SOURCE BUILD: what `cmake --install` leaves where. BUILD is a build of SOURCE; the programs are those of it.
set -euo pipefail
source=$1
build=$2
stage=$(mktemp -d "${TMPDIR:-/tmp}/checkout-stage.XXXXXX")
trap 'rm -rf "$stage"' EXIT
status=0

fail() {
	echo "package: $*" >&2
	status=1
}

cmake --install "$build" --prefix "$stage/usr" >"$stage/log" 2>&1 || { cat "$stage/log"; exit 1; }

files=(sbin/session-worker bin/checkoutctl etc/checkout-session/session-worker.conf lib/systemd/system/session-worker.service
	share/man/man8/session-worker.8 share/man/man5/session-worker.conf.5 share/man/man1/checkoutctl.1
	share/doc/checkout-session/examples/session-worker.example.conf
	share/doc/checkout-session/README.md share/doc/checkout-session/docs/runbooks.md
	share/doc/checkout-session/examples/merchants.example.json share/doc/checkout-session/copyright)
for file in "${files[@]}"; do
	[[ -s $stage/usr/$file ]] || fail "$file is not installed"
done

# What is installed works: the configuration is accepted, the pages tell every setting and verb.
"$stage/usr/sbin/session-worker" --config "$stage/usr/etc/checkout-session/session-worker.conf" --check-config ||
	fail "the packaged configuration is refused"
for word in 'bootstrap.servers' 'expiry.poll.ms' 'merchants.file' 'log'; do
	grep -q "$word" "$stage/usr/share/man/man5/session-worker.conf.5" || fail "session-worker.conf(5) knows no $word"
done
"$stage/usr/bin/checkoutctl" --help | sed -n 's/^ \{1,4\}\([a-z]\{1,\}\)  .*/\1/p' >"$stage/verbs"
[[ $(wc -l <"$stage/verbs") -ge 5 ]] || fail "checkoutctl --help names no verbs"
while read -r verb; do
	grep -qx ".SS ${verb^^}" "$stage/usr/share/man/man1/checkoutctl.1" || fail "checkoutctl(1) knows no $verb"
done <"$stage/verbs"
"$stage/usr/sbin/session-worker" --help | grep -o -- '--[a-z-]*' | sort -u | while read -r option; do
	grep -qF -- "${option//-/\\-}" "$stage/usr/share/man/man8/session-worker.8" || echo "$option"
done >"$stage/missing"
[[ ! -s $stage/missing ]] || fail "session-worker(8) knows no $(tr '\n' ' ' <"$stage/missing")"

# Every conffile is installed, and nothing else lands in /etc.
while read -r conffile; do
	[[ -e $stage/usr$conffile ]] || fail "the conffile $conffile is not installed"
done <"$source/config/packaging/debian/conffiles"
installed=$(find "$stage/usr/etc" -type f | wc -l)
[[ $installed == "$(wc -l <"$source/config/packaging/debian/conffiles")" ]] || fail "$installed files in /etc, others are conffiles"
for script in postinst prerm postrm; do
	sh -n "$source/config/packaging/debian/$script" || fail "$script does not parse"
done

# The unit starts what is installed, with the configuration that is installed, whatever the prefix.
start="ExecStart=$stage/usr/sbin/session-worker --config $stage/usr/etc/checkout-session/session-worker.conf"
grep -qxF "$start" "$stage/usr/lib/systemd/system/session-worker.service" || fail "the unit has no line $start"
! grep -n '@[a-zA-Z_]*@' "$stage/usr/lib/systemd/system/session-worker.service" || fail "the unit has names that nothing replaced"

# Below /usr it is /etc, wherever DESTDIR puts that; and what an operator changed stays.
mkdir -p "$stage/dest/etc/checkout-session"
echo "# changed" >"$stage/dest/etc/checkout-session/session-worker.conf"
DESTDIR=$stage/dest cmake --install "$build" --prefix /usr >"$stage/log" 2>&1 || { cat "$stage/log"; exit 1; }
start="ExecStart=/usr/sbin/session-worker --config /etc/checkout-session/session-worker.conf"
grep -qxF "$start" "$stage/dest/usr/lib/systemd/system/session-worker.service" || fail "the unit of /usr has no line $start"
[[ $(<"$stage/dest/etc/checkout-session/session-worker.conf") == "# changed" ]] || fail "an operator's configuration is gone"
rm "$stage/dest/etc/checkout-session/session-worker.conf"
DESTDIR=$stage/dest cmake --install "$build" --prefix /usr >"$stage/log" 2>&1 || { cat "$stage/log"; exit 1; }
cmp "$source/config/packaging/session-worker.conf" "$stage/dest/etc/checkout-session/session-worker.conf" ||
	fail "no configuration in /etc"

# How exposed the service is, where systemd is there to say: 1.1 when this was written.
if command -v systemd-analyze >/dev/null; then
	unit=$stage/usr/lib/systemd/system/session-worker.service
	exposure=$(systemd-analyze security --offline=true "$unit" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
	awk "BEGIN { exit !(${exposure:-9} <= 1.5) }" || fail "systemd-analyze security: ${exposure:-no figure}"
	sed 's/^NoNewPrivileges=.*//; s/^ProtectSystem=.*//; s/^SystemCallFilter=.*//; s/^CapabilityBoundingSet=.*//' "$unit" >"$stage/canary.service"
	canary=$(systemd-analyze security --offline=true "$stage/canary.service" 2>/dev/null | sed -n 's/.*exposure level for .*: \([0-9.]*\) .*/\1/p')
	awk "BEGIN { exit !(${canary:-0} > 1.5) }" || fail "the canary unit is not caught: ${canary:-no figure}"
fi
echo "package: ${#files[@]} files, exposure ${exposure:-not judged}, canary ${canary:-not judged}"
exit "$status"
