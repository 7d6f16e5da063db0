#!/bin/sh
# Prints the licences of the crates that are linked in, as each has them: who passes the library on
# passes these on. Fails for a crate that has none.
#
#     debian/third-party-notices.sh [TARGET]      one of Rust's; without it, this machine's
set -eu
cd "$(dirname "$0")/.."

manifests=$(cargo metadata --locked --format-version 1 | grep -o '"manifest_path":"[^"]*"' | cut -d '"' -f 4)
cargo tree --locked ${1:+--target "$1"} --edges normal --prefix none --format '{p}|{l}' |
    sed -n 's/^\([^ ]*\) v\([^ |]*\)[^|]*|\(.*\)$/\1-\2|\3/p' | grep -v '^itnio-' | sort -u |
    while IFS='|' read -r crate licence; do
        folder=$(dirname "$(printf '%s\n' "$manifests" | grep "/$crate/Cargo.toml$")")
        printf '\n==== %s: %s\n' "$crate" "$licence"
        [ -n "$licence" ] || exit 1
        for file in "$folder"/LICEN[CS]E* "$folder"/COPYING* "$folder"/NOTICE*; do
            # Its text is in /usr/share/common-licenses, as Debian has it.
            case $file in *APACHE*) continue ;; esac
            [ ! -f "$file" ] || { printf '\n---- %s\n\n' "$(basename "$file")" && cat "$file"; }
        done
    done
