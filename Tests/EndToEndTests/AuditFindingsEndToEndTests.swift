import Foundation
import HexEditor
import ImmudbClient
import LyingServer
import RPCTransport
import TestTools
import Testing

/// What a user of `audit-mode run --once` sees of servers that do not show everything, and of its own lost files.
@Suite("What immuclient audit-mode finds")
struct AuditFindingsEndToEndTests {
    private static let count = 40
    private let folder = TemporaryFolder()

    private func once(
        _ port: Int, _ arguments: [String] = [], in directory: String = "auditor"
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient",
            [
                "-p", "\(port)", "audit-mode", "run", "--once", "--audit-period", "0", "--dir",
                folder.file(directory).path,
            ] + arguments, directory: folder.path)
    }

    private func fill(_ server: RunningServer) async throws {
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        try await client.rawSetBatch(
            (0..<Self.count).map { (Array("key \($0)".utf8), Array("value \($0)".utf8)) })
        await client.close()
    }

    @Test(
        "is the entry whose byte on the disk has changed, by name, from a server that serves what is whole"
    )
    func damage() async throws {
        let data = folder.file("db").path
        let editor = HexEditor("\(data)/immudb")
        var server = try await RunningServer(dir: data)
        let port = server.port
        try await fill(server)
        #expect(try await once(port).exitCode == 0)
        #expect(try await server.stop() == 0)
        let byte = try editor.record(of: 7).value.lowerBound
        try editor.flip(editor.segment, byte: byte)

        server = try await RunningServer(dir: data, port: port, arguments: ["--serve-damaged"])
        for auditor in ["auditor", "new auditor"] {
            let report = try await once(port, ["--json"], in: auditor)
            #expect(report.exitCode == 3)
            #expect(report.output.contains(#""verdict":"tampered""#))
            #expect(report.output.contains(#""index":7,"#), "\(report.output)")
            #expect(report.output.components(separatedBy: #""index":"#).count == 2)
            #expect(report.errors.contains("entry 7 is damaged"))
        }
        #expect(try await server.stop() == 0)

        try editor.flip(editor.segment, byte: byte)
        server = try await RunningServer(dir: data, port: port)
        let mended = try await once(port)
        #expect(mended.exitCode == 0, "\(mended.errors)")
        #expect(mended.output.contains("warning: entry 7, which did not verify, does so now"))
        #expect(try await server.stop() == 0)
    }

    @Test("is an entry that the server refuses, from the third round on")
    func refusal() async throws {
        let server = try await LyingServer.start(TestLedger(count: Self.count))
        let error = RPCError(.internalError, "not now")
        server.change { state in
            state.servesPages = true
            state.refusal = { $0.contains(7) ? error : nil }
        }
        for number in 1...4 {
            let report = try await once(server.port)
            #expect(report.exitCode == (number < 3 ? 1 : 3))
            #expect(report.errors.contains("the server refuses to show entry 7"))
            #expect(report.errors.contains("AUDIT FAILED, withheld: do not trust") == (number >= 3))
            #expect(report.errors.contains("evidence in ") == (number == 3))
        }
        let status = try await FinishedProcess.run(
            "immuclient", ["audit-mode", "status", "--dir", folder.file("auditor").path],
            directory: folder.path)
        #expect(status.output.contains("verdict:\twithheld\n"))
        #expect(status.output.contains("suspects:\t1\nrefusals:\tin the last 4 rounds\n"))
        await server.stop()
    }

    @Test("is everything that a server without users has, although it refuses the login")
    func login() async throws {
        let server = try await RunningServer(dir: folder.file("db").path)
        try await fill(server)
        let report = try await once(
            server.port, ["--audit-username", "joe", "--audit-password", "x"])
        #expect(report.exitCode == 0, "\(report.errors)")
        #expect(report.output.contains("entries read: \(2 * Self.count)"))
        #expect(
            report.output.contains(
                "warning: the login of the user joe was refused: rpc error: code = Unavailable desc = "
                    + "authentication is disabled on server"), "\(report.output)")
        #expect(try await server.stop() == 0)
    }

    @Test("is its own root in its log, when the file of that is gone, or was changed")
    func root() async throws {
        let server = try await RunningServer(dir: folder.file("db").path)
        try await fill(server)
        #expect(try await once(server.port).exitCode == 0)
        let auditor = folder.file("auditor")
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: auditor.path)
                .first { $0.hasPrefix(".root-") && !$0.hasSuffix(".lock") })
        let file = auditor.appendingPathComponent(name)
        let bytes = try Data(contentsOf: file)
        try FileManager.default.removeItem(at: file)
        let lost = try await once(server.port)
        #expect(lost.exitCode == 0, "\(lost.errors)")
        #expect(lost.output.contains("warning: the file of the trusted root is gone"))
        #expect(!lost.output.contains("first contact"))
        #expect(try Data(contentsOf: file) == bytes)

        var other = bytes
        other[other.count - 1] ^= 1
        try other.write(to: file)
        let changed = try await once(server.port, ["--json"])
        #expect(changed.exitCode == 3)
        #expect(changed.errors.contains(#""check":"rootChanged""#), "\(changed.errors)")
        #expect(try await server.stop() == 0)
    }
}
