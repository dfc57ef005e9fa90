import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("The bounds, directions and scores of immuclient's lists, with a real immudb")
struct ImmuclientWalkTests {
    private let data = TemporaryFolder()
    private let work = TemporaryFolder()

    private func run(
        _ server: RunningServer, _ words: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + words, directory: work.path, input: input)
    }

    /// Returns the values that a command prints, or those in its JSON.
    private func values(_ server: RunningServer, _ line: String) async throws -> String {
        let words = line.split(separator: " ").map { $0 == "''" ? "" : String($0) }
        let run = try await run(server, words + ["--value-only"])
        #expect(run.exitCode == 0 && run.complaints == "", "\(line): \(run.errors)")
        return run.output.split(separator: "\n").joined(separator: " ")
    }

    private func fill(_ server: RunningServer, _ lines: [String]) async throws {
        let run = try await run(server, ["it"], input: lines.joined(separator: "\n"))
        #expect(run.exitCode == 0, "\(run.errors)")
    }

    @Test("limit, reverse and bound scan, history and iscan")
    func bounds() async throws {
        let server = try await RunningServer(dir: data.path)
        // Entries 0 to 9.
        try await fill(server, (0..<5).map { "set k\($0) v\($0)" })
        try await fill(server, (5..<10).map { "set k4 v\($0)" })
        for (line, expected) in [
            ("scan k", "v0 v1 v2 v3 v9"), ("scan k --limit 2", "v0 v1"),
            ("scan k --reverse --limit 2", "v9 v3"), ("scan --offset k1 k --until k3", "v2 v3"),
            ("scan k --offset=k3 --until=k2 --reverse", "v2"), ("scan '' --until k0x", "v0"),
            ("history k4", "v9 v8 v7 v6 v5 v4"), ("history k4 --reverse --limit 2", "v4 v5"),
            ("history k4 --limit 1", "v9"), ("history k4 --offset 8 --until 6", "v7 v6"),
            ("history k4 --reverse --offset 6 --until 8", "v7 v8"),
            ("iscan 2 3", "v3 v4 v5"), ("iscan 2 3 --reverse", "v5 v4 v3"),
            ("iscan 0 3 --limit 1", "v0"), ("iscan 1 5 --offset 2 --until 3", "v3"),
            ("iscan", "v0 v1 v2 v3 v4 v5 v6 v7 v8 v9"), ("iscan --reverse --limit 2", "v9 v8"),
            ("iscan --offset 7", "v8 v9"), ("iscan --reverse --offset 3 --until 1", "v2 v1"),
            ("iscan --offset 18446744073709551615", ""),
        ] {
            #expect(try await values(server, line) == expected, "\(line)")
        }
        for (line, said) in [
            ("scan k --limit 0", "'0' is no limit"), ("scan k --limit x", "'x' is no limit"),
            ("history k --offset x", "'x' is no index"), ("iscan 5", "or neither of them"),
            ("zscan s --until x", "'x' is no score"),
            ("get k --limit 1", "flag --limit: get has no such flag\nUsage: immuclient get"),
            ("scan k --reverse=2", "flag --reverse is \"2\": give true or false"),
            ("scan k --lmit 1", "unknown flag: --lmit\nDid you mean '--limit'?"),
            ("scan k --deep --until x", "flag --deep"),
        ] {
            let run = try await run(server, line.split(separator: " ").map(String.init))
            #expect(run.exitCode == 1 && run.output == "", "\(line)")
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        #expect(try await server.stop() == 0)
    }

    @Test("count references, which scan leaves out with a warning, and --deep follows")
    func references() async throws {
        let server = try await RunningServer(dir: data.path)
        try await fill(
            server, ["set k v", "reference n1 k", "reference n2 k", "zadd set 1 k", "set l w"])
        #expect(try await run(server, ["count", "n"]).output == "2\n")
        #expect(try await run(server, ["count", ""]).output == "4\n")
        let nothing = try await run(server, ["scan", "n"])
        #expect(nothing.exitCode == 0 && nothing.output == "")
        #expect(
            nothing.errors.contains("the keys with this prefix are references (2): --deep prints"))
        #expect(try await run(server, ["scan", "x"]).errors == "")
        #expect(try await values(server, "scan n --deep") == "v v")
        #expect(try await values(server, "scan '' --deep --reverse --limit 3") == "v v w")
        #expect(try await server.stop() == 0)
    }

    @Test("show scores of zscan in JSON and with --scores, and take them as bounds")
    func scores() async throws {
        let server = try await RunningServer(dir: data.path)
        let scores = ["-inf", "-2.5", "0", "0.1", "1", "2", "2.000000000000001", "1e300", "inf"]
        try await fill(server, ["set a va", "set b vb"])
        // Includes equal members next to each other, and two members of one score.
        try await fill(server, scores.map { "zadd s \($0) a" } + ["zadd s 1 b", "zadd s -7 b"])
        let listed = try await run(server, ["zscan", "s", "--json"])
        let found = listed.output.matches(of: /"key":"(.)","score":"?([^",]+)/)
            .map { "\($0.1)\($0.2)" }
        #expect(
            found == [
                "a-inf", "b-7", "a-2.5", "a0", "a0.1", "a1", "b1", "a2", "a2.000000000000001",
                "a1e+300", "ainf",
            ], "\(listed.output)\(listed.errors)")
        let text = try await run(server, ["zscan", "s", "--scores", "--limit", "2", "--reverse"])
        #expect(text.output.matches(of: /score:\t\t(.*) \n\n/).count == 2, "\(text.output)")
        #expect(text.output.hasPrefix("index:\t\t0\nkey:\t\ta\nvalue:\t\tva\n"))
        #expect(text.output.contains(" \nscore:\t\tinf \n\nindex"))
        let without = try await run(server, ["zscan", "s", "--json", "--no-scores"])
        #expect(without.output.split(separator: "\n").count == 11)
        #expect(!without.output.contains("score"))
        #expect(!(try await run(server, ["zscan", "s"]).output.contains("score")))
        for (line, expected) in [
            ("zscan s --offset 0.1 --until 1", "va va vb"),
            ("zscan s --reverse --offset -2.5", "va vb va"), ("zscan s --limit 2", "va vb"),
            ("zscan s --reverse --offset 1 --until 0.1 --limit 2", "vb va"),
            ("zscan s --offset inf", "va"),
        ] {
            #expect(try await values(server, line) == expected, "\(line)")
        }
        for (words, said) in [
            (["none"], "there is no set 'none'"), (["none", "--offset", "1"], "there is no set"),
            (["none", "--json"], "{\"warning\":{\"message\":\"there is no set 'none'\"}}"),
            (["s", "--offset", "5", "--until", "-5"], "no member of set 's' has a score in that"),
        ] {
            let nothing = try await run(server, ["zscan"] + words)
            #expect(nothing.exitCode == 0 && nothing.output == "")
            #expect(nothing.errors.contains(said), "\(nothing.errors)")
        }
        for (flag, said) in [
            ("--value-only", "flag --scores: with --value-only nothing but values is printed"),
            ("--no-scores", "'--no-scores'"),
        ] {
            for flags in [["--scores", flag], [flag, "--scores"]] {
                let refused = try await run(server, ["zscan", "s"] + flags)
                #expect(refused.exitCode == 1 && refused.output == "")
                #expect(refused.errors.contains(said), "\(refused.errors)")
            }
        }
        #expect(try await server.stop() == 0)
    }

    @Test("warn of a zscan or a deep scan that may be cut short, which exits with 1")
    func cutShort() async throws {
        let server = try await RunningServer(dir: data.path)
        let client = try await ImmudbClient.connect(
            .init(port: server.port), trustedRoots: InMemoryTrustedRootStore(),
            firstContact: .trustOnFirstUse)
        let key = Array("key".utf8)
        try await client.rawSet(key, [UInt8](repeating: 0x76, count: 900_000))
        for score in 0..<40 {
            try await client.zAdd(key, to: Array("s".utf8), score: Double(score))
            try await client.reference(Array("n\(score)".utf8), to: key)
        }
        await client.close()
        for (words, isPrinted) in [
            (["zscan", "s"], true), (["zscan", "s", "--json"], true),
            (["zscan", "s", "--scores"], false),
            (["scan", "n", "--deep"], true),
        ] {
            let run = try await run(server, words)
            #expect(run.exitCode == 1)
            #expect(run.errors.contains("CUT SHORT"), "\(run.errors)")
            #expect((run.output.utf8.count > 20_000_000) == isPrinted)
        }
        let few = try await run(server, ["zscan", "s", "--limit", "30", "--value-only"])
        #expect(few.exitCode == 0 && few.output.utf8.count == 30 * 900_001)
        let page = try await run(server, ["iscan", "--limit", "90", "--json"])
        #expect(page.exitCode == 0 && page.output.split(separator: "\n").count == 81)
        #expect(try await server.stop() == 0)
    }
}
