import Foundation
import ImmudbClient
import TestTools
import Testing

/// The commands for references, sorted sets, walks, proofs and dumps.
@Suite("immuclient's data commands against a real immudb")
struct ImmuclientDataTests {
    private let data: TemporaryFolder
    private let work: TemporaryFolder

    init() throws {
        data = TemporaryFolder()
        work = TemporaryFolder()
    }

    private func client(
        _ server: RunningServer, _ arguments: String..., input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path, input: input)
    }

    /// Runs a command that must succeed, and returns its output.
    private func output(
        _ server: RunningServer, _ arguments: String..., input: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let run = try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path, input: input)
        #expect(run.exitCode == 0, "\(arguments): \(run.errors)", sourceLocation: sourceLocation)
        #expect(run.complaints == "", sourceLocation: sourceLocation)
        return run.output
    }

    private func raw(_ index: Int, _ key: String, _ value: String) -> String {
        "index:\t\t\(index)\nkey:\t\t\(key)\nvalue:\t\t\(value)\n"
            + "hash:\t\t[0-9a-f]{64} \ntime:\t\t \n"
    }

    private func matches(_ text: String, _ pattern: String) throws -> Bool {
        text.wholeMatch(of: try Regex(pattern)) != nil
    }

    @Test("print the entries of references and raw values, and whether they are verified")
    func references() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await output(server, "set", "key", "value")
        for (command, index, suffix) in [
            ("reference", 1, ""), ("r", 2, ""), ("safereference", 3, "verified:\ttrue \n"),
            ("sr", 4, "verified:\ttrue \n"),
        ] {
            let printed = try await output(server, command, "name\(index)", "key")
            #expect(try matches(printed, raw(index, "name\(index)", "key") + suffix))
        }
        // Takes the key from a pipe.
        let piped = try await output(server, "reference", "piped", input: "key")
        #expect(try matches(piped, raw(5, "piped", "key")))
        let read = try await output(server, "safeget", "name3")
        #expect(read.contains("key:\t\tkey\nvalue:\t\tvalue\n"))
        #expect(read.hasSuffix("verified:\ttrue \n"))

        let written = try await output(server, "rawsafeset", "raw", "v")
        #expect(try matches(written, raw(6, "raw", "v") + "verified:\ttrue \n"))
        #expect(try await output(server, "rg", "raw") == written)
        #expect(try await output(server, "sg", "raw") == written)
        let missing = try await client(server, "reference", "x", "nobody")
        #expect(missing.exitCode == 4)
        #expect(
            missing.errors
                == "rpc error: code = NotFound desc = Key not found\nthere is no key 'nobody'\n")
        #expect(try await server.stop() == 0)
    }

    @Test("take any score but NaN in sorted sets, negative ones too, and list by it")
    func sortedSets() async throws {
        let server = try await RunningServer(dir: data.path)
        for key in ["a", "b", "-1"] { _ = try await output(server, "set", "--", key, "v") }
        let added = try await output(server, "zadd", "s", "1.5", "a")
        let text =
            "index:\t\t3\nset:\t\ts \nkey:\t\ts\u{3f}\u{FFFD}\0\0\0\0\0\0a \n"
            + "score:\t\t1.500000 \nvalue:\t\ta \nhash:\t\t"
        #expect(added.hasPrefix(text), "\(added.debugDescription)")
        let verified = try await output(server, "safezadd", "s", "-2", "b")
        #expect(verified.contains("score:\t\t-2.000000\nvalue:\t\tb\nhash:\t\t"))
        #expect(verified.hasSuffix("\nverified:\ttrue\n"))
        _ = try await output(server, "za", "s", "-inf", "-1")
        for command in ["zscan", "zscn"] {
            let listed = try await output(server, command, "s")
            let keys = listed.matches(of: /key:\t\t(.*)/).map { String($0.1) }
            #expect(keys == ["-1", "b", "a"])
        }
        for score in ["nan", "much", "-nan", "1e400", "-1e400"] {
            let refused = try await client(server, "zadd", "s", score, "a")
            #expect(refused.exitCode == 1)
            #expect(refused.output == "")
            #expect(refused.errors.contains("'\(score)' is no score"), "\(refused.errors)")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("print each entry of a walk and a blank line, and values that are not Content as raw")
    func walks() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await output(server, "set", "a1", "one")
        _ = try await output(server, "rawsafeset", "a2", "two")
        _ = try await output(server, "reference", "b", "a1")
        for command in ["scan", "scn"] {
            let listed = try await output(server, command, "a")
            #expect(listed.matches(of: /index:\t\t(\d)/).map { $0.1 } == ["0", "1"])
            #expect(try listed.hasSuffix("\n\n") && listed.contains(Regex(raw(1, "a2", "two"))))
        }
        #expect(try await output(server, "count", "a") == "2\n")
        #expect(try await output(server, "cnt", "b") == "1\n")
        let page = try await output(server, "iscan", "2", "2")
        #expect(try matches(page, raw(2, "b", "a1") + "\n"))
        #expect(try await output(server, "iscn", "2", "2") == page)
        let first = try await output(server, "getByIndex", "0")
        let pattern =
            #"index:\t\t0\nkey:\t\ta1\nvalue:\t\ttimestamp:\d+ payload:"one" \n"#
            + #"hash:\t\t[0-9a-f]{64}\ntime:\t\t\d{4}-.*\n"#
        #expect(try matches(first, pattern), "\(first)")
        #expect(try await output(server, "bi", "2").contains("value:\t\ta1 \n"))
        for (arguments, word) in [(["iscan", "x", "2"], "x"), (["bi", "-1"], "-1")] {
            let refused = try await FinishedProcess.run(
                "immuclient", arguments, directory: work.path)
            #expect(refused.exitCode == 1)
            #expect(refused.errors.contains("'\(word)'"), "\(refused.errors)")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("limit an answer by --max-recv-msg-size, and take one that it allows")
    func largestAnswer() async throws {
        let server = try await RunningServer(dir: data.path)
        let value = String(repeating: "v", count: 10_000)
        _ = try await output(server, "set", "k", value)
        let refused = try await client(server, "get", "k", "--max-recv-msg-size", "5000")
        #expect(refused.exitCode == 1)
        #expect(refused.output == "")
        #expect(refused.errors.contains("ResourceExhausted"), "\(refused.errors)")
        let taken = try await output(
            server, "get", "k", "--value-only", "--max-recv-msg-size", "20000")
        #expect(taken == value + "\n")
        #expect(try await server.stop() == 0)
    }

    @Test("print the whole of a history that exceeds any answer, newest first")
    func longHistory() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await ImmudbClient.connect(
            .init(port: server.port), trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trustOnFirstUse)
        let key = Array("key".utf8)
        for first in [0, 20] {
            try await client.rawSetBatch(
                (first..<first + 20).map {
                    (key, [UInt8](repeating: UInt8(65 + $0), count: 900_000))
                })
        }
        #expect(try await client.history(of: key).count < 40)
        var indexes: [UInt64] = []
        for try await entry in client.versions(of: key) { indexes.append(entry.index.rawValue) }
        #expect(indexes == (0..<40).reversed())
        await client.close()
        let printed = try await output(server, "history", "key", "--value-only")
        let firsts = printed.split(separator: "\n").compactMap(\.utf8.first)
        #expect(firsts == (0..<40).reversed().map { UInt8(65 + $0) })
        #expect(try await server.stop() == 0)
    }

    @Test("check proofs against given hashes, and exit with 3 if one does not hold")
    func proofs() async throws {
        let server = try await RunningServer(dir: data.path)
        _ = try await output(server, "set", "a", "one")
        let root = try await output(server, "current")
        let hash = String(try #require(root.firstMatch(of: /hash:\t\t([0-9a-f]{64})/)?.1))
        _ = try await output(server, "set", "b", "two")
        let holds = #"verified: true \nhash: HASH at index: 0 \nroot: [0-9a-f]{64} at index: 1 \n"#
        for arguments in [["inclusion", "0"], ["i", "0", hash.uppercased()]] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path)
            let pattern = holds.replacingOccurrences(of: "HASH", with: hash)
            #expect(try matches(run.output, pattern), "\(run.output)\(run.errors)")
        }
        let consistent = try await output(server, "check-consistency", "0", hash)
        let pattern =
            #"verified: true \nfirstRoot: HASH at index: 0 \nsecondRoot: [0-9a-f]{64} at index: 1 \n"#
        #expect(
            try matches(consistent, pattern.replacingOccurrences(of: "HASH", with: hash)))

        let other = String(hash.reversed())
        for arguments in [["inclusion", "1", hash], ["c", "0", other]] {
            let run = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)"] + arguments, directory: work.path)
            #expect(run.exitCode == 3)
            #expect(run.output.hasPrefix("verified: false \n"))
            #expect(run.errors.contains("VERIFICATION FAILED"))
        }
        let short = try await client(server, "inclusion", "0", "abc")
        #expect(short.exitCode == 1)
        #expect(short.errors.contains("invalid hash length"))
        #expect(try await server.stop() == 0)
    }

    @Test("name a dump once it is complete, and leave nothing behind when it fails")
    func dump() async throws {
        let server = try await RunningServer(dir: data.path)
        let empty = try await output(server, "dump", "empty.bkp")
        #expect(empty == "SUCCESS: 0 key-value entries were backed-up to file empty.bkp\n")
        _ = try await output(server, "set", "a", "one")
        _ = try await output(server, "reference", "b", "a")
        let printed = try await output(server, "b")
        let name = try #require(
            printed.wholeMatch(
                of: /SUCCESS: 2 key-value entries were backed-up to file (immudb_[-_0-9]+\.bkp)\n/))
        let bytes = [UInt8](try Data(contentsOf: work.file(String(name.1))))
        // Length in 4 bytes, then the key "a" as field 1 of the first entry.
        #expect(bytes[4..<7] == [0x0a, 0x01, 0x61])
        let first = 4 + Int(bytes[0])
        #expect(bytes.count == first + 4 + Int(bytes[first]))

        // Links, pipes and devices are not replaced.
        for path in ["/dev/null", "link"] {
            symlink("old.bkp", work.file("link").path)
            let refused = try await client(server, "dump", path)
            #expect(refused.exitCode == 1)
            #expect(refused.errors == "\(path) exists and is not a regular file: name another one\n")
        }
        try Data("kept".utf8).write(to: work.file("old.bkp"))
        #expect(try await server.stop() == 0)
        let failed = try await client(server, "dump", "old.bkp")
        #expect(failed.exitCode == 5)
        #expect(try Data(contentsOf: work.file("old.bkp")) == Data("kept".utf8))
        let names = try FileManager.default.contentsOfDirectory(atPath: work.path)
        #expect(!names.contains { $0.hasSuffix(".part") })
    }

    @Test("report in plain words an output that cannot be written")
    func fullOutput() async throws {
        let server = try await RunningServer(dir: data.path)
        // If the device is missing, the shell would create a file in its place.
        let type = try FileManager.default.attributesOfItem(atPath: "/dev/full")[.type]
        try #require(
            type as? FileAttributeType == .typeCharacterSpecial, "/dev/full is no device")
        let path = try RunningProcess.path(of: "immuclient")
        let run = try await FinishedProcess.run(
            "/bin/sh", ["-c", "'\(path)' -p \(server.port) ping > /dev/full"])
        #expect(run.exitCode == 1)
        #expect(run.errors == "cannot write to the standard output: No space left on device\n")
        #expect(try await server.stop() == 0)
    }
}
