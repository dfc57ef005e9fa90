public import MerkleTree

/// A tree that a client has reason to trust: its size and its root. Every later tree must begin with it.
public struct TrustedRoot: Hashable, Sendable, CustomStringConvertible {
    public let size: TreeSize
    public let root: Digest

    /// The tree of a server that was empty at first contact: every tree begins with it.
    public static let empty = TrustedRoot(size: TreeSize(0), root: .emptyTree)

    /// - Precondition: an empty tree has the root `Digest.emptyTree`.
    public init(size: TreeSize, root: Digest) {
        precondition(!size.isEmpty || root == .emptyTree, "an empty tree has only one root")
        self.size = size
        self.root = root
    }

    /// Makes a root from the form of the wire and of the root file: the last index, and the root's bytes, empty for an
    /// empty tree.
    ///
    /// - Throws: code `.malformedProof` if a root does not have exactly 32 bytes, or the index is not below 2^63.
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

    /// Parses ``text``.
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, let root = Digest(hex: parts[0]),
            let size = UInt64(parts[1]).flatMap(TreeSize.init(rawValue:)),
            "\(size.rawValue)" == parts[1], !size.isEmpty || root == .emptyTree
        else { return nil }
        self.init(size: size, root: root)
    }

    /// The root in hexadecimal and the size: `<64 digits>@<size>`, for people to keep.
    public var text: String { "\(root.hex)@\(size.rawValue)" }

    /// Returns the root to trust after `new` was verified to continue `base`: `new` if this is `base`, else this.
    ///
    /// - Throws: code `.consistencyFailed` if this and the new one are of one size but differ: the server showed two
    ///   histories.
    public func advanced(
        from base: TrustedRoot, to new: TrustedRoot
    ) throws(VerificationError) -> TrustedRoot {
        if let error = conflict(with: new) { throw error }
        return self == base && new.size > size ? new : self
    }

    /// Returns the evidence that two trees cannot be of one history: they are of one size and differ.
    ///
    /// - Returns: nil if they can be.
    package func conflict(with new: TrustedRoot) -> VerificationError? {
        guard new.size == size, new.root != root else { return nil }
        return VerificationError(
            .consistencyFailed, "the server showed two different trees of the same size",
            trustedRoot: root, trustedSize: size, newRoot: new.root, newSize: new.size)
    }

    public var description: String { "root \(root) of \(size) entries" }
}
