import ArgumentParser
import ImmudbClient
import ProgramKit

/// One command of `immuclient`.
protocol ImmuclientCommand: ParsableCommand, Sendable {
    /// Whether it prints entries, so that `--value-only` means something.
    static var printsEntries: Bool { get }
    /// What it prints is for another program to read, however it is run.
    static var printsScript: Bool { get }

    /// Reads what the command needs besides its words, such as a value from a pipe. May block.
    mutating func prepare(_ input: StandardInput) throws
    func run(in context: CommandContext) async throws
}

extension ImmuclientCommand {
    static var name: String { configuration.commandName ?? "" }
    static var aliases: [String] { configuration.aliases }
    static var abstract: String { configuration.abstract }

    static var printsEntries: Bool { false }
    static var printsScript: Bool { false }
    mutating func prepare(_ input: StandardInput) throws {}
}

/// What a command works with.
struct CommandContext: Sendable {
    let settings: ClientSettings
    /// For the shell, whose lines may change some.
    let sources: SettingsSources
    let output: Output
    let session: Session

    var client: ImmudbClient {
        get async throws { try await session.client(settings) }
    }
}

/// The connection that the commands of one run share. It is made when the first one needs it.
actor Session {
    private var current: ImmudbClient?

    /// - Throws: `ToolError` if calls are to carry a token and there is none.
    func client(_ settings: ClientSettings) async throws -> ImmudbClient {
        if let current { return current }
        var token: String?
        if settings.isAuthenticated {
            token = try TokenFile(settings.tokenFile).read()
            guard token != nil else {
                throw ToolError("please login first", code: "NotLoggedIn")
            }
        }
        let client = try await Self.connect(settings, token: token)
        current = client
        return client
    }

    /// A connection of its own, without a token: for a login.
    nonisolated func withoutToken<Result: Sendable>(
        _ settings: ClientSettings, _ body: (ImmudbClient) async throws -> Result
    ) async throws -> Result {
        let client = try await Self.connect(settings, token: nil)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    /// The next command connects again.
    func close() async {
        await current?.close()
        current = nil
    }

    private static func connect(
        _ settings: ClientSettings, token: String?
    ) async throws -> ImmudbClient {
        var configuration = ImmudbClient.Configuration(
            host: settings.address.host, port: settings.address.port, token: token)
        configuration.evidenceDirectory = settings.evidenceDirectory
        configuration.callTimeoutMilliseconds = settings.timeoutSeconds * 1_000
        configuration.maxReceiveMessageByteCount = settings.maxAnswerByteCount
        let contact = FirstContact(settings)
        let client = try await ImmudbClient.connect(
            configuration, trustedRoots: RootFolderStore(folders: settings.rootFolders),
            firstContact: contact.policy, expecting: settings.server)
        do {
            try contact.requireKnown(client.identity, isNamed: settings.server != nil)
        } catch {
            await client.close()
            throw error
        }
        return client
    }
}

extension CommandConfiguration {
    static func immuclient(
        _ name: String, alias: String? = nil, abstract: String, discussion: String = ""
    ) -> CommandConfiguration {
        CommandConfiguration(
            commandName: name, abstract: abstract, discussion: discussion,
            aliases: alias.map { [$0] } ?? [])
    }
}
