#!/usr/bin/env bash
# kafka_test.sh: what kafka.sh says of a broker that starts, with programs in Java's place that behave as a broker
# seldom does. Needs no Java and no jars.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
scratch=$(mktemp -d "${TMPDIR:-/tmp}/checkout-kafka-test.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin" "$scratch/libs"
touch "$scratch/libs/none.jar"
printf 'JAVA_VERSION="17"\n' >"$scratch/release"
passed=0 failed=0

# What stands in for Java: formats gladly; as a broker it does what $1 says.
java_is() {
	printf '#!/usr/bin/env bash\n[[ " $* " != *" format "* ]] || exit 0\n%s\n' "$1" >"$scratch/bin/java"
	chmod +x "$scratch/bin/java"
}

# case <name> <what the broker does> <what start has to say>
case_of() {
	local said
	java_is "$2"
	said=$(JAVA_HOME=$scratch CO_KAFKA_HOME=$scratch/libs KAFKA_START_TIMEOUT=2 \
		"$here/kafka.sh" start "$scratch/$1" 0 2>&1) || true
	if [[ $said == *"$3"* ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: wanted "%s", got "%s"\n' "$1" "$3" "$said"
	fi
}

# Between two programs of one process (setsid, then Java) the kernel shows an empty command line for a moment. Here it
# shows another one for good.
case_of start__broker_without_its_command_line__is_waited_for 'exec -a "" sleep 3' 'no answer within 2 s'
case_of start__broker_that_lives_and_is_silent__is_waited_for 'sleep 3' 'no answer within 2 s'
case_of start__broker_that_ends__is_told_at_once 'echo no room on the disk; exit 1' 'the broker ended'
case_of start__broker_that_is_killed__is_told_at_once 'kill -KILL $$' 'the broker ended'

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
