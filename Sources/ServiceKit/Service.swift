/// A service of a program, before its start.
public protocol Service: Sendable {
    /// The text that a service manager shows during the start, such as "Opens the database".
    var startingStatus: String { get }
    /// Whether the service reads files again at SIGHUP, such as certificates.
    var rereadsFiles: Bool { get }

    /// Starts the service, and returns when it serves.
    ///
    /// - Throws: the reason of a failure, or `StartCancelled`; nothing stays open then.
    func start(log: ServerLog) async throws -> any RunningService
    /// Cancels the start, which then throws `StartCancelled` unless it has ended. Can be called from any thread.
    func cancelStart()
}

/// A running service.
public protocol RunningService: Sendable {
    /// The text that a service manager shows, with the address.
    var status: String { get }

    /// Reads the service's files again. If a file cannot be used, logs that and changes nothing.
    /// Blocks.
    func reload()
    /// Refuses new calls, waits for running ones, and cuts off those that remain at the deadline.
    ///
    /// - Returns: false if something could not be closed properly; the log says why.
    func stop(deadline: Duration) async -> Bool
}

/// The error of a start that a signal has cancelled, which is not a failure.
public struct StartCancelled: Error, Hashable {
    public let message: String

    public init(_ message: String) { self.message = message }
}
