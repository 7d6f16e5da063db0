#!/usr/bin/env bash
# Runs tests under instruments, which find errors that the tests themselves cannot see:
#
#     tests/instrumented.sh [valgrind|asan|tsan|miri|fuzz]...
#
# or all of them. valgrind, asan and tsan first have to find the faults of tests/planted.rs. Then the C hosts,
# the C example and the programs of the C API's tests run under them. The last lines of output are the
# results, and the exit status is 0 only if all instruments ran and found nothing.
#
# valgrind runs the release build. The others need nightly Rust, and gcc with its sanitizers:
#
#     rustup toolchain install nightly --component rust-src,miri
#     cargo install --locked cargo-fuzz
#
# FUZZ_SECONDS: how long each fuzz target runs; 30 by default.
set -uo pipefail
cd "$(dirname "$0")/.."

# The library uses the runtimes of gcc's sanitizers, too.
export CC=gcc

# The test programs for valgrind and the sanitizers; of c_example only the tests that run the example.
readonly -a suites=(
    'host'
    'c_api'
    'c_example exit_ optional_arguments wrong_clock'
)

# Tests that cannot run under an instrument: instrument, test program, test, and why.
left_out() {
    cat <<'LIST'
valgrind host failures::memory_and_descriptors_stay_flat_over_a_hundred_thousand_calls measures malloc, which valgrind replaces
valgrind host forks::the_rest_of_a_request_that_was_given_up_is_never_sent_even_if_a_child_has_the_socket a call has to time out in the middle of its request
valgrind host memory::an_allocation_that_fails_ends_the_process_and_sends_nothing valgrind itself needs address space
valgrind host secret::after_free_a_secret_of_any_length_is_nowhere_whichever_memcpy_the_system_has would also search valgrind's memory
valgrind host secret::after_free_the_secret_is_nowhere_in_the_process would also search valgrind's memory
valgrind host shutdown::shutdown_ends_calls_that_send_within_100_ms sends megabytes, which takes longer under valgrind
valgrind host signals::no_signal_is_delivered_on_the_librarys_thread valgrind reserves a signal
asan host failures::memory_and_descriptors_stay_flat_over_a_hundred_thousand_calls measures malloc, which the sanitizer replaces
asan host forks::children_forked_during_the_first_call_can_call_at_once the sanitizer's malloc may stay locked in a child
asan host forks::children_forked_while_eight_threads_place_calls_can_call_at_once_and_the_parent_too the sanitizer's malloc may stay locked in a child
asan host memory::an_allocation_that_fails_ends_the_process_and_sends_nothing the sanitizer itself needs address space
asan host secret::after_free_a_secret_of_any_length_is_nowhere_whichever_memcpy_the_system_has would also search terabytes of the sanitizer
asan host secret::after_free_the_secret_is_nowhere_in_the_process would also search terabytes of the sanitizer
tsan host failures::memory_and_descriptors_stay_flat_over_a_hundred_thousand_calls measures malloc, which the sanitizer replaces
tsan host forks::children_forked_during_the_first_call_can_call_at_once the sanitizer allows no threads in a child of a process with threads
tsan host forks::children_forked_while_eight_threads_place_calls_can_call_at_once_and_the_parent_too the sanitizer allows no threads in a child of a process with threads
tsan host memory::an_allocation_that_fails_ends_the_process_and_sends_nothing the sanitizer itself needs address space
tsan host names::a_child_forked_during_a_lookup_starts_its_own the sanitizer allows no threads in a child of a process with threads
tsan host secret::after_free_a_secret_of_any_length_is_nowhere_whichever_memcpy_the_system_has would also search terabytes of the sanitizer
tsan host secret::after_free_the_secret_is_nowhere_in_the_process would also search terabytes of the sanitizer
tsan host shutdown::shutdown_ends_calls_that_send_within_100_ms sends megabytes, which takes longer under the sanitizer
tsan host threads::a_client_with_tls_fits_into_a_stack_of_64_kib the sanitizer needs more stack
tsan host threads::a_client_with_a_proxy_or_a_name_to_resolve_fits_into_a_stack_of_64_kib the sanitizer needs more stack
tsan host threads::a_client_with_the_systems_trust_store_fits_into_a_stack_of_64_kib the sanitizer needs more stack
tsan host threads::failures_large_requests_and_hostile_responses_fit_into_a_stack_of_64_kib the sanitizer needs more stack
LIST
}

