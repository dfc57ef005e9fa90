import Foundation
import ImmudbClient
import TestTools
import Testing

@Suite("immudb verify and immudb repair")
struct VerifyEndToEndTests {
    private let data = TemporaryFolder()

    /// Fills a server's folder and stops it.
    ///
    /// - Returns: the root that a client trusts.
    private func fill(_ path: String) async throws -> TrustedRoot {
        let server = try await RunningServer(dir: path)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: data.file("roots").path),
            firstContact: .trustOnFirstUse)
        for number in 0..<20 {
            try await client.verifiedSet("key \(number)", "value number \(number)")
        }
        let root = try await client.trustedRoot()
        await client.close()
        #expect(try await server.stop() == 0)
        return root
    }

    private func edit(_ path: String, _ change: (inout Data) throws -> Void) throws {
        let url = URL(fileURLWithPath: path)
        var bytes = try Data(contentsOf: url)
        try change(&bytes)
        try bytes.write(to: url)
    }

    @Test("check a folder, name what was changed, and replace it from a copy")
    func verifyAndRepair() async throws {
        let (live, copy) = (data.file("live").path, data.file("copy").path)
        let root = try await fill(live)
        try FileManager.default.copyItem(atPath: live, toPath: copy)

        let whole = try await FinishedProcess.run(
            "immudb", ["verify", "--dir", live, "--root", root.text])
        #expect(whole.exitCode == 0, "\(whole.output)\(whole.errors)")
        #expect(whole.output.contains("\(live)/immudb: whole. 20 entries, root \(root.text)"))
        #expect(whole.output.contains("\(live)/immudbsys: whole."))

        let segment = "\(live)/immudb/ledger/0000000000.segment"
        try edit(segment) { bytes in
            let place = try #require(bytes.range(of: Data("value number 7".utf8)))
            bytes[place.lowerBound] ^= 0x20
        }
        let damaged = try await FinishedProcess.run("immudb", ["verify", "--dir", live])
        #expect(damaged.exitCode == 3)
        #expect(damaged.output.contains("checksum: \(segment), byte "))
        #expect(damaged.output.contains("entry 7, key \"key 7\": the record fails its checksum"))

        let json = try await FinishedProcess.run("immudb", ["verify", "--dir", live, "--json"])
        #expect(json.exitCode == 3)
        let document = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(document["whole"] as? Bool == false)
        let databases = try #require(document["databases"] as? [[String: Any]])
        let names = databases.compactMap { $0["database"] as? String }
        #expect(names == ["immudb", "immudbsys"])
        let problems = try #require(databases.first?["problems"] as? [[String: Any]])
        #expect(problems.contains { $0["key"] as? String == "key 7" })

        let repair = try await FinishedProcess.run(
            "immudb", ["repair", "--dir", live, "--from", copy])
        #expect(repair.exitCode == 0, "\(repair.output)\(repair.errors)")
        #expect(repair.output.contains("entry 7; proven by a later root of this ledger"))
        let after = try await FinishedProcess.run(
            "immudb", ["verify", "--dir", live, "--root", root.text])
        #expect(after.exitCode == 0, "\(after.output)")

        // The client notices nothing.
        let server = try await RunningServer(dir: live)
        let client = try await ImmudbClient.connect(
            ImmudbClient.Configuration(port: server.port),
            trustedRoots: FileTrustedRootStore(directory: data.file("roots").path),
            firstContact: .refuse)
        #expect(try await client.verifiedGet("key 7").value.index == EntryIndex(7))
        await client.close()

        let inUse = try await FinishedProcess.run("immudb", ["verify", "--dir", live])
        #expect(inUse.exitCode == 1)
        #expect(inUse.errors.contains("in use by process \(server.process.identifier)"))
        #expect(try await server.stop() == 0)
    }

    @Test("names an older folder by the root of a client")
    func rolledBack() async throws {
        let live = data.file("live").path
        let root = try await fill(live)
        let later = "\(root.root.hex)@30"
        let result = try await FinishedProcess.run(
            "immudb", ["verify", "--dir", live, "--root", later])
        #expect(result.exitCode == 3)
        #expect(result.output.contains("rolledBack: \(live)/immudb"))
    }

    @Test("refuse flags that say nothing to them, and what is no folder of a database")
    func refused() async throws {
        for (words, complaint) in [
            (["--port", "1"], "flag --port: verify has no such flag"),
            (["--root", "x"], "--root is \"x\""), (["--rate", "0"], "The value '0' is invalid for '--rate"),
            (["word"], "accepts 0 arg(s), received 1"),
            (["--dir", data.file("none").path], "does not exist"),
        ] {
            let result = try await FinishedProcess.run("immudb", ["verify"] + words)
            #expect(result.exitCode == 1)
            #expect(result.errors.contains(complaint), "\(result.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: data.file("none").path))
    }
}
