import Foundation
import ImmudbProtocol
import RPCTransport
import SwiftProtobuf
import Synchronization
import Testing

/// A server that does not report its root and stores nothing. It only answers writes, in groups of
/// a given size.
private final class WriteOnlyServer: Sendable {
    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let written = Mutex<[String]>([])
    private let server = Mutex<RPCServer?>(nil)

    /// The keys in the order of their arrival.
    var keys: [String] { written.withLock { $0 } }
    var port: Int { server.withLock { $0?.port ?? 0 } }

    /// - Parameters:
    ///   - gathering: the number of writes that must wait before the first one is answered.
    ///   - failing: the number of the first write that is refused. All later ones are refused, too.
    init(gathering count: Int, failingAt failing: Int = .max) async throws {
        var configuration = RPCServer.Configuration(host: "127.0.0.1", port: 0)
        configuration.initialHeaders = [ImmuMetadata.serverIdentity: "dc1jror8di1986gclkv0"]
        let started = try await RPCServer.start(
            configuration,
            methods: [
                .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                    call.reply(Immudb_Schema_HealthResponse.with { $0.status = true })
                },
                .unary(ImmuService.set) { (request: Immudb_Schema_KeyValue, call) in
                    let place = self.written.withLock { written in
                        written.append(String(decoding: request.key, as: UTF8.self))
                        return written.count
                    }
                    self.answer(whenWaiting: count) {
                        if place >= failing {
                            call.fail(.resourceExhausted, "the disk is full")
                        } else {
                            call.reply(Immudb_Schema_Index.with { $0.index = UInt64(place) })
                        }
                    }
                },
            ])
        server.withLock { $0 = started }
    }

    private func answer(whenWaiting count: Int, _ answer: @escaping @Sendable () -> Void) {
        let ready = waiting.withLock { waiting in
            waiting.append(answer)
            guard waiting.count >= count else { return [@Sendable () -> Void]() }
            defer { waiting = [] }
            return waiting
        }
        for answer in ready { answer() }
    }

    func stop() async {
        await server.withLock { $0 }?.shutdown(deadline: .seconds(1))
    }
}

@Suite("immutest and a server that does not report its entries")
struct ImmutestPartialServerTests {
    @Test("asks, since there may be entries, writes 32 at once, and the same ones in each run")
    func unreadableRoot() async throws {
        var runs: [Set<String>] = []
        for _ in 0..<2 {
            let server = try await WriteOnlyServer(gathering: 32)
            let canceled = try await FinishedProcess.run("immutest", ["-p", "\(server.port)"])
            #expect(canceled.exitCode == 1)
            #expect(canceled.errors.contains("does not tell whether it holds entries already: "))
            #expect(canceled.errors.hasSuffix("to proceed? [y/N]: \nCanceled\n"))
            #expect(server.keys.isEmpty)
            let finished = try await FinishedProcess.run(
                "immutest", ["64", "-p", "\(server.port)"], input: "y\n")
            #expect(finished.exitCode == 0, "\(finished.errors)")
            #expect(Set(server.keys).count == 64)
            runs.append(Set(server.keys))
            await server.stop()
        }
        #expect(runs.first == runs.last)
    }

    @Test("exits with 1 after a refused write, with the server's reason and the number of entries")
    func refusal() async throws {
        let server = try await WriteOnlyServer(gathering: 1, failingAt: 50)
        let finished = try await FinishedProcess.run(
            "immutest", ["-p", "\(server.port)"], input: "y\n")
        #expect(finished.exitCode == 1)
        #expect(
            finished.errors.contains(
                "rpc error: code = ResourceExhausted desc = the disk is full\nAt least "))
        #expect(!finished.output.contains("OK: "))
        await server.stop()
    }
}
