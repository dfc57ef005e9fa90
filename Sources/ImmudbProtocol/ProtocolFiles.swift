import Foundation
public import SwiftProtobuf

/// The .proto files of this module, as protoc compiles them.
public enum ProtocolFiles {
    /// Descriptors of the files and of all that they import. Imported files come first.
    public static let descriptors: [Google_Protobuf_FileDescriptorProto] = {
        guard
            let bytes = Data(base64Encoded: protocolDescriptor, options: .ignoreUnknownCharacters),
            let set = try? Google_Protobuf_FileDescriptorSet(serializedBytes: bytes)
        else {
            preconditionFailure("Generated/ProtocolDescriptor.swift is damaged: run make generate")
        }
        return set.file
    }()
}
