#!/bin/sh
# Makes a release of what is committed, and checks each part of it: by installing it in an empty folder, and placing
# a call in the sandbox gateway with what is there.
#
#     build/release.sh [--no-debian] [TARGET...]
#
# A TARGET is one of Rust's, such as aarch64-unknown-linux-gnu; without any, it is this machine's. The folder
# target/release-VERSION gets
#
#     itnio-VERSION.crate               the source; all else but the Debian packages is built from it
#     libitnio-VERSION-TARGET.tar.gz    libraries, headers, pkg-config, CMake, manual pages, licences, and an SBOM
#     *.deb                             the Debian packages (debian/check.sh)
#     itnio-VERSION*.whl, *.tar.gz      the Python package
#     SHA256SUMS
#
# It says NOT CHECKED where something is missing for a check or a part; with ITNIO_REQUIRE_ALL=1 it then fails.
#
# Needs git, cargo, cargo-c and cargo-cyclonedx (debian/README.source has the versions), a C compiler, binutils and
# pkg-config; cmake for one of the checks, what debian/check.sh says for the Debian packages, and what
# examples/python/Makefile says for the Python package.
#
# What is built for *-linux-gnu runs where glibc is at least as new as GLIBC says, if cargo-zigbuild and zig are there
# (both are in the Python package cargo-zigbuild): they link against that one's symbols. Else it needs about as new a
# glibc as this machine has, and this says which. They also link for musl, and for other processors, where no other
# linker is named.
#
# How to compile and run for another target is said as cargo and the crate cc have it, in cargo's configuration or in
# the environment, such as
#
#     CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
#     CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc    also compiles the C example
#     CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu'    also runs it
set -eu

GLIBC=2.28

here=$(cd "$(dirname "$0")/.." && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')
debian=yes
[ "${1:-}" != --no-debian ] || { debian= && shift; }
case ${1:-} in -*) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2 && exit 64 ;; esac
[ $# -gt 0 ] || set -- "$host"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$here/target}"
# The same each time: what is built depends on it.
work=$CARGO_TARGET_DIR/release-work
rm -rf "$work" && mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
began=$(date +%s)
: > "$work/not-checked"

step() { printf '\n== %s (%s s)\n' "$*" "$(($(date +%s) - began))"; }
fail() { echo "release: $*" >&2 && exit 1; }
has() { command -v "$1" > /dev/null; }
not_checked() { echo "NOT CHECKED: $*" | tee -a "$work/not-checked" >&2; }
# Runs a command, whose output is of interest only if it fails.
quietly() { "$@" > "$work/log" 2>&1 || { tail -n 60 "$work/log" >&2 && fail "$*"; }; }

version=$(sed -n 's/^version = "\(.*\)"$/\1/p' "$here/Cargo.toml" | head -n 1)
out=$CARGO_TARGET_DIR/release-$version
# Times in what is made are that of the commit.
SOURCE_DATE_EPOCH=$(git -C "$here" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
rm -rf "$out" && mkdir -p "$out"
git -C "$here" diff --quiet HEAD || echo 'release: what is not committed is not in it' >&2

step "itnio-$version.crate"
mkdir "$work/repository"
git -C "$here" archive HEAD | tar -x -C "$work/repository"
# The tarballs are built from it, and that is more than cargo would check.
(cd "$work/repository" && quietly cargo package --locked --no-verify --target-dir "$work/package")
cp "$work/package/package/itnio-$version.crate" "$out/"
# With today's times: by those in it, cargo would take what it has built from another commit for up to date.
tar -xzmf "$out/itnio-$version.crate" -C "$work"
source=$work/itnio-$version
quietly cargo build --locked --example gateway --manifest-path "$here/Cargo.toml"
gateway=$CARGO_TARGET_DIR/debug/examples/gateway

# A call in the sandbox, by a program that prints what the C example prints.
place_call() {
    id=$(sh "$work/repository/examples/with-sandbox.sh" "$gateway" "$@" 4915112345678 1001 my-app |
        sed -n 's/^recording_id=\([0-9]\{19\}\)$/\1/p')
    [ -n "$id" ] || fail "no call by $*"
    echo "a call by ${1##*/}: $id"
}

upper() { printf '%s' "$1" | tr 'a-z-' 'A-Z_'; }
variable() { eval "printf '%s' \"\${$1:-}\""; }

# What links for an old glibc, and for musl: zig has both. The options are those of cargo-zigbuild itself.
zig_for() {
    cpu=${1%%-*} abi=${1##*-linux-}
    case $cpu in armv7) cpu=arm ;; i686) cpu=x86 ;; riscv64gc) cpu=riscv64 ;; esac
    case $abi in gnu*) abi=$abi.$GLIBC ;; esac
    printf '#!/bin/sh\nexec cargo-zigbuild zig cc -- -g0 -fno-sanitize=all -target %s-linux-%s "$@"\n' \
        "$cpu" "$abi" > "$work/zig-$1"
    chmod +x "$work/zig-$1"
    export "CARGO_TARGET_$(upper "$1")_LINKER=$work/zig-$1" "CC_$(printf '%s' "$1" | tr - _)=$work/zig-$1"
}

