#!/usr/bin/env bash
# Builds the library for other platforms, and runs tests on them: where the processor is another one, under
# qemu-user.
#
#     tests/platforms.sh [TARGET]...        a target of rustc; none: all that are listed below
#
# For each one it prints one line of results at the end; the exit status is 0 only if all passed. It needs rustup,
# and of Debian:
#
#     dpkg --add-architecture arm64
#     apt-get install qemu-user-static musl-tools musl-dev:arm64 \
#         gcc-aarch64-linux-gnu gcc-arm-linux-gnueabihf gcc-i686-linux-gnu gcc-riscv64-linux-gnu gcc-s390x-linux-gnu
#
# and for macOS and FreeBSD, zig's C compiler and cargo's way to it, of PyPI: `pip install ziglang cargo-zigbuild`.
set -uo pipefail
cd "$(dirname "$0")/.."

# The target, what is done with it, and its name for Debian's compilers or for zig.
platforms() {
    cat <<'LIST'
x86_64-unknown-linux-gnu       native   x86_64-linux-gnu
aarch64-unknown-linux-gnu      gcc      aarch64-linux-gnu
armv7-unknown-linux-gnueabihf  gcc      arm-linux-gnueabihf
i686-unknown-linux-gnu         gcc      i686-linux-gnu
riscv64gc-unknown-linux-gnu    gcc      riscv64-linux-gnu
s390x-unknown-linux-gnu        gcc      s390x-linux-gnu
x86_64-unknown-linux-musl      musl     x86_64-linux-gnu
aarch64-unknown-linux-musl     musl     aarch64-linux-gnu
x86_64-apple-darwin            check    x86_64-macos
aarch64-apple-darwin           check    aarch64-macos
x86_64-unknown-freebsd         check    x86_64-freebsd
LIST
}

# Of tests/: what a call sends, what its result is, that it is sent once, the clock, the C API and its layout, the
# C example; of the C hosts those that fork.
readonly -a suites=(
    '--lib'
    '--test wire'
    '--test results'
    '--test responses'
    '--test at_most_once'
    '--test clock'
    '--test records'
    '--test c_api'
    '--test c_example exit_ optional_arguments wrong_clock'
    '--test host forks:: threads::'
)

# Sets what cargo, the cc crate and tests/support/platform.rs read.
use_platform() {
    local target=$1 how=$2 debian=$3
    local lower=${target//-/_} machine=${target%%-*} runner=
    local upper=${lower^^}
    local native
    native=$(uname -m)
    case $machine in
        armv7) machine=arm ;;
        i686) machine=i386 ;;
        riscv64gc) machine=riscv64 ;;
    esac
    case $how in
        gcc)
            export "CC_$lower=$debian-gcc" "CARGO_TARGET_${upper}_LINKER=$debian-gcc"
            runner="qemu-$machine-static -L /usr/$debian"
            ;;
        musl)
            musl_compiler "$target" "$machine" "$debian"
            # Without it, there is no shared library for musl.
            export "CARGO_TARGET_${upper}_RUSTFLAGS=-C target-feature=-crt-static"
            [ "$machine" = "$native" ] || runner="qemu-$machine-static"
            ;;
        check) zig_compiler "$target" "$debian" ;;
    esac
    [ -z "$runner" ] || export "CARGO_TARGET_${upper}_RUNNER=$runner"
}

# Sets this command as the compiler and linker for the target. rustc's linker has to be one word.
set_compiler() {
    local target=$1 command=$2 folder
    local lower=${target//-/_}
    local upper=${lower^^}
    folder=$(scratch)
    printf '#!/bin/sh\nexec %s\n' "$command" > "$folder/cc-$target"
    chmod +x "$folder/cc-$target"
    export "CC_$lower=$folder/cc-$target" "CARGO_TARGET_${upper}_LINKER=$folder/cc-$target"
}

scratch() {
    mkdir -p "${CARGO_TARGET_DIR:-target}/platforms"
    realpath "${CARGO_TARGET_DIR:-target}/platforms"
}

zig_compiler() {
    set_compiler "$1" "cargo-zigbuild zig cc -- -target $2 \"\$@\""
}

# gcc with musl, as Debian's musl-gcc does it for one processor. Rust's own unwinder comes into the library: those
# of Debian's gcc need glibc.
musl_compiler() {
    local target=$1 machine=$2 debian=$3 folder unwinder
    folder=$(scratch)/$target
    mkdir -p "$folder"
    sed "s/x86_64/$machine/g; s/%:if-exists(libgcc_eh.a%s)//" /usr/lib/x86_64-linux-musl/musl-gcc.specs \
        > "$folder/specs"
    unwinder=$(rustc --print target-libdir --target "$target")/self-contained/libunwind.a
    echo "INPUT($unwinder)" > "$folder/libgcc_s.so"
    set_compiler "$target" "$debian-gcc -L$folder \"\$@\" -specs $folder/specs"
}

results=()
failed=0

note() {
    results+=("$(printf '%-32s %s' "$1" "$2")")
    printf '\n== %s: %s\n' "$1" "$2"
}

# One target, in a shell of its own for its variables. Its last line is its result.
run_platform() {
    local target=$1 how=$2 debian=$3 suite passed=0 ignored=0 log line
    rustup --quiet target add "$target" >&2
    use_platform "$target" "$how" "$debian"
    if [ "$how" = check ]; then
        cargo check --locked --lib --target "$target" >&2 || return 1
        echo 'compiles; nothing was run'
        return 0
    fi
    # For the C example.
    cargo build --locked --target "$target" --example gateway >&2 || return 1
    log=$(mktemp)
    for suite in "${suites[@]}"; do
        # shellcheck disable=SC2086 # each is several words
        read -r -a words <<< "$suite"
        local count=2
        [ "${words[0]}" = --lib ] && count=1
        cargo test --locked --target "$target" "${words[@]:0:count}" -- "${words[@]:count}" 2>&1 |
            tee "$log" >&2
        if [ "${PIPESTATUS[0]}" -ne 0 ]; then
            rm -f "$log"
            echo "FAILED: cargo test $suite"
            return 1
        fi
        while read -r line; do
            [[ $line =~ ([0-9]+)\ passed\;\ 0\ failed\;\ ([0-9]+)\ ignored ]] || continue
            passed=$((passed + BASH_REMATCH[1]))
            ignored=$((ignored + BASH_REMATCH[2]))
        done < "$log"
    done
    rm -f "$log"
    echo "$passed passed, 0 failed, $ignored left out"
}

for wanted in "${@:-all}"; do
    found=
    while read -r target how debian; do
        [ "$wanted" = all ] || [ "$wanted" = "$target" ] || continue
        found=yes
        if result=$(run_platform "$target" "$how" "$debian"); then
            note "$target" "$result"
        else
            note "$target" "${result:-FAILED}"
            failed=1
        fi
    done < <(platforms)
    if [ -z "$found" ]; then
        echo "$wanted: not one of these:" >&2
        platforms >&2
        exit 64
    fi
done

printf '\n'
printf '%s\n' "${results[@]}"
exit "$failed"
