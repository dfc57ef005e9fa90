public import MerkleTree
public import StorageIO

/// The result of a check of a database's files.
public struct VerificationReport: Sendable {
    /// The folder of the database.
    public let path: String
    /// The identity in its files; nil if none of them shows it.
    public let identity: DatabaseIdentity?
    /// The number of entries of the ledger, the damaged ones included.
    public let size: TreeSize
    /// The root over them.
    public let root: Digest
    /// The first problems, in the order of the ledger, then those of the views.
    public let problems: [VerificationProblem]
    /// The number of all problems.
    public let problemCount: UInt64
    /// What is worth knowing and not wrong, such as the torn end of a write that a crash has left.
    public let notes: [String]
    /// The bytes that were read.
    public let byteCount: UInt64
    public let duration: Duration
    /// The segments that a repair has to replace.
    let damagedSegments: Set<UInt32>
    /// Whether segments that look whole have to be compared with another copy, too.
    let hasUnexplainedRoot: Bool
    /// Whether the ledger disagrees with the expected root, or with a tree that is consistent in itself.
    let isOtherHistory: Bool
    /// Whether the tree's files are consistent in themselves, and state another history than the ledger.
    let hasOtherTree: Bool

    /// The index after the last entry of the ledger that leads to a root and has another leaf in the tree.
    let otherLeafEnd: UInt64
    /// Whether the ledger has any segment.
    let hasSegments: Bool

    /// Whether no problem was found.
    public var isWhole: Bool { problemCount == 0 }

    public var bytesPerSecond: Double {
        let seconds = duration / .seconds(1)
        return seconds > 0 ? Double(byteCount) / seconds : 0
    }
}
