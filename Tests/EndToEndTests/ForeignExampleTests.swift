import Foundation
import TestTools
import Testing

/// The programs of `Examples` in other languages, which verify with their own arithmetic.
@Suite("Examples in other languages")
struct ForeignExampleTests {
    private static let examples = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().appendingPathComponent("../../Examples").standardizedFileURL
    private static let vectors = examples.appendingPathComponent("vectors/vectors.json")
    /// The executable that `make examples` compiles.
    private static let compiledGo =
        examples.appendingPathComponent("../.build-examples/go/verified").standardizedFileURL.path

    @Test("get the committed vectors from a server by record.py")
    func vectorsAreRecorded() async throws {
        let folder = TemporaryFolder()
        let server = try await RunningServer(dir: folder.file("db").path)
        let script = Self.examples.appendingPathComponent("vectors/record.py").path
        let recorded = try await FinishedProcess.run(
            PythonPeer.interpreter(), [script, "\(server.port)"])
        #expect(recorded.exitCode == 0, "\(recorded.errors)")
        let committed = try String(contentsOf: Self.vectors, encoding: .utf8)
        let areEqual = recorded.output == committed
        #expect(areEqual, "make vectors.json again: record.py says how")
        #expect(try await server.stop() == 0)
    }

    @Test(
        "verify in Python, refuse a changed root and another server, and print their usage"
    )
    func python() async throws {
        let script = Self.examples.appendingPathComponent("python/verified.py").path
        try await check([PythonPeer.interpreter(), script])
        try await checkUsage([PythonPeer.interpreter(), script])
    }

    @Test(
        "verify in Go, refuse a changed root and another server, and print their usage",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: compiledGo),
            "make examples compiles it, on Debian"))
    func go() async throws {
        try await check([Self.compiledGo])
        try await checkUsage([Self.compiledGo])
    }

    /// Expects help on the standard output, and for wrong arguments the usage on the standard
    /// error, with exit code 2.
    private func checkUsage(_ command: [String]) async throws {
        let usage = "VECTORS [HOST:PORT ROOT-FILE [--first-contact]]\n"
        for flag in ["--help", "-h"] {
            let help = try await FinishedProcess.run(command[0], command.dropFirst() + [flag])
            #expect(help.exitCode == 0 && help.errors.isEmpty, "\(help.errors)")
            #expect(help.output.hasPrefix("usage: verified") && help.output.contains(usage))
            #expect(help.output.contains("trust what the server shows now"))
        }
        let vectors = Self.vectors.path
        for wrong in [
            [], [vectors, "127.0.0.1:1"], [vectors, "a:1", "root", "more"],
            [vectors, "--first-contact"], [vectors, "--frist-contact"],
            [vectors, "a:1", "root", "--first"],
        ] {
            let run = try await FinishedProcess.run(command[0], command.dropFirst() + wrong)
            #expect(run.exitCode == 2 && run.output.isEmpty, "\(wrong): \(run.output)")
            #expect(run.errors.contains(usage) && run.errors.contains("error: "), "\(run.errors)")
        }
    }

    /// - Parameter command: the example, without its arguments.
    private func check(_ command: [String]) async throws {
        let folder = TemporaryFolder()
        let server = try await RunningServer(dir: folder.file("db").path)
        let other = try await RunningServer(dir: folder.file("other").path)
        let set = try await FinishedProcess.run(
            "immuclient",
            [
                "-p", "\(other.port)", "--dir", folder.file("roots").path, "set", "another",
                "history",
            ])
        #expect(set.exitCode == 0, "\(set.errors)")
        let root = folder.file("root")

        func run(_ server: RunningServer, _ more: [String] = []) async throws -> FinishedProcess {
            let arguments = [Self.vectors.path, "127.0.0.1:\(server.port)", root.path]
            return try await FinishedProcess.run(
                command[0], command.dropFirst() + arguments + more)
        }
        func expectFailure(_ finished: FinishedProcess, _ reason: String) {
            #expect(finished.exitCode == 1)
            #expect(
                finished.errors.contains("VERIFICATION FAILED: \(reason)"), "\(finished.errors)")
        }

        expectFailure(try await run(server), "\(root.path) has no root")
        for more in [["--first-contact"], []] {
            let finished = try await run(server, more)
            #expect(finished.exitCode == 0, "\(finished.errors)")
            #expect(finished.output.contains("vectors hold\n"))
            #expect(finished.output.contains("get, verified: hello from "))
        }
        let good = try Data(contentsOf: root)

        expectFailure(try await run(other), "the tree shrank")
        #expect(try Data(contentsOf: root) == good)
        for (place, reason) in [
            (good.count - 1, "C8: the tree does not continue the trusted one"),
            (0, "these bytes are not a trusted root"),
        ] {
            var changed = good
            changed[place] ^= 1
            try changed.write(to: root)
            expectFailure(try await run(server), reason)
            #expect(try Data(contentsOf: root) == changed)
        }
        #expect(try await server.stop() == 0)
        #expect(try await other.stop() == 0)
    }
}
