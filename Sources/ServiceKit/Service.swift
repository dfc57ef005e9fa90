/// What a program serves, before it does.
public protocol Service: Sendable {
    /// What a service manager shows until it serves, such as "Opens the database".
    var startingStatus: String { get }
    /// Whether there are files that it reads again at SIGHUP, such as certificates.
    var rereadsFiles: Bool { get }

    /// Starts, and returns when it serves.
    ///
    /// - Throws: why it does not serve, or `StartCancelled`; nothing stays open then.
    func start(log: ServerLog) async throws -> any RunningService
    /// Stops a start, which throws `StartCancelled` then if it has not ended. Called from any thread.
    func cancelStart()
}

/// A service that serves.
public protocol RunningService: Sendable {
    /// What a service manager shows meanwhile: where it serves.
    var status: String { get }

    /// Reads its files again. A file that cannot be used is logged, and all stays as it was. Blocks.
    func reload()
    /// Lets no new call in, waits for those that run, and cuts what is left at the deadline.
    ///
    /// - Returns: false if something could not be closed in order; the log says why.
    func stop(deadline: Duration) async -> Bool
}

/// A start that a signal has stopped, on purpose: no failure.
public struct StartCancelled: Error, Hashable {
    public let message: String

    public init(_ message: String) { self.message = message }
}
