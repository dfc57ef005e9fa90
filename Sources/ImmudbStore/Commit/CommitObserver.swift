public import ImmudbModel

/// Observes what a database commits. Called on a thread of the database: it must not block.
public protocol CommitObserver: Sendable {
    /// Called when entries were made durable together, as ``Durability`` specifies.
    ///
    /// - Parameters:
    ///   - entryCount: the number of entries, of one append or of many.
    ///   - byteCount: the size of the keys and values, and of what is written around them.
    func committed(entryCount: Int, byteCount: Int)
    /// Called when the ledger was synchronized: one fdatasync.
    ///
    /// - Parameter duration: how long it took.
    func synchronized(in duration: Duration)
    /// Called when the appends of a group failed together.
    ///
    /// - Parameters:
    ///   - appendCount: how many appends.
    ///   - code: why; unless it is `outcomeUnknown`, certainly nothing of them is stored.
    func failed(appendCount: Int, _ code: StoreError.Code)
}

/// Appends that wait for the committer.
public struct WaitingWrites: Hashable, Sendable {
    public var appendCount: Int
    /// The memory that they take.
    public var byteCount: Int
}
