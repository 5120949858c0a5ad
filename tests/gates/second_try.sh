#!/usr/bin/env bash
# second_try.sh ROOT: which failed tests `./run test` tries once more, and what it makes of that. The script is the real
# one; ctest is played, and so are the build and the broker's jars.
set -euo pipefail

root=$1
scratch=$(mktemp -d "${TMPDIR:-/tmp}/checkout-second-try.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/bin" "$scratch/tests/support/kafka"
cp "$root/run" "$scratch/run"
passed=0 failed=0

program() {
	printf '#!/usr/bin/env bash\n%s\n' "$2" >"$1"
	chmod +x "$1"
}
program "$scratch/bin/cmake" 'exit 0'
program "$scratch/tests/support/kafka/kafka.sh" 'exit 0'
# Plays what lies in the file of its call's number: names of the tests that fail, one a line, and behind a tab what they
# print. An empty file: all pass.
# shellcheck disable=SC2016 # for the inner shell
program "$scratch/bin/ctest" '
	echo "$*" >>calls
	play=plan.$(wc -l <calls)
	mkdir -p build/asan-ubsan/Testing/Temporary
	cut -f1 "$play" | sed "s/^/7:/" >build/asan-ubsan/Testing/Temporary/LastTestsFailed.log
	cut -f2 "$play"
	count=$(wc -l <"$play")
	echo "90% tests passed, $count tests failed out of $([[ $* == *--rerun-failed* ]] && wc -l <plan.1 || echo 9)"
	((count == 0)) || exit 8'

# case_of <name> <exit status> <calls of ctest> <closing line>; the plans are there
case_of() {
	local status=0 said calls closing
	rm -f "$scratch/calls"
	said=$(cd "$scratch" && PATH=$scratch/bin:$PATH CI=true ./run test 2>&1) || status=$?
	calls=$(wc -l <"$scratch/calls")
	closing=$(tail -n 1 <<<"$said")
	if [[ $status/$calls/$closing == "$2/$3/$4" ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: wanted %s, got %s; it said:\n%s\n' "$1" "$2/$3/$4" "$status/$calls/$closing" "$said"
	fi
}

plan() {
	printf '%b' "$1" >"$scratch/plan.1"
	printf '%b' "${2:-}" >"$scratch/plan.2"
}

plan ''
case_of test__all_pass__no_second_try 0 1 '9 passed, 0 failed'
plan 'integration.slow\tno reply in 60 s\n'
case_of test__waited_in_vain__second_try_counts 0 2 '9 passed, 0 failed'
plan 'integration.slow\tno reply in 60 s\nintegration.late\tlate\n' 'integration.late\tlate\n'
case_of test__fails_twice__fails 8 2 '8 passed, 1 failed'
plan 'integration.slow\tERROR: LeakSanitizer: of the test that broke off\n'
case_of test__breaks_off_and_leaks__second_try_counts 0 2 '9 passed, 0 failed'
plan 'unit.sum\t1 != 2\n'
case_of test__without_servers__final 8 1 '8 passed, 1 failed'
plan 'integration.slow\tlate\nunit.sum\t1 != 2\n'
case_of test__without_servers_beside_another__final 8 1 '7 passed, 2 failed'
plan 'integration.crash\tthe oracle finds: two replies to c-1\n'
case_of test__promise_broken__final 8 1 '8 passed, 1 failed'
plan 'integration.chaos\tchaos: seed 1; violations 2\n'
case_of test__chaos_violations__final 8 1 '8 passed, 1 failed'
plan 'integration.crash\tERROR: AddressSanitizer: heap-use-after-free\n'
case_of test__sanitizer_finding__final 8 1 '8 passed, 1 failed'
plan 'integration.a\tx\nintegration.b\tx\nintegration.c\tx\nintegration.d\tx\n'
case_of test__more_than_three__final 8 1 '5 passed, 4 failed'

printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
