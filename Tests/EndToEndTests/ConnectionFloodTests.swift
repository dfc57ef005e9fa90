#if os(Linux)
    import Foundation
    import ImmudbClient
    import OwnThread
    import TestTools
    import Testing

    /// A client address that opens connections without end, and a client of another address.
    ///
    /// The flood comes from 127.0.0.2, which only Linux has.
    @Suite("immudb under a flood of connections", .ownThread)
    struct ConnectionFloodTests {
        @Test(
            "serves others, does not spin, and warns once",
            arguments: [1024, 256])
        func flood(openFileLimit: Int) async throws {
            let data = TemporaryFolder()
            let server = try await LimitedServer(data, openFileLimit: openFileLimit)
            let flood = try Flood(of: 1_300, to: server.port)
            let start = ContinuousClock.now
            try await server.health(data)
            // Earlier than the server ends the flood's silent connections.
            #expect(start.duration(to: .now) < .seconds(5))
            let share = try await server.processorShare(over: .seconds(5))
            #expect(share < 0.2, "\(share) of a core")
            try await server.health(data)
            let warnings = server.warnings
            #expect(warnings.count == 1, "\(warnings)")
            flood.close()
            #expect(try await server.stop() == 0)
        }

        @Test(
            "does not spin without a free descriptor, and serves again when it has one",
            .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/prlimit")))
        func noDescriptors() async throws {
            let data = TemporaryFolder()
            let server = try await LimitedServer(data, openFileLimit: 1024)
            let open = try FileManager.default.contentsOfDirectory(
                atPath: "/proc/\(server.identifier)/fd"
            ).count
            // A lower limit than at the start, so that descriptors run out before the server's
            // limit of connections.
            let limit = try await FinishedProcess.run(
                "/usr/bin/prlimit", ["--pid", "\(server.identifier)", "--nofile=\(open + 4):1024"])
            #expect(limit.exitCode == 0)
            let flood = try Flood(of: 100, to: server.port)
            let share = try await server.processorShare(over: .seconds(5))
            #expect(share < 0.2, "\(share) of a core")
            // Without one that is free, libdispatch ends the process.
            let taken = try FileManager.default.contentsOfDirectory(
                atPath: "/proc/\(server.identifier)/fd"
            ).count
            #expect(taken < open + 4)
            let warnings = server.warnings
            #expect(warnings.count == 1, "\(warnings)")
            flood.close()
            try await server.health(data)
            #expect(try await server.stop() == 0)
        }

        /// `immudb` under `ulimit -n`.
        private final class LimitedServer {
            private let process: RunningProcess
            let port: Int

            init(_ data: TemporaryFolder, openFileLimit: Int) async throws {
                let path = try RunningProcess.path(of: "immudb")
                process = try RunningProcess(
                    "/bin/sh",
                    [
                        "-c",
                        "ulimit -n \(openFileLimit); exec '\(path)' --dir '\(data.path)/db' -p 0 --metrics-port 0",
                    ])
                let line = try await process.waitForOutput("starting immudb: ")
                let digits = try #require(line.firstMatch(of: /"Port":([0-9]+)/)?.1)
                port = try #require(Int(digits))
            }

            var identifier: Int32 { process.identifier }

            var warnings: [Substring] {
                process.errors.split(separator: "\n").filter { $0.contains(" WARNING: ") }
            }

            /// A call by a new client, from 127.0.0.1.
            func health(_ data: TemporaryFolder) async throws {
                let client = try await ImmudbClient.connect(
                    ImmudbClient.Configuration(
                        port: port, connectTimeoutMilliseconds: 10_000,
                        callTimeoutMilliseconds: 10_000),
                    trustedRoots: FileTrustedRootStore(directory: data.path),
                    firstContact: .trustOnFirstUse)
                _ = try await client.currentRoot()
                await client.close()
            }

            /// Returns the processor time that the server takes, as a share of one core.
            func processorShare(over time: Duration) async throws -> Double {
                let (start, before) = (ContinuousClock.now, try processorSeconds())
                try await Task.sleep(for: time)
                let passed = start.duration(to: .now).components
                let seconds = Double(passed.seconds) + Double(passed.attoseconds) / 1e18
                return (try processorSeconds() - before) / seconds
            }

            private func processorSeconds() throws -> Double {
                let text = try String(contentsOfFile: "/proc/\(identifier)/stat", encoding: .utf8)
                let fields = try #require(text.split(separator: ")").last).split(separator: " ")
                // utime and stime, fields 14 and 15 of proc_pid_stat(5); the name's parenthesis ends 2.
                let user = try #require(Double(fields[11]))
                let ticks = user + (try #require(Double(fields[12])))
                return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
            }

            func stop() async throws -> Int32 {
                process.terminate()
                return try await process.exitCode()
            }
        }

        /// Connections from 127.0.0.2. A third is silent, a third has sent half of HTTP/2's
        /// preface, a third has opened HTTP/2 without a call.
        private final class Flood {
            private var sockets: [Int32] = []

            init(of count: Int, to port: Int) throws {
                try Self.allow(openFiles: count + 500)
                let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
                let settings: [UInt8] = [0, 0, 0, 4, 0, 0, 0, 0, 0]
                let openings = [[], Array(preface.prefix(10)), preface + settings]
                for _ in 0..<count {
                    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                    try #require(socket >= 0)
                    sockets.append(socket)
                    try Self.bind(socket)
                    // Does not block: the server may take its time to accept.
                    _ = fcntl(socket, F_SETFL, O_NONBLOCK)
                    Self.connect(socket, port)
                }
                for (number, socket) in sockets.enumerated() {
                    let bytes = openings[number % openings.count]
                    var place = pollfd(fd: socket, events: Int16(POLLOUT), revents: 0)
                    // If the connection is refused or not established yet, it counts as a silent
                    // one.
                    guard !bytes.isEmpty, poll(&place, 1, 0) > 0 else { continue }
                    send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL))
                }
            }

            deinit { close() }

            func close() {
                for socket in sockets { Foundation.close(socket) }
                sockets = []
            }

            private static func address(_ host: String, _ port: Int) -> sockaddr_in {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = in_port_t(port).bigEndian
                address.sin_addr.s_addr = inet_addr(host)
                return address
            }

            private static func bind(_ socket: Int32) throws {
                var own = address("127.0.0.2", 0)
                let result = withUnsafePointer(to: &own) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        Foundation.bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                try #require(result == 0)
            }

            private static func connect(_ socket: Int32, _ port: Int) {
                var peer = address("127.0.0.1", port)
                _ = withUnsafePointer(to: &peer) { pointer in
                    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        Foundation.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
            }

            private static func allow(openFiles count: Int) throws {
                var limit = rlimit()
                try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                guard limit.rlim_cur < count else { return }
                limit.rlim_cur = min(limit.rlim_max, rlim_t(count))
                try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
                try #require(
                    limit.rlim_cur >= count, "allow the tests \(count) open files, by ulimit -n")
            }
        }
    }
#endif
