#!/bin/sh
# Runs a command against a sandbox gateway of its own:
#
#     with-sandbox.sh GATEWAY COMMAND [ARGUMENT...]
#
# GATEWAY is the compiled example (target/debug/examples/gateway). It listens on a free port and is
# stopped when the command ends, or when this script is told to. The command finds it through
# ITNIO_BASE_URL and ITNIO_CA_FILE, with the sandbox's credentials in ITNIO_API_KEY and
# ITNIO_API_SECRET, and past any proxy.
#
# The exit status is the command's, or 70 if the gateway did not start.
set -eu

if [ $# -lt 2 ]; then
    echo 'usage: with-sandbox.sh GATEWAY COMMAND [ARGUMENT...]' >&2
    exit 64
fi
program=$1
shift

gateway=
command=
directory=
starting=
stop=

# Ends what this script has started, and nothing else: each by its own number. A second signal must
# not end this half-way.
finish() {
    trap '' HUP INT TERM
    for pid in $command $gateway; do
        kill "$pid" 2>/dev/null || :
        wait "$pid" 2>/dev/null || :
    done
    [ -z "$directory" ] || rm -rf "$directory"
}

# A signal must not come between the start of something and the note of its name: it has to wait.
interrupted() {
    stop=$1
    [ -n "$starting" ] || exit "$stop"
}
noted() {
    starting=
    [ -z "$stop" ] || exit "$stop"
}
trap finish EXIT
trap 'interrupted 129' HUP
trap 'interrupted 130' INT
trap 'interrupted 143' TERM

starting=yes
directory=$(mktemp -d "${TMPDIR:-/tmp}/itnio-sandbox.XXXXXX")
noted

log=$directory/gateway.log
: >"$log"
starting=yes
"$program" --port 0 --ca-file "$directory/ca.pem" >"$log" 2>&1 &
gateway=$!
noted

# It is ready in a few milliseconds; a busy machine gets ten seconds.
tries=0
until grep -q '^ready$' "$log"; do
    tries=$((tries + 1))
    if [ "$tries" -gt 100 ] || ! kill -0 "$gateway" 2>/dev/null; then
        echo 'with-sandbox.sh: the gateway did not start; it said:' >&2
        cat "$log" >&2
        exit 70
    fi
    sleep 0.1
done

ITNIO_API_KEY=bDqJFiq9
ITNIO_API_SECRET=7bz1lzh9
ITNIO_BASE_URL=$(sed -n 's/^base_url=//p' "$log")
ITNIO_CA_FILE=$(sed -n 's/^ca_file=//p' "$log")
NO_PROXY=127.0.0.1${NO_PROXY:+,$NO_PROXY}
no_proxy=127.0.0.1${no_proxy:+,$no_proxy}
export ITNIO_API_KEY ITNIO_API_SECRET ITNIO_BASE_URL ITNIO_CA_FILE NO_PROXY no_proxy

# In the background, because a shell that waits for a command in the foreground leaves its signals
# for later.
starting=yes
"$@" &
command=$!
noted
status=0
wait "$command" || status=$?
command=

if [ "$status" -ne 0 ]; then
    echo 'with-sandbox.sh: what the gateway saw:' >&2
    sed '1,/^ready$/d' "$log" >&2
fi
exit "$status"
