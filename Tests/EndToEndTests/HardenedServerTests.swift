#if os(Linux)
    import Foundation
    import TestTools
    import Testing

    /// `immudb` with the rights and limits that its unit gives it, as far as that is possible
    /// without systemd; `make service-test` checks the rest.
    @Suite("immudb without rights")
    struct HardenedServerTests {
        private static let nobody: UInt32 = 65_534

        @Test(
            "serves, goes on in a new log and stops, as nobody without capabilities, with the unit's limit of files",
            .enabled(if: geteuid() == 0, "needs root to become somebody else"))
        func life() async throws {
            let work = TemporaryFolder()
            chown(work.path, Self.nobody, Self.nobody)
            let log = work.file("immudb.log")
            let listener = try NotifyListener(work.file("notify").path)
            chown(work.file("notify").path, Self.nobody, Self.nobody)
            let process = try RunningProcess(
                "/usr/bin/setpriv",
                [
                    "--reuid=\(Self.nobody)", "--regid=\(Self.nobody)", "--clear-groups",
                    "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all", "--",
                    "/usr/bin/prlimit", "--nofile=16384", "--",
                    RunningProcess.path(of: "immudb"), "--dir", "data", "-p", "0",
                    "--metrics-port", "0", "--logfile", log.path, "--pidfile", "pid",
                ],
                environment: ["NOTIFY_SOCKET": listener.name], directory: work.path)
            #expect(try listener.next() == "STATUS=Opens the database")
            let ready = try listener.next()
            let port = try #require(
                ready.split(separator: ":").last.map(String.init), "\(process.errors)")
            let status = try String(
                contentsOfFile: "/proc/\(process.identifier)/status", encoding: .utf8)
            #expect(status.contains("CapBnd:\t0000000000000000"))
            #expect(status.contains("NoNewPrivs:\t1"))
            #expect(status.contains("Uid:\t\(Self.nobody)\t"))

            let set = try await FinishedProcess.run(
                "immuclient", ["-p", port, "safeset", "hello", "world"])
            #expect(set.exitCode == 0, "\(set.errors)")
            try FileManager.default.moveItem(at: log, to: work.file("immudb.log.1"))
            process.send(SIGHUP)
            #expect(try listener.next().hasPrefix("RELOADING=1\n"))
            #expect(try listener.next() == ready)
            process.terminate()
            #expect(try await process.exitCode() == 0)
            let old = try String(contentsOf: work.file("immudb.log.1"), encoding: .utf8)
            // The limit of files is sufficient for all 10,000 connections.
            #expect(!old.contains("connections: "))
            #expect(try String(contentsOf: log, encoding: .utf8).contains("shutdown completed"))
            #expect(!FileManager.default.fileExists(atPath: work.file("pid").path))
        }
    }
#endif
