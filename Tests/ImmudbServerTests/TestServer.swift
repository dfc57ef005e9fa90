import Foundation
import ImmudbAccounts
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import Logging
import MerkleTree
import RPCTransport
import ServiceKit
import SwiftProtobuf
import TestTools
import Testing

/// A server in this process, with a folder of its own, and a client of it.
final class TestServer: Sendable {
    let server: ImmudbServer
    let client: RPCClient
    let folder: URL

    private init(server: ImmudbServer, client: RPCClient, folder: URL) {
        self.server = server
        self.client = client
        self.folder = folder
    }

    /// Runs a test against a server on an empty database, and stops it.
    ///
    /// - Parameters:
    ///   - isAuthenticating: whether calls need a token.
    ///   - signingKeyFile: the key with which roots are signed; empty for none.
    static func run(
        isAuthenticating: Bool = false, signingKeyFile: String = "",
        log: Logger = ServerLog(level: .error) { print($0) }.logger,
        _ test: (TestServer) async throws -> Void
    ) async throws {
        let folder = TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        var options = ServerOptions(directory: folder.path, port: 0)
        options.isAuthenticating = isAuthenticating
        options.signingKeyFile = signingKeyFile
        options.passwordHashing = .cheap
        let server = try await ImmudbServer.start(options, log: log)
        let client = RPCClient(.init(host: "127.0.0.1", port: server.options.port))
        let result: Result<Void, any Error>
        do {
            result = .success(
                try await test(TestServer(server: server, client: client, folder: folder.url)))
        } catch {
            result = .failure(error)
        }
        await client.shutdown()
        await server.stop(deadline: .seconds(5))
        try result.get()
    }

    /// Makes a call, and expects an answer with the server's identity.
    func call<Answer: Message>(
        _ path: String, _ request: some Message, as _: Answer.Type = Answer.self
    ) async throws -> Answer {
        let response: RPCResponse<Answer> = try await client.unary(path, request)
        #expect(response.headers.first("immudb-uuid") == "\(server.identifier)")
        return response.message
    }

    /// Makes a call, and expects an error with the server's identity.
    func refusal(
        _ path: String, _ request: some Message, metadata: Metadata = [:]
    ) async throws -> RPCError {
        do {
            let _: RPCResponse<Google_Protobuf_Empty> = try await client.unary(
                path, request, metadata: metadata)
        } catch let error as RPCError {
            #expect(error.headers.first("immudb-uuid") == "\(server.identifier)")
            return error
        }
        Issue.record("\(path) answered where an error was expected")
        throw CancellationError()
    }

    /// Makes a call, and expects a status and message, and that nothing was written.
    func expectRefusal(
        _ path: String, _ request: some Message, _ code: StatusCode, _ message: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let before = try await currentRoot()
        let error = try await refusal(path, request)
        #expect(error.code == code, "\(path)", sourceLocation: sourceLocation)
        #expect(error.message == message, "\(path)", sourceLocation: sourceLocation)
        #expect(try await currentRoot() == before, "\(path)", sourceLocation: sourceLocation)
    }
}

// Calls for tests.
extension TestServer {
    @discardableResult
    func set(_ key: String, _ value: String) async throws -> UInt64 {
        try await call(ImmuService.set, keyValue(key, value), as: Immudb_Schema_Index.self).index
    }

    func get(_ key: String) async throws -> Immudb_Schema_Item {
        try await call(ImmuService.get, keyMessage(key))
    }

    func safeSet(
        _ key: String, _ value: String, rootIndex: UInt64? = nil
    ) async throws -> Immudb_Schema_Proof {
        let request = Immudb_Schema_SafeSetOptions.with {
            $0.kv = keyValue(key, value)
            if let rootIndex { $0.rootIndex.index = rootIndex }
        }
        return try await call(ImmuService.safeSet, request)
    }

    func safeGet(_ key: String, rootIndex: UInt64? = nil) async throws -> Immudb_Schema_SafeItem {
        try await call(ImmuService.safeGet, safeGetOptions(key, rootIndex: rootIndex))
    }

    func setBatch(_ items: [(String, String)]) async throws -> UInt64 {
        let request = Immudb_Schema_KVList.with { $0.kvs = items.map(keyValue) }
        return try await call(ImmuService.setBatch, request, as: Immudb_Schema_Index.self).index
    }

    func history(_ key: String) async throws -> [Immudb_Schema_Item] {
        try await call(ImmuService.history, keyMessage(key), as: Immudb_Schema_ItemList.self).items
    }

    func byIndex(_ index: UInt64) async throws -> Immudb_Schema_Item {
        try await call(ImmuService.byIndex, indexMessage(index))
    }

    func currentRoot() async throws -> Immudb_Schema_Root {
        try await call(ImmuService.currentRoot, Google_Protobuf_Empty())
    }
}

func keyMessage(_ key: String) -> Immudb_Schema_Key {
    .with { $0.key = Data(key.utf8) }
}

func indexMessage(_ index: UInt64) -> Immudb_Schema_Index {
    .with { $0.index = index }
}

func keyValue(_ key: String, _ value: String) -> Immudb_Schema_KeyValue {
    .with {
        $0.key = Data(key.utf8)
        $0.value = Data(value.utf8)
    }
}

func safeGetOptions(_ key: String, rootIndex: UInt64?) -> Immudb_Schema_SafeGetOptions {
    .with {
        $0.key = Data(key.utf8)
        if let rootIndex { $0.rootIndex.index = rootIndex }
    }
}

extension Immudb_Schema_Proof {
    /// Checks the inclusion of the leaf, and the consistency with the trusted root, if there is
    /// one.
    func verify(leaf expected: Digest, trusted: Immudb_Schema_Root? = nil) throws {
        let leaf = try #require(Digest(self.leaf))
        let root = try #require(Digest(self.root))
        #expect(leaf == expected)
        let size = TreeSize(lastIndex: EntryIndex(at))
        var inclusion = InclusionProof(index: EntryIndex(index), size: size, path: [])
        inclusion.path = try inclusionPath.map { try #require(Digest($0)) }
        try inclusion.verify(leaf: leaf, root: root)
        guard let trusted else { return }
        let from = TreeSize(lastIndex: EntryIndex(trusted.index))
        var consistency = ConsistencyProof(from: from, to: size, path: [])
        consistency.path = try consistencyPath.map { try #require(Digest($0)) }
        try consistency.verify(from: try #require(Digest(trusted.root)), to: root)
    }
}
