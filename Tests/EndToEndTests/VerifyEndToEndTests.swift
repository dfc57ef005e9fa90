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

    /// Changes a byte of the value of entry 7.
    private func damage(_ folder: String) throws {
        try edit("\(folder)/immudb/ledger/0000000000.segment") { bytes in
            let place = try #require(bytes.range(of: Data("value number 7".utf8)))
            bytes[place.lowerBound] ^= 0x20
        }
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
        try damage(live)
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

    @Test(
        "replaces what is damaged from backups as they are, and takes a root from a receipt or a client's file"
    )
    func repairFromBackups() async throws {
        let live = data.file("live").path
        let root = try await fill(live)
        let (full, later) = (data.file("full.backup").path, data.file("later.backup").path)
        let made = try await FinishedProcess.run("immudb", ["backup", "--dir", live, full])
        #expect(made.exitCode == 0, "\(made.errors)")
        let continued = try await FinishedProcess.run(
            "immudb", ["backup", "--dir", live, later, "--since", full])
        #expect(continued.exitCode == 0, "\(continued.errors)")
        let rootFile = try #require(
            try FileManager.default.subpathsOfDirectory(atPath: data.file("roots").path)
                .first { $0.contains(".root-") })

        try damage(live)
        let repair = try await FinishedProcess.run(
            "immudb", ["repair", "--dir", live, "--from", later, full])
        #expect(repair.exitCode == 0, "\(repair.output)\(repair.errors)")
        #expect(repair.output.contains("entry 7; proven by a later root of this ledger"))

        // No segment is left, and no tree: the client's root alone shows what is right.
        for folder in ["ledger", "tree", "index"] {
            let path = "\(live)/immudb/\(folder)"
            try FileManager.default.removeItem(atPath: path)
            if folder == "ledger" {
                try FileManager.default.createDirectory(
                    atPath: path, withIntermediateDirectories: false)
            }
        }
        let asking = try await FinishedProcess.run(
            "immudb", ["repair", "--dir", live, "--from", full])
        #expect(asking.exitCode == 3)
        #expect(asking.output.contains("no segment is left") && asking.output.contains("--root"))
        let words = ["--dir", live, "--root", "\(data.file("roots").path)/\(rootFile)"]
        let rebuilt = try await FinishedProcess.run("immudb", ["repair", "--from", full] + words)
        #expect(rebuilt.exitCode == 0, "\(rebuilt.output)\(rebuilt.errors)")
        let after = try await FinishedProcess.run("immudb", ["verify"] + words)
        #expect(after.exitCode == 0, "\(after.output)")
        #expect(after.output.contains("whole. 20 entries, root \(root.text)"))
    }

    @Test("exits with 0, 3 or 1 as docs/checking.md says")
    func exitCodes() async throws {
        let (live, copy) = (data.file("live").path, data.file("copy").path)
        _ = try await fill(live)
        try FileManager.default.copyItem(atPath: live, toPath: copy)
        let none = data.file("none").path
        let notState = try data.write("state", "no state")

        func expect(_ code: Int32, _ words: [String], _ text: String) async throws {
            let result = try await FinishedProcess.run("immudb", words)
            let output = result.output + result.errors
            #expect(result.exitCode == code && output.contains(text), "\(words): \(output)")
        }
        try await expect(0, ["verify", "--dir", live], "whole")
        try await expect(0, ["repair", "--dir", live], "nothing to repair")
        try await expect(1, ["verify", "--dir", none], "does not exist")
        try await expect(1, ["repair", "--dir", none], "does not exist")
        try await expect(1, ["verify", "--dir", live, "--state", notState], "not the state")
        try await expect(1, ["verify", "--dir", live, "--none"], "--none")
        try await expect(
            1, ["repair", "--dir", live, "--from", copy, notState], "is not a file")

        try await expect(1, ["repair", "--dir", live, notState], "--from")

        // Damage of a view is repaired without a copy, that of an entry is not.
        try edit("\(live)/immudb/tree/digests") { $0[4100] ^= 1 }
        try await expect(3, ["verify", "--dir", live], "view")
        try await expect(0, ["repair", "--dir", live], "repaired")
        try damage(live)
        try await expect(3, ["verify", "--dir", live], "checksum")
        try await expect(3, ["repair", "--dir", live], "name it with --from")
        try await expect(1, ["repair", "--dir", live, "--from", none], "is neither a backup")
        try await expect(1, ["repair", "--dir", live, "--from", notState], "not a backup")
        try await expect(3, ["repair", "--dir", live, "--json"], "\"repaired\":false")

        // One database is damaged, and the other one cannot be checked.
        let system = "\(live)/immudbsys/ledger"
        try FileManager.default.moveItem(atPath: system, toPath: "\(system)-away")
        try await expect(3, ["verify", "--dir", live], "has no ledger")
        try FileManager.default.moveItem(atPath: "\(system)-away", toPath: system)

        let server = try await RunningServer(dir: copy)
        try await expect(1, ["verify", "--dir", copy], "in use by process")
        try await expect(1, ["repair", "--dir", copy], "in use by process")
        try await expect(1, ["repair", "--dir", live, "--from", copy], "in use by process")
        #expect(try await server.stop() == 0)
        try await expect(0, ["repair", "--dir", live, "--from", copy], "proven by a later root")
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
            (["--root", "x"], "--root: \"x\" is neither a root"),
            (["--rate", "0"], "The value '0' is invalid for '--rate"),
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
