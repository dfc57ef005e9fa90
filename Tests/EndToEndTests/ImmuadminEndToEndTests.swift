import Foundation
import TestTools
import Testing

/// `immuadmin` against a running server.
@Suite("immuadmin", .serialized)
struct ImmuadminEndToEndTests {
    private let data = TemporaryFolder()
    private let home = TemporaryFolder()
    private let rule =
        "password must have between 8 and 32 letters, digits and special characters of which at least 1 "
        + "uppercase letter, 1 digit and 1 special character"

    private func start(_ arguments: [String] = ["--auth"]) async throws -> RunningServer {
        try await RunningServer(dir: data.file("db").path, arguments: arguments)
    }

    private func admin(
        _ server: RunningServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuadmin", ["-p", "\(server.port)"] + arguments, environment: ["HOME": home.path],
            directory: home.path, input: input)
    }

    private func client(
        _ server: RunningServer, _ arguments: [String], input: String = ""
    ) async throws -> FinishedProcess {
        try await FinishedProcess.run(
            "immuclient", ["-p", "\(server.port)"] + arguments, environment: ["HOME": home.path],
            directory: home.path, input: input)
    }

    /// Creates the administrator, and returns the password.
    private func firstLogin(_ server: RunningServer) async throws -> String {
        let first = try await admin(server, ["login", "immu"])
        #expect(first.exitCode == 0 && first.errors == "", "\(first.errors)")
        let password = try #require(first.output.firstMatch(of: /\npassword: (.{32})\n/)?.1)
        #expect(
            first.output == """
                ===============
                This looks like the very first admin login attempt, hence the following credentials have been \
                generated:
                ---
                username: immu
                password: \(password)
                ---
                IMPORTANT: This is the only time they are shown, so make sure you remember them.
                ===============

                """)
        #expect(!FileManager.default.fileExists(atPath: home.file("token_admin").path))
        return String(password)
    }

    @Test("serves an administrator from login to logout: users, dump, audit log")
    func day() async throws {
        let server = try await start()
        let status = try await admin(server, ["status"])
        #expect(status.output == "OK - server is reachable and responding to queries\n")
        for arguments in [["user", "create", "joe"], ["dump"], ["audit-log"]] {
            let stranger = try await admin(server, arguments)
            #expect(stranger.exitCode == 1 && stranger.errors == "please login first\n")
        }
        let password = try await firstLogin(server)
        let wrong = try await admin(server, ["login", "immu"], input: "Wr0ng-word\n")
        #expect(wrong.exitCode == 1 && wrong.errors.contains("invalid user or password"))
        let login = try await admin(server, ["l", "immu"], input: password + "\n")
        #expect(login.output == "logged in\n" && login.errors == "Password:\n", "\(login.errors)")
        let attributes = try FileManager.default.attributesOfItem(
            atPath: home.file("token_admin").path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)

        let created = try await admin(
            server, ["user", "create", "joe"], input: "Passw0rd!\nPassw0rd!\n")
        #expect(created.output == "NOTE: \(rule).\nUser joe created\n", "\(created.errors)")
        #expect(created.errors == "Choose a password for joe:\nConfirm password:\n")
        let again = try await admin(
            server, ["u", "create", "joe"], input: "Passw0rd!\nPassw0rd!\n")
        #expect(again.exitCode == 1 && again.errors.contains("username already exists"))

        #expect(try await client(server, ["login", "joe"], input: "Passw0rd!\n").exitCode == 0)
        #expect(try await client(server, ["-s", "set", "k", "v"]).exitCode == 0)
        let changed = try await admin(
            server, ["user", "change-password", "joe"],
            input: "Passw0rd!\nPassw1rd!\nPassw1rd!\n")
        #expect(changed.output == "NOTE: \(rule).\nPassword changed for user joe\n")
        #expect(changed.errors == "Old password:\nNew password:\nConfirm new password:\n")
        #expect(try await client(server, ["-s", "get", "k"]).exitCode == 1)

        let dump = try await admin(server, ["dump", "all.bkp"])
        #expect(
            dump.output == "SUCCESS: 1 key-value entries were backed-up to file all.bkp\n",
            "\(dump.errors)")
        #expect(try Data(contentsOf: home.file("all.bkp")).count > 4)

        let kept = try await admin(server, ["user", "delete", "joe"], input: "n\n")
        #expect(kept.exitCode == 1 && kept.errors.hasSuffix("Canceled\n"))
        let deleted = try await admin(server, ["user", "delete", "joe"], input: "y\n")
        #expect(deleted.output == "User joe has been deleted\n", "\(deleted.errors)")
        #expect(deleted.errors == "Are you sure you want to delete user joe? [y/N]: \n")
        let gone = try await admin(server, ["user", "delete", "joe"], input: "y\n")
        #expect(gone.exitCode == 4 && gone.errors.hasSuffix("\nthere is no user 'joe'\n"))

        let log = try await admin(server, ["audit-log", "--about", "joe", "--since", "1h"])
        let acts = log.output.split(separator: "\n").map { $0.split(separator: " ")[1...2] }
            .map { $0.joined(separator: " ") }
        #expect(
            acts.filter { !$0.hasPrefix("login") } == [
                "create-user joe", "create-user joe", "change-password joe", "delete-user joe",
                "delete-user joe",
            ], "\(log.output)")
        #expect(
            log.output.contains(
                /T\d\d:\d\d:\d\d\.\d+Z  create-user  joe  by immu  from 127\.0\.0\.1:\d+: done\n/))
        // Each login first asks whether the administrator exists. That question has no entry.
        let logins = try await admin(server, ["audit-log", "--action", "login"])
        #expect(logins.output.matches(of: /refused/).count == 1, "\(logins.output)")
        let newest = try await admin(
            server,
            ["audit-log", "--newest-first", "--limit", "1", "--action", "first-login", "--json"])
        #expect(newest.output.contains("\"action\":\"first-login\""), "\(newest.output)")
        #expect(newest.output.split(separator: "\n").count == 1)

        #expect(try await admin(server, ["logout"]).output == "logged out\n")
        #expect(!FileManager.default.fileExists(atPath: home.file("token_admin").path))
        #expect(try await admin(server, ["x"]).output == "logged out\n")
        #expect(try await server.stop() == 0)
        for secret in [password, "Passw0rd!", "Passw1rd!"] {
            #expect(!log.output.contains(secret) && !server.process.errors.contains(secret))
        }
    }

    @Test("reports a wrong password or answer, and changes nothing")
    func refusals() async throws {
        let server = try await start()
        let joe = try await admin(server, ["login", "joe"])
        #expect(joe.errors == "Permission denied: user joe has no admin rights\n")
        let password = try await firstLogin(server)
        _ = try await admin(server, ["login", "immu"], input: password + "\n")
        for (arguments, input, said) in [
            (["create", "joe"], "weak\n", "Password does not meet the requirements\n"),
            (["create", "joe"], "Passw0rd!\nPassw0rd?\n", "Passwords don't match\n"),
            (["create", "joe"], "Passw0rd!\n", "no password was given: the input ended"),
            (
                ["change-password", "immu"], "Wr0ng-word\nPassw0rd!\nPassw0rd!\n",
                "invalid user or password"
            ),
            (["change-password", "immu"], "\(password)\nweak\n", "\n\(rule)\n"),
            (
                ["change-password", "immu"], "\(password)\n\(password)\n\(password)\n",
                "New password is identical to the old one\n"
            ),
        ] {
            let run = try await admin(server, ["user"] + arguments, input: input)
            #expect(run.exitCode == 1, "\(arguments)")
            #expect(run.errors.contains(said), "\(run.errors)")
        }
        let changed = try await admin(
            server, ["user", "change-password", "immu"],
            input: "\(password)\nPassw0rd!\nPassw0rd!\n")
        #expect(changed.output.hasSuffix("Password changed for user immu\n"), "\(changed.errors)")
        #expect(
            changed.errors.hasSuffix(
                "warning: your token ended with the old password: log in again\n"))
        let ended = try await admin(server, ["user", "delete", "joe"], input: "y\n")
        #expect(ended.exitCode == 1 && ended.errors.hasSuffix("unauthenticated, please login\n"))
        #expect(try await server.stop() == 0)
    }

    @Test("resets the administrator's lost password in the folder of a stopped server")
    func reset() async throws {
        let server = try await start()
        let old = try await firstLogin(server)
        let reset = ["user", "reset-password", "immu", "--dir", data.file("db").path]
        let running = try await admin(server, reset)
        #expect(running.exitCode == 1 && running.errors.contains("immudbsys"), "\(running.errors)")
        #expect(try await server.stop() == 0)
        let run = try await admin(server, reset)
        let new = try #require(
            run.output.firstMatch(of: /\npassword: (.{32})\n/)?.1, "\(run.errors)")
        let other = try await admin(
            server, ["user", "reset-password", "joe", "--dir", data.file("db").path])
        #expect(other.exitCode == 1 && other.errors.contains("only the password of immu"))

        let second = try await start()
        #expect(try await admin(second, ["login", "immu"], input: old + "\n").exitCode == 1)
        let login = try await admin(second, ["login", "immu"], input: new + "\n")
        #expect(login.output == "logged in\n")
        #expect(try await second.stop() == 0)
    }

    @Test("creates certificates by mtls that server and clients accept")
    func mutualTLS() async throws {
        let made = try await FinishedProcess.run(
            "immuadmin", ["mtls", "init", "localhost"], environment: ["HOME": home.path],
            directory: home.path)
        #expect(made.exitCode == 0, "\(made.errors)")
        let folder = home.file("tools/mtls").path
        let server = try await start([
            "--mtls", "--certificate", folder + "/3_application/certs/localhost.cert.pem", "--pkey",
            folder + "/3_application/private/localhost.key.pem", "--clientcas",
            folder + "/2_intermediate/certs/ca-chain.cert.pem",
        ])
        #expect(try await admin(server, ["status"]).exitCode == 5)
        let status = try await admin(server, ["status", "-m"])
        #expect(status.output.hasPrefix("OK - "), "\(status.errors)")
        #expect(try await client(server, ["-m", "ping"]).exitCode == 0)
        let again = try await admin(server, ["mtls", "init", "localhost"])
        #expect(again.exitCode == 1 && again.errors.contains("nothing is overwritten"))
        #expect(try await server.stop() == 0)
    }

    @Test("logs the administrator in on the machine of a server without users")
    func withoutUsers() async throws {
        let server = try await start([])
        let password = try await firstLogin(server)
        _ = try await admin(server, ["login", "immu"], input: password + "\n")
        #expect(
            try await admin(server, ["user", "create", "joe"], input: "Passw0rd!\nPassw0rd!\n")
                .exitCode == 0)
        let changed = try await admin(
            server, ["user", "change-password", "joe"],
            input: "Passw0rd!\nPassw1rd!\nPassw1rd!\n")
        #expect(changed.exitCode == 0, "\(changed.errors)")
        #expect(try await server.stop() == 0)
        let silent = try await admin(server, ["status"])
        #expect(silent.exitCode == 5 && silent.output == "", "\(silent.errors)")
    }

    @Test("shows the first password on the standard error if the standard output takes nothing")
    func fullOutput() async throws {
        let server = try await start()
        let program = try RunningProcess.path(of: "immuadmin")
        let run = try await FinishedProcess.run(
            "/bin/sh",
            ["-c", "exec \"$0\" -p \(server.port) login immu > /dev/full", program],
            environment: ["HOME": home.path], directory: home.path)
        #expect(run.exitCode == 1)
        let password = try #require(
            run.errors.firstMatch(of: /\npassword: (.{32})\n/)?.1, "\(run.errors)")
        #expect(
            try await admin(server, ["login", "immu"], input: password + "\n").output
                == "logged in\n")
        #expect(try await server.stop() == 0)
    }

    @Test("hides a password at a terminal, and restores the terminal at Ctrl-C")
    func terminal() async throws {
        let server = try await start()
        let password = try await firstLogin(server)
        let login = try await PythonPeer.typing(
            [password + "\\r"], into: "immuadmin", ["-p", "\(server.port)", "login", "immu"],
            environment: ["HOME": home.path], directory: home.path)
        #expect(login.exitCode == 0, "\(login.errors)")
        #expect(login.output == "Password:\r\nlogged in\r\n")
        let ended = try await admin(server, ["logout"])
        #expect(ended.exitCode == 0)
        let interrupted = try await PythonPeer.typing(
            ["abc\\x03"], into: "immuadmin", ["-p", "\(server.port)", "login", "immu"],
            environment: ["HOME": home.path], directory: home.path)
        #expect(!interrupted.output.contains("abc") && !interrupted.output.contains("logged in"))
        #expect(try await server.stop() == 0)
    }

    @Test("ships a config file with every key and its default")
    func shippedFile() async throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../configs/immuadmin.toml.dist").standardizedFileURL
        func run(_ arguments: [String]) async throws -> FinishedProcess {
            try await FinishedProcess.run(
                "immuadmin", arguments, environment: ["HOME": home.path], directory: home.path)
        }
        let version = try await run(["version", "--config", file.path])
        #expect(version.exitCode == 0 && version.errors == "", "\(version.errors)")
        let text = try String(contentsOf: file, encoding: .utf8)
        let keys = text.matches(of: #/(?:^|\n)([a-z-]+) = /#).map { String($0.1) }
        let help = try await run(["help", "status", "--all"]).output
        let flags = help.matches(of: /--([a-z-]+)/).map { String($0.1) }
        #expect(Set(keys) == Set(flags).subtracting(["config", "help", "all"]))
    }
}
