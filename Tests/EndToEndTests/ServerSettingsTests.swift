import Foundation
import TestTools
import Testing

/// The settings of `immudb` from flags, environment and config files.
@Suite("immudb's settings")
struct ServerSettingsTests {
    @Test("equal the defaults in the config file that ships")
    func shippedFile() async throws {
        let data = TemporaryFolder()
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../configs/immudb.toml.dist").standardizedFileURL
        let started = [["--config", file.path], []]
        var options: [String] = []
        for arguments in started {
            let process = try RunningProcess(
                "immudb", ["-p", "0"] + arguments, directory: data.path)
            let line = try await process.waitForOutput("starting immudb: ")
            options.append(
                line.replacing(/^.*starting immudb/, with: "").replacing(/"Port":[0-9]+/, with: "")
                    .replacing(/"Config":"[^"]*"/, with: ""))
            #expect(process.output.contains("Using config file: ") == !arguments.isEmpty)
            #expect(!process.errors.contains("no effect any more"))
            process.terminate()
            #expect(try await process.exitCode() == 0)
        }
        #expect(options[0] == options[1])
        // The file has all settings.
        let text = try String(contentsOf: file, encoding: .utf8)
        let help = try await FinishedProcess.run("immudb", ["--help"]).output
        let flags = help.matches(of: /--([a-z-]+)\s/).map { String($0.1) }
        #expect(flags.count > 10)
        for flag in flags where !["config", "help", "version"].contains(flag) {
            #expect(text.contains("\n\(flag) = "), "\(flag) is missing")
        }
    }

    @Test("prefer a flag to the environment, and that to the found file, which is named")
    func precedence() async throws {
        let data = TemporaryFolder()
        try write(
            "port = 1\ndir = \"file\"\ndbname = \"file\"", to: "configs/immudb.toml", in: data)
        let process = try RunningProcess(
            "immudb", ["-p", "0"],
            environment: ["IMMUDB_PORT": "2", "IMMUDB_DBNAME": "variable"], directory: data.path)
        let line = try await process.waitForOutput("starting immudb: ")
        #expect(line.contains("{\"Dir\":\"file\",\"Address\":\"127.0.0.1\","))
        #expect(line.contains("\"DbName\":\"variable\""))
        #expect(!line.contains("\"Port\":2,") && !line.contains("\"Port\":1,"))
        #expect(process.output.hasPrefix("Using config file: "))
        #expect(process.output.hasSuffix("/configs/immudb.toml\n"))
        process.terminate()
        #expect(try await process.exitCode() == 0)
        #expect(FileManager.default.fileExists(atPath: data.file("file/variable").path))
    }

    @Test(
        "end the start with 1 for a bad file, name file and key, and touch nothing",
        arguments: [
            ("immudb.toml", "port = \"x\"", "key \"port\" is the text \"x\": give a whole number"),
            ("immudb.toml", "prt = 1", "key \"prt\" is unknown"),
            ("immudb.toml", "port", "line 1: not TOML"),
            ("immudb.yaml", "port: 65536", "line 1, key \"port\" is the number 65536"),
            ("immudb.json", "{", "not JSON"), ("immudb.ini", "[a]", "line 1: sections"),
            ("immudb.env", "IMMUDB_AUTH=maybe", "key \"IMMUDB_AUTH\" is"),
            ("immudb.yml", "mtls: maybe", "key \"mtls\" is the text \"maybe\": give true or false"),
        ])
    func badFiles(name: String, text: String, said: String) async throws {
        let data = TemporaryFolder()
        try write(text, to: "configs/\(name)", in: data)
        for arguments in [[], ["--config", "configs/\(name)"]] {
            let finished = try await FinishedProcess.run(
                "immudb", ["-p", "0", "-d"] + arguments, directory: data.path)
            #expect(finished.exitCode == 1)
            #expect(finished.errors.contains("configs/\(name)"))
            #expect(finished.errors.contains(said), "\(finished.errors)")
        }
        let missing = try await FinishedProcess.run(
            "immudb", ["--config", "none.toml"], directory: data.path)
        #expect(missing.exitCode == 1)
        #expect(missing.errors.contains("config file none.toml cannot be read: No such file"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path) == ["configs"])
    }

    @Test("end the start for a bad variable, and warn of one that is unknown, or network")
    func variables() async throws {
        let data = TemporaryFolder()
        let bad = try await FinishedProcess.run(
            "immudb", ["-p", "0"], environment: ["IMMUDB_NO-HISTOGRAMS": "maybe"],
            directory: data.path)
        #expect(bad.exitCode == 1)
        #expect(
            bad.errors.contains(
                "environment variable IMMUDB_NO-HISTOGRAMS is \"maybe\": give true or false"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path).isEmpty)
        let server = try await RunningServer(
            dir: data.path,
            environment: ["IMMUDB_NETWORK": "tcp", "IMMUDB_PRT": "1", "IMMUDB_NO_HISTOGRAMS": "1"])
        let errors = server.process.errors
        #expect(errors.contains("WARNING: environment variable IMMUDB_NETWORK has no effect"))
        #expect(errors.contains("WARNING: environment variable IMMUDB_PRT is not a setting"))
        #expect(errors.contains("\"NoHistograms\":true"))
        #expect(try await server.stop() == 0)
    }

