package import ImmudbClient

extension ImmudbClient {
    /// Runs `body` with this client, and closes the client afterwards.
    package func closedAfter<Result: Sendable>(
        _ body: (ImmudbClient) async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await body(self)
            await close()
            return result
        } catch {
            await close()
            throw error
        }
    }
}
