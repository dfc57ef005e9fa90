public import Foundation

/// Evidence that a server's answer does not follow from the trusted state.
///
/// Never retry such a call, and never ignore the error: the trusted root stays as it was. Two errors are equal when
/// their codes are; the message is for a person.
public struct VerificationError: LocalizedError, Equatable, Sendable, CustomStringConvertible {
    public enum Code: String, Sendable, CaseIterable {
        /// The leaf of the received entry differs from the leaf in the proof.
        case leafMismatch
        /// The entry is in the tree, but has another key than the requested one.
        case wrongKey
        /// The proof is about another index than that of the entry or the request.
        case wrongIndex
        /// The new tree is smaller than the trusted one.
        case treeShrank
        /// The proof does not have the form that index and sizes require: digests of a wrong length, too few, or too
        /// many.
        case malformedProof
        /// The path does not lead from the leaf to the root: the entry is not in this tree at this
        /// index.
        case inclusionFailed
        /// The new tree does not begin with the trusted one: history was changed.
        case consistencyFailed
        /// A receipt's root is not in the server's history, which continues the trusted one: the receipt is wrong, not
        /// the server.
        case receiptRefuted
        /// The root that the server shows is not signed with the key that is pinned.
        case signatureInvalid
    }

    public var code: Code
    public var message: String
    /// The trusted root, and the size of its tree; they are still trusted.
    public var trustedRoot: Digest?
    public var trustedSize: TreeSize?
    /// The root, and the size of its tree, that the server claims; not to be trusted.
    public var newRoot: Digest?
    public var newSize: TreeSize?
    /// The index of the entry.
    public var index: EntryIndex?
    /// The nodes of the failed proof, lowest first; empty if the failure came before that.
    public var path: [Digest]
    /// Whether the server refused the call because its tree has fewer entries than the trusted one: it claims to have
    /// stored nothing. After every other error of a verified write it has probably stored the entry.
    public package(set) var isRefusal = false
    /// The file with the evidence, if one was written: set by code that catches this error and throws it again, as
    /// ImmudbClient does with a directory for evidence. Not read here.
    public var evidenceFile: String?

    public init(
        _ code: Code, _ message: String, trustedRoot: Digest? = nil, trustedSize: TreeSize? = nil,
        newRoot: Digest? = nil, newSize: TreeSize? = nil, index: EntryIndex? = nil,
        path: [Digest] = []
    ) {
        self.code = code
        self.message = message
        self.trustedRoot = trustedRoot
        self.trustedSize = trustedSize
        self.newRoot = newRoot
        self.newSize = newSize
        self.index = index
        self.path = path
    }

    public var description: String {
        var parts = ["verification failed: \(message)"]
        if let index { parts.append("entry \(index)") }
        parts += Self.describe("trusted", trustedRoot, trustedSize)
        parts += Self.describe("new", newRoot, newSize)
        if !path.isEmpty { parts.append("path of \(path.count) nodes") }
        if let evidenceFile { parts.append("evidence in \(evidenceFile)") }
        return parts.joined(separator: ", ")
    }

    /// The same as ``description``, which `localizedDescription` then is, too.
    public var errorDescription: String? { description }

    private static func describe(_ name: String, _ root: Digest?, _ size: TreeSize?) -> [String] {
        var parts: [String] = []
        if let root { parts.append("\(name) root \(root)") }
        if let size { parts.append("\(name) tree size \(size)") }
        return parts
    }

    public static func == (left: VerificationError, right: VerificationError) -> Bool {
        left.code == right.code
    }
}

extension Digest {
    /// Makes a digest of received bytes.
    ///
    /// - Parameters:
    ///   - bytes: the received bytes.
    ///   - name: the name of the digest, for the message.
    /// - Throws: code `.malformedProof` if there are not exactly 32 bytes: they are neither cut nor padded.
    public init(received bytes: some Collection<UInt8>, as name: String) throws(VerificationError) {
        guard let digest = Digest(bytes) else {
            throw VerificationError(
                .malformedProof, "\(name) has \(bytes.count) bytes instead of \(Self.byteCount)")
        }
        self = digest
    }

    /// Makes the nodes of a received proof, in order.
    ///
    /// - Throws: code `.malformedProof` if one does not have exactly 32 bytes.
    public static func path(
        received nodes: some Sequence<some Collection<UInt8>>
    ) throws(VerificationError) -> [Digest] {
        var path: [Digest] = []
        for node in nodes {
            path.append(try Digest(received: node, as: "node \(path.count) of a path"))
        }
        return path
    }

    // The same for arrays, which the wire delivers: without the cost of generic code that other modules
    // cannot specialize.

    public init(
        received bytes: [UInt8], as name: @autoclosure () -> String
    ) throws(VerificationError) {
        guard bytes.count == Self.byteCount else {
            throw VerificationError(
                .malformedProof, "\(name()) has \(bytes.count) bytes instead of \(Self.byteCount)")
        }
        self = bytes.withUnsafeBytes { Digest(loadingFrom: $0.baseAddress!) }
    }

    public static func path(received nodes: [[UInt8]]) throws(VerificationError) -> [Digest] {
        var path: [Digest] = []
        path.reserveCapacity(nodes.count)
        for node in nodes {
            path.append(try Digest(received: node, as: "node \(path.count) of a path"))
        }
        return path
    }
}
