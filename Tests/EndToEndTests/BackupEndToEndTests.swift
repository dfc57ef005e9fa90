import Foundation
import ImmudbClient
import TestTools
import Testing

/// Backups and restores with the programs that operators use.
@Suite("Backup and restore")
struct BackupEndToEndTests: BackupProgramTests {
    let data = TemporaryFolder()
    let home = TemporaryFolder()

    /// Verifies a chain without any code of this package.
    private func verifyByPython(_ files: [String]) async throws -> FinishedProcess {
        let script = DocumentedCode.root.appendingPathComponent("Tools/backup-verify.py").path
        return try await FinishedProcess.run(
            "/usr/bin/env", ["python3", script] + files, directory: data.path)
    }

    @Test("of a stopped server give a server that its clients take for the same one")
    func offline() async throws {
        let server = try await RunningServer(dir: path("db"))
        let client = try await connect(server, .trustOnFirstUse)
        for number in 0..<5 { try await client.verifiedSet("key \(number)", "value \(number)") }
        await client.close()
        let running = try await immudb(["backup", "--dir", path("db"), "a.backup"])
        #expect(running.exitCode == 1 && running.errors.contains("in use by"), "\(running.errors)")
        #expect(try await server.stop() == 0)

        let full = try await immudb(["backup", "--dir", path("db"), "a.backup"])
        #expect(full.exitCode == 0, "\(full.errors)")
        #expect(
            full.errors.contains("SUCCESS: 5 entries are backed up to a.backup, root "))
        let attributes = try FileManager.default.attributesOfItem(atPath: path("a.backup"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(!exists("a.backup.part") && !exists("a.backup.part.lock"))
        let again = try await immudb(["backup", "--dir", path("db"), "a.backup"])
        #expect(again.exitCode == 1 && again.errors.contains("--force"), "\(again.errors)")

        let later = try await RunningServer(dir: path("db"))
        let writer = try await connect(later, .refuse)
        for number in 5..<9 { try await writer.verifiedSet("key \(number)", "value \(number)") }
        let root = try await writer.trustedRoot()
        await writer.close()
        #expect(try await later.stop() == 0)
        let incremental = try await immudb(
            ["backup", "--dir", path("db"), "b.backup", "--since", "a.backup"])
        #expect(incremental.exitCode == 0, "\(incremental.errors)")

        let python = try await verifyByPython(["--root", root.text, "a.backup", "b.backup"])
        #expect(python.exitCode == 0, "\(python.errors)")
        #expect(python.output.contains("b.backup: database immudb, \(root.text)"))

        let rootFile = try #require(
            try FileManager.default.contentsOfDirectory(atPath: home.path)
                .first { $0.hasPrefix(".root-") && !$0.hasSuffix(".lock") })
        let restored = try await immudb([
            "restore", "--dir", path("new"), "a.backup", "b.backup", "--root",
            home.file(rootFile).path,
        ])
        #expect(restored.exitCode == 0, "\(restored.errors)")
        #expect(restored.output.contains("SUCCESS: 9 entries are restored"))
        let copy = try await RunningServer(dir: path("new"))
        let reader = try await connect(copy, .refuse)
        let entry = try await reader.verifiedGet("key 3")
        #expect(entry.value.text == "value 3")
        try await reader.verifiedSet("key 10", "value")
        await reader.close()
        // The restore is in the audit log.
        try await logIn(copy)
        let log = try await admin(copy, ["audit-log", "--action", "restore"])
        #expect(log.output.contains("done, root \(root.text)"), "\(log.output)\(log.errors)")
        #expect(try await copy.stop() == 0)
    }