# The newest symbols of glibc that a library asks for; weak ones may be absent.
glibc_of() {
    objdump -T "$1" | grep -v ' w ' | sed -n 's/.*(GLIBC_\([0-9.]*\)).*/\1/p' | sort -uV | tail -n 1
}
is_at_most() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

tarball() {
    target=$1
    name=libitnio-$version-$target
    step "$name.tar.gz"
    # Compiling the example is another thing: there, the machine's own compiler is what a user has.
    cc=$(variable "CC_$(printf '%s' "$target" | tr - _)")
    [ -n "$cc" ] || { [ "$target" != "$host" ] || cc=cc; }
    (
        with_zig=
        # Whoever names a linker for a target means that one; and has an old enough glibc.
        case $target in *-linux-gnu* | *-linux-musl*)
            linker=$(variable "CARGO_TARGET_$(upper "$target")_LINKER")
            if has cargo-zigbuild && [ -z "$linker" ]; then with_zig=yes && zig_for "$target"; fi ;;
        esac
        # No names of this machine's folders in it.
        flags=CARGO_TARGET_$(upper "$target")_RUSTFLAGS
        cargo_home=${CARGO_HOME:-$HOME/.cargo}
        dynamic=
        case $target:$(variable "$flags") in
            *crt-static*) ;;
            # Else Rust makes no shared library for musl.
            *-linux-musl*) dynamic='-C target-feature=-crt-static' ;;
        esac
        export "$flags=$(variable "$flags") $dynamic --remap-path-prefix=$cargo_home=cargo --remap-path-prefix=$source=itnio"
        export CFLAGS="${CFLAGS:-} -ffile-prefix-map=$cargo_home=cargo"
        cd "$source"
        quietly cargo cinstall --locked --release --target "$target" --prefix=/ --libdir=/lib --destdir="$work/$name"
        quietly cargo cyclonedx --format json --no-build-deps --target "$target" --override-filename libitnio.cdx
        shared=$work/$name/lib/libitnio.so
        case $target in *-linux-gnu*)
            needs=$(glibc_of "$shared")
            echo "needs glibc $needs"
            if is_at_most "$needs" "$GLIBC"; then
                :
            elif [ -n "$with_zig$linker" ]; then
                fail "$name needs glibc $needs, and is to need $GLIBC"
            else
                not_checked "$name for glibc $GLIBC: without cargo-zigbuild, it needs glibc $needs"
            fi ;;
        esac
    )
    # For another target, zig has what a C compiler needs, too.
    [ -n "$cc" ] || [ ! -x "$work/zig-$target" ] || cc=$work/zig-$target
    # Wherever it is unpacked.
    sed -i 's|^prefix=.*|prefix=${pcfiledir}/../..|' "$work/$name/lib/pkgconfig/itnio.pc"
    doc=$work/$name/share/doc/libitnio
    mkdir -p "$doc"
    cp "$source/README.md" "$source/CHANGELOG.md" "$source/LICENSE-MIT" "$source/LICENSE-APACHE" "$doc/"
    sed "s|path+file://$source#|path+file:///itnio#|" "$source/libitnio.cdx.json" > "$doc/libitnio.cdx.json"
    "$work/repository/debian/third-party-notices.sh" "$target" > "$doc/third-party-notices"
    if grep -rqaF -e "$work" -e "${CARGO_HOME:-$HOME/.cargo}" "$work/$name"; then
        fail "$name names folders of this machine: $(grep -rlaF -e "$work" -e "${CARGO_HOME:-$HOME/.cargo}" "$work/$name")"
    fi
    tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mode=go=u-w --format=gnu \
        --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -n9 > "$out/$name.tar.gz"
    rm -rf "${work:?}/$name"

    # As its user has it.
    mkdir "$work/root"
    tar -xzf "$out/$name.tar.gz" -C "$work/root"
    root=$work/root/$name
    for file in "$doc"/libitnio.cdx.json "$doc"/third-party-notices "$work/$name"/share/man/man3/itnio.3; do
        [ -s "$work/root/${file#"$work/"}" ] || fail "$name has no ${file##*/}"
    done
    check_tarball
    rm -rf "$work/root"
}

