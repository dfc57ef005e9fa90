import Foundation
import ImmudbProtocol
import SwiftProtobuf
import Testing

/// Compares the .proto files, as protoc compiles them, with the specification.
@Suite("The protocol's definition")
struct DescriptorTests {
    /// The descriptors of immudb's own files.
    let files = ProtocolFiles.descriptors.filter { ["immudb.schema", "pb"].contains($0.package) }

    @Test("has every message and field of the specification, and no other")
    func messagesAreThoseOfTheSpecification() throws {
        var found: [String] = []
        for file in files {
            #expect(file.syntax == "proto3")
            #expect(file.enumType.isEmpty)
            let prefix = file.package == "pb" ? "pb." : ""
            for message in file.messageType {
                #expect(message.nestedType.isEmpty && message.oneofDecl.isEmpty)
                let fields = try message.field.map { try describe($0, in: file.package) }
                found.append("\(prefix)\(message.name): \(fields.joined(separator: "; "))")
            }
        }
        let expected = Specification.messages.split(separator: "\n").map(String.init)
        #expect(expected.count == 42)
        #expect(found.sorted() == expected.sorted())
    }

    @Test("has every method of the specification, with its messages and its kind of answer")
    func methodsAreThoseOfTheSpecification() throws {
        let service = try #require(files.first { $0.package == "immudb.schema" }?.service.first)
        #expect(service.name == "ImmuService")
        let found = service.method.map { method in
            #expect(!method.clientStreaming, "\(method.name)")
            let stream = method.serverStreaming ? "stream " : ""
            return "\(method.name) \(short(method.inputType)) \(stream)\(short(method.outputType))"
        }
        let expected = Specification.methods.split(separator: "\n").map(String.init)
        #expect(expected.count == 36)
        #expect(found.sorted() == expected.sorted())
    }

    @Test("agrees with the table of paths")
    func tableOfPaths() throws {
        let service = try #require(files.first { $0.package == "immudb.schema" }?.service.first)
        #expect(ImmuService.methods.map(\.name) == service.method.map(\.name))
        #expect(ImmuService.methods.map(\.streamsAnswers) == service.method.map(\.serverStreaming))
        for method in ImmuService.methods {
            #expect(method.path == "/immudb.schema.ImmuService/\(method.name)")
        }
        #expect(ImmuService.safeSet == "/immudb.schema.ImmuService/SafeSet")
    }

    @Test("gives every field the JSON name that it has in the definition")
    func jsonNames() {
        for file in files where file.package == "immudb.schema" {
            for field in file.messageType.flatMap(\.field) {
                #expect(field.jsonName == field.name)
            }
        }
    }

    private func describe(
        _ field: Google_Protobuf_FieldDescriptorProto, in package: String
    ) throws -> String {
        let type =
            switch field.type {
            case .bytes: "bytes"
            case .uint64: "uint64"
            case .uint32: "uint32"
            case .bool: "bool"
            case .double: "double"
            case .message: short(field.typeName, in: package)
            default: "\(field.type)"
            }
        try #require(field.label == .repeated || field.label == .optional)
        try #require(!field.proto3Optional && !field.hasDefaultValue)
        return "\(field.number) \(type)\(field.label == .repeated ? "*" : "") \(field.name)"
    }

    /// Returns a name as the specification writes it: without the package where it is used.
    private func short(_ name: String, in package: String = "immudb.schema") -> String {
        for prefix in [".\(package).", "."] where name.hasPrefix(prefix) {
            return String(name.dropFirst(prefix.count))
        }
        return name
    }
}
