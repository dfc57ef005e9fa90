/// The number of an entry in the ledger, and of its leaf in the tree, from 0.
public struct EntryIndex: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible
{
    public var rawValue: UInt64

    public init(_ rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static func < (left: EntryIndex, right: EntryIndex) -> Bool {
        left.rawValue < right.rawValue
    }

    public var description: String { String(rawValue) }
}
