#!/bin/sh
# Generates the Swift messages of Sources/ImmudbProtocol from its .proto files, and the descriptors for the server's
# reflection service. The results are committed: run this only after changing a .proto file.
#
# Needs protoc (Debian: protobuf-compiler; macOS: brew install protobuf). The plug-in is built from the
# swift-protobuf that the package itself uses, so that generator and runtime match.
set -eu
cd "$(dirname "$0")/.."

protos=Sources/ImmudbProtocol/Protos
generated=Sources/ImmudbProtocol/Generated
descriptor="$generated/ProtocolDescriptor.swift"
files="schema.proto pb.proto health.proto reflection.proto admin.proto"

command -v protoc >/dev/null || {
    echo "protoc is missing: apt-get install protobuf-compiler, or brew install protobuf" >&2
    exit 1
}
echo "building protoc-gen-swift (about a minute the first time)"
swift build --product protoc-gen-swift

mkdir -p "$generated"
plugin="$(swift build --show-bin-path)/protoc-gen-swift"
protoc --plugin=protoc-gen-swift="$plugin" --proto_path="$protos" \
    --swift_opt=Visibility=Public --swift_opt=UseAccessLevelOnImports=true \
    --swift_out="$generated" $files

set_file="$(mktemp)"
trap 'rm -f "$set_file"' EXIT
protoc --proto_path="$protos" --include_imports --descriptor_set_out="$set_file" $files
{
    echo "// Made by Scripts/generate-protocol.sh: do not edit."
    echo
    echo "/// What protoc understands of $files, and of what they import:"
    echo "/// a FileDescriptorSet, in base64 with line breaks."
    echo 'let protocolDescriptor = """'
    base64 <"$set_file" | tr -d '\n' | fold -w 96 | sed 's/^/    /'
    echo
    echo '    """'
} >"$descriptor"
echo "written: $generated"
