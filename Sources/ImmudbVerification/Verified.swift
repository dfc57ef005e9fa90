public import ImmudbModel

/// A value that was verified to be in the server's ledger, under a root that continues everything that was trusted
/// before.
///
/// Only verification can make one. It does not say that the value is the newest of its key. The wire of immudb 0.6 has
/// no proof for that; a server can answer with an older entry of the same key.
public struct Verified<Value: Sendable>: Sendable {
    public let value: Value
    /// The tree in which the value was verified.
    public let root: TrustedRoot
    /// The entry of the reference by which the value was found, verified, too: its key is the requested key, its value
    /// the key of `value`. Nil if the value's own key was requested.
    ///
    /// It does not prove that the entry is a reference. The leaf does not contain an entry's kind, so a server can
    /// present a plain entry whose value is another key as a reference to that key.
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
