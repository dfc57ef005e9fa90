#!/bin/bash
# Runs the tests of RPCTransport, server, accounts, operations, store, backups, auditor and gateway under one sanitizer
# after the other. Fails if a sanitizer reports anything or a test fails. The builds are in .build-thread and
# .build-address.
#
#   Scripts/sanitize.sh SECONDS thread|address ...       SECONDS for each stress test
set -euo pipefail
cd "$(dirname "$0")/.."
export IMMUDB_STRESS_SECONDS=$1
shift
# The crash handler would print for minutes; the sanitizers print the stacks.
export SWIFT_BACKTRACE=enable=no
status=0
for sanitizer in "$@"; do
    scratch=$PWD/.build-$sanitizer
    mkdir -p "$scratch"
    log=$scratch/reports
    rm -f "$log".*
    # Reports go to files, since test output would hide them; a run continues after a report, so that it shows all of
    # them.
    export TSAN_OPTIONS="suppressions=$PWD/Scripts/sanitize-thread.supp log_path=$log halt_on_error=0 history_size=4"
    # RocksDB is not instrumented: the growth of its strings cannot be told from an overflow.
    export ASAN_OPTIONS="log_path=$log detect_leaks=0 detect_container_overflow=0"
    options=(--sanitize="$sanitizer" --scratch-path "$scratch")
    if [ "$sanitizer" = thread ] && [ "$(uname)" = Linux ]; then
        clang -O1 -fPIC -c Scripts/sanitize-mutex.c -o "$scratch/sanitize-mutex.o"
        options+=(-Xlinker "$scratch/sanitize-mutex.o")
    fi
    swift build --product immudbPackageTests "${options[@]}" 2>&1 | grep -v 'Cannot export local symbol' \
        || [ "${PIPESTATUS[0]}" = 0 ]
    # UnreadAnswersTests measures times and the memory of this process; a sanitizer changes both.
    SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=8 swift test --skip-build "${options[@]}" \
        --filter 'RPCTransportTests|ImmudbServerTests|ImmudbAccountsTests|ImmudbOperationsTests|ImmudbStoreTests|BackupTests|ImmudbAuditorTests|ImmudbGatewayTests' --skip UnreadAnswersTests || status=1
    reports=$(cat "$log".* 2>/dev/null | grep -c '^SUMMARY:' || true)
    echo "$sanitizer: $reports reports"
    if [ "$reports" != 0 ]; then
        cat "$log".* | grep '^SUMMARY:' | sort | uniq -c | sort -rn
        echo "in full: $log.*"
        status=1
    fi
done
exit $status
