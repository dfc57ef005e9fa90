import Foundation
import HexEditor
import ImmudbClient
import RPCTransport
import StorageIO
import TestTools
import Testing

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// What the executable does when entries of its database were changed with a hex editor while it runs.
@Suite("A server whose data is changed under it")
struct DamageEndToEndTests {
    private let data = TemporaryFolder()
    private let trusted = TemporaryFolder()

    private static let count = 40
    private static let fast = ["--consistency-check-rate", "100000"]

    private var folder: String { data.file("db").path }
    private var editor: HexEditor<POSIXFileSystem> { HexEditor("\(folder)/immudb") }

    private func launch(_ arguments: [String] = fast) async throws -> RunningServer {
        try await RunningServer(dir: folder, arguments: arguments)
    }

    private func connect(_ server: RunningServer) async throws -> ImmudbClient {
        try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: trusted.path),
            firstContact: .trustOnFirstUse)
    }

    private func fill(_ client: ImmudbClient) async throws {
        for number in 0..<Self.count {
            try await client.verifiedSet("key \(number)", "value \(number)")
        }
    }

    private func refusal(_ call: () async throws -> Void) async throws -> ClientError {
        do {
            try await call()
        } catch let error as ClientError {
            return error
        }
        throw Missing(what: "an error")
    }

    private struct Missing: Error {
        let what: String
    }

    /// The value of a metric of the data's database.
    private func metric(_ name: String, of server: RunningServer) async throws -> Double {
        let port = try server.metricsPort()
        let url = try #require(URL(string: "http://127.0.0.1:\(port)/metrics"))
        let text = String(decoding: try await URLSession.shared.data(from: url).0, as: UTF8.self)
        let line = text.split(separator: "\n").first {
            $0.hasPrefix("\(name){") && $0.contains("/immudb\"")
        }
        return Double(try #require(line, "\(name) in \(text)").split(separator: " ").last ?? "")
            ?? -1
    }

    private func waitFor(
        _ name: String, of server: RunningServer, _ condition: (Double) -> Bool
    ) async throws {
        let end = ContinuousClock.now + .seconds(20)
        while try await !condition(metric(name, of: server)) {
            try #require(ContinuousClock.now < end, "\(name) stays as it is")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    enum Change: String, CaseIterable, CustomTestStringConvertible {
        case rot, valueAndChecksums, valueAndLeaf, valueAndAllNodes

        var testDescription: String { rawValue }
        var isTampering: Bool { self != .rot }
    }

    private func make(_ change: Change, of index: UInt64) throws {
        try editor.changeValue(of: index, mending: change == .rot ? .nothing : .frame)
        if change == .valueAndLeaf { try editor.mendLeaf(of: index) }
        if change == .valueAndAllNodes { try editor.mendTree() }
    }

    @Test(
        "finds the change by itself, says so in log, health and metrics, and then answers no data call",
        arguments: Change.allCases)
    func found(change: Change) async throws {
        let server = try await launch()
        let client = try await connect(server)
        try await fill(client)
        #expect(try await client.health().isWhole)
        try make(change, of: 7)
        let line = try await server.process.waitForOutput(
            change.isTampering ? "tampering found" : "damage found")
        #expect(line.contains(" ERROR: "))
        #expect(line.contains("7"))
        try await waitFor("immudb_damaged_places", of: server) { $0 == 1 }
        try await waitFor("immudb_database_answers_reads", of: server) { $0 == 0 }

        let read = try await refusal { _ = try await client.get("key 1") }
        #expect(read.status == .dataLoss)
        let finding =
            change.isTampering ? "we detected possible tampering" : "stored bytes are damaged"
        #expect(
            read.message.hasPrefix(
                "the database should be checked manually as \(finding): entry 7. No data is served")
        )
        #expect(read.message.contains("--serve-damaged"))
        let write = try await refusal { _ = try await client.set("more", "value") }
        #expect(write.status == .failedPrecondition)
        #expect(write.code == .refused)
        #expect(write.message.hasPrefix("not stored: the database should be checked"))

        let health = try await client.health()
        #expect(!health.isWhole)
        #expect(health.writeProblem?.contains("entry 7") == true)
        #expect(health.readProblem?.contains("entry 7") == true)
        #expect(try await client.currentRoot().size == TreeSize(UInt64(Self.count)))
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("serves what is whole, verified, if it is told to, and refuses the rest by name")
    func served() async throws {
        let server = try await launch(Self.fast + ["--serve-damaged"])
        let client = try await connect(server)
        try await fill(client)
        try make(.valueAndChecksums, of: 7)
        try make(.rot, of: 9)
        try await waitFor("immudb_damaged_places", of: server) { $0 == 2 }
        for number in 0..<Self.count where ![7, 9].contains(number) {
            #expect(try await client.verifiedGet("key \(number)").value.index.rawValue == number)
        }
        let tampered = try await refusal { _ = try await client.get("key 7") }
        #expect(tampered.status == .dataLoss)
        #expect(tampered.message == "entry 7 does not match its leaf")
        let rotten = try await refusal { _ = try await client.get("key 9") }
        #expect(rotten.status == .dataLoss)
        #expect(rotten.message == "entry 9 is damaged: the server's log says where")
        let write = try await refusal { _ = try await client.set("more", "value") }
        #expect(write.status == .failedPrecondition)
        #expect(write.message.contains("reads of entries that are whole are answered"))
        let health = try await client.health()
        #expect(!health.isWhole)
        #expect(health.readProblem == nil)
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("finds damage by an ordinary read as well, without a check")
    func foundByRead() async throws {
        let server = try await launch(["--consistency-check=false"])
        let client = try await connect(server)
        try await fill(client)
        try make(.valueAndChecksums, of: 7)
        #expect(try await client.get("key 8").index == EntryIndex(8))
        let first = try await refusal { _ = try await client.get("key 7") }
        #expect(first.status == .dataLoss)
        #expect(first.message == "entry 7 does not match its leaf")
        let second = try await refusal { _ = try await client.get("key 8") }
        #expect(second.message.contains("we detected possible tampering: entry 7"))
        await client.close()
        #expect(try await server.stop() == 0)
    }

    @Test("goes on with its check after a restart, and stops at once in the middle of it")
    func restart() async throws {
        var server = try await launch()
        let client = try await connect(server)
        try await fill(client)
        await client.close()
        try await waitFor("immudb_check_rounds_total", of: server) { $0 >= 1 }
        #expect(try await server.stop() == 0)
        // Half a minute for the entries that it looks at between two pauses.
        server = try await launch(["--consistency-check-rate", "1"])
        try await waitFor("immudb_check_rounds_total", of: server) { $0 >= 1 }
        let began = ContinuousClock.now
        #expect(try await server.stop() == 0)
        #expect(ContinuousClock.now - began < .seconds(8))
    }

    @Test("does not start with a changed byte, and says how it would serve what is whole")
    func changedByteAtStart() async throws {
        var server = try await launch(["--consistency-check=false"])
        var client = try await connect(server)
        try await fill(client)
        await client.close()
        #expect(try await server.stop() == 0)
        let byte = try editor.record(of: 7).value.lowerBound
        try editor.flip(editor.segment, byte: byte)

        let refused = try await FinishedProcess.run("immudb", ["--dir", folder, "-p", "0"])
        #expect(refused.exitCode == 1)
        #expect(refused.errors.contains("entry 7: no whole frame with a valid checksum"))
        #expect(refused.errors.contains("start with --serve-damaged"))

        server = try await launch(["--serve-damaged"])
        client = try await connect(server)
        for number in 0..<Self.count where number != 7 {
            #expect(try await client.verifiedGet("key \(number)").value.index.rawValue == number)
        }
        let read = try await refusal { _ = try await client.verifiedGet("key 7") }
        #expect(read.status == .dataLoss)
        #expect(read.message == "entry 7 is damaged: the server's log says where")
        let write = try await refusal { _ = try await client.set("more", "value") }
        #expect(write.status == .failedPrecondition)
        #expect(try await !client.health().isWhole)
        await client.close()
        #expect(try await server.stop() == 0)

        try editor.flip(editor.segment, byte: byte)
        server = try await launch()
        client = try await connect(server)
        #expect(try await client.verifiedGet("key 7").value.index == EntryIndex(7))
        try await client.verifiedSet("more", "value")
        #expect(try await client.health().isWhole)
        await client.close()
        #expect(try await server.stop() == 0)
    }
}
