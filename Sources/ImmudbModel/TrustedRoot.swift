public import MerkleTree

/// A tree that a client has reason to trust: its size and its root. Whatever comes later must begin
/// with it.
public struct TrustedRoot: Hashable, Sendable, CustomStringConvertible {
    public let size: TreeSize
    public let root: Digest

    /// The server was empty at first contact: every tree begins with it.
    public static let empty = TrustedRoot(size: TreeSize(0), root: .emptyTree)

    /// - Precondition: an empty tree has the root `Digest.emptyTree`.
    public init(size: TreeSize, root: Digest) {
        precondition(!size.isEmpty || root == .emptyTree, "an empty tree has one root only")
        self.size = size
        self.root = root
    }

    /// From the form of the wire and of the root file: the last index, and the root's bytes, none
    /// for an empty tree.
    ///
    /// - Throws: code `.malformedProof` if a root has not exactly 32 bytes, or the index is not
    ///   below 2^63.
    public init(lastIndex: UInt64, rootBytes: some Collection<UInt8>) throws(VerificationError) {
        if rootBytes.isEmpty, lastIndex == 0 {
            self = .empty
            return
        }
        guard let size = TreeSize(endingAt: lastIndex) else {
            throw VerificationError(.malformedProof, "no tree ends at index \(lastIndex)")
        }
        self.init(size: size, root: try Digest(received: rootBytes, as: "the root"))
    }

    /// From ``text``.
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, let root = Digest(hex: parts[0]),
            let size = UInt64(parts[1]).flatMap(TreeSize.init(rawValue:)),
            "\(size.rawValue)" == parts[1], !size.isEmpty || root == .emptyTree
        else { return nil }
        self.init(size: size, root: root)
    }

    /// The root in hexadecimal and the size: `<64 digits>@<size>`, for a person to keep.
    public var text: String { "\(root.hex)@\(size.rawValue)" }

    /// What is trusted after a root was verified to continue another: the new one if this is that
    /// other one, else this.
    ///
    /// - Throws: code `.consistencyFailed` if this and the new one are of one size but differ: the
    ///   server showed two histories.
    public func advanced(
        from base: TrustedRoot, to new: TrustedRoot
    ) throws(VerificationError) -> TrustedRoot {
        if let error = conflict(with: new) { throw error }
        return self == base && new.size > size ? new : self
    }

    /// The evidence that two trees cannot be of one history: they are of one size and differ.
    ///
    /// - Returns: nil if they may be.
    package func conflict(with new: TrustedRoot) -> VerificationError? {
        guard new.size == size, new.root != root else { return nil }
        return VerificationError(
            .consistencyFailed, "the server showed two different trees of the same size",
            trustedRoot: root, trustedSize: size, newRoot: new.root, newSize: new.size)
    }

    public var description: String { "root \(root) of \(size) entries" }
}
