import Foundation
import ImmudbProtocol
import ImmudbServer
import ImmudbStore
import RPCTransport
import ServiceKit
import SwiftProtobuf
import Synchronization
import Testing

/// The log of a server that an operator starts with LOG_LEVEL=debug.
@Suite("Debug lines")
struct DebugLogTests {
    @Test("are one for each call, also for a refused one")
    func everyCall() async throws {
        let lines = Lines()
        try await TestServer.run(log: lines.log.logger) { server in
            try await server.set("key", "value")
            for method in ImmuService.methods {
                lines.clear()
                // An empty message is a valid request of each method: all fields have their
                // defaults.
                let empty = Google_Protobuf_Empty()
                if method.streamsAnswers {
                    _ = try await server.dump()
                } else {
                    let answer: RPCResponse<Google_Protobuf_Empty>? =
                        try? await server.client.unary(method.path, empty)
                    _ = answer
                }
                #expect(lines.all.count == 1, "\(method.name): \(lines.all)")
            }
        }
    }

    @Test("have a call's arguments and its outcome, but no password")
    func content() async throws {
        let lines = Lines()
        try await TestServer.run(log: lines.log.logger) { server in
            func line(of call: () async throws -> Void) async throws -> String {
                lines.clear()
                try await call()
                return try #require(lines.all.first)
            }
            _ = try await server.set("k", "four")
            #expect(try await line { _ = try await server.get("k") } == "get k 4 bytes")
            #expect(try await line { _ = try await server.safeGet("k") } == "safeget k 4 bytes")
            for (path, name) in [(ImmuService.get, "get"), (ImmuService.getSV, "get")] {
                let miss = try await line {
                    _ = try await server.refusal(path, keyMessage("none"))
                }
                #expect(miss == "\(name) none: item not found")
            }
            let safeMiss = try await line {
                _ = try await server.refusal(
                    ImmuService.safeGet, safeGetOptions("none", rootIndex: nil))
            }
            #expect(safeMiss == "safeget none: item not found")
            let invalid = try await line {
                _ = try await server.refusal(ImmuService.get, keyMessage(""))
            }
            #expect(invalid == "get : invalid key")
            let root = try await line { _ = try await server.currentRoot() }
            #expect(root == "current root of 1 entries")
            let login = try await line {
                let request = Immudb_Schema_LoginRequest.with { $0.password = .init("secret".utf8) }
                _ = try await server.refusal(ImmuService.login, request)
            }
            #expect(login == "login: authentication is disabled on server")
        }
    }

    /// Collects the messages of the level debug.
    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { lines.withLock { $0 } }
        func clear() { lines.withLock { $0 = [] } }

        var log: ServerLog {
            ServerLog(level: .debug) { line in
                guard let place = line.firstRange(of: " DEBUG: ") else { return }
                self.lines.withLock { $0.append(String(line[place.upperBound...])) }
            }
        }
    }
}
