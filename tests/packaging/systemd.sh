#!/usr/bin/env bash
# systemd.sh DEB: a package's life in a fresh Debian under a real systemd: installed, started, killed, upgraded,
# stopped, removed, installed again, refused, purged. For people, not part of `./run test`: wants root, debootstrap,
# systemd-nspawn (Debian: systemd-container), some minutes, and a network for Debian's packages. Kafka and Redis are its
# own.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
deb=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/checkout-systemd.XXXXXX")
system=$work/debian
redis=

leave() {
	"$root/run" kafka stop "$work/kafka" >/dev/null 2>&1 || true
	[[ -z $redis ]] || kill "$redis" 2>/dev/null || true
	rm -rf --one-file-system "$work"
}
trap leave EXIT

say() {
	printf 'systemd: %s\n' "$*"
}

say "a fresh Debian"
debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$system" >"$work/debootstrap.log"
cp "$deb" "$system/root/first.deb"
# The same again as a later version: something to upgrade to.
dpkg-deb -R "$deb" "$work/tree"
sed -i 's/^Version: .*/&+later/' "$work/tree/DEBIAN/control"
dpkg-deb --root-owner-group -b "$work/tree" "$system/root/later.deb" >/dev/null
echo '127.0.0.1 localhost' >"$system/etc/hosts"

say "Kafka and Redis"
kafka=$("$root/run" kafka start "$work/kafka" 0)
redis_port=$((20000 + RANDOM % 12000)) admin_port=$((20000 + RANDOM % 12000))
redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work" --save '' >"$work/redis.log" &
redis=$!

cat >"$system/root/life" <<SCRIPT
kafka=$kafka redis=redis://127.0.0.1:$redis_port/0 admin=127.0.0.1:$admin_port
SCRIPT
cat >>"$system/root/life" <<'SCRIPT'
exec 3>/root/seen >/root/log 2>&1
set -x
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
unit=session-worker
apt() { apt-get -q -y -o Dpkg::Use-Pty=0 "$@"; }
property() { systemctl show "$unit" -P "$1"; }
tell() {
	echo "$1: $(systemctl is-enabled "$unit") $(systemctl is-active "$unit") ${*:2}" >&3
}
ready() {
	for _ in $(seq 120); do [ "$(property StatusText)" != ready ] || break; sleep 0.5; done
	property StatusText
}
send() { checkoutctl send create --bootstrap "$kafka" --reference "$1" --amount 2500 | head -n 1 | cut -d' ' -f1-2; }

apt install --no-install-recommends /root/first.deb
tell installed "$(stat -c '%U:%G %a' /etc/checkout-session)"
sed -i "s|^bootstrap.servers.*|bootstrap.servers = $kafka|; s|^url.*|url = $redis|" /etc/checkout-session/session-worker.conf
echo "CHECKOUT_ADMIN_LISTEN=$admin" >/etc/default/session-worker
checkoutctl topics --create --bootstrap "$kafka"
systemctl enable --now "$unit"
tell started "$(ready)" "$(send order-1)"
pid=$(property MainPID)
tell confined "$(stat -c %U "/proc/$pid")" \
	"$(awk '/^Cap(Eff|Bnd)|^NoNewPrivs|^Seccomp:/ { printf "%s%s ", $1, $2 }' "/proc/$pid/status")"
systemctl reload "$unit"
tell reloaded "$?" "$(journalctl -u "$unit" -o cat | grep -c log.reloaded)"
kill -KILL "$pid"
sleep 2
tell killed "$(ready)" "$(property NRestarts)"
pid=$(property MainPID)
apt install --no-install-recommends /root/later.deb
tell upgraded "$(ready)" "$([ "$(property MainPID)" = "$pid" ] || echo restarted)" \
	"$(grep -c "$kafka" /etc/checkout-session/session-worker.conf)" "$(send order-2)"
# A secret as a credential of systemd's: in no environment, in no file that the service could read otherwise.
sed -i '/^url/d' /etc/checkout-session/session-worker.conf
(umask 077 && echo "$redis" >/root/redis-url)
mkdir -p "/etc/systemd/system/$unit.service.d"
printf '[Service]\nLoadCredential=redis-url:/root/redis-url\nEnvironment=CHECKOUT_REDIS_URL_FILE=%%d/redis-url\n' \
	>"/etc/systemd/system/$unit.service.d/override.conf"
systemctl daemon-reload
systemctl restart "$unit"
tell credential "$(ready)" "$(send order-3)"
systemctl stop "$unit"
tell stopped "$(property Result)" "$(property ExecMainStatus)"
apt remove checkout-session
tell removed "$(ls /etc/checkout-session)"
apt install --no-install-recommends /root/first.deb
tell "installed again" "$(grep -c "$kafka" /etc/checkout-session/session-worker.conf)"
echo 'lanez = 2' >>/etc/checkout-session/session-worker.conf
systemctl start "$unit"
sleep 3
tell refused "$(property Result)" "$(property ExecMainStatus)" "$(property NRestarts)"
touch /etc/checkout-session/key.pem
apt purge checkout-session
echo "purged: [$(find / -xdev \( -path /proc -o -path /sys -o -path /root -o -path /var/log -o -path /var/cache \) \
	-prune -o \( -name '*session-worker*' -o -name '*checkout*' \) -print)$(getent passwd checkout-session)$(getent group checkout-session)]" >&3
SCRIPT
cat >"$system/etc/systemd/system/life.service" <<'UNIT'
[Unit]
After=network.target dbus.service
[Service]
Type=oneshot
ExecStart=/bin/bash /root/life
ExecStopPost=/bin/systemctl poweroff --no-block
UNIT
mkdir -p "$system/etc/systemd/system/multi-user.target.wants"
ln -s ../life.service "$system/etc/systemd/system/multi-user.target.wants/life.service"

say "the package's life"
timeout 600 systemd-nspawn -q -D "$system" -b --register=no --keep-unit --console=read-only \
	</dev/null >"$work/console" 2>&1 || true
touch "$system/root/seen"
if ! diff -u --label expected --label seen - "$system/root/seen" <<'EXPECTED'; then
installed: disabled inactive root:checkout-session 750
started: enabled active ready 201 accepted
confined: enabled active checkout-session CapEff:0000000000000000 CapBnd:0000000000000000 NoNewPrivs:1 Seccomp:2 
reloaded: enabled active 0 1
killed: enabled active ready 1
upgraded: enabled active ready restarted 1 201 accepted
credential: enabled active ready 201 accepted
stopped: enabled inactive success 0
removed: masked inactive session-worker.conf
installed again: enabled inactive 1
refused: enabled failed exit-code 2 0
purged: []
EXPECTED
	tail -n 40 "$system/root/log" "$work/console" >&2 2>/dev/null || true
	exit 1
fi
say "as expected"
