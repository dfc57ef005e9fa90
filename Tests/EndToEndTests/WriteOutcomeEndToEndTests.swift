import Foundation
import ImmudbProtocol
import NIOCore
import RPCTransport
import SwiftProtobuf
import Synchronization
import TestTools
import Testing

/// A server that closes the connection when it receives a write, or answers with a given status.
private final class BreakingServer: Sendable {
    private final class State: Sendable {
        let channels = Mutex<[any Channel]>([])
        let writeCount = Atomic(0)
    }

    private let state: State
    private let server: RPCServer
    var port: Int { server.port }
    var writeCount: Int { state.writeCount.load(ordering: .relaxed) }

    /// - Parameters:
    ///   - status: the status of all answers, or nil to close the connection instead.
    ///   - storing: whether writes are acknowledged, so that only reads get the status.
    static func start(
        answering status: StatusCode? = nil, storing: Bool = false
    ) async throws -> BreakingServer {
        let state = State()
        var configuration = RPCServer.Configuration(host: "127.0.0.1", port: 0)
        configuration.initialHeaders = [ImmuMetadata.serverIdentity: "dc1jror8di1986gclkv0"]
        configuration.channelHook = { channel in
            state.channels.withLock { $0.append(channel) }
        }
        let answer: @Sendable (ServerCall) -> Void = { call in
            if let status { return call.fail(status, "the disk failed") }
            for channel in state.channels.withLock({ $0 }) { channel.close(promise: nil) }
        }
        let writes = ImmuService.writes.map { path in
            RPCMethod.unary(path) { (_: Google_Protobuf_Empty, call) in
                state.writeCount.add(1, ordering: .relaxed)
                if storing { call.reply(Immudb_Schema_Index()) } else { answer(call) }
            }
        }
        let server = try await RPCServer.start(
            configuration,
            methods: writes + [
                .unary(ImmuService.health) { (_: Google_Protobuf_Empty, call) in
                    call.reply(Immudb_Schema_HealthResponse.with { $0.status = true })
                },
                .unary(ImmuService.currentRoot) { (_: Google_Protobuf_Empty, call) in
                    call.reply(Immudb_Schema_Root())
                },
                .unary(ImmuService.get) { (_: Google_Protobuf_Empty, call) in answer(call) },
            ])
        return BreakingServer(state: state, server: server)
    }

    private init(state: State, server: RPCServer) {
        self.state = state
        self.server = server
    }

    func stop() async { await server.shutdown(deadline: .zero) }
}

@Suite("Writes whose outcome is unknown, from the command line")
struct WriteOutcomeEndToEndTests {
    private let work: TemporaryFolder

    init() throws { work = TemporaryFolder() }