    @Test("include the three words of durability", arguments: ["always", "interval", "never"])
    func durability(word: String) async throws {
        let data = TemporaryFolder()
        for _ in 0..<2 {
            let server = try await RunningServer(
                dir: data.path, arguments: ["--durability", word])
            #expect(server.process.errors.contains("\"Durability\":\"\(word)"))
            let set = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)", "--dir", data.path, "safeset", "k", "v"])
            #expect(set.exitCode == 0)
            #expect(try await server.stop() == 0)
        }
    }

    @Test(
        "refuse a request above --max-recv-msg-size and take one below; the default is 32 MiB"
    )
    func messageSize() async throws {
        let data = TemporaryFolder()
        let value = String(repeating: "v", count: 100_000)
        for (arguments, isTaken) in [(["--max-recv-msg-size", "65536"], false), ([], true)] {
            let server = try await RunningServer(dir: data.path, arguments: arguments)
            let set = try await FinishedProcess.run(
                "immuclient", ["-p", "\(server.port)", "--dir", data.path, "set", "k", value])
            #expect((set.exitCode == 0) == isTaken)
            #expect(set.errors.contains("65536") == !isTaken, "\(set.errors)")
            #expect(try await server.stop() == 0)
        }
    }

    @Test(
        "name an unknown command or flag",
        arguments: [
            (["help", "foo"], "unknown command \"foo\" for \"immudb\""),
            (["foo"], "unknown command \"foo\" for \"immudb\""),
            (["-d", "--foo"], "unknown flag: --foo"),
            (["-dx"], "unknown shorthand flag: 'x' in -dx"),
            (["-m"], "Unable to use mutual TLS: certificate file"),
            (["--logfile"], "flag needs an argument: --logfile"),
            (["--no-histograms=maybe", "-p0"], "flag --no-histograms is \"maybe\": give true or"),
        ])
    func unknownWords(arguments: [String], said: String) async throws {
        let data = TemporaryFolder()
        let finished = try await FinishedProcess.run("immudb", arguments, directory: data.path)
        #expect(finished.exitCode == 1)
        #expect(finished.errors.contains(said))
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path).isEmpty)
    }

    @Test("turn a switch off that is set to false, wherever it stands")
    func switchesOff() async throws {
        let data = TemporaryFolder()
        for arguments in [
            ["--detached=false", "--auth=false", "-m=false", "--dir", data.path, "-p0"],
            ["-n", "immudb", "-d=false", "--dir", data.path, "--mtls=false", "-p0", "-s=false"],
        ] {
            let process = try RunningProcess("immudb", arguments)
            let line = try await process.waitForOutput("starting immudb: ")
            #expect(line.contains("\"Detached\":false"))
            #expect(process.isRunning)
            process.terminate()
            #expect(try await process.exitCode() == 0)
        }
    }

    @Test(
        "refuse a variable that is not UTF-8 by its name, and create nothing",
        arguments: [
            ("immudb", "IMMUDB_DIR"), ("immudb", "IMMUDB_LOGFILE"), ("immudb", "HOME"),
            ("immudb", "GOPATH"), ("immuclient", "IMMUCLIENT_DIR"),
            ("immutest", "IMMUTEST_IMMUDB-ADDRESS"),
        ])
    func variableBytes(program: String, name: String) async throws {
        let data = TemporaryFolder()
        let path = try RunningProcess.path(of: program)
        func run(_ name: String, _ words: String) async throws -> FinishedProcess {
            try await FinishedProcess.run(
                "/bin/sh", ["-c", "exec env \"\(name)=$(printf 'x\\377')\" '\(path)' \(words)"],
                directory: data.path)
        }
        let words = program == "immuclient" ? "ping -p 1" : ""
        let finished = try await run(name, words)
        #expect(finished.exitCode == 1)
        #expect(
            finished.errors == "Error: environment variable \(name) is not UTF-8 text\n",
            "\(finished.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: data.path).isEmpty)
        #expect(try await run("OTHER", "version").exitCode == 0)
    }

    @Test("require different files for log and pid, whichever paths lead to them")
    func oneFile() async throws {
        let data = TemporaryFolder()
        let files = FileManager.default
        try files.createDirectory(
            atPath: data.file("real").path, withIntermediateDirectories: false)
        try files.createSymbolicLink(
            atPath: data.file("link").path, withDestinationPath: "real")
        try files.createSymbolicLink(
            atPath: data.file("dangling").path, withDestinationPath: "real/none")
        try Data("1".utf8).write(to: data.file("old"))
        try files.linkItem(atPath: data.file("old").path, toPath: data.file("hard").path)
        let before = try files.subpathsOfDirectory(atPath: data.path).sorted()
        for (log, pid) in [
            ("same.txt", "same.txt"), ("same.txt", "./same.txt"), ("same.txt", "link/../same.txt"),
            (data.file("real/same.txt").path, "link/same.txt"), ("dangling", "link/none"),
            ("old", "hard"), ("new/same.txt", "new//same.txt"), ("link/x/s", "real/./x/s"),
        ] {
            for more in [[], ["-d"]] {
                let finished = try await FinishedProcess.run(
                    "immudb", ["-p", "0", "--pidfile", pid, "--logfile", log] + more,
                    directory: data.path)
                #expect(finished.exitCode == 1)
                #expect(
                    finished.errors.hasPrefix(
                        "Error: pid file \(pid) and log file \(log) are one file: "))
            }
        }
        #expect(try files.subpathsOfDirectory(atPath: data.path).sorted() == before)
    }

    @Test("do not silently ignore an unusable config file")
    func hiddenFiles() async throws {
        let data = TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: data.file("configs/immudb.toml").path, withIntermediateDirectories: true)
        let folder = try await FinishedProcess.run("immudb", ["-p0"], directory: data.path)
        #expect(folder.exitCode == 1)
        #expect(
            folder.errors.hasSuffix("/configs/immudb.toml cannot be read: Is a directory\n"),
            "\(folder.errors)")
    }

    private func write(_ text: String, to name: String, in folder: TemporaryFolder) throws {
        let file = folder.file(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
}
