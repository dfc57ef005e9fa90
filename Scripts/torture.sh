#!/bin/sh
# Tortures a server on the real kernel and proves that it kept its promises: system calls that fail (injected by
# strace), full disks, exhausted descriptors, signals at any time, copies made under load.
#
#   Scripts/torture.sh                             everything, with bin/immudb; takes about two hours
#   Scripts/torture.sh --short                     a sample of the faults by seed, within 90 s
#   Scripts/torture.sh --only sweep                one part, or several with commas between:
#                 sweep      every system call of a workload fails once
#                 order      no answer leaves before its entry is on the disk
#                 disk       no bytes, inodes or descriptors left; a file size limit; a disk that goes read-only
#                 lifecycle  SIGTERM at any time, two servers on a folder, SIGSTOP, clocks set back
#                 copy cp -a of an open database's folder kill kill -9 under load:
#                 Tests/EndToEndTests/Python/crash_test.py
#   Scripts/torture.sh --only sweep --match ledger/openat    the faults that have this in their name
#   Scripts/torture.sh --only sweep --case NAME    the fault of this name, as a finding prints it
#   Scripts/torture.sh --executable path/to/immudb another executable
#
# Further: --rounds N (of kill and lifecycle; of sweep: a sample of N faults), --seconds N, --seed N, --keep (the
# folders of findings), --folder (where to work: a real disk). Mounts need root; without it their tests are skipped.
# The clock is set back only if libfaketime is installed, or IMMUDB_TEST_FAKETIME is the path of its library.
# Exits with 1 if there are findings; each is printed with the command that repeats it.
set -eu
cd "$(dirname "$0")/.."

if [ "$(uname -s)" != Linux ]; then
    echo "this test needs Linux: it makes system calls fail by strace" >&2
    exit 1
fi
command -v strace >/dev/null || {
    echo "strace is missing: run Scripts/install-dependencies.sh, or apt-get install strace" >&2
    exit 1
}
. Scripts/find-server.sh
exec "$python" Tests/EndToEndTests/Python/torture.py "$executable" "$@"
