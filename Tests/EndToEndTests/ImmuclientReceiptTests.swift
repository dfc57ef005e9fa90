import Foundation
import TestTools
import Testing

@Suite("immuclient's receipts against a real immudb")
struct ImmuclientReceiptTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("other").path, withIntermediateDirectories: true)
    }

    private func client(
        _ port: Int, _ arguments: [String], dir: String = ".", input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(port)", "--dir", dir] + arguments, directory: folder.path,
            input: input)
    }

    @Test("are checked without the server, and name the source that trusts their root")
    func offline() async throws {
        let server = try await RunningServer(dir: folder.file("db").path)
        let port = server.port
        #expect(try await client(port, ["safeset", "hello", "world"]).exitCode == 0)
        let printed = try await client(port, ["receipt", "hello"])
        #expect(printed.exitCode == 0)
        #expect(printed.output.hasPrefix("immudb receipt 1\n"))
        let saved = try await client(port, ["receipt", "hello", "r"])
        #expect(saved.output == "SUCCESS: the receipt of entry 0 is in file r\n")
        #expect(try String(contentsOf: folder.file("r"), encoding: .utf8) == printed.output)
        for _ in 0..<3 { _ = try await client(port, ["safeset", "more", "entries"]) }

        let online = try await client(port, ["verify-receipt", "r", "server"])
        #expect(online.exitCode == 0)
        #expect(online.output.contains("trusted:\tthe server has it in its history"))
        #expect(try await server.stop() == 0)

        // The trusted root has moved forward. The root of the receipt was noted when it was
        // written.
        let noted = try await client(port, ["verify-receipt", "r"])
        #expect(noted.exitCode == 0)
        #expect(noted.output.contains("verified:\ttrue \n"))
        #expect(
            noted.output.hasSuffix(
                "proof:\t\tholds\ntrusted:\ta root that was verified here when a receipt was written\n"
            ))
        // Without a trusted root, anybody could have made it.
        for (flags, said) in [
            ([], "verified:\tfalse \n"), (["--json"], "\"trustedBy\":\"nobody\""),
            (["--value-only"], ""),
        ] as [([String], String)] {
            let unknown = try await client(
                port, ["verify-receipt"] + flags, dir: "other", input: printed.output)
            #expect(unknown.exitCode == 1)
            #expect(said.isEmpty ? unknown.output.isEmpty : unknown.output.contains(said))
            #expect(unknown.errors.contains("nothing here says that its root is the server's"))
        }
        let root = try #require(printed.output.firstMatch(of: /root: ([0-9a-f]+)/)?.1)
        let given = try await client(port, ["verify-receipt", "r", String(root)])
        #expect(given.output.hasSuffix("trusted:\tthe root that you gave\n"))
        let identity = try #require(printed.output.firstMatch(of: /server: ([0-9a-v]{20})/)?.1)
        let named = try await client(port, ["verify-receipt", "r", "--server", String(identity)])
        #expect(named.exitCode == 0, "\(named.errors)")
        let another = try await client(
            port, ["verify-receipt", "r", "--server", "another"])
        #expect(another.exitCode == 1 && another.output == "")
        #expect(another.errors.contains("the receipt is of server \(identity), not of another"))
        let asked = try await client(port, ["verify-receipt", "r", "server"])
        #expect(asked.exitCode == 5)
        #expect(asked.errors.contains("code = Unavailable"))
    }

    @Test("fail loudly if they were changed, or are of another history")
    func changed() async throws {
        let server = try await RunningServer(dir: folder.file("db").path)
        for key in ["a", "b", "c"] { _ = try await client(server.port, ["safeset", key, "v"]) }
        let receipt = try await client(server.port, ["receipt", "b"]).output
        let path = try #require(receipt.firstMatch(of: /path: ([0-9a-f]+)/)?.1)
        let other = String(path.map { $0 == "0" ? "1" : "0" })
        let changed = try await client(
            server.port, ["verify-receipt"],
            input: receipt.replacingOccurrences(of: path, with: other))
        #expect(changed.exitCode == 3)
        #expect(changed.output.contains("verified:\tfalse \n"))
        #expect(changed.output.contains("proof:\t\tdoes not hold\n"))
        #expect(changed.errors.contains("VERIFICATION FAILED: the receipt does not prove"))
        let zeros = String(repeating: "0", count: 64)
        let wrong = try await client(server.port, ["verify-receipt", "-", zeros], input: receipt)
        #expect(wrong.exitCode == 3)
        #expect(wrong.output.contains("verified:\tfalse \n"))
        let none = try await client(server.port, ["verify-receipt"], input: "something else\n")
        #expect(none.exitCode == 1)
        #expect(none.errors.contains("this is no receipt"))
        #expect(try await server.stop() == 0)
    }

    @Test("keep evidence of a failed verification in the requested folder")
    func evidence() async throws {
        let server = try await RunningServer(dir: folder.file("db").path)
        _ = try await client(server.port, ["safeset", "a", "v"])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let file = folder.file(
            try #require(names.first { $0.hasPrefix(".root-") && !$0.hasSuffix("lock") }))
        // The client trusts a tree that this server never had.
        var root = try Data(contentsOf: file)
        root[root.count - 1] ^= 1
        try root.write(to: file)
        let failed = try await client(
            server.port, ["safeset", "b", "v", "--evidence", "other"])
        #expect(failed.exitCode == 3)
        #expect(failed.errors.contains("evidence in other/immudb-evidence-"))
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder.file("other").path)
        #expect(kept.count == 1)
        #expect(try Data(contentsOf: file) == root)
        #expect(try await server.stop() == 0)
    }
}
