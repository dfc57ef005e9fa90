#!/bin/bash
# Builds and runs every test. Prints warnings and errors of the build, failures in full, and the runner's summary as the
# last line. The complete output is in .build/test.log.
#
#   Scripts/test.sh PRODUCT ...      builds these products, then runs all tests of the package
#
# IMMUDB_TEST_WIDTH=8 is the number of tests that run at a time. Exits with the code of the failed command.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build
log=.build/test.log

# Tests and compiler get a folder for temporary files that is removed at the end. Without one, each build leaves folders
# TemporaryDirectory.* in /tmp. The name is the same each time: SwiftPM reads all manifests again when TMPDIR changes. It
# is not in .build: some tests run programs as another user, who may have no access to the repository.
parent=${TMPDIR:-/tmp}
export TMPDIR=${parent%/}/immudb-make-test.$(id -u).$(pwd -P | cksum | cut -d ' ' -f 1)
if other=$(cat "$TMPDIR/pid" 2>/dev/null) && kill -0 "$other" 2>/dev/null; then
    echo "process $other runs these tests already: wait for it, or end it" >&2
    exit 1
fi
rm -rf "$TMPDIR"
mkdir -m 711 "$TMPDIR"
trap 'rm -rf "$TMPDIR"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
echo $$ >"$TMPDIR/pid"
exec 3>"$log"

# Shows warnings, errors and notes of a build, not the files that it compiles.
showBuild() {
    local line
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "$line" >&3
        case $line in
            '['[0-9]*/[0-9]*'] '* | Fetching\ * | Fetched\ * | Computing\ * | Computed\ * | Creating\ * | Working\ * | \
                "warning: 'swift-distributed-tracing': found "* | Updating\ * | Updated\ * | Building\ for\ * | Build\ complete!* | Build\ of\ product\ *) ;;
            *) printf '%s\n' "$line" ;;
        esac
    done
}

# Shows failures, skipped tests, crashes and the summary, not tests that start or pass. A line without a mark continues
# the marked line before it: an argument or a message of several lines. Lines are counted on a terminal.
showTests() {
    local line isShown= count=0 summary= isCounting=
    [ -t 2 ] && isCounting=1
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "$line" >&3
        case $line in
            '✔ Test run with '* | '✘ Test run with '*)
                summary=$line
                isShown=
                continue
                ;;
            '✔ Test '*' known issue'*) isShown=1 ;;
            '✔ Test case '* | '✔ Suite '*) isShown= ;;
            '✔ Test '*)
                isShown=
                count=$((count + 1))
                [ -z "$isCounting" ] || printf '\r\033[K%d tests passed' "$count" >&2
                ;;
            '◇ '*) isShown= ;;
            '✘ '* | '➜ '* | '⚠'* | '± '*) isShown=1 ;;
            'error: '* | 'warning: '* | *'Fatal error: '* | *'Precondition failed'* | '*** '* | '💣 '* | *Sanitizer:*)
                isShown=1
                ;;
        esac
        [ -n "$isShown" ] || continue
        [ -z "$isCounting" ] || printf '\r\033[K' >&2
        printf '%s\n' "$line"
    done
    [ -z "$isCounting" ] || printf '\r\033[K' >&2
    if [ -z "$summary" ]; then
        echo "the test runner ended without a summary; the last lines of its output:"
        tail -n 40 "$log"
    fi
    listLeftovers
    echo "complete output: $log"
    [ -z "$summary" ] || printf '%s\n' "$summary"
}

# Names the files that the tests left behind, except the compiler's folders and SwiftPM's locks.
listLeftovers() {
    local left
    left=$(find "$TMPDIR" -mindepth 1 -maxdepth 1 ! -name pid ! -name 'TemporaryDirectory.*' ! -name '_*.lock' -exec basename {} \; | sort)
    [ -z "$left" ] || echo "tests left these in the folder for temporary files, which is removed:" $left
}

for product in "$@"; do
    echo "building $product"
    swift build --product "$product" 2>&1 3>&- | showBuild
done
echo "running all tests: some minutes"
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${IMMUDB_TEST_WIDTH:-8}
swift test --skip-build 2>&1 3>&- | showTests
