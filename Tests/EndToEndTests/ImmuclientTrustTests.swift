import Foundation
import TestTools
import Testing

@Suite("Checks of a trusted root by immuclient's inclusion and current, with a real immudb")
struct ImmuclientTrustTests {
    private let data = TemporaryFolder()
    private let home = TemporaryFolder()
    private static let distrust =
        "VERIFICATION FAILED: do not trust this server. The trusted root stays as it was.\n"

    private func client(_ server: RunningServer, _ words: String...) async throws -> FinishedProcess
    {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + words, directory: home.path)
    }

    /// The bytes of the trusted root, or nil if no root is trusted.
    private func trustedRoot() throws -> Data? {
        let folder = home.file(".immudb/roots")
        guard FileManager.default.fileExists(atPath: folder.path) else { return nil }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let name = try #require(names.first { $0.wholeMatch(of: /\.root-[0-9a-v]{20}/) != nil })
        return try Data(contentsOf: folder.appendingPathComponent(name))
    }

    /// Starts a server with only the first entry of the original one, under the identity that the
    /// client trusts.
    private func setBackServer() async throws -> RunningServer {
        let live = data.file("live").path
        let copy = data.file("copy").path
        var server = try await RunningServer(dir: live)
        _ = try await client(server, "safeset", "old", "v")
        #expect(try await server.stop() == 0)
        try FileManager.default.copyItem(atPath: live, toPath: copy)
        server = try await RunningServer(dir: live)
        _ = try await client(server, "safeset", "new", "v")
        _ = try await client(server, "safeset", "new", "w")
        #expect(try await server.stop() == 0)
        return try await RunningServer(dir: copy)
    }

    @Test("compare inclusion with the trusted root and move it, or say that there is none")
    func inclusion() async throws {
        let server = try await RunningServer(dir: data.path)
        for key in ["a", "b", "c"] { _ = try await client(server, "set", key, "v") }
        let first = try await client(server, "inclusion", "1")
        #expect(first.exitCode == 0 && first.output.hasPrefix("verified: true \n"))
        #expect(
            first.errors.hasPrefix("warning: no root of this server is trusted yet"),
            "\(first.errors)")
        let untrusted = try await client(server, "inclusion", "1", "--json")
        #expect(untrusted.output.contains(#""trustedBy":"nobody","verified":true"#))
        #expect(untrusted.errors.hasPrefix("{\"warning\":"), "\(untrusted.errors)")
        #expect(try trustedRoot() == nil)

        _ = try await client(server, "safeget", "a")
        let before = try #require(try trustedRoot())
        _ = try await client(server, "set", "d", "v")
        let second = try await client(server, "inclusion", "1", "--json")
        #expect(second.exitCode == 0 && second.errors == "", "\(second.errors)")
        #expect(second.output.contains(#""trustedBy":"stored","verified":true"#))
        #expect(try trustedRoot() != before)
        let shown = try await client(server, "current")
        let current = try #require(shown.output.firstMatch(of: /hash:\t\t([0-9a-f]+)/)?.1)
        #expect(second.output.contains("\"root\":\"\(current)\""))
        #expect(shown.errors == "")

        // A mistyped hash is not a reason to distrust the server.
        let wrong = try await client(server, "inclusion", "1", String(repeating: "ab", count: 32))
        #expect(wrong.exitCode == 3 && wrong.output.hasPrefix("verified: false \n"))
        #expect(wrong.errors.contains("either the given hash is not the right one"))
        let beyond = try await client(server, "inclusion", "4")
        #expect(beyond.exitCode == 4 && beyond.output == "", "\(beyond.errors)")
        #expect(try await server.stop() == 0)
    }

    @Test("detect a server that was set back, by inclusion and current, which exit with 3")
    func setBack() async throws {
        let server = try await setBackServer()
        let trusted = try #require(try trustedRoot())
        let included = try await client(server, "inclusion", "0")
        #expect(included.exitCode == 3 && included.output.hasPrefix("verified: false \n"))
        #expect(included.errors.hasPrefix(Self.distrust), "\(included.errors)")
        let denied = try await client(server, "inclusion", "2")
        #expect(denied.exitCode == 3 && denied.output == "")
        #expect(denied.errors.contains("denies an entry of the tree that is trusted"))
        let current = try await client(server, "current")
        #expect(current.exitCode == 3 && current.output.hasPrefix("index:\t\t0\nhash:\t\t"))
        #expect(current.errors.hasPrefix(Self.distrust))
        #expect(current.errors.contains("has 1 entries, fewer than the 3 that were trusted"))

        // As many entries as before with another history; then more.
        for key in ["x", "y"] { _ = try await client(server, "set", key, "v") }
        let fork = try await client(server, "current", "--json")
        #expect(fork.exitCode == 3 && fork.output.contains("\"size\":3"))
        #expect(fork.errors.contains(#""check":"consistencyFailed","code":"VerificationFailed""#))
        _ = try await client(server, "set", "z", "v")
        let longer = try await client(server, "current")
        #expect(longer.exitCode == 0 && longer.errors == "")
        let hash = String(repeating: "ab", count: 32)
        for words in [["inclusion", "1"], ["inclusion", "0"], ["inclusion", "0", hash]] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)"] + words, directory: home.path)
            #expect(run.exitCode == 3 && run.output.hasPrefix("verified: false \n"), "\(words)")
            // Also with a wrong hash: the server does not continue the trusted tree.
            #expect(run.errors.hasPrefix(Self.distrust), "\(run.errors)")
        }
        #expect(try trustedRoot() == trusted)
        #expect(try await server.stop() == 0)
    }

    @Test("keep evidence of the errors of inclusion, current and check-consistency with --evidence")
    func evidence() async throws {
        let server = try await setBackServer()
        let hash = String(repeating: "ab", count: 32)
        for (number, words) in [
            ["inclusion", "0"], ["current"], ["check-consistency", "0", hash],
        ].enumerated() {
            let folder = home.file("\(number)").path
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)", "--evidence", folder] + words,
                directory: home.path)
            #expect(run.exitCode == 3)
            #expect(run.errors.contains("evidence in \(folder)/immudb-evidence-"), "\(run.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).count == 1)
        }
        #expect(try await server.stop() == 0)
    }

    @Test("print the root in current even if the trusted one cannot be read, and exit with 1")
    func unreadableRoot() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server, "safeset", "k", "v")
        let folder = home.file(".immudb/roots")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let name = try #require(names.first { $0.wholeMatch(of: /\.root-[0-9a-v]{20}/) != nil })
        try Data("garbage".utf8).write(to: folder.appendingPathComponent(name))
        let run = try await client(server, "current")
        #expect(run.exitCode == 1 && run.output.hasPrefix("index:\t\t0\nhash:\t\t"))
        #expect(run.errors.contains("\(name) does not hold a root"), "\(run.errors)")
        #expect(try await server.stop() == 0)
    }
}
