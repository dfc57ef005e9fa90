/// The client for whom an operation runs. Called on any thread; must not block.
public protocol Caller: Sendable {
    /// Whether the caller no longer waits for the result.
    var hasGone: Bool { get }
    /// The number of the caller's lane before the committer, where writes of many callers wait.
    /// Callers with the same number share their turns. Small numbers, from 0.
    var lane: Int { get }
}

extension Caller {
    /// - Throws: `callerHasGone` if the caller no longer waits, which ends the operation.
    func requirePresence() throws(OperationError) {
        if hasGone { throw .callerHasGone }
    }
}
