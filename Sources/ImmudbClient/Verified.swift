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

    init(value: Value, root: TrustedRoot) {
        self.value = value
        self.root = root
    }
}

extension Verified: Equatable where Value: Equatable {}
extension Verified: Hashable where Value: Hashable {}
