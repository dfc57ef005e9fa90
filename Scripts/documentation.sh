#!/bin/bash
# Builds the documentation of each library from its catalog and the comments of its public symbols. Fails on any docc
# warning.
#
#   Scripts/documentation.sh FOLDER      writes FOLDER/<library>; needs a debug build, and the toolchain's docc
set -euo pipefail
folder=$(mkdir -p "${1:?which folder?}" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
build=$(cd .build/debug && pwd -P)
target=$(swift -print-target-info | sed -n 's/.*"unversionedTriple": "\(.*\)".*/\1/p' | head -1)
options=(-I "$build/Modules")
for module in CNghttp2 CLibcrypto CRocksDB CStatfs; do options+=(-I "Sources/$module"); done
for map in .build/checkouts/*/Sources/*/include/module.modulemap; do options+=(-I "${map%/*}"); done
# The C modules of this package and of its dependencies.
for map in "$build"/{C*,RocksDBBridge}.build/module.modulemap; do options+=(-Xcc "-fmodule-map-file=$map"); done
status=0
for library in ImmudbStore ImmudbClient ImmudbVerification ImmudbModel MerkleTree; do
    symbols=$folder/$library.symbols
    rm -rf "$symbols"
    mkdir -p "$symbols"
    swift-symbolgraph-extract -module-name "$library" "${options[@]}" -target "$target" \
        -minimum-access-level public -output-dir "$symbols"
    docc convert "Sources/$library/$library.docc" --additional-symbol-graph-dir "$symbols" \
        --fallback-display-name "$library" --fallback-bundle-identifier "immudb.$library" \
        --output-path "$folder/$library" --warnings-as-errors || status=1
done
[ $status = 0 ] && echo "documentation: $folder"
exit $status