declare -a lines=()
status=0

note() {
    lines+=("$1")
    printf '\n== %s\n' "$1"
}

# Runs a test program, and adds the number of passed tests to $passed.
run_tests() {
    local log code
    log=$(mktemp)
    cargo test --locked --test "$@" 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    passed=$((passed + $(sed -n 's/^test result:.* \([0-9]*\) passed.*/\1/p' "$log" | tail -n 1) + 0))
    rm -f "$log"
    return "$code"
}

# Each test of the list has to exist.
check_left_out() {
    local by in test why
    while read -r by in test why; do
        cargo test --quiet --locked --test "$in" -- --list --exact "$test" 2> /dev/null |
            grep -qx "$test: test" || { printf 'no such test: %s\n' "$test" && return 1; }
    done < <(left_out)
}

under() {
    local name=$1 passed=0 skipped=0 faults suite by in test why
    local -a words skips
    # The C example calls it.
    cargo build --locked --example gateway || return 1
    export ITNIO_TEST_INSTRUMENT=$name
    run_tests planted || return 1
    faults=$((passed - 1)) # one of the tests has no fault
    passed=0
    for suite in "${suites[@]}"; do
        read -ra words <<< "$suite"
        skips=()
        while read -r by in test why; do
            if [ "$by $in" = "$name ${words[0]}" ]; then
                printf 'test %s ... left out under %s: %s\n' "$test" "$name" "$why"
                skips+=(--skip "$test")
                skipped=$((skipped + 1))
            fi
        done < <(left_out)
        run_tests "${words[0]}" -- "${words[@]:1}" "${skips[@]}" || return 1
    done
    note "$name: found $faults planted faults, and nothing else; $passed tests passed, $skipped left out"
}

with_nightly() {
    local component
    for component in rust-src miri; do
        if ! rustup component list --toolchain nightly --installed 2> /dev/null | grep -q "^$component"; then
            printf 'needs nightly Rust with %s\n' "$component"
            return 1
        fi
    done
    "$@"
}

run_miri() {
    local log code
    log=$(mktemp)
    # Only the unit tests: Miri runs neither network code nor assembly.
    MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked --lib 2>&1 | tee "$log"
    code=${PIPESTATUS[0]}
    [ "$code" != 0 ] || note "miri: $(sed -n 's/^test result: ok. \([0-9]* passed; .*\); finished.*/\1/p' "$log")"
    rm -f "$log"
    return "$code"
}

run_fuzz() {
    local target log code seconds=${FUZZ_SECONDS:-30} done=
    for target in response records reason strings certificates http connection; do
        log=$(mktemp)
        # New inputs go to another directory than the committed ones, which should stay few.
        mkdir -p "fuzz/target/corpus/$target"
        cargo +nightly fuzz run "$target" "fuzz/target/corpus/$target" "fuzz/corpus/$target" -- \
            -max_total_time="$seconds" -print_final_stats=1 2>&1 | tee "$log"
        code=${PIPESTATUS[0]}
        done+="${done:+, }$target $(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
        rm -f "$log"
        [ "$code" = 0 ] || return "$code"
    done
    note "fuzz: $seconds s each, no finding; executions: $done"
}

run() {
    case $1 in
        valgrind) under valgrind ;;
        asan | tsan) with_nightly under "$1" ;;
        miri) with_nightly run_miri ;;
        fuzz) run_fuzz ;;
        *) printf 'neither valgrind nor asan, tsan, miri or fuzz\n' && return 1 ;;
    esac
}

[ $# -gt 0 ] || set -- valgrind asan tsan miri fuzz
check_left_out || exit 1
for instrument in "$@"; do
    run "$instrument" || { status=1 && note "$instrument: FAILED"; }
    unset ITNIO_TEST_INSTRUMENT
done
printf '\n'
printf '%s\n' "${lines[@]}"
exit "$status"
