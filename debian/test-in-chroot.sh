#!/bin/sh
# Installs the packages in a Debian without Rust, builds the C example there with nothing but
# pkg-config, and by CMake, places a call through it in the sandbox, and removes the packages.
#
#     debian/test-in-chroot.sh FOLDER-WITH-THE-PACKAGES GATEWAY
#
# GATEWAY is the sandbox (target/release/examples/gateway). Needs root, debootstrap, and a Debian mirror
# as apt has it. Leaves nothing behind.
set -eu

packages=$1
gateway=$2
here=$(cd "$(dirname "$0")/.." && pwd)
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
root=$(mktemp -d)
gateway_pid=

clean_up() {
    [ -z "$gateway_pid" ] || kill "$gateway_pid" 2> /dev/null || true
    rm -rf --one-file-system "$root"
}
trap clean_up EXIT
trap 'exit 1' INT TERM

step() { printf '\n== %s\n' "$*"; }

step "a minimal $suite with a C compiler"
debootstrap --variant=minbase --include=gcc,libc6-dev,pkg-config,cmake,make "$suite" "$root" > /dev/null
in_root() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C "$@"; }
if in_root sh -c 'command -v cargo || command -v rustc'; then
    echo 'there is Rust in it' >&2
    exit 1
fi
in_root dpkg-query -W -f '${Package}\n' | sort > "$root/before"

step install
cp "$packages"/libitnio0.2_*.deb "$packages"/libitnio-dev_*.deb "$root/"
in_root sh -c 'dpkg -i /libitnio0.2_*.deb /libitnio-dev_*.deb'

step 'compile the C example'
cp "$here/examples/c/send_sip.c" "$root/"
in_root sh -c 'gcc -std=c99 -Wall -Wextra -pedantic -Werror /send_sip.c $(pkg-config --cflags --libs itnio) -o /send_sip'
in_root sh -c 'gcc -std=c99 /send_sip.c -static-libgcc $(pkg-config --cflags itnio) -Wl,-Bstatic -litnio -Wl,-Bdynamic -lm -o /send_sip_static'
in_root sh -c '! ldd /send_sip_static | grep libitnio'

step 'the same by CMake'
mkdir "$root/example"
cp "$here/examples/c/send_sip.c" "$here/examples/c/CMakeLists.txt" "$root/example/"
for target in itnio static; do
    in_root cmake -S /example -B "/cmake-$target" -DITNIO_TARGET="itnio::$target" > "$root/cmake.log" &&
        in_root cmake --build "/cmake-$target" >> "$root/cmake.log" || { cat "$root/cmake.log" >&2; exit 1; }
done

step 'place a call in the sandbox'
"$gateway" --ca-file "$root/ca.pem" > "$root/gateway.log" &
gateway_pid=$!
waited=0
until grep -q '^ready' "$root/gateway.log"; do
    waited=$((waited + 1))
    [ "$waited" -le 100 ] || { echo 'the sandbox does not start' >&2; exit 1; }
    sleep 0.1
done
base_url=$(sed -n 's/^base_url=//p' "$root/gateway.log")
for program in /send_sip /send_sip_static /cmake-itnio/send_sip /cmake-static/send_sip; do
    in_root ITNIO_API_KEY=bDqJFiq9 ITNIO_API_SECRET=7bz1lzh9 \
        ITNIO_BASE_URL="$base_url" ITNIO_CA_FILE=/ca.pem \
        "$program" 4915112345678 1001 my-app
done

step 'remove'
in_root dpkg --purge libitnio-dev libitnio0.2 > /dev/null
in_root dpkg-query -W -f '${Package}\n' | sort | diff "$root/before" -
left=$(find "$root/usr" "$root/etc" "$root/var/lib/dpkg/info" -name '*itnio*')
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
step 'installed, used, removed: nothing left'
