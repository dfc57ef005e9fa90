#!/bin/sh
# Attacks a server over real sockets, and expects that an honest client beside the attacks notices nothing.
#
#   Scripts/abuse.sh                              every attack, with bin/immudb; takes about half an hour
#   Scripts/abuse.sh --only deadlines,resets      attacks or families by name
#   Scripts/abuse.sh --list                       their names, and what each does
#   Scripts/abuse.sh --executable path/to/immudb  another executable
#
# Further arguments go to Tests/EndToEndTests/Python/abuse.py: --short, --seconds N, --seed N, --memory-bound MIB,
# --lenient (for debug builds). Exits with 1 if there are findings; each is printed with the command that repeats it.
set -eu
cd "$(dirname "$0")/.."

if [ "$(uname -s)" != Linux ]; then
    echo "this test needs Linux: it reads /proc and uses epoll" >&2
    exit 1
fi
. Scripts/find-server.sh
exec "$python" Tests/EndToEndTests/Python/abuse.py "$executable" "$@"
