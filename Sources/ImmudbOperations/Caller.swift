/// Who an operation is done for. Asked from any thread; must not block.
public protocol Caller: Sendable {
    /// Whether nobody waits for the result any more.
    var hasGone: Bool { get }
    /// Whose turn it is before the committer, where writes of many wait: callers with the same number share
    /// their turns. From 0; small numbers.
    var lane: Int { get }
}

extension Caller {
    /// - Throws: `callerHasGone`: work for nobody ends here.
    func requirePresence() throws(OperationError) {
        if hasGone { throw .callerHasGone }
    }
}
