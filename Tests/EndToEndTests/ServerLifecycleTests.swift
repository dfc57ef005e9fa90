import Foundation
import TestTools
import Testing

/// Start, failed start, and stop of `immudb`.
@Suite("immudb's lifecycle")
struct ServerLifecycleTests {
    @Test(
        "ends with 0 at SIGTERM and SIGINT, also with clients connected",
        arguments: [SIGTERM, SIGINT])
    func stops(signal: Int32) async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let idle = try connect(to: server.port)
        defer { close(idle) }
        server.process.send(signal)
        server.process.send(signal)
        #expect(try await server.process.exitCode(timeoutSeconds: 15) == 0)
        #expect(server.process.errors.contains("shutdown completed"))
    }

    @Test("does not start on a port in use: exit code 1, and what to do")
    func portInUse() async throws {
        let data = TemporaryFolder()
        let first = try await RunningServer(dir: data.file("a").path)
        let second = try await FinishedProcess.run(
            "immudb", ["--dir", data.file("b").path, "-p", "\(first.port)"])
        #expect(second.exitCode == 1)
        #expect(second.errors.contains("ERROR: Immudb unable to listen: 127.0.0.1:\(first.port)"))
        #expect(second.errors.contains("another port with -p"))
        // The start fails before anything is created.
        #expect(!FileManager.default.fileExists(atPath: data.file("b").path))
        #expect(try await first.stop() == 0)
    }

    @Test(
        "warns when a database with entries gets a new identifier, which clients do not know")
    func lostIdentifier() async throws {
        let data = TemporaryFolder()
        let first = try await RunningServer(dir: data.path)
        let set = try await FinishedProcess.run(
            "immuclient", ["-p", "\(first.port)", "--dir", data.path, "set", "key", "value"])
        #expect(set.exitCode == 0)
        #expect(try await first.stop() == 0)
        #expect(!first.process.errors.contains("a new server identifier"))
        try FileManager.default.removeItem(at: data.file("immudb.identifier"))
        let second = try await RunningServer(dir: data.path)
        #expect(second.process.errors.contains("WARNING: a new server identifier was drawn"))
        #expect(try await second.stop() == 0)
    }

    @Test("does not start on an address that is not this machine's")
    func foreignAddress() async throws {
        let data = TemporaryFolder()
        for address in ["192.0.2.1", "no such name"] {
            let server = try await FinishedProcess.run(
                "immudb", ["--dir", data.path, "-p", "0", "-a", address])
            #expect(server.exitCode == 1)
            #expect(server.errors.contains("Immudb unable to listen: \(address)"))
        }
    }

    @Test("does not start on a database that another process has open")
    func folderInUse() async throws {
        let data = TemporaryFolder()
        let first = try await RunningServer(dir: data.path)
        let second = try await FinishedProcess.run("immudb", ["--dir", data.path, "-p", "0"])
        #expect(second.exitCode == 1)
        #expect(second.errors.contains("ERROR: Unable to open sysstore: "))
        #expect(second.errors.contains("\(data.path)/immudbsys"))
        // Another database in the same folder has the same users.
        let third = try await FinishedProcess.run(
            "immudb", ["--dir", data.path, "-p", "0", "-n", "other"])
        #expect(third.exitCode == 1)
        #expect(third.errors.contains("\(data.path)/immudbsys"))
        #expect(try await first.stop() == 0)
        let fourth = try await RunningServer(dir: data.path)
        #expect(try await fourth.stop() == 0)
    }

    @Test("does not start with a damaged identifier, and leaves the file as it is")
    func damagedIdentifier() async throws {
        let data = TemporaryFolder()
        let file = data.file("immudb.identifier")
        try Data([1, 2, 3]).write(to: file)
        let server = try await FinishedProcess.run("immudb", ["--dir", data.path, "-p", "0"])
        #expect(server.exitCode == 1)
        #expect(server.errors.contains(file.path))
        #expect(server.errors.contains("damaged"))
        #expect(try Data(contentsOf: file) == Data([1, 2, 3]))
    }

    @Test("keeps its identifier over restarts")
    func identifierStays() async throws {
        let data = TemporaryFolder()
        var seen: Set<Data> = []
        for _ in 0..<2 {
            let server = try await RunningServer(dir: data.path)
            #expect(try await server.stop() == 0)
            seen.insert(try Data(contentsOf: data.file("immudb.identifier")))
        }
        #expect(seen.count == 1)
        #expect(seen.first?.count == 12)
    }

    @Test("does not start where a file is in the way of its folder")
    func fileInTheWay() async throws {
        let data = TemporaryFolder()
        try Data().write(to: data.file("db"))
        for dir in [data.file("db").path, data.file("db/below").path] {
            let server = try await FinishedProcess.run("immudb", ["--dir", dir, "-p", "0"])
            #expect(server.exitCode == 1)
            #expect(server.errors.contains("Unable to create sys data folder: "))
            #expect(server.errors.contains(data.file("db").path))
        }
    }

    @Test("does not start in a folder that it may not write, and says which")
    func readOnlyFolders() async throws {
        let data = TemporaryFolder()
        let dir = data.file("db")
        try FileManager.default.createDirectory(at: dir, withIntermediateDirectories: false)
        #expect(chmod(dir.path, 0o555) == 0)
        let missing = try await runUnprivileged(["--dir", dir.path, "-p", "0"], in: data)
        #expect(missing.exitCode == 1)
        #expect(missing.errors.contains("Unable to create sys data folder: \(dir.path)/immudb"))
        #expect(missing.errors.contains("Permission denied"))

        #expect(chmod(dir.path, 0o755) == 0)
        let server = try await RunningServer(dir: dir.path)
        #expect(try await server.stop() == 0)
        // As an operator may do it: the server's own files are readable by their owner only.
        #expect(chmod(dir.appendingPathComponent("immudb.identifier").path, 0o444) == 0)
        #expect(chmod(dir.appendingPathComponent("immudbsys.key").path, 0o444) == 0)
        let database = dir.appendingPathComponent("immudbsys").path
        for file in try FileManager.default.subpathsOfDirectory(atPath: database) {
            #expect(chmod(database + "/" + file, file.contains(".") ? 0o444 : 0o555) == 0)
        }
        #expect(chmod(database, 0o555) == 0)
        let readOnly = try await runUnprivileged(["--dir", dir.path, "-p", "0"], in: data)
        #expect(readOnly.exitCode == 1)
        #expect(readOnly.errors.contains("Unable to open sysstore: "))
        #expect(readOnly.errors.contains(database))
    }

    @Test("warns of a folder of config files that it may not search")
    func hiddenConfigFile() async throws {
        let data = TemporaryFolder()
        try FileManager.default.createDirectory(
            at: data.file("configs"), withIntermediateDirectories: false)
        try Data("dir = \"/none\"".utf8).write(to: data.file("configs/immudb.toml"))
        #expect(chmod(data.file("configs").path, 0) == 0)
        defer { chmod(data.file("configs").path, 0o755) }
        // The server stops after the warning, for another reason.
        let server = try await runUnprivileged(["-p", "0", "--dir", "/none"], in: data)
        #expect(
            server.errors.contains(
                "WARNING: config files of \(data.path)/configs have no effect: it cannot be "
                    + "searched: Permission denied"), "\(server.errors)")
    }

    @Test("does not start on ledger files of another database, and leaves them as they are")
    func foreignLedger() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        #expect(try await server.stop() == 0)
        let ledger = data.file("immudb/ledger")
        let files = try FileManager.default.contentsOfDirectory(atPath: ledger.path)
        let file = ledger.appendingPathComponent(try #require(files.sorted().first))
        let foreign = Data(repeating: 0x5a, count: 65_536)
        try foreign.write(to: file)
        let again = try await FinishedProcess.run("immudb", ["--dir", data.path, "-p", "0"])
        #expect(again.exitCode == 1)
        #expect(again.errors.contains("Unable to open store: "))
        #expect(again.errors.contains(file.lastPathComponent))
        #expect(try Data(contentsOf: file) == foreign)
    }

    @Test(
        "names a wrong word of its command line and ends with 1",
        arguments: [
            (["--bogus"], "--bogus"), (["-z"], "-z"), (["serve"], "serve"),
            (["-p", "many"], "many"),
            (["--port"], "--port"), (["-p", "65536"], "65536"), (["-n", "a/b"], "a/b"),
            (["--dbname", ".."], ".."), (["--dbname", ""], "--dbname"),
            (
                ["--mtls"],
                "certificate file ./tools/mtls/3_application/certs/localhost.cert.pem: No such"
            ),
            (["--dbname", "immudbsys"], "immudbsys\": give"), (["-n", "ImmudbSys"], "is reserved"),
            (["-n", "immudb.identifier"], "is reserved"), (["-n", "a\nb"], "\"a\\nb\": give"),
            (["-n", "a\u{7f}"], "control characters"),
        ])
    func wrongArguments(arguments: [String], word: String) async throws {
        let data = TemporaryFolder()
        let finished = try await FinishedProcess.run("immudb", arguments, directory: data.path)
        #expect(finished.exitCode == 1)
        #expect(finished.errors.contains(word))
        #expect(finished.output.isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path).isEmpty)
    }

    @Test("shows version and help on its standard output and ends with 0")
    func versionAndHelp() async throws {
        let version = try await FinishedProcess.run("immudb", ["version"])
        #expect(version.exitCode == 0)
        #expect(version.output == "immudb 0.6.0\n")
        #expect(version.errors.isEmpty)
        for arguments in [["help"], ["--help"], ["-h"]] {
            let help = try await FinishedProcess.run("immudb", arguments)
            #expect(help.exitCode == 0)
            for word in ["--address", "--port", "--dbname", "--dir", "version"] {
                #expect(help.output.contains(word))
            }
        }
    }

    /// Runs `immudb` as a user without special permissions: as nobody, if the tests run as root.
    private func runUnprivileged(
        _ arguments: [String], in data: TemporaryFolder
    ) async throws -> FinishedProcess {
        guard getuid() == 0 else {
            return try await FinishedProcess.run("immudb", arguments, directory: data.path)
        }
        let copy = data.file("immudb-copy")
        if !FileManager.default.fileExists(atPath: copy.path) {
            let original = try RunningProcess.path(of: "immudb")
            try FileManager.default.copyItem(atPath: original, toPath: copy.path)
        }
        return try await FinishedProcess.run(
            "/usr/bin/setpriv",
            ["--reuid=65534", "--regid=65534", "--clear-groups", copy.path] + arguments,
            directory: data.path)
    }

    /// Opens a connection that never sends anything.
    private func connect(to port: Int) throws -> Int32 {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
        return socket
    }
}
