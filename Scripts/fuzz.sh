#!/bin/bash
# Fuzzes one target after the other, so many seconds each, from the seeds in Fuzz/corpus and what earlier runs learned
# (.build-fuzz/corpus). An input that breaks something becomes a file in Fuzz/findings/<target>, which `make test`
# replays: commit it with its fix. Ends with an error if there is one.
#
#   Scripts/fuzz.sh SECONDS [target ...]        only builds with 0 seconds
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1
shift
scratch=$PWD/.build-fuzz
runtime=$(dirname "$(swift -print-target-info | sed -n 's/.*"runtimeResourcePath": *"\(.*\)".*/\1/p')/.")/clang/lib
library=$(find -L "$runtime" -name 'libclang_rt.fuzzer_no_main*.a' | grep -e "$(uname -m)" -e osx | head -1)
[ -n "$library" ] || { echo "no libFuzzer in $runtime" >&2; exit 1; }
cxx=-lstdc++
[ "$(uname)" = Darwin ] && cxx=-lc++

# Optimized, with the checks of overflow that release builds have. The overlap of accesses is looked for, too.
build=(swift build -c release --package-path Fuzz --scratch-path "$scratch" --sanitize=address
    -Xswiftc -Xfrontend -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link
    -Xlinker "$library" -Xlinker "$cxx")
"${build[@]}" 2>&1 | grep -v 'Cannot export local symbol' || [ "${PIPESTATUS[0]}" = 0 ]
fuzz=$("${build[@]}" --show-bin-path)/fuzz

# The handler of crashes would print for minutes; AddressSanitizer prints the stack.
export SWIFT_BACKTRACE=enable=no
# RocksDB is not instrumented; what it keeps until the end of the process is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0:detect_container_overflow=0:handle_abort=1:allocator_may_return_null=1
status=0
for target in "${@:-$(cd Fuzz/corpus && echo *)}"; do set -- ${target}; for name in "$@"; do
    [ "$seconds" -gt 0 ] || continue
    learned=$scratch/corpus/$name
    mkdir -p "$learned" "Fuzz/findings/$name"
    echo "== $name"
    FUZZ_TARGET=$name "$fuzz" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=3000 -max_len=4096 -len_control=20 \
        -print_final_stats=1 -artifact_prefix="Fuzz/findings/$name/" "$learned" "Fuzz/corpus/$name" \
        > "$scratch/$name.log" 2>&1 || { status=1; echo "$name: FOUND, see $scratch/$name.log"; }
    grep -E 'stat::(number_of_executed_units|average_exec_per_sec|peak_rss_mb)|cov:|SUMMARY|Test unit' "$scratch/$name.log" | tail -6
    rmdir "Fuzz/findings/$name" 2>/dev/null || true
done; done
exit $status
