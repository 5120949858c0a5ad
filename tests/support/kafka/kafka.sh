#!/usr/bin/env bash
# A real Apache Kafka for tests and local runs: KRaft, one node or three, loopback only, its data in a folder of the
# caller's. Called by `./run kafka`; nothing of it is meant for production.
#
#   kafka.sh fetch            the jars of pom.xml into CO_KAFKA_HOME (default build/kafka/libs), once, and a class
#                             archive
#   kafka.sh start DIR PORT   starts a broker for clients on 127.0.0.1:PORT (0: any free one), returns when it answers,
#                             prints "127.0.0.1:PORT"; a DIR that was used before goes on with its data
#   kafka.sh start DIR PORT PORT PORT
#                             the same with three brokers that replicate (factor 3, in sync 2), in DIR/1 to DIR/3;
#                             prints all addresses. `start DIR/2 PORT` brings one of them back
#   kafka.sh stop DIR         TERM, after 10 s KILL
#   kafka.sh java             prints the Java that would be used
#
# DIR/pid is the broker's process, DIR/log its log, DIR/server.properties its configuration, DIR/data its data,
# DIR/cluster the cluster's id. DIR/member, of one of several: its number, the cluster's id and all ports.
# KAFKA_EXTRA: more properties, one a line; they win over those below. Clients speak to the listener CLIENT, so SASL is
# listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT and the rest of it.
# KAFKA_HEAP (256m), KAFKA_LOG_LEVEL (WARN), KAFKA_START_TIMEOUT (60, seconds).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
libs=${CO_KAFKA_HOME:-$root/build/kafka/libs}
start_timeout=${KAFKA_START_TIMEOUT:-60}

die() {
	printf 'kafka: %s\n' "$*" >&2
	exit 1
}

usage() {
	sed -n '5,12s/^# *//p' "${BASH_SOURCE[0]}" >&2
	exit 2
}

