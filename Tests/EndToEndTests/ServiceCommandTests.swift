#if os(Linux)
    import Foundation
    import TestTools
    import Testing

    /// `immuadmin service` on the command line, with a folder in place of the machine.
    @Suite("immuadmin service")
    struct ServiceCommandTests {
        private let work = TemporaryFolder()

        private func admin(_ words: String..., input: String = "") async throws -> FinishedProcess {
            try await FinishedProcess.run(
                "immuadmin", ["service"] + words, directory: work.path, input: input)
        }

        /// Makes a program to install, outside of the folder that stands in for the machine.
        private func makeProgram() throws -> String {
            let path = try work.write(
                "program", "#!/bin/sh\n[ \"$1\" = mangen ] && echo .TH immudb 1 >\"$2/immudb.1\"\n")
            chmod(path, 0o755)
            return path
        }

        private var machine: String { work.file("machine").path }

        private func paths() throws -> [String] {
            try FileManager.default.subpathsOfDirectory(atPath: machine).sorted()
        }

        @Test("installs into a folder, and removes all of it after two answers from a pipe")
        func roundTrip() async throws {
            try FileManager.default.createDirectory(
                atPath: machine, withIntermediateDirectories: true)
            let program = try makeProgram()
            let installed = try await admin(
                "immudb", "install", "--root", machine, "--local-file", program)
            #expect(installed.exitCode == 0, "\(installed.errors)")
            #expect(installed.errors.isEmpty)
            #expect(installed.output.contains("installing /usr/sbin/immudb...\n"))
            #expect(
                installed.output.hasSuffix(
                    """
                    Install immudb:\t\t\t\t\t[  OK  ]
                    not run, because of --root: systemctl start immudb.service

                    """))
            #expect(
                try String(
                    contentsOfFile: machine + "/usr/share/man/man1/immudb.1", encoding: .utf8)
                    == ".TH immudb 1\n")
            let again = try await admin(
                "immudb", "install", "--root", machine, "--local-file", program)
            #expect(again.exitCode == 1)
            #expect(again.errors == "Service has already been installed\n")

            let before = try paths()
            let kept = try await admin("immudb", "uninstall", "--root", machine, input: "n\n")
            #expect(kept.output == "No action\n")
            #expect(kept.exitCode == 0)
            #expect(try paths() == before)

            try FileManager.default.createDirectory(
                atPath: machine + "/var/lib/immudb/data", withIntermediateDirectories: true)
            let removed = try await admin(
                "immudb", "uninstall", "--remove-files", "--root", machine, input: "y\ny\n")
            #expect(removed.exitCode == 0, "\(removed.errors)")
            #expect(
                removed.errors
                    == "Are you sure you want to uninstall immudb? [y/N]\nErase data? [y/N]\n")
            #expect(removed.output.hasSuffix("Data folder removed\nProgram files removed\n"))
            #expect(try paths() == ["var", "var/lib"])
        }

        @Test("shows files and commands with --print, and changes nothing")
        func prints() async throws {
            let program = try makeProgram()
            let said = try await admin("immudb", "install", "--print", "--local-file", program)
            #expect(said.exitCode == 0, "\(said.errors)")
            for line in [
                "copy \(program) to /usr/sbin/immudb", "write /etc/systemd/system/immudb.service:",
                "    Type=notify", "run systemctl enable immudb.service",
                "run systemctl start immudb.service",
            ] { #expect(said.output.contains("\(line)\n"), "\(line)") }
            let stop = try await admin("immugw", "stop", "--print", "-t", "5")
            #expect(stop.output.hasPrefix("run systemd-run --quiet --collect --on-active=5 "))
        }

        @Test("reports an error with code 1, as text and as JSON")
        func mistakes() async throws {
            let cases: [([String], String)] = [
                ([], "required a service name"), (["immudb"], "required a command name"),
                (
                    ["mysql", "start"],
                    "invalid service argument specified: mysql. Available list is"
                ),
                (
                    ["immudb", "begin"],
                    "invalid command argument specified: begin. Available list is"
                ),
                (["immudb", "start", "--root", "/nowhere"], "--root /nowhere is no folder"),
                (["immudb", "status", "--root", "."], "--root: nothing runs in a folder"),
                (
                    ["immudb", "install", "--print"],
                    "executable file does not exists or not provided"
                ),
                (["immudb", "stop", "-t", "0"], "--time is 0"),
            ]
            for (words, message) in cases {
                let command = words == cases[6].0 ? words + ["--local-file", "none"] : words
                for form in [[], ["--json"]] {
                    let said = try await FinishedProcess.run(
                        "immuadmin", ["service"] + command + form, directory: work.path)
                    #expect(said.exitCode == 1)
                    #expect(said.errors.contains(message), "\(said.errors)")
                    #expect(said.errors.hasPrefix("{") == !form.isEmpty)
                }
            }
        }

        @Test(
            "suggests --print on a machine without systemd, and requires root",
            .enabled(
                if: geteuid() == 0
                    && !FileManager.default.fileExists(atPath: "/run/systemd/system"),
                "root, without systemd"))
        func machineItself() async throws {
            for verb in ["install", "uninstall", "start", "stop", "restart", "status"] {
                let said = try await admin("immudb", verb)
                #expect(said.exitCode == 1)
                #expect(said.errors.contains("this machine does not run systemd"))
                #expect(said.errors.contains("--print"))
            }
            let program = try RunningProcess.path(of: "immuadmin")
            let user = try await FinishedProcess.run(
                "/usr/bin/setpriv",
                [
                    "--reuid=65534", "--regid=65534", "--clear-groups", "--", program, "service",
                    "immudb", "stop",
                ])
            #expect(user.exitCode == 1)
            #expect(
                user.errors
                    == "you must have root user privileges. Possibly using 'sudo' command should help\n"
            )
        }
    }
#endif
