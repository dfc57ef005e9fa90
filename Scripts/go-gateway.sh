#!/bin/sh
# Builds .build/go-gateway, with which `immudb-bench gateway` compares immugw. Needs Debian's golang-go,
# golang-google-grpc-dev, golang-goprotobuf-dev and protobuf-compiler.
set -eu
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
mkdir -p "$work/src" .build
cp -r Benchmarks/go-gateway "$work/src/"
options=plugins=grpc,Mgoogle/protobuf/empty.proto=github.com/golang/protobuf/ptypes/empty
for file in schema.proto pb.proto; do
    protoc --proto_path=Sources/ImmudbProtocol/Protos --go_out="$options:$work/src" "$file"
done
GOPATH="$work:/usr/share/gocode" GOCACHE="$work/cache" GO111MODULE=off GOFLAGS= \
    go build -o .build/go-gateway go-gateway
