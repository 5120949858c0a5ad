#!/usr/bin/env bash
# debian.sh SOURCE [twice]: makes the Debian package and looks at it. Packed again later it has the same bytes; with
# `twice` it is also built again, from a copy of the sources in another folder (some minutes of one processor).
# lintian (48 MB of packages) is no need of the tests: it judges where it is there.
set -euo pipefail
source=$1
work=$(mktemp -d "${TMPDIR:-/tmp}/checkout-debian.XXXXXX")
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600 LC_ALL=C TZ=UTC # 2026-01-01T00:00:00Z
status=0 checks=0

fail() {
	echo "debian: $*" >&2
	status=1
}

# same <what> <expected> <actual>
same() {
	checks=$((checks + 1))
	[[ $2 == "$3" ]] || fail "$1: expected [$2], have [$3]"
}

quietly() {
	"$@" >"$work/log" 2>&1 || { cat "$work/log" >&2; exit 1; }
}

# Others run at the same time, and some of them look at the clock.
build() {
	quietly nice -n 10 cmake -S "$1" -B "$2" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DBUILD_TESTING=OFF \
		-DCMAKE_INSTALL_PREFIX=/usr
	quietly nice -n 10 cmake --build "$2"
}

# pack <build> <to>: prints the package's path.
pack() {
	quietly cpack --config "$1/CPackConfig.cmake" -B "$2"
	local made=("$2"/*.deb)
	printf '%s\n' "${made[0]}"
}

build "$source" "$work/build"
deb=$(pack "$work/build" "$work/first")
dpkg-deb -R "$deb" "$work/tree"
tree=$work/tree
doc=$tree/usr/share/doc/checkout-session

# ---- what is in it --------------------------------------------------------------------------------------------------

version=$("$tree/usr/sbin/session-worker" --version | cut -d' ' -f2)-1
same "the file's name" "checkout-session_${version}_$(dpkg --print-architecture).deb" "$(basename "$deb")"
same "version" "$version" "$(dpkg-deb -f "$deb" Version)"
zcat "$doc/changelog.Debian.gz" >"$work/changelog"
same "version of the changelog" "$version" "$(dpkg-parsechangelog -l "$work/changelog" -S Version)"
same "date of the changelog" "$SOURCE_DATE_EPOCH" "$(dpkg-parsechangelog -l "$work/changelog" -S Timestamp)"
same "maintainer of the changelog" "$(dpkg-deb -f "$deb" Maintainer)" \
	"$(dpkg-parsechangelog -l "$work/changelog" -S Maintainer)"
same "the project's changelog" "$(<"$source/CHANGELOG.md")" "$(zcat "$doc/changelog.gz")"
same "conffiles" "$(cd "$tree" && find etc -type f -printf '/%p\n' | sort)" "$(sort "$tree/DEBIAN/conffiles")"
for script in postinst prerm postrm; do
	same "mode of $script" 755 "$(stat -c %a "$tree/DEBIAN/$script")"
done
for page in man1/checkoutctl.1 man5/session-worker.conf.5 man8/session-worker.8; do
	same "gzip's name and time in $page.gz" 1f8b080000000000 \
		"$(head -c 8 "$tree/usr/share/man/$page.gz" | od -An -v -tx1 | tr -d ' \n')"
done
same "ExecStart" "ExecStart=/usr/sbin/session-worker --config /etc/checkout-session/session-worker.conf" \
	"$(grep ^ExecStart= "$tree/usr/lib/systemd/system/session-worker.service")"
same "times other than SOURCE_DATE_EPOCH" "" "$(dpkg-deb -c "$deb" | grep -v ' 2026-01-01 00:00 ' || true)"
same "owners other than root" "" "$(dpkg-deb -c "$deb" | grep -v ' root/root ' || true)"
same "modes" "-rw-r--r-- -rwxr-xr-x drwxr-xr-x" "$(dpkg-deb -c "$deb" | cut -c1-10 | sort -u | paste -sd ' ')"
for program in usr/sbin/session-worker usr/bin/checkoutctl; do
	same "symbols in $program" "" "$(nm "$tree/$program" 2>/dev/null || true)"
done

# ---- the same bytes -------------------------------------------------------------------------------------------------

# With other times.
find "$work/build/bin" "$work/build/man" -type f -exec touch -d '2031-05-05' {} +
same "packed again" "$(sha256sum <"$deb")" "$(sha256sum <"$(pack "$work/build" "$work/second")")"
# Under another umask the files are the same; the archive's own headers have the umask in them.
same "packed under another umask" "$(dpkg-deb -c "$deb")" \
	"$(dpkg-deb -c "$(umask 077 && pack "$work/build" "$work/masked")")"
SOURCE_DATE_EPOCH=1767225601 quietly cmake -S "$source" -B "$work/build"
[[ $(sha256sum <"$deb") != "$(sha256sum <"$(pack "$work/build" "$work/canary")")" ]] ||
	fail "another time gives the same bytes"
# The build id is a digest of the debugging information too: a path in it would give other bytes in another folder.
for program in session-worker checkoutctl; do
	for path in "$source" "$work"; do
		same "$path in $program" "" "$(grep -c -aF "$path/" "$work/build/bin/$program" | grep -v '^0$' || true)"
	done
done
if [[ ${2:-} == twice ]]; then
	mkdir -p "$work/elsewhere/sources"
	(cd "$source" && cp -R CMakeLists.txt cmake common config docs include services ./*.md "$work/elsewhere/sources")
	build "$work/elsewhere/sources" "$work/elsewhere/build"
	same "built elsewhere" "$(sha256sum <"$deb")" "$(sha256sum <"$(pack "$work/elsewhere/build" "$work/third")")"
fi

# ---- lintian --------------------------------------------------------------------------------------------------------

judge() {
	lintian --profile debian --allow-root --display-info --pedantic --fail-on error,warning,info,pedantic "$1"
}

said="not there"
if command -v lintian >/dev/null; then
	said="clean, canary caught"
	judge "$deb" || fail "lintian found something"
	gunzip "$tree/usr/share/man/man8/session-worker.8.gz"
	quietly dpkg-deb --root-owner-group -b "$tree" "$work/canary.deb"
	! judge "$work/canary.deb" >"$work/canary.log" 2>&1 || fail "lintian takes the canary"
	grep -q uncompressed-manual-page "$work/canary.log" || fail "lintian does not see the canary"
fi
echo "debian: $checks checks, lintian: $said"
exit "$status"
