#!/bin/bash
# Runs the tests of RPCTransport and ImmudbServer under one sanitizer after the other. Ends with an error if one
# reports anything, or a test fails.
#
#   Scripts/sanitize.sh SECONDS thread|address ...       so many seconds for each stress test
set -euo pipefail
cd "$(dirname "$0")/.."
export IMMUDB_STRESS_SECONDS=$1
shift
# The handler of crashes would print for minutes; the sanitizers print the stacks.
export SWIFT_BACKTRACE=enable=no
suppressions=$PWD/Scripts/sanitize-thread.supp
status=0
for sanitizer in "$@"; do
    scratch=$PWD/.build-sanitize/$sanitizer
    mkdir -p "$scratch"
    log=$scratch/reports
    rm -f "$log".*
    # Reports go to files, since a test's output would hide them; the run goes on, so that all are seen.
    export TSAN_OPTIONS="suppressions=$suppressions log_path=$log halt_on_error=0 second_deadlock_stack=1 history_size=4"
    # RocksDB's strings come from a library without instruments: where they grow cannot be told.
    export ASAN_OPTIONS="log_path=$log detect_leaks=0 detect_container_overflow=0"
    options=(--sanitize="$sanitizer" --scratch-path "$scratch")
    swift build --build-tests "${options[@]}" 2>&1 | grep -v 'Cannot export local symbol' \
        || [ "${PIPESTATUS[0]}" = 0 ]
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=8 swift test --skip-build "${options[@]}" \
        --filter 'RPCTransportTests|ImmudbServerTests' || status=1
    reports=$(cat "$log".* 2>/dev/null | grep -c '^SUMMARY:' || true)
    echo "$sanitizer: $reports reports"
    if [ "$reports" != 0 ]; then
        cat "$log".* | grep '^SUMMARY:' | sort | uniq -c | sort -rn
        echo "in full: $log.*"
        status=1
    fi
done
exit $status
