#!/bin/sh
# Repeatedly kills a server by SIGKILL in the middle of its writes, and proves that no acknowledged entry was lost.
#
#   Scripts/crash-test.sh                      20 rounds with bin/immudb
#   Scripts/crash-test.sh 1000                 as many rounds as you like
#   Scripts/crash-test.sh 20 path/to/immudb    another executable
#
# Further arguments go to Tests/EndToEndTests/Python/crash_test.py: --seed, --writers, --folder; arguments that it does
# not know go to the server.
set -eu
cd "$(dirname "$0")/.."

rounds="${1:-20}"
[ $# -gt 0 ] && shift
executable="${1:-bin/immudb}"
[ $# -gt 0 ] && shift

. Scripts/find-server.sh
exec "$python" Tests/EndToEndTests/Python/crash_test.py "$executable" --rounds "$rounds" "$@"
