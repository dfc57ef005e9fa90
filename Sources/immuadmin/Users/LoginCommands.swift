import ArgumentParser
import ClientKit
import ImmudbClient
import ImmudbProtocol
import ProgramKit
import RPCTransport
import Terminal

struct LoginCommand: AdminCommand {
    static let configuration = CommandConfiguration.command(
        "login", alias: "l", abstract: "Get a token as the administrator, and keep it.",
        discussion: """
            The first login of all makes the administrator, immu, and shows a password that nobody chose: once, so \
            keep it. Later ones ask for it, or read it as a line of stdin if that is no terminal. \
            The token is kept in the token file, which nobody else can read, and is good for an hour.
            """)
    private static let administrator = "immu"

    @Argument(help: "Name of the administrator: \(administrator).")
    var username: String

    func run(in context: AdminContext) async throws {
        guard username == Self.administrator else {
            throw ToolError(
                "Permission denied: user \(username) has no admin rights", code: "PermissionDenied")
        }
        let token = try await context.withServer { client -> String? in
            if let password = try await firstPassword(client) {
                try show(FirstLogin(user: username, password: password).report, context)
                return nil
            }
            let password = try Prompt.password("Password:")
            do {
                return try await client.login(user: username, password: password)
            } catch let error as ClientError {
                throw error.explainedForLogin
            }
        }
        guard let token else { return }
        try context.settings.tokenFile.write(token)
        try context.output.write(LineReport("logged in", json: ["loggedIn": .truth(true)]))
    }

    /// Shows the credentials; on the standard error if the standard output takes nothing: they are never shown again.
    private func show(_ credentials: LineReport, _ context: AdminContext) throws {
        do {
            try context.output.write(credentials)
        } catch {
            StandardError.write(credentials, context.output.format)
            throw error
        }
    }

    /// Asks for the administrator to be made.
    ///
    /// - Returns: nil if there is one, as of the second login.
    private func firstPassword(_ client: ImmudbClient) async throws(ClientError) -> String? {
        do {
            try await client.login(user: username, password: "")
            return nil
        } catch {
            guard error.status == .unknown, error.message.hasPrefix(ErrorText.firstAdminLogin)
            else {
                // What is wrong with the server itself is told before somebody types a password.
                if error.status == nil || error.status == .unavailable { throw error }
                return nil
            }
            return error.message.firstMatch(of: /\npassword: (\S+)\n/).map { String($0.1) }
        }
    }
}

/// The credentials that the first login has made.
private struct FirstLogin {
    let user: String
    let password: String

    var report: LineReport {
        LineReport(
            """
            ===============
            This looks like the very first admin login attempt, hence the following credentials have been \
            generated:
            ---
            username: \(user)
            password: \(password)
            ---
            IMPORTANT: This is the only time they are shown, so make sure you remember them.
            ===============
            """,
            json: ["username": .text(user), "password": .text(password)])
    }
}

struct LogoutCommand: AdminCommand {
    static let configuration = CommandConfiguration.command(
        "logout", alias: "x", abstract: "Remove the token that a login has left.",
        discussion: "The server is not asked; the token itself ends an hour after the login.")

    func run(in context: AdminContext) async throws {
        try context.settings.tokenFile.remove()
        try context.output.write(LineReport("logged out", json: ["loggedIn": .truth(false)]))
    }
}
