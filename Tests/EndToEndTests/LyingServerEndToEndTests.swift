import Foundation
import ImmudbClient
import ImmudbProtocol
import MerkleTree
import RPCTransport
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

/// A server whose tree has six entries until the first write. After that it is empty, or has only
/// the new entry.
private final class ShrinkingServer: Sendable {
    private let server: RPCServer
    var port: Int { server.port }

    /// - Parameters:
    ///   - refusesWrites: whether it refuses writes, as a server with fewer entries than the client
    ///     trusts.
    ///   - pages: how many times a scan gets the same page before it gets an empty one.
    static func start(refusesWrites: Bool = false, pages: Int = 0) async throws -> ShrinkingServer {
        var configuration = RPCServer.Configuration(host: "127.0.0.1", port: 0)
        configuration.initialHeaders = [ImmuMetadata.serverIdentity: "dc1jror8di1986gclkv0"]
        let scans = Mutex(0)
        let server = try await RPCServer.start(
            configuration,
            methods: [
                .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                    call.reply(Immudb_Schema_HealthResponse.with { $0.status = true })
                },
                .unary(ImmuService.currentRoot) { (_: Google_Protobuf_Empty, call) in
                    call.reply(
                        Immudb_Schema_Root.with {
                            $0.index = 5
                            $0.root = Data(repeating: 7, count: 32)
                        })
                },
                .unary(ImmuService.safeSet) { (request: Immudb_Schema_SafeSetOptions, call) in
                    if refusesWrites { return call.fail(.invalidArgument, "invalid root index") }
                    call.reply(onlyEntry([UInt8](request.kv.key), [UInt8](request.kv.value)))
                },
                .unary(ImmuService.scan) { (_: Google_Protobuf_Empty, call) in
                    let number = scans.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    call.reply(
                        Immudb_Schema_ItemList.with {
                            guard number < pages else { return }
                            $0.items = ["a", "b"].map { key in
                                Immudb_Schema_Item.with { $0.key = Data(key.utf8) }
                            }
                        })
                },
            ])
        return ShrinkingServer(server)
    }

    private init(_ server: RPCServer) { self.server = server }

    /// Makes the proof of the only entry of a tree.
    private static func onlyEntry(_ key: [UInt8], _ value: [UInt8]) -> Immudb_Schema_Proof {
        let entry = Entry(index: EntryIndex(0), key: key, value: value)
        return Immudb_Schema_Proof.with {
            $0.leaf = Data(entry.leaf.bytes)
            $0.root = Data(entry.leaf.bytes)
        }
    }

    func stop() async { await server.shutdown(deadline: .zero) }
}

@Suite("immuclient against a server that lies")
struct LyingServerEndToEndTests {
    private let work: TemporaryFolder

    init() throws { work = TemporaryFolder() }

    private func client(
        _ server: ShrinkingServer, _ arguments: String...
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments,
            environment: ["HOME": work.path], directory: work.path)
    }

    private static let stored = "The server has probably stored your entry anyway"

    @Test("says that the entry is probably stored if the tree shrank after a write")
    func shrankAfterWrite() async throws {
        let server = try await ShrinkingServer.start()
        for command in ["safeset", "rawsafeset"] {
            let run = try await client(server, command, "k", "v")
            #expect(run.exitCode == 3)
            #expect(run.output == "")
            #expect(run.errors.contains("the tree shrank from 6 entries to 1"), "\(run.errors)")
            #expect(run.errors.contains(Self.stored), "\(run.errors)")
        }
        await server.stop()
    }

    @Test("does not say that the entry is stored if the tree shrank before, and the server refused")
    func shrankBeforeWrite() async throws {
        let server = try await ShrinkingServer.start(refusesWrites: true)
        let run = try await client(server, "safeset", "k", "v")
        #expect(run.exitCode == 3)
        #expect(run.errors.contains("fewer entries than the 6 that were trusted"), "\(run.errors)")
        #expect(!run.errors.contains(Self.stored), "\(run.errors)")
        await server.stop()
    }

    @Test("fails if a scan gets the same page again")
    func repeatedPage() async throws {
        let server = try await ShrinkingServer.start(pages: 20)
        let run = try await client(server, "scan", "", "--json")
        #expect(run.exitCode == 1)
        #expect(
            run.errors.contains("the server's answer to scan is not in the order of its keys"),
            "\(run.errors)")
        #expect(run.output.split(separator: "\n").count == 2, "\(run.output)")
        await server.stop()
    }
}
