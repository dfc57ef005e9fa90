#!/bin/bash
# Fuzzes one target after the other, from the seeds in Fuzz/corpus and from what earlier runs learned
# (.build-fuzz/corpus). An input that breaks a target becomes a file in Fuzz/findings/<target>, which `make test`
# replays: commit it with its fix. Fails if there are findings.
#
#   Scripts/fuzz.sh SECONDS [target ...]        SECONDS for each target; 0 only builds
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
scratch=$PWD/.build-fuzz
runtime=$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')/clang/lib
library=$(find -L "$runtime" -name 'libclang_rt.fuzzer_no_main*.a' | grep -e "$(uname -m)" -e osx | head -1)
[ -n "$library" ] || { echo "no libFuzzer in $runtime" >&2; exit 1; }
cxx=-lstdc++
[ "$(uname)" = Darwin ] && cxx=-lc++

# Optimized, as the releases are, but with the run-time checks for overlapping accesses.
build=(swift build -c release --package-path Fuzz --scratch-path "$scratch" --sanitize=address
    -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link
    -Xlinker "$library" -Xlinker "$cxx")
"${build[@]}" 2>&1 | grep -v 'Cannot export local symbol' || [ "${PIPESTATUS[0]}" = 0 ]
fuzz=$("${build[@]}" --show-bin-path)/fuzz

# The crash handler would print for minutes; AddressSanitizer prints the stack.
export SWIFT_BACKTRACE=enable=no
# RocksDB is not instrumented: memory that it keeps until the process ends looks like a leak, and the growth of its
# strings like an overflow.
export ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:handle_abort=1:allocator_may_return_null=1
targets=("$@")
[ $# -gt 0 ] || targets=($(ls Fuzz/corpus))
status=0
for name in "${targets[@]}"; do
    [ "$seconds" -gt 0 ] || break
    learned=$scratch/corpus/$name
    log=$scratch/$name.log
    mkdir -p "$learned" "Fuzz/findings/$name"
    echo "== $name"
    FUZZ_TARGET=$name nice "$fuzz" -max_total_time="$seconds" -timeout=120 -report_slow_units=120 \
        -rss_limit_mb=3000 -max_len=4096 -len_control=20 -print_final_stats=1 \
        -artifact_prefix="Fuzz/findings/$name/" "$learned" "Fuzz/corpus/$name" > "$log" 2>&1 || { status=1; echo "$name: FOUND, see $log"; }
    grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|cov:|SUMMARY|Test unit' "$log" | tail -6
    rmdir "Fuzz/findings/$name" 2>/dev/null || true
done
exit $status