    @Test("under load: full, incrementals, one killed and continued, one damaged and refused")
    func underLoad() async throws {
        let server = try await RunningServer(dir: path("db"))
        try await logIn(server)
        let client = try await connect(server, .trustOnFirstUse)
        try await client.verifiedSet("first", "value")
        let early = try await client.trustedRoot()
        let writer = Task {
            var count = 0
            // Python's CRC takes its time, so there is an end.
            while !Task.isCancelled, count < 600 {
                let batch = (0..<20).map {
                    (Array("key \(count) \($0)".utf8), [UInt8](repeating: 5, count: 2_000))
                }
                // Fails when the task is cancelled.
                guard (try? await client.rawSetBatch(batch)) != nil else { break }
                count += 1
            }
            return count
        }
        while try await client.currentRoot().size.rawValue < 2_000 {}
        let full = try await admin(server, ["backup", "full.backup"])
        #expect(full.exitCode == 0, "\(full.errors)")
        #expect(full.output.contains(" entries are backed up to full.backup, root "))
        while try await client.currentRoot().size.rawValue < 5_000 {}

        // The first incremental is killed, at a rate at which it takes seconds, and continued.
        let killed = try RunningProcess(
            "immuadmin",
            [
                "-p", "\(server.port)", "backup", "b.backup", "--since", "full.backup", "--rate",
                "1",
            ],
            environment: ["HOME": home.path], directory: data.path)
        while partByteCount("b.backup.part") < 1 << 20, killed.isRunning {
            try await Task.sleep(for: .milliseconds(5))
        }
        killed.kill()
        _ = try await killed.exitCode()
        #expect(exists("b.backup.part") && !exists("b.backup"))
        let continued = try await admin(
            server, ["backup", "b.backup", "--since", "full.backup"])
        #expect(continued.exitCode == 0, "\(continued.errors)")
        #expect(continued.errors.contains("where it was interrupted"), "\(continued.errors)")

        // What a client verifies after the last backup, it would miss in the restored server.
        _ = try await client.verifiedGet("first")
        // The second one goes through a pipe.
        let piped = try await FinishedProcess.run(
            "/bin/sh",
            [
                "-c", "\"$0\" -p \(server.port) backup - --since b.backup > c.backup",
                try RunningProcess.path(of: "immuadmin"),
            ], environment: ["HOME": home.path], directory: data.path)
        #expect(piped.exitCode == 0, "\(piped.errors)")
        writer.cancel()
        #expect(await writer.value > 0)
        await client.close()
        #expect(try await server.stop() == 0)

        let chain = ["full.backup", "b.backup", "c.backup"]
        var damaged = try Data(contentsOf: data.file("b.backup"))
        damaged[damaged.count / 2] ^= 4
        try damaged.write(to: data.file("damaged.backup"))
        let refused = try await immudb(
            ["restore", "--dir", path("new"), "full.backup", "damaged.backup", "c.backup"])
        #expect(refused.exitCode == 3 && !exists("new"), "\(refused.errors)")
        #expect(refused.errors.contains("damaged.backup, byte "), "\(refused.errors)")
        let gap = try await immudb(["restore", "--dir", path("new"), "full.backup", "c.backup"])
        #expect(gap.exitCode == 3 && gap.errors.contains("one between them is missing"))
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: data.path)
                .allSatisfy { !$0.contains("unfinished") })
        #expect(try await verifyByPython(chain).exitCode == 0)
        #expect(try await verifyByPython(["full.backup", "damaged.backup"]).exitCode == 3)

        let restored = try await immudb(
            ["restore", "--dir", path("new"), "--root", early.text] + chain)
        #expect(restored.exitCode == 0, "\(restored.errors)")
        let copy = try await RunningServer(dir: path("new"))
        let reader = try await connect(copy, .refuse)
        _ = try await reader.verifiedGet("first")
        await reader.close()
        #expect(try await copy.stop() == 0)
    }

    private func partByteCount(_ name: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path(name))
        return attributes?[.size] as? Int ?? 0
    }

    @Test("are the administrator's alone, and recorded")
    func permissions() async throws {
        let server = try await RunningServer(dir: path("db"))
        let stranger = try await admin(server, ["backup", "a.backup"])
        #expect(stranger.exitCode == 1 && stranger.errors == "please login first\n")
        #expect(!exists("a.backup.part") && !exists("a.backup.part.lock"))
        try await logIn(server)
        let empty = try await admin(server, ["backup", "a.backup", "--json"])
        #expect(empty.exitCode == 0 && empty.output.contains("\"size\":0"), "\(empty.errors)")
        let wrong = try await admin(
            server, ["backup", "b.backup", "--since", String(repeating: "7", count: 64) + "@5"])
        // As of immudb backup: another history.
        #expect(wrong.exitCode == 3, "\(wrong.output)")
        #expect(wrong.errors.contains("the database has 0"), "\(wrong.errors)")
        #expect(!exists("b.backup.part"))
        let log = try await admin(server, ["audit-log", "--action", "backup"])
        #expect(log.output.contains("backup"), "\(log.output)")
        #expect(try await server.stop() == 0)
    }

    @Test("ends at a size, makes another server, and touches no folder that is in use")
    func restoreFlags() async throws {
        let server = try await RunningServer(dir: path("db"))
        let client = try await connect(server, .trustOnFirstUse)
        for number in 0..<5 { try await client.verifiedSet("key \(number)", "value") }
        await client.close()
        #expect(try await server.stop() == 0)
        let piped = try await FinishedProcess.run(
            "/bin/sh",
            [
                "-c",
                "\"$0\" backup --dir db - | \"$0\" restore --dir new --until-size 3 --new-identifier -",
                try RunningProcess.path(of: "immudb"),
            ], directory: data.path)
        #expect(piped.exitCode == 0, "\(piped.errors)")
        #expect(piped.output.contains("SUCCESS: 3 entries are restored to new"))
        func identifier(_ folder: String) throws -> Data {
            try Data(contentsOf: data.file("\(folder)/immudb.identifier"))
        }
        #expect(try identifier("new") != identifier("db"))
        #expect(try await immudb(["backup", "--dir", path("db"), "a.backup"]).exitCode == 0)
        let full = try await immudb(["restore", "--dir", path("db"), "a.backup"])
        #expect(full.exitCode == 1 && full.errors.contains("is not empty"), "\(full.errors)")
        let none = try await immudb(["backup", "--dir", path("none"), "b.backup"])
        #expect(none.exitCode == 1 && !exists("none") && !exists("b.backup.part"), "\(none.errors)")
        let root = String(repeating: "7", count: 64) + "@5"
        let other = try await immudb(["restore", "--dir", path("x"), "a.backup", "--root", root])
        #expect(other.exitCode == 3 && other.errors.contains("another history"), "\(other.errors)")
        #expect(!exists("x"))
    }
}
