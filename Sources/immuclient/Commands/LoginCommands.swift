import ArgumentParser
import ClientKit
import ImmudbClient
import ProgramKit
import Terminal

struct LoginCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "login", alias: "l", abstract: "Get a token for a user, and keep it.",
        discussion: """
            The password is asked for, or read as a line of stdin if that is no terminal. The \
            token is kept in the token file, which nobody else can read; --auth sends it.
            """)
    static let usesTokenFile = true

    @Argument(help: "Name of the user.")
    var username: String
    /// Empty until `prepare`.
    private var password = ""

    private enum CodingKeys: CodingKey { case username }

    mutating func prepare(_ input: StandardInput) throws {
        password = try Prompt.password("Password:")
    }

    func run(in context: CommandContext) async throws {
        let token = try await context.session.withoutToken(context.settings) { client in
            do {
                return try await client.login(user: username, password: password)
            } catch let error as ClientError {
                throw error.explainedForLogin
            }
        }
        try TokenFile(context.settings.tokenFile).write(token)
        // The next command of a shell must carry the new token.
        await context.session.close()
        try context.output.write(LineReport("logged in", json: ["loggedIn": .truth(true)]))
    }
}

struct LogoutCommand: ImmuclientCommand {
    static let configuration = CommandConfiguration.command(
        "logout", alias: "x", abstract: "Remove the token that a login has left.")
    static let usesTokenFile = true

    func run(in context: CommandContext) async throws {
        try TokenFile(context.settings.tokenFile).remove()
        await context.session.close()
        try context.output.write(LineReport("logged out", json: ["loggedIn": .truth(false)]))
    }
}
