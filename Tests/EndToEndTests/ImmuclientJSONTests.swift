import Foundation
import TestTools
import Testing

/// The output formats for programs.
@Suite("immuclient's output for programs, against a real immudb")
struct ImmuclientJSONTests {
    private let data: TemporaryFolder
    private let work: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        work = TemporaryFolder()
    }

    private func client(
        _ server: RunningServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path, input: input)
    }

    /// Parses the output of a command: one object a line.
    private func objects(_ text: String) throws -> [[String: Any]] {
        try text.split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            return try #require(object as? [String: Any], "\(line)")
        }
    }

    @Test("has the fields of each command in JSON, and a line for each entry of a list")
    func fields() async throws {
        let server = try await RunningServer(dir: data.path)
        let entry = ["hash", "index", "key", "time", "timestamp", "value"]
        let raw = ["hash", "index", "key", "value"]
        let inclusion = ["hash", "index", "root", "rootIndex", "trustedBy", "verified"]
        let cases: [([String], count: Int, fields: [String])] = [
            (["current"], 1, ["hash", "server", "size"]), (["set", "a", "1"], 1, entry),
            (["safeset", "a", "2"], 1, entry + ["verified"]), (["get", "a"], 1, entry),
            (["safeget", "a"], 1, entry + ["verified"]), (["bi", "0"], 1, entry),
            (["rawsafeset", "b", "3"], 1, raw + ["verified"]),
            (["rawsafeget", "b"], 1, raw + ["verified"]), (["reference", "r", "a"], 1, raw),
            (["safereference", "r", "a"], 1, raw + ["verified"]),
            (
                ["zadd", "s", "-0.5", "a"], 1,
                ["hash", "index", "keyBase64", "score", "set", "value"]
            ),
            (
                ["safezadd", "s", "2", "b"], 1,
                ["hash", "index", "key", "score", "set", "value", "verified"]
            ),
            (["zscan", "s"], 2, []), (["scan", ""], 2, []), (["iscan", "1", "4"], 4, []),
            (["history", "a"], 2, entry), (["count", "a"], 1, ["count"]),
            (["current"], 1, ["hash", "index", "phrase", "server", "size"]),
            (["inclusion", "0"], 1, inclusion),
            (["ping"], 1, ["healthy"]), (["version"], 1, ["version"]),
            (["dump", "d"], 1, ["entries", "file"]), (["logout"], 1, ["loggedIn"]),
            (["help", "get"], 1, ["help"]), (["completion", "bash"], 1, ["script", "shell"]),
        ]
        for (arguments, count, fields) in cases {
            let run = try await client(server, arguments + ["--json"])
            #expect(run.exitCode == 0, "\(arguments): \(run.errors)")
            #expect(run.complaints == "")
            let objects = try objects(run.output)
            #expect(objects.count == count, "\(arguments): \(run.output)")
            guard !fields.isEmpty else { continue }
            for object in objects {
                #expect(object.keys.sorted() == fields.sorted(), "\(arguments): \(run.output)")
            }
        }
        #expect(try await server.stop() == 0)
    }

    @Test("has bytes that are not text as base64, and unchanged with --value-only")
    func bytes() async throws {
        let server = try await RunningServer(dir: data.path)
        let path = try RunningProcess.path(of: "immuclient")
        let shell = try await FinishedProcess.run(
            "/bin/sh",
            [
                "-c",
                "printf '\\377\\001' | '\(path)' -p \(server.port) set k --json | cut -c 1-400",
            ],
            directory: work.path)
        let object = try #require(try objects(shell.output).first)
        #expect(object["valueBase64"] as? String == "/wE=")
        #expect(object["value"] == nil)
        let value = try await FinishedProcess.run(
            "/bin/sh",
            ["-c", "'\(path)' -p \(server.port) get k --value-only | od -An -tx1"],
            directory: work.path)
        #expect(value.output == " ff 01 0a\n")
        #expect(try await server.stop() == 0)
    }

    @Test("has only values with --value-only, which commands without entries refuse")
    func values() async throws {
        let server = try await RunningServer(dir: data.path)
        for number in 1...3 { _ = try await client(server, ["set", "k\(number)", "v\(number)"]) }
        let expected = [
            (["scan", "k"], "v1\nv2\nv3\n"), (["safeget", "k2"], "v2\n"),
            (["reference", "r", "k1"], "k1\n"), (["set", "k1", "w"], "w\n"),
            (["history", "k1"], "w\nv1\n"), (["safezadd", "s", "1", "k3"], "k3\n"),
        ]
        for (arguments, output) in expected {
            let run = try await client(server, ["--value-only"] + arguments)
            #expect(run.output == output)
            #expect(run.complaints == "" && run.exitCode == 0)
        }
        let refused = try await client(server, ["count", "k", "--value-only"])
        #expect(refused.exitCode == 1 && refused.output == "")
        #expect(refused.errors.hasPrefix("Error: flag --value-only: count prints no values of"))
        // Set for all commands, it has no effect on this one.
        let counted = try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)", "count", "k"],
            environment: ["IMMUCLIENT_VALUE_ONLY": "1"], directory: work.path)
        #expect(counted.output == "3\n")
        #expect(try await server.stop() == 0)
    }

    @Test("has errors as JSON on stderr, each with a code to decide by")
    func errors() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server, ["safeset", "k", "v"])
        let wrong = String(repeating: "ab", count: 32)
        let cases = [
            (["get", "none"], "NotFound", ""), (["get", ""], "InvalidArgument", ""),
            (["get"], "Usage", ""), (["frob"], "Usage", ""), (["--frob"], "Usage", ""),
            (["zadd", "s", "nan", "k"], "Usage", ""), (["-m", "ping"], "TlsUnusable", ""),
            (["-p", "0", "ping"], "Settings", ""), (["-p", "1", "ping"], "Unavailable", ""),
            (["-s", "--tokenfile", "./none", "ping"], "NotLoggedIn", ""),
            (["dump", "/dev/null"], "LocalFailure", ""),
            (["inclusion", "0", wrong], "VerificationFailed", "inclusionFailed"),
            (["c", "0", wrong], "VerificationFailed", "consistencyFailed"),
        ]
        for (arguments, code, check) in cases {
            let run = try await client(server, ["--json"] + arguments)
            let exitCodes: [String: Int32] = [
                "NotFound": 4, "Unavailable": 5, "VerificationFailed": 3,
            ]
            #expect(run.exitCode == exitCodes[code] ?? 1)
            let object = try #require(try objects(run.errors).last, "\(arguments)")
            let error = try #require(object["error"] as? [String: Any])
            #expect(error["code"] as? String == code, "\(arguments): \(run.errors)")
            #expect(error["check"] as? String ?? "" == check, "\(run.errors)")
            #expect((error["message"] as? String)?.isEmpty == false)
            if !check.isEmpty {
                #expect(try objects(run.output).first?["verified"] as? Bool == false)
            }
        }
        #expect(try await server.stop() == 0)
    }

    @Test(
        "marks a value that fails verification in JSON, and omits it with --value-only")
    func unverified() async throws {
        let server = try await RunningServer(dir: data.path)
        for number in 0..<3 { _ = try await client(server, ["safeset", "k\(number)", "v"]) }
        let names = try FileManager.default.contentsOfDirectory(
            atPath: work.file(".immudb/roots").path)
        let file = work.file(".immudb/roots").appendingPathComponent(
            try #require(names.first { $0.hasPrefix(".root-") && !$0.hasSuffix("lock") }))
        var bytes = try Data(contentsOf: file)
        bytes[20] ^= 1
        try bytes.write(to: file)
        let json = try await client(server, ["safeget", "k0", "--json"])
        #expect(json.exitCode == 3)
        #expect(try objects(json.output).first?["verified"] as? Bool == false)
        #expect(json.errors.contains(#""code":"VerificationFailed""#))
        let value = try await client(server, ["safeget", "k0", "--value-only"])
        #expect(value.exitCode == 3 && value.output == "")
        #expect(value.errors.contains("VERIFICATION FAILED"))
        // One object, which includes the note about the write.
        let set = try await client(server, ["safeset", "k0", "v", "--json"])
        #expect(set.exitCode == 3 && set.output == "")
        #expect(try objects(set.errors).count == 1)
        #expect(set.errors.contains("has probably stored your entry"))
        #expect(try Data(contentsOf: file) == bytes)
        #expect(try await server.stop() == 0)
    }
}
