#if os(Linux)
    import Foundation
    import TestTools
    import Testing

    /// `immudb` as systemd starts it, with a socket of the test in place of systemd's.
    @Suite("immudb under a service manager")
    struct ServiceManagerTests {
        private let work = TemporaryFolder()

        private func start(_ socket: String, _ arguments: [String] = []) throws -> RunningProcess {
            try RunningProcess(
                "immudb", ["--dir", "data", "-p", "0", "--metrics-port", "0"] + arguments,
                environment: ["NOTIFY_SOCKET": socket], directory: work.path)
        }

        @Test(
            "reports that it opens, serves, reloads and stops, in this order",
            arguments: [false, true])
        func life(isAbstract: Bool) async throws {
            let listener = try NotifyListener(
                isAbstract ? "@immudb-test-\(UUID().uuidString)" : work.file("notify").path)
            let process = try start(listener.name)
            #expect(try listener.next() == "STATUS=Opens the database")
            let ready = try listener.next()
            #expect(ready.hasPrefix("READY=1\nSTATUS=Serves 127.0.0.1:"))
            let port = try #require(ready.split(separator: ":").last.map(String.init))
            let ping = try await FinishedProcess.run("immuclient", ["-p", port, "ping"])
            #expect(ping.output == "Health check OK\n")
            // The server has neither a log file nor TLS, so without a service manager this signal
            // would stop it.
            process.send(SIGHUP)
            #expect(
                try listener.next().wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil)
            #expect(try listener.next() == ready)
            process.terminate()
            #expect(
                try listener.next()
                    == "STOPPING=1\nSTATUS=Lets calls finish, for 10 seconds at most")
            #expect(try await process.exitCode() == 0)
        }

        @Test("immugw says that it starts, serves, reloads and stops")
        func gateway() async throws {
            let listener = try NotifyListener(work.file("notify").path)
            let process = try RunningProcess(
                "immugw", ["-p", "0"], environment: ["NOTIFY_SOCKET": listener.name],
                directory: work.path)
            #expect(try listener.next() == "STATUS=Starts the gateway")
            let ready = try listener.next()
            #expect(ready.hasPrefix("READY=1\nSTATUS=Serves 127.0.0.1:"))
            process.send(SIGHUP)
            #expect(try listener.next().hasPrefix("RELOADING=1\n"))
            #expect(try listener.next() == ready)
            process.terminate()
            #expect(try listener.next().hasPrefix("STOPPING=1\n"))
            #expect(try await process.exitCode() == 0)
        }

        @Test("says why it does not start, and never that it serves")
        func failure() async throws {
            let listener = try NotifyListener(work.file("notify").path)
            let process = try start(listener.name, ["--metrics-port", "1", "-a", "300.0.0.1"])
            #expect(try await process.exitCode() == 1)
            #expect(try listener.next() == "STATUS=Opens the database")
            let said = try listener.next()
            #expect(said.hasPrefix("STATUS="))
            #expect(process.errors.contains(said.dropFirst("STATUS=".count)))
        }

        @Test(
            "warns of a socket that nobody has or that cannot exist, and serves and stops",
            arguments: ["/nowhere/at/all", "@nobody-\(UUID().uuidString)", "nonsense", "@", "/"])
        func badSocket(name: String) async throws {
            let process = try start(name)
            try await process.waitForOutput("Ready: ")
            try await process.waitForOutput(name.count > 9 ? "was not told" : "NOTIFY_SOCKET is")
            process.terminate()
            #expect(try await process.exitCode() == 0)
        }

        @Test("serves although the service manager reads nothing")
        func deaf() async throws {
            let listener = try NotifyListener(work.file("notify").path)
            while ServiceNotifierFlood.send(to: listener.name) {}
            let process = try start(listener.name)
            try await process.waitForOutput("Ready: ")
            try await process.waitForOutput("was not told that the server serves")
            process.terminate()
            #expect(try await process.exitCode() == 0)
        }
    }

    /// Fills the queue of a socket.
    private enum ServiceNotifierFlood {
        /// - Returns: whether there was room.
        static func send(to path: String) -> Bool {
            let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
            defer { close(file) }
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
            let length = socklen_t(MemoryLayout<sockaddr_un>.size)
            return withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(file, "x", 1, Int32(MSG_DONTWAIT), $0, length) == 1
                }
            }
        }
    }
#endif
