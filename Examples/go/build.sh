#!/bin/sh
# Generates the Go of the messages and compiles verified.go: build.sh FOLDER makes FOLDER/verified.
#
# With the packages of Debian (golang-go, golang-google-grpc-dev, protoc-gen-go-1-3), which this installs if they are
# missing. Their protoc-gen-go takes one package at a time and has gRPC as a plugin; docs/protocol.md has the commands
# for the generators of go.dev. The generated code is not committed: it depends on the version of the library.
set -eu
folder="$(mkdir -p "${1:?which folder?}" && cd "$1" && pwd)"
cd "$(dirname "$0")/../.."

missing=
for package in golang-go golang-google-grpc-dev protoc-gen-go-1-3 protobuf-compiler; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
done
if [ -n "$missing" ]; then
    echo "installing$missing"
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    # shellcheck disable=SC2086
    if ! { $sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq $missing >/dev/null; }; then
        echo "Examples/go is not compiled, and its test is skipped: the packages above cannot be installed" >&2
        exit 0
    fi
fi

mkdir -p "$folder/src"
for file in pb.proto schema.proto; do
    protoc --proto_path=Sources/ImmudbProtocol/Protos "$file" \
        --go_out="plugins=grpc,Mgoogle/protobuf/empty.proto=github.com/golang/protobuf/ptypes/empty:$folder/src"
done
GO111MODULE=off GOFLAGS='' GOPATH="$folder:/usr/share/gocode" go build -o "$folder/verified" Examples/go/verified.go
