package import ImmudbClient

extension ImmudbClient.ServerHealth {
    /// - Throws: `ClientError` that states what the server cannot do.
    package func requireWhole() throws(ClientError) {
        guard !isWhole else { return }
        let problems = [
            writeProblem.map { "it takes no writes: \($0)" },
            readProblem.map { "it cannot look keys up: \($0)" },
        ].compactMap(\.self)
        throw ClientError(
            .refused,
            "Health check failed: the server is up, and "
                + (problems.isEmpty
                    ? "takes no writes or cannot look keys up. Its log says why"
                    : problems.joined(separator: "; ")))
    }
}