    private func client(
        _ server: BreakingServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments,
            environment: ["HOME": work.path], directory: work.path, input: input)
    }

    private static let headline =
        "the outcome is unknown: the entry may have been stored. Look before you write it again\n"

    private static let writes = [
        ["set", "k", "v"], ["safeset", "k", "v"], ["rawsafeset", "k", "v"],
        ["reference", "r", "k"], ["safereference", "r", "k"],
        ["zadd", "s", "1", "k"], ["safezadd", "s", "1", "k"],
    ]

    @Test("are reported by every command that writes, which exits with 6, and writes once")
    func commands() async throws {
        for words in Self.writes {
            let server = try await BreakingServer.start()
            let run = try await client(server, words)
            #expect(run.exitCode == 6, "\(words)")
            #expect(run.output == "", "\(words)")
            let cause =
                "rpc error: code = Unavailable desc = the connection to 127.0.0.1:\(server.port)"
            #expect(run.complaints.hasPrefix(Self.headline + cause), "\(words): \(run.errors)")
            #expect(server.writeCount == 1, "\(words)")
            await server.stop()
        }
    }

    @Test("follow INTERNAL; UNAVAILABLE is a failed write, and exits with 1")
    func statuses() async throws {
        let failing = try await BreakingServer.start(answering: .internalError)
        let unknown = try await client(failing, ["set", "k", "v", "--json"])
        #expect(unknown.exitCode == 6)
        let start = #"{"error":{"code":"OutcomeUnknown","message":"the outcome"#
        #expect(unknown.errors.hasPrefix(start), "\(unknown.errors)")
        #expect(unknown.errors.contains("code = Internal desc = the disk failed"))
        let read = try await client(failing, ["get", "k"])
        #expect(read.exitCode == 1)
        await failing.stop()
        let refusing = try await BreakingServer.start(answering: .unavailable)
        for words in Self.writes {
            let refused = try await client(refusing, words)
            #expect(refused.exitCode == 1, "\(words)")
            #expect(!refused.errors.contains("outcome is unknown"), "\(words)")
        }
        await refusing.stop()
    }

    @Test("exit with 6 for a stored entry that cannot be read back, and say that it is stored")
    func unreadable() async throws {
        let server = try await BreakingServer.start(answering: .unavailable, storing: true)
        let run = try await client(server, ["set", "k", "v"])
        #expect(run.exitCode == 6)
        #expect(run.errors.hasPrefix("Your entry is stored at index 0; reading it failed."))
        #expect(run.errors.contains("the disk failed"))
        await server.stop()
    }

    @Test("let a shell exit with 6, whatever fails after them")
    func shell() async throws {
        let server = try await BreakingServer.start(answering: .internalError)
        let run = try await client(server, ["it"], input: "set k v\nfrobnicate\n")
        #expect(run.exitCode == 6)
        #expect(run.errors.contains(Self.headline))
        await server.stop()
    }

    @Test("let immutest exit with 6 when a sample entry may have been written")
    func immutest() async throws {
        let server = try await BreakingServer.start()
        let run = try await FinishedProcess.run("immutest", ["1", "-p", "\(server.port)"])
        #expect(run.exitCode == 6)
        #expect(run.errors.contains("the write may have been stored"), "\(run.errors)")
        #expect(server.writeCount == 1)
        await server.stop()
    }

    @Test("follow when a real server is killed before it answers")
    func killedServer() async throws {
        let server = try await RunningServer(dir: work.file("data").path)
        let shell = try RunningProcess(
            "/bin/sh",
            [
                "-c",
                // The first line connects. The second one finds the server stopped.
                "(echo set a 1; while [ ! -e stopped ]; do sleep 0.05; done; echo set b 2; "
                    + "sleep 60) | '\(try RunningProcess.path(of: "immuclient"))' -p \(server.port) it",
            ], environment: ["HOME": work.path], directory: work.path)
        try await shell.waitForOutput("value:\t\t1")
        server.process.send(SIGSTOP)
        try Data().write(to: work.file("stopped"))
        // The kernel of the stopped server receives the request.
        try await waitForUnreadRequest(of: server)
        server.process.kill()
        try await shell.waitForOutput("the outcome is unknown: the entry may have been stored")
        shell.kill()
    }

    /// Waits until there are unread bytes in the server's socket.
    private func waitForUnreadRequest(of server: RunningServer) async throws {
        let port = String(server.port, radix: 16, uppercase: true)
        let suffix = ":" + String(repeating: "0", count: 4 - port.count) + port
        let end = Date(timeIntervalSinceNow: 60)
        while Date() < end {
            for line in try socketTable().split(separator: "\n").dropFirst() {
                let fields = line.split(separator: " ")
                // Local address, state (01: established), bytes to send and to read.
                let isOurs = fields[1].hasSuffix(suffix) && fields[3] == "01"
                if isOurs, !fields[4].hasSuffix(":00000000") { return }
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("no request has come")
    }

    /// Reads the table part by part: `String(contentsOfFile:)` takes its first page for the whole
    /// file.
    private func socketTable() throws -> String {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/net/tcp"))
        var table = Data()
        while let part = try file.read(upToCount: 1 << 16), !part.isEmpty { table += part }
        return String(decoding: table, as: UTF8.self)
    }
}
