import Foundation
import TestTools
import Testing

/// `immutest` against a running server.
@Suite("immutest")
struct ImmutestTests {
    private let question = "Are you sure you want to proceed? [y/N]: "

    @Test("fills an empty server without asking, and says what it did and how to look at it")
    func emptyServer() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let finished = try await FinishedProcess.run("immutest", ["-p", "\(server.port)"])
        #expect(finished.exitCode == 0)
        // There is no progress bar in a pipe.
        #expect(finished.errors.isEmpty)
        let lines = finished.output.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 3)
        #expect(
            lines.first
                == "Populating immudb with 100 sample entries (credit cards of clients) ...")
        #expect(
            lines[1].wholeMatch(of: /OK: 100 entries were written in [0-9.m]+s/) != nil,
            "\(finished.output)")
        #expect(lines[2] == "Run './immuclient scan client:' to fetch the populated entries")

        let count = try await FinishedProcess.run(
            "immuclient", ["count", "client:", "-p", "\(server.port)"], directory: data.path)
        #expect(count.output == "100\n")
        let scan = try await FinishedProcess.run(
            "immuclient", ["scan", "client:", "-p", "\(server.port)"], directory: data.path)
        #expect(
            scan.output.contains(
                /key:\t\tclient:Mrs?\. \w+ \w+\nvalue:\t\tcard:\w+ \d+ \d\d\/\d\d\n/)
        )
        #expect(try await server.stop() == 0)
    }

    @Test("fills a server with entries only after a yes")
    func confirmation() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let first = try await FinishedProcess.run("immutest", ["1", "-p", "\(server.port)"])
        #expect(first.exitCode == 0)
        for (answer, isYes) in [("", false), ("n\n", false), ("\n", false), ("y\n", true)] {
            let finished = try await FinishedProcess.run(
                "immutest", ["7", "--immudb-port=\(server.port)", "-a", "localhost"],
                input: answer)
            #expect(finished.exitCode == (isYes ? 0 : 1))
            #expect(finished.errors.contains("localhost:\(server.port) holds an entry already"))
            #expect(finished.errors.contains(question))
            #expect(finished.errors.hasSuffix("\nCanceled\n") == !isYes)
            #expect(finished.output.hasPrefix("Populating immudb with 7") == isYes)
        }
        let count = try await FinishedProcess.run(
            "immuclient", ["current", "-p", "\(server.port)"], directory: data.path)
        #expect(count.output.hasPrefix("index:\t\t7\n"))
        #expect(try await server.stop() == 0)
    }

    @Test(
        "does not run against other machines, whichever setting names one",
        arguments: ["192.0.2.1", "127.0.0.2", "localhost.example.org", "0.0.0.0", "::"])
    func remote(address: String) async throws {
        for (arguments, environment) in [
            (["-a", address], [:]), ([], ["IMMUTEST_IMMUDB-ADDRESS": address]),
            ([], ["IMMUTEST_IMMUDB_ADDRESS": address]),
        ] {
            let finished = try await FinishedProcess.run(
                "immutest", arguments, environment: environment)
            #expect(finished.exitCode == 1)
            #expect(
                finished.errors == "immutest is allowed to run only on the server machine (remote "
                    + "runs are not allowed)\n")
            #expect(finished.output.isEmpty)
        }
    }

    @Test(
        "exits with 1 before it connects for a wrong number or word",
        arguments: [
            (["0"], "the number of entries is \"0\": give a whole number that is larger than 0"),
            (["-5"], "the number of entries is \"-5\": give"), (["--", "-5"], "is \"-5\": give"),
            (["1.5"], "is \"1.5\": give"), ([""], "is \"\": give"),
            (["99999999999999999999"], "is \"99999999999999999999\": give"),
            (["fill"], "unknown command \"fill\" for \"immutest\""),
            (["help", "fill"], "unknown command \"fill\" for \"immutest\""),
            (["version", "5"], "accepts 0 arg(s), received 1"),
            (["1", "version"], "accepts at most 1 arg(s), received 2"),
            (["1", "2"], "accepts at most 1 arg(s), received 2"), (["--x"], "unknown flag: --x"),
            (["-x5"], "unknown shorthand flag: 'x' in -x5"),
            (["-p", "0"], "flag --immudb-port is \"0\": give a whole number from 1 to 65535"),
            (["-a", ""], "flag --immudb-address is \"\": give an address"),
            (
                ["--config", "/none/immutest.toml"],
                "config file /none/immutest.toml cannot be read"
            ),
        ])
    func usage(arguments: [String], said: String) async throws {
        let finished = try await FinishedProcess.run("immutest", arguments)
        #expect(finished.exitCode == 1)
        #expect(finished.errors.hasPrefix("Error: "))
        #expect(finished.errors.contains(said), "\(finished.errors)")
        #expect(finished.output.isEmpty)
    }

    @Test("exits with 1 and names the address if no server is at the port")
    func noServer() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        #expect(try await server.stop() == 0)
        let finished = try await FinishedProcess.run("immutest", ["-p", "\(server.port)"])
        #expect(finished.exitCode == 1)
        #expect(finished.errors.contains("127.0.0.1:\(server.port)"))
        #expect(finished.output.isEmpty)
    }

    @Test("exits with 6 if the server is killed meanwhile, and prints the number of entries")
    func serverStops() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let filling = try RunningProcess("immutest", ["10000000", "-p", "\(server.port)"])
        try await filling.waitForOutput("Populating")
        // A server that stands still answers no write: some are in flight when it is killed, and may be stored.
        server.process.send(SIGSTOP)
        try await Task.sleep(for: .milliseconds(300))
        server.process.kill()
        #expect(try await filling.exitCode() == 6)
        #expect(
            filling.errors.contains(/At least [0-9]+ of 10000000 entries were written before\.\n/),
            "\(filling.errors)")
    }

    @Test("finds the config file that ships by its name")
    func configFile() async throws {
        let data = TemporaryFolder()
        let server = try await RunningServer(dir: data.path)
        let shipped = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../configs/immutest.toml.dist").standardizedFileURL
        let text = try String(contentsOf: shipped, encoding: .utf8)
            .replacingOccurrences(of: "3322", with: "\(server.port)")
        let folder = data.file("configs")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: folder.appendingPathComponent("immutest.toml"))
        let finished = try await FinishedProcess.run("immutest", ["3"], directory: data.path)
        #expect(finished.exitCode == 0)
        #expect(
            finished.output.contains(
                #/^Using config file: .*/configs/immutest\.toml\nPopulating immudb with 3 /#))
        #expect(try await server.stop() == 0)
    }

    @Test("prints its version and help, and writes its man pages")
    func ownCommands() async throws {
        let data = TemporaryFolder()
        let version = try await FinishedProcess.run("immutest", ["version"])
        #expect(version.output.contains(#/^immutest \d+\.\d+\.\d+\S*\n$/#), "\(version.output)")
        for arguments in [["help"], ["-h"], ["--help"]] {
            let help = try await FinishedProcess.run("immutest", arguments)
            #expect(help.exitCode == 0)
            #expect(help.output.contains("USAGE: immutest [n] [flags]"))
            #expect(help.output.contains("IMMUTEST_IMMUDB_ADDRESS"))
            #expect(!help.output.contains("mangen"))
        }
        let pages = try await FinishedProcess.run("immutest", ["mangen"], directory: data.path)
        #expect(
            pages.output
                == "SUCCESS: man files generated in the ./cmd/docs/man/immutest directory\n")
        let page = data.file("cmd/docs/man/immutest/immutest.1")
        #expect(FileManager.default.fileExists(atPath: page.path))
    }
}
