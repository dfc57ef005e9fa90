import Foundation
import TestTools
import Testing

@Suite("immuclient's settings")
struct ImmuclientSettingsTests {
    private let work: TemporaryFolder

    init() throws {
        work = TemporaryFolder()
    }

    private func client(
        _ arguments: [String], environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", arguments, environment: environment.merging(["HOME": work.path]) { $1 },
            directory: work.path)
    }

    private func write(_ text: String, to name: String) throws {
        let file = work.file(name)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }

    @Test(
        "prefer a flag to the environment, that to the found file, and that to the default")
    func precedence() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let port = "\(server.port)"
        try write("immudb-port = 1\nimmudb-address = \"127.0.0.1\"", to: "immuclient.toml")
        let variable = try await client(["ping"], environment: ["IMMUCLIENT_IMMUDB-PORT": port])
        #expect(
            variable.output == "Using config file: \(work.path)/immuclient.toml\nHealth check OK\n")
        let flag = try await client(
            ["ping", "-p", port], environment: ["IMMUCLIENT_IMMUDB_PORT": "2"])
        #expect(flag.output.hasSuffix("\nHealth check OK\n"))
        let file = try await client(["ping"])
        #expect(file.exitCode == 5)
        #expect(file.errors.contains("127.0.0.1:1"), "\(file.errors)")
        try write("immudb-port: \(port)", to: "named.yaml")
        let named = try await client(["ping", "--config", "named.yaml"])
        #expect(named.output == "Using config file: named.yaml\nHealth check OK\n")
        #expect(try await server.stop() == 0)
    }

    @Test("name the config file on stderr if programs read stdout")
    func machineReadable() async throws {
        try write("immudb-port = 1", to: "configs/immuclient.toml")
        let path = "\(work.path)/configs/immuclient.toml"
        let text = try await client(["version"])
        #expect(text.output.hasPrefix("Using config file: \(path)\n"))
        let json = try await client(["version", "--json"])
        #expect(json.output.hasPrefix("{\"version\":"))
        #expect(json.errors == "{\"configFile\":\"\(path)\"}\n")
        let values = try await client(["get", "k", "--value-only"])
        #expect(values.output == "")
        #expect(values.errors.hasPrefix("Using config file: \(path)\n"))
        let script = try await client(["completion", "zsh"])
        #expect(script.output.hasPrefix("#compdef immuclient"))
        #expect(script.errors == "Using config file: \(path)\n")
    }

    @Test(
        "report an error with its source, and try nothing then",
        arguments: [
            (["ping", "-p", "http"], [:], "flag --immudb-port is \"http\": give a whole number"),
            (["ping", "-a", ""], [:], "flag --immudb-address is \"\": give an address"),
            (["ping", "-m=maybe"], [:], "flag --mtls is \"maybe\": give true or false"),
            (["ping"], ["IMMUCLIENT_AUTH": "maybe"], "IMMUCLIENT_AUTH is \"maybe\": give true or"),
            (["ping", "--config", "no.toml"], [:], "config file no.toml cannot be read: No such"),
            (["ping", "--config", "a.txt"], [:], "its format is not known by its name"),
        ] as [([String], [String: String], String)])
    func refused(arguments: [String], environment: [String: String], said: String) async throws {
        let run = try await client(arguments, environment: environment)
        #expect(run.exitCode == 1)
        #expect(run.output == "")
        #expect(run.errors.contains(said), "\(run.errors)")
        #expect(run.errors.hasPrefix("Error: "))
    }

    @Test("refuse an unknown key of a file, and warn of an unknown variable")
    func unknown() async throws {
        try write("prt = 1", to: "bad.toml")
        let file = try await client(["version", "--config", "bad.toml"])
        #expect(file.exitCode == 1)
        #expect(file.errors.contains("config file bad.toml, key \"prt\" is unknown: the keys are"))
        let variable = try await client(["version"], environment: ["IMMUCLIENT_PRT": "1"])
        #expect(variable.exitCode == 0)
        #expect(variable.errors.hasPrefix("warning: environment variable IMMUCLIENT_PRT is no"))
    }

    @Test("warn of a flag that has no effect without another one, but not of a variable")
    func idleFlags() async throws {
        let server = try await RunningServer(dir: work.file("data").path)
        let ping = ["ping", "-p", "\(server.port)"]
        for (flags, said) in [
            (["--tokenfile", "t"], "flag --tokenfile has no effect without --auth"),
            (["--pkey", "k"], "flag --pkey has no effect without --mtls"),
            (["--servername", "s"], "flag --servername has no effect"),
            (["--clientcas", "c"], "flag --clientcas has no effect"),
            (["--certificate", "c"], "flag --certificate has no effect"),
        ] {
            let run = try await client(ping + flags)
            #expect(run.exitCode == 0 && run.output == "Health check OK\n")
            #expect(run.errors.hasPrefix("warning: \(said)"), "\(run.errors)")
        }
        let variables = ["IMMUCLIENT_TOKENFILE": "t", "IMMUCLIENT_PKEY": "k"]
        #expect(try await client(ping, environment: variables).errors == "")
        #expect(try await client(["logout", "--tokenfile", "./t"]).errors == "")
        try write("v2.public.token", to: "t")
        #expect(try await client(ping + ["--tokenfile", "./t", "-s"]).errors == "")
        #expect(try await server.stop() == 0)
    }

    @Test("have all keys and defaults in the config file that ships")
    func shippedFile() async throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../configs/immuclient.toml.dist").standardizedFileURL
        let run = try await client(["version", "--config", file.path])
        #expect(run.exitCode == 0, "\(run.errors)")
        #expect(run.errors == "")
        let text = try String(contentsOf: file, encoding: .utf8)
        let help = try await client(["help", "get", "--all"]).output
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let flags = help.matches(of: /--([a-z-]+)\s/).map { String($0.1) }
        #expect(flags.count > 12)
        for flag in flags where !["config", "help"].contains(flag) {
            let line = try #require(
                text.split(separator: "\n").first(where: { $0.hasPrefix("\(flag) = ") }), "\(flag)")
            let value = line.dropFirst(flag.count + 3).trimmingPrefix("\"")
            let word = value.hasSuffix("\"") ? value.dropLast() : value
            let isSwitch = word == "false"
            // The help does not show an empty default.
            let isNone = word.isEmpty && !help.contains("--\(flag) <folder> (default")
            #expect(isSwitch || isNone || help.contains("(default \(word))"), "\(line)")
        }
    }

    @Test("have a man page for each command but mangen itself")
    func manPages() async throws {
        let run = try await client(["mangen", "man"])
        #expect(
            run.output == "SUCCESS: man files generated in the man directory\n", "\(run.errors)")
        let pages = try FileManager.default.contentsOfDirectory(atPath: work.file("man").path)
        #expect(pages.count == 31)
        #expect(pages.contains("immuclient.1") && pages.contains("immuclient-check-consistency.1"))
        #expect(!pages.contains("immuclient-mangen.1"))
        let page = try String(contentsOf: work.file("man/immuclient-zadd.1"), encoding: .utf8)
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLE", "SEE ALSO"] {
            #expect(
                page.contains(".SH \(section)") || page.contains(".SH \"\(section)\""), "\(section)"
            )
        }
        _ = try await client(["mangen"])
        #expect(
            FileManager.default.fileExists(
                atPath: work.file("cmd/docs/man/immuclient/immuclient-it.1").path))
    }

    @Test("have completion scripts that their shells accept", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) async throws {
        let script = try await client(["completion", shell])
        #expect(script.exitCode == 0)
        for word in ["safezadd", "check-consistency", "value-only"] {
            #expect(script.output.contains(word))
        }
        guard shell == "bash" else { return }
        let check = try await FinishedProcess.run(
            "/bin/bash", ["-c", "source /dev/stdin && complete -p immuclient"],
            input: script.output)
        #expect(check.exitCode == 0, "\(check.errors)")
        #expect(check.output.contains("immuclient"))
    }
}
