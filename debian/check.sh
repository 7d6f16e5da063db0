#!/bin/sh
# Builds the packages from a clean copy of what is committed, checks them with lintian, tests them in a
# Debian without Rust, and prints the sizes that docs/install.md has.
#
#     debian/check.sh [FOLDER]      FOLDER gets the packages; without it they are thrown away
#
# Needs root, git, cargo, cargo-c and cargo-cyclonedx (README.source), and what debian/control says;
# lintian, debootstrap, and a Debian mirror as apt has it.
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
began=$(date +%s)

step() { printf '\n== %s (%s s)\n' "$*" "$(($(date +%s) - began))"; }

step 'dpkg-buildpackage'
mkdir "$work/libitnio"
git -C "$here" archive HEAD | tar -x -C "$work/libitnio"
(cd "$work/libitnio" && dpkg-buildpackage -us -uc -b) > "$work/build.log" 2>&1 || {
    tail -n 50 "$work/build.log" >&2
    exit 1
}
ls "$work"/*.deb

step 'lintian'
lintian --allow-root --fail-on error,warning "$work"/*.changes

step 'the sandbox'
(cd "$here" && cargo build --locked --example gateway --message-format=json-render-diagnostics) \
    > "$work/gateway.json"
gateway=$(sed -n 's/.*"executable":"\([^"]*\/gateway\)".*/\1/p' "$work/gateway.json")

"$here/debian/test-in-chroot.sh" "$work" "$gateway"

step 'sizes'
dpkg-deb --fsys-tarfile "$work"/libitnio0.2_*.deb > "$work/libitnio0.2.tar"
size() { printf '| `%s` | %s KB |\n' "$1" "$((($2 + 500) / 1000))"; }
tar -tvf "$work/libitnio0.2.tar" | awk '$1 ~ /^-/ && /libitnio\.so/ { print $3, $6 }' |
    while read -r bytes name; do size "$(basename "$name")" "$bytes"; done
for package in "$work"/libitnio0.2_*.deb "$work"/libitnio-dev_*.deb; do
    size "$(basename "$package")" "$(stat -c %s "$package")"
done

[ $# -eq 0 ] || cp "$work"/*.deb "$work"/*.changes "$1"/
step 'done'
