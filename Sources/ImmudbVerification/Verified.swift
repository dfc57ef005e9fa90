public import ImmudbModel

/// A value that was verified: that the server has it in its ledger, under a root that continues all
/// that was trusted before.
///
/// Only verification can make one. What it does not say: that the value is the newest of its key.
/// The wire of immudb 0.6 has no proof for that; a server can answer with an older entry of the
/// same key.
public struct Verified<Value: Sendable>: Sendable {
    public let value: Value
    /// The tree in which it was verified.
    public let root: TrustedRoot
    /// The entry of the reference by which it was found, verified too: its key is the one that was
    /// asked for, its value the key of `value`. Nil if the value's own key was asked for.
    ///
    /// What it does not say: that the entry is a reference. The leaf does not contain an entry's
    /// kind, so a server can pass a plain entry whose value is another key off as a reference to
    /// that key.
    public let reference: Entry?

    init(value: Value, root: TrustedRoot, reference: Entry? = nil) {
        self.value = value
        self.root = root
        self.reference = reference
    }
}

extension Verified: CustomStringConvertible {
    /// The value, the name of a reference by which it was found, and the size of the tree in which it was verified.
    public var description: String {
        let name =
            reference.map { ", found by the name \(Entry.shown($0.key)) of entry \($0.index)" }
            ?? ""
        return "\(value)\(name), verified in a tree of \(root.size) entries"
    }
}

extension Verified: Equatable where Value: Equatable {}
extension Verified: Hashable where Value: Hashable {}
