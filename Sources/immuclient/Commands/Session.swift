import ClientKit
import ImmudbClient
import ProgramKit

/// The connection that the commands of one run share. It is made when a command first needs it.
actor Session {
    private var current: ImmudbClient?

    /// - Throws: `ToolError` if `--auth` is given and the token file does not exist.
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

    /// Runs `body` on a separate connection without a token: for a login.
    nonisolated func withoutToken<Result: Sendable>(
        _ settings: ClientSettings, _ body: (ImmudbClient) async throws -> Result
    ) async throws -> Result {
        let client = try await Self.connect(settings, token: nil)
        return try await client.closedAfter(body)
    }

    /// Closes the connection. The next command connects again.
    func close() async {
        await current?.close()
        current = nil
    }

    private static func connect(
        _ settings: ClientSettings, token: String?
    ) async throws -> ImmudbClient {
        var configuration = settings.connection.configuration(token: token)
        configuration.evidenceDirectory = settings.evidenceDirectory
        configuration.signingKey = settings.signingKey
        configuration.maxReceiveMessageByteCount = settings.maxAnswerByteCount
        let contact = FirstContactDialog(settings)
        do {
            return try await ImmudbClient.connect(
                configuration, trustedRoots: RootFolderStore(folders: settings.rootFolders),
                firstContact: contact.policy, expecting: settings.server)
        } catch let error as ClientError {
            throw contact.explained(error)
        }
    }
}
