#if os(Linux)
    import Foundation
    import TestTools
    import Testing

    /// Runs programs with a clock that libfaketime sets.
    @Suite("A wrong clock")
    struct WrongClockTests {
        private static let times = [
            "1901-01-01 00:00:00", "1970-01-01 00:00:01", "1960-01-01 00:00:00",
            "1969-06-01 00:00:00",
            "2039-01-01 00:00:00",
            "2300-01-01 00:00:00",
        ]

        /// Returns the environment that sets the clock of a process.
        ///
        /// - Parameter fakesAll: whether the clock that counts from the machine's start is set,
        ///   too.
        private func clock(_ time: String, fakesAll: Bool) throws -> [String: String] {
            let libraries = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib")
                .map { "/usr/lib/\($0)/faketime/libfaketimeMT.so.1" }
            let library = try #require(
                libraries.first(where: FileManager.default.fileExists),
                "libfaketime is not installed: run make test")
            return [
                "LD_PRELOAD": library, "FAKETIME": "@\(time)", "TZ": "UTC",
                "FAKETIME_DONT_FAKE_MONOTONIC": fakesAll ? "0" : "1",
            ]
        }

        @Test(
            "neither crashes nor busies server or client, nor keeps SIGTERM from ending them",
            arguments: times, [true, false])
        func programs(time: String, fakesAll: Bool) async throws {
            let folder = TemporaryFolder()
            for round in 0..<2 {
                let environment = try clock(time, fakesAll: fakesAll)
                let server = try RunningProcess(
                    "immudb", ["--dir", folder.file("db").path, "-p", "0"],
                    environment: environment)
                let line = try await server.waitForOutput("starting immudb: ")
                let port = try #require(line.firstMatch(of: /"Port":([0-9]+)/)?.1)
                let before = try cpuSeconds(of: server.identifier)
                let client = try await FinishedProcess.run(
                    "immuclient", ["-p", String(port), "safeset", "k", "\(round)", "--json"],
                    environment: environment, directory: folder.path)
                #expect(client.exitCode == 0, "\(client.errors)")
                #expect(client.output.contains("\"verified\":true"), "\(client.output)")
                let year = time.hasPrefix("19") ? "1970" : String(time.prefix(4))
                #expect(client.output.contains("\"time\":\"\(year)-"), "\(client.output)")
                try await Task.sleep(for: .seconds(1))
                #expect(try cpuSeconds(of: server.identifier) - before < 0.7)
                server.terminate()
                #expect(try await server.exitCode() == 0)
            }
        }

        private func cpuSeconds(of process: Int32) throws -> Double {
            let text = try String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8)
            let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
            return (try #require(Double(fields[12])) + #require(Double(fields[13])))
                / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
    }
#endif
