import Foundation
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf

/// The standard reflection service of gRPC: lists the services for tools such as grpcurl, and sends
/// the files that define them. All of it is public.
struct Reflection: Sendable {
    private typealias Question = Grpc_Reflection_V1_ServerReflectionRequest
    private typealias Answer = Grpc_Reflection_V1_ServerReflectionResponse

    private let services: [String]
    private let fileOfSymbol: [String: String]
    private let messageTypes: Set<String>
    /// For each file, its descriptor and those of all files that it imports, as they are sent.
    private let filesFromName: [String: [Data]]

    init(_ descriptors: [Google_Protobuf_FileDescriptorProto] = ProtocolFiles.descriptors) throws {
        var symbols = DefinedSymbols()
        for file in descriptors { symbols.add(file) }
        services = symbols.services.sorted()
        fileOfSymbol = symbols.fileOfName
        messageTypes = symbols.messageTypes

        let files = Dictionary(descriptors.map { ($0.name, $0) }) { first, _ in first }
        let bytes = try files.mapValues { try $0.serializedBytes() as Data }
        filesFromName = files.mapValues { file in
            var names = [file.name]
            var next = 0
            while next < names.count {
                for name in files[names[next]]?.dependency ?? [] where !names.contains(name) {
                    names.append(name)
                }
                next += 1
            }
            return names.compactMap { bytes[$0] }
        }
    }

    var methods: [RPCMethod] {
        [
            .conversation(ReflectionService.info, answer),
            .conversation(ReflectionService.olderInfo, answer),
        ]
    }

    private func answer(_ question: Question) throws(RPCError) -> Answer {
        var answer = Answer()
        answer.validHost = question.host
        answer.originalRequest = question
        switch question.messageRequest {
        case .listServices:
            answer.listServicesResponse.service = services.map { name in .with { $0.name = name } }
        case .fileByFilename(let name):
            if let files = filesFromName[name] {
                answer.fileDescriptorResponse.fileDescriptorProto = files
            } else {
                answer.errorResponse = Self.notFound("file", name)
            }
        case .fileContainingSymbol(let name):
            if let files = fileOfSymbol[name].flatMap({ filesFromName[$0] }) {
                answer.fileDescriptorResponse.fileDescriptorProto = files
            } else {
                answer.errorResponse = Self.notFound("symbol", name)
            }
        case .fileContainingExtension(let wanted):
            answer.errorResponse = Self.notFound("extension of", wanted.containingType)
        case .allExtensionNumbersOfType(let name):
            if messageTypes.contains(name) {
                answer.allExtensionNumbersResponse.baseTypeName = name
            } else {
                answer.errorResponse = Self.notFound("message", name)
            }
        case nil:
            throw RPCError(.invalidArgument, "the request asks for nothing that this server knows")
        }
        return answer
    }

    private static func notFound(
        _ what: String, _ name: String
    ) -> Grpc_Reflection_V1_ErrorResponse {
        .with {
            $0.errorCode = Int32(StatusCode.notFound.rawValue)
            $0.errorMessage = "there is no \(what) '\(name.prefix(200))'"
        }
    }
}

/// The full names of the symbols that files define.
private struct DefinedSymbols {
    private(set) var services: [String] = []
    private(set) var messageTypes: Set<String> = []
    private(set) var fileOfName: [String: String] = [:]

    mutating func add(_ file: Google_Protobuf_FileDescriptorProto) {
        let scope = file.package.isEmpty ? "" : file.package + "."
        for service in file.service {
            services.append(scope + service.name)
            fileOfName[scope + service.name] = file.name
            for method in service.method {
                fileOfName[scope + service.name + "." + method.name] = file.name
            }
        }
        for type in file.enumType { add(type, scope, file.name) }
        for type in file.messageType { add(type, scope, file.name) }
    }

    private mutating func add(
        _ type: Google_Protobuf_DescriptorProto, _ scope: String, _ file: String
    ) {
        let name = scope + type.name
        messageTypes.insert(name)
        fileOfName[name] = file
        for field in type.field { fileOfName[name + "." + field.name] = file }
        for oneof in type.oneofDecl { fileOfName[name + "." + oneof.name] = file }
        for inner in type.enumType { add(inner, name + ".", file) }
        for inner in type.nestedType { add(inner, name + ".", file) }
    }

    /// Adds an enum and its values, whose names are siblings of the enum's, as in C++.
    private mutating func add(
        _ type: Google_Protobuf_EnumDescriptorProto, _ scope: String, _ file: String
    ) {
        fileOfName[scope + type.name] = file
        for value in type.value { fileOfName[scope + value.name] = file }
    }
}
