#!/usr/bin/env bash
# Starts a separate systemd on a copy of this machine's files, in namespaces and in memory; service-test/scenario.sh
# installs, manages and removes the service there. Needs Linux, root, and the systemd package.
#
#     Scripts/service-test.sh [folder of the executables, default bin]
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "${1:-bin}" && pwd)
[ "$(id -u)" = 0 ] || { echo "run this as root: it makes namespaces with a systemd in them" >&2; exit 1; }

work=$(mktemp -d /tmp/immudb-service-test.XXXXXX)
mkdir "$work/share" "$work/memory" "$work/root"
touch "$work/share/output"
for name in immudb immugw immuadmin immuclient; do cp "$bin/$name" "$work/share/"; done
cp "$here/service-test/scenario.sh" "$work/share/"

# A separate control group for that systemd.
hierarchy=/sys/fs/cgroup
[ ! -d $hierarchy/systemd ] || hierarchy=$hierarchy/systemd
group=$hierarchy/$(basename "$work")
mkdir "$group"

(
    echo "$BASHPID" >"$group/cgroup.procs"
    exec unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child \
        "$here/service-test/boot.sh" "$work" >"$work/boot.log" 2>&1 </dev/null
) &
systemd=$!
cleanup() {
    kill -9 "$systemd" 2>/dev/null || true
    wait "$systemd" 2>/dev/null || true
    # Its processes take a while to exit.
    for _ in $(seq 50); do
        find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
        [ -d "$group" ] || break
        sleep 0.1
    done
    rm -rf "$work"
}
trap cleanup EXIT

for _ in $(seq 300); do
    [ ! -e "$work/share/result" ] || break
    kill -0 "$systemd" 2>/dev/null || break
    sleep 1
done
cat "$work/share/output"
if [ "$(cat "$work/share/result" 2>/dev/null)" != 0 ]; then
    cat "$work/boot.log"
    echo "FAILED" >&2
    exit 1
fi
