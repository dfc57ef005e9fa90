public import ImmudbModel

/// Learns what a database commits. Called on a thread of the database: it must not block.
public protocol CommitObserver: Sendable {
    /// Entries were made durable together, as durable as ``Durability`` asks for.
    ///
    /// - Parameters:
    ///   - entryCount: how many.
    ///   - byteCount: of the keys and values, and what is written around them.
    func committed(entryCount: Int, byteCount: Int)
    /// The ledger was synchronized: one fdatasync.
    func synchronized(in duration: Duration)
    /// Appends of a group failed together: certainly nothing of them is stored, unless the code is `outcomeUnknown`.
    func failed(appendCount: Int, _ code: StoreError.Code)
}

/// Appends that wait for the committer.
public struct WaitingWrites: Hashable, Sendable {
    public var appendCount: Int
    /// Memory that they take.
    public var byteCount: Int
}