check_tarball() {
    runner=$(variable "CARGO_TARGET_$(upper "$target")_RUNNER")
    if [ -z "$cc" ]; then
        not_checked "$name: no compiler for the C example in CC_$(printf '%s' "$target" | tr - _)"
        return
    fi
    options() { PKG_CONFIG_LIBDIR=$root/lib/pkgconfig pkg-config "$@" itnio; }
    archive="-Wl,-Bstatic $(options --libs) -Wl,-Bdynamic -lm"
    # gcc and clang add their unwinder by themselves.
    [ "$cc" != "$work/zig-$target" ] || archive="$archive -lunwind"
    example=$root/../send_sip
    # Words, as a shell takes them apart: what pkg-config says, and a compiler with options.
    # shellcheck disable=SC2046,SC2086
    {
        if [ -e "$root/lib/libitnio.so" ]; then
            $cc "$source/examples/c/send_sip.c" $(options --cflags --libs) -Wl,-rpath,"$root/lib" -o "$example-shared"
        fi
        $cc "$source/examples/c/send_sip.c" $(options --cflags) $archive -o "$example-static"
    }
    if [ "$target" = "$host" ] && has cmake; then
        quietly cmake -S "$source/examples/c" -B "$root/../cmake" -DCMAKE_PREFIX_PATH="$root" \
            -DITNIO_TARGET=itnio::itnio
        quietly cmake --build "$root/../cmake"
        mv "$root/../cmake/send_sip" "$example-cmake"
    elif [ "$target" = "$host" ]; then
        not_checked "$name by CMake: there is none"
    fi
    for program in "$example"-*; do
        if [ -n "$runner" ]; then
            # shellcheck disable=SC2086
            place_call $runner "$program"
        elif "$program" > /dev/null 2>&1 || [ $? -eq 64 ]; then
            # Used wrongly, which it says: so it runs here.
            place_call "$program"
        else
            not_checked "$name: ${program##*/} does not run here, and there is no runner for $target"
        fi
    done
}

for each in "$@"; do
    tarball "$each"
done

step 'the Python package'
if missing=$(make --silent -C "$work/repository/examples/python" tools 2> "$work/log"); then
    quietly make -C "$work/repository/examples/python" OUT="$work/python" venv
    cp "$work"/python/dist/* "$out/"
    if [ -e "$out/libitnio-$version-$host.tar.gz" ]; then
        tar -xzf "$out/libitnio-$version-$host.tar.gz" -C "$work"
        cd "$work/repository/examples/python/tests"
        ITNIO_GATEWAY=$gateway ITNIO_LIBRARY=$work/libitnio-$version-$host/lib/libitnio.so ITNIO_PACKAGE=$work/python/venv \
            PYTHONDONTWRITEBYTECODE=1 quietly "$work/python/venv/bin/python" -m unittest \
            test_package test_itnio
        cd "$here"
        echo 'calls, forks, leaks and all by the installed wheel'
    else
        not_checked 'the Python package: there is no library for this machine among the targets'
    fi
else
    not_checked "the Python package: $missing"
fi

if [ -n "$debian" ]; then
    step 'the Debian packages'
    "$here/debian/check.sh" "$out"
    rm -f "$out"/*.changes
fi

step SHA256SUMS
(cd "$out" && sha256sum -- * > "$work/sums" && mv "$work/sums" SHA256SUMS && sha256sum --quiet -c SHA256SUMS)
cat "$out/SHA256SUMS" "$work/not-checked"
echo "in $out"
[ ! -s "$work/not-checked" ] || [ "${ITNIO_REQUIRE_ALL:-}" != 1 ] || fail 'not all was checked'
