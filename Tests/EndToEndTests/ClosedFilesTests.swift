import Foundation
import TestTools
import Testing

/// Starts programs without standard input, output and error.
@Suite("Closed standard files")
struct ClosedFilesTests {
    @Test(
        "do not make a server write its log into one of its files",
        arguments: ["<&- >&- 2>&-", "2>&-", ">&- 2>&-", "<&-"])
    func server(closed: String) async throws {
        let data = TemporaryFolder()
        let port = try freePort()
        let server = try shell(
            "exec \(try path("immudb")) -p \(port) --dir db --pidfile pid \(closed)", in: data)
        defer { server.kill() }
        try await waitForServer(port)
        for _ in 0..<3 {
            let set = try await client("set k v", port, in: data)
            #expect(set.exitCode == 0, "\(set.errors)")
        }
        #expect(try text(data.file("pid")) == "\(server.identifier)")
        #expect(try Data(contentsOf: data.file("db/immudb.identifier")).count == 12)
        server.terminate()
        #expect(try await server.exitCode() == 0)
        // Every file of the database is intact: it opens and returns its entries.
        let second = try await RunningServer(dir: data.file("db").path)
        let count = try await client("count k", second.port, in: data)
        #expect(count.output == "1\n")
        #expect(try await second.stop() == 0)
        let log = Data("INFO: ".utf8)
        for file in try FileManager.default.subpathsOfDirectory(atPath: data.path) {
            let content = FileManager.default.contents(atPath: data.file(file).path) ?? Data()
            #expect(content.range(of: log) == nil, "\(file)")
        }
    }

    @Test("do not keep a detached server from serving")
    func detached() async throws {
        let data = TemporaryFolder()
        let port = try freePort()
        let start = try shell(
            "exec \(try path("immudb")) -d -p \(port) --dir db --pidfile pid <&- >&- 2>&-",
            in: data)
        #expect(try await start.exitCode() == 0)
        let pid = try #require(pid_t(try text(data.file("pid"))))
        defer { kill(pid, SIGKILL) }
        try await waitForServer(port)
    }

    @Test(
        "do not make a client write its report into a connection or root file, and are reported"
    )
    func client() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.file("db").path)
        for closed in [">&-", "<&- >&-", "<&- >&- 2>&-"] {
            let set = try await client("safeset k v \(closed)", server.port, in: data)
            #expect(set.exitCode == 1)
            if !closed.contains("2>&-") {
                #expect(
                    set.complaints == "cannot write to the standard output: Bad file descriptor\n")
            }
        }
        let complaint = try await client("get none 2>&-", server.port, in: data)
        #expect(complaint.exitCode == 4)
        let value = try await client("set empty <&-", server.port, in: data)
        #expect(value.errors == "cannot read the standard input: Bad file descriptor\n")
        let get = try await client("safeget k", server.port, in: data)
        #expect(get.output.contains("verified:\ttrue"))
        #expect(try await server.stop() == 0)
    }

    @Test(
        "do not keep immutest from filling a server, or from failing without one",
        arguments: [">&-", ">&- 2>&-"])
    func immutest(closed: String) async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.file("db").path)
        let fill = try shell(
            "exec \(try path("immutest")) 3 -p \(server.port) <&- \(closed)", in: data)
        #expect(try await fill.exitCode() == 0)
        let count = try await client("count client:", server.port, in: data)
        #expect(count.output == "3\n")
        #expect(try await server.stop() == 0)
        let none = try shell(
            "exec \(try path("immutest")) 3 -p \(server.port) <&- \(closed)", in: data)
        #expect(try await none.exitCode() == 1)
    }

    @Test("do not crash a program whose standard error accepts nothing")
    func fullErrors() async throws {
        guard FileManager.default.fileExists(atPath: "/dev/full") else { return }
        let data = TemporaryFolder()
        for (command, code) in [
            ("immuclient ping -p 1", 5), ("immutest -p 1", 1), ("immudb --foo", 1),
        ] as [(String, Int32)] {
            let words = command.split(separator: " ", maxSplits: 1)
            let process = try shell(
                "exec \(try path(String(words[0]))) \(words[1]) 2>/dev/full", in: data)
            #expect(try await process.exitCode() == code, "\(command)")
        }
    }

    // MARK: pieces

    private func shell(_ script: String, in folder: TemporaryFolder) throws -> RunningProcess {
        try RunningProcess("/bin/sh", ["-c", script], directory: folder.path)
    }

    private func client(
        _ words: String, _ port: Int, in folder: TemporaryFolder
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "/bin/sh", ["-c", "exec \(path("immuclient")) -p \(port) \(words)"],
            directory: folder.path)
    }

    private func path(_ executable: String) throws -> String {
        "'\(try RunningProcess.path(of: executable))'"
    }

    private func text(_ file: URL) throws -> String {
        String(decoding: try Data(contentsOf: file), as: UTF8.self)
    }

    private func waitForServer(_ port: Int) async throws {
        let end = Date(timeIntervalSinceNow: 120)
        while try await FinishedProcess.run("immuclient", ["ping", "-p", "\(port)"]).exitCode != 0 {
            try #require(Date() < end, "the server does not come up")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// Returns a port that was free a moment ago.
    private func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) + getsockname(socket, $0, &length)
            }
        }
        try #require(result == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
