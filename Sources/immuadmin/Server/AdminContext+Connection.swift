import ClientKit
import ImmudbClient
import ProgramKit

extension AdminContext {
    /// Runs `body` with a connection that carries the administrator's token, which is closed then.
    ///
    /// - Throws: `ToolError` if nobody has logged in.
    func withAdministrator<Result: Sendable>(
        _ body: (ImmudbClient) async throws -> Result
    ) async throws -> Result {
        guard let token = try settings.tokenFile.read() else {
            throw ToolError("please login first", code: "NotLoggedIn")
        }
        return try await withServer(token: token, body)
    }

    /// Runs `body` with a connection, which is closed then.
    ///
    /// - Parameter marked: as one of this tool, to which servers have rules of their own.
    func withServer<Result: Sendable>(
        token: String? = nil, marked: Bool = true,
        _ body: (ImmudbClient) async throws -> Result
    ) async throws -> Result {
        var configuration = settings.connection.configuration(token: token)
        configuration.isForAdministration = marked
        // Nothing here is verified: an administrator of the server could forge it anyway.
        let client = try await ImmudbClient.connect(
            configuration, trustedRoots: InMemoryTrustedRootStore(), firstContact: .trustOnFirstUse)
        return try await client.closedAfter(body)
    }
}
