import ImmudbModel

/// The result of a repair: see ``Database/repair(at:from:options:)``.
public struct RepairReport: Sendable {
    /// A segment that was written again.
    public struct Replacement: Hashable, Codable, Sendable {
        /// The path of the segment.
        public let segment: String
        /// The entries that came from the other copy.
        public let entries: [Range<UInt64>]
        /// What proves the entries that came from the other copy.
        public let proof: Proof

        public var entryCount: UInt64 { entries.reduce(0) { $0 + UInt64($1.count) } }
    }

    public enum Proof: String, Codable, Sendable {
        /// A later root of the ledger, which was not replaced.
        case root
        /// The leaves in the tree file: nothing of the ledger is left behind these entries.
        case leaves
        /// The root that the caller knows.
        case expectedRoot
    }

    /// What was found before.
    public let before: VerificationReport
    /// What was found after the repair, before the views are rebuilt; the same as before if nothing was replaced.
    public let after: VerificationReport
    public let replacements: [Replacement]
    /// Why segments could not be repaired.
    public let failures: [String]
    /// The views that the next start makes again from the ledger.
    public let discardedViews: [String]

    /// Whether the ledger is whole now, and has the expected root.
    public var isRepaired: Bool {
        after.damagedSegments.isEmpty && failures.isEmpty && !after.isOtherHistory
    }
}
