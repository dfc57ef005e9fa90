import Foundation
import TestTools
import Testing

@Suite("immuclient against a real immudb")
struct ImmuclientEndToEndTests {
    private let data: TemporaryFolder
    private let roots: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        roots = TemporaryFolder()
    }

    /// Runs the client in the folder of the trusted roots.
    private func client(
        _ server: RunningServer, _ arguments: String..., input: String = "",
        environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, environment: environment,
            directory: roots.path, input: input)
    }

    /// The only file with a trusted root.
    private func rootFile(in folder: TemporaryFolder? = nil) throws -> URL {
        let folder = folder?.url ?? roots.file(".immudb/roots")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        let files = names.filter { $0.wholeMatch(of: /\.root-[0-9a-v]{20}/) != nil }
        try #require(files.count == 1, "\(names)")
        return folder.appendingPathComponent(files[0])
    }

    /// An entry as the client prints it, structured or raw.
    private func entry(_ index: Int, _ key: String, _ value: String, isRaw: Bool = false) -> String
    {
        let time = isRaw ? "" : #"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} [A-Z0-9+-]+"#
        return
            "index:\t\t\(index)\nkey:\t\t\(key)\nvalue:\t\t\(value)\n"
            + "hash:\t\t[0-9a-f]{64} \ntime:\t\t\(time) \n"
    }

    private func expect(
        _ process: FinishedProcess, prints pattern: String, exitCode: Int32 = 0,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let regex = try Regex(pattern)
        #expect(
            process.output.wholeMatch(of: regex) != nil, "\(process.output.debugDescription)",
            sourceLocation: sourceLocation)
        #expect(process.exitCode == exitCode, "\(process.errors)", sourceLocation: sourceLocation)
        if exitCode == 0 { #expect(process.complaints == "", sourceLocation: sourceLocation) }
    }

    @Test("prints the template of each command, by name and by alias")
    func templates() async throws {
        let server = try await RunningServer(dir: data.path)
        try expect(await client(server, "current"), prints: "immudb is empty\n")
        try expect(await client(server, "ping"), prints: "Health check OK\n")
        try expect(await client(server, "p"), prints: "Health check OK\n")
        try expect(await client(server, "set", "a", "one"), prints: entry(0, "a", "one"))
        try expect(await client(server, "s", "b", "two"), prints: entry(1, "b", "two"))
        let verified = "verified:\ttrue \n"
        try expect(
            await client(server, "safeset", "hello", "world"),
            prints: entry(2, "hello", "world") + verified)
        try expect(
            await client(server, "ss", "a", "three"), prints: entry(3, "a", "three") + verified)
        try expect(await client(server, "get", "b"), prints: entry(1, "b", "two"))
        try expect(await client(server, "g", "a"), prints: entry(3, "a", "three"))
        try expect(
            await client(server, "safeget", "hello"), prints: entry(2, "hello", "world") + verified)
        try expect(await client(server, "sg", "b"), prints: entry(1, "b", "two") + verified)
        let history = entry(3, "a", "three") + "\n" + entry(0, "a", "one") + "\n"
        try expect(await client(server, "history", "a"), prints: history)
        try expect(await client(server, "h", "a"), prints: history)
        try expect(await client(server, "history", "none"), prints: "")
        try expect(await client(server, "current"), prints: "index:\t\t3\nhash:\t\t[0-9a-f]{64}\n")
        try expect(await client(server, "crt"), prints: "index:\t\t3\nhash:\t\t[0-9a-f]{64}\n")
        #expect(try await server.stop() == 0)
    }

    @Test("keeps the trusted root in the original's file, with the root that the server shows")
    func rootFileContent() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await client(server, "safeset", "k", "v")
        #expect(try Data(contentsOf: rootFile()).prefix(2) == Data([0x12, 0x20]))
        _ = try await client(server, "safeset", "k", "v2")
        let file = try Data(contentsOf: rootFile())
        #expect(file.count == 36)
        #expect(file.prefix(4) == Data([0x08, 0x01, 0x12, 0x20]))
        let hash = file.dropFirst(4).map { String(format: "%02x", $0) }.joined()
        let current = try await client(server, "current")
        #expect(current.output == "index:\t\t1\nhash:\t\t\(hash)\n")

        // The folder comes from the flag, else from the environment, else it is in the home folder.
        let other = TemporaryFolder()
        let third = TemporaryFolder()
        let environment = ["IMMUCLIENT_DIR": other.path]
        _ = try await client(server, "safeget", "k", environment: environment)
        #expect(try Data(contentsOf: rootFile(in: other)) == file)
        _ = try await client(server, "safeget", "k", "--dir", third.path, environment: environment)
        #expect(try Data(contentsOf: rootFile(in: third)) == file)
        #expect(try await server.stop() == 0)
    }

    @Test(
        "fails with a changed root file, marks the answer as not verified, and keeps the file"
    )
    func tamperedRoot() async throws {
        let server = try await RunningServer(dir: data.path)
        for number in 0..<3 { _ = try await client(server, "safeset", "k\(number)", "v") }
        let file = try rootFile()
        var bytes = try Data(contentsOf: file)
        bytes[20] ^= 1
        try bytes.write(to: file)
        let get = try await client(server, "safeget", "k1")
        try expect(get, prints: entry(1, "k1", "v") + "verified:\tfalse \n", exitCode: 3)
        #expect(get.errors.contains("VERIFICATION FAILED"))
        let set = try await client(server, "safeset", "k1", "v")
        #expect(set.exitCode == 3)
        #expect(set.errors.contains("VERIFICATION FAILED"))
        #expect(set.errors.contains("has probably stored your entry"))
        #expect(try Data(contentsOf: file) == bytes)

        try Data("garbage".utf8).write(to: file)
        let unreadable = try await client(server, "safeget", "k1")
        #expect(unreadable.exitCode == 1)
        #expect(unreadable.output == "")
        #expect(unreadable.errors.contains(file.lastPathComponent))
        #expect(try Data(contentsOf: file) == Data("garbage".utf8))
        #expect(try await server.stop() == 0)
    }

    @Test("detects a server that was set back to an older copy, also by the key that it lost")
    func olderCopy() async throws {
        let copy = TemporaryFolder()
        var server = try await RunningServer(dir: data.path)
        _ = try await client(server, "safeset", "old", "v")
        #expect(try await server.stop() == 0)
        let saved = copy.file("saved")
        try FileManager.default.copyItem(at: data.url, to: saved)

        server = try await RunningServer(dir: data.path)
        _ = try await client(server, "safeset", "new", "v")
        _ = try await client(server, "safeset", "new", "w")
        #expect(try await server.stop() == 0)
        let file = try Data(contentsOf: rootFile())

        server = try await RunningServer(dir: saved.path)
        for arguments in [["safeget", "old"], ["safeget", "new"], ["safeset", "x", "y"]] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)"] + arguments, directory: roots.path)
            #expect(run.exitCode == 3)
            #expect(run.errors.contains("VERIFICATION FAILED"), "\(run.errors)")
        }
        // Continued from there, with as many entries as before but another history.
        _ = try await client(server, "set", "other", "1")
        _ = try await client(server, "set", "other", "2")
        let fork = try await client(server, "safeget", "old")
        #expect(fork.exitCode == 3)
        #expect(fork.output.hasSuffix("verified:\tfalse \n"))
        #expect(try Data(contentsOf: rootFile()) == file)
        #expect(try await server.stop() == 0)
    }

    @Test("exits with 1 and says why for a missing key, a bad key and wrong usage")
    func errors() async throws {
        let server = try await RunningServer(dir: data.path)
        for command in ["get", "safeget"] {
            let missing = try await client(server, command, "nothing")
            #expect(missing.exitCode == 4)
            #expect(missing.output == "")
            #expect(
                missing.complaints
                    == "rpc error: code = NotFound desc = Key not found\nthere is no key 'nothing'\n"
            )
        }
        let invalid = try await client(server, "get", "")
        #expect(invalid.exitCode == 1)
        #expect(
            invalid.errors == """
                rpc error: code = InvalidArgument desc = invalid key
                the key is empty: give at least one byte

                """)
        for (arguments, word) in [
            (["frobnicate"], "frobnicate"), (["get"], "key"), (["get", "a", "b"], "received 2"),
            (["--nonsense", "get", "a"], "--nonsense"), (["get", "a", "-p", "http"], "http"),
            (["get", "a", "-p", "70000"], "70000"), (["SET", "a", "b"], "SET"),
        ] {
            let run = try await FinishedProcess.run("immuclient", arguments, directory: roots.path)
            #expect(run.exitCode == 1, "\(arguments)")
            #expect(run.errors.contains(word), "\(arguments): \(run.errors)")
            #expect(run.output == "")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("reports the first refusal of a missing server with the address, and exits with 1")
    func noServer() async throws {
        let server = try await RunningServer(dir: data.path)
        #expect(try await server.stop() == 0)
        let run = try await client(server, "ping")
        #expect(run.exitCode == 5)
        #expect(run.output == "")
        // Further attempts would end with another status and reason.
        let reason = "cannot connect to 127.0.0.1:\(server.port): Connection refused"
        #expect(
            run.errors.hasPrefix("rpc error: code = Unavailable desc = \(reason)"),
            "\(run.errors)")
    }

    @Test("prints version and help without a server")
    func versionAndHelp() async throws {
        let version = try await FinishedProcess.run("immuclient", ["version"])
        try expect(version, prints: #"immuclient \d+\.\d+\.\d+\n"#)
        for arguments in [[], ["help"], ["--help"], ["-h"]] {
            let help = try await FinishedProcess.run("immuclient", arguments)
            #expect(help.exitCode == 0)
            for command in [
                "set", "get", "safeset", "safeget", "current", "history", "ping", "version",
            ] {
                #expect(help.output.contains(command))
            }
        }
    }

    @Test(
        "takes address and port from flags, before or after the command, else from the environment"
    )
    func settings() async throws {
        let server = try await RunningServer(dir: data.path)
        let port = "\(server.port)"
        let cases: [([String], [String: String])] = [
            (["-a", "127.0.0.1", "-p", port, "ping"], [:]),
            (["ping", "-a", "127.0.0.1", "-p", port], [:]),
            (["ping", "--immudb-address=127.0.0.1", "--immudb-port=\(port)"], [:]),
            (["ping"], ["IMMUCLIENT_IMMUDB_PORT": port, "IMMUCLIENT_IMMUDB_ADDRESS": "127.0.0.1"]),
            (["ping"], ["IMMUCLIENT_IMMUDB-PORT": port, "IMMUCLIENT_IMMUDB_ADDRESS": ""]),
            (["ping", "-p", port], ["IMMUCLIENT_IMMUDB_PORT": "1"]),
        ]
        for (arguments, environment) in cases {
            let run = try await FinishedProcess.run(
                "immuclient", arguments, environment: environment, directory: roots.path)
            #expect(run.output == "Health check OK\n", "\(arguments) \(environment): \(run.errors)")
        }
        let wrong = try await FinishedProcess.run(
            "immuclient", ["ping"], environment: ["IMMUCLIENT_IMMUDB_PORT": "x1"])
        #expect(wrong.exitCode == 1)
        #expect(wrong.errors.contains("x1"))
        #expect(try await server.stop() == 0)
    }

    @Test("reads a missing value from a pipe, byte for byte, and prints local times")
    func pipedValue() async throws {
        let server = try await RunningServer(dir: data.path)
        let piped = try await client(server, "set", "k", input: "line 1\nline 2\n")
        try expect(piped, prints: entry(0, "k", "line 1\nline 2\n"))
        let empty = try await client(server, "safeset", "k", "")
        try expect(empty, prints: entry(1, "k", "") + "verified:\ttrue \n")
        let zone = try await client(server, "get", "k", environment: ["TZ": "XYZ-5:30"])
        #expect(zone.output.contains(" +0530 XYZ \n"))
        // Words after -- are not flags.
        let dashes = try await client(server, "set", "--", "k", "-v")
        try expect(dashes, prints: entry(2, "k", "-v"))
        #expect(try await server.stop() == 0)
    }
}
