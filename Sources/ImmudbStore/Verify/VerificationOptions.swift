public import ImmudbModel
import Ledger
import MerkleTree
public import StorageIO

/// How a database is checked: see ``Database/verify(at:options:)``.
public struct VerificationOptions: Sendable {
    /// A root that the history must have over its first entries, from a place that an attacker of the folder cannot
    /// change: a client, an auditor, a receipt.
    public var expectedRoot: TrustedRoot?
    /// The most bytes that are read in a second; nil for no limit.
    public var bytesPerSecond: UInt64?
    /// Stops the check.
    public var cancellation: Cancellation?
    /// Called while the check reads, on its thread or one of the key index, with the bytes that were read and about how
    /// many there are to read.
    public var progress: @Sendable (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
    /// The state from which to go on; nil: from the beginning. A state that does not fit the folder, or the expected
    /// root, is not used.
    public var resumed: VerificationState?
    /// Called after each segment but the newest with a state from which a later check can go on.
    public var onState: @Sendable (VerificationState) -> Void = { _ in }
    /// For tests: the file system below.
    public var fileSystem: any FileSystem = POSIXFileSystem()
    /// For tests: about how long a repair makes segments that are missing.
    var segmentByteCount = Ledger.Options().segmentByteCount
    /// For tests: waits that keep the rate.
    var sleep: @Sendable (Duration) -> Void = InspectionFileSystem.sleep

    public init() {}
}