# The major version of the java program $1, or nothing. The release file beside it saves starting a JVM.
java_major() {
	local home version
	home=$(dirname "$(dirname "$(realpath "$1")")")
	version=$(sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$home/release" 2>/dev/null || true)
	[[ -n $version ]] || version=$("$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
	printf '%s' "$version"
}

# Prints a java program of version 17 or later, which Kafka 4 needs.
find_java() {
	local candidate
	for candidate in "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
		if [[ -x $candidate && $(java_major "$candidate") -ge 17 ]]; then
			printf '%s' "$candidate"
			return
		fi
	done
	die "no Java 17 or later found; ./run install test brings one"
}

# The class path in one fixed order: the class archive is valid for exactly the class path that it was made with.
class_path() {
	local jars=("$libs"/*.jar)
	[[ -e ${jars[0]} ]] || die "no jars in $libs; run ./run kafka fetch first"
	local IFS=:
	printf '%s' "${jars[*]}"
}

# One archive per Java: another one's would be ignored with a warning.
archive_file() {
	printf '%s/classes-%s.jsa' "$libs" "$(realpath "$1" | cksum | cut -d' ' -f1)"
}

# Sets `jvm`, the command that every Java program here starts with.
set_jvm() {
	local java archive
	java=$(find_java)
	archive=$(archive_file "$java")
	jvm=("$java" "-Xmx${KAFKA_HEAP:-256m}" -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData
		-Djava.awt.headless=true "-Dlog4j2.configurationFile=$here/log4j2.properties")
	if [[ -e $archive ]]; then
		jvm+=("-XX:SharedArchiveFile=$archive" -Xshare:auto -Xlog:cds=off -Xlog:cds+dynamic=off)
	fi
	jvm+=(-cp "$(class_path)")
}

# ---- fetch ----------------------------------------------------------------------------------------------------------

# Jars land in a folder beside the real one and are moved in whole, so that an interrupted fetch is done again.
fetch_jars() {
	local wanted
	wanted=$(cksum <"$here/pom.xml")
	[[ ! -e $libs/pom.cksum || $(<"$libs/pom.cksum") != "$wanted" ]] || return 0
	command -v mvn >/dev/null || die "mvn not found; ./run install test brings it"
	printf 'kafka: fetching the jars of tests/support/kafka/pom.xml\n' >&2
	rm -rf "$libs.new"
	# The plugin by its full name: by its short one, a failing network is told as an unknown plugin.
	if ! mvn --batch-mode --quiet --strict-checksums --file "$here/pom.xml" \
		org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies \
		-DincludeScope=runtime "-DoutputDirectory=$libs.new" </dev/null >"$libs.log" 2>&1; then
		cat "$libs.log" >&2
		die "the jars could not be fetched"
	fi
	printf '%s\n' "$wanted" >"$libs.new/pom.cksum"
	rm -rf "$libs"
	mv "$libs.new" "$libs"
}

# A broker that starts, answers and stops leaves the archive of its classes: later starts take 1 s less.
# Without it everything works as well, so a failure here is told and no more.
make_archive() {
	local java archive scratch
	java=$(find_java)
	archive=$(archive_file "$java")
	[[ ! -e $archive ]] || return 0
	printf 'kafka: making the class archive\n' >&2
	scratch=$(mktemp -d "${TMPDIR:-/tmp}/checkout-kafka.XXXXXX")
	if ! (KAFKA_ARCHIVE_TO=$archive.new start "$scratch" 0 && stop "$scratch" && mv "$archive.new" "$archive") >/dev/null; then
		printf 'kafka: no class archive, starts will be slower\n' >&2
	fi
	rm -rf "$scratch" "$archive.new"
}

fetch() {
	mkdir -p "$(dirname "$libs")"
	exec 8>"$libs.lock"
	flock 8
	if [[ -z ${CO_KAFKA_HOME:-} ]]; then
		fetch_jars
	fi
	make_archive
	exec 8>&-
}

# ---- start ----------------------------------------------------------------------------------------------------------

# The pid of the broker of folder $1 when it runs; a stale pid file, or a pid that somebody else has by now, is none.
running() {
	local pid
	[[ -s $1/pid ]] || return 1
	pid=$(<"$1/pid")
	tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF "$1/server.properties" || return 1
	printf '%s' "$pid"
}

accepts() {
	(exec 3<>"/dev/tcp/$1/$2") 2>/dev/null
}

# Below the range that the kernel gives to outgoing connections, so that none of them sits on it by chance.
free_port() {
	local port
	for _ in {1..100}; do
		port=$((20000 + RANDOM % 12000))
		if ! accepts 127.0.0.1 "$port"; then
			printf '%s' "$port"
			return
		fi
	done
	die "no free port found"
}

# The controller and the broker's talk with itself have a loopback address that only this PORT maps to: no search for
# further free ports, so no race between brokers that start at once, and the same address after a restart.
set_addresses() {
	local port=$1 step=1
	((port <= 65533)) || step=-1
	internal_host=127.$((port / 256)).$((port % 256)).9
	internal_port=$((port + step))
	controller_port=$((port + 2 * step))
}

# Which node the broker of folder $1 is, of which cluster: alone, unless DIR/member says else.
set_membership() {
	local dir=$1 port=$2 member=() i
	node=1 factor=1 in_sync=1 given_id=
	voters=1@$internal_host:$controller_port
	[[ -s $dir/member ]] || return 0
	read -ra member <"$dir/member"
	node=${member[0]} given_id=${member[1]} factor=3 in_sync=2 voters=
	for i in 1 2 3; do
		set_addresses "${member[i + 1]}"
		voters+=${voters:+,}$i@$internal_host:$controller_port
	done
	set_addresses "$port"
}

write_properties() {
	local dir=$1 port=$2
	cat <<-PROPERTIES
		process.roles=broker,controller
		node.id=$node
		controller.quorum.voters=$voters
		controller.listener.names=CONTROLLER
		inter.broker.listener.name=INTERNAL
		listeners=CLIENT://127.0.0.1:$port,INTERNAL://$internal_host:$internal_port,CONTROLLER://$internal_host:$controller_port
		advertised.listeners=CLIENT://127.0.0.1:$port,INTERNAL://$internal_host:$internal_port
		listener.security.protocol.map=CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
		log.dirs=$dir/data
		auto.create.topics.enable=false
		default.replication.factor=$factor
		min.insync.replicas=$in_sync
		offsets.topic.num.partitions=1
		offsets.topic.replication.factor=$factor
		offsets.topic.segment.bytes=4194304
		transaction.state.log.num.partitions=1
		transaction.state.log.replication.factor=$factor
		transaction.state.log.min.isr=$in_sync
		transaction.state.log.segment.bytes=4194304
		share.coordinator.state.topic.num.partitions=1
		share.coordinator.state.topic.replication.factor=$factor
		share.coordinator.state.topic.min.isr=$in_sync
		# Back soon after kill -9: the dead broker's session must end first. Heartbeats often enough for a busy machine.
		broker.session.timeout.ms=3000
		broker.heartbeat.interval.ms=500
		group.initial.rebalance.delay.ms=0
		group.min.session.timeout.ms=1000
		transaction.abort.timed.out.transaction.cleanup.interval.ms=1000
		# Replays carry old timestamps; nothing may vanish by age.
		log.retention.ms=-1
		# Small: memory, threads.
		log.cleaner.dedupe.buffer.size=8388608
		log.cleaner.threads=1
		num.network.threads=2
		num.io.threads=4
		background.threads=2
		auto.leader.rebalance.enable=false
	PROPERTIES
	printf '%s\n' "${KAFKA_EXTRA:-}"
}

new_id() {
	head -c 16 /dev/urandom | base64 | tr '+/' 'ab' | cut -c1-22
}

# Writes the cluster's id and its first metadata into a new data folder; one that is formatted stays as it is.
# DIR/cluster is written last: formatting that was interrupted is done again.
format() {
	local dir=$1 id
	[[ ! -s $dir/cluster ]] || return 0
	rm -rf "$dir/data"
	id=${given_id:-$(new_id)}
	"${jvm[@]}" kafka.tools.StorageTool format --cluster-id "$id" --config "$dir/server.properties" >>"$dir/log" 2>&1 ||
		die "formatting $dir/data failed: $(tail -n 3 "$dir/log")"
	printf '%s\n' "$id" >"$dir/cluster"
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# Does the broker tell $1 as the cluster's id and itself as its one live node, or itself and others? (Metadata request,
# version 2, no topics.)
# Asked on the internal listener, which speaks plain text whatever KAFKA_EXTRA made of the clients' one.
answers() {
	local reply
	accepts "$internal_host" "$internal_port" || return 1
	reply=$(
		exec 3<>"/dev/tcp/$internal_host/$internal_port"
		printf '\0\0\0\x11\0\x03\0\x02\0\0\0\x01\0\x03run\0\0\0\0' >&3
		timeout 2 dd bs=65536 count=1 status=none <&3 | hex
	) || return 1
	[[ ${reply:16:8} =~ ^0000000[1-$factor]$ && $reply == *"$(printf '%s' "$1" | hex)"* ]]
}

# Whether the broker, a child of this script, still lives is asked by its pid: between two programs of one process (setsid,
# then Java) the kernel shows an empty command line for a moment, and `running` would take it for one that ended.
wait_ready() {
	local dir=$1 port=$2 broker=$3 id deadline
	id=$(<"$dir/cluster")
	deadline=$((SECONDS + start_timeout))
	until answers "$id" && accepts 127.0.0.1 "$port"; do
		kill -0 "$broker" 2>/dev/null || die "the broker ended, see $dir/log: $(tail -n 5 "$dir/log")"
		if ((SECONDS >= deadline)); then
			stop "$dir" >/dev/null
			kill -KILL "$broker" 2>/dev/null || true
			die "no answer within $start_timeout s, see $dir/log: $(tail -n 5 "$dir/log")"
		fi
		sleep 0.05
	done
}

start() {
	local dir=$1 port=$2 pid
	if [[ ! $port =~ ^(0|[1-9][0-9]{0,4})$ ]] || ((port > 65535)); then
		die "PORT must be 0..65535, not $port"
	fi
	mkdir -p "$dir"
	dir=$(realpath "$dir")
	exec 9>"$dir/lock"
	flock --nonblock 9 || die "another start on $dir is under way"
	((port != 0)) || port=$(free_port)
	# A broker that was killed this moment may still be on its way out.
	for _ in {1..20}; do
		running "$dir" >/dev/null || accepts 127.0.0.1 "$port" || break
		sleep 0.05
	done
	if pid=$(running "$dir"); then
		die "the broker of $dir runs already (pid $pid)"
	fi
	! accepts 127.0.0.1 "$port" || die "port $port is in use"

	set_addresses "$port"
	set_membership "$dir" "$port"
	set_jvm
	write_properties "$dir" "$port" >"$dir/server.properties"
	format "$dir" 9>&-
	[[ -z ${KAFKA_ARCHIVE_TO:-} ]] || jvm+=("-XX:ArchiveClassesAtExit=$KAFKA_ARCHIVE_TO")
	setsid "${jvm[@]}" kafka.Kafka "$dir/server.properties" >>"$dir/log" 2>&1 </dev/null 8>&- 9>&- &
	printf '%s\n' $! >"$dir/pid"
	wait_ready "$dir" "$port" $!
	exec 9>&-
	printf '127.0.0.1:%s\n' "$port"
}

# Three at once: none of them answers before two are there.
start_cluster() {
	local dir=$1 ports=("${@:2}") id i starts=() failed=0
	id=$(new_id)
	for i in 1 2 3; do
		mkdir -p "$dir/$i"
		[[ -s $dir/$i/member ]] || printf '%s %s %s\n' "$i" "$id" "${ports[*]}" >"$dir/$i/member"
		start "$dir/$i" "${ports[i - 1]}" >/dev/null &
		starts+=($!)
	done
	for i in "${starts[@]}"; do
		wait "$i" || failed=1
	done
	if ((failed)); then
		stop "$dir"
		die "the cluster of $dir did not start"
	fi
	printf '127.0.0.1:%s,127.0.0.1:%s,127.0.0.1:%s\n' "${ports[@]}"
}

# ---- stop -----------------------------------------------------------------------------------------------------------

stop() {
	local dir pid
	dir=$(realpath -m "$1")
	if [[ -s $dir/1/member ]]; then
		for dir in "$dir"/[123]; do
			stop "$dir"
		done
		return
	fi
	if pid=$(running "$dir"); then
		kill -TERM "$pid" 2>/dev/null || true
		for _ in {1..200}; do
			running "$dir" >/dev/null || break
			sleep 0.05
		done
		if running "$dir" >/dev/null; then
			kill -KILL "$pid" 2>/dev/null || true
			while running "$dir" >/dev/null; do sleep 0.05; done
		fi
	fi
	rm -f "$dir/pid"
}

case ${1:-}/$# in
fetch/1) fetch ;;
java/1) find_java ;;
start/3) start "$2" "$3" ;;
start/5) start_cluster "${@:2}" ;;
stop/2 | stop/3) stop "$2" ;;
*) usage ;;
esac
