import Foundation
import TestTools
import Testing

/// Runs immuclient against a server with users, which grpcio and a script provide.
@Suite("immuclient's login")
struct ImmuclientLoginTests {
    private let home: TemporaryFolder
    private let work: TemporaryFolder

    init() throws {
        home = TemporaryFolder()
        work = TemporaryFolder()
    }

    private func server() async throws -> (process: RunningProcess, port: String) {
        let process = try PythonPeer.start("login_server.py")
        let line = try await process.waitForOutput("port ")
        return (process, String(line.dropFirst("port ".count)))
    }

    private func client(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", arguments, environment: ["HOME": home.path].merging(environment) { $1 },
            directory: work.path, input: input)
    }

    @Test("keeps the token for its owner; --auth sends it, and logout removes it")
    func session() async throws {
        let (process, port) = try await server()
        let before = try await client(["-p", port, "current"])
        #expect(before.exitCode == 1)
        #expect(before.errors == "unauthenticated, please login\n")
        let none = try await client(["-p", port, "-s", "current"])
        #expect(none.exitCode == 1)
        #expect(none.errors == "please login first\n")

        let login = try await client(["-p", port, "login", "joe"], input: "s3cret! word\n")
        #expect(login.exitCode == 0, "\(login.errors)")
        #expect(login.output == "logged in\n")
        #expect(login.errors == "Password:\n")
        let token = home.file("token")
        let attributes = try FileManager.default.attributesOfItem(atPath: token.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try String(contentsOf: token, encoding: .utf8).hasPrefix("v2.public."))
        // A login does not send the token that is there.
        let again = try await client(["-p", port, "-s", "l", "joe"], input: "s3cret! word")
        #expect(again.output == "logged in\n")

        for arguments in [["-s", "current"], ["current", "--auth"], ["crt", "--auth=true"]] {
            let run = try await client(["-p", port] + arguments)
            #expect(run.output.hasPrefix("index:\t\t6\n"), "\(run.errors)")
        }
        let variable = try await client(
            ["-p", port, "current", "--json"], environment: ["IMMUCLIENT_AUTH": "true"])
        #expect(variable.output.contains("\"index\":6"))
        let without = try await client(["-p", port, "current", "--json"])
        #expect(
            without.errors
                == "{\"error\":{\"code\":\"Unauthenticated\",\"message\":\"invalid token\"}}\n")

        let logout = try await client(["logout"])
        #expect(logout.output == "logged out\n")
        #expect(!FileManager.default.fileExists(atPath: token.path))
        #expect(try await client(["x"]).output == "logged out\n")
        process.kill()
    }

    @Test("refuses a wrong password, and leaves no token")
    func wrongPassword() async throws {
        let (process, port) = try await server()
        for (input, said) in [
            ("wrong\n", "rpc error: code = PermissionDenied desc = invalid user or password\n"),
            ("", "no password was given: the input ended"),
        ] {
            let run = try await client(["-p", port, "login", "joe"], input: input)
            #expect(run.exitCode == 1)
            #expect(run.output == "")
            #expect(run.errors.contains(said), "\(run.errors)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: home.path) == [])
        }
        process.kill()
    }

    @Test("puts the token file where its setting says, even beside a home that cannot be written")
    func places() async throws {
        let (process, port) = try await server()
        let cases: [([String], [String: String], URL)] = [
            (["--tokenfile", "./mine"], [:], work.file("mine")),
            ([], ["IMMUCLIENT_TOKENFILE": "other"], home.file("other")),
            ([], ["HOME": ""], work.file("token")),
            (["--tokenfile=t"], ["HOME": work.path + "/none"], work.file("t")),
        ]
        for (arguments, environment, file) in cases {
            let flags = ["-p", port, "-s"] + arguments
            let login = try await client(
                flags + ["login", "joe"], input: "s3cret! word", environment: environment)
            #expect(login.exitCode == 0, "\(login.errors)")
            #expect(FileManager.default.fileExists(atPath: file.path))
            let current = try await client(flags + ["current"], environment: environment)
            #expect(current.output.hasPrefix("index:"), "\(current.errors)")
            _ = try await client(flags + ["logout"], environment: environment)
            #expect(!FileManager.default.fileExists(atPath: file.path))
        }
        process.kill()
    }

    @Test("works in a shell, which then uses the new token")
    func shell() async throws {
        let (process, port) = try await server()
        let run = try await client(
            ["-p", port, "-s", "it"],
            input: "current\nlogin joe\ns3cret! word\ncurrent\nlogout\ncurrent\n")
        #expect(run.exitCode == 1)
        #expect(run.output.contains("logged in\nindex:\t\t6\n"), "\(run.output)\(run.errors)")
        #expect(run.output.hasSuffix("logged out\n"))
        #expect(run.errors == "please login first\nPassword:\nplease login first\n")
        process.kill()
    }

    @Test("does not show a password that is typed at a terminal")
    func terminal() async throws {
        let (process, port) = try await server()
        let run = try await PythonPeer.typing(
            ["s3cret! word\\r"], into: "immuclient", ["-p", port, "login", "joe"],
            environment: ["HOME": home.path], directory: work.path)
        #expect(run.exitCode == 0, "\(run.output)")
        #expect(run.output == "Password:\r\nlogged in\r\n", "\(run.output.debugDescription)")
        let inShell = try await PythonPeer.typing(
            ["login joe\\r", "s3cret! word\\r", "current\\r", "\\x04"], into: "immuclient",
            ["-p", port, "-s", "it"], environment: ["HOME": home.path, "TERM": "vt100"],
            directory: work.path)
        #expect(inShell.output.contains("Password:\r\nlogged in\r\n"), "\(inShell.output)")
        #expect(inShell.output.contains("index:\t\t6\r\n"))
        #expect(!inShell.output.contains("s3cret"))
        let history = try String(
            contentsOf: home.file(".immuclient_history"), encoding: .utf8)
        #expect(history == "login joe\ncurrent\n")
        process.kill()
    }

    @Test("gives a token to a dump, which leaves nothing behind when a signal ends it")
    func interruptedDump() async throws {
        let (process, port) = try await server()
        _ = try await client(["-p", port, "login", "joe"], input: "s3cret! word")
        for (number, code) in [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)] {
            let dump = try RunningProcess(
                "immuclient", ["-p", port, "-s", "dump", "all"], environment: ["HOME": home.path],
                directory: work.path)
            let end = Date(timeIntervalSinceNow: 20)
            while try FileManager.default.contentsOfDirectory(atPath: work.path).isEmpty {
                try #require(dump.isRunning && Date() < end, "\(dump.errors)")
                try await Task.sleep(for: .milliseconds(5))
            }
            dump.send(number)
            #expect(try await dump.exitCode() == code)
            #expect(try FileManager.default.contentsOfDirectory(atPath: work.path) == [])
        }
        process.kill()
    }

    @Test("reports a server without users")
    func noUsers() async throws {
        let server = try await RunningServer(dir: work.file("data").path)
        let run = try await client(["-p", "\(server.port)", "login", "joe"], input: "x\n")
        #expect(run.exitCode == 1)
        #expect(
            run.errors.contains(
                "rpc error: code = Unavailable desc = authentication is disabled on server"))
        #expect(run.errors.hasSuffix("this server has no users: use it without login and --auth\n"))
        #expect(try await server.stop() == 0)
    }
}
